//! Loads a policy from a commit, a file on disk or a shipped pack.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use crate::change::{Change, Oid, Text};
use crate::gate::policy_content::PolicyContent;
use crate::gate::policy_file::{read_disk_file, read_work_tree_file};
use crate::gate::policy_naming::{add_remote_commits, list_named_remotes, name_commit_source};
use crate::gate::policy_repositories::read_remote_policy;
use crate::gate::roster_indexes::StoredRosterIndexes;
use crate::gate::signer_files::read_signer_keys;
use crate::git::signature::{KeyLocation as SignerPlace, KeyRegistry, find_certificate_line};
use crate::git::{Repository, TrustedKeys};
use crate::policy::origins::{ValueOrigins, find_value_origins};
use crate::policy::{
    self, DEFAULT_POLICY_PATH, FaultyFile, FetchedFile, InspectionFacts, KeyFile, Policy, PolicyDifference,
    PolicyErrors, PolicyInspection, PolicySource, SigningKey, is_remote_name, packs,
};
use crate::report::{PolicyDescription, PolicyLocation, PolicyReference};
use crate::yaml::{YamlFault, YamlPlace};

/// A policy and the place where it was read.
#[derive(Clone, Debug)]
pub struct LoadedPolicy {
    /// The policy that was read.
    pub policy: Policy,
    /// The place in words, as in `policies/changegate.yml at refs/heads/main (abc123)`.
    pub source: String,
    /// The place from which it can be loaded again.
    pub place: PolicyLocation,
    /// The keys whose signatures count; `None` if the policy names none.
    pub keys: Option<KeyRegistry>,
    /// The name of the file, or of the pack, that was asked for.
    entry: String,
    /// Every file that was read, as it was found.
    pub(super) files: BTreeMap<String, PolicyContent>,
}

/// The reason why there is no policy to judge by.
#[derive(Clone, Debug)]
pub enum UnusablePolicy {
    /// There is no file of that name.
    Absent,
    /// It, or a file that it builds on, has these faults.
    Faulty(PolicyErrors),
}

