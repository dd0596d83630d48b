//! The command line: its arguments, and the command that each call runs.
//!
//! One file or directory for each command. A command gathers what it needs, has it judged, writes a report
//! and returns a `CommandExit`. Nothing else reads the environment, and nothing ends the process early.

mod action;
mod acts;
mod approve;
mod audit;
mod breakglass;
mod check;
mod command_error;
mod completions;
mod context;
mod demo;
mod deploy_check;
mod doctor;
mod explain;
mod hook;
mod install;
mod ledger;
pub(crate) mod ledger_upkeep;
mod lone_push;
mod obligations;
mod output;
mod people;
mod policy;
mod pr;
mod progress;
mod record;
mod revision;
mod tickets;
mod trailers;
mod try_change;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use jiff::Timestamp;

use crate::policy::PolicyErrors;
use crate::yaml::shorten_for_message;

use crate::cli::command_error::{CommandError, CommandExit, escape_error_message, is_broken_pipe};
use crate::cli::context::{ColourMode, Context};

/// Hold a Git repository to its own change-management policy
#[derive(Debug, Parser)]
#[command(name = "changegate", version, about, max_term_width = 80, disable_help_subcommand = true)]
#[command(after_help = "\
Examples:
  changegate demo                    watch the gate judge real pushes
  changegate policy init             write policies/changegate.yml
  changegate install                 install the hooks of this clone
  changegate install --server --pusher gitolite -C /srv/git/app.git
  changegate check                   judge what HEAD adds to its upstream
  changegate pr acme/shop#12         judge a pull request on GitHub

Exit codes: 0 allowed, 1 denied, 2 the command or the policy is wrong,
3 something could not be read or written. A hook that ends with 1, 2 or 3
refuses.")]
struct CommandLine {
    #[command(flatten)]
    global: GlobalArgs,

    #[command(subcommand)]
    command: CliCommand,
}

/// The options of every command.
#[derive(Debug, clap::Args)]
struct GlobalArgs {
    /// Run as if started in this directory
    #[arg(short = 'C', value_name = "DIR", global = true, help_heading = "Global options")]
    directory: Option<PathBuf>,

    /// When to use colours
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto", help_heading = "Global options")]
    color: ColourMode,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    Action(action::ActionArgs),
    Approve(approve::ApproveArgs),
    Attach(acts::AttachArgs),
    Audit(audit::AuditArgs),
    Breakglass(breakglass::BreakglassArgs),
    Check(check::CheckArgs),
    Completions(completions::CompletionsArgs),
    Demo(demo::DemoArgs),
    DeployCheck(deploy_check::DeployCheckArgs),
    Doctor(doctor::DoctorArgs),
    Evidence(audit::evidence::EvidenceArgs),
    Explain(explain::ExplainArgs),
    Hook(hook::HookArgs),
    Install(install::InstallArgs),
    Ledger(ledger::LedgerArgs),
    Man(completions::ManPageArgs),
    Obligations(obligations::ObligationsArgs),
    Outcome(acts::OutcomeArgs),
    People(people::PeopleArgs),
    Policy(policy::PolicyArgs),
    Pr(pr::PrArgs),
    Record(record::RecordArgs),
    Sample(audit::sample::SampleArgs),
    Show(audit::show::ShowArgs),
    Sweep(obligations::SweepArgs),
    Tickets(tickets::TicketsArgs),
    Trailers(trailers::TrailersArgs),
    Try(try_change::TryArgs),
    Uninstall(install::UninstallArgs),
    Verified(acts::VerifiedArgs),
}

/// The command line of hooks alone.
///
/// Hooks run all day, and building the whole command line takes longer than judging a message.
#[derive(Debug, Parser)]
#[command(name = "changegate", max_term_width = 80, disable_help_subcommand = true)]
struct HookCommandLine {
    #[command(flatten)]
    global: GlobalArgs,

    #[command(subcommand)]
    command: HookCommand,
}

#[derive(Debug, Subcommand)]
enum HookCommand {
    Hook(hook::HookArgs),
}

