//! Sentences about records, for people. They are made when a record is read and are part of nothing that
//! is stored or compared.

use jiff::Timestamp;

use crate::change::Text;
use crate::ledger::record::parse_unauthorised_key;
use crate::ledger::record::wire::{
    BreakGlassEvent, ChangeAct, DamageCause, DecisionOutcome, DecisionRecord, GapCause, LedgerEvent,
    LedgerHeartbeat, ObligationDischarge, PullVerdict, Record, RecordedActKind, RecordedDecision,
    RecordedHookState, RecordedPusher, RecordedReport, RecordedStanding, RefDecision, ScopeChange,
};
use crate::report::escape;
use crate::verdict::format_count;

/// How many characters of a ref's name or an incident a subject shows.
const MAX_NAME_COLUMNS: usize = 40;

/// Returns when that happened which a record tells: for what the gate saw, when it saw it, and for all else
/// when the record was written.
pub(crate) fn find_event_time(record: &Record) -> Timestamp {
    match &record.event {
        LedgerEvent::Decision(decision) => decision.observed_at,
        LedgerEvent::Outcome(outcome) => outcome.observed_at,
        LedgerEvent::Discharged(discharged) => discharged.observed_at,
        LedgerEvent::Escalated(escalated) => escalated.observed_at,
        LedgerEvent::Heartbeat(heartbeat) => heartbeat.observed_at,
        LedgerEvent::Act(event) => event.observed_at,
        LedgerEvent::PullVerdict(verdict) => verdict.judged_at,
        LedgerEvent::BreakGlass(BreakGlassEvent::Opened(opened)) => opened.opened_at,
        LedgerEvent::BreakGlass(BreakGlassEvent::Closed(closed)) => closed.closed_at,
        LedgerEvent::Begin(_)
        | LedgerEvent::Unauthorised(_)
        | LedgerEvent::Scope(_)
        | LedgerEvent::Damaged(_)
        | LedgerEvent::RegularisationTerms(_) => record.recorded_at,
    }
}

/// Returns what a record tells in one line, escaped for a terminal.
pub(crate) fn describe_record(record: &Record) -> String {
    // Names come from the repository, so each is escaped and cut to keep the record on one line.
    match &record.event {
        LedgerEvent::Begin(begin) => {
            format!("Begin the ledger with {}", format_count(begin.tips.len(), "ref"))
        }
        LedgerEvent::Decision(decision) => describe_decision(decision),
        LedgerEvent::Outcome(outcome) => describe_outcome(outcome),
        LedgerEvent::Unauthorised(moved) => {
            let to = match moved.new {
                Some(id) => format!("moved to {}", id.short_hex()),
                None => "was deleted".to_owned(),
            };
            format!("Unauthorised: {} {to} without a decision", short_ref_name(&moved.name))
        }
        LedgerEvent::Scope(scope) => describe_scope(scope),
        LedgerEvent::Damaged(damaged) => {
            format!("Unreadable decision in the journal: {}", damaged.cause.describe())
        }
        LedgerEvent::Discharged(discharged) => describe_discharge_record(discharged),
        LedgerEvent::Escalated(escalated) => {
            let (soon, overdue) = (escalated.due_soon.len(), escalated.overdue.len());
            format!("Notify: {soon} due soon, {overdue} overdue")
        }
        LedgerEvent::BreakGlass(BreakGlassEvent::Opened(opened)) => {
            let word = if opened.session == opened.request_id { "Open" } else { "Extend" };
            let incident = escape::escape_terminal(opened.incident.as_bytes(), MAX_NAME_COLUMNS);
            format!("{word} a break-glass session for {incident}")
        }
        LedgerEvent::BreakGlass(BreakGlassEvent::Closed(closed)) => {
            let session = escape::escape_words(&closed.session);
            format!("Close the break-glass session {session}, {}", describe_lateness(closed.late_by))
        }
        LedgerEvent::Heartbeat(heartbeat) => describe_heartbeat(heartbeat),
        LedgerEvent::Act(event) => {
            let by = escape::escape_terminal(event.act.account.as_bytes(), MAX_NAME_COLUMNS);
            format!("{}, by {by}", escape::escape_words(&event.describe()))
        }
        LedgerEvent::PullVerdict(verdict) => describe_pull_verdict(verdict),
        LedgerEvent::RegularisationTerms(terms) => {
            format!("Record {} may be regularised", terms.record_number)
        }
    }
}

