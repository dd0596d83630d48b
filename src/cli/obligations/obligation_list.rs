//! Lists of obligations, for people and for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::change::Text;
use crate::cli::command_error::{CommandExit, replace_invisible};
use crate::cli::obligations::succession::{ObligationSuccession, find_succession};
use crate::cli::output;
use crate::gate::obligations::format_record_reference;
use crate::ledger::record::ObligationEvidence;
use crate::ledger::state::status::{ObligationStatus, obligation_status, seconds_late};
use crate::ledger::state::{LedgerState, ObligationClosure, TrackedObligation};
use crate::policy::{FOR_CHANGE_TRAILER, Policy};
use crate::report::{due_time, escape};

/// The default of `--due`: the time before the due time from which an obligation is due soon.
pub(crate) const DEFAULT_DUE_SOON: &str = "24h";

/// The name and version of the JSON list.
const OBLIGATION_LIST_SCHEMA: &str = "changegate/obligations/v1";

/// The obligations at one moment, the most urgent first.
pub(crate) struct ObligationList<'state> {
    now: Timestamp,
    obligations: Vec<(ObligationStatus, &'state str, &'state TrackedObligation)>,
    /// To whom those of people who have left go, by their ids.
    successions: BTreeMap<&'state str, ObligationSuccession>,
}

impl<'state> ObligationList<'state> {
    /// Returns the obligations of a state at `now`; those due before `soon` are due soon.
    pub(crate) fn from_state(state: &'state LedgerState, now: Timestamp, soon: Timestamp) -> Self {
        let mut obligations = Vec::new();
        for (id, owed) in &state.obligations {
            obligations.push((obligation_status(owed, now, soon), id.as_str(), owed));
        }
        obligations.sort_by_key(|(status, id, owed)| (*status, owed.due.unwrap_or(Timestamp::MAX), *id));
        ObligationList { now, obligations, successions: BTreeMap::new() }
    }

    /// Finds out to whom the obligations of people go who have left by the roster of `policy`: those of one ref, or all.
    pub(crate) fn add_successions(&mut self, policy: &Policy, ref_name: Option<&Text>) {
        for (_, id, owed) in &self.obligations {
            let is_asked = ref_name.is_none_or(|name| *name == owed.ref_name);
            if is_asked && let Some(found) = find_succession(owed, policy, self.now) {
                self.successions.insert(id, found);
            }
        }
    }

    /// Returns the number of obligations with this status.
    pub(crate) fn count_with_status(&self, status: ObligationStatus) -> usize {
        self.obligations.iter().filter(|(one, _, _)| *one == status).count()
    }

    /// Returns the obligations with this status, with their ids.
    pub(crate) fn filter_by_status(
        &self,
        status: ObligationStatus,
    ) -> impl Iterator<Item = (&'state str, &'state TrackedObligation)> {
        self.obligations.iter().filter(move |(one, _, _)| *one == status).map(|(_, id, owed)| (*id, *owed))
    }

    /// Returns the exit of a command that prints this list: denied if an obligation is overdue.
    pub(crate) fn command_exit(&self) -> CommandExit {
        if self.count_with_status(ObligationStatus::Overdue) > 0 {
            CommandExit::Denied
        } else {
            CommandExit::Allowed
        }
    }

    /// Writes the list for people.
    pub(crate) fn write_terminal(&self, all: bool, out: &mut dyn Write) -> io::Result<()> {
        let mut counts = Vec::new();
        for (status, title) in STATUS_TITLES {
            let count = self.count_with_status(status);
            if count == 0 {
                continue;
            }
            counts.push(format!("{count} {title}"));
            if all || status != ObligationStatus::Closed {
                writeln!(out, "{title}")?;
                for (id, owed) in self.filter_by_status(status) {
                    self.write_obligation(id, owed, out)?;
                }
            }
        }
        if counts.is_empty() {
            return writeln!(out, "no obligations");
        }
        writeln!(out, "{}", counts.join(", "))
    }

