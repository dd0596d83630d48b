//! `changegate action`: what the GitHub Action runs.
//!
//! Reads the event and the environment of the run, judges, and tells: on standard output, in the
//! job's summary, as outputs of the step, and on request as a comment and as check runs. What is told
//! changes nothing about how it ends.

pub(crate) mod forge_ledger_run;
pub(crate) mod publish;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::cli::action::forge_ledger_run::ForgeLedgerRun;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{self, ReportFormatArg};
use crate::cli::pr::{self, GitHubQueryArgs};
use crate::cli::tickets;
use crate::github::event::{self, EventSubject, MAX_EVENT_BYTES};
use crate::github::{GitHubSession, GitHubSource, JudgedEvent, RepositoryName};
use crate::http::RequestPolicy;
use crate::report::ReportStyle;

/// How long saying that nothing could be judged may take.
const FAILURE_REPORT_TIMEOUT: Duration = Duration::from_secs(15);

/// Judge what a workflow run is about
///
/// This is what the GitHub Action runs. It reads GITHUB_EVENT_NAME,
/// GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GITHUB_API_URL, GITHUB_GRAPHQL_URL,
/// GITHUB_OUTPUT and GITHUB_STEP_SUMMARY, and a token from CHANGEGATE_TOKEN or
/// GITHUB_TOKEN. `changegate pr` does the same for one pull request.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate action
  changegate action --comment --fail-on never
  changegate action --pull-request 12 --check-run change-gate
  changegate action --ledger      after a push: record it; on a schedule: sweep

With --ledger, git fetches and pushes refs/changegate/ledger of the repository,
on the server that GITHUB_SERVER_URL names, with the same token.")]
pub(crate) struct ActionArgs {
    #[command(flatten)]
    query: GitHubQueryArgs,

    /// Judge this pull request, whatever the event is about
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pull_request: Option<u64>,

    /// What makes the step fail; what could not be judged always does
    #[arg(long, value_name = "WHAT", default_value = "deny")]
    fail_on: FailOn,

    /// Keep a comment on the pull request up to date
    #[arg(long)]
    comment: bool,

    /// Report a check run of this name on the revision that was judged
    #[arg(long, value_name = "NAME")]
    check_run: Option<String>,

    /// Keep every answer of GitHub in this folder
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,

    /// Keep the ledger in the repository: record a push, or sweep on a schedule
    #[arg(long, conflicts_with = "pull_request")]
    ledger: bool,

    /// For a sweep, tell of what is due: slack=URL or webhook=URL, or env:NAME for URL
    #[arg(long, value_name = "PLACE", requires = "ledger")]
    notify: Vec<String>,

    /// For a sweep, what is due within this time is due soon
    #[arg(long, value_name = "TIME", requires = "ledger")]
    due: Option<String>,

    /// Write what was found to this file, as SARIF
    #[arg(long, value_name = "PATH")]
    sarif_file: Option<PathBuf>,

    /// In which form
    #[arg(long, value_name = "FORM", default_value = "github")]
    format: ReportFormatArg,
}

/// What makes the step fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A change that is denied
    Deny,
    /// Nothing but errors: the verdict is only told
    Never,
}

pub(crate) fn run_action(args: &ActionArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let told = judge_event(args, world).and_then(|done| match done {
        ActionOutcome::Swept(exit) => Ok((None, None, exit)),
        ActionOutcome::Judged { outcome, session, is_authorised: is_whole } => {
            let sarif = publish_outcome(args, &outcome, &session, world)?;
            let exit = if is_whole { outcome.report.decision.into() } else { CommandExit::Denied };
            Ok((Some(outcome), sarif, exit))
        }
    });
    // The outputs come last, so that they never say `allow` of a run that ends with an error.
    let (outcome, sarif, exit) = match told {
        Ok((_, _, CommandExit::Invalid | CommandExit::Failed)) => {
            publish::write_step_outputs("error", None, None, world)?;
            return Ok(CommandExit::Failed);
        }
        Ok(told) => told,
        Err(stop) => {
            publish::write_step_outputs("error", None, None, world)?;
            return Err(stop);
        }
    };
    let verdict = if exit == CommandExit::Allowed { "allow" } else { "deny" };
    publish::write_step_outputs(
        verdict,
        outcome.as_ref().map(|outcome| &outcome.report),
        sarif.as_deref(),
        world,
    )?;
    if exit == CommandExit::Denied && args.fail_on == FailOn::Never {
        publish::write_warning("this is denied, and goes on only because of `--fail-on never`")?;
        return Ok(CommandExit::Allowed);
    }
    Ok(exit)
}

/// What a run came to.
enum ActionOutcome {
    /// Something was judged.
    Judged {
        outcome: Box<JudgedEvent>,
        session: Box<GitHubSession>,
        /// False if the ledger shows what was not allowed beside it.
        is_authorised: bool,
    },
    /// The ledger was swept.
    Swept(CommandExit),
}

