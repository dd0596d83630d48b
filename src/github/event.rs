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

use super::place::RepoName;
use crate::change::Oid;
use crate::yaml::shown;

/// The largest event that is read; GitHub's own limit is 25 MB.
pub const LARGEST_EVENT: usize = 32 << 20;

/// What is to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A pull request.
    Pull {
        /// The repository that it is for.
        repo: RepoName,
        /// Its number.
        number: u64,
        /// Its final revision when the event happened, if the event says so.
        expected: Option<Oid>,
    },
    /// What a merge queue is about to merge.
    MergeGroup {
        /// The repository.
        repo: RepoName,
        /// The full name of the branch that it is for.
        base_ref: String,
        /// Where it starts.
        base: Oid,
        /// Where it ends.
        head: Oid,
    },
    /// Something that was pushed already.
    Push {
        /// The repository.
        repo: RepoName,
        /// The full name of the ref.
        name: String,
        /// What it held; all zeroes for nothing.
        before: Oid,
        /// What it holds; all zeroes for nothing.
        after: Oid,
        /// True if GitHub says that it did not only move forward.
        forced: bool,
    },
    /// Every pull request of the repository that is open.
    OpenPulls {
        /// The repository.
        repo: RepoName,
    },
}

impl Subject {
    /// Returns the repository and the revision that it is about, as far as the event itself says.
    pub fn revision(&self) -> Option<(&RepoName, Oid)> {
        match self {
            Subject::Pull { repo, expected, .. } => Some((repo, (*expected)?)),
            Subject::MergeGroup { repo, head, .. } => Some((repo, *head)),
            Subject::Push { repo, after, .. } => Some((repo, *after)).filter(|(_, after)| !after.is_null()),
            Subject::OpenPulls { .. } => None,
        }
    }
}

/// Why an event says nothing that could be judged.
pub type BadEvent = String;

/// The events that this reads, for messages.
pub const EVENTS: &str = "pull_request, pull_request_target, pull_request_review, pull_request_review_comment, \
                          pull_request_review_thread, merge_group, push, issue_comment, schedule, workflow_dispatch";

/// Reads the event called `name`, described by `json`; `default` is the repository that a run belongs
/// to, for events that name none.
///
/// # Errors
///
/// Names the part of the event that is missing or has the wrong type, or says that there is no such
/// event here.
pub fn read(name: &str, json: &[u8], default: Option<&RepoName>) -> Result<Subject, BadEvent> {
    if LARGEST_EVENT < json.len() {
        return Err(format!("the event has {} bytes, and at most {LARGEST_EVENT} are read", json.len()));
    }
    let value: Value =
        serde_json::from_slice(json).map_err(|error| format!("the event is not JSON: {error}"))?;
    let event = At { value: &value, path: String::new() };
    if !value.is_object() {
        return Err("the event is not a JSON object".into());
    }
    match name {
        "pull_request"
        | "pull_request_target"
        | "pull_request_review"
        | "pull_request_review_comment"
        | "pull_request_review_thread" => {
            let pull = event.get("pull_request")?;
            Ok(Subject::Pull {
                repo: event.repo()?,
                number: pull.get("number")?.number()?,
                expected: Some(pull.get("head")?.get("sha")?.oid()?),
            })
        }
        "issue_comment" => {
            let issue = event.get("issue")?;
            if issue.value.get("pull_request").is_none_or(Value::is_null) {
                return Err("the comment is on an issue, and only pull requests are judged".into());
            }
            let number = issue.get("number")?.number()?;
            Ok(Subject::Pull { repo: event.repo()?, number, expected: None })
        }
        "merge_group" => {
            let group = event.get("merge_group")?;
            Ok(Subject::MergeGroup {
                repo: event.repo()?,
                base_ref: group.get("base_ref")?.full_ref()?,
                base: group.get("base_sha")?.oid()?,
                head: group.get("head_sha")?.oid()?,
            })
        }
        "push" => Ok(Subject::Push {
            repo: event.repo()?,
            name: event.get("ref")?.full_ref()?,
            before: event.get("before")?.oid()?,
            after: event.get("after")?.oid()?,
            forced: event.get("forced")?.truth()?,
        }),
        "workflow_dispatch" => {
            let repo = event.repo()?;
            let inputs = value.get("inputs").filter(|inputs| !inputs.is_null());
            let asked = inputs.and_then(|inputs| inputs.get("pull-request"));
            match asked {
                None => Ok(Subject::OpenPulls { repo }),
                Some(Value::String(text)) if text.is_empty() => Ok(Subject::OpenPulls { repo }),
                Some(_) => {
                    let number = event.get("inputs")?.get("pull-request")?.text()?;
                    let number = number.parse().ok().filter(|number| 0 < *number);
                    let number = number.ok_or("`inputs.pull-request` is not the number of a pull request")?;
                    Ok(Subject::Pull { repo, number, expected: None })
                }
            }
        }
        // The file of a schedule holds little more than the schedule itself.
        "schedule" => match (value.get("repository"), default) {
            (None | Some(Value::Null), Some(repo)) => Ok(Subject::OpenPulls { repo: repo.clone() }),
            _ => Ok(Subject::OpenPulls { repo: event.repo()? }),
        },
        other => {
            Err(format!("the event `{}` says nothing that can be judged; there are {EVENTS}", shown(other)))
        }
    }
}

/// A part of the event, and how to get there.
struct At<'json> {
    value: &'json Value,
    path: String,
}

impl<'json> At<'json> {
    fn get(&self, key: &str) -> Result<At<'json>, BadEvent> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        if !self.value.is_object() {
            return Err(self.wrong("an object"));
        }
        match self.value.get(key) {
            None => Err(format!("the event has no `{path}`")),
            Some(value) => Ok(At { value, path }),
        }
    }

    fn wrong(&self, wanted: &str) -> BadEvent {
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

    fn number(&self) -> Result<u64, BadEvent> {
        let number = self.value.as_u64().filter(|number| 0 < *number);
        number.ok_or_else(|| self.wrong("the number of a pull request"))
    }

    fn text(&self) -> Result<&'json str, BadEvent> {
        self.value.as_str().ok_or_else(|| self.wrong("a text"))
    }

    fn truth(&self) -> Result<bool, BadEvent> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    fn oid(&self) -> Result<Oid, BadEvent> {
        self.value.as_str().and_then(Oid::from_hex).ok_or_else(|| self.wrong("the id of a commit"))
    }

    fn full_ref(&self) -> Result<String, BadEvent> {
        let name = self.value.as_str().filter(|name| name.starts_with("refs/"));
        name.map(str::to_owned).ok_or_else(|| self.wrong("the full name of a ref"))
    }

    fn repo(&self) -> Result<RepoName, BadEvent> {
        let name = self.get("repository")?.get("full_name")?;
        name.value.as_str().and_then(RepoName::read).ok_or_else(|| name.wrong("`OWNER/REPO`"))
    }
}

#[cfg(test)]
mod tests;
