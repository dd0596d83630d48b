//! The accounts that pushed to the branch that a pull request comes from.
//!
//! An author and a committer are what a commit claims; who pushed it, GitHub knows. Each account that
//! pushed a revision of the pull request is a contributor to the change, also where a later push has
//! replaced that revision: what was pushed once may stand in the final revision under another id. Pushes
//! from before the branch was begun anew, at a commit that the base has, belong to earlier work. The
//! push of the final revision has to be among the pushes, or its pusher is unknown.
//!
//! A forced push back to a commit of the base does not begin a branch anew: what it took away can come back
//! under another id. Nor does a deletion, if the branch is made again at a commit that it had before.

use std::collections::HashSet;

use jiff::Timestamp;

use crate::change::pull_request::{ContributorRole, ForgeAccount, PullContributor};
use crate::change::{Oid, Text};
use crate::github::api::GitHubClient;
use crate::github::api::names::{RepositoryName, escape_path};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestActivity, RestCommit, RestPullRequest};
use crate::github::facts::accounts::account_of_user;
use crate::github::facts::rewrites::BaseMerge;

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
    /// Each account that pushed a revision of the pull request.
    pub(crate) contributors: Vec<PullContributor>,
    /// The account that pushed the final revision.
    pub(crate) last_pusher: ForgeAccount,
    /// When it did; `None` if GitHub does not say.
    pub(crate) last_pushed_at: Option<Timestamp>,
    /// When the final revision was pushed first; `None` if GitHub does not say, or the branch was made at it, so that
    /// it may have been on another branch before.
    pub(crate) first_pushed_at: Option<Timestamp>,
}

/// Returns when a revision came to a branch first. `activities` come newest first.
fn find_first_push(activities: &[RestActivity], revision: Oid) -> Option<Timestamp> {
    let first = activities.iter().rev().find(|activity| activity.after == revision)?;
    if first.kind.as_deref() == Some("branch_creation") { None } else { first.timestamp }
}

/// Returns the accounts that pushed a revision of the pull request. `activities` come newest first.
///
/// # Errors
///
/// Fails if the push of the final revision is not recorded, or its account is gone.
pub(crate) fn find_pushers(
    activities: &[RestActivity],
    pull: &RestPullRequest,
    listed: &[RestCommit],
    base_merge: Option<BaseMerge>,
) -> Result<BranchPushers, GitHubFailure> {
    let mut contributors: Vec<PullContributor> = Vec::new();
    let mut last = None;
    let mut merged_at = None;
    // Before a merge of the base that brings nothing of its own stands the revision that a person pushed.
    let revision = base_merge.map_or(pull.head.sha, |merged| merged.before);
    let mut work = BranchWork::new(pull, listed);
    for activity in activities {
        // What is pushed to the branch after the merge is other work.
        if let (Some(merged), Some(at)) = (pull.merged_at, activity.timestamp)
            && at > merged
        {
            continue;
        }
        if !work.includes_push(activity) {
            continue;
        }
        if let Some(merged) = base_merge
            && activity.after == merged.merge
            && activity.before == Some(merged.before)
        {
            merged_at = merged_at.or(activity.timestamp);
            continue;
        }
        let account = account_of_user(activity.actor.as_ref());
        if activity.after == revision && last.is_none() {
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
            let last_pushed_at = merged_at.or(last_pushed_at);
            let first_pushed_at = find_first_push(activities, pull.head.sha);
            Ok(BranchPushers { contributors, last_pusher, last_pushed_at, first_pushed_at })
        }
        Some((None, _)) => Err(GitHubFailure::new("the account that pushed the final revision is gone")),
        None => {
            let why = format!("GitHub has no record of who pushed {}", revision.short_hex());
            Err(GitHubFailure::new(why))
        }
    }
}

/// What is known of the work on a branch, while its record is read from the newest entry to the oldest.
struct BranchWork<'pull> {
    pull: &'pull RestPullRequest,
    listed: HashSet<Oid>,
    /// Commits that the base of the pull request has.
    landed: HashSet<Oid>,
    /// Where the branch was before the next newer entry, if that entry only added commits.
    extended: Option<Oid>,
    /// The revisions that the branch was set to by a newer entry, as far as they count.
    revisions: HashSet<Oid>,
    /// True from where the branch was begun anew before the pull request was opened.
    is_earlier_work: bool,
}

