//! What the first sheet of the workbook says about the whole audit.

use crate::audit::audit_manifest::AuditEnd;
use crate::audit::filled_cells::EXCEPTION_FILE;
use crate::audit::table::{TableNote, format_table_time};

/// Returns the lines of the first sheet of the workbook.
pub(super) fn list_notes(end: &AuditEnd<'_>, exceptions: usize) -> Vec<TableNote> {
    let inputs = end.inputs;
    let mut notes = vec![
        TableNote::new("Period", inputs.period.as_str()),
        TableNote::new("As of", format_table_time(inputs.as_of).as_str()),
        TableNote::new("Changes", end.changes.to_string().as_str()),
        TableNote::new(
            "Exceptions",
            format!("{exceptions} exceptions in a population of {}", end.changes).as_str(),
        ),
        TableNote::new("Digest of the population", end.population_digest),
        TableNote::new("Made by", inputs.tool.as_str()),
    ];
    for repository in &inputs.repositories {
        let ledger = match &repository.ledger {
            Some(commit) => format!("ledger at {commit}"),
            None => "no ledger".to_owned(),
        };
        let what = format!("{} at {}, {ledger}", repository.ref_name, repository.tip);
        notes.push(TableNote::new(repository.name.as_str(), what.as_str()));
    }
    if let Some(filled) = &inputs.filled_in {
        let what = format!("{} rows, {}: carried over from {EXCEPTION_FILE}", filled.rows, filled.digest);
        notes.push(TableNote::new("Filled in before", what.as_str()));
    }
    for limit in end.limits {
        notes.push(TableNote::new("Limit of this report", limit.as_str()));
    }
    notes
}
