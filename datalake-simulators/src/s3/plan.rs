//! Which request has which fault, and what came.

use super::fault::{Fault, Op, Rule};
use super::request::Request;

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its operation.
    pub op: Op,
    /// The bucket.
    pub bucket: String,
    /// The key, or the prefix of a list.
    pub key: String,
    /// Whether it was a write with a condition.
    pub conditional: bool,
    /// The length of its body, bytes, without what wraps it.
    pub bytes: usize,
    /// What went wrong with it.
    pub fault: Option<Fault>,
}

/// The rules that are left, and the requests so far.
#[derive(Debug, Default)]
pub(super) struct Plan {
    rules: Vec<Rule>,
    seen: Vec<Seen>,
}

impl Plan {
    pub(super) fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub(super) fn calm(&mut self) {
        self.rules.clear();
    }

    pub(super) fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// Notes a request and says what goes wrong with it. Every rule that it fits counts it until one strikes.
    pub(super) fn choose(&mut self, request: &Request) -> Option<Fault> {
        let mut struck = None;
        for rule in &mut self.rules {
            let fits = rule.op == request.op
                && request.subject().contains(&rule.part)
                && rule.conditional.is_none_or(|wanted| wanted == request.conditional());
            if !fits || rule.times == 0 {
                continue;
            }
            if rule.after > 0 {
                rule.after -= 1;
                continue;
            }
            rule.times = rule.times.saturating_sub(1);
            struck = Some(rule.fault);
            break;
        }
        self.rules.retain(|rule| rule.times > 0);
        self.seen.push(Seen {
            op: request.op,
            bucket: request.bucket.clone(),
            key: request.subject().to_owned(),
            conditional: request.conditional(),
            bytes: request.length(),
            fault: struck,
        });
        struck
    }
}
