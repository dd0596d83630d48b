//! `changegate install` and `uninstall`: the hooks, and the git settings of a server.
//!
//! Everything is checked before anything is written, and a file is written whole or not at all. An
//! existing hook is kept and goes on running. A second run changes nothing.

mod hook_file;
mod hook_folder;
mod hook_manager;
mod hook_script;
pub(crate) mod hook_state;
mod lefthook;
pub(crate) mod policy_warnings;
mod repository_id;
mod server_advice;
mod server_settings;
pub(crate) mod work_tree;

use std::io::Write as _;

use anyhow::Context as _;

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::install::hook_folder::{HookFolder, HookStep};
use crate::cli::install::hook_manager::{ForeignManager, find_foreign_manager, find_manager_lines};
use crate::cli::install::hook_script::GitHook;
use crate::cli::install::repository_id::{IdChoice, apply_repository_id, plan_repository_id};
use crate::cli::install::server_advice::{find_lacking_roster, write_server_advice};
use crate::cli::install::server_settings::{ServerOptions, SettingChange};
use crate::cli::install::work_tree::find_work_tree_top;
use crate::cli::ledger_upkeep::begin_ledger;
use crate::cli::policy::lookup::find_work_tree;
use crate::git::Repository;
use crate::policy::DEFAULT_POLICY_PATH;
use crate::verdict::quote_for_shell;

/// Install the hooks in a clone or on a server
///
/// In a clone: commit-msg, prepare-commit-msg and pre-push, which help early and
/// decide nothing. On a server, with --server: pre-receive, which decides, and
/// post-receive, with the settings they need in the git configuration of the
/// repository.
///
/// An existing hook is kept and runs first. A second run changes nothing;
/// `changegate uninstall` restores what was there before.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate install
  changegate install --server --pusher gitolite -C /srv/git/app.git
  changegate install --server --pusher env:WHO --missing-policy iso27001

