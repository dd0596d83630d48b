//! Policies of other repositories, read from bare repositories beside this one.
//!
//! The folder that holds them is `changegate.policyRepositories` in git's own configuration: neither what is pushed nor
//! the policy can name another. What is read is noted with the commit that it was read at.

use std::collections::BTreeMap;
use std::path::Path;

use crate::change::Oid;
use crate::git::{FileAtPath, PeeledObject, Repository};
use crate::policy::{self, FetchedFile, RemotePolicyFile, RemoteRevision};
use crate::yaml::shorten_for_message;

/// The setting that names the folder.
pub(crate) const FOLDER_KEY: &str = "changegate.policyRepositories";

/// How the reason begins why nothing can be read without the setting.
pub(crate) const FOLDER_UNSET: &str = "changegate.policyRepositories is not set";

/// Reads the policy called `name`, as `extends` writes it, by the configuration of `repository`; adds the commit that it
/// was read at to `commits`.
///
/// # Errors
///
/// Says why it cannot be read: no folder is configured, or there is no such repository, revision or file.
pub(crate) fn read_remote_policy(
    repository: Option<&Repository>,
    name: &str,
    commits: &mut BTreeMap<String, Oid>,
) -> FetchedFile {
    let remote = RemotePolicyFile::parse_name(name)?;
    if let Some(packed) = repository.filter(|repository| repository.packed_files().is_some()) {
        let (commit, found) = read_packed_base(packed, &remote, name, None)?;
        commits.insert(name.to_owned(), commit);
        return Ok(Some(found));
    }
    let other = open_policy_repository(repository, &remote)?;
    let commit = find_base_commit(&other, &remote)?;
    let found = read_base_file(&other, &remote, commit)?;
    commits.insert(name.to_owned(), commit);
    Ok(Some(found))
}

/// Returns the policy called `name` as its repository had it at `commit`.
///
/// # Errors
///
/// Says why it cannot be read, as [`read_remote_policy`] does.
pub(crate) fn read_earlier_policy(repository: &Repository, name: &str, commit: Oid) -> FetchedFile {
    let remote = RemotePolicyFile::parse_name(name)?;
    if repository.packed_files().is_some() {
        return read_packed_base(repository, &remote, name, Some(commit)).map(|(_, found)| Some(found));
    }
    let other = open_policy_repository(Some(repository), &remote)?;
    read_base_file(&other, &remote, commit).map(Some)
}

/// Returns a file of another repository out of a repository that holds its objects, at the commit that is `chosen` or else
/// at the first one that it holds.
///
/// # Errors
///
/// Says that it does not hold the file.
pub(crate) fn read_packed_base(
    repository: &Repository,
    remote: &RemotePolicyFile,
    name: &str,
    chosen: Option<Oid>,
) -> Result<(Oid, Vec<u8>), String> {
    let packed = repository.packed_files().and_then(|files| files.get(name));
    let first = || packed.and_then(|commits| commits.first()).copied();
    let commit = chosen.or_else(first).ok_or("it is not in the pack")?;
    Ok((commit, read_base_file(repository, remote, commit)?))
}

/// Returns a file of another repository at a commit of it.
///
/// # Errors
///
/// Says why there is none that can be read.
pub(crate) fn read_base_file(
    other: &Repository,
    remote: &RemotePolicyFile,
    commit: Oid,
) -> Result<Vec<u8>, String> {
    let limit = u64::try_from(policy::max_file_bytes(&remote.path)).unwrap_or(u64::MAX);
    let place = format!("{} at {}", remote.repository, commit.short_hex());
    match other.read_file_at(commit, &remote.path, limit) {
        Ok(FileAtPath::Found(bytes)) => Ok(bytes),
        Ok(FileAtPath::Absent) => Err(format!("{place} has no file `{}`", remote.path)),
        Ok(FileAtPath::NotAFile(kind)) => {
            Err(format!("it is {kind} in {place}; a policy must be a regular file"))
        }
        Ok(FileAtPath::TooLarge(size)) => Err(format!("it has {size} bytes; at most {limit} are read")),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// Opens the repository of a file, by the configuration of `repository`.
///
/// # Errors
///
/// Says what is not configured, or what is not there.
pub(crate) fn open_policy_repository(
    repository: Option<&Repository>,
    remote: &RemotePolicyFile,
) -> Result<Repository, String> {
    let configured = match repository {
        Some(repository) => repository.read_config_value(FOLDER_KEY).map_err(|error| format!("{error:#}"))?,
        None => None,
    };
    let name = &remote.repository;
    let Some(folder) = configured else {
        return Err(format!(
            "{FOLDER_UNSET}; set it, in git's configuration here, to the folder that holds `{name}.git`"
        ));
    };
    let shown = shorten_for_message(&folder);
    let folder = Path::new(&folder);
    if !folder.is_absolute() {
        return Err(format!("{FOLDER_KEY} is `{shown}`; use a path from the root of the file system"));
    }
    let candidates = [folder.join(format!("{name}.git")), folder.join(name)];
    let Some(path) = candidates.into_iter().find(|path| path.is_dir()) else {
        return Err(format!("there is no `{name}.git` in `{shown}` ({FOLDER_KEY})"));
    };
    Repository::open_at(&path, None).map_err(|error| format!("{error:#}"))
}

/// Returns the commit that a revision leads to in its repository.
///
/// # Errors
///
/// Says that there is no such commit, branch or tag.
pub(crate) fn find_base_commit(repository: &Repository, remote: &RemotePolicyFile) -> Result<Oid, String> {
    let name = &remote.repository;
    let id = match &remote.revision {
        RemoteRevision::Commit(id) => *id,
        RemoteRevision::Ref(revision) => {
            let mut found = Vec::new();
            for full in remote.revision.list_ref_names() {
                let resolved =
                    repository.resolve_ref(full.as_bytes()).map_err(|error| format!("{error:#}"))?;
                found.extend(resolved.id);
            }
            match found.as_slice() {
                [only] => *only,
                [] => return Err(format!("{name} has no branch or tag `{revision}`")),
                _ => {
                    return Err(format!(
                        "{name} has a branch and a tag `{revision}`; write refs/heads/{revision} or refs/tags/{revision}"
                    ));
                }
            }
        }
    };
    match repository.peel_tags(id) {
        Ok(PeeledObject::Commit(commit)) => Ok(commit),
        Ok(PeeledObject::Missing) => Err(format!("{name} has no commit {id}")),
        Ok(PeeledObject::Other(kind)) => Err(format!("{id} is a {kind} in {name}, not a commit")),
        Err(error) => Err(format!("{error:#}")),
    }
}
