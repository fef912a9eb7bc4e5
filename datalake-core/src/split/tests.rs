use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::format::Csv;

fn pieces_at(bytes: &[u8], offset: u64, format: Format) -> Vec<Piece> {
    let document = Document::new(Bytes::copy_from_slice(bytes), "test", format).at(offset);
    let mut pieces = Vec::new();
    split(&document, |piece| pieces.push(piece));
    assert_eq!(Decoders::default().count(&document) as usize, pieces.len());
    pieces
}

fn bodies(bytes: impl AsRef<[u8]>, format: Format) -> Vec<String> {
    pieces_at(bytes.as_ref(), 0, format)
        .iter()
        .map(|piece| {
            let body = String::from_utf8_lossy(&piece.body);
            piece.error.as_ref().map_or_else(|| body.to_string(), |error| format!("{}!{body}", error.reason))
        })
        .collect()
}

fn csv(header: &[&str], has_header: bool) -> Format {
    let header = header.iter().map(ToString::to_string).collect::<Vec<_>>();
    Format::Csv(Csv { header: header.into(), has_header, ..Csv::new(',') })
}

fn rows(bytes: impl AsRef<[u8]>) -> Vec<Value> {
    let of = |piece: &Piece| match &piece.error {
        None => serde_json::from_slice(&piece.body).unwrap(),
        Some(error) => json!(format!("{}: {}", error.message, String::from_utf8_lossy(&piece.body))),
    };
    pieces_at(bytes.as_ref(), 0, csv(&[], true)).iter().map(of).collect()
}

#[test]
fn a_whole_document_is_one_record_even_when_empty() {
    assert_eq!(bodies("<a/>\n", Format::Whole), ["<a/>\n"]);
    assert_eq!(bodies("", Format::Whole), [""]);
}

#[test]
fn a_json_document_leaves_out_its_mark_and_the_space_around_it() {
    let pieces = pieces_at(b"\xef\xbb\xbf {\"a\": 1}\r\n", 0, Format::Json);
    assert_eq!((pieces[0].range.clone(), &pieces[0].body[..]), (4..12, &b"{\"a\": 1}"[..]));
    assert_eq!(bodies(" \n", Format::Json), [""]);
}

#[test]
fn every_line_is_a_record_and_the_last_needs_no_end() {
    assert_eq!(bodies("a\r\n\n\rb\nc", Format::Lines), ["a", "", "\rb", "c"]);
    assert_eq!(bodies("\n", Format::Lines), [""]);
    assert_eq!(bodies("", Format::Lines), Vec::<String>::new());
    assert_eq!(pieces_at(b"\xef\xbb\xbfa\0\xff\n", 0, Format::Lines)[0].body, &b"\xef\xbb\xbfa\0\xff"[..]);
}

#[test]
fn ndjson_passes_over_blank_lines_and_a_mark_at_the_beginning_only() {
    assert_eq!(bodies("\u{feff}{}\r\n \t\r\n\n[1]", Format::Ndjson), ["{}", "[1]"]);
    let later = pieces_at(b"\xef\xbb\xbf1\n", 9, Format::Ndjson);
    assert_eq!(later[0].body, &b"\xef\xbb\xbf1"[..]);
}

#[test]
fn an_array_gives_its_elements_as_they_are() {
    let text = "\u{feff}[ {\"a\": \"]},[\\\"\"},\n [1, [2]] , 0.30,\"x,\" ,null\t]\n";
    let expected = ["{\"a\": \"]},[\\\"\"}", "[1, [2]]", "0.30", "\"x,\"", "null"];
    assert_eq!(bodies(text, Format::json_array()), expected);
    assert_eq!(bodies(" [ ] ", Format::json_array()), Vec::<String>::new());
    assert_eq!(bodies("", Format::json_array()), Vec::<String>::new());
}

#[test]
fn a_fragment_of_an_array_needs_no_brackets() {
    let fragment = |text: &str| pieces_at(text.as_bytes(), 10, Format::json_array());
    let bodies: Vec<_> = fragment("[1],\n[2]]\n").into_iter().map(|piece| piece.body).collect();
    assert_eq!(bodies, ["[1]", "[2]"]);
    assert_eq!(fragment(" {},{}, ").len(), 2);
}

