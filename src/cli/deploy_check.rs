//! `changegate deploy-check`: whether what is about to be deployed was decided, and nothing is overdue.

use std::io::{self, BufWriter, Write as _};

use crate::change::{Oid, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output;
use crate::gate::obligations::format_record_reference;
use crate::git::{HeadState, PeeledObject, Repository};
use crate::ledger::audit::deploy_check;
use crate::ledger::state::status::is_overdue;
use crate::ledger::state::unauthorised::can_be_closed;
use crate::ledger::state::{TrackedObligation, encode_ref_key};
use crate::ledger::{LEDGER_REF, store};
use crate::report::{due_time, escape};

/// Say whether every change of a range was decided, and nothing is overdue
///
/// Each step of the branch from OLD to NEW has to have landed by a decision
/// that allowed it, and what earlier changes owe must not be overdue. Needs
/// the ledger: git fetch origin refs/changegate/ledger:refs/changegate/ledger
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate deploy-check v1.4.0..v1.5.0 --ref main
  changegate deploy-check \"$(cat deployed)\"..HEAD --ref main

Ends with 1 if a change lacks a decision, or something is overdue.")]
pub(crate) struct DeployCheckArgs {
    /// What runs now, and what is to run
    #[arg(value_name = "OLD..NEW")]
    range: String,

    /// The branch that the changes landed on; without it, the one of HEAD
    #[arg(long = "ref", value_name = "REF")]
    ref_name: Option<String>,
}

pub(crate) fn run_deploy_check(args: &DeployCheckArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&world.directory)?;
    let wrong = || CommandError::Usage("a deployment is OLD..NEW, as in v1.4.0..v1.5.0".into());
    let (old, new) = args.range.split_once("..").ok_or_else(wrong)?;
    if old.is_empty() || new.is_empty() || new.starts_with('.') {
        return Err(wrong());
    }
    let (old, new) = (resolve_deployed_commit(&repository, old)?, resolve_deployed_commit(&repository, new)?);
    let name = match &args.ref_name {
        Some(name) if name.starts_with("refs/") => Text::from(name.as_str()),
        Some(name) => Text::from(format!("refs/heads/{name}").as_str()),
        None => match repository.read_head()? {
            HeadState::Branch(branch) => branch.name,
            HeadState::Detached(_) => {
                return Err(CommandError::Usage("HEAD names no branch; name one with --ref".into()));
            }
        },
    };
    let state = store::read_state(&repository)?.ok_or_else(|| {
        CommandError::Usage(format!("there is no ledger here: {LEDGER_REF} does not exist"))
    })?;
    let checked = deploy_check::check_deployment(
        &repository,
        &name,
        state.tips.get(&encode_ref_key(&name)).copied(),
        old,
        new,
    )?;
    // What landed without a decision and cannot be declared is told with the changes of the range.
    let is_here = |owed: &&TrackedObligation| owed.ref_name == name || owed.session.is_some();
    let stands =
        |owed: &&TrackedObligation| is_here(owed) && is_overdue(owed, world.now) && can_be_closed(owed);
    let overdue: Vec<&TrackedObligation> = state.obligations.values().filter(stands).collect();
    let on = escape::escape_terminal(name.as_bytes(), escape::MAX_QUOTE_COLUMNS);
    let mut out = BufWriter::new(io::stdout().lock());
    for (id, lack) in &checked.without_decision {
        writeln!(out, "{id}: {}", lack.describe())?;
    }
    for id in &checked.regularised {
        writeln!(out, "{id}: it landed without a decision, and was declared-after-the-fact")?;
    }
    for owed in &overdue {
        let id = match (&owed.session, owed.change) {
            (Some(session), _) => format!("session {}", escape::escape_words(&session.id)),
            (None, Some(id)) => id.to_string(),
            (None, None) => owed
                .unauthorised_change
                .as_ref()
                .map(|stray| format_record_reference(stray.record_number))
                .unwrap_or_default(),
        };
        writeln!(
            out,
            "{id}: owes {}, {}",
            escape::escape_words(&owed.what.to_plain_text()),
            due_time::describe_due_time(owed.due, world.now)
        )?;
    }
    if 0 < checked.unreadable_records {
        writeln!(out, "records of the ledger that cannot be read: {}", checked.unreadable_records)?;
    }
    let declared = checked.regularised.len();
    let decided = checked.changes.saturating_sub(checked.without_decision.len()).saturating_sub(declared);
    let declared =
        if declared == 0 { String::new() } else { format!(", {declared} declared after the fact") };
    let changes = if checked.changes == 1 { "change" } else { "changes" };
    writeln!(
        out,
        "{} {changes} on {on}: {decided} decided and landed{declared}; overdue on it: {}",
        checked.changes,
        overdue.len()
    )?;
    output::ignore_broken_pipe(out.flush())?;
    let is_clean =
        checked.without_decision.is_empty() && overdue.is_empty() && checked.unreadable_records == 0;
    Ok(if is_clean { CommandExit::Allowed } else { CommandExit::Denied })
}

fn resolve_deployed_commit(repository: &Repository, spec: &str) -> Result<Oid, CommandError> {
    match repository.peel_tags(repository.resolve_revision(spec)?)? {
        PeeledObject::Commit(commit) => Ok(commit),
        PeeledObject::Other(_) | PeeledObject::Missing => {
            Err(CommandError::Usage(format!("`{}` is no commit", escape::escape_words(spec))))
        }
    }
}
