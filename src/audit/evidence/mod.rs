//! An evidence pack: a folder about single changes that can be verified without the repository.
//!
//! `pack_index` says what a pack holds, `manifest` lists its files with their digests, `pack_writer` makes one, and
//! `pack_reader`, `change_checks`, `ledger_checks` and `pack_verifier` compute everything again.

mod accounted_files;
mod approval_checks;
mod change_checks;
mod first_sight;
mod ledger_checks;
mod left_out_records;
pub(crate) mod manifest;
pub mod pack_check;
pub mod pack_index;
mod pack_ledger;
mod pack_reader;
pub mod pack_verifier;
pub mod pack_writer;
mod packed_approvals;
mod packed_policies;
mod packed_records;
mod packed_values;
mod rendered_files;
mod statement_checks;
mod unchecked_values;
mod value_checks;
