//! What an auditor takes away: tables of changes, a sample of them, and the files that hold both.
//!
//! The modules of this folder, from what is known by itself to what needs the others: `table` says what a
//! table is, `formats` writes one into a file, `sample` draws from a population.

pub mod audit_run;
pub mod change_record;
pub mod completeness;
pub mod dataset;
pub mod evidence;
pub mod exceptions;
pub mod formats;
pub mod key_figures;
pub mod population;
pub mod ref_audit;
pub mod show;
pub mod table;
