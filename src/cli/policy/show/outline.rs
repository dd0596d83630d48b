//! The parts of an effective policy, each value with where it came from.

use crate::audit::procedure::words::{
    describe_effect, describe_field, describe_limit, describe_ref_pattern, join_words,
};
use crate::calendar::TimeLimit;
use crate::cli::policy::show::content::{ShownItem, ShownSection, ShownValue};
use crate::gate::LoadedPolicy;
use crate::policy::origins::ValueOrigins;
use crate::policy::{ActPermission, ChangeUnit, Policy, Rule, RuleExemption};
use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;
use crate::verdict::{RuleLevel, time_limit_message};

/// Builds the parts of a policy.
pub(super) struct PolicyOutlineBuilder<'loaded> {
    pub(super) policy: &'loaded Policy,
    source: &'loaded str,
    pub(super) origins: &'loaded ValueOrigins,
}

impl<'loaded> PolicyOutlineBuilder<'loaded> {
    pub(super) fn new(loaded: &'loaded LoadedPolicy, origins: &'loaded ValueOrigins) -> Self {
        PolicyOutlineBuilder { policy: &loaded.policy, source: &loaded.source, origins }
    }

    /// Returns all parts, without those that are empty.
    pub(super) fn build_sections(&self) -> Vec<ShownSection> {
        let mut sections = vec![
            self.build_settings(),
            self.build_teams(),
            self.build_people(),
            self.build_fields(),
            self.build_classes(),
            self.build_rules(&|_| true),
            self.build_switched_off(),
            self.build_standard_changes(),
            self.build_exemptions(&|_| true),
            self.build_deadlines(),
            self.build_obligations(),
            self.build_acts(),
            self.build_ticket_systems(),
        ];
        sections.retain(|section| !section.items.is_empty());
        sections
    }

    pub(super) fn show_value(
        &self,
        label: &'static str,
        text: impl Into<String>,
        path: &[&str],
    ) -> ShownValue {
        ShownValue { label, text: text.into(), statements: self.origins.find_statements(path).to_vec() }
    }

    pub(super) fn show_item(
        &self,
        name: impl Into<String>,
        path: &[&str],
        values: Vec<ShownValue>,
    ) -> ShownItem {
        let statements = self.origins.find_statements(path).to_vec();
        ShownItem { name: name.into(), statements, values }
    }

    fn build_settings(&self) -> ShownSection {
        let policy = self.policy;
        let mut named =
            self.show_item("policy", &["name"], vec![self.show_value("is", policy.name.as_str(), &[])]);
        // The name of a base is no other name of this policy.
        let earlier = named.statements.len().saturating_sub(1);
        named.statements.drain(..earlier);
        let mut items = vec![named];
        items.push(self.show_item("source", &[], vec![self.show_value("is", self.source, &[])]));
        let mut add = |name: &str, text: String| {
            items.push(self.show_item(name, &[name], vec![self.show_value("is", text, &[name])]));
        };
        if let Some(owner) = &policy.owner {
            add("owner", owner.clone());
        }
        if let Some(day) = policy.review_by {
            add("review-by", day.to_string());
        }
        let refs: Vec<String> = policy.protected_refs.iter().map(describe_ref_pattern).collect();
        add("protects", join_words(&refs, "and"));
        add(
            "unit",
            match policy.change_unit {
                ChangeUnit::Step => "each step of the first-parent history is one change".to_owned(),
                ChangeUnit::Commit => "each commit is one change".to_owned(),
            },
        );
        if let Some(roster) = &policy.people.roster {
            let count = policy.people.count_roster_people().unwrap_or_default();
            add("roster", format!("{roster}, with {count} people"));
        }
        let keys = [("ssh", &policy.signer_keys.ssh), ("openpgp", &policy.signer_keys.openpgp)];
        let keys: Vec<String> =
            keys.iter().filter_map(|(kind, file)| Some(format!("{kind}: {}", file.as_ref()?.path))).collect();
        if !keys.is_empty() {
            add("signers", keys.join(", "));
        }
        ShownSection { id: "settings", title: "Settings", items }
    }

    fn build_teams(&self) -> ShownSection {
        let people = &self.policy.people;
        let mut items = Vec::new();
        for team in people.team_names() {
            let mut members = Vec::new();
            for written in people.team_members(team) {
                members.push(match people.find_person(written) {
                    Some(key) if people.name_person(key) != written => {
                        format!("{} ({written})", people.name_person(key))
                    }
                    Some(_) => written.clone(),
                    None if written.contains('/') => format!("{written} (a team of GitHub)"),
                    None => format!("{written} (not in the roster)"),
                });
            }
            let text = if members.is_empty() { "no one yet".to_owned() } else { members.join(", ") };
            let path = ["teams", team];
            items.push(self.show_item(team, &path, vec![self.show_value("members", text, &path)]));
        }
        ShownSection { id: "teams", title: "Teams", items }
    }

