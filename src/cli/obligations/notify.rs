//! Notification channels: one message about what is due to each of them, over HTTP.
//!
//! An address may itself be a secret, so it is never shown, nor written down; it may be kept in the
//! environment. A message is sent once, since one that was carried out and not answered would be repeated;
//! the next sweep tries again.

use serde_json::{Value, json};

use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::obligations::obligation_list::{describe_owing_change, shorten_ref_name};
use crate::http::client::{HttpClient, HttpRequest};
use crate::http::{ProxySettings, RequestPolicy, Secret, is_loopback_url};
use crate::ledger::state::TrackedObligation;
use crate::report::due_time;

/// How many obligations a message for people names.
const MAX_NAMED_OBLIGATIONS: usize = 20;

/// An obligation that a channel is told about, with its id.
type NamedObligation<'state> = (&'state str, &'state TrackedObligation);

/// A place that is told what is due.
pub(crate) struct NotifyChannel {
    kind: ChannelKind,
    url: Secret,
    proxies: ProxySettings,
}

#[derive(Clone, Copy)]
enum ChannelKind {
    Slack,
    Webhook,
}

impl NotifyChannel {
    /// Reads `slack=URL`, `webhook=URL`, or either with `env:NAME` in the place of the address.
    pub(crate) fn parse_channel(written: &str, context: &Context) -> Result<NotifyChannel, CommandError> {
        let (kind, address) = written.split_once('=').unwrap_or_default();
        let kind = match kind {
            "slack" => ChannelKind::Slack,
            "webhook" => ChannelKind::Webhook,
            _ => return Err(wrong_channel("expected slack=URL or webhook=URL")),
        };
        let url = match address.strip_prefix("env:") {
            Some(name) => match context.read_variable(name).map(|value| value.into_string()) {
                Some(Ok(value)) => value,
                Some(Err(_)) => return Err(wrong_channel("the variable that it names is not UTF-8")),
                None => return Err(wrong_channel("the variable that it names is not set")),
            },
            None => address.to_owned(),
        };
        if !url.starts_with("https://") && !is_loopback_url(&url) {
            return Err(wrong_channel("the address has to start with https://"));
        }
        // Found out now, and not when the first notice is due.
        if url.parse::<http::Uri>().is_err() {
            return Err(wrong_channel("the address holds characters that no address has, such as a space"));
        }
        Ok(NotifyChannel { kind, url: Secret::from_value(url), proxies: context.read_proxies()? })
    }

    /// Sends what is due soon and what is overdue; `list` is the same for programs.
    pub(crate) fn send_due_obligations(
        &self,
        soon: &[NamedObligation<'_>],
        overdue: &[NamedObligation<'_>],
        list: &[Value],
    ) -> Result<(), CommandError> {
        let (name, body) = match self.kind {
            ChannelKind::Slack => ("slack", json!({ "text": render_slack_text(soon, overdue) })),
            ChannelKind::Webhook => {
                ("webhook", json!({ "schema": "changegate/due/v1", "obligations": list }))
            }
        };
        let request = HttpRequest {
            system_name: name,
            url: self.url.expose(),
            headers: &[("content-type", "application/json".to_owned())],
            body: Some(&body.to_string()),
            can_repeat: false,
            needs_body: false,
        };
        let http = HttpClient::new(RequestPolicy::NOTIFICATION, self.proxies.clone());
        let why = match http.send_request(&request) {
            Ok(response) if (200..300).contains(&response.status) => return Ok(()),
            Ok(response) => format!("{name} answers with {}", response.status),
            Err(why) => why,
        };
        Err(CommandError::Failed(anyhow::anyhow!("notification not sent: {why}; the next sweep tries again")))
    }
}

fn wrong_channel(why: &str) -> CommandError {
    CommandError::Usage(format!("--notify: {why}"))
}

fn render_slack_text(soon: &[NamedObligation<'_>], overdue: &[NamedObligation<'_>]) -> String {
    let mut text = format!("changegate: {} overdue, {} due soon", overdue.len(), soon.len());
    let mut lines = Vec::new();
    for (_, obligation) in overdue {
        lines.push(describe_for_slack("overdue", obligation));
    }
    for (_, obligation) in soon {
        lines.push(describe_for_slack("due soon", obligation));
    }
    let more = lines.len().saturating_sub(MAX_NAMED_OBLIGATIONS);
    lines.truncate(MAX_NAMED_OBLIGATIONS);
    for line in lines {
        text.push('\n');
        text.push_str(&line);
    }
    if more > 0 {
        text.push_str(&format!("\nand {more} more"));
    }
    text
}

/// Returns one line about an obligation, escaped for Slack.
fn describe_for_slack(status: &str, obligation: &TrackedObligation) -> String {
    let due = obligation.due.map(due_time::format_instant).unwrap_or_default();
    let on = match &obligation.session {
        None => String::from_utf8_lossy(shorten_ref_name(obligation.ref_name.as_bytes())).into_owned(),
        Some(session) => session.incident.to_lossy().into_owned(),
    };
    let change = describe_owing_change(obligation);
    escape_slack(&format!("{status}: {change} on {on} owes {}, due {due}", obligation.what.to_plain_text()))
}

/// Returns text that Slack shows as it is: no link, no mention, no channel.
fn escape_slack(text: &str) -> String {
    let mut out = String::new();
    for one in text.chars() {
        match one {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Between backticks a name is code; others would format.
            '*' | '_' | '~' => out.extend(['\u{200b}', one]),
            '\n' => out.push(one),
            other if crate::change::person::is_invisible(other) => out.push(char::REPLACEMENT_CHARACTER),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_slack_as_anything_but_text() {
        assert_eq!(escape_slack("<!channel> & <http://x|y>"), "&lt;!channel&gt; &amp; &lt;http://x|y&gt;");
        assert!(!escape_slack("a\u{202e}b").contains('\u{202e}'));
    }
}
