//! `changegate hook post-receive`: what is owed for what has landed.
//!
//! The push is over and cannot be refused any more. Whoever pushed is told once more what he owes,
//! with times that are counted from now, the receipt.

use std::io::Read as _;
use std::path::PathBuf;

use super::super::output::{self, FormatName};
use super::super::{Exit, Stop, World};
use crate::change::Stage;
use crate::gate::{Asked, Settings, at_commit, judge_range};
use crate::git::{Range, RefUpdate, Repository, parse_pre_receive};
use crate::report::Style;
use crate::verdict::Outcome;

/// Say what is owed for a push that has landed
#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {}

pub(super) fn run(_: &Args, world: &World) -> Result<Exit, Stop> {
    let mut input = Vec::new();
    std::io::stdin().lock().read_to_end(&mut input)?;
    let updates = parse_pre_receive(&input).map_err(|malformed| Stop::Wrong(malformed.to_string()))?;
    let git_dir = world.variable("GIT_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let repository = Repository::open(&world.at(git_dir), None)?;
    let settings =
        Settings::read(&repository, &|name| world.variable(name), world.threads()).map_err(Stop::Wrong)?;
    for update in updates.iter().filter(|update| !update.old.is_null() && !update.new.is_null()) {
        remind(&repository, &settings, update, world)?;
    }
    Ok(Exit::Allowed)
}

/// Tells what is owed for the changes that an update has brought in, by the policy that it was
/// judged by.
fn remind(
    repository: &Repository,
    settings: &Settings,
    update: &RefUpdate,
    world: &World,
) -> Result<(), Stop> {
    let Ok(loaded) = at_commit(repository, update.old, &settings.policy_path, &update.name.to_lossy()) else {
        return Ok(());
    };
    if !loaded.policy.protects(update.name.as_bytes()) {
        return Ok(());
    }
    let hidden = [update.old];
    let asked = Asked {
        range: Range { new: update.new, hidden: &hidden, trusted: None },
        called: update.name.clone(),
        target: Ok(update.name.clone()),
        stage: Stage::PreReceive,
        unit: loaded.policy.unit,
        enforce: false,
        keep_all: false,
        explain: false,
        threads: world.threads(),
        now: world.now,
    };
    let mut report = judge_range(repository, &loaded, &asked, &mut || {})?;
    for group in &mut report.groups {
        group.verdicts.retain(|verdict| {
            verdict.judgements.iter().any(|judgement| matches!(judgement.outcome, Outcome::Owed(_)))
        });
    }
    if report.groups.iter().any(|group| !group.verdicts.is_empty()) {
        let style = Style { colour: output::stdout_colour(world.colour), ..Style::default() };
        output::report(&report, FormatName::Terminal, &style)?;
    }
    Ok(())
}
