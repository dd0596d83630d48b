//! `changegate action`: what the GitHub Action runs.
//!
//! Reads the event and the environment of the run, judges, and tells: on standard output, in the
//! job's summary, as outputs of the step, and on request as a comment and as check runs. What is told
//! changes nothing about how it ends.

mod tell;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::output::{self, FormatName};
use super::pr::{self, Asking};
use super::{Exit, Stop, World};
use crate::github::event::{self, LARGEST_EVENT, Subject};
use crate::github::{Outcome, Patience, RepoName, Session, Source};
use crate::report::Style;
use crate::verdict::Decision;

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
  changegate action --pull-request 12 --check-run change-gate")]
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
    let told = judge(args, world).and_then(|(outcome, session)| {
        let sarif = tell_all(args, &outcome, &session, world)?;
        Ok((outcome, sarif))
    });
    // The outputs come last, so that they never say `allow` of a run that ends with an error.
    let (outcome, sarif) = match told {
        Ok(told) => told,
        Err(stop) => {
            tell::outputs("error", None, None, world)?;
            return Err(stop);
        }
    };
    let verdict = match outcome.report.decision {
        Decision::Allow => "allow",
        Decision::Deny => "deny",
    };
    tell::outputs(verdict, Some(&outcome.report), sarif.as_deref(), world)?;
    if outcome.report.decision == Decision::Deny && args.fail_on == FailOn::Never {
        tell::loudly("this is denied, and goes on only because of `--fail-on never`")?;
        return Ok(Exit::Allowed);
    }
    Ok(outcome.report.decision.into())
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

fn judge(args: &Args, world: &World) -> Result<(Outcome, Session), Stop> {
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
    match session.judge(&subject, &args.asking.options(false)) {
        Ok(outcome) => Ok((outcome, session)),
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
