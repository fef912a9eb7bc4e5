//! What there is to read: the files that are there against what is known of them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::finished::Finished;
use super::identity::{Stat, Tag};
use super::listing::{Found, sibling};
use super::position::{Entry, State};
use super::reading::Reading;

/// Something to do.
#[derive(Debug)]
pub(super) enum Task {
    /// Read a file on, or from its beginning.
    Read { found: Found, settled: bool },
    /// Take what was read of a file and is not finished, because nobody will finish it.
    Finish(Box<Reading>),
    /// Nothing but what is being finished.
    Done,
}

impl Task {
    /// Bytes to read, as far as is known before the file is open.
    pub(super) fn bytes(&self, state: &State) -> u64 {
        match self {
            Self::Finish(_) | Self::Done => 0,
            Self::Read { found, .. } => match state.files.get(&found.key) {
                Some(entry) if entry.packed.is_none() && entry.at <= found.stat.size => {
                    found.stat.size - entry.at
                }
                _ => found.stat.size,
            },
        }
    }
}

/// What has become of the files that are known.
#[derive(Debug, Default)]
pub(super) struct Reconciled {
    /// The files to look at: those listed and those that were renamed out of the pattern.
    pub(super) files: Vec<Found>,
    /// Keys under which a file was that has another now.
    pub(super) moved: Vec<String>,
    /// Keys under which a file was that is nowhere to be found.
    pub(super) gone: Vec<String>,
}

/// Follows files that were renamed, and forgets those that are gone unless all are: then a disk may be missing. Those
/// in what could not be looked into, by its key, are not gone.
pub(super) fn reconcile(
    root: &Path,
    listed: Vec<Found>,
    closed: &BTreeMap<String, String>,
    state: &mut State,
) -> Reconciled {
    let hidden = |key: &str| closed.keys().any(|closed| is_within(key, closed));
    let ids: HashMap<String, Tag> = listed.iter().map(|found| (found.key.clone(), found.stat.id)).collect();
    let mut known = std::mem::take(&mut state.files);
    let mut out = Reconciled { files: listed, ..Reconciled::default() };
    let mut elsewhere: HashMap<Tag, Vec<String>> = HashMap::new();
    for (key, entry) in &known {
        match ids.get(key) {
            Some(id) if *id == entry.id => {}
            _ => elsewhere.entry(entry.id).or_default().push(key.clone()),
        }
    }
    let mut files = BTreeMap::new();
    let moved = |key: &str, entry: Entry| Entry { was: entry.was.or_else(|| Some(key.to_owned())), ..entry };
    for found in &out.files {
        if known.get(&found.key).is_some_and(|entry| entry.id == found.stat.id) {
            files.extend(known.remove_entry(&found.key));
        }
    }
    for found in &out.files {
        if !files.contains_key(&found.key)
            && let Some(key) = elsewhere.get_mut(&found.stat.id).and_then(Vec::pop)
            && let Some(entry) = known.remove(&key)
        {
            files.insert(found.key.clone(), moved(&key, entry));
            out.moved.push(key);
        }
    }
    for (key, entry) in known {
        match search(root, &key, entry.id) {
            Some(found) if !files.contains_key(&found.key) && !ids.contains_key(&found.key) => {
                let renamed = found.key != key;
                let entry = if renamed { moved(&key, entry) } else { entry };
                files.insert(found.key.clone(), entry);
                out.files.push(found);
                out.moved.extend(renamed.then_some(key));
            }
            _ if hidden(&key) => {
                files.entry(key).or_insert(entry);
            }
            _ => {
                if ids.is_empty() {
                    files.insert(key.clone(), entry);
                }
                out.gone.push(key);
            }
        }
    }
    state.files = files;
    out
}

