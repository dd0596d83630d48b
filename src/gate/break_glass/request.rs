//! The request for a break-glass session: what its commit says, in one form down to the byte.

use crate::calendar::TimeLimit;
use crate::change::{Change, Commit, CommitMessage, Commits, FactKind, Missing, Stage, Text};
use crate::people::contributors::Contributor;
use crate::policy::{self, Policy, break_glass::parse_session_minutes};
use crate::verdict::{Finding, Fixer, Message, MessageValue, messages};
use crate::vocabulary::{ConflictResolution, FieldDefinition, FieldKind, FieldReading};
use jiff::{SignedDuration, Timestamp};

messages! {
    WRONG_FORM = "break-glass.wrong-form":
        "the message is not in the form that `changegate breakglass` writes";
    INVALID_SESSION = "break-glass.invalid-session":
        "`Session` is not the id of a session";
    CONTROL_CHARACTERS = "break-glass.control-characters":
        "`Note` contains control characters";
    INCIDENT_TOO_LONG = "break-glass.incident-too-long":
        "`Incident` is longer than {limit} bytes";
    INVALID_LIMIT = "break-glass.invalid-limit":
        "`Session-Limit` {limit} is not valid: {detail}";
    LIMIT_NOT_UTF8 = "break-glass.limit-not-utf8": "it is not UTF-8";
    LIMIT_TOO_LONG = "break-glass.limit-too-long":
        "`Session-Limit` is too long: the policy allows at most {limit}";
    LIMIT_OUT_OF_RANGE = "break-glass.limit-out-of-range":
        "`Session-Limit` ends after the last date of the calendar";
    FIELD_ABSENT = "break-glass.field-absent":
        "`{field}` is missing";
    NO_TEAMS = "break-glass.no-teams":
        "the policy names no team that can open a break-glass session";
}

/// The namespace that requests are pushed to; an id follows.
pub const REQUEST_REF_PREFIX: &str = "refs/changegate/break-glass/";

/// How many digits the id of a session has.
pub const SESSION_ID_DIGITS: usize = 12;

/// The most bytes that the name of an incident can have.
pub(crate) const MAX_INCIDENT_BYTES: usize = 200;

/// The fewest letters and digits of a reason, where the policy has no field for it.
const MIN_REASON_CHARACTERS: u64 = 20;

/// The trailer that says whether a session is opened or closed.
const BREAK_GLASS_TRAILER: &str = "Break-Glass";

/// A request as its message states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakGlassRequest {
    /// The request to open a session.
    Open {
        /// The name of the incident, such as its ticket.
        incident: Text,
        /// The reason why it cannot wait.
        reason: Text,
        /// For how long the session is open, as in `4h`.
        limit: Text,
    },
    /// The request to close a session.
    Close {
        /// The id of the session.
        session: Text,
        /// A remark about the session, if there is one.
        note: Option<Text>,
    },
}

/// A request that the policy accepts, of a person whom the server knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorisedRequest {
    /// The id in the name of the ref; that of the session, if one is opened.
    pub id: String,
    /// The person who requests it.
    pub by: Contributor,
    /// True if they belong to a team that the policy names.
    pub is_in_team: bool,
    /// The request as the policy reads it.
    pub asks: ParsedRequest,
}

/// A request in the form that the policy accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParsedRequest {
    /// The request to open a session.
    Open {
        /// The name of the incident, such as its ticket.
        incident: Text,
        /// The reason why it cannot wait.
        reason: Text,
        /// The last instant at which closing the session is in time.
        until: Timestamp,
    },
    /// The request to close a session.
    Close {
        /// The id of the session.
        session: String,
        /// A remark about the session, if there is one.
        note: Option<Text>,
    },
}

