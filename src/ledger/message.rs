//! What a record says in `git log`: a subject, a few lines, and trailers for programs.
//!
//! It repeats the record and adds nothing, so whoever verifies the ledger makes it anew and compares.

use std::fmt::Write as _;

use super::record::{Decided, Discharged, Event, Moved, Outcome, Record, RefDecided, Scope};
use super::session::{BreakGlass, Who};
use super::stray::record_in;
use crate::change::{Fact, Oid, Pusher, Text};
use crate::gate::dues;
use crate::report::escape;
use crate::verdict::{Decision, Judgement};

/// How many refs and rules are named; the record has all of them.
const NAMED: usize = 20;

/// How many characters a subject may have.
const SUBJECT: usize = 72;

/// Returns the message of a record.
pub fn of(record: &Record) -> String {
    let mut body = String::new();
    let mut trailers: Vec<(&str, String)> = vec![("Ledger-Record", record.number.to_string())];
    let subject = match &record.event {
        Event::Begin(begin) => {
            format!("Begin the ledger with {}", counted(begin.tips.len(), "ref"))
        }
        Event::Decision(decided) => {
            trailers.extend(about(decided));
            about_refs(&mut body, decided);
            decision(decided)
        }
        Event::Outcome(outcome) => {
            trailers.push(("Decision-Id", outcome.of.clone()));
            trailers.extend(outcome.landed.iter().take(NAMED).map(|moved| ("Landed", arrow(moved))));
            trailers.extend(outcome.stayed.iter().take(NAMED).map(|stayed| ("Stayed", shown(stayed))));
            trailers.push(("Found-Late", outcome.found_late.to_string()));
            became(outcome)
        }
        Event::Unauthorised(moved) => {
            trailers.push(("Unauthorised", arrow(moved)));
            let to =
                moved.new.map_or_else(|| "was deleted".to_owned(), |id| format!("moved to {}", id.short()));
            format!("Unauthorised: {} {to} without a decision", short(&moved.name))
        }
        Event::Scope(scope) => {
            trailers.extend(
                scope.protects.iter().take(NAMED).map(|one| ("Protects", escape::words(one).to_string())),
            );
            rescoped(scope)
        }
        Event::Damaged(damaged) => {
            let _ = writeln!(body, "{}", escape::words(&damaged.why));
            trailers.push(("File", escape::words(&damaged.file).to_string()));
            "Find a decision that cannot be read".to_owned()
        }
        Event::Discharged(discharged) => {
            trailers.extend(closed(discharged));
            let change = discharged.change.map(|id| format!(" of {}", id.short())).unwrap_or_default();
            let late = if discharged.late_by.is_some() { "late" } else { "in time" };
            if let Some(number) = record_in(&discharged.obligation) {
                trailers.push(("Declared-After-The-Fact", dues::record(number)));
                format!("Declare record {number}{change} after the fact, {late}")
            } else {
                format!("Close {}{change}, {late}", escape::words(&discharged.rule))
            }
        }
        Event::Escalated(escalated) => {
            let (soon, over) = (escalated.due_soon.len(), escalated.overdue.len());
            format!("Tell of {}, {over} overdue", counted(soon.saturating_add(over), "obligation"))
        }
        Event::BreakGlass(BreakGlass::Opened(opened)) => {
            trailers.extend(about_session(&opened.session, &opened.asked_as, &opened.by));
            trailers.push(("Incident", shown(&opened.incident)));
            trailers.push(("Opened-At", opened.opened_at.to_string()));
            trailers.push(("Until", opened.until.to_string()));
            let _ = writeln!(body, "{}", escape::terminal(opened.reason.as_bytes(), escape::MOST));
            let word = if opened.session == opened.asked_as { "Open a" } else { "Extend the" };
            let incident = escape::terminal(opened.incident.as_bytes(), 40);
            format!("{word} break-glass session for {incident}")
        }
        Event::BreakGlass(BreakGlass::Closed(ended)) => {
            trailers.extend(about_session(&ended.session, &ended.asked_as, &ended.by));
            trailers.push(("Closed-At", ended.closed_at.to_string()));
            trailers.extend(ended.late_by.map(|seconds| ("Late-By", format!("{seconds} s"))));
            ended.note.iter().for_each(|note| {
                let _ = writeln!(body, "{}", escape::terminal(note.as_bytes(), escape::MOST));
            });
            let late = if ended.late_by.is_some() { "late" } else { "in time" };
            format!("Close the break-glass session {}, {late}", escape::words(&ended.session))
        }
        Event::Flagged(flagged) => {
            trailers.push(("Unauthorised", dues::record(flagged.record)));
            let teams = flagged.from.iter().take(NAMED);
            trailers.extend(teams.map(|team| ("Declared-By", escape::words(team).to_string())));
            trailers.push(("Declared-On", shown(&flagged.declared_on)));
            trailers.extend(flagged.due.map(|due| ("Due", due.to_string())));
            format!("Say who may declare record {} after the fact", flagged.record)
        }
    };
    let mut out = cut(&subject);
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

fn decision(decided: &Decided) -> String {
    let word = match decided.decision {
        Decision::Allow => "Allow",
        Decision::Deny => "Deny",
    };
    let refs: Vec<&RefDecided> = decided.refs.iter().collect();
    let what = match refs.as_slice() {
        [only] if decided.refs_left_out == 0 => short(&only.name),
        several => counted(several.len().saturating_add(decided.refs_left_out), "ref"),
    };
    let who = match &decided.pusher {
        Ok(Pusher::Account(account)) => format!(" by {}", shown(account)),
        _ => String::new(),
    };
    let rules = denied_by(refs.iter().copied());
    let why = if rules.is_empty() { String::new() } else { format!(": {}", rules.join(", ")) };
    format!("{word} {what}{who}{why}")
}

fn about_refs(out: &mut String, decided: &Decided) {
    for one in decided.refs.iter().take(NAMED) {
        let changes = counted(one.changes(), "change");
        let _ = writeln!(out, "{} {}, {changes}", shown(&one.name), ends(one.old, one.new));
        if let Some(alias) = &one.pushed_as {
            let _ = writeln!(out, "  pushed as {}", shown(alias));
        }
        for rule in denied_by([one]).iter().take(NAMED) {
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
    let more = decided.refs.len().saturating_sub(NAMED).saturating_add(decided.refs_left_out);
    if 0 < more {
        let _ = writeln!(out, "and {}", counted(more, "further ref"));
    }
}

/// Returns the ids of the rules that deny, each once.
fn denied_by<'a>(refs: impl IntoIterator<Item = &'a RefDecided>) -> Vec<String> {
    let refs = refs.into_iter();
    let judgements =
        refs.flat_map(|one| one.changes.iter().flat_map(|verdict| &verdict.judgements).chain(&one.refusals));
    let denied = judgements.filter(|judgement: &&Judgement| judgement.denies(true));
    let mut rules: Vec<String> = denied.map(|it| escape::words(&it.rule.id).to_string()).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

fn closed(discharged: &Discharged) -> Vec<(&'static str, String)> {
    let mut trailers = vec![
        ("Obligation", escape::words(&discharged.obligation).to_string()),
        ("Evidence", shown(&discharged.evidence.name())),
        ("Observed-At", discharged.observed_at.to_string()),
    ];
    trailers.extend(discharged.late_by.map(|seconds| ("Late-By", format!("{seconds} s"))));
    trailers
}

fn about_session(session: &str, asked_as: &str, who: &Who) -> Vec<(&'static str, String)> {
    let mut trailers = vec![("Session", escape::words(session).to_string())];
    if session != asked_as {
        trailers.push(("Asked-As", escape::words(asked_as).to_string()));
    }
    match &who.decision {
        Some(decision) => {
            trailers.push(("By", shown(&who.account)));
            trailers.push(("Decision-Id", escape::words(decision).to_string()));
        }
        None => trailers.push(("By", format!("{}, on the server (claimed)", shown(&who.account)))),
    }
    trailers
}

fn about(decided: &Decided) -> Vec<(&'static str, String)> {
    let mut trailers = vec![("Decision-Id", decided.id.clone())];
    let decision = if decided.decision == Decision::Allow { "allow" } else { "deny" };
    trailers.push(("Decision", decision.into()));
    trailers.push(("Observed-At", decided.observed_at.to_string()));
    trailers.push(("Pusher", pusher(&decided.pusher)));
    if let Some(policy) = &decided.policy {
        trailers.push(("Policy", policy.digest.clone()));
    }
    trailers
}

fn became(outcome: &Outcome) -> String {
    let late = if outcome.found_late { ", found late" } else { "" };
    let stayed = match outcome.stayed.len() {
        0 => String::new(),
        several => format!(", {several} stayed"),
    };
    match (outcome.landed.as_slice(), outcome.stayed.as_slice()) {
        ([], [only]) => format!("Stay {}: nothing landed{late}", short(only)),
        ([], several) => format!("Stay {}: nothing landed{late}", counted(several.len(), "ref")),
        ([only], _) => {
            let at = only.new.map(|id| format!(" at {}", id.short())).unwrap_or_default();
            format!("Land {}{at}{stayed}{late}", short(&only.name))
        }
        (several, _) => format!("Land {}{stayed}{late}", counted(several.len(), "ref")),
    }
}

fn rescoped(scope: &Scope) -> String {
    let (came, left) = (scope.came.len(), scope.left.len());
    format!("Put {} under change control, release {left}", counted(came, "ref"))
}

fn pusher(pusher: &Fact<Pusher>) -> String {
    match pusher {
        Ok(Pusher::Account(account)) => shown(account),
        Ok(Pusher::Unidentified) => "unidentified".into(),
        Err(_) => "unknown".into(),
    }
}

fn arrow(moved: &Moved) -> String {
    format!("{} {}", shown(&moved.name), ends(moved.old, moved.new))
}

fn ends(old: Option<Oid>, new: Option<Oid>) -> String {
    let one = |id: Option<Oid>| id.map_or_else(|| "nothing".to_owned(), |id| id.to_string());
    format!("{}..{}", one(old), one(new))
}

fn shown(name: &Text) -> String {
    escape::terminal(name.as_bytes(), 200)
}

/// Returns the name of a ref as people call it.
fn short(name: &Text) -> String {
    let bytes = name.as_bytes();
    let bytes = bytes.strip_prefix(b"refs/heads/").or(bytes.strip_prefix(b"refs/")).unwrap_or(bytes);
    escape::terminal(bytes, 40)
}

fn cut(subject: &str) -> String {
    if subject.chars().count() <= SUBJECT {
        return subject.to_owned();
    }
    subject.chars().take(SUBJECT - 3).chain("...".chars()).collect()
}

fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
