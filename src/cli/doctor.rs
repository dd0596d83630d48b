//! `changegate doctor`: whether anything makes people pass the gate.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use super::output;
use super::pr::{server, token};
use super::{Exit, Stop, World};
use crate::github::doctor::{Advice, Examination, GITHUB_ACTIONS, Health, Subject};
use crate::github::{Patience, RepoName, Session, Source};
use crate::policy::PATH;
use crate::report::{Style, advice};

/// Ask whether a repository's settings make the gate a control
///
/// A verdict stops nobody unless GitHub asks for it: of everybody, from the app
/// that gives it, again after every push. The doctor reads rulesets, branch
/// protection, CODEOWNERS and workflows, and says for each way past the gate
/// what to do. The token is taken from GITHUB_TOKEN or GH_TOKEN; only that of an
/// administrator sees everything, and what cannot be seen is not taken for good.
///
/// Ends with 0 if everything is as it should be, with 1 if there is a way past
/// the gate, and with 3 if something that matters could not be seen.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate doctor --github acme/shop
  changegate doctor --github acme/shop --branch release/2 --check gate
  changegate doctor --github acme/shop --app 4711     an app of your own")]
pub(super) struct Args {
    /// The repository on GitHub
    #[arg(long, value_name = "OWNER/REPO")]
    github: String,

    /// The branch; the default branch if it is left out
    #[arg(long)]
    branch: Option<String>,

    /// The name of the check that has to be required
    #[arg(long, default_value = "change-gate")]
    check: String,

    /// The id of the app that reports the check
    #[arg(long, value_name = "ID", default_value_t = GITHUB_ACTIONS)]
    app: u64,

    /// Where the policy stands
    #[arg(long, value_name = "PATH", default_value = PATH)]
    policy: String,

    /// Where the API is; GITHUB_API_URL, or that of github.com, if it is left out
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,

    /// How many seconds asking GitHub may take altogether
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    deadline: u64,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let repository = RepoName::read(&args.github)
        .ok_or_else(|| Stop::Wrong("--github takes OWNER/REPO, as in acme/shop".into()))?;
    let server = server(args.api_url.as_deref(), world)?;
    let token = token(&["GITHUB_TOKEN", "GH_TOKEN"], world)?;
    let patience = Patience { deadline: Duration::from_secs(args.deadline), ..Patience::default() };
    let session = Session::open(Source::Live {
        server: &server,
        token: token.as_ref(),
        patience,
        record: None,
        now: world.now,
    })?;
    let name = repository.to_string();
    let subject = Subject {
        repository: &name,
        branch: args.branch.as_deref(),
        check: &args.check,
        app: args.app,
        policy: &args.policy,
    };
    let examination = session.examine(&subject)?;
    let style = Style { colour: output::stdout_colour(world.colour), width: 78, ..Style::default() };
    let mut out = BufWriter::new(io::stdout().lock());
    output::said(tell(&name, &examination, &style, &mut out).and_then(|()| out.flush()))?;
    Ok(match examination.health() {
        Health::Good => Exit::Allowed,
        Health::Weak => Exit::Denied,
        Health::Unknown => Exit::Failed,
    })
}

/// Writes what was found: what is weak first, then what is unknown, then what is well.
fn tell(name: &str, examination: &Examination, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let of = |health: Health| examination.advice.iter().filter(move |one| one.health == health);
    let told = [Health::Weak, Health::Unknown, Health::Good].into_iter().flat_map(of);
    let items: Vec<advice::Item<'_>> = told.map(item).collect();
    let (weak, unknown) = (of(Health::Weak).count(), of(Health::Unknown).count());
    let end = match (weak, unknown) {
        (0, 0) => "changegate: nobody merges past the gate, as far as GitHub's settings say".to_owned(),
        (0, unknown) => {
            format!("changegate: {unknown} of these could not be seen, and are not taken for good")
        }
        (weak, _) => format!("changegate: {weak} of these are ways past the gate"),
    };
    advice::write(&format!("branch {} of {name}", examination.branch), &items, &end, style, out)
}

fn item(advice: &Advice) -> advice::Item<'_> {
    let tone = match advice.health {
        Health::Good => advice::Tone::Good,
        Health::Unknown => advice::Tone::Unknown,
        Health::Weak => advice::Tone::Bad,
    };
    advice::Item { tone, what: &advice.what, mend: advice.mend.as_deref() }
}
