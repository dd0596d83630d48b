//! Two policies, part by part.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::policy::definition::Policy;
use crate::policy::difference::base_comparison::compare_bases;
use crate::policy::difference::catalogue_changes::list_catalogue_changes;
use crate::policy::difference::effective_policy::{EffectivePolicy, OtherFile, find_named};
use crate::policy::difference::exemption_comparison::compare_exemptions;
use crate::policy::difference::people_comparison::compare_people;
use crate::policy::difference::policy_difference::{PolicyDifference, PolicyDirection};
use crate::policy::difference::rule_comparison::{
    PolicyRules, compare_rules, covers_all_changes, doubt_rules_asked_less,
};
use crate::policy::difference::value_changes::{
    list_member_changes, list_value_changes, show_written_value, with_details,
};
use crate::policy::difference::wording::{
    ACCEPTS_LESS, ACCEPTS_LESS_AND_SORTS, ACCEPTS_MORE, ACCEPTS_OTHERS, ALSO, CATALOGUE_IS_ANOTHER,
    FIRST_CLASS, IS_ANOTHER, IS_GONE, IS_NEW, KEY_IS_ANOTHER, NO_LONGER, OTHER_FILES, PART_CLASS, PART_FIELD,
    PART_FILES, PART_PROTECTS, TAKES_FEWER, TAKES_MORE, TAKES_OTHERS, VALUES, key_part,
};
use crate::policy::difference::written_parts::differs_in_text_alone;
use crate::policy::inspect::weakening::strictness::{
    FieldOrders, is_as_strict, is_field_as_strict, is_settings_map_as_strict,
};
use crate::policy::inspect::written::{
    find_entry, is_same_value, list_condition_predicates, list_entries, list_texts, scalar_text,
};
use crate::verdict::Message;
use crate::yaml::{YamlKey, YamlNode, shorten_for_message};

