//! Leaving out records whose key was there a short while ago.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};

use super::text::meaning;
use super::{Draft, Pointer, Transform};
use crate::records::Records;
use crate::{Content, Document, Error, Record, RecordRef, Result, Sha256};

/// See [`dedupe`].
pub struct Dedupe {
    name: String,
    pointers: Vec<Pointer>,
    window: Mutex<Window>,
}

/// Leaves out records whose key is among the last `window` distinct keys seen, and counts them as filtered. The key
/// is the values at the pointers: strings by their text, all else by its JSON as it stands. The first record of a key
/// passes; each record moves its key to the end of the window. A record that is not JSON or lacks one of the parts
/// has no key and passes.
///
/// The window lives in memory, about 100 bytes a key. Nothing of it survives a restart, nor a return to the last
/// commit: after either a duplicate may pass, and a record is never lost. A record that passed stays the first of its
/// key when the same batch comes again. Batches go through one after the other, and the step ends a run of transforms
/// that share one pass. Steps that refuse records belong before it: the duplicates of a record refused later are gone.
///
/// # Errors
/// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) if a pointer is wrong, there is none, or the window is 0.
///
/// ```
/// use datalake_core::transform::dedupe;
///
/// let transform = dedupe("once", ["/tenant", "/event_id"], 100_000)?;
/// # Ok::<(), datalake_core::Error>(())
/// ```
pub fn dedupe<'a>(name: &str, pointers: impl IntoIterator<Item = &'a str>, window: usize) -> Result<Dedupe> {
    let pointers = pointers.into_iter().map(Pointer::parse).collect::<Result<Vec<_>>>()?;
    if pointers.is_empty() || window == 0 {
        return Err(Error::config("deduplication needs at least one pointer and a window of at least 1"));
    }
    Ok(Dedupe { name: name.to_owned(), pointers, window: Mutex::new(Window::new(window)) })
}

impl Dedupe {
    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, draft: &mut Draft, record: &Record) -> Option<Key> {
        if record.content() != Content::Json {
            return None;
        }
        draft.load(record.body().clone(), record.content(), true);
        let mut key = Vec::new();
        for pointer in &self.pointers {
            let raw = draft.field(pointer).ok()??;
            let text = if raw.starts_with('"') { meaning(raw) } else { None };
            // A text and another value must not look alike, nor must parts run into each other.
            key.push(u8::from(text.is_some()));
            let part = text.as_deref().unwrap_or(raw).as_bytes();
            key.extend_from_slice(&(part.len() as u64).to_le_bytes());
            key.extend_from_slice(part);
        }
        let digest = Sha256::of(&key);
        digest.as_bytes().first_chunk().copied()
    }
}

#[async_trait]
impl Transform for Dedupe {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> &str {
        "1"
    }

    fn config(&self) -> Value {
        let pointers: Vec<_> = self.pointers.iter().map(Pointer::as_str).collect();
        json!({ "step": "dedupe", "pointers": pointers, "window": self.window().size })
    }

    fn ordered(&self) -> bool {
        true
    }

    fn reset(&self) {
        let mut window = self.window();
        *window = Window::new(window.size);
    }

    async fn apply(&self, mut records: Records) -> Result<Records> {
        let mut window = self.window();
        window.enter(&records);
        let mut draft = Draft::new(Bytes::new(), Content::Json);
        records.retain(|record| match self.key(&mut draft, record) {
            Some(key) => window.is_first(key, record.origin()),
            None => true,
        });
        Ok(records)
    }
}

impl fmt::Debug for Dedupe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dedupe")
            .field("name", &self.name)
            .field("pointers", &self.pointers)
            .finish_non_exhaustive()
    }
}

/// The first half of a SHA-256 digest: two keys never share it by chance or by will, so none is lost.
type Key = [u8; 16];

/// The last distinct keys.
#[derive(Debug)]
struct Window {
    size: usize,
    keys: HashMap<Key, Seen>,
    /// The keys by when they were seen. An entry counts only if it is the last of its key.
    order: VecDeque<(Key, u64)>,
    clock: u64,
    batch: u64,
    /// The documents of the batch, to know the batch again when it comes again.
    documents: Weak<[Document]>,
}

#[derive(Debug)]
struct Seen {
    last: u64,
    /// The record that passed.
    first: (u64, u32, u16),
}

