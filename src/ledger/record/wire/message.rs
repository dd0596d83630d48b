//! The wire form of what the gate says: a code and values, without the sentence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::change::Text;

/// A message: its code, and the values that its sentence speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedMessage {
    /// The code, such as `signed.unsigned`, which never changes.
    pub code: String,
    /// The values by their names.
    pub values: BTreeMap<String, RecordedValue>,
}

/// A value of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedValue {
    /// Words of the policy or of git.
    Plain(String),
    /// A count of things.
    Number(u64),
    /// Words of contributors or of a forge.
    Quoted(Text),
    /// A message that completes this one.
    Nested(RecordedMessage),
    /// Several values, in order.
    List(Vec<RecordedValue>),
    /// The words of an error, which are shown when it happens and not recorded.
    Unrecorded,
}

/// A role that can fix what a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedFixer {
    /// The author of the change.
    Author,
    /// A reviewer who is not a contributor to the change.
    Reviewer,
    /// The person that a trailer or a line of the description names.
    NamedPerson,
    /// The person who signed, or should have signed, the commit.
    Committer,
    /// The account that pushes.
    Pusher,
    /// The person who added the label.
    Labeller,
    /// A member of one of these teams.
    TeamMember(Vec<String>),
    /// The people who owe what is overdue.
    ObligationOwner,
    /// The people who run the continuous integration.
    PipelineOwner,
    /// The people who keep the policy.
    PolicyOwner,
    /// The people who keep the roster.
    RosterOwner,
    /// The administrator of the Git server.
    ServerAdministrator,
    /// The people who set up the gate.
    GateAdministrator,
    /// No action is needed: a later run judges again.
    NotNeeded,
}
