//! Break-glass sessions: what a request has to do with the sessions before it, and what its record changes.
//!
//! A session is owed to be closed in time. A request to open one for an incident that has an open session
//! extends that, and takes another person than the last request did; everything that is opened for one
//! incident ends within a day. Pure: time is a value, and it is that of the server.

use jiff::{SignedDuration, Timestamp};

use crate::change::Text;
use crate::gate::break_glass::{AuthorisedRequest, ParsedRequest, REQUEST_REF_PREFIX};
use crate::ledger::record::{
    BreakGlassEvent, DecisionRecord, ObligationEvidence, RecordedContributor, RecordedMessage,
    RecordedPusher, SessionActor, SessionClosure, SessionOpening,
};
use crate::ledger::state::status::{is_overdue, seconds_late};
use crate::ledger::state::{
    BreakGlassSession, LedgerState, ObligationClosure, ObligationOwner, TrackedObligation, encode_ref_key,
};
use crate::policy::break_glass::MAX_SESSION_MINUTES;
use crate::verdict::{Finding, Fixer, Message, RuleId, messages};

messages! {
    CLOSE_SESSION = "break-glass.close": "to close a break-glass session";
    CLOSE_COMMAND = "break-glass.close-command": "changegate breakglass close {session}";
    NO_SUCH_SESSION = "break-glass.not-open": "there is no open break-glass session `{session}`";
    NOT_ITS_OPENER = "break-glass.not-its-opener": "only the person who opened a session, or a member of a team that may open one, can close it";
    ID_TAKEN = "break-glass.id-taken": "a session with this id exists; open one with another id";
    OTHER_SESSION_OPEN = "break-glass.other-open": "the pusher has an open session `{session}`; close it first";
    SESSION_OVERDUE = "break-glass.overdue": "session `{session}` is overdue; close it first";
    SAME_PERSON = "break-glass.same-person": "session `{session}` is for the same incident; another person has to open the next one";
    DAY_EXCEEDED = "break-glass.day-exceeded": "all sessions for one incident end within 24 hours, by {end}; `{session}` was for the same incident";
}

/// The id of the rule that a session is closed in time.
pub(crate) const BREAK_GLASS_RULE: &str = "break-glass-closed";

/// A request to open or close a session, with its time and its account.
#[derive(Clone, Debug)]
pub struct SessionRequest {
    /// What the policy accepts.
    pub request: AuthorisedRequest,
    /// The account that requests it.
    pub actor: SessionActor,
    /// When it was requested, by the clock of the server.
    pub requested_at: Timestamp,
}

impl SessionRequest {
    /// Returns the request that a decision allows; `None` if the decision is about no session.
    pub(crate) fn from_decision(decision: &DecisionRecord) -> Option<SessionRequest> {
        let request = decision.refs.iter().find_map(|one| one.break_glass.as_ref())?;
        let RecordedPusher::Account(account) = &decision.pusher else { return None };
        let actor = SessionActor {
            account: account.clone(),
            decision: Some(decision.id.clone()),
            person: Some(request.by.clone()),
        };
        Some(SessionRequest { request: request.into(), actor, requested_at: decision.observed_at })
    }
}

/// Returns the id in the state of the obligation to close a session.
pub fn session_key(session: &str) -> String {
    format!("break-glass/{session}")
}

/// Returns the sessions in a state, each with its obligation.
pub(crate) fn list_sessions(
    state: &LedgerState,
) -> impl Iterator<Item = (&BreakGlassSession, &TrackedObligation)> {
    state.obligations.values().filter_map(|owed| Some((owed.session.as_ref()?, owed)))
}

/// Returns the obligation to close a session; `None` if the session is not open.
fn find_open_session<'a>(state: &'a LedgerState, session: &str) -> Option<&'a TrackedObligation> {
    state.obligations.get(&session_key(session)).filter(|owed| owed.closed.is_none())
}

/// Checks whether a request can be granted in this state.
///
/// # Errors
///
/// Says why not, and who can fix it.
pub fn check_session_request(state: &LedgerState, asked: &SessionRequest) -> Result<(), Box<Finding>> {
    match &asked.request.asks {
        ParsedRequest::Close { session, .. } => {
            let Some(owed) = find_open_session(state, session) else {
                return Err(deny_request(NO_SUCH_SESSION.with("session", session.as_str())));
            };
            let by = &asked.request.by;
            let has_opened = by.key.is_some() && owed.contributors.iter().any(|one| one.key == by.key);
            if asked.request.is_in_team || has_opened { Ok(()) } else { Err(deny_request(&NOT_ITS_OPENER)) }
        }
        ParsedRequest::Open { incident, until, .. } => check_opening(state, asked, incident, *until),
    }
}

