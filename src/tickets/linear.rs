//! Linear, by its GraphQL API.
//!
//! One query brings the ticket and those before it. A filter is used rather than the ticket's name:
//! what is not there is then an empty list, and not an error that has to be told from others.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::change::ticket::TicketKey;
use crate::change::{Text, Ticket};
use crate::tickets::TicketToken;
use crate::tickets::http::{HttpAnswer, HttpClient, HttpRequest};
use crate::tickets::key_order::{MAX_LOWER_KEYS, backdated};

const SYSTEM_NAME: &str = "Linear";

/// Why it is not asked.
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

/// Returns what Linear says of a ticket.
///
/// # Errors
///
/// Says why it says nothing.
pub(crate) fn find_ticket(
    door: &HttpClient,
    url: &str,
    token: &TicketToken,
    key: &TicketKey,
) -> Result<Option<Ticket>, String> {
    let numbers: Vec<u64> =
        (0..=MAX_LOWER_KEYS).filter_map(|down| Some(key.lower_key(down)?.number)).collect();
    let body = json!({ "query": TICKETS_QUERY, "variables": { "team": key.prefix, "numbers": numbers } });
    let nodes = request_nodes(door, url, token, &body)?;
    let node = |number: u64| {
        let is = |node: &&Value| {
            node.get("number").and_then(Value::as_f64).map(|number| number.to_string())
                == Some(number.to_string())
        };
        nodes.iter().find(is)
    };
    let Some(issue) = node(key.number) else { return Ok(None) };
    let created = parse_created(issue)?;
    let mut numbers = numbers.into_iter().skip(1);
    let lower = numbers.find_map(|number| Some((number, node(number)?)));
    let doubted = match lower {
        Some((number, lower)) => {
            backdated(created, &format!("{}-{number}", key.prefix), parse_created(lower)?)
        }
        None => None,
    };
    let word =
        |place: &str| -> Text { issue.pointer(place).and_then(Value::as_str).unwrap_or_default().into() };
    let labels = issue.pointer("/labels/nodes").and_then(Value::as_array).into_iter().flatten();
    let kind = issue.pointer("/state/type").and_then(Value::as_str);
    Ok(Some(Ticket {
        key: word("/identifier"),
        project: word("/team/key"),
        created,
        backdated: Ok(doubted),
        kind: "Issue".into(),
        labels: labels.filter_map(|label| label.get("name")?.as_str()).map(Text::from).collect(),
        state: word("/state/name"),
        is_closed: kind.map(|kind| matches!(kind, "completed" | "canceled" | "duplicate")),
        assignee: Some(word("/assignee/displayName")).filter(|name| !name.as_bytes().is_empty()),
        text: format!("{}\n{}", word("/title").to_lossy(), word("/description").to_lossy()).into(),
        url: word("/url"),
        source: SYSTEM_NAME.into(),
    }))
}

/// Returns the keys of tickets whose title or description has these digits.
///
/// # Errors
///
/// Says why it finds nothing.
pub(crate) fn find_mentions(
    door: &HttpClient,
    url: &str,
    token: &TicketToken,
    digits: &str,
) -> Result<Vec<String>, String> {
    let body = json!({ "query": MENTIONS_QUERY, "variables": { "digits": digits, "first": crate::tickets::mentions::MAX_MENTIONS } });
    let nodes = request_nodes(door, url, token, &body)?;
    let key = |node: &Value| node.get("identifier").and_then(Value::as_str).map(str::to_owned);
    Ok(nodes.iter().filter_map(key).collect())
}

/// Asks, and returns the tickets of the answer.
fn request_nodes(
    door: &HttpClient,
    url: &str,
    token: &TicketToken,
    body: &Value,
) -> Result<Vec<Value>, String> {
    let headers = [("authorization", token.0.clone()), ("content-type", "application/json".to_owned())];
    let request = HttpRequest {
        system_name: SYSTEM_NAME,
        url: url.to_owned(),
        headers: &headers,
        body: Some(body.to_string()),
    };
    let HttpAnswer::Found(mut answer) = door.send_request(&request)? else {
        return Err(format!("{SYSTEM_NAME} is not at this address"));
    };
    if answer.get("errors").is_some_and(|errors| !errors.is_null()) {
        let code = answer.pointer("/errors/0/extensions/code").and_then(Value::as_str).unwrap_or_default();
        return Err(match code {
            "RATELIMITED" => format!("{SYSTEM_NAME} was asked too often"),
            "AUTHENTICATION_ERROR" => format!("{SYSTEM_NAME} does not accept the key"),
            _ => format!("{SYSTEM_NAME} answers with an error"),
        });
    }
    match answer.pointer_mut("/data/issues/nodes").map(Value::take) {
        Some(Value::Array(nodes)) => Ok(nodes),
        _ => Err(format!("{SYSTEM_NAME} answers with something else than tickets")),
    }
}

fn parse_created(issue: &Value) -> Result<Timestamp, String> {
    let created = issue.get("createdAt").and_then(Value::as_str).and_then(|written| written.parse().ok());
    created.ok_or_else(|| format!("{SYSTEM_NAME} tells of a ticket without a time"))
}
