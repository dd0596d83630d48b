//! Since when rules only warn, by the policies that the history held.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::change::{NeededFacts, Oid};
use crate::gate::{LoadedPolicy, find_history_spans, load_from_commit};
use crate::git::Repository;
use crate::policy::Policy;
use crate::verdict::RuleLevel;

/// Since when a rule only warns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarnStart {
    /// When the commit was made, as it says, since which the rule warns without a break.
    pub since: Timestamp,
    /// How often its last day was moved to a later one since then.
    pub extended: usize,
}

/// Returns since when the rules of a policy that only warn have done so without a break, by their ids. A rule that
/// does not warn at `tip` yet is left out.
///
/// # Errors
///
/// Fails if the first-parent history cannot be read.
pub fn find_warn_starts(
    repository: &Repository,
    tip: Oid,
    loaded: &LoadedPolicy,
) -> Result<BTreeMap<String, WarnStart>> {
    let mut starts = BTreeMap::new();
    let mut waiting: BTreeMap<String, Option<Date>> = BTreeMap::new();
    for rule in loaded.policy.rules.iter().filter(|rule| rule.level == RuleLevel::Warn) {
        waiting.insert(rule.description.id.to_string(), rule.warn_until);
    }
    if waiting.is_empty() {
        return Ok(starts);
    }
    let path = loaded.path_in_commit();
    let at_tip = load_from_commit(repository, tip, path, "the history").ok();
    add_warn_state(at_tip.as_ref().map(|found| &found.policy), tip, repository, &mut waiting, &mut starts)?;
    // The newest policy first.
    for span in find_history_spans(repository, tip, path)?.iter().rev() {
        let Some(base) = span.base else { break };
        let policy = span.policy.as_ref().ok().map(|found| &found.policy);
        add_warn_state(policy, base, repository, &mut waiting, &mut starts)?;
        if waiting.is_empty() {
            break;
        }
    }
    Ok(starts)
}

/// Goes on to the policy that stood at a commit: rules that warned there as well started at that commit, or earlier.
fn add_warn_state(
    policy: Option<&Policy>,
    commit: Oid,
    repository: &Repository,
    waiting: &mut BTreeMap<String, Option<Date>>,
    starts: &mut BTreeMap<String, WarnStart>,
) -> Result<()> {
    let mut until_here = BTreeMap::new();
    for rule in policy.iter().flat_map(|policy| &policy.rules) {
        if rule.level == RuleLevel::Warn {
            until_here.insert(rule.description.id.to_string(), rule.warn_until);
        }
    }
    waiting.retain(|rule, _| until_here.contains_key(rule));
    if waiting.is_empty() {
        return Ok(());
    }
    let made_at = repository.read_commit(commit, &NeededFacts::new())?.committed_at;
    let since = Timestamp::from_second(made_at).unwrap_or_default();
    for (rule, later) in waiting.iter_mut() {
        let here = until_here.get(rule).copied().flatten();
        let is_extended = here < *later;
        *later = here;
        let known = starts.entry(rule.clone()).or_insert(WarnStart { since, extended: 0 });
        known.since = since;
        known.extended += usize::from(is_extended);
    }
    Ok(())
}
