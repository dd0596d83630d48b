//! Finding records, and showing them to people.

use std::io::{self, BufWriter, Write};

use serde_json::json;

use super::super::{Exit, Stop};
use crate::change::{Fact, Oid, Pusher, Text};
use crate::cli::output;
use crate::git::Repository;
use crate::ledger::readable::Readable;
use crate::ledger::record::{Decided, Event, Evidence, Moved, Record};
use crate::ledger::session::BreakGlass;
use crate::ledger::store::{RECORD, file};
use crate::ledger::stray::record_in;
use crate::ledger::{REF, message};
use crate::people::participants::Hand;
use crate::report::escape;
use crate::verdict::{Decision, Judgement, Outcome};

/// Returns the commit of a record, which is named by its number or its commit, and the record's bytes.
pub(super) fn find(repository: &Repository, named: &str) -> Result<(Oid, Vec<u8>), Stop> {
    let missing = || Stop::Wrong(format!("there is no record `{}`", escape::words(named)));
    if let Ok(number) = named.parse::<u64>() {
        // The newest says how many there are, so the way to an older one is known.
        let (commits, broken) = repository.walk_chain(repository.resolve_ref(REF.as_bytes())?.id);
        for (commit, _) in commits {
            let Some(bytes) = file(repository, commit, RECORD)? else { continue };
            match number_of(&Readable::read(&bytes)) {
                Some(found) if found == number => return Ok((commit, bytes)),
                Some(found) if found < number => break,
                _ => {}
            }
        }
        return broken.map_or_else(|| Err(missing()), |error| Err(Stop::Failed(error)));
    }
    let commit = repository.rev_parse(named)?;
    Ok((commit, file(repository, commit, RECORD)?.ok_or_else(missing)?))
}

fn number_of(record: &Readable) -> Option<u64> {
    match record {
        Readable::Known(record) => Some(record.number),
        Readable::Unknown(place) => Some(place.number),
        Readable::Damaged(_) => None,
    }
}

/// Lists the newest records.
pub(super) fn log(repository: &Repository, number: usize, as_json: bool) -> Result<Exit, Stop> {
    let mut out = BufWriter::new(io::stdout().lock());
    let Some(tip) = repository.resolve_ref(REF.as_bytes())?.id else {
        return Err(Stop::Wrong(format!("there is no ledger here: {REF} does not exist")));
    };
    let mut next = Some(tip);
    for _ in 0..number {
        let Some(commit) = next else { break };
        let read = repository.commit(commit, &crate::change::Needs::new()).map_err(anyhow::Error::from)?;
        // A record that is damaged is listed as that, and those before it as well.
        let bytes = file(repository, commit, RECORD).ok().flatten().unwrap_or_default();
        let told = if as_json {
            let record: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
            let line = json!({ "commit": commit.to_string(), "record": record });
            writeln!(out, "{}", super::super::visible(&line.to_string()))
        } else {
            line(&mut out, commit, &Readable::read(&bytes))
        };
        output::said(told)?;
        next = read.parents.first().copied();
    }
    output::said(out.flush())?;
    Ok(Exit::Allowed)
}

/// Writes one record in at most 80 columns, as far as its subject allows.
fn line(out: &mut dyn Write, commit: Oid, record: &Readable) -> io::Result<()> {
    match record {
        Readable::Known(record) => {
            let text = message::of(record);
            let subject = text.lines().next().unwrap_or_default();
            let at = record.recorded_at.strftime("%F %R");
            writeln!(out, "{:>6} {at} {}", record.number, cut(subject))
        }
        Readable::Unknown(place) => {
            writeln!(out, "{:>6} {:16} {}", place.number, "", escape::words(&place.schema))
        }
        Readable::Damaged(_) => writeln!(out, "{:>6} {:16} cannot be read ({})", "?", "", commit.short()),
    }
}

fn cut(subject: &str) -> String {
    let most = 56;
    if subject.chars().count() <= most {
        return subject.to_owned();
    }
    subject.chars().take(most - 3).chain("...".chars()).collect()
}

/// Shows one record.
pub(super) fn show(repository: &Repository, named: &str, as_json: bool) -> Result<Exit, Stop> {
    let (commit, bytes) = find(repository, named)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let told = match Readable::read(&bytes) {
        Readable::Known(record) if !as_json => known(&mut out, commit, &record),
        _ => {
            let value: serde_json::Value = serde_json::from_slice(&bytes)
                .map_err(|error| Stop::Failed(anyhow::anyhow!("the record cannot be read: {error}")))?;
            let text = serde_json::to_string_pretty(&value).map_err(anyhow::Error::from)?;
            writeln!(out, "{}", super::super::visible(&text))
        }
    };
    output::said(told.and_then(|()| out.flush()))?;
    Ok(Exit::Allowed)
}

