//! The answer: every record once, and never more bytes than Firehose takes.

use bytes::Bytes;
use datalake_core::{Error, ErrorKind, RecordError, Result};

const START: &[u8] = br#"{"records":["#;
const END: &[u8] = b"]}";

/// What is said of one record.
#[derive(Debug)]
pub(super) enum Said {
    /// It goes on, as this: all of its entry in the answer after the id.
    Ok(Bytes),
    /// It is left out on purpose.
    Dropped,
    /// It is refused, and Firehose keeps it as it came.
    Failed(RecordError),
}

/// An answer to be: what is said of each record, under its id and with the data it came with.
#[derive(Debug, Default)]
pub(super) struct Reply {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: Bytes,
    data: Bytes,
    said: Said,
}

impl Reply {
    pub(super) fn with_capacity(records: usize) -> Self {
        Self { entries: Vec::with_capacity(records) }
    }

    pub(super) fn add(&mut self, id: Bytes, data: Bytes, said: Said) {
        self.entries.push(Entry { id, data, said });
    }

    /// The number of entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Refuses a record after all, because there is another with its id.
    pub(super) fn refuse_again(&mut self, entry: usize) {
        let error = RecordError::new("duplicate-id", "several records have the same id");
        self.entries[entry].said = Said::Failed(error);
    }

    /// What is said so far.
    pub(super) fn said(&self) -> impl Iterator<Item = (&[u8], &Said)> {
        self.entries.iter().map(|entry| (&entry.id[..], &entry.said))
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
                entry.said = Said::Failed(RecordError::new("answer-full", message));
            }
        }
        // What is refused comes back as it was, as far as there is room: Firehose has it anyway.
        for entry in &mut self.entries {
            if matches!(entry.said, Said::Failed(_)) && used + entry.data.len() <= limit {
                used += entry.data.len();
            } else {
                entry.data = Bytes::new();
            }
        }
        Ok(())
    }

    /// The answer as JSON.
    pub(super) fn write(&self) -> Vec<u8> {
        let size: usize = self.entries.iter().map(|entry| entry.whole() + entry.data.len()).sum();
        let mut out = Vec::with_capacity(START.len() + END.len() + size);
        out.extend_from_slice(START);
        for (n, entry) in self.entries.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            out.extend_from_slice(OPEN);
            out.extend_from_slice(if entry.id.is_empty() { NO_ID } else { &entry.id });
            match &entry.said {
                Said::Ok(rest) => out.extend_from_slice(rest),
                Said::Dropped => out.extend_from_slice(DROPPED),
                Said::Failed(_) => {
                    out.extend_from_slice(FAILED);
                    out.extend_from_slice(&entry.data);
                    out.extend_from_slice(CLOSE);
                }
            }
        }
        out.extend_from_slice(END);
        out
    }
}

const OPEN: &[u8] = br#"{"recordId":"#;
const NO_ID: &[u8] = br#""""#;
const DROPPED: &[u8] = br#","result":"Dropped","data":""}"#;
const FAILED: &[u8] = br#","result":"ProcessingFailed","data":""#;
const CLOSE: &[u8] = br#""}"#;

impl Entry {
    /// Its bytes, the comma before it included.
    fn whole(&self) -> usize {
        match &self.said {
            Said::Ok(rest) => self.named() + rest.len(),
            Said::Dropped => self.named() + DROPPED.len(),
            Said::Failed(_) => self.least(),
        }
    }

    /// Its bytes if there is room for no more.
    fn least(&self) -> usize {
        match self.said {
            Said::Dropped => self.named() + DROPPED.len(),
            _ => self.named() + FAILED.len() + CLOSE.len(),
        }
    }

    fn named(&self) -> usize {
        1 + OPEN.len() + if self.id.is_empty() { NO_ID.len() } else { self.id.len() }
    }
}
