//! What is recorded and for how long, which controls are served, what the gate cannot see, and how the policy
//! came to be.

use std::collections::BTreeMap;

use crate::audit::procedure::document::{DocumentSection, DocumentTable, RichText, TextCell};
use crate::audit::procedure::facts::ProcedureFacts;
use crate::audit::procedure::words::{count_things, name_rule, quote_all};
use crate::policy::{Policy, TicketSystem};

/// Builds what is recorded, and for how long.
pub(super) fn build_records(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Records and retention");
    section.add_paragraph("Where the gate runs on a server or keeps its ledger on a forge, it records:");
    section.add_list(&[
        "every decision, refusals on a server too: who asked for what, by which version of this policy it was judged, how \
         each rule came out, and when, by the clock of the machine that judged;",
        "what it rests on: each approval with its person, source, time and revision, and whether it counted or why not; \
         fields, tickets and checks as they were;",
        "what came of a decision: which branches and tags moved, and which did not;",
        "what a change owes, until when, who closed it by what, and how late;",
        "unauthorised changes and how they were regularised; break-glass sessions; uses of exemptions;",
        "signs that the gate stood, also while nothing changed.",
    ]);
    section.add_paragraph(
        "A record names the digest of the record before it, so that one that was changed or left out in between is \
         found (`changegate ledger verify`); whether the newest ones are missing is found with a copy. Plans, test statements and reviews are in the commits and in the records of \
         pull requests.",
    );
    section.add_subheading("Retention");
    section.add_paragraph(
        "The ledger only grows: the gate deletes no record. Ledger and history are kept by Git for as long as the repository \
         and its copies are kept. The organisation decides how long that is, keeps copies where the administrators of the \
         server cannot change them, and keeps elsewhere what does not live in Git, such as reviews on a forge and tickets.",
    );
    let mut table = DocumentTable::new(&[("Record", 50), ("Kept for", 25), ("Kept where", 25)]);
    for record in [
        "The repository with its history and its ledger",
        "Copies of the ledger",
        "Tickets, reviews, test runs",
    ] {
        table.add_row(vec![TextCell::from_words(record), TextCell::empty(), TextCell::empty()]);
    }
    section.add_table(table);
    add_ticket_systems(policy, &mut section);
    section
}

fn add_ticket_systems(policy: &Policy, section: &mut DocumentSection) {
    section.add_subheading("Ticket systems");
    if policy.ticket_systems.is_empty() {
        section.add_paragraph(
            "The policy names no ticket system: the key of a ticket is a claim that nothing confirms.",
        );
        return;
    }
    let mut table = DocumentTable::new(&[("System", 60), ("Keys that begin with", 40)]);
    for (system, prefixes) in policy.ticket_systems.group_by_system() {
        let name = match system {
            TicketSystem::GitHub { repository: None } => "issues of the repository on GitHub".to_owned(),
            TicketSystem::GitHub { repository: Some(name) } => format!("issues of `{name}` on GitHub"),
            TicketSystem::JiraCloud(address) => format!("Jira at `{address}`"),
            TicketSystem::JiraDataCenter(address) => format!("Jira Data Center at `{address}`"),
            TicketSystem::Linear => "Linear".to_owned(),
            TicketSystem::Export => "a file that the administrator of the gate provides".to_owned(),
        };
        let prefixes = quote_all(&prefixes).join(", ");
        table.add_row(vec![TextCell::from_words(&name), TextCell::from_words(&prefixes)]);
    }
    section.add_table(table);
}

/// Builds the controls with the rules that serve them.
pub(super) fn build_controls(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Controls");
    let mut rules_by_control: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for rule in &policy.rules {
        for control in &rule.description.controls {
            rules_by_control.entry(control).or_default().push(name_rule(rule));
        }
    }
    for rule in &policy.switched_off {
        for control in &rule.description.controls {
            let name = format!("`{}` (off: it asks nothing)", rule.description.id);
            rules_by_control.entry(control).or_default().push(name);
        }
    }
    if rules_by_control.is_empty() {
        section.add_paragraph("No rule names a control.");
        return section;
    }
    section.add_paragraph(
        "Each control with the rules whose records are evidence that supports it. A rule that only warns or is off refuses \
         no change, and says so here. Whether the organisation conforms to a \
         standard is for an auditor to judge; no program can say so.",
    );
    let mut table = DocumentTable::new(&[("Control", 30), ("Rules", 70)]);
    for (control, rules) in rules_by_control {
        table.add_row(vec![
            TextCell::from_words(&format!("`{control}`")),
            TextCell::from_words(&rules.join(", ")),
        ]);
    }
    section.add_table(table);
    section
}

/// Builds what the gate cannot see.
pub(super) fn build_limits(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Limits");
    let mut limits = vec![
        "A statement in a commit is a claim. The gate refuses one that is plainly wrong; whether a plan is good, a test was \
         run or a reviewer looked closely, it cannot see.",
        "It sees what reaches Git. What is done past it, in a console, on a machine or in a database, is seen only if a \
         person records it.",
        "People with write access to the disk of the server, or administrators of the forge, can change refs and settings. \
         The gate finds afterwards that a branch moved without a decision; it cannot prevent it.",
        "A hook in a developer's clone helps early and controls nothing.",
        "It does not know whether a change was deployed unless the deployment asks it.",
    ];
    if policy.people.roster.is_none() {
        limits.push("Without a roster, one person with two addresses can pass for two people.");
    }
    if policy.ticket_systems.is_empty() {
        limits.push("Without a ticket system in the policy, it is not checked whether a ticket exists.");
    }
    section.add_list(&limits);
    section
}

/// Builds the history of the policy's files.
pub(super) fn build_history(facts: ProcedureFacts<'_>) -> DocumentSection {
    let mut section = DocumentSection::new("Change history of the policy");
    let Some(history) = facts.history else {
        section.add_paragraph("No repository holds this policy here, so its history is not known.");
        return section;
    };
    section.add_paragraph(
        "The steps of the branch that changed a file of the policy, newest first. Date, author and subject are as the \
         commit states them.",
    );
    if !history.is_committed {
        section.add_paragraph(
            "The files on disk are not those of the newest commit: what differs is in no commit yet.",
        );
    }
    let mut table = DocumentTable::new(&[("Date", 14), ("Commit", 16), ("Author", 22), ("Subject", 48)]);
    for revision in &history.revisions {
        let date = revision.committed_at.map_or_else(String::new, |time| time.strftime("%F").to_string());
        table.add_row(vec![
            TextCell::from_words(&date),
            TextCell::from_words(&format!("`{}`", revision.id.short_hex())),
            TextCell { lines: vec![RichText::from_quote(revision.author.as_bytes())] },
            TextCell { lines: vec![RichText::from_quote(revision.subject.as_bytes())] },
        ]);
    }
    if table.rows.is_empty() {
        section.add_paragraph("No commit of this branch has changed it.");
    } else {
        section.add_table(table);
    }
    if history.omitted > 0 {
        let count = u64::try_from(history.omitted).unwrap_or(u64::MAX);
        section.add_paragraph(&format!(
            "{} before these are left out here.",
            count_things(count, "commit", "commits")
        ));
    }
    if history.is_shallow {
        section
            .add_paragraph("This clone is shallow: what is older than its first commit is not known here.");
    }
    section
}
