//! What is owed, as a list for people and for programs.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::command_error::{CommandExit, replace_invisible};
use crate::gate::obligations::{FOR_CHANGE_TRAILER, format_record_reference};
use crate::ledger::record::ObligationEvidence;
use crate::ledger::state::status::{ObligationStatus, obligation_status, seconds_late};
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::report::{due_time, escape};

/// The name and version of the list for programs.
const OBLIGATION_LIST_SCHEMA: &str = "changegate/obligations/v1";

/// What is owed at one moment, the most urgent first.
pub(crate) struct ObligationList<'state> {
    now: Timestamp,
    obligations: Vec<(ObligationStatus, &'state str, &'state TrackedObligation)>,
}

impl<'state> ObligationList<'state> {
    /// Returns what the state says at `now`; what is due until `soon` is due soon.
    pub(crate) fn from_state(state: &'state LedgerState, now: Timestamp, soon: Timestamp) -> Self {
        let one = |(id, owed): (&'state String, &'state TrackedObligation)| {
            (obligation_status(owed, now, soon), id.as_str(), owed)
        };
        let mut owed: Vec<_> = state.obligations.iter().map(one).collect();
        let due = |owed: &TrackedObligation| owed.due.unwrap_or(Timestamp::MAX);
        owed.sort_by(|one, other| (one.0, due(one.2), one.1).cmp(&(other.0, due(other.2), other.1)));
        ObligationList { now, obligations: owed }
    }

    /// Returns how many stand like this.
    pub(crate) fn count_with_status(&self, standing: ObligationStatus) -> usize {
        self.obligations.iter().filter(|(one, _, _)| *one == standing).count()
    }

    /// Returns those that stand like this, with their ids.
    pub(crate) fn filter_by_status(
        &self,
        standing: ObligationStatus,
    ) -> impl Iterator<Item = (&'state str, &'state TrackedObligation)> {
        self.obligations.iter().filter(move |(one, _, _)| *one == standing).map(|(_, id, owed)| (*id, *owed))
    }

    /// Returns how a command ends that tells this.
    pub(crate) fn command_exit(&self) -> CommandExit {
        if 0 < self.count_with_status(ObligationStatus::Overdue) {
            CommandExit::Denied
        } else {
            CommandExit::Allowed
        }
    }

    /// Writes the list for people.
    pub(crate) fn write_terminal(&self, all: bool, out: &mut dyn Write) -> io::Result<()> {
        for (at, title) in STATUS_TITLES {
            let mut first = true;
            for (_, owed) in self.filter_by_status(at).filter(|_| all || at != ObligationStatus::Closed) {
                if first {
                    writeln!(out, "{title}")?;
                    first = false;
                }
                self.write_obligation(owed, out)?;
            }
        }
        let counted: Vec<String> = STATUS_TITLES
            .iter()
            .filter(|(at, _)| 0 < self.count_with_status(*at))
            .map(|(at, title)| format!("{} {title}", self.count_with_status(*at)))
            .collect();
        if counted.is_empty() {
            return writeln!(out, "nothing is owed");
        }
        writeln!(out, "{}", counted.join(", "))
    }

    fn write_obligation(&self, owed: &TrackedObligation, out: &mut dyn Write) -> io::Result<()> {
        let change = describe_owing_change(owed);
        let on = escape::escape_terminal(shorten_ref_name(owed.ref_name.as_bytes()), 30);
        match &owed.session {
            None => writeln!(out, "  {change} on {on}: {}", escape::escape_words(&owed.rule))?,
            Some(session) => {
                let incident = escape::escape_terminal(session.incident.as_bytes(), 30);
                writeln!(out, "  {change} for {incident}: {}", escape::escape_words(&owed.rule))?;
            }
        }
        writeln!(
            out,
            "    {}, owed by {}",
            escape::escape_words(&owed.what.to_plain_text()),
            escape::escape_words(&owed.owner.describe())
        )?;
        if let Some(closed) = &owed.closed {
            let by = escape::escape_words(&closed.by.describe());
            let seconds = closed.late_by.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
            let late = seconds.map(|seconds| format!(", {} late", due_time::format_duration(seconds)));
            let (at, late) = (due_time::format_instant(closed.at), late.unwrap_or_default());
            let flag = if owed.unauthorised_change.is_some() { ", declared-after-the-fact" } else { "" };
            return writeln!(out, "    closed {at}{late}, by {by}{flag}");
        }
        writeln!(out, "    {}", due_time::describe_due_time(owed.due, self.now))?;
        if owed.session.is_some() {
            return writeln!(
                out,
                "    close it with: {}",
                escape::escape_words(&owed.evidence.to_plain_text())
            );
        }
        if let Some(stray) = &owed.unauthorised_change {
            let Some(on) = &stray.regularised_on else {
                return writeln!(out, "    nobody may declare it: the policy names nobody (`regularise`)");
            };
            let on = escape::escape_terminal(shorten_ref_name(on.as_bytes()), 30);
            let who = escape::escape_words(&owed.owner.describe());
            writeln!(out, "    declare it with a change on {on} that {who} pushes or merges,")?;
            writeln!(out, "    who did not make it, and that says:")?;
            writeln!(out, "      {FOR_CHANGE_TRAILER}: {change}")?;
            return writeln!(out, "      {}", escape::escape_words(&owed.evidence.to_plain_text()));
        }
        let others = if owed.by_others { ", by somebody who did not make it" } else { "" };
        writeln!(out, "    close it with a change on {on} that says{others}:")?;
        writeln!(out, "      {FOR_CHANGE_TRAILER}: {change}")?;
        writeln!(out, "      {}", escape::escape_words(&owed.evidence.to_plain_text()))?;
        match &owed.pull {
            None => Ok(()),
            Some(pull) => {
                let pull = escape::escape_terminal(pull.as_bytes(), 60);
                writeln!(out, "    or with an approving review of {pull}, by somebody else")
            }
        }
    }

