//! The rows.

use std::time::Duration;

use datalake_simulators::s3::{Fault, Op, Refusal, Rule};

use super::input::Kind;
use super::row::Row;

/// Where a fault strikes. Those after `Slot` strike objects in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strike {
    Raw,
    Curated,
    Quarantine,
    Slot,
    RawBegin,
    RawPart,
    RawEnd,
    SlotPart,
    SlotEnd,
    /// Looking for the head of the ledger.
    Head,
    /// Reading the head, and a slot that is taken.
    Entry,
}

impl Strike {
    const ALL: [Self; 11] = [
        Self::Raw,
        Self::Curated,
        Self::Quarantine,
        Self::Slot,
        Self::RawBegin,
        Self::RawPart,
        Self::RawEnd,
        Self::SlotPart,
        Self::SlotEnd,
        Self::Head,
        Self::Entry,
    ];

    /// Whether it strikes objects in parts.
    pub(crate) fn is_large(self) -> bool {
        !matches!(self, Self::Raw | Self::Curated | Self::Quarantine | Self::Slot)
    }

    fn place(self) -> (Op, &'static str) {
        match self {
            Self::Raw => (Op::PutObject, "/raw/"),
            Self::Curated => (Op::PutObject, "/curated/"),
            Self::Quarantine => (Op::PutObject, "/quarantine/"),
            Self::Slot => (Op::PutObject, "/commits/"),
            Self::RawBegin => (Op::CreateUpload, "/raw/"),
            Self::RawPart => (Op::UploadPart, "/raw/"),
            Self::RawEnd => (Op::CompleteUpload, "/raw/"),
            Self::SlotPart => (Op::UploadPart, "/commits/"),
            Self::SlotEnd => (Op::CompleteUpload, "/commits/"),
            Self::Head => (Op::ListObjects, "/commits/"),
            Self::Entry => (Op::GetObject, "/commits/"),
        }
    }

    pub(crate) fn rule(self, fault: Fault, times: u64) -> Rule {
        let (op, part) = self.place();
        Rule::new(op, fault).key(part).times(times)
    }

    fn takes(self, fault: Fault) -> bool {
        let (op, _) = self.place();
        let condition = matches!(self, Self::Slot | Self::SlotEnd);
        let end = op == Op::CompleteUpload;
        let read = matches!(op, Op::ListObjects | Op::GetObject);
        match fault {
            Fault::Refused(Refusal::MISSING) | Fault::Short => read,
            Fault::Flipped => op == Op::GetObject,
            Fault::Refused(Refusal::NO_UPLOAD) => end || op == Op::UploadPart,
            Fault::Refused(Refusal::PRECONDITION) | Fault::RefusedAfter(Refusal::PRECONDITION) => condition,
            Fault::ErrorIn200("PreconditionFailed") | Fault::ErrorIn200After("PreconditionFailed") => {
                condition && end
            }
            Fault::Refused(Refusal::CONFLICT) => condition || end,
            Fault::ErrorIn200(_) | Fault::ErrorIn200After(_) => end || !read,
            Fault::Refused(Refusal::TIMEOUT | Refusal::BAD_DIGEST)
            | Fault::RefusedAfter(_)
            | Fault::Reset
            | Fault::Late { .. } => !read,
            _ => true,
        }
    }
}

const FAULTS: [Fault; 25] = [
    Fault::Refused(Refusal::SLOW_DOWN),
    Fault::Refused(Refusal::INTERNAL),
    Fault::RefusedAfter(Refusal::INTERNAL),
    Fault::Refused(Refusal::TIMEOUT),
    Fault::Refused(Refusal::BAD_DIGEST),
    Fault::Refused(Refusal::DENIED),
    Fault::Refused(Refusal::MISSING),
    Fault::Refused(Refusal::NO_UPLOAD),
    Fault::Refused(Refusal::CONFLICT),
    Fault::Refused(Refusal::PRECONDITION),
    Fault::RefusedAfter(Refusal::PRECONDITION),
    Fault::ErrorIn200("InternalError"),
    Fault::ErrorIn200After("InternalError"),
    Fault::ErrorIn200("PreconditionFailed"),
    Fault::ErrorIn200After("PreconditionFailed"),
    Fault::Reset,
    Fault::Lost,
    Fault::Late { after: 2 },
    Fault::Late { after: 25 },
    Fault::Slow(Duration::from_millis(20)),
    Fault::Silent,
    Fault::Truncated,
    Fault::Short,
    Fault::Flipped,
    Fault::Foreign,
];

/// Every fault at every place that it can strike, in every format. Every other one strikes until a worker has used up
/// its tries and a new one must go on.
pub(crate) fn rows() -> impl Iterator<Item = Row> {
    let places =
        Strike::ALL.into_iter().flat_map(|strike| FAULTS.into_iter().map(move |fault| (strike, fault)));
    let fitting = places.filter(|(strike, fault)| strike.takes(*fault));
    fitting.enumerate().flat_map(|(n, (strike, fault))| {
        Kind::ALL.into_iter().enumerate().map(move |(m, kind)| {
            let stays = (n + m) % 2 == 1 && fault != Fault::Silent;
            Row { strike, fault, kind, times: if stays { 4 } else { 1 } }
        })
    })
}
