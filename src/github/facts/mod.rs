//! The facts about a pull request: every fact that the policy needs, requested at the same time.
//!
//! What cannot be read is a gap in its place. Only without the commits there is nothing to judge.

pub(crate) mod accounts;
pub(crate) mod as_of_merge;
pub(crate) mod binary_lines;
pub(crate) mod changed_files;
pub(crate) mod checks;
pub(crate) mod co_authors;
pub(crate) mod commits;
pub(crate) mod content_answers;
pub(crate) mod conversation;
pub(crate) mod details;
pub(crate) mod merge_moves;
pub(crate) mod merged_place;
pub(crate) mod merged_trees;
pub(crate) mod paged_part;
pub(crate) mod pushers;
pub(crate) mod rewrites;
pub(crate) mod templates;
pub(crate) mod timeline;

use futures_util::future::{join, join3};
use jiff::{SignedDuration, Timestamp};

use crate::change::description::{self, TemplateText};
use crate::change::pull_request::PullContributor;
use crate::change::{
    Change, Commits, Fact, FactKind, LineCount, Missing, NeededFacts, Oid, PathChange, PullRequest,
    PusherIdentity, Stage, Text,
};
use crate::git::TrustedKeys;
use crate::github::api::GitHubClient;
use crate::github::api::names::PullRequestName;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestActivity, RestCommit, RestPullRequest};
use crate::github::facts::as_of_merge::{PullMerge, PullSources};
use crate::github::facts::binary_lines::count_binary_lines;
use crate::github::facts::changed_files::ChangedFiles;
use crate::github::facts::checks::{CheckTimes, OwnChecks};
use crate::github::facts::conversation::missing_fact;
use crate::github::facts::details::{PullRequestDetails, WantedDetails, note_contradiction, read_details};
use crate::github::facts::paged_part::NOT_REQUESTED;
use crate::github::facts::rewrites::BaseMerge;
use crate::github::facts::templates::{PullRequestTemplates, TemplateRoot};
use crate::verdict::{Message, messages};

messages! {
    HEAD_MOVED = "pull-current.head-moved": "{new} was pushed while {old} was being read";
}

/// How long after the last change of a pull request its branch's record may lack that change. What the record
/// still lacks later, it will not get.
const MAX_RECORD_LAG: SignedDuration = SignedDuration::from_mins(10);

/// Where the pushers of a branch are looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PusherSource {
    /// GitHub's record of what happened to the branch.
    #[default]
    BranchActivity,
    /// Nowhere: the gate administrator has said that the pushers need not be known.
    NotNeeded,
}

/// A pull request whose facts are to be gathered, with what decides which facts those are.
pub(crate) struct PullRequestGatherer<'ask> {
    pub(crate) client: &'ask GitHubClient,
    pub(crate) name: &'ask PullRequestName,
    pub(crate) pull: &'ask RestPullRequest,
    pub(crate) base_tip: Oid,
    /// Where the base branch may have templates, if that is known already.
    pub(crate) template_root: Option<&'ask TemplateRoot>,
    pub(crate) needs: &'ask NeededFacts,
    pub(crate) trusted: Option<TrustedKeys<'ask>>,
    pub(crate) pusher_source: PusherSource,
    /// The revision whose checks count.
    pub(crate) checks_revision: Oid,
    pub(crate) own_checks: &'ask OwnChecks,
    pub(crate) seen_at: Timestamp,
    /// The merge as of which the facts are wanted; `None` for the facts of now.
    pub(crate) merge: Option<PullMerge<'ask>>,
}