    fn write_obligation(&self, id: &str, owed: &TrackedObligation, out: &mut dyn Write) -> io::Result<()> {
        let change = describe_owing_change(owed);
        // The trailer has all digits, so that no other change can be made that is named as well.
        let named = match owed.change {
            Some(id) => id.to_string(),
            None => change.clone(),
        };
        let on = escape::escape_terminal(shorten_ref_name(owed.ref_name.as_bytes()), 30);
        match &owed.session {
            None => writeln!(out, "  {change} on {on}: {}", escape::escape_words(owed.rule.as_str()))?,
            Some(session) => {
                let incident = escape::escape_terminal(session.incident.as_bytes(), 30);
                writeln!(out, "  {change} for {incident}: {}", escape::escape_words(owed.rule.as_str()))?;
            }
        }
        let what = escape::escape_words(&owed.what.to_plain_text());
        let owner = escape::escape_words(&owed.owner.describe());
        writeln!(out, "{}", output::wrap_text("    ", 6, &format!("{what}, owed by {owner}")))?;
        if let Some(ObligationSuccession { left, goes_to }) = self.successions.get(id) {
            let left = escape::escape_words(&left.join(", ")).to_string();
            let goes_to = escape::escape_words(goes_to);
            writeln!(out, "{}", output::wrap_text("    ", 6, &format!("{left} left; it goes to {goes_to}")))?;
        }
        if let Some(closed) = &owed.closed {
            let by = escape::escape_words(&closed.by.describe());
            let late = output::describe_lateness(closed.late_by);
            let at = due_time::format_instant(closed.at);
            let flag = if owed.unauthorised_change.is_some() { ", regularised" } else { "" };
            return writeln!(out, "    closed {at}{late}, by {by}{flag}");
        }
        writeln!(out, "    {}", due_time::describe_due_time(owed.due, self.now))?;
        if owed.session.is_some() {
            return writeln!(
                out,
                "    to close it: {}",
                escape::escape_words(&owed.evidence.to_plain_text())
            );
        }
        if let Some(unauthorised) = &owed.unauthorised_change {
            let Some(on) = &unauthorised.regularised_on else {
                return writeln!(out, "    cannot be regularised: the policy names no team (`regularise`)");
            };
            let on = escape::escape_terminal(shorten_ref_name(on.as_bytes()), 30);
            let who = escape::escape_words(&owed.owner.describe());
            writeln!(out, "    to regularise it, {who} who is not its author")?;
            writeln!(out, "    pushes or merges a change on {on} with:")?;
            writeln!(out, "      {FOR_CHANGE_TRAILER}: {named}")?;
            writeln!(out, "      {}", escape::escape_words(&owed.evidence.to_plain_text()))?;
            return writeln!(out, "    and the other fields that the policy requires of an emergency");
        }
        // The trailers to paste are on lines of their own.
        let others = if owed.by_others { " by someone other than its author" } else { "" };
        writeln!(out, "    to close it, push a change{others} on {on} with:")?;
        writeln!(out, "      {FOR_CHANGE_TRAILER}: {named}")?;
        writeln!(out, "      {}", escape::escape_words(&owed.evidence.to_plain_text()))?;
        match &owed.pull {
            None => Ok(()),
            Some(pull) => {
                let pull = escape::escape_terminal(pull.as_bytes(), 60);
                writeln!(out, "    or approve {pull}, as someone other than its author")
            }
        }
    }

    /// Writes the list for programs.
    pub(crate) fn write_json(&self, all: bool, out: &mut dyn Write) -> io::Result<()> {
        let mut list = Vec::new();
        for (status, id, owed) in &self.obligations {
            if all || *status != ObligationStatus::Closed {
                list.push(self.obligation_json(*status, id, owed));
            }
        }
        let mut counts = serde_json::Map::new();
        for (status, _) in STATUS_TITLES {
            counts.insert(describe_status(status).to_owned(), self.count_with_status(status).into());
        }
        let whole = json!({ "schema": OBLIGATION_LIST_SCHEMA, "now": self.now, "counts": counts, "obligations": list });
        writeln!(out, "{}", replace_invisible(&format!("{whole:#}")))
    }

    /// Returns all obligations as JSON, the most urgent first.
    pub(crate) fn to_json_values(&self) -> Vec<Value> {
        let mut values = Vec::new();
        for (status, id, owed) in &self.obligations {
            values.push(self.obligation_json(*status, id, owed));
        }
        values
    }

    /// Returns one obligation as JSON.
    pub(crate) fn obligation_json(&self, at: ObligationStatus, id: &str, owed: &TrackedObligation) -> Value {
        let closed = owed.closed.as_ref().map(closure_json);
        let mut value = json!({
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
            "record": owed.unauthorised_change.as_ref().map(|unauthorised| unauthorised.record_number),
            "regularised": owed.unauthorised_change.is_some() && owed.closed.is_some(),
        });
        if let (Some(succession), Some(map)) = (self.successions.get(id), value.as_object_mut()) {
            map.insert("left".to_owned(), json!(succession.left));
            map.insert("goes-to".to_owned(), json!(succession.goes_to));
        }
        value
    }
}

/// Returns when and by what an obligation was closed, as JSON.
fn closure_json(closed: &ObligationClosure) -> Value {
    match &closed.by {
        ObligationEvidence::Change { id } => json!({ "at": closed.at, "by": id }),
        ObligationEvidence::Ticket { key, source, url, by, .. } => {
            let ticket = json!({ "key": key, "source": source, "url": url });
            json!({ "at": closed.at, "by": by, "ticket": ticket })
        }
        ObligationEvidence::Review { by, on, .. } => {
            json!({ "at": closed.at, "by": by.to_lossy(), "review-of": on.to_lossy() })
        }
        ObligationEvidence::Session { by } => json!({ "at": closed.at, "by": by }),
    }
}

const STATUS_TITLES: [(ObligationStatus, &str); 5] = [
    (ObligationStatus::Overdue, "overdue"),
    (ObligationStatus::DueSoon, "due soon"),
    (ObligationStatus::Open, "open"),
    (ObligationStatus::ClosedLate, "closed late"),
    (ObligationStatus::Closed, "closed in time"),
];

fn describe_status(status: ObligationStatus) -> &'static str {
    match status {
        ObligationStatus::Overdue => "overdue",
        ObligationStatus::DueSoon => "due-soon",
        ObligationStatus::Open => "open",
        ObligationStatus::ClosedLate => "closed-late",
        ObligationStatus::Closed => "closed",
    }
}

/// Returns the name by which a later change refers to the owing one; for a break-glass session, its id.
pub(crate) fn describe_owing_change(owed: &TrackedObligation) -> String {
    match (&owed.session, &owed.unauthorised_change, owed.change) {
        (Some(session), _, _) => return escape::escape_words(&session.id).to_string(),
        (None, Some(unauthorised), None) => return format_record_reference(unauthorised.record_number),
        _ => {}
    }
    let mut id = owed.change.map(|id| id.to_string()).unwrap_or_default();
    id.truncate(12);
    id
}

/// Returns the name of a ref without `refs/heads/`.
pub(crate) fn shorten_ref_name(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"refs/heads/").unwrap_or(name)
}
