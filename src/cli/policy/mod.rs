//! `changegate policy`: writes a policy, checks it, documents it, and explains what it can say.

mod backtest;
mod check;
mod diff;
mod init;
pub(crate) mod lookup;
mod procedure;
mod roster_draft;
mod test;
mod watched_files;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::calendar::TimeLimit;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::wrap_text;
use crate::cli::policy::backtest::{BacktestArgs, backtest_policy};
use crate::cli::policy::check::{PolicyCheckArgs, check_policy_file};
use crate::cli::policy::diff::{PolicyDiffArgs, diff_policies};
use crate::cli::policy::init::{PolicyInitArgs, init_policy};
use crate::cli::policy::lookup::{load_policy_or_pack, unknown_pack_error};
use crate::cli::policy::procedure::{PolicyDocsArgs, write_policy_docs};
use crate::cli::policy::test::{PolicyTestArgs, test_policies};
use crate::policy::{ActPermission, Policy, packs};
use crate::policy_tests::build_test_schema;
use crate::predicates::PREDICATE_DOCS;
use crate::verdict::{RuleLevel, time_limit_message};
use crate::yaml::shorten_for_message;

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
    /// List the effective rules of a policy
    #[command(after_help = "\
Examples:
  changegate policy show
  changegate policy show --pack iso27001")]
    Show {
        /// Shipped pack to show instead of this repository's policy
        #[arg(long, conflicts_with = "file")]
        pack: Option<String>,
        /// Policy file [default: policies/changegate.yml of this repository]
        file: Option<PathBuf>,
    },
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
    /// Explain a predicate, with an example that passes and one that fails
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
  changegate policy schema --tests > policies/policy-tests.schema.json")]
    Schema {
        /// Print the schema of test suites instead
        #[arg(long)]
        tests: bool,
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
        PolicyCommand::Show { pack, file } => show_policy(pack.as_deref(), file.as_deref(), context),
        PolicyCommand::Docs(args) => write_policy_docs(args, context),
        PolicyCommand::Packs { name, tests } => list_packs(name.as_deref(), *tests),
        PolicyCommand::Explain { predicate } => explain_predicate(predicate.as_deref()),
        PolicyCommand::Schema { tests } => {
            let schema = match tests {
                true => format!("{:#}\n", build_test_schema()),
                false => crate::policy::schema::render_schema(),
            };
            io::stdout().lock().write_all(schema.as_bytes())?;
            Ok(CommandExit::Allowed)
        }
        PolicyCommand::Test(args) => test_policies(args, context),
    }
}

fn show_policy(
    pack: Option<&str>,
    file: Option<&Path>,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let loaded = load_policy_or_pack(pack, file, context)?;
    let policy = &loaded.policy;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let protects: Vec<_> = policy.protected_refs.iter().map(ToString::to_string).collect();
    writeln!(out, "{} ({})", policy.name, loaded.source)?;
    writeln!(out, "protects {}", protects.join(", "))?;
    // Obligations have no rule ids, so they come before the rules.
    if policy.obligations.block_on_overdue {
        writeln!(out, "an overdue obligation blocks its branch")?;
    }
    if policy.obligations.suspend_shortcut {
        writeln!(out, "no emergency changes for authors with an overdue obligation")?;
    }
    if let Some(regularise) = &policy.obligations.regularise {
        let from = regularise.teams.join(", ");
        let within = time_limit_message(regularise.time_limit).to_plain_text();
        writeln!(out, "an unauthorised change is regularised by {from} within {within}")?;
    }
    if let Some(break_glass) = &policy.break_glass {
        let from = break_glass.teams.join(", ");
        let longest = time_limit_message(TimeLimit::Minutes(break_glass.max_minutes)).to_plain_text();
        writeln!(out, "a break-glass session is opened by {from}, for at most {longest}")?;
    }
    for (what, permission) in list_act_permissions(policy) {
        let by = [permission.teams.as_slice(), &permission.bots].concat().join(", ");
        writeln!(out, "after a change has landed, {by} may {what}")?;
    }
    for (id, entry) in policy.standard_changes.list_entries() {
        let text = format!(
            "the standard change {id} counts from {} to {}, approved by {}",
            entry.approved_on,
            entry.review_by,
            shorten_for_message(&entry.approved_by),
        );
        writeln!(out, "{}", wrap_text("", 2, &text))?;
    }
    for rule in &policy.rules {
        let level = if rule.level == RuleLevel::Warn { " (warns only)" } else { "" };
        writeln!(out, "\n{}{level}\n{}", rule.description.id, wrap_text("  ", 2, &rule.description.title))?;
        if let Some(classes) = &rule.class_indexes {
            let mut names = Vec::new();
            for class in classes {
                names.extend(policy.classes.get(*class).map(|class| class.id.as_str()));
            }
            writeln!(out, "{}", wrap_text("  for      ", 11, &names.join(", ")))?;
        }
        if let Some(when) = &rule.when {
            writeln!(out, "{}", wrap_text("  when     ", 11, &when.describe().to_plain_text()))?;
        }
        writeln!(out, "{}", wrap_text("  requires ", 11, &rule.require.describe().to_plain_text()))?;
        if let Some(why) = &rule.why {
            writeln!(out, "{}", wrap_text("  why      ", 11, why))?;
        }
        if !rule.description.controls.is_empty() {
            writeln!(out, "{}", wrap_text("  supports ", 11, &rule.description.controls.join(", ")))?;
        }
    }
    out.flush()?;
    Ok(CommandExit::Allowed)
}

/// Returns what may be recorded of a change after it has landed, and by whom, without what nobody may.
fn list_act_permissions(policy: &Policy) -> Vec<(&'static str, &ActPermission)> {
    let Some(acts) = &policy.acts else { return Vec::new() };
    let all = [
        ("report its outcome", &acts.outcome),
        ("say that it was verified", &acts.verified),
        ("attach a file to it", &acts.attach),
    ];
    all.into_iter().filter(|(_, permission)| !permission.is_empty()).collect()
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
