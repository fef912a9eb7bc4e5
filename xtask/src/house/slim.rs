//! What is meant to be slim, and stays so.

use crate::{Result, run};

/// A package that has to be built quickly, or anywhere.
struct Slim {
    package: &'static str,
    /// The features with which it has to be slim.
    features: &'static [&'static str],
    /// What it must not depend on: a name, or the beginning of names if it ends with `-`.
    without: &'static [&'static str],
    /// How many packages it may be built from, itself among them.
    most: usize,
}

const SLIM: [Slim; 2] = [
    // A newcomer's first build: three minutes on two processors.
    Slim {
        package: "datalake-examples",
        features: &[],
        without: &["arrow-", "aws-", "datalake-aws", "datalake-simulators", "parquet", "tokio-postgres"],
        most: 135,
    },
    // The core speaks to nobody.
    Slim {
        package: "datalake-core",
        features: &["--all-features"],
        without: &["aws-", "h2", "hyper", "hyper-", "reqwest", "rustls", "tower-"],
        most: 130,
    },
];

/// Checks that no slim package is built from what it is to be without, nor from more than it may.
pub(crate) fn slim() -> Result<String> {
    let mut told = Vec::new();
    let mut wrong = Vec::new();
    for slim in &SLIM {
        let built = built_from(slim)?;
        wrong.extend(heavy(slim, &built));
        told.push(format!("{} from {} packages", slim.package, built.len()));
    }
    if wrong.is_empty() { Ok(told.join(", ")) } else { Err(wrong.join("\n").into()) }
}

/// The names of all packages, once each.
fn built_from(slim: &Slim) -> Result<Vec<String>> {
    let mut tree = run::cargo();
    tree.args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
    let text = run::output(tree.args(["--package", slim.package]).args(slim.features))?;
    let text = String::from_utf8(text)?;
    let mut names: Vec<String> =
        text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn heavy(slim: &Slim, built: &[String]) -> Vec<String> {
    let is =
        |name: &str, without: &str| name == without || (without.ends_with('-') && name.starts_with(without));
    let package = slim.package;
    let mut wrong: Vec<String> = built
        .iter()
        .filter(|name| slim.without.iter().any(|without| is(name, without)))
        .map(|name| format!("{package} is built from {name}"))
        .collect();
    if built.len() > slim.most {
        wrong.push(format!("{package} is built from {} packages, {} are allowed", built.len(), slim.most));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_heavy_is_named() {
        let slim = Slim { package: "light", features: &[], without: &["aws-", "parquet"], most: 4 };
        let built = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert!(heavy(&slim, &built(&["bytes", "lawsuit", "light", "parquet-format"])).is_empty());
        let wrong = heavy(&slim, &built(&["aws-sdk-s3", "bytes", "light", "parquet", "serde"]));
        assert_eq!(
            wrong,
            [
                "light is built from aws-sdk-s3",
                "light is built from parquet",
                "light is built from 5 packages, 4 are allowed",
            ]
        );
    }
}
