//! Every time limit, the calendar that it counts by, and the times at which changes are allowed.

use crate::audit::procedure::document::{DocumentSection, DocumentTable, TextCell};
use crate::audit::procedure::words::{
    describe_holiday, describe_limit, describe_requirement, describe_types, join_words, list_asked,
    name_rule, to_sentence,
};
use crate::calendar::TimeLimit;
use crate::policy::Policy;
use crate::predicates::Predicate;
use crate::verdict::RuleLevel;

/// Builds the deadlines and the calendar.
pub(super) fn build_deadlines(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Deadlines");
    let mut table = DocumentTable::new(&[("What", 34), ("When", 24), ("Applies to", 24), ("Stated in", 18)]);
    let mut add = |what: &str, when: &str, applies: &str, place: &str| {
        table.add_row(vec![
            TextCell::from_words(what),
            TextCell::from_words(&to_sentence(when)),
            TextCell::from_words(&to_sentence(applies)),
            TextCell::from_words(place),
        ]);
    };
    for rule in &policy.rules {
        let rule_name = format!("rule `{}`", rule.description.id);
        let types = describe_types(policy, rule);
        for predicate in list_asked(&rule.require) {
            for late in predicate.list_late_statements() {
                let by =
                    if late.by_others { ", by a person who did not contribute to the change" } else { "" };
                let what = format!("`{}` is stated{by}", late.field.name);
                add(&what, &late.deadline.to_plain_text(), &types, &rule_name);
            }
            if let Predicate::Ticket(ticket) = predicate
                && let Some(limit) = ticket.creation_limit()
            {
                let what = format!("the ticket in `{}` is created", ticket.field().name);
                add(&what, &format!("within {}", describe_limit(limit)), &types, &rule_name);
            }
        }
        if let (RuleLevel::Warn, Some(until)) = (rule.level, rule.warn_until) {
            add("the rule only warns", &format!("up to and including {until}"), &types, &rule_name);
        }
    }
    if let Some(terms) = &policy.obligations.regularise {
        let when = format!("within {}", describe_limit(terms.time_limit));
        add(
            "an unauthorised change is regularised",
            &when,
            "from when the gate has found it",
            "`obligations`",
        );
    }
    if let Some(terms) = &policy.break_glass {
        let when = format!("within {}", describe_limit(TimeLimit::Minutes(terms.max_minutes)));
        add("a break-glass session is closed", &when, "from when it was opened or extended", "`break-glass`");
        add("all sessions for one incident are closed", "within 24 hours", "from the first one", "the gate");
    }
    for exemption in &policy.exemptions {
        let rule = policy.rules.get(exemption.rule_index).map_or("?", |rule| rule.description.id.as_str());
        let what = format!("the exemption from `{rule}` ends");
        add(
            &what,
            &format!("after {}", exemption.until),
            &exemption.when.describe().to_plain_text(),
            "`exemptions`",
        );
    }
    for (id, entry) in policy.standard_changes.list_entries() {
        let what = format!("the standard change `{id}` is reviewed");
        add(&what, &format!("by {}", entry.review_by), "the entry of the catalogue", "`standard-changes`");
    }
    if let Some(day) = policy.review_by {
        add("the policy and this document are reviewed", &format!("by {day}"), "the policy", "`review-by`");
    }
    if table.rows.is_empty() {
        section.add_paragraph("The policy sets no deadlines.");
    } else {
        section.add_table(table);
    }
    add_calendar(policy, &mut section);
    section
}

fn add_calendar(policy: &Policy, section: &mut DocumentSection) {
    section.add_subheading("How time is counted");
    section.add_paragraph(
        "A limit counts from the moment at which the gate, or the forge, sees the change, by that machine's clock; dates \
         in commits are typed by their authors and count for nothing. Exactly at the limit is in time. Hours run around \
         the clock. Business days are Monday to Friday without holidays, and end at 23:59:59 UTC. What is closed late \
         stays recorded as late.",
    );
    let mut holidays: Vec<String> =
        policy.people.holidays().list_holidays().into_iter().map(describe_holiday).collect();
    holidays
        .extend(policy.people.holiday_files().iter().map(|path| format!("those of the calendar `{path}`")));
    section.add_paragraph(&match holidays.is_empty() {
        true => "Holidays: the policy names none.".to_owned(),
        false => format!("Holidays: {}.", join_words(&holidays, "and")),
    });
    let mut consequences = Vec::new();
    if policy.obligations.block_on_overdue {
        consequences.push(
            "While something is overdue on a branch, the branch takes no change but emergencies and what closes it.",
        );
    }
    if policy.obligations.suspend_shortcut {
        consequences
            .push("Authors of a change with something overdue make no emergency changes until it is closed.");
    }
    if consequences.is_empty() {
        consequences
            .push("What is overdue is listed and notified; by this policy, it holds no later change back.");
    }
    section.add_paragraph(&consequences.join(" "));
}

/// Builds the times at which changes are allowed or not.
pub(super) fn build_windows(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Change windows and freezes");
    let mut table = DocumentTable::new(&[("Rule", 24), ("Requirement", 50), ("Applies to", 26)]);
    for rule in &policy.rules {
        let mut asked = Vec::new();
        rule.require.add_predicates(&mut asked);
        if let Some(when) = &rule.when {
            when.add_predicates(&mut asked);
        }
        if asked.iter().any(|predicate| matches!(predicate, Predicate::Window(_))) {
            table.add_row(vec![
                TextCell::from_words(&name_rule(rule)),
                TextCell::from_words(&describe_requirement(rule)),
                TextCell::from_words(&to_sentence(&describe_types(policy, rule))),
            ]);
        }
    }
    if table.rows.is_empty() {
        section.add_paragraph("The policy has no windows and no freezes: changes are allowed at any time.");
    } else {
        section.add_paragraph("The time at which the gate sees the change counts.");
        section.add_table(table);
    }
    section
}
