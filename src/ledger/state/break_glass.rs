//! Break-glass sessions: what one has to do with those before it, and what follows from its records.
//!
//! A session is owed to be closed in time. Whoever opens one for an incident for which another is open
//! extends that, and takes somebody else than the last who did; all that is opened for one incident
//! ends within a day. Pure: time is a value, and it is that of the server.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::change::{PusherIdentity, Text};
use crate::gate::break_glass::{AuthorisedRequest, ParsedRequest, REQUEST_REF_PREFIX};
use crate::ledger::record::{DecisionRecord, ObligationEvidence};
use crate::ledger::state::obligation::{is_overdue, seconds_late};
use crate::ledger::state::{LedgerState, ObligationClosure, TrackedObligation};
use crate::people::contributors::Contributor;
use crate::policy::break_glass::MAX_SESSION_MINUTES;
use crate::verdict::{Finding, Sentence};

/// The rule that a session is closed in time.
pub const BREAK_GLASS_RULE: &str = "break-glass-closed";

/// A session is opened, extended or closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum BreakGlassEvent {
    /// It is opened, or extended.
    Opened(SessionOpening),
    /// It is closed.
    Closed(SessionClosure),
}

/// A session is opened, or extended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SessionOpening {
    /// Its id.
    pub session: String,
    /// The id under which this was asked for; another one than the session's where it is extended.
    pub asked_as: String,
    /// Who opens it.
    pub by: SessionActor,
    /// What is on fire.
    pub incident: Text,
    /// Why it cannot wait.
    pub reason: Text,
    /// When it was asked for, by the clock of the server.
    pub opened_at: Timestamp,
    /// The last instant at which closing it is in time.
    pub until: Timestamp,
}

/// A session is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SessionClosure {
    /// Its id.
    pub session: String,
    /// The id under which this was asked for.
    pub asked_as: String,
    /// Who closes it.
    pub by: SessionActor,
    /// What there is to say about it.
    pub note: Option<Text>,
    /// When it was asked for, by the clock of the server; never before it was opened.
    pub closed_at: Timestamp,
    /// How many seconds too late that is; `None` for in time.
    pub late_by: Option<u64>,
}

/// Who opens or closes a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SessionActor {
    /// The account: as the server knows whoever pushes, or the one that somebody had on the server.
    pub account: Text,
    /// The decision to let the push through; `None` for somebody on the server, whose account is a claim.
    pub decision: Option<String>,
    /// The person behind it, as the policy knows him; `None` for somebody on the server.
    pub person: Option<Contributor>,
}

/// What is known of a session that is owed to be closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BreakGlassSession {
    /// Its id.
    pub id: String,
    /// What is on fire.
    pub incident: Text,
    /// Why it could not wait, as whoever opened or extended it last said.
    pub reason: Text,
}

/// Something that is asked for, and when, and by whom.
#[derive(Clone, Debug)]
pub struct SessionRequest<'a> {
    /// What.
    pub request: &'a AuthorisedRequest,
    /// Who.
    pub actor: SessionActor,
    /// When, by the clock of the server.
    pub requested_at: Timestamp,
}

impl<'a> SessionRequest<'a> {
    /// Returns what a decision lets through; `None` if that is about no session.
    pub fn from_decision(decided: &'a DecisionRecord) -> Option<SessionRequest<'a>> {
        let act = decided.refs.iter().find_map(|one| one.break_glass.as_ref())?;
        let Ok(PusherIdentity::Account(account)) = &decided.pusher else { return None };
        let (decision, person) = (Some(decided.id.clone()), Some(act.by.clone()));
        let who = SessionActor { account: account.clone(), decision, person };
        Some(SessionRequest { request: act, actor: who, requested_at: decided.observed_at })
    }
}

impl BreakGlassEvent {
    /// Returns the id under which it was asked for.
    pub fn request_id(&self) -> &str {
        match self {
            BreakGlassEvent::Opened(opened) => &opened.asked_as,
            BreakGlassEvent::Closed(ended) => &ended.asked_as,
        }
    }

    /// Returns it in words, which are still to be escaped.
    pub fn describe(&self) -> String {
        match self {
            BreakGlassEvent::Opened(opened) => {
                let word = if opened.session == opened.asked_as { "open" } else { "extended" };
                let until = opened.until.strftime("%F %R UTC");
                format!("break-glass session {} is {word} until {until}", opened.session)
            }
            BreakGlassEvent::Closed(ended) => {
                let late = if ended.late_by.is_some() { ", late" } else { "" };
                format!("break-glass session {} is closed{late}", ended.session)
            }
        }
    }

