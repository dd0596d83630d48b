//! What verifying a ledger comes to: the problems, and which kinds there are.

use crate::change::Oid;
use crate::git::signature::KeyRegistry;
use crate::ledger::store::gate_folder::LedgerAnchor;

/// What verifying is asked to do.
#[derive(Default)]
pub struct VerifyOptions<'a> {
    /// What was seen of the ledger before.
    pub seen_anchor: Option<LedgerAnchor>,
    /// Whether it is also held against what the refs hold now.
    pub check_refs: bool,
    /// The keys that records have to be signed with, if they have to be.
    pub signers: Option<&'a KeyRegistry>,
}

/// What verifying came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LedgerVerification {
    /// How many records there are.
    pub records: u64,
    /// How many of them are decisions.
    pub decisions: u64,
    /// How many of those denied.
    pub denied: u64,
    /// The newest commit of the ledger.
    pub tip: Option<Oid>,
    /// The digest of the newest record.
    pub last_digest: Option<String>,
    /// What is wrong, oldest first.
    pub problems: Vec<LedgerProblem>,
}

/// Something that is wrong with the ledger, or that it tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerProblem {
    /// The record, if it is about one.
    pub record: Option<u64>,
    /// Its commit.
    pub commit: Option<Oid>,
    /// Which kind.
    pub kind: LedgerProblemKind,
    /// What is wrong, as a sentence.
    pub what: String,
}

/// The kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LedgerProblemKind {
    /// The ledger was changed after it was written.
    Tampered,
    /// Records are missing at its end.
    Truncated,
    /// A record cannot be read, or is of a version that is not known.
    Unreadable,
    /// A record is not signed by a key that counts.
    Unsigned,
    /// The repository does not hold what the ledger says.
    Mismatch,
    /// A ref moved without a decision.
    Unauthorised,
    /// The same, and somebody who may has declared it afterwards. It is told for ever, and speaks
    /// against nothing any more.
    Regularised,
    /// A decision without what became of it, or the contrary.
    Incomplete,
    /// The clock went back. Numbers order the records, so this alone speaks against nothing.
    ClockWentBack,
}

impl LedgerVerification {
    /// Returns whether nothing speaks against the ledger.
    pub fn is_whole(&self) -> bool {
        self.tip.is_some()
            && self.problems.iter().all(|problem| {
                matches!(problem.kind, LedgerProblemKind::ClockWentBack | LedgerProblemKind::Regularised)
            })
    }
}
