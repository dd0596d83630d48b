//! `changegate hook post-receive`: what is owed for what has landed.
//!
//! The push is over and cannot be refused any more. What is owed, and by when, stands in the report
//! that `pre-receive` has given to the same reader; one line says that it is owed from now on.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use jiff::Timestamp;

use super::super::{Exit, Stop, World};
use crate::change::Stage;
use crate::gate::{Asked, Settings, at_commit, judge_range};
use crate::git::{Range, RefUpdate, Repository, parse_pre_receive};
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
    let mut due = Vec::new();
    for update in updates.iter().filter(|update| !update.old.is_null() && !update.new.is_null()) {
        due.extend(owed(&repository, &settings, update, world)?);
    }
    let many = match due.len() {
        0 => return Ok(Exit::Allowed),
        1 => "1 obligation".to_owned(),
        many => format!("{many} obligations"),
    };
    let first = due.into_iter().flatten().min();
    let first =
        first.map(|due| format!("; the first is due {}", due.strftime("%F %R UTC"))).unwrap_or_default();
    writeln!(std::io::stdout(), "changegate: landed, with {many} from now on{first}")?;
    Ok(Exit::Allowed)
}

/// Returns when what an update has brought in is owed, by the policy that it was judged by.
fn owed(
    repository: &Repository,
    settings: &Settings,
    update: &RefUpdate,
    world: &World,
) -> Result<Vec<Option<Timestamp>>, Stop> {
    let Ok(loaded) = at_commit(repository, update.old, &settings.policy_path, &update.name.to_lossy()) else {
        return Ok(Vec::new());
    };
    if !loaded.policy.protects(update.name.as_bytes()) {
        return Ok(Vec::new());
    }
    let hidden = [update.old];
    let asked = Asked {
        range: Range { new: update.new, hidden: &hidden },
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
    let report = judge_range(repository, &loaded, &asked, &mut || {})?;
    let verdicts = report.groups.iter().flat_map(|group| &group.verdicts);
    let owed = verdicts
        .flat_map(|verdict| &verdict.judgements)
        .filter_map(|judgement| if let Outcome::Owed(owed) = &judgement.outcome { Some(owed) } else { None });
    Ok(owed.flatten().map(|one| one.due).collect())
}
