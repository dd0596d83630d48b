//! `changegate pr`: judge a pull request from a terminal, as the Action does.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{self, ReportFormatArg};
use crate::cli::progress::ProgressLine;
use crate::cli::tickets;
use crate::github::event::EventSubject;
use crate::github::{
    GitHubFailure, GitHubJudgeOptions, GitHubServer, GitHubSession, GitHubSource, PUBLIC_API_URL,
    PullRequestName, PusherSource, RepositoryName,
};
use crate::http::{RequestPolicy, Secret};
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::ReportStyle;
use crate::tickets::TicketAccess;

/// Judge a pull request on GitHub
///
/// It is judged with everything that GitHub knows, by the policy of its base
/// branch as that stands now; nothing is checked out. What cannot be read denies
/// where a rule needs it.
///
/// The token is taken from GITHUB_TOKEN or GH_TOKEN; without one, only public
/// repositories can be read, and GraphQL not at all.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate pr acme/shop#12
  changegate pr https://github.com/acme/shop/pull/12 --explain
  changegate pr 12 --repo acme/shop --record answers
  changegate pr acme/shop#12 --replay answers --format json")]
pub(crate) struct PrArgs {
    /// OWNER/REPO#N, its address, or a number with --repo
    pull: String,

    /// The repository that a number is in
    #[arg(long, value_name = "OWNER/REPO")]
    repo: Option<String>,

    #[command(flatten)]
    query: GitHubQueryArgs,

    /// Keep every answer of GitHub in this folder
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,

    /// Judge by the answers in this folder, without a network
    #[arg(long, value_name = "DIR", conflicts_with = "record")]
    replay: Option<PathBuf>,

    /// Where the API is; GITHUB_API_URL, or that of github.com, if it is left out
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,

    /// Show how each rule came to its answer
    #[arg(long)]
    explain: bool,

    /// Show every rule
    #[arg(long, short)]
    verbose: bool,

    /// In which form
    #[arg(long, value_name = "FORM", default_value = "terminal")]
    format: ReportFormatArg,
}

/// What is said about asking, here and in the Action.
#[derive(Debug, clap::Args)]
pub(crate) struct GitHubQueryArgs {
    /// Where the policy stands in the base branch
    #[arg(long, value_name = "PATH", default_value = DEFAULT_POLICY_PATH)]
    pub(crate) policy: String,

    /// Who tells who pushed
    #[arg(long, value_name = "WHO", default_value = "activity")]
    pub(crate) pusher: PusherSourceArg,

    /// How many seconds asking GitHub may take altogether
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) deadline: u64,
}

/// Who tells who pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PusherSourceArg {
    /// GitHub's record of what happened to the branch
    Activity,
    /// Nobody: it need not be known
    None,
}

impl GitHubQueryArgs {
    /// Returns how to judge.
    pub(crate) fn build_options(&self, explain: bool, tickets: Option<TicketAccess>) -> GitHubJudgeOptions {
        let pusher = match self.pusher {
            PusherSourceArg::Activity => PusherSource::BranchActivity,
            PusherSourceArg::None => PusherSource::NotNeeded,
        };
        GitHubJudgeOptions {
            policy_path: self.policy.clone(),
            pusher_source: pusher,
            explain,
            ticket_access: tickets,
        }
    }

    /// Returns how patient to be.
    pub(crate) fn build_request_limits(&self) -> RequestPolicy {
        RequestPolicy { total_timeout: Duration::from_secs(self.deadline), ..RequestPolicy::FORGE }
    }
}

impl From<GitHubFailure> for CommandError {
    fn from(failure: GitHubFailure) -> CommandError {
        CommandError::Failed(anyhow::anyhow!(failure.why))
    }
}

pub(crate) fn run_pr(args: &PrArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let repo = match &args.repo {
        Some(name) => {
            let repo = RepositoryName::parse_name(name);
            Some(repo.ok_or_else(|| CommandError::Usage("--repo takes OWNER/REPO".into()))?)
        }
        None => None,
    };
    let pull = PullRequestName::parse_name(&args.pull, repo.as_ref()).map_err(CommandError::Usage)?;
    let server = read_github_server(args.api_url.as_deref(), world)?;
    let token = read_github_token(&["GITHUB_TOKEN", "GH_TOKEN"], world)?;
    let record = args.record.as_ref().map(|folder| world.resolve_path(folder));
    let replay = args.replay.as_ref().map(|folder| world.resolve_path(folder));
    let source = match &replay {
        Some(folder) => GitHubSource::Recording(folder),
        None => GitHubSource::Live {
            server: &server,
            token: token.as_ref(),
            limits: args.query.build_request_limits(),
            record_to: record.as_deref(),
            now: world.now,
        },
    };
    let progress = ProgressLine::show_activity(format!("asking GitHub about {pull}"), world);
    let session = GitHubSession::open_session(source)?;
    let subject =
        EventSubject::PullRequest { repo: pull.repo.clone(), number: pull.number, expected_head: None };
    // What ticket systems say is not among the answers of GitHub.
    let tickets = match replay {
        Some(_) => None,
        None => Some(tickets::read_ticket_access(world, None, None)?),
    };
    let tickets = tickets.map(|access| TicketAccess {
        github_url: args.api_url.clone().unwrap_or(access.github_url.clone()),
        ..access
    });
    let outcome = session.judge_event(&subject, &args.query.build_options(args.explain, tickets));
    drop(progress);
    let outcome = outcome?;
    let style = ReportStyle {
        colour: output::stdout_colour(world.colour),
        width: 78,
        verbose: args.verbose,
        ..ReportStyle::default()
    };
    output::print_report(&outcome.report, args.format, &style)?;
    Ok(outcome.report.decision.into())
}

/// Returns the server that is asked.
pub(crate) fn read_github_server(api: Option<&str>, world: &Context) -> Result<GitHubServer, CommandError> {
    let text = |name: &str| world.read_variable(name).map(|value| value.to_string_lossy().into_owned());
    // A flag names another server than the one that the variables are about.
    let graphql = text("GITHUB_GRAPHQL_URL").filter(|_| api.is_none());
    let api =
        api.map(str::to_owned).or_else(|| text("GITHUB_API_URL")).unwrap_or_else(|| PUBLIC_API_URL.into());
    let server = GitHubServer::new(&api, graphql.as_deref()).map_err(CommandError::Usage)?;
    Ok(server.with_proxies(world.read_proxies()?))
}

/// Returns the token in the first of these variables that is set.
pub(crate) fn read_github_token(names: &[&str], world: &Context) -> Result<Option<Secret>, CommandError> {
    let Some((name, value)) = names.iter().find_map(|name| Some((name, world.read_variable(name)?))) else {
        return Ok(None);
    };
    let read = value
        .into_string()
        .map_err(|_| "is not UTF-8".to_owned())
        .and_then(|token| Secret::parse_token(&token));
    read.map(Some).map_err(|why| CommandError::Usage(format!("{name} {why}")))
}
