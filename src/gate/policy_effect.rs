//! What a change does to the policy: the policy that it finds, compared with the one that it leaves.
//!
//! Both are read from the commits of the change itself. A change that touches no file of the policy costs
//! nothing; where one of the policies cannot be read, it is not known what the change does.

use std::collections::BTreeSet;

use crate::change::{Change, Fact, FactKind, Missing, Oid, PolicyEffect, Text};
use crate::gate::committed_policy::{load_from_commit, load_with_paths};
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy};
use crate::git::{Repository, RepositorySource};
use crate::policy::{PolicyDifference, PolicyDirection};
use crate::verdict::{Message, messages};

messages! {
    POLICY_CHANGE = "policy-change.note": "what {place} asks of later changes is {direction}: {part}: {what}";
    POLICY_CHANGES_LEFT_OUT = "policy-change.left-out":
        "{count} more {count:part|parts} of the policy of {place} {count:changes|change}; `changegate policy diff` lists all of them";
}

/// How many differences of one policy are told.
const MAX_TOLD_DIFFERENCES: usize = 30;

/// Finds what the changes of one walk do to the policy.
pub(crate) struct PolicyEffects<'policy> {
    source: RepositorySource,
    /// The policy that judges; where a commit has none, it is what the change finds.
    loaded: &'policy LoadedPolicy,
    /// The path of the policy in a commit; `None` for a policy that no commit changes.
    path: Option<String>,
    /// The files of the policies that judge, and of the one that the last commit has.
    files: BTreeSet<String>,
    /// True if a policy asks for it.
    is_asked: bool,
}

impl<'policy> PolicyEffects<'policy> {
    /// Prepares for the changes up to `tip`, where the policy stands at `path`, or is no part of the repository.
    /// `others` judge beside `loaded`.
    pub(crate) fn new(
        repository: &Repository,
        (loaded, others): (&'policy LoadedPolicy, Option<&LoadedPolicy>),
        path: Option<&str>,
        tip: Option<Oid>,
    ) -> Self {
        let asks = |loaded: &LoadedPolicy| loaded.policy.needed_facts().contains(&FactKind::PolicyChange);
        let is_asked = asks(loaded) || others.is_some_and(asks);
        let mut files: BTreeSet<String> = path.map(str::to_owned).into_iter().collect();
        if let (Some(path), true) = (path, is_asked) {
            for loaded in std::iter::once(loaded).chain(others) {
                files.extend(loaded.file_paths().map(str::to_owned));
            }
            // What the policy names by then is a part of it before that.
            if let Some(tip) = tip
                && !loaded.is_same_at(repository, tip)
            {
                files.extend(load_with_paths(repository, tip, path, &tip.short_hex()).1);
            }
        }
        let path = path.map(str::to_owned);
        PolicyEffects { source: repository.share_objects(), loaded, path, files, is_asked }
    }

    /// Adds to a change what it does to the policy, if a policy asks for it.
    pub(crate) fn complete_change(&self, change: &mut Change) {
        if self.is_asked {
            change.policy_effect = self.find_effect(change);
        }
    }

    fn find_effect(&self, change: &Change) -> Fact<PolicyEffect> {
        let Some(path) = &self.path else { return Ok(PolicyEffect::default()) };
        if !touches_any_file(change, |path| self.files.contains(path))? {
            return Ok(PolicyEffect::default());
        }
        let Some(tip) = change.tip().id else { return Err(Missing::NotAtThisStage(FactKind::PolicyChange)) };
        let repository = self.source.open();
        let before = find_base(change).map(|base| load_at(&repository, base, path)).transpose()?.flatten();
        match load_at(&repository, tip, path)? {
            Some(after) => count_differences(before.as_ref().unwrap_or(self.loaded), &after),
            None => Ok(PolicyEffect { looser: 1, ..PolicyEffect::default() }),
        }
    }
}

/// Returns the policy at a commit; `None` if it has none.
fn load_at(repository: &Repository, commit: Oid, path: &str) -> Fact<Option<LoadedPolicy>> {
    match load_from_commit(repository, commit, path, &commit.short_hex()) {
        Ok(loaded) => Ok(Some(loaded)),
        Err(UnusablePolicy::Absent) => Ok(None),
        Err(UnusablePolicy::Faulty(_)) => {
            Err(unknown_effect(format!("the policy at {} cannot be used", commit.short_hex())))
        }
    }
}

/// Returns whether a change touches a file of which `is_file` says that it is one of the policy.
///
/// # Errors
///
/// Returns the reason why that is not known.
pub(crate) fn touches_any_file(change: &Change, is_file: impl Fn(&str) -> bool) -> Fact<bool> {
    let mut missing = None;
    for diff in change.list_diffs() {
        match diff.paths {
            Ok(paths) if paths.iter().any(|one| one.path.as_utf8().is_some_and(&is_file)) => return Ok(true),
            Ok(_) => {}
            Err(gap) => missing = Some(gap.clone().for_fact_kind(FactKind::PolicyChange)),
        }
    }
    missing.map_or(Ok(false), Err)
}

/// Returns the commit that a change is built on: the first one before it in its first-parent history.
pub(crate) fn find_base(change: &Change) -> Option<Oid> {
    let mut commit = change.tip();
    for _ in 0..change.commits.len() {
        let parent = commit.parents.first()?;
        match change.commits.iter().find(|other| other.id == Some(*parent)) {
            Some(earlier) => commit = earlier,
            None => return Some(*parent),
        }
    }
    None
}

/// Returns how the later of two policies differs from the earlier one.
///
/// # Errors
///
/// Returns the reason why they cannot be compared.
pub(crate) fn count_differences(old: &LoadedPolicy, new: &LoadedPolicy) -> Fact<PolicyEffect> {
    if old.policy.has_same_content(&new.policy) {
        return Ok(PolicyEffect::default());
    }
    let Ok(found) = old.find_differences(new) else {
        return Err(unknown_effect("the policies before and after cannot be compared".to_owned()));
    };
    let count = |wanted| found.iter().filter(|one| one.direction == wanted).count();
    Ok(PolicyEffect {
        looser: count(PolicyDirection::Looser),
        different: count(PolicyDirection::Different),
        stricter: count(PolicyDirection::Stricter),
    })
}

pub(crate) fn unknown_effect(why: String) -> Missing {
    Missing::Unavailable(FactKind::PolicyChange, why)
}

/// Returns the notes about a policy that changes, one for each part of it; what is looser comes first. `place` is
/// the branch or the change that has the policy.
pub(crate) fn list_policy_change_notes(old: &LoadedPolicy, new: &LoadedPolicy, place: &Text) -> Vec<Message> {
    if old.policy.has_same_content(&new.policy) {
        return Vec::new();
    }
    // Policies that cannot be compared are told by what refuses them.
    let mut found: Vec<PolicyDifference> = old.find_differences(new).unwrap_or_default();
    found.sort_by_key(|one| std::cmp::Reverse(one.direction));
    let left_out = found.len().saturating_sub(MAX_TOLD_DIFFERENCES);
    let mut notes = Vec::new();
    for one in found.into_iter().take(MAX_TOLD_DIFFERENCES) {
        let note = POLICY_CHANGE.with("place", place).with("direction", one.direction.template());
        notes.push(note.with("part", one.part).with("what", one.what));
    }
    if left_out > 0 {
        notes.push(POLICY_CHANGES_LEFT_OUT.with("count", left_out).with("place", place));
    }
    notes
}
