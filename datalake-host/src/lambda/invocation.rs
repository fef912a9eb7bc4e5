//! One invocation: its id, its deadline, and the trace it belongs to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::Context;
use tokio::time::Instant;

/// A deadline that passed longer ago than this is none: some emulators count from 1970.
const LONG_AGO: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Clone)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    /// The W3C id of the trace, 32 hexadecimal digits.
    pub(super) trace: Option<String>,
    deadline: Option<Instant>,
}

impl Invocation {
    pub(super) fn new(context: &Context) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            request_id: context.request_id.clone(),
            trace: context.xray_trace_id.as_deref().and_then(trace_id),
            deadline: left(Duration::from_millis(context.deadline), now).map(|left| Instant::now() + left),
        }
    }

    /// How much time is left, if there is a deadline.
    pub(super) fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    #[cfg(test)]
    pub(super) fn with_left(left: Option<Duration>) -> Self {
        let deadline = left.map(|left| Instant::now() + left);
        Self { request_id: "request-1".into(), trace: None, deadline }
    }
}

fn left(deadline: Duration, now: Duration) -> Option<Duration> {
    (deadline + LONG_AGO > now).then(|| deadline.saturating_sub(now))
}

/// The W3C trace id of an X-Ray header: `Root=1-67891233-abcdef012345678912345678;…` has the same 128 bits.
fn trace_id(header: &str) -> Option<String> {
    let root = header.split(';').find_map(|part| part.trim().strip_prefix("Root=1-"))?;
    let (time, rest) = root.split_once('-')?;
    let hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (time.len() == 8 && rest.len() == 24 && hexadecimal(time) && hexadecimal(rest))
        .then(|| format!("{time}{rest}").to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_counts_from_now_and_one_of_1970_is_none() {
        let seconds = Duration::from_secs;
        let now = seconds(1_790_000_000);
        assert_eq!(left(now + seconds(10), now), Some(seconds(10)));
        assert_eq!(left(now - seconds(10), now), Some(Duration::ZERO));
        assert_eq!(left(seconds(600), now), None);
    }

    #[test]
    fn the_trace_of_an_x_ray_header_is_read() {
        let header = "Root=1-67891233-ABCDEF012345678912345678;Parent=463ac35c9f6413ad;Sampled=1";
        assert_eq!(trace_id(header).as_deref(), Some("67891233abcdef012345678912345678"));
        for header in ["", "Root=1-6789-abc", "Root=1-67891233-abcdef01234567891234567z", "Sampled=1"] {
            assert_eq!(trace_id(header), None, "{header}");
        }
    }
}
