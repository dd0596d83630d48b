//! Break-glass sessions as they are requested: a commit with a message and no files, pushed to a ref of
//! its own.
//!
//! To open or close a session, a person pushes a commit without parent and files to
//! `refs/changegate/break-glass/` and an id. The server accepts it from a person whom the policy names,
//! writes it into the ledger, and removes the ref. How it relates to earlier sessions is for the ledger
//! to check.

pub(crate) mod request;

use jiff::Timestamp;

use crate::change::{Oid, PusherIdentity, Text};
pub(crate) use crate::gate::break_glass::request::MAX_INCIDENT_BYTES;
pub use crate::gate::break_glass::request::{
    AuthorisedRequest, BreakGlassRequest, ParsedRequest, REQUEST_REF_PREFIX, SESSION_ID_DIGITS,
    is_request_ref, is_session_id, parse_request,
};
use crate::gate::break_glass::request::{find_session_id, no_teams_finding, pusher_finding};
use crate::gate::policy_findings::{build_protected_group, build_ref_group};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::push_facts::PushFacts;
use crate::gate::settings::GateSettings;
use crate::git::{MessageOnlyFault, RefUpdate, Repository, ResolvedRef};
use crate::people::ResolvedIdentity;
use crate::people::contributors::{Contributor, account_contributor};
use crate::policy::Policy;
use crate::push::{GateRule, refuse_by_findings};
use crate::report::ReportGroup;
use crate::verdict::{Finding, Fixer, Judgement, Message, MessageValue, messages};

messages! {
    SEVERAL_REFS = "break-glass.several-refs":
        "a push that requests a break-glass session names one ref and no other";
    INVALID_ID = "break-glass.invalid-id":
        "the name of the ref ends in {digits} digits out of 0 to 9 and a to f";
    REQUEST_CHANGED = "break-glass.request-changed":
        "a request cannot be changed or withdrawn; push a new one";
    REQUEST_UNREADABLE = "break-glass.request-unreadable":
        "cannot read the commit of the request: {detail}";
    INVALID_COMMIT = "break-glass.invalid-commit":
        "the commit of the request cannot be used: it {detail}";
    TOO_LONG = "break-glass.commit-too-long":
        "has {size} bytes, and at most {limit} are read";
    NOT_A_COMMIT = "break-glass.not-a-commit":
        "is a {kind}";
    COMMIT_ABSENT = "break-glass.commit-absent":
        "does not exist";
    COMMIT_UNREADABLE = "break-glass.commit-unreadable":
        "cannot be read: {detail}";
    HAS_HISTORY = "break-glass.commit-has-history":
        "has a history, and stands alone in this form";
    HAS_FILES = "break-glass.commit-has-files":
        "holds files, and carries nothing but words in this form";
    NOT_IN_TEAM = "break-glass.not-in-team":
        "the pusher is not in {teams/or}, so they cannot open a break-glass session";
    UNKNOWN_PUSHER = "break-glass.unknown-pusher":
        "the pusher is unknown; set `changegate.pusher`";
    BOT_PUSHER = "break-glass.bot-pusher":
        "the pusher {pusher} is a bot; only a person can request a break-glass session";
    ABSENT_PUSHER = "break-glass.absent-pusher":
        "the pusher {pusher} has left or has not joined yet, by `left` and `joined` of the roster";
    NOT_IN_ROSTER = "break-glass.not-in-roster":
        "the pusher {pusher} is not in the roster";
}

/// The most bytes that the commit of a request can have.
const MAX_REQUEST_BYTES: u64 = 8 << 10;

/// A push that names a ref of requests.
pub(crate) struct RequestPush<'push> {
    pub(crate) repository: &'push Repository,
    /// Everything that the push names.
    pub(crate) updates: &'push [RefUpdate],
    pub(crate) settings: &'push GateSettings,
    pub(crate) now: Timestamp,
}

