//! What a record says in `git log`: a subject, a few lines, and trailers for programs.
//!
//! It repeats the record and adds nothing, so whoever verifies the ledger makes it anew and compares.

use std::fmt::Write as _;

use crate::change::{Fact, Oid, PusherIdentity, Text};
use crate::gate::obligations;
use crate::ledger::record::{
    DecisionOutcome, DecisionRecord, LedgerEvent, ObligationDischarge, Record, RecordedMove, RefDecision,
    ScopeChange,
};
use crate::ledger::state::break_glass::{BreakGlassEvent, SessionActor};
use crate::ledger::state::unauthorised::parse_unauthorised_key;
use crate::report::escape;
use crate::verdict::{Decision, Judgement};

/// How many refs and rules are named; the record has all of them.
const MAX_LISTED_NAMES: usize = 20;

/// How many characters a subject may have.
const MAX_SUBJECT_CHARS: usize = 72;

/// Returns the message of a record.
pub fn compose_message(record: &Record) -> String {
    let mut body = String::new();
    let mut trailers: Vec<(&str, String)> = vec![("Ledger-Record", record.number.to_string())];
    let subject = match &record.event {
        LedgerEvent::Begin(begin) => {
            format!("Begin the ledger with {}", format_count(begin.tips.len(), "ref"))
        }
        LedgerEvent::Decision(decided) => {
            trailers.extend(decision_trailers(decided));
            write_ref_lines(&mut body, decided);
            decision_subject(decided)
        }
        LedgerEvent::Outcome(outcome) => {
            trailers.push(("Decision-Id", outcome.of.clone()));
            trailers.extend(
                outcome.landed.iter().take(MAX_LISTED_NAMES).map(|moved| ("Landed", format_move(moved))),
            );
            trailers.extend(
                outcome.stayed.iter().take(MAX_LISTED_NAMES).map(|stayed| ("Stayed", escape_text(stayed))),
            );
            trailers.push(("Found-Late", outcome.found_late.to_string()));
            outcome_subject(outcome)
        }
        LedgerEvent::Unauthorised(moved) => {
            trailers.push(("Unauthorised", format_move(moved)));
            let to = moved
                .new
                .map_or_else(|| "was deleted".to_owned(), |id| format!("moved to {}", id.short_hex()));
            format!("Unauthorised: {} {to} without a decision", short_ref_name(&moved.name))
        }
        LedgerEvent::Scope(scope) => {
            trailers.extend(
                scope
                    .protects
                    .iter()
                    .take(MAX_LISTED_NAMES)
                    .map(|one| ("Protects", escape::escape_words(one).to_string())),
            );
            scope_subject(scope)
        }
        LedgerEvent::Damaged(damaged) => {
            let _ = writeln!(body, "{}", escape::escape_words(&damaged.why));
            trailers.push(("File", escape::escape_words(&damaged.file).to_string()));
            "Find a decision that cannot be read".to_owned()
        }
        LedgerEvent::Discharged(discharged) => {
            trailers.extend(discharge_trailers(discharged));
            let change = discharged.change.map(|id| format!(" of {}", id.short_hex())).unwrap_or_default();
            let late = if discharged.late_by.is_some() { "late" } else { "in time" };
            if let Some(number) = parse_unauthorised_key(&discharged.obligation) {
                trailers.push(("Declared-After-The-Fact", obligations::format_record_reference(number)));
                format!("Declare record {number}{change} after the fact, {late}")
            } else {
                format!("Close {}{change}, {late}", escape::escape_words(&discharged.rule))
            }
        }
        LedgerEvent::Escalated(escalated) => {
            let (soon, over) = (escalated.due_soon.len(), escalated.overdue.len());
            format!("Tell of {}, {over} overdue", format_count(soon.saturating_add(over), "obligation"))
        }
        LedgerEvent::BreakGlass(BreakGlassEvent::Opened(opened)) => {
            trailers.extend(session_trailers(&opened.session, &opened.asked_as, &opened.by));
            trailers.push(("Incident", escape_text(&opened.incident)));
            trailers.push(("Opened-At", opened.opened_at.to_string()));
            trailers.push(("Until", opened.until.to_string()));
            let _ = writeln!(
                body,
                "{}",
                escape::escape_terminal(opened.reason.as_bytes(), escape::MAX_QUOTE_COLUMNS)
            );
            let word = if opened.session == opened.asked_as { "Open a" } else { "Extend the" };
            let incident = escape::escape_terminal(opened.incident.as_bytes(), 40);
            format!("{word} break-glass session for {incident}")
        }
        LedgerEvent::BreakGlass(BreakGlassEvent::Closed(ended)) => {
            trailers.extend(session_trailers(&ended.session, &ended.asked_as, &ended.by));
            trailers.push(("Closed-At", ended.closed_at.to_string()));
            trailers.extend(ended.late_by.map(|seconds| ("Late-By", format!("{seconds} s"))));
            ended.note.iter().for_each(|note| {
                let _ =
                    writeln!(body, "{}", escape::escape_terminal(note.as_bytes(), escape::MAX_QUOTE_COLUMNS));
            });
            let late = if ended.late_by.is_some() { "late" } else { "in time" };
            format!("Close the break-glass session {}, {late}", escape::escape_words(&ended.session))
        }
        LedgerEvent::Flagged(flagged) => {
            trailers.push(("Unauthorised", obligations::format_record_reference(flagged.record)));
            let teams = flagged.from.iter().take(MAX_LISTED_NAMES);
            trailers.extend(teams.map(|team| ("Declared-By", escape::escape_words(team).to_string())));
            trailers.push(("Declared-On", escape_text(&flagged.declared_on)));
            trailers.extend(flagged.due.map(|due| ("Due", due.to_string())));
            format!("Say who may declare record {} after the fact", flagged.record)
        }
    };
    let mut out = truncate_subject(&subject);
    out.push_str("\n\n");
    if !body.is_empty() {
        out.push_str(&body);
        out.push('\n');
    }
    for (key, value) in trailers {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{key}: {value}");
    }
    out
}

