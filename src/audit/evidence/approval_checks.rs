//! Whether the signed approvals that a pack tells of are what the records and the Git objects beside them say: the
//! statement, the signature, what each was worth, and how what landed relates to it.

use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::change_approvals::{ApprovalIndex, ChangeApproval, find_statement};
use crate::audit::evidence::pack_check::PackCheck;
use crate::audit::evidence::pack_index::PackedChange;
use crate::audit::evidence::pack_reader::ReadPack;
use crate::audit::evidence::packed_records::{PackedRecords, RecordedLanding};
use crate::audit::population::landed_approvals::list_change_approvals;
use crate::change::{ContentRelation, NeededFacts, SignatureStatus};
use crate::gate::LoadedPolicy;
use crate::gate::recorded_policies::reload_policy;
use crate::gate::signed_approvals::ApprovalStatement;
use crate::git::ObjectFormat;
use crate::ledger::audit::approval_check::is_recorded_statement;
use crate::ledger::audit::ledger_history::RecordedChangeAct;
use crate::ledger::audit::replay::find_named_bases;
use crate::ledger::record::{DecisionRecord, RecordedPolicySource};

/// Checks the signed approvals of a change.
pub(super) fn check_approvals(
    pack: &ReadPack,
    (change, record): (&PackedChange, &ChangeRecord),
    (records, landing): (&PackedRecords, Option<&RecordedLanding>),
    check: &mut PackCheck,
) {
    let id = change.commit.short_hex();
    let acts = records.list_acts(&record.ref_name);
    let question = record.query_approvals(&change.commits);
    for act in acts.iter().filter(|act| find_statement(act).is_some() && question.is_about(act)) {
        let is_told = record.signed_approvals.iter().any(|told| told.received == *act);
        check.require(is_told, || {
            format!("{id}: record {} is a signed approval of it, and its values leave it out", act.record)
        });
    }
    let mut refused = records.list_refused_approvals(&record.ref_name);
    let revisions = question.list_revisions();
    refused.retain(|one| revisions.contains(&one.revision));
    check.require(refused == record.refused_approvals, || {
        format!("{id}: the records say something else of the signed approvals of it that were refused")
    });
    for told in &record.signed_approvals {
        let number = told.received.record;
        check.require(acts.contains(&told.received), || {
            format!("{id}: record {number} does not hold the signed approval that its values tell of")
        });
        check_statement(pack, (&id, &told.received), check);
        check_signature(pack, (&id, &told.received), records, check);
    }
    let index = ApprovalIndex::index_approvals(record.signed_approvals.iter().map(|told| &told.received));
    let moved = landing.filter(|_| record.landing.first_ref.is_none()).map(|landing| &landing.moved);
    let found = list_change_approvals(&pack.repository, &index, &question, (&record.ref_name, moved));
    for told in &record.signed_approvals {
        compare_approval(&id, told, &found, check);
    }
}

/// Compares what the values tell of an approval with what was found again.
fn compare_approval(id: &str, told: &ChangeApproval, found: &[ChangeApproval], check: &mut PackCheck) {
    let number = told.received.record;
    let again = found.iter().find(|one| one.received == told.received);
    let is_uncompared = |one: &ChangeApproval| {
        let landed = one.landed.as_ref();
        landed.is_some_and(|landed| matches!(landed.relation, ContentRelation::Uncompared(_)))
    };
    if is_uncompared(told) || again.is_none_or(is_uncompared) {
        check.unchecked.push(format!(
            "{id}: how what landed relates to the signed approval of record {number}: not everything that it takes to \
             compare them is in the pack"
        ));
        return;
    }
    check.require(again.is_some_and(|again| again.landed == told.landed), || {
        format!(
            "{id}: what landed relates to the signed approval of record {number} in another way than told"
        )
    });
    check.require(again.is_some_and(|again| again.standing == told.standing), || {
        format!("{id}: the signed approval of record {number} was worth something else than told")
    });
}

/// Checks that the commit of an approval states what the record of its receipt says.
fn check_statement(pack: &ReadPack, (id, act): (&str, &RecordedChangeAct), check: &mut PackCheck) {
    let Some(signed) = find_statement(act) else { return };
    let number = act.record;
    let commit = match pack.repository.read_commit(signed.commit, &NeededFacts::new()) {
        Ok(commit) => commit,
        Err(_) => {
            let what = format!("{id}: what was signed, by record {number}: the commit is not in the pack");
            return check.unchecked.push(what);
        }
    };
    let is_same = ApprovalStatement::parse_message(&commit.message)
        .is_some_and(|statement| is_recorded_statement(&statement, &act.event.act))
        && commit.parents == [act.event.act.change];
    check.require(is_same, || {
        format!("{id}: the commit {} states something else than record {number}", signed.commit)
    });
}

/// Verifies the signature of an approval by the keys of the policy that took it, if they are in the pack.
fn check_signature(
    pack: &ReadPack,
    (id, act): (&str, &RecordedChangeAct),
    records: &PackedRecords,
    check: &mut PackCheck,
) {
    let Some(signed) = find_statement(act) else { return };
    let number = act.record;
    let Ok(raw) = pack.repository.read_raw_commit(signed.commit) else { return };
    let decision = records.find_decision(&act.event.decision).map(|(_, _, decided)| decided);
    let loaded = match decision.map(|decided| load_judging_policy(pack, decided)) {
        Some(Ok(loaded)) => loaded,
        Some(Err(why)) => {
            let what = format!("{id}: the signature of record {number}: its policy cannot be loaded: {why}");
            return check.unchecked.push(what);
        }
        None => return check.add_problem(format!("{id}: no decision in the pack took record {number}")),
    };
    let Some(keys) = loaded.trusted_keys(act.event.observed_at) else {
        let what = format!("{id}: the policy that took the approval of record {number} knows no keys");
        return check.add_problem(what);
    };
    let is_good = match keys.verify_commit(&raw, ObjectFormat::Sha1) {
        SignatureStatus::Good { signer, key } => signer == signed.signer && key == signed.key,
        SignatureStatus::None | SignatureStatus::Bad(_) => false,
    };
    check.require(is_good, || {
        format!(
            "{id}: the approval of record {number} is not signed by {} with the key of the record",
            signed.signer.to_lossy()
        )
    });
}

/// Loads the policy by which a decision took an approval.
fn load_judging_policy(pack: &ReadPack, decided: &DecisionRecord) -> Result<LoadedPolicy, String> {
    let source = decided.refs.iter().flat_map(|one| &one.policies).next();
    match source {
        Some(RecordedPolicySource::Commit { id, path, digest }) => {
            let named = find_named_bases(decided);
            let reloaded = reload_policy(&pack.repository, &named, (*id, path), Some(digest));
            reloaded.map(|reloaded| reloaded.loaded).map_err(|failure| failure.why)
        }
        Some(RecordedPolicySource::Disk { path, .. }) => {
            Err(format!("it was read from {path} on the server"))
        }
        Some(RecordedPolicySource::Pack { name, .. }) => {
            Err(format!("it is the pack {name}, which has no keys"))
        }
        Some(RecordedPolicySource::Elsewhere { place, .. }) => Err(format!("it was read from {place}")),
        None => Err("the record names none".to_owned()),
    }
}
