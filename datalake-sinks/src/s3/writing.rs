//! Objects in one request, and deleting.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datalake_core::store::{Created, Payload, PutOptions};
use datalake_core::{Result, Sha256};

use super::Inner;
use super::error::taken;

const NOT_WRITTEN: &str = "an object was perhaps not written";

impl Inner {
    /// Writes an object, in one request or in parts.
    pub(super) async fn write(
        &self,
        key: &str,
        payload: Payload,
        options: &PutOptions,
        if_absent: bool,
    ) -> Result<Created> {
        let full = self.full(key)?;
        if payload.len() > self.multipart {
            return self.upload(key, full, &payload, options, if_absent).await;
        }
        let sha256 = options.sha256.unwrap_or_else(|| payload.sha256());
        let mut request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(full)
            .checksum_sha256(base64(&sha256))
            .set_content_type(options.content_type.map(str::to_owned))
            .set_tagging(self.tags.clone())
            .set_if_none_match(if_absent.then(|| "*".to_owned()))
            .body(ByteStream::from(payload.into_bytes()));
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
        // The checksum is signed, and S3 compares the bytes with it.
        match request.customize().disable_payload_signing().send().await {
            Ok(answer) if answer.e_tag().is_some() => Ok(Created::New),
            Ok(_) => Err(self.unclear(NOT_WRITTEN, key)),
            Err(error) if if_absent && taken(&error) => Ok(Created::Exists),
            Err(error) => Err(self.failed(NOT_WRITTEN, key, &error)),
        }
    }

    pub(super) async fn delete(&self, key: &str) -> Result<()> {
        let request = self.client.delete_object().bucket(&self.bucket).key(self.full(key)?);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed("an object was perhaps not deleted", key, &error)),
        }
    }
}

fn base64(sha256: &Sha256) -> String {
    STANDARD.encode(sha256.as_bytes())
}
