//! The people of two policies: teams, bots, holidays, the roster, owners of code, and the keys of signers.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::calendar::Holiday;
use crate::policy::definition::{KeyFile, Policy};
use crate::policy::difference::beside_comparison::{compare_calendars, compare_code_owners};
use crate::policy::difference::effective_policy::EffectivePolicy;
use crate::policy::difference::policy_difference::{PolicyDifference, PolicyDirection};
use crate::policy::difference::value_changes::{list_member_changes, quote_members, with_details};
use crate::policy::difference::wording::{
    HAS_LESS, HAS_MORE, IS_ANOTHER, IS_OPEN, KEYS_OF_LESS, KEYS_OF_MORE, OF_ANOTHER_PERSON, OTHER_KEYS,
    OTHER_WORDS, PART_KEY_FILE, PART_ROSTER, PART_TEAM, key_part,
};
use crate::policy::difference::written_parts::add_texts;
use crate::policy::inspect::written::{list_condition_predicates, list_texts};
use crate::verdict::Message;
use crate::yaml::shorten_for_message;

/// One policy, as it is written and as it is read.
pub(super) type ComparedPolicy<'policy> = (&'policy EffectivePolicy<'policy>, &'policy Policy);

/// Adds the differences between the people of two policies.
pub(super) fn compare_people(
    old: ComparedPolicy<'_>,
    new: ComparedPolicy<'_>,
    found: &mut Vec<PolicyDifference>,
) {
    compare_teams(old, new, found);
    compare_lists(old, new, found);
    compare_roster(old, new, found);
    compare_roster_keys(old, new, found);
    compare_calendars(&old.1.people, &new.1.people, found);
    compare_code_owners(&old.1.people, &new.1.people, found);
    compare_signers(old, new, found);
}

fn compare_teams(old: ComparedPolicy<'_>, new: ComparedPolicy<'_>, found: &mut Vec<PolicyDifference>) {
    let index = |policy: ComparedPolicy<'_>| -> BTreeMap<String, BTreeSet<String>> {
        let members = |team| list_texts(team).into_iter().map(str::to_owned).collect();
        policy.0.teams.iter().map(|(name, team)| ((*name).to_owned(), members(team))).collect()
    };
    let (old_teams, new_teams) = (index(old), index(new));
    let names: BTreeSet<&String> = old_teams.keys().chain(new_teams.keys()).collect();
    let sorting = OnceCell::new();
    let none = BTreeSet::new();
    for name in names {
        let (before, after) = (old_teams.get(name).unwrap_or(&none), new_teams.get(name).unwrap_or(&none));
        if before == after {
            continue;
        }
        let texts: &Option<HashSet<&str>> = sorting.get_or_init(|| list_sorting_texts([old, new]));
        let sorts = texts.as_ref().is_none_or(|texts| texts.contains(name.as_str()));
        let part = PART_TEAM.with("name", shorten_for_message(name));
        let is_stated = new_teams.contains_key(name);
        let (joined, left) = (after.difference(before), before.difference(after));
        let joined: Vec<&str> = joined.map(String::as_str).collect();
        let left: Vec<&str> = left.map(String::as_str).collect();
        for (members, template, direction) in
            [(joined, &HAS_MORE, PolicyDirection::Looser), (left, &HAS_LESS, PolicyDirection::Stricter)]
        {
            // A base leaves a team without a member to those that extend it.
            if after.is_empty() && is_stated && direction == PolicyDirection::Stricter {
                let what = IS_OPEN.with("members", quote_members(&members));
                found.push(PolicyDifference { direction: PolicyDirection::Looser, part: part.clone(), what });
            } else if !members.is_empty() {
                let direction = if sorts { PolicyDirection::Different } else { direction };
                let what = template.with("members", quote_members(&members));
                found.push(PolicyDifference { direction, part: part.clone(), what });
            }
        }
    }
}

