//! `changegate doctor`: checks whether the settings of a GitHub repository enforce the gate.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::install::hook_state::find_hook_state;
use crate::cli::install::policy_warnings::write_policy_warnings;
use crate::cli::output;
use crate::cli::pr::{read_github_server, read_github_token};
use crate::gate::policy_ref::leaves_own_ref_free;
use crate::gate::{
    GateMode, GateSettings, LedgerMode, MissingPolicyAction, UnusablePolicy, load_from_commit,
    load_from_folder, load_from_pack,
};
use crate::git::{Repository, ResolvedRef};
use crate::github::repository_settings::{
    ExaminedRepository, GITHUB_ACTIONS_APP_ID, SettingAdvice, SettingHealth, SettingsExamination,
};
use crate::github::{GitHubSession, GitHubSource, RepositoryName};
use crate::http::RequestPolicy;
use crate::ledger::record::RecordedHookState;
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::settings_advice::{AdviceItem, AdviceStatus};
use crate::report::{ReportStyle, settings_advice};

/// Check whether repository settings enforce the gate
///
/// Without --github, the git configuration of a server's repository, in which the
/// command runs: whether it refuses what the policy denies, or only evaluates.
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
  changegate doctor                           on a server, in the repository
  changegate doctor --github acme/shop
  changegate doctor --github acme/shop --branch release/2 --check gate
  changegate doctor --github acme/shop --app 4711     your own app")]
pub(crate) struct DoctorArgs {
    /// Repository on GitHub
    #[arg(long, value_name = "OWNER/REPO")]
    github: Option<String>,

    /// Branch to examine [default: the default branch]
    #[arg(long, requires = "github")]
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
    let Some(github) = &args.github else { return examine_server(context) };
    let repository = RepositoryName::parse_name(github)
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

/// Examines the git configuration of the repository that the command runs in.
fn examine_server(context: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory)?;
    let settings = context.read_gate_settings(&repository).map_err(CommandError::Usage)?;
    let git = format!("git {}", context.git_location());
    let enforcing = format!("to enforce the policy: {git}config changegate.mode enforce");
    let installing =
        format!("to install it, on the server: changegate install --server{}", context.program_location());
    let recording = format!("to record decisions: {git}config changegate.ledger require");
    let refusing = format!("to refuse it: {git}config changegate.ledger require");
    let mut items = vec![match settings.mode {
        GateMode::Evaluate => AdviceItem {
            status: AdviceStatus::Weak,
            what: "evaluate mode: nothing that the policy denies is refused (changegate.mode)",
            fix: Some(&enforcing),
        },
        GateMode::Enforce => {
            AdviceItem { status: AdviceStatus::Good, what: "what the policy denies is refused", fix: None }
        }
    }];
    items.push(match find_hook_state(&repository) {
        RecordedHookState::Installed | RecordedHookState::Workflow => {
            AdviceItem { status: AdviceStatus::Good, what: "the hook pre-receive judges pushes", fix: None }
        }
        RecordedHookState::Missing => AdviceItem {
            status: AdviceStatus::Weak,
            what: "there is no hook pre-receive, so no push is judged here",
            fix: Some(&installing),
        },
        RecordedHookState::Foreign | RecordedHookState::Unknown => AdviceItem {
            status: AdviceStatus::Unknown,
            what: "the hook pre-receive is not the one that `install` writes",
            fix: Some("see that it runs `changegate hook pre-receive` and passes on its exit code"),
        },
    });
    items.push(match settings.ledger_mode {
        LedgerMode::Off => AdviceItem {
            status: AdviceStatus::Weak,
            what: "no decision is recorded (changegate.ledger)",
            fix: Some(&recording),
        },
        LedgerMode::Warn if settings.mode == GateMode::Enforce => AdviceItem {
            status: AdviceStatus::Weak,
            what: "a push is accepted even if its decision cannot be recorded (changegate.ledger)",
            fix: Some(&refusing),
        },
        LedgerMode::Warn | LedgerMode::Require => {
            AdviceItem { status: AdviceStatus::Good, what: "decisions are recorded", fix: None }
        }
    });
    // A policy that landed while nothing was refused, and cannot be used, refuses every push later.
    let fault = find_policy_fault(&repository, &settings);
    let is_usable = fault.is_none();
    items.extend(fault);
    items.sort_by_key(|item| item.status == AdviceStatus::Good);
    let weak = items.iter().filter(|item| item.status == AdviceStatus::Weak).count();
    let is_known = items.iter().all(|item| item.status != AdviceStatus::Unknown);
    let weak = weak - usize::from(!is_usable);
    let end = match weak {
        0 if !is_usable => "changegate: the policy cannot be used".to_owned(),
        0 if is_known => "changegate: the settings enforce the gate".to_owned(),
        0 => "changegate: what cannot be seen does not count as good".to_owned(),
        1 => "changegate: there is 1 way past the gate".to_owned(),
        weak => format!("changegate: there are {weak} ways past the gate"),
    };
    let style =
        ReportStyle { colour: output::stdout_colour(context.colour), width: 78, ..ReportStyle::default() };
    let mut out = BufWriter::new(io::stdout().lock());
    let written = settings_advice::write_advice("this repository", &items, &end, &style, &mut out);
    let policy_ref = settings.policy_ref.to_lossy();
    let place = (policy_ref.as_ref(), settings.policy_path.as_str());
    let written = written.and_then(|()| match settings.policy_file {
        None => write_policy_warnings(&repository, place, context, &mut out).map(|_| ()),
        Some(_) => Ok(()),
    });
    output::ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    Ok(match (weak, is_known) {
        _ if !is_usable => CommandExit::Denied,
        (0, true) => CommandExit::Allowed,
        (0, false) => CommandExit::Failed,
        _ => CommandExit::Denied,
    })
}

