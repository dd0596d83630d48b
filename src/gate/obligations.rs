//! What a change of a push has to do with obligations: its contributors, so that they can be found
//! again, and what it states for an earlier change.
//!
//! A later change speaks for an earlier one by `For-Change: COMMIT`, and states in its other trailers
//! what was missing. It is read by the policy that judges it, like everything else that it states.

use crate::change::pull_request::PullContributor;
use crate::change::{Change, Fact, Oid, Person, PusherIdentity, Text};
use crate::people::ResolvedIdentity;
use crate::people::contributors::{Contributor, account_contributor, find_contributors, to_contributors};
use crate::policy::{FOR_CHANGE_TRAILER, ObligationPolicy, Policy, is_emergency_class};
use crate::verdict::{RuleId, RuleOutcome, Verdict};
use crate::vocabulary::{FieldClaim, FieldDefinition, FieldKind, FieldReading};

/// The fewest digits of a commit id in that trailer.
const MIN_CHANGE_DIGITS: usize = 12;

/// The prefix of a record number, where no commit can be named.
const RECORD_PREFIX: &str = "ledger:";

/// Returns the reference by which a change speaks for a record of the ledger.
pub(crate) fn format_record_reference(number: u64) -> String {
    format!("{RECORD_PREFIX}{number}")
}

/// Returns the number of the record that a reference names; `None` for any other text.
pub(crate) fn parse_record_reference(reference: &str) -> Option<u64> {
    reference.strip_prefix(RECORD_PREFIX)?.parse().ok()
}

/// A change and its contributors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeContributors {
    /// The final revision of the change.
    pub change: Oid,
    /// The contributors, without bots.
    pub by: Vec<Contributor>,
    /// True if these are all contributors.
    pub is_complete: bool,
}

/// The way of a change to its ref, where a forge says that a pull request brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedPull {
    /// The final revision that was judged.
    pub change: Oid,
    /// The pull request, as in `acme/shop#12`.
    pub pull: Text,
    /// The commit that landed on the ref.
    pub landed_as: Oid,
    /// The rules with an obligation that a review of the pull request would meet.
    pub reviewable: Vec<RuleId>,
}

/// What a change states for earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObligationClosing {
    /// The change that states it; without contributors if a bot states it, since no person vouches for it then.
    pub made: ChangeContributors,
    /// The first digits of the ids of the changes that it speaks for, or `ledger:` and the number of a record.
    pub speaks_for: Vec<String>,
    /// The fields that it states and the policy accepts.
    pub states: Vec<ClosingStatement>,
    /// What it states for an unauthorised change, if its pusher is in a team that can regularise it.
    pub late_statement: Option<LateStatement>,
}

/// What a later change states for an unauthorised change, to regularise it as an emergency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateStatement {
    /// The person who pushes it, or merges it on a forge; a member of a team that can
    /// regularise unauthorised changes.
    pub by: Contributor,
    /// True if it states the reason and the incident, as the policy asks of emergencies.
    pub is_stated: bool,
}

/// A field that closes an obligation, as it is stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingStatement {
    /// The name of the field in the policy.
    pub field: String,
    /// For a field that names people: those who can be identified, without bots.
    pub people: Option<Vec<Contributor>>,
    /// For a field whose tickets a ticket system can confirm: their keys. Without it the statement
    /// proves nothing.
    pub tickets: Option<Vec<Text>>,
}

/// What the changes of one ref have to do with obligations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefObligations {
    /// What the policies of the ref ask about obligations.
    pub requirements: ObligationPolicy,
    /// How many changes are not emergencies.
    pub ordinary_count: usize,
    /// The changes that are emergencies.
    pub emergencies: Vec<ChangeContributors>,
    /// The changes that bring obligations.
    pub owing_changes: Vec<ChangeContributors>,
    /// What changes state for earlier ones.
    pub closings: Vec<ObligationClosing>,
}

/// What one change has to do with obligations.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChangeObligations {
    is_emergency: bool,
    owes: bool,
    contributors: Option<ChangeContributors>,
    closing: Option<ObligationClosing>,
}

impl ChangeObligations {
    /// Returns the obligations of a pushed change that was judged by this policy; `base` is the policy of
    /// the policy ref.
    pub(crate) fn from_change(
        change: &Change,
        policy: &Policy,
        base: &Policy,
        verdict: &Verdict,
    ) -> ChangeObligations {
        ChangeObligations::from_landed_change(change, policy, Some((base, &change.pusher)), verdict)
    }

