//! A pull request, gathered: every fact that the policy needs, asked for at the same time.
//!
//! What cannot be read is a gap in its place. Only without the commits there is nothing to judge.

use futures_util::future::{join, join3};
use jiff::Timestamp;

use super::ask::Failure;
use super::client::Client;
use super::details::{Details, Wanted, details};
use super::place::PullName;
use super::said;
use super::{accounts, answers, checks, commits, files, pushers};
use crate::change::body;
use crate::change::pull::{Check, Maker};
use crate::change::{
    Change, Fact, LineCount, Missing, Need, Needs, Oid, PathChange, Pull, Pusher, Stage, Text,
};
use crate::git::Trusted;
use crate::verdict::Line;

/// Who tells who pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PusherFrom {
    /// The record of what happened to the branch.
    #[default]
    Activity,
    /// Nobody: whoever runs this has said that it need not be known.
    None,
}

/// What gathering takes, beside the pull request itself.
pub(super) struct Gathering<'ask> {
    pub(super) client: &'ask Client,
    pub(super) name: &'ask PullName,
    pub(super) pull: &'ask answers::Pull,
    pub(super) base: Oid,
    pub(super) needs: &'ask Needs,
    pub(super) trusted: Option<Trusted<'ask>>,
    pub(super) pusher: PusherFrom,
    /// The revision whose checks count.
    pub(super) checks_of: Oid,
    pub(super) now: Timestamp,
}

/// Why there is nothing to judge.
pub(super) enum Gap {
    /// The commits cannot be had.
    Commits(Failure),
    /// The pull request is not what it was a moment ago.
    Moved(String),
}

