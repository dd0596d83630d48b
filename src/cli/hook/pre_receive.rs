//! `changegate hook pre-receive` and `update`: the gate.
//!
//! Whatever goes wrong here refuses the push. Everything is decided before a line is written, and the
//! decision is on disk before git hears of it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;

use super::super::output::{self, FormatName};
use super::super::{Exit, Stop, World, visible};
use super::{serving, sessions};
use crate::change::{Missing, Need, Oid, Text};
use crate::gate::{Kept, LedgerMode, Settings, judge_push};
use crate::git::{Quarantine, RefUpdate, Repository, parse_pre_receive};
use crate::ledger::blocking::block;
use crate::ledger::deciding::{self, Deciding};
use crate::ledger::state::State;
use crate::ledger::store::{probe, state};
use crate::ledger::{ahead, place};
use crate::report::{Report, Style};
use crate::verdict::{Decision, Line};

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

/// Judges a push, writes the decision ahead for the ledger, and tells the verdict.
fn decide(updates: &[RefUpdate], format: FormatName, world: &World) -> Result<Exit, Stop> {
    let repository = open(world)?;
    let settings = Settings::read(&repository, &|name| world.variable(name), crate::cli::threads)
        .map_err(|why| format!("{why}; nothing is accepted until that is mended"))
        .and_then(|settings| unsupported(world).map_or(Ok(settings), Err));
    let settings = match settings {
        Ok(settings) => settings,
        Err(why) => {
            // What cannot be judged is refused in any case; the ledger tells of it if it can.
            let _ = write_refusal(&repository, updates, &why, world);
            return Err(Stop::Wrong(why));
        }
    };
    let (mut report, kept) = judge_push(&repository, updates, &settings, world.now, format.lists_all());
    block(&mut report, &kept, || known(&repository, &settings), world.now);
    if let Some(act) = kept.act() {
        sessions::hold(&mut report, act, &repository, &settings, known(&repository, &settings));
    }
    let recorded = match settings.ledger {
        LedgerMode::Off => Ok(()),
        LedgerMode::Require | LedgerMode::Shout => {
            write_ahead(&repository, updates, (&report, &kept), &settings, world)
        }
    };
    let style = Style { colour: output::stdout_colour(world.colour), ..Style::default() };
    output::report(&report, format, &style)?;
    match recorded {
        Ok(()) => Ok(report.decision.into()),
        // A session that is not recorded is none.
        Err(error) if settings.ledger == LedgerMode::Shout && kept.act().is_none() => {
            let mut out = std::io::stdout().lock();
            let told = writeln!(
                out,
                "changegate: this decision is NOT recorded: {}",
                visible(&format!("{error:#}"))
            );
            output::said(told)?;
            Ok(report.decision.into())
        }
        Err(error) => {
            Err(Stop::Failed(error.context("this decision cannot be recorded, so nothing is accepted")))
        }
    }
}

/// Returns the state of the ledger, or why nobody can tell what is owed.
fn known(repository: &Repository, settings: &Settings) -> Result<State, String> {
    if settings.ledger == LedgerMode::Off {
        return Err("the ledger is switched off (changegate.ledger)".into());
    }
    let found = state(repository).map_err(|error| format!("{error:#}"))?;
    found.ok_or_else(|| "there is no ledger yet; `changegate ledger reconcile` begins it".into())
}

fn write_ahead(
    repository: &Repository,
    updates: &[RefUpdate],
    (report, kept): (&Report, &Kept),
    settings: &Settings,
    world: &World,
) -> anyhow::Result<()> {
    let by = Deciding { pusher: settings.pusher.clone(), ..deciding()? };
    let decision = match deciding::ahead(repository, report, kept, by.clone()) {
        Ok(decision) => decision,
        Err(why) => {
            // That it was refused has room in a record; where the push goes on, it was not.
            if settings.ledger == LedgerMode::Require
                && let Ok(refusal) = deciding::refused(updates, &why, world.now, by)
            {
                let _ = ahead::write(repository.common_dir(), &refusal);
            }
            return Err(anyhow::Error::msg(why));
        }
    };
    let Some(mut decision) = decision else { return Ok(()) };
    let ready = is_ready(repository, settings, world);
    if let (Err(error), LedgerMode::Require) = (&ready, settings.ledger) {
        // What is written is what becomes of the push.
        decision.decided.decision = Decision::Deny;
        decision.decided.notes.push(Line::say(format!("{error:#}")));
    }
    ahead::write(repository.common_dir(), &decision).context("cannot write to the folder of the gate")?;
    ready
}

/// Returns whether the ledger can be written, as far as it costs nothing to know: decisions shall not
/// pile up behind one that cannot.
fn is_ready(repository: &Repository, settings: &Settings, world: &World) -> anyhow::Result<()> {
    if let Some(key) = &settings.ledger_key {
        File::open(key).with_context(|| format!("cannot read changegate.ledgerKey, `{key}`"))?;
    }
    if place::failing(repository.common_dir())?.is_some() {
        probe(repository, settings.ledger_key.as_deref(), world.now)
            .context("the ledger cannot be written")?;
    }
    Ok(())
}

fn write_refusal(
    repository: &Repository,
    updates: &[RefUpdate],
    why: &str,
    world: &World,
) -> anyhow::Result<()> {
    let refusal = deciding::refused(updates, why, world.now, deciding()?).map_err(anyhow::Error::msg)?;
    ahead::write(repository.common_dir(), &refusal)?;
    Ok(())
}

fn deciding() -> anyhow::Result<Deciding> {
    let pusher = Err(Missing::NotConfigured(Need::Pusher));
    Ok(Deciding { id: ahead::fresh_id()?, pusher, served_by: serving::served_by() })
}

pub(super) fn update(args: &UpdateArgs, world: &World) -> Result<Exit, Stop> {
    let id = |digits: &str| {
        Oid::from_hex(digits).ok_or_else(|| Stop::Wrong("an object id is 40 or 64 hexadecimal digits".into()))
    };
    let update = RefUpdate { old: id(&args.old)?, new: id(&args.new)?, name: Text::from(args.name.as_str()) };
    decide(&[update], FormatName::Terminal, world)
}

/// Opens the repository that git names.
fn open(world: &World) -> Result<Repository, Stop> {
    let git_dir = world.variable("GIT_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let quarantine = quarantine(world);
    Ok(Repository::open(&world.at(git_dir), quarantine.as_ref())?)
}

/// Returns why a push cannot be judged as git has set it up.
fn unsupported(world: &World) -> Option<String> {
    if world.variable("GIT_NAMESPACE").is_some() {
        let why = "GIT_NAMESPACE is set, so refs are not what they are called; this is not supported";
        return Some(why.into());
    }
    if world.variable("GIT_SHALLOW_FILE").is_some() {
        let why = "this push would make the repository shallow, and hide what lies behind it; push from a \
                   complete clone";
        return Some(why.into());
    }
    None
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
