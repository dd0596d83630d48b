//! What a record says in `git log`: a subject, a few lines, and trailers for programs.
//!
//! It repeats the record and adds nothing, so whoever verifies the ledger makes it anew and compares.

use std::fmt::Write as _;

use super::record::{Decided, Event, Moved, Record, RefDecided};
use crate::change::{Fact, Oid, Pusher, Text};
use crate::report::escape;
use crate::verdict::{Decision, Judgement};

/// How many refs and rules are named; the record has all of them.
const NAMED: usize = 20;

/// Returns the message of a record.
pub(super) fn of(record: &Record) -> String {
    let mut out = String::new();
    let mut trailers: Vec<(&str, String)> = vec![("Ledger-Record", record.number.to_string())];
    // Writing to a string does not fail.
    let _ = match &record.event {
        Event::Begin(begin) => {
            writeln!(out, "Begin the ledger with {}", counted(begin.tips.len(), "ref"))
        }
        Event::Decision(decided) => {
            trailers.extend(about(decided));
            decision(&mut out, decided)
        }
        Event::Outcome(outcome) => {
            trailers.push(("Decision-Id", outcome.of.clone()));
            for moved in outcome.landed.iter().take(NAMED) {
                trailers.push(("Landed", arrow(moved)));
            }
            trailers.push(("Found-Late", outcome.found_late.to_string()));
            let stayed = match outcome.stayed.len() {
                0 => String::new(),
                several => format!(", {several} did not move"),
            };
            writeln!(out, "Land {}{stayed}", counted(outcome.landed.len(), "ref"))
        }
        Event::Unauthorised(moved) => {
            trailers.push(("Unauthorised", arrow(moved)));
            writeln!(out, "Find that {} moved without a decision", name(&moved.name))
        }
        Event::Damaged(damaged) => {
            writeln!(out, "Find a decision that cannot be read\n\n{}", escape::words(&damaged.why))
        }
    };
    out.push('\n');
    for (key, value) in trailers {
        let _ = writeln!(out, "{key}: {value}");
    }
    out
}

fn decision(out: &mut String, decided: &Decided) -> std::fmt::Result {
    let word = match decided.decision {
        Decision::Allow => "Allow",
        Decision::Deny => "Deny",
    };
    let protected: Vec<&RefDecided> = decided.refs.iter().filter(|one| one.protected).collect();
    match protected.as_slice() {
        [] => writeln!(out, "{word} {}", counted(decided.refs.len(), "ref"))?,
        [only] => writeln!(out, "{word} {}", name(&only.name))?,
        several => writeln!(out, "{word} {}", counted(several.len(), "ref"))?,
    }
    for one in protected.iter().take(NAMED) {
        let changes = one.changes.len() + one.passed;
        write!(out, "\n{} {}", name(&one.name), ends(one.old, one.new))?;
        writeln!(out, ", {}", counted(changes, "change"))?;
        let denied = one.changes.iter().flat_map(|verdict| &verdict.judgements).chain(&one.refusals);
        let mut rules: Vec<&str> = denied
            .filter(|judgement: &&Judgement| judgement.denies(true))
            .map(|it| it.rule.id.as_str())
            .collect();
        rules.sort_unstable();
        rules.dedup();
        for rule in rules.iter().take(NAMED) {
            writeln!(out, "  denied by {}", escape::words(rule))?;
        }
    }
    Ok(())
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

fn pusher(pusher: &Fact<Pusher>) -> String {
    match pusher {
        Ok(Pusher::Account(account)) => name(account),
        Ok(Pusher::Unidentified) => "unidentified".into(),
        Err(_) => "unknown".into(),
    }
}

fn arrow(moved: &Moved) -> String {
    format!("{} {}", name(&moved.name), ends(moved.old, moved.new))
}

fn ends(old: Option<Oid>, new: Option<Oid>) -> String {
    let one = |id: Option<Oid>| id.map_or_else(|| "nothing".to_owned(), |id| id.to_string());
    format!("{}..{}", one(old), one(new))
}

fn name(name: &Text) -> String {
    escape::terminal(name.as_bytes(), 200)
}

fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
