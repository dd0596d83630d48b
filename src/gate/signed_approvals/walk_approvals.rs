//! The signed approvals that are about the changes of one walk, and how each change relates to them.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use crate::change::{
    Change, Commit, ContentRelation, Fact, FactKind, Missing, NeededFacts, Oid, Person, SignatureStatus,
    SignedApproval, Text,
};
use crate::gate::signed_approvals::approved_commits::list_approved_commits;
use crate::gate::signed_approvals::authorised::ReceivedApproval;
use crate::gate::signed_approvals::content_relations::{
    ContentComparison, MAX_COMPARED_COMMITS, RelatedCommits, list_authors,
};
use crate::gate::signed_approvals::repository_id::read_repository_id;
use crate::gate::signed_approvals::statement::ApprovalStatement;
use crate::git::{NewHistory, Repository, TrustedKeys};

/// The most approvals of other revisions that are compared with what is pushed, the newest ones.
const MAX_COMPARED_APPROVALS: usize = 50;

/// The most bytes of messages of one approved series that are kept to be compared.
const MAX_KEPT_MESSAGE_BYTES: usize = 64 << 10;

/// Why what was approved is not compared.
const LONG_MESSAGES: &str = "the messages of what was approved are too long to be compared";

/// The signed approvals that are about the changes of one walk.
pub(crate) struct WalkApprovals {
    /// What is known, in the order of receipt; or why nothing is.
    known: Fact<Vec<RelatedApproval>>,
}

/// An approval, and the new commits that it is about.
struct RelatedApproval {
    id: Oid,
    statement: ApprovalStatement,
    signature: SignatureStatus,
    received: ReceivedApproval,
    /// The new commits that were approved themselves.
    exact: HashSet<Oid>,
    /// What relates to them otherwise.
    related: RelatedCommits,
    /// The messages of what was approved; `None` if they are too long to be compared.
    messages: Option<Vec<Text>>,
    authors: Vec<Person>,
}

/// What a walk goes through, and by which keys signatures are checked.
pub(crate) struct ApprovalWalk<'walk> {
    pub(crate) repository: &'walk Repository,
    /// The full name of the ref, after symbolic refs have been followed.
    pub(crate) target: &'walk Text,
    pub(crate) history: &'walk NewHistory,
    pub(crate) keys: Option<TrustedKeys<'walk>>,
}

impl WalkApprovals {
    /// Returns that none can be received here.
    pub(crate) fn unsupported() -> Self {
        WalkApprovals { known: crate::change::unrequested_signed_approvals().map(|_| Vec::new()) }
    }

    /// Finds the approvals that are about what a walk brings, if they are among the facts that are needed. `received` are
    /// those of the ledger, in their order; `None` where none can be received.
    pub(crate) fn find_asked(
        walk: &ApprovalWalk<'_>,
        needs: &NeededFacts,
        received: Option<&[ReceivedApproval]>,
    ) -> Self {
        let (Some(received), true) = (received, needs.contains(&FactKind::SignedApprovals)) else {
            return WalkApprovals::unsupported();
        };
        let known = walk
            .relate_all(received)
            .map_err(|error| Missing::Unavailable(FactKind::SignedApprovals, format!("{error:#}")));
        WalkApprovals { known }
    }

    /// Returns the ids of the approvals that are about any new commit.
    pub(crate) fn list_ids(&self) -> Vec<Oid> {
        self.known
            .iter()
            .flatten()
            .filter(|one| !one.exact.is_empty() || !one.related.is_empty())
            .map(|one| one.id)
            .collect()
    }

    /// Adds to a change the approvals that are about it.
    pub(crate) fn complete_change(&self, change: &mut Change) {
        change.signed_approvals = match &self.known {
            Ok(known) => Ok(known.iter().filter_map(|one| one.describe_for(change)).collect()),
            Err(missing) => Err(missing.clone()),
        };
    }
}

