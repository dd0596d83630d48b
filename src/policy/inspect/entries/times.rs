//! Time zones that do not exist, and windows that have closed for good or do not open.
//!
//! A window that is closed locks out only what it binds: as a part of `when` or of an exemption, or in a rule for
//! some changes, it is how a branch that is frozen for good is written, or what is left of last year.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::calendar::{find_similar_zone, to_local_time};
use crate::policy::definition::Policy;
use crate::policy::inspect::entries::lockouts::binds_usual_changes;
use crate::policy::inspect::findings::{FileFindings, SuspectedLockout};
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::written::{
    find_entry, list_conjuncts, list_entries, list_items, list_predicates, list_texts, scalar_text,
};
use crate::policy::load::files::PolicyFile;
use crate::verdict::RuleLevel;
use crate::yaml::{YamlFault, YamlNode, YamlValue, shorten_for_message};

/// How many days a freeze may go on without being taken for a slip.
const MAX_FREEZE_DAYS: i32 = 366;

/// Looks at every window of the file at `index`.
pub(crate) fn inspect_times(
    policy: &Policy,
    (files, rules): (&[PolicyFile], &RuleIndex<'_>),
    index: usize,
    today: Date,
    found: &mut FileFindings,
) {
    let Some(file) = files.get(index) else { return };
    for (key, value) in list_predicates(&file.node) {
        if key.text == "window" {
            inspect_zone(value, found);
        }
    }
    for (id, written) in find_entry(&file.node, "rules").map(list_entries).unwrap_or_default() {
        let place = rules.find_place(&id.text);
        let Some((place, rule)) = place.and_then(|place| Some((place, policy.rules.get(place)?))) else {
            continue;
        };
        let shown = shorten_for_message(&id.text);
        let level = rule.level_on(today);
        if !rules.is_overridden(index, &id.text, "when") {
            for inside in list_ended_windows(find_entry(written, "when"), today) {
                let what =
                    format!("the rule `{shown}` never applies any more: every period of `inside` is over");
                let help = "name a period to come, or remove the rule";
                found.notes.push(YamlFault::new(inside.at, what).with_help(help));
            }
        }
        if level != RuleLevel::Deny || rules.is_overridden(index, &id.text, "require") {
            continue;
        }
        let require = find_entry(written, "require");
        let is_binding = binds_usual_changes(policy, place, today);
        for inside in list_ended_windows(require, today) {
            let noted = format!(
                "every period of `inside` is over, so nothing that `{shown}` applies to is allowed any more"
            );
            if is_binding {
                let what = "every period of `inside` is over, so no change is allowed any more";
                let help = "name a period to come, or remove the rule";
                let fault = YamlFault::new(inside.at, what).with_help(help);
                found.suspicions.push(SuspectedLockout::of_rule(place, fault).or_noted_as(noted));
            } else {
                let what = noted;
                let help = "name a period to come, unless that is meant";
                found.notes.push(YamlFault::new(inside.at, what).with_help(help));
            }
        }
        if is_binding {
            for window in list_windows(require) {
                inspect_freezes(window, (place, &shown), today, found);
            }
        }
    }
    for exemption in find_entry(&file.node, "exemptions").map(list_items).unwrap_or_default() {
        for inside in list_ended_windows(find_entry(exemption, "when"), today) {
            let what = "this exemption never applies any more: every period of `inside` is over";
            let help = "name a period to come, or remove the exemption";
            found.notes.push(YamlFault::new(inside.at, what).with_help(help));
        }
    }
}

fn inspect_zone(window: &YamlNode, found: &mut FileFindings) {
    if let Some(zone) = find_entry(window, "zone")
        && let Some(name) = scalar_text(zone)
        && let Err(why) = to_local_time(Timestamp::UNIX_EPOCH, Some(name))
    {
        let mut fault = YamlFault::new(zone.at, why);
        fault.help = Some(match find_similar_zone(name) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "name one such as `Europe/Berlin`, or install the time zones (tzdata)".into(),
        });
        found.errors.push(fault);
    }
}

/// Returns the windows in which a change has to come for the condition to hold.
fn list_windows(condition: Option<&YamlNode>) -> Vec<&YamlNode> {
    let conjuncts = condition.map(list_conjuncts).unwrap_or_default();
    conjuncts.into_iter().filter(|(key, _)| key.text == "window").map(|(_, value)| value).collect()
}

/// Returns the periods of those windows that are all over.
fn list_ended_windows(condition: Option<&YamlNode>, today: Date) -> Vec<&YamlNode> {
    let inside = list_windows(condition).into_iter().filter_map(|window| find_entry(window, "inside"));
    inside.filter(|periods| has_ended(periods, today)).collect()
}

/// Returns true if all of these periods are of days, and the last of them is over.
fn has_ended(periods: &YamlNode, today: Date) -> bool {
    let periods = list_periods(periods);
    // In some time zone it is still yesterday.
    let Ok(yesterday) = today.yesterday() else { return false };
    !periods.is_empty()
        && periods.iter().all(|period| {
            let until = find_entry(period, "until").and_then(scalar_text);
            let day = until.and_then(|text| text.parse::<Date>().ok());
            find_entry(period, "weekdays").is_none() && day.is_some_and(|day| day < yesterday)
        })
}

fn list_periods(periods: &YamlNode) -> &[YamlNode] {
    match &periods.value {
        YamlValue::Map(_) => std::slice::from_ref(periods),
        _ => list_items(periods),
    }
}

/// Finds a window that is closed always, or for more than a year from now.
fn inspect_freezes(window: &YamlNode, (place, shown): (usize, &str), today: Date, found: &mut FileFindings) {
    for period in find_entry(window, "outside").map(list_periods).unwrap_or_default() {
        // The edge of a month leaves the rest of it open.
        if find_entry(period, "of").is_some() {
            continue;
        }
        let text = |key| find_entry(period, key).and_then(scalar_text);
        let (from, until) = (text("from").unwrap_or("00:00"), text("until").unwrap_or("23:59"));
        let all_day = find_entry(period, "weekdays").is_none_or(|days| list_texts(days).len() == 7)
            && (from, until) == ("00:00", "23:59");
        let is_long = match (from.parse::<Date>(), until.parse::<Date>()) {
            (Ok(from), Ok(until)) => {
                from <= today && until.since(today).is_ok_and(|left| left.get_days() > MAX_FREEZE_DAYS)
            }
            _ => false,
        };
        if all_day || is_long {
            let what = match all_day {
                true => "this is all of every day, so no change is allowed at any time".to_owned(),
                false => format!("no change would be allowed until {until}, for more than a year"),
            };
            let noted = match all_day {
                true => format!(
                    "this is all of every day, so no change that `{shown}` applies to is ever allowed"
                ),
                false => format!(
                    "no change that `{shown}` applies to would be allowed until {until}, for more than a year"
                ),
            };
            let fault = YamlFault::new(period.at, what).with_help("leave a time for changes");
            found.suspicions.push(SuspectedLockout::of_rule(place, fault).or_noted_as(noted));
        }
    }
}
