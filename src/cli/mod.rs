//! The command line: what was said, and where it goes.
//!
//! One file for each command. A command gathers what it needs, asks the house, writes a report and
//! returns an [`Exit`]; nothing else reads the environment, and nothing at all leaves early.

mod action;
mod breakglass;
mod check;
mod completions;
mod demo;
mod deploy_check;
mod doctor;
mod hook;
mod install;
mod ledger;
mod obligations;
mod output;
mod policy;
mod pr;
mod progress;
mod tickets;
mod trailers;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use jiff::Timestamp;

use crate::change::person::is_invisible;
use crate::gate::Unusable;
use crate::policy::PolicyErrors;
use crate::verdict::Decision;
use crate::yaml::shown;

pub use output::Colour;

/// Holds a Git repository to its own change-management policy.
#[derive(Debug, Parser)]
#[command(name = "changegate", version, about, max_term_width = 80, disable_help_subcommand = true)]
#[command(after_help = "\
Examples:
  changegate demo                    see the gate at work on real pushes
  changegate policy init             write policies/changegate.yml
  changegate install                 put the hooks into this clone
  changegate install --server --pusher gitolite -C /srv/git/app.git
  changegate check                   judge what HEAD adds over its upstream
  changegate pr acme/shop#12         judge a pull request on GitHub

Exit codes: 0 allowed, 1 denied, 2 the command or the policy is wrong,
3 something could not be read. A hook that ends in 1, 2 or 3 refuses.")]
pub struct Cli {
    /// Run as if started in this directory
    #[arg(short = 'C', value_name = "DIR", global = true)]
    directory: Option<PathBuf>,

    /// When to use colours
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto")]
    color: Colour,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Action(action::Args),
    Breakglass(breakglass::Args),
    Check(check::Args),
    Completions(completions::Args),
    Demo(demo::Args),
    DeployCheck(deploy_check::Args),
    Doctor(doctor::Args),
    Hook(hook::Args),
    Install(install::Args),
    Ledger(ledger::Args),
    Man(completions::ManArgs),
    Obligations(obligations::Args),
    Policy(policy::Args),
    Pr(pr::Args),
    Sweep(obligations::SweepArgs),
    Tickets(tickets::Args),
    Trailers(trailers::Args),
    Uninstall(install::UninstallArgs),
}

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// What was asked about may go on; 0.
    Allowed,
    /// It may not; 1.
    Denied,
    /// The command or the policy is wrong; 2.
    Wrong,
    /// Something could not be read or written; 3.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Allowed => 0,
            Exit::Denied => 1,
            Exit::Wrong => 2,
            Exit::Failed => 3,
        })
    }
}

impl From<Decision> for Exit {
    fn from(decision: Decision) -> Exit {
        match decision {
            Decision::Allow => Exit::Allowed,
            Decision::Deny => Exit::Denied,
        }
    }
}

/// Why a command stops before it comes to a decision.
#[derive(Debug)]
enum Stop {
    /// It was called in a way that it cannot be; the text says how it can.
    Wrong(String),
    /// The policy has these faults; it is the one that stands in this commit, if it is in none on
    /// disk.
    Policy(PolicyErrors, Option<String>),
    /// Something could not be read or written.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Stop {
        Stop::Failed(error)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Stop {
        Stop::Failed(error.into())
    }
}

impl Stop {
    /// Says in which commit the policy stands that cannot be used.
    fn of_commit(self, called: &str) -> Stop {
        match self {
            Stop::Policy(errors, _) => Stop::Policy(errors, Some(called.to_owned())),
            other => other,
        }
    }

    fn unusable(why: Unusable, what: &str) -> Stop {
        match why {
            Unusable::Absent => Stop::Wrong(format!("there is no {what}")),
            Unusable::Faulty(errors) => Stop::Policy(errors, None),
        }
    }
}

/// What a command is told beside its own arguments.
struct World {
    directory: PathBuf,
    colour: Colour,
    now: Timestamp,
    /// For what may have to wait for others: there, `now` is long ago.
    clock: fn() -> Timestamp,
}

impl World {
    /// Returns what the environment holds under `name`, if it is not empty.
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name).filter(|value| !value.is_empty())
    }

    /// Returns `path` as seen from the directory in which the command runs.
    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        if self.directory == Path::new(".") { path.as_ref().to_owned() } else { self.directory.join(path) }
    }
}

/// Returns how many threads may work.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}

/// The command line of hooks alone.
///
/// Hooks run all day, and describing the whole command line takes longer than judging a message.
#[derive(Debug, Parser)]
#[command(name = "changegate", max_term_width = 80, disable_help_subcommand = true)]
struct HookCli {
    /// Run as if started in this directory
    #[arg(short = 'C', value_name = "DIR", global = true)]
    directory: Option<PathBuf>,

