//! One signed approval beside the new commits that it is about, and how the commits of a change relate to it.

use std::collections::HashSet;

use crate::change::{
    Change, Commit, ContentRelation, Fact, Missing, Oid, Person, SignatureStatus, SignedApproval,
    SignedDecision, Text,
};
use crate::gate::signed_approvals::authorised::ReceivedApproval;
use crate::gate::signed_approvals::content_relations::RelatedCommits;
use crate::gate::signed_approvals::statement::ApprovalStatement;

/// The most bytes of messages of one approved series that are kept to be compared.
const MAX_KEPT_MESSAGE_BYTES: usize = 64 << 10;

/// Why what was approved is not compared.
const LONG_MESSAGES: &str = "the messages of what was approved are too long to be compared";

/// An approval, and the new commits that it is about.
pub(super) struct RelatedApproval {
    pub(super) id: Oid,
    pub(super) statement: ApprovalStatement,
    pub(super) signature: SignatureStatus,
    pub(super) received: ReceivedApproval,
    /// The author of the commit that states it.
    pub(super) author: Person,
    /// The new commits that were approved themselves.
    pub(super) exact: HashSet<Oid>,
    /// The new merges that bring together nothing but these.
    pub(super) merges: HashSet<Oid>,
    /// What relates to them otherwise.
    pub(super) related: RelatedCommits,
    /// The messages of what was approved, where they are compared; `None` if they are too long for that.
    pub(super) messages: Option<Vec<Text>>,
    pub(super) authors: Vec<Person>,
    pub(super) committers: Vec<Person>,
    /// Why what is new could not be compared with it.
    pub(super) obstacle: Option<String>,
}

/// How the commits of a change relate to what was approved.
pub(super) struct RelatedChange {
    pub(super) relation: ContentRelation,
    /// The merges beside what was approved, which hold nothing but what a clean merge gives.
    pub(super) added_merges: Vec<Oid>,
    /// The commits that nobody approved, oldest first.
    pub(super) uncovered: Vec<Oid>,
}

impl RelatedChange {
    /// Returns that a change relates in this way, without merges and commits beside what was approved.
    pub(super) fn of(relation: ContentRelation) -> RelatedChange {
        RelatedChange { relation, added_merges: Vec::new(), uncovered: Vec::new() }
    }
}

impl RelatedApproval {
    /// Returns the approval as it is about this change; `None` if it is about none of its commits.
    pub(super) fn describe_for(&self, change: &Change) -> Option<SignedApproval> {
        let RelatedChange { relation, added_merges, .. } = self.relate_commits(&change.commits)?;
        let is_itself = matches!(
            relation,
            ContentRelation::Exact | ContentRelation::CleanMerge | ContentRelation::Partial { .. }
        );
        // What a merge states beside the commits that were approved is compared with what they state.
        let is_stating = |commit: &Commit| {
            commit.id.is_some_and(|id| added_merges.contains(&id)) && !commit.message.trailers().is_empty()
        };
        let has_own_words = relation == ContentRelation::CleanMerge && change.commits.iter().any(is_stating);
        let (relation, approved_messages) = match &self.messages {
            _ if (is_itself && !has_own_words) || self.is_rejection() => (relation, Vec::new()),
            Some(messages) => (relation, messages.clone()),
            None => (ContentRelation::Uncompared(LONG_MESSAGES.to_owned()), Vec::new()),
        };
        let (approved_authors, approved_committers) = match is_itself {
            true => (Vec::new(), Vec::new()),
            false => (self.authors.clone(), self.committers.clone()),
        };
        Some(SignedApproval {
            id: self.id,
            decision: self.statement.decision,
            signature: self.signature.clone(),
            received_from: self.received.signer.clone(),
            author: self.author.clone(),
            has_merges: !added_merges.is_empty(),
            added_merges,
            role: self.statement.role.clone(),
            revision: self.received.revision,
            received_at: self.received.received_at,
            signed_at: Some(self.received.signed_at),
            relation,
            approved_messages,
            approved_authors,
            approved_committers,
        })
    }

    pub(super) fn is_rejection(&self) -> bool {
        self.statement.decision == SignedDecision::Rejected
    }

    /// Returns how a change relates to what was rejected: it brings that, a part of it, or the same in another form, or it has
    /// other content; `None` if it has nothing to do with it.
    fn relate_to_rejected(&self, commits: &[Commit]) -> Option<ContentRelation> {
        let ids: Vec<Oid> = commits.iter().filter_map(|commit| commit.id).collect();
        let is_in_run = |id: &Oid| self.related.together.iter().any(|(run, _)| run.contains(id));
        let is_related =
            |id: &Oid| self.related.same.contains_key(id) || self.related.parts.contains(id) || is_in_run(id);
        if !ids.is_empty() && ids.iter().all(|id| self.exact.contains(id)) {
            return Some(ContentRelation::Exact);
        }
        let is_covered = |id: &Oid| self.exact.contains(id) || self.merges.contains(id);
        if let Some(commit) = ids.iter().find(|id| is_covered(id) || is_related(id)) {
            return Some(ContentRelation::Partial { commit: *commit });
        }
        if let Some(why) = &self.obstacle {
            return Some(ContentRelation::Uncompared(why.clone()));
        }
        let changed = self.related.changed.iter().find(|one| ids.contains(&one.id))?;
        Some(ContentRelation::Changed { commit: changed.id, paths: changed.paths.clone() })
    }

