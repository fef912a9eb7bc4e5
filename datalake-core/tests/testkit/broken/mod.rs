//! For every case of a suite, a component that is broken in exactly the way the case looks for.

mod sinks;
mod sources;
mod stores;

use std::collections::BTreeSet;
use std::fmt::Debug;

use datalake_core::testkit::{CaseResult, Outcome};

/// Runs every case of a table on its broken twin, in paused time: it must fail. The cases must also pass on the twin
/// unbroken, and none may be without a twin.
fn all_are_caught<Case: Copy, How: Copy + Debug>(
    cases: &[(&str, Case)],
    twins: &[(&str, How)],
    whole: impl Fn(How) -> How,
    run: impl AsyncFn(Case, How) -> CaseResult,
) {
    let mut missed = Vec::new();
    for (name, how) in twins {
        let case = cases.iter().find(|case| case.0 == *name);
        let case = case.unwrap_or_else(|| panic!("there is no case {name}")).1;
        match in_paused_time(run(case, *how)) {
            Err(_) => {}
            Ok(Outcome::Passed) => missed.push(format!("{name} does not catch {how:?}")),
            Ok(other) => missed.push(format!("{name} for {how:?}: {other:?}")),
        }
        let unbroken = whole(*how);
        match in_paused_time(run(case, unbroken)) {
            Ok(Outcome::Passed) => {}
            other => missed.push(format!("{name} for {unbroken:?}: {other:?}")),
        }
    }
    let proven: BTreeSet<&str> = twins.iter().map(|twin| twin.0).collect();
    missed.extend(
        cases.iter().filter(|case| !proven.contains(case.0)).map(|case| format!("{} has no twin", case.0)),
    );
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

fn in_paused_time(case: impl Future<Output = CaseResult>) -> CaseResult {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(case)
}

#[test]
#[should_panic(expected = "reads_everything does not catch 1")]
fn a_case_that_catches_nothing_is_noticed() {
    let passes = async |(), _| Ok(Outcome::Passed);
    all_are_caught(&[("reads_everything", ())], &[("reads_everything", 1)], |_| 0, passes);
}

#[test]
#[should_panic(expected = "reads_everything has no twin")]
fn a_case_without_a_twin_is_noticed() {
    let passes = async |(), ()| Ok(Outcome::Passed);
    all_are_caught(&[("reads_everything", ())], &[], |()| (), passes);
}
