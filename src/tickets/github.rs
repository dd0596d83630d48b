//! Issues of a repository on GitHub.

use jiff::Timestamp;
use serde_json::Value;

use crate::change::ticket::TicketKey;
use crate::change::{Text, Ticket};
use crate::tickets::http::{HttpAnswer, HttpClient, HttpRequest};
use crate::tickets::key_order::{MAX_LOWER_KEYS, backdated};
use crate::tickets::{TicketAccess, tickets_unavailable};

/// Somebody to ask about the issues of one repository.
struct GitHubIssueClient<'asked> {
    http: &'asked HttpClient,
    system_name: String,
    base_url: String,
    headers: Vec<(&'static str, String)>,
}

/// Returns what GitHub says of an issue of `repository`. A pull request is none.
///
/// # Errors
///
/// Says why it says nothing.
pub(crate) fn find_ticket(
    door: &HttpClient,
    access: &TicketAccess,
    repository: &str,
    key: &TicketKey,
) -> Result<Option<Ticket>, String> {
    let github = GitHubIssueClient::new(door, access, repository);
    let Some(issue) = github.fetch_issue(key.number)?.filter(|issue| issue.get("pull_request").is_none())
    else {
        return Ok(None);
    };
    let created = github.parse_created(&issue)?;
    let word = |place: &str| issue.pointer(place).and_then(Value::as_str);
    let labels = issue.get("labels").and_then(Value::as_array).into_iter().flatten();
    let label = |label: &Value| label.get("name").unwrap_or(label).as_str().map(Text::from);
    let is_closed = word("/state").map(|state| state == "closed");
    // A closed issue says more by its reason: `completed`, `not_planned` or `duplicate`.
    let state = word("/state_reason").filter(|_| is_closed == Some(true)).or(word("/state"));
    let told = [word("/title"), word("/body")].map(Option::unwrap_or_default).join("\n");
    Ok(Some(Ticket {
        key: key.as_str().into(),
        project: repository.into(),
        created,
        backdated: github.check_backdated(key, created).map_err(tickets_unavailable),
        kind: word("/type/name").unwrap_or("Issue").into(),
        labels: labels.filter_map(label).collect(),
        state: state.unwrap_or_default().into(),
        is_closed,
        assignee: word("/assignee/login").map(Text::from),
        text: told.into(),
        url: word("/html_url").unwrap_or_default().into(),
        source: github.system_name.as_str().into(),
    }))
}

/// Returns the numbers of the issues of `repository` whose text has one of these words, each of which
/// is digits alone; the oldest first.
///
/// # Errors
///
/// Says why it finds nothing.
pub(crate) fn find_mentions(
    door: &HttpClient,
    access: &TicketAccess,
    repository: &str,
    words: &[&str],
) -> Result<Vec<u64>, String> {
    let github = GitHubIssueClient::new(door, access, repository);
    let mut numbers = Vec::new();
    // A search is for whole words, so that the first digits do not find all of them.
    for word in words {
        let what = format!("q={word}+repo:{repository}+is:issue&sort=created&order=asc");
        let url = format!(
            "{}/search/issues?{what}&per_page={}",
            access.github_url,
            crate::tickets::mentions::MAX_MENTIONS
        );
        let request =
            HttpRequest { system_name: &github.system_name, url, headers: &github.headers, body: None };
        let HttpAnswer::Found(answer) = door.send_request(&request)? else {
            return Err(format!("{} cannot be searched", github.system_name));
        };
        if answer.get("incomplete_results").and_then(Value::as_bool) == Some(true) {
            return Err(format!("{} did not search to the end", github.system_name));
        }
        let items = answer.get("items").and_then(Value::as_array);
        let items =
            items.ok_or_else(|| format!("{} answers with something else than issues", github.system_name))?;
        numbers.extend(items.iter().filter_map(|item| item.get("number")?.as_u64()));
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

impl<'asked> GitHubIssueClient<'asked> {
    fn new(door: &'asked HttpClient, access: &TicketAccess, repository: &str) -> Self {
        let mut headers = vec![
            ("accept", "application/vnd.github+json".to_owned()),
            ("x-github-api-version", "2022-11-28".to_owned()),
        ];
        headers.extend(access.github.as_ref().map(|token| ("authorization", format!("Bearer {}", token.0))));
        GitHubIssueClient {
            http: door,
            system_name: format!("GitHub ({repository})"),
            base_url: format!("{}/repos/{repository}/issues", access.github_url),
            headers,
        }
    }

    fn fetch_issue(&self, number: u64) -> Result<Option<Value>, String> {
        let url = format!("{}/{number}", self.base_url);
        let request = HttpRequest { system_name: &self.system_name, url, headers: &self.headers, body: None };
        Ok(match self.http.send_request(&request)? {
            HttpAnswer::Found(issue) => Some(issue),
            HttpAnswer::Absent => None,
        })
    }

    fn parse_created(&self, issue: &Value) -> Result<Timestamp, String> {
        let created =
            issue.get("created_at").and_then(Value::as_str).and_then(|written| written.parse().ok());
        created.ok_or_else(|| format!("{} tells of an issue without a time", self.system_name))
    }

    /// Issues and pull requests are counted together, so that either will do for a neighbour.
    fn check_backdated(&self, key: &TicketKey, created: Timestamp) -> Result<Option<String>, String> {
        for lower in (1..=MAX_LOWER_KEYS).filter_map(|down| key.lower_key(down)) {
            if let Some(issue) = self.fetch_issue(lower.number)? {
                return Ok(backdated(created, lower.as_str(), self.parse_created(&issue)?));
            }
        }
        Ok(None)
    }
}
