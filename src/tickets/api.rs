//! Asking one ticket system for JSON, and what its answers mean.

use jiff::Timestamp;
use serde_json::Value;

use crate::http::client::{HttpClient, HttpRequest, HttpResponse};

/// A ticket system that answers over HTTP.
pub(crate) struct TicketApi<'asked> {
    http: &'asked HttpClient,
    /// What the system is called in messages.
    pub(crate) system_name: String,
    /// What stands before the path of each request.
    base_url: String,
    headers: Vec<(&'static str, String)>,
}

impl<'asked> TicketApi<'asked> {
    pub(crate) fn new(
        http: &'asked HttpClient,
        system_name: String,
        base_url: String,
        headers: Vec<(&'static str, String)>,
    ) -> Self {
        TicketApi { http, system_name, base_url, headers }
    }

    /// Returns the document at `path`, or `None` if it is absent or hidden from this token.
    ///
    /// # Errors
    ///
    /// Says why it is not known whether there is one.
    pub(crate) fn fetch_document(&self, path: &str) -> Result<Option<Value>, String> {
        self.send_request(path, None)
    }

    /// Returns the list called `field` in the document at `path`.
    ///
    /// # Errors
    ///
    /// Says why there is no whole list.
    pub(crate) fn fetch_list(&self, path: &str, field: &str) -> Result<Vec<Value>, String> {
        let name = &self.system_name;
        let Some(mut answer) = self.fetch_document(path)? else {
            return Err(format!("{name} cannot be searched"));
        };
        if answer.get("incomplete_results").and_then(Value::as_bool) == Some(true) {
            return Err(format!("{name} did not search to the end"));
        }
        match answer.get_mut(field).map(Value::take) {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(format!("{name} answers with something other than tickets")),
        }
    }

    /// Sends a GraphQL query, which reads and changes nothing, and returns the answer.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub(crate) fn run_query(&self, query: &Value) -> Result<Value, String> {
        let answer = self.send_request("", Some(&query.to_string()))?;
        answer.ok_or_else(|| format!("{} is not at this address", self.system_name))
    }

    fn send_request(&self, path: &str, body: Option<&str>) -> Result<Option<Value>, String> {
        let request = HttpRequest {
            system_name: &self.system_name,
            url: &format!("{}{path}", self.base_url),
            headers: &self.headers,
            body,
            can_repeat: true,
            needs_body: true,
        };
        let response = self.http.send_request(&request)?;
        read_answer(&response).map_err(|why| format!("{} {why}", self.system_name))
    }
}

/// Returns the text at a place of a document, written as in `/fields/summary`; empty if there is none.
pub(crate) fn text_at<'document>(document: &'document Value, place: &str) -> &'document str {
    document.pointer(place).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the items of the list at a place of a document; none if there is no list.
pub(crate) fn list_at<'document>(document: &'document Value, place: &str) -> &'document [Value] {
    document.pointer(place).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns the document of an answer, or `None` if it says that there is none.
fn read_answer(response: &HttpResponse) -> Result<Option<Value>, String> {
    // Jira answers with 404 to an account that it has locked out.
    let login = response.header("x-seraph-loginreason").unwrap_or_default();
    if login.contains("FAILED") || login.contains("DENIED") {
        return Err("does not accept this account".into());
    }
    match response.status {
        200 => match serde_json::from_slice(&response.body) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err("does not answer in JSON".into()),
        },
        404 | 410 => Ok(None),
        401 => Err("does not accept the token (401)".into()),
        403 => Err("does not let this token read that (403)".into()),
        status @ 300..=399 => {
            Err(format!("redirects to another address ({status}); a token is not sent there"))
        }
        status @ (429 | 500..=599) => Err(format!("answers with {status}")),
        status => Err(format!("answers with {status}")),
    }
}

/// Reads an instant as Jira writes it: `2026-10-14T14:00:00.000+0000`.
pub(crate) fn parse_instant(written: &str) -> Option<Timestamp> {
    let offset = written.len().checked_sub(5).and_then(|at| written.split_at_checked(at));
    let (front, offset) = offset.filter(|(_, offset)| offset.starts_with(['+', '-']))?;
    let (hours, minutes) = offset.split_at_checked(3)?;
    format!("{front}{hours}:{minutes}").parse().ok()
}
