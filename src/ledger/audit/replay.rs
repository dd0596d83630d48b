//! Judging again: the facts that a decision rests on, by the policies it names, give the same verdicts.
//!
//! Verdicts are compared as records hold them: by rule ids, outcomes, codes and values, never by wording.
//! What denied the move of a ref itself is left out: that rests on what the repository held at the time.

use std::collections::BTreeMap;
use std::path::Path;

use crate::change::{Change, Oid};
use crate::gate::policy_naming::find_remote_commits;
use crate::gate::recorded_policies::reload_policy;
use crate::gate::{LoadedPolicy, collect_push_reasons, judge_from_facts, load_from_folder, load_from_pack};
use crate::git::Repository;
use crate::ledger::record::canonical::to_canonical_json;
use crate::ledger::record::{
    DecisionRecord, OmittedChanges, RecordedPolicySource, RecordedReasons, RecordedVerdict, RefDecision,
    digest_bytes,
};
use crate::report::escape;

/// What judging again came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayOutcome {
    /// How many changes were judged again, with the same outcome.
    pub identical: usize,
    /// What came out differently, in sentences.
    pub differences: Vec<String>,
    /// What cannot be judged again, and why, in sentences.
    pub unavailable: Vec<String>,
}

/// Judges again what was decided, from the facts beside the record; what the verdicts rest on is collected
/// again, and compared with `reasons`, if it was kept.
pub fn replay_decision(
    repository: &Repository,
    decision: &DecisionRecord,
    facts: Option<&[u8]>,
    reasons: Option<&[u8]>,
) -> ReplayOutcome {
    let mut outcome = ReplayOutcome::default();
    let Some(facts) = facts else {
        let why = "the facts were too long to be kept; only their digest is recorded";
        outcome.unavailable.push(why.into());
        return outcome;
    };
    if digest_bytes(facts) != decision.facts.digest {
        let what = "the facts beside the record are not those that it was judged by";
        outcome.differences.push(what.into());
        return outcome;
    }
    let named = find_named_bases(decision);
    let mut reasons = RecordedReasonLines::new(decision, reasons);
    let mut lines = facts.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for one in &decision.refs {
        let changes: Vec<&[u8]> = lines.by_ref().take(one.count_changes()).collect();
        if changes.len() < one.count_changes() {
            outcome.differences.push(format!("{}: some of its facts are missing", escape_ref_name(one)));
        }
        if let Err(why) = replay_ref((repository, &named), one, &changes, &mut reasons, &mut outcome) {
            outcome.unavailable.push(format!("{}: {why}", escape_ref_name(one)));
        }
    }
    let more = lines.count();
    // Facts are kept for refs that the record had no room for, so only without those is it a difference.
    if more > 0 && decision.omitted_refs == 0 {
        outcome.differences.push(format!("there are facts of {more} further changes"));
    } else if more > 0 {
        outcome.unavailable.push(format!("{more} changes are of refs that do not fit into the record"));
    }
    outcome
}

/// The lines that tell what the verdicts of a decision rest on, one for each change in the order of the facts.
struct RecordedReasonLines<'a> {
    lines: Vec<&'a [u8]>,
    next: usize,
}

impl<'a> RecordedReasonLines<'a> {
    /// Returns the lines of the file; none where they were not kept, and none where the file is not the one that
    /// was kept, which the verification reports.
    fn new(decision: &DecisionRecord, file: Option<&'a [u8]>) -> Self {
        let is_kept = |file: &&[u8]| {
            decision.reasons.as_ref().is_some_and(|reasons| reasons.digest == digest_bytes(file))
        };
        let file = file.filter(is_kept).unwrap_or_default();
        let lines = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        RecordedReasonLines { lines, next: 0 }
    }

    fn next_line(&mut self) -> Option<&'a [u8]> {
        let line = self.lines.get(self.next).copied();
        self.next += 1;
        line
    }
}