fn decision_subject(decided: &DecisionRecord) -> String {
    let word = match decided.decision {
        Decision::Allow => "Allow",
        Decision::Deny => "Deny",
    };
    let refs: Vec<&RefDecision> = decided.refs.iter().collect();
    let what = match refs.as_slice() {
        [only] if decided.refs_left_out == 0 => short_ref_name(&only.name),
        several => format_count(several.len().saturating_add(decided.refs_left_out), "ref"),
    };
    let who = match &decided.pusher {
        Ok(PusherIdentity::Account(account)) => format!(" by {}", escape_text(account)),
        _ => String::new(),
    };
    let rules = denying_rules(refs.iter().copied());
    let why = if rules.is_empty() { String::new() } else { format!(": {}", rules.join(", ")) };
    format!("{word} {what}{who}{why}")
}

fn write_ref_lines(out: &mut String, decided: &DecisionRecord) {
    for one in decided.refs.iter().take(MAX_LISTED_NAMES) {
        let changes = format_count(one.count_changes(), "change");
        let _ = writeln!(out, "{} {}, {changes}", escape_text(&one.name), format_ends(one.old, one.new));
        if let Some(alias) = &one.pushed_as {
            let _ = writeln!(out, "  pushed as {}", escape_text(alias));
        }
        for rule in denying_rules([one]).iter().take(MAX_LISTED_NAMES) {
            let _ = writeln!(out, "  denied by {rule}");
        }
        if 0 < one.left_out.changes {
            let left_out = one.left_out;
            let _ = writeln!(
                out,
                "  no room for {} changes, {} of them denied",
                left_out.changes, left_out.denied
            );
        }
    }
    let more = decided.refs.len().saturating_sub(MAX_LISTED_NAMES).saturating_add(decided.refs_left_out);
    if 0 < more {
        let _ = writeln!(out, "and {}", format_count(more, "further ref"));
    }
}