    /// Writes the list for programs.
    pub(crate) fn write_json(&self, all: bool, out: &mut dyn Write) -> io::Result<()> {
        let shown = self.obligations.iter().filter(|(at, _, _)| all || *at != ObligationStatus::Closed);
        let list: Vec<Value> = shown.map(|(at, id, owed)| self.obligation_json(*at, id, owed)).collect();
        let counts: serde_json::Map<String, Value> = STATUS_TITLES
            .iter()
            .map(|(at, _)| (describe_status(*at).to_owned(), self.count_with_status(*at).into()))
            .collect();
        let whole = json!({ "schema": OBLIGATION_LIST_SCHEMA, "now": self.now, "counts": counts, "obligations": list });
        writeln!(out, "{}", replace_invisible(&format!("{whole:#}")))
    }

    /// Returns every obligation for programs, the most urgent first.
    pub(crate) fn to_json_values(&self) -> Vec<Value> {
        self.obligations.iter().map(|(at, id, owed)| self.obligation_json(*at, id, owed)).collect()
    }

    /// Returns one obligation for programs.
    pub(crate) fn obligation_json(&self, at: ObligationStatus, id: &str, owed: &TrackedObligation) -> Value {
        let closed = owed.closed.as_ref().map(|closed| match &closed.by {
            ObligationEvidence::Change { id } => json!({ "at": closed.at, "by": id }),
            ObligationEvidence::Ticket { key, source, url, by, .. } => {
                let ticket = json!({ "key": key, "source": source, "url": url });
                json!({ "at": closed.at, "by": by, "ticket": ticket })
            }
            ObligationEvidence::Review { by, on, .. } => {
                json!({ "at": closed.at, "by": by.to_lossy(), "review-of": on.to_lossy() })
            }
            ObligationEvidence::Session { by } => json!({ "at": closed.at, "by": by }),
        });
        json!({
            "id": id,
            "standing": describe_status(at),
            "ref": owed.ref_name.to_lossy(),
            "change": owed.change,
            "rule": owed.rule,
            "what": owed.what.to_plain_text(),
            "owner": owed.owner.describe(),
            "evidence": owed.evidence.to_plain_text(),
            "by-others": owed.by_others,
            "pull": owed.pull.as_ref().map(|pull| pull.to_lossy()),
            "since": owed.since,
            "due": owed.due,
            "late-by": match &owed.closed {
                Some(closed) => closed.late_by,
                None => seconds_late(owed.due, self.now),
            },
            "closed": closed,
            "session": owed.session,
            "record": owed.unauthorised_change.as_ref().map(|stray| stray.record_number),
            "declared-after-the-fact": owed.unauthorised_change.is_some() && owed.closed.is_some(),
        })
    }
}

const STATUS_TITLES: [(ObligationStatus, &str); 5] = [
    (ObligationStatus::Overdue, "overdue"),
    (ObligationStatus::DueSoon, "due soon"),
    (ObligationStatus::Open, "open"),
    (ObligationStatus::ClosedLate, "closed late"),
    (ObligationStatus::Closed, "closed in time"),
];

fn describe_status(standing: ObligationStatus) -> &'static str {
    match standing {
        ObligationStatus::Overdue => "overdue",
        ObligationStatus::DueSoon => "due-soon",
        ObligationStatus::Open => "open",
        ObligationStatus::ClosedLate => "closed-late",
        ObligationStatus::Closed => "closed",
    }
}

/// Returns how a later change names the one that owes; for a break-glass session, its id.
pub(crate) fn describe_owing_change(owed: &TrackedObligation) -> String {
    match (&owed.session, &owed.unauthorised_change, owed.change) {
        (Some(session), _, _) => return escape::escape_words(&session.id).to_string(),
        (None, Some(stray), None) => return format_record_reference(stray.record_number),
        _ => {}
    }
    let id = owed.change.map(|id| id.to_string()).unwrap_or_default();
    id.get(..12).unwrap_or(&id).to_owned()
}

/// Returns the name of a ref as people call it.
pub(crate) fn shorten_ref_name(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"refs/heads/").unwrap_or(name)
}
