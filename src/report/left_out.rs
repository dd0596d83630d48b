//! What a report says of the changes of a long range that it does not hold in full: how many there are,
//! and how often each rule had which outcome.

use std::sync::Arc;

use crate::change::Oid;
use crate::report::judgement_rank::JudgementRank;
use crate::verdict::{RuleDescription, RuleId, RuleLevel};

/// The totals of changes that were judged and are not held in full; all zero for a report that holds all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeftOutChanges {
    /// The number of changes.
    pub(crate) changes: usize,
    /// How many of them are denied.
    pub(crate) denied: usize,
    /// How many are allowed and have a remark that counts even where other changes are denied.
    pub(crate) remarked: usize,
    /// How many are allowed and have no remark but what they owe.
    pub(crate) owing: usize,
    /// How many are allowed and have a judgement to list.
    pub(crate) listed: usize,
    /// How many contradict themselves.
    pub(crate) contradictory: usize,
    /// True if one of them has a commit with several parents.
    pub(crate) have_merges: bool,
    /// The revision of the newest change of the group, if that is one of them.
    pub(crate) newest_revision: Option<Oid>,
    /// The outcomes, in the order in which they came up.
    pub(crate) rules: Vec<LeftOutRule>,
}

impl LeftOutChanges {
    /// Returns the level at which one of the changes breaks the rule; `None` if none does.
    pub(crate) fn find_broken_level(&self, rule: &RuleId) -> Option<RuleLevel> {
        self.rules.iter().filter(|one| one.rule.id == *rule).find_map(|one| match one.rank {
            JudgementRank::Denied | JudgementRank::DeniedUnknown => Some(RuleLevel::Deny),
            JudgementRank::Warning => Some(RuleLevel::Warn),
            _ => None,
        })
    }
}

/// How often one rule had outcomes of one rank among changes that are not held in full.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LeftOutRule {
    pub(crate) rule: Arc<RuleDescription>,
    pub(crate) rank: JudgementRank,
    /// The number of changes.
    pub(crate) changes: usize,
    /// The number of obligations, or of points to tell a reader.
    pub(crate) points: usize,
    /// The number of findings and missing facts, with those that go away with another.
    pub(crate) objections: usize,
}
