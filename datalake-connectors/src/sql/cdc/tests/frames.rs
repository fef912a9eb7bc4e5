//! Frames as a server writes them.

use bytes::Bytes;

/// Microseconds since 2000 at 2024-05-06T07:08:09.000010Z.
pub(super) const TIME: i64 = 768_294_489_000_010;

pub(super) fn frame(lsn: u64, message: &[u8]) -> Bytes {
    let mut frame = vec![b'd'];
    frame.extend(u32::try_from(4 + 25 + message.len()).unwrap().to_be_bytes());
    frame.push(b'w');
    frame.extend(lsn.to_be_bytes());
    frame.extend(lsn.to_be_bytes());
    frame.extend(TIME.to_be_bytes());
    frame.extend(message);
    frame.into()
}

pub(super) fn begin(commit: u64, xid: u32) -> Vec<u8> {
    [b"B", &commit.to_be_bytes()[..], &TIME.to_be_bytes(), &xid.to_be_bytes()].concat()
}

pub(super) fn commit(commit: u64, end: u64) -> Vec<u8> {
    [b"C\0", &commit.to_be_bytes()[..], &end.to_be_bytes(), &TIME.to_be_bytes()].concat()
}

/// A table of `public`, with the name, type and part in the key of each column.
pub(super) fn relation(id: u32, table: &str, identity: u8, columns: &[(&str, u32, bool)]) -> Vec<u8> {
    let mut message = [b"R", &id.to_be_bytes()[..], b"public\0", table.as_bytes(), &[0, identity]].concat();
    message.extend(u16::try_from(columns.len()).unwrap().to_be_bytes());
    for (name, oid, key) in columns {
        message.push(u8::from(*key));
        message.extend(name.as_bytes());
        message.push(0);
        message.extend(oid.to_be_bytes());
        message.extend((-1_i32).to_be_bytes());
    }
    message
}

/// A row: text, `None` for null, `"\0"` for what did not change.
pub(super) fn row(values: &[Option<&str>]) -> Vec<u8> {
    let mut row = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
    for value in values {
        match value {
            None => row.push(b'n'),
            Some("\0") => row.push(b'u'),
            Some(text) => {
                row.push(b't');
                row.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
                row.extend(text.as_bytes());
            }
        }
    }
    row
}

pub(super) fn insert(id: u32, values: &[Option<&str>]) -> Vec<u8> {
    [b"I", &id.to_be_bytes()[..], b"N", &row(values)].concat()
}

pub(super) fn update(id: u32, old: Option<(u8, &[Option<&str>])>, new: &[Option<&str>]) -> Vec<u8> {
    let old = old.map(|(kind, values)| [&[kind][..], &row(values)].concat()).unwrap_or_default();
    [b"U", &id.to_be_bytes()[..], &old, b"N", &row(new)].concat()
}

pub(super) fn delete(id: u32, kind: u8, values: &[Option<&str>]) -> Vec<u8> {
    [b"D", &id.to_be_bytes()[..], &[kind], &row(values)].concat()
}

pub(super) fn truncate(ids: &[u32], options: u8) -> Vec<u8> {
    let count = u32::try_from(ids.len()).unwrap().to_be_bytes();
    let ids: Vec<u8> = ids.iter().flat_map(|id| id.to_be_bytes()).collect();
    [b"T", &count[..], &[options], &ids].concat()
}
