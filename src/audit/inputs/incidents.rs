//! Incidents, and the changes that caused them.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::inputs::input_file::{InputEntry, InputFile};

/// The words before the id of a change in the text of an incident.
const CAUSED_BY: &str = "caused-by:";

/// One incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Incident {
    /// Its name in the system that it comes from.
    pub id: String,
    /// When it began.
    pub started: Timestamp,
    /// When it was resolved; `None` while it is not, or if the file does not tell.
    pub resolved: Option<Timestamp>,
    /// The change that caused it, as the first digits of a commit or as `REPOSITORY@COMMIT`.
    pub caused_by: Option<String>,
}

/// The incidents of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IncidentList {
    /// The incidents, in the order of the file.
    pub incidents: Vec<Incident>,
    /// `sha256:` and the digest of the file.
    pub digest: String,
}

/// Reads incidents from CSV with a header, a JSON array or JSON Lines, with `id`, `started`, `resolved` and
/// `caused_by`. What `gh issue list --json number,title,createdAt,closedAt,body` and the search of Jira write is read
/// as well: `Caused-by: COMMIT` stands on a line of the text then.
///
/// # Errors
///
/// Fails if the file cannot be read, or an incident has no id or no beginning, or ends before it begins.
pub fn read_incidents(path: &Path) -> Result<IncidentList> {
    let file = InputFile::read_file(path)?;
    let mut incidents = Vec::new();
    for entry in &file.entries {
        incidents.push(read_incident(entry).with_context(|| format!("cannot use {}", path.display()))?);
    }
    Ok(IncidentList { incidents, digest: file.digest })
}

fn read_incident(entry: &InputEntry) -> Result<Incident> {
    let Some(id) = entry.find_text(&["id", "incident", "key", "number"]) else {
        bail!("{} has no `id`", entry.place);
    };
    let Some(started) = entry.find_time(&["started", "startedat", "createdat", "created"])? else {
        bail!("{} has no `started`", entry.place);
    };
    let resolved = entry.find_time(&["resolved", "resolvedat", "closedat", "resolutiondate"])?;
    if resolved.is_some_and(|resolved| resolved < started) {
        bail!("{} is resolved before it is started: correct one of the times", entry.place);
    }
    let text = || entry.find_text(&["body", "description"]).and_then(find_caused_by);
    let caused_by = entry.find_text(&["causedby", "change"]).map(str::to_owned).or_else(text);
    Ok(Incident { id: id.to_owned(), started, resolved, caused_by })
}

/// Returns the change that a line of the text names as the cause.
fn find_caused_by(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.trim();
        let head = line.get(..CAUSED_BY.len())?;
        let is_named = head.eq_ignore_ascii_case(CAUSED_BY);
        if is_named { line.get(CAUSED_BY.len()..).map(|rest| rest.trim().to_owned()) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::inputs::input_file::parse_entries;

    #[test]
    fn an_issue_names_its_cause_in_its_text() {
        let written = br#"[{"number": 7, "createdAt": "2026-06-01T10:00:00Z", "closedAt": null, "body": "x\r\nCaused-By:  0123456789ab \r\ny"}]"#;
        let entries = parse_entries(written).unwrap();
        let incident = read_incident(&entries[0]).unwrap();
        assert_eq!(incident.id, "7");
        assert_eq!(incident.caused_by.as_deref(), Some("0123456789ab"));
        assert_eq!(incident.resolved, None);
    }

    #[test]
    fn what_has_no_beginning_is_refused_with_its_place() {
        let entries = parse_entries(b"id,started\nINC-1,\n").unwrap();
        let error = read_incident(&entries[0]).unwrap_err();
        assert_eq!(error.to_string(), "line 2 has no `started`");
    }

    #[test]
    fn what_ends_before_it_begins_is_refused_with_its_place() {
        let row = |resolved: &str| {
            let text = format!("id,started,resolved\nINC-1,2026-06-01T10:00:00Z,{resolved}\n");
            read_incident(&parse_entries(text.as_bytes()).unwrap()[0]).map_err(|error| error.to_string())
        };
        let told = row("2026-06-01T09:59:59Z").unwrap_err();
        assert_eq!(told, "line 2 is resolved before it is started: correct one of the times");
        assert!(row("2026-06-01T10:00:00Z").is_ok() && row("").is_ok());
    }
}