#[test]
fn a_broken_element_costs_no_other_that_begins_on_a_line_like_it() {
    let text = "[\n  {\"a\":\"x\n  y\"},\n  {\"b\":[{\n  }]},\n  {\"c\":[1,2}},\n  {\"d\":1}\n]";
    let expected = ["json!{\"a\":\"x\n  y\"},", "{\"b\":[{\n  }]}", "json!{\"c\":[1,2}},", "{\"d\":1}"];
    assert_eq!(bodies(text, Format::json_array()), expected);
    assert_eq!(bodies("[{\"a\":1]},\n{\"b\":1}]", Format::json_array()), ["json!{\"a\":1]},", "{\"b\":1}"]);
}

#[test]
fn commas_are_counted() {
    assert_eq!(bodies("[1,,2]", Format::json_array()), ["1", "json!,", "2"]);
    assert_eq!(bodies("[{} {},{}]", Format::json_array()), ["{}", "json!{}", "{}"]);
    assert_eq!(bodies("[1,]", Format::json_array()), ["1"]);
    assert_eq!(bodies("[1] x ", Format::json_array()), ["1", "json!x"]);
    assert_eq!(bodies("[1,{\"a\":", Format::json_array()), ["1", "json!{\"a\":"]);
}

#[test]
fn nesting_has_a_limit() {
    let deep = format!("[{}{},\n1]", "[".repeat(128), "]".repeat(128));
    assert_eq!(bodies(&deep, Format::json_array()).len(), 2);
    let deeper = format!("[\n{}{},\n[1]]", "[".repeat(129), "]".repeat(129));
    assert!(bodies(&deeper, Format::json_array())[0].starts_with("json!"));
    assert_eq!(bodies(&deeper, Format::json_array())[1], "[1]");
}

