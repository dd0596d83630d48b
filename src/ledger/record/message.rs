//! The message of a ledger commit: a subject line and trailers, made of codes and values.
//!
//! It repeats the record and adds nothing, so `ledger verify` composes it again and compares the bytes.
//! It is therefore part of the format `changegate/record/v1` and never reworded. The subject is the name
//! of the event and what it is about:
//!
//! | event | subject |
//! |---|---|
//! | begin | `begin REFS` |
//! | decision | `decision allow REFS` or `decision deny REFS RULES` |
//! | outcome | `outcome landed REFS`, `outcome unmoved REFS` or `outcome landed REFS unmoved REFS` |
//! | unauthorised | `unauthorised REFS` |
//! | scope | `scope newly-protected N no-longer-protected N` |
//! | damaged | `damaged CAUSE` |
//! | discharged | `discharged RULE COMMIT` or `discharged RULE ledger:N`, with ` late` where it is |
//! | escalated | `escalated due-soon N overdue N` |
//! | break-glass | `break-glass opened ID`, `extended ID` or `closed ID`, with ` late` where it is |
//! | act | `act outcome ok COMMIT`, `act outcome failed COMMIT`, `act outcome reverted COMMIT`, `act verified COMMIT` or `act attachment COMMIT` |
//! | regularisation-terms | `regularisation-terms ledger:N` |
//! | pull-verdict | `pull-verdict STANDING PULL RULES` |
//!
//! `REFS` is the full name of the ref if there is one, and else their number. `RULES` are the ids of the
//! rules that deny, with commas between them. A subject has at most `MAX_SUBJECT_BYTES` bytes and ends
//! with `...` where it is cut. A trailer stands at most `MAX_LISTED` times; the record has all. Values
//! are printable ASCII, as `encode_value` writes them.

use std::fmt::Write as _;

use crate::change::Oid;
use crate::ledger::record::parse_unauthorised_key;
use crate::ledger::record::wire::{
    BreakGlassEvent, ChangeAct, DecisionOutcome, DecisionRecord, LedgerEvent, ObligationDischarge,
    ObligationEvidence, Record, RecordedActKind, RecordedDecision, RecordedMove, RecordedPusher, RefDecision,
    RegularisationTerms, ScopeChange, SessionActor, SessionClosure, SessionOpening,
};

/// How often one trailer is written.
const MAX_LISTED: usize = 20;

/// How many bytes a subject has at most.
const MAX_SUBJECT_BYTES: usize = 100;

/// How many bytes of a value are written, before they are encoded.
const MAX_VALUE_BYTES: usize = 200;

/// The lines of a message while they are collected.
struct MessageWriter {
    subject: String,
    trailers: String,
}

/// Returns the message of the commit that holds a record.
pub(crate) fn compose_message(record: &Record) -> String {
    let mut out = MessageWriter { subject: String::new(), trailers: String::new() };
    out.add_trailer("Ledger-Record", &record.number.to_string());
    // Subject and trailers hold codes and encoded values, so that rewording never changes the message of an
    // old record.
    match &record.event {
        LedgerEvent::Begin(begin) => {
            out.subject = match begin.tips.as_slice() {
                [only] => format!("begin {}", encode_value(only.name.as_bytes())),
                tips => format!("begin {}", tips.len()),
            };
        }
        LedgerEvent::Decision(decision) => out.write_decision(decision),
        LedgerEvent::Outcome(outcome) => out.write_outcome(outcome),
        LedgerEvent::Unauthorised(moved) => {
            out.subject = format!("unauthorised {}", encode_value(moved.name.as_bytes()));
            out.add_trailer("Unauthorised", &format_move(moved));
        }
        LedgerEvent::Scope(scope) => out.write_scope(scope),
        LedgerEvent::Damaged(damaged) => {
            out.subject = format!("damaged {}", damaged.cause.code());
            out.add_encoded_trailer("File", damaged.file.as_bytes());
        }
        LedgerEvent::Discharged(discharged) => out.write_discharge(discharged),
        LedgerEvent::Escalated(escalated) => {
            let (soon, overdue) = (escalated.due_soon.len(), escalated.overdue.len());
            out.subject = format!("escalated due-soon {soon} overdue {overdue}");
        }
        LedgerEvent::BreakGlass(BreakGlassEvent::Opened(opened)) => out.write_opening(opened),
        LedgerEvent::BreakGlass(BreakGlassEvent::Closed(closed)) => out.write_closure(closed),
        LedgerEvent::Act(event) => out.write_act(event),
        LedgerEvent::RegularisationTerms(terms) => out.write_terms(terms),
        LedgerEvent::PullVerdict(verdict) => {
            let (pull, rules) =
                (encode_value(verdict.pull.as_bytes()), encode_value(verdict.rules.join(",").as_bytes()));
            let subject = format!("pull-verdict {} {pull} {rules}", verdict.standing.code());
            out.subject = subject.trim_end().to_owned();
            out.add_trailer("Revision", &verdict.revision.to_string());
            out.add_trailer("Judged-At", &verdict.judged_at.to_string());
        }
        LedgerEvent::Heartbeat(heartbeat) => {
            out.subject = format!("heartbeat refs {} hook {}", heartbeat.refs, heartbeat.hook.code());
            out.add_trailer("Observed-At", &heartbeat.observed_at.to_string());
        }
    }
    format!("{}\n\n{}", cut_subject(out.subject), out.trailers)
}

