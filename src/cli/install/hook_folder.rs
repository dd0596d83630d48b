//! The directory of the hooks: writes hooks, chains existing ones, and restores them.
//!
//! There is no moment without a hook: the existing hook gets a second name before the new hook replaces
//! it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::command_error::CommandError;
use crate::cli::install::hook_file::{is_executable, make_backup, path_exists, write_hook};
use crate::cli::install::hook_manager::{choose_hook_file, list_aside_files};
use crate::cli::install::hook_script::{
    BACKUP_SUFFIX, GitHook, HookOwner, identify_hook_owner, render_hook_script,
};
use crate::cli::install::work_tree::{
    find_link_loop, find_work_tree_top, is_inside_repository, resolve_links,
};
use crate::cli::output::tidy_path;
use crate::git::Repository;

/// A directory that git or a server runs hooks from.
#[derive(Debug)]
pub(crate) struct HookFolder {
    pub(crate) path: PathBuf,
    /// True if each hook is a directory, and all files in it are run.
    is_drop_in: bool,
    /// True if the directory lies outside of the repository.
    pub(crate) is_shared: bool,
}

/// The change to one hook.
#[derive(Debug)]
pub(crate) struct HookStep {
    hook: GitHook,
    file: PathBuf,
    /// Where the hook from before `install` is kept.
    backup: PathBuf,
    action: HookAction,
}

#[derive(Debug, PartialEq, Eq)]
enum HookAction {
    Nothing,
    /// Write the text; `keep_existing` gives the existing file a second name first.
    Write {
        text: String,
        keep_existing: bool,
        is_new: bool,
        is_chained: bool,
    },
    /// Give the hook from before `install` its name back.
    Restore,
    Remove,
}

impl HookStep {
    pub(crate) fn hook(&self) -> GitHook {
        self.hook
    }

    fn is_restoring(&self) -> bool {
        self.action == HookAction::Restore
    }

    pub(crate) fn changes_nothing(&self) -> bool {
        self.action == HookAction::Nothing
    }

    /// Returns what was done, in words.
    pub(crate) fn describe_result(&self) -> String {
        let name = self.hook.name();
        match &self.action {
            HookAction::Nothing => "unchanged".into(),
            HookAction::Write { keep_existing: true, is_chained: true, .. } => {
                format!("written; the existing hook runs first, as {name}{BACKUP_SUFFIX}")
            }
            HookAction::Write { keep_existing: true, .. } => {
                format!(
                    "written; the existing file, which is not executable, is kept as {name}{BACKUP_SUFFIX}"
                )
            }
            HookAction::Write { is_new: true, .. } => "written".into(),
            HookAction::Write { .. } => "updated".into(),
            HookAction::Restore => "restored".into(),
            HookAction::Remove => "removed".into(),
        }
    }
}

impl HookFolder {
    /// Returns the directory in which a server with this source of the pusher looks for hooks.
    ///
    /// # Errors
    ///
    /// Refuses a directory that other repositories use too.
    pub(crate) fn for_server(repository: &Repository, source: &str) -> Result<HookFolder, CommandError> {
        let git_dir = repository.common_dir();
        match source {
            // GitLab runs its own hooks from elsewhere, and these after them.
            "gitlab" => Ok(HookFolder::new(git_dir.join("custom_hooks"), false)),
            // Gitea writes hooks/pre-receive itself, and runs the files in hooks/pre-receive.d.
            "gitea" => Ok(HookFolder::new(git_dir.join("hooks"), true)),
            _ => {
                let hook_folder = HookFolder::find_configured(repository)?;
                if hook_folder.is_shared {
                    return Err(CommandError::Usage(format!(
                        "the hooks are in `{}`, which other repositories may use too; give this one its own:\n  \
                         git -C {1} config core.hooksPath {2}",
                        resolve_links(&hook_folder.path).display(),
                        tidy_path(git_dir).display(),
                        tidy_path(&git_dir.join("own-hooks")).display(),
                    )));
                }
                Ok(hook_folder)
            }
        }
    }

    /// Returns every directory that `install` may have written to.
    ///
    /// # Errors
    ///
    /// Fails if the configuration cannot be read.
    pub(crate) fn list_all_folders(repository: &Repository) -> Result<Vec<HookFolder>, CommandError> {
        let git_dir = repository.common_dir();
        let own = HookFolder::new(git_dir.join("hooks"), false);
        let candidates = [
            own,
            HookFolder::new(git_dir.join("custom_hooks"), false),
            HookFolder::new(git_dir.join("hooks"), true),
        ];
        let mut hook_folders: Vec<HookFolder> = Vec::new();
        for candidate in candidates.into_iter().chain(HookFolder::find_configured(repository).ok()) {
            // One of them can be a link to another, and a hook is removed once.
            let is_same = |known: &HookFolder| {
                known.is_drop_in == candidate.is_drop_in
                    && resolve_links(&known.path) == resolve_links(&candidate.path)
            };
            match hook_folders.iter().position(is_same).and_then(|place| hook_folders.get_mut(place)) {
                Some(known) => known.is_shared |= candidate.is_shared,
                None => hook_folders.push(candidate),
            }
        }
        Ok(hook_folders)
    }

