//! Finding records, and showing them to people.

use std::io::{self, BufWriter, Write};

use serde_json::json;

use crate::change::{Oid, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::output;
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::record::BreakGlassEvent;
use crate::ledger::record::describe::describe_record;
use crate::ledger::record::parse_unauthorised_key;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{
    DecisionRecord, LedgerEvent, ObligationEvidence, Record, RecordedContributor, RecordedJudgement,
    RecordedMove, RecordedOutcome, RecordedPusher,
};
use crate::ledger::store::{RECORD_FILE, read_ledger_file};
use crate::report::escape;
use crate::verdict::{Finding, Message};

/// Returns the commit of a record, which is named by its number or its commit, and the record's bytes.
pub(crate) fn find_record(repository: &Repository, named: &str) -> Result<(Oid, Vec<u8>), CommandError> {
    let missing = || CommandError::Usage(format!("there is no record `{}`", escape::escape_words(named)));
    if let Ok(number) = named.parse::<u64>() {
        // The newest says how many there are, so the way to an older one is known.
        let (commits, broken) = repository.walk_chain(repository.resolve_ref(LEDGER_REF.as_bytes())?.id);
        for (commit, _) in commits {
            let Some(bytes) = read_ledger_file(repository, commit, RECORD_FILE)? else { continue };
            match read_record_number(&ReadableRecord::parse_record(&bytes)) {
                Some(found) if found == number => return Ok((commit, bytes)),
                Some(found) if found < number => break,
                _ => {}
            }
        }
        return broken.map_or_else(|| Err(missing()), |error| Err(CommandError::Failed(error)));
    }
    let commit = repository.resolve_revision(named)?;
    Ok((commit, read_ledger_file(repository, commit, RECORD_FILE)?.ok_or_else(missing)?))
}

fn read_record_number(record: &ReadableRecord) -> Option<u64> {
    match record {
        ReadableRecord::Known(record) => Some(record.number),
        ReadableRecord::Unknown(place) => Some(place.number),
        ReadableRecord::Damaged(_) => None,
    }
}

/// Lists the newest records.
pub(crate) fn run_ledger_log(
    repository: &Repository,
    number: usize,
    as_json: bool,
) -> Result<CommandExit, CommandError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let Some(tip) = repository.resolve_ref(LEDGER_REF.as_bytes())?.id else {
        return Err(CommandError::Usage(format!("there is no ledger here: {LEDGER_REF} does not exist")));
    };
    let mut next = Some(tip);
    for _ in 0..number {
        let Some(commit) = next else { break };
        let read = repository
            .read_commit(commit, &crate::change::NeededFacts::new())
            .map_err(anyhow::Error::from)?;
        // A record that is damaged is listed as that, and those before it as well.
        let bytes = read_ledger_file(repository, commit, RECORD_FILE).ok().flatten().unwrap_or_default();
        let told = if as_json {
            let record: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
            let line = json!({ "commit": commit.to_string(), "record": record });
            writeln!(out, "{}", crate::cli::replace_invisible(&line.to_string()))
        } else {
            write_record_line(&mut out, commit, &ReadableRecord::parse_record(&bytes))
        };
        output::ignore_broken_pipe(told)?;
        next = read.parents.first().copied();
    }
    output::ignore_broken_pipe(out.flush())?;
    Ok(CommandExit::Allowed)
}

/// Writes one record in at most 80 columns, as far as its subject allows.
fn write_record_line(out: &mut dyn Write, commit: Oid, record: &ReadableRecord) -> io::Result<()> {
    match record {
        ReadableRecord::Known(record) => {
            let at = record.recorded_at.strftime("%F %R");
            writeln!(out, "{:>6} {at} {}", record.number, shorten_subject(&describe_record(record)))
        }
        ReadableRecord::Unknown(place) => {
            writeln!(out, "{:>6} {:16} {}", place.number, "", escape::escape_words(&place.schema))
        }
        ReadableRecord::Damaged(_) => {
            writeln!(out, "{:>6} {:16} cannot be read ({})", "?", "", commit.short_hex())
        }
    }
}

fn shorten_subject(subject: &str) -> String {
    let most = 56;
    if subject.chars().count() <= most {
        return subject.to_owned();
    }
    subject.chars().take(most - 3).chain("...".chars()).collect()
}

/// Shows one record.
pub(crate) fn run_ledger_show(
    repository: &Repository,
    named: &str,
    as_json: bool,
) -> Result<CommandExit, CommandError> {
    let (commit, bytes) = find_record(repository, named)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let told = match ReadableRecord::parse_record(&bytes) {
        ReadableRecord::Known(record) if !as_json => write_record(&mut out, commit, &record),
        _ => {
            let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| {
                CommandError::Failed(anyhow::anyhow!("the record cannot be read: {error}"))
            })?;
            let text = serde_json::to_string_pretty(&value).map_err(anyhow::Error::from)?;
            writeln!(out, "{}", crate::cli::replace_invisible(&text))
        }
    };
    output::ignore_broken_pipe(told.and_then(|()| out.flush()))?;
    Ok(CommandExit::Allowed)
}

