//! What a page is.

use std::sync::Arc;

use datalake_core::{Csv, Format};

/// The format of a page: the one given, or else by its content type, by the end of its path where that says nothing,
/// and whole where nothing does. An empty CSV header is filled from the first row.
pub(super) fn detect(
    given: Option<&Format>,
    records: Option<&str>,
    content_type: Option<&str>,
    path: &str,
    body: &[u8],
) -> Format {
    let format = match (given, records) {
        (Some(format), _) => format.clone(),
        (None, Some(pointer)) => Format::JsonArray { pointer: pointer.to_owned() },
        (None, None) => {
            by_type(content_type, body).or_else(|| by_extension(path, body)).unwrap_or(Format::Whole)
        }
    };
    match format {
        Format::Csv(csv) if csv.has_header && csv.header.is_empty() => {
            Format::Csv(Csv { header: header(body, csv.delimiter), ..csv })
        }
        format => format,
    }
}

fn by_type(content_type: Option<&str>, body: &[u8]) -> Option<Format> {
    let name = content_type?.split(';').next()?.trim().to_ascii_lowercase();
    match name.as_str() {
        "text/plain" | "application/octet-stream" | "binary/octet-stream" | "" => None,
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonlines"
        | "application/jsonlines"
        | "application/json-lines"
        | "application/json-l" => Some(Format::Ndjson),
        "text/csv" | "application/csv" => Some(csv(',')),
        "text/tab-separated-values" => Some(csv('\t')),
        "application/json" | "text/json" => Some(json(body)),
        name if name.ends_with("+json") => Some(json(body)),
        _ => Some(Format::Whole),
    }
}

fn by_extension(path: &str, body: &[u8]) -> Option<Format> {
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        "json" | "geojson" => Some(json(body)),
        "csv" => Some(csv(',')),
        "tsv" | "tab" => Some(csv('\t')),
        _ => None,
    }
}

fn json(body: &[u8]) -> Format {
    match without_mark(body).iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => Format::json_array(),
        _ => Format::Json,
    }
}

fn csv(delimiter: char) -> Format {
    Format::Csv(Csv { delimiter, header: Arc::from([]), has_header: true })
}

/// A body without its byte order mark.
pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// The fields of the first row (RFC 4180).
fn header(body: &[u8], delimiter: char) -> Arc<[String]> {
    let body = without_mark(body);
    let delimiter = u8::try_from(delimiter).unwrap_or(b',');
    let mut names = Vec::new();
    let mut name = Vec::new();
    let mut quoted = false;
    let mut bytes = body.iter().copied().peekable();
    let blank = |byte: &u8| matches!(byte, b'\r' | b'\n');
    while bytes.next_if(blank).is_some() {}
    if bytes.peek().is_none() {
        return Arc::from([]);
    }
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if quoted && bytes.next_if_eq(&b'"').is_some() => name.push(b'"'),
            b'"' if quoted => quoted = false,
            b'"' if name.is_empty() => quoted = true,
            b'\r' | b'\n' if !quoted => break,
            byte if byte == delimiter && !quoted => names.push(std::mem::take(&mut name)),
            byte => name.push(byte),
        }
    }
    names.push(name);
    names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(content_type: &str, path: &str, body: &str) -> Format {
        detect(None, None, Some(content_type), path, body.as_bytes())
    }

    #[test]
    fn the_content_type_decides() {
        assert_eq!(detected("application/json; charset=utf-8", "/x", " [1]"), Format::json_array());
        assert_eq!(detected("application/hal+json", "/x", "{}"), Format::Json);
        assert_eq!(detected("application/x-ndjson", "/x.csv", ""), Format::Ndjson);
        assert_eq!(detected("text/html", "/x.json", "<p>"), Format::Whole);
        assert_eq!(detected("text/plain", "/data/cars.json", "\u{feff}[]"), Format::json_array());
        assert_eq!(detected("text/plain", "/data/cars", "[]"), Format::Whole);
    }

    #[test]
    fn a_header_is_read_from_the_first_row() {
        let names = |body: &str| match detected("text/csv", "/", body) {
            Format::Csv(csv) => csv.header.join("|"),
            other => panic!("{other:?}"),
        };
        assert_eq!(names("a,b,c\r\n1,2,3"), "a|b|c");
        assert_eq!(names("\u{feff}\"a\",\"b \"\"x\"\",\ny\",c"), "a|b \"x\",\ny|c");
        assert_eq!(names(""), "");
        assert_eq!(names("one"), "one");
        assert_eq!(names("a,,\n"), "a||");
    }

    #[test]
    fn what_is_given_wins() {
        let format = detect(Some(&Format::Lines), None, Some("application/json"), "/x.csv", b"[]");
        assert_eq!(format, Format::Lines);
        let format = detect(None, Some("/items"), Some("text/html"), "/x.csv", b"");
        assert_eq!(format, Format::JsonArray { pointer: "/items".into() });
    }
}
