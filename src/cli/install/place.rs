//! Where hooks are written, and how: kept, chained, put back.
//!
//! Between the hook that was there and ours there is no moment without either: the old one gets its
//! second name before the new one takes its first.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::shim::{BEFORE, Whose, shim, whose};
use super::{Hook, tidy};
use crate::cli::Stop;
use crate::git::Repository;

/// A folder with hooks.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    /// True if every hook has a folder of its own, all files of which are run.
    drop_in: bool,
    /// True if the folder lies outside of the repository.
    pub(super) is_shared: bool,
}

/// What is to be done about one hook.
#[derive(Debug)]
pub(super) struct Step {
    hook: Hook,
    file: PathBuf,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    Nothing,
    /// Write this; `keep` gives what is there a second name first.
    Write {
        text: String,
        keep: bool,
        fresh: bool,
        chained: bool,
    },
    /// Give what was there its name back.
    PutBack,
    Remove,
}

impl Step {
    pub(super) fn hook(&self) -> Hook {
        self.hook
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.what == What::Nothing
    }

    /// Says what was done.
    pub(super) fn told(&self) -> String {
        let name = self.hook.name();
        match &self.what {
            What::Nothing => "is in place".into(),
            What::Write { keep: true, chained: true, .. } => {
                format!("written; the hook that was there runs first, as {name}{BEFORE}")
            }
            What::Write { keep: true, .. } => {
                format!("written; what was there is kept as {name}{BEFORE}, and could not run")
            }
            What::Write { fresh: true, .. } => "written".into(),
            What::Write { .. } => "brought up to date".into(),
            What::PutBack => "as it was before".into(),
            What::Remove => "removed".into(),
        }
    }
}