impl LoadedPolicy {
    /// Returns the keys that signatures are checked with at the time `at`.
    pub fn trusted_keys(&self, at: Timestamp) -> Option<TrustedKeys<'_>> {
        self.keys.as_ref().map(|keys| TrustedKeys { registry: keys, other: None, received_at: at })
    }

    /// Returns the same policy with this place.
    #[must_use]
    pub(crate) fn with_place(self, place: PolicyLocation) -> LoadedPolicy {
        LoadedPolicy { place, ..self }
    }

    /// Returns the same policy, whose source also tells at which commits files of other repositories were read.
    #[must_use]
    pub(crate) fn with_remote_commits(mut self, commits: &BTreeMap<String, Oid>) -> LoadedPolicy {
        add_remote_commits(&mut self.source, commits);
        self
    }

    /// Returns the same policy as another commit holds it at `path`.
    #[must_use]
    pub(crate) fn with_commit(self, (id, path): (Oid, &str), called: &str) -> LoadedPolicy {
        let source = name_commit_source(path, called, id) + list_named_remotes(&self.source);
        LoadedPolicy { source, place: PolicyLocation::Commit { id, path: path.to_owned() }, ..self }
    }

    /// Returns the same policy as it would be if its files of other repositories were those of `commits`, by their names,
    /// which `read_earlier` reads; its own files stay as they were read.
    ///
    /// # Errors
    ///
    /// Says what cannot be read, or what is wrong with that policy.
    pub(crate) fn rebuild_with_remotes(
        &self,
        commits: &BTreeMap<String, Oid>,
        read_earlier: &mut dyn FnMut(&str, Oid) -> FetchedFile,
    ) -> Result<LoadedPolicy, UnusablePolicy> {
        let (source, place) = (self.source.clone(), self.place.clone());
        load_with_keys(&self.entry, source, place, &mut |path| match commits.get(path) {
            Some(commit) => read_earlier(path, *commit),
            None => self.read_file(path),
        })
    }

    /// Returns what was found of a file of the policy.
    fn read_file(&self, path: &str) -> FetchedFile {
        self.files.get(path).map_or(Ok(None), |found| found.read_content().into_owned())
    }

    /// Returns the policy's name for a report.
    pub fn name(&self) -> PolicyDescription {
        PolicyDescription {
            name: self.policy.name.clone(),
            digest: self.policy.digest.clone(),
            source: self.source.clone(),
        }
    }

    /// Returns the place from which the policy can be loaded again, and its digest.
    pub fn origin(&self) -> PolicyReference {
        PolicyReference { place: self.place.clone(), digest: self.policy.digest.clone() }
    }

    /// Looks the files of the policy over, as they were read, for what cannot be meant.
    pub(crate) fn inspect_files(&self, facts: &InspectionFacts<'_>) -> PolicyInspection {
        let mut fetch = |path: &str| self.read_file(path);
        policy::inspect_policy(&self.policy, &self.entry, facts, &mut fetch)
    }

    /// Returns the keys of the policy's files of keys, as they stand at `now`.
    pub(crate) fn list_signing_keys(&self, now: Timestamp) -> Vec<SigningKey> {
        let signers = &self.policy.signer_keys;
        let path = |file: &Option<KeyFile>| file.as_ref().map_or_else(String::new, |file| file.path.clone());
        let mut keys = Vec::new();
        for key in self.keys.iter().flat_map(|keys| keys.list_keys(now)) {
            let place = match key.location {
                SignerPlace::Line(line) => format!("{}:{line}", path(&signers.ssh)),
                SignerPlace::Armor(line) => format!("{}:{line}", path(&signers.openpgp)),
                SignerPlace::Certificate(number) => {
                    let source = signers.openpgp.as_ref().map(|file| file.source.as_slice());
                    match source.and_then(|source| find_certificate_line(source, number)) {
                        Some(line) => format!("{}:{line}", path(&signers.openpgp)),
                        None => format!("certificate {number} of {}", path(&signers.openpgp)),
                    }
                }
            };
            keys.push(SigningKey { place, addresses: key.addresses, obstacle: key.obstacle });
        }
        keys
    }

    /// Returns true if the policy builds on this pack, by itself or by what it extends.
    pub(crate) fn extends_pack(&self, pack: &str) -> bool {
        let mut fetch = |path: &str| self.read_file(path);
        policy::builds_on_file(&self.entry, pack, &mut fetch)
    }

    /// Returns where the values of the policy came from.
    ///
    /// # Errors
    ///
    /// Returns the files that cannot be read again.
    pub fn find_origins(&self) -> Result<ValueOrigins, PolicyErrors> {
        let mut fetch = |path: &str| self.read_file(path);
        find_value_origins(&self.entry, &mut fetch)
    }

    /// Returns what is different in a later policy.
    ///
    /// # Errors
    ///
    /// Returns the files that cannot be read again.
    pub fn find_differences(&self, later: &LoadedPolicy) -> Result<Vec<PolicyDifference>, PolicyErrors> {
        let mut fetch_old = |path: &str| self.read_file(path);
        let mut fetch_new = |path: &str| later.read_file(path);
        policy::find_policy_differences(
            PolicySource { policy: &self.policy, entry: &self.entry, fetch: &mut fetch_old },
            PolicySource { policy: &later.policy, entry: &later.entry, fetch: &mut fetch_new },
        )
    }

    /// Returns a fault at the first place in the policy's own files that `find_place` finds, or else at the start of the
    /// policy: what is found of a pack is a fault of what extends it.
    pub(crate) fn place_fault(
        &self,
        find_place: impl Fn(&[u8]) -> Option<YamlPlace>,
        what: String,
        help: &str,
    ) -> PolicyErrors {
        let mut place = (self.entry.as_str(), YamlPlace { line: 1, column: 1, length: 1 });
        let entry = self.files.get_key_value(&self.entry);
        for (name, fetched) in entry.into_iter().chain(&self.files) {
            let fetched = fetched.read_content();
            let Ok(Some(source)) = fetched.as_ref() else { continue };
            if let Some(at) = find_place(source) {
                place = (name, at);
                break;
            }
        }
        let source = self.read_file(place.0).ok().flatten().unwrap_or_default();
        let fault = YamlFault::new(place.1, what).with_help(help);
        let file = FaultyFile { name: place.0.to_owned(), source, faults: vec![fault] };
        PolicyErrors { faulty_files: vec![file], unread: None }
    }

    /// Returns the path of the policy in a commit, as far as it has one: a pack stands in for the usual file.
    pub(crate) fn path_in_commit(&self) -> &str {
        match &self.place {
            PolicyLocation::Commit { path, .. } => path,
            PolicyLocation::Pack(_) => DEFAULT_POLICY_PATH,
            PolicyLocation::Disk(_) | PolicyLocation::Elsewhere(_) => &self.entry,
        }
    }

    /// Returns the paths of all files that the policy was made of, or would have been; without those of other
    /// repositories.
    pub(crate) fn file_paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str).filter(|name| !is_remote_name(name))
    }

    /// Returns the names of the files of other repositories that the policy is made of.
    pub(crate) fn list_remote_names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str).filter(|name| is_remote_name(name))
    }

    /// Returns true if a change touches a file that the policy is made of, or looks for, as far as its paths are
    /// known.
    pub(crate) fn is_made_of(&self, change: &Change) -> bool {
        let is_own = |path: &Text| self.file_paths().any(|file| path.as_bytes() == file.as_bytes());
        change.list_diffs().any(|diff| match diff.paths {
            Ok(paths) => paths.iter().any(|changed| is_own(&changed.path)),
            Err(_) => false,
        })
    }

    /// Returns the names of the files of other repositories that the policy was made of.
    pub(crate) fn remote_names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str).filter(|name| is_remote_name(name))
    }

    /// Returns true if it was read from a commit.
    pub(crate) fn is_from_commit(&self) -> bool {
        matches!(self.place, PolicyLocation::Commit { .. })
    }
}

