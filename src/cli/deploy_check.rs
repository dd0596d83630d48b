//! `changegate deploy-check`: checks that each change to be deployed was decided, and nothing is overdue.

use std::io::{self, BufWriter, Write};

use crate::change::Text;
use crate::cli::acts::{join_words, push_statement};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::ledger_upkeep::require_ledger_state;
use crate::cli::output;
use crate::cli::revision::{full_ref_name, resolve_commit};
use crate::gate::acts::{ActKind, ActStatement};
use crate::gate::obligations::format_record_reference;
use crate::git::{HeadState, Repository};
use crate::ledger::audit::deploy_check::{self, DeployCheckOutcome};
use crate::ledger::state::status::is_overdue;
use crate::ledger::state::unauthorised::can_be_closed;
use crate::ledger::state::{TrackedObligation, encode_ref_key};
use crate::report::{due_time, escape};

/// Check that each change of a range was decided, and nothing is overdue
///
/// Each step of the branch from OLD to NEW must have landed by a decision that
/// allowed it, and no obligation on the branch may be overdue. With --record, the
/// deployment is pushed to the server, which accepts it from those whom the policy
/// names under `acts` and writes it into the ledger. Needs the ledger:
/// git fetch origin refs/changegate/ledger:refs/changegate/ledger
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate deploy-check v1.4.0..v1.5.0 --ref main
  changegate deploy-check \"$(cat deployed)\"..HEAD --ref main
  changegate deploy-check v1.4.0..v1.5.0 --ref main --record production
  changegate deploy-check v1.4.0..v1.5.0 --ref main --record production --result failed

Exits with 1 if a change has no decision, or one by a policy that came without a
decision, if it would have been denied and landed in evaluate mode, or if an
obligation is overdue.")]
pub(crate) struct DeployCheckArgs {
    /// The revision that is deployed now, and the one to deploy
    #[arg(value_name = "OLD..NEW")]
    range: String,

    /// Branch that the changes landed on [default: HEAD's]
    #[arg(long = "ref", value_name = "REF")]
    ref_name: Option<String>,

    /// Record in the ledger that NEW was deployed to this environment in place of OLD, if the check passes
    #[arg(long, value_name = "ENVIRONMENT")]
    record: Option<String>,

    /// What became of the deployment
    #[arg(long, value_name = "RESULT", requires = "record", default_value = "succeeded")]
    result: DeploymentResultArg,

    /// Remote to push the record to
    #[arg(long, value_name = "REMOTE", requires = "record", default_value = "origin")]
    remote: String,
}

/// What became of a deployment, as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DeploymentResultArg {
    /// It runs
    Succeeded,
    /// It failed, or was taken back at once
    Failed,
}

pub(crate) fn run_deploy_check(
    args: &DeployCheckArgs,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory)?;
    let (old, new) = split_range(&args.range)?;
    let (old, new) = (resolve_commit(&repository, old)?, resolve_commit(&repository, new)?);
    let name = match &args.ref_name {
        Some(name) => full_ref_name(name),
        None => match repository.read_head()? {
            HeadState::Branch(branch) => branch.name,
            HeadState::Detached(_) => {
                return Err(CommandError::usage("HEAD is not on a branch; name one with --ref"));
            }
        },
    };
    let state = require_ledger_state(&repository)?;
    let tip = state.tips.get(&encode_ref_key(&name)).copied();
    let checked = deploy_check::check_deployment(&repository, &name, tip, old, new)?;
    // Unauthorised changes that cannot be regularised are listed with the changes of the range.
    let mut overdue = Vec::new();
    for owed in state.obligations.values() {
        let is_here = owed.ref_name == name || owed.session.is_some();
        if is_here && is_overdue(owed, context.now) && can_be_closed(owed) {
            overdue.push(owed);
        }
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let written = write_deploy_check(&checked, &overdue, &name, context, &mut out);
    output::ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    let is_clean =
        checked.without_decision.is_empty() && overdue.is_empty() && checked.unreadable_records == 0;
    let Some(environment) = &args.record else {
        return Ok(if is_clean { CommandExit::Allowed } else { CommandExit::Denied });
    };
    if !is_clean {
        let why = "changegate: the deployment is not recorded, because the check did not pass";
        output::ignore_broken_pipe(writeln!(io::stderr().lock(), "{why}"))?;
        return Ok(CommandExit::Denied);
    }
    let environment =
        join_words(environment).ok_or_else(|| CommandError::usage("name an environment with --record"))?;
    let is_failed = args.result == DeploymentResultArg::Failed;
    let kind = ActKind::Deployed { environment, before: Some(old), is_failed };
    let statement = ActStatement { kind, change: new, ref_name: name, note: None };
    push_statement(&statement, None, &args.remote, context)
}

fn split_range(range: &str) -> Result<(&str, &str), CommandError> {
    match range.split_once("..") {
        Some((old, new)) if !old.is_empty() && !new.is_empty() && !new.starts_with('.') => Ok((old, new)),
        _ => Err(CommandError::usage("a deployment is OLD..NEW, such as v1.4.0..v1.5.0")),
    }
}

fn write_deploy_check(
    checked: &DeployCheckOutcome,
    overdue: &[&TrackedObligation],
    ref_name: &Text,
    context: &Context,
    out: &mut dyn Write,
) -> io::Result<()> {
    // Problems come first, so that the summary is the last line.
    for (id, lack) in &checked.without_decision {
        writeln!(out, "{id}: {}", lack.describe())?;
    }
    for id in &checked.regularised {
        writeln!(out, "{id}: landed without a decision, and was regularised")?;
    }
    for id in &checked.not_enforced {
        writeln!(out, "{id}: landed in evaluate mode; it would have been allowed")?;
    }
    for owed in overdue {
        let id = match (&owed.session, owed.change, &owed.unauthorised_change) {
            (Some(session), _, _) => format!("session {}", escape::escape_words(&session.id)),
            (None, Some(id), _) => id.to_string(),
            (None, None, Some(unauthorised)) => format_record_reference(unauthorised.record_number),
            (None, None, None) => String::new(),
        };
        let due = due_time::describe_due_time(owed.due, context.now);
        writeln!(out, "{id}: owes {}, {due}", escape::escape_words(&owed.what.to_plain_text()))?;
    }
    if checked.unreadable_records > 0 {
        writeln!(out, "unreadable records in the ledger: {}", checked.unreadable_records)?;
    }
    let regularised = checked.regularised.len();
    let not_enforced = checked.not_enforced.len();
    let others = checked.without_decision.len().saturating_add(regularised).saturating_add(not_enforced);
    let decided = checked.changes.saturating_sub(others);
    let regularised = if regularised == 0 { String::new() } else { format!(", {regularised} regularised") };
    let not_enforced =
        if not_enforced == 0 { String::new() } else { format!(", {not_enforced} not enforced") };
    let changes = if checked.changes == 1 { "change" } else { "changes" };
    let on = escape::escape_terminal(ref_name.as_bytes(), escape::MAX_QUOTE_COLUMNS);
    writeln!(
        out,
        "{} {changes} on {on}: {decided} decided and landed{regularised}{not_enforced}; overdue: {}",
        checked.changes,
        overdue.len()
    )
}