    /// Returns what a condition accepts that its words do not say, one value for each.
    fn show_allowances(&self, condition: &Condition, path: &[&str]) -> Vec<ShownValue> {
        let mut values = Vec::new();
        for allowance in condition.list_allowances() {
            // What the condition took the place of stands below the condition.
            let mut value = self.show_value("also", allowance.to_plain_text(), path);
            let earlier = value.statements.len().saturating_sub(1);
            value.statements.drain(..earlier);
            values.push(value);
        }
        values
    }

    fn build_fields(&self) -> ShownSection {
        let mut items = Vec::new();
        for field in self.policy.vocabulary.fields() {
            let path = ["fields", field.name.as_str()];
            let mut values = vec![self.show_value("accepts", describe_field(field), &path)];
            if !field.aliases.is_empty() {
                values.push(self.show_value("aliases", field.aliases.join(", "), &[]));
            }
            items.push(self.show_item(field.name.as_str(), &path, values));
        }
        ShownSection { id: "fields", title: "Fields", items }
    }

    /// Builds the classes, in the order in which they are looked at.
    pub(super) fn build_classes(&self) -> ShownSection {
        let mut items = Vec::new();
        for (index, class) in self.policy.classes.iter().enumerate() {
            let path = ["classes", class.id.as_str()];
            let question = match class.when.is_empty() {
                true => "all other changes".to_owned(),
                false => class.when.describe().to_plain_text(),
            };
            let order = if index == 0 { "if" } else { "else if" };
            let mut values = vec![self.show_value(order, question, &path)];
            values.extend(self.show_allowances(&class.when, &path));
            items.push(self.show_item(class.id.as_str(), &path, values));
        }
        ShownSection { id: "classes", title: "Classes, of which the first one counts", items }
    }

    /// Builds the rules that are wanted.
    pub(super) fn build_rules(&self, is_wanted: &dyn Fn(&Rule) -> bool) -> ShownSection {
        let rules = self.policy.rules.iter().filter(|rule| is_wanted(rule));
        let items = rules.map(|rule| self.build_rule(rule)).collect();
        ShownSection { id: "rules", title: "Rules", items }
    }

    fn build_rule(&self, rule: &Rule) -> ShownItem {
        let id = rule.description.id.as_str();
        let mut values = Vec::new();
        if rule.description.has_title() {
            values.push(self.show_value("title", rule.description.title.as_str(), &["rules", id, "title"]));
        }
        if rule.level == RuleLevel::Warn {
            values.push(self.show_value("level", describe_effect(rule), &["rules", id, "level"]));
        }
        if let Some(indexes) = &rule.class_indexes {
            let names = indexes.iter().filter_map(|index| self.policy.classes.get(*index));
            let names: Vec<&str> = names.map(|class| class.id.as_str()).collect();
            let key = if self.origins.find_statements(&["rules", id, "for"]).is_empty() {
                "not-for"
            } else {
                "for"
            };
            values.push(self.show_value("for", names.join(", "), &["rules", id, key]));
        }
        if let Some(when) = &rule.when {
            values.push(self.show_value("when", when.describe().to_plain_text(), &["rules", id, "when"]));
            values.extend(self.show_allowances(when, &["rules", id, "when"]));
        }
        let require = rule.require.describe().to_plain_text();
        values.push(self.show_value("requires", require, &["rules", id, "require"]));
        values.extend(self.show_allowances(&rule.require, &["rules", id, "require"]));
        if let Some(why) = &rule.why {
            values.push(self.show_value("why", why.as_str(), &["rules", id, "why"]));
        }
        if let Some(reason) = self.origins.find_statements(&["rules", id, "reason"]).last() {
            let text = reason.text.trim_matches('\'').to_owned();
            values.push(self.show_value("reason", text, &["rules", id, "reason"]));
        }
        if !rule.description.controls.is_empty() {
            let controls = rule.description.controls.join(", ");
            values.push(self.show_value("supports", controls, &["rules", id, "controls"]));
        }
        let mut item = self.show_item(id, &["rules", id], values);
        // The statements of a rule add up, key by key: the first one made it.
        item.statements.truncate(1);
        item
    }

    /// Builds the rules that are switched off, each with its reason.
    fn build_switched_off(&self) -> ShownSection {
        let mut items = Vec::new();
        for rule in &self.policy.switched_off {
            let id = rule.description.id.as_str();
            let mut values = Vec::new();
            if rule.description.has_title() {
                let title = rule.description.title.as_str();
                values.push(self.show_value("title", title, &["rules", id, "title"]));
            }
            let text = "Off: it asks nothing.".to_owned();
            values.push(self.show_value("level", text, &["rules", id, "level"]));
            values.push(self.show_value("reason", rule.reason.as_str(), &["rules", id, "reason"]));
            if !rule.description.controls.is_empty() {
                let controls = rule.description.controls.join(", ");
                values.push(self.show_value("supports", controls, &["rules", id, "controls"]));
            }
            let mut item = self.show_item(id, &["rules", id], values);
            item.statements.truncate(1);
            items.push(item);
        }
        ShownSection { id: "switched-off", title: "Rules that are off", items }
    }

