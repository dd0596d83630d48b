//! `changegate action`: the command that the GitHub Action runs.
//!
//! Reads the event and the environment of the run, judges, and publishes the verdict: on standard output,
//! in the job summary, as step outputs, and on request as a comment and as check runs. A failure to
//! publish does not change the verdict. Check runs come first: they block until the verdict is in them.

mod check_runs;
mod event_run;
mod event_subject;
mod forge_ledger_run;
mod publish;

use std::cell::Cell;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::action::check_runs::CheckRunWriter;
use crate::cli::action::event_run::{EventRun, describe_failures};
use crate::cli::action::event_subject::{
    check_event_repository, parse_missing_policy, read_event_subject, refuse_proposed_option,
};
use crate::cli::action::forge_ledger_run::ForgeLedgerRun;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{self, ReportFormatArg};
use crate::cli::pr::{self, GitHubQueryArgs};
use crate::cli::tickets;
use crate::gate::MissingPolicyAction;
use crate::github::event::EventSubject;
use crate::github::{GitHubSession, GitHubSource, JudgedEvent, OwnChecks, RepositoryName};
use crate::report::check_title::{CheckStanding, build_check_title, find_waiting_title};
use crate::report::{Report, ReportStyle};

/// Judge the event of a GitHub workflow run
///
/// The GitHub Action runs this command. It reads GITHUB_EVENT_NAME,
/// GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GITHUB_API_URL, GITHUB_GRAPHQL_URL,
/// GITHUB_OUTPUT and GITHUB_STEP_SUMMARY, and a token from CHANGEGATE_TOKEN or
/// GITHUB_TOKEN. Outside of a workflow, use `changegate pr`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate action
  changegate action --comment --fail-on never
  changegate action --pull-request 12 --check-run change-gate
  changegate action --ledger=begin    begin the ledger, once
  changegate action --ledger      record the push; on a schedule, sweep

With --ledger, git fetches and pushes refs/changegate/ledger of the repository,
on the server in GITHUB_SERVER_URL, with the same token.")]
pub(crate) struct ActionArgs {
    #[command(flatten)]
    query: GitHubQueryArgs,

    /// Judge this pull request, whatever the event
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pull_request: Option<u64>,

    /// Verdict that fails the step; an error always does
    #[arg(long, value_name = "WHAT", default_value = "deny")]
    fail_on: FailOn,

    /// Without a policy on the base branch: fail, judge by pack:NAME, or skip
    #[arg(long, value_name = "WHAT", default_value = "fail", value_parser = parse_missing_policy)]
    missing_policy: MissingPolicyAction,

    /// Say what would be denied, and block nothing; not from a workflow that a pull request can change
    #[arg(long)]
    evaluate: bool,

    /// Keep a comment on the pull request up to date
    #[arg(long)]
    comment: bool,

    /// Report a check run of this name on the judged revision
    #[arg(long, value_name = "NAME")]
    check_run: Option<String>,

    /// Save all answers of GitHub in this directory
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,

    /// Keep the ledger in the repository: record pushes, and sweep on a schedule
    #[arg(long, value_name = "MODE", num_args = 0..=1, require_equals = true,
        default_missing_value = "keep", conflicts_with = "pull_request")]
    ledger: Option<LedgerUse>,

    /// Send notices of a sweep to slack=URL or webhook=URL; the URL can be env:NAME
    #[arg(long, value_name = "CHANNEL", requires = "ledger")]
    notify: Vec<String>,

    /// Treat obligations due within this time as due soon [default: 24h]
    #[arg(long, value_name = "TIME", requires = "ledger")]
    due: Option<String>,

    /// Write the findings to this file, as SARIF
    #[arg(long, value_name = "PATH")]
    sarif_file: Option<PathBuf>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "github")]
    format: ReportFormatArg,
}

/// The verdicts that fail the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A denied change
    Deny,
    /// No verdict; only errors fail the step
    Never,
}

/// How a run keeps the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LedgerUse {
    /// Append to the ledger, which has to be there
    Keep,
    /// Begin the ledger if there is none
    Begin,
}

