//! The check runs that a commit has before it is known whether something is judged for it.
//!
//! An event of a check or a status names a commit and no pull request. Its check run is taken over before the pull
//! requests are looked up, and says again what it said if there are none.

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;
use crate::github::check_run::{
    CheckRunPurpose, CheckRunReport, GROUP_ID_START, TakenCheckRun, patch_request, send_until_taken,
};
use crate::github::listed_check_runs::{RestTakenCheckRun, list_named_check_runs};
use crate::github::publish::PublishOutcome;

/// The check runs of a revision that were there before it was known whether they are to be judged, with what they
/// said.
pub(crate) struct HeldCheckRuns {
    taken: TakenCheckRun,
    before: Vec<RestTakenCheckRun>,
    /// True if one of them has the gate's mark.
    has_own: bool,
}

/// Returns the check runs to write the verdict in, with one of the gate's own among them; `None` if the token may not
/// write.
///
/// # Errors
///
/// Fails if one has to be made, and GitHub cannot be asked.
pub(crate) async fn begin_held_check_runs(
    client: &GitHubClient,
    held: HeldCheckRuns,
    report: &CheckRunReport<'_>,
) -> Result<Option<TakenCheckRun>, GitHubFailure> {
    let HeldCheckRuns { mut taken, has_own, .. } = held;
    if !has_own && !taken.make_check_run(client, report).await? {
        return Ok(None);
    }
    Ok(Some(taken))
}

/// Takes over the check runs of this name that the gate has on a revision, and what is green under it without being
/// the gate's. It makes none: nothing is known yet of what is judged for the revision, and it may be nothing.
///
/// Those of a merge group are left as they are: no event on the commit of a group is about its verdict.
pub(crate) async fn hold_check_runs(
    client: &GitHubClient,
    repo: &RepositoryName,
    revision: Oid,
    report: &CheckRunReport<'_>,
) -> HeldCheckRuns {
    let taken = TakenCheckRun::new(repo, revision, CheckRunPurpose::PullRequests);
    let mut held = HeldCheckRuns { taken, before: Vec::new(), has_own: false };
    for known in list_named_check_runs(client, repo, revision, report.name).await.unwrap_or_default() {
        // What is green would count while the run is at work, whoever wrote it.
        if !known.is_marked() && !known.is_passing() {
            continue;
        }
        let is_of_group = known.external_id.as_ref().is_some_and(|id| id.starts_with(GROUP_ID_START));
        if !is_of_group && held.taken.take_over(client, &known, report).await {
            held.has_own |= known.is_marked();
            held.before.push(known);
        }
    }
    held
}

/// Makes check runs say again what they said before they were held, unless a later run has taken them since.
pub(crate) async fn release_check_runs(
    client: &GitHubClient,
    held: &HeldCheckRuns,
    name: &str,
) -> Result<PublishOutcome, GitHubFailure> {
    let HeldCheckRuns { taken, before, .. } = held;
    if before.is_empty() {
        return Ok(PublishOutcome::Unchanged);
    }
    let listed = list_named_check_runs(client, &taken.repo, taken.revision, name).await?;
    if taken.find_newest_token(&listed) != Some(&taken.token) {
        return Ok(PublishOutcome::Superseded);
    }
    for known in before {
        let request = patch_request(&taken.repo, known.id, known.build_restoring_body());
        let answer = send_until_taken(client, &request).await?;
        if !(200..300).contains(&answer.status) {
            return Err(answer.describe_refusal(&request));
        }
    }
    Ok(PublishOutcome::Written)
}
