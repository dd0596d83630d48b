//! `changegate doctor`: checks whether the settings of a GitHub repository enforce the gate.

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

/// Check whether repository settings enforce the gate
///
/// A verdict stops no merge unless GitHub requires it: of all users, from the app
/// that reports it, again after every push. Reads rulesets, branch protection,
/// CODEOWNERS and workflows, and prints a fix for each way past the gate. The
/// token is read from GITHUB_TOKEN or GH_TOKEN. Only an administrator's token
/// sees all settings; a setting that cannot be seen does not count as good.
///
/// Exits with 0 if the gate is enforced, with 1 if there is a way past it or if
/// the policy asks for what cannot be, and with 3 if a setting that matters cannot be seen.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate doctor --github acme/shop
  changegate doctor --github acme/shop --branch release/2 --check gate
  changegate doctor --github acme/shop --app 4711     your own app")]
pub(crate) struct DoctorArgs {
    /// Repository on GitHub
    #[arg(long, value_name = "OWNER/REPO")]
    github: String,

    /// Branch to examine [default: the default branch]
    #[arg(long)]
    branch: Option<String>,

    /// Name of the check that must be required
    #[arg(long, default_value = "change-gate")]
    check: String,

    /// Id of the app that reports the check
    #[arg(long, value_name = "ID", default_value_t = GITHUB_ACTIONS_APP_ID)]
    app: u64,

    /// Path of the policy in the repository
    #[arg(long, value_name = "PATH", default_value = DEFAULT_POLICY_PATH)]
    policy: String,

    /// Address of the API [default: GITHUB_API_URL, or that of github.com]
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,

    /// Time limit for all requests to GitHub, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    deadline: u64,
}

pub(crate) fn run_doctor(args: &DoctorArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let repository = RepositoryName::parse_name(&args.github)
        .ok_or_else(|| CommandError::Usage("--github takes OWNER/REPO, such as acme/shop".into()))?;
    let server = read_github_server(args.api_url.as_deref(), context)?;
    let token = read_github_token(&["GITHUB_TOKEN", "GH_TOKEN"], context)?;
    let patience =
        RequestPolicy { total_timeout: Duration::from_secs(args.deadline), ..RequestPolicy::FORGE };
    let session = GitHubSession::open_session(GitHubSource::Live {
        server: &server,
        token: token.as_ref(),
        limits: patience,
        record_to: None,
        now: context.now,
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
        ReportStyle { colour: output::stdout_colour(context.colour), width: 78, ..ReportStyle::default() };
    let mut out = BufWriter::new(io::stdout().lock());
    output::ignore_broken_pipe(
        write_examination(&name, &examination, &style, &mut out).and_then(|()| out.flush()),
    )?;
    // An unknown setting may hide a way past the gate, so it is never a success.
    Ok(match examination.worst_health() {
        SettingHealth::Good => CommandExit::Allowed,
        SettingHealth::Weak | SettingHealth::Broken => CommandExit::Denied,
        SettingHealth::Unknown => CommandExit::Failed,
    })
}

/// Writes the advice: what is weak first, then what is unknown, then what is good.
fn write_examination(
    name: &str,
    examination: &SettingsExamination,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    let weak = filter_by_health(examination, SettingHealth::Weak);
    let broken = filter_by_health(examination, SettingHealth::Broken);
    let unknown = filter_by_health(examination, SettingHealth::Unknown);
    let end = match (weak.len(), unknown.len()) {
        (0, _) if !broken.is_empty() => match broken.len() {
            1 => "changegate: 1 setting keeps changes from passing".to_owned(),
            broken => format!("changegate: {broken} settings keep changes from passing"),
        },
        (0, 0) => "changegate: GitHub's settings enforce the gate".to_owned(),
        (0, 1) => "changegate: 1 setting cannot be seen, and does not count as good".to_owned(),
        (0, unknown) => {
            format!("changegate: {unknown} settings cannot be seen, and do not count as good")
        }
        (1, _) => "changegate: there is 1 way past the gate".to_owned(),
        (weak, _) => format!("changegate: there are {weak} ways past the gate"),
    };
    let mut items = weak;
    items.extend(broken);
    items.extend(unknown);
    items.extend(filter_by_health(examination, SettingHealth::Good));
    let title = format!("branch {} of {name}", examination.branch);
    settings_advice::write_advice(&title, &items, &end, style, out)
}

fn filter_by_health(
    examination: &SettingsExamination,
    health: SettingHealth,
) -> Vec<settings_advice::AdviceItem<'_>> {
    let mut items = Vec::new();
    for advice in &examination.advice {
        if advice.health == health {
            items.push(build_advice_item(advice));
        }
    }
    items
}

fn build_advice_item(advice: &SettingAdvice) -> settings_advice::AdviceItem<'_> {
    let tone = match advice.health {
        SettingHealth::Good => settings_advice::AdviceStatus::Good,
        SettingHealth::Unknown => settings_advice::AdviceStatus::Unknown,
        SettingHealth::Weak | SettingHealth::Broken => settings_advice::AdviceStatus::Weak,
    };
    settings_advice::AdviceItem { status: tone, what: &advice.what, fix: advice.fix.as_deref() }
}
