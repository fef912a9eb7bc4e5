//! Records that the core cannot cut by itself.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::{Piece, count, cut};
use crate::RecordError;
use crate::document::Document;
use crate::format::Format;

/// Makes records of documents in a format that the core does not know: a workbook, rows of a database's own protocol.
///
/// The raw zone holds the document as it came; the decoder makes JSON of it, then and whenever the curated zone is made
/// again. Its name and its settings are kept beside each document, so a name, once given, means the same for ever: a
/// decoder that would give other records gets another name.
///
/// A source names its decoders with [`Source::decoders`](crate::Source::decoders).
///
/// **Concurrency**: called from several threads at once, and keeps each busy. **State**: none, the records depend on the
/// document and the settings alone.
pub trait Decoder: fmt::Debug + Send + Sync + 'static {
    /// The name, for instance `postgres.copy`.
    fn name(&self) -> &str;

    /// Gives the records of a document, in order.
    ///
    /// Total and deterministic, as [`split`](super::split): input that breaks the format gives a piece with an error
    /// that covers the bytes concerned, never an end. A record that is no slice of its document has the range of the
    /// bytes it was made from, at most the whole document.
    fn decode(&self, document: &Document, settings: &Value, piece: &mut dyn FnMut(Piece));
}

/// The decoders that are known, by their names.
#[derive(Debug, Clone, Default)]
pub struct Decoders(Arc<[Arc<dyn Decoder>]>);

impl Decoders {
    /// The same and one more, which takes the place of another of its name.
    #[must_use]
    pub fn with(&self, decoder: Arc<dyn Decoder>) -> Self {
        let others = self.0.iter().filter(|other| other.name() != decoder.name()).cloned();
        Self(others.chain([Arc::clone(&decoder)]).collect())
    }

    /// The same and all of some others.
    #[must_use]
    pub fn with_all(&self, decoders: impl IntoIterator<Item = Arc<dyn Decoder>>) -> Self {
        decoders.into_iter().fold(self.clone(), |known, decoder| known.with(decoder))
    }

    /// The decoder of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<dyn Decoder>> {
        self.0.iter().find(|decoder| decoder.name() == name)
    }

    /// Whether the records of this format can be told.
    #[must_use]
    pub fn know(&self, format: &Format) -> bool {
        match format {
            Format::Decoded { decoder, .. } => self.find(decoder).is_some(),
            _ => true,
        }
    }

    /// Cuts a document into records, in order, as [`split`](super::split), decoding what needs it. A document whose
    /// decoder is unknown is one piece with an error.
    pub fn split(&self, document: &Document, mut piece: impl FnMut(Piece)) {
        match &**document.format() {
            Format::Decoded { decoder, settings, .. } => match self.find(decoder) {
                Some(decoder) => decoder.decode(document, settings, &mut piece),
                None => piece(Piece::error(0..document.len(), unknown(decoder))),
            },
            known => cut(document, known, piece),
        }
    }

    /// How many pieces [`split`](Self::split) gives, without a body for each.
    pub(crate) fn count(&self, document: &Document) -> u32 {
        let mut pieces = 0;
        match &**document.format() {
            Format::Decoded { .. } => self.split(document, |_| pieces += 1),
            known => pieces = count(document, known),
        }
        pieces
    }
}

impl FromIterator<Arc<dyn Decoder>> for Decoders {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Decoder>>>(decoders: I) -> Self {
        Self::default().with_all(decoders)
    }
}

fn unknown(decoder: &str) -> RecordError {
    RecordError::new("decoder", format!("this worker has no decoder {decoder:?}"))
}
