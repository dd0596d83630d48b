//! Policies that records name, loaded again with the files of other repositories that were in force then.
//!
//! A file that a policy names by a branch or a tag is another one once that has moved. A record holds the digest of
//! all bytes together, so that the right version is found by trying, and is proved by it.

use std::collections::BTreeMap;

use crate::change::Oid;
use crate::gate::committed_policy::load_with_bases;
use crate::gate::policy_repositories::{
    find_base_commit, open_policy_repository, read_base_file, read_packed_base,
};
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy};
use crate::git::Repository;
use crate::policy::{RemotePolicyFile, RemoteRevision, is_remote_name};
use crate::report::escape;

/// How many commits of a branch are looked at.
const MAX_VERSIONS: usize = 1_000;

/// How often a policy is loaded with other versions.
const MAX_LOADS: usize = 300;

/// A policy that was loaded again.
pub(crate) struct ReloadedPolicy {
    /// The policy.
    pub(crate) loaded: LoadedPolicy,
    /// The commits at which files of other repositories were read, by the names of the files.
    pub(crate) bases: BTreeMap<String, Oid>,
}

/// Why a policy cannot be loaded again.
pub(crate) struct ReloadFailure {
    /// What is wrong, and what is needed.
    pub(crate) why: String,
    /// True if it extends files of other repositories.
    pub(crate) is_shared: bool,
}

/// A repository and a revision of it: what is read from there at one time is read at one commit.
type BaseKey = (String, String);

/// One try to load a policy.
struct LoadAttempt {
    loaded: Result<LoadedPolicy, UnusablePolicy>,
    /// The commits at which the files of other repositories were read, or why they cannot be read.
    bases: BTreeMap<String, Result<Oid, String>>,
}

/// What is loaded again, and from where.
struct PolicyReload<'a> {
    repository: &'a Repository,
    /// The commits at which a record says that files of other repositories were read, by the names of the files.
    named: &'a BTreeMap<String, Oid>,
    commit: Oid,
    path: &'a str,
}

/// Loads the policy at `path` of `commit` as it was with this digest; without one, as it is now. `named` are the commits at
/// which a record says that files of other repositories were read, which are tried first.
pub(crate) fn reload_policy(
    repository: &Repository,
    named: &BTreeMap<String, Oid>,
    (commit, path): (Oid, &str),
    digest: Option<&str>,
) -> Result<ReloadedPolicy, ReloadFailure> {
    let reload = PolicyReload { repository, named, commit, path };
    let first = match reload.load_with(&BTreeMap::new()).take_matching(digest) {
        Ok(reloaded) => return Ok(reloaded),
        Err(first) => first,
    };
    let place = escape::escape_words(&format!("{path} at {}", commit.short_hex()));
    if first.bases.is_empty() {
        let why = match &first.loaded {
            Ok(_) => format!("{place} is another policy by now"),
            Err(_) => format!("the policy {place} cannot be read any more"),
        };
        return Err(ReloadFailure { why, is_shared: false });
    }
    let mut lists: Vec<(BaseKey, Vec<Oid>)> = Vec::new();
    for key in first.bases.keys().filter_map(|name| find_key(name)) {
        if !lists.iter().any(|(known, _)| *known == key) {
            let versions = reload.list_versions(&key, &first.bases);
            lists.push((key, versions));
        }
    }
    for choice in list_choices(&lists) {
        if let Ok(reloaded) = reload.load_with(&choice).take_matching(digest) {
            return Ok(reloaded);
        }
    }
    Err(ReloadFailure { why: reload.describe_failure(&place, &first, digest), is_shared: true })
}

impl LoadAttempt {
    /// Returns the policy if it is the one of this digest, or any without one.
    fn take_matching(self, digest: Option<&str>) -> Result<ReloadedPolicy, Box<LoadAttempt>> {
        match self.loaded {
            Ok(loaded) if digest.is_none_or(|digest| loaded.policy.has_recorded_digest(digest)) => {
                let bases = self.bases.into_iter().filter_map(|(name, commit)| Some((name, commit.ok()?)));
                Ok(ReloadedPolicy { loaded, bases: bases.collect() })
            }
            loaded => Err(Box::new(LoadAttempt { loaded, bases: self.bases })),
        }
    }
}