impl Window {
    fn new(size: usize) -> Self {
        let documents = Weak::<[Document; 0]>::new();
        Self { size, keys: HashMap::new(), order: VecDeque::new(), clock: 0, batch: 0, documents }
    }

    fn enter(&mut self, records: &Records) {
        let documents = Arc::downgrade(records.documents());
        if !self.documents.ptr_eq(&documents) {
            self.batch += 1;
            self.documents = documents;
        }
    }

    /// Whether a record is the one that passes for its key.
    fn is_first(&mut self, key: Key, origin: RecordRef) -> bool {
        self.clock += 1;
        let this = (self.batch, origin.ordinal, origin.child);
        let seen = self.keys.entry(key).or_insert(Seen { last: 0, first: this });
        seen.last = self.clock;
        let first = seen.first == this;
        self.order.push_back((key, self.clock));
        while self.keys.len() > self.size || self.order.len() > 2 * self.size + 1 {
            let Some((oldest, last)) = self.order.pop_front() else { break };
            if self.keys.get(&oldest).is_none_or(|seen| seen.last != last) {
                continue;
            }
            if self.keys.len() > self.size {
                self.keys.remove(&oldest);
            } else {
                // The front is live, so what is stale lies behind it.
                self.order.push_front((oldest, last));
                self.order.retain(|(key, last)| self.keys.get(key).is_some_and(|seen| seen.last == *last));
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bodies, records};
    use super::*;

    async fn pass(dedupe: &Dedupe, lines: &[&str]) -> Vec<String> {
        bodies(&dedupe.apply(records(lines)).await.unwrap())
    }

    #[tokio::test]
    async fn a_key_passes_once_in_a_window() {
        let dedupe = dedupe("once", ["/k"], 2).unwrap();
        let one = [r#"{"k":1,"n":1}"#, r#"{"k":1,"n":2}"#, r#"{"k":"1"}"#, r#"{"n":3}"#, r#"{"n":3}"#, "[1]"];
        assert_eq!(pass(&dedupe, &one).await, [one[0], one[2], one[3], one[4], one[5]]);
        let two = [r#"{"k":"\u0031"}"#, r#"{"k":2}"#, r#"{"k":1}"#, r#"{"k":"1"}"#];
        assert_eq!(pass(&dedupe, &two).await, [two[1], two[2], two[3]], "1 fell out of the window of two");
        dedupe.reset();
        assert_eq!(pass(&dedupe, &two[3..]).await, two[3..]);
    }

    #[tokio::test]
    async fn parts_of_a_key_do_not_run_into_each_other() {
        let dedupe = dedupe("once", ["/a", "/b"], 10).unwrap();
        let lines = [r#"{"a":"x","b":"yz"}"#, r#"{"a":"xy","b":"z"}"#, r#"{"b":"z","a":"xy"}"#];
        assert_eq!(pass(&dedupe, &lines).await, lines[..2]);
    }

    #[tokio::test]
    async fn a_batch_that_comes_again_passes_again() {
        let dedupe = dedupe("once", ["/k"], 10).unwrap();
        let batch = records(&[r#"{"k":1}"#, r#"{"k":1}"#, r#"{"k":2}"#]);
        for _ in 0..3 {
            let out = dedupe.apply(batch.clone()).await.unwrap();
            assert_eq!((out.len(), out.filtered), (2, 1));
        }
        assert_eq!(pass(&dedupe, &[r#"{"k":2}"#, r#"{"k":3}"#]).await, [r#"{"k":3}"#]);
    }

    #[test]
    fn memory_stays_bounded_by_the_window() {
        let mut window = Window::new(3);
        let origin = RecordRef { ordinal: 0, offset: 0, length: 0, document: 0, child: 0 };
        for n in 0..10_000_u32 {
            let mut key = Key::default();
            key[0] = if n % 3 == 0 { 0 } else { (n % 7) as u8 };
            window.is_first(key, RecordRef { ordinal: n, ..origin });
            assert!(window.keys.len() <= 3 && window.order.len() <= 7, "{}", window.order.len());
            assert!(window.keys.keys().all(|key| window.order.iter().any(|(known, _)| known == key)));
        }
    }

    #[test]
    fn a_window_or_key_of_nothing_is_refused() {
        assert!(dedupe("once", [], 1).is_err());
        assert!(dedupe("once", ["/a"], 0).is_err());
    }
}
