//! What a change of a push has to do with what is owed: who made it, so that he can be found again,
//! and what it says for an earlier change.
//!
//! A later change speaks for an earlier one by `For-Change: COMMIT`, and states in its other trailers
//! what was missing. It is read by the policy that judges it, like everything else that it says.

use crate::change::{Change, Fact, Oid, Person, PusherIdentity, Text};
use crate::people::contributors::{Contributor, account_contributor, find_contributors, to_contributors};
use crate::policy::{EMERGENCY_CLASS, ObligationPolicy, Policy};
use crate::verdict::{RuleOutcome, Verdict};
use crate::vocabulary::{FieldClaim, FieldDefinition, FieldKind, FieldReading};

/// The trailer by which a change speaks for an earlier one.
pub const FOR_CHANGE_TRAILER: &str = "For-Change";

/// How many digits of an id it takes at least.
const MIN_CHANGE_DIGITS: usize = 12;

/// How a record of the ledger is named where a commit cannot be.
const RECORD_PREFIX: &str = "ledger:";

/// Returns how a change speaks for a record of the ledger.
pub fn format_record_reference(number: u64) -> String {
    format!("{RECORD_PREFIX}{number}")
}

/// A change, and who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeContributors {
    /// Its final revision.
    pub change: Oid,
    /// Those who made it, bots aside.
    pub by: Vec<Contributor>,
    /// Whether that is all of them.
    pub is_complete: bool,
}

/// How a change came to its ref, where a forge says that a pull request brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedPull {
    /// The final revision that was judged.
    pub change: Oid,
    /// The pull request, as in `acme/shop#12`.
    pub pull: Text,
    /// The commit as which it landed.
    pub landed_as: Oid,
    /// The rules that owe something, and that a review of the pull request would keep.
    pub reviewable: Vec<String>,
}

/// What a change says for earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObligationClosing {
    /// The change that says it.
    pub made: ChangeContributors,
    /// The first digits of the ids of those that it speaks for, or `ledger:` and the number of a record.
    pub speaks_for: Vec<String>,
    /// What it states, and how the policy accepts it.
    pub states: Vec<ClosingStatement>,
    /// What it says for what landed without a decision, if whoever pushes it may.
    pub declares: Option<LateDeclaration>,
}

/// That a change says for an earlier one what is asked of an emergency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateDeclaration {
    /// Whoever pushes it, or merges it on a forge, who belongs to a team that may declare what landed without a decision.
    pub by: Contributor,
    /// Whether it states the reason and the incident, as the policy asks that of emergencies.
    pub is_stated: bool,
}

/// A field that is stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingStatement {
    /// Its name in the policy.
    pub field: String,
    /// For a field that names people: those who can be identified, bots aside.
    pub people: Option<Vec<Contributor>>,
    /// For a field whose tickets a ticket system can confirm: their keys. Without it the statement
    /// proves nothing.
    pub tickets: Option<Vec<Text>>,
}

/// What the changes of one ref have to do with what is owed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefObligations {
    /// What the policies of the ref ask about what is owed.
    pub requirements: ObligationPolicy,
    /// How many changes are no emergencies.
    pub ordinary_count: usize,
    /// The emergencies.
    pub emergencies: Vec<ChangeContributors>,
    /// The changes that owe something.
    pub owing_changes: Vec<ChangeContributors>,
    /// What is said for earlier changes.
    pub closings: Vec<ObligationClosing>,
}

/// What one change has to do with what is owed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChangeObligations {
    is_emergency: bool,
    owes: bool,
    contributors: Option<ChangeContributors>,
    closing: Option<ObligationClosing>,
}

impl ChangeObligations {
    /// Returns it for a change that was judged by this policy, where `base` is the one of the policy ref.
    pub(crate) fn from_change(
        change: &Change,
        policy: &Policy,
        base: &Policy,
        verdict: &Verdict,
    ) -> ChangeObligations {
        ChangeObligations::from_landed_change(change, policy, Some((base, &change.pusher)), verdict)
    }

    /// Returns it where somebody else than the pusher may be the one who landed it, and it may not be
    /// known what the policy ref says.
    pub(crate) fn from_landed_change(
        change: &Change,
        policy: &Policy,
        by: Option<(&Policy, &Fact<PusherIdentity>)>,
        verdict: &Verdict,
    ) -> ChangeObligations {
        let is_emergency = verdict.class.as_deref() == Some(EMERGENCY_CLASS);
        let owes = verdict.judgements.iter().any(|one| matches!(one.outcome, RuleOutcome::Owed(_)));
        let made = if is_emergency || owes { find_change_contributors(change, policy) } else { None };
        let closing = find_closing(change, policy, by.map(|(base, _)| base));
        let declares = by.and_then(|(base, pusher)| find_declaration(change, pusher, base));
        let closing = closing.map(|closing| ObligationClosing { declares, ..closing });
        ChangeObligations { is_emergency, owes, contributors: made, closing }
    }
}