/// Judges again what was decided about one ref. The record holds its verdicts in the order of the facts, and
/// only counts the changes that passed or did not fit.
fn replay_ref(
    (repository, named): (&Repository, &BTreeMap<String, Oid>),
    one: &RefDecision,
    changes: &[&[u8]],
    reasons: &mut RecordedReasonLines<'_>,
    outcome: &mut ReplayOutcome,
) -> Result<(), String> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut policies = Vec::new();
    for source in &one.policies {
        let mut loaded = load_recorded_policy(repository, named, source)?;
        // What a verdict rests on names the policy, and earlier versions named it without its keys.
        loaded.policy.digest = source.digest().to_owned();
        policies.push(loaded);
    }
    let (own, base) = match policies.as_slice() {
        [own] => (own, None),
        [own, base] => (own, Some(&base.policy)),
        _ => return Err("the record does not name the policy".into()),
    };
    let mut recorded = one.changes.iter().peekable();
    let mut passed = 0;
    let mut omitted = OmittedChanges::default();
    for line in changes {
        let change: Change = serde_json::from_slice(line)
            .map_err(|error| format!("this version cannot read the facts of a change: {error}"))?;
        let verdict = judge_from_facts(&change, &own.policy, base);
        if let Some(recorded) = reasons.next_line() {
            let again = collect_push_reasons(&change, (&own.policy, base), &verdict);
            if to_canonical_json(&RecordedReasons::from(&again)).ok().as_deref() != Some(recorded) {
                let what = verdict.revision.map_or_else(|| "a change".to_owned(), |id| id.short_hex());
                outcome
                    .differences
                    .push(format!("{}: the verdict on {what} rests on something else", escape_ref_name(one)));
            }
        }
        let again = RecordedVerdict::from(&verdict);
        // The record holds verdicts in the order of the facts, so the next one is of this change or of a
        // later one.
        match recorded.next_if(|recorded| recorded.revision == again.revision) {
            Some(recorded) if *recorded == again => outcome.identical += 1,
            Some(_) => {
                let what = again.revision.map_or_else(|| "a change".to_owned(), |id| id.short_hex());
                outcome.differences.push(format!("{}: {what} is judged otherwise", escape_ref_name(one)));
            }
            None if verdict.has_remarks() => {
                omitted.changes += 1;
                outcome.identical += 1;
            }
            None => {
                passed += 1;
                outcome.identical += 1;
            }
        }
    }
    if recorded.next().is_some() {
        outcome
            .differences
            .push(format!("{}: the record holds changes that its facts do not", escape_ref_name(one)));
    }
    if (passed, omitted.changes) != (one.passed, one.omitted.changes) {
        outcome.differences.push(format!(
            "{}: {passed} changes pass and {} do not fit, and the record says {} and {}",
            escape_ref_name(one),
            omitted.changes,
            one.passed,
            one.omitted.changes
        ));
    }
    Ok(())
}

/// Loads a policy from the place that a record names, with the files of other repositories that were in force then.
///
/// # Errors
///
/// Says why it is not the policy of the record any more, and which version it needs.
pub(crate) fn load_recorded_policy(
    repository: &Repository,
    named: &BTreeMap<String, Oid>,
    source: &RecordedPolicySource,
) -> Result<LoadedPolicy, String> {
    let (found, place) = match source {
        RecordedPolicySource::Commit { id, path, digest } => {
            let reloaded = reload_policy(repository, named, (*id, path), Some(digest));
            return reloaded.map(|reloaded| reloaded.loaded).map_err(|failure| failure.why);
        }
        RecordedPolicySource::Disk { path, .. } => {
            let path = Path::new(path);
            let folder = path.parent().unwrap_or(path);
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            (load_from_folder(Some(repository), folder, &name), path.display().to_string())
        }
        RecordedPolicySource::Pack { name, .. } => (load_from_pack(name), format!("the pack {name}")),
        RecordedPolicySource::Elsewhere { place, .. } => {
            return Err(format!("its policy was read from {}", escape::escape_words(place)));
        }
    };
    let place = escape::escape_words(&place);
    let loaded = found.map_err(|_| format!("the policy {place} cannot be read any more"))?;
    if !loaded.policy.has_recorded_digest(source.digest()) {
        return Err(format!("{place} is another policy by now"));
    }
    Ok(loaded)
}

/// Returns the commits at which a decision read files of other repositories, as far as its record tells them.
pub(crate) fn find_named_bases(decision: &DecisionRecord) -> BTreeMap<String, Oid> {
    decision.policy.as_ref().map(|policy| find_remote_commits(&policy.source)).unwrap_or_default()
}

fn escape_ref_name(one: &RefDecision) -> String {
    escape::escape_terminal(one.name.as_bytes(), escape::MAX_QUOTE_COLUMNS)
}
