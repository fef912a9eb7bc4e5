//! Documents name the tests that prove what they say; a test that is not there proves nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{Result, run};

/// Checks that every test and program that a document names exists: a name in backticks, in snake case, of three words or
/// more.
pub(crate) fn documents() -> Result<String> {
    let root = run::root();
    let (mut documents, mut sources) = (Vec::new(), Vec::new());
    walk(root, &mut |path| match path.extension().and_then(|extension| extension.to_str()) {
        Some("md") => documents.push(path.to_owned()),
        Some("rs") => sources.push(path.to_owned()),
        _ => {}
    })?;
    let mut known = BTreeSet::new();
    for source in &sources {
        let text = fs::read_to_string(source)?;
        known.extend(text.split("fn ").skip(1).map(|rest| word(rest).to_owned()));
        known.extend(source.file_stem().map(|program| program.to_string_lossy().into_owned()));
    }
    let (mut names, mut wrong) = (0, Vec::new());
    for document in &documents {
        let text = fs::read_to_string(document)?;
        for name in named(&text) {
            names += 1;
            if !known.contains(name) {
                wrong.push(format!("{}: there is no `{name}`", document.strip_prefix(root)?.display()));
            }
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n").into());
    }
    Ok(format!("{names} names in {} documents exist", documents.len()))
}

/// Goes through the files below a folder, but not through what is built or hidden.
fn walk(folder: &Path, file: &mut impl FnMut(&Path)) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let (path, name) = {
            let entry = entry?;
            (entry.path(), entry.file_name())
        };
        if name.to_string_lossy().starts_with('.')
            || name == "target"
            || name == "lake" && folder == run::root()
        {
            continue;
        }
        if path.is_dir() {
            walk(&path, file)?;
        } else {
            file(&path);
        }
    }
    Ok(())
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The names of functions of three words or more that a document quotes outside of code blocks.
fn named(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    let quoted = prose.flat_map(|prose| prose.split('`').skip(1).step_by(2));
    quoted
        .filter(|name| name.matches('_').count() >= 2 && !name.starts_with('_'))
        .filter(|name| {
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_names_outside_of_code_are_names_of_tests() {
        let text = "See `one_two_three`, `run_until` and `A_B_C`.\n```\nlet `x_y_z`;\n```\n`four_five_six`";
        assert_eq!(named(text), ["one_two_three", "four_five_six"]);
    }
}