pub(crate) fn run_action(args: &ActionArgs, context: &Context) -> Result<CommandExit, CommandError> {
    // The outputs come last, so that they never say `allow` for a run that ends with an error.
    let PublishedRun { report, sarif, exit, failure, has_unwritten_denial, is_waiting, kind } =
        match judge_and_publish(args, context) {
            Ok(PublishedRun { exit: CommandExit::Invalid | CommandExit::Failed, .. }) => {
                publish::write_step_outputs("error", None, None, context)?;
                return Ok(CommandExit::Failed);
            }
            Ok(published) => published,
            Err(stop) => {
                publish::write_step_outputs("error", None, None, context)?;
                return Err(stop);
            }
        };
    // What was judged is told beside what could not be.
    if let Some(failure) = failure {
        publish::write_step_outputs("error", report.as_ref(), sarif.as_deref(), context)?;
        return Err(failure);
    }
    let is_evaluation = report.as_ref().is_some_and(|report| report.is_evaluation);
    // What could not be judged fails the step, whatever else may not. Where a check run says so, the step says the same.
    let is_told_by_exit = args.fail_on == FailOn::Never || kind != JudgedKind::Push;
    if exit == CommandExit::Denied
        && !is_evaluation
        && is_told_by_exit
        && report.as_ref().is_some_and(|report| kind.is_undecided(report))
    {
        publish::write_step_outputs("error", report.as_ref(), sarif.as_deref(), context)?;
        return Ok(CommandExit::Failed);
    }
    // A later step must not take for allowed what was not judged.
    let is_empty = args.ledger.is_none() && report.as_ref().is_some_and(Report::judges_nothing);
    let verdict = match exit {
        CommandExit::Allowed if is_empty => "none",
        CommandExit::Allowed => "allow",
        _ => "deny",
    };
    publish::write_step_outputs(verdict, report.as_ref(), sarif.as_deref(), context)?;
    if is_evaluation {
        return Ok(CommandExit::Allowed);
    }
    if exit == CommandExit::Denied && args.fail_on == FailOn::Never {
        // Nothing else says so on the commit, where an earlier run may have left a green check.
        if has_unwritten_denial {
            publish::write_warning(
                "the verdict could not be written to the check run, so the step fails in spite of `--fail-on never`",
            )?;
            return Ok(exit);
        }
        let what = if is_waiting { "the change waits for others" } else { "the change is denied" };
        publish::write_warning(&format!("{what}; the step passes because of `--fail-on never`"))?;
        return Ok(CommandExit::Allowed);
    }
    Ok(exit)
}

/// What a run has judged and published.
struct PublishedRun {
    report: Option<Report>,
    /// The path of the SARIF file, if one was written.
    sarif: Option<String>,
    exit: CommandExit,
    /// The error of a run in which some of what it was about could not be judged.
    failure: Option<CommandError>,
    /// True if a denial could not be written to its check run.
    has_unwritten_denial: bool,
    /// True if only others have to act.
    is_waiting: bool,
    kind: JudgedKind,
}

/// The kind of what a run judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum JudgedKind {
    /// Pull requests, each of which may wait for others.
    PullRequests,
    /// A group of a merge queue, in which nothing is waited for.
    MergeGroup,
    /// What has landed; it has no check run.
    Push,
}

impl JudgedKind {
    /// Returns the kind of what an event is about.
    fn of_subject(subject: &EventSubject) -> JudgedKind {
        match subject {
            EventSubject::MergeGroup { .. } => JudgedKind::MergeGroup,
            EventSubject::Push { .. } => JudgedKind::Push,
            EventSubject::PullRequest { .. }
            | EventSubject::PullRequestsAt { .. }
            | EventSubject::OpenPullRequests { .. } => JudgedKind::PullRequests,
        }
    }

    /// Returns true if a check run on this report says that nothing could be judged.
    fn is_undecided(self, report: &Report) -> bool {
        build_check_title(report, self != JudgedKind::MergeGroup).standing == CheckStanding::Undecided
    }
}

/// Judges and publishes.
fn judge_and_publish(args: &ActionArgs, context: &Context) -> Result<PublishedRun, CommandError> {
    match judge_event(args, context)? {
        ActionOutcome::Swept(exit) => Ok(PublishedRun {
            report: None,
            sarif: None,
            exit,
            failure: None,
            has_unwritten_denial: false,
            is_waiting: false,
            kind: JudgedKind::Push,
        }),
        ActionOutcome::Judged { outcome, session, is_authorised, kind, has_unwritten_denial } => {
            let may_wait = kind == JudgedKind::PullRequests;
            let sarif = publish_outcome(args, &outcome, &session, may_wait, context)?;
            let exit = if is_authorised { outcome.report.decision.into() } else { CommandExit::Denied };
            let failure = describe_failures(&outcome.failures);
            let style = ReportStyle { may_wait, ..ReportStyle::default() };
            let is_waiting = find_waiting_title(&outcome.report, &style).is_some();
            let report = Some(outcome.report);
            Ok(PublishedRun { report, sarif, exit, failure, has_unwritten_denial, is_waiting, kind })
        }
    }
}

