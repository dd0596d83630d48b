//! What may be said about a change after it has landed, and by whom.

use crate::audit::procedure::document::{DocumentSection, DocumentTable, TextCell};
use crate::audit::procedure::words::{join_words, quote_all, to_sentence};
use crate::policy::{ActPermission, Policy};

/// Builds who reports outcomes, verifies changes and attaches files.
pub(super) fn build_acts(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("After a change has landed");
    let Some(acts) = &policy.acts else {
        section.add_paragraph(
            "By this policy nobody records outcomes, verifications or files without a commit. What became of a change is \
             told by later changes: one that takes it back, or that names it as its cause.",
        );
        return section;
    };
    section.add_paragraph(
        "The following is recorded by a push to the server that changes no branch. It is kept in the ledger with the account \
         that pushed and the time by the server's clock; it cannot be changed or withdrawn. It is no approval, and closes \
         nothing that is owed.",
    );
    let mut table = DocumentTable::new(&[("What", 50), ("By whom", 30), ("Command", 20)]);
    let attached = format!(
        "a file about the change, such as a test report or minutes, of {} bytes at most",
        acts.max_attachment_bytes
    );
    for (what, by, command) in [
        ("what became of the change: it worked, it failed, it was taken back", &acts.outcome, "outcome"),
        ("that the change was verified where it runs", &acts.verified, "verified"),
        (attached.as_str(), &acts.attach, "attach"),
        (
            "that the change was deployed, where and with which result",
            &acts.deployed,
            "deploy-check --record",
        ),
    ] {
        table.add_row(vec![
            TextCell::from_words(&to_sentence(what)),
            TextCell::from_words(&describe_permission(by)),
            TextCell::from_words(&format!("`changegate {command}`")),
        ]);
    }
    section.add_table(table);
    section
}

fn describe_permission(by: &ActPermission) -> String {
    let mut parts = Vec::new();
    if !by.teams.is_empty() {
        parts.push(format!("members of {}", join_words(&quote_all(&by.teams), "or")));
    }
    if !by.bots.is_empty() {
        parts.push(format!("the machines {}", join_words(&quote_all(&by.bots), "and")));
    }
    if parts.is_empty() { "Nobody".to_owned() } else { to_sentence(&parts.join("; ")) }
}
