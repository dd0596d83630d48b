//! The events of GitHub Actions, and what each asks to judge.
//!
//! The subject is a function of the event's name and of the file that describes it. The file is a
//! snapshot, and nothing in it is judged: it only names the pull request, merge group or push to ask
//! GitHub about, and the revision for which the run was started. What is needed has to be there, with the
//! right type; everything else is ignored, so that a new version of GitHub breaks nothing.
//!
//! An event on a closed pull request is judged like any other: a run that succeeds without judging
//! would leave a green check on a revision that can be reopened.

use serde_json::Value;

use crate::change::Oid;
use crate::github::api::names::RepositoryName;
use crate::yaml::shorten_for_message;

/// The largest event that is read; GitHub's own limit is 25 MB.
pub(crate) const MAX_EVENT_BYTES: usize = 32 << 20;

/// How many pull requests an event may name for its commit.
const MAX_HINTS: usize = 100;

/// The subject of an event, which is to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSubject {
    /// One pull request, to be judged alone.
    PullRequest {
        /// The repository that it is for.
        repo: RepositoryName,
        /// The number of the pull request.
        number: u64,
        /// Its final revision when the event happened; `None` if the event does not say.
        expected_head: Option<Oid>,
    },
    /// The commits that a merge queue is about to merge.
    MergeGroup {
        /// The repository of the event.
        repo: RepositoryName,
        /// The full name of the branch that it is for.
        base_ref: String,
        /// The tip of that branch when the group was made.
        base_tip: Oid,
        /// The commit that the group ends with.
        group_head: Oid,
    },
    /// A push that has happened.
    Push {
        /// The repository of the event.
        repo: RepositoryName,
        /// The full name of the ref.
        ref_name: String,
        /// Where it pointed; all zeroes if it did not exist.
        before: Oid,
        /// Where it points; all zeroes if it was deleted.
        after: Oid,
        /// True if GitHub says that its history was rewritten.
        forced: bool,
    },
    /// Every open pull request that ends at a commit.
    PullRequestsAt {
        /// The repository of the event.
        repo: RepositoryName,
        /// The commit.
        head: Oid,
        /// The pull requests that the event names, which are to be asked about as well; none are believed.
        hints: Vec<u64>,
    },
    /// Every open pull request of the repository.
    OpenPullRequests {
        /// The repository of the event.
        repo: RepositoryName,
    },
}

impl EventSubject {
    /// Returns the repository that the event is about.
    pub(crate) fn repository(&self) -> &RepositoryName {
        match self {
            EventSubject::PullRequest { repo, .. }
            | EventSubject::PullRequestsAt { repo, .. }
            | EventSubject::MergeGroup { repo, .. }
            | EventSubject::Push { repo, .. }
            | EventSubject::OpenPullRequests { repo } => repo,
        }
    }
}

/// The names of the events that can be judged, for messages.
const SUPPORTED_EVENTS: &str = "pull_request, pull_request_target, pull_request_review, pull_request_review_comment, \
                          workflow_run, check_suite, check_run, status, repository_dispatch, \
                          pull_request_review_thread, merge_group, push, issue_comment, schedule, workflow_dispatch";

/// Reads the event called `name`, described by `json`; `default` is the repository of the run, for events that
/// name none.
///
/// # Errors
///
/// Names the part of the event that is missing or has the wrong type, or says that no such event can be
/// judged.
pub(crate) fn parse_event(
    name: &str,
    json: &[u8],
    default: Option<&RepositoryName>,
) -> Result<EventSubject, String> {
    if json.len() > MAX_EVENT_BYTES {
        return Err(format!("the event has {} bytes; at most {MAX_EVENT_BYTES} are read", json.len()));
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
                return Err("the comment is on an issue; only pull requests are judged".into());
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
            match value.pointer("/inputs/pull-request") {
                None => Ok(EventSubject::OpenPullRequests { repo }),
                Some(Value::String(text)) if text.is_empty() => Ok(EventSubject::OpenPullRequests { repo }),
                Some(_) => {
                    let text = event.read_member("inputs")?.read_member("pull-request")?.read_text()?;
                    match text.parse() {
                        Ok(number) if number > 0 => {
                            Ok(EventSubject::PullRequest { repo, number, expected_head: None })
                        }
                        _ => Err("`inputs.pull-request` is not the number of a pull request".into()),
                    }
                }
            }
        }
        // What these tell of pull requests is empty for one from a fork; the commit is always there.
        "workflow_run" | "check_suite" | "check_run" => {
            let subject = event.read_member(name)?;
            let head = subject.read_member("head_sha")?.read_oid()?;
            let repo = event.read_repository()?;
            let hints = subject.read_hints(head, &repo, value.pointer("/repository/id"))?;
            Ok(EventSubject::PullRequestsAt { repo, head, hints })
        }
        "status" => {
            let head = event.read_member("sha")?.read_oid()?;
            Ok(EventSubject::PullRequestsAt { repo: event.read_repository()?, head, hints: Vec::new() })
        }
        "repository_dispatch" => event.read_dispatch(),
        // The file of a schedule contains little more than the schedule itself.
        "schedule" => match (value.get("repository"), default) {
            (None | Some(Value::Null), Some(repo)) => {
                Ok(EventSubject::OpenPullRequests { repo: repo.clone() })
            }
            _ => Ok(EventSubject::OpenPullRequests { repo: event.read_repository()? }),
        },
        other => Err(format!(
            "the event `{}` cannot be judged; supported events are {SUPPORTED_EVENTS}",
            shorten_for_message(other)
        )),
    }
}

