//! The files that a push makes files of the gate: a commit of it changes the policy, and the policy then
//! names another roster, catalogue, base or file of keys.
//!
//! The policy from before the push guards the files that it names itself. A later commit of the same push
//! could change the others by an emergency or a standard change, and would decide what counts from then on.
//! The same holds for the files of a policy that came without a decision and waits for one. So the changes
//! of such files are judged once more, with those files guarded, and a change that does not pass then
//! refuses the ref. It is a refusal and no part of the verdict, since the record names the policies that
//! verdicts follow from, and they do not name these files.

use anyhow::Result;

use crate::change::{Change, Commit, NeededFacts, Oid, Text};
use crate::gate::committed_policy::load_with_paths;
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::push::change_judge::{ChangeJudge, judge_from_facts};
use crate::git::{Repository, TreePathEntry, UnreadableCommit};
use crate::policy::{ChangeUnit, Policy};
use crate::verdict::{Finding, Fixer, Verdict, messages};

/// The most policies that the commits of one push may hold: each one is read, and each commit is compared
/// with all of them.
const MAX_POLICIES: usize = 100;

messages! {
    NEW_GATE_FILE = "push.new-gate-file":
        "changes {path}, which the policy names in this push or in a change without a decision, so it is a file of the gate; as such a change it does not meet `{rule}`";
    TOO_MANY_POLICIES = "push.too-many-policies":
        "the commits that are new to {ref} hold more than {limit} different policies; push fewer commits at a time";
    TOO_MANY_POLICIES_IN_MERGE = "push.too-many-policies-in-merge":
        "one merge brings more than {limit} different policies to {ref}; merge an earlier commit of its branch first, as a change of its own: {commit}";
}

/// The files that the policies at some commits name.
pub(crate) enum NamedGateFiles {
    /// None that the policies of the ref do not guard already.
    Guarded,
    /// These, and the policies of the ref with them guarded.
    New(Box<NewGateFiles>),
    /// More than [`MAX_POLICIES`] policies, which are not read; this says so.
    TooMany(Finding),
}

/// Files that become files of the gate, and the policies of a ref with these files guarded.
pub(crate) struct NewGateFiles {
    files: Vec<String>,
    own: Policy,
    base: Option<Policy>,
}

impl NewGateFiles {
    /// Finds the files that a policy at one of `commits` is made of, and `own` and `base` are not. `path` is
    /// that of the policy, `name` that of the ref, and `tip` the newest commit.
    ///
    /// # Errors
    ///
    /// Fails if a commit or a tree cannot be read.
    pub(crate) fn find_files(
        repository: &Repository,
        commits: &[Oid],
        (path, name, tip): (&str, &Text, Oid),
        (own, base): (&LoadedPolicy, Option<&LoadedPolicy>),
    ) -> Result<NamedGateFiles> {
        let Some(files) = list_named_files(repository, commits, path)? else {
            // No part of a merge can be pushed, but an earlier commit of what it merges can be merged.
            let message = match find_halfway_commit(repository, tip, commits)? {
                Some(halfway) => TOO_MANY_POLICIES_IN_MERGE.with("commit", halfway.short_hex()),
                None => (&TOO_MANY_POLICIES).into(),
            };
            let message = message.with("limit", MAX_POLICIES).with("ref", name);
            return Ok(NamedGateFiles::TooMany(Finding::new(message).fixed_by(Fixer::Pusher)));
        };
        let guarded = NewGateFiles::guard_files(files, &own.policy, base.map(|base| &base.policy));
        Ok(guarded.map_or(NamedGateFiles::Guarded, |new| NamedGateFiles::New(Box::new(new))))
    }

    /// Guards those of `files` that `own` and `base` do not both name; `None` if there are none.
    pub(crate) fn guard_files(mut files: Vec<String>, own: &Policy, base: Option<&Policy>) -> Option<Self> {
        files.retain(|file| {
            let names_file = |policy: &Policy| policy.gate_files.contains(file);
            !(names_file(own) && base.is_none_or(names_file))
        });
        if files.is_empty() {
            return None;
        }
        let own = own.with_gate_files(&files);
        let base = base.map(|base| base.with_gate_files(&files));
        Some(NewGateFiles { files, own, base })
    }

