//! Linear, by its GraphQL API.
//!
//! One query brings the ticket and those before it. A filter is used rather than the ticket's name:
//! what is not there is then an empty list, and not an error that has to be told from others.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Secret;
use super::door::{Answer, Door, Request};
use super::neighbours::{TRIED, doubt};
use crate::change::ticket::Key;
use crate::change::{Text, Ticket};

const OF: &str = "Linear";

/// Why it is not asked.
pub(super) const NO_TOKEN: &str = "no key for Linear is set (LINEAR_TOKEN)";

const NAMING: &str = "\
query($digits: String!, $first: Int!) {
  issues(
    filter: { or: [{ title: { containsIgnoreCase: $digits } }, { description: { containsIgnoreCase: $digits } }] }
    first: $first
    includeArchived: true
  ) {
    nodes { identifier }
  }
}";

const QUERY: &str = "\
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
pub(super) fn find(door: &Door, url: &str, token: &Secret, key: &Key) -> Result<Option<Ticket>, String> {
    let numbers: Vec<u64> = (0..=TRIED).filter_map(|down| Some(key.lower(down)?.number)).collect();
    let body = json!({ "query": QUERY, "variables": { "team": key.prefix, "numbers": numbers } });
    let nodes = nodes(door, url, token, &body)?;
    let node = |number: u64| {
        let is = |node: &&Value| {
            node.get("number").and_then(Value::as_f64).map(|number| number.to_string())
                == Some(number.to_string())
        };
        nodes.iter().find(is)
    };
    let Some(issue) = node(key.number) else { return Ok(None) };
    let created = created(issue)?;
    let mut numbers = numbers.into_iter().skip(1);
    let lower = numbers.find_map(|number| Some((number, node(number)?)));
    let doubted = match lower {
        Some((number, lower)) => doubt(created, &format!("{}-{number}", key.prefix), self::created(lower)?),
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
        doubt: Ok(doubted),
        kind: "Issue".into(),
        labels: labels.filter_map(|label| label.get("name")?.as_str()).map(Text::from).collect(),
        state: word("/state/name"),
        is_closed: kind.map(|kind| matches!(kind, "completed" | "canceled" | "duplicate")),
        assignee: Some(word("/assignee/displayName")).filter(|name| !name.as_bytes().is_empty()),
        text: format!("{}\n{}", word("/title").to_lossy(), word("/description").to_lossy()).into(),
        url: word("/url"),
        source: OF.into(),
    }))
}

/// Returns the keys of tickets whose title or description has these digits.
///
/// # Errors
///
/// Says why it finds nothing.
pub(super) fn naming(door: &Door, url: &str, token: &Secret, digits: &str) -> Result<Vec<String>, String> {
    let body = json!({ "query": NAMING, "variables": { "digits": digits, "first": super::naming::MOST } });
    let nodes = nodes(door, url, token, &body)?;
    let key = |node: &Value| node.get("identifier").and_then(Value::as_str).map(str::to_owned);
    Ok(nodes.iter().filter_map(key).collect())
}

/// Asks, and returns the tickets of the answer.
fn nodes(door: &Door, url: &str, token: &Secret, body: &Value) -> Result<Vec<Value>, String> {
    let headers = [("authorization", token.0.clone()), ("content-type", "application/json".to_owned())];
    let request = Request { of: OF, url: url.to_owned(), headers: &headers, body: Some(body.to_string()) };
    let Answer::Found(mut answer) = door.ask(&request)? else {
        return Err(format!("{OF} is not at this address"));
    };
    if answer.get("errors").is_some_and(|errors| !errors.is_null()) {
        let code = answer.pointer("/errors/0/extensions/code").and_then(Value::as_str).unwrap_or_default();
        return Err(match code {
            "RATELIMITED" => format!("{OF} was asked too often"),
            "AUTHENTICATION_ERROR" => format!("{OF} does not accept the key"),
            _ => format!("{OF} answers with an error"),
        });
    }
    match answer.pointer_mut("/data/issues/nodes").map(Value::take) {
        Some(Value::Array(nodes)) => Ok(nodes),
        _ => Err(format!("{OF} answers with something else than tickets")),
    }
}

fn created(issue: &Value) -> Result<Timestamp, String> {
    let created = issue.get("createdAt").and_then(Value::as_str).and_then(|written| written.parse().ok());
    created.ok_or_else(|| format!("{OF} tells of a ticket without a time"))
}
