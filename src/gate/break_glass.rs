//! Break-glass sessions as they are asked for: a commit that carries nothing but words, pushed to a ref
//! of its own.
//!
//! Whoever opens or closes one pushes a commit without parent and files to `refs/changegate/break-glass/`
//! and an id. Its message has one form, down to the byte. The server takes it from a person whom the
//! policy names, writes it into the ledger, and removes the ref. What the sessions before it have to do
//! with that, the ledger knows.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::kept::Kept;
use super::settings::Settings;
use super::source::Loaded;
use super::telling::{ADMINISTRATOR, group_of, protected};
use crate::change::{Change, Commit, Message, Missing, Need, Oid, Pusher, Stage, Text};
use crate::git::{RefAt, RefUpdate, Repository};
use crate::people::Who;
use crate::people::participants::{Hand, hand_of};
use crate::policy::{self, Policy};
use crate::push::refuse;
use crate::report::{Group, Of};
use crate::verdict::{Finding, Judgement, Line};
use crate::vocabulary::{Field, Kind, OnConflict, Reading};

/// Where what is asked for is pushed to; an id follows.
pub const FOLDER: &str = "refs/changegate/break-glass/";

/// How many digits an id has.
pub const DIGITS: usize = 12;

/// How many bytes a commit may have that asks for something.
const MOST: u64 = 8 << 10;

/// How many bytes the name of an incident may have.
const LONGEST_INCIDENT: usize = 200;

/// How many letters and digits a reason has at least where the policy has no field for it.
const SHORTEST_REASON: u64 = 20;

/// The trailer that says which of the two it is.
const KEY: &str = "Break-Glass";

/// What was asked for, as the message says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// To open a session.
    Open {
        /// What is on fire.
        incident: Text,
        /// Why it cannot wait.
        reason: Text,
        /// For how long, as in `4h`.
        limit: Text,
    },
    /// To close one.
    Close {
        /// Its id.
        session: Text,
        /// What there is to say about it.
        note: Option<Text>,
    },
}

/// What was asked for, by somebody whom the server knows, in a form that the policy accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Act {
    /// The id in the name of the ref; that of the session, if one is opened.
    pub id: String,
    /// Who asks for it.
    pub by: Hand,
    /// Whether he belongs to a team that the policy names.
    pub is_in_team: bool,
    /// What.
    pub asks: Asks,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Asks {
    /// To open a session.
    Open {
        /// What is on fire.
        incident: Text,
        /// Why it cannot wait.
        reason: Text,
        /// The last instant at which closing it is in time.
        until: Timestamp,
    },
    /// To close one.
    Close {
        /// Its id.
        session: String,
        /// What there is to say about it.
        note: Option<Text>,
    },
}

impl Said {
    /// Returns the message, which is the only one that says this.
    pub fn message(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut put = |pieces: &[&[u8]]| pieces.iter().for_each(|piece| out.extend_from_slice(piece));
        match self {
            Said::Open { incident, reason, limit } => {
                let (incident, reason) = (incident.as_bytes(), reason.as_bytes());
                put(&[
                    b"Open a break-glass session for ",
                    incident,
                    b"\n\nBreak-Glass: open\nIncident: ",
                    incident,
                ]);
                put(&[b"\nEmergency-Reason: ", reason, b"\nSession-Limit: ", limit.as_bytes(), b"\n"]);
            }
            Said::Close { session, note } => {
                let session = session.as_bytes();
                put(&[
                    b"Close the break-glass session ",
                    session,
                    b"\n\nBreak-Glass: close\nSession: ",
                    session,
                ]);
                put(&[b"\n"]);
                note.iter().for_each(|note| put(&[b"Note: ", note.as_bytes(), b"\n"]));
            }
        }
        out
    }

    /// Reads a message; `None` if it is not in the one form.
    pub fn read(message: &Message) -> Option<Said> {
        let one = |key: &str| {
            let found = message.trailers().iter().find(|trailer| trailer.key == key);
            found.map(|trailer| trailer.value.clone()).filter(|value| !value.as_bytes().is_empty())
        };
        let said = match one(KEY)?.as_bytes() {
            b"open" => Said::Open {
                incident: one("Incident")?,
                reason: one(policy::REASON)?,
                limit: one("Session-Limit")?,
            },
            b"close" => Said::Close { session: one("Session")?, note: one("Note") },
            _ => return None,
        };
        (said.message() == message.raw().as_bytes()).then_some(said)
    }
}

