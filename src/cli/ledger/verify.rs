//! `changegate ledger verify` and `replay`: checks the ledger against itself, the refs and its facts.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::json;

use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::Context;
use crate::cli::ledger::show_records::find_record;
use crate::cli::progress::ProgressLine;
use crate::git::Repository;
use crate::git::second_reader::{ReaderComparison, ReaderDifference, ReaderDisagreement, compare_readers};
use crate::git::signature::KeyRegistry;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::replay::{ReplayOutcome, replay_decision};
use crate::ledger::audit::verify::{LedgerProblemKind, LedgerVerification, VerifyOptions, verify_ledger};
use crate::ledger::record::LedgerEvent;
use crate::ledger::record::readable::{ReadableRecord, RecordPosition};
use crate::ledger::server::heartbeat::HEARTBEAT_INTERVAL;
use crate::ledger::store::gate_folder::{self, LedgerAnchor};
use crate::ledger::store::{FACTS_FILE, REASONS_FILE, read_ledger_file};
use crate::report::due_time::{format_duration, format_instant};
use crate::report::escape;

/// The arguments of `ledger verify`.
pub(crate) struct LedgerVerifyArgs<'a> {
    pub(crate) seen: Option<&'a str>,
    pub(crate) signers: Option<&'a Path>,
    /// Whether to compare with the refs; `None` means only on the server that keeps the ledger.
    pub(crate) check_refs: Option<bool>,
    /// Whether to read the repository with libgit2 as well.
    pub(crate) with_second_reader: bool,
    pub(crate) as_json: bool,
}

pub(crate) fn run_ledger_verify(
    repository: &Repository,
    args: &LedgerVerifyArgs<'_>,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let mut seen_anchor = None;
    if let Some(seen) = args.seen {
        seen_anchor = LedgerAnchor::parse_anchor(seen);
        if seen_anchor.is_none() {
            let why = "--seen takes the newest record as `verify` prints it: NUMBER:sha256:DIGEST";
            return Err(CommandError::usage(why));
        }
    }
    let keys = match args.signers {
        Some(path) => Some(read_signer_keys(&context.resolve_path(path))?),
        None => None,
    };
    // By default, only the server that keeps the ledger compares it with the refs: a copy may be older.
    let is_kept_here = gate_folder::read_anchor(repository.common_dir())?.is_some();
    let options = VerifyOptions {
        seen_anchor,
        check_refs: args.check_refs.unwrap_or(is_kept_here),
        signers: keys.as_ref(),
    };
    let mut progress = ProgressLine::start_counting("records verified", context);
    let verified = verify_ledger(repository, &options, &mut || progress.count_step());
    drop(progress);
    let verified = verified?;
    let compared = match args.with_second_reader {
        true => Some(compare_with_second_reader(repository, context)?),
        false => None,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let written = if args.as_json {
        write_verification_json(&mut out, &verified, compared.as_ref())
    } else {
        write_verification(&mut out, &verified, compared.as_ref())
    };
    written.and_then(|()| out.flush())?;
    let is_identical = compared.as_ref().is_none_or(ReaderComparison::is_identical);
    Ok(if verified.is_whole() && is_identical { CommandExit::Allowed } else { CommandExit::Denied })
}

/// Reads everything with libgit2 as well, with a progress line.
fn compare_with_second_reader(
    repository: &Repository,
    context: &Context,
) -> Result<ReaderComparison, CommandError> {
    let mut progress = ProgressLine::start_counting("commits read twice", context);
    let compared = compare_readers(repository, LEDGER_REF, &mut || progress.count_step());
    drop(progress);
    Ok(compared?)
}

fn write_comparison(out: &mut dyn Write, compared: &ReaderComparison) -> io::Result<()> {
    for difference in &compared.differences {
        let subject = escape::escape_terminal(difference.subject.as_bytes(), escape::MAX_QUOTE_COLUMNS);
        let what = describe_difference(difference);
        writeln!(out, "{:<12} {subject}: {what}", "reader")?;
    }
    if compared.omitted_differences > 0 {
        writeln!(out, "and {} further differences", compared.omitted_differences)?;
    }
    let ReaderComparison { refs, commits, trees, record_files, .. } = compared;
    writeln!(
        out,
        "second reader: {refs} refs, {commits} commits, {trees} trees, {record_files} record files; {}",
        match compared.differences.len() + compared.omitted_differences {
            0 => "no difference".to_owned(),
            1 => "1 difference".to_owned(),
            several => format!("{several} differences"),
        }
    )
}

fn describe_difference(difference: &ReaderDifference) -> String {
    let part = difference.part;
    match difference.disagreement {
        ReaderDisagreement::Different => format!("libgit2 reads {part} differently"),
        ReaderDisagreement::UnreadableByGate => format!("only libgit2 can read this {part}; the gate cannot"),
        ReaderDisagreement::UnreadableByLibgit2 => {
            format!("only the gate can read this {part}; libgit2 cannot")
        }
        ReaderDisagreement::UnreadableByBoth => format!("neither reader can read this {part}; not compared"),
    }
}

/// Returns the word of JSON for a disagreement.
fn name_disagreement(disagreement: ReaderDisagreement) -> &'static str {
    match disagreement {
        ReaderDisagreement::Different => "different",
        ReaderDisagreement::UnreadableByGate => "unreadable-by-gate",
        ReaderDisagreement::UnreadableByLibgit2 => "unreadable-by-libgit2",
        ReaderDisagreement::UnreadableByBoth => "unreadable-by-both",
    }
}