fn parse_arguments(args: Vec<OsString>) -> Result<CommandLine, clap::Error> {
    if let [_, first, rest @ ..] = args.as_slice()
        && first == "hook"
    {
        if let Some(hook) = hook::HookArgs::parse_commit_msg(rest) {
            let global = GlobalArgs { directory: None, color: ColourMode::Auto };
            return Ok(CommandLine { global, command: CliCommand::Hook(hook) });
        }
        let HookCommandLine { global, command: HookCommand::Hook(args) } =
            HookCommandLine::try_parse_from(args)?;
        return Ok(CommandLine { global, command: CliCommand::Hook(args) });
    }
    CommandLine::try_parse_from(args)
}

/// Runs the command that `args` name, at the time of `clock`.
pub fn run_command_line(args: impl IntoIterator<Item = OsString>, clock: fn() -> Timestamp) -> ExitCode {
    let now = clock();
    let args: Vec<OsString> = args.into_iter().collect();
    let written_code = find_refusal_code(&args);
    let cli = match parse_arguments(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are what the user wants; everything else is a wrong call.
            let exit = if error.use_stderr() { CommandExit::Invalid } else { CommandExit::Allowed };
            let exit = match output::ignore_broken_pipe(error.print()) {
                Ok(()) => exit,
                Err(_) => CommandExit::Failed,
            };
            return exit.with_refusal_code(written_code);
        }
    };
    let context = Context {
        directory: cli.global.directory.unwrap_or_else(|| PathBuf::from(".")),
        colour: cli.global.color,
        now,
        clock,
    };
    let is_confirmed = matches!(&cli.command, CliCommand::Hook(args) if args.confirm);
    let refusal_code = match &cli.command {
        CliCommand::Hook(args) => args.deny_exit,
        CliCommand::Check(args) => args.deny_exit,
        _ => None,
    };
    let exit = run_in_directory(cli.command, &context);
    if is_confirmed { exit.confirm_to_hook() } else { exit.with_refusal_code(refusal_code) }
}

/// Returns the exit code that `--deny-exit` asks for, even where the rest of the arguments is wrong: a caller
/// for which 2 is no refusal must not see one.
fn find_refusal_code(args: &[OsString]) -> Option<u8> {
    let mut args = args.iter().filter_map(|arg| arg.to_str());
    while let Some(arg) = args.next() {
        let code = match arg.strip_prefix("--deny-exit") {
            Some("") => args.next(),
            Some(rest) => rest.strip_prefix('='),
            None => continue,
        };
        return code.and_then(|code| code.parse().ok()).filter(|code| *code > 0);
    }
    None
}

fn run_in_directory(command: CliCommand, context: &Context) -> CommandExit {
    if !context.directory.is_dir() {
        let name = context.directory.to_string_lossy();
        let why = format!("-C: `{}` is not a directory", shorten_for_message(&name));
        return report_error(&CommandError::Usage(why), false, context);
    }
    let may_stop_early = may_stop_early(&command);
    let is_hook = matches!(command, CliCommand::Hook(_));
    match run_command(command, context) {
        Ok(exit) => exit,
        Err(CommandError::Failed(error)) if may_stop_early && is_broken_pipe(&error) => CommandExit::Allowed,
        Err(stop) => report_error(&stop, is_hook, context),
    }
}

/// Returns true for a command that decides nothing, so that it ends well if its reader goes away.
fn may_stop_early(command: &CliCommand) -> bool {
    matches!(
        command,
        CliCommand::Completions(_)
            | CliCommand::Demo(_)
            | CliCommand::Doctor(_)
            | CliCommand::Explain(_)
            | CliCommand::Install(_)
            | CliCommand::Man(_)
            | CliCommand::People(_)
            | CliCommand::Policy(_)
            | CliCommand::Trailers(_)
            | CliCommand::Uninstall(_)
    )
}

