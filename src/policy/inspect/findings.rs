//! What an inspection goes by, and what it finds in one file of a policy.

use jiff::civil::Date;

use crate::change::Text;
use crate::pattern::PathPattern;
use crate::policy::signing_keys::SigningKey;
use crate::verdict::messages;
use crate::yaml::{YamlFault, YamlPlace};

messages! {
    TOO_LARGE = "policy.too-large-to-check":
        "the policy is too large for this check to be complete; it may have more errors and notes than are told";
}

/// An address as GitHub gives it to an account that hides its own.
pub(crate) const FORGE_ADDRESS: &str = "1+zq7@users.noreply.github.com";

/// After how many days the keys are looked at again.
pub const LATER_KEYS_DAYS: i64 = 14;

/// What an inspection goes by beside the files of the policy.
#[derive(Clone, Copy, Debug)]
pub struct InspectionFacts<'facts> {
    /// The full names of the branches that the policy is read from, where they are known.
    pub read_from: &'facts [Text],
    /// The day that tells which times are over.
    pub today: Date,
    /// The keys of the policy's files of keys.
    pub signing_keys: &'facts [SigningKey],
    /// The same keys as they stand in two weeks, if that is known.
    pub later_keys: &'facts [SigningKey],
    /// An account by which the server knows who pushes, if there is such a server.
    pub pusher: Option<&'facts Text>,
}

/// What the inspection of one file found so far.
#[derive(Default)]
pub(crate) struct FileFindings {
    pub(crate) errors: Vec<YamlFault>,
    pub(crate) notes: Vec<YamlFault>,
    /// What the wording shows to lock people out, if a search confirms it.
    pub(crate) suspicions: Vec<SuspectedLockout>,
    pub(crate) patterns: Vec<FoundPattern>,
}

/// A pattern of paths, as a file of a policy has it.
pub(crate) struct FoundPattern {
    pub(crate) at: YamlPlace,
    pub(crate) pattern: PathPattern,
    pub(crate) asked: PatternUse,
}

/// What is asked of a path and a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatternUse {
    /// Whether the pattern matches the path, or a folder that holds it.
    Matching,
    /// Whether the pattern covers the path; the name of a folder covers nothing in it.
    Covering,
}

/// A lock-out as the wording of some rules shows it. It does not see exemptions, other ways, and changes that the
/// rules are not about.
pub(crate) struct SuspectedLockout {
    /// The rules that lock people out, as indexes of the policy; all that deny if there is none.
    pub(crate) rules: Vec<usize>,
    /// The class that they are said to leave no change of; `None` for what the first of the rules applies to.
    pub(crate) class: Option<usize>,
    /// What is told of a policy that no change can keep.
    pub(crate) fault: YamlFault,
    /// What is told where other changes remain; `None` for the same.
    pub(crate) note: Option<YamlFault>,
    /// True if it is worth a note also where the rules can be kept.
    pub(crate) is_always_noted: bool,
}

impl SuspectedLockout {
    /// Suspects one rule.
    pub(crate) fn of_rule(rule: usize, fault: YamlFault) -> Self {
        SuspectedLockout { rules: vec![rule], class: None, fault, note: None, is_always_noted: false }
    }

    /// Tells other words where other changes remain.
    pub(crate) fn or_noted_as(self, what: String) -> Self {
        let note = YamlFault { what, ..self.fault.clone() };
        SuspectedLockout { note: Some(note), ..self }
    }
}

/// Where a policy judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JudgingPlace {
    /// Anywhere: what only a forge knows is open.
    Anywhere,
    /// In the hook of a server, where approvals are what trailers say, or are signed with keys of the policy.
    ServerHook,
    /// Anywhere, of changes that their authors commit themselves.
    OwnCommits,
}