    /// Returns a finding for each change of a step that passes as it is, and does not where these files are
    /// guarded.
    pub(crate) fn check_step(
        &self,
        commits: Vec<Result<Commit, UnreadableCommit>>,
        judge: &ChangeJudge<'_>,
        unit: ChangeUnit,
    ) -> Vec<Finding> {
        let changes = match unit {
            ChangeUnit::Step => vec![commits],
            ChangeUnit::Commit => commits.into_iter().map(|commit| vec![commit]).collect(),
        };
        let mut findings = Vec::new();
        for commits in changes {
            // What cannot be read was refused already.
            let Ok(change) = judge.build_change(commits) else { continue };
            findings.extend(self.check_change(&change, judge));
        }
        findings
    }

    fn check_change(&self, change: &Change, judge: &ChangeJudge<'_>) -> Option<Finding> {
        let judge_ordinary =
            || judge_from_facts(change, &judge.loaded.policy, judge.base.map(|base| &base.policy));
        self.check_judged_change(change, true, judge_ordinary)
    }

    /// Returns a finding if a change touches these files, passes as it is, and does not where they are guarded.
    /// If `is_enforced`, what is not known does not pass; else it is open.
    pub(crate) fn check_judged_change(
        &self,
        change: &Change,
        is_enforced: bool,
        judge_ordinary: impl FnOnce() -> Verdict,
    ) -> Option<Finding> {
        // A folder on the way can be replaced as well, by a link or a submodule.
        let is_named = |path: &[u8]| {
            let holds = |file: &String| {
                file.as_bytes()
                    .strip_prefix(path)
                    .is_some_and(|rest| rest.first().is_none_or(|next| *next == b'/'))
            };
            self.files.iter().any(holds)
        };
        let mut named = None;
        for diff in change.list_diffs() {
            // What cannot be listed is denied by the classes, which ask for it.
            let Ok(paths) = diff.paths else { continue };
            named = named.or_else(|| paths.iter().find(|changed| is_named(changed.path.as_bytes())));
        }
        let path = &named?.path;
        if judge_ordinary().judgements.iter().any(|judgement| judgement.is_denying(is_enforced)) {
            return None;
        }
        let guarded = judge_from_facts(change, &self.own, self.base.as_ref());
        let denying = guarded.judgements.iter().find(|judgement| judgement.is_denying(is_enforced))?;
        let message = NEW_GATE_FILE.with("path", path).with("rule", denying.rule.id.as_str());
        Some(Finding::new(message).in_commit(guarded.revision).at_path(path).fixed_by(Fixer::Author))
    }
}

/// Returns the commit in the middle of what a merge `tip` brings in, if all of `commits` but the merge come with it.
fn find_halfway_commit(repository: &Repository, tip: Oid, commits: &[Oid]) -> Result<Option<Oid>> {
    let merge = repository.read_commit(tip, &NeededFacts::new()).map_err(anyhow::Error::from)?;
    let [first, merged, ..] = merge.parents.as_slice() else { return Ok(None) };
    if commits.contains(first) {
        return Ok(None);
    }
    let brought: Vec<Oid> = repository.list_new_commits(*merged, &[*first])?.collect::<Result<_>>()?;
    Ok(brought.get(brought.len() / 2).copied())
}

/// Returns the paths of all files that the policy at `path` is made of, or looks for, at one of `commits`;
/// `None` if these hold more than [`MAX_POLICIES`] policies.
fn list_named_files(repository: &Repository, commits: &[Oid], path: &str) -> Result<Option<Vec<String>>> {
    let mut files = Vec::new();
    let mut seen: Vec<Vec<(String, Option<TreePathEntry>)>> = Vec::new();
    for commit in commits {
        let root = repository.find_tree_and_parent(*commit)?.tree;
        let mut is_seen = false;
        // Neighbours are most likely to have the same policy.
        for entries in seen.iter().rev() {
            if has_entries(repository, root, entries)? {
                is_seen = true;
                break;
            }
        }
        if is_seen {
            continue;
        }
        if seen.len() >= MAX_POLICIES {
            return Ok(None);
        }
        let (_, mut looked_for) = load_with_paths(repository, *commit, path, &commit.short_hex());
        looked_for.push(path.to_owned());
        let mut entries = Vec::new();
        for file in looked_for {
            entries.push((file.clone(), repository.find_tree_entry(root, &file)?));
            files.push(file);
        }
        seen.push(entries);
    }
    files.sort_unstable();
    files.dedup();
    Ok(Some(files))
}

/// Returns true if the tree `root` has all these entries.
fn has_entries(
    repository: &Repository,
    root: Oid,
    entries: &[(String, Option<TreePathEntry>)],
) -> Result<bool> {
    for (file, entry) in entries {
        if repository.find_tree_entry(root, file)? != *entry {
            return Ok(false);
        }
    }
    Ok(true)
}
