//! The files of other repositories that two policies extend: what such a file asks can only be tightened here, and one
//! that follows a branch changes without a change here.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::difference::policy_difference::{PolicyDifference, PolicyDirection};
use crate::policy::difference::wording::{
    BASE_FOLLOWS_OTHER, BASE_GONE, BASE_NEW, BASE_OTHER_COMMIT, BASE_PINNED, BASE_UNPINNED, PART_BASE,
};
use crate::policy::remote_file::{RemotePolicyFile, RemoteRevision};
use crate::verdict::Message;

/// The revisions of each file of another repository, which has them by its repository and its path.
type FileRevisions<'policy> = BTreeMap<(&'policy str, &'policy str), BTreeSet<&'policy RemoteRevision>>;

/// Adds the differences between the shared files of two policies: other than what the files say now, which of their
/// revisions count from now on.
pub(super) fn compare_bases(
    old: &BTreeSet<RemotePolicyFile>,
    new: &BTreeSet<RemotePolicyFile>,
    found: &mut Vec<PolicyDifference>,
) {
    let (old, new) = (index_revisions(old), index_revisions(new));
    for ((repository, path), before) in &old {
        let part = PART_BASE.with("name", format!("{repository}//{path}"));
        let Some(after) = new.get(&(*repository, *path)) else {
            let what = Message::from(&BASE_GONE);
            found.push(PolicyDifference { direction: PolicyDirection::Looser, part, what });
            continue;
        };
        let left = before.difference(after).next().copied().or_else(|| before.first().copied());
        for revision in after.difference(before) {
            let Some(left) = left else { continue };
            let (direction, what) = compare_revisions(left, revision);
            found.push(PolicyDifference { direction, part: part.clone(), what });
        }
    }
    for ((repository, path), after) in &new {
        if old.contains_key(&(*repository, *path)) {
            continue;
        }
        for revision in after.iter().filter(|one| matches!(one, RemoteRevision::Ref(_))) {
            let part = PART_BASE.with("name", format!("{repository}//{path}"));
            let what = BASE_NEW.with("after", revision.as_text());
            found.push(PolicyDifference { direction: PolicyDirection::Different, part, what });
        }
    }
}

fn index_revisions(files: &BTreeSet<RemotePolicyFile>) -> FileRevisions<'_> {
    let mut revisions = FileRevisions::new();
    for file in files {
        revisions.entry((&file.repository, &file.path)).or_default().insert(&file.revision);
    }
    revisions
}

fn compare_revisions(before: &RemoteRevision, after: &RemoteRevision) -> (PolicyDirection, Message) {
    let (direction, template) = match (before, after) {
        (RemoteRevision::Commit(_), RemoteRevision::Commit(_)) => {
            (PolicyDirection::Different, &BASE_OTHER_COMMIT)
        }
        (RemoteRevision::Commit(_), RemoteRevision::Ref(_)) => (PolicyDirection::Looser, &BASE_UNPINNED),
        (RemoteRevision::Ref(_), RemoteRevision::Commit(_)) => (PolicyDirection::Different, &BASE_PINNED),
        (RemoteRevision::Ref(_), RemoteRevision::Ref(_)) => (PolicyDirection::Looser, &BASE_FOLLOWS_OTHER),
    };
    let show = |revision: &RemoteRevision| match revision {
        RemoteRevision::Commit(id) => id.short_hex(),
        RemoteRevision::Ref(name) => name.clone(),
    };
    (direction, template.with("before", show(before)).with("after", show(after)))
}