/// Checks a request to open a session against every session that is known.
fn check_opening(
    state: &LedgerState,
    asked: &SessionRequest,
    incident: &Text,
    until: Timestamp,
) -> Result<(), Box<Finding>> {
    if list_sessions(state).any(|(session, _)| session.id == asked.request.id) {
        return Err(deny_request(&ID_TAKEN));
    }
    let by = &asked.request.by;
    for (session, owed) in list_sessions(state) {
        let id = session.id.as_str();
        let is_open = owed.closed.is_none();
        let is_mine = owed.contributors.last().is_none_or(|last| last.may_be_same(by));
        if !is_same_incident(&session.incident, incident) {
            let is_known = by.key.is_some() && owed.contributors_known;
            if is_open && is_mine && is_known {
                return Err(deny_request(OTHER_SESSION_OPEN.with("session", id)));
            }
            continue;
        }
        let Some(end) = latest_session_end(owed.since) else { continue };
        // A session of long ago is another incident of the same name.
        if !is_open && asked.requested_at >= end {
            continue;
        }
        if is_open && is_overdue(owed, asked.requested_at) {
            return Err(deny_request(SESSION_OVERDUE.with("session", id)));
        }
        if is_mine {
            return Err(deny_request(SAME_PERSON.with("session", id)));
        }
        if end < until {
            let end = end.strftime("%F %R UTC").to_string();
            return Err(deny_request(DAY_EXCEEDED.with("end", end).with("session", id)));
        }
    }
    Ok(())
}

/// Returns the record of a request that was granted, in the state before it.
///
/// # Errors
///
/// Says why there is nothing to record: another request was faster.
pub(crate) fn build_session_event(
    state: &LedgerState,
    asked: &SessionRequest,
) -> Result<BreakGlassEvent, String> {
    let request_id = asked.request.id.clone();
    let by = asked.actor.clone();
    match &asked.request.asks {
        ParsedRequest::Open { incident, reason, until } => Ok(BreakGlassEvent::Opened(SessionOpening {
            session: find_extended_session(state, asked, incident).unwrap_or_else(|| request_id.clone()),
            request_id,
            by,
            incident: incident.clone(),
            reason: reason.clone(),
            opened_at: asked.requested_at,
            until: *until,
        })),
        ParsedRequest::Close { session, note } => {
            let Some(owed) = find_open_session(state, session) else {
                return Err(format!("session {session} is closed already"));
            };
            let closed_at = asked.requested_at.max(owed.since);
            let late_by = seconds_late(owed.due, closed_at);
            let session = session.clone();
            let note = note.clone();
            Ok(BreakGlassEvent::Closed(SessionClosure { session, request_id, by, note, closed_at, late_by }))
        }
    }
}

/// Returns the id of the session that a request to open one extends.
fn find_extended_session(state: &LedgerState, asked: &SessionRequest, incident: &Text) -> Option<String> {
    for (session, owed) in list_sessions(state) {
        let goes_on = owed.closed.is_none() && !is_overdue(owed, asked.requested_at);
        if goes_on && is_same_incident(&session.incident, incident) {
            return Some(session.id.clone());
        }
    }
    None
}

/// Adds a granted request to a state before there is a record of it.
pub(crate) fn apply_session_request(state: &mut LedgerState, asked: &SessionRequest) {
    if let Ok(event) = build_session_event(state, asked) {
        apply_session_event(state, &event);
    }
}

/// Takes a record into a state.
pub(crate) fn apply_session_event(state: &mut LedgerState, event: &BreakGlassEvent) {
    let request_ref = Text::from(format!("{REQUEST_REF_PREFIX}{}", event.request_id()));
    // The ref is removed as soon as the record is there.
    state.tips.remove(&encode_ref_key(&request_ref));
    match event {
        BreakGlassEvent::Opened(opened) => apply_opening(state, opened, request_ref),
        BreakGlassEvent::Closed(closed) => {
            let Some(owed) = state.obligations.get_mut(&session_key(&closed.session)) else { return };
            if owed.closed.is_none() {
                let at = closed.closed_at.max(owed.since);
                let by = ObligationEvidence::Session { by: closed.by.account.clone() };
                owed.closed = Some(ObligationClosure { at, by, late_by: seconds_late(owed.due, at) });
            }
            state.forget_closed();
        }
    }
}

