//! Who pushed to the branch that a pull request comes from.
//!
//! An author and a committer are what a commit claims; who pushed it, GitHub knows. Everybody who
//! brought one of the commits there had a hand in the change. The push that brought the final
//! revision has to be among them, or nobody knows who it was.

use jiff::Timestamp;

use super::accounts::of_user;
use super::answers::{Activity, Pull};
use super::ask::Failure;
use super::client::Client;
use super::place::{RepoName, escaped};
use crate::change::pull::{Account, Maker, Role};
use crate::change::{Oid, Text};

/// Reads what happened to the branch, newest first.
pub(super) async fn activity(client: &Client, pull: &Pull) -> Result<Vec<Activity>, Failure> {
    let repo = pull.head.repo.as_ref().and_then(|repo| RepoName::read(&repo.full_name));
    let repo = repo.ok_or_else(|| Failure::new("the repository that the pull request comes from is gone"))?;
    let branch = escaped(&format!("refs/heads/{}", pull.head.branch));
    let path = format!("{}/activity?ref={branch}&per_page=100", repo.path());
    client.list(path, |page: Vec<Activity>| page, |_| false).await
}

/// Who pushed to a branch.
pub(super) struct Pushed {
    /// Everybody who brought a commit that is ours.
    pub(super) makers: Vec<Maker>,
    /// The account that brought the final revision.
    pub(super) last: Account,
    /// When it did, if GitHub says so.
    pub(super) at: Option<Timestamp>,
}

/// Returns who pushed a commit that is ours.
pub(super) fn of(
    activities: &[Activity],
    pull: &Pull,
    is_ours: impl Fn(Oid) -> bool,
) -> Result<Pushed, Failure> {
    let mut makers: Vec<Maker> = Vec::new();
    let mut last = None;
    for activity in activities.iter().filter(|activity| is_ours(activity.after)) {
        let account = of_user(activity.actor.as_ref());
        // The newest comes first.
        if activity.after == pull.head.sha && last.is_none() {
            last = Some((account.clone(), activity.timestamp));
        }
        let name = account
            .as_ref()
            .map(|account| account.id.clone())
            .unwrap_or_else(|| Text::from("a deleted account"));
        let maker = Maker { role: Role::Pusher, account, email: None, name };
        if !makers.contains(&maker) {
            makers.push(maker);
        }
    }
    match last {
        Some((Some(last), at)) => Ok(Pushed { makers, last, at }),
        Some((None, _)) => Err(Failure::new("the account that pushed the final revision is gone")),
        None => {
            let why = format!("GitHub does not tell who pushed {}", pull.head.sha.short());
            Err(Failure::new(why))
        }
    }
}
