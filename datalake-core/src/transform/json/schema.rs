use std::fmt;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::describe;
use crate::transform::{Draft, PerRecord, RecordTransform, Verdict};
use crate::{Error, RecordError, Result, Sha256};

/// See [`validate_schema`].
pub struct Schema {
    name: String,
    digest: Sha256,
    validator: Validator,
}

/// Refuses each record that a JSON Schema does not allow, with the reason `schema`, the place of the first fault and
/// the rule it breaks; the value itself is not in the message. Records that are allowed keep their bytes. The draft
/// is the one that the schema names, else 2020-12. References into other documents are not followed.
///
/// # Errors
/// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) if the schema is none or refers to another document.
pub fn validate_schema(name: &str, schema: &Value) -> Result<PerRecord<Schema>> {
    let validator = jsonschema::validator_for(schema)
        .map_err(|error| Error::config("the JSON Schema is wrong").with("because", error))?;
    let digest = Sha256::of(schema.to_string().as_bytes());
    Ok(PerRecord(Schema { name: name.to_owned(), digest, validator }))
}

impl RecordTransform for Schema {
    describe!();

    fn config(&self) -> Value {
        json!({ "step": "schema", "sha256": self.digest })
    }

    fn apply(&self, draft: &mut Draft) -> Result<Verdict, RecordError> {
        draft.check()?;
        let value: Value = serde_json::from_slice(draft.body()).map_err(|_| {
            RecordError::new("schema", "a number or text is outside what the validator can hold")
        })?;
        if let Err(error) = self.validator.validate(&value) {
            let refusal = RecordError::new("schema", error.masked_with("the value").to_string());
            return Err(refusal.at(error.instance_path().to_string()));
        }
        Ok(Verdict::Keep)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema")
            .field("name", &self.name)
            .field("sha256", &self.digest)
            .finish_non_exhaustive()
    }
}
