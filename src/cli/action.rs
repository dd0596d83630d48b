//! `changegate action`: what the GitHub Action runs.
//!
//! Reads the event and the environment of the run, judges, and tells: on standard output, in the
//! job's summary, as outputs of the step, and on request as a comment and as check runs. What is told
//! changes nothing about how it ends.

mod keeping;
mod tell;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use self::keeping::Run;
use super::output::{self, FormatName};
use super::pr::{self, Asking};
use super::{Exit, Stop, World, tickets};
use crate::github::event::{self, LARGEST_EVENT, Subject};
use crate::github::{Outcome, Patience, RepoName, Session, Source};
use crate::report::Style;

/// How long saying that nothing could be judged may take.
const LAST_WORD: Duration = Duration::from_secs(15);

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
pub(super) struct Args {
    #[command(flatten)]
    asking: Asking,

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
    format: FormatName,
}

/// What makes the step fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A change that is denied
    Deny,
    /// Nothing but errors: the verdict is only told
    Never,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let told = judge(args, world).and_then(|done| match done {
        Done::Swept(exit) => Ok((None, None, exit)),
        Done::Judged { outcome, session, is_whole } => {
            let sarif = tell_all(args, &outcome, &session, world)?;
            let exit = if is_whole { outcome.report.decision.into() } else { Exit::Denied };
            Ok((Some(outcome), sarif, exit))
        }
    });
    // The outputs come last, so that they never say `allow` of a run that ends with an error.
    let (outcome, sarif, exit) = match told {
        Ok((_, _, Exit::Wrong | Exit::Failed)) => {
            tell::outputs("error", None, None, world)?;
            return Ok(Exit::Failed);
        }
        Ok(told) => told,
        Err(stop) => {
            tell::outputs("error", None, None, world)?;
            return Err(stop);
        }
    };
    let verdict = if exit == Exit::Allowed { "allow" } else { "deny" };
    tell::outputs(verdict, outcome.as_ref().map(|outcome| &outcome.report), sarif.as_deref(), world)?;
    if exit == Exit::Denied && args.fail_on == FailOn::Never {
        tell::loudly("this is denied, and goes on only because of `--fail-on never`")?;
        return Ok(Exit::Allowed);
    }
    Ok(exit)
}

/// What a run came to.
enum Done {
    /// Something was judged.
    Judged {
        outcome: Box<Outcome>,
        session: Box<Session>,
        /// False if the ledger shows what was not allowed beside it.
        is_whole: bool,
    },
    /// The ledger was swept.
    Swept(Exit),
}

/// Tells the verdict wherever it is wanted; returns where the SARIF file is, if there is one.
fn tell_all(
    args: &Args,
    outcome: &Outcome,
    session: &Session,
    world: &World,
) -> Result<Option<String>, Stop> {
    let style = Style { colour: output::stdout_colour(world.colour), width: 78, ..tell::style(world) };
    output::report(&outcome.report, args.format, &style)?;
    tell::summary(&outcome.report, world)?;
    let sarif = args.sarif_file.as_ref().map(|path| tell::sarif(&outcome.report, path, world)).transpose()?;
    if args.comment {
        tell::comments(session, outcome, world)?;
    }
    if let Some(name) = &args.check_run {
        tell::check_runs(session, outcome, name, world)?;
    }
    Ok(sarif)
}

fn judge(args: &Args, world: &World) -> Result<Done, Stop> {
    let text = |name: &str| world.variable(name).map(|value| value.to_string_lossy().into_owned());
    let repo = text("GITHUB_REPOSITORY").as_deref().and_then(RepoName::read);
    let subject = match args.pull_request {
        Some(number) => {
            let repo = repo.ok_or_else(|| Stop::Wrong("GITHUB_REPOSITORY names no repository".into()))?;
            Subject::Pull { repo, number, expected: None }
        }
        None => subject(repo.as_ref(), world)?,
    };
    let server = pr::server(None, world)?;
    let token = pr::token(&["CHANGEGATE_TOKEN", "GITHUB_TOKEN"], world)?;
    let record = args.record.as_ref().map(|folder| world.at(folder));
    let session = Session::open(Source::Live {
        server: &server,
        token: token.as_ref(),
        patience: args.asking.patience(),
        record: record.as_deref(),
        now: world.now,
    })?;
    let options = args.asking.options(false, Some(tickets::access(world, None, None)?));
    let mut is_whole = true;
    if args.ledger {
        let run = Run { session: &session, server: &server, token: token.as_ref(), options: &options };
        if let Subject::OpenPulls { repo } = &subject {
            return run.sweep(repo, args, world).map(Done::Swept);
        }
        let told = run.record(&subject, world)?;
        is_whole = told.appended.unauthorised.is_empty();
        if let Some(report) = told.report {
            let outcome = Box::new(Outcome { report, pulls: Vec::new() });
            return Ok(Done::Judged { outcome, session: Box::new(session), is_whole });
        }
    }
    match session.judge(&subject, &options) {
        Ok(outcome) => Ok(Done::Judged { outcome: Box::new(outcome), session: Box::new(session), is_whole }),
        Err(failure) => {
            if let Some(name) = &args.check_run {
                // With patience of its own: what was wrong may have been that time was up.
                let source = Source::Live {
                    server: &server,
                    token: token.as_ref(),
                    patience: Patience { deadline: LAST_WORD, ..args.asking.patience() },
                    record: None,
                    now: world.now,
                };
                tell::failed_run(&Session::open(source)?, &subject, name, &failure)?;
            }
            Err(failure.into())
        }
    }
}

/// Returns what the event of this run is about.
fn subject(repo: Option<&RepoName>, world: &World) -> Result<Subject, Stop> {
    let missing = |name: &str| {
        Stop::Wrong(format!(
            "{name} is not set; this runs in a workflow of GitHub, and `changegate pr` anywhere"
        ))
    };
    let name = world.variable("GITHUB_EVENT_NAME").ok_or_else(|| missing("GITHUB_EVENT_NAME"))?;
    let path = world.variable("GITHUB_EVENT_PATH").ok_or_else(|| missing("GITHUB_EVENT_PATH"))?;
    let path = world.at(PathBuf::from(path));
    let unread = |error: std::io::Error| {
        Stop::Failed(anyhow::anyhow!("the event cannot be read from {}: {error}", path.display()))
    };
    let size = std::fs::metadata(&path).map_err(unread)?.len();
    if u64::try_from(LARGEST_EVENT).is_ok_and(|most| most < size) {
        return Err(Stop::Wrong(format!("the event has {size} bytes, and at most {LARGEST_EVENT} are read")));
    }
    let json = std::fs::read(&path).map_err(unread)?;
    event::read(&name.to_string_lossy(), &json, repo).map_err(Stop::Wrong)
}
