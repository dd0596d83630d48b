//! Where a policy is read from: a commit, a file on disk, a shipped pack.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use crate::change::Oid;
use crate::git::signature::{Keys, Place as SignerPlace};
use crate::git::{FileAt, Repository, Trusted};
use crate::policy::{self, FaultyFile, Fetched, KeyFile, Policy, PolicyErrors, Signers, packs};
use crate::report::{PolicyFrom, PolicyName, PolicyPlace};
use crate::yaml::{Fault, LARGEST, Place};

/// A policy, and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// Where it came from, as in `policies/changegate.yml at refs/heads/main (abc123)`.
    pub source: String,
    /// Where it can be had again.
    pub place: PolicyPlace,
    /// The keys of those whose signatures count; `None` if the policy names none.
    pub keys: Option<Keys>,
    /// Every file that was asked for, as it was found.
    files: BTreeMap<String, Fetched>,
}

/// Why there is no policy to judge by.
#[derive(Clone, Debug)]
pub enum Unusable {
    /// There is no file of that name.
    Absent,
    /// It, or what it builds on, has these faults.
    Faulty(PolicyErrors),
}

impl Loaded {
    /// Returns what signatures are held against at the time `at`.
    pub fn trusted(&self, at: Timestamp) -> Option<Trusted<'_>> {
        self.keys.as_ref().map(|keys| Trusted { keys, at })
    }

    /// Returns the same policy, which is known to stand in this place.
    #[must_use]
    pub fn standing(self, place: PolicyPlace) -> Loaded {
        Loaded { place, ..self }
    }

    /// Returns the policy's name for a report.
    pub fn name(&self) -> PolicyName {
        PolicyName {
            name: self.policy.name.clone(),
            digest: self.policy.digest.clone(),
            source: self.source.clone(),
        }
    }

    /// Returns where the policy can be had again, and its digest.
    pub fn from(&self) -> PolicyFrom {
        PolicyFrom { place: self.place.clone(), digest: self.policy.digest.clone() }
    }

    /// Returns the paths of all files that the policy was made of, or would have been.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Returns true if and only if every file of the policy is the same at `commit`.
    pub fn is_same_at(&self, repository: &Repository, commit: Oid) -> bool {
        self.files.iter().all(|(path, found)| file_at(repository, commit, path) == *found)
    }
}

/// Loads the policy that stands at `path` in `commit`, which reports call `called`.
///
/// Only regular files count, reached without links; a roster or base policy is read from the same
/// commit.
///
/// # Errors
///
/// Says whether it is absent or faulty.
pub fn at_commit(repository: &Repository, commit: Oid, path: &str, called: &str) -> Result<Loaded, Unusable> {
    let source = format!("{path} at {called} ({})", commit.short());
    let place = PolicyPlace::Commit { id: commit, path: path.to_owned() };
    load(path, source, place, &mut |path| file_at(repository, commit, path))
}

/// Loads the policy in the file at `path` on disk; what it builds on is looked up from `root`, the
/// folder that stands for the root of the repository.
///
/// # Errors
///
/// Says whether it is absent or faulty.
pub fn from_disk(root: &Path, path: &str) -> Result<Loaded, Unusable> {
    let place = PolicyPlace::Disk(root.join(path).to_string_lossy().into_owned());
    load(path, path.to_owned(), place, &mut |path| file_on_disk(&root.join(path)))
}

/// Loads the policy called `path` from wherever `fetch` finds files; `source` says for reports where
/// that is.
///
/// # Errors
///
/// Says whether it is absent or faulty.
pub fn from_files(
    path: &str,
    source: String,
    fetch: &mut dyn FnMut(&str) -> Fetched,
) -> Result<Loaded, Unusable> {
    let place = PolicyPlace::Elsewhere(source.clone());
    load(path, source, place, fetch)
}

/// Loads a shipped pack.
///
/// # Errors
///
/// Says that it is absent if there is no pack of that name.
pub fn from_pack(name: &str) -> Result<Loaded, Unusable> {
    if packs::find(name).is_none() {
        return Err(Unusable::Absent);
    }
    let place = PolicyPlace::Pack(name.to_owned());
    load(name, format!("the pack {name} in this binary"), place, &mut |_| Ok(None))
}

fn load(
    entry: &str,
    source: String,
    place: PolicyPlace,
    fetch: &mut dyn FnMut(&str) -> Fetched,
) -> Result<Loaded, Unusable> {
    let mut files = BTreeMap::new();
    if packs::find(entry).is_none() {
        let found = fetch(entry);
        if found == Ok(None) {
            return Err(Unusable::Absent);
        }
        files.insert(entry.to_owned(), found);
    }
    let mut fetch_once = |path: &str| files.entry(path.to_owned()).or_insert_with(|| fetch(path)).clone();
    let loaded = policy::load(entry, &mut fetch_once);
    let policy = loaded.map_err(Unusable::Faulty)?;
    let keys = keys(&policy.signers).map_err(Unusable::Faulty)?;
    Ok(Loaded { policy, source, place, keys, files })
}

/// Reads the keys of those whose signatures count; `None` if the policy names no file of them.
fn keys(signers: &Signers) -> Result<Option<Keys>, PolicyErrors> {
    let source = |file: &'_ Option<KeyFile>| file.as_ref().map(|file| file.source.clone());
    let (ssh, openpgp) = (source(&signers.ssh), source(&signers.openpgp));
    if ssh.is_none() && openpgp.is_none() {
        return Ok(None);
    }
    Keys::read(ssh.as_deref(), openpgp.as_deref()).map(Some).map_err(|bad| {
        let mut files: Vec<FaultyFile> = Vec::new();
        for bad in bad {
            let (file, line) = match bad.place {
                SignerPlace::Line(line) => (&signers.ssh, line),
                SignerPlace::Certificate(_) | SignerPlace::Armor(_) => (&signers.openpgp, 1),
            };
            let Some(file) = file else { continue };
            let fault = Fault::new(Place { line, column: 1, length: 1 }, bad.reason.clone());
            match files.iter_mut().find(|known| known.name == file.name) {
                Some(known) => known.faults.push(fault),
                None => files.push(FaultyFile {
                    name: file.name.clone(),
                    source: file.source.clone(),
                    faults: vec![fault],
                }),
            }
        }
        PolicyErrors { files }
    })
}

fn file_at(repository: &Repository, commit: Oid, path: &str) -> Fetched {
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    match repository.file_at(commit, path, limit) {
        Ok(FileAt::Found(bytes)) => Ok(Some(bytes)),
        Ok(FileAt::Absent) => Ok(None),
        Ok(FileAt::NotAFile(kind)) => Err(format!("it is {kind}, and only a regular file can be a policy")),
        Ok(FileAt::TooLarge(size)) => Err(format!("it has {size} bytes, and at most {limit} are read")),
        Err(error) => Err(format!("{error:#}")),
    }
}

fn file_on_disk(path: &Path) -> Fetched {
    match std::fs::metadata(path) {
        Ok(metadata) if u64::try_from(LARGEST).is_ok_and(|limit| limit < metadata.len()) => {
            Err(format!("it has {} bytes, and at most {LARGEST} are read", metadata.len()))
        }
        Ok(_) => std::fs::read(path).map(Some).map_err(|error| error.to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
