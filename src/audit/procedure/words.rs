//! The sentences that the parts of a policy become.

use crate::calendar::{Holiday, TimeLimit};
use crate::pattern::RefPattern;
use crate::policy::{Policy, Rule};
use crate::predicates::Predicate;
use crate::predicates::approvals::ApprovalsPredicate;
use crate::predicates::support::condition::Condition;
use crate::verdict::{RuleLevel, time_limit_message};
use crate::vocabulary::{ConflictResolution, FieldDefinition, FieldKind};

/// What a rule asks for, as a table names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequirementKind {
    Approval,
    Advance,
    Afterwards,
    Ticket,
    Test,
    Signature,
    Time,
    Statement,
    Content,
}

impl RequirementKind {
    /// Returns the kind of a rule: what an auditor looks for first.
    pub(crate) fn of_rule(rule: &Rule) -> RequirementKind {
        let predicates = list_asked(&rule.require);
        let has = |is_kind: &dyn Fn(&Predicate) -> bool| predicates.iter().any(|one| is_kind(one));
        if has(&|one| matches!(one, Predicate::StandardChange(_))) {
            RequirementKind::Advance
        } else if predicates.iter().any(|one| !one.list_late_statements().is_empty()) {
            RequirementKind::Afterwards
        } else if has(&|one| matches!(one, Predicate::Approvals(_))) {
            RequirementKind::Approval
        } else if has(&|one| matches!(one, Predicate::Ticket(_))) {
            RequirementKind::Ticket
        } else if has(&|one| matches!(one, Predicate::Checks(_))) {
            RequirementKind::Test
        } else if has(&|one| matches!(one, Predicate::Signed(_))) {
            RequirementKind::Signature
        } else if has(&|one| matches!(one, Predicate::Window(_))) {
            RequirementKind::Time
        } else if has(&|one| matches!(one, Predicate::Field(_))) {
            RequirementKind::Statement
        } else {
            RequirementKind::Content
        }
    }

    /// Returns the word in a table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            RequirementKind::Approval => "Approval",
            RequirementKind::Advance => "Approved in advance",
            RequirementKind::Afterwards => "Afterwards",
            RequirementKind::Ticket => "Ticket",
            RequirementKind::Test => "Test",
            RequirementKind::Signature => "Signature",
            RequirementKind::Time => "Time",
            RequirementKind::Statement => "Statement",
            RequirementKind::Content => "Content",
        }
    }
}

/// Returns the predicates that a change can be asked to meet; those under `not` are left out.
pub(crate) fn list_asked(condition: &Condition) -> Vec<&Predicate> {
    match condition {
        Condition::Predicate(predicate) => vec![predicate],
        Condition::All(parts) | Condition::Any(parts) => parts.iter().flat_map(list_asked).collect(),
        Condition::Not(_) => Vec::new(),
    }
}

/// Returns the approvals that a rule can ask for.
pub(crate) fn list_approvals(rule: &Rule) -> Vec<&ApprovalsPredicate> {
    let mut approvals = Vec::new();
    for predicate in list_asked(&rule.require) {
        if let Predicate::Approvals(asked) = predicate {
            approvals.push(asked);
        }
    }
    approvals
}

/// Returns true if the rule applies to changes of the class with this index.
pub(crate) fn applies_to_type(rule: &Rule, class: usize) -> bool {
    rule.class_indexes.as_ref().is_none_or(|indexes| indexes.contains(&class))
}

/// Returns the names of the types that a rule applies to, in words.
pub(crate) fn describe_types(policy: &Policy, rule: &Rule) -> String {
    let Some(indexes) = &rule.class_indexes else { return "every type of change".to_owned() };
    let mut names = Vec::new();
    for index in indexes {
        names.extend(policy.classes.get(*index).map(|class| format!("`{}`", class.id)));
    }
    join_words(&names, "and")
}

/// Returns what a rule requires, as a sentence; with the changes that it is about, if these are fewer than
/// all of their types.
pub(crate) fn describe_requirement(rule: &Rule) -> String {
    let asked = rule.require.describe().to_plain_text();
    match &rule.when {
        Some(when) => to_sentence(&format!("if {}: {asked}", when.describe().to_plain_text())),
        None => to_sentence(&asked),
    }
}

/// Returns what a rule requires with its id, as a line of a list; a rule that only warns says so.
pub(crate) fn describe_duty(rule: &Rule) -> String {
    let line = format!("{} (`{}`)", describe_requirement(rule), rule.description.id);
    if rule.level == RuleLevel::Warn { format!("{line} {}", describe_effect(rule)) } else { line }
}

