//! `changegate ledger log` and `show`: lists records, and shows one.

use std::io::{self, BufWriter, Write};

use anyhow::Context as _;
use serde_json::json;

use crate::change::Oid;
use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::ledger::act_text::{escape_name, write_act};
use crate::cli::ledger::policy_counts::write_policy_counts;
use crate::cli::ledger::pull_verdict_text::write_pull_verdict;
use crate::cli::output;
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::record::describe::{describe_decision_word, describe_record, find_event_time};
use crate::ledger::record::parse_unauthorised_key;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{
    BreakGlassEvent, DecisionRecord, LedgerEvent, ObligationEvidence, Record, RecordedCertificate,
    RecordedContributor, RecordedJudgement, RecordedMove, RecordedOutcome, RecordedPusher,
};
use crate::ledger::store::{RECORD_FILE, read_ledger_file};
use crate::report::escape;
use crate::verdict::{Finding, Message};

/// Returns the commit and the bytes of the record with this number or commit.
pub(crate) fn find_record(repository: &Repository, named: &str) -> Result<(Oid, Vec<u8>), CommandError> {
    let missing = || CommandError::Usage(format!("there is no record `{}`", escape::escape_words(named)));
    if let Ok(number) = named.parse::<u64>() {
        // Numbers fall by one from the newest record, so a smaller number ends the search.
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

/// Lists the newest records, one to a line; one that changes the policy has a second line.
pub(crate) fn run_ledger_log(
    repository: &Repository,
    number: usize,
    as_json: bool,
) -> Result<CommandExit, CommandError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let Some(tip) = repository.resolve_ref(LEDGER_REF.as_bytes())?.id else {
        return Err(CommandError::no_ledger(repository));
    };
    let mut next = Some(tip);
    for _ in 0..number {
        let Some(commit) = next else { break };
        let read = repository
            .read_commit(commit, &crate::change::NeededFacts::new())
            .map_err(anyhow::Error::from)?;
        // A damaged record is listed as such, and those before it are listed too.
        let bytes = read_ledger_file(repository, commit, RECORD_FILE).ok().flatten().unwrap_or_default();
        let written = if as_json {
            let record: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
            let line = json!({ "commit": commit.to_string(), "record": record });
            writeln!(out, "{}", replace_invisible(&line.to_string()))
        } else {
            write_record_line(&mut out, commit, &ReadableRecord::parse_record(&bytes))
        };
        output::ignore_broken_pipe(written)?;
        next = read.parents.first().copied();
    }
    output::ignore_broken_pipe(out.flush())?;
    Ok(CommandExit::Allowed)
}

/// Writes one record as a line of at most 80 columns, and one more where it changes the policy.
fn write_record_line(out: &mut dyn Write, commit: Oid, record: &ReadableRecord) -> io::Result<()> {
    match record {
        ReadableRecord::Known(record) => {
            let at = find_event_time(record).strftime("%F %R");
            writeln!(out, "{:>6} {at} {}", record.number, shorten_subject(&describe_record(record)))?;
            write_policy_counts(out, record)
        }
        ReadableRecord::Unknown(place) => {
            writeln!(out, "{:>6} {:16} {}", place.number, "", escape::escape_words(&place.schema))
        }
        ReadableRecord::Damaged(_) => {
            writeln!(out, "{:>6} {:16} cannot be read ({})", "?", "", commit.short_hex())
        }
    }
}

/// The longest subject in a line of the log, in characters.
const MAX_SUBJECT_CHARS: usize = 56;

fn shorten_subject(subject: &str) -> String {
    if subject.chars().count() <= MAX_SUBJECT_CHARS {
        return subject.to_owned();
    }
    let mut short: String = subject.chars().take(MAX_SUBJECT_CHARS - 3).collect();
    short.push_str("...");
    short
}

/// Shows one record, as text or as it is stored.
pub(crate) fn run_ledger_show(
    repository: &Repository,
    named: &str,
    as_json: bool,
) -> Result<CommandExit, CommandError> {
    let (commit, bytes) = find_record(repository, named)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match ReadableRecord::parse_record(&bytes) {
        ReadableRecord::Known(record) if !as_json => write_record(&mut out, commit, &record),
        _ => {
            let value: serde_json::Value =
                serde_json::from_slice(&bytes).context("the record cannot be read")?;
            let text = serde_json::to_string_pretty(&value).map_err(anyhow::Error::from)?;
            writeln!(out, "{}", replace_invisible(&text))
        }
    };
    output::ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    Ok(CommandExit::Allowed)
}

fn write_record(out: &mut dyn Write, commit: Oid, record: &Record) -> io::Result<()> {
    // All labels have ten columns, so that the values line up.
    writeln!(out, "record    {} at {commit}", record.number)?;
    writeln!(out, "recorded  {}", record.recorded_at)?;
    match &record.event {
        LedgerEvent::Begin(begin) => {
            writeln!(out, "start of the ledger, kept by {}", escape::escape_words(&begin.tool))?;
            writeln!(out, "protects  {}", escape::escape_words(&begin.protects.join(", ")))?;
            for tip in &begin.tips {
                writeln!(out, "  {} {}", tip.id, escape_name(&tip.name))?;
            }
            Ok(())
        }
        LedgerEvent::Decision(decided) => write_decision(out, decided),
        LedgerEvent::Outcome(outcome) => {
            writeln!(out, "decision  {}", escape::escape_words(&outcome.decision_id))?;
            for moved in &outcome.landed {
                write_ref_move(out, "landed", moved)?;
            }
            for name in &outcome.unmoved {
                writeln!(out, "not moved {}", escape_name(name))?;
            }
            let late = if outcome.found_late { ", late" } else { "" };
            writeln!(out, "seen      {}{late}", outcome.observed_at)
        }
        LedgerEvent::Unauthorised(moved) => write_ref_move(out, "moved without a decision:", moved),
        LedgerEvent::Scope(scope) => {
            writeln!(out, "protects  {}", escape::escape_words(&scope.protects.join(", ")))?;
            for tip in &scope.newly_protected {
                writeln!(out, "added     {} {}", tip.id, escape_name(&tip.name))?;
            }
            for name in &scope.no_longer_protected {
                writeln!(out, "removed   {}", escape_name(name))?;
            }
            Ok(())
        }
        LedgerEvent::Damaged(damaged) => {
            writeln!(out, "unreadable decision: {}", damaged.cause.describe())?;
            writeln!(out, "file      {}", escape::escape_words(&damaged.file))
        }
        LedgerEvent::Discharged(one) => {
            writeln!(out, "closed    {}", escape::escape_words(&one.obligation))?;
            match &one.evidence {
                ticket @ ObligationEvidence::Ticket { created, url, by, .. } => {
                    writeln!(out, "by        {}", escape::escape_words(&ticket.describe()))?;
                    writeln!(out, "created   {created}")?;
                    writeln!(out, "url       {}", escape_name(url))?;
                    if let Some(by) = by {
                        writeln!(out, "named by  {by}")?;
                    }
                }
                other => writeln!(out, "by        {}", escape_name(&other.full_name()))?,
            }
            if parse_unauthorised_key(&one.obligation).is_some() {
                writeln!(out, "regularised")?;
            }
            let late = describe_late_seconds(one.late_by);
            writeln!(out, "seen      {}{late}", one.observed_at)
        }
        LedgerEvent::Escalated(notice) => {
            for id in &notice.due_soon {
                writeln!(out, "due soon  {}", escape::escape_words(id))?;
            }
            for id in &notice.overdue {
                writeln!(out, "overdue   {}", escape::escape_words(id))?;
            }
            writeln!(out, "notified  {}", notice.observed_at)
        }
        LedgerEvent::BreakGlass(record) => write_session(out, record),
        LedgerEvent::Act(event) => write_act(out, event),
        LedgerEvent::PullVerdict(verdict) => write_pull_verdict(out, verdict),
        LedgerEvent::Heartbeat(heartbeat) => {
            writeln!(out, "heartbeat of {}", escape::escape_words(&heartbeat.tool))?;
            writeln!(out, "refs      {}, each as recorded", heartbeat.refs)?;
            writeln!(out, "hook      {}", heartbeat.hook.describe())?;
            if heartbeat.waiting_decisions > 0 {
                writeln!(out, "waiting   {} decisions", heartbeat.waiting_decisions)?;
            }
            writeln!(out, "seen      {}", heartbeat.observed_at)
        }
        LedgerEvent::RegularisationTerms(terms) => {
            writeln!(out, "unauthorised change of record {}", terms.record_number)?;
            writeln!(out, "owed by   {}", escape::escape_words(&terms.teams.join(", ")))?;
            writeln!(out, "on        {}", escape_name(&terms.regularised_on))?;
            if let Some(due) = terms.due {
                writeln!(out, "due       {due}")?;
            }
            let makers: Vec<&str> = terms.contributors.iter().map(contributor_name).collect();
            let all = if terms.contributors_known { "" } else { "; others are unknown" };
            writeln!(out, "authors   {}{all}", escape::escape_words(&makers.join(", ")))
        }
    }
}

fn contributor_name(contributor: &RecordedContributor) -> &str {
    contributor.key.as_deref().unwrap_or(&contributor.name)
}

fn describe_late_seconds(late_by: Option<u64>) -> String {
    match late_by {
        Some(seconds) => format!(", {seconds} s late"),
        None => String::new(),
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
            if let Some(note) = &ended.note {
                writeln!(out, "note      {}", escape_name(note))?;
            }
            let late = describe_late_seconds(ended.late_by);
            writeln!(out, "seen      {}{late}", ended.closed_at)
        }
    }
}

