//! A worker packaged for Lambda: what it weighs, and how long it takes to begin.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Result, run};

mod zip;

/// The workers that are measured, with the features and variables they need.
const WORKERS: &[Worker] = &[
    Worker {
        name: "sourcing_lambda",
        features: "lambda,s3,kinesis",
        variables: &["SOURCE_URL=http://127.0.0.1:9/orders", "SECRET=env:TOKEN", "TOKEN=t"],
    },
    Worker { name: "firehose_transform", features: "lambda", variables: &[] },
];

struct Worker {
    name: &'static str,
    features: &'static str,
    variables: &'static [&'static str],
}

/// Packages the workers of these names, or all, and measures them. Gives the results in lines.
pub(crate) fn run(only: &[String]) -> Result<String> {
    let wanted = |worker: &&Worker| only.is_empty() || only.iter().any(|name| name == worker.name);
    if let Some(other) = only.iter().find(|name| !WORKERS.iter().any(|worker| worker.name == **name)) {
        return Err(format!("there is no worker `{other}`").into());
    }
    let lines: Result<Vec<String>> = WORKERS.iter().filter(wanted).map(measure).collect();
    Ok(lines?.join("\n"))
}

fn measure(worker: &Worker) -> Result<String> {
    let Worker { name, features, variables } = worker;
    let build = ["build", "--profile", "lambda", "--locked", "-p", "datalake-examples"];
    run::ok(run::cargo().args(build).args(["--features", features, "--bin", name]))?;
    let target = run::target()?;
    let binary = target.join("lambda").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let packed = pack(&binary, &target.join("lambda").join(format!("{name}.zip")))?;
    let folder = target.join("lambda").join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let cold =
        ["run", "--release", "--locked", "--quiet", "-p", "datalake-simulators", "--features", "lambda"];
    let mut cold_start = run::cargo();
    cold_start.args(cold).args(["--example", "cold_start", "--"]).arg(&binary).args(*variables);
    let measured = run::output(cold_start.arg(format!("LAKE={}", folder.display())));
    fs::remove_dir_all(&folder)?;
    let mebibytes =
        |path: &Path| Ok::<_, std::io::Error>(fs::metadata(path)?.len() as f64 / f64::from(1 << 20));
    Ok(format!(
        "lambda: {name} for {}: {:.1} MiB, {:.1} MiB zipped; begins in {}",
        std::env::consts::ARCH,
        mebibytes(&binary)?,
        mebibytes(&packed)?,
        String::from_utf8_lossy(&measured?).trim(),
    ))
}

/// Writes an archive with the binary as `bootstrap`, which is what Lambda wants.
fn pack(binary: &Path, archive: &Path) -> Result<PathBuf> {
    fs::write(archive, zip::of("bootstrap", &fs::read(binary)?)?)?;
    Ok(archive.to_owned())
}
