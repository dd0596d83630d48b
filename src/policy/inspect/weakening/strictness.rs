//! Whether one requirement asks at least as much as another, as far as their wording shows it.

use std::collections::BTreeMap;

use crate::calendar::TimeLimit;
use crate::policy::inspect::distinct_approvals::keeps_distinct_people;
use crate::policy::inspect::weakening::parameter_senses::{
    are_teams_as_strict, is_added_demand, is_allowance, is_listed_as_strict, is_short_form_as_strict,
    is_window_as_strict,
};
use crate::policy::inspect::written::{
    find_entry, is_same_value, list_condition_predicates, list_conjuncts, list_entries, list_parts,
    list_texts, measure_node, scalar_text,
};
use crate::yaml::{YamlKey, YamlNode, YamlValue};

/// What `approvals` asks for where it does not say; for `trust` and `of`, that is the strictest word.
const APPROVAL_DEFAULTS: [(&str, &str); 3] =
    [("at-least", "1"), ("trust", "verified"), ("of", "final-revision")];

/// How much may be written in two conditions together that are compared, as a product.
const MAX_COMPARED_SIZES: usize = 2_000_000;

/// The words of the fields that have an order, as two policies have them both.
#[derive(Clone, Copy, Default)]
pub(crate) struct FieldOrders<'policy>(Option<&'policy BTreeMap<String, Vec<&'policy str>>>);

impl<'policy> FieldOrders<'policy> {
    /// Takes the orders of fields, by their names in small letters.
    pub(crate) fn of_fields(orders: &'policy BTreeMap<String, Vec<&'policy str>>) -> Self {
        FieldOrders(Some(orders))
    }

    /// Returns true if both words are known, and `word` does not come before `other`.
    fn is_at_least(self, field: &str, word: &YamlNode, other: &YamlNode) -> bool {
        let Some(words) = self.0.and_then(|orders| orders.get(&field.to_ascii_lowercase())) else {
            return false;
        };
        let find_place = |node| words.iter().position(|known| scalar_text(node) == Some(known));
        matches!((find_place(word), find_place(other)), (Some(word), Some(other)) if word >= other)
    }
}

/// Returns true if every change that fulfils the condition `new` fulfils `old`.
///
/// False where that cannot be seen, or where there is too much to compare.
pub(crate) fn is_as_strict(old: &YamlNode, new: &YamlNode) -> bool {
    is_as_strict_by(FieldOrders::default(), old, new)
}

/// As [`is_as_strict`], where the words of fields have these orders.
pub(crate) fn is_as_strict_by(orders: FieldOrders<'_>, old: &YamlNode, new: &YamlNode) -> bool {
    measure_node(old).saturating_mul(measure_node(new)) <= MAX_COMPARED_SIZES
        && asks_as_much(orders, old, new)
}

fn asks_as_much(orders: FieldOrders<'_>, old: &YamlNode, new: &YamlNode) -> bool {
    let covers = |old: &YamlNode, new: &YamlNode| are_parameters_as_strict("approvals", old, new);
    if !keeps_distinct_people(&list_conjuncts(old), &list_conjuncts(new), &covers) {
        return false;
    }
    list_entries(old).iter().all(|(key, asked)| match key.text.as_str() {
        "all" => list_parts(asked).iter().all(|part| asks_for(orders, new, part)),
        // One way is enough.
        "any" if list_parts(asked).iter().any(|way| is_as_strict_by(orders, way, new)) => true,
        _ => asks_for_entry(orders, new, &key.text, asked),
    })
}

/// Returns true if `new` asks at least what the condition `part` asks, somewhere among what has to hold.
fn asks_for(orders: FieldOrders<'_>, new: &YamlNode, part: &YamlNode) -> bool {
    asks_as_much(orders, part, new)
}