/// Returns the id of a rule, as a list names it; a rule that only warns says so, and until when.
pub(crate) fn name_rule(rule: &Rule) -> String {
    let id = &rule.description.id;
    match (rule.level, rule.warn_until) {
        (RuleLevel::Deny, _) => format!("`{id}`"),
        (RuleLevel::Warn, Some(until)) => format!("`{id}` (only warns, up to and including {until})"),
        (RuleLevel::Warn, None) => format!("`{id}` (only warns)"),
    }
}

/// Returns what follows if a rule is not met, as a sentence.
pub(crate) fn describe_effect(rule: &Rule) -> String {
    match (rule.level, rule.warn_until) {
        (RuleLevel::Warn, Some(until)) => {
            format!("Warns, up to and including {until}; from then on, the change is refused.")
        }
        (RuleLevel::Warn, None) => "Warns; the change is not refused.".to_owned(),
        (RuleLevel::Deny, _) => {
            let mut owed = Vec::new();
            rule.require.add_owed_fields(&mut owed);
            match owed.is_empty() {
                true => "The change is refused.".to_owned(),
                false => {
                    "What may come later is owed until its time, and overdue after it. What is stated and \
                          wrong refuses the change."
                        .to_owned()
                }
            }
        }
    }
}

/// Returns what counts as an approval that is asked for, in sentences.
pub(crate) fn describe_approvals(asked: &ApprovalsPredicate) -> Vec<String> {
    let mut sentences = Vec::new();
    if asked.is_given_by_pusher() {
        sentences.push("Who pushes the change approves it by that, if they made no part of it.".to_owned());
        if asked.requires_verified() {
            sentences.push("Its authors have to have signed it.".to_owned());
        }
        if asked.requires_signed_push() {
            sentences.push("The push counts only if it is signed with a key of the pusher.".to_owned());
        }
        return sentences;
    }
    sentences.push(match asked.requires_verified() {
        true => "Only an approval that is verified counts: a review that the forge itself confirms, or one that the \
                 approver has signed with a key of the roster."
            .to_owned(),
        false => {
            "Where reviews can be seen, as on a pull request, an approval is a review there; at a push it is \
                  one that the approver has signed with a key of the roster, or a line of text, which is a claim."
                .to_owned()
        }
    });
    sentences.push(match asked.requires_final_revision() {
        true => "It has to be of the content that lands: an approval of an earlier state does not count."
            .to_owned(),
        false => "An approval of an earlier state of the change counts as well.".to_owned(),
    });
    if asked.admits_authors() {
        sentences.push(
            "Several authors may approve the parts of each other; nobody approves their own.".to_owned(),
        );
    }
    if asked.admits_suggesters() {
        sentences.push(
            "Who only suggested a line, which another person applied on the forge, may still approve."
                .to_owned(),
        );
    }
    if asked.requires_distinct_people() {
        sentences.push("Whoever gives it gives none of the other approvals of this rule.".to_owned());
    }
    if !asked.approval_commands().is_empty() {
        let commands = join_words(&quote_all(asked.approval_commands()), "or");
        sentences.push(format!("A comment that says {commands} counts as an approval."));
    }
    sentences
}

/// Returns which values a field accepts, as sentences.
pub(crate) fn describe_field(field: &FieldDefinition) -> String {
    let mut accepted = match &field.kind {
        FieldKind::OneOf(words) => format!("One of {}.", join_words(&quote_all(words), "or")),
        FieldKind::Ordered(words) => {
            format!("One of {}, from the lowest to the highest.", join_words(&quote_all(words), "or"))
        }
        FieldKind::Matches { pattern, example } => match example {
            Some(example) => format!("A value such as `{example}`, of the form `{pattern}`."),
            None => format!("A value of the form `{pattern}`."),
        },
        FieldKind::Text { min_length, refused_phrases } => {
            let length = count_things(*min_length, "letter or digit", "letters or digits");
            let refused = match refused_phrases.is_empty() {
                true => String::new(),
                false => format!(" Not: {}.", join_words(&quote_all(refused_phrases), "or")),
            };
            format!("Your own words, at least {length}; a placeholder is refused.{refused}")
        }
        FieldKind::Person => "A person, as name and address.".to_owned(),
    };
    accepted.push_str(match field.on_conflict {
        ConflictResolution::Refuse => "",
        ConflictResolution::Strictest => {
            " If the commits of a change disagree, the first of these words counts."
        }
        ConflictResolution::Highest => " If the commits of a change disagree, the highest counts.",
    });
    if field.is_repeatable {
        accepted.push_str(" May be stated several times.");
    }
    if !field.stated_by_bots.is_empty() {
        let bots = join_words(&quote_all(&field.stated_by_bots), "and");
        accepted.push_str(&format!(" These machines may state it in a pull request: {bots}."));
    }
    accepted
}

