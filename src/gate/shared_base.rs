//! A shared policy that moved: the files of other repositories that a policy builds on change without a push here.

use std::collections::BTreeMap;

use crate::change::{Oid, Text};
use crate::gate::policy_naming::find_remote_commits;
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy};
use crate::policy::{FetchedFile, PolicyDifference};
use crate::verdict::{Message, MessageValue, messages};

messages! {
    BASE_MOVED = "shared-base.moved":
        "the shared policy {base} moved from {before} to {after} since the last decision that let something onto {place}";
    BASE_SAME = "shared-base.same": "what {place} asks of changes is the same after {base} moved";
    BASE_CHANGE = "shared-base.change":
        "what {place} asks of changes is {direction} since its shared policy moved: {part}: {what}";
    BASE_CHANGES_LEFT_OUT = "shared-base.left-out":
        "{count} more {count:part|parts} of the policy of {place} {count:changes|change} by the shared policy";
    BASE_NOT_SEARCHED = "shared-base.not-searched":
        "whether a shared policy of {place} moved since the last decision there cannot be told: the search stopped after the newest {count} records of the ledger";
    BASE_UNKNOWN = "shared-base.unknown":
        "whether a shared policy of {place} moved since the last decision there cannot be told: {detail}";
    BASE_BROUGHT = "shared-base.brought": "later changes of {place} are judged by the shared policy {base} as well, which is at {commit} now";
    BASE_UNCOMPARED = "shared-base.uncompared":
        "what that makes of the policy of {place} cannot be told: {detail}";
}

/// How many differences are told.
const MAX_TOLD_DIFFERENCES: usize = 30;

/// Returns true if the policy shares files by a branch or a tag, which move.
pub(crate) fn has_moving_base(loaded: &LoadedPolicy) -> bool {
    !find_remote_commits(&loaded.source).is_empty()
}

/// Returns a note for each shared policy that `left` follows and `own`, the policy before it, does not: the commit at which
/// it was read when the policy came.
pub(crate) fn list_brought_bases(own: &LoadedPolicy, left: &LoadedPolicy, place: &Text) -> Vec<Message> {
    let known = find_remote_commits(&own.source);
    let mut notes = Vec::new();
    for (name, commit) in find_remote_commits(&left.source) {
        if !known.contains_key(&name) {
            let note = BASE_BROUGHT.with("place", place).with("base", name);
            notes.push(note.with("commit", commit.to_string()));
        }
    }
    notes
}

/// Returns the commits that these notes of a decision tell of shared policies which `place` has followed since then, by
/// the names of the policies.
pub(crate) fn find_brought_bases(notes: &[Message], place: &Text) -> BTreeMap<String, Oid> {
    let mut commits = BTreeMap::new();
    for note in notes.iter().filter(|note| note.code() == BASE_BROUGHT.code) {
        let find_value = |wanted: &str| {
            note.values().find_map(|(name, value)| match value {
                MessageValue::Plain(word) if name == wanted => Some(word.clone()),
                MessageValue::Quoted(text) if name == wanted => Some(text.to_lossy().into_owned()),
                _ => None,
            })
        };
        if find_value("place").is_some_and(|name| name == place.to_lossy())
            && let (Some(base), Some(commit)) = (find_value("base"), find_value("commit"))
            && let Some(commit) = Oid::from_hex(&commit)
        {
            commits.insert(base, commit);
        }
    }
    commits
}

/// Returns the shared files that moved between the decision that names its policy as `before` and now, when `loaded`
/// judges, each with the commit that it was read at before. `brought` are those that came with what was decided.
pub(crate) fn find_moved_bases(
    loaded: &LoadedPolicy,
    before: &str,
    brought: BTreeMap<String, Oid>,
) -> BTreeMap<String, Oid> {
    let mut earlier = find_remote_commits(before);
    earlier.extend(brought);
    let now = find_remote_commits(&loaded.source);
    earlier.retain(|name, commit| now.get(name).is_some_and(|other| other != commit));
    earlier
}

/// Returns the note that it is not known whether a shared policy of `place` moved, since something cannot be read.
pub(crate) fn note_unknown_bases(place: &Text, why: String) -> Message {
    BASE_UNKNOWN.with("place", place).with("detail", MessageValue::unrecorded(Text::from(why)))
}

/// Returns the notes about the shared policies that moved from the commits in `earlier` to now, when `loaded` judges
/// `place`; what is looser comes first. `read_earlier` reads a shared file as it was at a commit.
pub(crate) fn list_base_moves(
    loaded: &LoadedPolicy,
    earlier: &BTreeMap<String, Oid>,
    place: &Text,
    read_earlier: &mut dyn FnMut(&str, Oid) -> FetchedFile,
) -> Vec<Message> {
    let now = find_remote_commits(&loaded.source);
    let mut notes = Vec::new();
    for (name, commit) in earlier {
        let Some(after) = now.get(name) else { continue };
        let note = BASE_MOVED.with("base", name.as_str()).with("before", commit.short_hex());
        notes.push(note.with("after", after.short_hex()).with("place", place));
    }
    let Some(name) = earlier.keys().next() else { return notes };
    let found = match find_differences(loaded, earlier, read_earlier) {
        Ok(found) => found,
        Err(why) => {
            let detail = MessageValue::unrecorded(Text::from(why));
            notes.push(BASE_UNCOMPARED.with("place", place).with("detail", detail));
            return notes;
        }
    };
    if found.is_empty() {
        notes.push(BASE_SAME.with("place", place).with("base", name.as_str()));
    }
    let left_out = found.len().saturating_sub(MAX_TOLD_DIFFERENCES);
    for one in found.into_iter().take(MAX_TOLD_DIFFERENCES) {
        let note = BASE_CHANGE.with("place", place).with("direction", one.direction.template());
        notes.push(note.with("part", one.part).with("what", one.what));
    }
    if left_out > 0 {
        notes.push(BASE_CHANGES_LEFT_OUT.with("count", left_out).with("place", place));
    }
    notes
}

/// Returns how `loaded` differs from the policy that it was with its shared files of these commits, what is looser
/// first.
fn find_differences(
    loaded: &LoadedPolicy,
    earlier: &BTreeMap<String, Oid>,
    read_earlier: &mut dyn FnMut(&str, Oid) -> FetchedFile,
) -> Result<Vec<PolicyDifference>, String> {
    let before = loaded.rebuild_with_remotes(earlier, read_earlier).map_err(|why| match why {
        UnusablePolicy::Absent => "the policy of that time is not there".to_owned(),
        UnusablePolicy::Faulty(errors) => {
            let first = errors.faulty_files.iter().find_map(|file| file.faults.first());
            let why = first.map_or("it has faults", |fault| fault.what.as_str());
            format!("the policy with the earlier files cannot be used: {why}")
        }
    })?;
    if before.policy.has_same_content(&loaded.policy) {
        return Ok(Vec::new());
    }
    let mut found = before
        .find_differences(loaded)
        .map_err(|_| "the policies before and after cannot be compared".to_owned())?;
    found.sort_by_key(|one| std::cmp::Reverse(one.direction));
    Ok(found)
}
