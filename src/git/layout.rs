//! Where the parts of a repository are on disk, and which format its objects have.
//!
//! Reading this by hand keeps opening cheap: two or three small files are read, and the configuration
//! outside the repository is not read until a value of it is asked for.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use gix::hash::Kind;

/// The directories of one repository.
#[derive(Clone, Debug)]
pub(crate) struct RepositoryLayout {
    /// The directory with `HEAD`; in a linked worktree, the one that belongs to the worktree.
    pub(crate) git_dir: PathBuf,
    /// The directory with `objects`, `refs` and `config`, shared by all worktrees.
    pub(crate) common_dir: PathBuf,
    /// The hash by which objects are named.
    pub(crate) object_format: Kind,
}

impl RepositoryLayout {
    /// Reads the layout of the repository in `dir`: a work tree, its `.git`, or a bare repository.
    pub(crate) fn read_at(dir: &Path) -> Result<RepositoryLayout> {
        match find_git_dir(dir)? {
            Some(git_dir) => RepositoryLayout::from_git_dir(git_dir),
            None => bail!("`{}` is not a git repository", dir.display()),
        }
    }

    /// Reads the layout of the nearest repository in `dir` or above it.
    pub(crate) fn find_above(dir: &Path) -> Result<RepositoryLayout> {
        let start = std::path::absolute(dir).with_context(|| format!("cannot find `{}`", dir.display()))?;
        for candidate in start.ancestors() {
            if let Some(git_dir) = find_git_dir(candidate)? {
                return RepositoryLayout::from_git_dir(git_dir);
            }
        }
        bail!("`{}` is not inside a git repository", dir.display())
    }

    fn from_git_dir(git_dir: PathBuf) -> Result<RepositoryLayout> {
        let common_dir = match read_trimmed_file(&git_dir.join("commondir"))? {
            Some(path) => git_dir.join(path),
            None => git_dir.clone(),
        };
        let format = read_object_format(&common_dir.join("config"))?;
        Ok(RepositoryLayout { git_dir, common_dir, object_format: format })
    }
}

impl RepositoryLayout {
    /// Returns true if a pack comes from a remote that has promised the objects that it leaves out.
    pub(crate) fn has_promised_objects(&self) -> bool {
        let packs = std::fs::read_dir(self.common_dir.join("objects/pack"));
        packs
            .into_iter()
            .flatten()
            .flatten()
            .any(|entry| entry.path().extension().is_some_and(|extension| extension == "promisor"))
    }
}

/// Returns the git directory that `dir` is or holds.
///
/// `.git` is looked at first: otherwise files in the root of a work tree could pose as a second
/// repository.
fn find_git_dir(dir: &Path) -> Result<Option<PathBuf>> {
    let dot_git = dir.join(".git");
    if is_git_dir(&dot_git) {
        return Ok(Some(dot_git));
    }
    if dot_git.is_file() {
        let text = std::fs::read_to_string(&dot_git)
            .with_context(|| format!("cannot read `{}`", dot_git.display()))?;
        let Some(target) = text.strip_prefix("gitdir: ") else {
            bail!("`{}` does not begin with `gitdir: `", dot_git.display());
        };
        let git_dir = dir.join(target.trim_end_matches(['\n', '\r']));
        if !is_git_dir(&git_dir) {
            bail!("`{}` points to `{}`, which is not a git directory", dot_git.display(), git_dir.display());
        }
        return Ok(Some(git_dir));
    }
    if is_git_dir(dir) { Ok(Some(dir.to_path_buf())) } else { Ok(None) }
}

fn is_git_dir(dir: &Path) -> bool {
    // `HEAD` may be a dangling symbolic link, which old versions of git used as a symbolic ref.
    dir.join("HEAD").symlink_metadata().is_ok()
        && (dir.join("commondir").is_file() || (dir.join("objects").is_dir() && dir.join("refs").is_dir()))
}

fn read_trimmed_file(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// Reads the object format from the repository's own configuration, and refuses formats that cannot be read.
fn read_object_format(path: &Path) -> Result<Kind> {
    if !path.exists() {
        return Ok(Kind::Sha1);
    }
    let config = gix::config::File::from_path_no_includes(path.to_path_buf(), gix::config::Source::Local)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    match config.string("extensions.refStorage") {
        Some(name) if !name.eq_ignore_ascii_case(b"files") => {
            bail!("`{}` stores refs as `{name}`; only `files` can be read", path.display())
        }
        _ => {}
    }
    match config.string("extensions.objectFormat") {
        None => Ok(Kind::Sha1),
        Some(name) if name.eq_ignore_ascii_case(b"sha1") => Ok(Kind::Sha1),
        Some(name) if name.eq_ignore_ascii_case(b"sha256") => Ok(Kind::Sha256),
        Some(name) => bail!("`{}` names the unknown object format `{name}`", path.display()),
    }
}

/// Opens the refs of a repository, without reading any.
pub(crate) fn open_ref_store(layout: &RepositoryLayout) -> gix::refs::file::Store {
    let options = gix::refs::store::init::Options::default();
    let git_dir = layout.git_dir.clone();
    if layout.git_dir == layout.common_dir {
        gix::refs::file::Store::at_opts(git_dir, layout.object_format, options)
    } else {
        let common_dir = layout.common_dir.clone();
        gix::refs::file::Store::for_linked_worktree_opts(git_dir, common_dir, layout.object_format, options)
    }
}