impl RefObligations {
    /// Adds a change.
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
        change: change.tip()?.id?,
        by: to_contributors(&found),
        is_complete: missing.is_none(),
    })
}

/// Returns what a change says for earlier ones; `None` if it speaks for none. What it states counts as far as
/// `policy` accepts it, and `base`, the one of the policy ref, where that has such a field.
pub fn find_closing(change: &Change, policy: &Policy, base: Option<&Policy>) -> Option<ObligationClosing> {
    let speaks_for = list_referenced_changes(change);
    if speaks_for.is_empty() {
        return None;
    }
    let states = list_stated_fields(change, policy);
    let states = base.into_iter().fold(states, |states, base| keep_accepted(states, change, base));
    Some(ObligationClosing {
        made: find_change_contributors(change, policy)?,
        speaks_for,
        states,
        declares: None,
    })
}

/// Returns what a change says for what landed without a decision; `None` if it is not known who pushes
/// it, or he may not. What a sweep finds later was pushed by nobody knows whom.
fn find_declaration(
    change: &Change,
    pusher: &Fact<PusherIdentity>,
    policy: &Policy,
) -> Option<LateDeclaration> {
    let regularise = policy.obligations.regularise.as_ref()?;
    let Ok(PusherIdentity::Account(account)) = pusher else { return None };
    let by = account_contributor(account, &policy.people)?;
    let is_member = |key: &str| regularise.teams.iter().any(|team| policy.people.is_member(key, team));
    by.key.as_deref().filter(|key| is_member(key))?;
    Some(LateDeclaration { by, is_stated: policy.is_emergency_stated(change) })
}

/// Returns the ids, or their first digits, of the changes that a change speaks for.
fn list_referenced_changes(change: &Change) -> Vec<String> {
    let trailers = change.commits.iter().flat_map(|commit| commit.message.trailers().iter());
    let trailers = trailers.map(|trailer| (&trailer.key, &trailer.value));
    // What is squashed may keep nothing of the commits.
    let statements = change.pull.iter().flat_map(|pull| &pull.statements);
    let stated = statements.map(|statement| (&statement.label, &statement.value));
    let named = trailers.chain(stated).filter(|(key, _)| key.eq_ignore_ascii_case(FOR_CHANGE_TRAILER));
    let mut found: Vec<String> = named.filter_map(|(_, value)| parse_change_reference(value)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns what one `For-Change` names: the first digits of an id, or `ledger:` and a number.
pub fn parse_change_reference(value: &Text) -> Option<String> {
    let value = value.as_utf8()?.trim();
    if let Some(number) = value.strip_prefix(RECORD_PREFIX) {
        let number: u64 = number.parse().ok()?;
        return Some(format_record_reference(number));
    }
    let is_id =
        (MIN_CHANGE_DIGITS..=64).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| value.to_ascii_lowercase())
}

/// Returns what a change states in a field, each value once; nothing if that does not count.
pub fn list_field_values(change: &Change, field: &FieldDefinition) -> Vec<Text> {
    match field.read_from_change(change) {
        FieldReading::Stated { claims, .. } => distinct_values(&claims),
        FieldReading::Absent | FieldReading::Invalid(_) => Vec::new(),
    }
}

fn distinct_values(claims: &[FieldClaim<'_>]) -> Vec<Text> {
    let mut found: Vec<Text> = Vec::new();
    for claim in claims {
        if !found.contains(claim.value) {
            found.push(claim.value.clone());
        }
    }
    found
}

/// Returns what another policy accepts as well of what is stated. A branch that is older than a ticket system
/// would take any key for a ticket.
fn keep_accepted(states: Vec<ClosingStatement>, change: &Change, base: &Policy) -> Vec<ClosingStatement> {
    let one = |one: ClosingStatement| {
        let Some(field) = base.vocabulary.find_field(&one.field) else { return Some(one) };
        let FieldReading::Stated { claims, .. } = field.read_from_change(change) else { return None };
        let confirmed = base.can_confirm_field(&one.field).then(|| distinct_values(&claims));
        Some(ClosingStatement { tickets: confirmed.or(one.tickets), ..one })
    };
    states.into_iter().filter_map(one).collect()
}

fn list_stated_fields(change: &Change, policy: &Policy) -> Vec<ClosingStatement> {
    let mut found = Vec::new();
    for field in policy.vocabulary.fields() {
        let FieldReading::Stated { claims, .. } = field.read_from_change(change) else { continue };
        let people = matches!(field.kind, FieldKind::Person).then(|| {
            let persons = claims.iter().filter_map(|claim| Person::parse_person(claim.value.as_bytes()).ok());
            let one = |person: Person| {
                Contributor::from_identity(&policy.people.identify_person(&person), &person.name, None)
            };
            persons.filter_map(one).filter(|maker| maker.key.is_some()).collect()
        });
        let tickets = policy.can_confirm_field(&field.name).then(|| distinct_values(&claims));
        found.push(ClosingStatement { field: field.name.clone(), people, tickets });
    }
    found
}
