use serde::de::IgnoredAny;

use super::random::{Random, object, tree};
use super::scan::*;
use crate::RecordError;

fn fault(text: &str) -> String {
    RecordError::from(whole(text.as_bytes(), 0).unwrap_err()).to_string()
}

fn agrees(text: &str) {
    let ours = whole(text.as_bytes(), 0);
    let theirs = serde_json::from_str::<IgnoredAny>(text);
    assert_eq!(ours.is_ok(), theirs.is_ok(), "{text:?}: {ours:?} {theirs:?}");
}

#[test]
fn what_json_is_agrees_with_serde_json_on_every_edge() {
    let fragments = [
        "",
        " ",
        "0",
        "-",
        "-0",
        "00",
        "01",
        "1.",
        ".1",
        "1.0",
        "1e",
        "1e+",
        "1E-9",
        "1e5.0",
        "+1",
        "-a",
        "1a",
        "0x1",
        "NaN",
        "t",
        "true",
        "True",
        "trueish",
        "nul",
        "null",
        "\"",
        "\"\"",
        "\"a",
        "\"\\\"",
        "\"\\\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u1234\"",
        "\"\\ud800\"",
        "\"\t\"",
        "\"\0\"",
        "\"\u{1f}\"",
        "\"\u{7f}\"",
        "\"\u{80}\"",
        "'a'",
        "{",
        "}",
        "[",
        "]",
        "{}",
        "[]",
        "[,]",
        "[1,]",
        "[1 2]",
        "[1,2]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1,\"a\":2}",
        "[}",
        "{]",
        "[1}",
        "{\"a\":1]",
        "[[1]",
        "[1]]",
        "{} {}",
        "1 1",
        "/**/1",
        "\u{feff}1",
        "\u{a0}1",
        "\u{c}1",
        "\0",
        "1\0",
        "[\0]",
        "\"12345678\"",
        "\"1234567\"",
        "\"123456789\"",
        "\"1234567\\n9\"",
    ];
    for fragment in fragments {
        agrees(fragment);
        for (before, after) in
            [("[", "]"), (" ", "\n"), ("{\"k\":", "}"), ("{\"k\":[1,", ",true]}"), ("[{\"k\":", ",\"l\":0}]")]
        {
            agrees(&format!("{before}{fragment}{after}"));
        }
    }
}

#[test]
fn what_json_is_agrees_with_serde_json_on_random_and_on_damaged_text() {
    let mut random = Random(1);
    let odd = b"\"\\{}[]:,0-+.eE tfnu\x00\x1f\n\x7fa";
    for _ in 0..30_000 {
        let text = if random.below(4) == 0 { tree(&mut random, 4) } else { object(&mut random, 4) }.text();
        assert!(whole(text.as_bytes(), 0).is_ok(), "{text}");
        agrees(&text);
        let mut bytes = text.into_bytes();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = odd[random.below(odd.len())],
                1 => bytes.insert(at, odd[random.below(odd.len())]),
                2 if bytes.len() > 1 => {
                    bytes.remove(at);
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Ok(text) = String::from_utf8(bytes) {
            agrees(&text);
        }
    }
}

#[test]
fn a_string_stops_at_the_right_byte_wherever_it_stands() {
    for before in 0..20 {
        for byte in 0..=0x7f_u8 {
            let text = format!("[\"{}{}é\"]", "é ".repeat(before), byte as char);
            agrees(&text);
        }
    }
}

#[test]
fn a_fault_names_the_first_wrong_byte() {
    let cases = [
        ("", "json: not JSON: a value is missing at byte 0"),
        ("{\"a\":1 x", "json: not JSON: a ',' or '}' is missing at byte 7"),
        ("[1;2]", "json: not JSON: a ',' or ']' is missing at byte 2"),
        ("{\"a\" 1}", "json: not JSON: a ':' is missing at byte 5"),
        ("{\"a\":1,}", "json: not JSON: a key is missing at byte 7"),
        ("[\"a\nb\"]", "json: not JSON: a control character stands in a string at byte 3"),
        ("[\"abc", "json: not JSON: a string does not end at byte 5"),
        ("[\"abc\\x\"]", "json: not JSON: an escape is unknown or cut short at byte 5"),
        ("[-x]", "json: not JSON: a number is cut short at byte 2"),
        ("1 2", "json: not JSON: something follows the value at byte 2"),
    ];
    for (text, message) in cases {
        assert_eq!(fault(text), message, "{text}");
    }
}

#[test]
fn a_text_may_be_64_levels_deep_and_no_deeper() {
    for (open, inner, close) in [("[", "", "]"), ("{\"a\":", "1", "}"), ("[{\"a\":", "0", "}]")] {
        let levels = open.matches(['[', '{']).count();
        let deep = |n: usize| format!("{}{inner}{}", open.repeat(n), close.repeat(n));
        assert!(whole(deep(64 / levels).as_bytes(), 0).is_ok());
        assert_eq!(fault(&deep(64 / levels + 1)).split(':').next(), Some("json-depth"));
        assert_eq!(fault(&deep(1_000_000)).split(':').next(), Some("json-depth"));
        assert!(whole(deep(8).as_bytes(), 64 - 8 * levels).is_ok());
        assert!(whole(deep(8).as_bytes(), 64 - 8 * levels + 1).is_err());
    }
}