/// A part of the event, with its path.
struct EventValue<'json> {
    value: &'json Value,
    path: String,
}

impl<'json> EventValue<'json> {
    fn read_member(&self, key: &str) -> Result<EventValue<'json>, String> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        if !self.value.is_object() {
            return Err(self.wrong_type_error("an object"));
        }
        match self.value.get(key) {
            None => Err(format!("the event has no `{path}`")),
            Some(value) => Ok(EventValue { value, path }),
        }
    }

    fn wrong_type_error(&self, wanted: &str) -> String {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        format!("`{}` of the event is {found}; it must be {wanted}", self.path)
    }

    fn read_number(&self) -> Result<u64, String> {
        match self.value.as_u64() {
            Some(number) if number > 0 => Ok(number),
            _ => Err(self.wrong_type_error("the number of a pull request")),
        }
    }

    fn read_text(&self) -> Result<&'json str, String> {
        self.value.as_str().ok_or_else(|| self.wrong_type_error("a text"))
    }

    fn read_bool(&self) -> Result<bool, String> {
        self.value.as_bool().ok_or_else(|| self.wrong_type_error("true or false"))
    }

    /// Reads which pull requests of `repo` the event names for its commit. Those of other repositories and of other
    /// commits are left out: no check on the commit here stands for them.
    fn read_hints(
        &self,
        head: Oid,
        repo: &RepositoryName,
        repository_id: Option<&Value>,
    ) -> Result<Vec<u64>, String> {
        let mut hints = Vec::new();
        let named = match self.value.get("pull_requests") {
            None | Some(Value::Null) => return Ok(hints),
            Some(named) => EventValue { value: named, path: format!("{}.pull_requests", self.path) },
        };
        let Value::Array(pulls) = named.value else { return Err(named.wrong_type_error("a list")) };
        for (index, value) in pulls.iter().enumerate() {
            let pull = EventValue { value, path: format!("{}[{index}]", named.path) };
            if pull.is_of_other_repository(repo, repository_id) {
                continue;
            }
            let number = pull.read_member("number")?.read_number()?;
            let head_of_pull = pull.read_member("head")?.read_member("sha")?.read_oid()?;
            if head_of_pull == head && !hints.contains(&number) {
                hints.push(number);
            }
        }
        if hints.len() > MAX_HINTS {
            return Err(format!(
                "`{}` of the event names {} pull requests for one commit; at most {MAX_HINTS} are judged",
                named.path,
                hints.len()
            ));
        }
        Ok(hints)
    }

    /// Returns whether the event says that a pull request is for another repository than `repo`, which has this id.
    fn is_of_other_repository(&self, repo: &RepositoryName, repository_id: Option<&Value>) -> bool {
        let id = self.value.pointer("/base/repo/id").and_then(Value::as_u64);
        if let (Some(id), Some(known)) = (id, repository_id.and_then(Value::as_u64)) {
            return id != known;
        }
        let url = self.value.pointer("/base/repo/url").and_then(Value::as_str);
        let Some((_, name)) = url.and_then(|url| url.rsplit_once("/repos/")) else { return false };
        !name.eq_ignore_ascii_case(&repo.to_string())
    }

    fn read_oid(&self) -> Result<Oid, String> {
        let id = self.value.as_str().and_then(Oid::from_hex);
        id.ok_or_else(|| self.wrong_type_error("the id of a commit"))
    }

    fn read_ref_name(&self) -> Result<String, String> {
        match self.value.as_str() {
            Some(name) if name.starts_with("refs/") => Ok(name.to_owned()),
            _ => Err(self.wrong_type_error("the full name of a ref")),
        }
    }

    /// Reads what a program asked for: a pull request by its number, all that end at a commit, or all.
    fn read_dispatch(&self) -> Result<EventSubject, String> {
        let repo = self.read_repository()?;
        // GitHub gives `null` where the program sent nothing along.
        let Some(Value::Object(sent)) = self.value.get("client_payload") else {
            return Ok(EventSubject::OpenPullRequests { repo });
        };
        let payload = self.read_member("client_payload")?;
        if sent.contains_key("pull-request") {
            let member = payload.read_member("pull-request")?;
            let number = match member.value.as_str() {
                Some(text) => text.parse().ok().filter(|number| *number > 0),
                None => member.value.as_u64().filter(|number| *number > 0),
            };
            let number = number.ok_or_else(|| member.wrong_type_error("the number of a pull request"))?;
            return Ok(EventSubject::PullRequest { repo, number, expected_head: None });
        }
        if sent.contains_key("head-sha") {
            let head = payload.read_member("head-sha")?.read_oid()?;
            return Ok(EventSubject::PullRequestsAt { repo, head, hints: Vec::new() });
        }
        Ok(EventSubject::OpenPullRequests { repo })
    }

    fn read_repository(&self) -> Result<RepositoryName, String> {
        let name = self.read_member("repository")?.read_member("full_name")?;
        name.value
            .as_str()
            .and_then(RepositoryName::parse_name)
            .ok_or_else(|| name.wrong_type_error("`OWNER/REPO`"))
    }
}

#[cfg(test)]
mod tests;
