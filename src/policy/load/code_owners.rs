//! The file of code owners, read beside the policy if a rule asks for the approval of owners.

use crate::people::PeopleDirectory;
use crate::policy::faults::FaultyFile;
use crate::policy::inspect::written::{find_entry, list_entries};
use crate::policy::load::files::FetchedFile;
use crate::policy::load::loader::{PolicyLoader, SourcedNode};
use crate::predicates::approvals::names_code_owners;
use crate::yaml::decode::unknown_word_fault;
use crate::yaml::{YamlKey, YamlNode, YamlValue};

/// The file of code owners, and the paths at which it was looked for.
#[derive(Default)]
pub(super) struct FetchedCodeOwners {
    /// The file with its content; `None` if there is none to read.
    pub(super) file: Option<FaultyFile>,
    /// The paths, up to the one where it was found: a file at an earlier one would take its place.
    pub(super) paths: Vec<String>,
}

/// Reads the file of code owners, if anything in the policy asks for the approval of owners.
///
/// A file that is missing or cannot be read is no fault of the policy: the question has no answer then.
pub(super) fn fetch_code_owners(
    loader: &mut PolicyLoader<'_>,
    people: &mut PeopleDirectory,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
) -> FetchedCodeOwners {
    refuse_unknown_teams(loader, people);
    let mut fetched = FetchedCodeOwners::default();
    if !loader.nodes().iter().any(asks_code_owners) {
        return fetched;
    }
    for path in people.code_owner_settings().list_paths() {
        let found = fetch(path);
        fetched.paths.push((*path).to_owned());
        match &found {
            Ok(None) => people.set_code_owners(path, Ok(None)),
            Ok(Some(source)) => {
                people.set_code_owners(path, Ok(Some(source)));
                let name = (*path).to_owned();
                fetched.file = Some(FaultyFile { name, source: source.clone(), faults: Vec::new() });
                break;
            }
            Err(why) => {
                people.set_code_owners(path, Err(why.clone()));
                break;
            }
        }
    }
    fetched
}

/// Returns true if a question about approvals asks for those of code owners, somewhere in a tree.
fn asks_code_owners(node: &YamlNode) -> bool {
    match &node.value {
        YamlValue::Scalar { .. } => false,
        YamlValue::List(items) => items.iter().any(asks_code_owners),
        YamlValue::Map(entries) => entries
            .iter()
            .any(|(key, value)| (key.text == "from" && names_code_owners(value)) || asks_code_owners(value)),
    }
}

/// Leaves a fault at each name of an owner that stands for a team that the policy does not have.
fn refuse_unknown_teams(loader: &mut PolicyLoader<'_>, people: &PeopleDirectory) {
    for SourcedNode { file, node } in loader.find_nodes("people") {
        let teams = find_entry(node, "codeowners").and_then(|node| find_entry(node, "teams"));
        for (_, team) in teams.map(list_entries).unwrap_or_default() {
            let YamlValue::Scalar { text, .. } = &team.value else { continue };
            if !people.team_names().any(|known| known == text) {
                let key = YamlKey { at: team.at, text: text.clone() };
                loader.faults_of(file).push(unknown_word_fault("team", &key, people.team_names()));
            }
        }
    }
}