    /// Builds the exemptions that are wanted.
    pub(super) fn build_exemptions(&self, is_wanted: &dyn Fn(&RuleExemption) -> bool) -> ShownSection {
        let mut items = Vec::new();
        for exemption in self.policy.exemptions.iter().filter(|exemption| is_wanted(exemption)) {
            let rule = self.policy.rules.get(exemption.rule_index);
            let rule = rule.map_or("?", |rule| rule.description.id.as_str());
            let path = ["exemptions", exemption.id.as_str()];
            let mut values = vec![self.show_value("for", exemption.when.describe().to_plain_text(), &path)];
            values.extend(self.show_allowances(&exemption.when, &path));
            values.extend([
                self.show_value("until", exemption.until.to_string(), &[]),
                self.show_value("reason", exemption.reason.as_str(), &[]),
                self.show_value("by", exemption.approved_by.as_str(), &[]),
            ]);
            items.push(self.show_item(rule, &path, values));
        }
        ShownSection { id: "exemptions", title: "Exemptions", items }
    }

    fn build_deadlines(&self) -> ShownSection {
        let mut items = Vec::new();
        for rule in &self.policy.rules {
            let mut predicates: Vec<&Predicate> = Vec::new();
            rule.require.add_predicates(&mut predicates);
            for late in predicates.iter().flat_map(|predicate| predicate.list_late_statements()) {
                let by = if late.by_others { ", by another person than its contributors" } else { "" };
                let text = format!("may follow {}{by}", late.deadline.to_plain_text());
                let id = rule.description.id.as_str();
                let path = ["rules", id, "require"];
                items.push(self.show_item(
                    late.field.name.as_str(),
                    &path,
                    vec![self.show_value("deadline", text, &path), self.show_value("rule", id, &[])],
                ));
            }
        }
        ShownSection { id: "deadlines", title: "Deadlines", items }
    }

    fn build_obligations(&self) -> ShownSection {
        let obligations = &self.policy.obligations;
        let mut items = Vec::new();
        let mut add = |name: &str, text: String, path: &[&str]| {
            items.push(self.show_item(name, path, vec![self.show_value("is", text, path)]));
        };
        if obligations.block_on_overdue {
            let text = "an overdue obligation blocks its branch".to_owned();
            add("block-on-overdue", text, &["obligations", "block-on-overdue"]);
        }
        if obligations.suspend_shortcut {
            let text = "no emergency changes for authors with an overdue obligation".to_owned();
            add("suspend-shortcut", text, &["obligations", "suspend-shortcut"]);
        }
        if let Some(regularise) = &obligations.regularise {
            let limit = describe_limit(regularise.time_limit);
            let from = regularise.teams.join(", ");
            let text = format!("an unauthorised change is regularised by {from} within {limit}");
            add("regularise", text, &["obligations", "regularise"]);
        }
        if let Some(break_glass) = &self.policy.break_glass {
            let longest = time_limit_message(TimeLimit::Minutes(break_glass.max_minutes)).to_plain_text();
            let text = format!(
                "a break-glass session is opened by {}, for at most {longest}",
                break_glass.teams.join(", ")
            );
            add("break-glass", text, &["break-glass"]);
        }
        ShownSection { id: "obligations", title: "Obligations and break-glass", items }
    }

    fn build_acts(&self) -> ShownSection {
        let mut items = Vec::new();
        let Some(acts) = &self.policy.acts else {
            return ShownSection { id: "acts", title: "Acts after a change has landed", items };
        };
        let all: [(&str, &str, &ActPermission); 4] = [
            ("outcome", "may report its outcome", &acts.outcome),
            ("verified", "may say that it was verified", &acts.verified),
            ("attach", "may attach a file to it", &acts.attach),
            ("deployed", "may record that it was deployed", &acts.deployed),
        ];
        for (name, what, permission) in all {
            if !permission.is_empty() {
                let who = [permission.teams.as_slice(), &permission.bots].concat().join(", ");
                let limit = match name {
                    "attach" => format!(", of at most {} bytes", acts.max_attachment_bytes),
                    _ => String::new(),
                };
                let path = ["acts", name];
                items.push(self.show_item(
                    name,
                    &path,
                    vec![self.show_value("is", format!("{who} {what}{limit}"), &path)],
                ));
            }
        }
        ShownSection { id: "acts", title: "Acts after a change has landed", items }
    }

    fn build_ticket_systems(&self) -> ShownSection {
        let mut items = Vec::new();
        for (system, prefixes) in self.policy.ticket_systems.group_by_system() {
            let text = system.describe_system();
            for prefix in prefixes {
                let path = ["tickets", prefix.as_str()];
                items.push(self.show_item(
                    prefix.as_str(),
                    &path,
                    vec![self.show_value("is", text.as_str(), &path)],
                ));
            }
        }
        ShownSection { id: "tickets", title: "Ticket systems", items }
    }
}