fn describe_pull_verdict(verdict: &PullVerdict) -> String {
    let word = match verdict.standing {
        RecordedStanding::Allowed => "Allow",
        RecordedStanding::Denied => "Deny",
        RecordedStanding::Waiting => "Wait for others on",
        RecordedStanding::Undecided => "Undecided:",
    };
    let pull = escape::escape_terminal(verdict.pull.as_bytes(), MAX_NAME_COLUMNS);
    let rules: Vec<String> = verdict.rules.iter().map(|rule| escape::escape_words(rule)).collect();
    let why = if rules.is_empty() { String::new() } else { format!(": {}", rules.join(", ")) };
    format!("{word} {pull} at {}{why}", verdict.revision.short_hex())
}

fn describe_heartbeat(heartbeat: &LedgerHeartbeat) -> String {
    let refs = format_count(heartbeat.refs, "ref");
    format!("Heartbeat: {refs} as recorded; {}", heartbeat.hook.describe())
}

impl RecordedHookState {
    /// Returns what judges pushes, in words.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            RecordedHookState::Installed => "the hook is installed",
            RecordedHookState::Foreign => "the hook was not written by install",
            RecordedHookState::Missing => "there is no hook, so nothing judges pushes",
            RecordedHookState::Unknown => "whether there is a hook could not be found out",
            RecordedHookState::Workflow => "a workflow judges",
        }
    }

    /// Returns the code of the state.
    pub(crate) fn code(self) -> &'static str {
        match self {
            RecordedHookState::Installed => "installed",
            RecordedHookState::Foreign => "foreign",
            RecordedHookState::Missing => "missing",
            RecordedHookState::Unknown => "unknown",
            RecordedHookState::Workflow => "workflow",
        }
    }
}

/// Returns what was decided, as a word of a sentence, and that it was not enforced if it was not.
pub(crate) fn describe_decision_word(decision: &DecisionRecord) -> &'static str {
    match (decision.evaluated, decision.decision) {
        (Some(RecordedDecision::Allow), _) => "allowed, NOT ENFORCED (evaluate mode)",
        (Some(RecordedDecision::Deny), _) => "would have been denied, NOT ENFORCED (evaluate mode)",
        (None, RecordedDecision::Allow) => "allowed",
        (None, RecordedDecision::Deny) => "denied",
    }
}

fn describe_decision(decision: &DecisionRecord) -> String {
    let word = match (decision.evaluated, decision.decision) {
        (Some(RecordedDecision::Allow), _) => "Not enforced, would allow",
        (Some(RecordedDecision::Deny), _) => "Not enforced, would deny",
        (None, RecordedDecision::Allow) => "Allow",
        (None, RecordedDecision::Deny) => "Deny",
    };
    let what = match decision.refs.as_slice() {
        [only] if decision.omitted_refs == 0 => short_ref_name(&only.name),
        several => format_count(several.len().saturating_add(decision.omitted_refs), "ref"),
    };
    let who = match &decision.pusher {
        RecordedPusher::Account(account) => {
            format!(" by {}", escape::escape_terminal(account.as_bytes(), MAX_NAME_COLUMNS))
        }
        RecordedPusher::Unidentified | RecordedPusher::Unknown(_) => String::new(),
    };
    let mut rules = Vec::new();
    for judgement in decision.refs.iter().flat_map(RefDecision::judgements) {
        if judgement.is_denying(true) {
            rules.push(escape::escape_words(&judgement.rule));
        }
    }
    rules.sort_unstable();
    rules.dedup();
    let why = if rules.is_empty() { String::new() } else { format!(": {}", rules.join(", ")) };
    format!("{word} {what}{who}{why}")
}

