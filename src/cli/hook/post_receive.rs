//! `changegate hook post-receive`: whether what has landed should have.
//!
//! First the decision and its landing are appended to the ledger.
//!
//! Git skips a hook that is not executable, or whose link leads nowhere, and says nothing. So what
//! has landed and was not decided by `pre-receive`, as far as the ledger knows, is judged here, by the
//! policy that stood before. A change that landed although the policy denies it is told to whoever
//! pushed and to the server's log; it cannot be refused any more. What is owed from now on takes one
//! line, since `pre-receive` has said what.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use jiff::Timestamp;

use super::super::output::{self, FormatName};
use super::super::{Exit, Stop, World, ledger};
use super::serving;
use crate::change::Stage;
use crate::gate::{Asked, LedgerMode, Settings, at_commit, judge_range};
use crate::git::{Range, RefUpdate, Repository, parse_pre_receive};
use crate::ledger::fold::{Landed, Told};
use crate::report::Style;
use crate::verdict::{Decision, Outcome};

/// Say if something has landed that the policy denies
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate hook post-receive < lines-of-old-new-ref")]
pub(in super::super) struct Args {}

pub(super) fn run(_: &Args, world: &World) -> Result<Exit, Stop> {
    let mut input = Vec::new();
    io::stdin().lock().read_to_end(&mut input)?;
    let updates = parse_pre_receive(&input).map_err(|malformed| Stop::Wrong(malformed.to_string()))?;
    let git_dir = world.variable("GIT_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let repository = Repository::open(&world.at(git_dir), None)?;
    let settings = Settings::read(&repository, &|name| world.variable(name), crate::cli::threads)
        .map_err(Stop::Wrong)?;
    // First of all: what was decided and landed is recorded, whatever else goes wrong.
    let recorded = record(&repository, &settings, &updates, world);
    let decided = recorded.as_deref().unwrap_or_default();
    let mut exit = Exit::Allowed;
    for update in updates.iter().filter(|update| !update.old.is_null() && !update.new.is_null()) {
        let name = repository.resolve_ref(update.name.as_bytes())?.name;
        let is_it = |landed: &&Landed| {
            let moved = &landed.moved;
            moved.name == name && moved.old == Some(update.old) && moved.new == Some(update.new)
        };
        if let Some(landed) = decided.iter().find(is_it) {
            tell_owed(&landed.owed)?;
            continue;
        }
        if judge(&repository, &settings, update, world)? == Decision::Deny {
            exit = Exit::Denied;
        }
    }
    recorded.map(|_| exit)
}

/// Appends to the ledger what was decided, and what landed; returns what landed as decided.
fn record(
    repository: &Repository,
    settings: &Settings,
    updates: &[RefUpdate],
    world: &World,
) -> Result<Vec<Landed>, Stop> {
    if settings.ledger == LedgerMode::Off {
        return Ok(Vec::new());
    }
    let served_by = serving::served_by();
    let told = Told { landed: updates, served_by: served_by.as_deref() };
    let folded = ledger::fold_in(repository, settings, Some(told), false, world)?;
    ledger::tell(&folded)?;
    Ok(folded.landed)
}

/// Judges what an update has brought in, by the policy that stood before it.
fn judge(
    repository: &Repository,
    settings: &Settings,
    update: &RefUpdate,
    world: &World,
) -> Result<Decision, Stop> {
    let Ok(loaded) = at_commit(repository, update.old, &settings.policy_path, &update.name.to_lossy()) else {
        return Ok(Decision::Allow);
    };
    if !loaded.policy.protects(update.name.as_bytes()) {
        return Ok(Decision::Allow);
    }
    let hidden = [update.old];
    let asked = Asked {
        range: Range { new: update.new, hidden: &hidden, trusted: None },
        called: update.name.clone(),
        target: Ok(update.name.clone()),
        pusher: settings.pusher.clone(),
        stage: Stage::PreReceive,
        unit: loaded.policy.unit,
        enforce: true,
        keep_all: false,
        explain: false,
        unused: false,
        threads: crate::cli::threads,
        now: world.now,
    };
    let report = judge_range(repository, &loaded, &asked, &mut || {})?;
    if report.decision == Decision::Deny {
        let mut out = io::stdout().lock();
        writeln!(out, "changegate: this has landed, and should not have; was pre-receive run?")?;
        drop(out);
        let style = Style { colour: output::stdout_colour(world.colour), ..Style::default() };
        output::report(&report, FormatName::Terminal, &style)?;
    }
    let judgements = report.groups.iter().flat_map(|group| &group.verdicts).flat_map(|one| &one.judgements);
    let owed = judgements
        .filter_map(|judgement| if let Outcome::Owed(owed) = &judgement.outcome { Some(owed) } else { None });
    if report.decision == Decision::Allow {
        tell_owed(&owed.flatten().map(|one| one.due).collect::<Vec<_>>())?;
    }
    Ok(report.decision)
}

/// Tells how much is owed for what has landed, and when the first of it is due.
fn tell_owed(owed: &[Option<Timestamp>]) -> io::Result<()> {
    let many = match owed.len() {
        0 => return Ok(()),
        1 => "1 obligation".to_owned(),
        many => format!("{many} obligations"),
    };
    let first = owed.iter().flatten().min();
    let first =
        first.map(|due| format!(";\n  the first is due {}", due.strftime("%F %R UTC"))).unwrap_or_default();
    writeln!(io::stdout().lock(), "changegate: landed, with {many} from now on{first}")
}