impl MessageWriter {
    /// Adds a trailer whose value is codes, ids and numbers.
    fn add_trailer(&mut self, key: &str, value: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.trailers, "{key}: {value}");
    }

    /// Adds a trailer whose value holds words of others.
    fn add_encoded_trailer(&mut self, key: &str, value: &[u8]) {
        self.add_trailer(key, &encode_value(value));
    }

    fn write_decision(&mut self, decision: &DecisionRecord) {
        let word = match decision.decision {
            RecordedDecision::Allow => "allow",
            RecordedDecision::Deny => "deny",
        };
        let refs = match decision.refs.as_slice() {
            [only] if decision.omitted_refs == 0 => encode_value(only.name.as_bytes()),
            several => several.len().saturating_add(decision.omitted_refs).to_string(),
        };
        let rules = list_denying_rules(&decision.refs).join(",");
        self.subject = format!("decision {word} {refs} {rules}").trim_end().to_owned();
        self.add_encoded_trailer("Decision-Id", decision.id.as_bytes());
        self.add_trailer("Decision", word);
        self.add_trailer("Observed-At", &decision.observed_at.to_string());
        match &decision.pusher {
            RecordedPusher::Account(account) => self.add_encoded_trailer("Pusher", account.as_bytes()),
            RecordedPusher::Unidentified => self.add_trailer("Pusher-Unidentified", "true"),
            RecordedPusher::Unknown(_) => self.add_trailer("Pusher-Unknown", "true"),
        }
        if let Some(policy) = &decision.policy {
            self.add_encoded_trailer("Policy", policy.digest.as_bytes());
        }
        for one in decision.refs.iter().take(MAX_LISTED) {
            self.write_ref(one);
        }
        let omitted = decision.refs.len().saturating_sub(MAX_LISTED).saturating_add(decision.omitted_refs);
        if omitted > 0 {
            self.add_trailer("Omitted-Refs", &omitted.to_string());
        }
    }

    fn write_ref(&mut self, one: &RefDecision) {
        let name = encode_value(one.name.as_bytes());
        let changes = one.count_changes();
        self.add_trailer("Ref", &format!("{name} {} changes={changes}", format_ends(one.old, one.new)));
        if let Some(alias) = &one.pushed_as {
            self.add_encoded_trailer("Pushed-As", alias.as_bytes());
        }
        for rule in list_denying_rules(std::slice::from_ref(one)).iter().take(MAX_LISTED) {
            self.add_trailer("Denied-By", rule);
        }
        if one.omitted.changes > 0 {
            let (changes, denied) = (one.omitted.changes, one.omitted.denied);
            self.add_trailer("Omitted-Changes", &format!("{changes} denied={denied}"));
        }
    }

    fn write_outcome(&mut self, outcome: &DecisionOutcome) {
        self.subject = "outcome".to_owned();
        match outcome.landed.as_slice() {
            [] => {}
            [only] => self.subject.push_str(&format!(" landed {}", encode_value(only.name.as_bytes()))),
            several => self.subject.push_str(&format!(" landed {}", several.len())),
        }
        match outcome.unmoved.as_slice() {
            [] => {}
            [only] => self.subject.push_str(&format!(" unmoved {}", encode_value(only.as_bytes()))),
            several => self.subject.push_str(&format!(" unmoved {}", several.len())),
        }
        self.add_encoded_trailer("Decision-Id", outcome.decision_id.as_bytes());
        for moved in outcome.landed.iter().take(MAX_LISTED) {
            self.add_trailer("Landed", &format_move(moved));
        }
        for name in outcome.unmoved.iter().take(MAX_LISTED) {
            self.add_encoded_trailer("Unmoved", name.as_bytes());
        }
        self.add_trailer("Found-Late", &outcome.found_late.to_string());
    }

    fn write_scope(&mut self, scope: &ScopeChange) {
        let (new, old) = (scope.newly_protected.len(), scope.no_longer_protected.len());
        self.subject = format!("scope newly-protected {new} no-longer-protected {old}");
        for pattern in scope.protects.iter().take(MAX_LISTED) {
            self.add_encoded_trailer("Protects", pattern.as_bytes());
        }
    }

    fn write_discharge(&mut self, discharged: &ObligationDischarge) {
        let about = match (parse_unauthorised_key(&discharged.obligation), discharged.change) {
            (Some(number), _) => format!(" ledger:{number}"),
            (None, Some(change)) => format!(" {}", change.short_hex()),
            (None, None) => String::new(),
        };
        let late = if discharged.late_by.is_some() { " late" } else { "" };
        self.subject = format!("discharged {}{about}{late}", encode_value(discharged.rule.as_bytes()));
        self.add_encoded_trailer("Obligation", discharged.obligation.as_bytes());
        let evidence = match &discharged.evidence {
            ObligationEvidence::Change { id } => format!("change {id}"),
            ObligationEvidence::Ticket { key, source, .. } => {
                format!("ticket {} {}", encode_value(key.as_bytes()), encode_value(source.as_bytes()))
            }
            ObligationEvidence::Review { by, on, .. } => {
                format!("review {} {}", encode_value(on.as_bytes()), encode_value(by.as_bytes()))
            }
            ObligationEvidence::Session { by } => format!("session {}", encode_value(by.as_bytes())),
        };
        self.add_trailer("Evidence", &evidence);
        self.add_trailer("Observed-At", &discharged.observed_at.to_string());
        self.add_lateness(discharged.late_by);
    }

    fn write_opening(&mut self, opened: &SessionOpening) {
        let word = if opened.session == opened.request_id { "opened" } else { "extended" };
        self.subject = format!("break-glass {word} {}", encode_value(opened.session.as_bytes()));
        self.write_session(&opened.session, &opened.request_id, &opened.by);
        self.add_encoded_trailer("Incident", opened.incident.as_bytes());
        self.add_encoded_trailer("Reason", opened.reason.as_bytes());
        self.add_trailer("Opened-At", &opened.opened_at.to_string());
        self.add_trailer("Until", &opened.until.to_string());
    }

    fn write_closure(&mut self, closed: &SessionClosure) {
        let late = if closed.late_by.is_some() { " late" } else { "" };
        self.subject = format!("break-glass closed {}{late}", encode_value(closed.session.as_bytes()));
        self.write_session(&closed.session, &closed.request_id, &closed.by);
        if let Some(note) = &closed.note {
            self.add_encoded_trailer("Note", note.as_bytes());
        }
        self.add_trailer("Closed-At", &closed.closed_at.to_string());
        self.add_lateness(closed.late_by);
    }

    fn write_session(&mut self, session: &str, request_id: &str, actor: &SessionActor) {
        self.add_encoded_trailer("Session", session.as_bytes());
        if session != request_id {
            self.add_encoded_trailer("Request-Id", request_id.as_bytes());
        }
        match &actor.decision {
            Some(decision) => {
                self.add_encoded_trailer("By", actor.account.as_bytes());
                self.add_encoded_trailer("Decision-Id", decision.as_bytes());
            }
            None => self.add_encoded_trailer("Claimed-By", actor.account.as_bytes()),
        }
    }

    fn write_act(&mut self, event: &ChangeAct) {
        let act = &event.act;
        let what = match &act.says {
            RecordedActKind::Outcome { outcome, .. } => format!("outcome {}", outcome.code()),
            RecordedActKind::Verified => "verified".to_owned(),
            RecordedActKind::Attachment { .. } => "attachment".to_owned(),
            RecordedActKind::Approval(approval) => approval.decision.word().to_owned(),
            RecordedActKind::Deployment { failed: true, .. } => "deployment failed".to_owned(),
            RecordedActKind::Deployment { failed: false, .. } => "deployment".to_owned(),
        };
        self.subject = format!("act {what} {}", act.change.short_hex());
        self.add_encoded_trailer("Act-Id", act.id.as_bytes());
        self.add_trailer("Change", &act.change.to_string());
        self.add_encoded_trailer("Ref", act.ref_name.as_bytes());
        self.add_encoded_trailer("By", act.account.as_bytes());
        self.add_encoded_trailer("Decision-Id", event.decision.as_bytes());
        match &act.says {
            RecordedActKind::Outcome { incident: Some(incident), .. } => {
                self.add_encoded_trailer("Incident", incident.as_bytes());
            }
            RecordedActKind::Attachment { name, bytes, digest, .. } => {
                self.add_encoded_trailer("File", name.as_bytes());
                self.add_trailer("Bytes", &bytes.to_string());
                self.add_encoded_trailer("Digest", digest.as_bytes());
            }
            RecordedActKind::Approval(approval) => {
                self.add_encoded_trailer("Signed-By", approval.signer.as_bytes());
                self.add_encoded_trailer("Key", approval.key.as_bytes());
            }
            RecordedActKind::Deployment { environment, .. } => {
                self.add_encoded_trailer("Environment", environment.as_bytes());
            }
            RecordedActKind::Outcome { incident: None, .. } | RecordedActKind::Verified => {}
        }
        if let Some(note) = &act.note {
            self.add_encoded_trailer("Note", note.as_bytes());
        }
        self.add_trailer("Observed-At", &event.observed_at.to_string());
    }

    fn write_terms(&mut self, terms: &RegularisationTerms) {
        self.subject = format!("regularisation-terms ledger:{}", terms.record_number);
        self.add_trailer("Unauthorised", &format!("ledger:{}", terms.record_number));
        for team in terms.teams.iter().take(MAX_LISTED) {
            self.add_encoded_trailer("Team", team.as_bytes());
        }
        self.add_encoded_trailer("Regularised-On", terms.regularised_on.as_bytes());
        if let Some(due) = terms.due {
            self.add_trailer("Due", &due.to_string());
        }
    }

    fn add_lateness(&mut self, late_by: Option<u64>) {
        if let Some(seconds) = late_by {
            self.add_trailer("Late-By", &seconds.to_string());
        }
    }
}

