//! `changegate ledger`: reading the ledger, holding it against the repository, and folding in what a
//! push left behind.

use std::io::{self, BufWriter, Write};

use clap::Subcommand;
use indicatif::ProgressBar;
use jiff::SignedDuration;

use super::output;
use super::{Exit, Stop, World};
use crate::gate::{Settings, at_commit};
use crate::git::{RefUpdate, Repository};
use crate::ledger::fold::{Folded, Folding, fold};
use crate::ledger::record::Readable;
use crate::ledger::store::{RECORD, file};
use crate::ledger::verify::{Anchor, Kind, verify};
use crate::ledger::{REF, deciding};
use crate::report::escape;

/// How long a push may be under way before it counts as dead.
pub(super) const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

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
        LedgerCommand::Reconcile { now } => {
            let settings = Settings::read(&repository, &|name| world.variable(name), world.threads())
                .map_err(Stop::Wrong)?;
            let patience = if *now { SignedDuration::ZERO } else { PATIENCE };
            let folded = fold_in(&repository, &settings, &[], patience, world)?;
            if folded == Folded::default() {
                writeln!(io::stdout().lock(), "nothing was left behind")?;
            }
            tell(&folded)?;
            Ok(if folded.unauthorised.is_empty() { Exit::Allowed } else { Exit::Denied })
        }
    }
}

/// Folds in what was written ahead; `landed` is what git tells of a push.
pub(super) fn fold_in(
    repository: &Repository,
    settings: &Settings,
    landed: &[RefUpdate],
    patience: SignedDuration,
    world: &World,
) -> Result<Folded, Stop> {
    let policy = match &settings.policy_file {
        Some(file) => super::policy::load(Some(file), world).ok(),
        None => repository.resolve_ref(settings.policy_ref.as_bytes())?.id.and_then(|tip| {
            at_commit(repository, tip, &settings.policy_path, &settings.policy_ref.to_lossy()).ok()
        }),
    };
    let protects = |name: &[u8]| policy.as_ref().is_some_and(|loaded| loaded.policy.protects(name));
    let folding = Folding {
        repository,
        protects: &protects,
        key: settings.ledger_key.as_deref(),
        now: world.now,
        patience,
        tool: deciding::TOOL,
        is_running: &is_running,
    };
    Ok(fold(&folding, landed)?)
}

/// Tells what folding in has found that somebody should know.
pub(super) fn tell(folded: &Folded) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for moved in &folded.unauthorised {
        let name = escape::terminal(moved.name.as_bytes(), escape::MOST);
        writeln!(out, "changegate: {name} moved without a decision; recorded as unauthorised")?;
    }
    match folded.found_late {
        0 => {}
        1 => writeln!(out, "changegate: 1 earlier push ended without a word; now it is recorded")?,
        many => {
            writeln!(out, "changegate: {many} earlier pushes ended without a word; now they are recorded")?
        }
    }
    Ok(())
}

/// Returns whether a process runs, where the system tells.
fn is_running(process: u32) -> Option<bool> {
    let processes = std::path::Path::new("/proc/self");
    processes.exists().then(|| std::path::Path::new(&format!("/proc/{process}")).exists())
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
    let verified = verify(repository, anchor.as_ref(), refs, &mut || progress.inc(1))?;
    progress.finish_and_clear();
    let mut out = BufWriter::new(io::stdout().lock());
    for problem in &verified.problems {
        let at = match problem.record {
            Some(record) => format!("record {record}"),
            None => "the ledger".into(),
        };
        writeln!(out, "{:<13} {at}: {}", kind(problem.kind), problem.what)?;
    }
    let (decisions, denied) = verified.decisions;
    match (&verified.tip, &verified.last) {
        (Some(tip), Some(last)) => {
            writeln!(out, "{} records, {decisions} decisions, {denied} of them denied", verified.records)?;
            writeln!(out, "newest {}:{last} at {tip}", verified.records)?;
        }
        _ => writeln!(out, "there is no ledger here: {REF} does not exist")?,
    }
    let whole = verified.tip.is_some() && verified.problems.is_empty();
    writeln!(out, "{}", if whole { "nothing speaks against it" } else { "this does not hold together" })?;
    out.flush()?;
    Ok(if whole { Exit::Allowed } else { Exit::Denied })
}

fn anchor(seen: &str) -> Result<Anchor, Stop> {
    let wrong = || Stop::Wrong("--seen takes what `verify` calls the newest: NUMBER:sha256:DIGEST".into());
    let (number, digest) = seen.split_once(':').ok_or_else(wrong)?;
    Ok(Anchor { number: number.parse().map_err(|_| wrong())?, digest: digest.to_owned() })
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Tampered => "tampered",
        Kind::Truncated => "truncated",
        Kind::Unreadable => "unreadable",
        Kind::Mismatch => "mismatch",
        Kind::Unauthorised => "unauthorised",
        Kind::Incomplete => "incomplete",
        Kind::Clock => "clock",
    }
}
