//! The signed approvals that are about the changes of one walk, and how each change relates to them.

use std::collections::HashSet;

use anyhow::Result;

use crate::change::{
    Change, Commit, ContentRelation, Fact, FactKind, Missing, NeededFacts, Oid, Person, SignatureStatus,
    SignedApproval, SignedDecision, Text,
};
use crate::gate::signed_approvals::approved_commits::list_approved_commits;
use crate::gate::signed_approvals::authorised::{ReceivedApproval, ReceivedApprovals};
use crate::gate::signed_approvals::content_relations::{
    ContentComparison, MAX_COMPARED_COMMITS, RelatedCommits, list_authors,
};
use crate::gate::signed_approvals::repository_id::read_repository_id;
use crate::gate::signed_approvals::statement::{APPROVAL_REF_PREFIX, ApprovalStatement};
use crate::git::{NewHistory, Repository, TrustedKeys};

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
    /// The author of the commit that states it.
    author: Person,
    /// The new commits that were approved themselves.
    exact: HashSet<Oid>,
    /// The new merges that bring together nothing but these.
    merges: HashSet<Oid>,
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
        received: Option<&ReceivedApprovals>,
    ) -> Self {
        let (Some(received), true) = (received, needs.contains(&FactKind::SignedApprovals)) else {
            return WalkApprovals::unsupported();
        };
        let known = walk
            .relate_all(&received.open)
            .map_err(|error| Missing::Unavailable(FactKind::SignedApprovals, format!("{error:#}")));
        WalkApprovals { known }
    }

    /// Returns the ids of the approvals that are used up once everything has landed: those of revisions that are among it,
    /// and those that are not rejections and are of the same content in another form.
    pub(crate) fn list_used_ids(&self) -> Vec<Oid> {
        let mut used = Vec::new();
        for one in self.known.iter().flatten() {
            let is_of_new = one.exact.contains(&one.received.revision);
            let is_same = !one.related.same.is_empty() || !one.related.together.is_empty();
            if is_of_new || (is_same && one.statement.decision != SignedDecision::Rejected) {
                used.push(one.id);
            }
        }
        used
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
        for approval in &mut found {
            // Without the revision itself, what is pushed is a part of a series, which was not approved to land alone.
            let (base, revision) = (approval.statement.base, approval.received.revision);
            approval.exact = self.history.list_new_range(&places, base, [revision]);
            if !approval.exact.is_empty() {
                approval.merges = self.history.list_covered_merges(&places, &approval.exact);
            }
        }
        self.relate_other_revisions(&mut found)?;
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
            // Without an objection, what is left may be allowed that was not; an approval is only one less.
            Err(why) if received.decision == SignedDecision::Rejected && !received.is_lifted => {
                anyhow::bail!(
                    "the rejection {} of {} cannot be read ({}); the clone of its signer keeps it, from where the server \
                 administrator fetches it: git fetch CLONE {APPROVAL_REF_PREFIX}{}",
                    received.id,
                    received.signer.to_lossy(),
                    why.reason,
                    received.id
                )
            }
            Err(_) => return Ok(None),
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
            author: commit.author,
            exact: HashSet::new(),
            merges: HashSet::new(),
            related: RelatedCommits::default(),
            messages: None,
            authors: Vec::new(),
        }))
    }

    /// Compares what is pushed with the revisions that are not among it. Of a very large push, and of what cannot be
    /// compared, only commits that are the very same relate.
    fn relate_other_revisions(&self, found: &mut [RelatedApproval]) -> Result<()> {
        if found.iter().all(|one| !one.exact.is_empty()) {
            return Ok(());
        }
        let listed = self.history.list_ids();
        let ids: HashSet<Oid> = listed.iter().copied().collect();
        let mut comparison = match self.read_new_commits(&listed) {
            Some(new) => Some(ContentComparison::new(self.repository, new)?),
            None => None,
        };
        for approval in found.iter_mut().rev().filter(|one| one.exact.is_empty()) {
            let (base, revision) = (approval.statement.base, approval.received.revision);
            let Ok(approved) = list_approved_commits(self.repository, base, revision) else { continue };
            let same: HashSet<Oid> =
                approved.iter().filter_map(|commit| commit.id).filter(|id| ids.contains(id)).collect();
            approval.messages = list_messages(&approved);
            approval.authors = list_authors(&approved);
            let compared = comparison.as_mut().map(|comparison| comparison.relate(base, approved));
            approval.related = match compared {
                Some(Ok(related)) => related,
                Some(Err(_)) | None => RelatedCommits { parts: same, ..RelatedCommits::default() },
            };
        }
        Ok(())
    }

    /// Returns the new commits; `None` if there are too many to be compared, none but merges, or one that is refused where it
    /// is judged.
    fn read_new_commits(&self, ids: &[Oid]) -> Option<Vec<Commit>> {
        if ids.len() > MAX_COMPARED_COMMITS {
            return None;
        }
        let mut new = Vec::with_capacity(ids.len());
        for id in ids {
            new.push(self.repository.read_commit(*id, &NeededFacts::new()).ok()?);
        }
        if new.iter().all(|commit| commit.parents.len() > 1) { None } else { Some(new) }
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
        let (relation, has_merges) = self.relate_change(change)?;
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
            received_from: self.received.signer.clone(),
            author: self.author.clone(),
            has_merges,
            role: self.statement.role.clone(),
            revision: self.received.revision,
            received_at: self.received.received_at,
            relation,
            approved_messages,
            approved_authors,
        })
    }

    /// Returns how a change relates to what was approved, and whether it has merges beside that; `None` if no commit of it
    /// does.
    fn relate_change(&self, change: &Change) -> Option<(ContentRelation, bool)> {
        let ids: HashSet<Oid> = change.commits.iter().filter_map(|commit| commit.id).collect();
        let whole_runs: Vec<_> =
            self.related.together.iter().filter(|(run, _)| run.is_subset(&ids)).collect();
        let mut weakest = None;
        let mut uncovered = None;
        let mut has_clean_merges = false;
        let mut is_merge_of_approved = false;
        let mut is_part = false;
        for commit in &change.commits {
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
                    has_clean_merges = true;
                    is_merge_of_approved |= self.merges.contains(&id);
                }
                Ok(false) => uncovered = uncovered.or(Some(id)),
                Err(missing) => return Some((ContentRelation::Uncompared(missing.to_string()), false)),
            }
        }
        // What was rejected stays so where a part of it lands beside what was changed.
        let holds_part =
            self.statement.decision == SignedDecision::Rejected && (is_part || weakest.is_some());
        let changed = self.related.changed.iter().find(|(id, _)| ids.contains(id));
        if let Some((commit, paths)) = changed.filter(|_| !holds_part) {
            let relation = ContentRelation::Changed { commit: *commit, paths: paths.clone() };
            return Some((relation, false));
        }
        match (weakest, uncovered) {
            (None, None) if is_merge_of_approved => Some((ContentRelation::CleanMerge, true)),
            (None, Some(commit)) if is_part => Some((ContentRelation::Partial { commit }, false)),
            (None, _) => None,
            (Some(_), Some(commit)) => Some((ContentRelation::Partial { commit }, false)),
            (Some(ContentRelation::Exact), None) if has_clean_merges => {
                Some((ContentRelation::CleanMerge, true))
            }
            (Some(weakest), None) => Some((weakest.clone(), has_clean_merges)),
        }
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
