//! The people who wrote a change, by what tells them apart.

use std::collections::BTreeSet;

use crate::audit::change_record::ChangeRecord;
use crate::ledger::record::{RecordedAuthor, RecordedIdentityKind};

/// Returns the keys of the people who wrote a change, without machines.
pub(super) fn list_authors(change: &ChangeRecord) -> BTreeSet<String> {
    let is_author =
        |one: &&RecordedAuthor| one.role.code == "role.author" && one.kind != RecordedIdentityKind::Bot;
    let mut found = BTreeSet::new();
    for one in change.reasons.iter().flat_map(|reasons| &reasons.contributors).filter(is_author) {
        let name = one.address.as_ref().unwrap_or(&one.name);
        found.insert(one.person.clone().unwrap_or_else(|| name.to_lossy().to_ascii_lowercase()));
    }
    found
}
