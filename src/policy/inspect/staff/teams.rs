//! Teams that are too small for what is asked of them.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::people::PeopleDirectory;
use crate::policy::definition::Policy;
use crate::policy::inspect::findings::{FileFindings, SuspectedLockout};
use crate::policy::inspect::written::{
    find_entry, list_condition_predicates, list_entries, list_items, list_predicates, list_texts, scalar_text,
};
use crate::predicates::approvals::names_code_owners;
use crate::verdict::RuleLevel;
use crate::yaml::{YamlFault, YamlKey, YamlNode, YamlPlace, shorten_for_message};

/// Looks at the teams of a file, and at what its rules ask of people.
pub(crate) fn inspect_people(file: &YamlNode, policy: &Policy, today: Date, found: &mut FileFindings) {
    let people = &policy.people;
    if let Some(teams) = find_entry(file, "people").and_then(|node| find_entry(node, "teams")) {
        for (team, members) in list_entries(teams) {
            inspect_members(&team.text, members, people, found);
        }
    }
    let mut is_told_of: Vec<YamlPlace> = Vec::new();
    for (id, written) in find_entry(file, "rules").map(list_entries).unwrap_or_default() {
        let place = policy.rules.iter().position(|rule| rule.description.id.as_str() == id.text);
        let (Some(place), Some(require)) = (place, find_entry(written, "require")) else { continue };
        let denies = policy.rules.get(place).is_some_and(|rule| rule.level_on(today) == RuleLevel::Deny);
        for (key, value) in list_condition_predicates(require) {
            let Some(fault) = find_unmet_question(key, value, policy) else { continue };
            is_told_of.push(key.at);
            // Without any keys, the question is odd wherever it stands.
            let is_always_noted = !denies || key.text == "signed";
            let suspicion = SuspectedLockout::of_rule(place, fault);
            found.suspicions.push(SuspectedLockout { is_always_noted, ..suspicion });
        }
    }
    // What a `when`, a class or an exemption asks locks nobody out.
    for (key, value) in list_predicates(file).into_iter().filter(|(key, _)| !is_told_of.contains(&key.at)) {
        found.notes.extend(find_unmet_question(key, value, policy));
    }
}

/// Returns what is wrong with a question about people that nobody can meet.
fn find_unmet_question(key: &YamlKey, value: &YamlNode, policy: &Policy) -> Option<YamlFault> {
    match key.text.as_str() {
        "approvals" => find_unmet_approvals(value, &policy.people),
        "signed" if policy.signer_keys.ssh.is_none() && policy.signer_keys.openpgp.is_none() => {
            let what = "this asks for signatures, and the policy has no keys to verify them with";
            let help = "name them, as in `signers: { ssh: policies/allowed_signers }`";
            Some(YamlFault::new(key.at, what).with_help(help))
        }
        _ => None,
    }
}

/// Notes the members of a team whom the roster does not list: they count for nothing.
fn inspect_members(team: &str, members: &YamlNode, people: &PeopleDirectory, found: &mut FileFindings) {
    if !people.has_roster() {
        return;
    }
    for item in list_items(members) {
        if let Some(member) = scalar_text(item)
            && !people.lists_person(member)
        {
            let shown = shorten_for_message(member);
            let what = format!(
                "`{shown}` is not in the roster, so they count for nothing in `{}`",
                shorten_for_message(team)
            );
            let identities = people.list_identities();
            let own = identities.iter().find(|(_, key)| key.eq_ignore_ascii_case(member));
            let fault = match own {
                // The keys of a roster are names for people to read.
                Some((identity, _)) => {
                    let what = format!(
                        "`{shown}` is the name of an entry of the roster and none of its addresses or accounts, so they \
                         count for nothing in `{}`",
                        shorten_for_message(team)
                    );
                    YamlFault::new(item.at, what)
                        .with_help(format!("write an address or an account of the entry, as in `{identity}`"))
                }
                None => YamlFault::new(item.at, what)
                    .with_help("add them to the roster, or take them out of the team"),
            };
            found.notes.push(fault);
        }
    }
}

/// Returns what is wrong with a number of approvals that is larger than the number of people who may give them.
fn find_unmet_approvals(asked: &YamlNode, people: &PeopleDirectory) -> Option<YamlFault> {
    let count_node = find_entry(asked, "at-least");
    let least = count_node.and_then(scalar_text).and_then(|text| text.parse().ok()).unwrap_or(1);
    let Some(from) = find_entry(asked, "from") else {
        let known = people.count_roster_people().filter(|known| *known < least)?;
        let at = count_node.unwrap_or(asked).at;
        let what = format!("needs {least} approvals, and the roster lists {known} people");
        return Some(YamlFault::new(at, what).with_help("ask for fewer, or add people to the roster"));
    };
    // Who owns what a change touches is not known before there is one.
    if names_code_owners(from) {
        return None;
    }
    let is_distinct = find_entry(asked, "distinct-teams").and_then(scalar_text) == Some("true");
    let mut members: BTreeSet<&str> = BTreeSet::new();
    let teams = list_texts(from);
    for team in &teams {
        let keys: Vec<&str> = people.list_member_keys(team).collect();
        if keys.is_empty() && (is_distinct || teams.len() == 1) {
            let what = format!(
                "the team `{}` has no member in the roster, so this can never be met",
                shorten_for_message(team)
            );
            let help = "add its members to the roster, or name another team";
            return Some(YamlFault::new(from.at, what).with_help(help));
        }
        members.extend(keys);
    }
    if members.len() >= least {
        return None;
    }
    let teams = shorten_for_message(&teams.join(", "));
    let (count, noun) = (members.len(), if members.len() == 1 { "member" } else { "members" });
    let asked = if least == 1 { "approval" } else { "approvals" };
    let what = format!("needs {least} {asked} from {teams}, with {count} {noun}, so this can never be met");
    let at = count_node.unwrap_or(from).at;
    Some(YamlFault::new(at, what).with_help("ask for fewer, or add members to the team"))
}
