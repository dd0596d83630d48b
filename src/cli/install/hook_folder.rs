//! Where hooks are written, and how: kept, chained, put back.
//!
//! Between the hook that was there and ours there is no moment without either: the old one gets its
//! second name before the new one takes its first.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::command_error::CommandError;
use crate::cli::install::hook_script::{BACKUP_SUFFIX, HookOwner, identify_hook_owner, render_hook_script};
use crate::cli::install::{GitHook, tidy_path};
use crate::git::Repository;

/// A folder with hooks.
#[derive(Debug)]
pub(crate) struct HookFolder {
    path: PathBuf,
    /// True if every hook has a folder of its own, all files of which are run.
    is_drop_in: bool,
    /// True if the folder lies outside of the repository.
    pub(crate) is_shared: bool,
}

/// What is to be done about one hook.
#[derive(Debug)]
pub(crate) struct HookStep {
    hook: GitHook,
    file: PathBuf,
    action: HookAction,
}

#[derive(Debug, PartialEq, Eq)]
enum HookAction {
    Nothing,
    /// Write this; `keep` gives what is there a second name first.
    Write {
        text: String,
        keep_existing: bool,
        is_new: bool,
        is_chained: bool,
    },
    /// Give what was there its name back.
    Restore,
    Remove,
}

impl HookStep {
    pub(crate) fn hook(&self) -> GitHook {
        self.hook
    }

    pub(crate) fn changes_nothing(&self) -> bool {
        self.action == HookAction::Nothing
    }

    /// Says what was done.
    pub(crate) fn describe_result(&self) -> String {
        let name = self.hook.name();
        match &self.action {
            HookAction::Nothing => "is in place".into(),
            HookAction::Write { keep_existing: true, is_chained: true, .. } => {
                format!("written; the hook that was there runs first, as {name}{BACKUP_SUFFIX}")
            }
            HookAction::Write { keep_existing: true, .. } => {
                format!("written; what was there is kept as {name}{BACKUP_SUFFIX}, and could not run")
            }
            HookAction::Write { is_new: true, .. } => "written".into(),
            HookAction::Write { .. } => "brought up to date".into(),
            HookAction::Restore => "as it was before".into(),
            HookAction::Remove => "removed".into(),
        }
    }
}

impl HookFolder {
    /// Returns where git looks for the hooks of a clone.
    ///
    /// # Errors
    ///
    /// Refuses if git runs no hooks here, or if another program writes them.
    pub(crate) fn for_clone(repository: &Repository) -> Result<HookFolder, CommandError> {
        let place = HookFolder::find_configured(repository)?;
        if place.path.components().any(|part| part.as_os_str() == ".husky") {
            return Err(CommandError::Usage(
                "husky writes the hooks of this clone, and would write over ours; let it call them:\n  \
                 echo 'changegate hook commit-msg \"$1\"' >> .husky/commit-msg"
                    .into(),
            ));
        }
        Ok(place)
    }

    /// Returns where the server that tells the pusher by `source` looks for hooks.
    ///
    /// # Errors
    ///
    /// Refuses if that is a folder that other repositories use too.
    pub(crate) fn for_server(repository: &Repository, source: &str) -> Result<HookFolder, CommandError> {
        let git_dir = repository.common_dir();
        match source {
            // GitLab runs hooks of its own from elsewhere, and these after them.
            "gitlab" => Ok(HookFolder::new(git_dir.join("custom_hooks"), false)),
            // Gitea writes hooks/pre-receive itself; it runs what lies in hooks/pre-receive.d.
            "gitea" => Ok(HookFolder::new(git_dir.join("hooks"), true)),
            _ => {
                let place = HookFolder::find_configured(repository)?;
                if place.is_shared {
                    return Err(CommandError::Usage(format!(
                        "core.hooksPath is `{}`, which other repositories use too; give this one its own:\n  \
                         git -C {} config core.hooksPath {}",
                        place.path.display(),
                        tidy_path(git_dir).display(),
                        tidy_path(&git_dir.join("hooks")).display(),
                    )));
                }
                Ok(place)
            }
        }
    }

    /// Returns every folder in which `install` may have written.
    ///
    /// # Errors
    ///
    /// Fails if the configuration cannot be read.
    pub(crate) fn list_all_folders(repository: &Repository) -> Result<Vec<HookFolder>, CommandError> {
        let git_dir = repository.common_dir();
        let own = HookFolder::new(git_dir.join("hooks"), false);
        let mut places = vec![
            own,
            HookFolder::new(git_dir.join("custom_hooks"), false),
            HookFolder::new(git_dir.join("hooks"), true),
        ];
        if let Ok(place) = HookFolder::find_configured(repository)
            && places.iter().all(|known| tidy_path(&known.path) != tidy_path(&place.path))
        {
            places.push(place);
        }
        Ok(places)
    }