/// Returns why every push is refused where there is a policy: it has faults, cannot be read, or leaves the ref that it is
/// read from to any push.
fn find_policy_fault(repository: &Repository, settings: &GateSettings) -> Option<AdviceItem<'static>> {
    let unusable = AdviceItem {
        status: AdviceStatus::Weak,
        what: "the policy cannot be used, so that every push is refused where the gate enforces",
        fix: Some("see what is wrong with it, in a clone: changegate policy check"),
    };
    let found = match &settings.policy_file {
        Some(file) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            load_from_folder(Some(repository), file.parent().unwrap_or(file), &name)
        }
        None => match repository.resolve_ref(settings.policy_ref.as_bytes()) {
            Ok(ResolvedRef { id: Some(tip), .. }) => {
                load_from_commit(repository, tip, &settings.policy_path, "the policy ref")
            }
            Ok(_) => Err(UnusablePolicy::Absent),
            Err(_) => return Some(unusable),
        },
    };
    let found = match (found, &settings.missing_policy) {
        (Err(UnusablePolicy::Absent), MissingPolicyAction::Pack(pack)) => load_from_pack(pack),
        (found, _) => found,
    };
    match found {
        Err(UnusablePolicy::Absent) => None,
        Err(UnusablePolicy::Faulty(_)) => Some(unusable),
        Ok(loaded) => {
            let is_free = settings.policy_file.is_none()
                && leaves_own_ref_free(repository, &settings.policy_ref, &loaded.policy).unwrap_or(true);
            is_free.then_some(AdviceItem {
                what: "`protects` leaves out the ref that the policy is read from, so that every push is refused where \
                       the gate enforces, and where it does not, any push can replace the policy",
                fix: Some("add that ref to `protects`, in a clone; then fetch it here, past the hook"),
                ..unusable
            })
        }
    }
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

fn filter_by_health(examination: &SettingsExamination, health: SettingHealth) -> Vec<AdviceItem<'_>> {
    let mut items = Vec::new();
    for advice in &examination.advice {
        if advice.health == health {
            items.push(build_advice_item(advice));
        }
    }
    items
}

fn build_advice_item(advice: &SettingAdvice) -> AdviceItem<'_> {
    let tone = match advice.health {
        SettingHealth::Good => AdviceStatus::Good,
        SettingHealth::Unknown => AdviceStatus::Unknown,
        SettingHealth::Weak | SettingHealth::Broken => AdviceStatus::Weak,
    };
    AdviceItem { status: tone, what: &advice.what, fix: advice.fix.as_deref() }
}
