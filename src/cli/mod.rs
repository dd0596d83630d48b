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
pub(crate) mod ledger_upkeep;
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
use crate::gate::UnusablePolicy;
use crate::http::ProxySettings;
use crate::policy::PolicyErrors;
use crate::verdict::Decision;
use crate::yaml::shorten_for_message;

pub use crate::cli::output::ColourMode;

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
pub struct CommandLine {
    /// Run as if started in this directory
    #[arg(short = 'C', value_name = "DIR", global = true)]
    directory: Option<PathBuf>,

    /// When to use colours
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto")]
    color: ColourMode,

    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    Action(action::ActionArgs),
    Breakglass(breakglass::BreakglassArgs),
    Check(check::CheckArgs),
    Completions(completions::CompletionsArgs),
    Demo(demo::DemoArgs),
    DeployCheck(deploy_check::DeployCheckArgs),
    Doctor(doctor::DoctorArgs),
    Hook(hook::HookArgs),
    Install(install::InstallArgs),
    Ledger(ledger::LedgerArgs),
    Man(completions::ManPageArgs),
    Obligations(obligations::ObligationsArgs),
    Policy(policy::PolicyArgs),
    Pr(pr::PrArgs),
    Sweep(obligations::SweepArgs),
    Tickets(tickets::TicketsArgs),
    Trailers(trailers::TrailersArgs),
    Uninstall(install::UninstallArgs),
}

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandExit {
    /// What was asked about may go on; 0.
    Allowed,
    /// It may not; 1.
    Denied,
    /// The command or the policy is wrong; 2.
    Invalid,
    /// Something could not be read or written; 3.
    Failed,
}

impl From<CommandExit> for ExitCode {
    fn from(exit: CommandExit) -> ExitCode {
        ExitCode::from(match exit {
            CommandExit::Allowed => 0,
            CommandExit::Denied => 1,
            CommandExit::Invalid => 2,
            CommandExit::Failed => 3,
        })
    }
}

impl From<Decision> for CommandExit {
    fn from(decision: Decision) -> CommandExit {
        match decision {
            Decision::Allow => CommandExit::Allowed,
            Decision::Deny => CommandExit::Denied,
        }
    }
}

/// Why a command stops before it comes to a decision.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// It was called in a way that it cannot be; the text says how it can.
    Usage(String),
    /// The policy has these faults; it is the one that stands in this commit, if it is in none on
    /// disk.
    InvalidPolicy(PolicyErrors, Option<String>),
    /// Something could not be read or written.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> CommandError {
        CommandError::Failed(error)
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> CommandError {
        CommandError::Failed(error.into())
    }
}

impl CommandError {
    /// Says in which commit the policy stands that cannot be used.
    fn with_policy_commit(self, called: &str) -> CommandError {
        match self {
            CommandError::InvalidPolicy(errors, _) => {
                CommandError::InvalidPolicy(errors, Some(called.to_owned()))
            }
            other => other,
        }
    }

    fn from_unusable_policy(why: UnusablePolicy, what: &str) -> CommandError {
        match why {
            UnusablePolicy::Absent => CommandError::Usage(format!("there is no {what}")),
            UnusablePolicy::Faulty(errors) => CommandError::InvalidPolicy(errors, None),
        }
    }
}

/// What a command is told beside its own arguments.
pub(crate) struct Context {
    directory: PathBuf,
    colour: ColourMode,
    now: Timestamp,
    /// For what may have to wait for others: there, `now` is long ago.
    clock: fn() -> Timestamp,
}

impl Context {
    /// Returns what the environment holds under `name`, if it is not empty.
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    fn read_variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name).filter(|value| !value.is_empty())
    }

    /// Returns the proxy that servers are reached through, as `HTTPS_PROXY` and `NO_PROXY` say.
    fn read_proxies(&self) -> Result<ProxySettings, CommandError> {
        ProxySettings::from_variables(|name| self.read_variable(name)).map_err(CommandError::Usage)
    }

    /// Returns `path` as seen from the directory in which the command runs.
    fn resolve_path(&self, path: impl AsRef<Path>) -> PathBuf {
        if self.directory == Path::new(".") { path.as_ref().to_owned() } else { self.directory.join(path) }
    }
}

/// Returns how many threads may work.
fn count_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}

/// The command line of hooks alone.
///
/// Hooks run all day, and describing the whole command line takes longer than judging a message.
#[derive(Debug, Parser)]
#[command(name = "changegate", max_term_width = 80, disable_help_subcommand = true)]
struct HookCommandLine {
    /// Run as if started in this directory
    #[arg(short = 'C', value_name = "DIR", global = true)]
    directory: Option<PathBuf>,

    /// When to use colours
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto")]
    color: ColourMode,

    #[command(subcommand)]
    command: HookCommand,
}