/// Returns whether a ref is where sessions are asked for, whatever the rest of its name is.
pub fn is_asked_at(name: &Text) -> bool {
    name.as_bytes().starts_with(FOLDER.as_bytes())
}

/// Returns the id in the name of a ref where sessions are asked for.
pub fn id_in(name: &Text) -> Option<&str> {
    name.as_utf8()?.strip_prefix(FOLDER).filter(|id| is_id(id))
}

/// Returns whether this is the id of a session.
pub fn is_id(id: &str) -> bool {
    id.len() == DIGITS && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Judges a push to the ref `at`, and notes what it asks for. `base` is the policy of the policy ref as
/// it is before the push.
pub(super) fn group(
    repository: &Repository,
    updates: &[RefUpdate],
    at: &RefAt,
    settings: &Settings,
    base: Result<&Loaded, Judgement>,
    now: Timestamp,
    kept: &mut Kept,
) -> Group {
    let nothing = || Group::new(Of::Range(at.name.clone()), Vec::new());
    let Some(update) = updates.iter().find(|update| update.name == at.name) else { return nothing() };
    let loaded = match base {
        Ok(loaded) => loaded,
        Err(judgement) => return group_of(update, at.id, vec![judgement]),
    };
    let mut group = protected(update, at, Vec::new());
    group.judged_as.iter_mut().for_each(|it| it.policies = vec![loaded.from()]);
    match judge(repository, updates, at.id, settings, &loaded.policy, now) {
        Ok(act) => kept.ask(act),
        Err(finding) => group.refusals.push(refuse("break-glass", *finding)),
    }
    group
}

fn judge(
    repository: &Repository,
    updates: &[RefUpdate],
    holds: Option<Oid>,
    settings: &Settings,
    policy: &Policy,
    now: Timestamp,
) -> Result<Act, Box<Finding>> {
    let [update] = updates else {
        return Err(against("a push that asks for a break-glass session names one ref and no other"));
    };
    let id = id_in(&update.name).ok_or_else(|| {
        against(format!("the name of the ref ends in {DIGITS} digits out of 0 to 9 and a to f"))
    })?;
    if update.new.is_null() || !update.old.is_null() || holds.is_some() {
        return Err(against("what was asked for is neither changed nor taken back; ask anew"));
    }
    let (by, is_in_team) = who(settings, policy)?;
    let commit = repository.bare_commit(update.new, MOST).map_err(|error| {
        Box::new(Finding::new(Line::say(format!("the commit cannot be read: {error:#}"))).by(ADMINISTRATOR))
    })?;
    let commit = commit.map_err(|why| against(format!("the commit {why}")))?;
    let asks = asks(policy, commit, now)?;
    if matches!(asks, Asks::Open { .. }) && !is_in_team {
        let teams = policy.break_glass.as_ref().map(|asked| asked.from.join(", ")).unwrap_or_default();
        return Err(against(format!(
            "a break-glass session is opened by {teams}, and the pusher is not in it"
        )));
    }
    Ok(Act { id: id.to_owned(), by, is_in_team, asks })
}

/// Returns what a commit asks for.
///
/// # Errors
///
/// Says what speaks against it.
pub fn asks(policy: &Policy, commit: Commit, now: Timestamp) -> Result<Asks, Box<Finding>> {
    let said = Said::read(&commit.message).ok_or_else(|| {
        against("the message is not in the form in which `changegate breakglass` writes it")
    })?;
    let change = Change {
        stage: Stage::PreReceive,
        target: Err(Missing::NotAtThisStage(Need::Target)),
        seen_at: now,
        pusher: Err(Missing::NotAtThisStage(Need::Pusher)),
        pull: Change::no_pull(Stage::PreReceive),
        tickets: Change::no_tickets(Stage::PreReceive),
        commits: vec![commit],
    };
    match said {
        Said::Close { session, note } => {
            let session = session.as_utf8().filter(|id| is_id(id)).map(str::to_owned);
            let session = session.ok_or_else(|| against("`Session` is not the id of a session"))?;
            if note.as_ref().is_some_and(has_control) {
                return Err(against("`Note` contains control characters"));
            }
            Ok(Asks::Close { session, note })
        }
        Said::Open { incident, reason, limit } => {
            holds(policy, "Incident", 1, &change)?;
            holds(policy, policy::REASON, SHORTEST_REASON, &change)?;
            if LONGEST_INCIDENT < incident.as_bytes().len() {
                return Err(against("`Incident` is too long to be one incident's name"));
            }
            let until = until(policy, &limit, now)?;
            Ok(Asks::Open { incident, reason, until })
        }
    }
}

/// Returns until when a session is open that is opened now for so long.
fn until(policy: &Policy, limit: &Text, now: Timestamp) -> Result<Timestamp, Box<Finding>> {
    let asked = policy.break_glass.as_ref().ok_or_else(nobody)?;
    let minutes = limit.as_utf8().ok_or_else(|| "it is not UTF-8".to_owned());
    let minutes = minutes.and_then(policy::break_glass::minutes);
    let minutes = minutes.map_err(|why| against(format!("`Session-Limit`: {why}")))?;
    if asked.longest < minutes {
        let longest = crate::calendar::Within::Minutes(asked.longest);
        return Err(against(format!("the policy lets a session be open for at most {longest}")));
    }
    let until = now.checked_add(SignedDuration::from_mins(i64::from(minutes)));
    until.map_err(|_| against("that lies beyond all calendars"))
}

/// Asks whether a field is stated as the policy wants it, or where the policy has no such field, in
/// words of some substance.
fn holds(policy: &Policy, name: &str, shortest: u64, change: &Change) -> Result<(), Box<Finding>> {
    let usual = Field {
        name: name.into(),
        aliases: Vec::new(),
        kind: Kind::Text { min_length: shortest, refuse: Vec::new() },
        many: false,
        on_conflict: OnConflict::Refuse,
    };
    match policy.vocabulary.field(name).map_or(&usual, |field| field.as_ref()).reading(change) {
        Reading::Stated { .. } => Ok(()),
        Reading::Absent => Err(against(format!("`{name}` is not stated"))),
        Reading::Invalid(findings) => {
            let first = findings.into_iter().next().map(|finding| finding.what);
            Err(Box::new(Finding::new(first.unwrap_or_default()).by("the pusher")))
        }
    }
}

/// Returns who pushes, if that is a person, and whether he belongs to a team that the policy names.
fn who(settings: &Settings, policy: &Policy) -> Result<(Hand, bool), Box<Finding>> {
    let teams = &policy.break_glass.as_ref().ok_or_else(nobody)?.from;
    let account = match &settings.pusher {
        Ok(Pusher::Account(account)) => account,
        Ok(Pusher::Unidentified) | Err(_) => {
            let what =
                "nobody can tell who pushes, and a break-glass session is somebody's; set changegate.pusher";
            return Err(Box::new(Finding::new(Line::say(what)).by(ADMINISTRATOR)));
        }
    };
    let quoted = |words: &str| {
        let what = Line::say("the pusher, ").quote(account).and(format!(", {words}"));
        Box::new(Finding::new(what).by("the pusher"))
    };
    match (policy.people.behind(account), hand_of(account, &policy.people)) {
        (Who::Human(key), Some(hand)) => {
            Ok((hand, teams.iter().any(|team| policy.people.is_member(&key, team))))
        }
        (Who::Bot, _) => Err(quoted("is a bot, and a break-glass session is a person's")),
        _ => Err(quoted("is nobody whom the roster knows")),
    }
}

fn has_control(text: &Text) -> bool {
    text.as_bytes().iter().any(u8::is_ascii_control)
}

fn nobody() -> Box<Finding> {
    let what = "the policy names nobody who may open a break-glass session";
    let finding = Finding::new(Line::say(what)).by("whoever keeps the policy");
    Box::new(finding.paste("break-glass: { from: [<team>] }"))
}

fn against(what: impl Into<String>) -> Box<Finding> {
    Box::new(Finding::new(Line::say(what)).by("the pusher"))
}