impl BreakGlassRequest {
    /// Returns the message of this request; no other message states it.
    pub fn format_message(&self) -> Vec<u8> {
        match self {
            BreakGlassRequest::Open { incident, reason, limit } => [
                b"Open a break-glass session for ",
                incident.as_bytes(),
                b"\n\nBreak-Glass: open\nIncident: ",
                incident.as_bytes(),
                b"\nEmergency-Reason: ",
                reason.as_bytes(),
                b"\nSession-Limit: ",
                limit.as_bytes(),
                b"\n",
            ]
            .concat(),
            BreakGlassRequest::Close { session, note } => {
                let mut message = [
                    b"Close the break-glass session ",
                    session.as_bytes(),
                    b"\n\nBreak-Glass: close\nSession: ",
                    session.as_bytes(),
                    b"\n",
                ]
                .concat();
                if let Some(note) = note {
                    message.extend([b"Note: ", note.as_bytes(), b"\n"].concat());
                }
                message
            }
        }
    }

    /// Reads a message; `None` if it does not have the one form.
    pub fn parse_message(message: &CommitMessage) -> Option<BreakGlassRequest> {
        let request = match find_value(message, BREAK_GLASS_TRAILER)?.as_bytes() {
            b"open" => BreakGlassRequest::Open {
                incident: find_value(message, "Incident")?,
                reason: find_value(message, policy::EMERGENCY_REASON_FIELD)?,
                limit: find_value(message, "Session-Limit")?,
            },
            b"close" => BreakGlassRequest::Close {
                session: find_value(message, "Session")?,
                note: find_value(message, "Note"),
            },
            _ => return None,
        };
        if request.format_message() != message.raw().as_bytes() {
            return None;
        }
        Some(request)
    }
}

/// Returns the value of the first trailer of this key, unless it is empty.
fn find_value(message: &CommitMessage, key: &str) -> Option<Text> {
    let trailer = message.trailers().iter().find(|trailer| trailer.key == key)?;
    if trailer.value.as_bytes().is_empty() {
        return None;
    }
    Some(trailer.value.clone())
}

/// Returns true if a ref is in the namespace of requests, whatever the rest of its name is.
pub fn is_request_ref(name: &Text) -> bool {
    name.as_bytes().starts_with(REQUEST_REF_PREFIX.as_bytes())
}

/// Returns the id in the name of a ref that requests are pushed to.
pub(crate) fn find_session_id(name: &Text) -> Option<&str> {
    name.as_utf8()?.strip_prefix(REQUEST_REF_PREFIX).filter(|id| is_session_id(id))
}

