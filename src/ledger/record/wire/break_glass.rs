//! The wire form of break-glass sessions: requests as a decision holds them, and what became of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::Text;
use crate::ledger::record::wire::obligation::RecordedContributor;

/// A request to open or close a session, which the policy accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedRequest {
    /// The id in the name of the ref; the session's id if one is opened.
    pub id: String,
    /// The person who requests it.
    pub by: RecordedContributor,
    /// True if they belong to a team that the policy names.
    pub is_in_team: bool,
    /// Whether a session is opened or closed, with what that takes.
    pub action: RequestedAction,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RequestedAction {
    /// To open a session, or to extend one for the same incident.
    Open {
        /// The name of the incident.
        incident: Text,
        /// The reason why it cannot wait.
        reason: Text,
        /// The last instant at which closing it is in time.
        until: Timestamp,
    },
    /// To close a session.
    Close {
        /// The id of the session.
        session: String,
        /// What the person who closes it says about its end.
        note: Option<Text>,
    },
}

/// A session is opened, extended or closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum BreakGlassEvent {
    /// A session begins, or gets a later end.
    Opened(SessionOpening),
    /// A session ends, in time or late.
    Closed(SessionClosure),
}

/// A session is opened, or extended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SessionOpening {
    /// The id of the session.
    pub session: String,
    /// The id of the request; another one than the session's where it is extended.
    pub request_id: String,
    /// The account that opens it.
    pub by: SessionActor,
    /// The name of the incident.
    pub incident: Text,
    /// The reason why it cannot wait.
    pub reason: Text,
    /// When it was requested, by the clock of the server.
    pub opened_at: Timestamp,
    /// The last instant at which closing it is in time.
    pub until: Timestamp,
}

/// A session is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SessionClosure {
    /// The id of the session.
    pub session: String,
    /// The id of the request to close it.
    pub request_id: String,
    /// The account that closes it.
    pub by: SessionActor,
    /// What the person who closed it said about its end.
    pub note: Option<Text>,
    /// When it was requested, by the clock of the server; never before it was opened.
    pub closed_at: Timestamp,
    /// How many seconds too late that is; `None` for in time.
    pub late_by: Option<u64>,
}

/// The account that opens or closes a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SessionActor {
    /// The name of the account: of the pusher, or of a user on the server.
    pub account: Text,
    /// The decision that allowed the push; `None` for a user on the server, whose account is a claim.
    pub decision: Option<String>,
    /// The person behind it, as the policy knows them; `None` for a user on the server.
    pub person: Option<RecordedContributor>,
}

impl BreakGlassEvent {
    /// Returns the id of the request.
    pub fn request_id(&self) -> &str {
        match self {
            BreakGlassEvent::Opened(opened) => &opened.request_id,
            BreakGlassEvent::Closed(closed) => &closed.request_id,
        }
    }

    /// Returns the account that made the request.
    pub fn actor(&self) -> &SessionActor {
        match self {
            BreakGlassEvent::Opened(opened) => &opened.by,
            BreakGlassEvent::Closed(closed) => &closed.by,
        }
    }
}