#[derive(Debug, Subcommand)]
enum HookCommand {
    Hook(hook::HookArgs),
}

fn parse_arguments(args: Vec<OsString>) -> Result<CommandLine, clap::Error> {
    if args.get(1).is_some_and(|first| first == "hook") {
        let HookCommandLine { directory, color, command: HookCommand::Hook(args) } =
            HookCommandLine::try_parse_from(args)?;
        return Ok(CommandLine { directory, color, command: CliCommand::Hook(args) });
    }
    CommandLine::try_parse_from(args)
}

/// Runs the command that `args` ask for, at the time that `clock` tells.
pub fn run_command_line(args: impl IntoIterator<Item = OsString>, clock: fn() -> Timestamp) -> ExitCode {
    let now = clock();
    let cli = match parse_arguments(args.into_iter().collect()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are what was asked for; everything else is a wrong call.
            let exit = if error.use_stderr() { CommandExit::Invalid } else { CommandExit::Allowed };
            return match output::ignore_broken_pipe(error.print()) {
                Ok(()) => exit.into(),
                Err(_) => CommandExit::Failed.into(),
            };
        }
    };
    let world = Context {
        directory: cli.directory.unwrap_or_else(|| PathBuf::from(".")),
        colour: cli.color,
        now,
        clock,
    };
    if !world.directory.is_dir() {
        let why = format!(
            "-C names `{}`, which is no folder",
            shorten_for_message(&world.directory.to_string_lossy())
        );
        return report_error(&CommandError::Usage(why), &world).into();
    }
    // Only what decides nothing may end well without having said all.
    let decides = matches!(
        cli.command,
        CliCommand::Action(_)
            | CliCommand::Breakglass(_)
            | CliCommand::Check(_)
            | CliCommand::DeployCheck(_)
            | CliCommand::Hook(_)
            | CliCommand::Ledger(_)
            | CliCommand::Obligations(_)
            | CliCommand::Pr(_)
            | CliCommand::Sweep(_)
            | CliCommand::Tickets(_)
    );
    let result = match cli.command {
        CliCommand::Action(args) => action::run_action(&args, &world),
        CliCommand::Breakglass(args) => breakglass::run_breakglass(&args, &world),
        CliCommand::Check(args) => check::run_check(&args, &world),
        CliCommand::Completions(args) => completions::run_completions(&args),
        CliCommand::Demo(args) => demo::run_demo(&args, &world),
        CliCommand::DeployCheck(args) => deploy_check::run_deploy_check(&args, &world),
        CliCommand::Doctor(args) => doctor::run_doctor(&args, &world),
        CliCommand::Hook(args) => hook::run_hook(&args, &world),
        CliCommand::Install(args) => install::run_install(&args, &world),
        CliCommand::Ledger(args) => ledger::run_ledger(&args, &world),
        CliCommand::Man(args) => completions::run_man(&args),
        CliCommand::Obligations(args) => obligations::run_obligations(&args, &world),
        CliCommand::Policy(args) => policy::run_policy(&args, &world),
        CliCommand::Pr(args) => pr::run_pr(&args, &world),
        CliCommand::Sweep(args) => obligations::run_sweep(&args, &world),
        CliCommand::Tickets(args) => tickets::run_tickets(&args, &world),
        CliCommand::Trailers(args) => trailers::run_trailers(&args, &world),
        CliCommand::Uninstall(args) => install::run_uninstall(&args, &world),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(CommandError::Failed(error)) if !decides && is_broken_pipe(&error) => CommandExit::Allowed.into(),
        Err(stop) => report_error(&stop, &world).into(),
    }
}

/// Says on standard error why the command stops, and returns how it ends.
fn report_error(stop: &CommandError, world: &Context) -> CommandExit {
    let mut out = std::io::stderr().lock();
    let (told, exit) = match stop {
        CommandError::Usage(why) => {
            (writeln!(out, "changegate: {}", replace_invisible(why)), CommandExit::Invalid)
        }
        CommandError::InvalidPolicy(errors, of) => {
            let told = output::write_policy_faults(errors, world.colour, &mut out).and_then(|()| match of {
                Some(of) => writeln!(
                    out,
                    "changegate: they stand at {}, by which this is judged",
                    shorten_for_message(of)
                ),
                None => Ok(()),
            });
            (told, CommandExit::Invalid)
        }
        CommandError::Failed(error) => {
            (writeln!(out, "changegate: {}", replace_invisible(&format!("{error:#}"))), CommandExit::Failed)
        }
    };
    // Nobody is left to tell if standard error is gone; the exit code still says it.
    let _ = told;
    exit
}

/// Returns what a message says without what steers a terminal: it may quote a path or a ref.
fn replace_invisible(message: &str) -> String {
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
