//! The top of a work tree, and paths with their links followed.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::cli::command_error::CommandError;
use crate::cli::output::tidy_path;
use crate::git::Repository;

/// Returns the top of the work tree that belongs to the repository, if one does.
pub(crate) fn find_work_tree_top(repository: &Repository) -> Result<Option<PathBuf>, CommandError> {
    let git_dir = repository.git_dir();
    if let Some(set) = repository.read_config_value("core.worktree")? {
        return Ok(Some(git_dir.join(set)));
    }
    // The git directory of a linked worktree names the path of its `.git`.
    let dot_git = match fs::read_to_string(git_dir.join("gitdir")) {
        Ok(line) => git_dir.join(line.trim_end_matches(['\n', '\r'])),
        Err(_) => std::path::absolute(git_dir)?,
    };
    if dot_git.file_name().is_some_and(|name| name == ".git") {
        return Ok(dot_git.parent().map(Path::to_path_buf));
    }
    Ok(None)
}

/// Returns `path` with links followed, as far as it exists.
pub(crate) fn resolve_links(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| tidy_path(path))
}

/// Returns true if `directory` belongs to the repository, so that no other one uses it.
pub(crate) fn is_inside_repository(repository: &Repository, directory: &Path) -> Result<bool, CommandError> {
    let resolved = resolve_links(directory);
    if let Some(top) = find_work_tree_top(repository)?
        && resolved.starts_with(resolve_links(&top))
    {
        return Ok(true);
    }
    Ok(resolved.starts_with(resolve_links(repository.common_dir())))
}

/// Returns the link on the way to `path` that leads back to itself, if there is one.
pub(crate) fn find_link_loop(path: &Path) -> Option<PathBuf> {
    let mut ancestors: Vec<&Path> = path.ancestors().collect();
    ancestors.reverse();
    let is_loop = |ancestor: &&&Path| {
        let is_link = fs::symlink_metadata(ancestor).is_ok_and(|metadata| metadata.is_symlink());
        // A link that leads nowhere, or where nothing may be read, is another matter.
        is_link
            && fs::metadata(ancestor).is_err_and(|error| {
                !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied)
            })
    };
    ancestors.iter().find(is_loop).map(|link| link.to_path_buf())
}
