//! Judging again: the facts that a decision rests on, by the policies it names, give the same verdicts,
//! byte for byte.
//!
//! What spoke against a ref itself is left out: that rests on what the repository held at the time.

use crate::change::Change;
use crate::gate::{LoadedPolicy, judge_from_facts, load_from_commit, load_from_disk, load_from_pack};
use crate::git::Repository;
use crate::ledger::record::canonical::to_canonical_json;
use crate::ledger::record::{DecisionRecord, RefDecision, digest_bytes};
use crate::report::{PolicyLocation, PolicyReference, escape};
use crate::verdict::Verdict;

/// What judging again came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayOutcome {
    /// How many changes were judged again, with the same outcome.
    pub identical: usize,
    /// What came out differently.
    pub differences: Vec<String>,
    /// What cannot be judged again, and why.
    pub unavailable: Vec<String>,
}

/// Judges again what was decided, from `facts`, the file beside the record.
pub fn replay_decision(
    repository: &Repository,
    decided: &DecisionRecord,
    facts: Option<&[u8]>,
) -> ReplayOutcome {
    let mut replayed = ReplayOutcome::default();
    let facts = match facts {
        Some(facts) if digest_bytes(facts) == decided.facts.digest => facts,
        Some(_) => {
            replayed
                .differences
                .push("the facts beside the record are not those that it was judged by".into());
            return replayed;
        }
        None => {
            let why = "the facts were too long to be kept; only their digest is recorded";
            replayed.unavailable.push(why.into());
            return replayed;
        }
    };
    let mut lines = facts.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for one in &decided.refs {
        let changes: Vec<&[u8]> = lines.by_ref().take(one.count_changes()).collect();
        if changes.len() < one.count_changes() {
            replayed.differences.push(format!("{}: some of its facts are missing", escape_ref_name(one)));
        }
        if let Err(why) = replay_ref(repository, one, &changes, &mut replayed) {
            replayed.unavailable.push(format!("{}: {why}", escape_ref_name(one)));
        }
    }
    let more = lines.count();
    match (more, decided.refs_left_out) {
        (0, _) => {}
        (_, 0) => replayed.differences.push(format!("there are facts of {more} further changes")),
        _ => replayed.unavailable.push(format!("{more} changes are of refs that the record had no room for")),
    }
    replayed
}

/// Judges again what was decided about one ref.
fn replay_ref(
    repository: &Repository,
    one: &RefDecision,
    changes: &[&[u8]],
    replayed: &mut ReplayOutcome,
) -> Result<(), String> {
    if changes.is_empty() {
        return Ok(());
    }
    let loaded = one
        .policies
        .iter()
        .map(|from| load_recorded_policy(repository, from))
        .collect::<Result<Vec<_>, _>>()?;
    let (own, base) = match loaded.as_slice() {
        [own] => (own, None),
        [own, base] => (own, Some(base)),
        _ => return Err("the record does not name the policy".into()),
    };
    let mut recorded = one.changes.iter().peekable();
    let (mut passed, mut left_out) = (0, 0);
    for line in changes {
        let change: Change = serde_json::from_slice(line)
            .map_err(|error| format!("this version cannot read the facts of a change: {error}"))?;
        let verdict = judge_from_facts(&change, &own.policy, base.map(|base| &base.policy));
        // In the record they stand in the same order, with some of them only counted.
        match recorded.next_if(|recorded| recorded.revision == verdict.revision) {
            Some(recorded) if is_same_verdict(recorded, &verdict)? => replayed.identical += 1,
            Some(_) => {
                let what = verdict.revision.map_or_else(|| "a change".to_owned(), |id| id.short_hex());
                replayed.differences.push(format!("{}: {what} is judged otherwise", escape_ref_name(one)));
            }
            None if verdict.has_remarks() => {
                left_out += 1;
                replayed.identical += 1;
            }
            None => {
                passed += 1;
                replayed.identical += 1;
            }
        }
    }
    if recorded.next().is_some() {
        replayed
            .differences
            .push(format!("{}: the record tells of changes that its facts do not", escape_ref_name(one)));
    }
    if (passed, left_out) != (one.passed, one.left_out.changes) {
        replayed.differences.push(format!(
            "{}: {passed} changes keep every rule and {left_out} are left out, and the record says {} and {}",
            escape_ref_name(one),
            one.passed,
            one.left_out.changes
        ));
    }
    Ok(())
}

fn is_same_verdict(one: &Verdict, other: &Verdict) -> Result<bool, String> {
    Ok(to_canonical_json(one)? == to_canonical_json(other)?)
}

/// Loads a policy from where it stood.
pub(crate) fn load_recorded_policy(
    repository: &Repository,
    from: &PolicyReference,
) -> Result<LoadedPolicy, String> {
    let (found, place) = match &from.place {
        PolicyLocation::Commit { id, path } => {
            (load_from_commit(repository, *id, path, "the record"), format!("{path} at {}", id.short_hex()))
        }
        PolicyLocation::Disk(path) => {
            let path = std::path::Path::new(path);
            let folder = path.parent().unwrap_or(path);
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            (load_from_disk(folder, &name), path.display().to_string())
        }
        PolicyLocation::Pack(name) => (load_from_pack(name), format!("the pack {name}")),
        PolicyLocation::Elsewhere(place) => {
            return Err(format!("its policy was read from {}", escape::escape_words(place)));
        }
    };
    let place = escape::escape_words(&place);
    let loaded = found.map_err(|_| format!("the policy {place} cannot be read any more"))?;
    if loaded.policy.digest != from.digest {
        return Err(format!("{place} is another policy by now"));
    }
    Ok(loaded)
}

fn escape_ref_name(one: &RefDecision) -> String {
    escape::escape_terminal(one.name.as_bytes(), escape::MAX_QUOTE_COLUMNS)
}
