//! Parts of a question that no change answers, or that every change does: names in a form that no name has, windows that
//! are open or closed at every time, and a last day that counts for nothing.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::policy::definition::{Policy, Rule};
use crate::policy::inspect::entries::name_slips::{
    find_account_slip, find_address_slip, find_expression_slip, find_wording_slips,
};
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::written::{
    find_entry, list_condition_predicates, list_entries, list_items, list_predicates,
};
use crate::predicates::window::covers_all_times;
use crate::verdict::RuleLevel;
use crate::yaml::{YamlFault, YamlNode, YamlValue, shorten_for_message};

/// Finds what a file asks and cannot be answered, or not in two ways.
pub(crate) fn inspect_idle_parts(file: &YamlNode, policy: &Policy, today: Date, found: &mut FileFindings) {
    for (key, value) in list_predicates(file) {
        let name = key.text.as_str();
        let is_map = matches!(value.value, YamlValue::Map(_));
        match name {
            "author" => inspect_names(find_entry(value, "address"), find_address_slip, found),
            "pusher" if is_map => inspect_names(find_entry(value, "account"), find_account_slip, found),
            "pusher" => inspect_names(Some(value), find_account_slip, found),
            "checks" if is_map => {
                inspect_names(find_entry(value, "named"), find_expression_slip, found);
                inspect_names(find_entry(value, "by"), find_expression_slip, found);
            }
            "checks" => inspect_names(Some(value), find_expression_slip, found),
            "subject" | "title" => found.notes.extend(find_wording_slips(name, value)),
            _ => {}
        }
    }
    let bots = find_entry(file, "people").and_then(|people| find_entry(people, "bots"));
    inspect_names(bots, find_address_slip, found);
    inspect_windows(file, policy, found);
    inspect_last_days(file, policy, today, found);
}

/// Notes the slips of a list of names.
fn inspect_names(
    names: Option<&YamlNode>,
    find_slip: fn(&YamlNode) -> Option<YamlFault>,
    found: &mut FileFindings,
) {
    for item in names.map(list_items).unwrap_or_default() {
        found.notes.extend(find_slip(item));
    }
}

/// Notes windows that are open at every time or at none. What a rule for all changes requires is told as a lock-out,
/// and an exemption for all times with the exemptions.
fn inspect_windows(file: &YamlNode, policy: &Policy, found: &mut FileFindings) {
    let mut told: Vec<(&YamlNode, bool)> = Vec::new();
    for (_, rule) in find_entry(file, "rules").map(list_entries).unwrap_or_default() {
        told.extend(find_entry(rule, "when").map(|when| (when, true)));
        told.extend(find_entry(rule, "require").map(|require| (require, false)));
    }
    let classes = find_entry(file, "classes").map(list_entries).unwrap_or_default();
    told.extend(classes.iter().map(|(_, when)| (when, true)));
    for (condition, tells_never) in told {
        inspect_condition_windows(condition, policy, (true, tells_never), found);
    }
    for exemption in find_entry(file, "exemptions").map(list_items).unwrap_or_default() {
        if let Some(when) = find_entry(exemption, "when") {
            inspect_condition_windows(when, policy, (false, true), found);
        }
    }
}

fn inspect_condition_windows(
    condition: &YamlNode,
    policy: &Policy,
    (tells_always, tells_never): (bool, bool),
    found: &mut FileFindings,
) {
    let holidays = policy.people.holidays();
    for (_, window) in
        list_condition_predicates(condition).into_iter().filter(|(key, _)| key.text == "window")
    {
        for (key, periods) in list_entries(window) {
            let is_asked = match key.text.as_str() {
                "inside" => tells_always,
                "outside" => tells_never,
                _ => false,
            };
            if !is_asked || !covers_all_times(periods, holidays) {
                continue;
            }
            let (what, help) = match key.text.as_str() {
                "inside" => (
                    "these periods are all of every week, so every change comes inside of them",
                    "name fewer times, or leave `inside` out",
                ),
                _ => (
                    "these periods are all of every week, so no change comes outside of them",
                    "leave a time, or remove the question",
                ),
            };
            found.notes.push(YamlFault::new(periods.at, what).with_help(help));
        }
    }
}

/// Notes a warning that has ended, and a last day beside what is no warning.
fn inspect_last_days(file: &YamlNode, policy: &Policy, today: Date, found: &mut FileFindings) {
    let mut rules: BTreeMap<&str, &Rule> = BTreeMap::new();
    for rule in &policy.rules {
        rules.insert(rule.description.id.as_str(), rule);
    }
    for (id, written) in find_entry(file, "rules").map(list_entries).unwrap_or_default() {
        let (Some(rule), Some(until)) = (rules.get(id.text.as_str()), find_entry(written, "until")) else {
            continue;
        };
        let shown = shorten_for_message(&id.text);
        let fault = match (rule.level, rule.warn_until) {
            (RuleLevel::Deny, _) => {
                let what =
                    format!("`until` counts for nothing: `{shown}` denies, and only a warning has an end");
                YamlFault::new(until.at, what).with_help("write `level: warn` beside it, or remove it")
            }
            (RuleLevel::Warn, Some(day)) if day < today => {
                let what = format!("the warning of `{shown}` ended on {day}, so the rule denies");
                YamlFault::new(until.at, what)
                    .with_help("remove `level`, `reason` and `until`, or name a day to come")
            }
            _ => continue,
        };
        found.notes.push(fault);
    }
}
