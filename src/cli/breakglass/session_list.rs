//! Sessions, as a list for people and for programs.

use std::io::{self, BufWriter, Write};

use serde_json::{Value, json};

use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::Context;
use crate::cli::output;
use crate::ledger::state::BreakGlassSession;
use crate::ledger::state::break_glass::list_sessions;
use crate::ledger::state::status::{ObligationStatus, obligation_status};
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::report::{due_time, escape};

/// The name and version of the list for programs.
const SESSION_LIST_SCHEMA: &str = "changegate/break-glass/v1";

pub(crate) fn print_sessions(
    state: &LedgerState,
    all: bool,
    as_json: bool,
    world: &Context,
) -> Result<CommandExit, CommandError> {
    let mut found: Vec<(ObligationStatus, &BreakGlassSession, &TrackedObligation)> = list_sessions(state)
        .map(|(session, owed)| (obligation_status(owed, world.now, world.now), session, owed))
        .filter(|(at, _, _)| all || !matches!(at, ObligationStatus::Closed | ObligationStatus::ClosedLate))
        .collect();
    found.sort_by_key(|(at, _, owed)| (*at, owed.since));
    let mut out = BufWriter::new(io::stdout().lock());
    let written = if as_json {
        write_session_json(&found, world, &mut out)
    } else {
        write_session_list(&found, world, &mut out)
    };
    output::ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    let is_overdue = found.iter().any(|(at, _, _)| *at == ObligationStatus::Overdue);
    Ok(if is_overdue { CommandExit::Denied } else { CommandExit::Allowed })
}

fn write_session_list(
    found: &[(ObligationStatus, &BreakGlassSession, &TrackedObligation)],
    world: &Context,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (at, session, owed) in found {
        let incident = escape::escape_terminal(session.incident.as_bytes(), 40);
        writeln!(
            out,
            "{} for {incident}, {}",
            escape::escape_words(&session.id),
            describe_session_status(*at)
        )?;
        writeln!(out, "  {}", escape::escape_terminal(session.reason.as_bytes(), escape::MAX_QUOTE_COLUMNS))?;
        let owner = escape::escape_words(&owed.owner.describe());
        writeln!(out, "  opened {}, last by {owner}", due_time::format_instant(owed.since))?;
        match &owed.closed {
            None => writeln!(out, "  {}", due_time::describe_due_time(owed.due, world.now))?,
            Some(closed) => {
                let seconds = closed.late_by.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
                let late = seconds
                    .map(|seconds| format!(", {} late", due_time::format_duration(seconds)))
                    .unwrap_or_default();
                let by = escape::escape_terminal(closed.by.full_name().as_bytes(), escape::MAX_QUOTE_COLUMNS);
                writeln!(out, "  closed {}{late}, by {by}", due_time::format_instant(closed.at))?;
            }
        }
    }
    if found.is_empty() {
        writeln!(out, "no session is open")?;
    }
    Ok(())
}

fn write_session_json(
    found: &[(ObligationStatus, &BreakGlassSession, &TrackedObligation)],
    world: &Context,
    out: &mut dyn Write,
) -> io::Result<()> {
    let one = |(at, session, owed): &(ObligationStatus, &BreakGlassSession, &TrackedObligation)| -> Value {
        json!({
            "id": session.id,
            "standing": describe_session_status(*at),
            "incident": session.incident,
            "reason": session.reason,
            "by": owed.owner.describe(),
            "opened-at": owed.since,
            "until": owed.due,
            "closed": owed.closed.as_ref().map(|closed| {
                json!({ "at": closed.at, "by": closed.by.full_name(), "late-by": closed.late_by })
            }),
        })
    };
    let list: Vec<Value> = found.iter().map(one).collect();
    let whole = json!({ "schema": SESSION_LIST_SCHEMA, "now": world.now, "sessions": list });
    writeln!(out, "{}", replace_invisible(&format!("{whole:#}")))
}

fn describe_session_status(standing: ObligationStatus) -> &'static str {
    match standing {
        ObligationStatus::Overdue => "overdue",
        ObligationStatus::DueSoon | ObligationStatus::Open => "open",
        ObligationStatus::ClosedLate => "closed-late",
        ObligationStatus::Closed => "closed",
    }
}