impl Gathering<'_> {
    fn wants(&self, any: &[Need]) -> bool {
        any.iter().any(|need| self.needs.contains(need))
    }

    fn wanted(&self) -> Wanted {
        let reviews = self.wants(&[Need::Reviews, Need::Approvals]);
        Wanted {
            reviews,
            authors: reviews || self.wants(&[Need::Pusher]),
            threads: self.wants(&[Need::Conversations]),
            edits: reviews || self.wants(&[Need::Comments]),
            timeline: reviews || self.wants(&[Need::Pull]),
            comments: self.wants(&[Need::Comments]),
            statuses: self.wants(&[Need::Checks]),
        }
    }

    /// Gathers the change. Files are always among it: they tell whether the policy itself changes.
    pub(super) async fn gather(&self) -> Result<Change, Gap> {
        let (client, name, pull) = (self.client, self.name, self.pull);
        let wanted = self.wanted();
        let with_pusher = async {
            match self.pusher {
                // Whose pushes count depends on the commits, so all of them are kept until then.
                PusherFrom::Activity if wanted.authors => Some(pushers::activity(client, pull).await),
                PusherFrom::Activity | PusherFrom::None => None,
            }
        };
        let with_reviews = async {
            match wanted.reviews {
                true => Some(said::list_reviews(client, name).await),
                false => None,
            }
        };
        let with_checks = async {
            match wanted.statuses {
                true => Some(checks::runs(client, &name.repo, self.checks_of).await),
                false => None,
            }
        };
        let with_details = async {
            match wanted {
                wanted if wanted == Wanted::default() => None,
                wanted => Some(details(client, name, self.checks_of, wanted).await),
            }
        };
        let first = join3(commits::list(client, name, pull), files::list(client, name, pull), with_pusher);
        let second = join3(with_reviews, with_checks, with_details);
        let ((listed, paths, activity), (reviews, runs, details)) = join(first, second).await;
        let listed = listed.map_err(Gap::Commits)?;
        if let Some(Ok(details)) = &details
            && details.head != pull.head.sha
        {
            let moved =
                format!("{} was pushed while {} was being read", details.head.short(), pull.head.sha.short());
            return Err(Gap::Moved(moved));
        }
        let head =
            listed.last().map(commits::head).ok_or_else(|| Gap::Commits(Failure::new("there are none")))?;
        let details = details.unwrap_or_else(|| Err(Failure::new("nobody asked for it")));
        let details = details.as_ref();
        let (pusher, pushed, pushed_at) =
            self.pushers(activity, |id| listed.iter().any(|commit| commit.sha == id));
        let comments = match wanted.comments {
            true => said::comments(client, name, details).await,
            false => Err(unasked(Need::Comments)),
        };
        let paths = self.paths(paths).await;
        let whole = Pull {
            name: Text::from(name.to_string()),
            url: Text::from(pull.html_url.as_deref().unwrap_or_default()),
            title: Text::from(pull.title.as_str()),
            statements: pull.body.as_deref().map(body::read).unwrap_or_default(),
            opener: accounts::of_user(pull.user.as_ref()),
            is_draft: pull.draft.unwrap_or(false),
            source: Text::from(format!("refs/heads/{}", pull.head.branch)),
            base: self.base,
            head,
            paths,
            lines: Ok(LineCount { added: pull.additions, removed: pull.deletions }),
            pushed_at,
            makers: makers(&listed, details, pushed),
            labels: said::labels(pull, details),
            reviews: match &reviews {
                None => Err(unasked(Need::Reviews)),
                Some(Err(failure)) => Err(Missing::Unavailable(Need::Reviews, failure.why.clone())),
                Some(Ok(reviews)) => Ok(said::reviews(reviews, details)),
            },
            comments,
            edits: said::edits(pull, details),
            retargeted_at: said::retargeted_at(details),
            checks: found(runs, details),
            conversations: said::conversations(details),
        };
        Ok(Change {
            stage: Stage::PullRequest,
            target: Ok(Text::from(format!("refs/heads/{}", pull.base.branch))),
            seen_at: self.now,
            pusher,
            pull: Ok(Box::new(whole)),
            // Ticket systems are asked once it is known which tickets are named.
            tickets: Change::no_tickets(Stage::PullRequest),
            commits: listed.iter().map(|commit| commits::commit(commit, self.needs, self.trusted)).collect(),
        })
    }

    async fn paths(&self, listed: Result<Vec<PathChange>, Failure>) -> Fact<Vec<PathChange>> {
        let gap = |failure: Failure| Missing::Unavailable(Need::Paths, failure.why);
        let mut paths = listed.map_err(gap)?;
        if self.wants(&[Need::Kinds, Need::Blobs]) {
            let ends = [self.base, self.pull.head.sha];
            if let Err(failure) = files::complete(self.client, self.name, ends, self.needs, &mut paths).await
            {
                for change in &mut paths {
                    change.blob = Err(Missing::Unavailable(Need::Blobs, failure.why.clone()));
                }
            }
        }
        Ok(paths)
    }

    /// Returns who pushed the final revision, everybody who pushed, and when the last one did.
    fn pushers(
        &self,
        activity: Option<Result<Vec<answers::Activity>, Failure>>,
        is_ours: impl Fn(Oid) -> bool,
    ) -> (Fact<Pusher>, Fact<Vec<Maker>>, Option<Timestamp>) {
        if self.pusher == PusherFrom::None {
            return (Ok(Pusher::Unidentified), Ok(Vec::new()), None);
        }
        let Some(activity) = activity else {
            return (Err(unasked(Need::Pusher)), Err(unasked(Need::Pusher)), None);
        };
        match activity.and_then(|activity| pushers::of(&activity, self.pull, is_ours)) {
            Ok(found) => (Ok(Pusher::Account(found.last.id)), Ok(found.makers), found.at),
            Err(failure) => {
                let gap = Missing::Unavailable(Need::Pusher, failure.why);
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
pub(super) fn as_it_was(change: &mut Change, at: Timestamp) -> Result<(), Line> {
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
            Line::say("the description was changed after it landed, and GitHub does not tell what it said")
        };
        pull.statements = then.ok_or_else(unknown)?;
    }
    Ok(())
}

/// Returns everybody who had a hand in it, or why that is not known.
fn makers(
    listed: &[answers::Commit],
    details: Result<&Details, &Failure>,
    pushed: Fact<Vec<Maker>>,
) -> Fact<Vec<Maker>> {
    let details = details.map_err(|failure| Missing::Unavailable(Need::Pusher, failure.why.clone()))?;
    let mut makers = commits::makers(listed, details)?;
    makers.extend(pushed?);
    Ok(makers)
}

/// Returns what was found about the revision: check runs and commit statuses, both or neither.
fn found(runs: Option<Result<Vec<Check>, Failure>>, details: Result<&Details, &Failure>) -> Fact<Vec<Check>> {
    let gap = |failure: &Failure| Missing::Unavailable(Need::Checks, failure.why.clone());
    let mut found = runs.ok_or_else(|| unasked(Need::Checks))?.map_err(|failure| gap(&failure))?;
    let statuses = details.and_then(|details| details.statuses.as_ref()).map_err(gap)?;
    found.extend(statuses.iter().map(checks::status));
    Ok(found)
}

/// Returns the gap that stands where nobody asked for a fact; see `git::commit`.
fn unasked(need: Need) -> Missing {
    Missing::Unavailable(need, "nobody asked for it".into())
}