impl<'pull> BranchWork<'pull> {
    fn new(pull: &'pull RestPullRequest, listed: &[RestCommit]) -> Self {
        let ids: HashSet<Oid> = listed.iter().map(|commit| commit.sha).collect();
        let mut landed = HashSet::from([pull.base.sha]);
        for commit in listed {
            landed.extend(commit.parents.iter().map(|parent| parent.sha).filter(|id| !ids.contains(id)));
        }
        BranchWork {
            pull,
            listed: ids,
            landed,
            extended: None,
            revisions: HashSet::new(),
            is_earlier_work: false,
        }
    }

    /// Returns whether the next older entry is a push of work on the pull request.
    ///
    /// A revision that is neither listed nor known to be in the base was replaced by a later push, and its
    /// content may stand in what replaced it.
    fn includes_push(&mut self, activity: &RestActivity) -> bool {
        let is_listed = self.listed.contains(&activity.after);
        // The record may lack a time; then nothing shows that the entry is older than the pull request.
        let is_before_opening = activity.timestamp.is_some_and(|at| at < self.pull.created_at);
        if !is_listed && is_before_opening && self.extended == Some(activity.after) {
            self.landed.insert(activity.after);
        }
        let is_landed = !is_listed && self.landed.contains(&activity.after);
        let is_deletion = activity.after.is_null();
        let is_begun_anew = match activity.before {
            // What was deleted and came back is the same work.
            Some(before) if is_deletion => !self.revisions.contains(&before),
            // A forced push to a commit of the base takes work away, and does not say that it landed.
            _ => is_deletion || (is_landed && activity.kind.as_deref() != Some("force_push")),
        };
        self.is_earlier_work |= is_before_opening && is_begun_anew;
        let adds_commits =
            matches!(activity.kind.as_deref(), Some("push" | "pr_merge" | "merge_queue_merge"));
        self.extended = activity.before.filter(|_| adds_commits && (is_listed || is_landed));
        let is_included = is_listed || !(is_landed || is_deletion || self.is_earlier_work);
        if is_included {
            self.revisions.insert(activity.after);
        }
        is_included
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const OPENED: &str = "2026-03-02T12:00:00Z";

    fn id(byte: u8) -> String {
        Oid::from_bytes(&[byte; 20]).unwrap().to_string()
    }

    /// A pull request whose final revision is commit 9, on top of commit 8, on top of 1, which the base has.
    fn pull() -> (RestPullRequest, Vec<RestCommit>) {
        let end = |branch: &str, sha: u8| json!({ "ref": branch, "sha": id(sha), "repo": null });
        let pull = json!({
            "number": 6, "state": "open", "title": "x", "created_at": OPENED, "labels": [],
            "head": end("search", 9), "base": end("main", 2),
            "commits": 2, "additions": 1, "deletions": 0, "changed_files": 1,
        });
        let commit = |sha: u8, parent: u8| {
            json!({
                "sha": id(sha), "author": null, "committer": null, "parents": [{ "sha": id(parent) }],
                "commit": { "message": "x", "tree": { "sha": id(100) } },
            })
        };
        let listed = json!([commit(8, 1), commit(9, 8)]);
        (serde_json::from_value(pull).unwrap(), serde_json::from_value(listed).unwrap())
    }

    /// An entry, by account, kind, from commit and to commit; a minute after the pull request was opened, or
    /// before that.
    fn entry(by: &str, kind: &str, before: u8, after: u8, is_later: bool) -> Value {
        let at = if is_later { "2026-03-02T12:01:00Z" } else { "2026-03-02T11:00:00Z" };
        json!({
            "before": id(before), "after": id(after), "activity_type": kind, "timestamp": at,
            "actor": { "login": by, "type": "User" },
        })
    }

    fn names(entries: &[Value]) -> Vec<String> {
        let (pull, listed) = pull();
        let activities: Vec<RestActivity> =
            entries.iter().map(|entry| serde_json::from_value(entry.clone()).unwrap()).collect();
        let found = find_pushers(&activities, &pull, &listed, None).unwrap();
        found.contributors.iter().map(|one| one.name.to_lossy().into_owned()).collect()
    }

    #[test]
    fn an_account_whose_revision_was_replaced_is_a_contributor() {
        for is_later in [true, false] {
            let force = entry("ana", "force_push", 7, 9, is_later);
            let created = entry("ben", "branch_creation", 0, 7, is_later);
            assert_eq!(names(&[force.clone(), created]), ["github:ana", "github:ben"]);
            // Begun by Kim at a commit of the base; Ben's push is replaced twice.
            let between = entry("ana", "force_push", 6, 7, is_later);
            let pushed = entry("ben", "push", 1, 6, is_later);
            let begun = entry("kim", "branch_creation", 0, 1, is_later);
            assert_eq!(names(&[force.clone(), between, pushed, begun]), ["github:ana", "github:ben"]);
            let gone = json!({ "before": id(1), "after": id(7), "actor": null });
            assert_eq!(names(&[force, gone]), ["github:ana", "a deleted account"]);
        }
        // After the opening, going back to the base hides no push.
        let entries = [
            entry("ana", "push", 1, 9, true),
            entry("ana", "force_push", 7, 1, true),
            entry("ben", "push", 1, 7, true),
        ];
        assert_eq!(names(&entries), ["github:ana", "github:ben"]);
    }

    #[test]
    fn a_reset_before_the_opening_hides_no_push() {
        // Ben's work is taken away by a forced push to the base, and comes back under another id.
        let entries = [
            entry("ana", "push", 1, 9, false),
            entry("ana", "force_push", 7, 1, false),
            entry("ben", "push", 1, 7, false),
            entry("kim", "branch_creation", 0, 1, false),
            entry("lea", "branch_deletion", 6, 0, false),
            entry("lea", "push", 5, 6, false),
        ];
        assert_eq!(names(&entries), ["github:ana", "github:ben"]);
        // The branch is deleted, and made again where it was.
        let entries = [
            entry("ana", "force_push", 7, 9, false),
            entry("ana", "branch_creation", 0, 7, false),
            entry("ana", "branch_deletion", 7, 0, false),
            entry("ben", "push", 1, 7, false),
            entry("kim", "branch_creation", 0, 1, false),
        ];
        assert_eq!(names(&entries), ["github:ana", "github:ben"]);
    }

    #[test]
    fn a_push_after_the_merge_is_other_work() {
        let (mut pull, listed) = pull();
        pull.merged_at = Some("2026-03-02T12:00:30Z".parse().unwrap());
        let entries =
            [entry("lea", "push", 9, 4, true), entry("ana", "push", 1, 9, false)].map(serde_json::from_value);
        let activities: Vec<RestActivity> = entries.into_iter().map(Result::unwrap).collect();
        let found = find_pushers(&activities, &pull, &listed, None).unwrap();
        assert_eq!(found.contributors.len(), 1);
    }

    #[test]
    fn pushes_of_earlier_work_do_not_count() {
        // A branch that lives on: 5 is in the base, and the push after it brought 1 and 8.
        let entries = [
            entry("ana", "push", 8, 9, true),
            entry("kim", "push", 5, 8, false),
            entry("ben", "push", 4, 5, false),
            entry("lea", "force_push", 3, 4, false),
        ];
        assert_eq!(names(&entries), ["github:ana", "github:kim"]);
        // A name that was used before.
        let entries = [
            entry("ana", "branch_creation", 0, 9, false),
            entry("ben", "branch_deletion", 7, 0, false),
            entry("ben", "push", 6, 7, false),
        ];
        assert_eq!(names(&entries), ["github:ana"]);
    }

    proptest! {
        #[test]
        fn no_push_since_the_opening_is_forgotten(
            moves in proptest::collection::vec((3_u8..=9, 0_usize..3, 0_usize..3), 0..8),
        ) {
            let kinds = ["push", "force_push", "branch_creation"];
            let accounts = ["ben", "kim", "lea"];
            let mut entries = vec![entry("ana", "force_push", 7, 9, true)];
            for (after, kind, by) in &moves {
                entries.push(entry(accounts[*by], kinds[*kind], 0, *after, true));
            }
            let found = names(&entries);
            for (_, _, by) in moves {
                let name = ["github:", accounts[by]].concat();
                prop_assert!(found.contains(&name));
            }
        }
    }
}
