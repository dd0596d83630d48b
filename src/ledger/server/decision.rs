//! Builds the journal entry of a decision: what was pushed, what was judged, and from which facts.
//!
//! A record has a size limit. Changes that do not fit are counted, the least telling first; but a change that
//! lands and owes something is recorded in full, or the push is denied.

use crate::change::{Fact, Oid, PusherIdentity, Stage};
use crate::gate::PushFacts;
use crate::gate::acts::is_act_ref;
use crate::gate::break_glass::is_request_ref;
use crate::gate::signed_approvals::is_approval_ref;
use crate::git::{PeeledObject, RefUpdate, Repository};
use crate::ledger::record::canonical::to_canonical_json;
use crate::ledger::record::convert::convert_all;
use crate::ledger::record::{
    DecisionRecord, FactsDigest, LedgerEvent, MAX_RECORD_BYTES, OmittedChanges, ReasonsDigest, RecordedAct,
    RecordedCertificate, RecordedDecision, RecordedMessage, RecordedPolicy, RecordedPusher, RecordedReasons,
    RecordedRequest, RecordedVerdict, RefDecision, digest_bytes,
};
use crate::ledger::server::write_ahead::JournalEntry;
use crate::ledger::state::LedgerState;
use crate::ledger::store::measure_state;
use crate::report::{GroupScope, RefUpdateKind, Report, ReportGroup};
use crate::verdict::{Decision, Verdict, VerdictReasons, messages};

messages! {
    NOT_JUDGED = "decision.not-judged": "the push could not be judged";
    NOT_RECORDED = "decision.not-recorded": "the push was denied because it could not be recorded";
}

/// The name and version of the gate, as records hold it.
pub const TOOL_VERSION: &str = concat!("changegate ", env!("CARGO_PKG_VERSION"));

/// How many bytes of a record the verdicts on changes may take.
pub(crate) const VERDICTS_BUDGET_BYTES: usize = 4 << 20;

/// How many bytes of obligations a push may add. Every later state holds them until they are closed.
const MAX_NEW_OBLIGATION_BYTES: usize = 1 << 20;

/// How many bytes the state may have before a push that owes more is denied. A quarter of what can be read, so
/// that what cannot be denied still fits: unauthorised changes, and sessions on the server.
const MAX_STATE_BYTES: usize = 16 << 20;

/// What a decision needs beside the report: its id, its pusher, and the process that decides.
#[derive(Clone, Debug)]
pub struct DecisionContext {
    /// The id of the decision; no other decision has it.
    pub id: String,
    /// The account that pushes, as the server knows it.
    pub pusher: Fact<PusherIdentity>,
    /// The process that serves the push, as in [`JournalEntry::served_by`].
    pub served_by: Option<String>,
}

/// Returns the journal entry of a push; `None` if it moves no protected ref and nothing was denied.
///
/// # Errors
///
/// Fails if the push is allowed and does not fit into a record.
pub fn build_push_entry(
    repository: &Repository,
    report: &Report,
    push_facts: &PushFacts,
    by: DecisionContext,
) -> Result<Option<JournalEntry>, String> {
    if report.groups.is_empty() {
        return Ok(None);
    }
    let mut room = VERDICTS_BUDGET_BYTES;
    let mut refs = Vec::new();
    for group in &report.groups {
        refs.extend(build_ref_decision(repository, group, &mut room, report.decision)?);
    }
    let decision = report.effective_decision();
    // A push that is denied lands nothing, so it neither owes nor closes anything. What lands only in evaluate mode was let
    // through against nothing, and no policy vouches for what it states.
    if report.decision == Decision::Allow {
        for (name, ref_obligations) in push_facts.obligations() {
            for one in refs.iter_mut().filter(|one| one.name == *name) {
                one.owing_changes = convert_all(&ref_obligations.owing_changes);
                one.closings = convert_all(&ref_obligations.closings);
            }
        }
    }
    if decision == Decision::Allow {
        for one in refs.iter_mut().filter(|one| is_request_ref(&one.name)) {
            one.break_glass = push_facts.request().map(RecordedRequest::from);
        }
        for one in refs.iter_mut().filter(|one| is_act_ref(&one.name)) {
            one.act = push_facts.act().map(RecordedAct::from);
        }
        for one in refs.iter_mut().filter(|one| is_approval_ref(&one.name)) {
            one.act = push_facts.approval().map(RecordedAct::from);
        }
        for (name, ids) in push_facts.used_approvals() {
            for one in refs.iter_mut().filter(|one| one.name == *name) {
                one.used_approvals.clone_from(ids);
            }
        }
    }
    let mut decided = DecisionRecord {
        id: by.id,
        observed_at: report.seen_at,
        stage: report.stage,
        pusher: RecordedPusher::from(&by.pusher),
        push_certificate: RecordedCertificate::from_push(&push_facts.push_certificate()),
        decision: decision.into(),
        evaluated: report.is_evaluation.then(|| report.decision.into()),
        policy: report.policy.as_ref().map(|policy| RecordedPolicy {
            name: policy.name.clone(),
            digest: format!("sha256:{}", policy.digest),
            source: policy.source.clone(),
        }),
        refs,
        omitted_refs: 0,
        notes: convert_all(&report.notes),
        facts: FactsDigest {
            digest: push_facts.digest(),
            changes: push_facts.change_count(),
            kept: push_facts.text().is_some(),
        },
        reasons: None,
        tool: TOOL_VERSION.to_owned(),
    };
    let reasons = write_reasons(push_facts.reasons())?;
    decided.reasons = reasons.as_deref().map(|text| digest_reasons(text, push_facts.change_count()));
    fit_into_record(&mut decided)?;
    let owes = measure_obligations(&decided)?;
    if owes > MAX_NEW_OBLIGATION_BYTES {
        return Err(
            "this push owes more than the ledger can carry along; push fewer changes at a time, with \
                    fewer people to each"
                .into(),
        );
    }
    // The state beside each record holds every open obligation, and has a limit of its own.
    if owes > 0 && measure_state(repository).map_err(|error| format!("{error:#}"))? > MAX_STATE_BYTES {
        return Err("so much is owed already that the ledger cannot carry more; close some of what \
                    `changegate obligations` lists"
            .into());
    }
    let facts = push_facts.text().map(str::to_owned);
    Ok(Some(JournalEntry { decided, served_by: by.served_by, facts, reasons }))
}

