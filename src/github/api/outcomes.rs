//! What an answer of GitHub means: whether it says anything, and whether another attempt may say more.
//!
//! A gateway answers with a page of its own and the status of a good answer, and GraphQL says in a good answer that
//! GitHub failed. Neither says anything of a change, so both are taken as the outages that they are.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::github::api::request::{
    GitHubFailure, GitHubRequest, GitHubResponse, MAX_QUOTED_CHARS, RateLimitKind, RequestMethod,
    printable_line,
};
use crate::http::AttemptOutcome;

/// How long GitHub wants to be left alone where a secondary limit does not say it: at least a minute.
const SECONDARY_LIMIT_PAUSE: Duration = Duration::from_secs(60);

/// The types of GraphQL errors that tell of GitHub itself; every other type is an answer about what was asked.
const FAILURE_TYPES: [&str; 3] = ["INTERNAL", "SERVICE_UNAVAILABLE", "TIMEOUT"];

/// The parts of a GraphQL answer that tell whether it says anything.
#[derive(Deserialize)]
struct GraphqlOutline {
    data: Option<IgnoredAny>,
    #[serde(default)]
    errors: Vec<GraphqlErrorOutline>,
}

#[derive(Deserialize)]
struct GraphqlErrorOutline {
    #[serde(default)]
    message: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    extensions: Option<GraphqlErrorExtensions>,
}

#[derive(Deserialize)]
struct GraphqlErrorExtensions {
    code: Option<IgnoredAny>,
}

impl GraphqlErrorOutline {
    /// Returns true if GitHub failed. What it refuses has a type, and what is wrong with a query has a code.
    fn is_failure(&self) -> bool {
        match &self.kind {
            Some(kind) => FAILURE_TYPES.contains(&kind.as_str()),
            None => self.extensions.as_ref().is_none_or(|extensions| extensions.code.is_none()),
        }
    }
}

/// Returns what an answer means for another attempt. To what comes too often GitHub answers with 403, with
/// 429, or, to GraphQL, with 200 and an error. `primary_pause` is how long the primary limit lasts, if that is used up.
pub(super) fn classify_response(
    request: &GitHubRequest,
    answer: &GitHubResponse,
    primary_pause: Option<Duration>,
) -> AttemptOutcome {
    let asked = answer.headers.retry_after.map(Duration::from_secs);
    let limit = match answer.status {
        200 if request.method == RequestMethod::Query => answer.find_rate_limit(),
        403 | 429 => answer.find_rate_limit(),
        _ => None,
    };
    let is_used_up = answer.headers.remaining == Some(0);
    let is_limited = match answer.status {
        200 => limit.is_some(),
        403 => limit.is_some() || asked.is_some() || is_used_up,
        429 => true,
        _ => false,
    };
    if !is_limited && request.is_read_only() && explain_unread(request, answer).is_some() {
        return AttemptOutcome::ServerError { wait: asked };
    }
    if !is_limited {
        return AttemptOutcome::from_status(answer.status, asked);
    }
    let least = match limit {
        Some(RateLimitKind::Secondary) => Some(SECONDARY_LIMIT_PAUSE),
        _ => None,
    };
    AttemptOutcome::RateLimited { wait: asked.or(primary_pause).or(least) }
}

/// Returns the failure that an answer without a usable content amounts to.
pub(super) fn describe_unusable(request: &GitHubRequest, answer: &GitHubResponse) -> GitHubFailure {
    // GraphQL tells of a limit in an error too, and that one has words of its own.
    let unread = if answer.find_rate_limit().is_some() { None } else { explain_unread(request, answer) };
    match unread {
        Some(why) => GitHubFailure { status: Some(answer.status), ..GitHubFailure::new(why) },
        None => answer.describe_refusal(request),
    }
}

/// Returns why an answer with the status of a good one says nothing; `None` if it says something.
fn explain_unread(request: &GitHubRequest, answer: &GitHubResponse) -> Option<String> {
    if !(200..300).contains(&answer.status) {
        return None;
    }
    let asked = request.describe();
    let unread = |error: serde_json::Error| {
        let said = printable_line(&error.to_string(), MAX_QUOTED_CHARS);
        Some(format!("GitHub's answer to {asked} cannot be read: {said}"))
    };
    if request.method != RequestMethod::Query {
        return serde_json::from_slice::<IgnoredAny>(&answer.body).err().and_then(unread);
    }
    let outline: GraphqlOutline = match serde_json::from_slice(&answer.body) {
        Ok(outline) => outline,
        Err(error) => return unread(error),
    };
    if let Some(error) = outline.errors.iter().find(|error| error.is_failure()) {
        let said = printable_line(&error.message, MAX_QUOTED_CHARS);
        return Some(format!("GitHub answered to {asked}: {said}"));
    }
    (outline.data.is_none() && outline.errors.is_empty())
        .then(|| format!("GitHub answered nothing to {asked}"))
}