fn describe_outcome(outcome: &DecisionOutcome) -> String {
    let late = if outcome.found_late { ", found late" } else { "" };
    match (outcome.landed.as_slice(), outcome.unmoved.as_slice()) {
        ([], [only]) => format!("Not landed: {}{late}", short_ref_name(only)),
        ([], several) => format!("Not landed: {}{late}", format_count(several.len(), "ref")),
        (landed, unmoved) => {
            let what = match landed {
                [only] => {
                    let at = only.new.map(|id| format!(" at {}", id.short_hex())).unwrap_or_default();
                    format!("{}{at}", short_ref_name(&only.name))
                }
                several => format_count(several.len(), "ref"),
            };
            let rest = match unmoved.len() {
                0 => String::new(),
                count => format!(", {count} not"),
            };
            format!("Landed: {what}{rest}{late}")
        }
    }
}

fn describe_scope(scope: &ScopeChange) -> String {
    let (new, old) = (scope.newly_protected.len(), scope.no_longer_protected.len());
    format!("Protect {}, no longer protect {old}", format_count(new, "more ref"))
}

fn describe_discharge_record(discharged: &ObligationDischarge) -> String {
    let change = discharged.change.map(|id| format!(" of {}", id.short_hex())).unwrap_or_default();
    let late = describe_lateness(discharged.late_by);
    match parse_unauthorised_key(&discharged.obligation) {
        Some(number) => format!("Regularise record {number}{change}, {late}"),
        None => format!("Close {}{change}, {late}", escape::escape_words(&discharged.rule)),
    }
}

impl BreakGlassEvent {
    /// Returns what became of the session in words, which are still to be escaped.
    pub fn describe(&self) -> String {
        match self {
            BreakGlassEvent::Opened(opened) => {
                let word = if opened.session == opened.request_id { "open" } else { "extended" };
                let until = opened.until.strftime("%F %R UTC");
                format!("break-glass session {} is {word} until {until}", opened.session)
            }
            BreakGlassEvent::Closed(closed) => {
                let late = if closed.late_by.is_some() { ", late" } else { "" };
                format!("break-glass session {} is closed{late}", closed.session)
            }
        }
    }
}

impl ChangeAct {
    /// Returns what was said in words, which are still to be escaped.
    pub fn describe(&self) -> String {
        let change = self.act.change.short_hex();
        match &self.act.says {
            RecordedActKind::Outcome { outcome: RecordedReport::Ok, .. } => format!("{change} worked"),
            RecordedActKind::Outcome { outcome: RecordedReport::Failed, .. } => format!("{change} failed"),
            RecordedActKind::Outcome { outcome: RecordedReport::Reverted, .. } => {
                format!("{change} was reverted")
            }
            RecordedActKind::Verified => format!("{change} was verified"),
            RecordedActKind::Approval(approval) => {
                let word = approval.decision.word();
                format!("{change} {word} by {}, signed", approval.signer.to_lossy())
            }
            RecordedActKind::Attachment { name, .. } => format!("{name} is attached to {change}"),
            RecordedActKind::Deployment { environment, failed, .. } => {
                let word = if *failed { "was not deployed" } else { "was deployed" };
                format!("{change} {word} to {}", environment.to_lossy())
            }
        }
    }
}

impl DamageCause {
    /// Returns the cause in words that follow a colon.
    pub fn describe(self) -> &'static str {
        match self {
            DamageCause::Unreadable => "its file cannot be read",
            DamageCause::TooLong => "its file is too long",
            DamageCause::Malformed => "its file does not hold a decision",
        }
    }
}

impl GapCause {
    /// Returns the cause in words that follow the name of the fact.
    pub fn describe(self) -> &'static str {
        match self {
            GapCause::NotAtThisStage => "cannot be known at this stage",
            GapCause::NotConfigured => "not configured here",
            GapCause::Unavailable => "could not be read",
        }
    }
}

fn describe_lateness(late_by: Option<u64>) -> &'static str {
    if late_by.is_some() { "late" } else { "in time" }
}

/// Returns the name of a ref without `refs/heads/`, escaped and cut for a terminal.
fn short_ref_name(name: &Text) -> String {
    let bytes = name.as_bytes();
    let bytes = bytes.strip_prefix(b"refs/heads/").or(bytes.strip_prefix(b"refs/")).unwrap_or(bytes);
    escape::escape_terminal(bytes, MAX_NAME_COLUMNS)
}