impl ApprovalWalk<'_> {
    fn relate_all(&self, received: &[ReceivedApproval]) -> Result<Vec<RelatedApproval>> {
        let mut open = Vec::new();
        for one in received.iter().filter(|one| one.target == *self.target) {
            open.push(one);
        }
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let Some(repository_id) = read_repository_id(self.repository)? else { return Ok(Vec::new()) };
        let places = self.history.index_new_commits();
        let mut found = Vec::new();
        for one in open {
            if let Some(approval) = self.read_approval(one, repository_id)? {
                found.push(approval);
            }
        }
        let mut covered: HashSet<Oid> = HashSet::new();
        for approval in &mut found {
            // Without the revision itself, what is pushed is a part of a series, which was not approved to land alone.
            let (base, revision) = (approval.statement.base, approval.received.revision);
            approval.exact = self.history.list_new_range(&places, base, [revision]);
            covered.extend(&approval.exact);
        }
        self.relate_other_revisions(&covered, &mut found)?;
        found.retain(|one| !one.exact.is_empty() || !one.related.is_empty());
        for approval in &mut found {
            approval.signature = self.verify_approval(&approval.received)?;
        }
        Ok(found)
    }

    /// Reads what an approval says; `None` if it is not what the ledger received, or is of another repository.
    fn read_approval(
        &self,
        received: &ReceivedApproval,
        repository_id: Oid,
    ) -> Result<Option<RelatedApproval>> {
        let commit = match self.repository.read_commit(received.id, &NeededFacts::new()) {
            Ok(commit) => commit,
            Err(why) => anyhow::bail!("the approval {} cannot be read: {}", received.id, why.reason),
        };
        let Some(statement) = ApprovalStatement::parse_message(&commit.message) else { return Ok(None) };
        let is_as_received = statement.revision == received.revision && commit.parents == [received.revision];
        if !is_as_received || statement.repository != repository_id {
            return Ok(None);
        }
        Ok(Some(RelatedApproval {
            id: received.id,
            statement,
            signature: SignatureStatus::None,
            received: received.clone(),
            exact: HashSet::new(),
            related: RelatedCommits::default(),
            messages: None,
            authors: Vec::new(),
        }))
    }

    /// Compares what no approval is of with the revisions that are not among what is pushed.
    fn relate_other_revisions(&self, covered: &HashSet<Oid>, found: &mut [RelatedApproval]) -> Result<()> {
        let is_uncovered = |id: &Oid| !covered.contains(id);
        let ids: Vec<Oid> = self.history.list_ids().into_iter().filter(is_uncovered).collect();
        if ids.is_empty() || ids.len() > MAX_COMPARED_COMMITS {
            return Ok(());
        }
        let mut new = Vec::with_capacity(ids.len());
        for id in ids {
            match self.repository.read_commit(id, &NeededFacts::new()) {
                Ok(commit) => new.push(commit),
                // It is refused where it is judged.
                Err(_) => return Ok(()),
            }
        }
        if new.iter().all(|commit| commit.parents.len() > 1) {
            return Ok(());
        }
        let mut comparison = ContentComparison::new(self.repository, new)?;
        let others = found.iter_mut().rev().filter(|one| one.exact.is_empty());
        for approval in others.take(MAX_COMPARED_APPROVALS) {
            let (base, revision) = (approval.statement.base, approval.received.revision);
            let approved = list_approved_commits(self.repository, base, revision)?;
            approval.messages = list_messages(&approved);
            approval.authors = list_authors(&approved);
            approval.related = comparison.relate(base, approved)?;
        }
        Ok(())
    }

    fn verify_approval(&self, received: &ReceivedApproval) -> Result<SignatureStatus> {
        let Some(keys) = self.keys else {
            return Ok(SignatureStatus::Bad("the policy knows no keys".into()));
        };
        let raw = self.repository.read_raw_commit(received.id)?;
        let keys = TrustedKeys { received_at: received.received_at, ..keys };
        Ok(keys.verify_commit(&raw, self.repository.object_format()))
    }
}

impl RelatedApproval {
    /// Returns the approval as it is about this change; `None` if it is about none of its commits.
    fn describe_for(&self, change: &Change) -> Option<SignedApproval> {
        let relation = self.relate_change(change)?;
        let is_itself = matches!(
            relation,
            ContentRelation::Exact | ContentRelation::CleanMerge | ContentRelation::Partial { .. }
        );
        let (relation, approved_messages) = match &self.messages {
            _ if is_itself => (relation, Vec::new()),
            Some(messages) => (relation, messages.clone()),
            None => (ContentRelation::Uncompared(LONG_MESSAGES.to_owned()), Vec::new()),
        };
        let approved_authors = if is_itself { Vec::new() } else { self.authors.clone() };
        Some(SignedApproval {
            id: self.id,
            decision: self.statement.decision,
            signature: self.signature.clone(),
            role: self.statement.role.clone(),
            revision: self.received.revision,
            received_at: self.received.received_at,
            relation,
            approved_messages,
            approved_authors,
        })
    }

    /// Returns how a change relates to what was approved; `None` if no commit of it does.
    fn relate_change(&self, change: &Change) -> Option<ContentRelation> {
        let mut by_commit: HashMap<Oid, &ContentRelation> = HashMap::new();
        let ids: HashSet<Oid> = change.commits.iter().filter_map(|commit| commit.id).collect();
        for (run, relation) in &self.related.together {
            if run.is_subset(&ids) {
                by_commit.extend(run.iter().map(|id| (*id, relation)));
            }
        }
        by_commit.extend(self.related.same.iter().map(|(id, relation)| (*id, relation)));
        let exact = ContentRelation::Exact;
        by_commit.extend(self.exact.iter().map(|id| (*id, &exact)));
        let mut weakest = None;
        let mut uncovered = None;
        let mut has_clean_merges = false;
        for commit in &change.commits {
            let id = commit.id?;
            if let Some(relation) = by_commit.get(&id) {
                if weakest.is_none_or(|known| rank_relation(known) < rank_relation(relation)) {
                    weakest = Some(*relation);
                }
                continue;
            }
            match is_clean_merge(commit) {
                Ok(true) => has_clean_merges = true,
                Ok(false) => uncovered = uncovered.or(Some(id)),
                Err(missing) => return Some(ContentRelation::Uncompared(missing.to_string())),
            }
        }
        let changed = self.related.changed.iter().find(|(id, _)| ids.contains(id));
        if let Some((commit, paths)) = changed {
            return Some(ContentRelation::Changed { commit: *commit, paths: paths.clone() });
        }
        match (weakest?, uncovered) {
            (_, Some(commit)) => Some(ContentRelation::Partial { commit }),
            (ContentRelation::Exact, None) if has_clean_merges => Some(ContentRelation::CleanMerge),
            (weakest, None) => Some(weakest.clone()),
        }
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
fn list_messages(commits: &[Commit]) -> Option<Vec<Text>> {
    let mut messages = Vec::new();
    let mut left = MAX_KEPT_MESSAGE_BYTES;
    for commit in commits {
        let message = commit.message.raw();
        left = left.checked_sub(message.as_bytes().len())?;
        messages.push(message.clone());
    }
    Some(messages)
}
