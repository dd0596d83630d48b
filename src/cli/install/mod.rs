//! `changegate install` and `uninstall`: the hooks, and what a server is told about itself.
//!
//! Everything is looked at before anything is written, and a file is written whole or not at all. A
//! hook that is there already is kept and goes on running. A second run changes nothing.

mod place;
mod settings;
pub(crate) mod shim;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{Exit, Stop, World};
use crate::git::{FileAt, Head, Peeled, Repository};
use crate::policy::{PATH, packs};
use place::{Place, Step};

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
pub(super) struct Args {
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
pub(super) struct UninstallArgs {}

/// The hooks that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
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

impl Hook {
    /// All of them; each stands in `hooks/` at the root of this repository.
    pub(crate) const ALL: [Hook; 6] = [
        Hook::CommitMsg,
        Hook::PrepareCommitMsg,
        Hook::PrePush,
        Hook::PreReceive,
        Hook::Update,
        Hook::PostReceive,
    ];
    const OF_A_CLONE: [Hook; 3] = [Hook::PrepareCommitMsg, Hook::CommitMsg, Hook::PrePush];
    const OF_A_SERVER: [Hook; 2] = [Hook::PreReceive, Hook::PostReceive];

    /// Returns what git calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Hook::CommitMsg => "commit-msg",
            Hook::PrepareCommitMsg => "prepare-commit-msg",
            Hook::PrePush => "pre-push",
            Hook::PreReceive => "pre-receive",
            Hook::Update => "update",
            Hook::PostReceive => "post-receive",
        }
    }

    /// Returns true if git tells it something on standard input.
    fn reads_input(self) -> bool {
        matches!(self, Hook::PrePush | Hook::PreReceive | Hook::PostReceive)
    }
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let repository = Repository::discover(&world.directory)?;
    let bare = repository.config_string("core.bare")?.is_some_and(|value| value == "true");
    if bare && !args.server {
        return Err(Stop::Wrong(format!(
            "`{}` is a bare repository, which people push to; to put the gate there:\n  \
             changegate install --server --pusher SOURCE",
            repository.git_dir().display()
        )));
    }
    let binary = std::env::current_exe()
        .map_err(|error| Stop::Failed(anyhow::anyhow!("cannot tell where this program is: {error}")))?;
    let Some(binary) = binary.to_str() else {
        return Err(Stop::Wrong("this program lies at a path that is not UTF-8; move it".into()));
    };
    let wanted = if args.server { Some(settings::wanted(args, &repository)?) } else { None };
    let place = match &wanted {
        Some(wanted) => Place::of_server(&repository, &wanted.pusher)?,
        None => Place::of_clone(&repository)?,
    };
    let hooks: &[Hook] = if args.server { &Hook::OF_A_SERVER } else { &Hook::OF_A_CLONE };
    let steps =
        hooks.iter().map(|hook| place.plan_install(*hook, binary)).collect::<Result<Vec<Step>, Stop>>()?;
    // The settings come first: a hook without them refuses every push.
    let set = match &wanted {
        Some(wanted) => settings::set(wanted, &repository)?,
        None => Vec::new(),
    };
    for step in &steps {
        place.take(step)?;
    }
    let mut out = std::io::stdout().lock();
    // It exists from the first moment, and tells what held before.
    let begun = args.server && super::ledger::begin(&repository, world)?;
    if !begun && steps.iter().all(|step| step.is_nothing()) && set.iter().all(|set| set.is_nothing()) {
        writeln!(out, "everything is in place in {}", place.shown())?;
    } else {
        writeln!(out, "hooks in {}:", place.shown())?;
        for step in &steps {
            writeln!(out, "  {:<19} {}", step.hook().name(), step.told())?;
        }
        if !set.is_empty() {
            writeln!(out, "settings of the repository:")?;
        }
        for set in &set {
            writeln!(out, "  {set}")?;
        }
    }
    if begun {
        writeln!(out, "the ledger begins: {}", crate::ledger::REF)?;
    }
    if place.is_shared {
        writeln!(out, "core.hooksPath leads there: these hooks run in every repository that uses it")?;
    }
    match &wanted {
        Some(wanted) => next_on_server(&repository, wanted, &mut out)?,
        None => next_in_clone(world, &mut out)?,
    }
    Ok(Exit::Allowed)
}

/// Says what to do next in a clone.
fn next_in_clone(world: &World, out: &mut dyn std::io::Write) -> Result<(), Stop> {
    if world.at(PATH).exists() {
        writeln!(out, "next: commit as you always do; `changegate policy show` lists what is asked")?;
    } else {
        writeln!(out, "next: this repository has no policy yet; `changegate policy init` writes one")?;
    }
    Ok(())
}

/// Says what to do next on a server, most of all where a push would be refused for lack of a policy.
fn next_on_server(
    repository: &Repository,
    wanted: &settings::Wanted,
    out: &mut dyn std::io::Write,
) -> Result<(), Stop> {
    let tip = repository.resolve_ref(wanted.policy_ref.as_bytes())?.id;
    let path = repository.config_string("changegate.policyPath")?.unwrap_or_else(|| PATH.into());
    let found = match tip.map(|tip| repository.peel(tip)).transpose()? {
        Some(Peeled::Commit(commit)) => {
            matches!(repository.file_at(commit, &path, u64::MAX), Ok(FileAt::Found(_)))
        }
        _ => false,
    };
    if found || repository.config_string("changegate.policyFile")?.is_some() {
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

pub(super) fn uninstall(_: &UninstallArgs, world: &World) -> Result<Exit, Stop> {
    let repository = Repository::discover(&world.directory)?;
    let places = Place::all(&repository)?;
    let mut steps = Vec::new();
    for place in &places {
        for hook in Hook::ALL {
            steps.push((place, place.plan_uninstall(hook)?));
        }
    }
    steps.retain(|(_, step)| !step.is_nothing());
    for (place, step) in &steps {
        place.take(step)?;
    }
    let unset = settings::unset(&repository)?;
    let mut out = std::io::stdout().lock();
    if steps.is_empty() && unset.is_empty() {
        writeln!(out, "nothing of changegate is installed here")?;
    }
    for (place, step) in &steps {
        writeln!(out, "{:<19} {} in {}", step.hook().name(), step.told(), place.shown())?;
    }
    for line in &unset {
        writeln!(out, "{line}")?;
    }
    Ok(Exit::Allowed)
}

/// Returns the full name of the branch that HEAD names.
fn head_branch(repository: &Repository) -> Result<String, Stop> {
    match repository.head()? {
        Head::Branch(branch) => Ok(branch.name.to_lossy().into_owned()),
        Head::Detached(_) => Err(Stop::Wrong("HEAD names no branch; say --policy-ref refs/heads/...".into())),
    }
}

/// Returns `path` without `.` in the middle, for people.
fn tidy(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    path.components().collect()
}

/// Returns whether a pack of that name is shipped.
fn is_pack(name: &str) -> bool {
    packs::find(name).is_some()
}