fn known(out: &mut dyn Write, commit: Oid, record: &Record) -> io::Result<()> {
    writeln!(out, "record    {} at {commit}", record.number)?;
    writeln!(out, "recorded  {}", record.recorded_at)?;
    match &record.event {
        Event::Begin(begin) => {
            writeln!(out, "the ledger begins, kept by {}", escape::words(&begin.tool))?;
            writeln!(out, "protects  {}", escape::words(&begin.protects.join(", ")))?;
            begin.tips.iter().try_for_each(|tip| writeln!(out, "  {} {}", tip.id, shown(&tip.name)))
        }
        Event::Decision(decided) => decision(out, decided),
        Event::Outcome(outcome) => {
            writeln!(out, "decision  {}", escape::words(&outcome.of))?;
            outcome.landed.iter().try_for_each(|moved| arrow(out, "landed", moved))?;
            outcome.stayed.iter().try_for_each(|name| writeln!(out, "stayed    {}", shown(name)))?;
            writeln!(
                out,
                "seen      {}{}",
                outcome.observed_at,
                if outcome.found_late { ", late" } else { "" }
            )
        }
        Event::Unauthorised(moved) => arrow(out, "moved without a decision:", moved),
        Event::Scope(scope) => {
            writeln!(out, "protects  {}", escape::words(&scope.protects.join(", ")))?;
            scope
                .came
                .iter()
                .try_for_each(|tip| writeln!(out, "came      {} {}", tip.id, shown(&tip.name)))?;
            scope.left.iter().try_for_each(|name| writeln!(out, "left      {}", shown(name)))
        }
        Event::Damaged(damaged) => {
            writeln!(out, "a decision that cannot be read: {}", escape::words(&damaged.why))?;
            writeln!(out, "file      {}", escape::words(&damaged.file))
        }
        Event::Discharged(one) => {
            writeln!(out, "closed    {}", escape::words(&one.obligation))?;
            match &one.evidence {
                ticket @ Evidence::Ticket { created, url, by, .. } => {
                    writeln!(out, "by        {}", escape::words(&ticket.words()))?;
                    writeln!(out, "made      {created}")?;
                    writeln!(out, "url       {}", shown(url))?;
                    by.map_or(Ok(()), |by| writeln!(out, "named by  {by}"))?;
                }
                other => writeln!(out, "by        {}", shown(&other.name()))?,
            }
            if record_in(&one.obligation).is_some() {
                writeln!(out, "declared-after-the-fact")?;
            }
            let late = one.late_by.map(|seconds| format!(", {seconds} s late")).unwrap_or_default();
            writeln!(out, "seen      {}{late}", one.observed_at)
        }
        Event::Escalated(told) => {
            let each = |out: &mut dyn Write, word: &str, ids: &[String]| {
                ids.iter().try_for_each(|id| writeln!(out, "{word} {}", escape::words(id)))
            };
            each(out, "due soon ", &told.due_soon)?;
            each(out, "overdue  ", &told.overdue)?;
            writeln!(out, "told      {}", told.observed_at)
        }
        Event::BreakGlass(record) => session(out, record),
        Event::Flagged(flagged) => {
            writeln!(out, "record {} landed without a decision", flagged.record)?;
            writeln!(out, "declared  by {}", escape::words(&flagged.from.join(", ")))?;
            writeln!(out, "on        {}", shown(&flagged.declared_on))?;
            flagged.due.map_or(Ok(()), |due| writeln!(out, "due       {due}"))?;
            let name = |hand: &Hand| hand.key.clone().unwrap_or_else(|| hand.name.clone());
            let makers: Vec<String> = flagged.makers.iter().map(name).collect();
            let all = if flagged.makers_known { "" } else { ", and not all are known" };
            writeln!(out, "made by   {}{all}", escape::words(&makers.join(", ")))
        }
    }
}

