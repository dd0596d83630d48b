//! What is found in one file of a policy.

use crate::pattern::PathPattern;
use crate::yaml::{YamlFault, YamlPlace};

/// What the inspection of one file found so far.
#[derive(Default)]
pub(crate) struct FileFindings {
    pub(crate) errors: Vec<YamlFault>,
    pub(crate) notes: Vec<YamlFault>,
    pub(crate) patterns: Vec<(YamlPlace, PathPattern)>,
}
