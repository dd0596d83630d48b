//! `changegate hook pre-receive` and `update`: the gate.
//!
//! Whatever goes wrong here refuses the push. Everything is decided before a line is written.

use std::io::Read as _;
use std::path::PathBuf;

use super::super::output::{self, FormatName};
use super::super::{Exit, Stop, World};
use crate::change::{Oid, Text};
use crate::gate::{Settings, judge_push};
use crate::git::{Quarantine, RefUpdate, Repository, parse_pre_receive};
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
    let report = judge(&updates, args.format.lists_all(), world)?;
    let style = Style { colour: output::stdout_colour(world.colour), ..Style::default() };
    output::report(&report, args.format, &style)?;
    Ok(report.decision.into())
}

pub(super) fn update(args: &UpdateArgs, world: &World) -> Result<Exit, Stop> {
    let id = |digits: &str| {
        Oid::from_hex(digits).ok_or_else(|| Stop::Wrong("an object id is 40 or 64 hexadecimal digits".into()))
    };
    let update = RefUpdate { old: id(&args.old)?, new: id(&args.new)?, name: Text::from(args.name.as_str()) };
    let report = judge(&[update], false, world)?;
    let style = Style { colour: output::stdout_colour(world.colour), ..Style::default() };
    output::report(&report, FormatName::Terminal, &style)?;
    Ok(report.decision.into())
}

/// Judges a push to the repository that git names, by the settings of its administrator.
fn judge(updates: &[RefUpdate], keep_all: bool, world: &World) -> Result<Report, Stop> {
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
    let report = judge_push(&repository, updates, &settings, world.now, keep_all);
    Ok(report)
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
