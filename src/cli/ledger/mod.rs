//! `changegate ledger`: reading the ledger, holding it against the repository, and folding in what a
//! push left behind.

pub(crate) mod export;
pub(crate) mod show_records;
pub(crate) mod trace;
pub(crate) mod verify;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::git::Repository;

pub(crate) use crate::cli::ledger_upkeep::github_remote::{open_ledger_remote, write_forge_ledger_report};
pub(crate) use crate::cli::ledger_upkeep::{begin_ledger, reconcile_repository, write_reconcile_report};

/// Read the ledger of decisions, and verify it
///
/// A server keeps every decision under refs/changegate/ledger: what was pushed,
/// by whom, what was decided by which policy, and what landed. `git fetch` of
/// that ref makes a copy that everything but `reconcile` works on.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate ledger log                    the newest records, a line each
  changegate ledger show 17                one record, for people
  changegate ledger trace 4e5f607          how a change went, from request to closure
  changegate ledger verify                 is the chain whole, and true?
  changegate ledger verify --seen 41:sha256:0f3a...   nothing cut since
  changegate ledger replay 17              judge again from the facts
  changegate ledger export --format in-toto --since 40 -o decisions.jsonl
  changegate ledger reconcile -C /srv/git/app.git     after a crash
  git fetch origin refs/changegate/ledger:refs/changegate/ledger")]
pub(crate) struct LedgerArgs {
    #[command(subcommand)]
    command: LedgerCommand,
}

/// In which form records are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RecordFormatArg {
    /// A line each, for people
    Terminal,
    /// A JSON document each, one to a line
    Json,
}

/// In which format records are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExportFormatArg {
    /// in-toto statements, v1
    InToto,
}

#[derive(Debug, Subcommand)]
enum LedgerCommand {
    /// List records, newest first
    Log {
        /// How many
        #[arg(long, short = 'n', value_name = "N", default_value = "20")]
        number: usize,

        /// In which form
        #[arg(long, value_name = "FORM", default_value = "terminal")]
        format: RecordFormatArg,
    },
    /// Show one record
    Show {
        /// Its number, or its commit
        record: String,

        /// As it is kept
        #[arg(long)]
        json: bool,
    },
    /// Tell how a change went, from request to closure
    ///
    /// Every record that tells of a commit, oldest first: who asked for it, how
    /// each rule was judged, when it landed, what it owed, and what closed that.
    #[command(after_help = "\
Examples:
  changegate ledger trace 4e5f607
  changegate ledger trace v1.4.0             what a tag points to
  changegate ledger trace HEAD --format json

Ends with 1 if it landed without a decision, has not landed, or something that
it owes is overdue.")]
    Trace {
        /// The commit
        change: String,

        /// In which form
        #[arg(long, value_name = "FORM", default_value = "terminal")]
        format: RecordFormatArg,
    },
    /// Work everything out again, and name what does not fit
    ///
    /// On the server the ledger is also held against what the refs hold, and
    /// against the newest record that the server remembers to have written.
    Verify {
        /// A record that was seen before, as `verify` told it: NUMBER:DIGEST
        #[arg(long, value_name = "RECORD")]
        seen: Option<String>,

        /// Every record is signed by one of these keys, as in allowed_signers
        #[arg(long, value_name = "FILE")]
        signers: Option<PathBuf>,

        /// Hold it against the refs of this copy too
        #[arg(long, conflicts_with = "no_refs")]
        refs: bool,

        /// Do not hold it against the refs
        #[arg(long)]
        no_refs: bool,

        /// Read every ref, commit, tree and record with libgit2 too, and report differences
        #[arg(long)]
        second_reader: bool,

        /// In which form
        #[arg(long, value_name = "FORM", default_value = "terminal")]
        format: RecordFormatArg,
    },
    /// Write what was decided as in-toto statements, one to a line
    ///
    /// Of a change that landed: the properties that were verified of it (SVR), and
    /// that it passed (SLSA VSA, with properties of this organisation and never a
    /// level). Of a change that was denied: that it failed. Nobody signs them.
    #[command(after_help = "\
Examples:
  changegate ledger export --uri git+https://git.example.com/acme/shop
  changegate ledger export --since 40 -o decisions.jsonl
  changegate ledger export -o folder        a file for each record

Ends with 3 if there is something that no statement can be made about.")]
    Export {
        /// In which format
        #[arg(long, value_name = "FORMAT", default_value = "in-toto")]
        format: ExportFormatArg,

        /// From this record on
        #[arg(long, value_name = "NUMBER", default_value = "1")]
        since: u64,

        /// Into a file, or a folder that is there; to standard output if left out
        #[arg(long, short = 'o', value_name = "PATH")]
        output: Option<PathBuf>,

        /// Where the repository is for others; where it was cloned from if left out
        #[arg(long, value_name = "URI")]
        uri: Option<String>,

        /// Who verified; the gate and its version if left out
        #[arg(long, value_name = "URI")]
        verifier: Option<String>,
    },
    /// Append what pushes left behind, and find what moved without a decision
    Reconcile {
        /// Take no push for being under way
        #[arg(long)]
        now: bool,
    },
    /// Judge again from the facts beside a record, and compare byte for byte
    Replay {
        /// Its number, or its commit
        record: String,
    },
}

pub(crate) fn run_ledger(args: &LedgerArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&world.directory)?;
    match &args.command {
        LedgerCommand::Log { number, format } => {
            show_records::run_ledger_log(&repository, *number, *format == RecordFormatArg::Json)
        }
        LedgerCommand::Show { record, json } => show_records::run_ledger_show(&repository, record, *json),
        LedgerCommand::Trace { change, format } => {
            trace::run_ledger_trace(&repository, change, *format == RecordFormatArg::Json, world)
        }
        LedgerCommand::Verify { seen, signers, refs, no_refs, second_reader, format } => {
            let refs = if *refs || *no_refs { Some(*refs) } else { None };
            let (seen, signers) = (seen.as_deref(), signers.as_deref());
            let as_json = *format == RecordFormatArg::Json;
            verify::run_ledger_verify(
                &repository,
                &verify::LedgerVerifyArgs {
                    seen,
                    signers,
                    check_refs: refs,
                    with_second_reader: *second_reader,
                    as_json,
                },
                world,
            )
        }
        LedgerCommand::Export { format: ExportFormatArg::InToto, since, output, uri, verifier } => {
            let (output, uri, verifier) = (output.as_deref(), uri.as_deref(), verifier.as_deref());
            let asked = export::LedgerExportArgs { since: *since, output, uri, verifier };
            export::run_ledger_export(&repository, &asked, world)
        }
        LedgerCommand::Reconcile { now } => {
            crate::cli::ledger_upkeep::run_reconcile(&repository, *now, world)
        }
        LedgerCommand::Replay { record } => verify::run_ledger_replay(&repository, record),
    }
}
