//! Teams that a base leaves without a member for the policies that extend it.
//!
//! A file without `protects` may be such a base, as the packs are. Where a policy is known to be in force, a team that is
//! still open is an error: no change could get the approval of it.

use crate::policy::definition::Policy;
use crate::policy::inspect::findings::{FileFindings, InspectionFacts};
use crate::policy::inspect::written::{find_entry, list_entries, list_items};
use crate::policy::load::files::PolicyFile;
use crate::policy::packs::find_pack;
use crate::policy::remote_file::is_remote_name;
use crate::yaml::{YamlFault, YamlPlace, YamlValue, shorten_for_message};

/// Returns the policy with its open teams filled, if it is only a base for others: no branch is known to be judged by it,
/// its own file, the last one, has no `protects`, and it leaves a team open.
pub(crate) fn fill_base_teams(
    policy: &Policy,
    files: &[PolicyFile],
    facts: &InspectionFacts<'_>,
) -> Option<Policy> {
    let own = files.last().filter(|_| facts.read_from.is_empty())?;
    if find_entry(&own.node, "protects").is_some() || list_open_teams(policy, own).is_empty() {
        return None;
    }
    let mut filled = policy.clone();
    filled.people.fill_open_teams();
    Some(filled)
}

/// Finds the teams that the file at `index` leaves open, in a policy that is in force; those of files of other
/// repositories are told in the file that was asked for, where it extends them.
pub(crate) fn inspect_open_teams(
    policy: &Policy,
    files: &[PolicyFile],
    index: usize,
    found: &mut FileFindings,
) {
    let Some(file) = files.get(index) else { return };
    for (team, at) in list_open_teams(policy, file) {
        let what = format!("the team `{}` has no members", shorten_for_message(team));
        let help = "name them here, or in a file that extends this one";
        found.errors.push(YamlFault::new(at, what).with_help(help));
    }
    if index + 1 < files.len() {
        return;
    }
    let extends =
        find_entry(&file.node, "extends").map_or(YamlPlace { line: 1, column: 1, length: 1 }, |node| node.at);
    for base in files.iter().filter(|file| is_remote_name(&file.name)) {
        for (team, _) in list_open_teams(policy, base) {
            let (team, base) = (shorten_for_message(team), shorten_for_message(&base.name));
            let what =
                format!("`{base}` leaves the team `{team}` for this policy to fill, and it has no members");
            let help = format!("name them, as in `people: {{ teams: {{ {team}: [...] }} }}`");
            found.errors.push(YamlFault::new(extends, what).with_help(help));
        }
    }
}

/// Returns the teams that a file states without a member and that no later file fills; a pack's teams are optional.
fn list_open_teams<'file>(policy: &Policy, file: &'file PolicyFile) -> Vec<(&'file str, YamlPlace)> {
    if find_pack(&file.name).is_some() {
        return Vec::new();
    }
    let teams = find_entry(&file.node, "people").and_then(|people| find_entry(people, "teams"));
    let mut open = Vec::new();
    for (name, members) in teams.map(list_entries).unwrap_or_default() {
        let is_empty = matches!(members.value, YamlValue::List(_)) && list_items(members).is_empty();
        if is_empty && !policy.people.has_members(std::slice::from_ref(&name.text)) {
            open.push((name.text.as_str(), name.at));
        }
    }
    open
}
