//! What a record says has happened.

use datalake_core::transform::{Draft, PerRecord, Pointer, RecordTransform, Verdict, edit};
use datalake_core::{Content, RecordError, Result};

/// What a record of a CRM source says has happened to what it is of.
///
/// Of all that came about an id, the latest by its time is how things stand; see the page of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// It is there, with these values.
    Upsert,
    /// It is not there any more, or in the recycle bin or the archive.
    Delete,
    /// It says to what other records one is linked.
    Link,
}

impl Change {
    /// Reads a record: `IsDeleted` and `deletedDate` of Salesforce, `archived` of HubSpot, `$deletedEntity` of
    /// Dynamics 365, in all forms they come in. A record that is no JSON object is an [`Upsert`](Self::Upsert).
    ///
    /// ```
    /// use datalake_connectors::crm::Change;
    ///
    /// assert_eq!(Change::of(br#"{"Id":"001","IsDeleted":"true"}"#), Change::Delete);
    /// assert_eq!(Change::of(br#"{"id":"7","properties":{},"archived":false}"#), Change::Upsert);
    /// ```
    #[must_use]
    pub fn of(record: &[u8]) -> Self {
        of(&mut Draft::new(record.to_vec(), Content::Json)).unwrap_or(Self::Upsert)
    }

    /// One word: `upsert`, `delete`, `link`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upsert => "upsert",
            Self::Delete => "delete",
            Self::Link => "link",
        }
    }
}

/// Writes into each record, under a name, what it says has happened: see [`Change`].
///
/// ```
/// let transform = datalake_connectors::crm::changes("_op")?;
/// # Ok::<(), datalake_core::Error>(())
/// ```
///
/// # Errors
/// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if the name cannot be one.
pub fn changes(name: &str) -> Result<PerRecord<impl RecordTransform + use<>>> {
    let pointer = Pointer::parse(&format!("/{}", name.replace('~', "~0").replace('/', "~1")))?;
    Ok(edit("changes", "1", move |draft| {
        let change = of(draft)?;
        draft.set(&pointer, &format!("\"{}\"", change.as_str()))?;
        Ok(Verdict::Keep)
    }))
}

fn of(draft: &mut Draft) -> Result<Change, RecordError> {
    if !draft.is_object()? {
        return Ok(Change::Upsert);
    }
    let (mut gone, mut archived, mut properties, mut from, mut to) = (false, false, false, false, false);
    for (name, value) in draft.fields()? {
        match &*name {
            "IsDeleted" => gone |= matches!(value, "true" | "\"true\""),
            "deletedDate" => gone |= value.starts_with('"'),
            "@odata.context" | "@context" => gone |= value.ends_with("/$deletedEntity\""),
            "archived" => archived = value == "true",
            "properties" => properties = value.starts_with('{'),
            "from" => from = value.starts_with('{'),
            "to" => to = value.starts_with('['),
            _ => {}
        }
    }
    Ok(match (gone || archived && properties, from && to) {
        (true, _) => Change::Delete,
        (false, true) => Change::Link,
        (false, false) => Change::Upsert,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_what_has_happened() {
        for (record, change) in [
            (r#"{"Id":"001","IsDeleted":true}"#, Change::Delete),
            (r#"{"Id":"001","IsDeleted":"true"}"#, Change::Delete),
            (r#"{"Id":"001","IsDeleted":"false"}"#, Change::Upsert),
            (r#"{"deletedDate":"2024-01-01T00:00:00.000+0000","id":"001"}"#, Change::Delete),
            (r#"{"id":"7","properties":{"archived":"x"},"archived":true}"#, Change::Delete),
            (r#"{"id":"7","properties":{},"archived":false}"#, Change::Upsert),
            (r#"{"Id":"7","archived":true}"#, Change::Upsert),
            (r#"{"from":{"id":"7"},"to":[{"toObjectId":8}]}"#, Change::Link),
            (
                r#"{"@odata.context":"https:\/\/x\/$metadata#accounts/$deletedEntity","id":"7"}"#,
                Change::Delete,
            ),
            (r#"{"@odata.etag":"W/\"7\"","accountid":"7"}"#, Change::Upsert),
            ("7", Change::Upsert),
            ("{", Change::Upsert),
        ] {
            assert_eq!(Change::of(record.as_bytes()), change, "{record}");
        }
    }
}
