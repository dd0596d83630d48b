//! Linear, by its GraphQL API.
//!
//! One query brings the ticket and those before it. A filter is used rather than the ticket's name:
//! what is not there is then an empty list, and not an error that has to be told from others.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::change::ticket::TicketKey;
use crate::change::{Text, Ticket};
use crate::http::Secret;
use crate::http::client::HttpClient;
use crate::tickets::access::MAX_MENTIONS;
use crate::tickets::api::{TicketApi, list_at, text_at};
use crate::tickets::key_order::{MAX_LOWER_KEYS, check_key_order};

const SYSTEM_NAME: &str = "Linear";

/// Why Linear is not asked without a key.
pub(crate) const NO_LINEAR_TOKEN: &str = "no key for Linear is set (LINEAR_TOKEN)";

const MENTIONS_QUERY: &str = "\
query($digits: String!, $first: Int!) {
  issues(
    filter: { or: [{ title: { containsIgnoreCase: $digits } }, { description: { containsIgnoreCase: $digits } }] }
    first: $first
    includeArchived: true
  ) {
    nodes { identifier }
  }
}";

const TICKETS_QUERY: &str = "\
query($team: String!, $numbers: [Float!]!) {
  issues(filter: { team: { key: { eq: $team } }, number: { in: $numbers } }, first: 10, includeArchived: true) {
    nodes {
      identifier number createdAt title description url
      state { name type }
      team { key }
      labels(first: 50) { nodes { name } }
      assignee { displayName }
    }
  }
}";

/// Returns the ticket with this key.
///
/// # Errors
///
/// Says why it is not known.
pub(crate) fn find_ticket(
    http: &HttpClient,
    url: &str,
    token: &Secret,
    key: &TicketKey,
) -> Result<Option<Ticket>, String> {
    let mut numbers = vec![key.number];
    // The tickets just below come along in one request, to compare their creation times.
    for down in 1..=MAX_LOWER_KEYS {
        numbers.extend(key.lower_key(down).map(|lower| lower.number));
    }
    let query = json!({ "query": TICKETS_QUERY, "variables": { "team": key.prefix, "numbers": numbers } });
    let issues = request_issues(http, url, token, &query)?;
    let Some(issue) = find_number(&issues, key.number) else { return Ok(None) };
    let created = parse_created(issue)?;
    let order = check_key_order(key, created, |lower| {
        find_number(&issues, lower.number).map(parse_created).transpose()
    });
    let mut labels: Vec<Text> = Vec::new();
    for label in list_at(issue, "/labels/nodes") {
        labels.extend(label.get("name").and_then(Value::as_str).map(Text::from));
    }
    let assignee = text_at(issue, "/assignee/displayName");
    Ok(Some(Ticket {
        key: text_at(issue, "/identifier").into(),
        project: text_at(issue, "/team/key").into(),
        created,
        backdated: Ok(order?),
        kind: "Issue".into(),
        labels,
        state: text_at(issue, "/state/name").into(),
        is_closed: match text_at(issue, "/state/type") {
            "" => None,
            state => Some(matches!(state, "completed" | "canceled" | "duplicate")),
        },
        assignee: if assignee.is_empty() { None } else { Some(assignee.into()) },
        text: format!("{}\n{}", text_at(issue, "/title"), text_at(issue, "/description")).into(),
        url: text_at(issue, "/url").into(),
        outsider: None,
        source: SYSTEM_NAME.into(),
    }))
}

/// Returns the keys of tickets whose title or description has these digits.
///
/// # Errors
///
/// Says why the search failed.
pub(crate) fn find_mentions(
    http: &HttpClient,
    url: &str,
    token: &Secret,
    digits: &str,
) -> Result<Vec<String>, String> {
    let query = json!({ "query": MENTIONS_QUERY, "variables": { "digits": digits, "first": MAX_MENTIONS } });
    let mut keys = Vec::new();
    for issue in request_issues(http, url, token, &query)? {
        keys.extend(issue.get("identifier").and_then(Value::as_str).map(str::to_owned));
    }
    Ok(keys)
}

/// Sends a query, and returns the tickets of the answer.
fn request_issues(http: &HttpClient, url: &str, token: &Secret, query: &Value) -> Result<Vec<Value>, String> {
    let headers =
        vec![("authorization", token.expose().to_owned()), ("content-type", "application/json".to_owned())];
    let linear = TicketApi::new(http, SYSTEM_NAME.to_owned(), url.to_owned(), headers);
    let mut answer = linear.run_query(query)?;
    if !matches!(answer.get("errors"), None | Some(Value::Null)) {
        return Err(match text_at(&answer, "/errors/0/extensions/code") {
            "RATELIMITED" => format!("{SYSTEM_NAME} was asked too often"),
            "AUTHENTICATION_ERROR" => format!("{SYSTEM_NAME} does not accept the key"),
            _ => format!("{SYSTEM_NAME} answers with an error"),
        });
    }
    match answer.pointer_mut("/data/issues/nodes").map(Value::take) {
        Some(Value::Array(issues)) => Ok(issues),
        _ => Err(format!("{SYSTEM_NAME} answers with something other than tickets")),
    }
}

/// Returns the ticket with this number, which Linear writes as a float.
fn find_number(issues: &[Value], number: u64) -> Option<&Value> {
    let written = number.to_string();
    for issue in issues {
        let found = issue.get("number").and_then(Value::as_f64);
        if found.is_some_and(|found| found.to_string() == written) {
            return Some(issue);
        }
    }
    None
}

fn parse_created(issue: &Value) -> Result<Timestamp, String> {
    match text_at(issue, "/createdAt").parse() {
        Ok(created) => Ok(created),
        Err(_) => Err(format!("{SYSTEM_NAME} answers with a ticket that has no creation time")),
    }
}
