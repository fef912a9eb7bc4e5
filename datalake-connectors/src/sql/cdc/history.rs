//! Which way the log of a server has gone.

use datalake_core::Result;

use super::error::gone;
use super::lsn::Lsn;
use super::wire::Wire;

/// Checks that a place of an earlier timeline lies on the way to the one that the server is on now: it is not beyond the
/// place where that way turned off, as after a restore to an earlier time.
pub(super) async fn leads_here(wire: &mut Wire, slot: &str, (from, lsn): (u32, Lsn), to: u32) -> Result<()> {
    let rows = match to > from {
        true => wire.query(&format!("TIMELINE_HISTORY {to}")).await?,
        false => Vec::new(),
    };
    let history = rows.first().map(|row| row.text(1)).unwrap_or_default();
    match turned(history, from) {
        Some(turn) if lsn <= turn => Ok(()),
        turn => {
            let why = "the server went another way before what was read: it was restored, or another took its place";
            let error = gone(why, slot).with("read", lsn).with("timeline", from).with("now", to);
            Err(turn.into_iter().fold(error, |error, turn| error.with("turned", turn)))
        }
    }
}

/// Where a timeline was left, by the lines of a history: its number, the place, and why.
fn turned(history: &str, timeline: u32) -> Option<Lsn> {
    history.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()?.parse() == Ok(timeline)).then(|| words.next()?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_says_where_each_timeline_was_left() {
        let history = "1\t0/30000A8\tno recovery target specified\n\n2\t1/5000\tbefore 2026-11-26\n";
        assert_eq!(turned(history, 1), "0/30000A8".parse().ok());
        assert_eq!(turned(history, 2), "1/5000".parse().ok());
        assert_eq!((turned(history, 3), turned("", 1)), (None, None));
    }
}
