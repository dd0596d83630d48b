//! The files that a push made files of the gate: one change of it touches the policy, and the policy then names
//! another roster, catalogue, base or file of keys, which another change of the same push touches.
//!
//! As on a server, such a change is judged once more with those files guarded. A single change needs none of this:
//! it touches the policy, and so it is judged as a change of the gate with all of its files.

use crate::change::{Change, Oid};
use crate::gate::LoadedPolicy;
use crate::gate::push::new_gate_files::NewGateFiles;
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;
use crate::github::judge::governing_policies::GoverningPolicies;
use crate::github::judge::judged_group::JudgedGroup;
use crate::github::judge::policy_at_commit::{self, PolicyFetchError};
use crate::github::judge::refusals::is_path_changed;
use crate::push::{GateRule, refuse_by_findings};

/// Refuses changes of files that the policy at the tip of a push names, and the policies from before it do not.
///
/// # Errors
///
/// Fails if the new policy cannot be read.
pub(crate) async fn refuse_new_gate_files(
    client: &GitHubClient,
    repo: &RepositoryName,
    (policy_path, tip): (&str, Oid),
    policies: &GoverningPolicies,
    first: &mut JudgedGroup,
    groups: &mut [JudgedGroup],
) -> Result<(), GitHubFailure> {
    let changes = || first.changes.iter().chain(groups.iter().flat_map(|group| &group.changes));
    if changes().count() < 2 || !changes().any(|change| may_touch_policy(change, policies)) {
        return Ok(());
    }
    let called = tip.short_hex();
    let loaded = match policy_at_commit::load_policy(client, repo, tip, policy_path, &called, None).await {
        Ok(loaded) => loaded,
        // A change that leaves no policy that can be used is refused for that.
        Err(PolicyFetchError::Unusable(_)) => return Ok(()),
        Err(PolicyFetchError::NotFetched(failure)) => return Err(failure),
    };
    let base = policies.base.as_ref().map(|base| &base.policy);
    let named = loaded.policy.gate_files.clone();
    let Some(guarded) = NewGateFiles::guard_files(named, &policies.own.policy, base) else { return Ok(()) };
    for group in std::iter::once(first).chain(groups) {
        let mut findings = Vec::new();
        for change in &group.changes {
            findings.extend(guarded.check_judged_change(change, true, || policies.judge_change(change)));
        }
        if !findings.is_empty() {
            group.group.refusals.push(refuse_by_findings(GateRule::GateFiles, findings));
        }
    }
    Ok(())
}

/// Returns whether a change touches a file of the policy, as far as its paths are known.
pub(crate) fn may_touch_policy(change: &Change, policies: &GoverningPolicies) -> bool {
    match change.pull.as_deref().map(|pull| &pull.paths) {
        Ok(Ok(paths)) => {
            let mut files = policies.branch_policies().flat_map(LoadedPolicy::file_paths);
            files.any(|path| is_path_changed(paths, path))
        }
        _ => true,
    }
}