/// Returns the ids of the rules that deny, each once, in order.
fn list_denying_rules(refs: &[RefDecision]) -> Vec<String> {
    let mut rules = Vec::new();
    for judgement in refs.iter().flat_map(RefDecision::judgements) {
        if judgement.is_denying(true) {
            rules.push(encode_value(judgement.rule.as_bytes()));
        }
    }
    rules.sort_unstable();
    rules.dedup();
    rules
}

fn format_move(moved: &RecordedMove) -> String {
    format!("{} {}", encode_value(moved.name.as_bytes()), format_ends(moved.old, moved.new))
}

/// Returns the two ends of a move as in `OLD..NEW`, with `none` for what is not there.
fn format_ends(old: Option<Oid>, new: Option<Oid>) -> String {
    format!("{}..{}", format_end(old), format_end(new))
}

fn format_end(id: Option<Oid>) -> String {
    match id {
        Some(id) => id.to_string(),
        None => "none".to_owned(),
    }
}

/// Returns bytes as printable ASCII: `%` and every byte outside of it become `%` and two hexadecimal
/// digits. It depends on no table of characters, which a later version might have another edition of.
pub(crate) fn encode_value(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes.iter().take(MAX_VALUE_BYTES) {
        match byte {
            b' '..=b'~' if *byte != b'%' => out.push(char::from(*byte)),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
    }
    if bytes.len() > MAX_VALUE_BYTES {
        out.push_str("...");
    }
    out
}

/// Cuts a subject, which is ASCII, where it is too long.
fn cut_subject(mut subject: String) -> String {
    if subject.len() > MAX_SUBJECT_BYTES {
        subject.truncate(MAX_SUBJECT_BYTES - 3);
        subject.push_str("...");
    }
    subject
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Text;
    use crate::ledger::record::RECORD_SCHEMA;
    use jiff::Timestamp;

    fn message(event: LedgerEvent) -> String {
        let at = Timestamp::UNIX_EPOCH;
        compose_message(&Record {
            schema: RECORD_SCHEMA.into(),
            number: 7,
            previous: None,
            recorded_at: at,
            event,
        })
    }

    #[test]
    fn words_of_others_are_printable_ascii() {
        let name = Text::new(b"refs/heads/\xc3\xa4 50%\n\x1b[31m\xff".to_vec());
        let text = message(LedgerEvent::Unauthorised(RecordedMove { name, old: None, new: None }));
        assert_eq!(
            text,
            "unauthorised refs/heads/%c3%a4 50%25%0a%1b[31m%ff\n\nLedger-Record: 7\n\
             Unauthorised: refs/heads/%c3%a4 50%25%0a%1b[31m%ff none..none\n"
        );
    }

    #[test]
    fn long_values_and_subjects_are_cut() {
        let name = Text::from("x".repeat(300));
        let text = message(LedgerEvent::Unauthorised(RecordedMove { name, old: None, new: None }));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].len(), MAX_SUBJECT_BYTES);
        assert!(lines[0].ends_with("xxx..."));
        assert!(lines[3].ends_with("xxx... none..none"));
    }
}
