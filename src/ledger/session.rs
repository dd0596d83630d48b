//! Break-glass sessions: what one has to do with those before it, and what follows from its records.
//!
//! A session is owed to be closed in time. Whoever opens one for an incident for which another is open
//! extends that, and takes somebody else than the last who did; all that is opened for one incident
//! ends within a day. Pure: time is a value, and it is that of the server.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::obligation::{is_overdue, late_by};
use super::record::{Decided, Evidence};
use super::state::{Closed, Owed, State};
use crate::change::{Pusher, Text};
use crate::gate::break_glass::{Act, Asks, FOLDER};
use crate::people::participants::Hand;
use crate::policy::break_glass::MOST;
use crate::verdict::{Finding, Line};

/// The rule that a session is closed in time.
pub const RULE: &str = "break-glass-closed";

/// A session is opened, extended or closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum BreakGlass {
    /// It is opened, or extended.
    Opened(Opened),
    /// It is closed.
    Closed(Ended),
}

/// A session is opened, or extended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Opened {
    /// Its id.
    pub session: String,
    /// The id under which this was asked for; another one than the session's where it is extended.
    pub asked_as: String,
    /// Who opens it.
    pub by: Who,
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
pub struct Ended {
    /// Its id.
    pub session: String,
    /// The id under which this was asked for.
    pub asked_as: String,
    /// Who closes it.
    pub by: Who,
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
pub struct Who {
    /// The account: as the server knows whoever pushes, or the one that somebody had on the server.
    pub account: Text,
    /// The decision to let the push through; `None` for somebody on the server, whose account is a claim.
    pub decision: Option<String>,
    /// The person behind it, as the policy knows him; `None` for somebody on the server.
    pub person: Option<Hand>,
}

/// What is known of a session that is owed to be closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// What is on fire.
    pub incident: Text,
    /// Why it could not wait, as whoever opened or extended it last said.
    pub reason: Text,
}

/// Something that is asked for, and when, and by whom.
#[derive(Clone, Debug)]
pub struct Asking<'a> {
    /// What.
    pub act: &'a Act,
    /// Who.
    pub who: Who,
    /// When, by the clock of the server.
    pub at: Timestamp,
}

impl<'a> Asking<'a> {
    /// Returns what a decision lets through; `None` if that is about no session.
    pub fn of(decided: &'a Decided) -> Option<Asking<'a>> {
        let act = decided.refs.iter().find_map(|one| one.break_glass.as_ref())?;
        let Ok(Pusher::Account(account)) = &decided.pusher else { return None };
        let (decision, person) = (Some(decided.id.clone()), Some(act.by.clone()));
        let who = Who { account: account.clone(), decision, person };
        Some(Asking { act, who, at: decided.observed_at })
    }
}

impl BreakGlass {
    /// Returns the id under which it was asked for.
    pub fn asked_as(&self) -> &str {
        match self {
            BreakGlass::Opened(opened) => &opened.asked_as,
            BreakGlass::Closed(ended) => &ended.asked_as,
        }
    }

    /// Returns it in words, which are still to be escaped.
    pub fn words(&self) -> String {
        match self {
            BreakGlass::Opened(opened) => {
                let word = if opened.session == opened.asked_as { "open" } else { "extended" };
                let until = opened.until.strftime("%F %R UTC");
                format!("break-glass session {} is {word} until {until}", opened.session)
            }
            BreakGlass::Closed(ended) => {
                let late = if ended.late_by.is_some() { ", late" } else { "" };
                format!("break-glass session {} is closed{late}", ended.session)
            }
        }
    }

