//! Which decisions judged by other versions of the rules that only warn: what they recorded says nothing of the rules of
//! today.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::change::Oid;
use crate::git::Repository;
use crate::ledger::audit::replay::{find_named_bases, load_recorded_policy};
use crate::ledger::record::{DecisionRecord, RefDecision};
use crate::policy::Policy;
use crate::rollout::rule_basis::list_same_rules;
use crate::verdict::RuleLevel;

/// Changes that landed one after another on a ref and were judged by other versions of some rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherVersionRange {
    /// What the ref held before; `None` for a new ref.
    pub old: Option<Oid>,
    /// What it held afterwards.
    pub new: Oid,
    /// How many changes were recorded.
    pub changes: u64,
    /// The ids of the rules.
    pub rules: BTreeSet<String>,
}

/// Finds which rules were others when a decision was made; each policy is loaded once.
pub(crate) struct RuleVersions<'policy> {
    repository: &'policy Repository,
    policy: &'policy Policy,
    /// For each policy that judged, by its digest, the rules that it has as they are today.
    same_rules: BTreeMap<String, BTreeSet<String>>,
}

impl<'policy> RuleVersions<'policy> {
    /// Prepares to compare the rules of `policy` that only warn.
    pub(crate) fn new(repository: &'policy Repository, policy: &'policy Policy) -> Self {
        RuleVersions { repository, policy, same_rules: BTreeMap::new() }
    }

    /// Returns the ids of the rules that only warn today, already warned when the decision on a ref was made, and were
    /// others then, or cannot be compared.
    pub(crate) fn find_other_rules(
        &mut self,
        decided: &DecisionRecord,
        one: &RefDecision,
        starts: &BTreeMap<String, Timestamp>,
    ) -> BTreeSet<String> {
        let mut others = BTreeSet::new();
        for rule in self.policy.rules.iter().filter(|rule| rule.level == RuleLevel::Warn) {
            let id = rule.description.id.as_str();
            if starts.get(id).is_none_or(|start| decided.observed_at >= *start) {
                others.insert(id.to_owned());
            }
        }
        if others.is_empty() {
            return others;
        }
        let mut same = BTreeSet::new();
        for source in &one.policies {
            let digest = source.digest().to_owned();
            if self.policy.has_recorded_digest(&digest) {
                return BTreeSet::new();
            }
            if !self.same_rules.contains_key(&digest) {
                let loaded = load_recorded_policy(self.repository, &find_named_bases(decided), source);
                let found = loaded.map(|loaded| list_same_rules(self.policy, &loaded.policy));
                self.same_rules.insert(digest.clone(), found.unwrap_or_default());
            }
            same.extend(self.same_rules.get(&digest).into_iter().flatten().cloned());
        }
        others.retain(|id| !same.contains(id));
        others
    }
}

/// Adds the changes of a decision on a ref to those that have to be judged again, joined with what landed right after
/// them: the newest decision comes first.
pub(crate) fn add_other_range(
    ranges: &mut Vec<OtherVersionRange>,
    one: &RefDecision,
    rules: BTreeSet<String>,
) {
    let Some(new) = one.new else { return };
    let changes = u64::try_from(one.count_changes()).unwrap_or(u64::MAX);
    match ranges.last_mut() {
        Some(later) if later.old == Some(new) && later.rules == rules => {
            later.old = one.old;
            later.changes = later.changes.saturating_add(changes);
        }
        _ => ranges.push(OtherVersionRange { old: one.old, new, changes, rules }),
    }
}
