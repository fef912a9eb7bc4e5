//! Curated records as Parquet, read back by two readers that share nothing with this library.
//!
//! `DATALAKE_PYTHON_AWS` names a Python with PyArrow and DuckDB, `DATALAKE_VEGA_DATASETS` a folder of real data sets;
//! `cargo xtask test` sets both.

#![expect(clippy::unwrap_used, reason = "a failure to prepare a test is a failed test")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

const PYTHON: &str = "DATALAKE_PYTHON_AWS";
const DATA_SETS: &str = "DATALAKE_VEGA_DATASETS";

/// Values that readers like to get wrong.
const ODD: &str = r#"{"id":1,"price":0.30,"big":12345678901234567890,"at":"2026-11-26T10:05:00.123456Z","on":"2026-11-26","note":"Zürich 語 🚂","ok":true,"null":null}
{"id":-9223372036854775808,"price":-99999999999999.99,"big":-99999999999999999999999999999999999999,"at":"1969-12-31T23:59:59Z","on":"0001-01-01","note":"","ok":false}
{"id":9223372036854775807,"price":7,"big":0,"at":"9999-12-31T23:59:59.999999Z","on":"9999-12-31","note":"a\u0000b\n\t\"\\","null":null}
{"customer":{"name":"A","address":{"city":"Bern","geo":[46.948,7.4474]},"tags":[]},"lines":[{"sku":"x","qty":1},{"sku":"y","options":[{"k":"v"}]},{}]}
{"customer":{"name":null,"address":null,"tags":["a",null,"b"]},"lines":[]}
{"customer":{},"lines":null,"double":1e300,"tiny":5e-324}
{"double":-0.1,"tiny":2.5,"exact":0.1234567890123456789012345678901234567}
{"exact":1,"mixed":"text","late":"2026-11-26T10:05:00+01:00","long":3.14159265358979323846264338327950288419716939937510582097494}
{"mixed":12,"late":"2026-11-26T10:05:00Z","matrix":[[1,2],[],[3.5]]}
{"mixed":"12","matrix":[[null]],"a b.c/d":1}
{"mixed":{"deep":[1,{"x":null}]},"A b":2}
{"mixed":"null"}
{"mixed":" [1] ","deep":{"a":{"b":{"c":{"d":{"e":{"f":{"g":1}}}}}}}}
["no","object"]
3.50
"#;

#[test]
fn two_other_readers_find_the_same_values() {
    let Some(python) = there(PYTHON, "reading back Parquet") else { return };
    let scratch = Scratch::new("odd");
    let input = scratch.0.join("odd.ndjson");
    fs::write(&input, ODD).unwrap();
    let set = scratch.hydrated("odd", &input, &[]);
    let printed = scratch.read_back(&python, &[set]);
    assert!(printed.contains(" 0 problems"), "{printed}");

    let lake = scratch.0.join("parquet");
    hydrate(&lake, &["verify"]);
    let traced = String::from_utf8(hydrate(&lake, &["--json", "trace", "odd/1/0"])).unwrap();
    let trace: Value = serde_json::from_str(&traced).unwrap();
    assert_eq!(trace["raw"], ODD.lines().next().unwrap());
    assert!(
        trace["curated"][0]["line"].as_str().unwrap().starts_with(r#"{"id":1,"price":0.30,"#),
        "{traced}"
    );
}

#[test]
fn two_other_readers_find_every_value_of_real_data_sets() {
    let what = "reading back real data sets as Parquet";
    let (Some(python), Some(folder)) = (there(PYTHON, what), there(DATA_SETS, what)) else { return };
    let scratch = Scratch::new("vega");
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "json" || end == "csv" || end == "tsv"));
    paths.sort();
    assert!(paths.len() > 50, "{} has only {} data sets", folder.display(), paths.len());
    let sets: Vec<_> = paths
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().replace('.', "-");
            scratch.hydrated(&name, path, &[])
        })
        .collect();
    let printed = scratch.read_back(&python, &sets);
    assert!(printed.contains(" 0 problems"), "{printed}");
    std::io::stderr().write_all(printed.as_bytes()).unwrap();
    hydrate(&scratch.0.join("parquet"), &["verify"]);
}