/// Tells the verdict wherever it is wanted; returns where the SARIF file is, if there is one.
fn publish_outcome(
    args: &ActionArgs,
    outcome: &JudgedEvent,
    session: &GitHubSession,
    world: &Context,
) -> Result<Option<String>, CommandError> {
    let style =
        ReportStyle { colour: output::stdout_colour(world.colour), width: 78, ..publish::build_style(world) };
    output::print_report(&outcome.report, args.format, &style)?;
    publish::append_verdict_summary(&outcome.report, world)?;
    let sarif = args
        .sarif_file
        .as_ref()
        .map(|path| publish::write_sarif_file(&outcome.report, path, world))
        .transpose()?;
    if args.comment {
        publish::write_comments(session, outcome, world)?;
    }
    if let Some(name) = &args.check_run {
        publish::write_check_runs(session, outcome, name, world)?;
    }
    Ok(sarif)
}

fn judge_event(args: &ActionArgs, world: &Context) -> Result<ActionOutcome, CommandError> {
    let text = |name: &str| world.read_variable(name).map(|value| value.to_string_lossy().into_owned());
    let repo = text("GITHUB_REPOSITORY").as_deref().and_then(RepositoryName::parse_name);
    let subject = match args.pull_request {
        Some(number) => {
            let repo =
                repo.ok_or_else(|| CommandError::Usage("GITHUB_REPOSITORY names no repository".into()))?;
            EventSubject::PullRequest { repo, number, expected_head: None }
        }
        None => read_event_subject(repo.as_ref(), world)?,
    };
    let server = pr::read_github_server(None, world)?;
    let token = pr::read_github_token(&["CHANGEGATE_TOKEN", "GITHUB_TOKEN"], world)?;
    let record = args.record.as_ref().map(|folder| world.resolve_path(folder));
    let session = GitHubSession::open_session(GitHubSource::Live {
        server: &server,
        token: token.as_ref(),
        limits: args.query.build_request_limits(),
        record_to: record.as_deref(),
        now: world.now,
    })?;
    let options = args.query.build_options(false, Some(tickets::read_ticket_access(world, None, None)?));
    let mut is_whole = true;
    if args.ledger {
        let run =
            ForgeLedgerRun { session: &session, server: &server, token: token.as_ref(), options: &options };
        if let EventSubject::OpenPullRequests { repo } = &subject {
            return run.sweep_repository(repo, args, world).map(ActionOutcome::Swept);
        }
        let told = run.record_push(&subject, world)?;
        is_whole = told.appended.unauthorised.is_empty();
        if let Some(report) = told.report {
            let outcome = Box::new(JudgedEvent { report, pull_requests: Vec::new() });
            return Ok(ActionOutcome::Judged {
                outcome,
                session: Box::new(session),
                is_authorised: is_whole,
            });
        }
    }
    match session.judge_event(&subject, &options) {
        Ok(outcome) => Ok(ActionOutcome::Judged {
            outcome: Box::new(outcome),
            session: Box::new(session),
            is_authorised: is_whole,
        }),
        Err(failure) => {
            if let Some(name) = &args.check_run {
                // With patience of its own: what was wrong may have been that time was up.
                let source = GitHubSource::Live {
                    server: &server,
                    token: token.as_ref(),
                    limits: RequestPolicy {
                        total_timeout: FAILURE_REPORT_TIMEOUT,
                        ..args.query.build_request_limits()
                    },
                    record_to: None,
                    now: world.now,
                };
                publish::write_failed_check_run(
                    &GitHubSession::open_session(source)?,
                    &subject,
                    name,
                    &failure,
                )?;
            }
            Err(failure.into())
        }
    }
}

/// Returns what the event of this run is about.
fn read_event_subject(repo: Option<&RepositoryName>, world: &Context) -> Result<EventSubject, CommandError> {
    let missing = |name: &str| {
        CommandError::Usage(format!(
            "{name} is not set; this runs in a workflow of GitHub, and `changegate pr` anywhere"
        ))
    };
    let name = world.read_variable("GITHUB_EVENT_NAME").ok_or_else(|| missing("GITHUB_EVENT_NAME"))?;
    let path = world.read_variable("GITHUB_EVENT_PATH").ok_or_else(|| missing("GITHUB_EVENT_PATH"))?;
    let path = world.resolve_path(PathBuf::from(path));
    let unread = |error: std::io::Error| {
        CommandError::Failed(anyhow::anyhow!("the event cannot be read from {}: {error}", path.display()))
    };
    let size = std::fs::metadata(&path).map_err(unread)?.len();
    if u64::try_from(MAX_EVENT_BYTES).is_ok_and(|most| most < size) {
        return Err(CommandError::Usage(format!(
            "the event has {size} bytes, and at most {MAX_EVENT_BYTES} are read"
        )));
    }
    let json = std::fs::read(&path).map_err(unread)?;
    event::parse_event(&name.to_string_lossy(), &json, repo).map_err(CommandError::Usage)
}