/// Returns true if `id` has the form of a session's id.
pub fn is_session_id(id: &str) -> bool {
    id.len() == SESSION_ID_DIGITS && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns the request that a commit states.
///
/// # Errors
///
/// Returns every finding that refuses it.
pub fn parse_request(policy: &Policy, commit: Commit, now: Timestamp) -> Result<ParsedRequest, Vec<Finding>> {
    match BreakGlassRequest::parse_message(&commit.message) {
        None => Err(vec![*pusher_finding(&WRONG_FORM)]),
        Some(BreakGlassRequest::Close { session, note }) => {
            let id = session.as_utf8().filter(|id| is_session_id(id));
            let mut findings = Vec::new();
            if id.is_none() {
                findings.push(*pusher_finding(&INVALID_SESSION));
            }
            if note.as_ref().is_some_and(has_control_characters) {
                findings.push(*pusher_finding(&CONTROL_CHARACTERS));
            }
            match id {
                Some(id) if findings.is_empty() => Ok(ParsedRequest::Close { session: id.to_owned(), note }),
                _ => Err(findings),
            }
        }
        Some(BreakGlassRequest::Open { incident, reason, limit }) => {
            // One answer names everything that has to be written anew.
            let mut findings = check_stated_field(policy, "Incident", 1, (&commit, now));
            findings.extend(check_stated_field(
                policy,
                policy::EMERGENCY_REASON_FIELD,
                MIN_REASON_CHARACTERS,
                (&commit, now),
            ));
            if incident.as_bytes().len() > MAX_INCIDENT_BYTES {
                findings.push(*pusher_finding(INCIDENT_TOO_LONG.with("limit", MAX_INCIDENT_BYTES)));
            }
            match find_session_end(policy, &limit, now) {
                Ok(until) if findings.is_empty() => Ok(ParsedRequest::Open { incident, reason, until }),
                Ok(_) => Err(findings),
                Err(finding) => {
                    findings.push(*finding);
                    Err(findings)
                }
            }
        }
    }
}

/// Returns the end of a session that is opened now with this limit.
fn find_session_end(policy: &Policy, limit: &Text, now: Timestamp) -> Result<Timestamp, Box<Finding>> {
    let Some(asked) = &policy.break_glass else { return Err(no_teams_finding()) };
    let minutes = match limit.as_utf8().map(parse_session_minutes) {
        Some(Ok(minutes)) => minutes,
        Some(Err(why)) => {
            let message = INVALID_LIMIT.with("limit", limit);
            return Err(pusher_finding(message.with("detail", MessageValue::unrecorded(why))));
        }
        None => {
            let message = INVALID_LIMIT.with("limit", limit).with("detail", &LIMIT_NOT_UTF8);
            return Err(pusher_finding(message));
        }
    };
    if minutes > asked.max_minutes {
        let longest = TimeLimit::Minutes(asked.max_minutes);
        return Err(pusher_finding(LIMIT_TOO_LONG.with("limit", longest)));
    }
    let until = now.checked_add(SignedDuration::from_mins(i64::from(minutes)));
    until.map_err(|_| pusher_finding(&LIMIT_OUT_OF_RANGE))
}

/// Returns why the message of a commit, seen at some time, does not state a field as the policy wants it, or
/// with at least `min_length` letters where the policy has no such field; nothing if it does.
pub(crate) fn check_stated_field(
    policy: &Policy,
    name: &str,
    min_length: u64,
    (commit, now): (&Commit, Timestamp),
) -> Vec<Finding> {
    let target = Err(Missing::NotAtThisStage(FactKind::Target));
    let pusher = Err(Missing::NotAtThisStage(FactKind::Pusher));
    let commits = Commits::from(commit.clone());
    let change = Change::from_repository(Stage::PreReceive, target, pusher, now, commits);
    let usual = FieldDefinition {
        name: name.into(),
        aliases: Vec::new(),
        kind: FieldKind::Text { min_length, refused_phrases: Vec::new() },
        is_repeatable: false,
        on_conflict: ConflictResolution::Refuse,
        stated_by_bots: Vec::new(),
        surroundings: std::sync::Arc::default(),
        levels: Default::default(),
    };
    let field = match policy.vocabulary.find_field(name) {
        Some(field) => field.as_ref(),
        None => &usual,
    };
    match field.read_from_change(&change) {
        FieldReading::Stated { .. } => Vec::new(),
        FieldReading::Absent | FieldReading::Unknown(_) => {
            vec![*pusher_finding(FIELD_ABSENT.with("field", name))]
        }
        FieldReading::Invalid(findings) => {
            findings.into_iter().map(|finding| *pusher_finding(finding.message)).collect()
        }
    }
}

fn has_control_characters(text: &Text) -> bool {
    text.as_bytes().iter().any(u8::is_ascii_control)
}

/// Returns the finding that the policy lets no team open a session.
pub(super) fn no_teams_finding() -> Box<Finding> {
    let finding = Finding::new(Message::from(&NO_TEAMS)).fixed_by(Fixer::PolicyOwner);
    Box::new(finding.with_paste("break-glass: { from: [<team>] }"))
}

/// Returns a finding that the pusher can fix.
pub(crate) fn pusher_finding(message: impl Into<Message>) -> Box<Finding> {
    Box::new(Finding::new(message).fixed_by(Fixer::Pusher))
}