#[test]
fn small_files_are_joined_and_read_back() {
    let scratch = Scratch::new("joined");
    let input = scratch.0.join("orders.ndjson");
    let (lines, parquet) = (scratch.0.join("ndjson"), scratch.0.join("parquet"));
    let path = input.display().to_string();
    let mut grown = String::new();
    for n in 0..5 {
        grown.push_str(&format!(
            "{{\"n\":{n},\"price\":{n}.50,\"more{}\":\"ä{n}\"}}\n{{\"n\":0.{n}1}}\n",
            n % 2
        ));
        fs::write(&input, &grown).unwrap();
        let common = ["--input", &path, "--dataset", "orders"];
        hydrate(&lines, &[&common[..], &["drain"]].concat());
        hydrate(&parquet, &[&common[..], &["--curated-format", "parquet", "drain"]].concat());
    }
    for lake in [&lines, &parquet] {
        let list = || {
            let listed = hydrate(lake, &["--json", "ls", "--zone", "curated", "--objects"]);
            String::from_utf8(listed).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let cat = || hydrate(lake, &["cat"]);
        assert_eq!(list().len(), 5);
        let before = cat();
        let told = String::from_utf8(hydrate(lake, &["compact"])).unwrap();
        assert!(told.contains("5 objects became 1, 10 records"), "{told}");
        assert_eq!(list().len(), 1);
        assert_eq!(before.iter().filter(|&&byte| byte == b'\n').count(), 10);
        assert_eq!(values(&cat()), values(&before));
        let traced = hydrate(lake, &["--json", "trace", "orders/4/0"]);
        let trace: Value = serde_json::from_slice(&traced).unwrap();
        assert_eq!(trace["raw"], grown.lines().nth(6).unwrap());
        hydrate(lake, &["verify"]);
        let cleaned = String::from_utf8(hydrate(lake, &["clean", "--older-than", "0s"])).unwrap();
        assert!(cleaned.contains("5 objects removed"), "{cleaned}");
        hydrate(lake, &["verify"]);
        let told = String::from_utf8(hydrate(lake, &["compact"])).unwrap();
        assert!(told.contains("nothing to join"), "{told}");
    }
    let Some(python) = there(PYTHON, "reading back joined files") else { return };
    let expected = scratch.0.join("expected");
    fs::write(&expected, hydrate(&lines, &["cat"])).unwrap();
    let objects = hydrate(&parquet, &["--json", "ls", "--zone", "curated", "--objects"]);
    let object: Value = serde_json::from_slice(&objects).unwrap();
    let file = parquet.join(object["location"].as_str().unwrap());
    let set = json!({ "name": "orders", "lines": expected, "files": [file] });
    let printed = scratch.read_back(&python, &[set]);
    assert!(printed.contains(" 0 problems"), "{printed}");
}

/// The records by what they say: a column that has been widened shows more decimal places.
fn values(lines: &[u8]) -> Vec<Value> {
    let lines = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| floats(serde_json::from_slice(line).unwrap())).collect()
}

fn floats(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, floats(value))).collect(),
        other => other,
    }
}

/// What a variable names, or a line that says what is left out.
fn there(variable: &str, what: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        let line = format!("left out: {what}, since {variable} is not set; `cargo xtask test` sets it\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    found
}

fn hydrate(lake: &Path, args: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrate"));
    let output = command.arg("--lake").arg(lake).args(args).stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "hydrate {}: {}\n{}",
        args.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A folder that goes when this is dropped, unless a test failed.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("parquet-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// A data set once as lines and once as Parquet: what the readers need to know of it.
    fn hydrated(&self, name: &str, input: &Path, options: &[&str]) -> Value {
        let (lines, parquet) = (self.0.join("ndjson"), self.0.join("parquet"));
        let input = input.display().to_string();
        let common = ["--input", &input, "--dataset", name];
        hydrate(&lines, &[&common, options, &["drain"]].concat());
        hydrate(&parquet, &[&common, options, &["--curated-format", "parquet", "drain"]].concat());
        let expected = self.0.join(format!("{name}.expected"));
        fs::write(&expected, hydrate(&lines, &["--dataset", name, "cat"])).unwrap();
        let listed =
            hydrate(&parquet, &["--json", "--dataset", name, "ls", "--zone", "curated", "--objects"]);
        let objects = String::from_utf8(listed).unwrap();
        let files: Vec<_> = objects
            .lines()
            .map(|object| serde_json::from_str::<Value>(object).unwrap())
            .map(|object| parquet.join(object["location"].as_str().unwrap()))
            .collect();
        json!({ "name": name, "lines": expected, "files": files })
    }

    fn read_back(&self, python: &Path, sets: &[Value]) -> String {
        let manifest = self.0.join("sets.json");
        fs::write(&manifest, serde_json::to_vec(sets).unwrap()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parquet/read_back.py");
        let output = Command::new(python).arg("-B").arg(script).arg(manifest).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }
}