/// Adds the obligation to close a session, or extends the one that is there.
fn apply_opening(state: &mut LedgerState, opened: &SessionOpening, request_ref: Text) {
    let session = BreakGlassSession {
        id: opened.session.clone(),
        incident: opened.incident.clone(),
        reason: opened.reason.clone(),
    };
    // A user on the server may be any person.
    let unidentified = RecordedContributor { account: None, key: None, name: String::new(), number: None };
    let person = opened.by.person.clone().unwrap_or(unidentified);
    let account = opened.by.account.clone();
    let owner = ObligationOwner::Account { account, is_claimed: opened.by.decision.is_none() };
    let key = session_key(&opened.session);
    if let Some(owed) = state.obligations.get_mut(&key)
        && owed.closed.is_none()
    {
        owed.due = owed.due.max(Some(opened.until));
        owed.contributors_known &= person.key.is_some();
        owed.contributors.push(person);
        owed.owner = owner;
        owed.session = Some(session);
        owed.notice = None;
        return;
    }
    let owed = TrackedObligation {
        by_others: false,
        change: None,
        closed: None,
        contributors_known: person.key.is_some(),
        contributors: vec![person],
        decision: opened.by.decision.clone().unwrap_or_default(),
        due: Some(opened.until),
        evidence: RecordedMessage::from(&CLOSE_COMMAND.with("session", opened.session.as_str())),
        field: None,
        notice: None,
        owner,
        pull: None,
        ref_name: request_ref,
        rule: RuleId::new(BREAK_GLASS_RULE),
        shares_digits: false,
        session: Some(session),
        since: opened.opened_at,
        unauthorised_change: None,
        what: RecordedMessage::from(&CLOSE_SESSION),
    };
    state.obligations.insert(key, owed);
}

/// Returns what is wrong with a record of the time `at`, compared with the state before it and with what
/// was decided, if a push requested it and the decision is known.
pub(crate) fn find_session_problem(
    state: &LedgerState,
    event: &BreakGlassEvent,
    asked: Option<&SessionRequest>,
    at: Timestamp,
) -> Option<String> {
    // A request that was pushed has a decision to compare with; one from the server's command line has
    // none, so the rules are checked.
    if event.actor().decision.is_some() {
        let Some(asked) = asked else {
            return Some("no decision allows this break-glass session".into());
        };
        return match build_session_event(state, asked) {
            Ok(expected) if expected == *event => None,
            Ok(_) => Some("its break-glass session is not as it was decided".into()),
            Err(why) => Some(why),
        };
    }
    match event {
        BreakGlassEvent::Opened(opened) => {
            let known = state.obligations.get(&session_key(&opened.session));
            let is_new = opened.session == opened.request_id && known.is_none();
            let since = known.map_or(opened.opened_at, |owed| owed.since);
            let is_in_limit = latest_session_end(since).is_some_and(|end| opened.until <= end);
            let is_open = known.is_some_and(|owed| owed.closed.is_none());
            let is_then = opened.opened_at == at && at <= opened.until;
            if is_new == is_open || !is_in_limit || !is_then {
                return Some("its break-glass session cannot be opened like that".into());
            }
        }
        BreakGlassEvent::Closed(closed) => {
            let is_as_recorded = find_open_session(state, &closed.session).is_some_and(|owed| {
                closed.closed_at == at.max(owed.since)
                    && seconds_late(owed.due, closed.closed_at) == closed.late_by
            });
            if !is_as_recorded {
                return Some("its break-glass session was not open, or is not closed like that".into());
            }
        }
    }
    None
}

/// Returns the last instant of all that is opened for an incident whose first session began at `since`.
fn latest_session_end(since: Timestamp) -> Option<Timestamp> {
    since.checked_add(SignedDuration::from_mins(i64::from(MAX_SESSION_MINUTES))).ok()
}

fn is_same_incident(one: &Text, other: &Text) -> bool {
    one.as_bytes().eq_ignore_ascii_case(other.as_bytes())
}

fn deny_request(message: impl Into<Message>) -> Box<Finding> {
    Box::new(Finding::new(message).fixed_by(Fixer::Pusher))
}