impl Place {
    /// Returns where git looks for the hooks of a clone.
    ///
    /// # Errors
    ///
    /// Refuses if git runs no hooks here, or if another program writes them.
    pub(super) fn of_clone(repository: &Repository) -> Result<Place, Stop> {
        let place = Place::configured(repository)?;
        if place.folder.components().any(|part| part.as_os_str() == ".husky") {
            return Err(Stop::Wrong(
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
    pub(super) fn of_server(repository: &Repository, source: &str) -> Result<Place, Stop> {
        let git_dir = repository.common_dir();
        match source {
            // GitLab runs hooks of its own from elsewhere, and these after them.
            "gitlab" => Ok(Place::within(git_dir.join("custom_hooks"), false)),
            // Gitea writes hooks/pre-receive itself; it runs what lies in hooks/pre-receive.d.
            "gitea" => Ok(Place::within(git_dir.join("hooks"), true)),
            _ => {
                let place = Place::configured(repository)?;
                if place.is_shared {
                    return Err(Stop::Wrong(format!(
                        "core.hooksPath is `{}`, which other repositories use too; give this one its own:\n  \
                         git -C {} config core.hooksPath {}",
                        place.folder.display(),
                        tidy(git_dir).display(),
                        tidy(&git_dir.join("hooks")).display(),
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
    pub(super) fn all(repository: &Repository) -> Result<Vec<Place>, Stop> {
        let git_dir = repository.common_dir();
        let own = Place::within(git_dir.join("hooks"), false);
        let mut places = vec![
            own,
            Place::within(git_dir.join("custom_hooks"), false),
            Place::within(git_dir.join("hooks"), true),
        ];
        if let Ok(place) = Place::configured(repository)
            && places.iter().all(|known| tidy(&known.folder) != tidy(&place.folder))
        {
            places.push(place);
        }
        Ok(places)
    }

    fn within(folder: PathBuf, drop_in: bool) -> Place {
        Place { folder, drop_in, is_shared: false }
    }

    /// Returns where git looks, by `core.hooksPath`.
    fn configured(repository: &Repository) -> Result<Place, Stop> {
        let common_dir = repository.common_dir();
        let Some(configured) = repository.config_string("core.hooksPath")? else {
            return Ok(Place::within(common_dir.join("hooks"), false));
        };
        let folder = match configured.strip_prefix("~/") {
            Some(rest) => {
                let home =
                    std::env::home_dir().context("core.hooksPath starts with `~`, and there is no home")?;
                home.join(rest)
            }
            // A relative path starts where git runs hooks.
            None => {
                work_tree(repository)?.unwrap_or_else(|| repository.git_dir().to_path_buf()).join(&configured)
            }
        };
        if configured.is_empty() || (folder.exists() && !folder.is_dir()) {
            return Err(Stop::Wrong(format!(
                "core.hooksPath is `{configured}`, which is no folder, so git runs no hooks here"
            )));
        }
        let inside = |root: &Path| real(&folder).starts_with(real(root));
        let is_shared = !inside(common_dir) && !work_tree(repository)?.is_some_and(|top| inside(&top));
        Ok(Place { folder, drop_in: false, is_shared })
    }

    /// Returns the folder, for people.
    pub(super) fn shown(&self) -> String {
        let shown = tidy(&self.folder).display().to_string();
        if self.drop_in { format!("{shown}/*.d") } else { shown }
    }

    fn file(&self, hook: Hook) -> PathBuf {
        if self.drop_in {
            self.folder.join(format!("{}.d", hook.name())).join("changegate")
        } else {
            self.folder.join(hook.name())
        }
    }

    /// Says what has to be done to install `hook`.
    ///
    /// # Errors
    ///
    /// Refuses where something would be lost.
    pub(super) fn plan_install(&self, hook: Hook, binary: &str) -> Result<Step, Stop> {
        let file = self.file(hook);
        let kept = before(&file);
        let found = Found::at(hook, &file)?;
        let chains = |file: &Path| !self.drop_in && is_executable(file);
        let write = |keep, fresh, chained| What::Write {
            text: shim(hook, Some(binary), chained),
            keep,
            fresh,
            chained,
        };
        let what = match (found, exists(&kept)) {
            (Found::Edited, _) => return Err(edited(&file)),
            (Found::Foreign, true) => {
                return Err(Stop::Wrong(format!(
                    "`{}` is not ours, and `{}` is taken by what was there before it; move one of them away",
                    tidy(&file).display(),
                    tidy(&kept).display()
                )));
            }
            (Found::Foreign, false) if self.drop_in => {
                return Err(Stop::Wrong(format!("`{}` is not ours; move it away", tidy(&file).display())));
            }
            (Found::Foreign, false) => write(true, true, chains(&file)),
            (Found::Nothing, kept_exists) => write(false, true, kept_exists && chains(&kept)),
            (Found::Ours(text), kept_exists) => {
                let chained = kept_exists && chains(&kept);
                if text == shim(hook, Some(binary), chained) && is_executable(&file) {
                    What::Nothing
                } else {
                    write(false, false, chained)
                }
            }
        };
        Ok(Step { hook, file, what })
    }

    /// Says what has to be done to take `hook` out.
    ///
    /// # Errors
    ///
    /// Refuses where something would be lost.
    pub(super) fn plan_uninstall(&self, hook: Hook) -> Result<Step, Stop> {
        let file = self.file(hook);
        let what = match (Found::at(hook, &file)?, exists(&before(&file))) {
            (Found::Edited, _) => return Err(edited(&file)),
            (Found::Ours(_) | Found::Nothing, true) => What::PutBack,
            (Found::Ours(_), false) => What::Remove,
            (Found::Foreign | Found::Nothing, _) => What::Nothing,
        };
        Ok(Step { hook, file, what })
    }

    /// Does what a plan says.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub(super) fn take(&self, step: &Step) -> Result<(), Stop> {
        let file = &step.file;
        let done = match &step.what {
            What::Nothing => Ok(()),
            What::Write { text, keep, .. } => {
                let keep = if *keep { second_name(file) } else { Ok(()) };
                keep.and_then(|()| write_hook(file, text))
            }
            What::PutBack => fs::rename(before(file), file),
            What::Remove => fs::remove_file(file),
        };
        done.with_context(|| format!("cannot change `{}`", tidy(file).display()))?;
        Ok(())
    }
}

/// What stands in the place of a hook.
enum Found {
    Nothing,
    Ours(String),
    Edited,
    Foreign,
}

impl Found {
    fn at(hook: Hook, file: &Path) -> Result<Found, Stop> {
        match fs::symlink_metadata(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => {
                let why = format!("cannot look at `{}`: {error}", tidy(file).display());
                return Err(Stop::Failed(anyhow::anyhow!(why)));
            }
            Ok(metadata) if metadata.is_dir() => {
                return Err(Stop::Wrong(format!("`{}` is a folder", tidy(file).display())));
            }
            // Whatever a link leads to, the link is somebody's.
            Ok(metadata) if !metadata.is_file() => return Ok(Found::Foreign),
            Ok(_) => {}
        }
        let text = fs::read(file).with_context(|| format!("cannot read `{}`", tidy(file).display()))?;
        Ok(match whose(hook, &text) {
            Whose::Ours => Found::Ours(String::from_utf8_lossy(&text).into_owned()),
            Whose::Edited => Found::Edited,
            Whose::Foreign => Found::Foreign,
        })
    }
}

fn edited(file: &Path) -> Stop {
    let (file, kept) = (tidy(file), tidy(&before(file)));
    Stop::Wrong(format!(
        "`{}` was written by changegate and changed afterwards; move what was added to `{}`, \
         and delete the file",
        file.display(),
        kept.display()
    ))
}

fn before(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(BEFORE);
    PathBuf::from(name)
}

/// Returns true if something is there, if only a link that leads nowhere.
fn exists(file: &Path) -> bool {
    fs::symlink_metadata(file).is_ok()
}

/// Gives `file` its second name; the first is taken over in one step afterwards.
fn second_name(file: &Path) -> std::io::Result<()> {
    // Not every file system has links.
    fs::hard_link(file, before(file)).or_else(|_| fs::rename(file, before(file)))
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
fn work_tree(repository: &Repository) -> Result<Option<PathBuf>, Stop> {
    let git_dir = repository.git_dir();
    if let Some(set) = repository.config_string("core.worktree")? {
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
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| tidy(path))
}
