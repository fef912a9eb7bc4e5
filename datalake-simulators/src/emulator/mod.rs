//! Emulators of AWS that run in processes of their own, found by the variables that `cargo xtask` sets or prints.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The region that tests use everywhere: an emulator takes it from a request's signature, and what was made in one region
/// is not seen in another.
pub const REGION: &str = "eu-central-1";

/// The access key and the secret that emulators take.
pub const CREDENTIALS: (&str, &str) = ("test", "test");

/// Longer than this, nothing takes that is done with an emulator.
const BOUND: Duration = Duration::from_secs(300);

/// An emulator that runs.
#[derive(Debug, Clone)]
pub struct Emulator {
    endpoint: String,
}

impl Emulator {
    /// LocalStack, by `DATALAKE_LOCALSTACK`. `None` if that is not set; then `left_out`, which says what is not tested,
    /// goes to standard error.
    #[must_use]
    pub fn localstack(left_out: &str) -> Option<Self> {
        Self::find("DATALAKE_LOCALSTACK", left_out)
    }

    /// MiniStack, by `DATALAKE_MINISTACK`. `None` if that is not set; then `left_out`, which says what is not tested,
    /// goes to standard error.
    #[must_use]
    pub fn ministack(left_out: &str) -> Option<Self> {
        Self::find("DATALAKE_MINISTACK", left_out)
    }

    fn find(variable: &str, left_out: &str) -> Option<Self> {
        if let Some(endpoint) = std::env::var(variable).ok().filter(|endpoint| !endpoint.is_empty()) {
            return Some(Self { endpoint });
        }
        let line = format!("left out: {left_out}, since {variable} is not set; `cargo xtask test` sets it\n");
        std::io::stderr().write_all(line.as_bytes()).ok();
        None
    }

    /// Where all its services answer, as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The variables by which an AWS client in another process finds it.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", CREDENTIALS.0.into()),
            ("AWS_SECRET_ACCESS_KEY", CREDENTIALS.1.into()),
            ("AWS_REGION", REGION.into()),
            ("AWS_DEFAULT_REGION", REGION.into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ]
    }
}

/// What a future gives. An emulator now and then stops to answer, and a test that waits for it would hold up all others.
///
/// # Panics
/// After five minutes, with the name of what is not done.
pub async fn bounded<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(BOUND, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not done after {} s", BOUND.as_secs()),
    }
}

/// A name for a bucket, a stream or the like which nothing else has: emulators outlive a test, and tests run side by side.
/// It begins with `prefix` and goes on with digits and lower-case letters.
#[must_use]
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let serial = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{:x}-{:x}-{serial}", now.as_micros(), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_fit_a_bucket() {
        let names: Vec<String> = (0..100).map(|_| unique("orders")).collect();
        for name in &names {
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1);
            assert!(name.len() <= 63 && name.starts_with("orders-"));
            assert!(
                name.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || byte.is_ascii_lowercase())
            );
        }
    }

    #[test]
    fn a_missing_emulator_is_none() {
        assert!(Emulator::find("DATALAKE_NO_SUCH_EMULATOR", "nothing").is_none());
    }
}
