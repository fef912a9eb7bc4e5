//! Whether the server has sent all that was there when reading began.

use super::lsn::Lsn;

/// A server that says so many times that it is where it was has nothing more: the end of its log can be a few bytes
/// after the last record, and what is committed asynchronously may take a moment to be written.
const SETTLED: usize = 10;

/// How far the server says that it is.
#[derive(Debug)]
pub(super) struct Progress {
    /// Who is here is through.
    target: Lsn,
    /// The farthest that it has been.
    farthest: Lsn,
    /// What it said last, and how often it has said the same since.
    said: Lsn,
    times: usize,
}

impl Progress {
    pub(super) fn new(target: Lsn) -> Self {
        Self { target, farthest: Lsn(0), said: Lsn(0), times: 0 }
    }

    /// Something of the log came.
    pub(super) fn moved(&mut self) {
        self.times = 0;
    }

    /// The server says how far it has sent everything. One that begins says where the slot is, and then reads again the
    /// log before that, which it needs to understand what follows: so it may fall back, and is not settled while it
    /// moves there, however long that takes.
    pub(super) fn says(&mut self, sent: Lsn) {
        self.times = if sent == self.said { self.times + 1 } else { 0 };
        self.said = sent;
        self.farthest = self.farthest.max(sent);
    }

    pub(super) fn is_through(&self) -> bool {
        self.farthest >= self.target || self.times >= SETTLED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(target: u64, said: impl IntoIterator<Item = u64>) -> Progress {
        let mut progress = Progress::new(Lsn(target));
        said.into_iter().for_each(|sent| progress.says(Lsn(sent)));
        progress
    }

    #[test]
    fn who_has_reached_the_end_is_through() {
        assert!(!after(100, [99]).is_through());
        assert!(after(100, [99, 100]).is_through());
        assert!(after(100, [130]).is_through());
        assert!(!after(100, []).is_through());
    }

    #[test]
    fn who_stays_where_it_is_has_nothing_more() {
        assert!(!after(100, [90; SETTLED]).is_through());
        let mut progress = after(100, [90; SETTLED + 1]);
        assert!(progress.is_through());
        progress.moved();
        assert!(!progress.is_through());
    }

    #[test]
    fn who_reads_again_what_was_before_is_not_through_however_often_it_is_asked() {
        assert!(!after(100, std::iter::once(90).chain(10..60)).is_through());
    }
}
