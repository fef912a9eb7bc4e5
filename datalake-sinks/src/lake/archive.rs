//! The raw zone: documents, byte-exact, in frames that can be read alone.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datalake_core::codec::Frames;
use datalake_core::lake::layout::{self, Zone};
use datalake_core::store::{ObjectStore, Payload, PutOptions};
use datalake_core::{Ambient, Archive, Batch, Document, Frame, RawObject, Result};

use super::sink::metadata;

/// How much content a frame holds, bytes: enough to compress well, little enough to read for one document.
const FRAME: usize = 4 << 20;

/// The raw zone of a lake.
#[derive(Debug, Clone)]
pub struct RawArchive {
    store: Arc<dyn ObjectStore>,
    frames: Arc<Frames>,
    ambient: Ambient,
}

impl RawArchive {
    pub(super) fn new(store: &Arc<dyn ObjectStore>, frames: Frames, ambient: &Ambient) -> Self {
        Self { store: Arc::clone(store), frames: Arc::new(frames), ambient: ambient.clone() }
    }
}

#[async_trait]
impl Archive for RawArchive {
    async fn store(&self, batch: &Batch) -> Result<RawObject> {
        let (documents, framing) = (Arc::clone(&batch.documents), Arc::clone(&self.frames));
        let encoded = self.ambient.cpu().run(move || encode(&documents, &framing)).await??;
        let Encoded { payload, frames, sha256 } = encoded;
        let compression = self.frames.compression();
        let day = format!("acquired={}", batch.envelope.acquired.start.format("%Y-%m-%d"));
        let location = layout::object(Zone::Raw, batch, &day, &format!(".raw{}", compression.extension()));
        let bytes = payload.len() as u64;
        let options = PutOptions { sha256: Some(sha256), metadata: metadata(batch), ..PutOptions::default() };
        self.store.put(&location, payload, options).await?;
        Ok(RawObject { location, bytes, sha256, compression, frames })
    }
}

struct Encoded {
    payload: Payload,
    frames: Vec<Frame>,
    sha256: datalake_core::Sha256,
}

fn encode(documents: &[Document], framing: &Frames) -> Result<Encoded> {
    let mut payload = Payload::new();
    let mut frames = Vec::new();
    let mut content = 0;
    for parts in cut(documents) {
        frames.push(Frame { offset: payload.len() as u64, content });
        content += parts.iter().map(|part| part.len() as u64).sum::<u64>();
        if framing.compression().is_none() {
            parts.into_iter().for_each(|part| payload.push(part));
        } else {
            payload.push(framing.frame(&parts)?);
        }
    }
    let sha256 = payload.sha256();
    Ok(Encoded { payload, frames, sha256 })
}

/// The content of the frames: documents joined while they are small, cut where they are large.
fn cut(documents: &[Document]) -> Vec<Vec<Bytes>> {
    let mut frames: Vec<Vec<Bytes>> = Vec::new();
    let mut room = 0;
    for document in documents {
        let mut rest = document.bytes().clone();
        while !rest.is_empty() {
            if room == 0 || (rest.len() > room && room < FRAME / 2) {
                frames.push(Vec::new());
                room = FRAME;
            }
            let part = rest.split_to(rest.len().min(room));
            room -= part.len();
            if let Some(frame) = frames.last_mut() {
                frame.push(part);
            }
        }
    }
    frames
}

#[cfg(test)]
mod tests {
    use datalake_core::Format;

    use super::*;

    #[test]
    fn frames_hold_every_byte_in_order_and_none_is_too_long() {
        let sizes = [0, 1, FRAME - 1, 10, FRAME, FRAME + 1, 3 * FRAME + 7, 5];
        let documents: Vec<_> =
            sizes.iter().map(|&n| Document::new(vec![n as u8; n], "x", Format::Whole)).collect();
        let frames = cut(&documents);
        assert!(
            frames.iter().all(|frame| (1..=FRAME).contains(&frame.iter().map(Bytes::len).sum::<usize>()))
        );
        let joined: Vec<u8> = frames.concat().concat();
        let expected: Vec<u8> = documents.iter().flat_map(|document| document.bytes().to_vec()).collect();
        assert!(joined == expected);
    }
}
