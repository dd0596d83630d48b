//! Two versions of a rule.

use std::collections::HashMap;

use crate::policy::asked_again::AskedAgain;
use crate::policy::definition::{Policy, Rule};
use crate::policy::difference::alternative_changes::list_alternative_changes;
use crate::policy::difference::effective_policy::{NamedNodes, find_named};
use crate::policy::difference::policy_difference::{PolicyDifference, PolicyDirection};
use crate::policy::difference::value_changes::{show_written_value, with_details};
use crate::policy::difference::wording::{
    ALL_CLASSES, ALWAYS, DENY, KEY_FOR, KEY_LEVEL, KEY_NOT_FOR, KEY_REQUIRE, KEY_UNTIL, KEY_WHEN,
    MAY_BE_WEAKER, MAY_NOT_BE_WEAKER, NOT_ASKED_AGAIN, NOTHING, OTHER_VALUE, PART_EXEMPTION, PART_RULE,
    PART_RULE_OF_CLASSES, VALUES, WITH_ALLOWANCES,
};
use crate::policy::inspect::weakening::strictness::{FieldOrders, is_as_strict_by};
use crate::policy::inspect::weakening::weakened_entries::may_weaken_rule;
use crate::policy::inspect::written::{is_same_value, list_texts, scalar_text};
use crate::policy::remote_file::MAY_BE_WEAKENED;
use crate::predicates::support::condition::Condition;
use crate::verdict::{Message, MessageTemplate, MessageValue, RuleLevel};
use crate::yaml::{YamlNode, shorten_for_message};

/// The keys of a rule that decide, in the order in which they are told.
const DECIDING_KEYS: [&str; 6] = ["level", "until", "for", "not-for", "when", "require"];

/// A policy with its rules by their ids.
pub(crate) struct PolicyRules<'policy> {
    pub(crate) policy: &'policy Policy,
    rules: HashMap<&'policy str, &'policy Rule>,
    /// What the rules ask about that can have another answer on another branch.
    asked_again: HashMap<&'policy str, AskedAgain>,
}

impl<'policy> PolicyRules<'policy> {
    /// Looks at the rules of a policy.
    pub(crate) fn index_rules(policy: &'policy Policy) -> Self {
        let mut rules = HashMap::new();
        let mut asked_again = HashMap::new();
        for (index, rule) in policy.rules.iter().enumerate() {
            let id = rule.description.id.as_str();
            rules.entry(id).or_insert(rule);
            asked_again.entry(id).or_insert_with(|| AskedAgain::describe_rule(policy, index, rule));
        }
        PolicyRules { policy, rules, asked_again }
    }

    /// Returns the name of a rule with the classes that it is for.
    pub(crate) fn name_rule(&self, id: &str) -> Message {
        let id = shorten_for_message(id);
        let classes = self.rules.get(id.as_str()).and_then(|rule| rule.class_indexes.as_ref());
        match classes {
            None => PART_RULE.with("id", id),
            Some(indexes) => {
                let names = indexes.iter().filter_map(|index| self.policy.classes.get(*index));
                let names: Vec<&str> = names.map(|class| class.id.as_str()).collect();
                PART_RULE_OF_CLASSES.with("id", id).with("classes", names)
            }
        }
    }

    /// Returns what a rule asks under `when` or `require`.
    fn find_question(&self, id: &str, key: &str) -> Option<&'policy Condition> {
        let rule = self.rules.get(id)?;
        if key == "when" { rule.when.as_ref() } else { Some(&rule.require) }
    }

    /// Returns what a rule asks under `when` or `require`, in words, with what it accepts beside that.
    fn describe_question(&self, id: &str, key: &str) -> MessageValue {
        if !self.rules.contains_key(id) {
            return (&NOTHING).into();
        }
        let Some(condition) = self.find_question(id, key) else { return (&ALWAYS).into() };
        let (question, allowances) = (condition.describe(), condition.list_allowances());
        if allowances.is_empty() {
            return question.into();
        }
        WITH_ALLOWANCES.with("question", question).with("allowances", allowances).into()
    }
}

/// Takes back that a difference is stricter where its rule is no longer asked of what another branch holds already.
///
/// A rule that asks about the branch is asked again of what a branch gets from another one. If it asks so of every change
/// now, it was asked there already, by the old policy and with the old answer.
pub(crate) fn doubt_rules_asked_less(
    old: &PolicyRules<'_>,
    new: &PolicyRules<'_>,
    found: &mut Vec<PolicyDifference>,
) {
    let is_asked_less = |rule: &&Rule| {
        let id = rule.description.id.as_str();
        let (before, after) = (old.asked_again.get(id), new.asked_again.get(id));
        matches!((before, after), (Some(before), Some(after)) if !after.is_asked_wherever(*before))
    };
    for rule in new.policy.rules.iter().filter(is_asked_less) {
        let id = rule.description.id.as_str();
        let part = new.name_rule(id);
        let parts = [part.clone(), PART_EXEMPTION.with("rule", shorten_for_message(id))];
        for difference in found.iter_mut() {
            if difference.direction == PolicyDirection::Stricter && parts.contains(&difference.part) {
                difference.direction = PolicyDirection::Different;
                let what = std::mem::replace(&mut difference.what, Message::from(&NOT_ASKED_AGAIN));
                difference.what = with_details(what, vec![Message::from(&NOT_ASKED_AGAIN)]);
            }
        }
        // The same question in other words.
        if found.iter().all(|difference| difference.direction == PolicyDirection::Stricter) {
            let what = Message::from(&NOT_ASKED_AGAIN);
            found.push(PolicyDifference { direction: PolicyDirection::Different, part, what });
        }
    }
}

