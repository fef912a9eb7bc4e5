//! One page: how many rows, where they lie, and where it leads.

use std::ops::Range;

use super::{Version, scan};
use datalake_core::{Error, ErrorKind, Format, Result};

/// What is to be known of a page. Rows are slices of its bytes, found by one pass without a tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// Where the array of rows is, as a JSON Pointer.
    pub(crate) pointer: &'static str,
    /// How many rows there are.
    pub(crate) rows: u64,
    /// The link to the next page (`@odata.nextLink`, `@nextLink`, `__next`).
    pub(crate) next: Option<String>,
    /// The link to what changes from now on (`@odata.deltaLink`, `@deltaLink`, `__delta`).
    pub(crate) delta: Option<String>,
    /// What the page is of (`@odata.context`), version 4 alone.
    pub(crate) context: Option<String>,
}

impl Page {
    /// Reads a page and shows each row as it lies in it, in order. Keeps a processor busy.
    ///
    /// # Errors
    /// `Unavailable` if the page is torn or holds an error in the place of rows; `Unexpected` if it is no page of rows.
    pub(crate) fn read(bytes: &[u8], version: Version, row: impl FnMut(Range<usize>)) -> Result<Self> {
        let start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut reader = Reader { bytes, row, page: Self::default(), found: false };
        let end = match version {
            Version::V4 => reader.object(scan::space(bytes, start), Reader::member_v4)?,
            Version::V2 => reader.object(scan::space(bytes, start), Reader::envelope_v2)?,
        };
        if scan::space(bytes, end) != bytes.len() {
            return Err(torn("there is text after the end of the page"));
        }
        if !reader.found {
            return Err(Error::unexpected("the answer is no page of rows; the url may name a single entity"));
        }
        Ok(reader.page)
    }

    /// How the page divides into records.
    pub(crate) fn format(&self) -> Format {
        Format::JsonArray { pointer: self.pointer.to_owned() }
    }
}

struct Reader<'a, F> {
    bytes: &'a [u8],
    row: F,
    page: Page,
    found: bool,
}

/// Takes the value of a member that begins at an offset, and gives its end.
type Member<R> = fn(&mut R, &[u8], usize) -> Result<usize>;

impl<F: FnMut(Range<usize>)> Reader<'_, F> {
    /// The members of an object. Gives its end.
    fn object(&mut self, at: usize, member: Member<Self>) -> Result<usize> {
        let bytes = self.bytes;
        match bytes.get(at) {
            Some(b'{') => {}
            Some(_) => return Err(Error::unexpected("the answer is no page of rows")),
            None => return Err(torn("the page is empty")),
        }
        let mut at = scan::space(bytes, at + 1);
        if bytes.get(at) == Some(&b'}') {
            return Ok(at + 1);
        }
        loop {
            if bytes.get(at) != Some(&b'"') {
                return Err(torn("the page breaks off or is no JSON"));
            }
            let end = scan::string(bytes, at).ok_or_else(short)?;
            let key = &bytes[at + 1..end - 1];
            at = scan::space(bytes, end);
            if bytes.get(at) != Some(&b':') {
                return Err(torn("the page breaks off or is no JSON"));
            }
            at = member(self, key, scan::space(bytes, at + 1))?;
            at = scan::space(bytes, at);
            match bytes.get(at) {
                Some(b',') => at = scan::space(bytes, at + 1),
                Some(b'}') => return Ok(at + 1),
                _ => return Err(torn("the page breaks off or is no JSON")),
            }
        }
    }

    fn member_v4(&mut self, key: &[u8], at: usize) -> Result<usize> {
        match key {
            b"value" => return self.array(at, "/value"),
            b"error" => return Err(torn("the page ends with an error of the server")),
            _ => {}
        }
        let end = scan::value(self.bytes, at).ok_or_else(short)?;
        match key {
            b"@odata.nextLink" | b"@nextLink" => self.page.next = self.text(at..end)?,
            b"@odata.deltaLink" | b"@deltaLink" => self.page.delta = self.text(at..end)?,
            b"@odata.context" | b"@context" => self.page.context = self.text(at..end)?,
            _ => {}
        }
        Ok(end)
    }

    fn envelope_v2(&mut self, key: &[u8], at: usize) -> Result<usize> {
        match (key, self.bytes.get(at)) {
            (b"error", _) => Err(torn("the page ends with an error of the server")),
            (b"d", Some(b'[')) => self.array(at, "/d"),
            (b"d", Some(b'{')) => self.object(at, Self::member_v2),
            _ => scan::value(self.bytes, at).ok_or_else(short),
        }
    }

    fn member_v2(&mut self, key: &[u8], at: usize) -> Result<usize> {
        if key == b"results" {
            return self.array(at, "/d/results");
        }
        let end = scan::value(self.bytes, at).ok_or_else(short)?;
        match key {
            b"__next" => self.page.next = self.text(at..end)?,
            b"__delta" => self.page.delta = self.text(at..end)?,
            _ => {}
        }
        Ok(end)
    }

    /// The array of rows. Gives its end.
    fn array(&mut self, at: usize, pointer: &'static str) -> Result<usize> {
        let bytes = self.bytes;
        if bytes.get(at) != Some(&b'[') {
            let end = scan::value(bytes, at).ok_or_else(short)?;
            return Err(Error::unexpected("the rows of the page are no array").with("bytes", end - at));
        }
        if std::mem::replace(&mut self.found, true) {
            return Err(Error::unexpected("the page has its rows twice"));
        }
        self.page.pointer = pointer;
        let mut at = scan::space(bytes, at + 1);
        if bytes.get(at) == Some(&b']') {
            return Ok(at + 1);
        }
        loop {
            let end = scan::value(bytes, at).ok_or_else(short)?;
            (self.row)(at..end);
            self.page.rows += 1;
            at = scan::space(bytes, end);
            match bytes.get(at) {
                Some(b',') => at = scan::space(bytes, at + 1),
                Some(b']') => return Ok(at + 1),
                _ => return Err(torn("the page breaks off or is no JSON")),
            }
        }
    }

    /// A link: text, or nothing.
    fn text(&self, range: Range<usize>) -> Result<Option<String>> {
        let text: Option<String> = serde_json::from_slice(&self.bytes[range])
            .map_err(|_| Error::unexpected("a link of the page is no text"))?;
        Ok(text.filter(|text| !text.is_empty()))
    }
}

