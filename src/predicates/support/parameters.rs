//! Parameters and messages that more than one predicate has, so that they mean the same in each.

use jiff::Timestamp;

use crate::change::{Commit, Person, Text};
use crate::pattern::PathPattern;
use crate::people::ResolvedIdentity;
use crate::people::contributors::ResolvedContributor;
use crate::people::service::PersonAbsence;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::verdict::{Finding, Fixer, Message, MessageValue, messages};
use crate::yaml::decode::{MapReader, parse_each, read_bool, read_items, read_text, unknown_word_fault};
use crate::yaml::{YamlFault, YamlKey, YamlNode};

messages! {
    QUESTION_IN_TEAM = "identity.question-in-team": "is in {teams/or}";
    UNIDENTIFIED_CONTRIBUTOR = "contributors.unidentified":
        "{role}, {name}, cannot be identified, so no approval can be shown to be independent";
    UNLISTED_CONTRIBUTOR = "contributors.unlisted":
        "{role}, {name}, is not in the roster, so no approval can be shown to be independent; add {name} to `{roster}`";
    UNLISTED_ADDRESS = "contributors.unlisted-address":
        "{role}, {name}, is not in the roster, so no approval can be shown to be independent; add {address} to `{roster}`";
    UNLISTED_LIKE = "contributors.unlisted-like":
        "{role}, {name}, is not in the roster, so no approval can be shown to be independent; looks like `{person}`: if {address} is theirs, add it to their entry in `{roster}`";
    UNLISTED_BOT = "contributors.unlisted-bot":
        "{role}, {name}, is called like a bot and is not in the roster, so no approval can be shown to be independent; if it is a bot, add {address} to `bots` below `people` in the policy";
    UNLISTED_ACCOUNT = "contributors.unlisted-account":
        "{role}, {name}, is not in the roster, so no approval can be shown to be independent; if the account is that of `{person}`, add {name} to the `accounts` of `{person}` in `{roster}`";
    CONTRIBUTOR_LEFT = "contributors.left":
        "{role}, {name}, had left: their last day was {day}, so no approval can be shown to be independent; correct `left` of `{person}` in `{roster}`, or let a person who is there make the change";
    CONTRIBUTOR_NOT_JOINED = "contributors.not-joined":
        "{role}, {name}, had not joined: their first day is {day}, so no approval can be shown to be independent; correct `joined` of `{person}` in `{roster}`, or let a person who is there make the change";
    HAS_LEFT = "identity.has-left": "had left: their last day was {day}";
    HAS_NOT_JOINED = "identity.has-not-joined": "had not joined: their first day is {day}";
    NOT_IN_TEAM = "identity.not-in-team": "is not a member of {teams/or}";
    NOT_IN_ROSTER = "identity.not-in-roster": "is not in the roster";
    NOT_A_BOT = "identity.not-a-bot": "is not a bot";
    IS_A_BOT = "identity.is-a-bot": "is a bot";
    ONLY_CALLED_BOT = "identity.only-called-bot":
        "is called like a bot, and no account of a bot stands behind that name";
    MORE_PATHS = "paths.more": "{paths} and {more} more";
}

/// How many paths a finding lists.
const MAX_PATHS_LISTED: usize = 10;

