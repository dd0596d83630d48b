//! `changegate people`: look at the roster, and keep it up to date.

mod roster_csv;
mod roster_entries;
mod roster_layout;
mod roster_merge;
mod roster_source;
mod roster_update;
mod who;

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{self, ListFormatArg, wrap_text};
use crate::cli::people::roster_entries::RosterText;
use crate::cli::people::roster_source::{describe_faults, find_roster_name};
use crate::cli::people::roster_update::{ImportArgs, SyncArgs, import_list, sync_roster};
use crate::cli::people::who::{WhoArgs, show_person};
use crate::cli::policy::lookup::{find_work_tree, load_local_policy};
use crate::gate::check_policy;

/// Look at the roster of the policy, and keep it up to date
///
/// The roster is the file that `roster` below `people` of the policy names.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate people check
  changegate people who ana@example.com --at 2026-11-30
  changegate people export --format csv > people.csv
  changegate people import people.csv --out policies/people.yml
  changegate people sync github:acme --write")]
pub(crate) struct PeopleArgs {
    #[command(subcommand)]
    command: PeopleCommand,
}

#[derive(Debug, Subcommand)]
enum PeopleCommand {
    Check(PeopleCheckArgs),
    Who(WhoArgs),
    Export(ExportArgs),
    Import(ImportArgs),
    Sync(SyncArgs),
}

/// Check the roster: faults, people who look alike, and what dates take away soon
///
/// Everything else about the policy is checked by changegate policy check.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate people check
  changegate people check --policy policies/changegate.yml --format json

Exit codes: 0 the roster can be used, 2 it or the policy is wrong, 3 something
could not be read.")]
struct PeopleCheckArgs {
    /// Policy file whose roster is checked [default: policies/changegate.yml]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: ListFormatArg,
}

/// Write the roster as a table for spreadsheets, or as YAML
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate people export --format csv > people.csv
  changegate people export --format yaml

Several values of a cell are separated by `;`. A cell that a spreadsheet would
take for a formula begins with an apostrophe. changegate people import reads the
same table.")]
struct ExportArgs {
    /// Policy file whose roster is written [default: policies/changegate.yml]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "csv")]
    format: RosterFormatArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RosterFormatArg {
    /// A table for spreadsheets
    Csv,
    /// A roster
    Yaml,
}

pub(crate) fn run_people(args: &PeopleArgs, context: &Context) -> Result<CommandExit, CommandError> {
    match &args.command {
        PeopleCommand::Check(args) => check_people(args, context),
        PeopleCommand::Who(args) => show_person(args, context),
        PeopleCommand::Export(args) => export_roster(args, context),
        PeopleCommand::Import(args) => import_list(args, context),
        PeopleCommand::Sync(args) => sync_roster(args, context),
    }
}

fn check_people(args: &PeopleCheckArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let loaded = load_local_policy(args.policy.as_deref(), context)?;
    let roster = find_roster_name(&loaded)?;
    let inspection = check_policy(&loaded, &[], context.now)
        .map_err(|errors| CommandError::InvalidPolicy(errors, None))?;
    let count = loaded.policy.people.count_roster_people().unwrap_or_default();
    let is_told = |file: &str, what: &str| file == roster || what.contains("dates of the roster end");
    let notes: Vec<_> =
        inspection.notes.iter().filter(|note| is_told(&note.file, &note.fault.what)).collect();
    let mut out = io::stdout().lock();
    let written = match args.format {
        ListFormatArg::Json => {
            let notes: Vec<_> = notes
                .iter()
                .map(|note| {
                    let fault = &note.fault;
                    json!({ "file": note.file, "line": fault.at.line, "what": fault.what, "help": fault.help })
                })
                .collect();
            writeln!(out, "{:#}", json!({ "roster": roster, "people": count, "notes": notes }))
        }
        ListFormatArg::Terminal => {
            for note in &notes {
                let fault = &note.fault;
                let help = fault.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
                let text = format!("{}:{}: {}{help}", note.file, fault.at.line, fault.what);
                writeln!(out, "{}", wrap_text("note: ", 2, &text))?;
            }
            let people = if count == 1 { "person" } else { "people" };
            writeln!(out, "{roster} can be used: {count} {people}")
        }
    };
    output::ignore_broken_pipe(written)?;
    Ok(CommandExit::Allowed)
}

fn export_roster(args: &ExportArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let loaded = load_local_policy(args.policy.as_deref(), context)?;
    let roster = find_roster_name(&loaded)?;
    let source = std::fs::read(find_work_tree(context).join(&roster))?;
    let roster = RosterText::read_roster(&source).map_err(|faults| describe_faults(&roster, &faults))?;
    let text = match args.format {
        RosterFormatArg::Yaml => roster.render_roster().into_bytes(),
        RosterFormatArg::Csv => {
            roster_csv::render_csv(&roster).map_err(|error| CommandError::Failed(error.into()))?
        }
    };
    output::ignore_broken_pipe(io::stdout().lock().write_all(&text))?;
    Ok(CommandExit::Allowed)
}
