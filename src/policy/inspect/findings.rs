//! What an inspection goes by, and what it finds in one file of a policy.

use jiff::civil::Date;

use crate::change::Text;
use crate::pattern::PathPattern;
use crate::policy::signing_keys::SigningKey;
use crate::yaml::{YamlFault, YamlPlace};

/// What an inspection goes by beside the files of the policy.
#[derive(Clone, Copy, Debug)]
pub struct InspectionFacts<'facts> {
    /// The full names of the branches that the policy is read from, where they are known.
    pub read_from: &'facts [Text],
    /// The day that tells which times are over.
    pub today: Date,
    /// The keys of the policy's files of keys.
    pub signing_keys: &'facts [SigningKey],
}

/// What the inspection of one file found so far.
#[derive(Default)]
pub(crate) struct FileFindings {
    pub(crate) errors: Vec<YamlFault>,
    pub(crate) notes: Vec<YamlFault>,
    pub(crate) patterns: Vec<(YamlPlace, PathPattern)>,
}

/// Where a policy judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JudgingPlace {
    /// Anywhere: what only a forge knows is open.
    Anywhere,
    /// In the hook of a server, where approvals are what trailers say.
    ServerHook,
    /// Anywhere, of changes that their authors commit themselves.
    OwnCommits,
}
