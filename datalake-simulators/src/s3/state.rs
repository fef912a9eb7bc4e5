//! Buckets, objects, uploads, and writes that are still to come.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::checksum::Algorithm;
use super::object::{About, Object};
use super::operation;
use super::plan::Plan;
use super::request::Request;

/// Objects by their keys.
pub(super) type Objects = BTreeMap<String, Object>;

/// Everything that it knows.
#[derive(Debug)]
pub(super) struct State {
    buckets: HashMap<String, Objects>,
    pub(super) uploads: HashMap<String, Upload>,
    pub(super) plan: Plan,
    pub(super) late: Vec<(u64, Request)>,
    pub(super) smallest_part: usize,
    pub(super) page: usize,
    /// How many requests have begun, and how many ids were given out.
    begun: u64,
    ids: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            buckets: HashMap::new(),
            uploads: HashMap::new(),
            plan: Plan::default(),
            late: Vec::new(),
            smallest_part: super::SMALLEST_PART,
            page: 1_000,
            begun: 0,
            ids: 0,
        }
    }
}

/// An upload in parts.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) about: About,
    pub(super) algorithm: Option<Algorithm>,
    /// Whether the checksum is to be of the whole object.
    pub(super) full: bool,
    pub(super) parts: BTreeMap<u32, Part>,
}

/// A part of an upload.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) bytes: Bytes,
    pub(super) etag: String,
    pub(super) checksum: Option<String>,
}

impl State {
    pub(super) fn create_bucket(&mut self, name: &str) -> bool {
        let known = self.buckets.contains_key(name);
        self.buckets.entry(name.to_owned()).or_default();
        !known
    }

    pub(super) fn bucket(&self, name: &str) -> Option<&Objects> {
        self.buckets.get(name)
    }

    pub(super) fn bucket_mut(&mut self, name: &str) -> Option<&mut Objects> {
        self.buckets.get_mut(name)
    }

    pub(super) fn id(&mut self) -> String {
        self.ids += 1;
        format!("{:016X}", self.ids.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A request begins: what is late arrives before it, if it is time.
    pub(super) fn begin(&mut self) {
        self.begun += 1;
        self.settle(self.begun);
    }

    pub(super) fn put_off(&mut self, request: Request, after: u64) {
        self.late.push((self.begun + after.max(1), request));
    }

    /// Lets the late writes arrive that are due.
    pub(super) fn settle(&mut self, now: u64) {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= now);
        self.late = later;
        for (_, request) in due {
            drop(operation::perform(self, &request));
        }
    }
}