fn write_decision(out: &mut dyn Write, decided: &DecisionRecord) -> io::Result<()> {
    let word = describe_decision_word(decided);
    writeln!(out, "decision  {word}, {}", escape::escape_words(&decided.id))?;
    writeln!(out, "seen      {}", decided.observed_at)?;
    writeln!(out, "pusher    {}", describe_pusher(&decided.pusher))?;
    if let Some(certificate) = &decided.push_certificate {
        writeln!(out, "signed    {}", describe_certificate(certificate))?;
    }
    if let Some(policy) = &decided.policy {
        writeln!(
            out,
            "policy    {}, {}",
            escape::escape_words(&policy.name),
            escape::escape_words(&policy.source)
        )?;
        writeln!(out, "          {}", escape::escape_words(&policy.digest))?;
    }
    // Rules that pass are left out, so that refusals are easy to find.
    for one in &decided.refs {
        writeln!(out, "\n{}", escape_name(&one.name))?;
        write_ref_move(out, " ", &RecordedMove { name: one.name.clone(), old: one.old, new: one.new })?;
        for judgement in &one.refusals {
            write_judgement(out, judgement)?;
        }
        for verdict in &one.changes {
            let revision = verdict.revision.map(|id| id.short_hex()).unwrap_or_default();
            let subject = escape::escape_terminal(verdict.subject.as_bytes(), 60);
            writeln!(out, "  {revision} {subject}")?;
            for judgement in &verdict.judgements {
                write_judgement(out, judgement)?;
            }
        }
        match one.passed {
            0 => {}
            1 => writeln!(out, "  1 change passes all rules")?,
            many => writeln!(out, "  {many} changes pass all rules")?,
        }
        if one.omitted.changes > 0 {
            let left_out = one.omitted;
            writeln!(
                out,
                "  {} more changes left out, {} of them denied",
                left_out.changes, left_out.denied
            )?;
        }
    }
    for note in &decided.notes {
        writeln!(out, "\nnote: {}", escape::escape_sentence(&Message::from(note).sentence()))?;
    }
    Ok(())
}

