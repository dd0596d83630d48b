//! What an audit says at its end, and how its files name it.

use std::io::{self, Write};
use std::path::Path;

use crate::audit::audit_run::AuditResult;
use crate::audit::exceptions::ExceptionKind;

/// The title of the workbook.
pub(super) const REPORT_TITLE: &str = "Change management audit";

/// The name and version of this program, as reports give it.
pub(super) const TOOL_NAME: &str = concat!("changegate ", env!("CARGO_PKG_VERSION"));

/// Writes the counts of an audit, by kinds of exceptions, and what differs.
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
    for check in result.completeness.iter().filter(|check| check.agrees == Some(false)) {
        writeln!(out, "  differs: {}: {} and {}", check.what, check.expected, check.found)?;
    }
    Ok(())
}
