//! The fields that read a template of descriptions which is there already.
//!
//! What the template calls otherwise becomes an alias of a field, and boxes with words of their own become a field of
//! their own. What it has no place for is named, since the rules ask for it all the same.

use std::fmt::Write as _;

use crate::change::description::form::{FormQuestion, list_form_questions};
use crate::cli::policy::roster_draft::quote_text;
use crate::policy::Policy;
use crate::vocabulary::{ConflictResolution, FieldDefinition, FieldKind};

/// How many fields are proposed.
const MAX_PROPOSED_FIELDS: usize = 20;

/// The words of a box that offers something, and is no item of a checklist.
const MAX_BOX_WORDS: usize = 4;

/// What templates call the fields of the packs, in small letters.
const OTHER_NAMES: [(&str, &[&str]); 6] = [
    (
        "Change-Type",
        &["type", "type of change", "types of changes", "kind of change", "pr type", "change kind"],
    ),
    ("Risk", &["risks", "risk level", "risk assessment", "risk rating", "risk of this change"]),
    (
        "Security-Impact",
        &[
            "security",
            "security considerations",
            "security implications",
            "security review",
            "impact on security",
        ],
    ),
    (
        "Ticket",
        &[
            "tickets",
            "issue",
            "issues",
            "related issue",
            "related issues",
            "linked issue",
            "linked issues",
            "issue number",
            "jira",
            "jira ticket",
            "jira issue",
            "jira link",
            "ticket link",
            "issue link",
            "work item",
            "story",
        ],
    ),
    (
        "Back-out-Plan",
        &[
            "backout plan",
            "back out plan",
            "rollback",
            "rollback plan",
            "rollback strategy",
            "rollback instructions",
            "rollback procedure",
            "roll back plan",
            "revert plan",
            "how to roll back",
            "how to revert",
        ],
    ),
    (
        "Test-Plan",
        &[
            "testing",
            "tests",
            "testing done",
            "testing instructions",
            "testing steps",
            "test steps",
            "how to test",
            "how was this tested",
            "how has this been tested",
            "how did you test this",
            "how was it tested",
            "qa",
            "qa plan",
            "verification",
            "manual testing",
            "validation",
        ],
    ),
];

/// What a template amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TemplateReading {
    /// The fields to define, each as a line of YAML.
    pub(super) fields: Vec<ProposedField>,
    /// What the template asks for and no field reads.
    pub(super) unread_labels: Vec<String>,
    /// The fields that the rules ask for and the template has no place for.
    pub(super) missing_fields: Vec<String>,
}

/// A field to define.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProposedField {
    /// The name of the field.
    pub(super) name: String,
    /// Its definition, in YAML.
    pub(super) yaml: String,
    /// True if it takes the place of a field of the pack.
    pub(super) is_redefined: bool,
}

/// Returns the fields that read `template` under a policy that asks what `policy` asks.
pub(super) fn read_template_fields(template: &str, policy: &Policy) -> TemplateReading {
    let mut reading = TemplateReading::default();
    let mut aliases: Vec<(&FieldDefinition, Vec<String>)> = Vec::new();
    let mut own: Vec<ProposedField> = Vec::new();
    let mut stated: Vec<&str> = Vec::new();
    for question in list_form_questions(template) {
        let known = find_field(policy, |field| field.matches_label(&question.label));
        let meant = known.or_else(|| find_meant_field(&question.label, policy));
        match meant.filter(|field| accepts_boxes(field, &question)) {
            Some(field) => {
                stated.push(&field.name);
                if known.is_none() {
                    match aliases.iter_mut().find(|(other, _)| other.name == field.name) {
                        Some((_, names)) => names.push(to_field_name(&question.label)),
                        None => aliases.push((field, vec![to_field_name(&question.label)])),
                    }
                }
            }
            None => match propose_own_field(&question).filter(|_| known.is_none()) {
                Some(field) if own.iter().all(|other| !other.name.eq_ignore_ascii_case(&field.name)) => {
                    own.push(field)
                }
                _ => reading.unread_labels.push(question.label),
            },
        }
    }
    for (field, names) in aliases {
        reading.fields.push(ProposedField {
            name: field.name.clone(),
            yaml: render_field(field, &names),
            is_redefined: true,
        });
    }
    reading.fields.extend(own);
    reading.fields.truncate(MAX_PROPOSED_FIELDS);
    for field in policy.list_ordinary_fields() {
        let is_stated = stated.iter().any(|name| *name == field.name);
        if !is_stated && !matches!(field.kind, FieldKind::Person) {
            reading.missing_fields.push(field.name.clone());
        }
    }
    reading
}

/// Returns the field of the policy that a template means by another name.
fn find_meant_field<'policy>(label: &str, policy: &'policy Policy) -> Option<&'policy FieldDefinition> {
    let folded = label.replace('-', " ").to_ascii_lowercase();
    let (name, _) = OTHER_NAMES.iter().find(|(_, names)| names.contains(&folded.as_str()))?;
    find_field(policy, |field| field.name == *name)
}

fn find_field(policy: &Policy, is_meant: impl Fn(&FieldDefinition) -> bool) -> Option<&FieldDefinition> {
    policy.vocabulary.fields().iter().map(AsRef::as_ref).find(|field| is_meant(field))
}

/// Returns true unless the boxes below a label offer what a field of words does not know.
fn accepts_boxes(field: &FieldDefinition, question: &FormQuestion) -> bool {
    let Some(words) = field.allowed_words() else { return true };
    question.boxes.iter().all(|text| words.iter().any(|word| word.eq_ignore_ascii_case(&strip_hint(text))))
}

