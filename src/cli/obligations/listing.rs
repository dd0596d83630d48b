//! What is owed, as a list for people and for programs.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{Exit, visible};
use crate::gate::dues::{FOR_CHANGE, record};
use crate::ledger::obligation::{Standing, late_by, standing};
use crate::ledger::record::Evidence;
use crate::ledger::state::{Owed, State};
use crate::report::{due, escape};

/// The name and version of the list for programs.
const SCHEMA: &str = "changegate/obligations/v1";

/// What is owed at one moment, the most urgent first.
pub(in crate::cli) struct Listing<'state> {
    now: Timestamp,
    owed: Vec<(Standing, &'state str, &'state Owed)>,
}

impl<'state> Listing<'state> {
    /// Returns what the state says at `now`; what is due until `soon` is due soon.
    pub(in crate::cli) fn of(state: &'state State, now: Timestamp, soon: Timestamp) -> Self {
        let one = |(id, owed): (&'state String, &'state Owed)| (standing(owed, now, soon), id.as_str(), owed);
        let mut owed: Vec<_> = state.owed.iter().map(one).collect();
        let due = |owed: &Owed| owed.due.unwrap_or(Timestamp::MAX);
        owed.sort_by(|one, other| (one.0, due(one.2), one.1).cmp(&(other.0, due(other.2), other.1)));
        Listing { now, owed }
    }

    /// Returns how many stand like this.
    pub(in crate::cli) fn count(&self, standing: Standing) -> usize {
        self.owed.iter().filter(|(one, _, _)| *one == standing).count()
    }

    /// Returns those that stand like this, with their ids.
    pub(in crate::cli) fn that(
        &self,
        standing: Standing,
    ) -> impl Iterator<Item = (&'state str, &'state Owed)> {
        self.owed.iter().filter(move |(one, _, _)| *one == standing).map(|(_, id, owed)| (*id, *owed))
    }

    /// Returns how a command ends that tells this.
    pub(in crate::cli) fn exit(&self) -> Exit {
        if 0 < self.count(Standing::Overdue) { Exit::Denied } else { Exit::Allowed }
    }

    /// Writes the list for people.
    pub(in crate::cli) fn terminal(&self, all: bool, out: &mut dyn Write) -> io::Result<()> {
        for (at, title) in TITLES {
            let mut first = true;
            for (_, owed) in self.that(at).filter(|_| all || at != Standing::Closed) {
                if first {
                    writeln!(out, "{title}")?;
                    first = false;
                }
                self.one(owed, out)?;
            }
        }
        let counted: Vec<String> = TITLES
            .iter()
            .filter(|(at, _)| 0 < self.count(*at))
            .map(|(at, title)| format!("{} {title}", self.count(*at)))
            .collect();
        if counted.is_empty() {
            return writeln!(out, "nothing is owed");
        }
        writeln!(out, "{}", counted.join(", "))
    }

    fn one(&self, owed: &Owed, out: &mut dyn Write) -> io::Result<()> {
        let change = change(owed);
        let on = escape::terminal(short(owed.on.as_bytes()), 30);
        match &owed.session {
            None => writeln!(out, "  {change} on {on}: {}", escape::words(&owed.rule))?,
            Some(session) => {
                let incident = escape::terminal(session.incident.as_bytes(), 30);
                writeln!(out, "  {change} for {incident}: {}", escape::words(&owed.rule))?;
            }
        }
        writeln!(out, "    {}, owed by {}", escape::words(&owed.what), escape::words(&owed.owner))?;
        if let Some(closed) = &owed.closed {
            let by = escape::words(&closed.by.words());
            let seconds = closed.late_by.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
            let late = seconds.map(|seconds| format!(", {} late", due::amount(seconds)));
            let (at, late) = (due::instant(closed.at), late.unwrap_or_default());
            let flag = if owed.stray.is_some() { ", declared-after-the-fact" } else { "" };
            return writeln!(out, "    closed {at}{late}, by {by}{flag}");
        }
        writeln!(out, "    {}", due::words(owed.due, self.now))?;
        if owed.session.is_some() {
            return writeln!(out, "    close it with: {}", escape::words(&owed.evidence));
        }
        if let Some(stray) = &owed.stray {
            let Some(on) = &stray.declared_on else {
                return writeln!(out, "    nobody may declare it: the policy names nobody (`regularise`)");
            };
            let on = escape::terminal(short(on.as_bytes()), 30);
            let who = escape::words(&owed.owner);
            writeln!(out, "    declare it with a change on {on} that one of {who} pushes or merges,")?;
            writeln!(out, "    who did not make it, and that says:")?;
            writeln!(out, "      {FOR_CHANGE}: {change}")?;
            return writeln!(out, "      {}", escape::words(&owed.evidence));
        }
        let others = if owed.by_others { ", by somebody who did not make it" } else { "" };
        writeln!(out, "    close it with a change on {on} that says{others}:")?;
        writeln!(out, "      {FOR_CHANGE}: {change}")?;
        writeln!(out, "      {}", escape::words(&owed.evidence))?;
        match &owed.pull {
            None => Ok(()),
            Some(pull) => {
                let pull = escape::terminal(pull.as_bytes(), 60);
                writeln!(out, "    or with an approving review of {pull}, by somebody else")
            }
        }
    }