    /// Returns how the commits of a change relate to what was approved; `None` if none of them does.
    pub(super) fn relate_commits(&self, commits: &[Commit]) -> Option<RelatedChange> {
        if self.is_rejection() {
            return self.relate_to_rejected(commits).map(RelatedChange::of);
        }
        let ids: HashSet<Oid> = commits.iter().filter_map(|commit| commit.id).collect();
        let whole_runs: Vec<_> =
            self.related.together.iter().filter(|(run, _)| run.is_subset(&ids)).collect();
        let mut weakest = None;
        let mut uncovered = Vec::new();
        let mut clean_merges = Vec::new();
        let mut is_merge_of_approved = false;
        let mut is_part = false;
        for commit in commits {
            let id = commit.id?;
            is_part |= self.related.parts.contains(&id);
            if let Some(relation) = self.find_relation(id, &whole_runs) {
                if weakest.is_none_or(|known| rank_relation(known) < rank_relation(relation)) {
                    weakest = Some(relation);
                }
                continue;
            }
            match is_clean_merge(commit) {
                Ok(true) => {
                    clean_merges.push(id);
                    is_merge_of_approved |= self.merges.contains(&id);
                }
                Ok(false) => uncovered.push(id),
                Err(missing) => {
                    return Some(RelatedChange::of(ContentRelation::Uncompared(missing.to_string())));
                }
            }
        }
        let changed = self.related.changed.iter().find(|one| ids.contains(&one.id));
        if let Some(one) = changed {
            let relation = ContentRelation::Changed { commit: one.id, paths: one.paths.clone() };
            return Some(RelatedChange { uncovered, ..RelatedChange::of(relation) });
        }
        let relation = match (weakest, uncovered.first()) {
            (None, None) if is_merge_of_approved => ContentRelation::CleanMerge,
            (None, Some(commit)) if is_part => ContentRelation::Partial { commit: *commit },
            (None, _) => return None,
            (Some(_), Some(commit)) => ContentRelation::Partial { commit: *commit },
            (Some(ContentRelation::Exact), None) if !clean_merges.is_empty() => ContentRelation::CleanMerge,
            (Some(weakest), None) => weakest.clone(),
        };
        let added_merges = if uncovered.is_empty() { clean_merges } else { Vec::new() };
        Some(RelatedChange { relation, added_merges, uncovered })
    }
}

impl RelatedApproval {
    /// Returns how one commit relates to what was approved; `whole_runs` are those that the change has whole.
    fn find_relation<'relation>(
        &'relation self,
        id: Oid,
        whole_runs: &[&'relation (HashSet<Oid>, ContentRelation)],
    ) -> Option<&'relation ContentRelation> {
        if self.exact.contains(&id) {
            return Some(&ContentRelation::Exact);
        }
        let in_run = || whole_runs.iter().find(|(run, _)| run.contains(&id)).map(|(_, relation)| relation);
        self.related.same.get(&id).or_else(in_run)
    }
}

/// Returns true for a merge that holds nothing but what a clean merge of its parents gives.
fn is_clean_merge(commit: &Commit) -> Fact<bool> {
    if !commit.is_merge() {
        return Ok(false);
    }
    Ok(commit.evil_merge_paths.as_ref().map_err(Missing::clone)?.is_empty())
}

/// Returns how much a relation leaves to be proved; the weakest one of a change counts.
fn rank_relation(relation: &ContentRelation) -> u8 {
    match relation {
        ContentRelation::Exact => 0,
        ContentRelation::CleanMerge => 1,
        ContentRelation::MessageOnly => 2,
        ContentRelation::SameTree => 3,
        ContentRelation::CleanRebase => 4,
        ContentRelation::Squash => 5,
        ContentRelation::Partial { .. }
        | ContentRelation::Changed { .. }
        | ContentRelation::Uncompared(_) => 6,
    }
}

/// Returns the messages of commits; `None` if they are too long together.
pub(super) fn list_messages(commits: &[Commit]) -> Option<Vec<Text>> {
    let mut messages = Vec::new();
    let mut left = MAX_KEPT_MESSAGE_BYTES;
    for commit in commits {
        let message = commit.message.raw();
        left = left.checked_sub(message.as_bytes().len())?;
        messages.push(message.clone());
    }
    Some(messages)
}
