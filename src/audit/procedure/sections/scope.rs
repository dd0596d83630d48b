//! What the document is, what it is about, and what its words mean.

use crate::audit::procedure::document::{DocumentSection, DocumentTable, TextCell};
use crate::audit::procedure::facts::ProcedureFacts;
use crate::audit::procedure::words::{describe_ref_pattern, join_words, quote_all};
use crate::policy::{ChangeUnit, Policy};

/// Builds the place where the document itself is approved.
pub(super) fn build_approval_section(facts: ProcedureFacts<'_>) -> DocumentSection {
    let policy = facts.policy;
    let mut section = DocumentSection::new("Approval of this document");
    section.add_paragraph(
        "This document is generated from the policy and is as old as the policy. Approve it by filling in the \
         table, or approve the change by which the policy came in; a new version of the policy is a new version \
         of this document.",
    );
    let mut table = DocumentTable::new(&[("Item", 30), ("Entry", 70)]);
    let mut add = |item: &str, entry: TextCell| table.add_row(vec![TextCell::from_strong(item), entry]);
    add("Policy", TextCell::from_words(&format!("`{}`", policy.name)));
    add("Read from", TextCell::from_words(facts.source));
    add("Version (SHA-256 of the policy)", TextCell::from_words(&format!("`{}`", policy.digest)));
    add("Owner", optional_cell(policy.owner.as_deref()));
    add("Effective from", TextCell::empty());
    add("Approved by (name, role)", TextCell::empty());
    add("Signature, date", TextCell::empty());
    add("Next review", optional_cell(policy.review_by.map(|day| format!("by {day}")).as_deref()));
    section.add_table(table);
    section
}

fn optional_cell(entry: Option<&str>) -> TextCell {
    entry.map_or_else(TextCell::empty, TextCell::from_words)
}

/// Builds purpose and scope.
pub(super) fn build_scope_section(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Purpose and scope");
    section.add_paragraph(&format!(
        "This procedure says how a change is requested, described, assessed, approved, tested, brought in, \
         followed up and recorded under the policy `{}`. The gate, a program called changegate, holds changes \
         to that policy wherever the organisation has installed it so that no change comes past it. Where this document and the policy differ, the policy counts.",
        policy.name
    ));
    section.add_paragraph("Under change control:");
    let refs: Vec<String> = policy.protected_refs.iter().map(describe_ref_pattern).collect();
    section.add_list(&refs);
    section.add_paragraph(match policy.change_unit {
        ChangeUnit::Step => {
            "One change is what one step of such a branch brings in: a single commit, or a merge with all the \
             commits that come with it. A pull request is one change."
        }
        ChangeUnit::Commit => "Each commit is one change by itself. A pull request is one change.",
    });
    if !policy.gate_files.is_empty() {
        section.add_paragraph(&format!(
            "The policy consists of these files, which are under change control themselves: {}.",
            join_words(&quote_all(&policy.gate_files), "and")
        ));
    }
    section.add_paragraph(
        "Out of scope: work on other branches, until it is brought to one of those above; and what is done \
         without Git, such as a setting in a console or an account in a directory, unless the organisation \
         records it in the repository.",
    );
    section
}

/// Builds the meanings of words.
pub(super) fn build_definitions(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("Definitions");
    let mut table = DocumentTable::new(&[("Word", 24), ("Meaning", 76)]);
    let mut add = |word: &str, meaning: &str| {
        table.add_row(vec![TextCell::from_strong(word), TextCell::from_words(meaning)]);
    };
    add("change", "What is judged as a whole; see the scope above.");
    let types: Vec<&str> = policy.classes.iter().map(|class| class.id.as_str()).collect();
    if types.is_empty() {
        add("type of change", "This policy knows one type: every rule is about every change.");
    } else {
        add("type of change", &format!("One of {}.", join_words(&quote_all(&types), "or")));
    }
    add(
        "author",
        "Everyone who made the change: the author and the committer of each commit, those named as co-authors, \
         those who pushed it, and the person who opened the pull request. No author approves their own change.",
    );
    add(
        "approval",
        "The consent of a person who is no author of the change. Each person counts once, however many addresses \
         or accounts the policy knows of them. A machine never approves.",
    );
    add(
        "field",
        "A statement with a name, such as `Risk: low`: a line in the last paragraph of a commit message, or an \
         entry in the description of a pull request.",
    );
    add(
        "claim",
        "What a person has typed. It shows that it was typed, and no more. What another system confirms, such as \
         a review on a forge or a ticket, is confirmed.",
    );
    add("rule", "One requirement of the policy. Each has a name, by which records refer to it.");
    add(
        "obligation",
        "What a change still owes after it was let in, with a time by which it is due. What is closed late stays \
         recorded as late.",
    );
    add("exemption", "Permission for some changes to break one rule, with a reason, a name and a last day.");
    add(
        "unauthorised change",
        "A change that reached a branch or tag under change control without a decision.",
    );
    add(
        "break-glass session",
        "The record that a person works outside this procedure: who, why, for which incident and until when. It \
         grants no access.",
    );
    add(
        "ledger",
        "The chain of records, kept in the repository, of every decision and of what followed from it.",
    );
    add("control", "A requirement of a standard that a rule supports, by its number there.");
    section.add_table(table);
    section
}