    /// When to use colours
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto")]
    color: Colour,

    #[command(subcommand)]
    command: HookCommand,
}

#[derive(Debug, Subcommand)]
enum HookCommand {
    Hook(hook::Args),
}

fn parse(args: Vec<OsString>) -> Result<Cli, clap::Error> {
    if args.get(1).is_some_and(|first| first == "hook") {
        let HookCli { directory, color, command: HookCommand::Hook(args) } = HookCli::try_parse_from(args)?;
        return Ok(Cli { directory, color, command: Command::Hook(args) });
    }
    Cli::try_parse_from(args)
}

/// Runs the command that `args` ask for, at the time that `clock` tells.
pub fn run(args: impl IntoIterator<Item = OsString>, clock: fn() -> Timestamp) -> ExitCode {
    let now = clock();
    let cli = match parse(args.into_iter().collect()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are what was asked for; everything else is a wrong call.
            let exit = if error.use_stderr() { Exit::Wrong } else { Exit::Allowed };
            return match output::said(error.print()) {
                Ok(()) => exit.into(),
                Err(_) => Exit::Failed.into(),
            };
        }
    };
    let world = World {
        directory: cli.directory.unwrap_or_else(|| PathBuf::from(".")),
        colour: cli.color,
        now,
        clock,
    };
    if !world.directory.is_dir() {
        let why = format!("-C names `{}`, which is no folder", shown(&world.directory.to_string_lossy()));
        return tell(&Stop::Wrong(why), &world).into();
    }
    // Only what decides nothing may end well without having said all.
    let decides = matches!(
        cli.command,
        Command::Action(_)
            | Command::Breakglass(_)
            | Command::Check(_)
            | Command::DeployCheck(_)
            | Command::Hook(_)
            | Command::Ledger(_)
            | Command::Obligations(_)
            | Command::Pr(_)
            | Command::Sweep(_)
            | Command::Tickets(_)
    );
    let result = match cli.command {
        Command::Action(args) => action::run(&args, &world),
        Command::Breakglass(args) => breakglass::run(&args, &world),
        Command::Check(args) => check::run(&args, &world),
        Command::Completions(args) => completions::run(&args),
        Command::Demo(args) => demo::run(&args, &world),
        Command::DeployCheck(args) => deploy_check::run(&args, &world),
        Command::Doctor(args) => doctor::run(&args, &world),
        Command::Hook(args) => hook::run(&args, &world),
        Command::Install(args) => install::run(&args, &world),
        Command::Ledger(args) => ledger::run(&args, &world),
        Command::Man(args) => completions::man(&args),
        Command::Obligations(args) => obligations::run(&args, &world),
        Command::Policy(args) => policy::run(&args, &world),
        Command::Pr(args) => pr::run(&args, &world),
        Command::Sweep(args) => obligations::sweep(&args, &world),
        Command::Tickets(args) => tickets::run(&args, &world),
        Command::Trailers(args) => trailers::run(&args, &world),
        Command::Uninstall(args) => install::uninstall(&args, &world),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(Stop::Failed(error)) if !decides && is_broken_pipe(&error) => Exit::Allowed.into(),
        Err(stop) => tell(&stop, &world).into(),
    }
}

/// Says on standard error why the command stops, and returns how it ends.
fn tell(stop: &Stop, world: &World) -> Exit {
    let mut out = std::io::stderr().lock();
    let (told, exit) = match stop {
        Stop::Wrong(why) => (writeln!(out, "changegate: {}", visible(why)), Exit::Wrong),
        Stop::Policy(errors, of) => {
            let told = output::faults(errors, world.colour, &mut out).and_then(|()| match of {
                Some(of) => writeln!(out, "changegate: they stand at {}, by which this is judged", shown(of)),
                None => Ok(()),
            });
            (told, Exit::Wrong)
        }
        Stop::Failed(error) => {
            (writeln!(out, "changegate: {}", visible(&format!("{error:#}"))), Exit::Failed)
        }
    };
    // Nobody is left to tell if standard error is gone; the exit code still says it.
    let _ = told;
    exit
}

/// Returns what a message says without what steers a terminal: it may quote a path or a ref.
fn visible(message: &str) -> String {
    let shown = |one: char| if one != '\n' && is_invisible(one) { char::REPLACEMENT_CHARACTER } else { one };
    message.chars().map(shown).collect()
}

/// Returns true if the reader of our output went away, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(io)
}