/// Reads the names of teams, each of which the policy must have.
pub(crate) fn read_teams(
    node: &YamlNode,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Vec<String> {
    let mut names = Vec::new();
    for item in read_items(node, faults) {
        let Some(name) = read_text(item, faults) else { continue };
        if !scope.people.team_names().any(|team| team == name) {
            let key = YamlKey { at: item.at, text: name.to_owned() };
            faults.push(unknown_word_fault("team", &key, scope.people.team_names()));
        }
        names.push(name.to_owned());
    }
    names
}

/// Reads the list under `key`, item by item; empty if the key is absent.
pub(crate) fn read_list<T>(
    map: &mut MapReader<'_>,
    key: &'static str,
    faults: &mut Vec<YamlFault>,
    parse_item: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    match map.find_key(key) {
        Some(node) => parse_each(node, faults, parse_item),
        None => Vec::new(),
    }
}

/// Returns true if and only if this is a person who belongs to one of the teams at a time.
pub(crate) fn is_in_teams(
    identity: &ResolvedIdentity,
    teams: &[String],
    at: Timestamp,
    context: &EvaluationContext<'_>,
) -> bool {
    let ResolvedIdentity::Human(key) = identity else { return false };
    teams.iter().any(|team| context.people.is_member(key, team, at))
}

/// Returns the finding that one of the contributors cannot be identified, if there is one.
pub(crate) fn find_unidentified_contributor(
    participants: &[ResolvedContributor],
    context: &EvaluationContext<'_>,
) -> Option<Finding> {
    let unknown = participants.iter().find(|participant| participant.is_unaccounted())?;
    if let Some(absence) = unknown.absence {
        return Some(describe_absent_contributor(unknown, absence, context));
    }
    let mut owner = Fixer::RosterOwner;
    // No push can change a roster by which the server knows no pusher.
    if unknown.address.is_none() && context.change.pull.is_err() && !may_know_pusher(&unknown.name, context) {
        owner = Fixer::ServerAdministrator;
    }
    let what = match (&context.people.roster, &unknown.address) {
        (None, _) => Message::from(&UNIDENTIFIED_CONTRIBUTOR),
        // On a forge the account tells who is a bot, and a listed address does not.
        (Some(_), Some(address)) if context.change.pull.is_err() && is_called_bot(unknown, context) => {
            owner = Fixer::PolicyOwner;
            UNLISTED_BOT.with("address", address)
        }
        (Some(roster), Some(address)) => match context.people.find_look_alike(&unknown.name, Some(address)) {
            Some(person) => UNLISTED_LIKE.with("person", context.people.name_person(person)),
            None => Message::from(&UNLISTED_ADDRESS),
        }
        .with("roster", roster.as_str())
        .with("address", address),
        (Some(roster), None) => match context.people.find_namesake(&unknown.name) {
            Some(person) => UNLISTED_ACCOUNT.with("roster", roster.as_str()).with("person", person),
            None => UNLISTED_CONTRIBUTOR.with("roster", roster.as_str()),
        },
    };
    let what = what.with("role", unknown.role).with("name", &unknown.name);
    Some(Finding::new(what).fixed_by(owner))
}

/// Returns true if the roster lists accounts of the kind of this one.
fn may_know_pusher(account: &Text, context: &EvaluationContext<'_>) -> bool {
    let people = context.people;
    people.roster.is_none() || people.may_know_account(account)
}

/// Returns the finding that a contributor was not there when the change was seen.
fn describe_absent_contributor(
    contributor: &ResolvedContributor,
    absence: PersonAbsence,
    context: &EvaluationContext<'_>,
) -> Finding {
    let (template, day) = match absence {
        PersonAbsence::Left(day) => (&CONTRIBUTOR_LEFT, day),
        PersonAbsence::NotJoined(day) => (&CONTRIBUTOR_NOT_JOINED, day),
    };
    let key = match &contributor.identity {
        ResolvedIdentity::Human(key) => key.as_str(),
        _ => "",
    };
    let what = template
        .with("role", contributor.role)
        .with("name", &contributor.name)
        .with("day", day.to_string())
        .with("person", key)
        .with("roster", context.people.roster.as_deref().unwrap_or("the roster"));
    Finding::new(what).fixed_by(Fixer::RosterOwner)
}

/// Returns why none of these identities of one person was there when the change was seen; `None` if one was, or none is
/// that of a person.
pub(crate) fn find_identity_absence(
    identities: &[ResolvedIdentity],
    context: &EvaluationContext<'_>,
) -> Option<Message> {
    let mut absence = None;
    for identity in identities {
        let ResolvedIdentity::Human(key) = identity else { continue };
        absence = Some(context.people.find_absence(key, context.change.seen_at)?);
    }
    Some(match absence? {
        PersonAbsence::Left(day) => HAS_LEFT.with("day", day.to_string()),
        PersonAbsence::NotJoined(day) => HAS_NOT_JOINED.with("day", day.to_string()),
    })
}

/// Returns true if a pattern of `bots` matches the name or the address of a contributor.
fn is_called_bot(contributor: &ResolvedContributor, context: &EvaluationContext<'_>) -> bool {
    let Some(email) = contributor.address.clone() else { return false };
    let person = Person { name: contributor.name.clone(), email };
    context.people.identify_person(&person) == ResolvedIdentity::ClaimedBot
}

/// What a person has to be to the policy: `team` and `bot`, both of which must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct IdentityRequirement {
    teams: Vec<String>,
    bot: Option<bool>,
}

