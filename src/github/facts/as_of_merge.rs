//! A pull request as it was when it was merged: what came later is taken back by the times that GitHub tells.
//!
//! A run after the merge can be late by minutes or by months, and has to come to the same verdict. What GitHub
//! gives no time for is a gap, never the value of today.

use jiff::Timestamp;

use crate::change::pull_request::{DescriptionEdit, ForgeAccount, PullLabel, PullReview, ReviewState};
use crate::change::{Fact, FactKind, Missing, Oid, PullRequest, Text};
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::RestPullRequest;
use crate::github::facts::accounts::account_of_actor;
use crate::github::facts::checks::{OwnChecks, find_resolved_time};
use crate::github::facts::conversation::missing_fact;
use crate::github::facts::details::{PullRequestDetails, ReviewThread};
use crate::github::facts::timeline::TimelineItem;
use crate::people::PeopleDirectory;
use crate::people::ResolvedIdentity;
use crate::verdict::{Message, MessageValue, messages};

messages! {
    DESCRIPTION_LOST = "pull-complete.description-lost":
        "the description was changed after the merge, and GitHub does not tell what it said before";
    DESCRIPTION_UNKNOWN = "pull-complete.description-unknown":
        "cannot tell what the description said at the merge: {detail}";
    HISTORY_UNKNOWN = "pull-complete.history-unknown":
        "cannot tell which title and labels the pull request had at the merge: {detail}";
}

/// The merge of a pull request, as of which its facts are wanted.
pub(crate) struct PullMerge<'ask> {
    /// When it was merged.
    pub(crate) at: Timestamp,
    /// The account that merged it, which could write to the repository at that time.
    pub(crate) merged_by: Option<ForgeAccount>,
    /// The people of the policies from before the merge.
    pub(crate) people: Vec<&'ask PeopleDirectory>,
}

/// The facts of GitHub that a pull request was read from.
#[derive(Clone, Copy)]
pub(crate) struct PullSources<'read> {
    pub(crate) pull: &'read RestPullRequest,
    pub(crate) details: Result<&'read PullRequestDetails, &'read GitHubFailure>,
    /// True if a rule asks about the title, the labels or the state of the pull request.
    pub(crate) is_history_needed: bool,
    /// Since when the gate itself had seen all conversations resolved, before the merge; `None` if it had not.
    pub(crate) resolved_by: Option<Timestamp>,
}

