//! Instants as Jira writes them, in its answers and in its exports.

use jiff::Timestamp;

/// Reads an instant as Jira writes it: `2026-10-14T14:00:00.000+0000`.
pub(crate) fn parse_instant(written: &str) -> Option<Timestamp> {
    let offset = written.len().checked_sub(5).and_then(|at| written.split_at_checked(at));
    let (front, offset) = offset.filter(|(_, offset)| offset.starts_with(['+', '-']))?;
    let (hours, minutes) = offset.split_at_checked(3)?;
    format!("{front}{hours}:{minutes}").parse().ok()
}
