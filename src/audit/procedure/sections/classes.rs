//! The types of change, what each takes, and the rules and fields in full.

use crate::audit::procedure::document::{DocumentSection, DocumentTable, TextCell};
use crate::audit::procedure::words::{
    RequirementKind, applies_to_type, describe_approvals, describe_duty, describe_effect, describe_field,
    describe_requirement, describe_types, join_words, list_approvals, name_rule, quote_all,
    show_field_example, to_sentence,
};
use crate::policy::{ChangeClass, Policy, Rule};
use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;
use crate::verdict::RuleLevel;

/// Builds the types of change and who decides which.
pub(super) fn build_overview(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Types of change, and who decides");
    if policy.classes.is_empty() {
        section.add_paragraph("There is one type of change, and every rule is about every change.");
        add_requirements(policy, None, &mut section);
        return section;
    }
    section.add_paragraph(
        "A change is of the first type in this table whose description is true of it. A change that touches \
         several things is therefore of the type that stands first.",
    );
    let mut table = DocumentTable::new(&[("Type", 22), ("Who decides", 78)]);
    for (index, class) in policy.classes.iter().enumerate() {
        let decisions = list_decisions(policy, Some(index));
        table.add_row(vec![
            TextCell::from_words(&format!("`{}`", class.id)),
            TextCell::from_lines(&decisions),
        ]);
    }
    section.add_table(table);
    for (index, class) in policy.classes.iter().enumerate() {
        add_class(policy, index, class, &mut section);
    }
    section
}

fn add_class(policy: &Policy, index: usize, class: &ChangeClass, section: &mut DocumentSection) {
    section.add_subheading(&format!("Type `{}`", class.id));
    if class.when.is_empty() {
        section.add_paragraph("Every change that is of none of the types before it.");
    } else if let Condition::All(parts) = &class.when {
        section.add_paragraph("A change is of this type if all of this is true:");
        let parts: Vec<String> =
            parts.iter().map(|part| to_sentence(&part.describe().to_plain_text())).collect();
        section.add_list(&parts);
    } else {
        let when = class.when.describe().to_plain_text();
        section.add_paragraph(&to_sentence(&format!("a change is of this type if {when}")));
    }
    add_requirements(policy, Some(index), section);
}

/// Returns who decides about a change of this type, as sentences.
fn list_decisions(policy: &Policy, class: Option<usize>) -> Vec<String> {
    let mut decisions = Vec::new();
    for rule in list_rules(policy, class) {
        let kind = RequirementKind::of_rule(rule);
        if !list_approvals(rule).is_empty() || kind == RequirementKind::Advance {
            decisions.push(describe_duty(rule));
        }
    }
    if decisions.is_empty() {
        decisions.push("No approval is required.".to_owned());
    }
    decisions
}

fn list_rules(policy: &Policy, class: Option<usize>) -> Vec<&Rule> {
    let applies = |rule: &&Rule| class.is_none_or(|class| applies_to_type(rule, class));
    policy.rules.iter().filter(applies).collect()
}

/// Adds the table of what a change of one type takes.
fn add_requirements(policy: &Policy, class: Option<usize>, section: &mut DocumentSection) {
    let mut table = DocumentTable::new(&[("What", 16), ("Requirement", 58), ("Rule", 26)]);
    for rule in list_rules(policy, class) {
        let mut requirement = vec![describe_requirement(rule)];
        if rule.level == RuleLevel::Warn {
            requirement.push(describe_effect(rule));
        }
        table.add_row(vec![
            TextCell::from_words(RequirementKind::of_rule(rule).word()),
            TextCell::from_lines(&requirement),
            TextCell::from_words(&format!("`{}`", rule.description.id)),
        ]);
    }
    if table.rows.is_empty() {
        section.add_paragraph("No rule is about this type.");
    } else {
        section.add_table(table);
    }
}