    /// Writes the list for programs.
    pub(super) fn json(&self, all: bool, out: &mut dyn Write) -> io::Result<()> {
        let shown = self.owed.iter().filter(|(at, _, _)| all || *at != Standing::Closed);
        let list: Vec<Value> = shown.map(|(at, id, owed)| self.value(*at, id, owed)).collect();
        let counts: serde_json::Map<String, Value> =
            TITLES.iter().map(|(at, _)| (word(*at).to_owned(), self.count(*at).into())).collect();
        let whole = json!({ "schema": SCHEMA, "now": self.now, "counts": counts, "obligations": list });
        writeln!(out, "{}", visible(&format!("{whole:#}")))
    }

    /// Returns every obligation for programs, the most urgent first.
    pub(in crate::cli) fn values(&self) -> Vec<Value> {
        self.owed.iter().map(|(at, id, owed)| self.value(*at, id, owed)).collect()
    }

    /// Returns one obligation for programs.
    pub(in crate::cli) fn value(&self, at: Standing, id: &str, owed: &Owed) -> Value {
        let closed = owed.closed.as_ref().map(|closed| match &closed.by {
            Evidence::Change { id } => json!({ "at": closed.at, "by": id }),
            Evidence::Ticket { key, source, url, by, .. } => {
                let ticket = json!({ "key": key, "source": source, "url": url });
                json!({ "at": closed.at, "by": by, "ticket": ticket })
            }
            Evidence::Review { by, on, .. } => {
                json!({ "at": closed.at, "by": by.to_lossy(), "review-of": on.to_lossy() })
            }
            Evidence::Session { by } => json!({ "at": closed.at, "by": by }),
        });
        json!({
            "id": id,
            "standing": word(at),
            "ref": owed.on.to_lossy(),
            "change": owed.change,
            "rule": owed.rule,
            "what": owed.what,
            "owner": owed.owner,
            "evidence": owed.evidence,
            "by-others": owed.by_others,
            "pull": owed.pull.as_ref().map(|pull| pull.to_lossy()),
            "since": owed.since,
            "due": owed.due,
            "late-by": match &owed.closed {
                Some(closed) => closed.late_by,
                None => late_by(owed.due, self.now),
            },
            "closed": closed,
            "session": owed.session,
            "record": owed.stray.as_ref().map(|stray| stray.record),
            "declared-after-the-fact": owed.stray.is_some() && owed.closed.is_some(),
        })
    }
}

const TITLES: [(Standing, &str); 5] = [
    (Standing::Overdue, "overdue"),
    (Standing::DueSoon, "due soon"),
    (Standing::Open, "open"),
    (Standing::ClosedLate, "closed late"),
    (Standing::Closed, "closed in time"),
];

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Overdue => "overdue",
        Standing::DueSoon => "due-soon",
        Standing::Open => "open",
        Standing::ClosedLate => "closed-late",
        Standing::Closed => "closed",
    }
}

/// Returns how a later change names the one that owes; for a break-glass session, its id.
pub(super) fn change(owed: &Owed) -> String {
    match (&owed.session, &owed.stray, owed.change) {
        (Some(session), _, _) => return escape::words(&session.id).to_string(),
        (None, Some(stray), None) => return record(stray.record),
        _ => {}
    }
    let id = owed.change.map(|id| id.to_string()).unwrap_or_default();
    id.get(..12).unwrap_or(&id).to_owned()
}

/// Returns the name of a ref as people call it.
pub(super) fn short(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"refs/heads/").unwrap_or(name)
}
