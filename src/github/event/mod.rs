//! What an event of GitHub Actions is about.
//!
//! A function of the event's name and of the file that describes it. The file is a snapshot: nothing
//! in it is judged. It only says which pull request, merge group or push to ask GitHub about, and at
//! which revision the run was started. What is needed has to be there, with the right type; what is
//! there beside it is not looked at, so that a new version of GitHub breaks nothing.
//!
//! An event on a closed pull request is judged like any other: a run that ends well without judging
//! would leave a green check on a revision that can be reopened.

use serde_json::Value;

use crate::change::Oid;
use crate::github::api::names::RepositoryName;
use crate::yaml::shorten_for_message;

/// The largest event that is read; GitHub's own limit is 25 MB.
pub const MAX_EVENT_BYTES: usize = 32 << 20;

/// What is to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSubject {
    /// A pull request.
    PullRequest {
        /// The repository that it is for.
        repo: RepositoryName,
        /// Its number.
        number: u64,
        /// Its final revision when the event happened, if the event says so.
        expected_head: Option<Oid>,
    },
    /// What a merge queue is about to merge.
    MergeGroup {
        /// The repository.
        repo: RepositoryName,
        /// The full name of the branch that it is for.
        base_ref: String,
        /// Where it starts.
        base_tip: Oid,
        /// Where it ends.
        group_head: Oid,
    },
    /// Something that was pushed already.
    Push {
        /// The repository.
        repo: RepositoryName,
        /// The full name of the ref.
        ref_name: String,
        /// What it held; all zeroes for nothing.
        before: Oid,
        /// What it holds; all zeroes for nothing.
        after: Oid,
        /// True if GitHub says that it did not only move forward.
        forced: bool,
    },
    /// Every pull request of the repository that is open.
    OpenPullRequests {
        /// The repository.
        repo: RepositoryName,
    },
}

impl EventSubject {
    /// Returns the repository and the revision that it is about, as far as the event itself says.
    pub fn judged_revision(&self) -> Option<(&RepositoryName, Oid)> {
        match self {
            EventSubject::PullRequest { repo, expected_head: expected, .. } => Some((repo, (*expected)?)),
            EventSubject::MergeGroup { repo, group_head: head, .. } => Some((repo, *head)),
            EventSubject::Push { repo, after, .. } => {
                Some((repo, *after)).filter(|(_, after)| !after.is_null())
            }
            EventSubject::OpenPullRequests { .. } => None,
        }
    }
}

/// Why an event says nothing that could be judged.
pub type EventError = String;

/// The events that this reads, for messages.
pub const SUPPORTED_EVENTS: &str = "pull_request, pull_request_target, pull_request_review, pull_request_review_comment, \
                          pull_request_review_thread, merge_group, push, issue_comment, schedule, workflow_dispatch";

