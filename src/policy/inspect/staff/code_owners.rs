//! What a file of code owners says and cannot mean, and whom it names that nobody knows.

use std::collections::BTreeSet;

use crate::people::PeopleDirectory;
use crate::people::code_owners::{CodeOwners, FoundCodeOwners, OwnerName};
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::written::{find_entry, list_predicates};
use crate::predicates::approvals::names_code_owners;
use crate::yaml::{YamlFault, YamlNode, YamlPlace, shorten_for_message};

/// Finds questions about code owners that have no answer, because there is no file that says who they are.
pub(crate) fn inspect_code_owners(file: &YamlNode, people: &PeopleDirectory, found: &mut FileFindings) {
    let what = match people.found_code_owners() {
        FoundCodeOwners::NotLookedFor | FoundCodeOwners::Read(_) => return,
        FoundCodeOwners::Unreadable(why) => format!("the code owners are not known: {why}"),
        FoundCodeOwners::Absent => "there is no file of code owners, so this can never be met".to_owned(),
    };
    for (key, asked) in list_predicates(file) {
        if key.text != "approvals" {
            continue;
        }
        let Some(from) = find_entry(asked, "from").filter(|from| names_code_owners(from)) else { continue };
        let paths = people.code_owner_settings().list_paths().join("` or `");
        let fault = YamlFault::new(from.at, what.clone());
        found.errors.push(
            fault.with_help(format!("write it at `{paths}`, in the folder that the policy is read from")),
        );
    }
}

/// Returns the notes about the lines of a file of code owners: those that count for nothing, and the owners whom
/// neither the roster nor the teams know, each once.
pub(crate) fn list_code_owner_notes(file: &CodeOwners, people: &PeopleDirectory) -> Vec<YamlFault> {
    let at_line = |line: usize| YamlPlace { line, column: 1, length: 1 };
    let mut notes = Vec::new();
    for ignored in &file.ignored_lines {
        notes
            .push(YamlFault::new(at_line(ignored.line), format!("this counts for nothing: {}", ignored.why)));
    }
    let mut seen: BTreeSet<&OwnerName> = BTreeSet::new();
    for entry in file.list_entries() {
        for owner in &entry.owners {
            if !seen.insert(owner) {
                continue;
            }
            if people.find_owner_team(owner, file.format).is_some() {
                notes.push(describe_owner_team(owner, at_line(entry.line)));
            } else if people.find_owner_members(owner, file.format).is_unknown() {
                notes.push(describe_unknown_owner(owner, at_line(entry.line)));
            }
        }
    }
    notes.sort_by_key(|fault| fault.at);
    notes
}

fn describe_owner_team(owner: &OwnerName, at: YamlPlace) -> YamlFault {
    let shown = shorten_for_message(owner.as_str());
    let what = format!(
        "who is in `{shown}` is asked of GitHub in each run there; a server and a clone do not know it"
    );
    let help = format!(
        "a token with the permission `Members: read` is needed; or name a team of the policy: `people: {{ codeowners: {{ \
         teams: {{ '{shown}': TEAM }} }} }}`"
    );
    YamlFault::new(at, what).with_help(help)
}

fn describe_unknown_owner(owner: &OwnerName, at: YamlPlace) -> YamlFault {
    let shown = shorten_for_message(owner.as_str());
    let (what, help) = match owner {
        OwnerName::Role(_) => (
            format!("who has the role `{shown}` is not known here, so that nobody approves by it"),
            "name people or groups as well".to_owned(),
        ),
        OwnerName::Handle(handle) if handle.contains('/') => (
            format!("`{shown}` stands for no team of the policy, so that nobody approves by it"),
            format!("name the team: `people: {{ codeowners: {{ teams: {{ '{shown}': TEAM }} }} }}`"),
        ),
        OwnerName::Handle(_) | OwnerName::Address(_) => (
            format!("`{shown}` is not in the roster, so that nobody approves by it"),
            "add the account or the address to the roster".to_owned(),
        ),
    };
    YamlFault::new(at, what).with_help(help)
}
