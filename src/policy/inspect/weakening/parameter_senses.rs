//! In which sense a parameter of a predicate makes it ask for more.
//!
//! What is not listed here is compared as it is written, so that any other value is in doubt.

use crate::policy::inspect::written::{find_entry, is_same_value, list_entries, list_texts, scalar_text};
use crate::yaml::{YamlNode, YamlValue};

/// What a parameter means for how much is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParameterSense {
    /// A number: the larger, the more is asked.
    AtLeast,
    /// A number, or a map with `at-most`: the smaller, the more is asked.
    AtMost,
    /// A list of which one is enough: the shorter, the more is asked.
    OneOf,
    /// A list of which all count: the longer, the more is asked.
    EachOf,
    /// What is accepted beside the rest: the less, the more is asked.
    Allowance,
    /// What is asked beside the rest, and has no more and no less.
    Demand,
}

/// Returns the sense of a parameter; of the short form of a predicate, without parameters, that of the empty key.
fn find_sense(predicate: &str, key: &str) -> Option<ParameterSense> {
    Some(match (predicate, key) {
        ("checks", "at-least-tests") => ParameterSense::AtLeast,
        ("size", "files" | "lines" | "commits")
        | ("subject" | "title", "longest")
        | ("ticket", "max")
        | ("merge", "parents") => ParameterSense::AtMost,
        ("touches" | "only-touches" | "branch" | "pusher", "")
        | ("touches", "paths" | "kinds")
        | ("author", "address" | "domain" | "team")
        | ("pusher", "account" | "team")
        | ("label", "any-of" | "by")
        | ("signed", "from")
        | ("ticket", "project" | "type" | "label") => ParameterSense::OneOf,
        ("checks", "" | "named")
        | ("touches", "ignore")
        | ("label", "all-of" | "none-of")
        | ("subject" | "title", "refuse")
        | ("digest-of", "path")
        | ("blob", "lfs") => ParameterSense::EachOf,
        ("checks", "allow")
        | ("size", "ignore")
        | ("label", "of")
        | ("approvals", "authors" | "commands" | "suggestions")
        | ("subject", "ignore-merges")
        | ("ticket", "unseen") => ParameterSense::Allowance,
        ("subject" | "title", "matches")
        | ("subject", "body")
        | ("approvals", "distinct" | "signed-push")
        | ("author" | "pusher", "bot")
        | ("signed", "by")
        | ("blob", "largest" | "raw-weights" | "lfs-pointer") => ParameterSense::Demand,
        _ => return None,
    })
}

/// Returns true if the parameter `key`, which was not there before, only asks for more.
pub(super) fn is_added_demand(predicate: &str, key: &str) -> bool {
    !key.is_empty() && find_sense(predicate, key).is_some_and(|sense| sense != ParameterSense::Allowance)
}

/// Returns true if the parameter `key` only accepted something beside the rest, so that more is asked without it.
pub(super) fn is_allowance(predicate: &str, key: &str) -> bool {
    find_sense(predicate, key) == Some(ParameterSense::Allowance)
}

/// Returns true if a parameter that is given twice asks as much in `new`, by its sense. False where it has none.
pub(super) fn is_listed_as_strict(predicate: &str, key: &str, old: &YamlNode, new: &YamlNode) -> bool {
    match find_sense(predicate, key) {
        Some(ParameterSense::AtLeast) => read_number(new) >= read_number(old) && read_number(old).is_some(),
        Some(ParameterSense::AtMost) => match (read_limit(old), read_limit(new)) {
            (Some(old), Some(new)) => new <= old,
            _ => false,
        },
        Some(ParameterSense::OneOf) => is_part_of(new, old),
        Some(ParameterSense::EachOf) => is_part_of(old, new),
        Some(ParameterSense::Allowance) => is_list(old) && is_list(new) && is_part_of(new, old),
        Some(ParameterSense::Demand) | None => false,
    }
}

/// Returns true if the short form of a predicate, such as a list of names, asks as much in `new`.
pub(super) fn is_short_form_as_strict(predicate: &str, old: &YamlNode, new: &YamlNode) -> bool {
    // `signed: true` asks nothing of the signer.
    if predicate == "signed" {
        return scalar_text(old) == Some("true") && !list_entries(new).is_empty();
    }
    is_plain_list(old) && is_plain_list(new) && is_listed_as_strict(predicate, "", old, new)
}

/// Returns true if the approvals of `new` come from teams that are enough for `old`.
///
/// Where each team has to approve, one team less is one approval less, and one team more is one more. Where any of
/// them is enough, it is the other way round.
pub(super) fn are_teams_as_strict(old: &YamlNode, new: &YamlNode) -> bool {
    let teams = |node| find_entry(node, "from").map(list_texts).unwrap_or_default();
    let (before, after) = (teams(old), teams(new));
    if before.is_empty() || after.is_empty() {
        return before.is_empty();
    }
    let is_each = |node| find_entry(node, "distinct-teams").and_then(scalar_text) == Some("true");
    let covers = |wide: &[&str], narrow: &[&str]| narrow.iter().all(|team| wide.contains(team));
    if !is_each(old) {
        return covers(&before, &after);
    }
    let is_once = |teams: &[&str]| {
        (1..teams.len()).all(|at| !teams.iter().skip(at).any(|one| teams.get(at - 1) == Some(one)))
    };
    if !is_each(new) || !is_once(&before) || !is_once(&after) || !covers(&after, &before) {
        return false;
    }
    // Those of another team count for the number, too.
    let asked = find_entry(old, "at-least").and_then(read_number).unwrap_or(1);
    covers(&before, &after) || asked <= u64::try_from(before.len()).unwrap_or(0)
}

