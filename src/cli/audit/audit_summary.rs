//! What an audit says at its end, and how its files name it.

use std::io::{self, Write};
use std::path::Path;

use crate::audit::audit_run::AuditResult;
use crate::audit::exceptions::ExceptionKind;
use crate::audit::filled_cells::{CarriedRows, KEPT_FILE};
use crate::cli::command_error::escape_error_message;
use crate::verdict::format_count;

/// The title of the workbook.
pub(super) const REPORT_TITLE: &str = "Change management audit";

/// The name and version of this program, as reports give it.
pub(super) const TOOL_NAME: &str = concat!("changegate ", env!("CARGO_PKG_VERSION"));

/// Writes the counts of an audit, by kinds of exceptions.
///
/// # Errors
///
/// Passes on what the writer says.
pub(super) fn write_summary(out: &mut dyn Write, folder: &Path, result: &AuditResult) -> io::Result<()> {
    writeln!(out, "{}: {}", folder.display(), result.period)?;
    writeln!(
        out,
        "  {} changes, {} closing records, {}",
        result.changes, result.closing_records, result.population_digest
    )?;
    let all: usize = result.exceptions.values().sum();
    writeln!(out, "  {all} exceptions in a population of {}", result.changes)?;
    for kind in ExceptionKind::ALL {
        if let Some(count) = result.exceptions.get(&kind) {
            writeln!(out, "    {count:>6}  {}", kind.title())?;
        }
    }
    let filled = result.filled_rows;
    if filled != CarriedRows::default() {
        writeln!(out, "  filled in before: {} carried over", format_count(filled.carried, "row"))?;
    }
    if filled.kept > 0 {
        let kept = format_count(filled.kept, "row");
        writeln!(out, "    {kept} of no exception of this audit: {KEPT_FILE}")?;
    }
    Ok(())
}

/// Names what differs and what could not be read, and says so if the report has a hole: whatever reads only the end of
/// a log has to find it.
///
/// # Errors
///
/// Passes on what the writer says.
pub(super) fn write_holes(out: &mut dyn Write, result: &AuditResult) -> io::Result<()> {
    let mut lines = Vec::new();
    for check in result.completeness.iter().filter(|check| check.agrees == Some(false)) {
        lines.push(format!("differs: {}: {} and {}", check.what, check.expected, check.found));
    }
    for (kind, count) in result.exceptions.iter().filter(|(kind, _)| kind.is_hole()) {
        lines.push(format!("exceptions of the kind `{}`: {count}", kind.code()));
    }
    if result.has_holes {
        lines.push("the report has holes; the sheet of completeness and the exceptions name them".to_owned());
    }
    for line in lines {
        writeln!(out, "{}", escape_error_message(&format!("changegate: {line}")))?;
    }
    Ok(())
}
