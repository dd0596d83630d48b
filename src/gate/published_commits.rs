//! The commits of a report that stand on a protected branch of a remote already: no advice rewrites them.

use std::collections::HashSet;

use crate::change::Oid;
use crate::git::Repository;
use crate::policy::Policy;
use crate::report::Report;

/// Marks the commits of a report about the history of `tip` that a protected branch of a remote holds, as it
/// was fetched last.
///
/// # Errors
///
/// Fails if the history cannot be walked to its end; the report stays as it is.
pub(crate) fn mark_published_commits(
    report: &mut Report,
    repository: &Repository,
    policy: &Policy,
    tip: Oid,
) -> anyhow::Result<()> {
    let mut protected_tips = Vec::new();
    for tracking_ref in repository.list_refs("refs/remotes/")? {
        // refs/remotes/REMOTE/BRANCH
        let name = tracking_ref.name.as_bytes();
        let Some(branch) = name.splitn(4, |byte| *byte == b'/').nth(3) else { continue };
        if branch != b"HEAD" && policy.protects_ref(&[b"refs/heads/".as_slice(), branch].concat()) {
            protected_tips.extend(tracking_ref.id);
        }
    }
    if protected_tips.is_empty() {
        return Ok(());
    }
    let mut unpublished = HashSet::new();
    for id in repository.list_new_commits(tip, &protected_tips)? {
        unpublished.insert(id?);
    }
    for group in &mut report.groups {
        let mut published = HashSet::new();
        for shape in group.verdicts.iter().flat_map(|verdict| &verdict.commit_shapes) {
            if !unpublished.contains(&shape.id) {
                published.insert(shape.id);
            }
        }
        group.published = published;
    }
    Ok(())
}
