//! Jira, in Atlassian's cloud (REST API 3) and as Data Center (REST API 2).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use crate::change::ticket::TicketKey;
use crate::change::{Text, Ticket};
use crate::tickets::http::{HttpAnswer, HttpClient, HttpRequest};
use crate::tickets::key_order::{MAX_LOWER_KEYS, backdated};
use crate::tickets::{JiraAccess, tickets_unavailable};

/// What is read of a ticket; `created` is the system's own field.
const TICKET_FIELDS: &str = "created,status,issuetype,labels,assignee,summary,description,project";

/// How deep the parts of a description may nest.
const MAX_DESCRIPTION_DEPTH: usize = 64;

/// Which Jira it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JiraEdition {
    /// Atlassian's.
    Cloud,
    /// One's own.
    DataCenter,
}

/// Somebody to ask, at an address.
struct JiraClient<'asked> {
    http: &'asked HttpClient,
    system_name: String,
    base_url: String,
    headers: Vec<(&'static str, String)>,
}

/// Returns what Jira says of a ticket.
///
/// # Errors
///
/// Says why it says nothing.
pub(crate) fn find_ticket(
    door: &HttpClient,
    access: &JiraAccess,
    kind: JiraEdition,
    key: &TicketKey,
) -> Result<Option<Ticket>, String> {
    let jira = JiraClient::new(door, access, kind)?;
    let Some(issue) = jira.fetch_issue(key, TICKET_FIELDS)? else { return Ok(None) };
    let (called, created) = jira.parse_identity(&issue)?;
    let fields = issue.get("fields").unwrap_or(&Value::Null);
    let name = |field: &str, name: &str| -> Text {
        let value = fields.get(field).and_then(|value| value.get(name)).and_then(Value::as_str);
        value.unwrap_or_default().into()
    };
    let category = fields.pointer("/status/statusCategory/key").and_then(Value::as_str);
    let labels = fields.get("labels").and_then(Value::as_array).into_iter().flatten();
    let mut told = fields.get("summary").and_then(Value::as_str).unwrap_or_default().to_owned();
    collect_prose(fields.get("description").unwrap_or(&Value::Null), 0, &mut told);
    Ok(Some(Ticket {
        backdated: jira.check_backdated(&called, created).map_err(tickets_unavailable),
        project: name("project", "key"),
        created,
        kind: name("issuetype", "name"),
        labels: labels.filter_map(Value::as_str).map(Text::from).collect(),
        state: name("status", "name"),
        is_closed: category.map(|category| category == "done"),
        assignee: Some(name("assignee", "displayName")).filter(|name| !name.as_bytes().is_empty()),
        text: told.into(),
        url: format!("{}/browse/{}", access.url, called.as_str()).into(),
        source: jira.system_name.as_str().into(),
        key: called.as_str().into(),
    }))
}

/// Returns the keys of the tickets whose text has a word that begins with these digits, or all digits of
/// the `id`, the oldest first; they are searched for in the projects whose keys have these fronts.
///
/// # Errors
///
/// Says why it finds nothing.
pub(crate) fn find_mentions(
    door: &HttpClient,
    access: &JiraAccess,
    kind: JiraEdition,
    fronts: &[String],
    digits: &str,
    id: &str,
) -> Result<Vec<String>, String> {
    let jira = JiraClient::new(door, access, kind)?;
    let search = match kind {
        JiraEdition::Cloud => "search/jql",
        JiraEdition::DataCenter => "search",
    };
    // Quoted, since some names of projects are words of the language; a front is plain ASCII.
    let quoted: Vec<String> = fronts.iter().map(|front| format!("%22{front}%22")).collect();
    let projects = match fronts.iter().any(|front| front == "*") {
        true => String::new(),
        false => format!("project%20in%20({})%20AND%20", quoted.join(",")),
    };
    let text = format!("(text%20~%20%22{digits}*%22%20OR%20text%20~%20%22{id}%22)");
    let query = format!("{projects}{text}%20ORDER%20BY%20created%20ASC");
    let most = crate::tickets::mentions::MAX_MENTIONS;
    let url = format!("{}/{search}?jql={query}&fields=created&maxResults={most}", jira.base_url);
    let request = HttpRequest { system_name: &jira.system_name, url, headers: &jira.headers, body: None };
    let HttpAnswer::Found(answer) = door.send_request(&request)? else {
        return Err(format!("{} cannot be searched", jira.system_name));
    };
    let issues = answer.get("issues").and_then(Value::as_array);
    let issues =
        issues.ok_or_else(|| format!("{} answers with something else than tickets", jira.system_name))?;
    let key = |issue: &Value| issue.get("key").and_then(Value::as_str).map(str::to_owned);
    Ok(issues.iter().filter_map(key).collect())
}

