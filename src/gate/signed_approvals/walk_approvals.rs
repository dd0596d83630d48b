//! The signed approvals that are about the changes of one walk, and how each change relates to them.

use std::collections::HashSet;

use anyhow::Result;

use crate::change::{
    Change, Commit, Fact, FactKind, Missing, NeededFacts, Oid, SignatureStatus, SignedDecision, Text,
};
use crate::gate::signed_approvals::approved_commits::list_approved_commits;
use crate::gate::signed_approvals::authorised::{ReceivedApproval, ReceivedApprovals};
use crate::gate::signed_approvals::content_relations::{
    ContentComparison, MAX_COMPARED_COMMITS, RelatedCommits, list_people,
};
use crate::gate::signed_approvals::fetched_approvals::{list_approval_refs, list_fetched_approvals};
use crate::gate::signed_approvals::rejected_content::WholePush;
use crate::gate::signed_approvals::related_approval::{RelatedApproval, list_messages};
use crate::gate::signed_approvals::repository_id::read_repository_id;
use crate::gate::signed_approvals::statement::{APPROVAL_REF_PREFIX, ApprovalStatement};
use crate::git::{NewHistory, Repository, TrustedKeys};

/// The signed approvals that are about the changes of one walk.
pub(crate) struct WalkApprovals {
    /// What is known, in the order of receipt; or why nothing is.
    known: Fact<Vec<RelatedApproval>>,
}

/// What a walk goes through, and by which keys signatures are checked.
pub(crate) struct ApprovalWalk<'walk> {
    pub(crate) repository: &'walk Repository,
    /// The full name of the ref, after symbolic refs have been followed.
    pub(crate) target: &'walk Text,
    pub(crate) history: &'walk NewHistory,
    /// What the ref is to hold, and the one commit that it held, unless that is not known or it held none.
    pub(crate) ends: (Oid, &'walk [Oid]),
    pub(crate) keys: Option<TrustedKeys<'walk>>,
}

impl WalkApprovals {
    /// Returns that none can be received here.
    pub(crate) fn unsupported() -> Self {
        WalkApprovals { known: crate::change::unrequested_signed_approvals().map(|_| Vec::new()) }
    }

