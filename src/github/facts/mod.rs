//! A pull request, gathered: every fact that the policy needs, asked for at the same time.
//!
//! What cannot be read is a gap in its place. Only without the commits there is nothing to judge.

pub(crate) mod accounts;
pub(crate) mod changed_files;
pub(crate) mod checks;
pub(crate) mod commits;
pub(crate) mod conversation;
pub(crate) mod details;
pub(crate) mod pushers;

use futures_util::future::{join, join3};
use jiff::Timestamp;

use crate::change::description;
use crate::change::pull_request::{CheckResult, PullContributor};
use crate::change::{
    Change, Commits, Fact, FactKind, LineCount, Missing, NeededFacts, Oid, PathChange, PullRequest, PusherIdentity,
    Stage, Text,
};
use crate::git::TrustedKeys;
use crate::github::api::GitHubClient;
use crate::github::api::names::PullRequestName;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest;
use crate::github::facts::details::{PullRequestDetails, WantedDetails, read_details};
use crate::verdict::Sentence;

/// Who tells who pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PusherSource {
    /// The record of what happened to the branch.
    #[default]
    BranchActivity,
    /// Nobody: whoever runs this has said that it need not be known.
    NotNeeded,
}

/// What gathering takes, beside the pull request itself.
pub(crate) struct PullRequestGatherer<'ask> {
    pub(crate) client: &'ask GitHubClient,
    pub(crate) name: &'ask PullRequestName,
    pub(crate) pull: &'ask rest::RestPullRequest,
    pub(crate) base_tip: Oid,
    pub(crate) needs: &'ask NeededFacts,
    pub(crate) trusted: Option<TrustedKeys<'ask>>,
    pub(crate) pusher_source: PusherSource,
    /// The revision whose checks count.
    pub(crate) checks_revision: Oid,
    pub(crate) seen_at: Timestamp,
}

/// Why there is nothing to judge.
pub(crate) enum GatherFailure {
    /// The commits cannot be had.
    CommitsUnavailable(GitHubFailure),
    /// The pull request is not what it was a moment ago.
    HeadMoved(String),
}

fn no_commits_failure() -> GatherFailure {
    GatherFailure::CommitsUnavailable(GitHubFailure::new("there are none"))
}