/// Why there are no facts to judge.
pub(crate) enum GatherFailure {
    /// The commits cannot be read.
    CommitsUnavailable(GitHubFailure),
    /// The final revision changed while the facts were being read.
    HeadMoved(Message),
    /// What it was at its merge cannot be told.
    StateLost(Message),
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
            // What a description said at the merge is told by its edits alone.
            edits: reviews || self.merge.is_some() || self.wants_any(&[FactKind::Comments]),
            timeline: reviews || self.wants_any(&[FactKind::Pull]),
            comments: self.wants_any(&[FactKind::Comments]),
            statuses: self.wants_any(&[FactKind::Checks]),
            files: false,
        }
    }

    /// Gathers the change. Files are always read: they tell whether the policy itself changes.
    pub(crate) async fn gather_change(&self) -> Result<Change, GatherFailure> {
        // All requests run at once; each part that fails is a gap of its own, apart from the commits.
        let client = self.client;
        let name = self.name;
        let pull = self.pull;
        let mut wanted = self.wanted_details();
        // The answer that tells the final revision also names its files, to be held against the list of them. What was
        // recorded before they were asked for has only what the policy needed.
        let wants_details = wanted != WantedDetails::default() || !client.is_recording();
        wanted.files = true;
        let as_of = self.merge.as_ref().map(|merge| merge.at);
        let first = join3(
            commits::list_commits(client, name, pull),
            changed_files::list_changed_files(client, name, pull, self.needs),
            request_if(
                (wanted.authors || wanted.statuses) && self.pusher_source == PusherSource::BranchActivity,
                pushers::read_branch_activity(client, pull),
            ),
        );
        let second = join3(
            request_if(wanted.reviews, conversation::list_reviews(client, name)),
            request_if(
                wanted.statuses,
                checks::read_check_runs(client, &name.repo, self.checks_revision, as_of),
            ),
            request_if(wants_details, read_details(client, name, self.checks_revision, wanted)),
        );
        let ((listed, files, activity), (reviews, runs, details)) = join(first, second).await;
        note_contradiction(client, &listed);
        note_contradiction(client, &activity);
        note_contradiction(client, &runs);
        if let Ok(details) = &details {
            details.note_contradictions(client);
        }
        let listed = listed.map_err(GatherFailure::CommitsUnavailable)?;
        if let Ok(details) = &details
            && details.head_revision != pull.head.sha
        {
            let new = details.head_revision.short_hex();
            return Err(GatherFailure::HeadMoved(
                HEAD_MOVED.with("new", new).with("old", pull.head.sha.short_hex()),
            ));
        }
        let Some(head) = listed.last() else {
            let failure = GitHubFailure::new("the pull request has no commits");
            return Err(GatherFailure::CommitsUnavailable(failure));
        };
        let details = details.as_ref();
        if let Err(failure) = accounts::check_accounts(pull, &listed, &activity, &reviews, details) {
            client.note_contradiction(&failure);
            return Err(GatherFailure::CommitsUnavailable(failure));
        }
        let files = files.and_then(|files| match details {
            Ok(PullRequestDetails { files: Ok(Some(named)), .. }) => {
                changed_files::check_same_files(&files.paths, named).map(|()| files)
            }
            Ok(PullRequestDetails { files: Err(failure), .. }) => Err(failure.clone()),
            Err(failure) if wants_details => Err(failure.clone()),
            _ => Ok(files),
        });
        let reviews =
            reviews.and_then(|reviews| conversation::check_same_reviews(&reviews, details).map(|()| reviews));
        note_contradiction(client, &files);
        note_contradiction(client, &reviews);
        let mut uncompared = Vec::new();
        let (base_merge, reviews) = match reviews {
            Ok(reviews) => {
                match rewrites::find_proven_merge(client, name, &listed, &reviews, &mut uncompared).await {
                    Ok(proved) => (proved, Ok(reviews)),
                    Err(failure) => (None, Err(failure)),
                }
            }
            Err(failure) => (None, Err(failure)),
        };
        let templates = self.read_templates_if_used(details).await;
        let body = pull.body.as_deref().unwrap_or_default();
        let description = description::read_description(body, &templates.text);
        let activity = self.reread_lagging_activity(activity).await;
        let pushers = self.identify_pushers(activity, &listed, base_merge);
        let times = CheckTimes {
            as_of,
            latest: client.latest_answer_time(),
            first_pushed_at: pushers.first_pushed_at,
        };
        let comments = if wanted.comments {
            conversation::collect_comments(client, name, details).await
        } else {
            Err(Missing::Unavailable(FactKind::Comments, NOT_REQUESTED.into()))
        };
        let lines = self.count_lines(&files).await;
        let paths = self.complete_paths(files.map(|files| files.paths)).await;
        let mut reviews = match &reviews {
            Ok(reviews) => Ok(conversation::combine_reviews(reviews, details)),
            Err(failure) => Err(missing_fact(FactKind::Reviews, failure)),
        };
        // GitHub's own merge of the base has no author here: it brings nothing of its own.
        let made: Vec<RestCommit> = listed
            .iter()
            .filter(|commit| base_merge.is_none_or(|merged| merged.merge != commit.sha))
            .cloned()
            .collect();
        let mut contributors = commits::collect_contributors(&made, details, pushers.contributors);
        if let (Ok(known), Ok(contributors)) = (&mut reviews, &mut contributors) {
            let repo = &name.repo;
            match rewrites::mark_replaced_revisions(client, repo, &listed, known, &mut uncompared).await {
                Ok(makers) => contributors.extend(makers),
                Err(failure) => reviews = Err(missing_fact(FactKind::Reviews, &failure)),
            }
        }
        let mut whole = PullRequest {
            name: Text::from(name.to_string()),
            url: Text::from(pull.html_url.as_deref().unwrap_or_default()),
            title: Text::from(pull.title.as_str()),
            statements: description.statements,
            unread: description.unread,
            opener: accounts::account_of_user(pull.user.as_ref()),
            is_draft: pull.draft.unwrap_or(false),
            source: Text::from(format!("refs/heads/{}", pull.head.branch)),
            base: self.base_tip,
            head: commits::convert_head(head),
            paths,
            lines,
            pushed_at: pushers.last_pushed_at,
            contributors,
            base_merge: base_merge.map(|merged| merged.merge),
            uncompared,
            labels: conversation::collect_labels(pull, details),
            reviews,
            comments,
            edits: conversation::collect_edits(pull, details, &templates.text),
            templates: templates.paths,
            retargeted_at: conversation::find_retarget_time(details, pull.merged_at),
            checks: checks::collect_checks(runs, details, times, self.own_checks),
            conversations: conversation::collect_conversations(details),
        };
        if let Some(merge) = &self.merge {
            let is_history_needed = self.wants_any(&[FactKind::Pull]);
            let (repo, head, own) = (&name.repo, pull.head.sha, self.own_checks);
            let resolved_by = merge.find_resolution_time(client, repo, head, own, details).await;
            let sources = PullSources { pull, details, is_history_needed, resolved_by };
            merge.rewind_pull_request(&mut whole, sources).map_err(GatherFailure::StateLost)?;
        }
        let convert = |commit| commits::convert_commit(commit, self.needs, self.trusted);
        let commits = Commits::new(listed.iter().map(convert).collect()).ok_or_else(|| {
            GatherFailure::CommitsUnavailable(GitHubFailure::new("GitHub lists no commits"))
        })?;
        let (stage, pusher) = (Stage::PullRequest, pushers.last_pusher);
        let target = Ok(Text::from(format!("refs/heads/{}", pull.base.branch)));
        // Ticket systems are asked once it is known which tickets are named.
        Ok(Change {
            pull: Ok(Box::new(whole)),
            ..Change::from_repository(stage, target, pusher, self.seen_at, commits)
        })
    }

    /// Reads the templates of the base branch, if a description states anything that may be theirs.
    async fn read_templates_if_used(
        &self,
        details: Result<&PullRequestDetails, &GitHubFailure>,
    ) -> PullRequestTemplates {
        let states_any = |text: &str| !description::read_statements(text).is_empty();
        let mut is_used = self.pull.body.as_deref().is_some_and(states_any);
        if let Ok(PullRequestDetails { edits: Ok(edits), .. }) = details {
            is_used |= edits.iter().any(|edit| edit.diff.as_deref().is_some_and(states_any));
        }
        if !is_used {
            return PullRequestTemplates { text: TemplateText::default(), paths: Ok(Vec::new()) };
        }
        templates::read_templates(self.client, &self.name.repo, self.base_tip, self.template_root).await
    }

    /// Adds to the listed files what only the trees tell, if the policy needs it.
    async fn complete_paths(&self, listed: Result<Vec<PathChange>, GitHubFailure>) -> Fact<Vec<PathChange>> {
        let mut paths = listed.map_err(|failure| missing_fact(FactKind::Paths, &failure))?;
        if self.wants_any(&[FactKind::FileKinds, FactKind::Blobs]) {
            let ends = [self.base_tip, self.pull.head.sha];
            let completed =
                changed_files::complete_from_trees(self.client, self.name, ends, self.needs, &mut paths);
            if let Err(failure) = completed.await {
                for change in &mut paths {
                    change.blob = Err(missing_fact(FactKind::Blobs, &failure));
                }
            }
        }
        if self.wants_any(&[FactKind::Digests]) {
            let repo = &self.name.repo;
            content_answers::add_digest_answers(self.client, repo, &mut paths, self.needs).await;
        }
        Ok(paths)
    }

    /// Counts the changed lines: those that GitHub counts, and the size of what is no text.
    async fn count_lines(&self, files: &Result<ChangedFiles, GitHubFailure>) -> Fact<LineCount> {
        let counted = LineCount { added: self.pull.additions, removed: self.pull.deletions };
        if !self.wants_any(&[FactKind::Lines]) {
            return Ok(counted);
        }
        let files = files.as_ref().map_err(|failure| missing_fact(FactKind::Lines, failure))?;
        if files.uncounted.is_empty() {
            return Ok(counted);
        }
        let ends = [self.base_tip, self.pull.head.sha];
        let sized = count_binary_lines(self.client, self.name, ends, &files.uncounted).await;
        let sized = sized.map_err(|failure| missing_fact(FactKind::Lines, &failure))?;
        Ok(LineCount {
            added: counted.added.saturating_add(sized.added),
            removed: counted.removed.saturating_add(sized.removed),
        })
    }

    /// Reads the record of the branch again for as long as it lacks the newest push and there is time: it lags
    /// a little behind the push that started the run.
    async fn reread_lagging_activity(
        &self,
        first: Result<Vec<RestActivity>, GitHubFailure>,
    ) -> Result<Vec<RestActivity>, GitHubFailure> {
        let mut activity = first?;
        let is_recent =
            self.pull.updated_at.is_some_and(|at| self.client.now().duration_since(at) <= MAX_RECORD_LAG);
        let mut attempt = 1;
        while is_recent
            && !activity.iter().any(|entry| entry.after == self.pull.head.sha)
            && self.client.wait_for_record(attempt).await
        {
            activity = pushers::read_branch_activity(self.client, self.pull).await?;
            attempt += 1;
        }
        Ok(activity)
    }

    /// Returns the pushers of the commits in `listed`, as far as GitHub's record tells and the policy needs.
    fn identify_pushers(
        &self,
        activity: Result<Vec<RestActivity>, GitHubFailure>,
        listed: &[RestCommit],
        base_merge: Option<BaseMerge>,
    ) -> IdentifiedPushers {
        if self.pusher_source == PusherSource::NotNeeded {
            return IdentifiedPushers {
                last_pusher: Ok(PusherIdentity::Unidentified),
                contributors: Ok(Vec::new()),
                last_pushed_at: None,
                first_pushed_at: None,
            };
        }
        match activity.and_then(|activity| pushers::find_pushers(&activity, self.pull, listed, base_merge)) {
            Ok(found) => IdentifiedPushers {
                last_pusher: Ok(PusherIdentity::Account(found.last_pusher.id)),
                contributors: Ok(found.contributors),
                last_pushed_at: found.last_pushed_at,
                first_pushed_at: found.first_pushed_at,
            },
            Err(failure) => IdentifiedPushers {
                last_pusher: Err(missing_fact(FactKind::Pusher, &failure)),
                contributors: Err(missing_fact(FactKind::Pusher, &failure)),
                last_pushed_at: None,
                first_pushed_at: None,
            },
        }
    }
}

/// Sends a request only if its answer is needed.
async fn request_if<T>(
    is_needed: bool,
    request: impl Future<Output = Result<T, GitHubFailure>>,
) -> Result<T, GitHubFailure> {
    if is_needed { request.await } else { Err(GitHubFailure::new(NOT_REQUESTED)) }
}

/// The pushers of a pull request, as far as they are known.
struct IdentifiedPushers {
    last_pusher: Fact<PusherIdentity>,
    contributors: Fact<Vec<PullContributor>>,
    last_pushed_at: Option<Timestamp>,
    first_pushed_at: Option<Timestamp>,
}