impl IdentityRequirement {
    pub(crate) fn read_identity(
        map: &mut MapReader<'_>,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Self {
        let mut required = IdentityRequirement::default();
        if let Some(node) = map.find_key("team") {
            required.teams = read_teams(node, scope, faults);
        }
        if let Some(node) = map.find_key("bot") {
            required.bot = read_bool(node, faults);
        }
        required
    }

    /// Returns the teams, of one of which the person has to be; empty for everyone.
    pub(crate) fn asked_teams(&self) -> &[String] {
        &self.teams
    }

    /// Returns why a person is not accepted, as a message that follows their name; `None` if they
    /// are. `identities` are the one or several ways in which the person is known.
    pub(crate) fn find_mismatch(
        &self,
        identities: &[ResolvedIdentity],
        context: &EvaluationContext<'_>,
    ) -> Option<Message> {
        let asks_person = !self.teams.is_empty() || self.bot == Some(false);
        if asks_person && let Some(absence) = find_identity_absence(identities, context) {
            return Some(absence);
        }
        let at = context.change.seen_at;
        let mut is_member = self.teams.is_empty();
        let mut is_human = false;
        for identity in identities {
            is_member |= is_in_teams(identity, &self.teams, at, context);
            is_human |= matches!(identity, ResolvedIdentity::Human(_));
        }
        if !is_member {
            return Some(NOT_IN_TEAM.with("teams", self.teams.clone()));
        }
        let is_bot = identities.contains(&ResolvedIdentity::Bot);
        let is_called_bot = identities.contains(&ResolvedIdentity::ClaimedBot);
        match (self.bot, is_bot, is_human) {
            (None, ..) | (Some(true), true, _) => None,
            // A name that only looks like that of a bot has the rights of neither.
            (Some(true), false, _) if is_called_bot => Some(Message::from(&ONLY_CALLED_BOT)),
            (Some(false), false, _) if is_called_bot => Some(Message::from(&IS_A_BOT)),
            (Some(false), false, true) => None,
            (Some(_), false, false) => Some(Message::from(&NOT_IN_ROSTER)),
            (Some(true), false, true) => Some(Message::from(&NOT_A_BOT)),
            (Some(false), true, _) => Some(Message::from(&IS_A_BOT)),
        }
    }

    /// Returns what is asked, each in words that follow a name.
    pub(crate) fn describe_parts(&self) -> Vec<Message> {
        let mut parts = Vec::new();
        if !self.teams.is_empty() {
            parts.push(QUESTION_IN_TEAM.with("teams", self.teams.clone()));
        }
        match self.bot {
            Some(true) => parts.push(Message::from(&IS_A_BOT)),
            Some(false) => parts.push(Message::from(&NOT_A_BOT)),
            None => {}
        }
        parts
    }
}

/// Returns true if and only if one of the patterns matches.
pub(crate) fn matches_any_pattern(patterns: &[PathPattern], path: &Text) -> bool {
    patterns.iter().any(|pattern| pattern.matches_path(path.as_bytes()))
}

/// Returns true if one of the patterns covers `path`, which no name of a file does for what is below it.
pub(crate) fn is_covered_by_pattern(patterns: &[PathPattern], path: &Text) -> bool {
    patterns.iter().any(|pattern| pattern.covers_path(path.as_bytes()))
}

/// Returns patterns, each in backticks.
pub(crate) fn quote_patterns<T: ToString>(patterns: &[T]) -> Vec<String> {
    let mut quoted = Vec::new();
    for pattern in patterns {
        quoted.push(format!("`{}`", pattern.to_string()));
    }
    quoted
}

/// Returns paths as the value of a message, at most ten of them by name.
pub(crate) fn list_paths(paths: &[&Text]) -> MessageValue {
    let (listed, more) = paths.split_at(paths.len().min(MAX_PATHS_LISTED));
    if more.is_empty() {
        return listed.to_vec().into();
    }
    MORE_PATHS.with("paths", listed.to_vec()).with("more", more.len()).into()
}

/// Returns a finding about one commit.
pub(crate) fn commit_finding(commit: &Commit, what: impl Into<Message>) -> Finding {
    Finding::new(what).in_commit(commit.id)
}
