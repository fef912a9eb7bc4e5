//! Real input: every JSON, CSV and TSV data set of a well-known collection, from disk and over HTTP. Its raw bytes must
//! be those of the file, and its records those that other parsers find.
//!
//! `cargo xtask test` fetches the collection; `DATALAKE_VEGA_DATASETS` names the folder with its data sets.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value};

mod server;

const VARIABLE: &str = "DATALAKE_VEGA_DATASETS";

#[test]
fn every_data_set_comes_from_disk_as_it_is() {
    let Some(sets) = data_sets() else { return };
    let lake = Scratch::new("disk");
    for set in &sets {
        check(&lake.0, set, &set.path.display().to_string());
    }
    hydrate(&lake.0, &["verify"]);
}

#[test]
fn every_data_set_comes_over_http_as_it_is() {
    let Some(sets) = data_sets() else { return };
    let lake = Scratch::new("http");
    let origin = server::serve(sets.iter().map(|set| set.path.clone()).collect());
    for set in &sets {
        check(&lake.0, set, &format!("{origin}/{}", set.file_name()));
    }
    hydrate(&lake.0, &["verify"]);
}

/// A file of the collection.
struct DataSet {
    path: PathBuf,
}

impl DataSet {
    fn file_name(&self) -> String {
        self.path.file_name().unwrap().to_string_lossy().into_owned()
    }

    fn name(&self) -> String {
        self.file_name().replace('.', "-")
    }

    /// The records in it, as `serde_json` and `csv` see them: the elements of an array, a document that is no array, or
    /// a row by its header.
    fn records(&self) -> Vec<Value> {
        let bytes = fs::read(&self.path).unwrap();
        let delimiter = match self.path.extension().unwrap().to_str().unwrap() {
            "json" => {
                return match serde_json::from_slice(&bytes).unwrap() {
                    Value::Array(elements) => elements,
                    document => vec![document],
                };
            }
            "tsv" => b'\t',
            _ => b',',
        };
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(&*bytes);
        let header = reader.headers().unwrap().clone();
        let object = |row: csv::StringRecord| {
            let members = header.iter().zip(&row).map(|(name, value)| (name.to_owned(), value.into()));
            Value::Object(members.collect::<Map<_, _>>())
        };
        reader.records().map(|row| object(row.unwrap())).collect()
    }
}

/// The collection, or a line that says why it is left out.
fn data_sets() -> Option<Vec<DataSet>> {
    let Some(folder) = std::env::var_os(VARIABLE) else {
        let line =
            format!("left out: real data sets, since {VARIABLE} is not set; `cargo xtask test` sets it\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    let mut sets: Vec<DataSet> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| DataSet { path: entry.unwrap().path() })
        .filter(|set| {
            ["json", "csv", "tsv"].map(Some).contains(&set.path.extension().and_then(|e| e.to_str()))
        })
        .collect();
    sets.sort_by_key(DataSet::file_name);
    assert!(sets.len() > 50, "{} has only {} data sets", Path::new(&folder).display(), sets.len());
    Some(sets)
}

fn check(lake: &Path, set: &DataSet, input: &str) {
    let name = set.name();
    hydrate(lake, &["--input", input, "--dataset", &name, "drain"]);
    let raw = hydrate(lake, &["--dataset", &name, "cat", "--zone", "raw"]);
    assert!(raw == fs::read(&set.path).unwrap(), "{input}: the raw bytes are not those of the file");

    let expected = set.records();
    let curated = hydrate(lake, &["--dataset", &name, "cat", "--zone", "curated"]);
    let found: Vec<Value> = curated
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| unstamped(serde_json::from_slice(line).unwrap()))
        .collect();
    assert_eq!(found.len(), expected.len(), "{input}: the number of records");
    for (n, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found, expected, "{input}: record {n}");
    }
}

/// A curated record without its lineage.
fn unstamped(mut record: Value) -> Value {
    let members = record.as_object_mut().unwrap();
    members.remove("_lake").unwrap();
    match members.remove("value") {
        Some(value) if members.is_empty() => value,
        Some(value) => {
            members.insert("value".into(), value);
            record
        }
        None => record,
    }
}

fn hydrate(lake: &Path, args: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrate"));
    command.arg("--lake").arg(lake).args(args).stdin(Stdio::null());
    let output = command.output().unwrap();
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
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("vega-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }
}