    fn new(folder: PathBuf, drop_in: bool) -> HookFolder {
        HookFolder { path: folder, is_drop_in: drop_in, is_shared: false }
    }

    /// Returns where git looks, by `core.hooksPath`.
    fn find_configured(repository: &Repository) -> Result<HookFolder, CommandError> {
        let common_dir = repository.common_dir();
        let Some(configured) = repository.read_config_value("core.hooksPath")? else {
            return Ok(HookFolder::new(common_dir.join("hooks"), false));
        };
        let folder = match configured.strip_prefix("~/") {
            Some(rest) => {
                let home =
                    std::env::home_dir().context("core.hooksPath starts with `~`, and there is no home")?;
                home.join(rest)
            }
            // A relative path starts where git runs hooks.
            None => find_work_tree_top(repository)?
                .unwrap_or_else(|| repository.git_dir().to_path_buf())
                .join(&configured),
        };
        if configured.is_empty() || (folder.exists() && !folder.is_dir()) {
            return Err(CommandError::Usage(format!(
                "core.hooksPath is `{configured}`, which is no folder, so git runs no hooks here"
            )));
        }
        let inside = |root: &Path| resolve_links(&folder).starts_with(resolve_links(root));
        let is_shared =
            !inside(common_dir) && !find_work_tree_top(repository)?.is_some_and(|top| inside(&top));
        Ok(HookFolder { path: folder, is_drop_in: false, is_shared })
    }

    /// Returns the folder, for people.
    pub(crate) fn display_path(&self) -> String {
        let shown = tidy_path(&self.path).display().to_string();
        if self.is_drop_in { format!("{shown}/*.d") } else { shown }
    }

    fn hook_path(&self, hook: GitHook) -> PathBuf {
        if self.is_drop_in {
            self.path.join(format!("{}.d", hook.name())).join("changegate")
        } else {
            self.path.join(hook.name())
        }
    }

    /// Says what has to be done to install `hook`.
    ///
    /// # Errors
    ///
    /// Refuses where something would be lost.
    pub(crate) fn plan_install(&self, hook: GitHook, binary: &str) -> Result<HookStep, CommandError> {
        let file = self.hook_path(hook);
        let kept = backup_path(&file);
        let found = InstalledHook::read_file(hook, &file)?;
        let chains = |file: &Path| !self.is_drop_in && is_executable(file);
        let write = |keep, fresh, chained| HookAction::Write {
            text: render_hook_script(hook, Some(binary), chained),
            keep_existing: keep,
            is_new: fresh,
            is_chained: chained,
        };
        let what = match (found, path_exists(&kept)) {
            (InstalledHook::Edited, _) => return Err(edited_hook_error(&file)),
            (InstalledHook::Foreign, true) => {
                return Err(CommandError::Usage(format!(
                    "`{}` is not ours, and `{}` is taken by what was there before it; move one of them away",
                    tidy_path(&file).display(),
                    tidy_path(&kept).display()
                )));
            }
            (InstalledHook::Foreign, false) if self.is_drop_in => {
                return Err(CommandError::Usage(format!(
                    "`{}` is not ours; move it away",
                    tidy_path(&file).display()
                )));
            }
            (InstalledHook::Foreign, false) => write(true, true, chains(&file)),
            (InstalledHook::Absent, kept_exists) => write(false, true, kept_exists && chains(&kept)),
            (InstalledHook::Ours(text), kept_exists) => {
                let chained = kept_exists && chains(&kept);
                if text == render_hook_script(hook, Some(binary), chained) && is_executable(&file) {
                    HookAction::Nothing
                } else {
                    write(false, false, chained)
                }
            }
        };
        Ok(HookStep { hook, file, action: what })
    }

    /// Says what has to be done to take `hook` out.
    ///
    /// # Errors
    ///
    /// Refuses where something would be lost.
    pub(crate) fn plan_uninstall(&self, hook: GitHook) -> Result<HookStep, CommandError> {
        let file = self.hook_path(hook);
        let what = match (InstalledHook::read_file(hook, &file)?, path_exists(&backup_path(&file))) {
            (InstalledHook::Edited, _) => return Err(edited_hook_error(&file)),
            (InstalledHook::Ours(_) | InstalledHook::Absent, true) => HookAction::Restore,
            (InstalledHook::Ours(_), false) => HookAction::Remove,
            (InstalledHook::Foreign | InstalledHook::Absent, _) => HookAction::Nothing,
        };
        Ok(HookStep { hook, file, action: what })
    }