How the server names the pusher (--pusher):
  gitolite   GL_USER
  gitlab     GL_USERNAME; hooks are written to custom_hooks/
  gitea      GITEA_PUSHER_NAME; hooks are written to hooks/*.d/ (also Forgejo)
  github     GITHUB_USER_LOGIN (GitHub Enterprise Server)
  http       REMOTE_USER, from a web server with authentication
  env:NAME   the variable NAME, which your server sets for each key or account
  none       the pusher is unknown; rules about the pusher see no account")]
pub(crate) struct InstallArgs {
    /// Install the hooks that decide, in the repository that people push to
    #[arg(long)]
    server: bool,

    /// How the server names the pusher
    #[arg(long, value_name = "SOURCE", requires = "server")]
    pusher: Option<String>,

    /// Branch whose policy says what is under change control [default: HEAD's]
    #[arg(long, value_name = "REF", requires = "server")]
    policy_ref: Option<String>,

    /// What to do while there is no policy: deny, allow, or judge by a shipped
    /// pack
    #[arg(long, value_name = "WHAT", requires = "server")]
    missing_policy: Option<String>,

    /// Keep the repository's id for signed approvals, which may be copied: it is
    /// the same repository in another place
    #[arg(long, requires = "server", conflicts_with = "new_id")]
    keep_id: bool,

    /// Give the repository another id, for which no approval counts so far
    #[arg(long, requires = "server")]
    new_id: bool,
}

impl InstallArgs {
    /// Returns the options that were given, as a command repeats them.
    fn repeat_options(&self, context: &Context) -> String {
        let given = [
            ("--pusher", &self.pusher),
            ("--policy-ref", &self.policy_ref),
            ("--missing-policy", &self.missing_policy),
        ];
        let mut repeated = String::new();
        for (option, value) in given {
            if let Some(value) = value {
                repeated += &format!(" {option} {}", quote_for_shell(value));
            }
        }
        repeated + &context.program_location()
    }

    /// Returns what is said about the id of the repository.
    fn id_choice(&self) -> Option<IdChoice> {
        match (self.keep_id, self.new_id) {
            (true, _) => Some(IdChoice::Keep),
            (_, true) => Some(IdChoice::Replace),
            _ => None,
        }
    }
}

/// Remove the hooks
///
/// Restores the hooks from before `install`, and removes the settings that
/// `install` made. Other hooks and settings stay as they are.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate uninstall
  changegate uninstall -C /srv/git/app.git")]
pub(crate) struct UninstallArgs {}

pub(crate) fn run_install(args: &InstallArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory)?;
    let bare = repository.read_config_value("core.bare")?.is_some_and(|value| value == "true");
    if bare && !args.server {
        return Err(CommandError::Usage(format!(
            "`{}` is a bare repository, which people push to; to install the gate there:\n  \
             changegate install --server --pusher SOURCE{}",
            repository.git_dir().display(),
            context.program_location()
        )));
    }
    let binary = std::env::current_exe().context("cannot find the path of this program")?;
    let Some(binary) = binary.to_str() else {
        return Err(CommandError::usage("the path of this program is not UTF-8; move the program"));
    };
    let settings = if args.server {
        let options = ServerOptions {
            pusher: args.pusher.clone(),
            policy_ref: args.policy_ref.clone(),
            missing_policy: args.missing_policy.clone(),
        };
        Some(server_settings::resolve_settings(options, &repository)?)
    } else {
        None
    };
    let hook_folder = match &settings {
        Some(settings) => HookFolder::for_server(&repository, &settings.pusher)?,
        None => {
            let hook_folder = HookFolder::find_configured(&repository)?;
            if let Some(manager) = find_foreign_manager(&hook_folder.path, &repository)? {
                return report_foreign_manager(&manager, context);
            }
            hook_folder
        }
    };
    let hooks: &[GitHook] = if args.server { &GitHook::SERVER_HOOKS } else { &GitHook::CLONE_HOOKS };
    let mut steps = Vec::new();
    for hook in hooks {
        steps.push(hook_folder.plan_install(*hook, binary)?);
    }
    let id_step = match args.server {
        true => Some(plan_repository_id(&repository, args.id_choice(), &args.repeat_options(context))?),
        false => None,
    };
    // The settings come first: a hook without them refuses every push.
    let set = match &settings {
        Some(settings) => server_settings::write_settings(settings, &repository)?,
        None => Vec::new(),
    };
    for step in &steps {
        hook_folder.apply_step(step)?;
    }
    let mut out = std::io::stdout().lock();
    let lacking = match &settings {
        Some(settings) => find_lacking_roster(&repository, settings, context)?,
        None => None,
    };
    // The ledger exists before the first push, and records the tips from before it. A roster by which no push can be
    // allowed is corrected past the hook, and the ledger begins with that.
    let has_new_id = match id_step {
        Some(step) => apply_repository_id(&repository, step)?,
        None => false,
    };
    let has_begun = args.server && lacking.is_none() && begin_ledger(&repository, context)?;
    let is_unchanged =
        steps.iter().all(HookStep::changes_nothing) && set.iter().all(SettingChange::changes_nothing);
    if is_unchanged && !has_begun && !has_new_id {
        writeln!(out, "already installed in {}", hook_folder.display_path())?;
    } else {
        writeln!(out, "hooks in {}:", hook_folder.display_path())?;
        for step in &steps {
            writeln!(out, "  {:<19} {}", step.hook().name(), step.describe_result())?;
        }
        if !set.is_empty() {
            writeln!(out, "git settings of the repository:")?;
        }
        for set in &set {
            writeln!(out, "  {set}")?;
        }
    }
    if has_new_id {
        writeln!(out, "id for signed approvals: {}", crate::gate::signed_approvals::REPOSITORY_ID_REF)?;
    }
    if has_begun {
        writeln!(out, "ledger started: {}", crate::ledger::LEDGER_REF)?;
    }
    if hook_folder.is_shared {
        writeln!(
            out,
            "note: other repositories may use that directory; the hooks run in every repository that uses it"
        )?;
    }
    match &settings {
        Some(settings) => write_server_advice(&repository, settings, lacking.as_ref(), context, &mut out)?,
        None => write_clone_advice(context, &mut out)?,
    }
    Ok(CommandExit::Allowed)
}

/// Says that the manager of the hooks runs those of changegate already, or what to add so that it does.
///
/// # Errors
///
/// The latter is one: there is something to do.
fn report_foreign_manager(manager: &ForeignManager, context: &Context) -> Result<CommandExit, CommandError> {
    let lines = manager.list_running_lines();
    if let Some(lacking) = manager.describe_lacking_lines() {
        return Err(CommandError::Usage(lacking));
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "run by {} already:\n  {}", manager.name(), lines.join("\n  "))?;
    write_clone_advice(context, &mut out)?;
    Ok(CommandExit::Allowed)
}

/// Writes what to do next in a clone.
fn write_clone_advice(context: &Context, out: &mut dyn std::io::Write) -> Result<(), CommandError> {
    if find_work_tree(context).join(DEFAULT_POLICY_PATH).exists() {
        writeln!(out, "next: commit as usual; `changegate policy show` lists the rules")?;
    } else {
        let location = context.program_location();
        writeln!(
            out,
            "next: this repository has no policy yet; to write one: changegate policy init{location}"
        )?;
    }
    Ok(())
}

pub(crate) fn run_uninstall(_: &UninstallArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory)?;
    let hook_folders = HookFolder::list_all_folders(&repository)?;
    let mut steps = Vec::new();
    for hook_folder in &hook_folders {
        for hook in GitHook::ALL {
            for step in hook_folder.plan_removal(hook)? {
                steps.push((hook_folder, step));
            }
        }
    }
    steps.retain(|(_, step)| !step.changes_nothing());
    // All steps are planned before the first is taken, so that a file that would be lost stops the command
    // while nothing has changed.
    for (hook_folder, step) in &steps {
        hook_folder.apply_step(step)?;
    }
    let unset = server_settings::remove_settings(&repository)?;
    let mut out = std::io::stdout().lock();
    let lines = find_work_tree_top(&repository)?.map(|top| find_manager_lines(&top)).unwrap_or_default();
    if steps.is_empty() && unset.is_empty() && lines.is_empty() {
        writeln!(out, "changegate is not installed here")?;
    }
    for (hook_folder, step) in &steps {
        writeln!(
            out,
            "{:<19} {} in {}",
            step.hook().name(),
            step.describe_result(),
            hook_folder.display_path()
        )?;
    }
    if steps.iter().any(|(hook_folder, _)| hook_folder.is_shared) {
        writeln!(
            out,
            "note: other repositories may use that directory; the hooks run in none of them any more"
        )?;
    }
    for line in &unset {
        writeln!(out, "{line}")?;
    }
    if !lines.is_empty() {
        writeln!(
            out,
            "still run by the manager of the hooks; to stop that, delete these lines:\n  {}",
            lines.join("\n  ")
        )?;
    }
    Ok(CommandExit::Allowed)
}