/// The result of a run.
enum ActionOutcome {
    /// An event was judged.
    Judged {
        outcome: Box<JudgedEvent>,
        session: Box<GitHubSession>,
        /// False if the ledger also shows an unauthorised change.
        is_authorised: bool,
        kind: JudgedKind,
        /// True if a denial could not be written to its check run.
        has_unwritten_denial: bool,
    },
    /// The ledger was swept, with this exit.
    Swept(CommandExit),
}

/// Publishes the verdict as the arguments say; returns the path of the SARIF file, if one is written.
fn publish_outcome(
    args: &ActionArgs,
    outcome: &JudgedEvent,
    session: &GitHubSession,
    may_wait: bool,
    context: &Context,
) -> Result<Option<String>, CommandError> {
    let style = ReportStyle {
        may_wait,
        colour: output::stdout_colour(context.colour),
        width: 78,
        ..publish::build_style(context)
    };
    output::print_report(&outcome.report, args.format, &style)?;
    publish::append_verdict_summary(&outcome.report, may_wait, context)?;
    let mut sarif = None;
    if let Some(path) = &args.sarif_file {
        sarif = Some(publish::write_sarif_file(&outcome.report, path, context)?);
    }
    if args.comment {
        publish::write_comments(session, outcome, may_wait, context)?;
    }
    Ok(sarif)
}

fn judge_event(args: &ActionArgs, context: &Context) -> Result<ActionOutcome, CommandError> {
    let repo = context.read_text_variable("GITHUB_REPOSITORY");
    let repo = repo.as_deref().and_then(RepositoryName::parse_name);
    let own = repo.clone();
    let subject = match args.pull_request {
        Some(number) => {
            let Some(repo) = repo else {
                return Err(CommandError::usage("GITHUB_REPOSITORY is not set to OWNER/REPO"));
            };
            EventSubject::PullRequest { repo, number, expected_head: None }
        }
        None => read_event_subject(repo.as_ref(), context)?,
    };
    check_event_repository(&subject, own.as_ref())?;
    if args.evaluate {
        refuse_proposed_option("evaluate mode is", context)?;
    }
    if args.missing_policy == MissingPolicyAction::Allow {
        refuse_proposed_option("`missing-policy: skip` is", context)?;
    }
    let server = pr::read_github_server(None, context)?;
    let token = pr::read_github_token(&["CHANGEGATE_TOKEN", "GITHUB_TOKEN"], context)?;
    let record = args.record.as_ref().map(|directory| context.resolve_path(directory));
    let session = GitHubSession::open_session(GitHubSource::Live {
        server: &server,
        token: token.as_ref(),
        limits: args.query.build_request_limits(),
        record_to: record.as_deref(),
        now: context.now,
    })?;
    let mut options =
        args.query.build_options(false, Some(tickets::read_ticket_access(context, None, None)?));
    let job_check_run = context.read_text_variable("CHANGEGATE_JOB_CHECK_RUN");
    options.missing_policy = args.missing_policy.clone();
    options.own_checks = OwnChecks {
        check_name: args.check_run.clone(),
        job_check_run: job_check_run.and_then(|id| id.parse().ok()),
    };
    let kind = JudgedKind::of_subject(&subject);
    let mut is_authorised = true;
    if let Some(how) = args.ledger {
        let run = ForgeLedgerRun {
            session: &session,
            server: &server,
            token: token.as_ref(),
            options: &options,
            may_begin: how == LedgerUse::Begin,
            is_evaluation: args.evaluate,
        };
        if let EventSubject::OpenPullRequests { repo } = &subject {
            return run
                .sweep_repository(repo, args.due.as_deref(), &args.notify, context)
                .map(ActionOutcome::Swept);
        }
        let outcome = run.record_push(&subject, context)?;
        is_authorised = outcome.appended.unauthorised.is_empty();
        if let Some(report) = outcome.report {
            let outcome = Box::new(JudgedEvent {
                report,
                pull_requests: Vec::new(),
                failures: Vec::new(),
                are_conversations_resolved: false,
            });
            return Ok(ActionOutcome::Judged {
                outcome,
                session: Box::new(session),
                is_authorised,
                kind,
                has_unwritten_denial: false,
            });
        }
    }
    let checks = CheckRunWriter {
        name: args.check_run.as_deref(),
        server: &server,
        token: token.as_ref(),
        limits: args.query.build_request_limits(),
        context,
        is_evaluation: args.evaluate,
        has_unwritten_denial: Cell::new(false),
    };
    let run = EventRun { session: &session, options: &options, checks };
    let outcome = Box::new(run.judge_subject(&subject)?);
    let has_unwritten_denial = run.checks.has_unwritten_denial.get();
    let session = Box::new(session);
    Ok(ActionOutcome::Judged { outcome, session, is_authorised, kind, has_unwritten_denial })
}
