//! What a page is.

use datalake_core::split::{detect_delimiter, detect_json};
use datalake_core::{Csv, Format};

/// So much of a page is looked at.
const HEAD: usize = 1 << 20;

/// The format of a page: the one given, or else by its content type, by the end of its path where that says nothing,
/// and whole where nothing does.
pub(super) fn detect(
    given: Option<&Format>,
    records: Option<&str>,
    content_type: Option<&str>,
    path: &str,
    body: &[u8],
) -> Format {
    match (given, records) {
        (Some(format), _) => format.clone(),
        (None, Some(pointer)) => Format::JsonArray { pointer: pointer.to_owned() },
        (None, None) => {
            by_type(content_type, body).or_else(|| by_extension(path, body)).unwrap_or(Format::Whole)
        }
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
        "text/csv" | "application/csv" => Some(csv(detect_delimiter(body))),
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
        "csv" => Some(csv(detect_delimiter(body))),
        "tsv" | "tab" => Some(csv('\t')),
        _ => None,
    }
}

fn json(body: &[u8]) -> Format {
    detect_json(&body[..body.len().min(HEAD)])
}

fn csv(delimiter: char) -> Format {
    Format::Csv(Csv::new(delimiter))
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
    fn delimited_text_has_the_delimiter_it_seems_to_have() {
        for (content_type, body, delimiter) in [
            ("text/csv", "a;b\n1;2", ';'),
            ("text/csv", "a", ','),
            ("text/tab-separated-values", "a,b", '\t'),
        ] {
            let Format::Csv(csv) = detected(content_type, "/", body) else { panic!("{body}") };
            assert_eq!((csv.delimiter, csv.has_header), (delimiter, true));
        }
    }

    #[test]
    fn what_is_given_wins() {
        let format = detect(Some(&Format::Lines), None, Some("application/json"), "/x.csv", b"[]");
        assert_eq!(format, Format::Lines);
        let format = detect(None, Some("/items"), Some("text/html"), "/x.csv", b"");
        assert_eq!(format, Format::JsonArray { pointer: "/items".into() });
    }
}
