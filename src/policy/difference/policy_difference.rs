//! One difference, and which way it goes.

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
        match self {
            PolicyDirection::Stricter => "stricter",
            PolicyDirection::Different => "different",
            PolicyDirection::Looser => "looser",
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
    pub part: String,
    /// What is different, in words that quote the policies.
    pub what: String,
}
