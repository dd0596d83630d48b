//! `changegate doctor`: whether anything makes people pass the gate.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::pr::{read_github_server, read_github_token};
use crate::github::repository_settings::{
    ExaminedRepository, GITHUB_ACTIONS_APP_ID, SettingAdvice, SettingHealth, SettingsExamination,
};
use crate::github::{GitHubSession, GitHubSource, RepositoryName};
use crate::http::RequestPolicy;
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::{ReportStyle, settings_advice};

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
pub(crate) struct DoctorArgs {
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
    #[arg(long, value_name = "ID", default_value_t = GITHUB_ACTIONS_APP_ID)]
    app: u64,

    /// Where the policy stands
    #[arg(long, value_name = "PATH", default_value = DEFAULT_POLICY_PATH)]
    policy: String,

    /// Where the API is; GITHUB_API_URL, or that of github.com, if it is left out
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,

    /// How many seconds asking GitHub may take altogether
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    deadline: u64,
}

pub(crate) fn run_doctor(args: &DoctorArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let repository = RepositoryName::parse_name(&args.github)
        .ok_or_else(|| CommandError::Usage("--github takes OWNER/REPO, as in acme/shop".into()))?;
    let server = read_github_server(args.api_url.as_deref(), world)?;
    let token = read_github_token(&["GITHUB_TOKEN", "GH_TOKEN"], world)?;
    let patience =
        RequestPolicy { total_timeout: Duration::from_secs(args.deadline), ..RequestPolicy::FORGE };
    let session = GitHubSession::open_session(GitHubSource::Live {
        server: &server,
        token: token.as_ref(),
        limits: patience,
        record_to: None,
        now: world.now,
    })?;
    let name = repository.to_string();
    let subject = ExaminedRepository {
        repository: &name,
        branch: args.branch.as_deref(),
        check_name: &args.check,
        app_id: args.app,
        policy_path: &args.policy,
    };
    let examination = session.examine_settings(&subject)?;
    let style =
        ReportStyle { colour: output::stdout_colour(world.colour), width: 78, ..ReportStyle::default() };
    let mut out = BufWriter::new(io::stdout().lock());
    output::ignore_broken_pipe(
        write_examination(&name, &examination, &style, &mut out).and_then(|()| out.flush()),
    )?;
    Ok(match examination.worst_health() {
        SettingHealth::Good => CommandExit::Allowed,
        SettingHealth::Weak => CommandExit::Denied,
        SettingHealth::Unknown => CommandExit::Failed,
    })
}

/// Writes what was found: what is weak first, then what is unknown, then what is well.
fn write_examination(
    name: &str,
    examination: &SettingsExamination,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    let of = |health: SettingHealth| examination.advice.iter().filter(move |one| one.health == health);
    let told = [SettingHealth::Weak, SettingHealth::Unknown, SettingHealth::Good].into_iter().flat_map(of);
    let items: Vec<settings_advice::AdviceItem<'_>> = told.map(build_advice_item).collect();
    let (weak, unknown) = (of(SettingHealth::Weak).count(), of(SettingHealth::Unknown).count());
    let end = match (weak, unknown) {
        (0, 0) => "changegate: nobody merges past the gate, as far as GitHub's settings say".to_owned(),
        (0, unknown) => {
            format!("changegate: {unknown} of these could not be seen, and are not taken for good")
        }
        (weak, _) => format!("changegate: {weak} of these are ways past the gate"),
    };
    settings_advice::write_advice(
        &format!("branch {} of {name}", examination.branch),
        &items,
        &end,
        style,
        out,
    )
}

fn build_advice_item(advice: &SettingAdvice) -> settings_advice::AdviceItem<'_> {
    let tone = match advice.health {
        SettingHealth::Good => settings_advice::AdviceStatus::Good,
        SettingHealth::Unknown => settings_advice::AdviceStatus::Unknown,
        SettingHealth::Weak => settings_advice::AdviceStatus::Weak,
    };
    settings_advice::AdviceItem { status: tone, what: &advice.what, fix: advice.fix.as_deref() }
}
