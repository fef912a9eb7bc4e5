//! The answer if not all can be said as it was to be: every record once, and never more bytes than Firehose takes.

use std::borrow::Cow;

use datalake_core::{Error, ErrorKind, RecordError, Result};

use super::entry::{self, END, START};

/// What is said of one record.
#[derive(Debug, Clone)]
pub(super) enum Said<'a> {
    /// It goes on, as this: all of its entry in the answer after the id.
    Ok(&'a [u8]),
    /// It is left out on purpose.
    Dropped,
    /// It is refused, and Firehose keeps it as it came.
    Failed(Cow<'a, RecordError>),
}

/// An answer to be: what is said of each record, under its id and with the data it came with.
#[derive(Debug, Default)]
pub(super) struct Reply<'a> {
    entries: Vec<Entry<'a>>,
}

#[derive(Debug)]
struct Entry<'a> {
    id: &'a [u8],
    data: &'a [u8],
    said: Said<'a>,
}

impl<'a> Reply<'a> {
    pub(super) fn with_capacity(records: usize) -> Self {
        Self { entries: Vec::with_capacity(records) }
    }

    pub(super) fn add(&mut self, id: &'a [u8], data: &'a [u8], said: Said<'a>) {
        self.entries.push(Entry { id, data, said });
    }

    /// The number of entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Refuses a record after all, because there is another with its id.
    pub(super) fn refuse_again(&mut self, entry: usize) {
        let error = RecordError::new("duplicate-id", "several records have the same id");
        self.entries[entry].said = Said::Failed(Cow::Owned(error));
    }

    /// What is said so far.
    pub(super) fn said(&self) -> impl Iterator<Item = (&'a [u8], Said<'a>)> {
        self.entries.iter().map(|entry| (entry.id, entry.said.clone()))
    }

    /// Hands back what does not fit: from the first record on, each that leaves room for an answer to all the others
    /// goes on, and the rest is refused, so that Firehose keeps it.
    ///
    /// # Errors
    /// [`RecordTooLarge`](ErrorKind::RecordTooLarge) if not even a refusal of every record fits.
    pub(super) fn fit(&mut self, limit: usize) -> Result<()> {
        let mut used = START.len() + END.len() + self.entries.iter().map(Entry::least).sum::<usize>();
        if used > limit {
            return Err(Error::new(
                ErrorKind::RecordTooLarge,
                "the event has more records than one answer can name: set a smaller buffer for the transformation",
            )
            .with("records", self.entries.len())
            .with("limit", limit));
        }
        for entry in &mut self.entries {
            let (whole, least) = (entry.whole(), entry.least());
            if used - least + whole <= limit {
                used = used - least + whole;
            } else if matches!(entry.said, Said::Ok(_)) {
                let message = "the answer has no room left: set a smaller buffer for the transformation";
                entry.said = Said::Failed(Cow::Owned(RecordError::new("answer-full", message)));
            }
        }
        // What is refused comes back as it was, as far as there is room: Firehose has it anyway.
        for entry in &mut self.entries {
            if matches!(entry.said, Said::Failed(_)) && used + entry.data.len() <= limit {
                used += entry.data.len();
            } else {
                entry.data = &[];
            }
        }
        Ok(())
    }

    /// The answer as JSON.
    pub(super) fn write(&self) -> Vec<u8> {
        let size: usize = self.entries.iter().map(|entry| entry.whole() + entry.data.len()).sum();
        let mut out = Vec::with_capacity(START.len() + END.len() + size);
        out.extend_from_slice(START);
        for Entry { id, data, said } in &self.entries {
            entry::open(&mut out, id);
            match said {
                Said::Ok(rest) => out.extend_from_slice(rest),
                Said::Dropped => entry::dropped(&mut out),
                Said::Failed(_) => entry::failed(&mut out, data),
            }
        }
        out.extend_from_slice(END);
        out
    }
}

impl Entry<'_> {
    /// Its bytes, the comma before it included.
    fn whole(&self) -> usize {
        match &self.said {
            Said::Ok(rest) => entry::opened(self.id) + rest.len(),
            _ => self.least(),
        }
    }

    /// Its bytes if there is room for no more.
    fn least(&self) -> usize {
        let rest =
            if matches!(self.said, Said::Dropped) { entry::DROPPED_BYTES } else { entry::FAILED_BYTES };
        entry::opened(self.id) + rest
    }
}