impl PullMerge<'_> {
    /// Takes back everything that happened to a pull request after it was merged.
    ///
    /// # Errors
    ///
    /// Fails if GitHub does not tell what the description or, where a rule asks for it, the title was.
    pub(crate) fn rewind_pull_request(
        &self,
        whole: &mut PullRequest,
        sources: PullSources<'_>,
    ) -> Result<(), Message> {
        self.rewind_description(whole)?;
        let timeline = sources.details.and_then(|details| details.timeline.as_ref());
        match timeline {
            Ok(items) => {
                self.rewind_title(whole, items);
                whole.labels = self.list_labels(sources.pull, items);
                whole.retargeted_at = Ok(self.find_last_retarget(items));
            }
            Err(failure) if sources.is_history_needed => {
                let detail = MessageValue::unrecorded(Text::from(failure.why.as_str()));
                return Err(HISTORY_UNKNOWN.with("detail", detail));
            }
            Err(failure) => whole.labels = Err(missing_fact(FactKind::Pull, failure)),
        }
        // Reviews that cannot be read stay a gap: an empty list would deny for what nobody knows.
        let reviews = std::mem::replace(&mut whole.reviews, Ok(Vec::new()));
        whole.reviews = reviews.and_then(|reviews| self.rewind_reviews(reviews));
        if let Ok(comments) = &mut whole.comments {
            comments.retain(|comment| comment.at <= self.at);
            for comment in comments {
                self.rewind_permission(comment.by.as_ref(), FactKind::Comments, &mut comment.may_approve);
            }
        }
        if whole.conversations.is_ok() {
            whole.conversations = self.check_conversations(sources);
        }
        Ok(())
    }

    fn rewind_description(&self, whole: &mut PullRequest) -> Result<(), Message> {
        let edits = match &mut whole.edits {
            Ok(edits) => edits,
            Err(missing) => {
                let detail = MessageValue::unrecorded(Text::from(missing.to_string()));
                return Err(DESCRIPTION_UNKNOWN.with("detail", detail));
            }
        };
        if edits.iter().all(|edit| edit.at <= self.at) {
            return Ok(());
        }
        edits.retain(|edit| edit.at <= self.at);
        match edits.last() {
            Some(DescriptionEdit { statements: Some(statements), .. }) => {
                whole.statements.clone_from(statements);
                // They are of the description as it is now.
                whole.unread.clear();
                Ok(())
            }
            _ => Err(Message::from(&DESCRIPTION_LOST)),
        }
    }

    /// Sets the title and whether it was a draft: the first change after the merge tells what was there.
    fn rewind_title(&self, whole: &mut PullRequest, items: &[TimelineItem]) {
        let mut later_title = None;
        let mut later_draft = None;
        for item in items {
            match item {
                TimelineItem::Renamed { created_at, previous_title } if *created_at > self.at => {
                    later_title = later_title.or(Some(previous_title));
                }
                TimelineItem::MadeDraft { created_at } if *created_at > self.at => {
                    later_draft = later_draft.or(Some(false));
                }
                TimelineItem::MadeReady { created_at } if *created_at > self.at => {
                    later_draft = later_draft.or(Some(true));
                }
                _ => {}
            }
        }
        if let Some(title) = later_title {
            whole.title = Text::from(title.as_str());
        }
        if let Some(is_draft) = later_draft {
            whole.is_draft = is_draft;
        }
    }

    /// Returns the labels that were set at the merge, each with the account that set it last.
    fn list_labels(&self, pull: &RestPullRequest, items: &[TimelineItem]) -> Fact<Vec<PullLabel>> {
        let mut names: Vec<&str> = pull.labels.iter().map(|label| label.name.as_str()).collect();
        for item in items {
            if let TimelineItem::Labeled { label, .. } | TimelineItem::Unlabeled { label, .. } = item
                && !names.contains(&label.name.as_str())
            {
                names.push(&label.name);
            }
        }
        let mut labels = Vec::new();
        for name in names {
            labels.extend(self.find_label(name, items)?);
        }
        Ok(labels)
    }

    /// Returns a label if it was set at the merge.
    fn find_label(&self, name: &str, items: &[TimelineItem]) -> Fact<Option<PullLabel>> {
        let mut found = None;
        for item in items {
            match item {
                TimelineItem::Labeled { created_at, label, actor } if label.name == name => {
                    if *created_at <= self.at {
                        let by = Ok(account_of_actor(actor.as_ref()));
                        found = Some(Some(PullLabel { name: Text::from(name), by, at: Some(*created_at) }));
                    } else if found.is_none() {
                        // The first that is told of it came after the merge.
                        return Ok(None);
                    }
                }
                TimelineItem::Unlabeled { created_at, label } if label.name == name => {
                    if *created_at <= self.at {
                        found = Some(None);
                    } else if found.is_none() {
                        let why = "GitHub does not tell who set this label".to_owned();
                        let by = Err(Missing::Unavailable(FactKind::Pull, why));
                        found = Some(Some(PullLabel { name: Text::from(name), by, at: None }));
                    }
                }
                _ => {}
            }
        }
        found.ok_or_else(|| {
            let why = "GitHub does not tell since when one of the labels is set".to_owned();
            Missing::Unavailable(FactKind::Pull, why)
        })
    }

    fn find_last_retarget(&self, items: &[TimelineItem]) -> Option<Timestamp> {
        let mut last = None;
        for item in items {
            if let TimelineItem::BaseChanged { created_at } = item
                && *created_at <= self.at
            {
                last = last.max(Some(*created_at));
            }
        }
        last
    }

    /// Returns the reviews that were there at the merge, each with the result that it had then.
    fn rewind_reviews(&self, reviews: Vec<PullReview>) -> Fact<Vec<PullReview>> {
        let mut kept = Vec::new();
        for mut review in reviews {
            match review.at {
                Some(at) if at <= self.at => {}
                None if review.state != ReviewState::Pending => {
                    let why = "GitHub does not tell when one of the reviews was submitted".to_owned();
                    return Err(Missing::Unavailable(FactKind::Reviews, why));
                }
                _ => continue,
            }
            if review.state == ReviewState::Dismissed {
                self.rewind_dismissal(&mut review)?;
            }
            if review.state == ReviewState::Approved {
                self.rewind_permission(review.by.as_ref(), FactKind::Reviews, &mut review.may_approve);
            }
            kept.push(review);
        }
        Ok(kept)
    }

    /// Gives a review that was dismissed after the merge the result back that it had at the merge.
    fn rewind_dismissal(&self, review: &mut PullReview) -> Fact<()> {
        let Some(dismissal) = &review.dismissal else {
            let why = "GitHub does not tell when one of the reviews was dismissed".to_owned();
            return Err(Missing::Unavailable(FactKind::Reviews, why));
        };
        if dismissal.at > self.at
            && let Some(later) = review.dismissal.take()
        {
            review.state = later.dismissed_state;
        }
        Ok(())
    }

    /// Sets what is known of the right to write at the merge, for an account that has it no longer.
    ///
    /// GitHub tells rights of now only. An account that merged this could write then, and the policy from before
    /// the merge vouches for the members of its teams. A right that is there now counts: GitHub keeps no record of
    /// when it was given, and without it no late run could allow anything.
    fn rewind_permission(&self, by: Option<&ForgeAccount>, kind: FactKind, may_approve: &mut Fact<bool>) {
        let Some(by) = by else { return };
        if *may_approve != Ok(false) {
            return;
        }
        let has_merged = self.merged_by.as_ref().is_some_and(|merger| merger.is_same_account(by));
        if has_merged || self.people.iter().any(|people| is_in_any_team(people, by, self.at)) {
            *may_approve = Ok(true);
        } else {
            let why =
                "GitHub tells whether this account may write now, and not whether it could at the merge";
            *may_approve = Err(Missing::Unavailable(kind, why.to_owned()));
        }
    }

    /// Returns since when the gate itself had seen all conversations resolved, before the merge. GitHub is asked only if
    /// there is a conversation from before the merge, and nothing but that time is missing.
    pub(crate) async fn find_resolution_time(
        &self,
        client: &GitHubClient,
        repo: &RepositoryName,
        head: Oid,
        own: &OwnChecks,
        details: Result<&PullRequestDetails, &GitHubFailure>,
    ) -> Option<Timestamp> {
        let threads = details.and_then(|details| details.threads.as_ref()).ok()?;
        let mut earlier = threads.iter().filter(|thread| self.is_begun(thread)).peekable();
        if earlier.peek().is_none() || earlier.any(|thread| !thread.is_resolved) {
            return None;
        }
        // Without an answer the conversations stay undecided.
        find_resolved_time(client, repo, head, self.at, own).await.ok().flatten()
    }

    /// Returns whether a conversation was there at the merge.
    fn is_begun(&self, thread: &ReviewThread) -> bool {
        began_at(thread).is_none_or(|at| at <= self.at)
    }

    /// Returns that no conversation was open at the merge. GitHub tells no time at which one was resolved: the verdict
    /// of the gate from before the merge does, about those that had begun by then.
    fn check_conversations<T>(&self, sources: PullSources<'_>) -> Fact<Vec<T>> {
        let threads = sources
            .details
            .and_then(|details| details.threads.as_ref())
            .map_err(|failure| missing_fact(FactKind::Conversations, failure))?;
        for thread in threads.iter().filter(|thread| self.is_begun(thread)) {
            let is_told = matches!((began_at(thread), sources.resolved_by), (Some(at), Some(by)) if at <= by);
            if !thread.is_resolved || !is_told {
                let why =
                    "GitHub does not tell whether a conversation was resolved before the merge".to_owned();
                return Err(Missing::Unavailable(FactKind::Conversations, why));
            }
        }
        Ok(Vec::new())
    }
}

/// Returns when a conversation began, if GitHub tells.
fn began_at(thread: &ReviewThread) -> Option<Timestamp> {
    thread.comments.nodes.first().and_then(|comment| comment.created_at)
}

/// Returns whether a policy has the account in one of its teams at a time.
fn is_in_any_team(people: &PeopleDirectory, account: &ForgeAccount, at: Timestamp) -> bool {
    match people.identify_forge_account(account) {
        ResolvedIdentity::Human(key) => people.team_names().any(|team| people.is_member(&key, team, at)),
        _ => false,
    }
}
