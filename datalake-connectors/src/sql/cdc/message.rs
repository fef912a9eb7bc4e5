//! Messages of `pgoutput`, version 1, as they lie in the bytes.

use std::ops::Range;

use super::lsn::Lsn;

/// Why a message cannot be read.
pub(super) type Broken = &'static str;

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    Begin(Begin),
    Commit(Commit),
    Relation(Relation<'a>),
    Insert {
        relation: u32,
        new: Tuple<'a>,
    },
    Update {
        relation: u32,
        old: Option<Old<'a>>,
        new: Tuple<'a>,
    },
    Delete {
        relation: u32,
        old: Old<'a>,
    },
    Truncate {
        relations: Vec<u32>,
        options: u8,
    },
    /// A type, an origin, or a message written by hand: nothing changes a row.
    Other,
}

/// The start of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begin {
    /// Where its commit is.
    pub(super) commit: Lsn,
    /// When it was committed, microseconds since 2000.
    pub(super) time: i64,
    pub(super) xid: u32,
}

/// The end of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Commit {
    /// Where its commit is.
    pub(super) commit: Lsn,
    /// Where what follows it begins.
    pub(super) end: Lsn,
}

/// What a table is like.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Relation<'a> {
    pub(super) id: u32,
    pub(super) schema: &'a str,
    pub(super) table: &'a str,
    /// The replica identity: `d`, `n`, `f` or `i`.
    pub(super) identity: u8,
    pub(super) columns: Vec<Column<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Column<'a> {
    pub(super) name: &'a str,
    /// Whether it belongs to the replica identity.
    pub(super) key: bool,
    pub(super) oid: u32,
    pub(super) modifier: i32,
}

/// What a row was before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Old<'a> {
    /// The columns of the replica identity; the others are null.
    Key(Tuple<'a>),
    /// The whole row.
    Row(Tuple<'a>),
}

/// The values of a row, one for each column.
pub(super) type Tuple<'a> = Vec<Value<'a>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Null,
    /// A long value that did not change and was not sent.
    Unchanged,
    Text(&'a str),
}

/// What a message does, by its first byte, without a look at the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Begin,
    Commit,
    Relation,
    Change,
    Other,
}

impl Kind {
    pub(super) fn of(message: &[u8]) -> Self {
        match message.first() {
            Some(b'B') => Self::Begin,
            Some(b'C') => Self::Commit,
            Some(b'R') => Self::Relation,
            Some(b'Y' | b'O' | b'M') => Self::Other,
            // What is not known is kept, and becomes a record that cannot be read.
            _ => Self::Change,
        }
    }
}

/// The relations that a change names.
pub(super) fn relations(message: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let ids: Range<usize> = match message.first() {
        Some(b'I' | b'U' | b'D') => 1..5,
        Some(b'T') => 6..message.len(),
        _ => 0..0,
    };
    message.get(ids).unwrap_or_default().as_chunks().0.iter().map(|id| u32::from_be_bytes(*id))
}

impl<'a> Message<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Broken> {
        let mut read = Reader(bytes);
        let message = match read.byte()? {
            b'B' => Self::Begin(Begin { commit: read.lsn()?, time: read.i64()?, xid: read.u32()? }),
            b'C' => {
                read.byte()?;
                let commit = Commit { commit: read.lsn()?, end: read.lsn()? };
                read.i64()?;
                Self::Commit(commit)
            }
            b'R' => Self::Relation(read.relation()?),
            b'I' => Self::Insert { relation: read.u32()?, new: read.new_tuple()? },
            b'U' => {
                let relation = read.u32()?;
                let old = match read.0.first() {
                    Some(b'K' | b'O') => Some(read.old()?),
                    _ => None,
                };
                Self::Update { relation, old, new: read.new_tuple()? }
            }
            b'D' => Self::Delete { relation: read.u32()?, old: read.old()? },
            b'T' => {
                let count = read.u32()?;
                let options = read.byte()?;
                if read.0.len() as u64 != u64::from(count) * 4 {
                    return Err("the list of truncated tables has another length than it says");
                }
                let relations = (0..count).map(|_| read.u32()).collect::<Result<_, _>>()?;
                Self::Truncate { relations, options }
            }
            b'Y' | b'O' | b'M' => return Ok(Self::Other),
            _ => return Err("no message of pgoutput that is known"),
        };
        match read.0 {
            [] => Ok(message),
            _ => Err("bytes follow the end of the message"),
        }
    }
}

/// What is still to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("the message ends early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("the message ends early")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Broken> {
        self.array().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<u32, Broken> {
        self.array().map(u32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, Broken> {
        self.array().map(i64::from_be_bytes)
    }

    fn lsn(&mut self) -> Result<Lsn, Broken> {
        self.array().map(|bytes| Lsn(u64::from_be_bytes(bytes)))
    }

    fn text(&mut self, length: usize) -> Result<&'a str, Broken> {
        std::str::from_utf8(self.take(length)?).map_err(|_| "a text is not UTF-8")
    }

    fn name(&mut self) -> Result<&'a str, Broken> {
        let end = memchr::memchr(0, self.0).ok_or("a name does not end")?;
        let name = self.text(end)?;
        self.byte()?;
        Ok(name)
    }

    fn relation(&mut self) -> Result<Relation<'a>, Broken> {
        let id = self.u32()?;
        let schema = match self.name()? {
            "" => "pg_catalog",
            schema => schema,
        };
        let table = self.name()?;
        let identity = self.byte()?;
        let count = u16::from_be_bytes(self.array()?);
        let column = |_| -> Result<Column<'a>, Broken> {
            let key = self.byte()? & 1 == 1;
            let name = self.name()?;
            Ok(Column { name, key, oid: self.u32()?, modifier: i32::from_be_bytes(self.array()?) })
        };
        let columns = (0..count).map(column).collect::<Result<_, _>>()?;
        Ok(Relation { id, schema, table, identity, columns })
    }

    fn new_tuple(&mut self) -> Result<Tuple<'a>, Broken> {
        match self.byte()? {
            b'N' => self.tuple(),
            _ => Err("the new row does not come where it must"),
        }
    }

    fn old(&mut self) -> Result<Old<'a>, Broken> {
        match self.byte()? {
            b'K' => self.tuple().map(Old::Key),
            b'O' => self.tuple().map(Old::Row),
            _ => Err("the old row does not come where it must"),
        }
    }

    fn tuple(&mut self) -> Result<Tuple<'a>, Broken> {
        let count = u16::from_be_bytes(self.array()?);
        (0..count).map(|_| self.value()).collect()
    }

    fn value(&mut self) -> Result<Value<'a>, Broken> {
        match self.byte()? {
            b'n' => Ok(Value::Null),
            b'u' => Ok(Value::Unchanged),
            b't' => {
                let length = self.u32()? as usize;
                self.text(length).map(Value::Text)
            }
            b'b' => Err("a value is in binary, which nobody asked for"),
            _ => Err("a value of no kind that is known"),
        }
    }
}
