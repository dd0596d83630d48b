//! The wire form of what is owed: contributors, the statements that close an obligation, the evidence.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, Text};

/// A contributor to a change, as the ledger remembers them; bots are not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedContributor {
    /// The account, where it is a bare one that no roster explains.
    pub account: Option<String>,
    /// The key that is equal for all addresses and accounts of one person; `None` if unidentified.
    pub key: Option<String>,
    /// The name in the form in which names are compared.
    pub name: String,
    /// The number of the account on its forge, which stays when its login goes to another account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

/// A change that owes something, with its contributors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OwingChange {
    /// The final revision of the change.
    pub change: Oid,
    /// The contributors to the change, without bots.
    pub contributors: Vec<RecordedContributor>,
    /// True if these are all contributors.
    pub contributors_known: bool,
}

/// A pull request that a change came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullLanding {
    /// The final revision that was judged.
    pub change: Oid,
    /// The pull request, as in `acme/shop#12`.
    pub pull: Text,
    /// The commit as which it landed.
    pub landed_as: Oid,
    /// The ids of the rules that owe something which a review of the pull request would close.
    pub reviewable_rules: Vec<String>,
}

/// What a change states for earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedClosing {
    /// The final revision of the change that states it.
    pub change: Oid,
    /// The contributors to that change, without bots.
    pub contributors: Vec<RecordedContributor>,
    /// True if these are all contributors.
    pub contributors_known: bool,
    /// The first digits of the earlier changes' ids, or `ledger:` and the number of a record.
    pub for_changes: Vec<String>,
    /// The fields that it states and the policy accepts.
    pub statements: Vec<RecordedStatement>,
    /// What it states for an unauthorised change, if the pusher may regularise one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_statement: Option<RecordedLateStatement>,
}

/// A field that is stated for an earlier change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedStatement {
    /// The field's name in the policy.
    pub field: String,
    /// For a field that names people: those who can be identified, without bots.
    pub people: Option<Vec<RecordedContributor>>,
    /// For a field of tickets that a ticket system confirms: their keys. The statement alone closes
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tickets: Option<Vec<Text>>,
}

/// What a change states for an unauthorised one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedLateStatement {
    /// The person who pushes or merges it, who may regularise unauthorised changes.
    pub by: RecordedContributor,
    /// True if it states the reason and the incident that the policy asks of emergencies.
    pub is_complete: bool,
}

/// An obligation that is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ObligationDischarge {
    /// The id of the obligation in the state.
    pub obligation: String,
    /// The id of the rule that asked for it.
    pub rule: String,
    /// The change that owed it.
    pub change: Option<Oid>,
    /// The evidence that closes it.
    pub evidence: ObligationEvidence,
    /// When the evidence was seen, by the clock of the gate, or of the forge for a review; never before
    /// it was owed.
    pub observed_at: Timestamp,
    /// How many seconds too late that is; `None` for in time.
    pub late_by: Option<u64>,
}

/// The evidence that closes an obligation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum ObligationEvidence {
    /// A later change on the same ref that speaks for the one that owes.
    Change {
        /// The final revision of that change.
        id: Oid,
    },
    /// A ticket, as its ticket system answers.
    Ticket {
        /// The key of the ticket in its system.
        key: Text,
        /// The address of the system, or a file's name and digest.
        source: Text,
        /// When it was made, by the system's clock.
        created: Timestamp,
        /// The page on which people look at it.
        url: Text,
        /// The change that names it; `None` if the ticket names the change that owes.
        by: Option<Oid>,
    },
    /// A review of the pull request, given after the change landed.
    Review {
        /// The account of the reviewer.
        by: Text,
        /// The pull request, as in `acme/shop#12`.
        on: Text,
        /// When it was submitted, by the forge's clock.
        submitted: Timestamp,
    },
    /// The end of a break-glass session; it stands in states, and in no record.
    Session {
        /// The account that closed it.
        by: Text,
    },
}

/// People were told of obligations that are due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ObligationEscalation {
    /// The ids of the obligations that are due soon.
    pub due_soon: Vec<String>,
    /// The ids of the obligations that are overdue.
    pub overdue: Vec<String>,
    /// When people were told, by the clock of the sweep.
    pub observed_at: Timestamp,
}

/// Who may regularise an unauthorised change, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RegularisationTerms {
    /// The number of the record that tells of the unauthorised change.
    pub record_number: u64,
    /// The teams whose members may regularise it.
    pub teams: Vec<String>,
    /// The last instant that is in time, counted from when that record was written.
    pub due: Option<Timestamp>,
    /// The contributors to what landed, as far as known.
    pub contributors: Vec<RecordedContributor>,
    /// True if these are all contributors.
    pub contributors_known: bool,
    /// The ref on which the change has to land that regularises it.
    pub regularised_on: Text,
}
