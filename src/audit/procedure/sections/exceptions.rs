//! What does not go the ordinary way: emergencies, break-glass, unauthorised changes, what was approved in
//! advance, and exemptions.

use crate::audit::procedure::document::{DocumentSection, DocumentTable, TextCell};
use crate::audit::procedure::words::{
    applies_to_type, count_things, describe_duty, describe_limit, join_words, quote_all, to_sentence,
};
use crate::calendar::TimeLimit;
use crate::catalogue::StandardChange;
use crate::policy::{EMERGENCY_REASON_FIELD, FOR_CHANGE_TRAILER, Policy, is_emergency_class};

/// Builds emergencies and break-glass sessions.
pub(super) fn build_emergencies(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Emergencies and break-glass");
    let mut has_emergencies = false;
    for (index, class) in policy.classes.iter().enumerate() {
        if !is_emergency_class(class.id.as_str()) {
            continue;
        }
        if !has_emergencies {
            section.add_paragraph(
                "An emergency is a change that cannot wait for the ordinary steps. It states that it is one; the gate \
                 lets it in against what it owes afterwards. A change that fits a type which stands before these in the \
                 list of types is of that type, and no emergency.",
            );
        }
        has_emergencies = true;
        section.add_subheading(&format!("Emergencies of the type `{}`", class.id));
        let (mut at_once, mut later) = (Vec::new(), Vec::new());
        for rule in policy.rules.iter().filter(|rule| applies_to_type(rule, index)) {
            let line = describe_duty(rule);
            let mut owed = Vec::new();
            rule.require.add_owed_fields(&mut owed);
            if owed.is_empty() { at_once.push(line) } else { later.push(line) }
        }
        section.add_paragraph(if at_once.is_empty() { "At once: nothing." } else { "At once:" });
        section.add_list(&at_once);
        section.add_paragraph(if later.is_empty() {
            "Owed afterwards: nothing."
        } else {
            "Owed afterwards:"
        });
        section.add_list(&later);
    }
    if !has_emergencies {
        section.add_paragraph(
            "The policy knows no type of change for emergencies: every change goes the ordinary way.",
        );
    }
    section.add_subheading("Break-glass sessions");
    let Some(terms) = &policy.break_glass else {
        section.add_paragraph("The policy allows no break-glass sessions.");
        return section;
    };
    let teams = join_words(&quote_all(&terms.teams), "or");
    section.add_paragraph(&format!(
        "Where a change is not enough, a person works on a machine or in a database directly. A member of {teams} \
         opens a session for that first, for at most {} at once, with the incident and the reason; another member may extend it, \
         and all sessions for one incident end within 24 hours of the first. The session grants no access: it is the record \
         of who worked outside this procedure, why, and from when to when. Afterwards, closing it in time is owed, with a note \
         of what was done. A session that is closed late stays recorded as late.",
        describe_limit(TimeLimit::Minutes(terms.max_minutes)),
    ));
    add_missing_members(policy, &terms.teams, &mut section);
    section
}

/// Says so if nobody is in these teams.
fn add_missing_members(policy: &Policy, teams: &[String], section: &mut DocumentSection) {
    if !policy.people.has_members(teams) {
        section.add_paragraph(&format!(
            "No person is a member of {} at present, so no person can do this.",
            join_words(&quote_all(teams), "or")
        ));
    }
}