/// Returns what stands in questions that say more of a team than whose approval fulfils a rule; `None` if every team does.
fn list_sorting_texts<'policy>(policies: [ComparedPolicy<'policy>; 2]) -> Option<HashSet<&'policy str>> {
    // An entry of the catalogue says who may use it, and a question about it can sort changes.
    if policies.iter().any(|(_, policy)| !policy.standard_changes.is_empty()) {
        return None;
    }
    let mut texts = HashSet::new();
    for (written, _) in policies {
        // Whose approval counts decides there which rules apply.
        for condition in written.list_sorting_conditions() {
            add_texts(condition, &mut texts);
        }
        for condition in written.list_requirements() {
            for (key, value) in list_condition_predicates(condition) {
                if key.text != "approvals" {
                    add_texts(value, &mut texts);
                }
            }
        }
    }
    Some(texts)
}

fn compare_lists(old: ComparedPolicy<'_>, new: ComparedPolicy<'_>, found: &mut Vec<PolicyDifference>) {
    let bots = |policy: ComparedPolicy<'_>| -> BTreeSet<String> {
        policy.0.bots.iter().map(|bot| (*bot).to_owned()).collect()
    };
    // The days of calendars are told by themselves.
    let holidays = |policy: ComparedPolicy<'_>| -> BTreeSet<String> {
        policy.1.people.holidays().list_holidays().into_iter().map(write_holiday).collect()
    };
    for (key, before, after) in [("bots", bots(old), bots(new)), ("holidays", holidays(old), holidays(new))] {
        if before == after {
            continue;
        }
        let (before, after): (Vec<&str>, Vec<&str>) =
            (before.iter().map(String::as_str).collect(), after.iter().map(String::as_str).collect());
        let changes = list_member_changes(key, &before, &after);
        let what = with_details(&IS_ANOTHER, changes);
        found.push(PolicyDifference { direction: PolicyDirection::Different, part: key_part(key), what });
    }
}

fn write_holiday(holiday: Holiday) -> String {
    match holiday {
        Holiday::Once(day) => day.to_string(),
        Holiday::EveryYear { month, day } => format!("{month:02}-{day:02}"),
    }
}

fn compare_roster(old: ComparedPolicy<'_>, new: ComparedPolicy<'_>, found: &mut Vec<PolicyDifference>) {
    if old.0.roster == new.0.roster {
        return;
    }
    let (before, after) = (old.1.people.list_identities(), new.1.people.list_identities());
    let joined: Vec<&str> = after.keys().filter(|id| !before.contains_key(*id)).copied().collect();
    let left: Vec<&str> = before.keys().filter(|id| !after.contains_key(*id)).copied().collect();
    let is_moved = |(id, key): &(&&str, &&str)| before.get(**id).is_some_and(|known| known != *key);
    let moved: Vec<&str> = after.iter().filter(is_moved).map(|(id, _)| *id).collect();
    let mut details = Vec::new();
    for (template, members) in [(&HAS_MORE, joined), (&HAS_LESS, left), (&OF_ANOTHER_PERSON, moved)] {
        if !members.is_empty() {
            details.push(template.with("members", quote_members(&members)));
        }
    }
    if details.is_empty() {
        details.push(Message::from(&OTHER_WORDS));
    }
    found.push(PolicyDifference {
        direction: PolicyDirection::Different,
        part: Message::from(&PART_ROSTER),
        what: with_details(&IS_ANOTHER, details),
    });
}

