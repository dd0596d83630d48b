//! Break-glass sessions as they are asked for: a commit that carries nothing but words, pushed to a ref
//! of its own.
//!
//! Whoever opens or closes one pushes a commit without parent and files to `refs/changegate/break-glass/`
//! and an id. Its message has one form, down to the byte. The server takes it from a person whom the
//! policy names, writes it into the ledger, and removes the ref. What the sessions before it have to do
//! with that, the ledger knows.

use jiff::{SignedDuration, Timestamp};

use crate::change::{Change, Commit, CommitMessage, FactKind, Missing, Oid, PusherIdentity, Stage, Text};
use crate::gate::policy_findings::{ADMINISTRATOR_ROLE, build_protected_group, build_ref_group};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::push_facts::PushFacts;
use crate::gate::settings::GateSettings;
use crate::git::{RefUpdate, Repository, ResolvedRef};
use crate::people::ResolvedIdentity;
use crate::people::contributors::{Contributor, account_contributor};
use crate::policy::{self, Policy};
use crate::push::refuse_by_rule;
use crate::report::{GroupScope, ReportGroup};
use crate::verdict::{Finding, Judgement, Sentence};
use crate::vocabulary::{ConflictResolution, FieldDefinition, FieldKind, FieldReading};

/// Where what is asked for is pushed to; an id follows.
pub const REQUEST_REF_PREFIX: &str = "refs/changegate/break-glass/";

/// How many digits an id has.
pub const SESSION_ID_DIGITS: usize = 12;

/// How many bytes a commit may have that asks for something.
const MAX_REQUEST_BYTES: u64 = 8 << 10;

/// How many bytes the name of an incident may have.
const MAX_INCIDENT_BYTES: usize = 200;

/// How many letters and digits a reason has at least where the policy has no field for it.
const MIN_REASON_CHARACTERS: u64 = 20;

/// The trailer that says which of the two it is.
const BREAK_GLASS_TRAILER: &str = "Break-Glass";

