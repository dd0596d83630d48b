//! Compares a change with the signed approvals that are about it, from the Git objects of a repository or of a pack.

use anyhow::{Context as _, Result};

use crate::audit::change_record::change_approvals::{
    ApprovalIndex, ChangeApproval, ChangeApprovalQuery, build_received_approval,
};
use crate::audit::change_record::refused_approvals::{RefusedApproval, find_refused_approval};
use crate::change::{ContentRelation, LandedRelation, Oid, Text};
use crate::gate::signed_approvals::landed_comparison::{LandedChange, LandedRelations, relate_landed_change};
use crate::gate::signed_approvals::{ReceivedApproval, is_approval_ref};
use crate::git::Repository;
use crate::ledger::audit::ledger_history::LedgerHistory;
use crate::ledger::audit::record_reader::read_record_at;
use crate::ledger::record::{LedgerEvent, RecordedMove};

/// Why an approval is not compared that the repository does not hold.
pub(crate) const ABSENT_APPROVAL: &str = "this repository does not hold what was signed; to get it from where it is kept, run: git fetch origin \
     'refs/changegate/approvals/*:refs/changegate/approvals/*'";

/// Returns the signed approvals that are about a change of the ref `target`, in the order of their receipt. `moved` is the
/// move that brought it; `None` where no record tells of it.
pub(crate) fn list_change_approvals(
    repository: &Repository,
    index: &ApprovalIndex<'_>,
    question: &ChangeApprovalQuery<'_>,
    (target, moved): (&Text, Option<&RecordedMove>),
) -> Vec<ChangeApproval> {
    let candidates = index.list_candidates(question);
    if candidates.is_empty() {
        return Vec::new();
    }
    let received: Vec<_> = candidates.iter().filter_map(|act| build_received_approval(act)).collect();
    let compared = compare_with_move(repository, question.commits, (target, moved), &received);
    let mut found = Vec::new();
    for act in &candidates {
        let Some(one) = build_received_approval(act) else { continue };
        let is_absent = compared.as_ref().is_ok_and(|compared| compared.absent.contains(&one.id));
        let relation = match &compared {
            Ok(_) if is_absent => Some(uncompared(ABSENT_APPROVAL.to_owned())),
            Ok(compared) => compared.find_relation(one.id).cloned(),
            Err(error) => Some(uncompared(format!("{error:#}"))),
        };
        let is_compared = matches!(
            &relation,
            Some(LandedRelation { relation, .. }) if !matches!(relation, ContentRelation::Uncompared(_))
        );
        // What was signed and is not here may be of what landed, unless the approved revision has come here by itself: then
        // it is about that one.
        let may_be_of_it = is_absent && repository.find_root_tree(one.revision).is_err();
        if question.is_about(act) || is_compared || may_be_of_it {
            let standing = question.find_standing(act, &candidates);
            found.push(ChangeApproval { received: (*act).clone(), standing, landed: relation });
        }
    }
    found
}

/// Returns the signed approvals for a ref that were refused, in the order of their records. A record that cannot be read is
/// told elsewhere.
pub(crate) fn list_refused_approvals(
    repository: &Repository,
    history: &LedgerHistory,
    target: &Text,
) -> Vec<RefusedApproval> {
    let mut found = Vec::new();
    for refusal in history.refusals.iter().filter(|refusal| is_approval_ref(&refusal.ref_name)) {
        if let Ok((_, record)) = read_record_at(repository, refusal.holder)
            && let LedgerEvent::Decision(decided) = &record.event
        {
            found.extend(find_refused_approval(record.number, decided, target));
        }
    }
    found
}

/// Compares the commits of a change with approvals, beside everything that its move brought: an approved revision may have
/// come in another change of the same push.
fn compare_with_move(
    repository: &Repository,
    commits: &[Oid],
    (target, moved): (&Text, Option<&RecordedMove>),
    received: &[ReceivedApproval],
) -> Result<LandedRelations> {
    let last = commits.last().copied().context("it has no commits")?;
    let ends = moved.and_then(|moved| Some((moved.old?, moved.new?)));
    // What a forced push left behind may be gone, and a new branch has no state before.
    let ends = ends.filter(|(old, new)| {
        let is_there = |id: Oid| repository.find_tree_and_parent(id).is_ok();
        is_there(*old) && is_there(*new)
    });
    let (tip, hidden) = match ends {
        Some((old, new)) => (new, vec![old]),
        None => {
            let mut parents = Vec::new();
            for id in commits {
                let others = repository.list_parents(*id)?;
                parents.extend(others.into_iter().filter(|parent| !commits.contains(parent)));
            }
            (last, parents)
        }
    };
    let landed = LandedChange { target, tip, hidden: &hidden, commits };
    relate_landed_change(repository, &landed, received)
}

fn uncompared(why: String) -> LandedRelation {
    LandedRelation { relation: ContentRelation::Uncompared(why), unapproved: Vec::new(), left_out_paths: 0 }
}
