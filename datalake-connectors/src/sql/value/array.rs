//! Arrays: `{1,NULL,"a b"}`, `{{1,2},{3,4}}`, `[0:1]={1,2}`.

use super::{Kind, odd};
use datalake_core::RecordError;

/// Arrays have at most six dimensions.
const DIMENSIONS: usize = 6;

pub(super) fn write(
    text: &str,
    of: &Kind,
    delimiter: char,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), RecordError> {
    let text = match text.strip_prefix('[').and_then(|text| text.split_once('=')) {
        Some((_, array)) => array,
        None => text,
    };
    let mut elements = Elements { text, of, delimiter, depth, scratch: String::new() };
    elements.braced(0, out)?;
    if elements.text.is_empty() { Ok(()) } else { Err(odd("an array goes on after its end")) }
}

struct Elements<'a> {
    text: &'a str,
    of: &'a Kind,
    delimiter: char,
    depth: usize,
    scratch: String,
}

impl Elements<'_> {
    fn braced(&mut self, dimension: usize, out: &mut Vec<u8>) -> Result<(), RecordError> {
        if dimension >= DIMENSIONS {
            return Err(odd("an array has too many dimensions"));
        }
        self.text = self.text.strip_prefix('{').ok_or_else(|| odd("an array does not begin with a brace"))?;
        out.push(b'[');
        if let Some(rest) = self.text.strip_prefix('}') {
            self.text = rest;
            out.push(b']');
            return Ok(());
        }
        loop {
            if self.text.starts_with('{') {
                self.braced(dimension + 1, out)?;
            } else {
                self.element(out)?;
            }
            let mut rest = self.text.chars();
            let next = rest.next();
            self.text = rest.as_str();
            match next {
                Some('}') => break,
                Some(found) if found == self.delimiter => out.push(b','),
                _ => return Err(odd("an array does not end")),
            }
        }
        out.push(b']');
        Ok(())
    }

    fn element(&mut self, out: &mut Vec<u8>) -> Result<(), RecordError> {
        let text = self.text;
        if let Some(quoted) = text.strip_prefix('"') {
            self.scratch.clear();
            let mut chars = quoted.chars();
            loop {
                match chars.next() {
                    Some('"') => break,
                    Some('\\') => self.scratch.extend(chars.next()),
                    Some(other) => self.scratch.push(other),
                    None => return Err(odd("a quoted element does not end")),
                }
            }
            self.text = chars.as_str();
            return self.of.nested(&self.scratch, self.depth + 1, out);
        }
        let end = text.find([self.delimiter, '}']).unwrap_or(text.len());
        let (element, rest) = text.split_at(end);
        self.text = rest;
        if element == "NULL" {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        self.of.nested(element, self.depth + 1, out)
    }
}
