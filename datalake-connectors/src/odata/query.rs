//! Queries. Links of a server are not made here: they are followed as they are.

use crate::http::percent;
use http::uri::PathAndQuery;

use datalake_core::{Error, Result};

/// What is asked of an entity set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(String);

impl Query {
    /// Adds an option, whose name is written as it is.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(&percent::encode(value));
        self
    }

    /// Adds an option if there is a value for it.
    pub(crate) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The path of a resource below a root with this query.
    pub(crate) fn of(&self, root: &PathAndQuery, resource: &str) -> Result<PathAndQuery> {
        let folder = root.path().trim_end_matches('/');
        let mark = if self.0.is_empty() { "" } else { "?" };
        let text = format!("{folder}/{resource}{mark}{}", self.0);
        text.parse().map_err(|_| Error::config("the name of the entity set cannot stand in a url"))
    }
}

/// The filter for what comes after a row, in the order of some properties: those of the same values but one greater.
/// Unlike a filter by the first property alone it passes over no row of an equal value, and gives none twice.
pub(crate) fn after(properties: &[String], values: &[String]) -> String {
    let pairs: Vec<_> = properties.iter().zip(values).collect();
    let steps: Vec<String> = (0..pairs.len())
        .map(|n| {
            let equal = pairs[..n].iter().map(|(property, value)| format!("{property} eq {value} and "));
            let (property, value) = pairs[n];
            format!("({}{property} gt {value})", equal.collect::<String>())
        })
        .collect();
    match steps.as_slice() {
        [step] => step.clone(),
        steps => format!("({})", steps.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded_and_its_names_are_not() {
        let query = Query::default()
            .with("$filter", "A gt 2024-01-01T00:00:00+01:00 and B eq 'x&y'")
            .with("$top", "5");
        let path = query.of(&"/sap/svc/".parse().unwrap(), "Orders").unwrap();
        assert_eq!(
            path.as_str(),
            "/sap/svc/Orders?$filter=A%20gt%202024-01-01T00%3A00%3A00%2B01%3A00%20and%20B%20eq%20%27x%26y%27&$top=5"
        );
    }

    #[test]
    fn what_comes_after_a_row_is_said_by_all_its_values() {
        let (one, two) = (["T".to_owned()], ["T".to_owned(), "K".to_owned()]);
        assert_eq!(after(&one, &["1".to_owned()]), "(T gt 1)");
        assert_eq!(after(&two, &["1".to_owned(), "'x'".to_owned()]), "((T gt 1) or (T eq 1 and K gt 'x'))");
    }
}
