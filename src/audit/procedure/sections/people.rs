//! Who has which part in a change.

use crate::audit::procedure::document::{DocumentSection, DocumentTable, TextCell};
use crate::audit::procedure::words::{
    count_things, describe_effect, join_words, list_approvals, quote_all, to_sentence,
};
use crate::policy::Policy;
use crate::verdict::RuleLevel;

/// Builds the roles with their holders.
pub(super) fn build_roles(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Roles");
    let mut table = DocumentTable::new(&[("Role", 22), ("Held by", 34), ("Does", 44)]);
    let mut add = |role: &str, holders: &str, duty: &str| {
        let holders = TextCell::from_words(holders);
        table.add_row(vec![TextCell::from_strong(role), holders, TextCell::from_words(duty)]);
    };
    let owner = policy.owner.as_deref().unwrap_or("(the policy names none)");
    add("Owner of the policy", owner, "Answers for this procedure and for its reviews.");
    add(
        "Author",
        "The people who make a change",
        "Describes the change, assesses its risk, and closes what it owes.",
    );
    add("Approver", "A person who is no author of the change", "Reviews the change and approves it or not.");
    add(
        "Administrator of the gate",
        "(the organisation names them)",
        "Installs the gate, keeps its settings and its credentials, and keeps a copy of the ledger elsewhere.",
    );
    section.add_table(table);
    add_teams(policy, &mut section);
    add_known_people(policy, &mut section);
    section.add_subheading("Machines");
    section.add_paragraph(
        "A machine never approves, and authorises nothing; see the list of machines at the end.",
    );
    section
}

/// Builds the list of machines.
pub(super) fn build_machines(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Machines");
    section.add_paragraph(
        "These are machines: accounts that the forge says are some, and every name, account or address of one of the \
         forms below, in which `*` stands for any characters.",
    );
    let bots = quote_all(policy.people.list_bots());
    section.add_paragraph(&match bots.is_empty() {
        true => "The policy lists none.".to_owned(),
        false => format!("{}.", bots.join(", ")),
    });
    section
}

fn add_teams(policy: &Policy, section: &mut DocumentSection) {
    section.add_subheading("Teams");
    let mut table = DocumentTable::new(&[("Team", 22), ("Members", 34), ("Does", 44)]);
    for team in policy.people.team_names() {
        let members = policy.people.team_members(team);
        let holders = match members.is_empty() {
            true => TextCell::from_words("(no members)"),
            false => TextCell::from_lines(&quote_all(members)),
        };
        let duties = list_duties(policy, team);
        table.add_row(vec![
            TextCell::from_words(&format!("`{team}`")),
            holders,
            TextCell::from_lines(&duties),
        ]);
    }
    if table.rows.is_empty() {
        section.add_paragraph("The policy names no teams: every person outside the authors may approve.");
    } else {
        section.add_table(table);
    }
}

/// Returns what the members of a team do, in sentences.
fn list_duties(policy: &Policy, team: &str) -> Vec<String> {
    if policy.people.team_members(team).is_empty() {
        return vec!["Nothing, as long as it has no members.".to_owned()];
    }
    let mut duties = Vec::new();
    let is_named = |teams: &[String]| teams.iter().any(|named| named == team);
    for rule in &policy.rules {
        if list_approvals(rule).iter().any(|asked| is_named(asked.asked_teams())) {
            let effect = match rule.level {
                RuleLevel::Warn => format!(" {}", describe_effect(rule)),
                RuleLevel::Deny => String::new(),
            };
            duties.push(format!("Approves under the rule `{}`.{effect}", rule.description.id));
        }
    }
    if policy.obligations.regularise.as_ref().is_some_and(|terms| is_named(&terms.teams)) {
        duties.push("Regularises unauthorised changes.".to_owned());
    }
    if policy.break_glass.as_ref().is_some_and(|terms| is_named(&terms.teams)) {
        duties.push("Opens, extends and closes break-glass sessions.".to_owned());
    }
    for (id, entry) in policy.standard_changes.list_entries() {
        if entry.makers.as_ref().is_some_and(|makers| is_named(&makers.teams)) {
            duties.push(format!("Makes the standard change `{id}`."));
        }
    }
    if duties.is_empty() {
        duties.push(
            "Has no part in approvals, standard changes, break-glass or unauthorised changes.".to_owned(),
        );
    }
    duties
}

fn add_known_people(policy: &Policy, section: &mut DocumentSection) {
    section.add_subheading("People");
    let people = &policy.people;
    match (&people.roster, people.count_roster_people()) {
        (Some(path), Some(count)) => {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            let count = count_things(count, "person", "people");
            section.add_paragraph(&format!(
                "The roster `{path}` lists {count} with all their addresses and accounts. A person who is not in it \
                 approves nothing. A joiner is added to it, and a leaver taken out of it, by a change of that file."
            ));
        }
        _ => section.add_paragraph(
            "There is no roster: an address counts as a person, and two addresses as two people.",
        ),
    }
    let empty: Vec<&str> = people.list_empty_teams().collect();
    if !empty.is_empty() {
        let names = join_words(&quote_all(&empty), "and");
        section.add_paragraph(&to_sentence(&format!(
            "without members that count: {names}. What only such a team may do, no person can do"
        )));
    }
}