fn write_record(out: &mut dyn Write, commit: Oid, record: &Record) -> io::Result<()> {
    writeln!(out, "record    {} at {commit}", record.number)?;
    writeln!(out, "recorded  {}", record.recorded_at)?;
    match &record.event {
        LedgerEvent::Begin(begin) => {
            writeln!(out, "the ledger begins, kept by {}", escape::escape_words(&begin.tool))?;
            writeln!(out, "protects  {}", escape::escape_words(&begin.protects.join(", ")))?;
            begin.tips.iter().try_for_each(|tip| writeln!(out, "  {} {}", tip.id, escape_name(&tip.name)))
        }
        LedgerEvent::Decision(decided) => write_decision(out, decided),
        LedgerEvent::Outcome(outcome) => {
            writeln!(out, "decision  {}", escape::escape_words(&outcome.decision_id))?;
            outcome.landed.iter().try_for_each(|moved| write_ref_move(out, "landed", moved))?;
            outcome.unmoved.iter().try_for_each(|name| writeln!(out, "stayed    {}", escape_name(name)))?;
            writeln!(
                out,
                "seen      {}{}",
                outcome.observed_at,
                if outcome.found_late { ", late" } else { "" }
            )
        }
        LedgerEvent::Unauthorised(moved) => write_ref_move(out, "moved without a decision:", moved),
        LedgerEvent::Scope(scope) => {
            writeln!(out, "protects  {}", escape::escape_words(&scope.protects.join(", ")))?;
            scope
                .newly_protected
                .iter()
                .try_for_each(|tip| writeln!(out, "came      {} {}", tip.id, escape_name(&tip.name)))?;
            scope
                .no_longer_protected
                .iter()
                .try_for_each(|name| writeln!(out, "left      {}", escape_name(name)))
        }
        LedgerEvent::Damaged(damaged) => {
            writeln!(out, "a decision that cannot be read: {}", damaged.cause.describe())?;
            writeln!(out, "file      {}", escape::escape_words(&damaged.file))
        }
        LedgerEvent::Discharged(one) => {
            writeln!(out, "closed    {}", escape::escape_words(&one.obligation))?;
            match &one.evidence {
                ticket @ ObligationEvidence::Ticket { created, url, by, .. } => {
                    writeln!(out, "by        {}", escape::escape_words(&ticket.describe()))?;
                    writeln!(out, "made      {created}")?;
                    writeln!(out, "url       {}", escape_name(url))?;
                    by.map_or(Ok(()), |by| writeln!(out, "named by  {by}"))?;
                }
                other => writeln!(out, "by        {}", escape_name(&other.full_name()))?,
            }
            if parse_unauthorised_key(&one.obligation).is_some() {
                writeln!(out, "declared-after-the-fact")?;
            }
            let late = one.late_by.map(|seconds| format!(", {seconds} s late")).unwrap_or_default();
            writeln!(out, "seen      {}{late}", one.observed_at)
        }
        LedgerEvent::Escalated(told) => {
            let each = |out: &mut dyn Write, word: &str, ids: &[String]| {
                ids.iter().try_for_each(|id| writeln!(out, "{word} {}", escape::escape_words(id)))
            };
            each(out, "due soon ", &told.due_soon)?;
            each(out, "overdue  ", &told.overdue)?;
            writeln!(out, "told      {}", told.observed_at)
        }
        LedgerEvent::BreakGlass(record) => write_session(out, record),
        LedgerEvent::RegularisationTerms(flagged) => {
            writeln!(out, "record {} landed without a decision", flagged.record_number)?;
            writeln!(out, "declared  by {}", escape::escape_words(&flagged.teams.join(", ")))?;
            writeln!(out, "on        {}", escape_name(&flagged.regularised_on))?;
            flagged.due.map_or(Ok(()), |due| writeln!(out, "due       {due}"))?;
            let name = |hand: &RecordedContributor| hand.key.clone().unwrap_or_else(|| hand.name.clone());
            let makers: Vec<String> = flagged.contributors.iter().map(name).collect();
            let all = if flagged.contributors_known { "" } else { ", and not all are known" };
            writeln!(out, "made by   {}{all}", escape::escape_words(&makers.join(", ")))
        }
    }
}

