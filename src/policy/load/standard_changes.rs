//! The standard changes of a policy, in its files and in the catalogues that they name; and the paths of all
//! files that a policy is made of.

use crate::catalogue::StandardCatalogue;
use crate::people::{PeopleDirectory, check_plain_path};
use crate::policy::definition::SignerKeys;
use crate::policy::faults::FaultyFile;
use crate::policy::load::files::{FetchedFile, name_root, unreadable_file_fault};
use crate::policy::load::loader::{PolicyLoader, SourcedNode};
use crate::policy::packs::find_pack;
use crate::policy::remote_file::is_remote_name;
use crate::yaml::decode::parse_one;
use crate::yaml::{self, YamlFault, YamlValue, shorten_for_message};

/// Reads the standard changes of all files, and of the catalogues that they name; returns those with what
/// is wrong with them.
pub(super) fn fetch_standard_changes(
    loader: &mut PolicyLoader<'_>,
    people: &PeopleDirectory,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
) -> (StandardCatalogue, Vec<FaultyFile>) {
    let mut catalogue = StandardCatalogue::default();
    let mut read: Vec<FaultyFile> = Vec::new();
    for SourcedNode { file, node } in loader.find_nodes("standard-changes") {
        let root = name_root(loader.file_name(file));
        let faults = loader.faults_of(file);
        if !matches!(node.value, YamlValue::Scalar { .. }) {
            catalogue.read_entries(node, people, faults);
            continue;
        }
        let path = parse_one(node, faults, |path| check_plain_path(path).map(str::to_owned));
        let Some(name) = path.filter(|name| read.iter().all(|known| known.name != *name)) else { continue };
        let mut listed = FaultyFile { name: name.clone(), ..FaultyFile::default() };
        match fetch(&name) {
            Ok(Some(source)) => {
                match yaml::read_document(&source) {
                    Ok(node) => catalogue.read_file(&node, people, &mut listed.faults),
                    Err(found) => listed.faults = found,
                }
                listed.source = source;
            }
            Ok(None) => {
                let what = format!("there is no catalogue `{}`", shorten_for_message(&name));
                let help = format!("write it, or correct the path, which starts from {root}");
                faults.push(YamlFault::new(node.at, what).with_help(help));
            }
            Err(why) => faults.push(unreadable_file_fault(&name, node.at, &why)),
        }
        read.push(listed);
    }
    (catalogue, read)
}

/// Returns the paths of the files that a policy is made of, without shipped packs.
pub(super) fn list_gate_files(
    names: &[String],
    read_beside: &[FaultyFile],
    signers: &SignerKeys,
    code_owners: Vec<String>,
) -> Vec<String> {
    let is_here = |name: &&String| find_pack(name).is_none() && !is_remote_name(name);
    let mut files: Vec<String> = names.iter().filter(is_here).cloned().collect();
    files.extend(read_beside.iter().map(|file| file.name.clone()));
    files.extend(signers.ssh.iter().chain(&signers.openpgp).map(|keys| keys.path.clone()));
    files.extend(code_owners);
    files.sort_unstable();
    files.dedup();
    files
}
