//! The settings of a store on S3.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datalake_aws::SdkConfig;
use datalake_aws::config::{Settings, disciplined};
use datalake_core::store::check_key;
use datalake_core::{Error, Result};

use super::{Inner, MULTIPART, S3Store};

/// The size of a part, bytes.
const PART: usize = 8 << 20;
/// The longest time for one request.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Encryption with a key of KMS.
#[derive(Debug, Clone)]
pub(super) struct Encryption {
    pub(super) key: String,
    /// JSON in Base64, as the header has it.
    pub(super) context: Option<String>,
}

/// Builds an [`S3Store`].
#[derive(Debug, Clone)]
#[must_use]
pub struct S3StoreBuilder {
    bucket: String,
    prefix: String,
    config: Option<SdkConfig>,
    region: Option<String>,
    endpoint: Option<String>,
    path_style: Option<bool>,
    kms_key: Option<String>,
    context: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    multipart: usize,
    part: usize,
    timeout: Duration,
}

impl S3StoreBuilder {
    pub(super) fn new(bucket: String) -> Self {
        Self {
            bucket,
            prefix: String::new(),
            config: None,
            region: None,
            endpoint: None,
            path_style: None,
            kms_key: None,
            context: BTreeMap::new(),
            tags: BTreeMap::new(),
            multipart: MULTIPART,
            part: PART,
            timeout: TIMEOUT,
        }
    }

    /// Sets the prefix below which all keys are; slashes at its ends do not count.
    pub fn prefix(mut self, prefix: impl AsRef<str>) -> Self {
        prefix.as_ref().trim_matches('/').clone_into(&mut self.prefix);
        self
    }

    /// Sets how to speak to AWS, in place of what the environment says. Clients that share it share their connections
    /// and credentials. Its retries do not count.
    pub fn config(mut self, config: &SdkConfig) -> Self {
        self.config = Some(config.clone());
        self
    }

    /// Sets the region.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sends requests to another URL: that of an emulator or of another store that speaks S3.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Sets whether the bucket is named in the path of the URL and not in its host. By default it is if the endpoint is
    /// not that of AWS.
    pub fn path_style(mut self, path_style: bool) -> Self {
        self.path_style = Some(path_style);
        self
    }

    /// Encrypts every object with a key of KMS, by its ARN, through the key of the bucket: one request to KMS serves many
    /// objects. Without it the bucket's own setting holds.
    pub fn kms_key(mut self, arn: impl Into<String>) -> Self {
        self.kms_key = Some(arn.into());
        self
    }

    /// Adds a pair to the encryption context, which a key's policy can ask for and CloudTrail shows. Never a secret.
    pub fn encryption_context(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.insert(name.into(), value.into());
        self
    }

    /// Adds a tag to every object.
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(name.into(), value.into());
        self
    }

    /// Adds tags to every object.
    pub fn tags<K: Into<String>, V: Into<String>>(mut self, tags: impl IntoIterator<Item = (K, V)>) -> Self {
        self.tags.extend(tags.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Sends objects that are larger than `above` bytes in parts of `part` bytes; above 16 MiB in parts of 8 MiB unless
    /// set. S3 takes no part below 5 MiB but the last; other stores may.
    pub fn multipart(mut self, above: usize, part: usize) -> Self {
        (self.multipart, self.part) = (above, part);
        self
    }

    /// Sets the longest time for one request with its answer, a minute unless set. The body of an answer has as much
    /// time again, and more the longer it is.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Builds the store, looking up what was not set. Makes no request to S3.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) for a setting that cannot be.
    pub async fn build(self) -> Result<S3Store> {
        self.check().map_err(|error| error.component("store.s3"))?;
        let endpoint = self.endpoint.clone();
        let config = match self.config {
            Some(config) => config,
            None => Settings::new().load().await,
        };
        let config = disciplined(&config);
        let foreign = endpoint.is_some() || config.endpoint_url().is_some();
        let timeouts = config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let timeouts = timeouts.read_timeout(self.timeout).operation_attempt_timeout(self.timeout).build();
        let mut client = Builder::from(&config)
            .force_path_style(self.path_style.unwrap_or(foreign))
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .timeout_config(timeouts);
        if let Some(endpoint) = endpoint {
            client = client.endpoint_url(endpoint);
        }
        if let Some(region) = self.region {
            client = client.region(aws_sdk_s3::config::Region::new(region));
        }
        let context = (!self.context.is_empty()).then(|| context(&self.context)).transpose()?;
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        let inner = Inner {
            client: aws_sdk_s3::Client::from_conf(client.build()),
            uri: format!("s3://{}{slash}{}", self.bucket, self.prefix),
            bucket: self.bucket,
            prefix: format!("{}{slash}", self.prefix),
            encryption: self.kms_key.map(|key| Encryption { key, context }),
            tags: (!self.tags.is_empty()).then(|| tagging(&self.tags)),
            multipart: self.multipart,
            part: self.part,
            timeout: self.timeout,
        };
        Ok(S3Store { inner: Arc::new(inner) })
    }

    fn check(&self) -> Result<()> {
        let arn = self.bucket.starts_with("arn:");
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if self.bucket.is_empty() || !(arn || self.bucket.chars().all(name)) {
            return Err(
                Error::config("not the name of a bucket").with("bucket", format_args!("{:?}", self.bucket))
            );
        }
        if !self.prefix.is_empty() {
            check_key(&self.prefix)?;
        }
        if self.endpoint.as_ref().is_some_and(|url| url.contains(['@', '?'])) {
            return Err(Error::config("an endpoint is a URL without user, password and query"));
        }
        if self.kms_key.is_none() && !self.context.is_empty() {
            return Err(Error::config("an encryption context needs a key"));
        }
        let long = |(name, value): (&String, &String)| {
            name.is_empty() || name.chars().count() > 128 || value.chars().count() > 256
        };
        if self.tags.len() > 10 || self.tags.iter().any(long) {
            return Err(Error::config("there can be ten tags, of 128 characters with values of 256"));
        }
        if self.part == 0 || self.multipart < self.part {
            return Err(Error::config("what goes up in parts is larger than a part"));
        }
        if self.timeout.is_zero() {
            return Err(Error::config("a request needs time"));
        }
        Ok(())
    }
}

fn context(pairs: &BTreeMap<String, String>) -> Result<String> {
    let json = serde_json::to_vec(pairs)
        .map_err(|cause| Error::unexpected("the encryption context is no JSON").caused_by(cause))?;
    Ok(STANDARD.encode(json))
}

fn tagging(tags: &BTreeMap<String, String>) -> String {
    let mut query = String::new();
    for (name, value) in tags {
        if !query.is_empty() {
            query.push('&');
        }
        encode(&mut query, name);
        query.push('=');
        encode(&mut query, value);
    }
    query
}

fn encode(query: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            query.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            write!(query, "%{byte:02X}").ok();
        }
    }
}
