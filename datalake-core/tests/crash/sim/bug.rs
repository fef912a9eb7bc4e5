//! Mistakes that somebody could make, each in a component of the simulation and none in the engine.

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// None.
    None,
    /// The store says that an object is new though it was there.
    ExistsIsSuccess,
    /// The store writes over an object that should not be there.
    Overwrite,
    /// The store looks first and writes then.
    NotAtomic,
    /// The ledger puts a commit whose answer was lost into the next slot.
    NewSlotOnTimeout,
    /// The ledger puts a commit that lost its slot into the next.
    LostIsNextSlot,
    /// The ledger says of a lost slot that the commit is in it.
    LostIsMine,
    /// The ledger answers before it writes.
    AckBeforeDurable,
    /// The ledger keeps the position beside the log, and writes it after the commit.
    CheckpointApart,
    /// The ledger takes a hint, written now and then, for the head.
    HintIsHead,
    /// All tries have one attempt id.
    AttemptsAreAlike,
    /// The ledger tidies up and deletes all but its last entry.
    SlotsAreDeleted,
    /// The sink answers before it has written.
    SinkAnswersFirst,
    /// The sink takes no answer for a good one.
    SinkIgnoresErrors,
    /// The sink gives all tries at a batch one name.
    OneNameForAll,
    /// The sink writes other bytes when it tries again.
    RetryChangesBytes,
    /// The sink deletes what it wrote when no answer came.
    DeletesWhenInDoubt,
    /// The archive takes no answer for a good one.
    ArchiveIgnoresErrors,
    /// The source loses a batch when it is not waited for.
    CancelLosesBatch,
    /// The source does not go back.
    SeekIsIgnored,
    /// The source goes back to one document too late.
    SeekIsOneTooFar,
    /// The source counts what it has given as durable.
    AckOnRead,
}

impl Bug {
    /// Every mistake.
    pub(crate) const ALL: [Self; 21] = [
        Self::ExistsIsSuccess,
        Self::Overwrite,
        Self::NotAtomic,
        Self::NewSlotOnTimeout,
        Self::LostIsNextSlot,
        Self::LostIsMine,
        Self::AckBeforeDurable,
        Self::CheckpointApart,
        Self::HintIsHead,
        Self::AttemptsAreAlike,
        Self::SlotsAreDeleted,
        Self::SinkAnswersFirst,
        Self::SinkIgnoresErrors,
        Self::OneNameForAll,
        Self::RetryChangesBytes,
        Self::DeletesWhenInDoubt,
        Self::ArchiveIgnoresErrors,
        Self::CancelLosesBatch,
        Self::SeekIsIgnored,
        Self::SeekIsOneTooFar,
        Self::AckOnRead,
    ];
}