impl PullRequestGatherer<'_> {
    fn wants_any(&self, any: &[FactKind]) -> bool {
        any.iter().any(|need| self.needs.contains(need))
    }

    fn wanted_details(&self) -> WantedDetails {
        let reviews = self.wants_any(&[FactKind::Reviews, FactKind::Approvals]);
        WantedDetails {
            reviews,
            authors: reviews || self.wants_any(&[FactKind::Pusher]),
            threads: self.wants_any(&[FactKind::Conversations]),
            edits: reviews || self.wants_any(&[FactKind::Comments]),
            timeline: reviews || self.wants_any(&[FactKind::Pull]),
            comments: self.wants_any(&[FactKind::Comments]),
            statuses: self.wants_any(&[FactKind::Checks]),
        }
    }

    /// Gathers the change. Files are always among it: they tell whether the policy itself changes.
    pub(crate) async fn gather_change(&self) -> Result<Change, GatherFailure> {
        let (client, name, pull) = (self.client, self.name, self.pull);
        let wanted = self.wanted_details();
        let with_pusher = async {
            match self.pusher_source {
                // Whose pushes count depends on the commits, so all of them are kept until then.
                PusherSource::BranchActivity if wanted.authors => {
                    Some(pushers::read_branch_activity(client, pull).await)
                }
                PusherSource::BranchActivity | PusherSource::NotNeeded => None,
            }
        };
        let with_reviews = async {
            match wanted.reviews {
                true => Some(conversation::list_reviews(client, name).await),
                false => None,
            }
        };
        let with_checks = async {
            match wanted.statuses {
                true => Some(checks::read_check_runs(client, &name.repo, self.checks_revision).await),
                false => None,
            }
        };
        let with_details = async {
            match wanted {
                wanted if wanted == WantedDetails::default() => None,
                wanted => Some(read_details(client, name, self.checks_revision, wanted).await),
            }
        };
        let first = join3(
            commits::list_commits(client, name, pull),
            changed_files::list_changed_files(client, name, pull),
            with_pusher,
        );
        let second = join3(with_reviews, with_checks, with_details);
        let ((listed, paths, activity), (reviews, runs, details)) = join(first, second).await;
        let listed = listed.map_err(GatherFailure::CommitsUnavailable)?;
        if let Some(Ok(details)) = &details
            && details.head_revision != pull.head.sha
        {
            let moved = format!(
                "{} was pushed while {} was being read",
                details.head_revision.short_hex(),
                pull.head.sha.short_hex()
            );
            return Err(GatherFailure::HeadMoved(moved));
        }
        let head = listed
            .last()
            .map(commits::convert_head)
            .ok_or_else(no_commits_failure)?;
        let details = details.unwrap_or_else(|| Err(GitHubFailure::new("nobody asked for it")));
        let details = details.as_ref();
        let (pusher, pushed, pushed_at) =
            self.identify_pushers(activity, |id| listed.iter().any(|commit| commit.sha == id));
        let comments = match wanted.comments {
            true => conversation::collect_comments(client, name, details).await,
            false => Err(missing_unasked(FactKind::Comments)),
        };
        let paths = self.complete_paths(paths).await;
        let whole = PullRequest {
            name: Text::from(name.to_string()),
            url: Text::from(pull.html_url.as_deref().unwrap_or_default()),
            title: Text::from(pull.title.as_str()),
            statements: pull.body.as_deref().map(description::read_statements).unwrap_or_default(),
            opener: accounts::account_of_user(pull.user.as_ref()),
            is_draft: pull.draft.unwrap_or(false),
            source: Text::from(format!("refs/heads/{}", pull.head.branch)),
            base: self.base_tip,
            head,
            paths,
            lines: Ok(LineCount { added: pull.additions, removed: pull.deletions }),
            pushed_at,
            contributors: collect_contributors(&listed, details, pushed),
            labels: conversation::collect_labels(pull, details),
            reviews: match &reviews {
                None => Err(missing_unasked(FactKind::Reviews)),
                Some(Err(failure)) => Err(Missing::Unavailable(FactKind::Reviews, failure.why.clone())),
                Some(Ok(reviews)) => Ok(conversation::combine_reviews(reviews, details)),
            },
            comments,
            edits: conversation::collect_edits(pull, details),
            retargeted_at: conversation::find_retarget_time(details),
            checks: collect_checks(runs, details),
            conversations: conversation::collect_conversations(details),
        };
        let commits =
            listed.iter().map(|commit| commits::convert_commit(commit, self.needs, self.trusted)).collect();
        let commits = Commits::new(commits).ok_or_else(no_commits_failure)?;
        Ok(Change {
            stage: Stage::PullRequest,
            target: Ok(Text::from(format!("refs/heads/{}", pull.base.branch))),
            seen_at: self.seen_at,
            pusher,
            pull: Ok(Box::new(whole)),
            // Ticket systems are asked once it is known which tickets are named.
            tickets: Change::missing_tickets(Stage::PullRequest),
            commits,
        })
    }

    async fn complete_paths(&self, listed: Result<Vec<PathChange>, GitHubFailure>) -> Fact<Vec<PathChange>> {
        let gap = |failure: GitHubFailure| Missing::Unavailable(FactKind::Paths, failure.why);
        let mut paths = listed.map_err(gap)?;
        if self.wants_any(&[FactKind::FileKinds, FactKind::Blobs]) {
            let ends = [self.base_tip, self.pull.head.sha];
            if let Err(failure) =
                changed_files::complete_from_trees(self.client, self.name, ends, self.needs, &mut paths).await
            {
                for change in &mut paths {
                    change.blob = Err(Missing::Unavailable(FactKind::Blobs, failure.why.clone()));
                }
            }
        }
        Ok(paths)
    }

    /// Returns who pushed the final revision, everybody who pushed, and when the last one did.
    fn identify_pushers(
        &self,
        activity: Option<Result<Vec<rest::RestActivity>, GitHubFailure>>,
        is_ours: impl Fn(Oid) -> bool,
    ) -> (Fact<PusherIdentity>, Fact<Vec<PullContributor>>, Option<Timestamp>) {
        if self.pusher_source == PusherSource::NotNeeded {
            return (Ok(PusherIdentity::Unidentified), Ok(Vec::new()), None);
        }
        let Some(activity) = activity else {
            return (Err(missing_unasked(FactKind::Pusher)), Err(missing_unasked(FactKind::Pusher)), None);
        };
        match activity.and_then(|activity| pushers::find_pushers(&activity, self.pull, is_ours)) {
            Ok(found) => (
                Ok(PusherIdentity::Account(found.last_pusher.id)),
                Ok(found.contributors),
                found.last_pushed_at,
            ),
            Err(failure) => {
                let gap = Missing::Unavailable(FactKind::Pusher, failure.why);
                (Err(gap.clone()), Err(gap), None)
            }
        }
    }
}

