//! What a row of a delta says has happened.

use std::ops::Range;

use super::scan;
use datalake_core::RecordError;
use datalake_core::transform::{PerRecord, Pointer, RecordTransform, Verdict, edit};

/// What a record says has happened to the entity it is of.
///
/// The rows of a full load say nothing of the kind and are [`Upsert`](Self::Upsert). Of the changes of one entity the
/// last one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// It is there, with these values: created or changed.
    Upsert,
    /// It was there with these values before the change that the next record tells of. No state of today.
    Before,
    /// It is not there any more, or no longer what the filter asks for.
    Delete,
    /// A relation of it has been added or removed. It says nothing of the entity itself.
    Link,
}

impl Change {
    /// Reads a record: `ODQ_CHANGEMODE` and `ODQ_ENTITYCNTR` of a queue, `@removed`, `$deletedEntity` and the links of
    /// version 4. A record that is no JSON object is an [`Upsert`](Self::Upsert).
    ///
    /// ```
    /// use datalake_connectors::sap::Change;
    ///
    /// assert_eq!(Change::of(br#"{"Id":"7","ODQ_CHANGEMODE":"D","ODQ_ENTITYCNTR":"0"}"#), Change::Delete);
    /// assert_eq!(Change::of(br#"{"Id":"7","ODQ_CHANGEMODE":"U","ODQ_ENTITYCNTR":"-1"}"#), Change::Before);
    /// assert_eq!(Change::of(br#"{"@removed":{"reason":"deleted"},"Id":"7"}"#), Change::Delete);
    /// assert_eq!(Change::of(br#"{"Id":"7"}"#), Change::Upsert);
    /// ```
    #[must_use]
    pub fn of(record: &[u8]) -> Self {
        let (mut change, mut less) = (Self::Upsert, false);
        members(record, |key, value| {
            let value = &record[value];
            match key {
                b"ODQ_CHANGEMODE" if value == b"\"D\"" => change = Self::Delete,
                b"ODQ_ENTITYCNTR" => less = value.starts_with(b"\"-") || value.starts_with(b"-"),
                b"@removed" | b"@odata.removed" => change = Self::Delete,
                b"@odata.context" | b"@context" if value.ends_with(b"/$deletedEntity\"") => {
                    change = Self::Delete
                }
                b"@odata.context" | b"@context"
                    if value.ends_with(b"/$link\"") || value.ends_with(b"/$deletedLink\"") =>
                {
                    change = Self::Link;
                }
                _ => {}
            }
        });
        if change == Self::Upsert && less { Self::Before } else { change }
    }

    /// One word: `upsert`, `before`, `delete`, `link`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upsert => "upsert",
            Self::Before => "before",
            Self::Delete => "delete",
            Self::Link => "link",
        }
    }
}

/// Writes into each record, under a name, what it says has happened: see [`Change`].
///
/// ```
/// let transform = datalake_connectors::sap::changes("_op")?;
/// # Ok::<(), datalake_core::Error>(())
/// ```
///
/// # Errors
/// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if the name cannot be one.
pub fn changes(name: &str) -> datalake_core::Result<PerRecord<impl RecordTransform + use<>>> {
    let pointer = Pointer::parse(&format!("/{}", name.replace('~', "~0").replace('/', "~1")))?;
    Ok(edit("changes", "1", move |draft| {
        let change = Change::of(draft.body());
        draft.set(&pointer, &format!("\"{}\"", change.as_str()))?;
        Ok::<_, RecordError>(Verdict::Keep)
    }))
}

/// The members of an object, as far as it is one.
pub(crate) fn members(object: &[u8], mut member: impl FnMut(&[u8], Range<usize>)) {
    let mut at = scan::space(object, 0);
    if object.get(at) != Some(&b'{') {
        return;
    }
    at = scan::space(object, at + 1);
    while object.get(at) == Some(&b'"') {
        let Some(end) = scan::string(object, at) else { return };
        let key = &object[at + 1..end - 1];
        at = scan::space(object, end);
        if object.get(at) != Some(&b':') {
            return;
        }
        at = scan::space(object, at + 1);
        let Some(end) = scan::value(object, at) else { return };
        member(key, at..end);
        at = scan::space(object, end);
        if object.get(at) != Some(&b',') {
            return;
        }
        at = scan::space(object, at + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_what_has_happened() {
        for (record, change) in [
            (r#"{"ODQ_CHANGEMODE":"","ODQ_ENTITYCNTR":"1"}"#, Change::Upsert),
            (r#"{"ODQ_CHANGEMODE":"C","ODQ_ENTITYCNTR":"1"}"#, Change::Upsert),
            (r#"{"ODQ_CHANGEMODE":"U","ODQ_ENTITYCNTR":"1"}"#, Change::Upsert),
            (r#"{"ODQ_CHANGEMODE":"U","ODQ_ENTITYCNTR":"0"}"#, Change::Upsert),
            (r#"{ "ODQ_ENTITYCNTR" : "-1" , "ODQ_CHANGEMODE" : "U" }"#, Change::Before),
            (r#"{"ODQ_CHANGEMODE":"U","ODQ_ENTITYCNTR":-1}"#, Change::Before),
            (r#"{"ODQ_CHANGEMODE":"D","ODQ_ENTITYCNTR":"-1"}"#, Change::Delete),
            (r#"{"@odata.removed":{},"Id":1}"#, Change::Delete),
            (r#"{"@odata.context":"$metadata#Orders/$deletedEntity","id":"Orders('7')"}"#, Change::Delete),
            (r##"{"@context":"#Orders/$deletedEntity","id":"7"}"##, Change::Delete),
            (r#"{"@odata.context":"$metadata#Orders/$deletedLink","source":"x"}"#, Change::Link),
            (r#"{"a":{"@removed":{}}}"#, Change::Upsert),
            (r#"{"a":"@removed"}"#, Change::Upsert),
            ("7", Change::Upsert),
            ("{", Change::Upsert),
        ] {
            assert_eq!(Change::of(record.as_bytes()), change, "{record}");
        }
    }
}