/// Adds the differences between two versions of a rule, where the words of fields have these orders.
pub(crate) fn compare_rules(
    (id, orders): (&str, FieldOrders<'_>),
    (old, old_policy): (&NamedNodes<'_>, &PolicyRules<'_>),
    (new, new_policy): (&NamedNodes<'_>, &PolicyRules<'_>),
    found: &mut Vec<PolicyDifference>,
) {
    let part = new_policy.name_rule(id);
    for key in DECIDING_KEYS {
        let (before, after) = (find_named(old, key), find_named(new, key));
        let Some(direction) = compare_key((key, orders), before, after) else { continue };
        let (shown_before, shown_after) = match key {
            "when" | "require" => {
                (old_policy.describe_question(id, key), new_policy.describe_question(id, key))
            }
            _ => (show_value(key, before), show_value(key, after)),
        };
        let what = match (before, after) {
            // Words that are the same for both say nothing; what is written does.
            (Some(before), Some(after)) if is_same_text(&shown_before, &shown_after) => OTHER_VALUE
                .with("key", name_key(key))
                .with("before", show_written_value(before))
                .with("after", show_written_value(after)),
            _ => {
                OTHER_VALUE.with("key", name_key(key)).with("before", shown_before).with("after", shown_after)
            }
        };
        let questions = [old_policy, new_policy].map(|policy| policy.find_question(id, key));
        let what = match (key, questions) {
            ("when" | "require", [Some(before), Some(after)]) => {
                with_details(what, list_alternative_changes(before, after))
            }
            _ => what,
        };
        found.push(PolicyDifference { direction, part: part.clone(), what });
    }
    let permits = |keys| find_named(keys, MAY_BE_WEAKENED).is_some();
    let change = match (permits(old), permits(new)) {
        (false, true) => (PolicyDirection::Looser, &MAY_BE_WEAKER),
        (true, false) => (PolicyDirection::Stricter, &MAY_NOT_BE_WEAKER),
        _ => return,
    };
    found.push(PolicyDifference { direction: change.0, part, what: Message::from(change.1) });
}

/// Returns which way one key of a rule changes; `None` if it says the same.
fn compare_key(
    (key, orders): (&str, FieldOrders<'_>),
    before: Option<&YamlNode>,
    after: Option<&YamlNode>,
) -> Option<PolicyDirection> {
    match (before, after) {
        (None, None) => None,
        (Some(before), Some(after)) if is_same_value(before, after) => None,
        // A rule that says nothing of its level denies.
        (None, Some(stated)) | (Some(stated), None)
            if key == "level" && scalar_text(stated) == Some("deny") =>
        {
            None
        }
        // A rule without one is about more changes, or denies.
        (Some(_), None) => Some(PolicyDirection::Stricter),
        (None, Some(after)) => {
            let weakens = may_weaken_rule(key, None, after);
            // A warning without an end is refused by the loader, so that `until` comes with `level`.
            (key != "until").then_some(if weakens {
                PolicyDirection::Looser
            } else {
                PolicyDirection::Stricter
            })
        }
        (Some(before), Some(after)) => {
            let may_weaken = |before, after| match key {
                "require" => !is_as_strict_by(orders, before, after),
                _ => may_weaken_rule(key, Some(before), after),
            };
            let (weakens, strengthens) = (may_weaken(before, after), may_weaken(after, before));
            match (weakens, strengthens) {
                // The same, in other words.
                (false, false) => None,
                (false, true) => Some(PolicyDirection::Stricter),
                (true, false) => Some(PolicyDirection::Looser),
                (true, true) => Some(PolicyDirection::Different),
            }
        }
    }
}

fn name_key(key: &str) -> &'static MessageTemplate {
    match key {
        "level" => &KEY_LEVEL,
        "until" => &KEY_UNTIL,
        "for" => &KEY_FOR,
        "not-for" => &KEY_NOT_FOR,
        "when" => &KEY_WHEN,
        _ => &KEY_REQUIRE,
    }
}

fn show_value(key: &str, value: Option<&YamlNode>) -> MessageValue {
    match (key, value) {
        ("level", None) => (&DENY).into(),
        ("for", None) => (&ALL_CLASSES).into(),
        (_, None) => (&NOTHING).into(),
        (_, Some(value)) => match scalar_text(value) {
            Some(text) => shorten_for_message(text).into(),
            None => {
                list_texts(value).iter().map(|text| shorten_for_message(text)).collect::<Vec<String>>().into()
            }
        },
    }
}

/// Returns true if two values read the same.
fn is_same_text(one: &MessageValue, other: &MessageValue) -> bool {
    let read = |value: &MessageValue| VALUES.with("before", value.clone()).with("after", "").to_plain_text();
    read(one) == read(other)
}

/// Returns true if a rule that denies applies to every change, so that one more rule allows nothing.
///
/// Where no denying rule applies, the gate denies by itself; a new rule would end that.
pub(crate) fn covers_all_changes(policy: &Policy) -> bool {
    let denies = |rule: &&Rule| rule.level == RuleLevel::Deny && rule.when.is_none();
    let of_all = |rule: &Rule| rule.class_indexes.is_none();
    if policy.rules.iter().filter(denies).any(of_all) {
        return true;
    }
    let mut is_covered = vec![false; policy.classes.len()];
    for index in policy.rules.iter().filter(denies).flat_map(|rule| rule.class_indexes.iter().flatten()) {
        if let Some(covered) = is_covered.get_mut(*index) {
            *covered = true;
        }
    }
    !policy.classes.is_empty()
        && policy.classes.iter().any(|class| class.when.is_empty())
        && is_covered.into_iter().all(|covered| covered)
}