/// What was asked for, as the message says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakGlassRequest {
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorisedRequest {
    /// The id in the name of the ref; that of the session, if one is opened.
    pub id: String,
    /// Who asks for it.
    pub by: Contributor,
    /// Whether he belongs to a team that the policy names.
    pub is_in_team: bool,
    /// What.
    pub asks: ParsedRequest,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParsedRequest {
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

impl BreakGlassRequest {
    /// Returns the message, which is the only one that says this.
    pub fn format_message(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut put = |pieces: &[&[u8]]| pieces.iter().for_each(|piece| out.extend_from_slice(piece));
        match self {
            BreakGlassRequest::Open { incident, reason, limit } => {
                let (incident, reason) = (incident.as_bytes(), reason.as_bytes());
                put(&[
                    b"Open a break-glass session for ",
                    incident,
                    b"\n\nBreak-Glass: open\nIncident: ",
                    incident,
                ]);
                put(&[b"\nEmergency-Reason: ", reason, b"\nSession-Limit: ", limit.as_bytes(), b"\n"]);
            }
            BreakGlassRequest::Close { session, note } => {
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
    pub fn parse_message(message: &CommitMessage) -> Option<BreakGlassRequest> {
        let one = |key: &str| {
            let found = message.trailers().iter().find(|trailer| trailer.key == key);
            found.map(|trailer| trailer.value.clone()).filter(|value| !value.as_bytes().is_empty())
        };
        let said = match one(BREAK_GLASS_TRAILER)?.as_bytes() {
            b"open" => BreakGlassRequest::Open {
                incident: one("Incident")?,
                reason: one(policy::EMERGENCY_REASON_FIELD)?,
                limit: one("Session-Limit")?,
            },
            b"close" => BreakGlassRequest::Close { session: one("Session")?, note: one("Note") },
            _ => return None,
        };
        (said.format_message() == message.raw().as_bytes()).then_some(said)
    }
}

/// Returns whether a ref is where sessions are asked for, whatever the rest of its name is.
pub fn is_request_ref(name: &Text) -> bool {
    name.as_bytes().starts_with(REQUEST_REF_PREFIX.as_bytes())
}

/// Returns the id in the name of a ref where sessions are asked for.
pub fn find_session_id(name: &Text) -> Option<&str> {
    name.as_utf8()?.strip_prefix(REQUEST_REF_PREFIX).filter(|id| is_session_id(id))
}

/// Returns whether this is the id of a session.
pub fn is_session_id(id: &str) -> bool {
    id.len() == SESSION_ID_DIGITS && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Judges a push to the ref `at`, and notes what it asks for. `base` is the policy of the policy ref as
/// it is before the push.
pub(crate) fn judge_request_ref(
    repository: &Repository,
    updates: &[RefUpdate],
    at: &ResolvedRef,
    settings: &GateSettings,
    base: Result<&LoadedPolicy, Judgement>,
    now: Timestamp,
    kept: &mut PushFacts,
) -> ReportGroup {
    let nothing = || ReportGroup::new(GroupScope::Range(at.name.clone()), Vec::new());
    let Some(update) = updates.iter().find(|update| update.name == at.name) else { return nothing() };
    let loaded = match base {
        Ok(loaded) => loaded,
        Err(judgement) => return build_ref_group(update, at.id, vec![judgement]),
    };
    let mut group = build_protected_group(update, at, Vec::new());
    group.judged_ref.iter_mut().for_each(|it| it.policies = vec![loaded.origin()]);
    match judge_request(repository, updates, at.id, settings, &loaded.policy, now) {
        Ok(act) => kept.set_request(act),
        Err(finding) => group.refusals.push(refuse_by_rule("break-glass", *finding)),
    }
    group
}

fn judge_request(
    repository: &Repository,
    updates: &[RefUpdate],
    holds: Option<Oid>,
    settings: &GateSettings,
    policy: &Policy,
    now: Timestamp,
) -> Result<AuthorisedRequest, Box<Finding>> {
    let [update] = updates else {
        return Err(pusher_finding("a push that asks for a break-glass session names one ref and no other"));
    };
    let id = find_session_id(&update.name).ok_or_else(|| {
        pusher_finding(format!(
            "the name of the ref ends in {SESSION_ID_DIGITS} digits out of 0 to 9 and a to f"
        ))
    })?;
    if update.new.is_null() || !update.old.is_null() || holds.is_some() {
        return Err(pusher_finding("what was asked for is neither changed nor taken back; ask anew"));
    }
    let (by, is_in_team) = identify_pusher(settings, policy)?;
    let commit = repository.read_message_only_commit(update.new, MAX_REQUEST_BYTES).map_err(|error| {
        Box::new(
            Finding::new(Sentence::from_words(format!("the commit cannot be read: {error:#}")))
                .fixed_by(ADMINISTRATOR_ROLE),
        )
    })?;
    let commit = commit.map_err(|why| pusher_finding(format!("the commit {why}")))?;
    let asks = parse_request(policy, commit, now)?;
    if matches!(asks, ParsedRequest::Open { .. }) && !is_in_team {
        let teams = policy.break_glass.as_ref().map(|asked| asked.teams.join(", ")).unwrap_or_default();
        return Err(pusher_finding(format!(
            "a break-glass session is opened by {teams}, and the pusher is not in it"
        )));
    }
    Ok(AuthorisedRequest { id: id.to_owned(), by, is_in_team, asks })
}

/// Returns what a commit asks for.
///
/// # Errors
///
/// Says what speaks against it.
pub fn parse_request(policy: &Policy, commit: Commit, now: Timestamp) -> Result<ParsedRequest, Box<Finding>> {
    let said = BreakGlassRequest::parse_message(&commit.message).ok_or_else(|| {
        pusher_finding("the message is not in the form in which `changegate breakglass` writes it")
    })?;
    let change = Change {
        stage: Stage::PreReceive,
        target: Err(Missing::NotAtThisStage(FactKind::Target)),
        seen_at: now,
        pusher: Err(Missing::NotAtThisStage(FactKind::Pusher)),
        pull: Change::missing_pull(Stage::PreReceive),
        tickets: Change::missing_tickets(Stage::PreReceive),
        commits: vec![commit],
    };
    match said {
        BreakGlassRequest::Close { session, note } => {
            let session = session.as_utf8().filter(|id| is_session_id(id)).map(str::to_owned);
            let session = session.ok_or_else(|| pusher_finding("`Session` is not the id of a session"))?;
            if note.as_ref().is_some_and(has_control_characters) {
                return Err(pusher_finding("`Note` contains control characters"));
            }
            Ok(ParsedRequest::Close { session, note })
        }
        BreakGlassRequest::Open { incident, reason, limit } => {
            check_field(policy, "Incident", 1, &change)?;
            check_field(policy, policy::EMERGENCY_REASON_FIELD, MIN_REASON_CHARACTERS, &change)?;
            if MAX_INCIDENT_BYTES < incident.as_bytes().len() {
                return Err(pusher_finding("`Incident` is too long to be one incident's name"));
            }
            let until = find_session_end(policy, &limit, now)?;
            Ok(ParsedRequest::Open { incident, reason, until })
        }
    }
}

/// Returns until when a session is open that is opened now for so long.
fn find_session_end(policy: &Policy, limit: &Text, now: Timestamp) -> Result<Timestamp, Box<Finding>> {
    let asked = policy.break_glass.as_ref().ok_or_else(no_opener_finding)?;
    let minutes = limit.as_utf8().ok_or_else(|| "it is not UTF-8".to_owned());
    let minutes = minutes.and_then(policy::break_glass::parse_session_minutes);
    let minutes = minutes.map_err(|why| pusher_finding(format!("`Session-Limit`: {why}")))?;
    if asked.max_minutes < minutes {
        let longest = crate::calendar::TimeLimit::Minutes(asked.max_minutes);
        return Err(pusher_finding(format!("the policy lets a session be open for at most {longest}")));
    }
    let until = now.checked_add(SignedDuration::from_mins(i64::from(minutes)));
    until.map_err(|_| pusher_finding("that lies beyond all calendars"))
}

/// Asks whether a field is stated as the policy wants it, or where the policy has no such field, in
/// words of some substance.
fn check_field(policy: &Policy, name: &str, shortest: u64, change: &Change) -> Result<(), Box<Finding>> {
    let usual = FieldDefinition {
        name: name.into(),
        aliases: Vec::new(),
        kind: FieldKind::Text { min_length: shortest, refused_phrases: Vec::new() },
        is_repeatable: false,
        on_conflict: ConflictResolution::Refuse,
    };
    match policy.vocabulary.find_field(name).map_or(&usual, |field| field.as_ref()).read_from_change(change) {
        FieldReading::Stated { .. } => Ok(()),
        FieldReading::Absent => Err(pusher_finding(format!("`{name}` is not stated"))),
        FieldReading::Invalid(findings) => {
            let first = findings.into_iter().next().map(|finding| finding.message);
            Err(Box::new(Finding::new(first.unwrap_or_default()).fixed_by("the pusher")))
        }
    }
}

/// Returns who pushes, if that is a person, and whether he belongs to a team that the policy names.
fn identify_pusher(settings: &GateSettings, policy: &Policy) -> Result<(Contributor, bool), Box<Finding>> {
    let teams = &policy.break_glass.as_ref().ok_or_else(no_opener_finding)?.teams;
    let account = match &settings.pusher {
        Ok(PusherIdentity::Account(account)) => account,
        Ok(PusherIdentity::Unidentified) | Err(_) => {
            let what =
                "nobody can tell who pushes, and a break-glass session is somebody's; set changegate.pusher";
            return Err(Box::new(Finding::new(Sentence::from_words(what)).fixed_by(ADMINISTRATOR_ROLE)));
        }
    };
    let quoted = |words: &str| {
        let what = Sentence::from_words("the pusher, ").with_quote(account).with_words(format!(", {words}"));
        Box::new(Finding::new(what).fixed_by("the pusher"))
    };
    match (policy.people.identify_account(account), account_contributor(account, &policy.people)) {
        (ResolvedIdentity::Human(key), Some(hand)) => {
            Ok((hand, teams.iter().any(|team| policy.people.is_member(&key, team))))
        }
        (ResolvedIdentity::Bot, _) => Err(quoted("is a bot, and a break-glass session is a person's")),
        _ => Err(quoted("is nobody whom the roster knows")),
    }
}

fn has_control_characters(text: &Text) -> bool {
    text.as_bytes().iter().any(u8::is_ascii_control)
}

fn no_opener_finding() -> Box<Finding> {
    let what = "the policy names nobody who may open a break-glass session";
    let finding = Finding::new(Sentence::from_words(what)).fixed_by("whoever keeps the policy");
    Box::new(finding.with_paste("break-glass: { from: [<team>] }"))
}

fn pusher_finding(what: impl Into<String>) -> Box<Finding> {
    Box::new(Finding::new(Sentence::from_words(what)).fixed_by("the pusher"))
}
