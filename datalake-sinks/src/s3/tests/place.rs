//! Where the tests find an S3.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use datalake_aws::SdkConfig;
use datalake_aws::config::Settings;
use datalake_core::store::ObjectStore;
use datalake_core::testkit::StoreHarness;
use datalake_core::{Result, async_trait};
use datalake_simulators::emulator::{self, Emulator};
use datalake_simulators::s3::S3;

use crate::s3::{S3Store, S3StoreBuilder};

/// A secret and a token that must be seen nowhere.
pub(crate) const SECRETS: [&str; 2] = ["canary-secret-key", "canary-session-token"];
/// The bucket on the simulator.
pub(crate) const BUCKET: &str = "lake";

/// An empty bucket of one's own.
#[derive(Debug)]
pub(crate) struct Place {
    /// The simulator, unless it is an emulator.
    s3: Option<S3>,
    bucket: String,
    config: SdkConfig,
}

impl Place {
    /// On a simulator of its own.
    pub(crate) async fn simulated() -> Self {
        let s3 = S3::start().await.unwrap();
        s3.create_bucket(BUCKET);
        let config = config(&s3.endpoint(), SECRETS).await;
        Self { s3: Some(s3), bucket: BUCKET.into(), config }
    }

    /// On LocalStack, if it runs.
    pub(crate) async fn localstack(left_out: &str) -> Option<Self> {
        Some(Self::emulated(&Emulator::localstack(left_out)?).await)
    }

    /// On MiniStack, if it runs.
    pub(crate) async fn ministack(left_out: &str) -> Option<Self> {
        Some(Self::emulated(&Emulator::ministack(left_out)?).await)
    }

    async fn emulated(emulator: &Emulator) -> Self {
        let (_, secret) = emulator::CREDENTIALS;
        let config = config(emulator.endpoint(), [secret, ""]).await;
        let bucket = emulator::unique("lake");
        let place = Self { s3: None, bucket, config };
        place.store().await.create_bucket().await.unwrap();
        place
    }

    /// The simulator.
    pub(crate) fn s3(&self) -> &S3 {
        self.s3.as_ref().unwrap()
    }

    /// How to speak to it.
    pub(crate) fn config(&self) -> SdkConfig {
        self.config.clone()
    }

    /// The bare client.
    pub(crate) fn client(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config);
        aws_sdk_s3::Client::from_conf(config.force_path_style(true).build())
    }

    /// A store in the bucket, to be built.
    pub(crate) fn builder(&self) -> S3StoreBuilder {
        S3Store::builder(&self.bucket).prefix("a/lake").config(&self.config).timeout(Duration::from_secs(20))
    }

    /// A store in the bucket.
    pub(crate) async fn store(&self) -> S3Store {
        self.builder().build().await.unwrap()
    }
}

async fn config(endpoint: &str, [secret, token]: [&str; 2]) -> SdkConfig {
    let config = Settings::new().region(emulator::REGION).endpoint(endpoint).load().await;
    let token = (!token.is_empty()).then(|| token.to_owned());
    let credentials = Credentials::new(emulator::CREDENTIALS.0, secret, token, None, "test");
    config.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

#[async_trait]
impl StoreHarness for Place {
    async fn open(&self) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(self.store().await))
    }

    fn secrets(&self) -> Vec<String> {
        if self.s3.is_some() { SECRETS.map(str::to_owned).to_vec() } else { Vec::new() }
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?}", self.builder())]
    }
}
