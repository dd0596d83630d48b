//! Shared policies that move with a branch which nothing protects where it is.

use std::collections::BTreeSet;

use crate::gate::committed_policy::load_from_commit;
use crate::gate::policy_repositories::open_policy_repository;
use crate::gate::policy_source::LoadedPolicy;
use crate::git::{PeeledObject, Repository};
use crate::policy::{DEFAULT_POLICY_PATH, RemotePolicyFile, RemoteRevision};
use crate::yaml::shorten_for_message;

/// Returns a note for each branch of another repository that the policy takes files from and that no policy there puts
/// under change control, with the reason; `repository` says where the other one is.
pub(crate) fn list_unprotected_bases(loaded: &LoadedPolicy, repository: Option<&Repository>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut notes = Vec::new();
    for name in loaded.remote_names() {
        let Ok(remote) = RemotePolicyFile::parse_name(name) else { continue };
        let RemoteRevision::Ref(revision) = &remote.revision else { continue };
        if !seen.insert((remote.repository.clone(), revision.clone())) {
            continue;
        }
        // What cannot be read is refused where it is loaded.
        let Ok(other) = open_policy_repository(repository, &remote) else { continue };
        let Some(branch) = find_unprotected_branch(&other, &remote.revision) else { continue };
        notes.push(format!(
            "`{}` follows the branch `{}` of {}, which no policy there puts under change control: whoever can push to \
             it changes what is asked here; name a tag or the full id of a commit, or protect the branch there",
            shorten_for_message(name),
            shorten_for_message(&branch),
            shorten_for_message(&remote.repository)
        ));
    }
    notes
}

/// Returns the short name of the branch that a revision means, unless a policy that the branch holds protects it; `None`
/// for a tag.
fn find_unprotected_branch(other: &Repository, revision: &RemoteRevision) -> Option<String> {
    for full in revision.list_ref_names() {
        let Some(branch) = full.strip_prefix("refs/heads/") else { continue };
        let Ok(Some(tip)) = other.resolve_ref(full.as_bytes()).map(|at| at.id) else { continue };
        let Ok(PeeledObject::Commit(tip)) = other.peel_tags(tip) else { continue };
        let own = load_from_commit(other, tip, DEFAULT_POLICY_PATH, branch);
        if !own.is_ok_and(|own| own.policy.protects_ref(full.as_bytes())) {
            return Some(branch.to_owned());
        }
    }
    None
}
