//! Objects in parts.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, ServerSideEncryption,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use crc32fast::Hasher;
use datalake_core::Result;
use datalake_core::store::{Created, Payload, PutOptions};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::Inner;
use super::error::taken;

/// Parts on their way at once.
const AT_ONCE: usize = 4;
/// The most parts that an object can have.
const MOST_PARTS: usize = 10_000;
const NOT_WRITTEN: &str = "a large object was perhaps not written";

impl Inner {
    /// Writes an object in parts. It is there with the last request or not at all. An upload that fails is aborted.
    pub(super) async fn upload(
        &self,
        key: &str,
        full: String,
        payload: &Payload,
        options: &PutOptions,
        if_absent: bool,
    ) -> Result<Created> {
        let id = self.begin(key, &full, options).await?;
        let written = self.finish(key, &full, &id, payload, if_absent).await;
        if !matches!(written, Ok(Created::New)) {
            // One that has completed after all is no upload any more, and an abort does nothing to it.
            let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(&full).upload_id(&id);
            if let Err(error) = abort.send().await {
                tracing::debug!(key, error = %self.failed("an upload was not aborted", key, &error), "left behind");
            }
        }
        written
    }

    async fn begin(&self, key: &str, full: &str, options: &PutOptions) -> Result<String> {
        let mut request = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(full)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .checksum_type(ChecksumType::FullObject)
            .set_content_type(options.content_type.map(str::to_owned))
            .set_tagging(self.tags.clone());
        for (name, value) in &options.metadata {
            request = request.metadata(*name, value);
        }
        if let Some(encryption) = &self.encryption {
            request = request
                .server_side_encryption(ServerSideEncryption::AwsKms)
                .ssekms_key_id(&encryption.key)
                .set_ssekms_encryption_context(encryption.context.clone())
                .bucket_key_enabled(true);
        }
        let answer = request.send().await.map_err(|error| self.failed(NOT_WRITTEN, key, &error))?;
        answer.upload_id().map(str::to_owned).ok_or_else(|| self.unclear(NOT_WRITTEN, key))
    }

    async fn finish(
        &self,
        key: &str,
        full: &str,
        id: &str,
        payload: &Payload,
        if_absent: bool,
    ) -> Result<Created> {
        let size = self.part.max(payload.len().div_ceil(MOST_PARTS));
        let mut whole = Hasher::new();
        let parts: Vec<_> = cut(payload, size)
            .into_iter()
            .map(|part| {
                let mut hasher = Hasher::new();
                hasher.update(&part);
                whole.combine(&hasher);
                (part, base64(hasher))
            })
            .collect();
        let sending = parts.into_iter().zip(1..).map(|((part, checksum), number)| async move {
            let request = self
                .client
                .upload_part()
                .bucket(&self.bucket)
                .key(full)
                .upload_id(id)
                .part_number(number)
                .checksum_crc32(&checksum)
                .body(ByteStream::from(part));
            let sent = request.customize().disable_payload_signing().send().await;
            let answer = sent.map_err(|error| self.failed(NOT_WRITTEN, key, &error))?;
            let etag = answer.e_tag().ok_or_else(|| self.unclear(NOT_WRITTEN, key))?;
            Ok(CompletedPart::builder().part_number(number).e_tag(etag).checksum_crc32(checksum).build())
        });
        let parts = stream::iter(sending).buffered(AT_ONCE).try_collect().await?;
        let request = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(full)
            .upload_id(id)
            .checksum_crc32(base64(whole))
            .checksum_type(ChecksumType::FullObject)
            .set_if_none_match(if_absent.then(|| "*".to_owned()))
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build());
        match request.send().await {
            Ok(answer) if answer.e_tag().is_some() => Ok(Created::New),
            Ok(_) => Err(self.unclear(NOT_WRITTEN, key)),
            Err(error) if if_absent && taken(&error) => Ok(Created::Exists),
            Err(error) => Err(self.failed(NOT_WRITTEN, key, &error)),
        }
    }
}

fn base64(hasher: Hasher) -> String {
    STANDARD.encode(hasher.finalize().to_be_bytes())
}

/// The bytes in parts of a size. Copies only where a part is made of several pieces.
fn cut(payload: &Payload, size: usize) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let mut begun = BytesMut::new();
    for piece in payload.parts() {
        let mut rest = piece.clone();
        while !rest.is_empty() {
            let room = size - begun.len();
            let taken = rest.split_to(room.min(rest.len()));
            if begun.is_empty() && taken.len() == size {
                parts.push(taken);
                continue;
            }
            begun.extend_from_slice(&taken);
            if begun.len() == size {
                parts.push(begun.split().freeze());
            }
        }
    }
    if !begun.is_empty() {
        parts.push(begun.freeze());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_their_size_however_the_payload_is_made() {
        let mut payload = Payload::new();
        for piece in ["abcdefgh", "i", "jk", "lmnopqrstu"] {
            payload.push(piece);
        }
        assert_eq!(cut(&payload, 4), ["abcd", "efgh", "ijkl", "mnop", "qrst", "u"]);
        assert_eq!(cut(&payload, 100), ["abcdefghijklmnopqrstu"]);
    }
}
