//! Whether the signed approvals that a ledger tells of are where they were received, and say what was recorded: above all
//! those that a decision rests on.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::change::{NeededFacts, Oid};
use crate::gate::signed_approvals::{APPROVAL_REF_PREFIX, ApprovalStatement};
use crate::git::Repository;
use crate::ledger::audit::problem::{LedgerProblem, LedgerProblemKind};
use crate::ledger::record::{
    ChangeAct, LedgerEvent, Record, RecordedAct, RecordedActKind, RecordedSignedApproval,
};

/// The signed approvals of a ledger, as far as its records were read.
#[derive(Default)]
pub(crate) struct ApprovalCheck {
    /// The records of receipt, by the commits that state the approvals.
    received: BTreeMap<Oid, ReceivedRecord>,
    /// The records of the decisions that rest on approvals, by the commits that state these.
    relied_on: BTreeMap<Oid, u64>,
}

/// A record of the receipt of an approval.
struct ReceivedRecord {
    number: u64,
    holder: Oid,
    event: ChangeAct,
}

impl ApprovalCheck {
    /// Takes the record in the commit `holder`. The records have to come oldest first.
    pub(crate) fn add_record(&mut self, holder: Oid, record: &Record) {
        match &record.event {
            LedgerEvent::Act(event) => {
                if let Some(signed) = find_approval(event) {
                    let number = record.number;
                    let received = ReceivedRecord { number, holder, event: event.clone() };
                    self.received.insert(signed.commit, received);
                }
            }
            LedgerEvent::Decision(decided) if decided.is_allowed() => {
                for approval in decided.refs.iter().flat_map(|one| &one.used_approvals) {
                    self.relied_on.insert(*approval, record.number);
                }
            }
            _ => {}
        }
    }

    /// Returns what is wrong with approvals. `is_whole` is true if every record of the ledger was read, and `check_refs` if
    /// the repository has to hold what the ledger tells of.
    ///
    /// # Errors
    ///
    /// Fails if the refs cannot be read.
    pub(crate) fn list_problems(
        &self,
        repository: &Repository,
        (is_whole, check_refs): (bool, bool),
    ) -> Result<Vec<LedgerProblem>> {
        let mut problems = Vec::new();
        for (approval, decision) in &self.relied_on {
            if is_whole && !self.received.contains_key(approval) {
                let what = format!("it rests on the signed approval {approval}, of which no record tells");
                let kind = LedgerProblemKind::Tampered;
                problems.push(LedgerProblem { record: Some(*decision), commit: None, kind, what });
            }
        }
        let mut held: BTreeSet<(String, Oid)> = BTreeSet::new();
        if check_refs && !self.received.is_empty() {
            for one in repository.list_direct_refs(APPROVAL_REF_PREFIX)? {
                held.extend(one.id.map(|id| (one.name.to_lossy().into_owned(), id)));
            }
        }
        for (approval, record) in &self.received {
            let name = format!("{APPROVAL_REF_PREFIX}{approval}");
            let is_held = !check_refs || held.contains(&(name.clone(), *approval));
            let what = match find_statement_problem(repository, record) {
                Some(StatementProblem::Absent) if check_refs => "the repository does not hold it any more",
                Some(StatementProblem::Different) => "its commit says something else than the record",
                _ if !is_held => "its ref was deleted or moved",
                _ => continue,
            };
            let rests = match self.relied_on.get(approval) {
                Some(decision) => format!(", on which the decision of record {decision} rests"),
                None => String::new(),
            };
            let what = format!("the signed approval {name}{rests}: {what}");
            let (kind, commit) = (LedgerProblemKind::Tampered, Some(record.holder));
            problems.push(LedgerProblem { record: Some(record.number), commit, kind, what });
        }
        Ok(problems)
    }
}

/// What is wrong with the commit that states an approval.
enum StatementProblem {
    Absent,
    Different,
}

fn find_approval(event: &ChangeAct) -> Option<&RecordedSignedApproval> {
    match &event.act.says {
        RecordedActKind::Approval(approval) => Some(approval),
        _ => None,
    }
}

/// Compares the commit that states an approval with the record of its receipt.
fn find_statement_problem(repository: &Repository, record: &ReceivedRecord) -> Option<StatementProblem> {
    let signed = find_approval(&record.event)?;
    let Ok(commit) = repository.read_commit(signed.commit, &NeededFacts::new()) else {
        return Some(StatementProblem::Absent);
    };
    let act = &record.event.act;
    let statement = ApprovalStatement::parse_message(&commit.message);
    let is_same = statement.is_some_and(|statement| is_recorded_statement(&statement, act));
    if is_same && commit.parents == [act.change] { None } else { Some(StatementProblem::Different) }
}

/// Returns true if a statement says what the record of its receipt says.
pub(crate) fn is_recorded_statement(statement: &ApprovalStatement, act: &RecordedAct) -> bool {
    let RecordedActKind::Approval(signed) = &act.says else { return false };
    statement.decision == signed.decision
        && statement.base == signed.base
        && statement.tree == signed.tree
        && statement.statements == signed.statements
        && statement.role == signed.role
        && statement.revision == act.change
        && statement.note == act.note
}
