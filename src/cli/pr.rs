//! `changegate pr`: judge a pull request from a terminal, as the Action does.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::output::{self, FormatName};
use super::progress::Progress;
use super::{Exit, Stop, World, tickets};
use crate::github::event::Subject;
use crate::github::{
    Failure, Options, PUBLIC_API, Patience, PullName, PusherFrom, RepoName, Server, Session, Source, Token,
};
use crate::policy::PATH;
use crate::report::Style;
use crate::tickets::Access;

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
pub(super) struct Args {
    /// OWNER/REPO#N, its address, or a number with --repo
    pull: String,

    /// The repository that a number is in
    #[arg(long, value_name = "OWNER/REPO")]
    repo: Option<String>,

    #[command(flatten)]
    asking: Asking,

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
    format: FormatName,
}

/// What is said about asking, here and in the Action.
#[derive(Debug, clap::Args)]
pub(super) struct Asking {
    /// Where the policy stands in the base branch
    #[arg(long, value_name = "PATH", default_value = PATH)]
    pub(super) policy: String,

    /// Who tells who pushed
    #[arg(long, value_name = "WHO", default_value = "activity")]
    pub(super) pusher: PusherName,

    /// How many seconds asking GitHub may take altogether
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) deadline: u64,
}

/// Who tells who pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum PusherName {
    /// GitHub's record of what happened to the branch
    Activity,
    /// Nobody: it need not be known
    None,
}

impl Asking {
    /// Returns how to judge.
    pub(super) fn options(&self, explain: bool, tickets: Option<Access>) -> Options {
        let pusher = match self.pusher {
            PusherName::Activity => PusherFrom::Activity,
            PusherName::None => PusherFrom::None,
        };
        Options { policy: self.policy.clone(), pusher, explain, tickets }
    }

    /// Returns how patient to be.
    pub(super) fn patience(&self) -> Patience {
        Patience { deadline: Duration::from_secs(self.deadline), ..Patience::default() }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failed(anyhow::anyhow!(failure.why))
    }
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let repo = match &args.repo {
        Some(name) => {
            let repo = RepoName::read(name);
            Some(repo.ok_or_else(|| Stop::Wrong("--repo takes OWNER/REPO".into()))?)
        }
        None => None,
    };
    let pull = PullName::read(&args.pull, repo.as_ref()).map_err(Stop::Wrong)?;
    let server = server(args.api_url.as_deref(), world)?;
    let token = token(&["GITHUB_TOKEN", "GH_TOKEN"], world)?;
    let record = args.record.as_ref().map(|folder| world.at(folder));
    let replay = args.replay.as_ref().map(|folder| world.at(folder));
    let source = match &replay {
        Some(folder) => Source::Record(folder),
        None => Source::Live {
            server: &server,
            token: token.as_ref(),
            patience: args.asking.patience(),
            record: record.as_deref(),
            now: world.now,
        },
    };
    let progress = Progress::said(format!("asking GitHub about {pull}"), world);
    let session = Session::open(source)?;
    let subject = Subject::Pull { repo: pull.repo.clone(), number: pull.number, expected: None };
    // What ticket systems say is not among the answers of GitHub.
    let tickets = match replay {
        Some(_) => None,
        None => Some(tickets::access(world, None, None)?),
    };
    let tickets = tickets.map(|access| Access {
        github_url: args.api_url.clone().unwrap_or(access.github_url.clone()),
        ..access
    });
    let outcome = session.judge(&subject, &args.asking.options(args.explain, tickets));
    drop(progress);
    let outcome = outcome?;
    let style = Style {
        colour: output::stdout_colour(world.colour),
        width: 78,
        verbose: args.verbose,
        ..Style::default()
    };
    output::report(&outcome.report, args.format, &style)?;
    Ok(outcome.report.decision.into())
}

/// Returns the server that is asked.
pub(super) fn server(api: Option<&str>, world: &World) -> Result<Server, Stop> {
    let text = |name: &str| world.variable(name).map(|value| value.to_string_lossy().into_owned());
    // A flag names another server than the one that the variables are about.
    let graphql = text("GITHUB_GRAPHQL_URL").filter(|_| api.is_none());
    let api = api.map(str::to_owned).or_else(|| text("GITHUB_API_URL")).unwrap_or_else(|| PUBLIC_API.into());
    Server::new(&api, graphql.as_deref()).map_err(Stop::Wrong)
}

/// Returns the token in the first of these variables that is set.
pub(super) fn token(names: &[&str], world: &World) -> Result<Option<Token>, Stop> {
    let Some((name, value)) = names.iter().find_map(|name| Some((name, world.variable(name)?))) else {
        return Ok(None);
    };
    let read = value.into_string().map_err(|_| "it is not UTF-8".to_owned()).and_then(Token::new);
    read.map(Some).map_err(|why| Stop::Wrong(format!("{name} holds no token: {why}")))
}
