//! Settings for the clients of the SDK.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_types::retry::RetryConfig;

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest wait for the next bytes of an answer.
const READ: Duration = Duration::from_secs(30);
/// The longest time for one request with its answer.
const ATTEMPT: Duration = Duration::from_secs(60);

/// Where and as whom to speak to AWS. Everything not set comes from where the SDK looks for it: the environment, the
/// profile files, the role of the function, container or machine.
///
/// ```no_run
/// # async fn example() {
/// let config = datalake_aws::config::Settings::new().region("eu-central-1").load().await;
/// # let _ = config;
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Settings {
    region: Option<String>,
    endpoint: Option<String>,
}

impl Settings {
    /// Everything from the environment.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the region.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sends every request to another URL, for instance that of an emulator.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Looks up the rest. Credentials are fetched with the first request and again before they expire.
    pub async fn load(self) -> SdkConfig {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http);
        if let Some(region) = self.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(endpoint) = self.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        disciplined(&loader.load().await)
    }
}

/// The same configuration without the SDK's own retries, since the engine retries in one place, and with a bound on the
/// time of every request, where it has none. Every component passes what it is given through this.
#[must_use]
pub fn disciplined(config: &SdkConfig) -> SdkConfig {
    let given = config.timeout_config();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(given.and_then(TimeoutConfig::connect_timeout).unwrap_or(CONNECT))
        .read_timeout(given.and_then(TimeoutConfig::read_timeout).unwrap_or(READ))
        .operation_attempt_timeout(
            given.and_then(TimeoutConfig::operation_attempt_timeout).unwrap_or(ATTEMPT),
        )
        .build();
    config.to_builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_loses_its_retries_and_keeps_its_timeouts() {
        let given = SdkConfig::builder()
            .retry_config(RetryConfig::standard().with_max_attempts(9))
            .timeout_config(TimeoutConfig::builder().read_timeout(Duration::from_secs(7)).build())
            .build();
        let ours = disciplined(&given);
        assert_eq!(ours.retry_config().map(RetryConfig::max_attempts), Some(1));
        let timeouts = ours.timeout_config().unwrap();
        assert_eq!(timeouts.read_timeout(), Some(Duration::from_secs(7)));
        assert_eq!(timeouts.operation_attempt_timeout(), Some(ATTEMPT));
    }
}
