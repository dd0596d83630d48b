//! `changegate install` and `uninstall`: the hooks, and what a server is told about itself.
//!
//! Everything is looked at before anything is written, and a file is written whole or not at all. A
//! hook that is there already is kept and goes on running. A second run changes nothing.

pub(crate) mod hook_folder;
pub(crate) mod hook_script;
pub(crate) mod server_settings;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::install::hook_folder::{HookFolder, HookStep};
use crate::git::{FileAtPath, HeadState, PeeledObject, Repository};
use crate::policy::{DEFAULT_POLICY_PATH, packs};

/// Put the hooks into a clone, or onto a server
///
/// In a clone: commit-msg, prepare-commit-msg and pre-push, which help early and
/// decide nothing. On a server, with --server: pre-receive, which decides, and
/// post-receive; and the settings that they need, in the repository's own git
/// configuration.
///
/// A hook that is there already is kept beside ours and runs first. Running this
/// again changes nothing; `changegate uninstall` brings back what was there.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate install
  changegate install --server --pusher gitolite -C /srv/git/app.git
  changegate install --server --pusher env:WHO --missing-policy iso27001

How the server tells who pushes (--pusher):
  gitolite   GL_USER
  gitlab     GL_USERNAME; the hooks go into custom_hooks/
  gitea      GITEA_PUSHER_NAME; the hooks go into hooks/*.d/ (Forgejo too)
  github     GITHUB_USER_LOGIN (GitHub Enterprise Server)
  http       REMOTE_USER, from a web server that asks for a password
  env:NAME   the variable NAME, which your server sets for each key or account
  none       nobody knows; rules about the pusher see no account")]
pub(crate) struct InstallArgs {
    /// Install what decides, into the repository that people push to
    #[arg(long)]
    server: bool,

    /// How the server tells who pushes
    #[arg(long, value_name = "SOURCE", requires = "server")]
    pusher: Option<String>,

    /// The branch whose policy says what is under change control; HEAD's if it
    /// is left out
    #[arg(long, value_name = "REF", requires = "server")]
    policy_ref: Option<String>,

    /// What happens while there is no policy: deny, allow, or a shipped pack to
    /// judge by
    #[arg(long, value_name = "WHAT", requires = "server")]
    missing_policy: Option<String>,
}

/// Take the hooks out again
///
/// Hooks that were there before are put back as they were, and settings that
/// `install` made are taken back. What somebody else wrote is left alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate uninstall
  changegate uninstall -C /srv/git/app.git")]
pub(crate) struct UninstallArgs {}

/// The hooks that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GitHook {
    /// `commit-msg`
    CommitMsg,
    /// `prepare-commit-msg`
    PrepareCommitMsg,
    /// `pre-push`
    PrePush,
    /// `pre-receive`
    PreReceive,
    /// `update`
    Update,
    /// `post-receive`
    PostReceive,
}

impl GitHook {
    /// All of them; each stands in `hooks/` at the root of this repository.
    pub(crate) const ALL: [GitHook; 6] = [
        GitHook::CommitMsg,
        GitHook::PrepareCommitMsg,
        GitHook::PrePush,
        GitHook::PreReceive,
        GitHook::Update,
        GitHook::PostReceive,
    ];
    const CLONE_HOOKS: [GitHook; 3] = [GitHook::PrepareCommitMsg, GitHook::CommitMsg, GitHook::PrePush];
    const SERVER_HOOKS: [GitHook; 2] = [GitHook::PreReceive, GitHook::PostReceive];

    /// Returns what git calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            GitHook::CommitMsg => "commit-msg",
            GitHook::PrepareCommitMsg => "prepare-commit-msg",
            GitHook::PrePush => "pre-push",
            GitHook::PreReceive => "pre-receive",
            GitHook::Update => "update",
            GitHook::PostReceive => "post-receive",
        }
    }

    /// Returns true if git tells it something on standard input.
    fn reads_input(self) -> bool {
        matches!(self, GitHook::PrePush | GitHook::PreReceive | GitHook::PostReceive)
    }
}

pub(crate) fn run_install(args: &InstallArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&world.directory)?;
    let bare = repository.read_config_value("core.bare")?.is_some_and(|value| value == "true");
    if bare && !args.server {
        return Err(CommandError::Usage(format!(
            "`{}` is a bare repository, which people push to; to put the gate there:\n  \
             changegate install --server --pusher SOURCE",
            repository.git_dir().display()
        )));
    }
    let binary = std::env::current_exe().map_err(|error| {
        CommandError::Failed(anyhow::anyhow!("cannot tell where this program is: {error}"))
    })?;
    let Some(binary) = binary.to_str() else {
        return Err(CommandError::Usage("this program lies at a path that is not UTF-8; move it".into()));
    };
    let wanted = if args.server { Some(server_settings::resolve_settings(args, &repository)?) } else { None };
    let place = match &wanted {
        Some(wanted) => HookFolder::for_server(&repository, &wanted.pusher)?,
        None => HookFolder::for_clone(&repository)?,
    };
    let hooks: &[GitHook] = if args.server { &GitHook::SERVER_HOOKS } else { &GitHook::CLONE_HOOKS };
    let steps = hooks
        .iter()
        .map(|hook| place.plan_install(*hook, binary))
        .collect::<Result<Vec<HookStep>, CommandError>>()?;
    // The settings come first: a hook without them refuses every push.
    let set = match &wanted {
        Some(wanted) => server_settings::write_settings(wanted, &repository)?,
        None => Vec::new(),
    };
    for step in &steps {
        place.apply_step(step)?;
    }
    let mut out = std::io::stdout().lock();
    // It exists from the first moment, and tells what held before.
    let begun = args.server && crate::cli::ledger::begin_ledger(&repository, world)?;
    if !begun
        && steps.iter().all(|step| step.changes_nothing())
        && set.iter().all(|set| set.changes_nothing())
    {
        writeln!(out, "everything is in place in {}", place.display_path())?;
    } else {
        writeln!(out, "hooks in {}:", place.display_path())?;
        for step in &steps {
            writeln!(out, "  {:<19} {}", step.hook().name(), step.describe_result())?;
        }
        if !set.is_empty() {
            writeln!(out, "settings of the repository:")?;
        }
        for set in &set {
            writeln!(out, "  {set}")?;
        }
    }
    if begun {
        writeln!(out, "the ledger begins: {}", crate::ledger::LEDGER_REF)?;
    }
    if place.is_shared {
        writeln!(out, "core.hooksPath leads there: these hooks run in every repository that uses it")?;
    }
    match &wanted {
        Some(wanted) => write_server_advice(&repository, wanted, &mut out)?,
        None => write_clone_advice(world, &mut out)?,
    }
    Ok(CommandExit::Allowed)
}

/// Says what to do next in a clone.
fn write_clone_advice(world: &Context, out: &mut dyn std::io::Write) -> Result<(), CommandError> {
    if world.resolve_path(DEFAULT_POLICY_PATH).exists() {
        writeln!(out, "next: commit as you always do; `changegate policy show` lists what is asked")?;
    } else {
        writeln!(out, "next: this repository has no policy yet; `changegate policy init` writes one")?;
    }
    Ok(())
}

/// Says what to do next on a server, most of all where a push would be refused for lack of a policy.
fn write_server_advice(
    repository: &Repository,
    wanted: &server_settings::InstallSettings,
    out: &mut dyn std::io::Write,
) -> Result<(), CommandError> {
    let tip = repository.resolve_ref(wanted.policy_ref.as_bytes())?.id;
    let path =
        repository.read_config_value("changegate.policyPath")?.unwrap_or_else(|| DEFAULT_POLICY_PATH.into());
    let found = match tip.map(|tip| repository.peel_tags(tip)).transpose()? {
        Some(PeeledObject::Commit(commit)) => {
            matches!(repository.read_file_at(commit, &path, u64::MAX), Ok(FileAtPath::Found(_)))
        }
        _ => false,
    };
    if found || repository.read_config_value("changegate.policyFile")?.is_some() {
        writeln!(out, "next: push something; `changegate policy show` lists what will be asked")?;
        return Ok(());
    }
    let what = match wanted.missing_policy.as_deref() {
        None | Some("deny") => "every push is refused".to_owned(),
        Some("allow") => "every push is accepted".to_owned(),
        Some(pack) => format!("pushes are judged by the pack {pack}"),
    };
    let branch = wanted.policy_ref.strip_prefix("refs/heads/").unwrap_or(&wanted.policy_ref);
    writeln!(
        out,
        "next: {} holds no {path} yet, and until it does, {what}.\n      \
         In a clone: changegate policy init, then commit it. Here, past the hook:\n        \
         git fetch CLONE {branch}:{branch}",
        wanted.policy_ref
    )?;
    Ok(())
}

pub(crate) fn run_uninstall(_: &UninstallArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&world.directory)?;
    let places = HookFolder::list_all_folders(&repository)?;
    let mut steps = Vec::new();
    for place in &places {
        for hook in GitHook::ALL {
            steps.push((place, place.plan_uninstall(hook)?));
        }
    }
    steps.retain(|(_, step)| !step.changes_nothing());
    for (place, step) in &steps {
        place.apply_step(step)?;
    }
    let unset = server_settings::remove_settings(&repository)?;
    let mut out = std::io::stdout().lock();
    if steps.is_empty() && unset.is_empty() {
        writeln!(out, "nothing of changegate is installed here")?;
    }
    for (place, step) in &steps {
        writeln!(out, "{:<19} {} in {}", step.hook().name(), step.describe_result(), place.display_path())?;
    }
    for line in &unset {
        writeln!(out, "{line}")?;
    }
    Ok(CommandExit::Allowed)
}

/// Returns the full name of the branch that HEAD names.
fn find_head_branch(repository: &Repository) -> Result<String, CommandError> {
    match repository.read_head()? {
        HeadState::Branch(branch) => Ok(branch.name.to_lossy().into_owned()),
        HeadState::Detached(_) => {
            Err(CommandError::Usage("HEAD names no branch; say --policy-ref refs/heads/...".into()))
        }
    }
}

/// Returns `path` without `.` in the middle, for people.
fn tidy_path(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    path.components().collect()
}

/// Returns whether a pack of that name is shipped.
fn is_shipped_pack(name: &str) -> bool {
    packs::find_pack(name).is_some()
}
