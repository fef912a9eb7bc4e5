//! What objects there are, and what fields they have.

use serde_json::{Value, json};

use super::object::{Field, Kind, Object};
use super::org::{Org, Table};
use super::refused::Refused;
use crate::rest::Answer;

impl Org {
    pub(super) fn global(&self, version: &str) -> Answer {
        let objects: Vec<_> = self.tables.iter().map(|table| about(&table.object, version)).collect();
        let body = json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects });
        Answer::json(200, body.to_string())
    }

    pub(super) fn describe(&self, object: &str, version: &str) -> Result<Answer, Refused> {
        let object = &self.known(object)?.object;
        let mut body = about(object, version);
        body["fields"] = object.visible().map(|(_, field)| describe(field)).collect();
        Ok(Answer::json(200, body.to_string()))
    }

    /// One record with all of its fields.
    pub(super) fn record(&self, object: &str, id: &str) -> Result<Answer, Refused> {
        let table = self.known(object)?;
        let row = table.rows.get(id).filter(|row| !super::org::is_deleted(row)).ok_or_else(|| {
            Refused::new(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible")
        })?;
        Ok(Answer::json(200, Value::Object(table.json(row)).to_string()))
    }

    pub(super) fn known(&self, object: &str) -> Result<&Table, Refused> {
        self.table(object).ok_or_else(Refused::missing)
    }
}

fn about(object: &Object, version: &str) -> Value {
    let url = format!("/services/data/{version}/sobjects/{}", object.name);
    json!({
        "name": object.name, "label": object.name, "labelPlural": object.name, "keyPrefix": object.prefix,
        "custom": object.name.ends_with("__c"), "queryable": true, "retrieveable": true, "replicateable": true,
        "searchable": true, "createable": true, "updateable": true, "deletable": true, "undeletable": true,
        "urls": { "sobject": url, "describe": format!("{url}/describe"), "rowTemplate": format!("{url}/{{ID}}") },
    })
}

fn describe(field: &Field) -> Value {
    let (kind, soap, length) = match field.kind {
        Kind::Id => ("id", "tns:ID", 18),
        Kind::Reference => ("reference", "tns:ID", 18),
        Kind::Text => ("string", "xsd:string", 255),
        Kind::LongText => ("textarea", "xsd:string", 32_000),
        Kind::Number => ("double", "xsd:double", 0),
        Kind::Boolean => ("boolean", "xsd:boolean", 0),
        Kind::Datetime => ("datetime", "xsd:dateTime", 0),
        Kind::Date => ("date", "xsd:date", 0),
        Kind::Address => ("address", "urn:address", 0),
        Kind::Base64 => ("base64", "xsd:base64Binary", 0),
    };
    let (precision, scale) = if field.kind == Kind::Number { (18, 2) } else { (0, 0) };
    json!({
        "name": field.name, "label": field.name, "type": kind, "soapType": soap, "length": length,
        "byteLength": length * 3, "precision": precision, "scale": scale, "digits": 0,
        "nillable": !matches!(field.kind, Kind::Id | Kind::Boolean), "filterable": field.filterable,
        "sortable": field.sortable, "calculated": field.calculated, "custom": field.name.ends_with("__c"),
        "unique": field.kind == Kind::Id, "createable": !field.calculated, "updateable": !field.calculated,
        "compoundFieldName": Value::Null, "relationshipName": Value::Null, "referenceTo": [], "picklistValues": [],
    })
}
