//! Issues of a repository on GitHub.

use jiff::Timestamp;
use serde_json::Value;

use crate::change::ticket::TicketKey;
use crate::change::{Text, Ticket};
use crate::http::client::HttpClient;
use crate::tickets::access::{MAX_MENTIONS, TicketAccess, tickets_unavailable};
use crate::tickets::api::{TicketApi, list_at, text_at};
use crate::tickets::key_order::check_key_order;

/// What GitHub calls the authors of issues who belong to a repository or its organisation.
const INSIDER_ASSOCIATIONS: [&str; 3] = ["OWNER", "MEMBER", "COLLABORATOR"];

/// Returns the issue of `repository` with the number of `key`; a pull request is none.
///
/// # Errors
///
/// Says why it is not known.
pub(crate) fn find_ticket(
    http: &HttpClient,
    access: &TicketAccess,
    repository: &str,
    key: &TicketKey,
) -> Result<Option<Ticket>, String> {
    let github = connect_github(http, access, repository);
    let Some(issue) = fetch_issue(&github, repository, key)? else { return Ok(None) };
    if issue.get("pull_request").is_some() {
        return Ok(None);
    }
    let created = parse_created(&github, &issue)?;
    // Issues and pull requests are counted together, so that either will do for a lower key.
    let order = check_key_order(key, created, |lower| {
        fetch_issue(&github, repository, lower)?.map(|issue| parse_created(&github, &issue)).transpose()
    });
    let mut labels: Vec<Text> = Vec::new();
    for label in list_at(&issue, "/labels") {
        labels.extend(label.get("name").unwrap_or(label).as_str().map(Text::from));
    }
    let mut state = text_at(&issue, "/state");
    let is_closed = if state.is_empty() { None } else { Some(state == "closed") };
    // A closed issue says more by its reason: `completed`, `not_planned` or `duplicate`.
    let reason = text_at(&issue, "/state_reason");
    if is_closed == Some(true) && !reason.is_empty() {
        state = reason;
    }
    let kind = text_at(&issue, "/type/name");
    let assignee = text_at(&issue, "/assignee/login");
    Ok(Some(Ticket {
        key: key.as_str().into(),
        project: repository.into(),
        created,
        backdated: order.map_err(tickets_unavailable),
        kind: if kind.is_empty() { "Issue" } else { kind }.into(),
        labels,
        state: state.into(),
        is_closed,
        assignee: if assignee.is_empty() { None } else { Some(assignee.into()) },
        text: format!("{}\n{}", text_at(&issue, "/title"), text_at(&issue, "/body")).into(),
        url: text_at(&issue, "/html_url").into(),
        source: github.system_name.as_str().into(),
        outsider: find_outsider(&issue),
    }))
}

/// Returns the account that wrote an issue, unless GitHub says that it belongs to the repository or its
/// organisation. Anyone can open an issue in a public repository.
fn find_outsider(issue: &Value) -> Option<Text> {
    if INSIDER_ASSOCIATIONS.contains(&text_at(issue, "/author_association")) {
        return None;
    }
    match text_at(issue, "/user/login") {
        "" => Some("a deleted account".into()),
        login => Some(format!("github:{login}").into()),
    }
}

/// Returns the numbers of the issues of `repository` whose text has the id of a commit as a word, the oldest
/// first.
///
/// # Errors
///
/// Says why the search failed.
pub(crate) fn find_mentions(
    http: &HttpClient,
    access: &TicketAccess,
    repository: &str,
    id: &str,
) -> Result<Vec<u64>, String> {
    let github = connect_github(http, access, repository);
    let mut numbers = Vec::new();
    let query = format!("q={id}+repo:{repository}+is:issue&sort=created&order=asc&per_page={MAX_MENTIONS}");
    for issue in github.fetch_list(&format!("/search/issues?{query}"), "items")? {
        numbers.extend(issue.get("number").and_then(Value::as_u64));
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

fn connect_github<'asked>(
    http: &'asked HttpClient,
    access: &TicketAccess,
    repository: &str,
) -> TicketApi<'asked> {
    let mut headers = vec![
        ("accept", "application/vnd.github+json".to_owned()),
        ("x-github-api-version", "2022-11-28".to_owned()),
    ];
    if let Some(token) = &access.github {
        headers.push(("authorization", format!("Bearer {}", token.expose())));
    }
    TicketApi::new(http, format!("GitHub ({repository})"), access.github_url.clone(), headers)
}

fn fetch_issue(github: &TicketApi<'_>, repository: &str, key: &TicketKey) -> Result<Option<Value>, String> {
    github.fetch_document(&format!("/repos/{repository}/issues/{}", key.number))
}

fn parse_created(github: &TicketApi<'_>, issue: &Value) -> Result<Timestamp, String> {
    match text_at(issue, "/created_at").parse() {
        Ok(created) => Ok(created),
        Err(_) => Err(format!("{} answers with an issue that has no creation time", github.system_name)),
    }
}
