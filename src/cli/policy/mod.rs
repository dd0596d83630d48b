//! `changegate policy`: writes a policy, checks it, documents it, and explains what it can say.

mod backtest;
mod check;
mod diff;
mod init;
pub(crate) mod lookup;
mod mailmap;
mod procedure;
mod roster_draft;
mod show;
mod status;
mod test;
mod told_weakenings;
mod watched_files;

use std::io::{self, Write};

use clap::Subcommand;

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::wrap_text;
use crate::cli::policy::backtest::{BacktestArgs, backtest_policy};
use crate::cli::policy::check::{PolicyCheckArgs, check_policy_file};
use crate::cli::policy::diff::{PolicyDiffArgs, diff_policies};
use crate::cli::policy::init::{PolicyInitArgs, init_policy};
use crate::cli::policy::lookup::unknown_pack_error;
use crate::cli::policy::procedure::{PolicyDocsArgs, write_policy_docs};
use crate::cli::policy::show::{PolicyShowArgs, show_policy};
use crate::cli::policy::status::{PolicyStatusArgs, show_policy_status};
use crate::cli::policy::test::{PolicyTestArgs, test_policies};
use crate::policy::packs;
use crate::policy::schema::{render_roster_schema, render_schema};
use crate::policy_tests::build_test_schema;
use crate::predicates::PREDICATE_DOCS;

/// Write, check and explain a policy
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Write a first policy and what stands beside it, from what the repository tells
    ///
    /// Looks at the history, the branches, CODEOWNERS, the template of descriptions
    /// and what Git LFS stores. Writes the policy, a draft of its roster, tests, a
    /// schema for editors, templates of commits and descriptions, and on GitHub the
    /// workflows; then says what to do next.
    Init(PolicyInitArgs),
    /// Judge history by a proposed policy, beside the one in force
    Backtest(BacktestArgs),
    /// Show all errors of a policy, and what it weakens
    Check(PolicyCheckArgs),
    /// Say what a change of a policy means: stricter, looser or different, part by part
    Diff(PolicyDiffArgs),
    Show(PolicyShowArgs),
    Status(PolicyStatusArgs),
    /// Write the change-management procedure that a policy amounts to, in plain words
    Docs(PolicyDocsArgs),
    /// List the shipped packs
    #[command(after_help = "\
Examples:
  changegate policy packs
  changegate policy packs iso27001
  changegate policy packs iso27001 --tests > policies/changegate.test.yml")]
    Packs {
        /// Pack to print as YAML
        name: Option<String>,

        /// Print the tests of the pack instead, to start your own from
        #[arg(long, requires = "name")]
        tests: bool,
    },
    /// Explain what a predicate asks, with an example that passes and one that fails
    ///
    /// How the judgement of a change comes about: `changegate explain CHANGE`.
    #[command(after_help = "\
Examples:
  changegate policy explain
  changegate policy explain approvals")]
    Explain {
        /// Name of the predicate; without it, all predicates are listed
        predicate: Option<String>,
    },
    /// Print the JSON Schema of a policy file, for editors
    #[command(after_help = "\
Examples:
  changegate policy schema > policies/policy.schema.json
  changegate policy schema --tests > policies/policy-tests.schema.json
  changegate policy schema --roster > policies/people.schema.json")]
    Schema {
        /// Print the schema of test suites instead
        #[arg(long)]
        tests: bool,
        /// Print the schema of rosters instead
        #[arg(long, conflicts_with = "tests")]
        roster: bool,
    },
    /// Run the tests of a policy: changes, and what it is to say about them
    Test(PolicyTestArgs),
}

pub(crate) fn run_policy(args: &PolicyArgs, context: &Context) -> Result<CommandExit, CommandError> {
    match &args.command {
        PolicyCommand::Init(args) => init_policy(args, context),
        PolicyCommand::Backtest(args) => backtest_policy(args, context),
        PolicyCommand::Check(args) => check_policy_file(args, context),
        PolicyCommand::Diff(args) => diff_policies(args, context),
        PolicyCommand::Status(args) => show_policy_status(args, context),
        PolicyCommand::Show(args) => show_policy(args, context),
        PolicyCommand::Docs(args) => write_policy_docs(args, context),
        PolicyCommand::Packs { name, tests } => list_packs(name.as_deref(), *tests),
        PolicyCommand::Explain { predicate } => explain_predicate(predicate.as_deref()),
        PolicyCommand::Schema { tests, roster } => {
            let schema = match (tests, roster) {
                (true, _) => format!("{:#}\n", build_test_schema()),
                (_, true) => render_roster_schema(),
                _ => render_schema(),
            };
            io::stdout().lock().write_all(schema.as_bytes())?;
            Ok(CommandExit::Allowed)
        }
        PolicyCommand::Test(args) => test_policies(args, context),
    }
}

fn list_packs(name: Option<&str>, with_tests: bool) -> Result<CommandExit, CommandError> {
    let mut out = io::stdout().lock();
    match name {
        Some(name) => {
            let pack = packs::find_pack(name).ok_or_else(|| unknown_pack_error(name))?;
            match with_tests {
                true => out.write_all(pack.copy_tests().as_bytes())?,
                false => out.write_all(pack.source.as_bytes())?,
            }
        }
        None => {
            for pack in packs::POLICY_PACKS {
                writeln!(out, "{}", wrap_text(&format!("{:<17} ", pack.name), 18, pack.summary))?;
            }
        }
    }
    Ok(CommandExit::Allowed)
}

fn explain_predicate(predicate: Option<&str>) -> Result<CommandExit, CommandError> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match predicate {
        None => {
            for doc in PREDICATE_DOCS {
                writeln!(out, "{}", wrap_text(&format!("{:<17} ", doc.name), 18, doc.summary))?;
            }
        }
        Some(name) => {
            let Some(doc) = PREDICATE_DOCS.iter().find(|doc| doc.name == name) else {
                return Err(unknown_predicate_error(name));
            };
            let about = wrap_text("", 0, &format!("{} {}", doc.summary, doc.why));
            writeln!(out, "{}\n\n{about}\n", doc.name)?;
            for item in doc.parameters.lines() {
                let indent = item.len() - item.trim_start().len();
                writeln!(out, "{}", wrap_text(&" ".repeat(indent), indent + 2, item.trim_start()))?;
            }
            writeln!(out)?;
            writeln!(out, "This passes:\n{}", doc.passing_example.trim_end())?;
            writeln!(out, "\nThis fails:\n{}", doc.failing_example.trim_end())?;
        }
    }
    out.flush()?;
    Ok(CommandExit::Allowed)
}

fn unknown_predicate_error(name: &str) -> CommandError {
    let near = crate::yaml::find_nearest_word(name, PREDICATE_DOCS.iter().map(|doc| doc.name));
    CommandError::Usage(match near {
        Some(near) => format!("there is no predicate `{name}`; did you mean `{near}`?"),
        None => format!("there is no predicate `{name}`; `changegate policy explain` lists all predicates"),
    })
}
