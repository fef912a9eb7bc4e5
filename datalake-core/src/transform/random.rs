//! Random JSON for tests: the same seed gives the same.

/// Random numbers (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(super) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// A JSON value with its white space, as a tree that is edited the slow and obvious way.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Object(Vec<Entry>),
    Array(Vec<Entry>),
    Raw(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) lead: String,
    /// The key as written, and what it means. Empty in arrays.
    pub(super) key: (String, String),
    pub(super) colon: String,
    pub(super) value: Tree,
    pub(super) tail: String,
}

impl Tree {
    pub(super) fn write(&self, out: &mut String) {
        let (open, entries, close) = match self {
            Self::Raw(raw) => return out.push_str(raw),
            Self::Object(entries) => ('{', entries, '}'),
            Self::Array(entries) => ('[', entries, ']'),
        };
        out.push(open);
        for (n, entry) in entries.iter().enumerate() {
            if n > 0 {
                out.push(',');
            }
            out.push_str(&entry.lead);
            out.push_str(&entry.key.0);
            out.push_str(&entry.colon);
            entry.value.write(out);
            out.push_str(&entry.tail);
        }
        out.push(close);
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

const SPACES: [&str; 6] = ["", "", "", " ", "\n  ", "\t\r"];
const KEYS: [(&str, &str); 9] = [
    ("\"a\"", "a"),
    ("\"b\"", "b"),
    ("\"\\u0062\"", "b"),
    ("\"\"", ""),
    ("\"0\"", "0"),
    ("\"long key/with~\"", "long key/with~"),
    ("\"q\\\"\\\\\"", "q\"\\"),
    ("\"ü\u{1f682}\"", "ü\u{1f682}"),
    ("\"customer\"", "customer"),
];
const SCALARS: [&str; 16] = [
    "0.30",
    "-0",
    "1E+400",
    "123456789012345678901234567890.000",
    "true",
    "false",
    "null",
    "\"\"",
    "\"plain text of some length\"",
    "\"a\\\"b\\\\c\\u00e9\\ud83d\\ude82\"",
    "\"\\ud800 half\"",
    "\"Zürich \u{1f682} <}],{:\"",
    "\"exactly8\"",
    "7",
    "{}",
    "[ ]",
];

/// A random value, at most `depth` levels of it containers.
pub(super) fn tree(random: &mut Random, depth: usize) -> Tree {
    match random.below(if depth == 0 { 2 } else { 5 }) {
        0 | 1 => Tree::Raw(random.pick(&SCALARS).to_owned()),
        2 | 3 => object(random, depth),
        _ => {
            let some = 1 + random.below(3);
            Tree::Array((0..some).map(|_| entry(random, depth, false)).collect())
        }
    }
}

/// A random object.
pub(super) fn object(random: &mut Random, depth: usize) -> Tree {
    let some = 1 + random.below(5);
    Tree::Object((0..some).map(|_| entry(random, depth, true)).collect())
}

fn entry(random: &mut Random, depth: usize, keyed: bool) -> Entry {
    let (key, meaning) = if keyed { KEYS[random.below(KEYS.len())] } else { ("", "") };
    let colon = match keyed {
        true => format!("{}:{}", random.pick(&SPACES), random.pick(&SPACES)),
        false => String::new(),
    };
    Entry {
        lead: random.pick(&SPACES).to_owned(),
        key: (key.to_owned(), meaning.to_owned()),
        colon,
        value: tree(random, depth - 1),
        tail: random.pick(&SPACES).to_owned(),
    }
}
