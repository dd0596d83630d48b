//! The calendars and the file of code owners of two policies, which say by themselves who rests when and who owns what.

use std::collections::{BTreeMap, BTreeSet};

use crate::calendar::Holidays;
use crate::people::PeopleDirectory;
use crate::people::code_owners::{CodeOwners, FoundCodeOwners};
use crate::people::owner_members::OwnerMembers;
use crate::policy::difference::policy_difference::{PolicyDifference, PolicyDirection};
use crate::policy::difference::value_changes::{quote_members, with_details};
use crate::policy::difference::wording::{
    HAS_LESS, HAS_MORE, IS_ANOTHER, IS_GONE, IS_NEW, NO_PERSON, NOTHING, OTHER_CALENDAR_DAYS, OTHER_OWNERS,
    OWNER_STANDS_FOR, OWNERS_OF, OWNERS_ORDER, OWNERS_UNREADABLE, PART_CALENDAR, PART_OWNERS, key_part,
};
use crate::verdict::{Message, MessageValue};
use crate::yaml::shorten_for_message;

/// The owners of each pattern of a file, by its section and its words; the last line counts.
type WrittenOwners<'file> = BTreeMap<(&'file str, String), BTreeSet<&'file str>>;

/// Adds a difference for each calendar that another day of rest comes from.
pub(super) fn compare_calendars(
    old: &PeopleDirectory,
    new: &PeopleDirectory,
    found: &mut Vec<PolicyDifference>,
) {
    if old.holidays() == new.holidays() {
        return;
    }
    let (before, after) = (old.list_calendars(), new.list_calendars());
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for path in paths {
        let what = match (before.get(path), after.get(path)) {
            (Some(before), Some(after)) if before == after => continue,
            (Some(before), Some(after)) => with_details(&IS_ANOTHER, list_day_changes(before, after)),
            (None, _) => Message::from(&IS_NEW),
            (_, None) => Message::from(&IS_GONE),
        };
        let part = PART_CALENDAR.with("path", shorten_for_message(path));
        found.push(PolicyDifference { direction: PolicyDirection::Different, part, what });
    }
}

fn list_day_changes(before: &Holidays, after: &Holidays) -> Vec<Message> {
    let (before, after) = (before.list_calendar_days(), after.list_calendar_days());
    let mut changes = Vec::new();
    for (template, days, others) in [(&HAS_MORE, &after, &before), (&HAS_LESS, &before, &after)] {
        let days: Vec<&str> = days.difference(others).map(String::as_str).collect();
        if !days.is_empty() {
            changes.push(template.with("members", quote_members(&days)));
        }
    }
    if changes.is_empty() {
        changes.push(Message::from(&OTHER_CALENDAR_DAYS));
    }
    changes
}

/// Compares who owns what, as far as a rule asks for it.
pub(super) fn compare_code_owners(
    old: &PeopleDirectory,
    new: &PeopleDirectory,
    found: &mut Vec<PolicyDifference>,
) {
    let mut add = |part: Message, what: Message| {
        found.push(PolicyDifference { direction: PolicyDirection::Different, part, what });
    };
    if old.code_owner_settings() != new.code_owner_settings() {
        add(key_part("codeowners"), Message::from(&IS_ANOTHER));
    }
    let (before, after) = (old.found_code_owners(), new.found_code_owners());
    if let (FoundCodeOwners::Read(before), FoundCodeOwners::Read(after)) = (before, after) {
        let changes = list_owner_meanings((old, before), (new, after));
        if !changes.is_empty() {
            add(
                PART_OWNERS.with("path", shorten_for_message(&after.path)),
                with_details(&OTHER_OWNERS, changes),
            );
        }
    }
    // Where no rule asks for them, what the file says decides nothing.
    let is_asked = |found: &FoundCodeOwners| *found != FoundCodeOwners::NotLookedFor;
    if before == after || !is_asked(before) || !is_asked(after) {
        return;
    }
    let name = |path: &str| PART_OWNERS.with("path", shorten_for_message(path));
    match (before, after) {
        (FoundCodeOwners::Read(before), FoundCodeOwners::Read(after)) if before.path == after.path => {
            let changes = list_owner_changes(before, after);
            if !changes.is_empty() {
                add(name(&after.path), with_details(&IS_ANOTHER, changes));
            }
        }
        (before, after) => {
            for (side, what) in [(before, &IS_GONE), (after, &IS_NEW)] {
                match side {
                    FoundCodeOwners::Read(file) => add(name(&file.path), Message::from(what)),
                    FoundCodeOwners::Unreadable(_) => {
                        add(name("CODEOWNERS"), Message::from(&OWNERS_UNREADABLE))
                    }
                    FoundCodeOwners::Absent | FoundCodeOwners::NotLookedFor => {}
                }
            }
        }
    }
}