/// Returns true if one of the questions of `new` that have to hold is `key`, with parameters at least as
/// strict as `asked`.
fn asks_for_entry(orders: FieldOrders<'_>, new: &YamlNode, key: &str, asked: &YamlNode) -> bool {
    list_entries(new).iter().any(|(given, value)| match given.text.as_str() {
        "all" => list_parts(value).iter().any(|part| asks_for_entry(orders, part, key, asked)),
        // Whichever way is taken has to ask for it.
        "any" if key != "any" => {
            let ways = list_parts(value);
            !ways.is_empty() && ways.iter().all(|way| asks_for_entry(orders, way, key, asked))
        }
        given if given != key => false,
        "any" => {
            // Each way that is left has to be one of the ways that there were.
            let ways = list_parts(asked);
            list_parts(value).iter().all(|way| ways.iter().any(|known| asks_as_much(orders, known, way)))
        }
        "not" => is_same_value(asked, value) || is_exclusion_as_strict(asked, value),
        "window" => is_window_as_strict(asked, value),
        "field" => list_entries(asked).iter().all(|(field, asked)| {
            find_entry(value, &field.text)
                .is_some_and(|value| is_field_question_as_strict((orders, &field.text), asked, value))
        }),
        _ => are_parameters_as_strict(key, asked, value),
    })
}

/// The predicates whose answer rests on nothing but what the change itself is.
const CERTAIN_PREDICATES: [&str; 4] = ["touches", "only-touches", "branch", "subject"];

/// Returns true if what must not be in `old` must not be in `new`, either. Only for what is certain: an answer that is
/// unknown is none under `not`.
fn is_exclusion_as_strict(old: &YamlNode, new: &YamlNode) -> bool {
    let is_certain = |condition| {
        let asked = list_condition_predicates(condition);
        asked.iter().all(|(key, _)| CERTAIN_PREDICATES.contains(&key.text.as_str()))
    };
    is_certain(old) && is_certain(new) && is_as_strict(new, old)
}

/// Compares the parameters of one predicate. Another set of them is in doubt, but for those that only
/// narrow who or what counts.
fn are_parameters_as_strict(predicate: &str, old: &YamlNode, new: &YamlNode) -> bool {
    let (known, given) = (list_entries(old), list_entries(new));
    let is_map = |node: &YamlNode| matches!(node.value, YamlValue::Map(_));
    if !is_map(old) || !is_map(new) {
        return is_same_value(old, new) || is_short_form_as_strict(predicate, old, new);
    }
    let defaults = if predicate == "approvals" { &APPROVAL_DEFAULTS[..] } else { &[] };
    let is_default = |key: &str, node: &YamlNode| {
        defaults.iter().any(|(known, word)| *known == key && scalar_text(node) == Some(word))
    };
    let narrows = |key: &str| match predicate {
        "approvals" => match key {
            "at-least" | "distinct-teams" | "different-teams" | "distinct" => true,
            // Of paths that nobody owns, `nobody` asks for less than no `from` at all.
            "from" => find_entry(new, "unowned").and_then(scalar_text) != Some("nobody"),
            "unowned" => find_entry(new, "unowned").and_then(scalar_text) == Some("refuse"),
            _ => false,
        },
        "ticket" => !["within", "unseen"].contains(&key),
        _ => is_added_demand(predicate, key),
    };
    known.iter().all(|(key, asked)| match find_entry(new, &key.text) {
        Some(_) if predicate == "approvals" && key.text == "from" => are_teams_as_strict(old, new),
        Some(value) => {
            is_parameter_as_strict(&key.text, asked, value)
                || is_listed_as_strict(predicate, &key.text, asked, value)
        }
        None => {
            is_allowance(predicate, &key.text)
                || is_default(&key.text, asked)
                || defaults.iter().any(|(word, _)| *word == key.text) && key.text != "at-least"
        }
    }) && given.iter().all(|(key, value)| {
        find_entry(old, &key.text).is_some() || narrows(&key.text) || is_default(&key.text, value)
    })
}

fn is_parameter_as_strict(key: &str, old: &YamlNode, new: &YamlNode) -> bool {
    if is_same_value(old, new) {
        return true;
    }
    match (key, scalar_text(old), scalar_text(new)) {
        ("at-least" | "different-teams", Some(old), Some(new)) => {
            matches!((old.parse::<u64>(), new.parse::<u64>()), (Ok(old), Ok(new)) if new >= old)
        }
        ("within", Some(old), Some(new)) => is_limit_as_short(old, new),
        ("trust", _, Some(new)) => new == "verified",
        ("of", _, Some(new)) => new == "final-revision",
        ("sponsor", _, Some(new)) => new == "verified",
        ("unowned", _, Some(new)) => new == "refuse",
        _ => false,
    }
}

