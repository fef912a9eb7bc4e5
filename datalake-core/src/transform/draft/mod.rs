//! One record being changed.

use std::fmt;

use bytes::Bytes;

use super::scan::{self, Member, Span};
use super::text;
use crate::{Content, RecordError};

mod build;
mod checker;
mod edit;
mod place;
mod read;
mod shape;
#[cfg(test)]
mod tests;

pub(crate) use checker::Checker;
pub(super) use shape::Keep;

/// The top-level key that carries lineage in the lake. No record may bring its own.
const RESERVED: &str = "_lake";

/// One record being changed: what a [`RecordTransform`](super::RecordTransform) works on.
///
/// The JSON of a record is read once, when the first step asks for a part of it, and edits are noted beside the text
/// instead of a tree being built. What no edit touches keeps its exact bytes: `0.30` stays `0.30`, big integers, the
/// order of the keys and the white space between fields stay as they came.
///
/// * **Pointers.** Parts are named by [`Pointer`](super::Pointer). In a record that is JSON but no object a pointer
///   finds nothing, and [`set`](Self::set) is refused.
/// * **Duplicate keys.** Of several members with one key the last is the one that is read. An edit first drops the
///   others of each key on the way to its place, so a masked value cannot live on in a duplicate; all else stays.
/// * **Reserved.** A top-level `_lake` is renamed to `_lake_origin` when the record is read, or to `_lake_origin_2`
///   and so on where that is taken: `_lake` belongs to the lineage of this lake.
/// * **Errors.** Each method that looks into the JSON fails with the reason `json` if the record is none, `json-depth`
///   if it is more than 64 levels deep, and `not-json` if its content is [`Opaque`](Content::Opaque).
///
/// ```
/// use datalake_core::Content;
/// use datalake_core::transform::{Draft, Pointer};
///
/// let mut draft = Draft::new(r#"{"id": 7, "net": 0.30, "customer": {"email": "a@b.example"}}"#, Content::Json);
/// draft.set(&Pointer::parse("/customer/email")?, r#""***""#)?;
/// draft.rename(&Pointer::parse("/id")?, "order")?;
/// assert_eq!(draft.body(), br#"{"order": 7, "net": 0.30, "customer": {"email": "***"}}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Draft {
    body: Bytes,
    content: Content,
    shape: Shape,
    /// Whether the body is known to be what its content says.
    proven: bool,
    /// Whether the text differs from the body.
    edited: bool,
    /// The body as it was read, and after it whatever edits have put in its place.
    text: String,
    /// The length of the text as it was read.
    read: usize,
    /// The value in the text as it was read.
    root: Span,
    fields: Vec<Member>,
    /// The members of the container looked at last.
    level: Vec<Member>,
    /// What the next rewrite of a field leaves out, in order.
    cuts: Vec<Span>,
    /// What the next rewrite of a field puts in.
    spare: String,
    built: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Unread,
    Object,
    Other,
}

impl Draft {
    /// A draft of a record outside a pipeline, to try a step.
    pub fn new(body: impl Into<Bytes>, content: Content) -> Self {
        Self {
            body: body.into(),
            content,
            shape: Shape::Unread,
            proven: false,
            edited: false,
            text: String::new(),
            read: 0,
            root: Span::default(),
            fields: Vec::new(),
            level: Vec::new(),
            cuts: Vec::new(),
            spare: String::new(),
            built: None,
        }
    }

    /// Takes the next record. `proven` says that it has been checked before.
    pub(super) fn load(&mut self, body: Bytes, content: Content, proven: bool) {
        self.body = body;
        self.content = content;
        self.proven = proven;
        self.forget();
    }

    fn forget(&mut self) {
        self.shape = Shape::Unread;
        self.edited = false;
        self.fields.clear();
        self.built = None;
    }

    /// The bytes of the record as they are now, all edits included.
    pub fn body(&mut self) -> &[u8] {
        if !self.edited {
            return &self.body;
        }
        if self.built.is_none() {
            self.built = Some(self.build());
        }
        self.built.as_deref().unwrap_or_default().as_bytes()
    }

