//! Records of queries and of bulk jobs in one shape.

use std::collections::BTreeMap;

use datalake_core::RecordError;
use datalake_core::transform::{Draft, PerRecord, RecordTransform, Verdict};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Number, Value, json};

use super::schema::Schema;
use super::soql::{instant, literal};

/// What a value is in JSON.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Text,
    Bare,
    Instant,
}

/// Gives records of queries and of bulk jobs the same shape: `attributes` is left out, no value is `null`, numbers and
/// truth values are those of JSON with their digits as they came, and instants are in UTC and end in `Z`.
///
/// A value that is not of its type stays as it is, and so does a member that the schema does not know.
///
/// ```no_run
/// # use datalake_connectors::crm::salesforce::{SalesforceSource, same_shape};
/// # async fn example(source: SalesforceSource) -> datalake_core::Result<()> {
/// let transform = same_shape(&source.describe().await?);
/// # Ok(())
/// # }
/// ```
pub fn same_shape(schema: &Schema) -> PerRecord<impl RecordTransform + use<>> {
    let kinds: BTreeMap<String, Kind> = schema
        .fields
        .iter()
        .map(|field| {
            let kind = match field.kind.as_str() {
                "boolean" | "int" | "long" | "double" | "currency" | "percent" => Kind::Bare,
                "datetime" => Kind::Instant,
                _ => Kind::Text,
            };
            (field.name.clone(), kind)
        })
        .collect();
    PerRecord::new(SameShape { kinds })
}

struct SameShape {
    kinds: BTreeMap<String, Kind>,
}

impl RecordTransform for SameShape {
    fn name(&self) -> &str {
        "same-shape"
    }

    fn version(&self) -> &str {
        "1"
    }

    fn config(&self) -> Value {
        let kinds = self.kinds.iter().map(|(name, kind)| (name.clone(), json!(kind)));
        Value::Object(kinds.collect())
    }

    fn apply(&self, draft: &mut Draft) -> Result<Verdict, RecordError> {
        if draft.is_object()? {
            let body = shaped(draft, &self.kinds)?;
            draft.replace(body);
        }
        Ok(Verdict::Keep)
    }
}

fn shaped(draft: &mut Draft, kinds: &BTreeMap<String, Kind>) -> Result<String, RecordError> {
    let mut out = String::from("{");
    for (name, value) in draft.fields()?.filter(|(name, _)| name != "attributes") {
        if out.len() > 1 {
            out.push(',');
        }
        let key =
            serde_json::to_string(&name).map_err(|cause| RecordError::new("json", cause.to_string()))?;
        out.push_str(&key);
        out.push(':');
        match kinds.get(&*name).and_then(|kind| other(*kind, value)) {
            Some(value) => out.push_str(&value),
            None => out.push_str(value),
        }
    }
    out.push('}');
    Ok(out)
}

/// The value in the shape of its kind, if that is another.
fn other(kind: Kind, value: &str) -> Option<String> {
    if value == "\"\"" {
        return Some("null".to_owned());
    }
    let text: String = value.starts_with('"').then(|| serde_json::from_str(value).ok()).flatten()?;
    match kind {
        Kind::Text => None,
        Kind::Bare => {
            let truth = text == "true" || text == "false";
            let number = || serde_json::from_str::<Number>(&text).is_ok();
            // The digits stay those of the text.
            let whole = || serde_json::from_str::<&RawValue>(&text).is_ok_and(|raw| raw.get() == text);
            (truth || (number() && whole())).then_some(text)
        }
        Kind::Instant => instant(&text).map(|at| format!("\"{}\"", literal(at))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datalake_core::Content;
    use datalake_core::transform::Transform as _;

    #[test]
    fn a_record_of_a_query_and_one_of_a_job_become_the_same() {
        let fields =
            [("Id", "id"), ("Name", "string"), ("N", "currency"), ("B", "boolean"), ("T", "datetime")];
        let fields: Vec<_> =
            fields.iter().map(|(name, kind)| serde_json::json!({ "name": name, "type": kind })).collect();
        let schema = serde_json::json!({ "name": "Account", "fields": fields }).to_string();
        let transform = same_shape(&Schema::read(schema.as_bytes()).unwrap());
        let shape = |record: &str| {
            let mut draft = Draft::new(record.to_owned(), Content::Json);
            transform.as_record_transform().unwrap().apply(&mut draft).unwrap();
            String::from_utf8(draft.body().to_vec()).unwrap()
        };
        let query = r#"{"attributes":{"type":"Account"},"Id":"1","Name":null,"N":12345678901234567.10,"B":true,"T":"2024-01-01T00:00:00.000+0000"}"#;
        let job =
            r#"{"Id":"1","Name":"","N":"12345678901234567.10","B":"true","T":"2024-01-01T00:00:00.000Z"}"#;
        let both =
            r#"{"Id":"1","Name":null,"N":12345678901234567.10,"B":true,"T":"2024-01-01T00:00:00.000Z"}"#;
        assert_eq!((shape(query).as_str(), shape(job).as_str()), (both, both));
        let odd = r#"{"N":"about 7","B":"perhaps","T":"soon","Unknown__c":"","x":7}"#;
        assert_eq!(shape(odd), odd);
    }
}
