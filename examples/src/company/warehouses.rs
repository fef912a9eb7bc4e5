//! The warehouses: two write their counts as CSV, one as NDJSON, and not all of it is right.

use std::fmt::Write;
use std::path::Path;

use datalake_core::{Error, Result};

const ITEMS: u32 = 120;

/// Writes the reports into a folder, unless they are there already.
///
/// # Errors
/// The folder cannot be written to.
pub fn write_reports(folder: &Path) -> Result<()> {
    let failed = |cause| Error::io("a report cannot be written", cause).with("folder", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    let reports = [
        ("stock-north.csv", csv("north", ',')),
        ("stock-south.csv", csv("south", ';')),
        ("stock-east.ndjson", ndjson()),
    ];
    for (name, content) in reports {
        let path = folder.join(name);
        if !path.exists() {
            std::fs::write(path, content).map_err(failed)?;
        }
    }
    Ok(())
}

fn count(n: u32) -> u32 {
    n * 7919 % 500
}

/// One row has a field too many, and one count is a word.
fn csv(warehouse: &str, comma: char) -> String {
    let mut text = ["sku", "warehouse", "counted_at", "on_hand"].join(&comma.to_string()) + "\r\n";
    for n in 0..ITEMS {
        let on_hand = if n == 70 && warehouse == "south" { "plenty".into() } else { count(n).to_string() };
        let more = if n == 40 && warehouse == "north" { format!("{comma}recount") } else { String::new() };
        let row = [format!("SKU-{n:03}"), warehouse.into(), "2026-11-21".into(), on_hand];
        // Writing to a string does not fail.
        write!(text, "{}{more}\r\n", row.join(&comma.to_string())).ok();
    }
    text
}

/// One line was cut off while it was written.
fn ndjson() -> String {
    let mut text = String::new();
    for n in 0..ITEMS {
        let line = format!(
            "{{\"sku\":\"SKU-{n:03}\",\"warehouse\":\"east\",\"counted_at\":\"2026-11-21\",\"on_hand\":{}}}",
            count(n)
        );
        text.push_str(if n == 25 { &line[..37] } else { &line });
        text.push('\n');
    }
    text
}