    /// Returns the obligations of a change that has landed; `by` is the policy of the policy ref and who
    /// landed the change, which need not be the pusher, as far as both are known.
    pub(crate) fn from_landed_change(
        change: &Change,
        policy: &Policy,
        by: Option<(&Policy, &Fact<PusherIdentity>)>,
        verdict: &Verdict,
    ) -> ChangeObligations {
        let is_emergency = verdict.class.as_ref().is_some_and(|class| is_emergency_class(class.as_str()));
        let owes = verdict.judgements.iter().any(|one| matches!(one.outcome, RuleOutcome::Owed(_)));
        let made = if is_emergency || owes { find_change_contributors(change, policy) } else { None };
        let mut closing = find_closing(change, policy, by.map(|(base, _)| base));
        if let (Some(closing), Some((base, pusher))) = (&mut closing, by) {
            closing.late_statement = find_late_statement(change, pusher, base);
        }
        ChangeObligations { is_emergency, owes, contributors: made, closing }
    }
}

impl RefObligations {
    /// Adds the obligations of a change.
    pub(crate) fn add_change(&mut self, due: ChangeObligations) {
        self.ordinary_count += usize::from(!due.is_emergency);
        if let Some(made) = due.contributors {
            if due.owes {
                self.owing_changes.push(made.clone());
            }
            if due.is_emergency {
                self.emergencies.push(made);
            }
        }
        self.closings.extend(due.closing);
    }
}

fn find_change_contributors(change: &Change, policy: &Policy) -> Option<ChangeContributors> {
    let (found, missing) = find_contributors(change, &policy.people);
    Some(ChangeContributors {
        change: change.tip().id?,
        by: to_contributors(&found),
        is_complete: missing.is_none(),
    })
}

/// Returns what a change states for earlier ones; `None` if it speaks for none.
///
/// A field counts as far as `policy` accepts it, and `base`, the policy of the policy ref, if that has
/// such a field.
pub fn find_closing(change: &Change, policy: &Policy, base: Option<&Policy>) -> Option<ObligationClosing> {
    let speaks_for = list_referenced_changes(change, policy);
    if speaks_for.is_empty() {
        return None;
    }
    let mut states = list_stated_fields(change, policy);
    if let Some(base) = base {
        states = keep_accepted(states, change, base);
    }
    let mut made = find_change_contributors(change, policy)?;
    if !is_stated_by_person(change, policy) {
        made.by.clear();
    }
    Some(ObligationClosing { made, speaks_for, states, late_statement: None })
}

/// Returns false if a bot states what a change says for earlier ones, as approvals know bots: by the account that pushed
/// it or opened its pull request, or by the author of each commit that names an earlier change.
///
/// A contributor who only looks like a bot counts as a person, since that takes rights away. Here it would give one.
fn is_stated_by_person(change: &Change, policy: &Policy) -> bool {
    let people = &policy.people;
    if let Ok(PusherIdentity::Account(account)) = &change.pusher
        && is_bot_identity(&people.identify_account(account))
    {
        return false;
    }
    let machines = people.machine_accounts();
    let mut authors: &[PullContributor] = &[];
    let mut is_described = false;
    if let Ok(pull) = change.pull.as_deref() {
        if pull.opener.as_ref().is_some_and(|opener| machines.includes_account(opener)) {
            return false;
        }
        authors = pull.contributors.as_deref().unwrap_or_default();
        is_described = pull.statements.iter().any(|one| one.label.eq_ignore_ascii_case(FOR_CHANGE_TRAILER));
    }
    let is_machine_address = |person: &Person| {
        authors.iter().any(|author| {
            author.email.as_ref() == Some(&person.email)
                && author.account.as_ref().is_some_and(|account| machines.includes_account(account))
        })
    };
    let mut named_by = change.commits.iter().filter(|commit| {
        let mut trailers = commit.message.trailers().iter();
        trailers.any(|trailer| trailer.key.eq_ignore_ascii_case(FOR_CHANGE_TRAILER))
    });
    is_described
        || named_by.any(|commit| {
            !is_bot_identity(&people.identify_person(&commit.author)) && !is_machine_address(&commit.author)
        })
}