impl PolicyReload<'_> {
    fn load_with(&self, chosen: &BTreeMap<BaseKey, Oid>) -> LoadAttempt {
        let mut bases: BTreeMap<String, Result<Oid, String>> = BTreeMap::new();
        let place = (self.commit, self.path);
        let (loaded, _) = load_with_bases(self.repository, place, "the record", &mut |name| {
            let read = self.read_base(name, chosen);
            bases.insert(name.to_owned(), read.as_ref().map(|(commit, _)| *commit).map_err(String::clone));
            read.map(|(_, bytes)| Some(bytes))
        });
        LoadAttempt { loaded, bases }
    }

    /// Reads a file of another repository at the commit that is chosen for it, or else at the one of now.
    fn read_base(&self, name: &str, chosen: &BTreeMap<BaseKey, Oid>) -> Result<(Oid, Vec<u8>), String> {
        let remote = RemotePolicyFile::parse_name(name)?;
        let chosen = find_key(name).and_then(|key| chosen.get(&key)).copied();
        if self.repository.packed_files().is_some() {
            return read_packed_base(self.repository, &remote, name, chosen);
        }
        let other = open_policy_repository(Some(self.repository), &remote)?;
        let commit = match chosen {
            Some(commit) => commit,
            None => find_base_commit(&other, &remote)?,
        };
        Ok((commit, read_base_file(&other, &remote, commit)?))
    }

    /// Returns the commits to try for a revision, the likeliest first, each with other bytes than the one before.
    fn list_versions(&self, key: &BaseKey, bases: &BTreeMap<String, Result<Oid, String>>) -> Vec<Oid> {
        let names: Vec<&String> = bases.keys().filter(|name| find_key(name).as_ref() == Some(key)).collect();
        let mut commits: Vec<Oid> = Vec::new();
        match self.repository.packed_files() {
            Some(packed) => commits.extend(names.iter().filter_map(|name| packed.get(*name)).flatten()),
            None => {
                commits.extend(names.iter().filter_map(|name| self.named.get(*name)));
                if let Some(name) = names.first() {
                    commits.extend(self.list_history(name).unwrap_or_default());
                }
            }
        }
        let mut distinct: Vec<Oid> = Vec::new();
        let mut last = None;
        for commit in commits {
            let chosen = BTreeMap::from([(key.clone(), commit)]);
            let read = |name: &&String| self.read_base(name, &chosen).ok().map(|(_, bytes)| bytes);
            let bytes: Vec<Option<Vec<u8>>> = names.iter().map(read).collect();
            if last.as_ref() != Some(&bytes) && !distinct.contains(&commit) {
                distinct.push(commit);
                last = Some(bytes);
            }
        }
        distinct
    }

    /// Returns what the branch of a file held, newest first; nothing of a file that is named by its commit.
    fn list_history(&self, name: &str) -> Result<Vec<Oid>, String> {
        let remote = RemotePolicyFile::parse_name(name)?;
        let other = open_policy_repository(Some(self.repository), &remote)?;
        let tip = find_base_commit(&other, &remote)?;
        if let RemoteRevision::Commit(_) = remote.revision {
            return Ok(vec![tip]);
        }
        let steps = other.list_steps(tip, &[]).map_err(|error| format!("{error:#}"))?;
        Ok(steps.iter().rev().filter_map(|step| step.last()).copied().take(MAX_VERSIONS).collect())
    }

    fn describe_failure(&self, place: &str, first: &LoadAttempt, digest: Option<&str>) -> String {
        let unread = first.bases.iter().find_map(|(name, read)| Some((name, read.as_ref().err()?)));
        let names: Vec<&str> = first.bases.keys().map(String::as_str).collect();
        let mut why = match unread {
            Some((name, reason)) => format!("{place} extends {name}, which cannot be read: {reason}"),
            None => format!(
                "{place} extends {}, and none of the versions that can be read here is that of the record",
                names.join(", ")
            ),
        };
        let mut needed = Vec::new();
        for name in names {
            needed.extend(self.named.get(name).map(|commit| format!("{name} at {commit}")));
        }
        match (needed.is_empty(), digest) {
            (false, _) => why.push_str(&format!("; it needs {}", needed.join(", "))),
            (true, Some(digest)) => {
                why.push_str(&format!("; the policy of the record has the digest {digest}"))
            }
            (true, None) => {}
        }
        escape::escape_words(&why)
    }
}

/// Returns what is read at one commit with a file of another repository.
fn find_key(name: &str) -> Option<BaseKey> {
    let remote = is_remote_name(name).then(|| RemotePolicyFile::parse_name(name).ok()).flatten()?;
    Some((remote.repository, remote.revision.as_text()))
}

/// Returns one version of each revision, in every combination up to a limit, the likeliest first.
fn list_choices(lists: &[(BaseKey, Vec<Oid>)]) -> Vec<BTreeMap<BaseKey, Oid>> {
    let mut choices: Vec<BTreeMap<BaseKey, Oid>> = vec![BTreeMap::new()];
    for (key, versions) in lists {
        let mut longer = Vec::new();
        for version in versions {
            for choice in &choices {
                let mut one = choice.clone();
                one.insert(key.clone(), *version);
                longer.push(one);
            }
        }
        // What cannot be read at any version is left out of the choice.
        if !longer.is_empty() {
            longer.truncate(MAX_LOADS);
            choices = longer;
        }
    }
    choices
}
