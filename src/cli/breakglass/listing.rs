//! Sessions, as a list for people and for programs.

use std::io::{self, BufWriter, Write};

use serde_json::{Value, json};

use super::super::{Exit, Stop, World, output, visible};
use crate::ledger::obligation::{Standing, standing};
use crate::ledger::session::{Session, sessions};
use crate::ledger::state::{Owed, State};
use crate::report::{due, escape};

/// The name and version of the list for programs.
const SCHEMA: &str = "changegate/break-glass/v1";

pub(super) fn list(state: &State, all: bool, as_json: bool, world: &World) -> Result<Exit, Stop> {
    let mut found: Vec<(Standing, &Session, &Owed)> = sessions(state)
        .map(|(session, owed)| (standing(owed, world.now, world.now), session, owed))
        .filter(|(at, _, _)| all || !matches!(at, Standing::Closed | Standing::ClosedLate))
        .collect();
    found.sort_by_key(|(at, _, owed)| (*at, owed.since));
    let mut out = BufWriter::new(io::stdout().lock());
    let written = if as_json { json(&found, world, &mut out) } else { terminal(&found, world, &mut out) };
    output::said(written.and_then(|()| out.flush()))?;
    let is_overdue = found.iter().any(|(at, _, _)| *at == Standing::Overdue);
    Ok(if is_overdue { Exit::Denied } else { Exit::Allowed })
}

fn terminal(found: &[(Standing, &Session, &Owed)], world: &World, out: &mut dyn Write) -> io::Result<()> {
    for (at, session, owed) in found {
        let incident = escape::terminal(session.incident.as_bytes(), 40);
        writeln!(out, "{} for {incident}, {}", escape::words(&session.id), word(*at))?;
        writeln!(out, "  {}", escape::terminal(session.reason.as_bytes(), escape::MOST))?;
        let owner = escape::words(&owed.owner);
        writeln!(out, "  opened {}, last by {owner}", due::instant(owed.since))?;
        match &owed.closed {
            None => writeln!(out, "  {}", due::words(owed.due, world.now))?,
            Some(closed) => {
                let seconds = closed.late_by.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
                let late =
                    seconds.map(|seconds| format!(", {} late", due::amount(seconds))).unwrap_or_default();
                let by = escape::terminal(closed.by.name().as_bytes(), escape::MOST);
                writeln!(out, "  closed {}{late}, by {by}", due::instant(closed.at))?;
            }
        }
    }
    if found.is_empty() {
        writeln!(out, "no session is open")?;
    }
    Ok(())
}

fn json(found: &[(Standing, &Session, &Owed)], world: &World, out: &mut dyn Write) -> io::Result<()> {
    let one = |(at, session, owed): &(Standing, &Session, &Owed)| -> Value {
        json!({
            "id": session.id,
            "standing": word(*at),
            "incident": session.incident,
            "reason": session.reason,
            "by": owed.owner,
            "opened-at": owed.since,
            "until": owed.due,
            "closed": owed.closed.as_ref().map(|closed| {
                json!({ "at": closed.at, "by": closed.by.name(), "late-by": closed.late_by })
            }),
        })
    };
    let list: Vec<Value> = found.iter().map(one).collect();
    let whole = json!({ "schema": SCHEMA, "now": world.now, "sessions": list });
    writeln!(out, "{}", visible(&format!("{whole:#}")))
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Overdue => "overdue",
        Standing::DueSoon | Standing::Open => "open",
        Standing::ClosedLate => "closed-late",
        Standing::Closed => "closed",
    }
}
