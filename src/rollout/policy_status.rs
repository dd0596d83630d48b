//! How the rollout of a policy stands on a day: everything that a report says, as values.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::gate::LoadedPolicy;
use crate::rollout::policy_dates::{PolicyDate, list_policy_dates};
use crate::rollout::policy_use::{PolicyUse, UseSource, WarnedUse};
use crate::rollout::warn_starts::WarnStart;
use crate::verdict::RuleLevel;

/// What is known of a policy's rollout beside the policy itself.
#[derive(Clone, Debug)]
pub struct StatusInputs {
    /// The present day, in UTC.
    pub today: Date,
    /// The last day that counts as soon.
    pub soon: Date,
    /// The first day of the changes that were counted.
    pub since: Date,
    /// The instant since which they were counted, in words.
    pub start: String,
    /// Since when rules warn, by their ids, where that is known.
    pub starts: BTreeMap<String, WarnStart>,
    /// What changes made of the rules and the exemptions; `None` where nothing tells.
    pub used: Option<PolicyUse>,
    /// What changes named of the standard changes, from history; `None` where nothing tells.
    pub used_entries: Option<PolicyUse>,
}

/// A rule that only warns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarnedRule {
    /// Its id.
    pub id: String,
    /// What it requires.
    pub title: String,
    /// The last day on which it only warns.
    pub until: Option<Date>,
    /// Since when it warns, if that is known.
    pub start: Option<WarnStart>,
    /// What it would have denied; `None` where nothing tells.
    pub used: Option<WarnedUse>,
}

/// How the rollout of a policy stands.
#[derive(Clone, Debug)]
pub struct PolicyStatus {
    /// The policy, as a person would look for it.
    pub source: String,
    /// What is known beside the policy.
    pub inputs: StatusInputs,
    /// The rules that only warn, or did until a day that is over; the one that ends first comes first.
    pub warned: Vec<WarnedRule>,
    /// What ends when, the earliest day first.
    pub dates: Vec<PolicyDate>,
    /// The exemptions that no change used, each with the rule and the place.
    pub unused_exemptions: Vec<(String, String)>,
    /// The standard changes that no change named.
    pub unused_entries: Vec<String>,
}

impl PolicyStatus {
    /// Returns what is over, or ends soon.
    pub fn list_due_dates(&self) -> Vec<&PolicyDate> {
        self.dates.iter().filter(|date| date.last_day <= self.inputs.soon).collect()
    }

    /// Returns true if there is nothing to say: no rule warns, nothing has a last day, nothing is unused.
    pub fn is_empty(&self) -> bool {
        self.warned.is_empty()
            && self.dates.is_empty()
            && self.unused_exemptions.is_empty()
            && self.unused_entries.is_empty()
    }
}

/// Puts together how the rollout of a policy stands.
pub fn build_policy_status(loaded: &LoadedPolicy, inputs: StatusInputs, now: Timestamp) -> PolicyStatus {
    let policy = &loaded.policy;
    let mut warned = Vec::new();
    for rule in policy.rules.iter().filter(|rule| rule.level == RuleLevel::Warn) {
        let id = rule.description.id.to_string();
        warned.push(WarnedRule {
            title: rule.description.title.clone(),
            until: rule.warn_until,
            start: inputs.starts.get(&id).copied(),
            used: inputs.used.as_ref().and_then(|used| used.rules.get(&id)).cloned(),
            id,
        });
    }
    warned.sort_by_key(|rule| rule.until);
    let mut unused_exemptions = Vec::new();
    if let Some(used) = inputs.used.as_ref().filter(|used| used.changes > 0) {
        for (index, exemption) in policy.exemptions.iter().enumerate() {
            let Some(rule) = policy.rules.get(exemption.rule_index) else { continue };
            if !used.used_exemptions.contains(&index) {
                unused_exemptions.push((rule.description.id.to_string(), exemption.id.to_string()));
            }
        }
    }
    let mut unused_entries = Vec::new();
    if let Some(used) = inputs.used_entries.as_ref().filter(|used| used.changes > 0) {
        for (id, _) in policy.standard_changes.list_entries() {
            if !used.used_entries.contains(id) {
                unused_entries.push(id.to_owned());
            }
        }
    }
    let dates = list_policy_dates(loaded, now);
    PolicyStatus { source: loaded.source.clone(), inputs, warned, dates, unused_exemptions, unused_entries }
}

/// Returns the words for where something is known from.
pub(crate) fn describe_source(source: UseSource) -> &'static str {
    match source {
        UseSource::Ledger => "by the records of the ledger",
        UseSource::History => "by judging the history again, as far as a repository tells",
    }
}