#[test]
fn a_pointer_leads_to_the_array() {
    let at = |pointer: &str| Format::JsonArray { pointer: pointer.to_owned() };
    let text = r#"{"n":1,"a":{"x\"/y~":[0,[{"v":1},2]],"s":"]"},"next":"u"}"#;
    assert_eq!(bodies(text, at("/a/x\"~1y~0/1")), [r#"{"v":1}"#, "2"]);
    for (pointer, message) in
        [("/b", "nothing is there"), ("/a", "not an array"), ("/n/x", "nothing is there")]
    {
        let pieces = pieces_at(text.as_bytes(), 0, at(pointer));
        let error = pieces[0].error.as_ref().unwrap();
        assert_eq!((pieces.len(), &*error.message, error.path.as_deref()), (1, message, Some(pointer)));
        assert_eq!(pieces[0].range, 0..text.len());
    }
    assert_eq!(bodies(r#"{"a":[1,2"#, at("/a")), ["1", "2", "json!"]);
    assert_eq!(bodies(r#"{"a":[1,"x"#, at("/a")), ["1", "json!\"x"]);
    assert_eq!(bodies(r#"{"b":tru"#, at("/a")), [r#"json!{"b":tru"#]);
}

#[test]
fn a_row_becomes_an_object_of_strings() {
    let text =
        "\u{feff}id,\"the \"\"name\"\"\",,id\r\n1,\"a, \"\"b\"\"\nc\",,0.30\r\n\r\n2,x\\y\"z,\t,\u{1}é";
    let expected = [
        json!({"id": "1", "the \"name\"": "a, \"b\"\nc", "column_3": "", "id_2": "0.30"}),
        json!({"id": "2", "the \"name\"": "x\\y\"z", "column_3": "\t", "id_2": "\u{1}é"}),
    ];
    assert_eq!(rows(text), expected);
    let body = &pieces_at(b"7,8\n", 9, csv(&["b", "a"], false))[0].body;
    assert_eq!(body, &br#"{"b":"7","a":"8"}"#[..]);
}

#[test]
fn a_row_that_does_not_fit_is_refused_alone() {
    let text = b"a,b\n1,2\n3\n4,5,6\n7,\xff\n8,9".as_slice();
    let expected = [
        json!({"a": "1", "b": "2"}),
        json!("1 fields under 2 columns: 3"),
        json!("3 fields under 2 columns: 4,5,6"),
        json!("not UTF-8: 7,\u{fffd}"),
        json!({"a": "8", "b": "9"}),
    ];
    assert_eq!(rows(text), expected);
}

#[test]
fn a_stray_quote_costs_one_row() {
    const STRAY: &str = "a quoted field is not closed, or text follows its closing quote";
    let text = "a,b\n1,\"x\n2,y\n3,\"z\"\n4,\"open\n5,q\n";
    let expected = [
        json!(format!("{STRAY}: 1,\"x")),
        json!({"a": "2", "b": "y"}),
        json!({"a": "3", "b": "z"}),
        json!(format!("{STRAY}: 4,\"open")),
        json!({"a": "5", "b": "q"}),
    ];
    assert_eq!(rows(text), expected);
}

#[test]
fn fields_and_columns_have_limits() {
    let long = "x".repeat(MAX_FIELD + 1);
    for quote in ["", "\""] {
        let text = format!("a,b\n1,{quote}{}{quote}\n2,{quote}{long}{quote}\n3,y\n", &long[1..]);
        let pieces = pieces_at(text.as_bytes(), 0, csv(&[], true));
        let errors: Vec<_> = pieces.iter().map(|piece| piece.error.is_some()).collect();
        assert_eq!(errors, [false, true, false]);
    }
    let wide = ",".repeat(MAX_COLUMNS);
    assert!(pieces_at(wide.as_bytes(), 0, csv(&[], false))[0].error.is_some());
    assert!(pieces_at(&wide.as_bytes()[1..], 0, csv(&[], false))[0].error.is_none());
}

#[test]
fn a_header_is_read_once_it_is_there() {
    assert_eq!(csv_header(b"\n\"a\nb\",c", ',', false), None);
    let header = csv_header(b"\n\"a\nb\",c\r\n1,2", ',', false).unwrap();
    assert_eq!((header.names, header.end), (vec!["a\nb".to_owned(), "c".to_owned()], 8));
    assert_eq!(csv_header(b"a;b", ';', true).unwrap().names, ["a", "b"]);
    assert_eq!(csv_header(b"\n", ',', true), None);
}

#[test]
fn the_delimiter_is_the_one_of_the_first_line() {
    let detected: Vec<_> =
        ["a;b,c", "\"x,y\";b\n1,2", "a\tb;c", "a"].map(|s| detect_delimiter(s.as_bytes())).into();
    assert_eq!(detected, [',', ';', '\t', ',']);
}

#[test]
fn json_tells_what_it_is() {
    let array = Format::json_array;
    for (text, format) in [
        ("\u{feff} [1,\n2]", array()),
        ("{\"a\":1}\n", Format::Json),
        ("{\n\"a\":1}\n{}", Format::Json),
        ("{\"a\":1} \r\n{\"a\":2}", Format::Ndjson),
        ("[1]\n[2]\n", Format::Ndjson),
        ("1\n2\n", Format::Ndjson),
        ("[1] [2]\n", array()),
        ("", Format::Json),
        ("[{\"a\":1},\n{", array()),
    ] {
        assert_eq!(detect_json(text.as_bytes()), format, "{text}");
    }
}

/// Small numbers that look random, the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % below
    }

    fn text(&mut self, tokens: &[&str], most: usize) -> Vec<u8> {
        (0..self.roll(most)).flat_map(|_| tokens[self.roll(tokens.len())].bytes()).collect()
    }
}

/// The documents a source makes of a file that arrives a little at a time.
fn documents(dice: &mut Dice, file: &[u8], format: &Format) -> Vec<Document> {
    let header_end = match format {
        Format::Csv(_) => csv_header(file, ',', true).map_or(0, |header| header.end),
        _ => 0,
    };
    let mut documents: Vec<Document> = Vec::new();
    let (mut start, mut end) = (0, 0);
    let mut cutter = Cutter::new(format, 0);
    while end < file.len() {
        end = (end + 1 + dice.roll(9)).min(file.len());
        let mut cut = cutter.find(&file[start..end]);
        if end == file.len() {
            cut = end - start;
        } else if dice.roll(3) > 0 || cut == 0 {
            continue;
        } else {
            cutter.taken(cut);
            assert!(cutter.cuts());
        }
        let format = match format {
            Format::Csv(csv) => Format::Csv(Csv { has_header: start < header_end, ..csv.clone() }),
            other => other.clone(),
        };
        let bytes = Bytes::copy_from_slice(&file[start..start + cut]);
        documents.push(Document::new(bytes, "test", format).at(start as u64));
        start += cut;
    }
    documents
}

fn told(documents: &[Document]) -> String {
    let mut told = String::new();
    for document in documents {
        split(document, |piece| {
            let from = document.offset() as usize + piece.range.start;
            let error = piece.error.map(|error| error.message);
            writeln!(told, "{from}+{} {:?} {error:?}", piece.range.len(), piece.body).unwrap();
        });
    }
    told
}

#[test]
fn the_records_of_the_documents_are_the_records_of_the_file() {
    let lines = ["a", "\n", "\r\n", "\r", " ", "\u{feff}", "{}", "\0", "xyz"];
    let array = [
        "[",
        "]",
        "{",
        "}",
        ",",
        "\"",
        "\\",
        "\n",
        " ",
        "1",
        "[\n",
        ",\n  {\"a\":\"b\"}",
        "{\"a\":1},\n",
        "]}",
        "\n  {\"x\":[1,{}]}",
        "\n{",
        "\u{feff}",
        "foo",
    ];
    let table = [
        "a",
        ",",
        "\"",
        "\n",
        "\r\n",
        "\"\"",
        "\"b\"",
        "a,b\n",
        "1,\"x\ny\"\n",
        ",\"q\"\"\",",
        "\r",
        "\u{feff}",
        "é",
    ];
    let mut dice = Dice(1);
    for round in 0..40_000 {
        let (tokens, format): (&[&str], Format) = match round % 4 {
            0 => (&lines, Format::Lines),
            1 => (&lines, Format::Ndjson),
            2 => (&array, Format::json_array()),
            _ => (&table, csv(&["a", "b"], true)),
        };
        let mut file = dice.text(tokens, 40);
        if round % 4 == 2 && dice.roll(4) > 0 {
            file.insert(0, b'[');
        }
        let cut = documents(&mut dice, &file, &format);
        let whole = Document::new(file.clone(), "test", format);
        let joined: Vec<u8> = cut.iter().flat_map(|document| document.bytes().to_vec()).collect();
        assert_eq!(joined, file);
        assert_eq!(told(&cut), told(&[whole]), "{:?}", String::from_utf8_lossy(&file));
    }
}

#[test]
fn every_byte_is_in_one_piece_or_between_them() {
    let mut dice = Dice(2);
    let tokens = ["a", ",", "\"", "\n", "\r\n", "[", "]", "{", "}", " ", "\\", "1"];
    for _ in 0..20_000 {
        let file = dice.text(&tokens, 30);
        for format in [Format::Lines, Format::Ndjson, Format::json_array(), csv(&["a"], false)] {
            let mut at = 0;
            for piece in pieces_at(&file, 0, format.clone()) {
                let between = &file[at..piece.range.start];
                assert!(
                    between.iter().all(|byte| b" \r\n,[]".contains(byte)),
                    "{format:?} {file:?} {between:?}"
                );
                at = piece.range.end;
            }
            assert!(file[at..].iter().all(|byte| b" \r\n,[]".contains(byte)), "{format:?} {file:?}");
        }
    }
}

#[test]
fn valid_tables_and_arrays_come_out_as_others_read_them() {
    let mut dice = Dice(3);
    for _ in 0..5_000 {
        let header: Arc<[String]> = (0..=dice.roll(4)).map(|n| format!("c{n}")).collect();
        let mut file = Vec::new();
        let mut expected = Vec::new();
        for _ in 0..dice.roll(6) {
            let mut object = serde_json::Map::new();
            for (n, name) in header.iter().enumerate() {
                let value =
                    String::from_utf8(dice.text(&["a", ",", "\"", "\n", "\r", "\\", "é", " "], 6)).unwrap();
                file.extend_from_slice(if n > 0 { b"," } else { b"" });
                let plain = !value.contains([',', '"', '\n', '\r']) && !value.is_empty() && dice.roll(2) == 0;
                let written =
                    if plain { value.clone() } else { format!("\"{}\"", value.replace('"', "\"\"")) };
                file.extend_from_slice(written.as_bytes());
                object.insert(name.clone(), Value::String(value));
            }
            file.extend_from_slice([&b"\n"[..], b"\r\n", b"\r", b"\n\n"][dice.roll(4)]);
            expected.push(Value::Object(object));
        }
        let read = |file: &[u8], format| -> Vec<Value> {
            pieces_at(file, 0, format)
                .iter()
                .map(|piece| serde_json::from_slice(&piece.body).unwrap())
                .collect()
        };
        let format = Format::Csv(Csv { header, has_header: false, ..Csv::new(',') });
        assert_eq!(read(&file, format), expected, "{:?}", String::from_utf8_lossy(&file));
        for file in [serde_json::to_vec(&expected), serde_json::to_vec_pretty(&expected)] {
            assert_eq!(read(&file.unwrap(), Format::json_array()), expected);
        }
    }
}

fn elements(bytes: &str) -> Vec<String> {
    bodies(bytes, Format::Xml { element: "IDOC".into() })
}

#[test]
fn elements_of_a_name_below_the_root_are_records_byte_for_byte() {
    let xml = "\u{feff}<?xml version=\"1.0\"?>\r\n<!-- <IDOC/> --><ORDERS>\n <IDOC A='>'>\r\n<IDOC>é</IDOC><![CDATA[</IDOC>]]></IDOC \
               ><OTHER><IDOC/></OTHER><IDOCS/><IDOC B=\"/>'\"/>\n</ORDERS>\n";
    assert_eq!(
        elements(xml),
        ["<IDOC A='>'>\r\n<IDOC>é</IDOC><![CDATA[</IDOC>]]></IDOC >", "<IDOC B=\"/>'\"/>"]
    );
    assert_eq!(elements("<ORDERS/>"), Vec::<String>::new());
    assert_eq!(elements("<IDOC><IDOC/><a/></IDOC>\n"), ["<IDOC><IDOC/><a/></IDOC>"], "one that stands alone");
}

#[test]
fn broken_xml_gives_what_was_whole_and_the_rest_as_an_error() {
    for (rest, broken) in [
        ("<IDOC><a>", "the document ends"),
        ("<IDOC", "a tag does not end"),
        ("<IDOC a='", "a tag does not end"),
        ("<!-- ", "a comment does not end"),
        ("<![CDATA[ ]]", "a piece of plain text does not end"),
        ("</R><R>", "there is a second root"),
        ("</R></R>", "an element is closed that was not opened"),
    ] {
        let xml = format!("<R><IDOC>1</IDOC>{rest}");
        let document = Document::new(xml, "test", Format::Xml { element: "IDOC".into() });
        let mut found = Vec::new();
        split(&document, |piece| found.push(piece));
        assert_eq!(found.len(), 2, "{rest}");
        assert_eq!(found[0].body, "<IDOC>1</IDOC>");
        let error = found[1].error.as_ref().unwrap();
        assert!(error.message.contains(broken), "{rest}: {}", error.message);
        assert_eq!(found[1].range.end, document.len());
    }
    assert_eq!(elements(""), ["xml!"], "nothing at all is no document");
}

#[test]
fn a_document_type_is_refused_and_depth_is_bounded() {
    let bomb = "<!DOCTYPE R [<!ENTITY a \"aa\">]><R><IDOC>&a;</IDOC></R>";
    assert_eq!(elements(bomb), [format!("xml!{bomb}")]);
    let deep = format!("<R><IDOC>{}{}</IDOC></R>", "<a>".repeat(2000), "</a>".repeat(2000));
    assert!(elements(&deep)[0].starts_with("xml!"));
}