/// Returns true if whatever fulfils the times of `new` fulfils those of `old`, as far as their wording shows it.
pub(super) fn is_window_as_strict(old: &YamlNode, new: &YamlNode) -> bool {
    let has_same_zone = match (find_entry(old, "zone"), find_entry(new, "zone")) {
        (None, None) => true,
        (Some(old), Some(new)) => is_same_value(old, new),
        _ => false,
    };
    let (frozen, now_frozen) = (list_periods(old, "outside"), list_periods(new, "outside"));
    let (open, now_open) = (list_periods(old, "inside"), list_periods(new, "inside"));
    let stays_frozen = frozen.iter().all(|period| now_frozen.iter().any(|wide| covers_period(wide, period)));
    let opens_no_more = open.is_empty()
        || !now_open.is_empty()
            && now_open.iter().all(|period| open.iter().any(|wide| covers_period(wide, period)));
    has_same_zone && stays_frozen && opens_no_more
}

fn list_periods<'node>(window: &'node YamlNode, key: &str) -> Vec<&'node YamlNode> {
    match find_entry(window, key).map(|node| (node, &node.value)) {
        Some((_, YamlValue::List(periods))) => periods.iter().collect(),
        Some((node, _)) => vec![node],
        None => Vec::new(),
    }
}

/// Returns true if every moment of the period `narrow` lies in `wide`.
fn covers_period(wide: &YamlNode, narrow: &YamlNode) -> bool {
    if is_same_value(wide, narrow) {
        return true;
    }
    let has_ends = |node| {
        list_entries(node).iter().all(|(key, _)| ["weekdays", "from", "until"].contains(&key.text.as_str()))
    };
    if !has_ends(wide) || !has_ends(narrow) {
        return false;
    }
    let covers_days = match (find_entry(wide, "weekdays"), find_entry(narrow, "weekdays")) {
        (None, _) => true,
        (Some(wide), Some(narrow)) => is_same_value(wide, narrow) || is_part_of(narrow, wide),
        (Some(_), None) => false,
    };
    let (Some((first, last)), Some((from, until))) = (read_ends(wide), read_ends(narrow)) else {
        return false;
    };
    // A period that ends on the next day has its ends in the other order.
    let is_alike = first.len() == from.len() && (first <= last) == (from <= until);
    covers_days && is_alike && first <= from && last >= until
}

/// Returns the ends of a period of days or hours, each written so that the order of texts is that of times.
fn read_ends(period: &YamlNode) -> Option<(&str, &str)> {
    let end = |key: &str| find_entry(period, key).and_then(scalar_text);
    let (from, until) = match (end("from"), end("until")) {
        (Some(from), Some(until)) => (from, until),
        // Of a day, its first and its last minute.
        (Some(from), None) if from.contains(':') => (from, "23:59"),
        (None, Some(until)) if until.contains(':') => ("00:00", until),
        (None, None) => ("00:00", "23:59"),
        _ => return None,
    };
    let is_written_out = |text: &str| text.len() == "00:00".len() || text.len() == "2026-01-01".len();
    (is_written_out(from) && from.len() == until.len()).then_some((from, until))
}

/// Returns true if both are lists, and all of `part` stands in `whole`.
fn is_part_of(part: &YamlNode, whole: &YamlNode) -> bool {
    let (part, whole) = (list_texts(part), list_texts(whole));
    !part.is_empty() && part.iter().all(|text| whole.contains(text))
}

fn is_list(node: &YamlNode) -> bool {
    matches!(node.value, YamlValue::List(_))
}

fn is_plain_list(node: &YamlNode) -> bool {
    !matches!(node.value, YamlValue::Map(_))
}

fn read_number(node: &YamlNode) -> Option<u64> {
    scalar_text(node)?.parse().ok()
}

/// Reads `9`, or `{ at-most: 9 }`.
fn read_limit(node: &YamlNode) -> Option<u64> {
    match list_entries(node) {
        [] => read_number(node),
        [(key, limit)] if key.text == "at-most" => read_number(limit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    #[test]
    fn a_period_covers_what_lies_in_it() {
        let covers = |wide: &str, narrow: &str| {
            let read = |text: &str| read_document(text.as_bytes()).unwrap();
            covers_period(&read(wide), &read(narrow))
        };
        for (wide, narrow, expected) in [
            ("{ from: 2026-12-20, until: 2027-01-03 }", "{ from: 2026-12-21, until: 2027-01-03 }", true),
            ("{ from: 2026-12-21, until: 2027-01-03 }", "{ from: 2026-12-20, until: 2027-01-03 }", false),
            ("{ weekdays: [Fri], until: '23:00' }", "{ weekdays: [Fri], until: '22:59' }", true),
            ("{ weekdays: [Fri, Sat] }", "{ weekdays: [Fri], from: '12:00' }", true),
            ("{ weekdays: business }", "{ weekdays: [Mon] }", false),
            ("{ from: '09:00' }", "{ weekdays: [Mon], from: '08:00' }", false),
            ("{ from: '20:00', until: '08:00' }", "{ from: '21:00', until: '07:00' }", true),
            ("{ from: '20:00', until: '08:00' }", "{ from: '07:00', until: '21:00' }", false),
            ("{ from: '00:00' }", "{ from: 2026-12-20, until: 2027-01-03 }", false),
            ("{ last: 5 days, of: quarter }", "{ last: 4 days, of: quarter }", false),
        ] {
            assert_eq!(covers(wide, narrow), expected, "{wide} and {narrow}");
        }
    }
}