/// Takes out of a change what was said about it only after it had landed.
///
/// # Errors
///
/// Fails if the description was changed since, and nobody tells what it said before.
pub(crate) fn drop_later_facts(change: &mut Change, at: Timestamp) -> Result<(), Sentence> {
    let Ok(pull) = &mut change.pull else { return Ok(()) };
    if let Ok(reviews) = &mut pull.reviews {
        reviews.retain(|review| review.at.is_none_or(|given| given <= at));
    }
    if let Ok(labels) = &mut pull.labels {
        labels.retain(|label| label.at.is_none_or(|put| put <= at));
    }
    if let Ok(comments) = &mut pull.comments {
        comments.retain(|comment| comment.at <= at);
    }
    if let Ok(edits) = &mut pull.edits
        && edits.iter().any(|edit| at < edit.at)
    {
        edits.retain(|edit| edit.at <= at);
        let then = edits.last().and_then(|edit| edit.statements.clone());
        let unknown = || {
            Sentence::from_words(
                "the description was changed after it landed, and GitHub does not tell what it said",
            )
        };
        pull.statements = then.ok_or_else(unknown)?;
    }
    Ok(())
}

/// Returns everybody who had a hand in it, or why that is not known.
fn collect_contributors(
    listed: &[rest::RestCommit],
    details: Result<&PullRequestDetails, &GitHubFailure>,
    pushed: Fact<Vec<PullContributor>>,
) -> Fact<Vec<PullContributor>> {
    let details = details.map_err(|failure| Missing::Unavailable(FactKind::Pusher, failure.why.clone()))?;
    let mut makers = commits::collect_commit_contributors(listed, details)?;
    makers.extend(pushed?);
    Ok(makers)
}

/// Returns what was found about the revision: check runs and commit statuses, both or neither.
fn collect_checks(
    runs: Option<Result<Vec<CheckResult>, GitHubFailure>>,
    details: Result<&PullRequestDetails, &GitHubFailure>,
) -> Fact<Vec<CheckResult>> {
    let gap = |failure: &GitHubFailure| Missing::Unavailable(FactKind::Checks, failure.why.clone());
    let mut found =
        runs.ok_or_else(|| missing_unasked(FactKind::Checks))?.map_err(|failure| gap(&failure))?;
    let statuses = details.and_then(|details| details.statuses.as_ref()).map_err(gap)?;
    found.extend(statuses.iter().map(checks::convert_commit_status));
    Ok(found)
}

/// Returns the gap that stands where nobody asked for a fact; see `git::commit`.
fn missing_unasked(need: FactKind) -> Missing {
    Missing::Unavailable(need, "nobody asked for it".into())
}
