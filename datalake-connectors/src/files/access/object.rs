//! A JSON object that is written.

use super::line::{meant, request};

/// The members of a record, in order.
#[derive(Debug)]
pub(super) struct Object {
    out: Vec<u8>,
    /// Whether a backslash takes the meaning from what follows.
    escapes: bool,
    problem: Option<&'static str>,
}

impl Object {
    pub(super) fn new(escapes: bool) -> Self {
        Self { out: Vec::new(), escapes, problem: None }
    }

    /// A member that is a text, or `null` for `-`.
    pub(super) fn text(&mut self, name: &str, raw: &[u8]) {
        let (text, whole) = meant(raw, self.escapes);
        if !whole {
            self.problem("a text that is not UTF-8");
        }
        self.string(name, (raw != b"-").then_some(&*text));
    }

    pub(super) fn string(&mut self, name: &str, value: Option<&str>) {
        self.name(name);
        match value {
            Some(value) => self.write(value),
            None => self.out.extend_from_slice(b"null"),
        }
    }

    /// A member that is a number as JSON writes it, or `null` for `-`. What is neither stays a text.
    pub(super) fn number(&mut self, name: &str, raw: &[u8]) {
        if is_number(raw) {
            self.name(name);
            self.out.extend_from_slice(raw);
        } else {
            self.text(name, raw);
        }
    }

    /// The text of a request, and what it is made of.
    pub(super) fn request(&mut self, names: [&str; 4], raw: &[u8]) {
        let (text, whole) = meant(raw, self.escapes);
        let [all, method, target, protocol] = names;
        let found = request(&text).filter(|_| whole);
        match found {
            _ if raw == b"-" || raw.is_empty() => self.string(all, None),
            Some(_) => self.string(all, Some(&*text)),
            // What is no request is kept as it stands in the log.
            None => {
                self.problem("the request is none");
                self.string(all, Some(&*String::from_utf8_lossy(raw)));
            }
        }
        self.string(method, found.map(|found| found.0));
        self.string(target, found.map(|found| found.1));
        self.string(protocol, found.and_then(|found| found.2));
    }

    /// What is left of a line.
    pub(super) fn texts<'a>(&mut self, name: &str, raw: impl IntoIterator<Item = &'a [u8]>) {
        let mut raw = raw.into_iter().peekable();
        if raw.peek().is_none() {
            return;
        }
        self.name(name);
        let mut before = b'[';
        for text in raw {
            self.out.push(before);
            self.write(&meant(text, self.escapes).0);
            before = b',';
        }
        self.out.push(b']');
    }

    /// Says what is odd about a record that is one all the same.
    pub(super) fn problem(&mut self, problem: &'static str) {
        self.problem.get_or_insert(problem);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        if let Some(problem) = self.problem {
            self.string("parse_error", Some(problem));
        }
        self.out.push(b'}');
        self.out
    }

    fn name(&mut self, name: &str) {
        self.out.push(if self.out.is_empty() { b'{' } else { b',' });
        self.write(name);
        self.out.push(b':');
    }

    fn write(&mut self, text: &str) {
        // Writing to memory cannot fail, and a text is always JSON.
        drop(serde_json::to_writer(&mut self.out, text));
    }
}

/// Whether bytes are a number as JSON writes it, without an exponent.
fn is_number(raw: &[u8]) -> bool {
    let digits = raw.strip_prefix(b"-").unwrap_or(raw);
    let (whole, fraction) = match memchr::memchr(b'.', digits) {
        Some(n) => (&digits[..n], Some(&digits[n + 1..])),
        None => (digits, None),
    };
    let all = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    all(whole) && (whole.len() == 1 || whole[0] != b'0') && fraction.is_none_or(all)
}
