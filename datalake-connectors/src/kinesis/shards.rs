//! The shards being read.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::client::Listed;
use super::place::{Place, Places};

/// How often the shards are listed though none has ended.
const LIST_EVERY: Duration = Duration::from_secs(60);

/// A shard and how far it has been read, which is further than what has been given.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) place: Place,
    pub(super) iterator: Option<String>,
    /// Not to be read before.
    pub(super) ready: Instant,
    /// When it answered last.
    pub(super) read: Option<Instant>,
    /// How far the last answer was behind the newest there is.
    pub(super) behind: Option<Duration>,
    /// Whether the last answer was the newest there is.
    pub(super) at_tip: bool,
    /// Whether the next answer begins with the record at the place.
    pub(super) again: bool,
    pub(super) parents: Vec<String>,
}

impl Shard {
    /// Whether it has said, since a search for data began, that there is nothing newer.
    pub(super) fn rests(&self, began: Instant) -> bool {
        self.at_tip && self.read.is_some_and(|read| read >= began)
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            iterator: None,
            ready: Instant::now(),
            read: None,
            behind: None,
            at_tip: false,
            again: false,
            parents: Vec::new(),
        }
    }
}

/// All shards of a stream.
#[derive(Debug, Default)]
pub(super) struct Shards {
    pub(super) all: BTreeMap<String, Shard>,
    listed: Option<Instant>,
}

impl Shards {
    pub(super) fn at(places: &Places) -> Self {
        let all = places.shards.iter().map(|(id, place)| (id.clone(), Shard::at(place.clone())));
        Self { all: all.collect(), listed: None }
    }

    pub(super) fn must_be_listed(&self) -> bool {
        self.listed.is_none_or(|at| at.elapsed() >= LIST_EVERY)
    }

    pub(super) fn list_again(&mut self) {
        self.listed = None;
    }

    /// Takes in the shards there are. New ones begin at `first`. Gives those that were read to their end and are no longer
    /// in the list.
    pub(super) fn list(&mut self, listed: Vec<Listed>, first: &Place) -> Vec<String> {
        let gone = |id: &&String| !listed.iter().any(|shard| shard.id == **id);
        let ended = |id: &&String| self.all.get(*id).is_some_and(|shard| shard.place == Place::Ended);
        let gone: Vec<String> = self.all.keys().filter(gone).filter(ended).cloned().collect();
        for id in &gone {
            self.all.remove(id);
        }
        for Listed { id, parents } in listed {
            self.all.entry(id).or_insert_with(|| Shard::at(first.clone())).parents = parents;
        }
        self.listed = Some(Instant::now());
        gone
    }

    /// How far the shard that is furthest behind its newest record is behind it. Not known before all have answered.
    pub(super) fn behind(&self) -> Option<Duration> {
        self.listed?;
        let mut behind = Duration::ZERO;
        for shard in self.all.values().filter(|shard| shard.place != Place::Ended) {
            behind = behind.max(shard.behind?);
        }
        Some(behind)
    }

    /// The shards that can be read: all their parents that are still there are read to the end.
    pub(super) fn open(&self) -> impl Iterator<Item = (&String, &Shard)> {
        let ended = |id: &String| self.all.get(id).is_none_or(|parent| parent.place == Place::Ended);
        self.all
            .iter()
            .filter(move |(_, shard)| shard.place != Place::Ended && shard.parents.iter().all(ended))
    }
}
