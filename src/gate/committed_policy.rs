//! A policy as a commit holds it, with its files of other repositories.

use std::collections::BTreeMap;

use crate::change::Oid;
use crate::gate::policy_file::{limit_file_bytes, take_file};
use crate::gate::policy_naming::name_commit_source;
use crate::gate::policy_repositories::read_remote_policy;
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy, load_with_indexes};
use crate::gate::roster_indexes::StoredRosterIndexes;
use crate::git::Repository;
use crate::policy::{FetchedFile, PolicyErrors, UnreadFiles, is_remote_name};
use crate::report::PolicyLocation;

/// Loads the policy that stands at `path` in `commit`, which reports call `called`.
///
/// Only regular files count, reached without links; a roster or base policy is read from the same
/// commit.
///
/// # Errors
///
/// Says whether it is absent or faulty.
pub fn load_from_commit(
    repository: &Repository,
    commit: Oid,
    path: &str,
    called: &str,
) -> Result<LoadedPolicy, UnusablePolicy> {
    load_with_paths(repository, commit, path, called).0
}

/// As [`load_from_commit`], for a hook, which has no time to read a long roster: its people are looked up in an index in the
/// repository, which is made if there is none.
///
/// # Errors
///
/// As [`load_from_commit`].
pub(crate) fn load_for_hook(
    repository: &Repository,
    commit: Oid,
    path: &str,
    called: &str,
) -> Result<LoadedPolicy, UnusablePolicy> {
    let mut remotes = BTreeMap::new();
    let indexes = Some(StoredRosterIndexes::new(repository, commit));
    let (loaded, _) = load_with_places(repository, (commit, path), called, indexes, &mut |name| {
        read_remote_policy(Some(repository), name, &mut remotes)
    });
    loaded.map(|loaded| loaded.with_remote_commits(&remotes))
}

/// As [`load_from_commit`], with the paths of all files that were looked for, in that order.
pub(crate) fn load_with_paths(
    repository: &Repository,
    commit: Oid,
    path: &str,
    called: &str,
) -> (Result<LoadedPolicy, UnusablePolicy>, Vec<String>) {
    let mut remotes = BTreeMap::new();
    let (loaded, paths) = load_with_bases(repository, (commit, path), called, &mut |name| {
        read_remote_policy(Some(repository), name, &mut remotes)
    });
    (loaded.map(|loaded| loaded.with_remote_commits(&remotes)), paths)
}

/// As [`load_with_paths`]; files of other repositories are what `fetch_base` finds.
pub(crate) fn load_with_bases(
    repository: &Repository,
    (commit, path): (Oid, &str),
    called: &str,
    fetch_base: &mut dyn FnMut(&str) -> FetchedFile,
) -> (Result<LoadedPolicy, UnusablePolicy>, Vec<String>) {
    load_with_places(repository, (commit, path), called, None, fetch_base)
}

fn load_with_places(
    repository: &Repository,
    (commit, path): (Oid, &str),
    called: &str,
    indexes: Option<StoredRosterIndexes<'_>>,
    fetch_base: &mut dyn FnMut(&str) -> FetchedFile,
) -> (Result<LoadedPolicy, UnusablePolicy>, Vec<String>) {
    let source = name_commit_source(path, called, commit);
    let place = PolicyLocation::Commit { id: commit, path: path.to_owned() };
    let mut paths = Vec::new();
    let mut unread: Option<UnreadFiles> = None;
    let mut fetch = |path: &str| {
        if is_remote_name(path) {
            return fetch_base(path);
        }
        paths.push(path.to_owned());
        let found = repository.read_file_at(commit, path, limit_file_bytes(path));
        if let Err(error) = &found {
            let why = format!("{error:#}");
            let unread = unread.get_or_insert_with(|| UnreadFiles { why, fetchable: Vec::new() });
            if repository.is_partial() {
                unread.fetchable.push(format!("{}:{path}", commit.short_hex()));
            }
        }
        take_file(found, path)
    };
    let loaded = match load_with_indexes(path, source, place, &mut fetch, indexes) {
        Err(UnusablePolicy::Faulty(errors)) => Err(UnusablePolicy::Faulty(PolicyErrors { unread, ..errors })),
        loaded => loaded,
    };
    (loaded, paths)
}
