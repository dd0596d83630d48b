//! Issues of a repository on GitHub.

use jiff::Timestamp;
use serde_json::Value;

use super::door::{Answer, Door, Request};
use super::neighbours::{TRIED, doubt};
use super::{Access, unavailable};
use crate::change::ticket::Key;
use crate::change::{Text, Ticket};

/// Somebody to ask about the issues of one repository.
struct GitHub<'asked> {
    door: &'asked Door,
    of: String,
    base: String,
    headers: Vec<(&'static str, String)>,
}

/// Returns what GitHub says of an issue of `repository`. A pull request is none.
///
/// # Errors
///
/// Says why it says nothing.
pub(super) fn find(
    door: &Door,
    access: &Access,
    repository: &str,
    key: &Key,
) -> Result<Option<Ticket>, String> {
    let github = GitHub::of(door, access, repository);
    let Some(issue) = github.issue(key.number)?.filter(|issue| issue.get("pull_request").is_none()) else {
        return Ok(None);
    };
    let created = github.created(&issue)?;
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
        doubt: github.doubt(key, created).map_err(unavailable),
        kind: word("/type/name").unwrap_or("Issue").into(),
        labels: labels.filter_map(label).collect(),
        state: state.unwrap_or_default().into(),
        is_closed,
        assignee: word("/assignee/login").map(Text::from),
        text: told.into(),
        url: word("/html_url").unwrap_or_default().into(),
        source: github.of.as_str().into(),
    }))
}

/// Returns the numbers of the issues of `repository` whose text has one of these words, each of which
/// is digits alone; the oldest first.
///
/// # Errors
///
/// Says why it finds nothing.
pub(super) fn naming(
    door: &Door,
    access: &Access,
    repository: &str,
    words: &[&str],
) -> Result<Vec<u64>, String> {
    let github = GitHub::of(door, access, repository);
    let mut numbers = Vec::new();
    // A search is for whole words, so that the first digits do not find all of them.
    for word in words {
        let what = format!("q={word}+repo:{repository}+is:issue&sort=created&order=asc");
        let url = format!("{}/search/issues?{what}&per_page={}", access.github_url, super::naming::MOST);
        let request = Request { of: &github.of, url, headers: &github.headers, body: None };
        let Answer::Found(answer) = door.ask(&request)? else {
            return Err(format!("{} cannot be searched", github.of));
        };
        if answer.get("incomplete_results").and_then(Value::as_bool) == Some(true) {
            return Err(format!("{} did not search to the end", github.of));
        }
        let items = answer.get("items").and_then(Value::as_array);
        let items = items.ok_or_else(|| format!("{} answers with something else than issues", github.of))?;
        numbers.extend(items.iter().filter_map(|item| item.get("number")?.as_u64()));
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

impl<'asked> GitHub<'asked> {
    fn of(door: &'asked Door, access: &Access, repository: &str) -> Self {
        let mut headers = vec![
            ("accept", "application/vnd.github+json".to_owned()),
            ("x-github-api-version", "2022-11-28".to_owned()),
        ];
        headers.extend(access.github.as_ref().map(|token| ("authorization", format!("Bearer {}", token.0))));
        GitHub {
            door,
            of: format!("GitHub ({repository})"),
            base: format!("{}/repos/{repository}/issues", access.github_url),
            headers,
        }
    }

    fn issue(&self, number: u64) -> Result<Option<Value>, String> {
        let url = format!("{}/{number}", self.base);
        let request = Request { of: &self.of, url, headers: &self.headers, body: None };
        Ok(match self.door.ask(&request)? {
            Answer::Found(issue) => Some(issue),
            Answer::Absent => None,
        })
    }

    fn created(&self, issue: &Value) -> Result<Timestamp, String> {
        let created =
            issue.get("created_at").and_then(Value::as_str).and_then(|written| written.parse().ok());
        created.ok_or_else(|| format!("{} tells of an issue without a time", self.of))
    }

    /// Issues and pull requests are counted together, so that either will do for a neighbour.
    fn doubt(&self, key: &Key, created: Timestamp) -> Result<Option<String>, String> {
        for lower in (1..=TRIED).filter_map(|down| key.lower(down)) {
            if let Some(issue) = self.issue(lower.number)? {
                return Ok(doubt(created, lower.as_str(), self.created(&issue)?));
            }
        }
        Ok(None)
    }
}