impl<'asked> JiraClient<'asked> {
    fn new(door: &'asked HttpClient, access: &JiraAccess, kind: JiraEdition) -> Result<Self, String> {
        let token = &access.token.0;
        let (version, authorization) = match (kind, &access.email) {
            (JiraEdition::Cloud, None) => return Err("no account for Jira is set (JIRA_EMAIL)".into()),
            (JiraEdition::Cloud, Some(email)) => {
                (3, format!("Basic {}", BASE64_STANDARD.encode(format!("{email}:{token}"))))
            }
            (JiraEdition::DataCenter, _) => (2, format!("Bearer {token}")),
        };
        Ok(JiraClient {
            http: door,
            system_name: format!("Jira at {}", access.url),
            base_url: format!("{}/rest/api/{version}", access.url),
            headers: vec![("authorization", authorization)],
        })
    }

    fn fetch_issue(&self, key: &TicketKey, fields: &str) -> Result<Option<Value>, String> {
        // A key is capital letters, digits, `-` and `_`, which need no escape.
        let url = format!("{}/issue/{}?fields={fields}", self.base_url, key.as_str());
        let request = HttpRequest { system_name: &self.system_name, url, headers: &self.headers, body: None };
        Ok(match self.http.send_request(&request)? {
            HttpAnswer::Found(issue) => Some(issue),
            HttpAnswer::Absent => None,
        })
    }

    /// Returns what a ticket is called there, and when it was made.
    fn parse_identity(&self, issue: &Value) -> Result<(TicketKey, Timestamp), String> {
        let called =
            issue.get("key").and_then(Value::as_str).and_then(|key| TicketKey::parse_key(&key.into()));
        let created = issue.pointer("/fields/created").and_then(Value::as_str).and_then(parse_instant);
        called
            .zip(created)
            .ok_or_else(|| format!("{} tells of a ticket without a key or a time", self.system_name))
    }

    fn check_backdated(&self, key: &TicketKey, created: Timestamp) -> Result<Option<String>, String> {
        for lower in (1..=MAX_LOWER_KEYS).filter_map(|down| key.lower_key(down)) {
            if let Some(issue) = self.fetch_issue(&lower, "created")? {
                let (called, lower_created) = self.parse_identity(&issue)?;
                // One that was moved away says nothing about the order here.
                if called == lower {
                    return Ok(backdated(created, called.as_str(), lower_created));
                }
            }
        }
        Ok(None)
    }
}

/// Reads an instant as Jira writes it: `2026-10-14T14:00:00.000+0000`.
pub(crate) fn parse_instant(written: &str) -> Option<Timestamp> {
    let offset = written.len().checked_sub(5).and_then(|at| written.split_at_checked(at));
    let (front, offset) = offset.filter(|(_, offset)| offset.starts_with(['+', '-']))?;
    let (hours, minutes) = offset.split_at_checked(3)?;
    format!("{front}{hours}:{minutes}").parse().ok()
}

/// Adds what a description says: text, or a document of nested parts.
fn collect_prose(value: &Value, depth: usize, told: &mut String) {
    match value {
        Value::String(text) => {
            told.push('\n');
            told.push_str(text);
        }
        Value::Object(part) if depth < MAX_DESCRIPTION_DEPTH => {
            if let Some(text) = part.get("text").and_then(Value::as_str) {
                told.push_str(text);
            }
            // A line ends with its paragraph; within one, words that are set apart belong together.
            if part.get("type").and_then(Value::as_str) != Some("text") {
                told.push('\n');
            }
            let parts = part.get("content").and_then(Value::as_array);
            parts.into_iter().flatten().for_each(|part| collect_prose(part, depth + 1, told));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_jira_writes_them() {
        let read = |written: &str| parse_instant(written).map(|instant| instant.to_string());
        assert_eq!(read("2026-10-14T14:00:00.000+0000").as_deref(), Some("2026-10-14T14:00:00Z"));
        assert_eq!(read("2026-10-14T14:00:00.250-0730").as_deref(), Some("2026-10-14T21:30:00.25Z"));
        for none in
            ["", "2026-10-14", "2026-10-14T14:00:00", "14/Oct/26 2:00 PM", "+0000", "\u{e9}\u{e9}\u{e9}"]
        {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn a_description_is_read_whatever_its_marks() {
        let said = |document: Value| {
            let mut told = String::new();
            collect_prose(&document, 0, &mut told);
            told
        };
        let document = serde_json::json!({ "type": "doc", "version": 1, "content": [
            { "type": "paragraph", "content": [
                { "type": "text", "text": "INC-" },
                { "type": "text", "text": "1", "marks": [{ "type": "strong" }] },
            ] },
            { "type": "paragraph", "content": [{ "type": "text", "text": "2" }] },
        ] });
        assert_eq!(said(document), "\n\nINC-1\n2");
        assert_eq!(said("plain".into()), "\nplain");
        assert_eq!(said(Value::Null), "");
        let deep = (0..100).fold(Value::from("deep"), |inner, _| serde_json::json!({ "content": [inner] }));
        assert!(!said(deep).contains("deep"));
    }
}
