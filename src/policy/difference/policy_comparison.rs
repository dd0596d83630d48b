//! Two policies, part by part.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::policy::definition::Policy;
use crate::policy::difference::effective_policy::{EffectivePolicy, NamedNodes, find_named};
use crate::policy::difference::exemption_comparison::compare_exemptions;
use crate::policy::difference::policy_difference::{PolicyDifference, PolicyDirection};
use crate::policy::difference::rule_comparison::{PolicyRules, compare_rules, covers_all_changes};
use crate::policy::difference::wording::{
    ACCEPTS_LESS, ACCEPTS_LESS_AND_SORTS, ACCEPTS_MORE, ACCEPTS_OTHERS, ALSO, CATALOGUE_IS_ANOTHER,
    FIRST_CLASS, HAS_LESS, HAS_MORE, IS_ANOTHER, IS_GONE, IS_NEW, KEY_IS_ANOTHER, NO_LONGER, OTHER_FILES,
    PART_CLASS, PART_FIELD, PART_FILES, PART_PROTECTS, PART_ROSTER, PART_TEAM, TAKES_FEWER, TAKES_MORE,
    TAKES_OTHERS, key_part,
};
use crate::policy::difference::written_parts::{add_texts, differs_in_text_alone, has_alternatives};
use crate::policy::inspect::weakening::strictness::{
    is_as_strict, is_field_as_strict, is_settings_map_as_strict,
};
use crate::policy::inspect::written::{
    find_entry, is_same_value, list_condition_predicates, list_entries, list_texts, scalar_text,
};
use crate::verdict::{Message, MessageTemplate};
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
    comparison.compare_people();
    compare_exemptions(old, new, &mut comparison.found);
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
            self.add(direction, key_part(key), what);
        }
        if self.old_policy.standard_changes != self.new_policy.standard_changes
            && self.found.iter().all(|known| known.part != key_part("standard-changes"))
        {
            self.add(PolicyDirection::Different, key_part("standard-changes"), &CATALOGUE_IS_ANOTHER);
        }
        if self.old_policy.gate_files != self.new_policy.gate_files {
            self.add(PolicyDirection::Different, &PART_FILES, &OTHER_FILES);
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
            self.add(direction, key_part("obligations"), KEY_IS_ANOTHER.with("key", key));
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
                let name = shorten_for_message(&name.text);
                self.add(PolicyDirection::Different, PART_CLASS.with("name", name), what);
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
        for (id, keys) in &self.old.rules {
            match self.new.find_rule(id) {
                Some(new_keys) => {
                    let from = self.found.len();
                    compare_rules(id, (keys, &old_policy), (new_keys, &new_policy), &mut self.found);
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
        let mut found: Vec<(PolicyDirection, Message, &'static MessageTemplate)> = Vec::new();
        for (name, earlier) in old {
            let part = PART_FIELD.with("name", shorten_for_message(name));
            match new.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                None => found.push((PolicyDirection::Different, part, &IS_GONE)),
                Some((_, field)) if is_same_value(earlier, field) => {}
                Some((_, field)) => {
                    // What counts of several words, and what is taken for an example, depends on all of the others.
                    let is_stricter =
                        is_field_as_strict(earlier, field) && differs_in_text_alone(earlier, field);
                    let is_doubted = doubted.contains(&name.to_ascii_lowercase());
                    found.push(match (is_stricter, is_doubted) {
                        (true, false) => (PolicyDirection::Stricter, part, &ACCEPTS_LESS),
                        // A value that is not accepted any more fulfils no `when` that asks for it.
                        (true, true) => (PolicyDirection::Different, part, &ACCEPTS_LESS_AND_SORTS),
                        (false, _) if is_field_as_strict(field, earlier) => {
                            (PolicyDirection::Looser, part, &ACCEPTS_MORE)
                        }
                        (false, _) => (PolicyDirection::Different, part, &ACCEPTS_OTHERS),
                    });
                }
            }
        }
        for (name, _) in new {
            if !old.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                // A trailer that was a misspelling may be the name of a field now.
                let part = PART_FIELD.with("name", shorten_for_message(name));
                found.push((PolicyDirection::Different, part, &IS_NEW));
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
            let mut sorting: Vec<&YamlNode> = Vec::new();
            for (_, keys) in &policy.rules {
                sorting.extend(find_named(keys, "when"));
                // What `any` and `not` ask is not known to count in one way only.
                sorting.extend(find_named(keys, "require").filter(|node| has_alternatives(node)));
            }
            let classes = find_named(&policy.settings, "classes").map(list_entries).unwrap_or_default();
            sorting.extend(classes.iter().map(|(_, condition)| condition));
            sorting.extend(policy.exemptions.iter().filter_map(|exemption| find_entry(exemption, "when")));
            for condition in sorting {
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

    fn compare_people(&mut self) {
        let mut found: Vec<(PolicyDirection, Message, Message)> = Vec::new();
        let index = |teams: &NamedNodes<'policy>| -> BTreeMap<&'policy str, &'policy YamlNode> {
            teams.iter().copied().collect()
        };
        let (old, new) = (index(&self.old.teams), index(&self.new.teams));
        let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        let sorting = OnceCell::new();
        for name in names {
            let members = |teams: &BTreeMap<&str, &'policy YamlNode>| -> BTreeSet<&str> {
                teams.get(name).map(|team| list_texts(team)).unwrap_or_default().into_iter().collect()
            };
            let (before, after) = (members(&old), members(&new));
            if before == after {
                continue;
            }
            let sorting: &Option<HashSet<&str>> = sorting.get_or_init(|| self.list_sorting_texts());
            let sorts = sorting.as_ref().is_none_or(|texts| texts.contains(name));
            let part = PART_TEAM.with("name", shorten_for_message(name));
            let show = |members: Vec<&&str>| -> Vec<String> {
                members.iter().map(|one| format!("`{}`", shorten_for_message(one))).collect()
            };
            let (joined, left) = (after.difference(&before), before.difference(&after));
            let (joined, left): (Vec<&&str>, Vec<&&str>) = (joined.collect(), left.collect());
            if !joined.is_empty() {
                let direction = if sorts { PolicyDirection::Different } else { PolicyDirection::Looser };
                found.push((direction, part.clone(), HAS_MORE.with("members", show(joined))));
            }
            if !left.is_empty() {
                let direction = if sorts { PolicyDirection::Different } else { PolicyDirection::Stricter };
                found.push((direction, part, HAS_LESS.with("members", show(left))));
            }
        }
        for (part, is_same) in [
            (key_part("bots"), self.old.bots == self.new.bots),
            (key_part("holidays"), self.has_same_holidays()),
            (Message::from(&PART_ROSTER), self.old.roster == self.new.roster),
            (key_part("codeowners"), self.has_same_code_owners()),
        ] {
            if !is_same {
                found.push((PolicyDirection::Different, part, Message::from(&IS_ANOTHER)));
            }
        }
        for (direction, part, what) in found {
            self.add(direction, part, what);
        }
    }

    /// Returns true if the same days are holidays, by the policy and by its calendars.
    fn has_same_holidays(&self) -> bool {
        self.old.holidays == self.new.holidays
            && self.old_policy.people.holidays() == self.new_policy.people.holidays()
    }

    /// Returns true if the same people own the same paths, as far as a rule asks for it.
    fn has_same_code_owners(&self) -> bool {
        let (old, new) = (&self.old_policy.people, &self.new_policy.people);
        old.found_code_owners() == new.found_code_owners()
            && old.code_owner_settings() == new.code_owner_settings()
    }

    /// Returns what stands in questions that say more of a team than whose approval counts; `None` if every team does.
    fn list_sorting_texts(&self) -> Option<HashSet<&'policy str>> {
        // An entry of the catalogue says who may use it, and a question about it can sort changes.
        if [self.old_policy, self.new_policy].iter().any(|policy| !policy.standard_changes.is_empty()) {
            return None;
        }
        let mut texts = HashSet::new();
        for policy in [self.old, self.new] {
            let mut conditions: Vec<&YamlNode> = Vec::new();
            for (_, keys) in &policy.rules {
                conditions.extend(find_named(keys, "when"));
                conditions.extend(find_named(keys, "require"));
            }
            let classes = find_named(&policy.settings, "classes").map(list_entries).unwrap_or_default();
            conditions.extend(classes.iter().map(|(_, condition)| condition));
            conditions.extend(policy.exemptions.iter().filter_map(|exemption| find_entry(exemption, "when")));
            for condition in conditions {
                if has_alternatives(condition) {
                    add_texts(condition, &mut texts);
                    continue;
                }
                for (key, value) in list_condition_predicates(condition) {
                    if key.text != "approvals" {
                        add_texts(value, &mut texts);
                    }
                }
            }
        }
        Some(texts)
    }
}