/// Returns the names of owners, in both files, that stand for other people: a name is a team of the policy, and where there
/// is none of it, one of GitHub.
fn list_owner_meanings(
    (old, before): (&PeopleDirectory, &CodeOwners),
    (new, after): (&PeopleDirectory, &CodeOwners),
) -> Vec<Message> {
    let list_owners = |file: &CodeOwners| -> BTreeSet<String> {
        let owners = file.list_entries().flat_map(|entry| &entry.owners);
        owners.map(|owner| owner.as_str().to_owned()).collect()
    };
    let kept = list_owners(before);
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut changes = Vec::new();
    for owner in after.list_entries().flat_map(|entry| &entry.owners) {
        if !kept.contains(owner.as_str()) || !told.insert(owner.as_str()) {
            continue;
        }
        let stood = old.find_owner_members(owner, before.format);
        let stands = new.find_owner_members(owner, after.format);
        if stood != stands {
            let change = OWNER_STANDS_FOR.with("owner", shorten_for_message(owner.as_str()));
            changes.push(change.with("before", show_members(&stood)).with("after", show_members(&stands)));
        }
    }
    changes
}

fn show_members(members: &OwnerMembers) -> MessageValue {
    let names: Vec<&str> = members.list_names().collect();
    if names.is_empty() { (&NO_PERSON).into() } else { quote_members(&names).into() }
}

/// Returns what two files of code owners say differently, pattern by pattern.
fn list_owner_changes(before: &CodeOwners, after: &CodeOwners) -> Vec<Message> {
    let (old, new) = (list_written_owners(before), list_written_owners(after));
    let mut changes = Vec::new();
    let keys: BTreeSet<&(&str, String)> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let (before, after) = (old.get(key), new.get(key));
        if before == after {
            continue;
        }
        let (section, pattern) = key;
        let pattern = if section.is_empty() { pattern.clone() } else { format!("[{section}] {pattern}") };
        let change = OWNERS_OF.with("pattern", shorten_for_message(&pattern));
        changes.push(change.with("before", show_owners(before)).with("after", show_owners(after)));
    }
    if !changes.is_empty() {
        return changes;
    }
    let order = |file: &CodeOwners| -> Vec<String> {
        file.list_entries().map(|entry| entry.pattern.to_string()).collect()
    };
    match order(before) == order(after) {
        true => vec![Message::from(&OTHER_OWNERS)],
        false => vec![Message::from(&OWNERS_ORDER)],
    }
}

fn list_written_owners(file: &CodeOwners) -> WrittenOwners<'_> {
    let mut owners = WrittenOwners::new();
    for section in file.list_sections() {
        for entry in &section.entries {
            let sign = if entry.is_exclusion { "!" } else { "" };
            let pattern = format!("{sign}{}", entry.pattern);
            let named = entry.owners.iter().map(|owner| owner.as_str()).collect();
            owners.insert((section.name.as_str(), pattern), named);
        }
    }
    owners
}

fn show_owners(owners: Option<&BTreeSet<&str>>) -> MessageValue {
    match owners {
        Some(owners) if !owners.is_empty() => {
            quote_members(&owners.iter().copied().collect::<Vec<_>>()).into()
        }
        _ => (&NOTHING).into(),
    }
}