/// Returns the ids of the rules that deny, each once.
fn denying_rules<'a>(refs: impl IntoIterator<Item = &'a RefDecision>) -> Vec<String> {
    let refs = refs.into_iter();
    let judgements =
        refs.flat_map(|one| one.changes.iter().flat_map(|verdict| &verdict.judgements).chain(&one.refusals));
    let denied = judgements.filter(|judgement: &&Judgement| judgement.is_denying(true));
    let mut rules: Vec<String> = denied.map(|it| escape::escape_words(&it.rule.id).to_string()).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

fn discharge_trailers(discharged: &ObligationDischarge) -> Vec<(&'static str, String)> {
    let mut trailers = vec![
        ("Obligation", escape::escape_words(&discharged.obligation).to_string()),
        ("Evidence", escape_text(&discharged.evidence.full_name())),
        ("Observed-At", discharged.observed_at.to_string()),
    ];
    trailers.extend(discharged.late_by.map(|seconds| ("Late-By", format!("{seconds} s"))));
    trailers
}

fn session_trailers(session: &str, asked_as: &str, who: &SessionActor) -> Vec<(&'static str, String)> {
    let mut trailers = vec![("Session", escape::escape_words(session).to_string())];
    if session != asked_as {
        trailers.push(("Asked-As", escape::escape_words(asked_as).to_string()));
    }
    match &who.decision {
        Some(decision) => {
            trailers.push(("By", escape_text(&who.account)));
            trailers.push(("Decision-Id", escape::escape_words(decision).to_string()));
        }
        None => trailers.push(("By", format!("{}, on the server (claimed)", escape_text(&who.account)))),
    }
    trailers
}

fn decision_trailers(decided: &DecisionRecord) -> Vec<(&'static str, String)> {
    let mut trailers = vec![("Decision-Id", decided.id.clone())];
    let decision = if decided.decision == Decision::Allow { "allow" } else { "deny" };
    trailers.push(("Decision", decision.into()));
    trailers.push(("Observed-At", decided.observed_at.to_string()));
    trailers.push(("Pusher", describe_pusher(&decided.pusher)));
    if let Some(policy) = &decided.policy {
        trailers.push(("Policy", policy.digest.clone()));
    }
    trailers
}

fn outcome_subject(outcome: &DecisionOutcome) -> String {
    let late = if outcome.found_late { ", found late" } else { "" };
    let stayed = match outcome.stayed.len() {
        0 => String::new(),
        several => format!(", {several} stayed"),
    };
    match (outcome.landed.as_slice(), outcome.stayed.as_slice()) {
        ([], [only]) => format!("Stay {}: nothing landed{late}", short_ref_name(only)),
        ([], several) => format!("Stay {}: nothing landed{late}", format_count(several.len(), "ref")),
        ([only], _) => {
            let at = only.new.map(|id| format!(" at {}", id.short_hex())).unwrap_or_default();
            format!("Land {}{at}{stayed}{late}", short_ref_name(&only.name))
        }
        (several, _) => format!("Land {}{stayed}{late}", format_count(several.len(), "ref")),
    }
}

fn scope_subject(scope: &ScopeChange) -> String {
    let (came, left) = (scope.came.len(), scope.left.len());
    format!("Put {} under change control, release {left}", format_count(came, "ref"))
}

fn describe_pusher(pusher: &Fact<PusherIdentity>) -> String {
    match pusher {
        Ok(PusherIdentity::Account(account)) => escape_text(account),
        Ok(PusherIdentity::Unidentified) => "unidentified".into(),
        Err(_) => "unknown".into(),
    }
}

fn format_move(moved: &RecordedMove) -> String {
    format!("{} {}", escape_text(&moved.name), format_ends(moved.old, moved.new))
}

fn format_ends(old: Option<Oid>, new: Option<Oid>) -> String {
    let one = |id: Option<Oid>| id.map_or_else(|| "nothing".to_owned(), |id| id.to_string());
    format!("{}..{}", one(old), one(new))
}

fn escape_text(name: &Text) -> String {
    escape::escape_terminal(name.as_bytes(), 200)
}

/// Returns the name of a ref as people call it.
fn short_ref_name(name: &Text) -> String {
    let bytes = name.as_bytes();
    let bytes = bytes.strip_prefix(b"refs/heads/").or(bytes.strip_prefix(b"refs/")).unwrap_or(bytes);
    escape::escape_terminal(bytes, 40)
}

fn truncate_subject(subject: &str) -> String {
    if subject.chars().count() <= MAX_SUBJECT_CHARS {
        return subject.to_owned();
    }
    subject.chars().take(MAX_SUBJECT_CHARS - 3).chain("...".chars()).collect()
}

fn format_count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
