//! Telling people elsewhere what is due: one message to each place, over HTTP.
//!
//! An address may itself be a secret, so it is never shown, nor written down; it may be kept in the
//! environment. Redirects are not followed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::obligations::obligation_list::{describe_owing_change, shorten_ref_name};
use crate::cli::{CommandError, Context};
use crate::ledger::state::TrackedObligation;
use crate::report::due_time;

/// How long a place may take.
const CHANNEL_TIMEOUT: Duration = Duration::from_secs(10);

/// How many obligations a message for people names.
const MAX_NAMED_OBLIGATIONS: usize = 20;

/// Where a message goes.
pub(crate) struct NotifyChannel {
    kind: ChannelKind,
    url: String,
}

#[derive(Clone, Copy)]
enum ChannelKind {
    Slack,
    Webhook,
}

impl NotifyChannel {
    /// Reads `slack=URL`, `webhook=URL`, or either with `env:NAME` in the place of the address.
    pub(crate) fn parse_channel(written: &str, world: &Context) -> Result<NotifyChannel, CommandError> {
        let wrong = |why: &str| CommandError::Usage(format!("--notify: {why}"));
        let (kind, address) =
            written.split_once('=').ok_or_else(|| wrong("it is slack=URL or webhook=URL"))?;
        let kind = match kind {
            "slack" => ChannelKind::Slack,
            "webhook" => ChannelKind::Webhook,
            _ => return Err(wrong("it is slack=URL or webhook=URL")),
        };
        let url = match address.strip_prefix("env:") {
            Some(name) => world
                .read_variable(name)
                .and_then(|value| value.into_string().ok())
                .ok_or_else(|| wrong("the variable that it names is not set"))?,
            None => address.to_owned(),
        };
        let is_safe = url.starts_with("https://") || is_loopback_url(&url);
        is_safe
            .then_some(NotifyChannel { kind, url })
            .ok_or_else(|| wrong("the address begins with https://"))
    }

    /// Sends what is due soon and what is overdue; each with the list for programs.
    pub(crate) fn send_due_obligations(
        &self,
        soon: &[(&str, &TrackedObligation)],
        overdue: &[(&str, &TrackedObligation)],
        list: &[Value],
    ) -> Result<(), CommandError> {
        let body = match self.kind {
            ChannelKind::Slack => json!({ "text": render_slack_text(soon, overdue) }),
            ChannelKind::Webhook => json!({ "schema": "changegate/due/v1", "obligations": list }),
        };
        let config = ureq::Agent::config_builder().timeout_global(Some(CHANNEL_TIMEOUT)).max_redirects(0);
        let agent: ureq::Agent = config.build().into();
        let sent = agent.post(&self.url).header("content-type", "application/json").send(body.to_string());
        let why = match sent {
            Ok(response) if response.status().is_success() => return Ok(()),
            Ok(response) => format!("the answer is {}", response.status().as_u16()),
            Err(ureq::Error::StatusCode(code)) => format!("the answer is {code}"),
            Err(ureq::Error::Timeout(_)) => "no answer in time".into(),
            // What else is told may hold the address.
            Err(_) => "it cannot be reached".into(),
        };
        let place = match self.kind {
            ChannelKind::Slack => "slack",
            ChannelKind::Webhook => "webhook",
        };
        Err(CommandError::Failed(anyhow::anyhow!(
            "nobody was told by {place}: {why}; the next sweep tries again"
        )))
    }
}

/// Returns whether an address leads nowhere but to this machine.
fn is_loopback_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host
        .rsplit_once(':')
        .map_or(host, |(host, port)| if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { "" });
    matches!(host, "127.0.0.1" | "localhost" | "[::1]")
}

fn render_slack_text(soon: &[(&str, &TrackedObligation)], overdue: &[(&str, &TrackedObligation)]) -> String {
    let mut text = format!("changegate: {} overdue, {} due soon", overdue.len(), soon.len());
    for (word, owed) in overdue
        .iter()
        .map(|one| ("overdue", one.1))
        .chain(soon.iter().map(|one| ("due soon", one.1)))
        .take(MAX_NAMED_OBLIGATIONS)
    {
        let at = owed.due.map(due_time::format_instant).unwrap_or_default();
        let on = match &owed.session {
            None => String::from_utf8_lossy(shorten_ref_name(owed.ref_name.as_bytes())).into_owned(),
            Some(session) => session.incident.to_lossy().into_owned(),
        };
        text.push_str(&escape_slack(&format!(
            "\n{word}: {} on {on} owes {}, due {at}",
            describe_owing_change(owed),
            owed.what.to_plain_text()
        )));
    }
    let more = soon.len().saturating_add(overdue.len()).saturating_sub(MAX_NAMED_OBLIGATIONS);
    if 0 < more {
        text.push_str(&format!("\nand {more} more"));
    }
    text
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

    #[test]
    fn without_encryption_only_this_machine_is_told() {
        for url in ["http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:1/"] {
            assert!(is_loopback_url(url), "{url}");
        }
        for url in [
            "http://example.com/",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1@example.com/",
            "ftp://localhost/",
            "http://localhost:x@example.com/",
        ] {
            assert!(!is_loopback_url(url), "{url}");
        }
    }
}