impl RequestPush<'_> {
    /// Judges the update of the ref `at`, and sets its request in `facts`. `base` is the policy of the
    /// policy ref before the push.
    pub(crate) fn judge_request_ref(
        &self,
        update: &RefUpdate,
        at: &ResolvedRef,
        base: Result<&LoadedPolicy, Judgement>,
        facts: &mut PushFacts,
    ) -> ReportGroup {
        let loaded = match base {
            Ok(loaded) => loaded,
            Err(judgement) => return build_ref_group(update, at.id, vec![judgement]),
        };
        let mut group = build_protected_group(update, at, Vec::new());
        if let Some(judged_as) = &mut group.judged_ref {
            judged_as.policies = vec![loaded.origin()];
        }
        match self.judge_request(at.id, &loaded.policy) {
            Ok(request) => facts.set_request(request),
            Err(findings) => group.refusals.push(refuse_by_findings(GateRule::BreakGlass, findings)),
        }
        group
    }

    /// Returns the request, where the ref holds `old`, or every finding that refuses it.
    fn judge_request(&self, old: Option<Oid>, policy: &Policy) -> Result<AuthorisedRequest, Vec<Finding>> {
        let [update] = self.updates else { return Err(vec![*pusher_finding(&SEVERAL_REFS)]) };
        let mut findings = Vec::new();
        let id = find_session_id(&update.name);
        if id.is_none() {
            findings.push(*pusher_finding(INVALID_ID.with("digits", SESSION_ID_DIGITS)));
        }
        if update.new.is_null() || !update.old.is_null() || old.is_some() {
            findings.push(*pusher_finding(&REQUEST_CHANGED));
            return Err(findings);
        }
        // Who asks and what they ask are told at once, so that one push shows every reason.
        let by =
            identify_pusher(self.settings, policy, self.now).map_err(|finding| findings.push(*finding)).ok();
        let asks = match self.read_request(update, policy) {
            Ok(asks) => Some(asks),
            Err(found) => {
                // That the policy names no team is found by both.
                findings.extend(found.into_iter().filter(|one| by.is_some() || *one != *no_teams_finding()));
                None
            }
        };
        if let (Some((_, false)), Some(ParsedRequest::Open { .. }) | None) = (&by, &asks) {
            let teams = match &policy.break_glass {
                Some(asked) => asked.teams.clone(),
                None => Vec::new(),
            };
            let finding = Finding::new(NOT_IN_TEAM.with("teams", teams.clone()));
            findings.push(finding.fixed_by(Fixer::TeamMember(teams)));
        }
        match (id, by, asks) {
            (Some(id), Some((by, is_in_team)), Some(asks)) if findings.is_empty() => {
                Ok(AuthorisedRequest { id: id.to_owned(), by, is_in_team, asks })
            }
            _ => Err(findings),
        }
    }

    /// Returns what the pushed commit requests, or every finding that refuses it.
    fn read_request(&self, update: &RefUpdate, policy: &Policy) -> Result<ParsedRequest, Vec<Finding>> {
        match self.repository.read_message_only_commit(update.new, MAX_REQUEST_BYTES) {
            Ok(Ok(commit)) => parse_request(policy, commit, self.now),
            Ok(Err(fault)) => Err(vec![*pusher_finding(
                INVALID_COMMIT.with("detail", describe_commit_fault(fault, MAX_REQUEST_BYTES)),
            )]),
            Err(error) => {
                let detail = MessageValue::unrecorded(Text::from(format!("{error:#}")));
                let message = REQUEST_UNREADABLE.with("detail", detail);
                Err(vec![Finding::new(message).fixed_by(Fixer::ServerAdministrator)])
            }
        }
    }
}

/// Returns what is wrong with a commit that should stand alone and have at most `limit` bytes, as a message
/// that follows "it".
pub(crate) fn describe_commit_fault(fault: MessageOnlyFault, limit: u64) -> Message {
    match fault {
        MessageOnlyFault::TooLong(size) => TOO_LONG.with("size", size).with("limit", limit),
        MessageOnlyFault::NotACommit(kind) => NOT_A_COMMIT.with("kind", kind),
        MessageOnlyFault::Absent => Message::from(&COMMIT_ABSENT),
        MessageOnlyFault::Unreadable(reason) => {
            COMMIT_UNREADABLE.with("detail", MessageValue::unrecorded(reason))
        }
        MessageOnlyFault::HasHistory => Message::from(&HAS_HISTORY),
        MessageOnlyFault::HasFiles => Message::from(&HAS_FILES),
    }
}

/// Returns the pusher, if that is a person, and whether they belong to a team that the policy names.
fn identify_pusher(
    settings: &GateSettings,
    policy: &Policy,
    now: Timestamp,
) -> Result<(Contributor, bool), Box<Finding>> {
    let Some(asked) = &policy.break_glass else { return Err(no_teams_finding()) };
    let Ok(PusherIdentity::Account(account)) = &settings.pusher else {
        let finding = Finding::new(Message::from(&UNKNOWN_PUSHER));
        return Err(Box::new(finding.fixed_by(Fixer::ServerAdministrator)));
    };
    match (policy.people.identify_account(account), account_contributor(account, &policy.people)) {
        (ResolvedIdentity::Human(key), Some(contributor)) => {
            if policy.people.find_absence(&key, now).is_some() {
                let finding = Finding::new(ABSENT_PUSHER.with("pusher", account));
                return Err(Box::new(finding.fixed_by(Fixer::RosterOwner)));
            }
            let is_in_team = asked.teams.iter().any(|team| policy.people.is_own_member(&key, team, now));
            Ok((contributor, is_in_team))
        }
        (ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot, _) => {
            Err(pusher_finding(BOT_PUSHER.with("pusher", account)))
        }
        _ => {
            let finding = Finding::new(NOT_IN_ROSTER.with("pusher", account));
            Err(Box::new(finding.fixed_by(Fixer::RosterOwner)))
        }
    }
}