    /// Returns the directories whose `pre-receive` is run for a push: the one that git uses, and those of GitLab and
    /// Gitea.
    ///
    /// # Errors
    ///
    /// Fails if the configuration cannot be read.
    pub(crate) fn list_server_folders(repository: &Repository) -> Result<Vec<HookFolder>, CommandError> {
        let git_dir = repository.common_dir();
        let gitlab = HookFolder::new(git_dir.join("custom_hooks"), false);
        let gitea = HookFolder::new(git_dir.join("hooks"), true);
        Ok(vec![HookFolder::find_configured(repository)?, gitlab, gitea])
    }

    fn new(directory: PathBuf, drop_in: bool) -> HookFolder {
        HookFolder { path: directory, is_drop_in: drop_in, is_shared: false }
    }

    /// Returns the directory that git uses, by `core.hooksPath`.
    pub(crate) fn find_configured(repository: &Repository) -> Result<HookFolder, CommandError> {
        let common_dir = repository.common_dir();
        let Some(configured) = repository.read_config_value("core.hooksPath")? else {
            let path = common_dir.join("hooks");
            // The folder can be a link to one that other repositories have as well.
            let is_shared = !is_inside_repository(repository, &path)?;
            return Ok(HookFolder { path, is_drop_in: false, is_shared });
        };
        let directory = match configured.strip_prefix("~/") {
            Some(rest) => {
                let home = std::env::home_dir();
                home.context("core.hooksPath starts with `~`, and there is no home directory")?.join(rest)
            }
            // A relative path starts in the directory in which git runs hooks.
            None => find_work_tree_top(repository)?
                .unwrap_or_else(|| repository.git_dir().to_path_buf())
                .join(&configured),
        };
        if configured.is_empty() || (directory.exists() && !directory.is_dir()) {
            return Err(CommandError::Usage(format!(
                "core.hooksPath is `{configured}`, which is not a directory, so git runs no hooks here"
            )));
        }
        let is_shared = !is_inside_repository(repository, &directory)?;
        Ok(HookFolder { path: directory, is_drop_in: false, is_shared })
    }

    /// Returns the path of the directory, as shown to people.
    pub(crate) fn display_path(&self) -> String {
        let shown = tidy_path(&self.path).display().to_string();
        if self.is_drop_in { format!("{shown}/*.d") } else { shown }
    }

    /// Returns the path of the file that is run for `hook`.
    pub(crate) fn hook_path(&self, hook: GitHook) -> PathBuf {
        if self.is_drop_in {
            self.path.join(format!("{}.d", hook.name())).join("changegate")
        } else {
            self.path.join(hook.name())
        }
    }

    /// Returns true if the hook in `file` has to run before ours.
    fn is_chainable(&self, file: &Path) -> bool {
        !self.is_drop_in && is_executable(file)
    }

    /// Returns the step that installs `hook`.
    ///
    /// # Errors
    ///
    /// Refuses if a file would be lost.
    pub(crate) fn plan_install(&self, hook: GitHook, binary: &str) -> Result<HookStep, CommandError> {
        let named = self.hook_path(hook);
        let backup = backup_path(&named);
        let file = if self.is_drop_in { named } else { choose_hook_file(named) };
        let found = InstalledHook::read_file(hook, &file)?;
        let write = |keep_existing, is_new, is_chained| HookAction::Write {
            text: render_hook_script(hook, Some(binary), is_chained),
            keep_existing,
            is_new,
            is_chained,
        };
        // No file of another program is replaced without a copy under another name.
        let what = match (found, path_exists(&backup)) {
            (InstalledHook::Edited, _) => return Err(edited_hook_error(&file)),
            // It runs the gate already, from a file that other repositories may use.
            (InstalledHook::Linked, _) => HookAction::Nothing,
            (InstalledHook::Foreign, true) => {
                return Err(CommandError::Usage(format!(
                    "`{}` was not written by changegate, and `{}` already exists; move one of them away",
                    tidy_path(&file).display(),
                    tidy_path(&backup).display()
                )));
            }
            (InstalledHook::Foreign, false) if self.is_drop_in => {
                return Err(CommandError::Usage(format!(
                    "`{}` was not written by changegate; move it away",
                    tidy_path(&file).display()
                )));
            }
            (InstalledHook::Foreign, false) => write(true, true, self.is_chainable(&file)),
            (InstalledHook::Absent, has_backup) => {
                write(false, true, has_backup && self.is_chainable(&backup))
            }
            (InstalledHook::Ours(text), has_backup) => {
                let chained = has_backup && self.is_chainable(&backup);
                if text == render_hook_script(hook, Some(binary), chained) && is_executable(&file) {
                    HookAction::Nothing
                } else {
                    write(false, false, chained)
                }
            }
        };
        Ok(HookStep { hook, file, backup, action: what })
    }

