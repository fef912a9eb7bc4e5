use super::super::pointer::Pointer;
use super::super::random::{Entry, Random, Tree, object};
use super::*;

fn draft(json: &str) -> Draft {
    Draft::new(json.to_owned(), Content::Json)
}

fn at(text: &str) -> Pointer {
    Pointer::parse(text).unwrap()
}

fn body(draft: &mut Draft) -> String {
    String::from_utf8(draft.body().to_vec()).unwrap()
}

fn edited(json: &str, edit: impl FnOnce(&mut Draft)) -> String {
    let mut draft = draft(json);
    edit(&mut draft);
    let body = body(&mut draft);
    serde_json::from_str::<serde_json::Value>(&body).unwrap_or_else(|error| panic!("{body}: {error}"));
    body
}

#[test]
fn what_is_read_is_the_raw_value() {
    let json = r#" {"net": 0.30, "big":123456789012345678901234567890, "k\u0065y":"\u00e9", "n":null,
        "items":[{"sku":"A"},{"sku":"B"}], "":{"/":{"~":1}}} "#;
    let mut draft = draft(json);
    let cases = [
        ("/net", Some("0.30")),
        ("/big", Some("123456789012345678901234567890")),
        ("/key", Some(r#""\u00e9""#)),
        ("/n", Some("null")),
        ("/items/1/sku", Some("\"B\"")),
        ("/items/1", Some(r#"{"sku":"B"}"#)),
        ("//~1/~0", Some("1")),
        ("", Some(json.trim())),
        ("/items/2/sku", None),
        ("/items/01/sku", None),
        ("/items/-", None),
        ("/net/x", None),
        ("/x", None),
        ("/x/y", None),
    ];
    for (pointer, raw) in cases {
        assert_eq!(draft.field(&at(pointer)).unwrap(), raw, "{pointer}");
    }
    assert_eq!(draft.string(&at("/key")).unwrap().unwrap(), "é");
    assert_eq!(draft.string(&at("/net")).unwrap(), None);
    assert_eq!(draft.value::<f64>(&at("/net")).unwrap(), Some(0.3));
    assert_eq!(draft.value::<u8>(&at("/n")).unwrap(), None);
    let error = draft.value::<u8>(&at("/items/0/sku")).unwrap_err();
    assert_eq!(error.to_string(), "type: invalid type: string, expected u8 at /items/0/sku");
    let names: Vec<_> = draft.fields().unwrap().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names, ["net", "big", "key", "n", "items", ""]);
    assert_eq!(body(&mut draft), json);
}

#[test]
fn the_last_of_several_is_the_one_that_counts_and_an_edit_leaves_no_other() {
    let json = r#"{"a":1,"b":{"c":1, "x":0.10, "c":2},"a":2,"b":{"c":3, "x":0.10, "\u0063":4 }}"#;
    let mut read = draft(json);
    assert_eq!(read.field(&at("/a")).unwrap(), Some("2"));
    assert_eq!(read.field(&at("/b/c")).unwrap(), Some("4"));
    type Edit = fn(&mut Draft);
    let cases: [(&str, Edit); 6] = [
        (r#"{"a":1,"a":2,"b":{ "x":0.10, "\u0063":9 }}"#, |draft| draft.set(&at("/b/c"), "9").unwrap()),
        (r#"{"a":1,"a":2,"b":{ "x":0.10}}"#, |draft| assert!(draft.remove(&at("/b/c")).unwrap())),
        (r#"{"a":1,"a":2,"b":{ "x":0.10, "d":4 }}"#, |draft| {
            assert!(draft.rename(&at("/b/c"), "d").unwrap())
        }),
        (r#"{"b":{"c":1, "x":0.10, "c":2},"b":{"c":3, "x":0.10, "\u0063":4 }}"#, |draft| {
            assert!(draft.remove(&at("/a")).unwrap());
        }),
        (r#"{"a":1,"a":2,"b":{ "x":0.10, "\u0063":4 }}"#, |draft| {
            assert!(draft.update(&at("/b/c"), |_| Ok(None)).unwrap());
        }),
        (r#"{"a":1,"a":2,"b":{ "x":0.10, "\u0063":4 }}"#, |draft| {
            assert!(!draft.update(&at("/b/c/d"), |_| Ok(None)).unwrap());
        }),
    ];
    for (expected, edit) in cases {
        assert_eq!(edited(json, edit), expected);
    }
}

