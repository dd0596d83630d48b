//! What a policy weakens of what it extends, as `policy check --against-pack` tells it.

use std::io::{self, Write};

use crate::cli::output::wrap_text;
use crate::policy::PolicyWeakening;

/// Writes each weakening with its reason.
pub(super) fn write_weakenings(weakenings: &[PolicyWeakening], out: &mut dyn Write) -> io::Result<()> {
    if weakenings.is_empty() {
        return writeln!(out, "it weakens nothing of what it extends");
    }
    for weakening in weakenings {
        let PolicyWeakening { file, at, base, what, reason, .. } = weakening;
        let text = format!("{base}: {what} ({file}:{})", at.line);
        writeln!(out, "{}", wrap_text("weakens ", 2, &text))?;
        let reason = reason.as_deref().unwrap_or("none is given");
        writeln!(out, "{}", wrap_text("  reason: ", 4, reason))?;
    }
    Ok(())
}
