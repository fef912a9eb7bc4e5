//! Runs of a source against a silo in every mood, and the search of all they leave behind.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use datalake_core::lake::Lake;
use datalake_core::transform::map;
use datalake_core::{Counts, Error, ErrorKind, Pipeline, Retry, Source};
use datalake_sinks::lake::LakeSink;
use tempfile::TempDir;

use super::front::{Front, Mood};
use super::watch::{Canary, both, log, search};

/// A silo behind a front.
pub(crate) struct Silo<'a> {
    pub(crate) name: &'a str,
    pub(crate) front: &'a Front,
    /// Texts that only the heads of some of its requests have: each is met with every mood.
    pub(crate) parts: &'a [&'a str],
    pub(crate) moods: &'a [Mood],
    /// A text of a record at which a transform panics.
    pub(crate) panics: &'a str,
    pub(crate) canaries: Vec<&'a Canary>,
}

pub(crate) fn few() -> Retry {
    Retry::new(2, Duration::from_millis(1), Duration::from_millis(2))
}

/// An error and what it comes from, in every way in which it can be printed.
pub(crate) fn told(error: &Error) -> String {
    let mut shown = both(error);
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        shown += &format!(" {error} {error:?} {error:#?}");
        cause = error.source();
    }
    shown
}

/// Reads once into a lake, with a transform that panics at some records. What was shown is added to what there is.
pub(crate) async fn run_once<S: Source + Debug>(
    lake: &Lake,
    name: &str,
    source: S,
    panics: &str,
    shown: &mut Vec<String>,
) -> Result<Counts, ErrorKind> {
    shown.push(format!("{source:?} {source:#?}"));
    let needle = panics.to_owned();
    let mut pipeline = Pipeline::builder(name)
        .source(source)
        .transform(map("panics", "1", move |body| {
            let found = memchr::memmem::find(body, needle.as_bytes());
            assert!(found.is_none(), "this record is not to be mapped");
            body.to_vec()
        }))
        .lake(&LakeSink::builder(lake).build())
        .retry(few())
        .build()
        .unwrap();
    shown.push(format!("{} {:?}", pipeline.describe(), pipeline.source_info()));
    let ended = pipeline.drain(Default::default()).await;
    shown.push(format!("{:?}", pipeline.progress().borrow()));
    match ended {
        Ok(report) => {
            shown.push(format!("{report:?}"));
            Ok(report.counts)
        }
        Err(error) => {
            shown.push(told(&error));
            Err(error.kind())
        }
    }
}

impl Silo<'_> {
    /// Reads from the silo as it is, then with each part of its requests in every mood, then on from the first run.
    pub(crate) async fn visit<B, S>(self, builder: &B, build: impl Fn(B) -> datalake_core::Result<S>)
    where
        B: Clone + Debug,
        S: Source + Debug,
    {
        log();
        let Self { name, front, parts, moods, panics, canaries } = self;
        let place = TempDir::new().unwrap();
        let lake = Lake::local(place.path().join("lake")).unwrap();
        let mut shown = vec![format!("{builder:?} {builder:#?}")];
        let (mut written, mut quarantined, mut met) = (0, 0, BTreeSet::new());
        let moods = parts.iter().flat_map(|part| moods.iter().map(|mood| (*mood, *part)));
        let runs = [(Mood::Honest, "")].into_iter().chain(moods).chain([(Mood::Honest, "")]);
        let last = runs.clone().count() - 1;
        for (run, (mood, part)) in runs.enumerate() {
            front.turn(mood, part);
            let source = build(builder.clone()).unwrap();
            match run_once(&lake, &format!("p{}", run % last), source, panics, &mut shown).await {
                Ok(counts) => {
                    let no = matches!(mood, Mood::Refuses(_) | Mood::Elsewhere);
                    assert!(!no, "{name}: a run fails where {part} is met with {mood:?}");
                    written += counts.written;
                    quarantined += counts.quarantined;
                }
                Err(kind) => {
                    met.insert(format!("{kind:?}"));
                }
            }
            assert!(run > 0 || written > 0, "{name}: something is read: {shown:#?}");
        }
        assert!(quarantined > 0, "{name}: a transform has panicked");
        for kind in [ErrorKind::Unavailable, ErrorKind::Unauthenticated, ErrorKind::PermissionDenied] {
            assert!(met.contains(&format!("{kind:?}")), "{name}: {kind:?} is not among {met:?}");
        }
        let made = front.secrets();
        let canaries: Vec<_> = canaries.into_iter().chain(&made).collect();
        search(&canaries, &shown, &[place.path()]);
    }
}
