//! Judges one message that is about to be recorded.

use jiff::Timestamp;

use crate::change::{
    Change, Commit, CommitMessage, Commits, Fact, FactKind, Missing, Oid, PathChange, Person, PolicyEffect,
    Stage, Text,
};
use crate::gate::obligations::list_referenced_changes;
use crate::gate::policy_effect::touches_any_file;
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::range::build_report;
use crate::judge::judge_change;
use crate::policy::ChangeUnit;
use crate::report::{GroupScope, Report, ReportGroup};

/// A message that is about to be recorded, with what is known of its commit.
#[derive(Clone, Debug)]
pub struct MessageRequest {
    /// The message as git will record it.
    pub message: Text,
    /// The author of the commit.
    pub author: Person,
    /// The committer.
    pub committer: Person,
    /// The parents of the commit, where they are known.
    pub parents: Vec<Oid>,
    /// The paths that the commit will change.
    pub paths: Fact<Vec<PathChange>>,
    /// The commits that a merge brings in, oldest first. They land as one change with it, or where each commit is a
    /// change, as changes of their own.
    pub merged_commits: Vec<Commit>,
    /// The branch on which the commit is made, if it is a protected one; `None` if it will land elsewhere, or that is not
    /// known.
    pub target: Option<Text>,
    /// The time at which the message is seen.
    pub now: Timestamp,
}

/// Judges a message that is about to be recorded; what is in the files is not known yet.
pub fn judge_message(loaded: &LoadedPolicy, request: MessageRequest) -> Report {
    let MessageRequest { message, author, committer, parents, paths, merged_commits, target, now } = request;
    let commit = Commit {
        id: None,
        parents,
        author,
        authored_at: now.as_second(),
        committer,
        committed_at: now.as_second(),
        message: CommitMessage::new(message),
        paths,
        lines: Err(Missing::NotAtThisStage(FactKind::Lines)),
        evil_merge_paths: Err(Missing::NotAtThisStage(FactKind::EvilMerges)),
        signature: Err(Missing::NotAtThisStage(FactKind::Signatures)),
    };
    let judge_commits = |commits| {
        let target = target.clone().ok_or(Missing::NotAtThisStage(FactKind::Target));
        let pusher = Err(Missing::NotAtThisStage(FactKind::Pusher));
        let mut change = Change::from_repository(Stage::CommitMsg, target, pusher, now, commits);
        // What becomes of the policy is not known before there is a commit, unless it stays as it is.
        let is_file = |path: &str| loaded.file_paths().any(|file| file == path);
        change.policy_effect = match touches_any_file(&change, is_file) {
            Ok(false) => Ok(PolicyEffect::default()),
            Ok(true) | Err(_) => Err(Missing::NotAtThisStage(FactKind::PolicyChange)),
        };
        change.names_earlier = match list_referenced_changes(&change, &loaded.policy).is_empty() {
            true => Ok(false),
            // Where it will land, and what is there by then, the push knows.
            false => Err(Missing::NotAtThisStage(FactKind::EarlierChange)),
        };
        judge_change(&loaded.policy, &change, false)
    };
    let mut verdicts = Vec::new();
    let mut all = Vec::new();
    match loaded.policy.change_unit {
        ChangeUnit::Step => all = merged_commits,
        ChangeUnit::Commit => {
            verdicts.extend(merged_commits.into_iter().map(|merged| judge_commits(Commits::from(merged))));
            // The others are not what the reader is about to make.
            verdicts.retain(|verdict| verdict.judgements.iter().any(|judgement| judgement.is_denying(false)));
        }
    }
    all.push(commit.clone());
    verdicts.push(judge_commits(Commits::new(all).unwrap_or_else(|| Commits::from(commit))));
    build_report(loaded, Stage::CommitMsg, false, now, ReportGroup::new(GroupScope::Message, verdicts))
}