/// Writes the outcome of a rule, unless it passes or does not apply.
fn write_judgement(out: &mut dyn Write, judgement: &RecordedJudgement) -> io::Result<()> {
    let id = escape::escape_words(&judgement.rule);
    match &judgement.outcome {
        RecordedOutcome::Pass | RecordedOutcome::NotApplicable => Ok(()),
        RecordedOutcome::Fail(findings) => {
            writeln!(out, "    {id}: fails")?;
            for finding in findings {
                writeln!(
                    out,
                    "      {}",
                    escape::escape_sentence(&Finding::from(finding).message.sentence())
                )?;
            }
            Ok(())
        }
        RecordedOutcome::Owed(owed) => {
            for one in owed {
                let what = escape::escape_sentence(&Message::from(&one.what).sentence());
                match one.due {
                    Some(due) => writeln!(out, "    {id}: owes {what}, by {due}")?,
                    None => writeln!(out, "    {id}: owes {what}")?,
                }
            }
            Ok(())
        }
        // Which fact is missing is left out; `--json` shows the whole record.
        RecordedOutcome::Undecided(_) => writeln!(out, "    {id}: undecided, a fact is missing"),
        RecordedOutcome::Deferred(_) => writeln!(out, "    {id}: checked later"),
        RecordedOutcome::Exempted { reason, approved_by, until, .. } => {
            let reason = escape::escape_words(reason);
            let by = escape::escape_words(approved_by);
            writeln!(out, "    {id}: exempted until {}, by {by}: {reason}", escape::escape_words(until))
        }
    }
}

fn write_ref_move(out: &mut dyn Write, word: &str, moved: &RecordedMove) -> io::Result<()> {
    let name = if word == " " { String::new() } else { format!("{} ", escape_name(&moved.name)) };
    writeln!(out, "{word:<9} {name}{}..{}", describe_whole_tip(moved.old), describe_whole_tip(moved.new))
}

fn describe_whole_tip(tip: Option<Oid>) -> String {
    match tip {
        Some(id) => id.to_string(),
        None => "nothing".to_owned(),
    }
}

/// Returns by whom and with which key a push is signed, and where the certificate lay.
fn describe_certificate(certificate: &RecordedCertificate) -> String {
    format!(
        "push certificate {} by {} with {}",
        certificate.id.short_hex(),
        escape_name(&certificate.signer),
        escape::escape_words(&certificate.key)
    )
}

/// Returns who pushed, and whose key signed the push if it was signed.
pub(crate) fn describe_push(decided: &DecisionRecord) -> String {
    let pusher = describe_pusher(&decided.pusher);
    match &decided.push_certificate {
        Some(certificate) => format!("{pusher}, signed by {}", escape_name(&certificate.signer)),
        None => pusher,
    }
}

fn describe_pusher(pusher: &RecordedPusher) -> String {
    match pusher {
        RecordedPusher::Account(account) => escape_name(account),
        RecordedPusher::Unidentified => "unknown".into(),
        RecordedPusher::Unknown(cause) => format!("not available ({})", cause.describe()),
    }
}