    /// Finds the approvals that are about what a walk brings over the one commit that the ref held, as
    /// [`WalkApprovals::find_asked`] does: what another branch holds already is approved and rejected for this one as well.
    ///
    /// # Errors
    ///
    /// Fails if the history cannot be walked.
    pub(crate) fn find_over_held(
        walk: ApprovalWalk<'_>,
        needs: &NeededFacts,
        received: Option<&ReceivedApprovals>,
    ) -> Result<Self> {
        let is_asked = received.is_some_and(|received| received.has_words_for(walk.target));
        let (tip, held) = walk.ends;
        if held.is_empty() || !is_asked {
            return Ok(WalkApprovals::find_asked(&walk, needs, received));
        }
        let history = &walk.repository.find_new_history(tip, held)?;
        Ok(WalkApprovals::find_asked(&ApprovalWalk { history, ..walk }, needs, received))
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

    /// Finds the approvals that a clone holds for this ref and that are about what is to be pushed, with the keys of the policy.
    /// Nothing is looked for unless the policy asks for it; where there are none, and where the ref is not known, as if none
    /// could be received.
    pub(crate) fn find_fetched(
        repository: &Repository,
        (target, keys): (Option<&Text>, Option<TrustedKeys<'_>>),
        (tip, hidden): (Oid, &[Oid]),
    ) -> Self {
        let Some(target) = target else { return WalkApprovals::unsupported() };
        let find = || -> Result<Option<Vec<RelatedApproval>>> {
            if list_approval_refs(repository)?.is_empty() {
                return Ok(None);
            }
            let history = &repository.find_new_history(tip, hidden)?;
            let fetched = list_fetched_approvals(repository, target, history)?;
            let walk = ApprovalWalk { repository, target, history, ends: (tip, hidden), keys };
            let open: Vec<&ReceivedApproval> = fetched.iter().collect();
            // A clone need not know the id of its server's repository, and git fetched these from there.
            let mut found = walk.relate_received(&open, read_repository_id(repository)?)?;
            for approval in &mut found {
                approval.signature = walk.verify_approval(&approval.received)?;
                // A shallow clone may lack what it takes to compare; the server has it, and decides.
                approval.obstacle = None;
            }
            Ok(Some(found))
        };
        match find() {
            Ok(Some(found)) => WalkApprovals { known: Ok(found) },
            // The server says what is wrong with what it has.
            Ok(None) | Err(_) => WalkApprovals::unsupported(),
        }
    }

    /// Returns the ids of the approvals that are used up once everything has landed: those of revisions that are among it,
    /// and those that are not rejections and are of the same content in another form; with them the rejections of what
    /// lands that their signer took back by one of these.
    pub(crate) fn list_used_ids(&self) -> Vec<Oid> {
        let (mut used, mut answered) = (Vec::new(), Vec::new());
        for one in self.known.iter().flatten() {
            let is_of_new = one.exact.contains(&one.received.revision);
            let is_same = !one.related.same.is_empty() || !one.related.together.is_empty();
            if is_of_new || (is_same && one.statement.decision != SignedDecision::Rejected) {
                used.push(one.id);
            }
        }
        for (place, one) in self.known.iter().flatten().enumerate() {
            let is_answer = |other: &RelatedApproval| {
                !other.is_rejection()
                    && other.received.signer == one.received.signer
                    && used.contains(&other.id)
            };
            // What lands in place of rejected content, and is other content, takes no rejection of that back.
            let RelatedCommits { same, parts, together, .. } = &one.related;
            let is_of_rejected =
                !(one.exact.is_empty() && same.is_empty() && parts.is_empty() && together.is_empty());
            if one.is_rejection()
                && is_of_rejected
                && self.known.iter().flatten().skip(place + 1).any(is_answer)
            {
                answered.push(one.id);
            }
        }
        used.extend(answered);
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
        let mut found = self.relate_received(&open, Some(repository_id))?;
        for approval in &mut found {
            approval.signature = self.verify_approval(&approval.received)?;
        }
        Ok(found)
    }

    /// Returns those of the approvals that are about what is new, without a look at their signatures. `repository_id` is that
    /// which they have to name; `None` where that is not known, and the ledger says that they were received.
    ///
    /// # Errors
    ///
    /// Fails if a rejection cannot be read, or what is new cannot.
    pub(super) fn relate_received(
        &self,
        open: &[&ReceivedApproval],
        repository_id: Option<Oid>,
    ) -> Result<Vec<RelatedApproval>> {
        let places = self.history.index_new_commits();
        let mut found = Vec::new();
        for one in open {
            if let Some(approval) = self.read_approval(one, repository_id)? {
                found.push(approval);
            }
        }
        let mut stating_merges: Option<Vec<Oid>> = None;
        for approval in &mut found {
            // Without the revision itself, what is pushed is a part of a series, which was not approved to land alone.
            let (base, revision) = (approval.statement.base, approval.received.revision);
            approval.exact = self.history.list_new_range(&places, base, [revision]);
            if !approval.exact.is_empty() {
                approval.merges = self.history.list_covered_merges(&places, &approval.exact);
                let stating = stating_merges.get_or_insert_with(|| self.list_stating_merges());
                if stating.iter().any(|merge| !approval.exact.contains(merge)) {
                    // Too many commits to be listed state too much to be compared.
                    let approved = list_approved_commits(self.repository, base, revision);
                    approval.messages = approved.ok().and_then(|approved| list_messages(&approved));
                }
            }
        }
        self.relate_other_revisions(&mut found)?;
        found.retain(|one| {
            !one.exact.is_empty() || !one.related.is_empty() || (one.is_rejection() && one.obstacle.is_some())
        });
        Ok(found)
    }

    /// Returns the new merges whose messages have trailers. One that cannot be read is refused where it is judged.
    fn list_stating_merges(&self) -> Vec<Oid> {
        let mut merges = self.history.list_ids();
        merges.retain(|id| {
            let is_merge = self.repository.list_parents(*id).is_ok_and(|parents| parents.len() > 1);
            let read = || self.repository.read_commit(*id, &NeededFacts::new());
            is_merge && read().is_ok_and(|commit| !commit.message.trailers().is_empty())
        });
        merges
    }

    /// Reads what an approval says; `None` if it is not what the ledger received, or is of another repository.
    fn read_approval(
        &self,
        received: &ReceivedApproval,
        repository_id: Option<Oid>,
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
        // A repository that has got another id keeps what was rejected in it.
        let is_elsewhere = repository_id.is_some_and(|id| statement.repository != id);
        if !is_as_received || (is_elsewhere && received.decision != SignedDecision::Rejected) {
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
            committers: Vec::new(),
            obstacle: None,
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
        let has_rejections = found.iter().any(|one| one.is_rejection() && one.exact.is_empty());
        let whole = match self.ends {
            (tip, [held]) if has_rejections => Some(WholePush::read_ends(self.repository, [*held, tip])?),
            _ => None,
        };
        let mut comparison = match self.read_new_commits(&listed) {
            Some(new) => Some(ContentComparison::new(self.repository, new)?),
            None => None,
        };
        for approval in found.iter_mut().rev().filter(|one| one.exact.is_empty()) {
            let (base, revision) = (approval.statement.base, approval.received.revision);
            let approved = match list_approved_commits(self.repository, base, revision) {
                Ok(approved) => approved,
                Err(why) => {
                    approval.obstacle = Some(format!("{why:#}"));
                    continue;
                }
            };
            let same: HashSet<Oid> =
                approved.iter().filter_map(|commit| commit.id).filter(|id| ids.contains(id)).collect();
            approval.messages = list_messages(&approved);
            approval.authors = list_people(approved.iter().map(|commit| &commit.author));
            approval.committers = list_people(approved.iter().map(|commit| &commit.committer));
            let is_rejection = approval.is_rejection();
            let compared = comparison.as_mut().map(|comparison| match is_rejection {
                true => comparison.relate_rejected(base, revision, approved),
                false => comparison.relate(base, revision, approved),
            });
            approval.related = match compared {
                Some(Ok(related)) => related,
                Some(Err(why)) => {
                    approval.obstacle = Some(format!("{why:#}"));
                    RelatedCommits { parts: same, ..RelatedCommits::default() }
                }
                // Of so many commits, those are found at least that bring its very content.
                None if is_rejection => {
                    let parts = self.find_tree(&listed, (base, revision))?;
                    RelatedCommits { parts: &parts | &same, ..RelatedCommits::default() }
                }
                None => RelatedCommits { parts: same, ..RelatedCommits::default() },
            };
            if let Some(whole) = whole.as_ref().filter(|_| is_rejection) {
                match whole.brings_revision(base, revision) {
                    Ok(true) => approval.related.parts.extend(&ids),
                    Ok(false) => {}
                    Err(why) => approval.obstacle = Some(format!("{why:#}")),
                }
            }
        }
        Ok(())
    }

    /// Returns the commits that bring the tree of `revision`, unless `base` has it already.
    fn find_tree(&self, ids: &[Oid], (base, revision): (Oid, Oid)) -> Result<HashSet<Oid>> {
        let mut found = HashSet::new();
        let wanted = self.repository.find_tree_and_parent(revision)?.tree;
        if self.repository.find_tree_and_parent(base)?.tree == wanted {
            return Ok(found);
        }
        for id in ids {
            let one = self.repository.find_tree_and_parent(*id)?;
            let Some(parent) = one.first_parent.filter(|_| one.tree == wanted) else { continue };
            if self.repository.find_tree_and_parent(parent)?.tree != wanted {
                found.insert(*id);
            }
        }
        Ok(found)
    }

    /// Returns the new commits; `None` if there are too many to be compared, or one that is refused where it is judged.
    fn read_new_commits(&self, ids: &[Oid]) -> Option<Vec<Commit>> {
        if ids.len() > MAX_COMPARED_COMMITS {
            return None;
        }
        let mut new = Vec::with_capacity(ids.len());
        for id in ids {
            new.push(self.repository.read_commit(*id, &NeededFacts::new()).ok()?);
        }
        Some(new)
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