pub(crate) fn read_signer_keys(path: &Path) -> Result<KeyRegistry, CommandError> {
    let why = match std::fs::read(path) {
        Ok(text) => match KeyRegistry::read_registry(Some(&text), None) {
            Ok(keys) => return Ok(keys),
            Err(bad) => bad.first().map(|bad| bad.reason.clone()).unwrap_or_default(),
        },
        Err(error) => error.to_string(),
    };
    Err(CommandError::Usage(format!("--signers: {}: {why}", path.display())))
}

fn write_verification(
    out: &mut dyn Write,
    verified: &LedgerVerification,
    compared: Option<&ReaderComparison>,
) -> io::Result<()> {
    for problem in &verified.problems {
        let at = match (problem.record, problem.commit) {
            (Some(record), Some(commit)) => format!("record {record} ({})", commit.short_hex()),
            _ => "the ledger".into(),
        };
        writeln!(
            out,
            "{:<12} {at}: {}",
            describe_problem_kind(problem.kind),
            replace_invisible(&problem.what)
        )?;
    }
    match (&verified.tip, &verified.last_digest) {
        (None, _) => {
            writeln!(out, "no ledger in this repository: {LEDGER_REF} does not exist")?;
            return compared.map_or(Ok(()), |compared| write_comparison(out, compared));
        }
        (Some(tip), last) => {
            let records = verified.records;
            let decisions = verified.decisions;
            let denied = verified.denied;
            let not_enforced = match verified.not_enforced {
                0 => String::new(),
                count => format!(", {count} not enforced (evaluate mode)"),
            };
            writeln!(out, "{records} records, {decisions} decisions, {denied} of them denied{not_enforced}")?;
            // The gate leaves a sign after an hour, so anything shorter is no silence.
            if let Some((from, to)) = verified.longest_silence
                && to.duration_since(from) >= HEARTBEAT_INTERVAL
            {
                let length = format_duration(to.duration_since(from).as_secs());
                let (from, to) = (format_instant(from), format_instant(to));
                writeln!(out, "longest time without a record: {length}, from {from} to {to}")?;
            }
            // The newest record has the form that --seen takes.
            let last = last.as_deref().unwrap_or("unreadable");
            writeln!(out, "newest {records}:{last}\n  at {tip}")?;
        }
    }
    if let Some(compared) = compared {
        write_comparison(out, compared)?;
    }
    let is_good = verified.is_whole() && compared.is_none_or(ReaderComparison::is_identical);
    writeln!(out, "{}", if is_good { "verification passed" } else { "verification failed" })
}

