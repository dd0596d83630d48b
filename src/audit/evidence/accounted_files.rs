//! Whether `pack.json` accounts for every file of a pack: another one could be taken for a part of it.

use std::collections::BTreeSet;

use crate::audit::evidence::pack_index::{
    ATTESTATIONS_FILE, CHAIN_FILE, EvidenceIndex, INDEX_FILE, MANIFEST_FILE, OBJECTS_FOLDER, PackedRecord,
};
use crate::audit::evidence::pack_writer::README_FILE;
use crate::audit::evidence::rendered_files::{DOCUMENT_FILE, PATCH_FILE, RENDERED_FILES, VALUES_FILE};
use crate::change::Oid;
use crate::git::evidence_objects::ObjectKind;

/// Returns those of these paths that a pack with this index does not have.
pub(super) fn list_unaccounted_files<'a>(index: &EvidenceIndex, paths: &'a [String]) -> Vec<&'a str> {
    let accounted = list_accounted_files(index);
    let is_unknown = |path: &&str| !accounted.contains(*path) && !is_object_path(path);
    paths.iter().map(String::as_str).filter(is_unknown).collect()
}

/// Returns the paths of the files that an index names, or that stand in every pack.
fn list_accounted_files(index: &EvidenceIndex) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = [INDEX_FILE, MANIFEST_FILE, README_FILE].map(str::to_owned).into();
    for change in &index.changes {
        let made = [DOCUMENT_FILE, VALUES_FILE].into_iter().chain(RENDERED_FILES);
        let patch = if change.without_patch.is_none() { Some(PATCH_FILE) } else { None };
        found.extend(made.chain(patch).map(|name| format!("{}/{name}", change.folder)));
        found.extend(change.attachments.iter().map(|file| file.path.clone()));
    }
    if let Some(ledger) = &index.ledger {
        found.insert(CHAIN_FILE.to_owned());
        for record in &ledger.records {
            found.extend(record.files.iter().map(|name| PackedRecord::locate_file(record.number, name)));
        }
    }
    if index.attestations > 0 {
        found.insert(ATTESTATIONS_FILE.to_owned());
    }
    found
}

/// Returns true for the path of a Git object, which its own id accounts for.
fn is_object_path(path: &str) -> bool {
    let rest = path.strip_prefix(OBJECTS_FOLDER).and_then(|rest| rest.strip_prefix('/'));
    rest.and_then(|rest| rest.split_once('/')).is_some_and(|(folder, name)| {
        ObjectKind::ALL.iter().any(|kind| kind.name() == folder) && Oid::from_hex(name).is_some()
    })
}
