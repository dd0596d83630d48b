//! `changegate ledger`: reading the ledger, holding it against the repository, and folding in what a
//! push left behind.

use std::io::{self, BufWriter, Write};

use clap::Subcommand;
use indicatif::ProgressBar;

use super::output;
use super::{Exit, Stop, World};
use crate::git::Repository;
use crate::ledger::REF;
use crate::ledger::place::Anchor;
use crate::ledger::record::Readable;
use crate::ledger::store::{RECORD, file};
use crate::ledger::verify::{Asked, Kind, verify};
use crate::report::escape;

mod folding;

pub(super) use folding::{begin, fold_in, tell};

/// Read the ledger of decisions, and verify it
///
/// A server keeps every decision under refs/changegate/ledger: what was pushed,
/// by whom, what was decided by which policy, and what landed. `git fetch` of
/// that ref makes a copy that everything but `reconcile` works on.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate ledger log                    the newest records, a line each
  changegate ledger show 17                one record, as JSON
  changegate ledger verify                 is the chain whole, and true?
  changegate ledger verify --seen 41:sha256:0f3a...   nothing cut since
  changegate ledger reconcile -C /srv/git/app.git     after a crash
  git fetch origin refs/changegate/ledger:refs/changegate/ledger")]
pub(super) struct Args {
    #[command(subcommand)]
    command: LedgerCommand,
}

#[derive(Debug, Subcommand)]
enum LedgerCommand {
    /// List records, newest first
    Log {
        /// How many
        #[arg(long, short = 'n', value_name = "N", default_value = "20")]
        number: usize,
    },
    /// Show one record as it is kept
    Show {
        /// Its number, or its commit
        record: String,
    },
    /// Work everything out again, and name what does not fit
    Verify {
        /// A record that was seen before, as `verify` told it: NUMBER:DIGEST
        #[arg(long, value_name = "RECORD")]
        seen: Option<String>,

        /// Do not hold it against the refs; for a copy whose branches are elsewhere
        #[arg(long)]
        no_refs: bool,
    },
    /// Append what pushes left behind, and find what moved without a decision
    Reconcile {
        /// Take no push for being under way
        #[arg(long)]
        now: bool,
    },
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let repository = Repository::discover(&world.directory)?;
    match &args.command {
        LedgerCommand::Log { number } => log(&repository, *number),
        LedgerCommand::Show { record } => show(&repository, record),
        LedgerCommand::Verify { seen, no_refs } => run_verify(&repository, seen.as_deref(), !no_refs),
        LedgerCommand::Reconcile { now } => folding::reconcile(&repository, *now, world),
    }
}

fn log(repository: &Repository, number: usize) -> Result<Exit, Stop> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut next = repository.resolve_ref(REF.as_bytes())?.id;
    if next.is_none() {
        return Err(Stop::Wrong(format!("there is no ledger here: {REF} does not exist")));
    }
    let needs = crate::change::Needs::new();
    for _ in 0..number {
        let Some(id) = next else { break };
        let commit = repository.commit(id, &needs).map_err(anyhow::Error::from)?;
        let at = jiff::Timestamp::from_second(commit.committed_at).map_err(anyhow::Error::from)?;
        let number = commit.message.trailers().iter().find(|trailer| trailer.key == "Ledger-Record");
        let number = number.map(|trailer| trailer.value.to_lossy().into_owned()).unwrap_or_default();
        let subject = escape::terminal(commit.message.subject().as_bytes(), 60);
        let told =
            writeln!(out, "{:>6} {} {} {subject}", escape::words(&number), at.strftime("%F %R"), id.short());
        output::said(told)?;
        next = commit.parents.first().copied();
    }
    output::said(out.flush())?;
    Ok(Exit::Allowed)
}

fn show(repository: &Repository, record: &str) -> Result<Exit, Stop> {
    let bytes = match record.parse::<u64>() {
        Ok(number) => numbered(repository, number)?,
        Err(_) => file(repository, repository.rev_parse(record)?, RECORD)?,
    };
    let bytes =
        bytes.ok_or_else(|| Stop::Wrong(format!("there is no record `{}`", escape::words(record))))?;
    let value: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|error| Stop::Failed(anyhow::anyhow!("the record cannot be read: {error}")))?;
    let mut out = io::stdout().lock();
    let text = serde_json::to_string_pretty(&value).map_err(anyhow::Error::from)?;
    output::said(writeln!(out, "{}", super::visible(&text)))?;
    Ok(Exit::Allowed)
}

/// Returns the record with this number, found from the newest back.
fn numbered(repository: &Repository, number: u64) -> Result<Option<Vec<u8>>, Stop> {
    let mut next = repository.resolve_ref(REF.as_bytes())?.id;
    let needs = crate::change::Needs::new();
    while let Some(id) = next {
        if let Some(bytes) = file(repository, id, RECORD)? {
            let found = match Readable::read(&bytes) {
                Readable::Known(record) => Some(record.number),
                Readable::Unknown(place) => Some(place.number),
                Readable::Damaged(_) => None,
            };
            if found == Some(number) {
                return Ok(Some(bytes));
            }
        }
        next = repository.commit(id, &needs).map_err(anyhow::Error::from)?.parents.first().copied();
    }
    Ok(None)
}

fn run_verify(repository: &Repository, seen: Option<&str>, refs: bool) -> Result<Exit, Stop> {
    let anchor = seen.map(anchor).transpose()?;
    let progress = if output::is_watched() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let verified = verify(repository, &Asked { seen: anchor, refs, signers: None }, &mut || progress.inc(1))?;
    progress.finish_and_clear();
    let mut out = BufWriter::new(io::stdout().lock());
    for problem in &verified.problems {
        let at = match problem.record {
            Some(record) => format!("record {record}"),
            None => "the ledger".into(),
        };
        writeln!(out, "{:<13} {at}: {}", kind(problem.kind), problem.what)?;
    }
    let (decisions, denied) = (verified.decisions, verified.denied);
    match (&verified.tip, &verified.last) {
        (Some(tip), Some(last)) => {
            writeln!(out, "{} records, {decisions} decisions, {denied} of them denied", verified.records)?;
            writeln!(out, "newest {}:{last} at {tip}", verified.records)?;
        }
        _ => writeln!(out, "there is no ledger here: {REF} does not exist")?,
    }
    let whole = verified.is_whole();
    writeln!(out, "{}", if whole { "nothing speaks against it" } else { "this does not hold together" })?;
    out.flush()?;
    Ok(if whole { Exit::Allowed } else { Exit::Denied })
}

fn anchor(seen: &str) -> Result<Anchor, Stop> {
    let wrong = || Stop::Wrong("--seen takes what `verify` calls the newest: NUMBER:sha256:DIGEST".into());
    Anchor::read(seen).ok_or_else(wrong)
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Tampered => "tampered",
        Kind::Truncated => "truncated",
        Kind::Unreadable => "unreadable",
        Kind::Unsigned => "unsigned",
        Kind::Mismatch => "mismatch",
        Kind::Unauthorised => "unauthorised",
        Kind::Incomplete => "incomplete",
        Kind::Clock => "clock",
    }
}