/// Whether a key is that of a path, or of something below it.
fn is_within(key: &str, path: &str) -> bool {
    path.is_empty() || key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Looks for a file that was not listed, under its name and then in its directory.
fn search(root: &Path, key: &str, id: Tag) -> Option<Found> {
    let path = root.join(key);
    match fs::metadata(&path).map(|metadata| Stat::of(&metadata)) {
        Ok(stat) if stat.id == id => Some(Found { key: key.to_owned(), path, stat }),
        _ => sibling(root, path.parent()?, |stat| stat.id == id),
    }
}

/// When files are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct When<'a> {
    pub(super) follow: bool,
    pub(super) poll: Duration,
    pub(super) finished: &'a Finished,
}

/// Since when each file looks as it does.
pub(super) type Seen = HashMap<String, (Tag, Instant)>;

/// What is to be read of some files, in order: renamed files first, the oldest first, and then by path.
pub(super) fn plan(all: Vec<Found>, state: &mut State, seen: &mut Seen, when: When<'_>) -> VecDeque<Task> {
    let now = SystemTime::now();
    let before = std::mem::take(seen);
    let mut tasks = Vec::new();
    for found in all {
        let Found { key, stat, .. } = &found;
        if stat.size == 0 {
            state.files.remove(key);
            continue;
        }
        let entry = state.files.get(key);
        let same = entry.is_some_and(|entry| entry.seal == Some(stat.seal));
        let rotated = entry.is_some_and(|entry| entry.was.is_some());
        let alone = when.finished.quiet().unwrap_or(when.poll);
        let quiet = now.duration_since(stat.written).is_ok_and(|age| age >= alone);
        let since =
            before.get(key).filter(|(seal, _)| *seal == stat.seal).map_or_else(Instant::now, |seen| seen.1);
        let settled = quiet || since.elapsed() >= alone;
        let rest = entry
            .is_some_and(|entry| entry.packed.is_none() && entry.failed.is_none() && entry.at < stat.size);
        let waits = when.finished.quiet().is_some() && !settled;
        if when.follow || waits {
            seen.insert(key.clone(), (stat.seal, since));
        }
        if waits || (!same && !when.finished.is_marked(&found.path)) {
            continue;
        }
        if !same || (when.follow && rotated && settled && rest) {
            tasks.push((rotated, found, settled));
        }
    }
    let age = |rotated: bool, found: &Found| (!rotated, rotated.then_some(found.stat.written));
    tasks.sort_by(|(r, a, _), (s, b, _)| age(*r, a).cmp(&age(*s, b)).then_with(|| a.key.cmp(&b.key)));
    tasks.into_iter().map(|(_, found, settled)| Task::Read { found, settled }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_folder_that_cannot_be_looked_into_is_not_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let found = |key: &str| {
            let path = folder.path().join(key);
            Found { key: key.to_owned(), stat: Stat::of(&fs::metadata(&path).unwrap()), path }
        };
        fs::create_dir(folder.path().join("here")).unwrap();
        fs::write(folder.path().join("here/a"), "a").unwrap();
        let listed = vec![found("here/a")];
        let id = listed[0].stat.id;
        let other = Tag::of([&b"another"[..]]);
        let before: BTreeMap<String, Entry> = ["away/b", "away/deep/c", "awaybutnot/d", "gone/e", "single"]
            .map(|key| (key.to_owned(), Entry::new(other)))
            .into();
        let closed = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), "stale".to_owned())).collect();
        let after = |keys: &[&str]| {
            let mut state = State { files: before.clone() };
            state.files.insert("here/a".to_owned(), Entry::new(id));
            let out = reconcile(folder.path(), listed.clone(), &closed(keys), &mut state);
            (state.files.into_keys().collect::<Vec<_>>(), out.gone)
        };
        let (kept, gone) = after(&["away", "single"]);
        assert_eq!(kept, ["away/b", "away/deep/c", "here/a", "single"]);
        assert_eq!(gone, ["awaybutnot/d", "gone/e"]);
        assert_eq!(after(&[]).0, ["here/a"]);
        assert_eq!(after(&[""]).0.len(), 6);
    }
}
