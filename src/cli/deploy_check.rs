//! `changegate deploy-check`: whether what is about to be deployed was decided, and nothing is overdue.

use std::io::{self, BufWriter, Write as _};

use super::{Exit, Stop, World, output};
use crate::change::{Oid, Text};
use crate::gate::dues::record;
use crate::git::{Head, Peeled, Repository};
use crate::ledger::obligation::is_overdue;
use crate::ledger::state::{Owed, key};
use crate::ledger::stray::can_be_closed;
use crate::ledger::{REF, deploy, store};
use crate::report::{due, escape};

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
pub(super) struct Args {
    /// What runs now, and what is to run
    #[arg(value_name = "OLD..NEW")]
    range: String,

    /// The branch that the changes landed on; without it, the one of HEAD
    #[arg(long = "ref", value_name = "REF")]
    name: Option<String>,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let repository = Repository::discover(&world.directory)?;
    let wrong = || Stop::Wrong("a deployment is OLD..NEW, as in v1.4.0..v1.5.0".into());
    let (old, new) = args.range.split_once("..").ok_or_else(wrong)?;
    if old.is_empty() || new.is_empty() || new.starts_with('.') {
        return Err(wrong());
    }
    let (old, new) = (commit(&repository, old)?, commit(&repository, new)?);
    let name = match &args.name {
        Some(name) if name.starts_with("refs/") => Text::from(name.as_str()),
        Some(name) => Text::from(format!("refs/heads/{name}").as_str()),
        None => match repository.head()? {
            Head::Branch(branch) => branch.name,
            Head::Detached(_) => return Err(Stop::Wrong("HEAD names no branch; name one with --ref".into())),
        },
    };
    let state = store::state(&repository)?
        .ok_or_else(|| Stop::Wrong(format!("there is no ledger here: {REF} does not exist")))?;
    let checked = deploy::check(&repository, &name, state.tips.get(&key(&name)).copied(), old, new)?;
    // What landed without a decision and cannot be declared is told with the changes of the range.
    let is_here = |owed: &&Owed| owed.on == name || owed.session.is_some();
    let stands = |owed: &&Owed| is_here(owed) && is_overdue(owed, world.now) && can_be_closed(owed);
    let overdue: Vec<&Owed> = state.owed.values().filter(stands).collect();
    let on = escape::terminal(name.as_bytes(), escape::MOST);
    let mut out = BufWriter::new(io::stdout().lock());
    for (id, lack) in &checked.lacking {
        writeln!(out, "{id}: {}", lack.words())?;
    }
    for id in &checked.declared {
        writeln!(out, "{id}: it landed without a decision, and was declared-after-the-fact")?;
    }
    for owed in &overdue {
        let id = match (&owed.session, owed.change) {
            (Some(session), _) => format!("session {}", escape::words(&session.id)),
            (None, Some(id)) => id.to_string(),
            (None, None) => owed.stray.as_ref().map(|stray| record(stray.record)).unwrap_or_default(),
        };
        writeln!(out, "{id}: owes {}, {}", escape::words(&owed.what), due::words(owed.due, world.now))?;
    }
    if 0 < checked.unreadable {
        writeln!(out, "records of the ledger that cannot be read: {}", checked.unreadable)?;
    }
    let declared = checked.declared.len();
    let decided = checked.changes.saturating_sub(checked.lacking.len()).saturating_sub(declared);
    let declared =
        if declared == 0 { String::new() } else { format!(", {declared} declared after the fact") };
    let changes = if checked.changes == 1 { "change" } else { "changes" };
    writeln!(
        out,
        "{} {changes} on {on}: {decided} decided and landed{declared}; overdue on it: {}",
        checked.changes,
        overdue.len()
    )?;
    output::said(out.flush())?;
    let is_clean = checked.lacking.is_empty() && overdue.is_empty() && checked.unreadable == 0;
    Ok(if is_clean { Exit::Allowed } else { Exit::Denied })
}

fn commit(repository: &Repository, spec: &str) -> Result<Oid, Stop> {
    match repository.peel(repository.rev_parse(spec)?)? {
        Peeled::Commit(commit) => Ok(commit),
        Peeled::Other(_) | Peeled::Missing => {
            Err(Stop::Wrong(format!("`{}` is no commit", escape::words(spec))))
        }
    }
}
