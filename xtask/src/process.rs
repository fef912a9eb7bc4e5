//! Processes of this machine.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Sends a signal to a process, or to a group if there is a minus before its number.
pub(crate) fn signal(name: &str, target: &str) {
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -s \"$1\" -- \"$2\"", "kill", name, target]);
    kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
}

/// Kills a process, those that it has started, and those that these have.
pub(crate) fn kill_with_children(id: u32) {
    let all = parents();
    let mut family = vec![id];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(all.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        next += 1;
    }
    family.iter().for_each(|id| signal("KILL", &id.to_string()));
}

/// Every process that can be seen, with the one that started it.
fn parents() -> Vec<(u32, u32)> {
    let mut ps = Command::new("ps");
    let output = ps.args(["-e", "-o", "pid=", "-o", "ppid="]).stdin(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let pair = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    text.lines().filter_map(pair).collect()
}

/// Whether something comes true within a time.
pub(crate) fn within(bound: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > bound {
            return false;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    true
}
