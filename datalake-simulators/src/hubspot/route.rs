//! Which request asks for what.

use serde_json::json;

use super::object;
use super::portal::Portal;
use super::refused::{Refused, answer};
use super::{State, lock};
use crate::rest::{Answer, Refusal, Request, Service};

/// The parts of a path, without the version that is in it: `v3`, `v4` or a date such as `2026-03`.
fn parts(path: &str) -> Vec<&str> {
    let is_version = |part: &str| {
        matches!(part, "v3" | "v4")
            || (part.len() == 7 && part.starts_with("20") && part.as_bytes()[4] == b'-')
    };
    path.split('/').filter(|part| !part.is_empty() && !is_version(part)).collect()
}

fn operation(request: &Request) -> &'static str {
    match (request.method.as_str(), parts(&request.path).as_slice()) {
        ("GET", ["crm", "objects", _]) => "list",
        ("GET", ["crm", "objects", _, _]) => "read",
        ("POST", ["crm", "objects", _, "search"]) => "search",
        ("POST", ["crm", "objects", _, "batch", "read"]) => "batch_read",
        ("GET", ["crm", "properties", _]) => "properties",
        ("POST", ["crm", "associations", _, _, "batch", "read"]) => "associations",
        ("GET", ["account-info", "details"]) => "account",
        _ => "other",
    }
}

impl Service for State {
    fn operation(&self, request: &Request) -> &'static str {
        operation(request)
    }

    fn answer(&self, operation: &'static str, request: &Request) -> Answer {
        let mut portal = lock(&self.portal);
        if request.target.len() > portal.settings.longest_target {
            return Answer::new(
                414,
                "text/html",
                "<html><body><h1>414 Request-URI Too Large</h1></body></html>",
            );
        }
        portal.settle();
        let answer = portal.respond(operation, request).unwrap_or_else(|no| no.answer());
        let date = object::http(portal.now());
        portal.left(operation, answer).with("date", date)
    }

    fn refuse(&self, _: &'static str, refusal: &Refusal) -> Answer {
        let answer = answer(refusal.status, &refusal.code, &refusal.message);
        refusal.headers.iter().fold(answer, |answer, (name, value)| answer.with(name, value))
    }

    fn compresses(&self) -> bool {
        true
    }
}

impl Portal {
    fn respond(&mut self, operation: &str, request: &Request) -> Result<Answer, Refused> {
        if request.bearer() != Some(&self.settings.token) {
            let message = "Authentication credentials not found.";
            return Err(Refused::new(401, "INVALID_AUTHENTICATION", message));
        }
        self.enter(operation)?;
        let parts = parts(&request.path);
        match (operation, parts.as_slice()) {
            ("list", [.., object]) => self.list(object, request),
            ("read", [.., object, id]) => self.read(object, id, request),
            ("search", [.., object, _]) => self.search(object, &request.body),
            ("batch_read", [.., object, _, _]) => self.batch_read(object, &request.body),
            ("properties", [.., object]) => self.properties(object),
            ("associations", [.., from, to, _, _]) => self.linked(from, to, &request.body),
            ("account", _) => {
                let body = json!({ "portalId": 1, "timeZone": "UTC", "utcOffset": "+00:00", "accountType": "STANDARD" });
                Ok(Answer::json(200, body.to_string()))
            }
            _ => Err(Refused::missing()),
        }
    }
}