    /// Returns who asked for it.
    pub fn who(&self) -> &Who {
        match self {
            BreakGlass::Opened(opened) => &opened.by,
            BreakGlass::Closed(ended) => &ended.by,
        }
    }
}

/// Returns what is owed by the id of a session.
pub fn key(session: &str) -> String {
    format!("break-glass/{session}")
}

/// Returns the sessions in a state, each with what is owed.
pub fn sessions(state: &State) -> impl Iterator<Item = (&Session, &Owed)> {
    state.owed.values().filter_map(|owed| Some((owed.session.as_ref()?, owed)))
}

/// Asks what speaks against something that is asked for, in the state in which it is.
///
/// # Errors
///
/// Says what, and who mends it.
pub fn against(state: &State, asking: &Asking<'_>) -> Result<(), Box<Finding>> {
    match &asking.act.asks {
        Asks::Close { session, .. } => {
            let open = state.owed.get(&key(session)).filter(|owed| owed.closed.is_none());
            let owed = open.ok_or_else(|| no(format!("there is no open break-glass session {session}")))?;
            let opened = |hand: &Hand| hand.key.is_some() && hand.key == asking.act.by.key;
            if !asking.act.is_in_team && !owed.makers.iter().any(opened) {
                let what =
                    "a session is closed by whoever opened it, or somebody of a team that may open one";
                return Err(no(what));
            }
            Ok(())
        }
        Asks::Open { incident, until, .. } => {
            if sessions(state).any(|(session, _)| session.id == asking.act.id) {
                return Err(no("there is a session of that id; open one anew"));
            }
            let is_same = |session: &Session| same(&session.incident, incident);
            let by = &asking.act.by;
            let mine = |owed: &Owed| owed.makers.last().is_none_or(|last| last.may_be(by));
            let is_known = |owed: &Owed| by.key.is_some() && owed.makers_known;
            for (session, owed) in sessions(state) {
                let (id, is_open) = (&session.id, owed.closed.is_none());
                if is_open && !is_same(session) && is_known(owed) && mine(owed) {
                    return Err(no(format!("the pusher has opened session {id}; close that first")));
                }
                // What was long ago is another fire under the same name.
                let end = last_instant(owed.since).filter(|end| is_open || asking.at < *end);
                let Some(end) = end.filter(|_| is_same(session)) else { continue };
                if is_open && is_overdue(owed, asking.at) {
                    return Err(no(format!("session {id} is overdue; close that first")));
                }
                if mine(owed) {
                    let what = "somebody else than who opened it last opens a session again";
                    return Err(no(format!("{what}: {id} is for the same incident")));
                }
                if end < *until {
                    let end = end.strftime("%F %R UTC");
                    let what = format!("all that is opened for one incident ends within 24 hours, by {end}");
                    return Err(no(format!("{what}: {id} was for the same")));
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
pub fn event(state: &State, asking: &Asking<'_>) -> Result<BreakGlass, String> {
    let asked_as = asking.act.id.clone();
    let by = asking.who.clone();
    match &asking.act.asks {
        Asks::Open { incident, reason, until } => {
            let goes_on = |(session, owed): &(&Session, &Owed)| {
                owed.closed.is_none() && same(&session.incident, incident) && !is_overdue(owed, asking.at)
            };
            let session = sessions(state).find(goes_on).map(|(session, _)| session.id.clone());
            Ok(BreakGlass::Opened(Opened {
                session: session.unwrap_or_else(|| asked_as.clone()),
                asked_as,
                by,
                incident: incident.clone(),
                reason: reason.clone(),
                opened_at: asking.at,
                until: *until,
            }))
        }
        Asks::Close { session, note } => {
            let open = state.owed.get(&key(session)).filter(|owed| owed.closed.is_none());
            let owed = open.ok_or_else(|| format!("session {session} was closed already"))?;
            let closed_at = asking.at.max(owed.since);
            let late_by = late_by(owed.due, closed_at);
            let (session, note) = (session.clone(), note.clone());
            Ok(BreakGlass::Closed(Ended { session, asked_as, by, note, closed_at, late_by }))
        }
    }
}

/// Adds to a state what was asked for and decided, before there is a record of it.
pub fn foresee(state: &mut State, asking: &Asking<'_>) {
    if let Ok(record) = event(state, asking) {
        apply(state, &record);
    }
}

/// Takes a record into a state.
pub(super) fn apply(state: &mut State, record: &BreakGlass) {
    let folder = Text::from(format!("{FOLDER}{}", record.asked_as()));
    // The ref is removed as soon as the record is there.
    state.tips.remove(&super::state::key(&folder));
    match record {
        BreakGlass::Opened(opened) => {
            let session = Session {
                id: opened.session.clone(),
                incident: opened.incident.clone(),
                reason: opened.reason.clone(),
            };
            // Who is on the server may be anybody.
            let anybody = || Hand { key: None, name: String::new(), account: None };
            let hand = opened.by.person.clone().unwrap_or_else(anybody);
            let owner = owner(&opened.by);
            let open = state.owed.get_mut(&key(&opened.session)).filter(|owed| owed.closed.is_none());
            if let Some(owed) = open {
                owed.due = owed.due.max(Some(opened.until));
                owed.makers_known &= hand.key.is_some();
                owed.makers.push(hand);
                (owed.owner, owed.session, owed.told) = (owner, Some(session), None);
                return;
            }
            let owed = Owed {
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
                rule: RULE.into(),
                session: Some(session),
                since: opened.opened_at,
                stray: None,
                told: None,
                what: "to close a break-glass session".into(),
            };
            state.owed.insert(key(&opened.session), owed);
        }
        BreakGlass::Closed(ended) => {
            let Some(owed) = state.owed.get_mut(&key(&ended.session)) else { return };
            if owed.closed.is_none() {
                let at = ended.closed_at.max(owed.since);
                let by = Evidence::Session { by: ended.by.account.clone() };
                owed.closed = Some(Closed { at, by, late_by: late_by(owed.due, at) });
            }
            state.forget_closed();
        }
    }
}

/// Returns what is wrong with a record of the time `at`, held against the state before it and against what
/// was decided, if a push asked for it and the decision is known.
pub(super) fn untrue(
    state: &State,
    record: &BreakGlass,
    asking: Option<&Asking<'_>>,
    at: Timestamp,
) -> Option<String> {
    if record.who().decision.is_some() {
        let Some(asking) = asking else { return Some("nobody has decided to open or close that".into()) };
        return match event(state, asking) {
            Ok(true_one) if true_one == *record => None,
            Ok(_) => Some("it says of a break-glass session what was not decided".into()),
            Err(why) => Some(why),
        };
    }
    match record {
        BreakGlass::Opened(opened) => {
            let known = state.owed.get(&key(&opened.session));
            let is_new = opened.session == opened.asked_as && known.is_none();
            let since = known.map_or(opened.opened_at, |owed| owed.since);
            let is_in_limit = last_instant(since).is_some_and(|end| opened.until <= end);
            let is_open = known.is_some_and(|owed| owed.closed.is_none());
            let is_then = opened.opened_at == at && at <= opened.until;
            (is_new == is_open || !is_in_limit || !is_then)
                .then(|| "it opens a break-glass session that cannot be opened like that".into())
        }
        BreakGlass::Closed(ended) => {
            let open = state.owed.get(&key(&ended.session)).filter(|owed| owed.closed.is_none());
            let is_so = open.is_some_and(|owed| {
                ended.closed_at == at.max(owed.since) && late_by(owed.due, ended.closed_at) == ended.late_by
            });
            (!is_so).then(|| "it closes a break-glass session that was not open, or not like that".into())
        }
    }
}

/// Returns the last instant of all that is opened for an incident for which somebody opened at `since`.
fn last_instant(since: Timestamp) -> Option<Timestamp> {
    since.checked_add(SignedDuration::from_mins(i64::from(MOST))).ok()
}

fn owner(who: &Who) -> String {
    let account = who.account.to_lossy();
    if who.decision.is_some() { account.into_owned() } else { format!("{account}, on the server") }
}

fn same(one: &Text, other: &Text) -> bool {
    one.as_bytes().eq_ignore_ascii_case(other.as_bytes())
}

fn no(what: impl Into<String>) -> Box<Finding> {
    Box::new(Finding::new(Line::say(what)).by("the pusher"))
}
