//! Files of other writers: PyArrow and DuckDB, as the Python that `DATALAKE_PYTHON_AWS` names has them.

use std::io::Write;
use std::process::Command;

use super::*;

const VARIABLE: &str = "DATALAKE_PYTHON_AWS";

/// Writes files into a folder, and beside each what is in it, as Python says it.
const WRITE: &str = include_str!("write.py");

#[test]
fn files_of_pyarrow_and_duckdb_hold_what_python_reads_in_them() {
    let Some(python) = std::env::var_os(VARIABLE) else {
        let line = format!(
            "left out: Parquet of other writers, since {VARIABLE} is not set; `cargo xtask test` sets it\n"
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    let folder = tempfile::TempDir::new().unwrap();
    let status = Command::new(python).args(["-c", WRITE]).arg(folder.path()).status().unwrap();
    assert!(status.success(), "python: {status}");
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "parquet") {
            continue;
        }
        let found = records(std::fs::read(&path).unwrap(), &Parquet::new());
        let expected = std::fs::read_to_string(path.with_extension("json")).unwrap();
        let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}"));
        let found: Vec<Value> = found.iter().map(|line| parse(line)).collect();
        let expected: Vec<Value> = expected.lines().map(parse).collect();
        assert!(!expected.is_empty());
        assert_eq!(found, expected, "{}", path.display());
        files += 1;
    }
    assert_eq!(files, 7);
}
