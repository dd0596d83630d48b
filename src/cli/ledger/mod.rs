//! `changegate ledger`: shows the ledger, verifies it, exports it, and reconciles it with the refs.

mod act_text;
pub(crate) mod export;
pub(crate) mod policy_counts;
mod pull_verdict_text;
mod show_records;
pub(crate) mod trace;
pub(crate) mod verify;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::install::hook_state::find_hook_state;
use crate::cli::ledger_upkeep;
use crate::cli::output::ListFormatArg;
use crate::git::Repository;

/// Show and verify the ledger of decisions
///
/// A server keeps each decision under refs/changegate/ledger: what was pushed, by
/// whom, what was decided by which policy, and what landed. All commands except
/// `reconcile` work on a copy of that ref, made by `git fetch`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate ledger log                    the newest records, one to a line
  changegate ledger show 17                one record
  changegate ledger trace 4e5f607          the history of a change
  changegate ledger verify                 check the chain and its contents
  changegate ledger verify --seen 41:sha256:0f3a...   check for cut records
  changegate ledger replay 17              judge again from the recorded facts
  changegate ledger export --format in-toto --since 40 -o decisions.jsonl
  changegate ledger reconcile -C /srv/git/app.git     after a crash
  git fetch origin refs/changegate/ledger:refs/changegate/ledger")]
pub(crate) struct LedgerArgs {
    #[command(subcommand)]
    command: LedgerCommand,
}

/// The formats of exported records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExportFormatArg {
    /// in-toto Statements v1
    InToto,
}

#[derive(Debug, Subcommand)]
enum LedgerCommand {
    /// List records, newest first
    Log {
        /// Number of records to list
        #[arg(long, short = 'n', value_name = "N", default_value = "20")]
        number: usize,

        /// Output format
        #[arg(long, value_name = "FORMAT", default_value = "terminal")]
        format: ListFormatArg,
    },
    /// Show one record
    Show {
        /// Number or commit of the record
        record: String,

        /// Print the record as it is stored
        #[arg(long)]
        json: bool,
    },
    /// Show the history of a change, from request to closure
    ///
    /// Lists all records about a commit, oldest first: who requested it, the outcome
    /// of each rule, when it landed, its obligations, and what closed them.
    #[command(after_help = "\
Examples:
  changegate ledger trace 4e5f607
  changegate ledger trace v1.4.0             the commit of a tag
  changegate ledger trace HEAD --format json

Exits with 1 if the change landed without a decision, or by a policy that came
without one, or has not landed, or if one of its obligations is overdue.")]
    Trace {
        /// Commit of the change
        change: String,

        /// Output format
        #[arg(long, value_name = "FORMAT", default_value = "terminal")]
        format: ListFormatArg,
    },
    /// Verify the ledger, and list what does not match
    ///
    /// On the server, also compares the ledger with the refs, and with the newest
    /// record that the server has stored.
    Verify {
        /// Record that must be in the ledger, as `verify` printed it: NUMBER:DIGEST
        #[arg(long, value_name = "RECORD")]
        seen: Option<String>,

        /// File of allowed signers; each record must be signed by one of them
        #[arg(long, value_name = "FILE")]
        signers: Option<PathBuf>,

        /// Compare the ledger with the refs of this repository
        #[arg(long, conflicts_with = "no_refs")]
        refs: bool,

        /// Do not compare the ledger with the refs
        #[arg(long)]
        no_refs: bool,

        /// Also read every ref, commit, tree and record with libgit2, and report differences
        #[arg(long)]
        second_reader: bool,

        /// Output format
        #[arg(long, value_name = "FORMAT", default_value = "terminal")]
        format: ListFormatArg,
    },
    /// Export decisions as in-toto statements, one to a line
    ///
    /// For a change that landed: the verified properties (SVR), and that it passed
    /// (SLSA VSA, with properties of this organisation and never a level). For a
    /// denied change: that it failed. For both what the verdict rests on, and for what
    /// landed how it relates to what was reviewed. With --key, each statement is in a
    /// signed envelope (DSSE).
    #[command(after_help = "\
Examples:
  changegate ledger export --uri git+https://git.example.com/acme/shop
  changegate ledger export --since 40 -o decisions.jsonl
  changegate ledger export -o directory     one file for each record
  changegate ledger export --key gate.pem -o decisions.intoto.jsonl

Exits with 3 if a record cannot be exported.")]
    Export {
        /// Export format
        #[arg(long, value_name = "FORMAT", default_value = "in-toto")]
        format: ExportFormatArg,

        /// First record to export
        #[arg(long, value_name = "NUMBER", default_value = "1")]
        since: u64,

        /// File, or existing directory, to write to [default: standard output]
        #[arg(long, short = 'o', value_name = "PATH")]
        output: Option<PathBuf>,

        /// Public address of the repository [default: where it was cloned from]
        #[arg(long, value_name = "URI")]
        uri: Option<String>,

        /// Id of the verifier [default: changegate and its version]
        #[arg(long, value_name = "URI")]
        verifier: Option<String>,

        /// File of a private Ed25519 key to sign with: PKCS#8 as PEM, or as ssh-keygen writes it
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Append what pushes left behind, and find moves without a decision
    Reconcile {
        /// Treat all pushes as ended
        #[arg(long)]
        now: bool,
    },
    /// Judge again from the facts of a record, and compare the outcomes
    Replay {
        /// Number or commit of the record
        record: String,
    },
}

pub(crate) fn run_ledger(args: &LedgerArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory)?;
    match &args.command {
        LedgerCommand::Log { number, format } => {
            show_records::run_ledger_log(&repository, *number, *format == ListFormatArg::Json)
        }
        LedgerCommand::Show { record, json } => show_records::run_ledger_show(&repository, record, *json),
        LedgerCommand::Trace { change, format } => {
            trace::run_ledger_trace(&repository, change, *format == ListFormatArg::Json, context)
        }
        LedgerCommand::Verify { seen, signers, refs, no_refs, second_reader, format } => {
            let verify_args = verify::LedgerVerifyArgs {
                seen: seen.as_deref(),
                signers: signers.as_deref(),
                // Without either flag, refs are compared only on the server that keeps the ledger.
                check_refs: if *refs || *no_refs { Some(*refs) } else { None },
                with_second_reader: *second_reader,
                as_json: *format == ListFormatArg::Json,
            };
            verify::run_ledger_verify(&repository, &verify_args, context)
        }
        LedgerCommand::Export { format: ExportFormatArg::InToto, since, output, uri, verifier, key } => {
            let export_args = export::LedgerExportArgs {
                since: *since,
                output: output.as_deref(),
                uri: uri.as_deref(),
                verifier: verifier.as_deref(),
                key: key.as_deref(),
            };
            export::run_ledger_export(&repository, &export_args, context)
        }
        LedgerCommand::Reconcile { now } => {
            let hook = find_hook_state(&repository);
            ledger_upkeep::run_reconcile(&repository, (*now, hook), context)
        }
        LedgerCommand::Replay { record } => verify::run_ledger_replay(&repository, record),
    }
}
