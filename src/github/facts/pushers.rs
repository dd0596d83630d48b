//! Who pushed to the branch that a pull request comes from.
//!
//! An author and a committer are what a commit claims; who pushed it, GitHub knows. Everybody who
//! brought one of the commits there had a hand in the change. The push that brought the final
//! revision has to be among them, or nobody knows who it was.

use jiff::Timestamp;

use crate::change::pull_request::{ContributorRole, ForgeAccount, PullContributor};
use crate::change::{Oid, Text};
use crate::github::api::GitHubClient;
use crate::github::api::names::{RepositoryName, escape_path};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestActivity, RestPullRequest};
use crate::github::facts::accounts::account_of_user;

/// Reads what happened to the branch, newest first.
pub(crate) async fn read_branch_activity(
    client: &GitHubClient,
    pull: &RestPullRequest,
) -> Result<Vec<RestActivity>, GitHubFailure> {
    let repo = pull.head.repo.as_ref().and_then(|repo| RepositoryName::parse_name(&repo.full_name));
    let repo =
        repo.ok_or_else(|| GitHubFailure::new("the repository that the pull request comes from is gone"))?;
    let branch = escape_path(&format!("refs/heads/{}", pull.head.branch));
    let path = format!("{}/activity?ref={branch}&per_page=100", repo.rest_path());
    client.fetch_list(path, |page: Vec<RestActivity>| page, |_| false).await
}

/// Who pushed to a branch.
pub(crate) struct BranchPushers {
    /// Everybody who brought a commit that is ours.
    pub(crate) contributors: Vec<PullContributor>,
    /// The account that brought the final revision.
    pub(crate) last_pusher: ForgeAccount,
    /// When it did, if GitHub says so.
    pub(crate) last_pushed_at: Option<Timestamp>,
}

/// Returns who pushed a commit that is ours.
pub(crate) fn find_pushers(
    activities: &[RestActivity],
    pull: &RestPullRequest,
    is_ours: impl Fn(Oid) -> bool,
) -> Result<BranchPushers, GitHubFailure> {
    let mut makers: Vec<PullContributor> = Vec::new();
    let mut last = None;
    for activity in activities.iter().filter(|activity| is_ours(activity.after)) {
        let account = account_of_user(activity.actor.as_ref());
        // The newest comes first.
        if activity.after == pull.head.sha && last.is_none() {
            last = Some((account.clone(), activity.timestamp));
        }
        let name = account
            .as_ref()
            .map(|account| account.id.clone())
            .unwrap_or_else(|| Text::from("a deleted account"));
        let maker = PullContributor { role: ContributorRole::Pusher, account, email: None, name };
        if !makers.contains(&maker) {
            makers.push(maker);
        }
    }
    match last {
        Some((Some(last), at)) => {
            Ok(BranchPushers { contributors: makers, last_pusher: last, last_pushed_at: at })
        }
        Some((None, _)) => Err(GitHubFailure::new("the account that pushed the final revision is gone")),
        None => {
            let why = format!("GitHub does not tell who pushed {}", pull.head.sha.short_hex());
            Err(GitHubFailure::new(why))
        }
    }
}