    /// Does what a plan says.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub(crate) fn apply_step(&self, step: &HookStep) -> Result<(), CommandError> {
        let file = &step.file;
        let done = match &step.action {
            HookAction::Nothing => Ok(()),
            HookAction::Write { text, keep_existing: keep, .. } => {
                let keep = if *keep { make_backup(file) } else { Ok(()) };
                keep.and_then(|()| write_hook(file, text))
            }
            HookAction::Restore => fs::rename(backup_path(file), file),
            HookAction::Remove => fs::remove_file(file),
        };
        done.with_context(|| format!("cannot change `{}`", tidy_path(file).display()))?;
        Ok(())
    }
}

/// What stands in the place of a hook.
enum InstalledHook {
    Absent,
    Ours(String),
    Edited,
    Foreign,
}

impl InstalledHook {
    fn read_file(hook: GitHook, file: &Path) -> Result<InstalledHook, CommandError> {
        match fs::symlink_metadata(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(InstalledHook::Absent),
            Err(error) => {
                let why = format!("cannot look at `{}`: {error}", tidy_path(file).display());
                return Err(CommandError::Failed(anyhow::anyhow!(why)));
            }
            Ok(metadata) if metadata.is_dir() => {
                return Err(CommandError::Usage(format!("`{}` is a folder", tidy_path(file).display())));
            }
            // Whatever a link leads to, the link is somebody's.
            Ok(metadata) if !metadata.is_file() => return Ok(InstalledHook::Foreign),
            Ok(_) => {}
        }
        let text = fs::read(file).with_context(|| format!("cannot read `{}`", tidy_path(file).display()))?;
        Ok(match identify_hook_owner(hook, &text) {
            HookOwner::Ours => InstalledHook::Ours(String::from_utf8_lossy(&text).into_owned()),
            HookOwner::Edited => InstalledHook::Edited,
            HookOwner::Foreign => InstalledHook::Foreign,
        })
    }
}

fn edited_hook_error(file: &Path) -> CommandError {
    let (file, kept) = (tidy_path(file), tidy_path(&backup_path(file)));
    CommandError::Usage(format!(
        "`{}` was written by changegate and changed afterwards; move what was added to `{}`, \
         and delete the file",
        file.display(),
        kept.display()
    ))
}

fn backup_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(BACKUP_SUFFIX);
    PathBuf::from(name)
}

/// Returns true if something is there, if only a link that leads nowhere.
fn path_exists(file: &Path) -> bool {
    fs::symlink_metadata(file).is_ok()
}

/// Gives `file` its second name; the first is taken over in one step afterwards.
fn make_backup(file: &Path) -> std::io::Result<()> {
    // Not every file system has links.
    fs::hard_link(file, backup_path(file)).or_else(|_| fs::rename(file, backup_path(file)))
}

fn write_hook(file: &Path, text: &str) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut whole = tempfile::NamedTempFile::new_in(folder)?;
    whole.write_all(text.as_bytes())?;
    make_executable(whole.as_file())?;
    whole.as_file().sync_all()?;
    whole.persist(file)?;
    Ok(())
}

#[cfg(unix)]
fn make_executable(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &fs::File) -> std::io::Result<()> {
    Ok(())
}

/// Returns true if git would run `file`.
#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.exists()
}

/// Returns the top of the work tree that belongs to the repository, if one does.
fn find_work_tree_top(repository: &Repository) -> Result<Option<PathBuf>, CommandError> {
    let git_dir = repository.git_dir();
    if let Some(set) = repository.read_config_value("core.worktree")? {
        return Ok(Some(git_dir.join(set)));
    }
    // A linked worktree says in its git directory where its `.git` is.
    let dot_git = match fs::read_to_string(git_dir.join("gitdir")) {
        Ok(line) => git_dir.join(line.trim_end_matches(['\n', '\r'])),
        Err(_) => std::path::absolute(git_dir)?,
    };
    let is_named_so = dot_git.file_name().is_some_and(|name| name == ".git");
    Ok(dot_git.parent().filter(|_| is_named_so).map(Path::to_path_buf))
}

/// Returns `path` with links followed, as far as it exists.
fn resolve_links(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| tidy_path(path))
}
