//! What an auditor takes away: tables of changes, a sample of them, and the files that hold both.
//!
//! The modules of this folder, from what is known by itself to what needs the others: `table` says what a
//! table is and `formats` writes one into a file; `sample` draws from a population; `inputs` reads what other
//! systems tell; `population` finds the steps of a ref and judges those that no record holds; `change_record` says
//! what is known of one change; `ref_audit` goes through a history, and `ref_changes` puts each change together; `exceptions` and `key_figures` say
//! what an auditor asks about; `dataset` writes all of it, and `audit_run` is one audit from beginning to end. `live_audit`
//! gives it what repositories hold, and `fleet` what data sets keep of that.

pub mod audit_manifest;
pub mod audit_run;
mod carried_over;
pub mod change_record;
pub mod completeness;
pub mod dataset;
pub mod evidence;
pub mod exceptions;
pub mod filled_cells;
pub mod fleet;
pub mod folder_lock;
pub mod formats;
pub mod inputs;
pub mod key_figures;
pub mod ledger_comparison;
pub mod live_audit;
pub mod page;
mod placed_file;
mod policy_faults;
pub mod population;
pub mod procedure;
pub mod ref_audit;
mod ref_changes;
mod ref_moves;
mod ref_parts;
pub mod ref_request;
mod refused_pushes;
mod report_limits;
mod row_worker;
pub mod sample;
mod shared_policies;
pub mod show;
pub mod table;
mod workbook_notes;
