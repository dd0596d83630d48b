//! What the ledger tells of the time before a push or a range, as values.

use std::rc::Rc;

use jiff::Timestamp;

use crate::change::{Oid, Text};
use crate::gate::push::base_policy::UndecidedMove;
use crate::gate::signed_approvals::authorised::ReceivedApprovals;

/// A record of the ledger that tells of an unauthorised change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnauthorisedRecord {
    /// The number of the record.
    pub number: u64,
    /// The ref that moved.
    pub ref_name: Text,
    /// The ref on which the change lands that regularises it, if the policy names one.
    pub regularised_on: Option<Text>,
    /// What the ref held before and afterwards.
    pub moved: UndecidedMove,
    /// True if a later change regularised it.
    pub is_regularised: bool,
}

/// A move of a ref that the ledger tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastLanding {
    /// What the ref held before; `None` for nothing, or if the ledger does not know.
    pub old: Option<Oid>,
    /// What it held afterwards; `None` for nothing.
    pub new: Option<Oid>,
    /// True if it landed in evaluate mode, although a decision that counts would have denied it.
    pub was_denied: bool,
    /// When it was decided, or seen if nothing decided it, by the clock of the gate or of the forge.
    pub seen_at: Timestamp,
}

/// Reads from the ledger how refs moved. Few pushes ask for that, and a long ledger takes a while to read.
pub trait LandingReader {
    /// Returns the moves of a ref since the ledger began to follow it, oldest first; it begins with what the ref held then.
    ///
    /// # Errors
    ///
    /// Fails if the ledger cannot be read whole, where pushes do not go on without it.
    fn read_landings(&self, ref_name: &Text) -> anyhow::Result<Rc<[PastLanding]>>;

    /// Returns true if an account has pushed for which `is_wanted` holds, or if the ledger is too long to tell.
    ///
    /// # Errors
    ///
    /// Fails if the ledger cannot be read.
    fn has_pusher(&self, is_wanted: &dyn Fn(&Text) -> bool) -> anyhow::Result<bool>;
}

/// What the ledger tells of the time before.
#[derive(Clone, Copy, Default)]
pub struct RecordedPast<'ledger> {
    /// The moves of the policy ref without a decision that are not regularised, in their order.
    pub undecided: &'ledger [UndecidedMove],
    /// The records of unauthorised changes, open and closed; `None` if the ledger was not read.
    pub unauthorised: Option<&'ledger [UnauthorisedRecord]>,
    /// How refs moved; `None` without a ledger.
    pub landings: Option<&'ledger dyn LandingReader>,
    /// The signed approvals that no change has used up, in the order of their receipt; `None` where none can be
    /// received.
    pub approvals: Option<&'ledger ReceivedApprovals>,
}

/// An unauthorised change on record, as a later change can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownRecord {
    /// The number of the record.
    pub(crate) number: u64,
    /// What the ref was moved to, which the branch need not hold any more; `None` for nothing.
    pub(crate) moved_to: Option<Oid>,
}

/// Returns the records that a change of this ref can speak for; `None` if the ledger was not read.
pub(crate) fn list_known_records(
    unauthorised: Option<&[UnauthorisedRecord]>,
    ref_name: &Text,
) -> Option<Vec<KnownRecord>> {
    let is_of_ref = |one: &&UnauthorisedRecord| {
        one.ref_name == *ref_name || one.regularised_on.as_ref() == Some(ref_name)
    };
    let of_ref = unauthorised?.iter().filter(is_of_ref);
    Some(of_ref.map(|one| KnownRecord { number: one.number, moved_to: one.moved.new }).collect())
}
