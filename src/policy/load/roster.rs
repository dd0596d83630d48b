//! Fetching the roster, and what the policy leaves for it to fill.

use crate::people::PeopleDirectory;
use crate::people::team_faults::unfilled_team_fault;
use crate::policy::faults::FaultyFile;
use crate::policy::inspect::written::{find_entry, list_entries};
use crate::policy::load::files::{FetchedFile, digest_source, name_root, unreadable_file_fault};
use crate::policy::load::loader::{PolicyLoader, SourcedNode};
use crate::yaml::{YamlFault, YamlValue, read_list_document, shorten_for_message};

/// Reads the roster, if the policy names one; returns it with what is wrong with it.
pub(super) fn fetch_roster(
    loader: &mut PolicyLoader<'_>,
    people: &mut PeopleDirectory,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
) -> Option<FaultyFile> {
    let name = people.roster.clone()?;
    let SourcedNode { file, node } = loader.find_last_node("people")?;
    let mut roster = FaultyFile { name: name.clone(), ..FaultyFile::default() };
    match fetch(&name) {
        Ok(Some(source)) => {
            if !people.read_plain_roster(&source) {
                match read_list_document(&source) {
                    Ok(node) => people.read_roster(&node, &mut roster.faults),
                    Err(faults) => roster.faults = faults,
                }
            }
            people.roster_digest = Some(digest_source(&source));
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
    Some(roster)
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
