//! The guide teaches exactly what the example does.

#![allow(clippy::unwrap_used, reason = "these are tests")]

#[test]
fn the_guide_teaches_the_text_of_the_example() {
    let example = include_str!("../src/bin/custom_source.rs");
    let guide = include_str!("../../datalake-core/src/guide/writing_a_source.md");
    let (_, taught) = guide.split_once("```rust,no_run\n").unwrap();
    let (taught, rest) = taught.split_once("```\n").unwrap();
    assert!(!rest.contains("```rust"), "the guide has one program");
    let code = example.lines().skip_while(|line| line.starts_with("//!")).skip(1);
    assert_eq!(taught, code.map(|line| format!("{line}\n")).collect::<String>());
}