    /// What the bytes are.
    #[must_use]
    pub fn content(&self) -> Content {
        self.content
    }

    /// Puts other bytes in the place of the record, of the same content. JSON is checked after the step.
    pub fn replace(&mut self, body: impl Into<Bytes>) {
        self.body = body.into();
        self.proven = false;
        self.forget();
    }

    /// Says that the bytes are something else than before. JSON is checked after the step.
    pub fn set_content(&mut self, content: Content) {
        if content != self.content {
            let body = self.take_body();
            self.content = content;
            self.replace(body);
        }
    }

    fn take_body(&mut self) -> Bytes {
        if self.edited { Bytes::from(self.build()) } else { std::mem::take(&mut self.body) }
    }

    /// Reads the JSON of the record, if that has not been done, and checks all of it.
    ///
    /// # Errors
    /// The reasons are `json`, with the first wrong byte in the message, `json-depth` and `not-json`.
    pub fn check(&mut self) -> Result<(), RecordError> {
        if self.shape != Shape::Unread {
            return Ok(());
        }
        if self.content != Content::Json {
            return Err(RecordError::new("not-json", "the content of the record is not JSON"));
        }
        let text = simdutf8::basic::from_utf8(&self.body).map_err(|_| no_utf8(&self.body))?;
        self.text.clear();
        self.text.push_str(text);
        self.read = text.len();
        self.fields.clear();
        let text = self.text.as_bytes();
        let start = scan::space(text, 0);
        if text.get(start) != Some(&b'{') {
            self.root = scan::whole(text, 0)?;
            self.shape = Shape::Other;
        } else {
            let mut reserved = false;
            let end = scan::object(text, start, 0, |member| {
                reserved |= member.escaped || text[member.key.start + 1] == b'_';
                self.fields.push(member);
            })?;
            scan::finish(text, end)?;
            self.root = Span::new(start, end);
            self.shape = Shape::Object;
            if reserved {
                self.free_reserved();
            }
        }
        self.proven = true;
        Ok(())
    }

    /// Checks what the last step left behind, unless that is known to be right.
    pub(super) fn prove(&mut self) -> Result<(), RecordError> {
        if self.proven || self.content != Content::Json { Ok(()) } else { self.check() }
    }

    /// Renames every reserved field.
    fn free_reserved(&mut self) {
        for n in 0..self.fields.len() {
            if !is_key(&self.text, &self.fields[n], RESERVED) {
                continue;
            }
            let mut name = format!("{RESERVED}_origin");
            let mut number = 2;
            while self.find(&name).is_some() {
                name = format!("{RESERVED}_origin_{number}");
                number += 1;
            }
            self.rename_field(n, &name);
        }
    }

    /// The field that is read under a name: the last of it.
    fn find(&self, name: &str) -> Option<usize> {
        self.fields.iter().rposition(|field| is_key(&self.text, field, name))
    }
}

/// Where a text stops being UTF-8: looked for only if it is known to.
#[cold]
fn no_utf8(body: &[u8]) -> RecordError {
    let at = simdutf8::compat::from_utf8(body).map_or_else(|error| error.valid_up_to(), str::len);
    RecordError::new("json", format!("not JSON: not UTF-8 at byte {at}"))
}

/// Whether the key of a member means `name`.
#[inline]
fn is_key(text: &str, member: &Member, name: &str) -> bool {
    if member.escaped {
        return is_escaped_key(text, member, name);
    }
    let key = member.key;
    key.end - key.start == name.len() + 2 && text.as_bytes()[key.start + 1..key.end - 1] == *name.as_bytes()
}

#[cold]
fn is_escaped_key(text: &str, member: &Member, name: &str) -> bool {
    text::meaning(member.key.of(text)).as_deref() == Some(name)
}

impl fmt::Debug for Draft {
    /// Shows no data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("bytes", &self.body.len())
            .field("content", &self.content)
            .field("edited", &self.edited)
            .finish_non_exhaustive()
    }
}
