//! `changegate pr`: judges a pull request from a terminal, as the Action does.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{self, ReportFormatArg};
use crate::cli::progress::ProgressLine;
use crate::cli::tickets;
use crate::gate::MissingPolicyAction;
use crate::github::event::EventSubject;
use crate::github::{
    GitHubFailure, GitHubJudgeOptions, GitHubServer, GitHubSession, GitHubSource, OwnChecks, PUBLIC_API_URL,
    PullRequestName, PusherSource, RepositoryName,
};
use crate::http::{RequestPolicy, Secret};
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::ReportStyle;
use crate::tickets::TicketAccess;

/// Judge a pull request on GitHub
///
/// Judges with all facts that GitHub has, by the current policy of the base
/// branch; checks nothing out. A fact that cannot be read denies if a rule needs
/// it.
///
/// The token is read from GITHUB_TOKEN or GH_TOKEN. Without one, only public
/// repositories can be read, without GraphQL.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate pr acme/shop#12
  changegate pr https://github.com/acme/shop/pull/12 --explain
  changegate pr 12 --repo acme/shop --record answers
  changegate pr acme/shop#12 --replay answers --format json")]
pub(crate) struct PrArgs {
    /// OWNER/REPO#N, the address, or a number with --repo
    pull: String,

    /// Repository of the number
    #[arg(long, value_name = "OWNER/REPO")]
    repo: Option<String>,

    #[command(flatten)]
    query: GitHubQueryArgs,

    /// Save all answers of GitHub in this directory
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,

    /// Judge by the answers saved in this directory, without a network
    #[arg(long, value_name = "DIR", conflicts_with = "record")]
    replay: Option<PathBuf>,

    /// Address of the API [default: GITHUB_API_URL, or that of github.com]
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,

    /// Show why each rule passes or fails
    #[arg(long)]
    explain: bool,

    /// Show every rule
    #[arg(long, short)]
    verbose: bool,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: ReportFormatArg,
}

/// The options for reading from GitHub, shared with the Action.
#[derive(Debug, clap::Args)]
pub(crate) struct GitHubQueryArgs {
    /// Path of the policy in the base branch
    #[arg(long, value_name = "PATH", default_value = DEFAULT_POLICY_PATH)]
    pub(crate) policy: String,

    /// Source that tells who pushed
    #[arg(long, value_name = "SOURCE", default_value = "activity")]
    pub(crate) pusher: PusherSourceArg,

    /// Time limit for all requests to GitHub, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) deadline: u64,
}

/// The sources that tell who pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PusherSourceArg {
    /// GitHub's activity log of the branch
    Activity,
    /// No source; no rule may need it
    None,
}

impl GitHubQueryArgs {
    /// Returns the options by which the pull request is judged.
    pub(crate) fn build_options(&self, explain: bool, tickets: Option<TicketAccess>) -> GitHubJudgeOptions {
        let pusher = match self.pusher {
            PusherSourceArg::Activity => PusherSource::BranchActivity,
            PusherSourceArg::None => PusherSource::NotNeeded,
        };
        GitHubJudgeOptions {
            policy_path: self.policy.clone(),
            missing_policy: MissingPolicyAction::Deny,
            pusher_source: pusher,
            explain,
            own_checks: OwnChecks::default(),
            ticket_access: tickets,
        }
    }

    /// Returns the limits for requests to GitHub.
    pub(crate) fn build_request_limits(&self) -> RequestPolicy {
        RequestPolicy { total_timeout: Duration::from_secs(self.deadline), ..RequestPolicy::FORGE }
    }
}

impl From<GitHubFailure> for CommandError {
    fn from(failure: GitHubFailure) -> CommandError {
        CommandError::Failed(anyhow::anyhow!(failure.why))
    }
}

pub(crate) fn run_pr(args: &PrArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let mut repo = None;
    if let Some(name) = &args.repo {
        repo = RepositoryName::parse_name(name);
        if repo.is_none() {
            return Err(CommandError::usage("--repo takes OWNER/REPO, such as acme/shop"));
        }
    }
    let pull = PullRequestName::parse_name(&args.pull, repo.as_ref()).map_err(CommandError::Usage)?;
    let server = read_github_server(args.api_url.as_deref(), context)?;
    let token = read_github_token(&["GITHUB_TOKEN", "GH_TOKEN"], context)?;
    let record = args.record.as_ref().map(|directory| context.resolve_path(directory));
    let replay = args.replay.as_ref().map(|directory| context.resolve_path(directory));
    let source = match &replay {
        Some(directory) => GitHubSource::Recording(directory),
        None => GitHubSource::Live {
            server: &server,
            token: token.as_ref(),
            limits: args.query.build_request_limits(),
            record_to: record.as_deref(),
            now: context.now,
        },
    };
    let progress = ProgressLine::show_activity(format!("asking GitHub about {pull}"), context);
    let session = GitHubSession::open_session(source)?;
    let subject =
        EventSubject::PullRequest { repo: pull.repo.clone(), number: pull.number, expected_head: None };
    // Saved answers of GitHub do not hold those of ticket systems.
    let mut ticket_access = None;
    if replay.is_none() {
        let mut access = tickets::read_ticket_access(context, None, None)?;
        if let Some(url) = &args.api_url {
            access.github_url.clone_from(url);
        }
        ticket_access = Some(access);
    }
    let outcome = session.judge_event(&subject, &args.query.build_options(args.explain, ticket_access));
    drop(progress);
    let outcome = outcome?;
    let style = ReportStyle {
        colour: output::stdout_colour(context.colour),
        width: 78,
        verbose: args.verbose,
        ..ReportStyle::default()
    };
    output::print_report(&outcome.report, args.format, &style)?;
    Ok(outcome.report.decision.into())
}

/// Returns the GitHub server to ask: that of `api`, or the one in the environment.
pub(crate) fn read_github_server(api: Option<&str>, context: &Context) -> Result<GitHubServer, CommandError> {
    // An address in the arguments may be that of another server than the variables describe.
    if let Some(api) = api {
        let server = GitHubServer::new(api, None).map_err(CommandError::Usage)?;
        return Ok(server.with_proxies(context.read_proxies()?));
    }
    let api = context.read_text_variable("GITHUB_API_URL").unwrap_or_else(|| PUBLIC_API_URL.into());
    let graphql = context.read_text_variable("GITHUB_GRAPHQL_URL");
    let server = GitHubServer::new(&api, graphql.as_deref()).map_err(CommandError::Usage)?;
    Ok(server.with_proxies(context.read_proxies()?))
}

/// Returns the token in the first of these variables that is set.
pub(crate) fn read_github_token(names: &[&str], context: &Context) -> Result<Option<Secret>, CommandError> {
    for name in names {
        let Some(value) = context.read_variable(name) else { continue };
        let Ok(value) = value.into_string() else {
            return Err(CommandError::Usage(format!("{name} holds no token: it is not UTF-8")));
        };
        return match Secret::parse_token(&value) {
            Ok(token) => Ok(Some(token)),
            Err(why) => Err(CommandError::Usage(format!("{name} holds no token: {why}"))),
        };
    }
    Ok(None)
}
