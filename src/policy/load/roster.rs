//! Fetching the roster, and what the policy leaves for it to fill.

use crate::people::PeopleDirectory;
use crate::people::roster_index::RosterIndex;
use crate::people::team_faults::unfilled_team_fault;
use crate::policy::faults::FaultyFile;
use crate::policy::inspect::written::{find_entry, list_entries};
use crate::policy::load::files::{FetchedFile, digest_source, name_root, unreadable_file_fault};
use crate::policy::load::loader::{PolicyLoader, SourcedNode};
use crate::yaml::{YamlFault, YamlValue, read_list_document, shorten_for_message};

/// How many bytes a roster has of which an index is worth keeping; a shorter one is read in a few milliseconds.
pub(crate) const MIN_INDEXED_BYTES: usize = 32 * 1024;

/// An index of the roster at a path, as it is kept.
pub(crate) struct KeptRosterIndex {
    /// The people of the roster.
    pub(crate) index: RosterIndex,
    /// SHA-256 over the roster, in hexadecimal.
    pub(crate) digest: String,
}

/// The digests of a policy, with and without its files of keys.
pub(crate) type PolicyDigests = (String, String);

/// A keeper of indexes of long rosters. It answers for what it returns: that it is of just this roster, was made by this
/// version of the program from one without a fault, and is not damaged.
pub(crate) trait RosterIndexes {
    /// Returns the index of the roster at `path`; `None` if there is none, and then the roster is read.
    fn find_index(&mut self, path: &str) -> Option<KeptRosterIndex>;

    /// Keeps an index of the roster at `path`, which was read now and has this digest, if `encode` can make one and it is of
    /// use. Returns whether it is kept.
    fn keep_index(&mut self, path: &str, digest: &str, encode: &dyn Fn() -> Option<Vec<u8>>) -> bool;

    /// Returns the digests of the policy whose other files and keys, with the digest of the roster, have the digest `parts`.
    fn find_digests(&mut self, parts: &str) -> Option<PolicyDigests>;

    /// Keeps these digests, beside the index that was found or kept.
    fn keep_digests(&mut self, parts: &str, digests: &PolicyDigests);
}

/// Keeps no indexes, where a roster is on disk or is read once.
pub(crate) struct NoRosterIndexes;

impl RosterIndexes for NoRosterIndexes {
    fn find_index(&mut self, _: &str) -> Option<KeptRosterIndex> {
        None
    }

    fn keep_index(&mut self, _: &str, _: &str, _: &dyn Fn() -> Option<Vec<u8>>) -> bool {
        false
    }

    fn find_digests(&mut self, _: &str) -> Option<PolicyDigests> {
        None
    }

    fn keep_digests(&mut self, _: &str, _: &PolicyDigests) {}
}

/// A roster that a policy names.
pub(super) struct FetchedRoster {
    /// What is wrong with it. Its source is empty where an index was used.
    pub(super) file: FaultyFile,
    /// True if an index of it was found or is kept now.
    pub(super) has_index: bool,
}

/// Reads the roster, if the policy names one; returns it with what is wrong with it.
pub(super) fn fetch_roster(
    loader: &mut PolicyLoader<'_>,
    people: &mut PeopleDirectory,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
    indexes: &mut dyn RosterIndexes,
) -> Option<FetchedRoster> {
    let name = people.roster.clone()?;
    let SourcedNode { file, node } = loader.find_last_node("people")?;
    let mut roster = FaultyFile { name: name.clone(), ..FaultyFile::default() };
    // What an index cannot answer by this policy, the roster is read for: it may have a fault then.
    if let Some(KeptRosterIndex { index, digest }) = indexes.find_index(&name)
        && people.adopt_index(index)
    {
        people.roster_digest = Some(digest);
        refuse_unfilled_teams(loader, people);
        return Some(FetchedRoster { file: roster, has_index: true });
    }
    let mut has_index = false;
    match fetch(&name) {
        Ok(Some(source)) => {
            if !people.read_plain_roster(&source) {
                match read_list_document(&source) {
                    Ok(node) => people.read_roster(&node, &mut roster.faults),
                    Err(faults) => roster.faults = faults,
                }
            }
            let digest = digest_source(&source);
            if roster.faults.is_empty() && source.len() >= MIN_INDEXED_BYTES {
                has_index = indexes.keep_index(&name, &digest, &|| people.encode_index());
            }
            people.roster_digest = Some(digest);
            roster.source = source;
        }
        Ok(None) => {
            let what = format!("there is no roster `{}`", shorten_for_message(&name));
            let root = name_root(loader.file_name(file));
            let help = format!("write it, or correct `roster`, which starts from {root}");
            loader.faults_of(file).push(YamlFault::new(node.at, what).with_help(help));
        }
        Err(why) => loader.faults_of(file).push(unreadable_file_fault(&name, node.at, &why)),
    }
    refuse_unfilled_teams(loader, people);
    Some(FetchedRoster { file: roster, has_index })
}

/// Returns the digests of a policy with an index of its roster, which is the first of the files beside it. They are kept with
/// the index, since the roster is read and digested in more time than a hook has.
pub(super) fn find_indexed_digests(
    loader: &mut PolicyLoader<'_>,
    people: &PeopleDirectory,
    read_beside: &mut [FaultyFile],
    compute_digests: &dyn Fn(&[FaultyFile]) -> PolicyDigests,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
    indexes: &mut dyn RosterIndexes,
) -> PolicyDigests {
    let digest = people.roster_digest.clone().unwrap_or_default().into_bytes();
    let swap_source = |read_beside: &mut [FaultyFile], source: Vec<u8>| match read_beside.first_mut() {
        Some(roster) => std::mem::replace(&mut roster.source, source),
        None => source,
    };
    let source = swap_source(read_beside, digest);
    let (parts, _) = compute_digests(read_beside);
    swap_source(read_beside, source);
    if people.is_indexed() {
        if let Some(digests) = indexes.find_digests(&parts) {
            return digests;
        }
        let name = people.roster.as_deref().unwrap_or_default();
        match (fetch(name), loader.find_last_node("people")) {
            (Ok(Some(source)), _) => {
                swap_source(read_beside, source);
            }
            (found, Some(SourcedNode { file, node })) => {
                let why = found.err().unwrap_or_else(|| "it is not there any more".to_owned());
                loader.faults_of(file).push(unreadable_file_fault(name, node.at, &why));
            }
            (_, None) => {}
        }
    }
    let digests = compute_digests(read_beside);
    if loader.is_faultless() {
        indexes.keep_digests(&parts, &digests);
    }
    digests
}

/// Leaves a fault for each team without a member that a policy in force leaves to its roster, and that the roster gives to
/// nobody either.
fn refuse_unfilled_teams(loader: &mut PolicyLoader<'_>, people: &PeopleDirectory) {
    for SourcedNode { file, node } in loader.find_nodes("people") {
        if !loader.states_key(file, "protects") {
            continue;
        }
        let (Some(teams), Some(_)) = (find_entry(node, "teams"), find_entry(node, "roster")) else {
            continue;
        };
        for (name, members) in list_entries(teams) {
            let is_empty = matches!(&members.value, YamlValue::List(items) if items.is_empty());
            if is_empty && people.has_roster() && !people.may_have_members(&name.text) {
                loader.faults_of(file).push(unfilled_team_fault(&name.text, members.at));
            }
        }
    }
}