/// Compares two policies, each with what its files say.
pub(crate) fn compare_policies(
    (old, old_policy): (&EffectivePolicy<'_>, &Policy),
    (new, new_policy): (&EffectivePolicy<'_>, &Policy),
) -> Vec<PolicyDifference> {
    let mut comparison = PolicyComparison { old, new, old_policy, new_policy, found: Vec::new() };
    comparison.compare_settings();
    comparison.compare_classes();
    comparison.compare_all_rules();
    comparison.compare_fields();
    let (old, new) = ((old, old_policy), (new, new_policy));
    compare_people(old, new, &mut comparison.found);
    compare_exemptions(old.0, new.0, &mut comparison.found);
    let (old_rules, new_rules) = (PolicyRules::index_rules(old.1), PolicyRules::index_rules(new.1));
    doubt_rules_asked_less(&old_rules, &new_rules, &mut comparison.found);
    compare_bases(&old.0.shared_files, &new.0.shared_files, &mut comparison.found);
    comparison.found
}

struct PolicyComparison<'policy> {
    old: &'policy EffectivePolicy<'policy>,
    new: &'policy EffectivePolicy<'policy>,
    old_policy: &'policy Policy,
    new_policy: &'policy Policy,
    found: Vec<PolicyDifference>,
}

impl<'policy> PolicyComparison<'policy> {
    fn add(&mut self, direction: PolicyDirection, part: impl Into<Message>, what: impl Into<Message>) {
        self.found.push(PolicyDifference { direction, part: part.into(), what: what.into() });
    }

    fn compare_settings(&mut self) {
        let refs = |policy: &EffectivePolicy<'_>| -> BTreeSet<String> {
            let protects = find_named(&policy.settings, "protects").map(list_texts).unwrap_or_default();
            protects.into_iter().map(shorten_for_message).collect()
        };
        let (before, after) = (refs(self.old), refs(self.new));
        for name in before.difference(&after) {
            self.add(PolicyDirection::Looser, &PART_PROTECTS, NO_LONGER.with("name", name.as_str()));
        }
        for name in after.difference(&before) {
            // A tag of a commit that stands on a protected branch passes.
            self.add(PolicyDirection::Different, &PART_PROTECTS, ALSO.with("name", name.as_str()));
        }
        for key in ["unit", "break-glass", "acts", "signers", "tickets", "standard-changes"] {
            let (before, after) = (find_named(&self.old.settings, key), find_named(&self.new.settings, key));
            let direction = match (before, after) {
                (None, None) => continue,
                (Some(before), Some(after)) if is_same_value(before, after) => continue,
                (None, Some(_)) if key == "break-glass" => PolicyDirection::Looser,
                (Some(_), None) if key == "break-glass" => PolicyDirection::Stricter,
                (Some(before), Some(after)) if key == "break-glass" => {
                    match is_settings_map_as_strict(before, after, false) {
                        true => PolicyDirection::Stricter,
                        false => PolicyDirection::Looser,
                    }
                }
                _ => PolicyDirection::Different,
            };
            let what = match (before, after) {
                (None, _) => &IS_NEW,
                (_, None) => &IS_GONE,
                _ => &IS_ANOTHER,
            };
            let changes = match (before, after) {
                (Some(_), Some(_)) => list_value_changes(key, before, after),
                _ => Vec::new(),
            };
            self.add(direction, key_part(key), with_details(what, changes));
        }
        if !self.old_policy.standard_changes.has_same_entries(&self.new_policy.standard_changes)
            && self.found.iter().all(|known| known.part != key_part("standard-changes"))
        {
            let changes =
                list_catalogue_changes(&self.old_policy.standard_changes, &self.new_policy.standard_changes);
            let what = with_details(&CATALOGUE_IS_ANOTHER, changes);
            self.add(PolicyDirection::Different, key_part("standard-changes"), what);
        }
        let (before, after) = (&self.old.other_files, &self.new.other_files);
        if before != after {
            let paths = |files: &BTreeSet<OtherFile>| -> Vec<String> {
                files.iter().map(|file| file.path.clone()).collect()
            };
            let (before, after) = (paths(before), paths(after));
            let (before, after): (Vec<&str>, Vec<&str>) =
                (before.iter().map(String::as_str).collect(), after.iter().map(String::as_str).collect());
            let changes = list_member_changes("files", &before, &after);
            self.add(PolicyDirection::Different, &PART_FILES, with_details(&OTHER_FILES, changes));
        }
        self.compare_obligations();
    }

    fn compare_obligations(&mut self) {
        let is_true = |node: Option<&YamlNode>| node.and_then(scalar_text) == Some("true");
        let (old, new) = (&self.old.obligations, &self.new.obligations);
        let keys: BTreeSet<&str> = old.iter().chain(new).map(|(key, _)| *key).collect();
        for key in keys {
            let (before, after) = (find_named(old, key), find_named(new, key));
            if let (Some(before), Some(after)) = (before, after)
                && is_same_value(before, after)
            {
                continue;
            }
            let direction = match key {
                "block-on-overdue" | "suspend-shortcut" => match (is_true(before), is_true(after)) {
                    (one, other) if one == other => continue,
                    (false, _) => PolicyDirection::Stricter,
                    (true, _) => PolicyDirection::Looser,
                },
                "regularise" => match (before, after) {
                    (Some(before), Some(after)) if is_settings_map_as_strict(before, after, false) => {
                        PolicyDirection::Stricter
                    }
                    (Some(_), None) => PolicyDirection::Stricter,
                    _ => PolicyDirection::Looser,
                },
                _ => PolicyDirection::Different,
            };
            let changes = list_value_changes(key, before, after);
            let what = with_details(KEY_IS_ANOTHER.with("key", key), changes);
            self.add(direction, key_part("obligations"), what);
        }
    }

    /// Every rule counts on the classes, and the first that holds counts, so that any other list is in doubt.
    fn compare_classes(&mut self) {
        let list = |policy: &EffectivePolicy<'_>| {
            find_named(&policy.settings, "classes")
                .map(|node| list_entries(node).to_vec())
                .unwrap_or_default()
        };
        let (before, after) = (list(self.old), list(self.new));
        let names = |list: &[(YamlKey, YamlNode)]| -> Vec<String> {
            list.iter().map(|(key, _)| key.text.clone()).collect()
        };
        let (old_names, new_names) = (names(&before), names(&after));
        let old_set: HashSet<&String> = old_names.iter().collect();
        let new_set: HashSet<&String> = new_names.iter().collect();
        for name in old_names.iter().filter(|name| !new_set.contains(name)) {
            let name = shorten_for_message(name);
            self.add(PolicyDirection::Different, PART_CLASS.with("name", name), &IS_GONE);
        }
        for name in new_names.iter().filter(|name| !old_set.contains(name)) {
            let name = shorten_for_message(name);
            self.add(PolicyDirection::Different, PART_CLASS.with("name", name), &IS_NEW);
        }
        let earlier: HashMap<&str, &YamlNode> =
            before.iter().map(|(key, asked)| (key.text.as_str(), asked)).collect();
        for (name, asked) in &after {
            if let Some(earlier) = earlier.get(name.text.as_str()).copied()
                && !is_same_value(earlier, asked)
            {
                let what = match (is_as_strict(earlier, asked), is_as_strict(asked, earlier)) {
                    (true, false) => &TAKES_FEWER,
                    (false, true) => &TAKES_MORE,
                    _ => &TAKES_OTHERS,
                };
                let (before, after) = (show_written_value(earlier), show_written_value(asked));
                let values = VALUES.with("before", before).with("after", after);
                let part = PART_CLASS.with("name", shorten_for_message(&name.text));
                self.add(PolicyDirection::Different, part, with_details(what, vec![values]));
            }
        }
        let kept = |names: &[String], others: &HashSet<&String>| -> Vec<String> {
            names.iter().filter(|name| others.contains(name)).cloned().collect()
        };
        if kept(&old_names, &new_set) != kept(&new_names, &old_set) {
            self.add(PolicyDirection::Different, key_part("classes"), &FIRST_CLASS);
        }
    }

    fn compare_all_rules(&mut self) {
        let addition = match covers_all_changes(self.old_policy) {
            true => PolicyDirection::Stricter,
            // The gate denies what no rule that denies is about; a new rule ends that.
            false => PolicyDirection::Different,
        };
        let old_policy = PolicyRules::index_rules(self.old_policy);
        let new_policy = PolicyRules::index_rules(self.new_policy);
        let (old, new) = (self.old, self.new);
        let kept_orders = list_kept_orders(old, new);
        let orders = FieldOrders::of_fields(&kept_orders);
        for (id, keys) in &self.old.rules {
            match self.new.find_rule(id) {
                Some(new_keys) => {
                    let from = self.found.len();
                    compare_rules(
                        (id, orders),
                        (keys, &old_policy),
                        (new_keys, &new_policy),
                        &mut self.found,
                    );
                    if addition == PolicyDirection::Different {
                        // A rule that is about more changes is like a new one.
                        let widened = self.found.iter_mut().skip(from);
                        for difference in widened.filter(|one| one.direction == PolicyDirection::Stricter) {
                            difference.direction = PolicyDirection::Different;
                        }
                    }
                }
                None => self.add(PolicyDirection::Looser, old_policy.name_rule(id), &IS_GONE),
            }
        }
        for (id, _) in &self.new.rules {
            if self.old.find_rule(id).is_none() {
                self.add(addition, new_policy.name_rule(id), &IS_NEW);
            }
        }
    }

    fn compare_fields(&mut self) {
        let doubted = self.list_doubted_fields();
        let (old, new) = (&self.old.fields, &self.new.fields);
        let mut found: Vec<(PolicyDirection, Message, Message)> = Vec::new();
        for (name, earlier) in old {
            let part = PART_FIELD.with("name", shorten_for_message(name));
            match new.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                None => found.push((PolicyDirection::Different, part, Message::from(&IS_GONE))),
                Some((_, field)) if is_same_value(earlier, field) => {}
                Some((_, field)) => {
                    // What counts of several words, and what is taken for an example, depends on all of the others.
                    let is_stricter =
                        is_field_as_strict(earlier, field) && differs_in_text_alone(earlier, field);
                    let is_doubted = doubted.contains(&name.to_ascii_lowercase());
                    let (direction, what) = match (is_stricter, is_doubted) {
                        (true, false) => (PolicyDirection::Stricter, &ACCEPTS_LESS),
                        // A value that is not accepted any more fulfils no `when` that asks for it.
                        (true, true) => (PolicyDirection::Different, &ACCEPTS_LESS_AND_SORTS),
                        (false, _) if is_field_as_strict(field, earlier) => {
                            (PolicyDirection::Looser, &ACCEPTS_MORE)
                        }
                        (false, _) => (PolicyDirection::Different, &ACCEPTS_OTHERS),
                    };
                    let changes = list_value_changes("", Some(earlier), Some(field));
                    found.push((direction, part, with_details(what, changes)));
                }
            }
        }
        for (name, _) in new {
            if !old.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                // A trailer that was a misspelling may be the name of a field now.
                let part = PART_FIELD.with("name", shorten_for_message(name));
                found.push((PolicyDirection::Different, part, Message::from(&IS_NEW)));
            }
        }
        for (direction, part, what) in found {
            self.add(direction, part, what);
        }
    }

    /// Returns the fields that sort changes, or that a question asks for in another way than to be there, in small
    /// letters.
    fn list_doubted_fields(&self) -> BTreeSet<String> {
        let mut fields = BTreeSet::new();
        for policy in [self.old, self.new] {
            for condition in policy.list_sorting_conditions() {
                for (key, value) in list_condition_predicates(condition) {
                    if key.text == "field" {
                        fields.extend(
                            list_entries(value).iter().map(|(name, _)| name.text.to_ascii_lowercase()),
                        );
                    } else if let Some(name) = find_entry(value, "field").and_then(scalar_text) {
                        fields.insert(name.to_ascii_lowercase());
                    } else {
                        fields.extend(scalar_text(value).map(str::to_ascii_lowercase));
                    }
                }
            }
        }
        fields
    }
}

/// Returns the words of the fields that have the same order in two policies, by the names of the fields in small letters.
fn list_kept_orders<'policy>(
    old: &'policy EffectivePolicy<'policy>,
    new: &'policy EffectivePolicy<'policy>,
) -> BTreeMap<String, Vec<&'policy str>> {
    let list_orders = |policy: &'policy EffectivePolicy<'policy>| -> BTreeMap<String, Vec<&'policy str>> {
        let mut orders = BTreeMap::new();
        for (name, field) in &policy.fields {
            if let Some(words) = find_entry(field, "ordered") {
                orders.insert(name.to_ascii_lowercase(), list_texts(words));
            }
        }
        orders
    };
    let (mut kept, others) = (list_orders(old), list_orders(new));
    kept.retain(|name, words| others.get(name) == Some(words));
    kept
}
