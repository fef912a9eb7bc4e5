//! What is sent for a page.

use std::fmt;

use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use serde_json::Value;

use super::pagination::Pagination;
use super::position::Fingerprint;
use super::probe::is_pointer;
use datalake_core::{Error, Result};

/// A request for a page.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) path: PathAndQuery,
    /// The body of a POST.
    pub(super) body: Option<Bytes>,
}

/// A JSON body, and where the parameters go in it.
#[derive(Clone)]
pub(super) struct Post {
    pub(super) body: Value,
    pub(super) parameters: String,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

impl Ask {
    pub(super) fn get(path: PathAndQuery) -> Self {
        Self { path, body: None }
    }

    pub(super) fn method(&self) -> Method {
        if self.body.is_some() { Method::POST } else { Method::GET }
    }

    /// What it is known by.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        match &self.body {
            None => Fingerprint::of(self.path.as_str().as_bytes()),
            Some(body) => Fingerprint::of(&[self.path.as_str().as_bytes(), b"\0", body].concat()),
        }
    }

    /// Says what the body is, if there is one.
    pub(super) fn describe(&self, headers: &mut HeaderMap) {
        if self.body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
    }
}

impl Post {
    pub(super) fn check(&self) -> Result<()> {
        if !is_pointer(&self.parameters) || !self.body.pointer(&self.parameters).is_some_and(Value::is_object)
        {
            return Err(Error::config(
                "the parameters go into an object of the body, named by a JSON Pointer",
            )
            .with("found", &self.parameters));
        }
        Ok(())
    }

    /// Whether any text in the body is such a one, be it a value or a name.
    pub(super) fn any_text(&self, test: impl Fn(&str) -> bool) -> bool {
        let mut rest = vec![&self.body];
        while let Some(value) = rest.pop() {
            match value {
                Value::Array(elements) => rest.extend(elements),
                Value::Object(members) if members.keys().any(|name| test(name)) => return true,
                Value::Object(members) => rest.extend(members.values()),
                Value::String(text) if test(text) => return true,
                Value::Number(number) if test(&number.to_string()) => return true,
                _ => {}
            }
        }
        false
    }

    /// The body with parameters in it.
    pub(super) fn with(&self, pairs: &[(&str, String)], pagination: &Pagination) -> Bytes {
        let mut body = self.body.clone();
        if let Some(Value::Object(parameters)) = body.pointer_mut(&self.parameters) {
            for (name, value) in pairs {
                let number = value.parse::<u64>().ok().filter(|_| pagination.is_number(name));
                parameters
                    .insert((*name).to_owned(), number.map_or_else(|| value.as_str().into(), Into::into));
            }
        }
        Bytes::from(body.to_string())
    }
}
