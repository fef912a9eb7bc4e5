//! What a server says when it gives no page.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

/// The longest text of a server that is shown.
const LONGEST: usize = 300;

/// What an error body says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

/// Reads the error of a body, JSON of either version or XML. Says nothing where there is none.
pub(super) fn said(body: &[u8]) -> Said {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    match body.first() {
        Some(b'{') => serde_json::from_slice(body).map(|value| of_json(&value)).unwrap_or_default(),
        Some(b'<') => of_xml(body),
        _ => Said::default(),
    }
}

fn of_json(body: &Value) -> Said {
    let Some(error) = body.get("error").or_else(|| body.get("odata.error")) else { return Said::default() };
    let message = error.get("message");
    let message = message.and_then(|message| message.as_str().or_else(|| message.get("value")?.as_str()));
    Said { code: error.get("code").and_then(Value::as_str).and_then(shown), message: message.and_then(shown) }
}

/// `<error><code>…</code><message>…</message></error>`, whatever the namespace. The first of each counts.
fn of_xml(body: &[u8]) -> Said {
    let body = String::from_utf8_lossy(body);
    let mut reader = Reader::from_str(&body);
    let (mut said, mut name, mut text) = (Said::default(), String::new(), String::new());
    for _ in 0..200 {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                start.local_name().as_ref().clone_into(&mut name);
                text.clear();
            }
            Ok(Event::Text(found)) if text.len() < LONGEST => {
                text.push_str(&found.xml10_content());
            }
            Ok(Event::End(_)) => {
                match name.as_str() {
                    "code" if said.code.is_none() => said.code = shown(&text),
                    "message" if said.message.is_none() => said.message = shown(&text),
                    _ => {}
                }
                name.clear();
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    said
}

/// A text of a server, short and without what would break a line.
fn shown(text: &str) -> Option<String> {
    let text: String =
        text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_in_every_shape() {
        for (body, code, message) in [
            (
                r#"{"error":{"code":"SY/530","message":{"lang":"en","value":"No such token"}}}"#,
                "SY/530",
                "No such token",
            ),
            (r#"{"error":{"code":"410","message":"Gone","details":[]}}"#, "410", "Gone"),
            (
                r#"<?xml version="1.0"?><error xmlns="http://x"><code>/IWBEP/CM</code><message xml:lang="en">Bad
filter</message><innererror><code>2</code></innererror></error>"#,
                "/IWBEP/CM",
                "Bad filter",
            ),
        ] {
            let said = said(body.as_bytes());
            assert_eq!((said.code.as_deref(), said.message.as_deref()), (Some(code), Some(message)));
        }
    }

    #[test]
    fn anything_else_says_nothing() {
        for body in ["", "<html><body>Log in", "{", "oops", r#"{"error":"x"}"#, "<a><b></a>"] {
            assert_eq!(said(body.as_bytes()), Said::default(), "{body}");
        }
        assert_eq!(
            said(format!(r#"{{"error":{{"code":"{}"}}}}"#, "x".repeat(999)).as_bytes()).code.unwrap().len(),
            LONGEST
        );
    }
}