fn short() -> Error {
    torn("the page breaks off")
}

/// A page that is not whole. Another try may bring it whole.
fn torn(what: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, version: Version) -> Result<(Page, Vec<&str>)> {
        let mut rows = Vec::new();
        let page = Page::read(text.as_bytes(), version, |row| rows.push(&text[row]))?;
        Ok((page, rows))
    }

    #[test]
    fn a_page_of_version_4_gives_its_rows_byte_for_byte() {
        let text = r#" {"@odata.context":"$metadata#Orders","value":[{"a":1.10, "b":"]}\""} , {"a":null}],
            "@odata.nextLink":"Orders?$skiptoken='\u0041'","@odata.count":7} "#;
        let (page, rows) = read(text, Version::V4).unwrap();
        assert_eq!(rows, [r#"{"a":1.10, "b":"]}\""}"#, r#"{"a":null}"#]);
        assert_eq!((page.rows, page.pointer), (2, "/value"));
        assert_eq!(page.next.as_deref(), Some("Orders?$skiptoken='A'"));
        assert_eq!((page.delta, page.context.as_deref()), (None, Some("$metadata#Orders")));
    }

    #[test]
    fn the_shorter_names_of_4_01_are_known() {
        let text = r##"{"@context":"#Orders/$delta","value":[],"@deltaLink":"Orders?$deltatoken=7"}"##;
        let (page, _) = read(text, Version::V4).unwrap();
        assert_eq!(page.delta.as_deref(), Some("Orders?$deltatoken=7"));
        assert_eq!(page.context.as_deref(), Some("#Orders/$delta"));
        let (page, _) = read(r#"{"value":[],"@nextLink":null}"#, Version::V4).unwrap();
        assert_eq!(page.next, None);
    }

    #[test]
    fn a_page_of_version_2_comes_in_two_shapes() {
        let text =
            r#"{"d":{"__count":"3","results":[{"a":"1"},{"a":"2"}],"__next":"https:\/\/h\/x?$skiptoken=2"}}"#;
        let (page, rows) = read(text, Version::V2).unwrap();
        assert_eq!((rows.len(), page.pointer), (2, "/d/results"));
        assert_eq!(page.next.as_deref(), Some("https://h/x?$skiptoken=2"));
        let (page, rows) = read(r#"{"d":[{"a":"1"}]}"#, Version::V2).unwrap();
        assert_eq!((rows.len(), page.pointer), (1, "/d"));
        let text = r#"{"d":{"results":[],"__delta":"x?!deltatoken='D2026'"}}"#;
        assert_eq!(read(text, Version::V2).unwrap().0.delta.as_deref(), Some("x?!deltatoken='D2026'"));
    }

    #[test]
    fn a_page_cut_anywhere_is_torn_and_never_half_a_page() {
        for (text, version) in [
            (r#"{"@odata.context":"c","value":[{"a":1},{"b":"x"}],"@odata.nextLink":"n"}"#, Version::V4),
            (r#"{"d":{"results":[{"a":1},{"b":"x"}],"__next":"n"}}"#, Version::V2),
        ] {
            assert!(read(text, version).is_ok());
            for end in 0..text.len() {
                let error = read(&text[..end], version).unwrap_err();
                assert!(error.is_retryable(), "{}: {error}", &text[..end]);
            }
            assert!(read(&format!("{text}x"), version).unwrap_err().is_retryable());
        }
    }

    #[test]
    fn an_error_in_the_middle_of_a_page_is_no_page() {
        for (text, version) in [
            (r#"{"value":[{"a":1}],"error":{"code":"X","message":"late"}}"#, Version::V4),
            (r#"{"error":{"code":"X","message":{"value":"late"}}}"#, Version::V2),
        ] {
            assert!(read(text, version).unwrap_err().is_retryable());
        }
    }

    #[test]
    fn what_is_no_page_of_rows_is_refused() {
        for (text, version) in [
            (r#"{"@odata.context":"c","a":1}"#, Version::V4),
            (r#"{"d":{"__metadata":{},"a":1}}"#, Version::V2),
            (r#"{"value":{}}"#, Version::V4),
            ("[1]", Version::V4),
            ("<html>", Version::V2),
            (r#"{"value":[],"value":[]}"#, Version::V4),
        ] {
            assert_eq!(read(text, version).unwrap_err().kind(), ErrorKind::Unexpected, "{text}");
        }
    }
}