fn write_verification_json(
    out: &mut dyn Write,
    verified: &LedgerVerification,
    compared: Option<&ReaderComparison>,
) -> io::Result<()> {
    let mut problems = Vec::new();
    for problem in &verified.problems {
        problems.push(json!({
            "kind": describe_problem_kind(problem.kind),
            "record": problem.record,
            "commit": problem.commit,
            "what": problem.what,
        }));
    }
    let newest = verified.last_digest.as_ref().map(|digest| format!("{}:{digest}", verified.records));
    let document = json!({
        "whole": verified.is_whole(),
        "records": verified.records,
        "decisions": verified.decisions,
        "denied": verified.denied,
        "not-enforced": verified.not_enforced,
        "first-at": verified.first_at,
        "last-at": verified.last_at,
        "longest-silence": verified.longest_silence.map(|(from, to)| json!({
            "from": from,
            "to": to,
            "seconds": to.duration_since(from).as_secs(),
        })),
        "newest": newest,
        "commit": verified.tip,
        "problems": problems,
        "second-reader": compared.map(build_comparison_json),
    });
    writeln!(out, "{}", replace_invisible(&document.to_string()))
}

fn build_comparison_json(compared: &ReaderComparison) -> serde_json::Value {
    let mut differences = Vec::new();
    for difference in &compared.differences {
        differences.push(json!({
            "subject": difference.subject.to_lossy(),
            "part": difference.part,
            "disagreement": name_disagreement(difference.disagreement),
        }));
    }
    json!({
        "refs": compared.refs,
        "commits": compared.commits,
        "trees": compared.trees,
        "record-files": compared.record_files,
        "differences": differences,
        "omitted-differences": compared.omitted_differences,
    })
}

fn describe_problem_kind(kind: LedgerProblemKind) -> &'static str {
    match kind {
        LedgerProblemKind::Tampered => "tampered",
        LedgerProblemKind::Truncated => "truncated",
        LedgerProblemKind::Unreadable => "unreadable",
        LedgerProblemKind::Unsigned => "unsigned",
        LedgerProblemKind::Mismatch => "mismatch",
        LedgerProblemKind::Unauthorised => "unauthorised",
        LedgerProblemKind::Regularised => "regularised",
        LedgerProblemKind::UndecidedPolicy => "undecided-policy",
        LedgerProblemKind::Incomplete => "incomplete",
        LedgerProblemKind::Waiting => "waiting",
        LedgerProblemKind::ClockWentBack => "clock",
    }
}

/// Judges again what a record has decided, and compares the outcomes.
pub(crate) fn run_ledger_replay(repository: &Repository, named: &str) -> Result<CommandExit, CommandError> {
    let (commit, bytes) = find_record(repository, named)?;
    let decided = match ReadableRecord::parse_record(&bytes) {
        ReadableRecord::Known(record) => match record.event {
            LedgerEvent::Decision(decided) => decided,
            _ => {
                return Err(CommandError::Usage(
                    "this record is not a decision; it cannot be judged again".into(),
                ));
            }
        },
        ReadableRecord::Unknown(RecordPosition { reason: why, .. }) | ReadableRecord::Damaged(why) => {
            return Err(CommandError::Failed(anyhow::anyhow!("the record cannot be read: {why}")));
        }
    };
    let facts = read_ledger_file(repository, commit, FACTS_FILE)?;
    let reasons = read_ledger_file(repository, commit, REASONS_FILE)?;
    let replayed = replay_decision(repository, &decided, facts.as_deref(), reasons.as_deref());
    let mut out = io::stdout().lock();
    for what in &replayed.differences {
        writeln!(out, "differs: {}", replace_invisible(what))?;
    }
    for what in &replayed.unavailable {
        writeln!(out, "cannot judge again: {}", replace_invisible(what))?;
    }
    match replayed.identical {
        0 => {}
        1 => writeln!(out, "1 change judged again, with the same outcome")?,
        many => writeln!(out, "{many} changes judged again, with the same outcome")?,
    }
    if replayed == ReplayOutcome::default() {
        writeln!(
            out,
            "this decision judged no change; `changegate ledger show` lists why refs were refused"
        )?;
    }
    // A difference is a stronger finding than a missing fact.
    Ok(match (replayed.differences.is_empty(), replayed.unavailable.is_empty()) {
        (false, _) => CommandExit::Denied,
        (true, false) => CommandExit::Failed,
        (true, true) => CommandExit::Allowed,
    })
}
