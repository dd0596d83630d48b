//! What verifying a ledger comes to: the problems and their kinds.

use jiff::Timestamp;

use crate::change::Oid;
use crate::git::signature::KeyRegistry;
use crate::ledger::store::gate_folder::LedgerAnchor;

/// What a verification compares the ledger with.
#[derive(Default)]
pub struct VerifyOptions<'a> {
    /// The newest record that was seen of the ledger before.
    pub seen_anchor: Option<LedgerAnchor>,
    /// True to compare it with what the refs hold now.
    pub check_refs: bool,
    /// The keys that records have to be signed with; `None` if they need no signature.
    pub signers: Option<&'a KeyRegistry>,
}

/// What a verification came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LedgerVerification {
    /// How many records the ledger has.
    pub records: u64,
    /// How many of them are decisions.
    pub decisions: u64,
    /// How many of the decisions denied.
    pub denied: u64,
    /// How many of the decisions were made in evaluate mode, and not enforced.
    pub not_enforced: u64,
    /// The newest commit of the ledger.
    pub tip: Option<Oid>,
    /// When the first thing happened that the ledger tells of.
    pub first_at: Option<Timestamp>,
    /// When the last thing happened that the ledger tells of.
    pub last_at: Option<Timestamp>,
    /// The longest time in between of which no record tells; `None` if there are less than two records.
    pub longest_silence: Option<(Timestamp, Timestamp)>,
    /// The digest of the newest record.
    pub last_digest: Option<String>,
    /// The problems, oldest record first.
    pub problems: Vec<LedgerProblem>,
}

impl LedgerVerification {
    /// Takes in when something happened, in the order of the records. A record can be of something earlier than the
    /// one before, which then ends no silence.
    pub(crate) fn add_event_time(&mut self, at: Timestamp) {
        self.first_at = Some(self.first_at.map_or(at, |first| first.min(at)));
        let Some(last) = self.last_at else {
            self.last_at = Some(at);
            return;
        };
        if at <= last {
            return;
        }
        self.last_at = Some(at);
        let longest = self.longest_silence.map(|(from, to)| to.duration_since(from));
        if longest.is_none_or(|longest| at.duration_since(last) > longest) {
            self.longest_silence = Some((last, at));
        }
    }
}

/// Something that is wrong with the ledger, or that it tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerProblem {
    /// The number of the record, if it is about one.
    pub record: Option<u64>,
    /// The commit of that record.
    pub commit: Option<Oid>,
    /// The kind, by which programs tell problems apart.
    pub kind: LedgerProblemKind,
    /// What is wrong, as a sentence without a capital.
    pub what: String,
}

/// The kind of a problem.
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
    /// A ref moved without a decision, and a person who may has regularised it. It stays reported, and the
    /// ledger counts as whole.
    Regularised,
    /// A decision by a policy that came without a decision.
    UndecidedPolicy,
    /// A decision without an outcome, or an outcome without a decision.
    Incomplete,
    /// A denial waits on the server's disk to be recorded. It is about no ref, so the ledger counts as whole.
    Waiting,
    /// The clock went back. Numbers order the records, so the ledger still counts as whole.
    ClockWentBack,
}

impl LedgerVerification {
    /// Returns whether no problem denies that the ledger is whole and true.
    pub fn is_whole(&self) -> bool {
        self.tip.is_some() && self.problems.iter().all(|problem| problem.kind.is_harmless())
    }
}

impl LedgerProblemKind {
    /// Returns whether a ledger with such a problem still counts as whole.
    fn is_harmless(self) -> bool {
        matches!(
            self,
            LedgerProblemKind::ClockWentBack | LedgerProblemKind::Regularised | LedgerProblemKind::Waiting
        )
    }
}
