//! Prefixes with expressions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::builder::Wrong;
use super::event::{digits, noise};

/// The most bytes of a prefix once it is evaluated.
const LONGEST: usize = 512;
const DATE: &str = "%Y/%m/%d/%H/";

/// A prefix, taken apart.
#[derive(Debug, Clone, Default)]
pub(super) struct Prefix(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A format of time, checked.
    Time(String),
    /// What is added to a prefix without expressions.
    Date,
    Random,
    Kind,
    Key(String),
}

/// What a prefix is evaluated with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) time: DateTime<Utc>,
    pub(super) random: u64,
    pub(super) kind: &'a str,
    pub(super) keys: &'a BTreeMap<String, String>,
}

static NO_KEYS: BTreeMap<String, String> = BTreeMap::new();

impl Facts<'_> {
    pub(super) fn at(time: DateTime<Utc>, random: u64) -> Self {
        Self { time, random, kind: "", keys: &NO_KEYS }
    }
}

impl Prefix {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("!{") {
            let (expression, after) = after
                .split_once('}')
                .ok_or_else(|| Wrong(format!("an expression does not end: {text:?}")))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            parts.push(part(expression)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        if parts.iter().all(|part| matches!(part, Part::Text(_))) {
            parts.push(Part::Date);
        }
        Ok(Self(parts))
    }

    pub(super) fn has_expressions(&self) -> bool {
        self.0.iter().any(|part| !matches!(part, Part::Text(_) | Part::Date))
    }

    pub(super) fn has_kind(&self) -> bool {
        self.0.contains(&Part::Kind)
    }

    /// The partition keys it needs.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| if let Part::Key(key) = part { Some(key.as_str()) } else { None })
    }

    /// What tells one partition from another.
    pub(super) fn partition(&self, keys: &BTreeMap<String, String>) -> String {
        let values: Vec<_> = self.keys().map(|key| keys.get(key).map_or("", String::as_str)).collect();
        values.join("\0")
    }

    pub(super) fn evaluate(&self, facts: &Facts<'_>, stream: &str) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Time(format) => time(&mut text, format, facts.time).unwrap_or_default(),
                Part::Date => text.push_str(&facts.time.format(DATE).to_string()),
                Part::Random => text.push_str(&noise(stream, facts.random)[..11]),
                Part::Kind => text.push_str(facts.kind),
                Part::Key(key) => text.push_str(facts.keys.get(key).map_or("", String::as_str)),
            }
        }
        let mut end = text.len().min(LONGEST);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text
    }
}

fn part(expression: &str) -> Result<Part, Wrong> {
    let wrong = |why: &str| Wrong(format!("{why}: !{{{expression}}}"));
    let (space, value) = expression.split_once(':').ok_or_else(|| wrong("an expression has a namespace"))?;
    match (space, value) {
        ("timestamp", format) => {
            time(&mut String::new(), format, DateTime::UNIX_EPOCH)
                .ok_or_else(|| wrong("no format of time"))?;
            Ok(Part::Time(format.into()))
        }
        ("firehose", "random-string") => Ok(Part::Random),
        ("firehose", "error-output-type") => Ok(Part::Kind),
        ("partitionKeyFromLambda", key) if !key.is_empty() => Ok(Part::Key(key.into())),
        _ => Err(wrong("an unknown expression")),
    }
}

/// Writes a time by the letters `y M d H m s`; what stands in single quotes, and all that is no letter, is itself.
fn time(out: &mut String, format: &str, time: DateTime<Utc>) -> Option<()> {
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                let mut closed = false;
                for quoted in letters.by_ref() {
                    if quoted == '\'' {
                        closed = true;
                        break;
                    }
                    out.push(quoted);
                }
                closed.then_some(())?;
            }
            'a'..='z' | 'A'..='Z' => {
                let mut width = 1;
                while letters.next_if_eq(&letter).is_some() {
                    width += 1;
                }
                let code = match letter {
                    'y' | 'Y' => "%Y",
                    'M' => "%m",
                    'd' => "%d",
                    'H' => "%H",
                    'm' => "%M",
                    's' => "%S",
                    _ => return None,
                };
                let value: u64 = time.format(code).to_string().parse().ok()?;
                out.push_str(&digits(
                    if matches!(letter, 'y' | 'Y') && width == 2 { value % 100 } else { value },
                    width,
                ));
            }
            other => out.push(other),
        }
    }
    Some(())
}
