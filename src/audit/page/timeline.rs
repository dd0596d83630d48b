//! The life of a change in the order of its times, each with the clock that tells it.

use jiff::Timestamp;
use serde::Serialize;

use crate::audit::change_record::change_acts::{describe_act, describe_act_author};
use crate::audit::change_record::change_approvals::ChangeApproval;
use crate::audit::change_record::standing::GateBypass;
use crate::audit::change_record::{ChangeJudgement, ChangeRecord, LandingClock, RelatedStep};
use crate::audit::page::page_text::{show_name, show_text, show_words};
use crate::audit::table::format_table_time;
use crate::change::Text;
use crate::ledger::audit::ledger_history::RecordedChangeAct;
use crate::ledger::record::{
    ObligationEvidence, RecordedActKind, RecordedApproval, RecordedApprovalDecision, RecordedApprovalSource,
    RecordedTicketAnswer,
};
use crate::ledger::state::TrackedObligation;

/// How many events of one kind a timeline shows.
const MAX_EVENTS: usize = 50;

/// One event in the life of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct DetailEvent {
    /// When it happened; `None` where nobody vouches for a time.
    pub(super) at: Option<String>,
    /// Whose clock says so.
    pub(super) clock: &'static str,
    /// What happened.
    pub(super) what: String,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) who: Option<String>,
    /// The instant, by which events are sorted.
    #[serde(skip)]
    instant: Option<Timestamp>,
}

const AUTHOR: &str = "author, as claimed";
const FORGE: &str = "forge";
const GATE: &str = "gate";
const TICKET_SYSTEM: &str = "ticket system";
const COMMITTER: &str = "committer, as claimed";
const GIVEN: &str = "as was given";
/// What a later change says whose word does not count.
const DOUBTED_CLAIM: &str = "a later change says that it takes it back or was caused by it; that does not count, since it \
     was not let through, changes no file, or has no file in common with it";

const NOBODY: &str = "nobody vouches for a time";

/// Returns the events of a change; what has no time comes last.
pub(super) fn build_timeline(change: &ChangeRecord) -> Vec<DetailEvent> {
    let mut events = Vec::new();
    add_origin(change, &mut events);
    for approval in change.list_approvals().into_iter().take(MAX_EVENTS) {
        events.push(describe_approval(approval));
    }
    for approval in change.signed_approvals.iter().filter(|one| !one.standing.is_weighed()).take(MAX_EVENTS) {
        add_signed_approval(approval, &mut events);
    }
    for refused in change.refused_approvals.iter().take(MAX_EVENTS) {
        let (decision, revision) = (&refused.decision, refused.revision.short_hex());
        let why = refused.codes.join(", ");
        let what = format!(
            "a signed approval was refused, which says {decision} of {revision}: {why} (record {})",
            refused.record
        );
        events.push(build_event(refused.at, GATE, &what, refused.by.as_ref()));
    }
    for attempt in change.attempts.iter().take(MAX_EVENTS) {
        let rules = attempt.rules.join(", ");
        let what = format!(
            "an attempt with the same {} was refused: {rules} (record {})",
            attempt.link.describe(),
            attempt.record
        );
        events.push(build_event(attempt.at, GATE, &what, None));
    }
    add_landing(change, &mut events);
    for (_, owed) in change.obligations.iter().take(MAX_EVENTS) {
        add_obligation(change, owed, &mut events);
    }
    for (steps, words) in [
        (&change.closing_records, "a record speaks for it"),
        (&change.reverted_by, "a later change takes it back, or a part of it"),
        (&change.caused, "a later change says that this one caused it"),
        (&change.doubted_claims, DOUBTED_CLAIM),
    ] {
        for step in steps.iter().take(MAX_EVENTS) {
            events.push(describe_step(step, words));
        }
    }
    for one in change.acts.iter().take(MAX_EVENTS) {
        add_act(one, &mut events);
    }
    if let Some(deployment) = &change.deployment {
        let what = format!("deployed to {}", deployment.environment);
        let by = deployment.by.as_deref().map(Text::from);
        events.push(build_event(deployment.at, GIVEN, &what, by.as_ref()));
    }
    // The sort is stable: what happened at the same instant stays in the order of a life.
    events.sort_by_key(|event| (event.instant.is_none(), event.instant));
    events
}

fn build_event(at: Timestamp, clock: &'static str, what: &str, who: Option<&Text>) -> DetailEvent {
    DetailEvent {
        at: Some(format_table_time(at)),
        clock,
        what: show_words(what),
        who: who.map(show_name),
        instant: Some(at),
    }
}

fn add_origin(change: &ChangeRecord, events: &mut Vec<DetailEvent>) {
    for lookup in change.reasons.iter().flat_map(|reasons| &reasons.tickets).take(MAX_EVENTS) {
        if let RecordedTicketAnswer::Ticket(ticket) = &lookup.found {
            let what = format!("requested: ticket {} was made", ticket.key.to_lossy());
            let event = build_event(ticket.created, TICKET_SYSTEM, &what, None);
            if !events.contains(&event) {
                events.push(event);
            }
        }
    }
    if let Ok(facts) = &change.facts {
        let what = "written: the date of its last commit";
        events.push(build_event(facts.authored_at, AUTHOR, what, Some(&facts.author.name)));
    }
}

