//! What an answer of GitHub means: whether it says anything, and whether another attempt may say more.
//!
//! A gateway answers with a page of its own and the status of a good answer, and GraphQL says in a good answer that
//! GitHub failed. Neither says anything of a change, so both are taken as the outages that they are.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::github::api::GitHubClient;
use crate::github::api::request::{
    GitHubFailure, GitHubRequest, GitHubResponse, MAX_QUOTED_CHARS, RateLimitKind, RequestMethod,
    printable_line,
};
use crate::http::{AttemptOutcome, read_clock};

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

impl GitHubClient {
    /// Reads the body of a good answer. One that has another shape than GitHub's says as little as none.
    pub(super) fn parse_response<T: DeserializeOwned>(
        &self,
        request: &GitHubRequest,
        answer: &GitHubResponse,
    ) -> Result<T, GitHubFailure> {
        let parsed = answer.parse_body(request);
        if let Err(failure) = &parsed
            && (200..300).contains(&answer.status)
        {
            self.keep_outage(failure);
        }
        parsed
    }

    /// Keeps why GitHub said nothing, unless an earlier failure is known.
    pub(super) fn keep_outage(&self, failure: &GitHubFailure) {
        self.outage.borrow_mut().get_or_insert(failure.clone());
    }

    /// Notes that GitHub did not answer, or not with what was asked for: neither says anything of a change.
    pub(super) fn note_outage(&self, request: &GitHubRequest, sent: &Result<GitHubResponse, GitHubFailure>) {
        let failure = match sent {
            Ok(answer) => match self.classify_response(request, answer) {
                AttemptOutcome::RateLimited { .. } | AttemptOutcome::ServerError { .. } => {
                    describe_unusable(request, answer)
                }
                _ => return,
            },
            Err(failure) => failure.clone(),
        };
        self.outage.borrow_mut().get_or_insert(failure);
    }

    /// Returns what an answer means for another attempt. To what comes too often GitHub answers with 403, with
    /// 429, or, to GraphQL, with 200 and an error.
    pub(super) fn classify_response(
        &self,
        request: &GitHubRequest,
        answer: &GitHubResponse,
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
        AttemptOutcome::RateLimited { wait: asked.or_else(|| self.primary_limit_pause(answer)).or(least) }
    }

    /// Returns how long the primary rate limit lasts, if that is what is used up.
    fn primary_limit_pause(&self, answer: &GitHubResponse) -> Option<Duration> {
        if answer.headers.remaining != Some(0) {
            return None;
        }
        let spent = i64::try_from(self.deadline.time_spent(read_clock()).as_secs()).unwrap_or(i64::MAX);
        let now = self.now.as_second().saturating_add(spent);
        let seconds = u64::try_from(answer.headers.reset?.saturating_sub(now)).unwrap_or(0);
        // One second more, because both clocks are cut off to whole ones.
        Some(Duration::from_secs(seconds.saturating_add(1)))
    }
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