/// Compares the keys that people sign with by the roster. A signature by one more key counts, so that it is looser.
fn compare_roster_keys(old: ComparedPolicy<'_>, new: ComparedPolicy<'_>, found: &mut Vec<PolicyDifference>) {
    let list_keys = |policy: ComparedPolicy<'_>| -> BTreeSet<(String, String)> {
        let mut keys = BTreeSet::new();
        for (person, record) in policy.1.people.service_records().list_records() {
            keys.extend(record.signing_keys.iter().map(|key| (person.to_owned(), key.clone())));
        }
        keys
    };
    let (before, after) = (list_keys(old), list_keys(new));
    let fewer =
        if sorts_by_signature([old, new]) { PolicyDirection::Different } else { PolicyDirection::Stricter };
    for (template, from, to, direction) in
        [(&KEYS_OF_MORE, &before, &after, PolicyDirection::Looser), (&KEYS_OF_LESS, &after, &before, fewer)]
    {
        let people: BTreeSet<&str> = to.difference(from).map(|(person, _)| person.as_str()).collect();
        if !people.is_empty() {
            let what = template.with("members", quote_members(&people.into_iter().collect::<Vec<&str>>()));
            found.push(PolicyDifference { direction, part: Message::from(&PART_ROSTER), what });
        }
    }
}

/// Compares what the files of keys say. A signature by one more key counts, so that it is looser.
fn compare_signers(old: ComparedPolicy<'_>, new: ComparedPolicy<'_>, found: &mut Vec<PolicyDifference>) {
    let (before, after) = (&old.1.signer_keys, &new.1.signer_keys);
    if let (Some(before), Some(after)) = (&before.ssh, &after.ssh)
        && before.source != after.source
    {
        let sorts = sorts_by_signature([old, new]);
        compare_allowed_signers(before, after, sorts, found);
    }
    if let (Some(before), Some(after)) = (&before.openpgp, &after.openpgp)
        && before.source != after.source
    {
        add_key_difference(after, PolicyDirection::Looser, Message::from(&OTHER_KEYS), found);
    }
}

/// Returns true if a valid signature does more than fulfil a rule.
fn sorts_by_signature(policies: [ComparedPolicy<'_>; 2]) -> bool {
    let asks = |condition| list_condition_predicates(condition).iter().any(|(key, _)| key.text == "signed");
    policies
        .iter()
        .any(|(written, _)| written.list_sorting_conditions().iter().any(|condition| asks(condition)))
}

fn compare_allowed_signers(
    before: &KeyFile,
    after: &KeyFile,
    sorts: bool,
    found: &mut Vec<PolicyDifference>,
) {
    let (known, given) = (list_key_lines(before), list_key_lines(after));
    let added: Vec<&[u8]> = given.iter().filter(|line| !known.contains(line)).copied().collect();
    let gone: Vec<&[u8]> = known.iter().filter(|line| !given.contains(line)).copied().collect();
    // Comments and empty lines decide nothing; which of two lines comes first may.
    if added.is_empty() && gone.is_empty() {
        if known != given {
            add_key_difference(after, PolicyDirection::Looser, Message::from(&OTHER_KEYS), found);
        }
        return;
    }
    if !added.is_empty() {
        let what = KEYS_OF_MORE.with("members", name_principals(&added));
        add_key_difference(after, PolicyDirection::Looser, what, found);
    }
    if !gone.is_empty() {
        let direction = if sorts { PolicyDirection::Different } else { PolicyDirection::Stricter };
        let what = KEYS_OF_LESS.with("members", name_principals(&gone));
        add_key_difference(after, direction, what, found);
    }
}

fn add_key_difference(
    file: &KeyFile,
    direction: PolicyDirection,
    what: Message,
    found: &mut Vec<PolicyDifference>,
) {
    let part = PART_KEY_FILE.with("path", shorten_for_message(&file.path));
    found.push(PolicyDifference { direction, part, what });
}

/// Returns the lines that name keys, without the blanks around them.
fn list_key_lines(file: &KeyFile) -> Vec<&[u8]> {
    let lines = file.source.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).collect()
}

/// Returns whose keys the lines name.
fn name_principals(lines: &[&[u8]]) -> Vec<String> {
    let mut names = Vec::new();
    for line in lines {
        let name = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        names.push(String::from_utf8_lossy(name).into_owned());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    quote_members(&names)
}