fn write_session(out: &mut dyn Write, record: &BreakGlassEvent) -> io::Result<()> {
    let (id, word) = match record {
        BreakGlassEvent::Opened(opened) if opened.session == opened.request_id => (&opened.session, "opened"),
        BreakGlassEvent::Opened(opened) => (&opened.session, "extended"),
        BreakGlassEvent::Closed(ended) => (&ended.session, "closed"),
    };
    writeln!(out, "session   {} is {word}", escape::escape_words(id))?;
    let who = record.actor();
    let on = if who.decision.is_some() { "" } else { ", on the server (claimed)" };
    writeln!(out, "by        {}{on}", escape_name(&who.account))?;
    match record {
        BreakGlassEvent::Opened(opened) => {
            writeln!(out, "incident  {}", escape_name(&opened.incident))?;
            writeln!(out, "reason    {}", escape_name(&opened.reason))?;
            writeln!(out, "seen      {}", opened.opened_at)?;
            writeln!(out, "until     {}", opened.until)
        }
        BreakGlassEvent::Closed(ended) => {
            ended.note.iter().try_for_each(|note| writeln!(out, "note      {}", escape_name(note)))?;
            let late = ended.late_by.map(|seconds| format!(", {seconds} s late")).unwrap_or_default();
            writeln!(out, "seen      {}{late}", ended.closed_at)
        }
    }
}

fn write_decision(out: &mut dyn Write, decided: &DecisionRecord) -> io::Result<()> {
    let word = if decided.is_allowed() { "allowed" } else { "denied" };
    writeln!(out, "decision  {word}, {}", escape::escape_words(&decided.id))?;
    writeln!(out, "seen      {}", decided.observed_at)?;
    writeln!(out, "pusher    {}", describe_pusher(&decided.pusher))?;
    if let Some(policy) = &decided.policy {
        writeln!(
            out,
            "policy    {}, {}",
            escape::escape_words(&policy.name),
            escape::escape_words(&policy.source)
        )?;
        writeln!(out, "          {}", escape::escape_words(&policy.digest))?;
    }
    for one in &decided.refs {
        writeln!(out, "\n{}", escape_name(&one.name))?;
        write_ref_move(out, " ", &RecordedMove { name: one.name.clone(), old: one.old, new: one.new })?;
        one.refusals.iter().try_for_each(|judgement| write_judgement(out, judgement))?;
        for verdict in &one.changes {
            let revision = verdict.revision.map(|id| id.short_hex()).unwrap_or_default();
            let subject = escape::escape_terminal(verdict.subject.as_bytes(), 60);
            writeln!(out, "  {revision} {subject}")?;
            verdict.judgements.iter().try_for_each(|judgement| write_judgement(out, judgement))?;
        }
        match one.passed {
            0 => {}
            1 => writeln!(out, "  1 change keeps every rule")?,
            many => writeln!(out, "  {many} changes keep every rule")?,
        }
        if 0 < one.omitted.changes {
            let left_out = one.omitted;
            writeln!(out, "  no room for {} more, {} of them denied", left_out.changes, left_out.denied)?;
        }
    }
    for note in &decided.notes {
        writeln!(out, "\nnote: {}", escape::escape_sentence(&Message::from(note).sentence()))?;
    }
    Ok(())
}

/// Writes how a rule went, if there is something to say about it.
fn write_judgement(out: &mut dyn Write, judgement: &RecordedJudgement) -> io::Result<()> {
    let id = escape::escape_words(&judgement.rule);
    match &judgement.outcome {
        RecordedOutcome::Pass | RecordedOutcome::NotApplicable => Ok(()),
        RecordedOutcome::Fail(findings) => {
            writeln!(out, "    {id}: fails")?;
            findings.iter().try_for_each(|one| {
                writeln!(out, "      {}", escape::escape_sentence(&Finding::from(one).message.sentence()))
            })
        }
        RecordedOutcome::Owed(owed) => owed.iter().try_for_each(|one| {
            let due = one.due.map(|due| format!(", by {due}")).unwrap_or_default();
            writeln!(
                out,
                "    {id}: owes {}{due}",
                escape::escape_sentence(&Message::from(&one.what).sentence())
            )
        }),
        RecordedOutcome::Undecided(_) => writeln!(out, "    {id}: cannot be told"),
        RecordedOutcome::Deferred(_) => writeln!(out, "    {id}: later"),
        RecordedOutcome::Exempted { reason, approved_by, until, .. } => {
            let (reason, by) = (escape::escape_words(reason), escape::escape_words(approved_by));
            writeln!(out, "    {id}: exempted until {}, by {by}: {reason}", escape::escape_words(until))
        }
    }
}

fn write_ref_move(out: &mut dyn Write, word: &str, moved: &RecordedMove) -> io::Result<()> {
    let one = |id: Option<Oid>| id.map_or_else(|| "nothing".to_owned(), |id| id.to_string());
    let name = if word == " " { String::new() } else { format!("{} ", escape_name(&moved.name)) };
    writeln!(out, "{word:<9} {name}{}..{}", one(moved.old), one(moved.new))
}

pub(crate) fn describe_pusher(pusher: &RecordedPusher) -> String {
    match pusher {
        RecordedPusher::Account(account) => escape_name(account),
        RecordedPusher::Unidentified => "an unidentified account".into(),
        RecordedPusher::Unknown(cause) => format!("an unknown account ({})", cause.describe()),
    }
}

fn escape_name(name: &Text) -> String {
    escape::escape_terminal(name.as_bytes(), escape::MAX_QUOTE_COLUMNS)
}