#[test]
fn a_member_that_is_missing_is_added_with_all_on_its_way() {
    let set = |json: &str, pointer: &str, value: &str| {
        edited(json, |draft| draft.set(&at(pointer), value).unwrap())
    };
    assert_eq!(set("{}", "/a", "1"), r#"{"a":1}"#);
    assert_eq!(set(" { } ", "/a/b/c", " [1] "), r#" {"a":{"b":{"c":[1]}}} "#);
    assert_eq!(set(r#"{"a":1 }"#, "/b\"", "2"), r#"{"a":1 ,"b\"":2}"#);
    assert_eq!(set(r#"{"a":{ }}"#, "/a/b", "2"), r#"{"a":{"b":2 }}"#);
    assert_eq!(set(r#"{"a":{"x":0.10 }}"#, "/a/b/c", "2"), r#"{"a":{"x":0.10,"b":{"c":2} }}"#);
    assert_eq!(set(r#"{"a":[]}"#, "/a/-", "2"), r#"{"a":[2]}"#);
    assert_eq!(set(r#"{"a":[1]}"#, "/a/-/b", "2"), r#"{"a":[1,{"b":2}]}"#);
    assert_eq!(set(r#"{"a":[1, 2]}"#, "/a/1", "null"), r#"{"a":[1, null]}"#);
    assert_eq!(set(r#"{"a":1}"#, "", "[]"), "[]");
}

#[test]
fn a_place_that_cannot_be_is_refused() {
    let refused = |json: &str, pointer: &str, value: &str| {
        draft(json).set(&at(pointer), value).unwrap_err().to_string()
    };
    assert_eq!(refused("[1]", "/0", "1"), "set: the record is no object at /0");
    assert_eq!(refused("{\"a\":[]}", "/a/0", "1"), "set: an array lacks the element at /a/0");
    assert!(refused("{\"a\":\"x\"}", "/a/b", "1").starts_with("set: something on the way"));
    assert_eq!(refused("{}", "/a", "nope"), "json: not JSON: a value is missing at byte 0 at /a");
    assert_eq!(
        refused("{}", "/a", "1,\"b\":2"),
        "json: not JSON: something follows the value at byte 1 at /a"
    );
    assert!(refused("{}", "/_lake/b", "1").starts_with("reserved"));
    assert!(refused("{}", "/a/b", &"[".repeat(63)).starts_with("json-depth"));
    let mut opaque = Draft::new("{}", Content::Opaque);
    assert_eq!(opaque.field(&at("/a")).unwrap_err().reason, "not-json");
    opaque.set_content(Content::Json);
    assert_eq!(opaque.field(&at("/a")).unwrap(), None);
}

#[test]
fn a_new_name_must_be_free() {
    let json = r#"{"a":{"x":1,"y":[2]},"b":1}"#;
    for (pointer, name, why) in [
        ("/a", "b", "the new name is taken"),
        ("/a/x", "y", "the new name is taken"),
        ("/a/y/0", "z", "an element of an array has no name"),
        ("/a", "_lake", "the field `_lake` belongs to lineage"),
    ] {
        let error = draft(json).rename(&at(pointer), name).unwrap_err();
        assert_eq!(error.message, why);
    }
    assert_eq!(edited(json, |draft| assert!(draft.rename(&at("/a"), "a").unwrap())), json);
    assert_eq!(
        edited(json, |draft| {
            draft.rename(&at("/a"), "c\n").unwrap();
            draft.rename(&at("/b"), "a").unwrap();
            draft.rename(&at("/c\n/x"), "_lake").unwrap();
        }),
        r#"{"c\n":{"_lake":1,"y":[2]},"a":1}"#
    );
}

#[test]
fn edits_of_edits_add_up() {
    let json = r#"{"a":1, "b":{"c":{"d":[1, 2, 3]}}, "e":"x"}"#;
    assert_eq!(
        edited(json, |draft| {
            draft.set(&at("/new/deep"), "\"n\"").unwrap();
            draft.remove(&at("/b/c/d/1")).unwrap();
            draft.set(&at("/b/c/d/-"), "4").unwrap();
            assert_eq!(draft.body(), br#"{"a":1, "b":{"c":{"d":[1, 3,4]}}, "e":"x","new":{"deep":"n"}}"#);
            draft.rename(&at("/new/deep"), "deeper").unwrap();
            draft.remove(&at("/e")).unwrap();
            draft.rename(&at("/b"), "bb").unwrap();
            assert_eq!(draft.field(&at("/bb/c/d/2")).unwrap(), Some("4"));
            draft.set(&at("/last"), "0.0").unwrap();
        }),
        r#"{"a":1, "bb":{"c":{"d":[1, 3,4]}},"new":{"deeper":"n"},"last":0.0}"#
    );
    assert_eq!(
        edited(r#"{"a":1,"b":2}"#, |draft| {
            for name in ["/a", "/b"] {
                draft.remove(&at(name)).unwrap();
            }
        }),
        "{}"
    );
}

#[test]
fn a_record_cannot_bring_the_reserved_key() {
    let check = |json: &str| edited(json, |draft| draft.check().unwrap());
    assert_eq!(check(r#"{"a":1, "_lake" : {"b":2} }"#), r#"{"a":1, "_lake_origin" : {"b":2} }"#);
    assert_eq!(
        check(r#"{"\u005flake":1,"_lake_origin":2,"_lake":3}"#),
        r#"{"_lake_origin_2":1,"_lake_origin":2,"_lake_origin_3":3}"#
    );
    for json in [r#"{"_lakes":1,"a":{"_lake":1}}"#, r#"[{"_lake":1}]"#, r#"{"_":1}"#] {
        assert_eq!(check(json), json);
    }
}

#[test]
fn a_replaced_body_is_read_anew() {
    let mut draft = draft(r#"{"a":1}"#);
    draft.set(&at("/a"), "2").unwrap();
    draft.replace("{\"b\": 3}");
    assert_eq!(draft.field(&at("/a")).unwrap(), None);
    assert_eq!(draft.field(&at("/b")).unwrap(), Some("3"));
    draft.replace(&b"{\"b\": \xff}"[..]);
    assert_eq!(draft.check().unwrap_err().to_string(), "json: not JSON: not UTF-8 at byte 6");
    draft.replace("nope");
    assert_eq!(draft.prove().unwrap_err().reason, "json");
}

#[test]
fn debug_shows_no_data() {
    let mut draft = draft(r#"{"a":"secret"}"#);
    draft.set(&at("/a"), "\"secret\"").unwrap();
    assert!(!format!("{draft:?}").contains("secret"));
}

/// The obvious way to do what a draft does. Says whether there was something.
fn model(tree: &mut Tree, path: &[String], op: &Op) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    match tree {
        Tree::Raw(_) => false,
        Tree::Array(entries) => {
            let Some(n) =
                first.parse::<usize>().ok().filter(|n| *n < entries.len() && n.to_string() == *first)
            else {
                return false;
            };
            if !rest.is_empty() {
                return model(&mut entries[n].value, rest, op);
            }
            match op {
                Op::Remove => drop(entries.remove(n)),
                Op::Update(raw) => entries[n].value = Tree::Raw(raw.clone()),
                Op::Rename(_) => {}
            }
            true
        }
        Tree::Object(entries) => {
            let Some(mut n) = entries.iter().rposition(|entry| entry.key.1 == *first) else { return false };
            for earlier in (0..n).rev() {
                if entries[earlier].key.1 == *first {
                    entries.remove(earlier);
                    n -= 1;
                }
            }
            if !rest.is_empty() {
                return model(&mut entries[n].value, rest, op);
            }
            match op {
                Op::Remove => drop(entries.remove(n)),
                Op::Update(raw) => entries[n].value = Tree::Raw(raw.clone()),
                Op::Rename(name) => entries[n].key = (format!("\"{name}\""), name.clone()),
            }
            true
        }
    }
}

#[derive(Debug)]
enum Op {
    Remove,
    Update(String),
    Rename(String),
}

fn random_path(random: &mut Random, tree: &Tree) -> Vec<String> {
    let mut path = Vec::new();
    let mut here = tree;
    loop {
        let entries: &[Entry] = match here {
            Tree::Object(entries) | Tree::Array(entries) => entries,
            Tree::Raw(_) => return path,
        };
        if (random.below(3) == 0 && !path.is_empty()) || entries.is_empty() {
            return path;
        }
        let n = random.below(entries.len());
        path.push(match here {
            _ if random.below(12) == 0 => "b".to_owned(),
            Tree::Array(_) => n.to_string(),
            _ => entries[n].key.1.clone(),
        });
        here = &entries[n].value;
    }
}

#[test]
fn every_byte_that_no_edit_touches_stays() {
    let mut random = Random(42);
    let mut hits = 0;
    for round in 0..20_000 {
        let mut tree = object(&mut random, 4);
        let (before, after) = (random.pick(&["", " ", "\n"]), random.pick(&["", " ", "\r"]));
        let mut draft = draft(&format!("{before}{}{after}", tree.text()));
        for _ in 0..=random.below(4) {
            let path = random_path(&mut random, &tree);
            if path.is_empty() {
                continue;
            }
            let text: String =
                path.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect();
            let op = match random.below(3) {
                0 => Op::Remove,
                1 => Op::Update("{\"new\": 1.50}".to_owned()),
                _ => Op::Rename(format!("name{}", random.next())),
            };
            let found = match &op {
                Op::Remove => draft.remove(&at(&text)),
                Op::Update(raw) => draft.update(&at(&text), |_| Ok(Some(raw.clone()))),
                Op::Rename(name) => draft.rename(&at(&text), name).or_else(|error| {
                    assert_eq!(error.message, "an element of an array has no name");
                    Ok(true)
                }),
            };
            // A rename of an element is refused after duplicates on its way were noted, so the record would be too.
            let spoiled = matches!(op, Op::Rename(_)) && !draft.cuts.is_empty();
            assert_eq!(found.unwrap(), model(&mut tree, &path, &op), "round {round}: {text} {op:?}");
            hits += 1;
            if spoiled {
                break;
            }
            assert_eq!(
                body(&mut draft),
                format!("{before}{}{after}", tree.text()),
                "round {round}: {text} {op:?}"
            );
        }
    }
    assert!(hits > 20_000);
}
