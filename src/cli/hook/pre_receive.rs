//! `changegate hook pre-receive` and `update`: the gate.
//!
//! Whatever goes wrong here refuses the push. Everything is decided before a line is written, and the
//! decision is on disk before git hears of it.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use super::super::output::{self, FormatName};
use super::super::{Exit, Stop, World, visible};
use crate::change::{Oid, Text};
use crate::gate::{LedgerMode, Settings, judge_push};
use crate::git::{Quarantine, RefUpdate, Repository, parse_pre_receive};
use crate::ledger::{ahead, deciding};
use crate::report::{Report, Style};

/// Refuse a push that the policy does not allow
#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// In which form the verdict is written
    #[arg(long, value_name = "FORM", default_value = "terminal")]
    format: FormatName,
}

/// Refuse one ref of a push; for servers that offer no pre-receive hook
#[derive(Debug, clap::Args)]
pub(in super::super) struct UpdateArgs {
    /// The full name of the ref
    name: String,
    /// What it holds
    old: String,
    /// What it is to hold
    new: String,
}

/// How many bytes git may say about a push.
const MOST_INPUT: u64 = 16 << 20;

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let mut input = Vec::new();
    std::io::stdin().lock().take(MOST_INPUT + 1).read_to_end(&mut input)?;
    if MOST_INPUT < u64::try_from(input.len()).unwrap_or(u64::MAX) {
        return Err(Stop::Wrong("this push names more refs than can be judged".into()));
    }
    let updates = parse_pre_receive(&input).map_err(|malformed| Stop::Wrong(malformed.to_string()))?;
    decide(&updates, args.format, world)
}

/// Judges a push, tells the verdict and writes it ahead for the ledger.
fn decide(updates: &[RefUpdate], format: FormatName, world: &World) -> Result<Exit, Stop> {
    let (repository, settings) = open(world)?;
    let report = judge_push(&repository, updates, &settings, world.now, format == FormatName::Json);
    let style = Style { colour: output::stdout_colour(world.colour), ..Style::default() };
    output::report(&report, format, &style)?;
    let decision = report.decision;
    if settings.ledger == LedgerMode::Off {
        return Ok(decision.into());
    }
    match write_ahead(&repository, report, &settings) {
        Ok(()) => Ok(decision.into()),
        Err(error) if settings.ledger == LedgerMode::Shout => {
            let mut out = std::io::stdout().lock();
            writeln!(out, "changegate: this decision is NOT recorded: {}", visible(&format!("{error:#}")))?;
            Ok(decision.into())
        }
        Err(error) => {
            Err(Stop::Failed(error.context("this decision cannot be recorded, so nothing is accepted")))
        }
    }
}

fn write_ahead(repository: &Repository, report: Report, settings: &Settings) -> anyhow::Result<()> {
    let id = ahead::fresh_id()?;
    if let Some(decision) = deciding::ahead(repository, report, &settings.pusher, id, served_by()) {
        ahead::write(repository.common_dir(), &decision)?;
    }
    Ok(())
}

/// Returns the process that serves the push, which is the one that started the hook; 0 if nobody
/// knows.
fn served_by() -> u32 {
    #[cfg(unix)]
    return std::os::unix::process::parent_id();
    #[cfg(not(unix))]
    return 0;
}

pub(super) fn update(args: &UpdateArgs, world: &World) -> Result<Exit, Stop> {
    let id = |digits: &str| {
        Oid::from_hex(digits).ok_or_else(|| Stop::Wrong("an object id is 40 or 64 hexadecimal digits".into()))
    };
    let update = RefUpdate { old: id(&args.old)?, new: id(&args.new)?, name: Text::from(args.name.as_str()) };
    decide(&[update], FormatName::Terminal, world)
}

/// Opens the repository that git names, with the settings of its administrator.
fn open(world: &World) -> Result<(Repository, Settings), Stop> {
    if world.variable("GIT_NAMESPACE").is_some() {
        return Err(Stop::Wrong(
            "GIT_NAMESPACE is set, so refs are not what they are called; this is not supported".into(),
        ));
    }
    if world.variable("GIT_SHALLOW_FILE").is_some() {
        return Err(Stop::Wrong(
            "this push would make the repository shallow, and hide what lies behind it; push from a complete clone".into(),
        ));
    }
    let git_dir = world.variable("GIT_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let quarantine = quarantine(world);
    let repository = Repository::open(&world.at(git_dir), quarantine.as_ref())?;
    let settings = Settings::read(&repository, &|name| world.variable(name), world.threads())
        .map_err(|why| Stop::Wrong(format!("{why}; nothing is accepted until that is mended")))?;
    Ok((repository, settings))
}

/// Returns where git keeps the objects of this push until it is accepted.
fn quarantine(world: &World) -> Option<Quarantine> {
    let objects = world.variable("GIT_OBJECT_DIRECTORY")?;
    let alternates = world.variable("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default();
    Some(Quarantine {
        objects: world.at(PathBuf::from(objects)),
        alternates: std::env::split_paths(&alternates)
            .filter(|path| !path.as_os_str().is_empty())
            .map(|path| world.at(path))
            .collect(),
    })
}
