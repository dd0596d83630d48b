//! Jira, in Atlassian's cloud (REST API 3) and as Data Center (REST API 2).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use crate::change::ticket::TicketKey;
use crate::change::{Text, Ticket};
use crate::http::client::HttpClient;
use crate::tickets::access::{JiraAccess, MAX_MENTIONS, tickets_unavailable};
use crate::tickets::api::{TicketApi, list_at, parse_instant, text_at};
use crate::tickets::key_order::check_key_order;

/// The fields of a ticket that are read; `created` is the system's own field.
const TICKET_FIELDS: &str = "created,status,issuetype,labels,assignee,summary,description,project";

/// How deep the parts of a description may nest.
const MAX_DESCRIPTION_DEPTH: usize = 64;

/// Which of the two products answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JiraEdition {
    /// Jira in Atlassian's cloud, REST API 3.
    Cloud,
    /// Jira on a server of one's own, REST API 2.
    DataCenter,
}

/// Returns the ticket with this key.
///
/// # Errors
///
/// Says why it is not known.
pub(crate) fn find_ticket(
    http: &HttpClient,
    access: &JiraAccess,
    edition: JiraEdition,
    key: &TicketKey,
) -> Result<Option<Ticket>, String> {
    let jira = connect_jira(http, access, edition)?;
    let Some(issue) = fetch_issue(&jira, key, TICKET_FIELDS)? else { return Ok(None) };
    let (called, created) = parse_identity(&jira, &issue)?;
    let order = check_key_order(&called, created, |lower| {
        let Some(issue) = fetch_issue(&jira, lower, "created")? else { return Ok(None) };
        let (lower_called, lower_created) = parse_identity(&jira, &issue)?;
        // One that was moved away says nothing about the order here.
        Ok((lower_called == *lower).then_some(lower_created))
    });
    let fields = issue.get("fields").unwrap_or(&Value::Null);
    let category = text_at(fields, "/status/statusCategory/key");
    let mut text = text_at(fields, "/summary").to_owned();
    collect_prose(fields.get("description").unwrap_or(&Value::Null), 0, &mut text);
    let assignee = text_at(fields, "/assignee/displayName");
    Ok(Some(Ticket {
        backdated: order.map_err(tickets_unavailable),
        project: text_at(fields, "/project/key").into(),
        created,
        kind: text_at(fields, "/issuetype/name").into(),
        labels: list_at(fields, "/labels").iter().filter_map(Value::as_str).map(Text::from).collect(),
        state: text_at(fields, "/status/name").into(),
        is_closed: if category.is_empty() { None } else { Some(category == "done") },
        assignee: if assignee.is_empty() { None } else { Some(assignee.into()) },
        text: text.into(),
        url: format!("{}/browse/{}", access.url, called.as_str()).into(),
        outsider: None,
        source: jira.system_name.as_str().into(),
        key: called.as_str().into(),
    }))
}

/// Returns the keys of the tickets whose text has a word that begins with these digits, or all digits of
/// the `id`, the oldest first; they are searched for in the projects whose keys have these prefixes.
///
/// # Errors
///
/// Says why the search failed.
pub(crate) fn find_mentions(
    http: &HttpClient,
    access: &JiraAccess,
    edition: JiraEdition,
    prefixes: &[String],
    id: &str,
) -> Result<Vec<String>, String> {
    let jira = connect_jira(http, access, edition)?;
    let search = match edition {
        JiraEdition::Cloud => "search/jql",
        JiraEdition::DataCenter => "search",
    };
    let text = format!("text%20~%20%22{id}%22");
    let projects = restrict_to_projects(prefixes);
    let query = format!("{projects}{text}%20ORDER%20BY%20created%20ASC");
    let path = format!("/{search}?jql={query}&fields=created&maxResults={MAX_MENTIONS}");
    let mut keys = Vec::new();
    for issue in jira.fetch_list(&path, "issues")? {
        keys.extend(issue.get("key").and_then(Value::as_str).map(str::to_owned));
    }
    Ok(keys)
}

/// Returns the part of a JQL query that names the projects; empty if all of them are meant.
fn restrict_to_projects(prefixes: &[String]) -> String {
    let mut quoted = Vec::new();
    for prefix in prefixes {
        if prefix == "*" {
            return String::new();
        }
        // Quoted, since some names of projects are words of the language; a prefix is plain ASCII.
        quoted.push(format!("%22{prefix}%22"));
    }
    format!("project%20in%20({})%20AND%20", quoted.join(","))
}

fn connect_jira<'asked>(
    http: &'asked HttpClient,
    access: &JiraAccess,
    edition: JiraEdition,
) -> Result<TicketApi<'asked>, String> {
    let token = access.token.expose();
    let (version, authorization) = match (edition, &access.email) {
        (JiraEdition::Cloud, None) => return Err("no account for Jira is set (JIRA_EMAIL)".into()),
        (JiraEdition::Cloud, Some(email)) => {
            (3, format!("Basic {}", BASE64_STANDARD.encode(format!("{email}:{token}"))))
        }
        (JiraEdition::DataCenter, _) => (2, format!("Bearer {token}")),
    };
    let base_url = format!("{}/rest/api/{version}", access.url);
    let headers = vec![("authorization", authorization)];
    Ok(TicketApi::new(http, format!("Jira at {}", access.url), base_url, headers))
}

fn fetch_issue(jira: &TicketApi<'_>, key: &TicketKey, fields: &str) -> Result<Option<Value>, String> {
    // A key is capital letters, digits, `-` and `_`, which need no escape.
    jira.fetch_document(&format!("/issue/{}?fields={fields}", key.as_str()))
}

/// Returns the key of a ticket as Jira has it now, and when it was created.
fn parse_identity(jira: &TicketApi<'_>, issue: &Value) -> Result<(TicketKey, Timestamp), String> {
    let key = TicketKey::parse_key(&text_at(issue, "/key").into());
    let created = parse_instant(text_at(issue, "/fields/created"));
    match key.zip(created) {
        Some(identity) => Ok(identity),
        None => Err(format!("{} answers with a ticket without a key or a creation time", jira.system_name)),
    }
}

/// Appends the words of a description: text, or a document of nested parts.
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
            for part in part.get("content").and_then(Value::as_array).into_iter().flatten() {
                collect_prose(part, depth + 1, told);
            }
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