fn is_bot_identity(identity: &ResolvedIdentity) -> bool {
    matches!(identity, ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot)
}

/// Returns what a change states for an unauthorised change; `None` if its pusher is unknown, as in a
/// sweep, or in no team that can.
fn find_late_statement(
    change: &Change,
    pusher: &Fact<PusherIdentity>,
    policy: &Policy,
) -> Option<LateStatement> {
    let regularise = policy.obligations.regularise.as_ref()?;
    let Ok(PusherIdentity::Account(account)) = pusher else { return None };
    let by = account_contributor(account, &policy.people)?;
    let key = by.key.as_deref()?;
    if !regularise.teams.iter().any(|team| policy.people.is_own_member(key, team, change.seen_at)) {
        return None;
    }
    Some(LateStatement { by, is_stated: policy.is_emergency_stated(change) })
}

/// Returns the ids, or their first digits, of the changes that a change speaks for.
///
/// The description of a pull request that a bot opened names them only if the policy has such a field, and
/// lets this bot state it.
pub(crate) fn list_referenced_changes(change: &Change, policy: &Policy) -> Vec<String> {
    let mut found = Vec::new();
    for commit in &change.commits {
        for trailer in commit.message.trailers() {
            if trailer.key.eq_ignore_ascii_case(FOR_CHANGE_TRAILER) {
                found.extend(parse_change_reference(&trailer.value));
            }
        }
    }
    // A squash merge need not keep anything of the commits' messages.
    if let Ok(pull) = &change.pull
        && policy.vocabulary.may_state_label(FOR_CHANGE_TRAILER, pull, &policy.people)
    {
        for statement in &pull.statements {
            if statement.label.eq_ignore_ascii_case(FOR_CHANGE_TRAILER) {
                found.extend(parse_change_reference(&statement.value));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns the change that one `For-Change` names: the first digits of an id, or `ledger:` and a number.
pub(crate) fn parse_change_reference(value: &Text) -> Option<String> {
    let value = value.as_utf8()?.trim();
    if value.starts_with(RECORD_PREFIX) {
        return parse_record_reference(value).map(format_record_reference);
    }
    if !(MIN_CHANGE_DIGITS..=64).contains(&value.len()) || !value.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return None;
    }
    Some(value.to_ascii_lowercase())
}

/// Returns the values that a change states in a field, each once; none if the statement is not valid.
pub(crate) fn list_field_values(change: &Change, field: &FieldDefinition) -> Vec<Text> {
    match field.read_from_change(change) {
        FieldReading::Stated { claims, .. } => distinct_values(&claims),
        FieldReading::Absent | FieldReading::Invalid(_) | FieldReading::Unknown(_) => Vec::new(),
    }
}

fn distinct_values(claims: &[FieldClaim<'_>]) -> Vec<Text> {
    let mut found: Vec<Text> = Vec::new();
    for claim in claims {
        if !found.contains(&claim.value) {
            found.push(claim.value.clone().into_owned());
        }
    }
    found
}

/// Returns the statements that another policy accepts as well: a branch that is older than the ticket
/// system would take any key for a ticket.
fn keep_accepted(states: Vec<ClosingStatement>, change: &Change, base: &Policy) -> Vec<ClosingStatement> {
    let mut accepted = Vec::new();
    for mut state in states {
        if let Some(field) = base.vocabulary.find_field(&state.field) {
            let FieldReading::Stated { claims, .. } = field.read_from_change(change) else { continue };
            if base.can_confirm_field(&state.field) {
                state.tickets = Some(distinct_values(&claims));
            }
        }
        accepted.push(state);
    }
    accepted
}

/// Returns the people that a field names, as far as they can be identified; no bots.
fn identify_people(claims: &[FieldClaim<'_>], policy: &Policy) -> Vec<Contributor> {
    let mut people = Vec::new();
    for claim in claims {
        let Ok(person) = Person::parse_person(claim.value.as_bytes()) else { continue };
        let identity = policy.people.identify_person(&person);
        if let Some(contributor) = Contributor::from_identity(&identity, &person.name, None, None)
            && contributor.key.is_some()
        {
            people.push(contributor);
        }
    }
    people
}

fn list_stated_fields(change: &Change, policy: &Policy) -> Vec<ClosingStatement> {
    let mut found = Vec::new();
    for field in policy.vocabulary.fields() {
        let FieldReading::Stated { claims, .. } = field.read_from_change(change) else { continue };
        let people = match field.kind {
            FieldKind::Person => Some(identify_people(&claims, policy)),
            _ => None,
        };
        let tickets =
            if policy.can_confirm_field(&field.name) { Some(distinct_values(&claims)) } else { None };
        found.push(ClosingStatement { field: field.name.clone(), people, tickets });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::policy::{FetchedFile, load_policy};
    use crate::yaml;

    /// Returns what a pull request by `opener` speaks for, of which only the description names a change.
    fn named(policy: &str, opener: &str) -> Vec<String> {
        let text = format!("changegate: 1\nextends: [startup]\nprotects: [main]\n{policy}");
        let mut fetch =
            |file: &str| -> FetchedFile { Ok((file == "p.yml").then(|| text.clone().into_bytes())) };
        let policy = load_policy("p.yml", &mut fetch).unwrap_or_else(|errors| panic!("{errors:?}"));
        let change = format!(
            "stage: pull-request\ncommits: [{{ message: a }}]\npull: {{ opener: {opener:?}, template: x, body: \"x\\n\\nFor-Change: 1f0c3a9be27d\\n\" }}\n"
        );
        let mut faults = Vec::new();
        let change = fixture::read_change(&yaml::read_document(change.as_bytes()).unwrap(), &mut faults);
        list_referenced_changes(&change.unwrap_or_else(|| panic!("{faults:?}")), &policy)
    }

    #[test]
    fn a_bot_names_an_earlier_change_only_where_the_field_lets_it() {
        let spoken = ["1f0c3a9be27d"];
        assert_eq!(named("", "ana"), spoken);
        for opener in ["renovate[bot]", "acme-bot", "gone"] {
            assert_eq!(named("", opener), [""; 0], "{opener}");
        }
        assert_eq!(named("people: { bots: [robo] }\n", "robo"), [""; 0]);
        let field =
            "fields: { For-Change: { matches: '[0-9a-f]+', stated-by-bots: ['github:renovate[bot]'] } }\n";
        assert_eq!(named(field, "renovate[bot]"), spoken);
        assert_eq!(named(field, "ana"), spoken);
        assert_eq!(named(field, "other[bot]"), [""; 0]);
    }

    /// Returns true if a person states what this change says for an earlier one.
    fn is_by_person(stage: &str, author: &str, pull: &str) -> bool {
        let text = "changegate: 1\nextends: [startup]\nprotects: [main]\n";
        let mut fetch =
            |file: &str| -> FetchedFile { Ok((file == "p.yml").then(|| text.as_bytes().to_vec())) };
        let policy = load_policy("p.yml", &mut fetch).unwrap_or_else(|errors| panic!("{errors:?}"));
        let change = format!(
            "stage: {stage}\ncommits: [{{ author: {author:?}, message: \"a\\n\\nFor-Change: 1f0c3a9be27d\\n\" }}]\n{pull}"
        );
        let mut faults = Vec::new();
        let change = fixture::read_change(&yaml::read_document(change.as_bytes()).unwrap(), &mut faults);
        let closing = find_closing(&change.unwrap_or_else(|| panic!("{faults:?}")), &policy, None).unwrap();
        !closing.made.by.is_empty()
    }

    #[test]
    fn a_bot_makes_no_statement_of_a_person() {
        let ben = "Ben <ben@example.com>";
        assert!(is_by_person("check", ben, ""));
        assert!(!is_by_person("check", "ci[bot] <ci[bot]@example.com>", ""));
        assert!(!is_by_person("check", "Claude <noreply@anthropic.com>", ""));
        assert!(is_by_person("pull-request", ben, "pull: { opener: ben }\n"));
        assert!(!is_by_person("pull-request", ben, "pull: { opener: 'renovate[bot]' }\n"));
        let by_bot = "Claude <noreply@anthropic.com>";
        assert!(!is_by_person("pull-request", by_bot, "pull: { opener: ben }\n"));
        let described = "pull: { opener: ben, template: x, body: \"x\\n\\nFor-Change: 1f0c3a9be27d\\n\" }\n";
        assert!(is_by_person("pull-request", by_bot, described));
    }
}
