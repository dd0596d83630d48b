//! One difference, and which way it goes.

use crate::policy::difference::wording::{DIFFERENT, LOOSER, STRICTER};
use crate::verdict::{Message, MessageTemplate};

/// Which way a policy changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyDirection {
    /// It asks for more, or the same in other words.
    Stricter,
    /// It asks for something else, which may be less.
    Different,
    /// It asks for less.
    Looser,
}

impl PolicyDirection {
    /// Returns the direction as a word.
    pub fn describe_direction(self) -> &'static str {
        self.template().text
    }

    /// Returns the direction as a message.
    pub(crate) fn template(self) -> &'static MessageTemplate {
        match self {
            PolicyDirection::Stricter => &STRICTER,
            PolicyDirection::Different => &DIFFERENT,
            PolicyDirection::Looser => &LOOSER,
        }
    }

    /// Returns true unless the difference can allow nothing that was denied before.
    pub fn may_loosen(self) -> bool {
        self != PolicyDirection::Stricter
    }
}

/// One difference between two policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDifference {
    /// Which way the policy changes.
    pub direction: PolicyDirection,
    /// The part of the policy, as in `rule peer-review (normal, docs)`.
    pub part: Message,
    /// What is different, with values of the policies.
    pub what: Message,
}
