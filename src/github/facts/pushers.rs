//! The accounts that pushed to the branch that a pull request comes from.
//!
//! An author and a committer are what a commit claims; who pushed it, GitHub knows. Each account that
//! pushed one of the commits is a contributor to the change. The push of the final revision has to be
//! among the pushes, or its pusher is unknown.

use jiff::Timestamp;

use crate::change::Text;
use crate::change::pull_request::{ContributorRole, ForgeAccount, PullContributor};
use crate::github::api::GitHubClient;
use crate::github::api::names::{RepositoryName, escape_path};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestActivity, RestCommit, RestPullRequest};
use crate::github::facts::accounts::account_of_user;

/// Reads what happened to the branch, newest first.
pub(crate) async fn read_branch_activity(
    client: &GitHubClient,
    pull: &RestPullRequest,
) -> Result<Vec<RestActivity>, GitHubFailure> {
    let repo = pull.head.repo.as_ref().and_then(|repo| RepositoryName::parse_name(&repo.full_name));
    let Some(repo) = repo else {
        return Err(GitHubFailure::new("the repository that the pull request comes from is gone"));
    };
    let branch = escape_path(&format!("refs/heads/{}", pull.head.branch));
    client.fetch_whole_list(format!("{}/activity?ref={branch}&per_page=100", repo.rest_path())).await
}

/// The accounts that pushed to a branch.
pub(crate) struct BranchPushers {
    /// Each account that pushed a commit of the pull request.
    pub(crate) contributors: Vec<PullContributor>,
    /// The account that pushed the final revision.
    pub(crate) last_pusher: ForgeAccount,
    /// When it did; `None` if GitHub does not say.
    pub(crate) last_pushed_at: Option<Timestamp>,
}

/// Returns the accounts that pushed one of the commits listed for the pull request.
///
/// # Errors
///
/// Fails if the push of the final revision is not recorded, or its account is gone.
pub(crate) fn find_pushers(
    activities: &[RestActivity],
    pull: &RestPullRequest,
    listed: &[RestCommit],
) -> Result<BranchPushers, GitHubFailure> {
    let mut contributors: Vec<PullContributor> = Vec::new();
    let mut last = None;
    for activity in activities {
        if !listed.iter().any(|commit| commit.sha == activity.after) {
            continue;
        }
        let account = account_of_user(activity.actor.as_ref());
        // The newest comes first.
        if activity.after == pull.head.sha && last.is_none() {
            last = Some((account.clone(), activity.timestamp));
        }
        let name = match &account {
            Some(account) => account.id.clone(),
            None => Text::from("a deleted account"),
        };
        let pusher = PullContributor { role: ContributorRole::Pusher, account, email: None, name };
        if !contributors.contains(&pusher) {
            contributors.push(pusher);
        }
    }
    match last {
        Some((Some(last_pusher), last_pushed_at)) => {
            Ok(BranchPushers { contributors, last_pusher, last_pushed_at })
        }
        Some((None, _)) => Err(GitHubFailure::new("the account that pushed the final revision is gone")),
        None => {
            let why = format!("GitHub has no record of who pushed {}", pull.head.sha.short_hex());
            Err(GitHubFailure::new(why))
        }
    }
}