fn run_command(command: CliCommand, context: &Context) -> Result<CommandExit, CommandError> {
    match command {
        CliCommand::Action(args) => action::run_action(&args, context),
        CliCommand::Approve(args) => approve::run_approve(&args, context),
        CliCommand::Attach(args) => acts::run_attach(&args, context),
        CliCommand::Audit(args) => audit::run_audit(&args, context),
        CliCommand::Breakglass(args) => breakglass::run_breakglass(&args, context),
        CliCommand::Check(args) => check::run_check(&args, context),
        CliCommand::Completions(args) => completions::run_completions(&args, CommandLine::command()),
        CliCommand::Demo(args) => demo::run_demo(&args, context),
        CliCommand::DeployCheck(args) => deploy_check::run_deploy_check(&args, context),
        CliCommand::Doctor(args) => doctor::run_doctor(&args, context),
        CliCommand::Evidence(args) => audit::evidence::run_evidence(&args, context),
        CliCommand::Explain(args) => explain::run_explain(&args, context),
        CliCommand::Hook(args) => hook::run_hook(&args, context),
        CliCommand::Install(args) => install::run_install(&args, context),
        CliCommand::Ledger(args) => ledger::run_ledger(&args, context),
        CliCommand::Man(args) => completions::run_man(&args, CommandLine::command()),
        CliCommand::Obligations(args) => obligations::run_obligations(&args, context),
        CliCommand::Outcome(args) => acts::run_outcome(&args, context),
        CliCommand::People(args) => people::run_people(&args, context),
        CliCommand::Policy(args) => policy::run_policy(&args, context),
        CliCommand::Pr(args) => pr::run_pr(&args, context),
        CliCommand::Record(args) => record::run_record(&args, context),
        CliCommand::Sample(args) => audit::sample::run_sample(&args, context),
        CliCommand::Show(args) => audit::show::run_show(&args, context),
        CliCommand::Sweep(args) => obligations::run_sweep(&args, context),
        CliCommand::Tickets(args) => tickets::run_tickets(&args, context),
        CliCommand::Trailers(args) => trailers::run_trailers(&args, context),
        CliCommand::Try(args) => try_change::try_change(&args, context),
        CliCommand::Uninstall(args) => install::run_uninstall(&args, context),
        CliCommand::Verified(args) => acts::run_verified(&args, context),
    }
}

/// Writes to standard error why the command stops, and returns how it ends; the reader of a hook is a person.
fn report_error(stop: &CommandError, is_hook: bool, context: &Context) -> CommandExit {
    let mut out = std::io::stderr().lock();
    let mut write = |why: &str, is_wrapped: bool| {
        let line = format!("changegate: {why}");
        let line = if is_wrapped { output::wrap_error(&line) } else { output::fold_for_terminal(&line) };
        writeln!(out, "{}", escape_error_message(&line))
    };
    let (written, exit) = match stop {
        CommandError::Usage(why) => (write(why, is_hook), CommandExit::Invalid),
        CommandError::InvalidPolicy(PolicyErrors { unread: Some(unread), .. }, commit) => {
            let name = shorten_for_message(commit.as_deref().unwrap_or("a commit"));
            let why = output::describe_unread_files(unread, &context.git_location());
            (write(&format!("the policy at {name} could not be read: {why}"), true), CommandExit::Failed)
        }
        CommandError::InvalidPolicy(errors, commit) => {
            let mut written = output::write_policy_faults(errors, context.colour, &mut out);
            if let (Ok(()), Some(commit)) = (&written, commit) {
                let name = shorten_for_message(commit);
                written =
                    writeln!(out, "changegate: this is the policy at {name}, by which the change is judged");
            }
            (written, CommandExit::Invalid)
        }
        CommandError::Failed(error) => (write(&format!("{error:#}"), is_hook), CommandExit::Failed),
    };
    // If standard error is gone, the exit code remains.
    let _ = written;
    exit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn what_is_parsed_by_hand_is_what_the_library_makes_of_it() {
        for line in [
            "changegate hook commit-msg .git/COMMIT_EDITMSG",
            "changegate hook --confirm commit-msg .git/COMMIT_EDITMSG",
            "changegate hook commit-msg help",
            "changegate hook commit-msg a=b",
        ] {
            let words = to_words(line);
            assert!(hook::HookArgs::parse_commit_msg(&words[2..]).is_some(), "{line}");
            let by_hand = parse_arguments(words.clone()).unwrap();
            let by_library = CommandLine::try_parse_from(words).unwrap();
            assert_eq!(format!("{by_hand:?}"), format!("{by_library:?}"), "{line}");
        }
    }

    #[test]
    fn every_other_call_of_a_hook_is_left_to_the_library() {
        for line in [
            "changegate hook commit-msg",
            "changegate hook commit-msg ",
            "changegate hook commit-msg --warn",
            "changegate hook commit-msg -h",
            "changegate hook commit-msg a b",
            "changegate hook --confirm --confirm commit-msg a",
            "changegate hook -C commit-msg a",
            "changegate hook pre-push a",
            "changegate hook",
        ] {
            assert!(hook::HookArgs::parse_commit_msg(&to_words(line)[2..]).is_none(), "{line}");
        }
    }
}