/// Builds the rules, each in full.
pub(super) fn build_rules(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("The rules in full");
    section.add_paragraph(
        "Each rule with what it requires, of which changes, why, and what follows if it is not met. What cannot be \
         known counts as not met wherever the gate enforces the policy.",
    );
    for rule in &policy.rules {
        section.add_subheading(&format!("`{}`", rule.description.id));
        section.add_paragraph(&to_sentence(&rule.description.title));
        let mut table = DocumentTable::new(&[("Item", 20), ("Entry", 80)]);
        let mut add = |item: &str, entry: TextCell| table.add_row(vec![TextCell::from_strong(item), entry]);
        add("Applies to", TextCell::from_words(&to_sentence(&describe_types(policy, rule))));
        add("Requires", TextCell::from_words(&describe_requirement(rule)));
        let mut notes = Vec::new();
        for asked in list_approvals(rule) {
            for sentence in describe_approvals(asked) {
                if !notes.contains(&sentence) {
                    notes.push(sentence);
                }
            }
        }
        if !notes.is_empty() {
            add("What counts", TextCell::from_lines(&notes));
        }
        add("If not met", TextCell::from_words(&describe_effect(rule)));
        if let Some(why) = &rule.why {
            add("Why", TextCell::from_words(why));
        }
        if !rule.description.controls.is_empty() {
            let controls = join_words(&quote_all(&rule.description.controls), "and");
            add("Supports", TextCell::from_words(&controls));
        }
        section.add_table(table);
    }
    if !policy.switched_off.is_empty() {
        section.add_subheading("Rules that are off");
        section.add_paragraph(
            "These rules ask nothing at present. Each is switched off for the reason beside it.",
        );
        let mut table = DocumentTable::new(&[("Rule", 30), ("What it would ask", 35), ("Reason", 35)]);
        for rule in &policy.switched_off {
            table.add_row(vec![
                TextCell::from_words(&format!("`{}`", rule.description.id)),
                TextCell::from_words(&to_sentence(&rule.description.title)),
                TextCell::from_words(&rule.reason),
            ]);
        }
        section.add_table(table);
    }
    section
}

/// Builds the fields with their forms.
pub(super) fn build_fields(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("The fields of a change");
    section.add_paragraph(
        "A field is stated in the last paragraph of a commit message, one to a line, or in the description of a \
         pull request. Only the person who makes the change states its fields: text of a template, a quotation \
         or an example states nothing.",
    );
    let mut table = DocumentTable::new(&[("Field", 20), ("Accepts", 42), ("Example", 20), ("Asked by", 18)]);
    for field in policy.vocabulary.fields() {
        let mut names = vec![format!("`{}`", field.name)];
        if !field.aliases.is_empty() {
            names.push(format!("or {}", join_words(&quote_all(&field.aliases), "or")));
        }
        table.add_row(vec![
            TextCell::from_lines(&names),
            TextCell::from_words(&describe_field(field)),
            TextCell::from_words(&show_field_example(field)),
            TextCell::from_words(&list_asking_rules(policy, &field.name)),
        ]);
    }
    if table.rows.is_empty() {
        section.add_paragraph("The policy knows no fields.");
    } else {
        section.add_table(table);
    }
    section
}

/// Returns the rules that ask for a field, between commas.
fn list_asking_rules(policy: &Policy, field: &str) -> String {
    let mut rules = Vec::new();
    for rule in &policy.rules {
        let mut predicates: Vec<&Predicate> = Vec::new();
        rule.require.add_predicates(&mut predicates);
        let asks = predicates.iter().any(|predicate| match predicate {
            Predicate::Approvals(asked) => asked.approval_fields().iter().any(|one| one.name == field),
            Predicate::Field(asked) => asked.named_fields().any(|one| one.name == field),
            Predicate::Ticket(asked) => asked.field().name == field,
            Predicate::StandardChange(asked) => asked.entry_field().name == field,
            _ => false,
        });
        if asks {
            rules.push(name_rule(rule));
        }
    }
    rules.join(", ")
}