/// Reads the event called `name`, described by `json`; `default` is the repository that a run belongs
/// to, for events that name none.
///
/// # Errors
///
/// Names the part of the event that is missing or has the wrong type, or says that there is no such
/// event here.
pub fn parse_event(
    name: &str,
    json: &[u8],
    default: Option<&RepositoryName>,
) -> Result<EventSubject, EventError> {
    if MAX_EVENT_BYTES < json.len() {
        return Err(format!("the event has {} bytes, and at most {MAX_EVENT_BYTES} are read", json.len()));
    }
    let value: Value =
        serde_json::from_slice(json).map_err(|error| format!("the event is not JSON: {error}"))?;
    let event = EventValue { value: &value, path: String::new() };
    if !value.is_object() {
        return Err("the event is not a JSON object".into());
    }
    match name {
        "pull_request"
        | "pull_request_target"
        | "pull_request_review"
        | "pull_request_review_comment"
        | "pull_request_review_thread" => {
            let pull = event.read_member("pull_request")?;
            Ok(EventSubject::PullRequest {
                repo: event.read_repository()?,
                number: pull.read_member("number")?.read_number()?,
                expected_head: Some(pull.read_member("head")?.read_member("sha")?.read_oid()?),
            })
        }
        "issue_comment" => {
            let issue = event.read_member("issue")?;
            if issue.value.get("pull_request").is_none_or(Value::is_null) {
                return Err("the comment is on an issue, and only pull requests are judged".into());
            }
            let number = issue.read_member("number")?.read_number()?;
            Ok(EventSubject::PullRequest { repo: event.read_repository()?, number, expected_head: None })
        }
        "merge_group" => {
            let group = event.read_member("merge_group")?;
            Ok(EventSubject::MergeGroup {
                repo: event.read_repository()?,
                base_ref: group.read_member("base_ref")?.read_ref_name()?,
                base_tip: group.read_member("base_sha")?.read_oid()?,
                group_head: group.read_member("head_sha")?.read_oid()?,
            })
        }
        "push" => Ok(EventSubject::Push {
            repo: event.read_repository()?,
            ref_name: event.read_member("ref")?.read_ref_name()?,
            before: event.read_member("before")?.read_oid()?,
            after: event.read_member("after")?.read_oid()?,
            forced: event.read_member("forced")?.read_bool()?,
        }),
        "workflow_dispatch" => {
            let repo = event.read_repository()?;
            let inputs = value.get("inputs").filter(|inputs| !inputs.is_null());
            let asked = inputs.and_then(|inputs| inputs.get("pull-request"));
            match asked {
                None => Ok(EventSubject::OpenPullRequests { repo }),
                Some(Value::String(text)) if text.is_empty() => Ok(EventSubject::OpenPullRequests { repo }),
                Some(_) => {
                    let number = event.read_member("inputs")?.read_member("pull-request")?.read_text()?;
                    let number = number.parse().ok().filter(|number| 0 < *number);
                    let number = number.ok_or("`inputs.pull-request` is not the number of a pull request")?;
                    Ok(EventSubject::PullRequest { repo, number, expected_head: None })
                }
            }
        }
        // The file of a schedule holds little more than the schedule itself.
        "schedule" => match (value.get("repository"), default) {
            (None | Some(Value::Null), Some(repo)) => {
                Ok(EventSubject::OpenPullRequests { repo: repo.clone() })
            }
            _ => Ok(EventSubject::OpenPullRequests { repo: event.read_repository()? }),
        },
        other => Err(format!(
            "the event `{}` says nothing that can be judged; there are {SUPPORTED_EVENTS}",
            shorten_for_message(other)
        )),
    }
}

/// A part of the event, and how to get there.
struct EventValue<'json> {
    value: &'json Value,
    path: String,
}

impl<'json> EventValue<'json> {
    fn read_member(&self, key: &str) -> Result<EventValue<'json>, EventError> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        if !self.value.is_object() {
            return Err(self.wrong_type_error("an object"));
        }
        match self.value.get(key) {
            None => Err(format!("the event has no `{path}`")),
            Some(value) => Ok(EventValue { value, path }),
        }
    }

    fn wrong_type_error(&self, wanted: &str) -> EventError {
        let is = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        format!("`{}` of the event is {is} where {wanted} is needed", self.path)
    }

    fn read_number(&self) -> Result<u64, EventError> {
        let number = self.value.as_u64().filter(|number| 0 < *number);
        number.ok_or_else(|| self.wrong_type_error("the number of a pull request"))
    }

    fn read_text(&self) -> Result<&'json str, EventError> {
        self.value.as_str().ok_or_else(|| self.wrong_type_error("a text"))
    }

    fn read_bool(&self) -> Result<bool, EventError> {
        self.value.as_bool().ok_or_else(|| self.wrong_type_error("true or false"))
    }

    fn read_oid(&self) -> Result<Oid, EventError> {
        self.value.as_str().and_then(Oid::from_hex).ok_or_else(|| self.wrong_type_error("the id of a commit"))
    }

    fn read_ref_name(&self) -> Result<String, EventError> {
        let name = self.value.as_str().filter(|name| name.starts_with("refs/"));
        name.map(str::to_owned).ok_or_else(|| self.wrong_type_error("the full name of a ref"))
    }

    fn read_repository(&self) -> Result<RepositoryName, EventError> {
        let name = self.read_member("repository")?.read_member("full_name")?;
        name.value
            .as_str()
            .and_then(RepositoryName::parse_name)
            .ok_or_else(|| name.wrong_type_error("`OWNER/REPO`"))
    }
}

#[cfg(test)]
mod tests;