/// Returns the file of what verdicts rest on: one canonical JSON document to a line. `None` where it is not
/// kept.
///
/// # Errors
///
/// Fails if it cannot be written as JSON.
pub(crate) fn write_reasons(reasons: Option<&[VerdictReasons]>) -> Result<Option<String>, String> {
    let Some(reasons) = reasons.filter(|reasons| !reasons.is_empty()) else { return Ok(None) };
    let mut text = String::new();
    for one in reasons {
        let line = to_canonical_json(&RecordedReasons::from(one))?;
        text.push_str(std::str::from_utf8(&line).map_err(|error| error.to_string())?);
        text.push('\n');
    }
    Ok(Some(text))
}

/// Returns what a record says of the file of what its verdicts rest on.
pub(crate) fn digest_reasons(text: &str, changes: usize) -> ReasonsDigest {
    ReasonsDigest { digest: digest_bytes(text.as_bytes()), changes }
}

/// Returns how many bytes a decision adds to the obligations of the state.
fn measure_obligations(decided: &DecisionRecord) -> Result<usize, String> {
    if decided.refs.iter().all(|one| one.owing_changes.is_empty()) {
        return Ok(0);
    }
    let mut state = LedgerState::default();
    state.apply_decision(decided);
    Ok(to_canonical_json(&state.obligations)?.len())
}

/// Returns the journal entry of a push that is denied because it could not be judged. Why is for the pusher and
/// not for a record, since an error is told in words.
///
/// # Errors
///
/// Fails if it does not fit into a record.
pub(crate) fn build_refusal_entry(
    updates: &[RefUpdate],
    now: jiff::Timestamp,
    by: DecisionContext,
) -> Result<JournalEntry, String> {
    let nothing = PushFacts::default();
    let mut decided = DecisionRecord {
        id: by.id,
        observed_at: now,
        stage: Stage::PreReceive,
        pusher: RecordedPusher::from(&by.pusher),
        push_certificate: None,
        decision: RecordedDecision::Deny,
        evaluated: None,
        policy: None,
        refs: updates.iter().map(build_unjudged_ref).collect(),
        omitted_refs: 0,
        notes: vec![RecordedMessage::from(&NOT_JUDGED)],
        facts: FactsDigest { digest: nothing.digest(), changes: 0, kept: true },
        reasons: None,
        tool: TOOL_VERSION.to_owned(),
    };
    fit_into_record(&mut decided)?;
    Ok(JournalEntry { decided, served_by: by.served_by, facts: Some(String::new()), reasons: None })
}

/// Returns what is recorded of a ref that was not judged.
fn build_unjudged_ref(update: &RefUpdate) -> RefDecision {
    RefDecision {
        name: update.name.clone(),
        pushed_as: None,
        old: update.old.none_if_null(),
        new: update.new.none_if_null(),
        tree: None,
        protected: false,
        policies: Vec::new(),
        refusals: Vec::new(),
        changes: Vec::new(),
        passed: 0,
        omitted: OmittedChanges::default(),
        owing_changes: Vec::new(),
        closings: Vec::new(),
        pull_landings: Vec::new(),
        break_glass: None,
        act: None,
        used_approvals: Vec::new(),
    }
}

/// Returns the codes of what kept the gate from judging a push, or from recording it.
pub(crate) fn list_failure_codes(decided: &DecisionRecord) -> Vec<&'static str> {
    let is_noted = |code: &&str| decided.notes.iter().any(|note| note.code == **code);
    [NOT_JUDGED.code, NOT_RECORDED.code].into_iter().filter(is_noted).collect()
}

