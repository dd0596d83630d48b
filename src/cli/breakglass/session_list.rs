//! Lists of break-glass sessions, for people and for programs.

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

/// The name and version of the JSON list.
const SESSION_LIST_SCHEMA: &str = "changegate/break-glass/v1";

/// A session with its status and the obligation to close it.
type ListedSession<'a> = (ObligationStatus, &'a BreakGlassSession, &'a TrackedObligation);

pub(crate) fn print_sessions(
    state: &LedgerState,
    all: bool,
    as_json: bool,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let mut found: Vec<ListedSession<'_>> = Vec::new();
    for (session, owed) in list_sessions(state) {
        let status = obligation_status(owed, context.now, context.now);
        if all || !matches!(status, ObligationStatus::Closed | ObligationStatus::ClosedLate) {
            found.push((status, session, owed));
        }
    }
    found.sort_by_key(|(status, _, owed)| (*status, owed.since));
    let mut out = BufWriter::new(io::stdout().lock());
    let written = if as_json {
        write_session_json(&found, context, &mut out)
    } else {
        write_session_list(&found, context, &mut out)
    };
    output::ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    let is_overdue = found.iter().any(|(status, _, _)| *status == ObligationStatus::Overdue);
    Ok(if is_overdue { CommandExit::Denied } else { CommandExit::Allowed })
}

fn write_session_list(found: &[ListedSession<'_>], context: &Context, out: &mut dyn Write) -> io::Result<()> {
    for (status, session, owed) in found {
        let incident = escape::escape_terminal(session.incident.as_bytes(), 40);
        writeln!(
            out,
            "{} for {incident}, {}",
            escape::escape_words(&session.id),
            describe_session_status(*status)
        )?;
        writeln!(out, "  {}", escape::escape_terminal(session.reason.as_bytes(), escape::MAX_QUOTE_COLUMNS))?;
        let owner = escape::escape_words(&owed.owner.describe());
        writeln!(out, "  opened {}, last opened by {owner}", due_time::format_instant(owed.since))?;
        match &owed.closed {
            None => writeln!(out, "  {}", due_time::describe_due_time(owed.due, context.now))?,
            Some(closed) => {
                let late = output::describe_lateness(closed.late_by);
                let by = escape::escape_terminal(closed.by.full_name().as_bytes(), escape::MAX_QUOTE_COLUMNS);
                writeln!(out, "  closed {}{late}, by {by}", due_time::format_instant(closed.at))?;
            }
        }
    }
    if found.is_empty() {
        writeln!(out, "no open sessions")?;
    }
    Ok(())
}

fn write_session_json(found: &[ListedSession<'_>], context: &Context, out: &mut dyn Write) -> io::Result<()> {
    let mut list = Vec::new();
    for (status, session, owed) in found {
        let mut closed = Value::Null;
        if let Some(by) = &owed.closed {
            closed = json!({ "at": by.at, "by": by.by.full_name(), "late-by": by.late_by });
        }
        list.push(json!({
            "id": session.id,
            "standing": describe_session_status(*status),
            "incident": session.incident,
            "reason": session.reason,
            "by": owed.owner.describe(),
            "opened-at": owed.since,
            "until": owed.due,
            "closed": closed,
        }));
    }
    let whole = json!({ "schema": SESSION_LIST_SCHEMA, "now": context.now, "sessions": list });
    writeln!(out, "{}", replace_invisible(&format!("{whole:#}")))
}

fn describe_session_status(status: ObligationStatus) -> &'static str {
    match status {
        ObligationStatus::Overdue => "overdue",
        ObligationStatus::DueSoon | ObligationStatus::Open => "open",
        ObligationStatus::ClosedLate => "closed-late",
        ObligationStatus::Closed => "closed",
    }
}
