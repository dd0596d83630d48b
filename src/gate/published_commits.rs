//! The commits of a report that stand on a protected branch already: no advice rewrites them.

use std::collections::HashSet;

use crate::change::{Oid, Text};
use crate::gate::protected_scope::ProtectedScope;
use crate::gate::push_remote::{GatePlace, PushRemote};
use crate::git::Repository;
use crate::policy::Policy;
use crate::report::{Report, ReportGroup};

/// Marks the commits of a report about the history of `tips` that a protected branch of a remote holds, as it
/// was fetched last. Where the remote holds all of them on `target`, the full name of the branch that they are
/// for, or on any protected branch if that is not known, the report is about what has landed. What only a fork
/// holds is not published: its author may rewrite it.
///
/// # Errors
///
/// Fails if the history cannot be walked to its end; the report stays as it is.
pub(crate) fn mark_published_commits(
    report: &mut Report,
    repository: &Repository,
    policy: &Policy,
    tips: &[Oid],
    target: Option<&Text>,
) -> anyhow::Result<()> {
    let mut protected_tips = Vec::new();
    let mut target_tips = Vec::new();
    for tracking_ref in repository.list_refs("refs/remotes/")? {
        // refs/remotes/REMOTE/BRANCH
        let name = tracking_ref.name.as_bytes();
        let Some(branch) = name.splitn(4, |byte| *byte == b'/').nth(3) else { continue };
        let branch = [b"refs/heads/".as_slice(), branch].concat();
        if branch == b"refs/heads/HEAD" || !policy.protects_ref(&branch) {
            continue;
        }
        if is_kept_for_fork(repository, name, &Text::new(branch.as_slice()))? {
            continue;
        }
        protected_tips.extend(tracking_ref.id);
        if target.is_none_or(|target| target.as_bytes() == branch) {
            target_tips.extend(tracking_ref.id);
        }
    }
    let mut is_to_land = target_tips.is_empty();
    if !is_to_land {
        for tip in tips {
            is_to_land |= repository.list_new_commits(*tip, &target_tips)?.next().transpose()?.is_some();
        }
    }
    for group in &mut report.groups {
        mark_held_commits(group, repository, &protected_tips, tips)?;
        group.is_to_land = is_to_land;
    }
    Ok(())
}

/// Returns true if a tracking ref keeps the branch of a remote that is not taken for the one with the gate. Where
/// that is not known, or the ref is of no remote, the branch may be behind a gate.
fn is_kept_for_fork(repository: &Repository, tracking_ref: &[u8], branch: &Text) -> anyhow::Result<bool> {
    for name in repository.list_config_subsections("remote")? {
        let remote = PushRemote::read_config(repository, &name)?;
        if remote.find_tracking_ref(branch.as_bytes()).as_deref() != Some(tracking_ref) {
            continue;
        }
        let place = remote.find_gate_place(repository, branch)?;
        return Ok(remote.has_gate == Some(false) || matches!(place, GatePlace::At(_)));
    }
    Ok(false)
}

/// Marks the commits of the groups of a push that a protected branch of the server held before it.
///
/// # Errors
///
/// As [`mark_published_commits`].
pub(crate) fn mark_landed_commits(
    groups: &mut [ReportGroup],
    repository: &Repository,
    scope: &ProtectedScope,
) -> anyhow::Result<()> {
    let mut protected_tips = Vec::new();
    for branch in repository.list_refs("refs/heads/")? {
        if scope.find_protected_name(&branch.name).is_some() {
            protected_tips.extend(branch.id);
        }
    }
    for group in groups {
        if let Some(tip) = group.scope.pushed_tip() {
            mark_held_commits(group, repository, &protected_tips, &[tip])?;
        }
    }
    Ok(())
}

/// Marks the commits of a group about the history of `tips` that `protected_tips` lead to.
fn mark_held_commits(
    group: &mut ReportGroup,
    repository: &Repository,
    protected_tips: &[Oid],
    tips: &[Oid],
) -> anyhow::Result<()> {
    if protected_tips.is_empty() {
        return Ok(());
    }
    let mut unpublished = HashSet::new();
    for tip in tips {
        for id in repository.list_new_commits(*tip, protected_tips)? {
            unpublished.insert(id?);
        }
    }
    let mut published = HashSet::new();
    for shape in group.verdicts.iter().flat_map(|verdict| &verdict.commit_shapes) {
        if !unpublished.contains(&shape.id) {
            published.insert(shape.id);
        }
    }
    group.published = published;
    Ok(())
}