/// Returns true if a push was denied because it could not be judged: of its refs, nothing but their names is known.
pub(crate) fn is_unjudged(decided: &DecisionRecord) -> bool {
    list_failure_codes(decided).contains(&NOT_JUDGED.code)
}

/// Returns the note on a push that was denied because its decision could not be recorded.
pub(crate) fn not_recorded_note() -> RecordedMessage {
    RecordedMessage::from(&NOT_RECORDED)
}

/// Makes a denial fit into a record by leaving out refs.
///
/// # Errors
///
/// Fails for an allowed push that does not fit, or for a single ref.
pub(crate) fn fit_into_record(decided: &mut DecisionRecord) -> Result<(), String> {
    // Room for what a record adds to its event.
    let most = MAX_RECORD_BYTES - (1 << 16);
    while measure_decision(decided)? > most {
        if decided.is_allowed() || decided.refs.len() <= 1 {
            return Err("this push is too large to be recorded; push fewer refs at a time".into());
        }
        let half = decided.refs.len() / 2;
        decided.omitted_refs += decided.refs.len() - half;
        decided.refs.truncate(half);
    }
    Ok(())
}

fn measure_decision(decided: &DecisionRecord) -> Result<usize, String> {
    Ok(to_canonical_json(&LedgerEvent::Decision(Box::new(decided.clone())))?.len())
}

fn build_ref_decision(
    repository: &Repository,
    group: &ReportGroup,
    room: &mut usize,
    decision: Decision,
) -> Result<Option<RefDecision>, String> {
    let GroupScope::Ref { name, update } = &group.scope else { return Ok(None) };
    let (old, new) = match *update {
        RefUpdateKind::Create { new } => (None, Some(new)),
        RefUpdateKind::Move { old, new } | RefUpdateKind::Rewrite { old, new } => (Some(old), Some(new)),
        RefUpdateKind::Delete { old } => (Some(old), None),
    };
    let (changes, left_out) = select_fitting_verdicts(&group.verdicts, room, decision)?;
    let judged_as = group.judged_ref.as_ref();
    let resolved = judged_as.map_or(name, |judged_as| &judged_as.name);
    Ok(Some(RefDecision {
        name: resolved.clone(),
        // A push can name a symbolic ref; the record is about the ref that it leads to.
        pushed_as: (resolved != name).then(|| name.clone()),
        old,
        new,
        tree: new.and_then(|new| find_tree(repository, new)),
        protected: judged_as.is_some(),
        policies: judged_as.map(|judged_as| convert_all(&judged_as.policies)).unwrap_or_default(),
        refusals: convert_all(&group.refusals),
        changes,
        passed: group.omitted_passes,
        omitted: left_out,
        owing_changes: Vec::new(),
        closings: Vec::new(),
        pull_landings: Vec::new(),
        break_glass: None,
        act: None,
        used_approvals: Vec::new(),
    }))
}

/// Returns the verdicts that fit into `room` bytes, in their order, and how many do not. Those that deny or
/// owe something come first.
pub(crate) fn select_fitting_verdicts(
    verdicts: &[Verdict],
    room: &mut usize,
    decision: Decision,
) -> Result<(Vec<RecordedVerdict>, OmittedChanges), String> {
    let recorded: Vec<RecordedVerdict> = convert_all(verdicts);
    let mut fits = vec![false; recorded.len()];
    // Two passes, so that verdicts which matter get their room before those that only inform.
    for matters in [true, false] {
        for (verdict, fits) in recorded.iter().zip(&mut fits) {
            if must_be_recorded(verdict) == matters {
                let length = to_canonical_json(verdict)?.len();
                *fits = length <= *room;
                *room -= if *fits { length } else { 0 };
            }
        }
    }
    let mut selected = Vec::new();
    let mut omitted = OmittedChanges::default();
    for (verdict, fits) in recorded.into_iter().zip(fits) {
        if fits {
            selected.push(verdict);
            continue;
        }
        if decision == Decision::Allow && must_be_recorded(&verdict) {
            return Err("this push owes more than fits into a record; push fewer changes at a time".into());
        }
        omitted.changes += 1;
        omitted.denied += usize::from(verdict.is_denied());
    }
    Ok((selected, omitted))
}

/// Returns whether a change is denied or owes something.
fn must_be_recorded(verdict: &RecordedVerdict) -> bool {
    verdict.is_owing() || verdict.is_denied()
}

/// Returns the tree of the commit that an id leads to; `None` if it leads to none.
pub(crate) fn find_tree(repository: &Repository, id: Oid) -> Option<Oid> {
    let Ok(PeeledObject::Commit(commit)) = repository.peel_tags(id) else { return None };
    repository.find_root_tree(commit).ok()
}