    /// Returns who asked for it.
    pub fn actor(&self) -> &SessionActor {
        match self {
            BreakGlassEvent::Opened(opened) => &opened.by,
            BreakGlassEvent::Closed(ended) => &ended.by,
        }
    }
}

/// Returns what is owed by the id of a session.
pub fn session_key(session: &str) -> String {
    format!("break-glass/{session}")
}

/// Returns the sessions in a state, each with what is owed.
pub fn list_sessions(state: &LedgerState) -> impl Iterator<Item = (&BreakGlassSession, &TrackedObligation)> {
    state.owed.values().filter_map(|owed| Some((owed.session.as_ref()?, owed)))
}

/// Asks what speaks against something that is asked for, in the state in which it is.
///
/// # Errors
///
/// Says what, and who mends it.
pub fn check_session_request(state: &LedgerState, asking: &SessionRequest<'_>) -> Result<(), Box<Finding>> {
    match &asking.request.asks {
        ParsedRequest::Close { session, .. } => {
            let open = state.owed.get(&session_key(session)).filter(|owed| owed.closed.is_none());
            let owed =
                open.ok_or_else(|| deny_request(format!("there is no open break-glass session {session}")))?;
            let opened = |hand: &Contributor| hand.key.is_some() && hand.key == asking.request.by.key;
            if !asking.request.is_in_team && !owed.makers.iter().any(opened) {
                let what =
                    "a session is closed by whoever opened it, or somebody of a team that may open one";
                return Err(deny_request(what));
            }
            Ok(())
        }
        ParsedRequest::Open { incident, until, .. } => {
            if list_sessions(state).any(|(session, _)| session.id == asking.request.id) {
                return Err(deny_request("there is a session of that id; open one anew"));
            }
            let is_same = |session: &BreakGlassSession| is_same_incident(&session.incident, incident);
            let by = &asking.request.by;
            let mine = |owed: &TrackedObligation| owed.makers.last().is_none_or(|last| last.may_be_same(by));
            let is_known = |owed: &TrackedObligation| by.key.is_some() && owed.makers_known;
            for (session, owed) in list_sessions(state) {
                let (id, is_open) = (&session.id, owed.closed.is_none());
                if is_open && !is_same(session) && is_known(owed) && mine(owed) {
                    return Err(deny_request(format!(
                        "the pusher has opened session {id}; close that first"
                    )));
                }
                // What was long ago is another fire under the same name.
                let end = latest_session_end(owed.since).filter(|end| is_open || asking.requested_at < *end);
                let Some(end) = end.filter(|_| is_same(session)) else { continue };
                if is_open && is_overdue(owed, asking.requested_at) {
                    return Err(deny_request(format!("session {id} is overdue; close that first")));
                }
                if mine(owed) {
                    let what = "somebody else than who opened it last opens a session again";
                    return Err(deny_request(format!("{what}: {id} is for the same incident")));
                }
                if end < *until {
                    let end = end.strftime("%F %R UTC");
                    let what = format!("all that is opened for one incident ends within 24 hours, by {end}");
                    return Err(deny_request(format!("{what}: {id} was for the same")));
                }
            }
            Ok(())
        }
    }
}

/// Returns what is recorded of something that was asked for, in the state before that.
///
/// # Errors
///
/// Says why there is nothing to record: somebody else was faster.
pub fn build_session_event(
    state: &LedgerState,
    asking: &SessionRequest<'_>,
) -> Result<BreakGlassEvent, String> {
    let asked_as = asking.request.id.clone();
    let by = asking.actor.clone();
    match &asking.request.asks {
        ParsedRequest::Open { incident, reason, until } => {
            let goes_on = |(session, owed): &(&BreakGlassSession, &TrackedObligation)| {
                owed.closed.is_none()
                    && is_same_incident(&session.incident, incident)
                    && !is_overdue(owed, asking.requested_at)
            };
            let session = list_sessions(state).find(goes_on).map(|(session, _)| session.id.clone());
            Ok(BreakGlassEvent::Opened(SessionOpening {
                session: session.unwrap_or_else(|| asked_as.clone()),
                asked_as,
                by,
                incident: incident.clone(),
                reason: reason.clone(),
                opened_at: asking.requested_at,
                until: *until,
            }))
        }
        ParsedRequest::Close { session, note } => {
            let open = state.owed.get(&session_key(session)).filter(|owed| owed.closed.is_none());
            let owed = open.ok_or_else(|| format!("session {session} was closed already"))?;
            let closed_at = asking.requested_at.max(owed.since);
            let late_by = seconds_late(owed.due, closed_at);
            let (session, note) = (session.clone(), note.clone());
            Ok(BreakGlassEvent::Closed(SessionClosure { session, asked_as, by, note, closed_at, late_by }))
        }
    }
}

/// Adds to a state what was asked for and decided, before there is a record of it.
pub fn apply_session_request(state: &mut LedgerState, asking: &SessionRequest<'_>) {
    if let Ok(record) = build_session_event(state, asking) {
        apply_session_event(state, &record);
    }
}

/// Takes a record into a state.
pub(crate) fn apply_session_event(state: &mut LedgerState, record: &BreakGlassEvent) {
    let folder = Text::from(format!("{REQUEST_REF_PREFIX}{}", record.request_id()));
    // The ref is removed as soon as the record is there.
    state.tips.remove(&crate::ledger::state::encode_ref_key(&folder));
    match record {
        BreakGlassEvent::Opened(opened) => {
            let session = BreakGlassSession {
                id: opened.session.clone(),
                incident: opened.incident.clone(),
                reason: opened.reason.clone(),
            };
            // Who is on the server may be anybody.
            let anybody = || Contributor { key: None, name: String::new(), account: None };
            let hand = opened.by.person.clone().unwrap_or_else(anybody);
            let owner = describe_owner(&opened.by);
            let open = state.owed.get_mut(&session_key(&opened.session)).filter(|owed| owed.closed.is_none());
            if let Some(owed) = open {
                owed.due = owed.due.max(Some(opened.until));
                owed.makers_known &= hand.key.is_some();
                owed.makers.push(hand);
                (owed.owner, owed.session, owed.told) = (owner, Some(session), None);
                return;
            }
            let owed = TrackedObligation {
                by_others: false,
                change: None,
                closed: None,
                decision: opened.by.decision.clone().unwrap_or_default(),
                due: Some(opened.until),
                evidence: format!("changegate breakglass close {}", opened.session),
                field: None,
                makers_known: hand.key.is_some(),
                makers: vec![hand],
                on: folder,
                owner,
                pull: None,
                rule: BREAK_GLASS_RULE.into(),
                session: Some(session),
                since: opened.opened_at,
                stray: None,
                told: None,
                what: "to close a break-glass session".into(),
            };
            state.owed.insert(session_key(&opened.session), owed);
        }
        BreakGlassEvent::Closed(ended) => {
            let Some(owed) = state.owed.get_mut(&session_key(&ended.session)) else { return };
            if owed.closed.is_none() {
                let at = ended.closed_at.max(owed.since);
                let by = ObligationEvidence::Session { by: ended.by.account.clone() };
                owed.closed = Some(ObligationClosure { at, by, late_by: seconds_late(owed.due, at) });
            }
            state.forget_closed();
        }
    }
}

/// Returns what is wrong with a record of the time `at`, held against the state before it and against what
/// was decided, if a push asked for it and the decision is known.
pub(crate) fn find_session_problem(
    state: &LedgerState,
    record: &BreakGlassEvent,
    asking: Option<&SessionRequest<'_>>,
    at: Timestamp,
) -> Option<String> {
    if record.actor().decision.is_some() {
        let Some(asking) = asking else { return Some("nobody has decided to open or close that".into()) };
        return match build_session_event(state, asking) {
            Ok(true_one) if true_one == *record => None,
            Ok(_) => Some("it says of a break-glass session what was not decided".into()),
            Err(why) => Some(why),
        };
    }
    match record {
        BreakGlassEvent::Opened(opened) => {
            let known = state.owed.get(&session_key(&opened.session));
            let is_new = opened.session == opened.asked_as && known.is_none();
            let since = known.map_or(opened.opened_at, |owed| owed.since);
            let is_in_limit = latest_session_end(since).is_some_and(|end| opened.until <= end);
            let is_open = known.is_some_and(|owed| owed.closed.is_none());
            let is_then = opened.opened_at == at && at <= opened.until;
            (is_new == is_open || !is_in_limit || !is_then)
                .then(|| "it opens a break-glass session that cannot be opened like that".into())
        }
        BreakGlassEvent::Closed(ended) => {
            let open = state.owed.get(&session_key(&ended.session)).filter(|owed| owed.closed.is_none());
            let is_so = open.is_some_and(|owed| {
                ended.closed_at == at.max(owed.since)
                    && seconds_late(owed.due, ended.closed_at) == ended.late_by
            });
            (!is_so).then(|| "it closes a break-glass session that was not open, or not like that".into())
        }
    }
}

/// Returns the last instant of all that is opened for an incident for which somebody opened at `since`.
fn latest_session_end(since: Timestamp) -> Option<Timestamp> {
    since.checked_add(SignedDuration::from_mins(i64::from(MAX_SESSION_MINUTES))).ok()
}

fn describe_owner(who: &SessionActor) -> String {
    let account = who.account.to_lossy();
    if who.decision.is_some() { account.into_owned() } else { format!("{account}, on the server") }
}

fn is_same_incident(one: &Text, other: &Text) -> bool {
    one.as_bytes().eq_ignore_ascii_case(other.as_bytes())
}

fn deny_request(what: impl Into<String>) -> Box<Finding> {
    Box::new(Finding::new(Sentence::from_words(what)).fixed_by("the pusher"))
}
