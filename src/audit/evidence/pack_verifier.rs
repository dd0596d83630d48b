//! Verifies a pack with nothing but the pack: everything in it is computed again.

use std::path::Path;

use anyhow::Result;

use crate::audit::evidence::accounted_files::list_unaccounted_files;
use crate::audit::evidence::change_checks::check_changes;
use crate::audit::evidence::ledger_checks::{check_ledger, check_replay, check_signatures};
use crate::audit::evidence::manifest::compare_manifest;
use crate::audit::evidence::pack_check::PackCheck;
use crate::audit::evidence::pack_index::{EvidenceIndex, INDEX_FILE};
use crate::audit::evidence::pack_reader::ReadPack;
use crate::audit::evidence::statement_checks::check_attestations;
use crate::git::signature::KeyRegistry;
use crate::git::signature::statement_key::StatementKey;
use crate::verdict::format_count;

/// What verifying a pack came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackVerification {
    /// The checks, in their order.
    pub checks: Vec<PackCheck>,
    /// What the pack says that it holds; `None` if that cannot be read.
    pub index: Option<EvidenceIndex>,
    /// What no pack can prove, in sentences.
    pub unprovable: Vec<String>,
}

impl PackVerification {
    /// Returns true if every check holds.
    pub fn is_whole(&self) -> bool {
        self.checks.iter().all(|check| check.problems.is_empty())
    }

    /// Returns how many changes have pages and values that another version wrote, so that they were not checked.
    pub fn count_unchecked_pages(&self) -> usize {
        self.checks.iter().map(|check| check.unchecked_pages).sum()
    }
}

/// Verifies the pack in a folder. `signers` are the keys that the ledger has to be signed with, and `keys` those of the
/// in-toto statements, if there are any.
///
/// # Errors
///
/// Fails if the disk fails; a pack that is damaged is a problem of a check.
pub fn verify_pack(
    folder: &Path,
    signers: Option<&KeyRegistry>,
    keys: &[StatementKey],
) -> Result<PackVerification> {
    let mut checks = Vec::new();
    let mut manifest = PackCheck::new("manifest");
    let mut files = Vec::new();
    match compare_manifest(folder) {
        Ok((paths, problems)) => {
            manifest.says = format!("{}, each the one that was packed", format_count(paths.len(), "file"));
            problems.into_iter().for_each(|problem| manifest.add_problem(problem));
            files = paths;
        }
        Err(error) => manifest.add_problem(format!("{error:#}")),
    }
    let mut objects = PackCheck::new("objects");
    let pack = match ReadPack::open_pack(folder, &mut objects) {
        Ok(pack) => pack,
        Err(error) => {
            objects.add_problem(format!("{error:#}"));
            checks.extend([manifest, objects]);
            return Ok(PackVerification { checks, index: None, unprovable: list_unprovable() });
        }
    };
    for path in list_unaccounted_files(&pack.index, &files) {
        manifest.add_problem(format!("{path} is no file that {INDEX_FILE} accounts for"));
    }
    checks.extend([manifest, objects]);
    checks.push(check_changes(&pack));
    if pack.index.ledger.is_some() {
        checks.extend([check_ledger(&pack), check_replay(&pack), check_signatures(&pack, signers)]);
        checks.push(check_attestations(&pack, keys));
    }
    Ok(PackVerification { checks, index: Some(pack.index), unprovable: list_unprovable() })
}

/// Returns what a pack cannot prove, whatever is in it.
fn list_unprovable() -> Vec<String> {
    [
        "that the ledger left nothing out before the first or after the last record of the pack: compare its newest \
         record with the ledger, or with a copy of it, by `changegate ledger verify --seen`",
        "that the clocks of the gate, of the forge and of the ticket system were right",
        "that the names and addresses in commits are the people that they name",
        "that the commits and the ledger are those of the real repository, if nothing is signed",
        "what was done outside Git, and that texts are true",
    ]
    .map(str::to_owned)
    .to_vec()
}
