//! What happened to a change, in order, with the clock behind each time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::change_record::ChangeJudgement;
use crate::audit::change_record::change_acts::{describe_act, describe_act_author};
use crate::audit::change_record::standing::GateBypass;
use crate::audit::show::shown_change::ShownChange;
use crate::audit::table::{ColumnKind, TableCell, TableColumn, TableSheet};
use crate::change::Text;
use crate::ledger::record::{
    ObligationEvidence, RecordedActKind, RecordedApprovalDecision, RecordedApprovalSource,
    RecordedTicketAnswer,
};
use crate::verdict::Message;

/// Something that happened to a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TimelineEvent {
    /// When.
    pub at: Timestamp,
    /// Whose clock says so: `gate`, `forge`, `ticket-system`, `author` or `committer`.
    pub clock: String,
    /// What happened, as a word that does not change.
    pub event: String,
    /// Who did it, as far as it is known.
    pub by: Option<Text>,
    /// What it was about.
    pub what: Text,
}

/// A timeline as a table.
pub static TIMELINE_SHEET: TableSheet = TableSheet {
    name: "timeline",
    version: 1,
    title: "Timeline",
    columns: &[
        TableColumn::new("at", "When", ColumnKind::Time, "When it happened."),
        TableColumn::new("clock", "Clock", ColumnKind::Text, "Whose clock says so."),
        TableColumn::new("event", "Event", ColumnKind::Text, "What happened."),
        TableColumn::new("by", "By", ColumnKind::Text, "Who did it."),
        TableColumn::new("what", "What", ColumnKind::Text, "What it was about."),
    ],
};

impl TimelineEvent {
    fn new(at: Timestamp, clock: &str, event: &str, what: impl Into<Text>) -> TimelineEvent {
        let (clock, event) = (clock.to_owned(), event.to_owned());
        TimelineEvent { at, clock, event, by: None, what: what.into() }
    }

    fn with_actor(self, by: Option<Text>) -> TimelineEvent {
        TimelineEvent { by, ..self }
    }

    /// Returns the event as a row of [`TIMELINE_SHEET`].
    pub fn build_row(&self) -> Vec<TableCell> {
        vec![
            self.at.into(),
            self.clock.as_str().into(),
            self.event.as_str().into(),
            self.by.as_ref().into(),
            (&self.what).into(),
        ]
    }
}

/// Returns what happened to a change, oldest first.
pub fn list_timeline(shown: &ShownChange) -> Vec<TimelineEvent> {
    let change = &shown.record;
    let mut events = Vec::new();
    for lookup in change.reasons.iter().flat_map(|reasons| &reasons.tickets) {
        if let RecordedTicketAnswer::Ticket(ticket) = &lookup.found {
            events.push(TimelineEvent::new(ticket.created, "ticket-system", "requested", ticket.key.clone()));
        }
    }
    if let Ok(facts) = &change.facts {
        let written = TimelineEvent::new(facts.authored_at, "author", "written", facts.title.clone());
        events.push(written.with_actor(Some(facts.author.name.clone())));
    }
    for approval in change.list_approvals() {
        let Some(at) = approval.given_at else { continue };
        let word = match approval.decision {
            RecordedApprovalDecision::Approved if approval.uses.iter().any(|used| used.counts) => "approved",
            RecordedApprovalDecision::Approved => "approved-without-effect",
            RecordedApprovalDecision::ChangesRequested => "objected",
            RecordedApprovalDecision::Dismissed => "dismissed",
        };
        // What was signed is dated by the server that received it.
        let is_signed = approval.source == RecordedApprovalSource::Signature;
        let clock = if is_signed { "gate" } else { "forge" };
        let of = approval.revision.map_or_else(String::new, |id| id.to_string());
        events.push(TimelineEvent::new(at, clock, word, Text::from(of)).with_actor(approval.by.clone()));
    }
    for approval in change.signed_approvals.iter().filter(|one| !one.standing.is_weighed()) {
        let event = &approval.received.event;
        let what = describe_act(event);
        let what = [what.as_bytes(), b"; ", approval.standing.describe().as_bytes()].concat();
        let signed =
            TimelineEvent::new(event.observed_at, "gate", "signed-approval", Text::new(what.as_slice()));
        events.push(signed.with_actor(Some(describe_act_author(event))));
    }
    for refused in &change.refused_approvals {
        let what = format!("{} {}: {}", refused.decision, refused.revision, refused.codes.join("; "));
        let event = TimelineEvent::new(refused.at, "gate", "approval-refused", Text::from(what));
        events.push(event.with_actor(refused.by.clone()));
    }
    for attempt in &change.attempts {
        let rules = Text::from(attempt.rules.join("; "));
        events.push(TimelineEvent::new(attempt.at, "gate", "refused", rules));
    }
    if let ChangeJudgement::Recorded { record, at, .. } = &change.judged_by {
        let what = Text::from(format!("record {record}: {}", change.name_gate_result()));
        events.push(TimelineEvent::new(*at, "gate", "judged", what));
    }
    let clock = change.landing.clock.code();
    let word = match change.bypass() {
        GateBypass::DeniedNotEnforced => "landed-although-denied",
        GateBypass::NotEnforced => "landed-not-enforced",
        _ => "landed",
    };
    let landed = TimelineEvent::new(change.landing.at, clock, word, Text::from(change.id.to_string()));
    events.push(landed.with_actor(change.landing.by.clone()));
    for (_, owed) in &change.obligations {
        let what = Text::from(Message::from(&owed.what).to_plain_text());
        if let Some(closed) = &owed.closed {
            let word = if closed.late_by.is_some() { "met-late" } else { "met" };
            let clock = match &closed.by {
                ObligationEvidence::Ticket { .. } => "ticket-system",
                ObligationEvidence::Review { .. } => "forge",
                ObligationEvidence::Change { .. } | ObligationEvidence::Session { .. } => "gate",
            };
            let met = TimelineEvent::new(closed.at, clock, word, what.clone());
            events.push(met.with_actor(Some(closed.by.full_name())));
        }
        if let Some(due) = owed.due {
            events.push(TimelineEvent::new(due, "gate", "due", what));
        }
    }
    for one in &change.acts {
        let word = match one.event.act.says {
            RecordedActKind::Outcome { .. } => "reported",
            RecordedActKind::Verified => "verified",
            RecordedActKind::Approval(_) => "signed-approval",
            RecordedActKind::Attachment { .. } => "attached",
            RecordedActKind::Deployment { .. } => "deployed",
        };
        let said = TimelineEvent::new(one.event.observed_at, "gate", word, describe_act(&one.event));
        events.push(said.with_actor(Some(describe_act_author(&one.event))));
    }
    let lists = [
        ("closing-record", &change.closing_records),
        ("taken-back", &change.reverted_by),
        ("named-as-cause", &change.caused),
        ("doubted-claim", &change.doubted_claims),
    ];
    for (word, steps) in lists {
        for step in steps {
            events.push(TimelineEvent::new(
                step.at,
                step.clock.code(),
                word,
                Text::from(step.id.to_string()),
            ));
        }
    }
    events.sort();
    events
}