/// Loads the policy in the file at `path` on disk; what it builds on is looked up from `root`, the
/// folder that stands for the root of the repository.
///
/// # Errors
///
/// Says whether it is absent or faulty.
pub fn load_from_disk(root: &Path, path: &str) -> Result<LoadedPolicy, UnusablePolicy> {
    load_with_reader(None, root, path, &read_work_tree_file)
}

/// As [`load_from_disk`]; policies of other repositories are read by the configuration of `repository`, or else of the
/// one around `root`.
pub(crate) fn load_from_folder(
    repository: Option<&Repository>,
    root: &Path,
    path: &str,
) -> Result<LoadedPolicy, UnusablePolicy> {
    load_with_reader(repository, root, path, &|root, path| {
        read_disk_file(&root.join(path), policy::max_file_bytes(path))
    })
}

/// As [`load_from_disk`]; a file of `drafts` is taken as if it stood at its path already.
///
/// # Errors
///
/// Says whether the policy is absent or faulty.
pub(crate) fn load_beside_drafts(
    root: &Path,
    path: &str,
    drafts: &BTreeMap<String, Vec<u8>>,
) -> Result<LoadedPolicy, UnusablePolicy> {
    load_with_reader(None, root, path, &|root, path| match drafts.get(path) {
        Some(draft) => Ok(Some(draft.clone())),
        None => read_work_tree_file(root, path),
    })
}

fn load_with_reader(
    repository: Option<&Repository>,
    root: &Path,
    path: &str,
    read: &dyn Fn(&Path, &str) -> FetchedFile,
) -> Result<LoadedPolicy, UnusablePolicy> {
    let place = PolicyLocation::Disk(root.join(path).to_string_lossy().into_owned());
    let around = OnceCell::new();
    let mut remotes = BTreeMap::new();
    let loaded = load_with_keys(path, path.to_owned(), place, &mut |path| {
        if is_remote_name(path) {
            let find_around = || around.get_or_init(|| Repository::discover_from(root).ok()).as_ref();
            return read_remote_policy(repository.or_else(find_around), path, &mut remotes);
        }
        read(root, path)
    })?;
    Ok(loaded.with_remote_commits(&remotes))
}

/// Loads the policy called `path` from the files that `fetch` finds; `source` names their place in
/// reports.
///
/// # Errors
///
/// Says whether it is absent or faulty.
pub fn load_from_files(
    path: &str,
    source: String,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
) -> Result<LoadedPolicy, UnusablePolicy> {
    let place = PolicyLocation::Elsewhere(source.clone());
    load_with_keys(path, source, place, fetch)
}

/// Loads a shipped pack.
///
/// # Errors
///
/// Says that it is absent if there is no pack of that name.
pub fn load_from_pack(name: &str) -> Result<LoadedPolicy, UnusablePolicy> {
    if packs::find_pack(name).is_none() {
        return Err(UnusablePolicy::Absent);
    }
    let place = PolicyLocation::Pack(name.to_owned());
    load_with_keys(name, format!("the pack {name} in this binary"), place, &mut |_| Ok(None))
}

/// Loads the policy called `entry` from the files that `fetch` finds, with the keys that it names.
pub(super) fn load_with_keys(
    entry: &str,
    source: String,
    place: PolicyLocation,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
) -> Result<LoadedPolicy, UnusablePolicy> {
    load_with_indexes(entry, source, place, fetch, None)
}

/// As [`load_with_keys`]; a long roster is looked up in its index.
pub(super) fn load_with_indexes(
    entry: &str,
    source: String,
    place: PolicyLocation,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
    indexes: Option<StoredRosterIndexes<'_>>,
) -> Result<LoadedPolicy, UnusablePolicy> {
    let mut files = BTreeMap::new();
    if packs::find_pack(entry).is_none() {
        let found = fetch(entry);
        if found == Ok(None) {
            return Err(UnusablePolicy::Absent);
        }
        files.insert(entry.to_owned(), found);
    }
    let mut fetch_once = |path: &str| files.entry(path.to_owned()).or_insert_with(|| fetch(path)).clone();
    let (loaded, stored) = match indexes {
        Some(mut indexes) => {
            let loaded = policy::load_indexed_policy(entry, &mut fetch_once, &mut indexes);
            (loaded, indexes.end_reading())
        }
        None => (policy::load_policy(entry, &mut fetch_once), None),
    };
    let policy = loaded.map_err(UnusablePolicy::Faulty)?;
    let mut files: BTreeMap<String, PolicyContent> =
        files.into_iter().map(|(name, found)| (name, PolicyContent::Fetched(found))).collect();
    if let Some(stored) = stored {
        // Its content is at hand in the repository, and long.
        files.insert(stored.path.clone(), PolicyContent::Stored(stored));
    }
    if files.keys().any(|name| is_remote_name(name)) {
        let mut fetch_again =
            |path: &str| files.get(path).map_or(Ok(None), |found| found.read_content().into_owned());
        policy::refuse_remote_weakenings(entry, &mut fetch_again).map_err(UnusablePolicy::Faulty)?;
    }
    let keys = read_signer_keys(&policy.signer_keys, &policy.people).map_err(UnusablePolicy::Faulty)?;
    Ok(LoadedPolicy { policy, source, place, keys, entry: entry.to_owned(), files })
}
