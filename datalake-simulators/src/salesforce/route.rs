//! Which request asks for what.

use super::org::Org;
use super::refused::{Refused, planned};
use super::{State, lock, stamp};
use crate::rest::{Answer, Refusal, Request, Service};

/// The most that target and headers of a request can have, bytes.
const HEAD: usize = 16_384;
/// The versions of the API that there are.
const VERSIONS: std::ops::RangeInclusive<u32> = 31..=66;

/// The parts of a path below `/services/data/vNN.N`, with the version as it is written.
fn parts(path: &str) -> Option<(&str, Vec<&str>)> {
    let rest = path.strip_prefix("/services/data/")?;
    let (version, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let number = version.strip_prefix('v')?.strip_suffix(".0")?.parse().ok()?;
    VERSIONS.contains(&number).then(|| (version, rest.split('/').filter(|part| !part.is_empty()).collect()))
}

fn operation(request: &Request) -> &'static str {
    let path = request.path.trim_end_matches('/');
    match (request.method.as_str(), path) {
        ("POST", "/services/oauth2/token") => return "token",
        ("GET", "/services/data") => return "versions",
        _ => {}
    }
    let Some((_, parts)) = parts(path) else { return "other" };
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["query"]) => "query",
        ("GET", ["queryAll"]) => "query_all",
        ("GET", ["query" | "queryAll", _]) => "query_more",
        ("GET", ["sobjects"]) => "global",
        ("GET", ["sobjects", _, "describe"]) => "describe",
        ("GET", ["sobjects", _, "deleted"]) => "deleted",
        ("GET", ["sobjects", _, "updated"]) => "updated",
        ("GET", ["sobjects", _, _]) => "record",
        ("GET", ["limits"]) => "limits",
        ("POST", ["jobs", "query"]) => "create_job",
        ("GET", ["jobs", "query"]) => "list_jobs",
        ("GET", ["jobs", "query", _]) => "job_state",
        ("GET", ["jobs", "query", _, "results"]) => "job_results",
        ("PATCH", ["jobs", "query", _]) => "abort_job",
        ("DELETE", ["jobs", "query", _]) => "delete_job",
        _ => "other",
    }
}

impl Service for State {
    fn operation(&self, request: &Request) -> &'static str {
        operation(request)
    }

    fn answer(&self, operation: &'static str, request: &Request) -> Answer {
        let of_headers: usize =
            request.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        if request.target.len() + of_headers > HEAD {
            return Answer::new(414, "text/html", "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>");
        }
        let mut org = lock(&self.org);
        let answer = match operation {
            "token" => org.token(request),
            "versions" => versions(),
            _ => org
                .enter(request.bearer())
                .and_then(|()| org.data(operation, request))
                .unwrap_or_else(|no| no.answer()),
        };
        let answer = answer.with("date", stamp::http(org.now()));
        if matches!(operation, "token" | "versions") {
            return answer;
        }
        answer
            .with("sforce-limit-info", format!("api-usage={}/{}", org.requests, org.settings.daily_requests))
    }

    fn refuse(&self, operation: &'static str, refusal: &Refusal) -> Answer {
        planned(operation, refusal)
    }

    fn compresses(&self) -> bool {
        self.compress
    }
}

impl Org {
    fn data(&mut self, operation: &str, request: &Request) -> Result<Answer, Refused> {
        let (version, parts) = parts(&request.path).ok_or_else(Refused::missing)?;
        match (operation, parts.as_slice()) {
            ("query", _) => self.query(request, version, false),
            ("query_all", _) => self.query(request, version, true),
            ("query_more", [_, locator]) => self.query_more(locator, version),
            ("global", _) => Ok(self.global(version)),
            ("describe", [_, object, ..]) => self.describe(object, version),
            ("deleted", [_, object, ..]) => self.deleted(object, request),
            ("updated", [_, object, ..]) => self.updated(object, request),
            ("record", [_, object, id]) => self.record(object, id),
            ("limits", _) => Ok(self.limits()),
            ("create_job", _) => self.create_job(&request.body, version),
            ("list_jobs", _) => Ok(self.list_jobs()),
            ("job_state", [_, _, id]) => self.job_state(id),
            ("job_results", [_, _, id, _]) => self.job_results(id, request, version),
            ("abort_job", [_, _, id]) => self.abort_job(id, &request.body),
            ("delete_job", [_, _, id]) => self.delete_job(id),
            _ => Err(Refused::missing()),
        }
    }
}

fn versions() -> Answer {
    let version = |number: u32| {
        format!(
            "{{\"label\":\"Release {number}\",\"url\":\"/services/data/v{number}.0\",\"version\":\"{number}.0\"}}"
        )
    };
    let versions: Vec<_> = VERSIONS.map(version).collect();
    Answer::json(200, format!("[{}]", versions.join(",")))
}
