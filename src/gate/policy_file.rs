//! Reads single files of a policy, from a commit and from disk.

use std::path::Path;

use crate::change::Oid;
use crate::gate::given_file::refuse_waiting_file;
use crate::git::{FileAtPath, Repository};
use crate::policy::{self, FetchedFile};

/// Returns the most bytes that are read of the file of a policy at `path`.
pub(crate) fn limit_file_bytes(path: &str) -> u64 {
    u64::try_from(policy::max_file_bytes(path)).unwrap_or(u64::MAX)
}

/// Reads a file of a policy from a commit.
pub(crate) fn read_file_at(repository: &Repository, commit: Oid, path: &str) -> FetchedFile {
    take_file(repository.read_file_at(commit, path, limit_file_bytes(path)), path)
}

/// Returns what a commit has at `path` as a file of a policy.
pub(crate) fn take_file(found: anyhow::Result<FileAtPath>, path: &str) -> FetchedFile {
    let limit = limit_file_bytes(path);
    match found {
        Ok(FileAtPath::Found(bytes)) => Ok(Some(bytes)),
        Ok(FileAtPath::Absent) => Ok(None),
        Ok(FileAtPath::NotAFile(kind)) => Err(describe_obstacle(kind)),
        Ok(FileAtPath::TooLarge(size)) => Err(format!("it has {size} bytes; at most {limit} are read")),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// Reads a file of a policy from the work tree at `root`, as a server reads it from the commit: it follows no link, and
/// looks into no submodule. In a folder that is no work tree, a link is followed.
pub(crate) fn read_work_tree_file(root: &Path, path: &str) -> FetchedFile {
    if root.join(".git").symlink_metadata().is_ok()
        && let Some(kind) = find_obstacle(root, path)
    {
        return Err(describe_obstacle(kind));
    }
    read_disk_file(&root.join(path), policy::max_file_bytes(path))
}

/// Returns what a path of the work tree leads through, or ends at, where a commit has no regular file.
fn find_obstacle(root: &Path, path: &str) -> Option<&'static str> {
    let mut place = root.to_path_buf();
    let mut names = path.split('/').peekable();
    while let Some(name) = names.next() {
        place.push(name);
        let metadata = place.symlink_metadata().ok()?;
        if metadata.is_symlink() {
            return Some("a symbolic link");
        }
        if metadata.is_dir() && place.join(".git").symlink_metadata().is_ok() {
            return Some("a submodule");
        }
        if metadata.is_dir() && names.peek().is_none() {
            return Some("a directory");
        }
    }
    None
}

fn describe_obstacle(kind: &str) -> String {
    format!("it is {kind}; a policy must be a regular file")
}

/// Reads a file of a policy from disk.
pub(crate) fn read_disk_file(path: &Path, limit: usize) -> FetchedFile {
    match refuse_waiting_file(path) {
        Ok(metadata) if u64::try_from(limit).is_ok_and(|limit| limit < metadata.len()) => {
            Err(format!("it has {} bytes; at most {limit} are read", metadata.len()))
        }
        Ok(_) => std::fs::read(path).map(Some).map_err(|error| error.to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