/// Returns a line that states a field.
pub(crate) fn show_field_example(field: &FieldDefinition) -> String {
    let value = match &field.kind {
        FieldKind::OneOf(words) | FieldKind::Ordered(words) => words.first().cloned().unwrap_or_default(),
        FieldKind::Matches { example, .. } => example.clone().unwrap_or_default(),
        FieldKind::Text { .. } => String::new(),
        FieldKind::Person => "Kim Duty <kim@example.com>".to_owned(),
    };
    if value.is_empty() { String::new() } else { format!("`{}: {value}`", field.name) }
}

/// Returns what refs a pattern stands for.
pub(crate) fn describe_ref_pattern(pattern: &RefPattern) -> String {
    let written = pattern.to_string();
    let (kind, name) = match (written.strip_prefix("refs/heads/"), written.strip_prefix("refs/tags/")) {
        (Some(name), _) => ("branch", name),
        (None, Some(name)) => ("tag", name),
        (None, None) if written.starts_with("refs/") => ("ref", written.as_str()),
        (None, None) => ("branch", written.as_str()),
    };
    match name.contains('*') {
        true => format!("every {kind} whose name is of the form `{name}`"),
        false => format!("the {kind} `{name}`"),
    }
}

/// Returns a holiday in words.
pub(crate) fn describe_holiday(holiday: Holiday) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    match holiday {
        Holiday::Once(day) => day.to_string(),
        Holiday::EveryYear { month, day } => {
            let index = usize::try_from(month).ok().and_then(|month| month.checked_sub(1));
            let name = index.and_then(|index| MONTHS.get(index)).copied().unwrap_or("?");
            format!("{day} {name} of every year")
        }
    }
}

/// Returns a time limit in words.
pub(crate) fn describe_limit(limit: TimeLimit) -> String {
    time_limit_message(limit).to_plain_text()
}

/// Returns words as a sentence: with a capital letter and a full stop.
pub(crate) fn to_sentence(words: &str) -> String {
    let words = words.trim();
    let mut letters = words.chars();
    let sentence: String = match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => return String::new(),
    };
    if sentence.ends_with(['.', '!', '?', ':']) { sentence } else { format!("{sentence}.") }
}

/// Returns items as a list in a sentence.
pub(crate) fn join_words<S: AsRef<str>>(items: &[S], last: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [start @ .., end] => {
            let start: Vec<&str> = start.iter().map(AsRef::as_ref).collect();
            format!("{} {last} {}", start.join(", "), end.as_ref())
        }
    }
}

/// Returns items between backticks.
pub(crate) fn quote_all<S: ToString>(items: &[S]) -> Vec<String> {
    items.iter().map(|item| format!("`{}`", item.to_string())).collect()
}

/// Returns a number of things in words.
pub(crate) fn count_things(count: u64, one: &str, several: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {several}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_are_named_by_what_they_are() {
        for (written, expected) in [
            ("main", "the branch `main`"),
            ("release/*", "every branch whose name is of the form `release/*`"),
            ("refs/tags/v*", "every tag whose name is of the form `v*`"),
            ("refs/heads/main", "the branch `main`"),
            ("refs/meta/config", "the ref `refs/meta/config`"),
        ] {
            assert_eq!(describe_ref_pattern(&RefPattern::new(written).unwrap()), expected);
        }
    }

    #[test]
    fn words_become_sentences_and_lists() {
        assert_eq!(to_sentence(" someone approves"), "Someone approves.");
        assert_eq!(to_sentence("`Risk` is stated"), "`Risk` is stated.");
        assert_eq!(to_sentence(""), "");
        assert_eq!(join_words(&["a", "b", "c"], "and"), "a, b and c");
        assert_eq!(join_words(&["a"], "and"), "a");
        assert_eq!(describe_holiday(Holiday::EveryYear { month: 12, day: 25 }), "25 December of every year");
    }
}