    /// Returns the steps that remove `hook`, also where a manager of hooks has put it aside; an error if a file
    /// would be lost.
    pub(crate) fn plan_removal(&self, hook: GitHook) -> Result<Vec<HookStep>, CommandError> {
        let named = self.hook_path(hook);
        let backup = backup_path(&named);
        let mut steps = Vec::new();
        for file in list_aside_files(&named) {
            if let InstalledHook::Ours(_) | InstalledHook::Linked = InstalledHook::read_file(hook, &file)? {
                // What ran before it goes on to run in its place.
                let action = if path_exists(&backup) { HookAction::Restore } else { HookAction::Remove };
                steps.push(HookStep { hook, file, backup: backup.clone(), action });
            }
        }
        if !steps.iter().any(HookStep::is_restoring) {
            steps.push(self.plan_uninstall(hook)?);
        }
        Ok(steps)
    }

    /// Returns the step that removes `hook`.
    ///
    /// # Errors
    ///
    /// Refuses if a file would be lost.
    fn plan_uninstall(&self, hook: GitHook) -> Result<HookStep, CommandError> {
        let file = self.hook_path(hook);
        let backup = backup_path(&file);
        let what = match (InstalledHook::read_file(hook, &file)?, path_exists(&backup)) {
            (InstalledHook::Edited, _) => return Err(edited_hook_error(&file)),
            (InstalledHook::Ours(_) | InstalledHook::Linked | InstalledHook::Absent, true) => {
                HookAction::Restore
            }
            // Of a link, the file that it leads to stays.
            (InstalledHook::Ours(_) | InstalledHook::Linked, false) => HookAction::Remove,
            (InstalledHook::Foreign | InstalledHook::Absent, _) => HookAction::Nothing,
        };
        Ok(HookStep { hook, file, backup, action: what })
    }

    /// Carries out a step.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub(crate) fn apply_step(&self, step: &HookStep) -> Result<(), CommandError> {
        let file = &step.file;
        let done = match &step.action {
            HookAction::Nothing => Ok(()),
            HookAction::Write { text, keep_existing: keep, .. } => {
                let keep = if *keep { make_backup(file, &step.backup) } else { Ok(()) };
                keep.and_then(|()| write_hook(file, text))
            }
            HookAction::Restore => fs::rename(&step.backup, file),
            HookAction::Remove => fs::remove_file(file),
        };
        done.with_context(|| format!("cannot change `{}`", tidy_path(file).display()))?;
        Ok(())
    }
}

/// The file at the path of a hook, by its origin.
enum InstalledHook {
    Absent,
    Ours(String),
    /// A link to a script of ours, as where several repositories share one.
    Linked,
    Edited,
    Foreign,
}

impl InstalledHook {
    fn read_file(hook: GitHook, file: &Path) -> Result<InstalledHook, CommandError> {
        match fs::symlink_metadata(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(InstalledHook::Absent),
            Err(error) => {
                if let Some(link) = find_link_loop(file) {
                    return Err(CommandError::Usage(format!(
                        "`{}` is a symbolic link that leads back to itself (a loop), so git finds no hooks there; \
                         replace it with a directory",
                        tidy_path(&link).display()
                    )));
                }
                let why = format!("cannot read `{}`: {error}", tidy_path(file).display());
                return Err(CommandError::Failed(anyhow::anyhow!(why)));
            }
            Ok(metadata) if metadata.is_dir() => {
                return Err(CommandError::Usage(format!("`{}` is a directory", tidy_path(file).display())));
            }
            // A link was not made by `install`, but it may lead to what was.
            Ok(metadata) if metadata.is_symlink() => {
                let is_ours =
                    fs::read(file).is_ok_and(|text| identify_hook_owner(hook, &text) == HookOwner::Ours);
                return Ok(if is_ours { InstalledHook::Linked } else { InstalledHook::Foreign });
            }
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
    let (file, backup) = (tidy_path(file), tidy_path(&backup_path(file)));
    CommandError::Usage(format!(
        "`{}` was written by changegate and edited afterwards; move the added lines to `{}`, \
         and delete the file",
        file.display(),
        backup.display()
    ))
}

fn backup_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(BACKUP_SUFFIX);
    PathBuf::from(name)
}