/// Builds what happens to a change that came past the gate.
pub(super) fn build_unauthorised_changes(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Unauthorised changes");
    section.add_paragraph(
        "A change that reached a branch or tag under change control without a decision is found when the gate next looks, \
         is recorded, and stays marked for good.",
    );
    let Some(terms) = &policy.obligations.regularise else {
        section.add_paragraph(
            "The policy names no one who may regularise such a change, so it is overdue at once and stays overdue.",
        );
        return section;
    };
    let mut stated = Vec::new();
    for name in [FOR_CHANGE_TRAILER, EMERGENCY_REASON_FIELD] {
        if policy.vocabulary.find_field(name).is_some() {
            stated.push(format!("`{name}`"));
        }
    }
    let stated = match stated.is_empty() {
        true => String::new(),
        false => format!(
            " That change states {}, and what the policy asks of an emergency.",
            join_words(&stated, "and")
        ),
    };
    section.add_paragraph(&format!(
        "A member of {} who is no author of it regularises it by a later change through the gate, within {} of its \
         discovery.{stated} A change that was regularised stays marked.",
        join_words(&quote_all(&terms.teams), "or"),
        describe_limit(terms.time_limit),
    ));
    add_missing_members(policy, &terms.teams, &mut section);
    section
}

/// Builds the catalogue of standard changes.
pub(super) fn build_standard_changes(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Standard changes");
    if policy.standard_changes.is_empty() {
        section.add_paragraph(
            "The catalogue of standard changes is empty: no kind of change was approved in advance.",
        );
        return section;
    }
    section.add_paragraph(
        "These kinds of change were approved once, for every change that keeps to the bounds of its entry. An entry counts \
         from the day of its approval up to and including the day of its review.",
    );
    let mut table = DocumentTable::new(&[("Entry", 20), ("Bounds", 44), ("Approved", 36)]);
    for (id, entry) in policy.standard_changes.list_entries() {
        table.add_row(vec![
            TextCell::from_words(&format!("`{id}`")),
            TextCell::from_lines(&describe_bounds(entry)),
            TextCell::from_lines(&[
                format!("By {}, on {}.", entry.approved_by, entry.approved_on),
                format!("To be reviewed by {}.", entry.review_by),
            ]),
        ]);
    }
    section.add_table(table);
    section
}

/// Returns what an entry of the catalogue allows, in sentences.
fn describe_bounds(entry: &StandardChange) -> Vec<String> {
    let mut bounds = vec![format!("Touches only {}.", join_words(&quote_all(&entry.paths), "or"))];
    if let Some(most) = entry.max_files {
        bounds.push(format!("At most {}.", count_things(most, "file", "files")));
    }
    if let Some(most) = entry.max_lines {
        bounds.push(format!("At most {}.", count_things(most, "changed line", "changed lines")));
    }
    bounds.push(match &entry.makers {
        None => "Made by any contributor.".to_owned(),
        Some(makers) => {
            let mut who = Vec::new();
            if !makers.teams.is_empty() {
                who.push(format!("members of {}", join_words(&quote_all(&makers.teams), "or")));
            }
            if !makers.bots.is_empty() {
                who.push(format!("the machines {}", join_words(&quote_all(&makers.bots), "or")));
            }
            format!("Made by {}.", join_words(&who, "or"))
        }
    });
    bounds
}

/// Builds the exemptions.
pub(super) fn build_exemptions(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Exemptions");
    if policy.exemptions.is_empty() {
        section.add_paragraph("The policy has no exemptions.");
        return section;
    }
    section.add_paragraph(
        "Each exemption lets some changes break one rule, up to and including its last day (in UTC); after that day it has \
         no effect. Every use of one is recorded with the decision.",
    );
    let mut table = DocumentTable::new(&[
        ("Rule", 18),
        ("Changes", 24),
        ("Reason", 22),
        ("Approved by", 22),
        ("Last day", 14),
    ]);
    for exemption in &policy.exemptions {
        let rule = policy.rules.get(exemption.rule_index).map_or("?", |rule| rule.description.id.as_str());
        table.add_row(vec![
            TextCell::from_lines(&[format!("`{rule}`"), format!("({})", exemption.id)]),
            TextCell::from_words(&to_sentence(&exemption.when.describe().to_plain_text())),
            TextCell::from_words(&exemption.reason),
            TextCell::from_words(&exemption.approved_by),
            TextCell::from_words(&exemption.until.to_string()),
        ]);
    }
    section.add_table(table);
    section
}
