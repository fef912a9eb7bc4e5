//! Changes that are stamped when they are made and seen when they are committed.

use serde_json::Value;

use super::change::{Change, What, cells};
use super::{Salesforce, lock};

/// Changes that nobody sees until they are committed, stamped with the time at which they were made. Dropped without
/// [`commit`](Self::commit), it changes nothing.
///
/// What it commits late is what a reader that remembers the newest stamp it saw never finds.
#[derive(Debug)]
#[must_use]
pub struct Transaction<'a> {
    org: &'a Salesforce,
    changes: Vec<(String, Change)>,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(org: &'a Salesforce) -> Self {
        Self { org, changes: Vec::new() }
    }

    /// Makes a record and gives its id. As [`Salesforce::create`].
    ///
    /// # Panics
    /// There is no such object or field, or a value does not fit.
    #[expect(clippy::needless_pass_by_value, reason = "calls write json! in place")]
    pub fn create(&mut self, object: &str, values: Value) -> String {
        let (id, change) = self.org.on(object, |table, at| {
            let values = cells(table, &values);
            let id = table.next_id();
            (id.clone(), Change { id, at, what: What::Set(values) })
        });
        self.changes.push((object.to_owned(), change));
        id
    }

    /// Gives values to a record. As [`Salesforce::update`].
    ///
    /// # Panics
    /// There is no such object or field, or a value does not fit.
    #[expect(clippy::needless_pass_by_value, reason = "calls write json! in place")]
    pub fn update(&mut self, object: &str, id: &str, values: Value) {
        let change = self.org.on(object, |table, at| Change {
            id: id.to_owned(),
            at,
            what: What::Set(cells(table, &values)),
        });
        self.changes.push((object.to_owned(), change));
    }

    /// Puts a record into the recycle bin. As [`Salesforce::delete`].
    ///
    /// # Panics
    /// There is no such object.
    pub fn delete(&mut self, object: &str, id: &str) {
        let change = self.org.on(object, |_, at| Change { id: id.to_owned(), at, what: What::Delete });
        self.changes.push((object.to_owned(), change));
    }

    /// Deletes a record for good. As [`Salesforce::erase`].
    ///
    /// # Panics
    /// There is no such object.
    pub fn erase(&mut self, object: &str, id: &str) {
        let change = self.org.on(object, |_, at| Change { id: id.to_owned(), at, what: What::Erase });
        self.changes.push((object.to_owned(), change));
    }

    /// Lets everybody see the changes, all at once.
    pub fn commit(self) {
        let mut org = lock(&self.org.state.org);
        for (object, change) in self.changes {
            org.change(&object, change);
        }
    }
}