fn session(out: &mut dyn Write, record: &BreakGlass) -> io::Result<()> {
    let (id, word) = match record {
        BreakGlass::Opened(opened) if opened.session == opened.asked_as => (&opened.session, "opened"),
        BreakGlass::Opened(opened) => (&opened.session, "extended"),
        BreakGlass::Closed(ended) => (&ended.session, "closed"),
    };
    writeln!(out, "session   {} is {word}", escape::words(id))?;
    let who = record.who();
    let on = if who.decision.is_some() { "" } else { ", on the server (claimed)" };
    writeln!(out, "by        {}{on}", shown(&who.account))?;
    match record {
        BreakGlass::Opened(opened) => {
            writeln!(out, "incident  {}", shown(&opened.incident))?;
            writeln!(out, "reason    {}", shown(&opened.reason))?;
            writeln!(out, "seen      {}", opened.opened_at)?;
            writeln!(out, "until     {}", opened.until)
        }
        BreakGlass::Closed(ended) => {
            ended.note.iter().try_for_each(|note| writeln!(out, "note      {}", shown(note)))?;
            let late = ended.late_by.map(|seconds| format!(", {seconds} s late")).unwrap_or_default();
            writeln!(out, "seen      {}{late}", ended.closed_at)
        }
    }
}

fn decision(out: &mut dyn Write, decided: &Decided) -> io::Result<()> {
    let word = if decided.decision == Decision::Allow { "allowed" } else { "denied" };
    writeln!(out, "decision  {word}, {}", escape::words(&decided.id))?;
    writeln!(out, "seen      {}", decided.observed_at)?;
    writeln!(out, "pusher    {}", pusher(&decided.pusher))?;
    if let Some(policy) = &decided.policy {
        writeln!(out, "policy    {}, {}", escape::words(&policy.name), escape::words(&policy.source))?;
        writeln!(out, "          {}", escape::words(&policy.digest))?;
    }
    for one in &decided.refs {
        writeln!(out, "\n{}", shown(&one.name))?;
        arrow(out, " ", &Moved { name: one.name.clone(), old: one.old, new: one.new })?;
        one.refusals.iter().try_for_each(|judgement| judged(out, judgement))?;
        for verdict in &one.changes {
            let revision = verdict.revision.map(|id| id.short()).unwrap_or_default();
            let subject = escape::terminal(verdict.subject.as_bytes(), 60);
            writeln!(out, "  {revision} {subject}")?;
            verdict.judgements.iter().try_for_each(|judgement| judged(out, judgement))?;
        }
        match one.passed {
            0 => {}
            1 => writeln!(out, "  1 change keeps every rule")?,
            many => writeln!(out, "  {many} changes keep every rule")?,
        }
        if 0 < one.left_out.changes {
            let left_out = one.left_out;
            writeln!(out, "  no room for {} more, {} of them denied", left_out.changes, left_out.denied)?;
        }
    }
    for note in &decided.notes {
        writeln!(out, "\nnote: {}", escape::sentence(note))?;
    }
    Ok(())
}

/// Writes how a rule went, if there is something to say about it.
fn judged(out: &mut dyn Write, judgement: &Judgement) -> io::Result<()> {
    let id = escape::words(&judgement.rule.id);
    match &judgement.outcome {
        Outcome::Pass | Outcome::NotApplicable => Ok(()),
        Outcome::Fail(findings) => {
            writeln!(out, "    {id}: fails")?;
            findings.iter().try_for_each(|one| writeln!(out, "      {}", escape::sentence(&one.what)))
        }
        Outcome::Owed(owed) => owed.iter().try_for_each(|one| {
            let due = one.due.map(|due| format!(", by {due}")).unwrap_or_default();
            writeln!(out, "    {id}: owes {}{due}", escape::words(&one.what))
        }),
        Outcome::Undecided(_) => writeln!(out, "    {id}: cannot be told"),
        Outcome::Deferred(_) => writeln!(out, "    {id}: later"),
        Outcome::Exempted { reason, approved_by, until, .. } => {
            let (reason, by) = (escape::words(reason), escape::words(approved_by));
            writeln!(out, "    {id}: exempted until {}, by {by}: {reason}", escape::words(until))
        }
    }
}

fn arrow(out: &mut dyn Write, word: &str, moved: &Moved) -> io::Result<()> {
    let one = |id: Option<Oid>| id.map_or_else(|| "nothing".to_owned(), |id| id.to_string());
    let name = if word == " " { String::new() } else { format!("{} ", shown(&moved.name)) };
    writeln!(out, "{word:<9} {name}{}..{}", one(moved.old), one(moved.new))
}

pub(super) fn pusher(pusher: &Fact<Pusher>) -> String {
    match pusher {
        Ok(Pusher::Account(account)) => shown(account),
        Ok(Pusher::Unidentified) => "nobody knows".into(),
        Err(_) => "not told".into(),
    }
}

fn shown(name: &Text) -> String {
    escape::terminal(name.as_bytes(), escape::MOST)
}
