//! Judging again: the facts that a decision rests on, by the policies it names, give the same verdicts,
//! byte for byte.
//!
//! What spoke against a ref itself is left out: that rests on what the repository held at the time.

use super::canonical::canonical;
use super::record::{Decided, RefDecided, digest};
use crate::change::Change;
use crate::gate::{Loaded, at_commit, from_disk, from_pack, judge_again};
use crate::git::Repository;
use crate::report::{PolicyFrom, PolicyPlace, escape};
use crate::verdict::Verdict;

/// What judging again came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many changes were judged again, with the same outcome.
    pub same: usize,
    /// What came out differently.
    pub differs: Vec<String>,
    /// What cannot be judged again, and why.
    pub cannot: Vec<String>,
}

/// Judges again what was decided, from `facts`, the file beside the record.
pub fn replay(repository: &Repository, decided: &Decided, facts: Option<&[u8]>) -> Replayed {
    let mut replayed = Replayed::default();
    let facts = match facts {
        Some(facts) if digest(facts) == decided.facts.digest => facts,
        Some(_) => {
            replayed.differs.push("the facts beside the record are not those that it was judged by".into());
            return replayed;
        }
        None => {
            let why = "the facts were too long to be kept; only their digest is recorded";
            replayed.cannot.push(why.into());
            return replayed;
        }
    };
    let mut lines = facts.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for one in &decided.refs {
        let changes: Vec<&[u8]> = lines.by_ref().take(one.changes()).collect();
        if changes.len() < one.changes() {
            replayed.differs.push(format!("{}: some of its facts are missing", shown(one)));
        }
        if let Err(why) = again(repository, one, &changes, &mut replayed) {
            replayed.cannot.push(format!("{}: {why}", shown(one)));
        }
    }
    let more = lines.count();
    match (more, decided.refs_left_out) {
        (0, _) => {}
        (_, 0) => replayed.differs.push(format!("there are facts of {more} further changes")),
        _ => replayed.cannot.push(format!("{more} changes are of refs that the record had no room for")),
    }
    replayed
}

/// Judges again what was decided about one ref.
fn again(
    repository: &Repository,
    one: &RefDecided,
    changes: &[&[u8]],
    replayed: &mut Replayed,
) -> Result<(), String> {
    if changes.is_empty() {
        return Ok(());
    }
    let loaded = one.policies.iter().map(|from| load(repository, from)).collect::<Result<Vec<_>, _>>()?;
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
        let verdict = judge_again(&change, &own.policy, base.map(|base| &base.policy));
        // In the record they stand in the same order, with some of them only counted.
        match recorded.next_if(|recorded| recorded.revision == verdict.revision) {
            Some(recorded) if is_same(recorded, &verdict)? => replayed.same += 1,
            Some(_) => {
                let what = verdict.revision.map_or_else(|| "a change".to_owned(), |id| id.short());
                replayed.differs.push(format!("{}: {what} is judged otherwise", shown(one)));
            }
            None if verdict.has_something_to_say() => {
                left_out += 1;
                replayed.same += 1;
            }
            None => {
                passed += 1;
                replayed.same += 1;
            }
        }
    }
    if recorded.next().is_some() {
        replayed.differs.push(format!("{}: the record tells of changes that its facts do not", shown(one)));
    }
    if (passed, left_out) != (one.passed, one.left_out.changes) {
        replayed.differs.push(format!(
            "{}: {passed} changes keep every rule and {left_out} are left out, and the record says {} and {}",
            shown(one),
            one.passed,
            one.left_out.changes
        ));
    }
    Ok(())
}

fn is_same(one: &Verdict, other: &Verdict) -> Result<bool, String> {
    Ok(canonical(one)? == canonical(other)?)
}

/// Loads a policy from where it stood.
pub(super) fn load(repository: &Repository, from: &PolicyFrom) -> Result<Loaded, String> {
    let (found, place) = match &from.place {
        PolicyPlace::Commit { id, path } => {
            (at_commit(repository, *id, path, "the record"), format!("{path} at {}", id.short()))
        }
        PolicyPlace::Disk(path) => {
            let path = std::path::Path::new(path);
            let folder = path.parent().unwrap_or(path);
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            (from_disk(folder, &name), path.display().to_string())
        }
        PolicyPlace::Pack(name) => (from_pack(name), format!("the pack {name}")),
        PolicyPlace::Elsewhere(place) => {
            return Err(format!("its policy was read from {}", escape::words(place)));
        }
    };
    let place = escape::words(&place);
    let loaded = found.map_err(|_| format!("the policy {place} cannot be read any more"))?;
    if loaded.policy.digest != from.digest {
        return Err(format!("{place} is another policy by now"));
    }
    Ok(loaded)
}

fn shown(one: &RefDecided) -> String {
    escape::terminal(one.name.as_bytes(), escape::MOST)
}