/// Compares what is asked of one field, such as `{ within: 5 business days, by: others }`. A word has no size but its
/// place in the order of the field, even if it looks like a number.
fn is_field_question_as_strict(
    (orders, field): (FieldOrders<'_>, &str),
    old: &YamlNode,
    new: &YamlNode,
) -> bool {
    let (known, given) = (list_entries(old), list_entries(new));
    if known.is_empty() || given.is_empty() {
        return is_same_value(old, new);
    }
    let is_kept = |(key, asked): &(YamlKey, YamlNode)| {
        find_entry(new, &key.text).is_some_and(|value| match key.text.as_str() {
            "at-least" => is_same_value(asked, value) || orders.is_at_least(field, value, asked),
            "at-most" => is_same_value(asked, value) || orders.is_at_least(field, asked, value),
            key => is_parameter_as_strict(key, asked, value),
        })
    };
    known.iter().all(is_kept) && given.iter().all(|(key, _)| find_entry(old, &key.text).is_some())
}

fn is_limit_as_short(old: &str, new: &str) -> bool {
    match (TimeLimit::new(old), TimeLimit::new(new)) {
        (Ok(TimeLimit::Minutes(old)), Ok(TimeLimit::Minutes(new)))
        | (Ok(TimeLimit::BusinessDays(old)), Ok(TimeLimit::BusinessDays(new))) => new <= old,
        // As many days around the clock are never later than business days, which leave out weekends.
        (Ok(TimeLimit::BusinessDays(old)), Ok(TimeLimit::Minutes(new))) => new <= old * 24 * 60,
        _ => false,
    }
}

/// Returns true if the `obligations` of a later file, which replace those of `old` key by key, ask for as
/// much. The teams of a pack are for policies to fill, so that another team is no weakening of one.
pub(crate) fn are_obligations_as_strict(old: &YamlNode, new: &YamlNode, is_pack: bool) -> bool {
    list_entries(new).iter().all(|(key, value)| {
        let earlier = find_entry(old, &key.text);
        match key.text.as_str() {
            "block-on-overdue" | "suspend-shortcut" => {
                scalar_text(value) == Some("true")
                    || earlier.is_none_or(|earlier| scalar_text(earlier) != Some("true"))
            }
            // Without terms, an unauthorised change stays open until a policy has some.
            "regularise" => earlier.is_some_and(|earlier| is_settings_map_as_strict(earlier, value, is_pack)),
            _ => earlier.is_some_and(|earlier| is_same_value(earlier, value)),
        }
    })
}

/// Returns true if who may do something, and for how long, is not widened.
pub(crate) fn is_settings_map_as_strict(old: &YamlNode, new: &YamlNode, is_pack: bool) -> bool {
    list_entries(old).iter().all(|(key, asked)| {
        find_entry(new, &key.text).is_some_and(|value| match key.text.as_str() {
            "from" => {
                let teams = list_texts(asked);
                is_pack || list_texts(value).iter().all(|team| teams.contains(team))
            }
            "within" | "longest" => match (scalar_text(asked), scalar_text(value)) {
                (Some(asked), Some(value)) => is_limit_as_short(asked, value),
                _ => false,
            },
            _ => is_same_value(asked, value),
        })
    }) && list_entries(new).iter().all(|(key, _)| find_entry(old, &key.text).is_some())
}

/// Returns true if the field `new` accepts only what `old` accepts, as far as the wording shows it.
pub(crate) fn is_field_as_strict(old: &YamlNode, new: &YamlNode) -> bool {
    let (known, given) = (list_entries(old), list_entries(new));
    // What is only shown to people does not count, and another name for the field only adds ways to fail.
    let counts = |key: &str| key != "example";
    known.iter().filter(|(key, _)| counts(&key.text)).all(|(key, asked)| {
        find_entry(new, &key.text).is_some_and(|value| match key.text.as_str() {
            "one-of" => {
                let (words, given) = (list_texts(asked), list_texts(value));
                // Where words disagree, their order says which of them counts.
                let is_ordered = find_entry(old, "on-conflict").is_some();
                !given.is_empty()
                    && given.iter().all(|word| words.contains(word))
                    && (!is_ordered || is_in_order(&words, &given))
            }
            "text" => is_prose_as_strict(asked, value),
            _ => is_same_value(asked, value),
        })
    }) && given
        .iter()
        .filter(|(key, _)| counts(&key.text))
        .all(|(key, _)| find_entry(old, &key.text).is_some())
}

/// Returns whether the words of `given` stand in the order that they have in `words`.
fn is_in_order(words: &[&str], given: &[&str]) -> bool {
    given.iter().map(|word| words.iter().position(|known| known == word)).is_sorted()
}

fn is_prose_as_strict(old: &YamlNode, new: &YamlNode) -> bool {
    let length =
        |node| find_entry(node, "min-length").and_then(scalar_text).and_then(|text| text.parse::<u64>().ok());
    let refused = |node| find_entry(node, "refuse").map(list_texts).unwrap_or_default();
    let now_refused = refused(new);
    length(new).unwrap_or(1) >= length(old).unwrap_or(1)
        && refused(old).iter().all(|phrase| now_refused.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    fn compare(old: &str, new: &str) -> bool {
        let read = |text: &str| read_document(text.as_bytes()).unwrap();
        is_as_strict(&read(old), &read(new))
    }

    #[test]
    fn the_order_of_words_counts_where_it_says_which_counts() {
        let is_kept = |old: &str, new: &str| {
            let read = |text: &str| read_document(text.as_bytes()).unwrap();
            is_field_as_strict(&read(old), &read(new))
        };
        let strictest = |words: &str| format!("{{ one-of: [{words}], on-conflict: strictest }}");
        let asked = strictest("normal, standard, emergency");
        for (words, kept) in [
            ("normal, standard, emergency", true),
            ("normal, emergency", true),
            ("emergency, standard, normal", false),
            ("normal, emergency, standard", false),
        ] {
            assert_eq!(is_kept(&asked, &strictest(words)), kept, "{words}");
        }
        assert!(is_kept("{ one-of: [a, b] }", "{ one-of: [b, a] }"));
    }

    #[test]
    fn obligations_are_compared_key_by_key() {
        let compare = |old: &str, new: &str, is_pack: bool| {
            let read = |text: &str| read_document(text.as_bytes()).unwrap();
            are_obligations_as_strict(&read(old), &read(new), is_pack)
        };
        let terms = "regularise: { from: [duty], within: 24h }";
        for (new, in_pack, in_file) in [
            ("block-on-overdue: true", true, true),
            ("block-on-overdue: false", true, true),
            (terms, true, true),
            ("regularise: { from: [duty], within: 4h }", true, true),
            ("regularise: { from: [ops], within: 24h }", true, false),
            ("regularise: { from: [duty], within: 48h }", false, false),
            ("regularise: { from: [duty], within: 1 business day }", false, false),
        ] {
            assert_eq!((compare(terms, new, true), compare(terms, new, false)), (in_pack, in_file), "{new}");
        }
        assert!(!compare("block-on-overdue: true", "block-on-overdue: false", true));
        assert!(!compare("block-on-overdue: true", terms, true));
    }

    #[test]
    fn what_asks_for_more_is_as_strict() {
        for (old, new) in [
            ("field: { A: present }", "field: { A: present, B: present }"),
            ("field: { A: present }", "{ field: { A: present }, signed: true }"),
            ("field: { A: present }", "all: [{ field: { A: present } }, { draft: false }]"),
            ("all: [{ field: { A: present } }, { draft: false }]", "{ draft: false, field: { A: present } }"),
            ("approvals: { at-least: 1 }", "approvals: { at-least: 2, from: [a] }"),
            ("approvals: { trust: claimed }", "approvals: { trust: verified }"),
            ("approvals: { trust: claimed, at-least: 1 }", "approvals: { from: [a] }"),
            ("approvals: { of: final-revision }", "approvals: { at-least: 2 }"),
            ("ticket: { field: T }", "ticket: { field: T, exists: true, state: open }"),
            ("signed: true", "any: [{ signed: true, draft: false }, { all: [{ signed: true }] }]"),
            ("ticket: { field: T, within: 24h }", "ticket: { within: 60m, field: T }"),
            ("field: { R: { within: 5 business days } }", "field: { R: { within: 2 business days } }"),
            ("field: { R: { within: 5 business days } }", "field: { R: { within: 3 days } }"),
            ("any: [{ draft: false }, { signed: true }]", "any: [{ signed: true }]"),
            ("subject: { longest: 72 }", "subject: { longest: 50 }"),
            ("size: { files: { at-most: 3 } }", "size: { files: { at-most: 2 } }"),
            ("size: { files: { at-most: 3 } }", "size: { files: { at-most: 3 }, lines: { at-most: 9 } }"),
            ("size: { files: { at-most: 3 }, ignore: ['*.lock'] }", "size: { files: { at-most: 3 } }"),
            ("checks: test", "checks: [test, lint]"),
            (
                "checks: { named: test, allow: [skipped, neutral] }",
                "checks: { named: test, allow: [skipped] }",
            ),
            ("author: { domain: [a.example, b.example] }", "author: { domain: [a.example] }"),
            ("not: { touches: a/ }", "not: { touches: [a/, b/] }"),
            ("label: { none-of: [x] }", "label: { none-of: [x, y] }"),
            ("signed: true", "signed: { from: [a] }"),
            (
                "window: { outside: [{ weekdays: [Fri], until: '22:59' }] }",
                "window: { outside: [{ weekdays: [Fri], until: '23:00' }] }",
            ),
            (
                "window: { outside: [{ from: 2026-12-20, until: 2026-12-31 }] }",
                "window: { outside: [{ from: 2026-12-20, until: 2027-01-03 }] }",
            ),
            (
                "approvals: { from: [a, b, c], distinct-teams: true }",
                "approvals: { from: [c, b, a, d], distinct-teams: true }",
            ),
            ("approvals: { from: [a, b, c] }", "approvals: { from: [a, b], distinct-teams: true }"),
            ("approvals: { authors: cross }", "approvals: {}"),
            ("approvals: { suggestions: count-as-review }", "approvals: {}"),
            ("approvals: { trust: claimed }", "approvals: { trust: claimed, distinct: people }"),
            ("approvals: { from: [a, b, c] }", "approvals: { from: [a, b, c], different-teams: 2 }"),
            (
                "approvals: { from: [a, b, c], different-teams: 2 }",
                "approvals: { from: [a, b, c], different-teams: 3 }",
            ),
            ("agents: { sponsor: claimed }", "agents: { sponsor: verified }"),
            ("any: [{ draft: false }, { signed: true }]", "signed: true"),
            (
                "all: [{ approvals: { from: [a], distinct: people } }, { approvals: { from: [b, c], distinct: people } }]",
                "all: [{ approvals: { from: [b], distinct: people } }, { all: [{ approvals: { from: [a], distinct: people } }] }]",
            ),
            (
                "all: [{ approvals: { from: [a], distinct: people } }, { approvals: { from: [b], distinct: people } }]",
                "any: [{ all: [{ approvals: { from: [a], distinct: people } }, { approvals: { from: [b], distinct: people } }] }]",
            ),
        ] {
            assert!(compare(old, new), "{old} -> {new}");
            // What says the same in other words is as strict both ways.
            let is_reworded = old.starts_with("all:") || new.starts_with("any:");
            assert!(is_reworded || !compare(new, old), "{new} -> {old}");
        }
    }

    #[test]
    fn words_of_an_order_are_compared_by_it() {
        let orders = BTreeMap::from([("severity".to_owned(), vec!["4", "3", "2", "1"])]);
        let compare = |old: &str, new: &str| {
            let read = |text: &str| read_document(text.as_bytes()).unwrap();
            let (old, new) = (read(old), read(new));
            is_as_strict_by(FieldOrders::of_fields(&orders), &old, &new)
        };
        for (key, old, new, kept) in [
            ("at-least", "2", "1", true),
            ("at-least", "2", "2", true),
            ("at-least", "2", "4", false),
            ("at-least", "2", "9", false),
            ("at-most", "2", "4", true),
            ("at-most", "2", "1", false),
        ] {
            let write = |word: &str| format!("all: [{{ field: {{ Severity: {{ {key}: '{word}' }} }} }}]");
            assert_eq!(compare(&write(old), &write(new)), kept, "{key}: {old} -> {new}");
        }
    }

    #[test]
    fn what_asks_for_less_or_else_is_not() {
        let both = "all: [{ approvals: { from: [a], distinct: people } }, { approvals: { from: [a, b], distinct: people } }]";
        for (old, new) in [
            // Under `any` an approval is joined with no other.
            (
                both,
                &*both.replace(
                    "{ approvals: { from: [a], distinct: people } }",
                    "{ any: [{ approvals: { from: [a], distinct: people } }] }",
                ),
            ),
            (
                both,
                &*both
                    .replace("[{ approvals", "[{ draft: false, any: [{ approvals")
                    .replace("people } }, ", "people } }] }, "),
            ),
            // One approval does for two.
            (both, "all: [{ approvals: { from: [a], distinct: people } }]"),
            (both, "approvals: { from: [a], distinct: people }"),
            (both, "all: [{ approvals: { from: [a], distinct: people } }, { approvals: { from: [a, b] } }]"),
            ("field: { A: present, B: present }", "field: { A: present }"),
            ("field: { A: present }", "any: [{ field: { A: present } }, { draft: false }]"),
            ("{ draft: false, signed: true }", "draft: false"),
            ("approvals: { at-least: 2 }", "approvals: { at-least: 1 }"),
            ("approvals: { at-least: 2 }", "approvals: { from: [a] }"),
            ("approvals: { from: [a] }", "approvals: { trust: claimed, from: [a] }"),
            ("signed: true", "any: [{ signed: true }, { draft: false }]"),
            ("approvals: { from: [a] }", "approvals: { from: [a, b] }"),
            ("approvals: { from: [a] }", "approvals: {}"),
            ("approvals: { trust: verified }", "approvals: { trust: claimed }"),
            ("approvals: { at-least: 1 }", "approvals: { at-least: 1, field: Nod }"),
            ("ticket: { field: T, within: 24h }", "ticket: { field: T, within: 90 days }"),
            ("ticket: { field: T }", "ticket: { field: T, within: 24h }"),
            // What may follow later is asked of the record that brings it as well.
            ("ticket: { field: T, within: 24h }", "ticket: { field: T }"),
            // Words are no numbers.
            ("field: { S: { at-least: '2' } }", "field: { S: { at-least: '4' } }"),
            ("ticket: { field: T, within: 2 days }", "ticket: { field: T, within: 2 business days }"),
            ("any: [{ signed: true }]", "any: [{ draft: false }, { signed: true }]"),
            ("not: { label: x }", "not: { label: y }"),
            ("subject: { longest: 50 }", "subject: { longest: 72 }"),
            (
                "approvals: { from: [a, b, c], distinct-teams: true }",
                "approvals: { from: [a, b], distinct-teams: true }",
            ),
            ("approvals: { from: [a, b], distinct-teams: true }", "approvals: { from: [a, b] }"),
            (
                "approvals: { from: [a, b], different-teams: 2 }",
                "approvals: { from: [a, b, c], different-teams: 2 }",
            ),
            (
                "approvals: { from: [a, b], distinct-teams: true, at-least: 3 }",
                "approvals: { from: [a, b, c], distinct-teams: true, at-least: 3 }",
            ),
            ("checks: { named: [test], by: [a, b] }", "checks: { named: [test], by: [a] }"),
            ("not: { touches: [a/, b/] }", "not: { touches: a/ }"),
            ("not: { label: { any-of: [x] } }", "not: { label: { any-of: [x, y] } }"),
            ("size: { files: { at-most: 2 } }", "size: { files: { at-most: 2 }, ignore: [a] }"),
            (
                "window: { outside: [{ weekdays: [Fri] }], zone: Europe/Berlin }",
                "window: { outside: [{ weekdays: [Fri] }] }",
            ),
        ] {
            assert!(!compare(old, new), "{old} -> {new}");
        }
    }
}
