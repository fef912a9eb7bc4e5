//! What births have said, and how far the messages of an edge node have come.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::payload::{Metric, MetricValue, Payload};
use super::topic::Kind;

/// No more metrics than this are known; the births of further devices are not kept.
const MOST: usize = 2_000_000;

/// The edge nodes by group and name.
#[derive(Debug, Clone)]
pub(super) struct Births {
    edges: HashMap<(String, String), Arc<Edge>>,
    metrics: usize,
    most: usize,
}

impl Default for Births {
    fn default() -> Self {
        Self::new(MOST)
    }
}

#[derive(Debug, Clone, Default)]
struct Edge {
    /// The number of the last message.
    seq: Option<u64>,
    /// The number of the session.
    bd_seq: Option<u64>,
    /// The edge node's own metrics (`None`) and those of its devices.
    births: HashMap<Option<String>, Arc<Birth>>,
}

/// The metrics of an edge node or device.
#[derive(Debug, Default)]
pub(super) struct Birth {
    by_alias: HashMap<u64, (String, Option<u32>)>,
    by_name: HashMap<String, u32>,
}

/// A number that does not follow the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Gap {
    pub(super) expected: u64,
    pub(super) found: Option<u64>,
}

/// What is known when a message comes.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) birth: Option<Arc<Birth>>,
    pub(super) gap: Option<Gap>,
    pub(super) bd_seq: Option<u64>,
    pub(super) other_session: bool,
}

impl Births {
    /// No more metrics than so many are kept.
    pub(super) fn new(most: usize) -> Self {
        Self { edges: HashMap::new(), metrics: 0, most }
    }

    /// Takes a message in, and says what is known for it.
    pub(super) fn take(
        &mut self,
        group: &str,
        edge: &str,
        device: Option<&str>,
        kind: Kind,
        payload: &Payload,
    ) -> Known {
        let key = (group.to_owned(), edge.to_owned());
        let mut found = self.edges.remove(&key).unwrap_or_default();
        let before = found.metrics();
        let node = Arc::make_mut(&mut found);
        let device = device.map(str::to_owned);
        let mut known = Known { bd_seq: bd_seq(payload), ..Known::default() };
        match kind {
            Kind::NBirth => {
                *node = Edge { bd_seq: known.bd_seq, ..Edge::default() };
                node.seq = payload.seq;
            }
            Kind::NDeath
                if known.bd_seq.is_some() && node.bd_seq.is_some() && known.bd_seq != node.bd_seq =>
            {
                known.other_session = true;
            }
            _ if kind.is_counted() => known.gap = node.count(payload.seq),
            _ => {}
        }
        if kind.is_birth() {
            // It ends what was said before, also if there is no room for it.
            node.births.remove(&device);
            let birth = Birth::of(payload);
            if self.metrics.saturating_sub(before) + node.metrics() + birth.len() <= self.most {
                node.births.insert(device.clone(), Arc::new(birth));
            } else {
                tracing::warn!(group, edge, "too many metrics are known; this birth is not kept");
            }
        }
        known.birth = node.births.get(&device).map(Arc::clone);
        match kind {
            Kind::NDeath if !known.other_session => *node = Edge::default(),
            Kind::DDeath => drop(node.births.remove(&device)),
            _ => {}
        }
        self.metrics = self.metrics.saturating_sub(before) + node.metrics();
        self.edges.insert(key, found);
        known
    }
}

impl Births {
    /// Forgets how far messages have come.
    pub(super) fn forget_numbers(&mut self) {
        for edge in self.edges.values_mut() {
            Arc::make_mut(edge).seq = None;
        }
    }
}

impl Edge {
    /// Counts a message. The gap if it is not the one that follows.
    fn count(&mut self, found: Option<u64>) -> Option<Gap> {
        let expected = self.seq.map(|last| last.wrapping_add(1) % 256);
        self.seq = found.or(expected);
        expected.filter(|expected| found != Some(*expected)).map(|expected| Gap { expected, found })
    }

    fn metrics(&self) -> usize {
        self.births.values().map(|birth| birth.len()).sum()
    }
}

impl Birth {
    fn of(payload: &Payload) -> Self {
        let mut birth = Self::default();
        for metric in &payload.metrics {
            let Some(name) = &metric.name else { continue };
            let datatype = metric.datatype.filter(|datatype| *datatype != 0);
            if let Some(alias) = metric.alias {
                birth.by_alias.insert(alias, (name.clone(), datatype));
            }
            if let Some(datatype) = datatype {
                birth.by_name.insert(name.clone(), datatype);
            }
        }
        birth
    }

    /// How many metrics it has; one if it is empty, since it takes room too.
    fn len(&self) -> usize {
        self.by_alias.len().max(self.by_name.len()).max(1)
    }

    /// The name and type of a metric, as far as they are known. A metric that says its name is not told by its alias.
    pub(super) fn find<'a>(&'a self, metric: &'a Metric) -> (Option<&'a str>, Option<u32>) {
        let by_alias = metric.alias.and_then(|alias| self.by_alias.get(&alias));
        let name = metric.name.as_deref().or(by_alias.map(|(name, _)| name.as_str()));
        let by_name = name.and_then(|name| self.by_name.get(name).copied());
        let same = by_alias.filter(|(of, _)| Some(of.as_str()) == name);
        (name, by_name.or(same.and_then(|(_, datatype)| *datatype)))
    }
}

/// The number of the session in the births and deaths of an edge node.
fn bd_seq(payload: &Payload) -> Option<u64> {
    let metric = payload.metrics.iter().find(|metric| metric.name.as_deref() == Some("bdSeq"))?;
    match metric.value {
        Some(MetricValue::Int(number)) => Some(number.into()),
        Some(MetricValue::Long(number)) => Some(number),
        _ => None,
    }
}