fn describe_approval(approval: &RecordedApproval) -> DetailEvent {
    let said = match approval.decision {
        RecordedApprovalDecision::Approved => "approved",
        RecordedApprovalDecision::ChangesRequested => "changes requested",
        RecordedApprovalDecision::Dismissed => "review dismissed",
    };
    let counts = if approval.uses.iter().any(|one| one.counts) { "it counted" } else { "it did not count" };
    let what = format!("{said}; {counts}");
    match approval.given_at {
        // What was signed is dated by the server that received it.
        Some(at) if approval.source == RecordedApprovalSource::Signature => {
            build_event(at, GATE, &format!("{what}; signed"), approval.by.as_ref())
        }
        Some(at) => build_event(at, FORGE, &what, approval.by.as_ref()),
        None => DetailEvent {
            at: None,
            clock: NOBODY,
            what: format!("{what}; stated in a trailer"),
            who: approval.by.as_ref().map(show_name),
            instant: None,
        },
    }
}

/// Adds a signed approval of which no verdict tells.
fn add_signed_approval(approval: &ChangeApproval, events: &mut Vec<DetailEvent>) {
    let event = &approval.received.event;
    let what = show_text(&describe_act(event));
    let (worth, record) = (approval.standing.describe(), approval.received.record);
    let what = format!("{what}; {worth} (record {record})");
    events.push(build_event(event.observed_at, GATE, &what, Some(&describe_act_author(event))));
}

fn add_act(one: &RecordedChangeAct, events: &mut Vec<DetailEvent>) {
    let word = match one.event.act.says {
        RecordedActKind::Outcome { .. } => "reported: ",
        RecordedActKind::Verified | RecordedActKind::Approval(_) => "",
        RecordedActKind::Attachment { .. } => "a file was attached: ",
        RecordedActKind::Deployment { .. } => "deployed: ",
    };
    let what = format!("{word}{} (record {})", show_text(&describe_act(&one.event)), one.record);
    let who = describe_act_author(&one.event);
    events.push(build_event(one.event.observed_at, GATE, &what, Some(&who)));
}

fn add_landing(change: &ChangeRecord, events: &mut Vec<DetailEvent>) {
    if let ChangeJudgement::Recorded { record, at, .. } = &change.judged_by {
        let what = format!("judged: {} (record {record})", change.name_gate_result());
        events.push(build_event(*at, GATE, &what, None));
    }
    let landing = &change.landing;
    if let Some(seen) = landing.last_seen_before {
        events.push(build_event(seen, GATE, "the ref was seen without it for the last time", None));
    }
    let record = landing.record.map(|number| format!(" (record {number})")).unwrap_or_default();
    let branch = change.ref_name.to_lossy();
    let how = match change.bypass() {
        GateBypass::DeniedNotEnforced => ", although it was denied: evaluate mode blocks nothing",
        GateBypass::NotEnforced => ", in evaluate mode, which blocks nothing",
        _ => "",
    };
    let what = format!("landed on {branch}{record}{how}");
    events.push(build_event(landing.at, name_clock(landing.clock), &what, landing.by.as_ref()));
}

fn name_clock(clock: LandingClock) -> &'static str {
    match clock {
        LandingClock::Gate => GATE,
        LandingClock::Committer => COMMITTER,
    }
}

fn add_obligation(change: &ChangeRecord, owed: &TrackedObligation, events: &mut Vec<DetailEvent>) {
    let words = owed.what.to_plain_text();
    events.push(build_event(owed.since, GATE, &format!("owed from here on: {words}"), None));
    if let Some(due) = owed.due {
        let what = match &owed.closed {
            None if change.is_overdue(owed) => format!("due, and still open: {words}"),
            None => format!("will be due: {words}"),
            Some(_) => format!("due: {words}"),
        };
        events.push(build_event(due, GATE, &what, None));
    }
    if let Some(closed) = &owed.closed {
        let (clock, by) = describe_evidence(&closed.by);
        let late = match closed.late_by {
            Some(seconds) => format!(", {} late", describe_seconds(seconds)),
            None => ", in time".to_owned(),
        };
        let who = match &closed.by {
            ObligationEvidence::Review { by, .. } | ObligationEvidence::Session { by } => Some(by),
            ObligationEvidence::Change { .. } | ObligationEvidence::Ticket { .. } => None,
        };
        events.push(build_event(closed.at, clock, &format!("closed by {by}{late}: {words}"), who));
    }
}

/// Returns whose clock tells of the evidence that closed something, and what the evidence is.
pub(super) fn describe_evidence(evidence: &ObligationEvidence) -> (&'static str, String) {
    match evidence {
        ObligationEvidence::Change { id } => (GATE, format!("change {}", id.short_hex())),
        ObligationEvidence::Ticket { key, .. } => (TICKET_SYSTEM, format!("ticket {}", key.to_lossy())),
        ObligationEvidence::Review { on, .. } => (FORGE, format!("a review of {}", on.to_lossy())),
        ObligationEvidence::Session { .. } => (GATE, "the end of the session".to_owned()),
    }
}

fn describe_step(step: &RelatedStep, words: &str) -> DetailEvent {
    let mut what = format!("{words}: {}", step.id.short_hex());
    if let Some(title) = &step.title {
        what.push_str(&format!(", {}", title.to_lossy()));
        let states: Vec<String> =
            step.states.iter().map(|(key, value)| format!("{key}: {}", value.to_lossy())).collect();
        what.push_str(&format!(" ({})", states.join("; ")));
    }
    build_event(step.at, name_clock(step.clock), &what, None)
}

/// Returns a span in the largest unit that it fills.
pub(super) fn describe_seconds(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}