/// Returns a field for boxes that offer a choice; none for text, and for the items of a checklist.
fn propose_own_field(question: &FormQuestion) -> Option<ProposedField> {
    let mut words: Vec<String> = Vec::new();
    for text in &question.boxes {
        let word = strip_hint(text);
        let is_word = !word.is_empty()
            && word.split_whitespace().count() <= MAX_BOX_WORDS
            && word.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, ' ' | '-' | '/'))
            && !word.starts_with("I ")
            && !words.iter().any(|known| known.eq_ignore_ascii_case(&word));
        if !is_word {
            return None;
        }
        words.push(word);
    }
    if words.len() < 2 {
        return None;
    }
    let words: Vec<String> = words.iter().map(|word| quote_text(word)).collect();
    let yaml = format!("{{ one-of: [{}], many: true }}", words.join(", "));
    Some(ProposedField { name: to_field_name(&question.label), yaml, is_redefined: false })
}

/// Returns the text of a box without a hint in parentheses, as in `Bug fix (a change that breaks nothing)`.
fn strip_hint(text: &str) -> String {
    let word = text.split_once('(').map_or(text, |(word, _)| word);
    let is_mark = |one: char| !one.is_ascii_alphanumeric();
    word.trim_matches(is_mark).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a label as the name of a field.
fn to_field_name(label: &str) -> String {
    label.split_whitespace().collect::<Vec<_>>().join("-")
}

/// Returns the definition of a field as YAML, with more aliases.
fn render_field(field: &FieldDefinition, more_aliases: &[String]) -> String {
    let quote_all =
        |texts: &[String]| texts.iter().map(|text| quote_text(text)).collect::<Vec<_>>().join(", ");
    let mut yaml = String::from("{ ");
    // Writing to a string cannot fail.
    let _ = match &field.kind {
        FieldKind::OneOf(words) => write!(yaml, "one-of: [{}]", quote_all(words)),
        FieldKind::Ordered(words) => write!(yaml, "ordered: [{}]", quote_all(words)),
        FieldKind::Matches { pattern, example } => {
            let example =
                example.as_ref().map_or_else(String::new, |text| format!(", example: {}", quote_text(text)));
            write!(yaml, "matches: {}{example}", quote_text(&pattern.to_string()))
        }
        FieldKind::Text { min_length, refused_phrases } => {
            let refuse = match refused_phrases.is_empty() {
                true => String::new(),
                false => format!(", refuse: [{}]", quote_all(refused_phrases)),
            };
            write!(yaml, "text: {{ min-length: {min_length}{refuse} }}")
        }
        FieldKind::Person => write!(yaml, "person: true"),
    };
    let mut aliases = field.aliases.clone();
    aliases.extend(more_aliases.iter().cloned());
    let _ = write!(yaml, ", aliases: [{}]", aliases.join(", "));
    let is_prose = matches!(field.kind, FieldKind::Text { .. } | FieldKind::Person);
    if field.is_repeatable && !is_prose {
        yaml.push_str(", many: true");
    }
    match field.on_conflict {
        ConflictResolution::Strictest => yaml.push_str(", on-conflict: strictest"),
        ConflictResolution::Highest => yaml.push_str(", on-conflict: highest"),
        ConflictResolution::Refuse => {}
    }
    if !field.stated_by_bots.is_empty() {
        let _ = write!(yaml, ", stated-by-bots: [{}]", quote_all(&field.stated_by_bots));
    }
    yaml.push_str(" }");
    yaml
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::load_from_pack;

    fn read(template: &str) -> TemplateReading {
        read_template_fields(template, &load_from_pack("iso27001").unwrap().policy)
    }

    #[test]
    fn headings_become_aliases_and_boxes_a_field() {
        let reading = read(
            "## Description\n\n## Type of change\n\n- [ ] Bug fix (breaks nothing)\n- [ ] New feature\n\n## Risk level\n\n\
             - [ ] Low\n- [ ] High\n\n## How has this been tested?\n\n**Jira:** \n\n## Checklist\n\n- [ ] I have tested it\n\
             - [ ] The manual says so as well, in all languages\n",
        );
        let shown: Vec<String> =
            reading.fields.iter().map(|field| format!("{}: {}", field.name, field.yaml)).collect();
        assert_eq!(
            shown,
            [
                "Risk: { ordered: ['low', 'medium', 'high', 'critical'], aliases: [Risk-level], on-conflict: highest }",
                "Test-Plan: { text: { min-length: 15 }, aliases: [How-has-this-been-tested] }",
                "Ticket: { matches: '[A-Z][A-Z0-9_]*-[0-9]+|([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?#[0-9]+|https://[!-~]+', \
                 example: 'PAY-412', aliases: [Refs, Bug, Jira], many: true }",
                "Type-of-change: { one-of: ['Bug fix', 'New feature'], many: true }",
            ]
        );
        assert_eq!(reading.unread_labels, ["Description", "Checklist"]);
        assert_eq!(reading.missing_fields, ["Change-Type", "Security-Impact", "Back-out-Plan"]);
    }

    #[test]
    fn a_template_that_has_the_fields_needs_none() {
        let reading = read(
            "## Change type\n\n- [ ] normal\n- [ ] emergency\n\n## Risk\n\n**Ticket:**\n**Security impact:**\n\n\
                            ## Back-out plan\n\n## Test plan\n",
        );
        assert_eq!((reading.fields, reading.missing_fields), (Vec::new(), Vec::new()));
        // Words that the field does not know are for people to settle.
        let reading = read("## Change type\n\n- [ ] bug\n- [ ] feature\n");
        assert_eq!(reading.unread_labels, ["Change type"]);
        assert!(reading.fields.is_empty() && reading.missing_fields.contains(&"Change-Type".to_owned()));
    }
}
