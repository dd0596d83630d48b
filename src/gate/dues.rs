//! What a change of a push has to do with what is owed: who made it, so that he can be found again,
//! and what it says for an earlier change.
//!
//! A later change speaks for an earlier one by `For-Change: COMMIT`, and states in its other trailers
//! what was missing. It is read by the policy that judges it, like everything else that it says.

use serde::{Deserialize, Serialize};

use crate::change::{Change, Fact, Oid, Person, Pusher, Text};
use crate::people::participants::{Hand, hand_of, makers, participants};
use crate::policy::{EMERGENCY, Obligations, Policy};
use crate::verdict::{Outcome, Verdict};
use crate::vocabulary::{Claim, Field, Kind, Reading};

/// The trailer by which a change speaks for an earlier one.
pub const FOR_CHANGE: &str = "For-Change";

/// How many digits of an id it takes at least.
const DIGITS: usize = 12;

/// How a record of the ledger is named where a commit cannot be.
const RECORD: &str = "ledger:";

/// Returns how a change speaks for a record of the ledger.
pub fn record(number: u64) -> String {
    format!("{RECORD}{number}")
}

/// A change, and who made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Made {
    /// Its final revision.
    pub change: Oid,
    /// Those who made it, bots aside.
    pub by: Vec<Hand>,
    /// Whether that is all of them.
    pub is_complete: bool,
}

/// How a change came to its ref, where a forge says that a pull request brought it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Brought {
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Closing {
    /// The change that says it.
    pub made: Made,
    /// The first digits of the ids of those that it speaks for, or `ledger:` and the number of a record.
    pub speaks_for: Vec<String>,
    /// What it states, and how the policy accepts it.
    pub states: Vec<Stated>,
    /// What it says for what landed without a decision, if whoever pushes it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declares: Option<Declares>,
}

/// That a change says for an earlier one what is asked of an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Declares {
    /// Whoever pushes it, or merges it on a forge, who belongs to a team that may declare what landed without a decision.
    pub by: Hand,
    /// Whether it states the reason and the incident, as the policy asks that of emergencies.
    pub is_stated: bool,
}

/// A field that is stated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stated {
    /// Its name in the policy.
    pub field: String,
    /// For a field that names people: those who can be identified, bots aside.
    pub people: Option<Vec<Hand>>,
    /// For a field whose tickets a ticket system can confirm: their keys. Without it the statement
    /// proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tickets: Option<Vec<Text>>,
}

/// What the changes of one ref have to do with what is owed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dues {
    /// What the policies of the ref ask about what is owed.
    pub asks: Obligations,
    /// How many changes are no emergencies.
    pub ordinary: usize,
    /// The emergencies.
    pub emergencies: Vec<Made>,
    /// The changes that owe something.
    pub owing: Vec<Made>,
    /// What is said for earlier changes.
    pub closings: Vec<Closing>,
}

/// What one change has to do with what is owed.
#[derive(Clone, Debug, Default)]
pub(super) struct Due {
    is_emergency: bool,
    owes: bool,
    made: Option<Made>,
    closing: Option<Closing>,
}

impl Due {
    /// Returns it for a change that was judged by this policy, where `base` is the one of the policy ref.
    pub(super) fn of(change: &Change, policy: &Policy, base: &Policy, verdict: &Verdict) -> Due {
        Due::by(change, policy, Some((base, &change.pusher)), verdict)
    }

    /// Returns it where somebody else than the pusher may be the one who landed it, and it may not be
    /// known what the policy ref says.
    pub(super) fn by(
        change: &Change,
        policy: &Policy,
        by: Option<(&Policy, &Fact<Pusher>)>,
        verdict: &Verdict,
    ) -> Due {
        let is_emergency = verdict.class.as_deref() == Some(EMERGENCY);
        let owes = verdict.judgements.iter().any(|one| matches!(one.outcome, Outcome::Owed(_)));
        let made = if is_emergency || owes { made(change, policy) } else { None };
        let closing = closing(change, policy, by.map(|(base, _)| base));
        let declares = by.and_then(|(base, pusher)| declares(change, pusher, base));
        let closing = closing.map(|closing| Closing { declares, ..closing });
        Due { is_emergency, owes, made, closing }
    }
}

impl Dues {
    /// Adds a change.
    pub(super) fn add(&mut self, due: Due) {
        self.ordinary += usize::from(!due.is_emergency);
        if let Some(made) = due.made {
            if due.owes {
                self.owing.push(made.clone());
            }
            if due.is_emergency {
                self.emergencies.push(made);
            }
        }
        self.closings.extend(due.closing);
    }
}

fn made(change: &Change, policy: &Policy) -> Option<Made> {
    let (found, missing) = participants(change, &policy.people);
    Some(Made { change: change.tip()?.id?, by: makers(&found), is_complete: missing.is_none() })
}

/// Returns what a change says for earlier ones; `None` if it speaks for none. What it states counts as far as
/// `policy` accepts it, and `base`, the one of the policy ref, where that has such a field.
pub fn closing(change: &Change, policy: &Policy, base: Option<&Policy>) -> Option<Closing> {
    let speaks_for = speaks_for(change);
    if speaks_for.is_empty() {
        return None;
    }
    let states = stated(change, policy);
    let states = base.into_iter().fold(states, |states, base| accepted(states, change, base));
    Some(Closing { made: made(change, policy)?, speaks_for, states, declares: None })
}

/// Returns what a change says for what landed without a decision; `None` if it is not known who pushes
/// it, or he may not. What a sweep finds later was pushed by nobody knows whom.
fn declares(change: &Change, pusher: &Fact<Pusher>, policy: &Policy) -> Option<Declares> {
    let regularise = policy.obligations.regularise.as_ref()?;
    let Ok(Pusher::Account(account)) = pusher else { return None };
    let by = hand_of(account, &policy.people)?;
    let is_member = |key: &str| regularise.from.iter().any(|team| policy.people.is_member(key, team));
    by.key.as_deref().filter(|key| is_member(key))?;
    Some(Declares { by, is_stated: policy.is_declared_by(change) })
}

/// Returns the ids, or their first digits, of the changes that a change speaks for.
fn speaks_for(change: &Change) -> Vec<String> {
    let trailers = change.commits.iter().flat_map(|commit| commit.message.trailers().iter());
    let trailers = trailers.map(|trailer| (&trailer.key, &trailer.value));
    // What is squashed may keep nothing of the commits.
    let statements = change.pull.iter().flat_map(|pull| &pull.statements);
    let stated = statements.map(|statement| (&statement.label, &statement.value));
    let named = trailers.chain(stated).filter(|(key, _)| key.eq_ignore_ascii_case(FOR_CHANGE));
    let mut found: Vec<String> = named.filter_map(|(_, value)| digits(value)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns what one `For-Change` names: the first digits of an id, or `ledger:` and a number.
pub fn digits(value: &Text) -> Option<String> {
    let value = value.as_utf8()?.trim();
    if let Some(number) = value.strip_prefix(RECORD) {
        let number: u64 = number.parse().ok()?;
        return Some(record(number));
    }
    let is_id = (DIGITS..=64).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| value.to_ascii_lowercase())
}

/// Returns what a change states in a field, each value once; nothing if that does not count.
pub fn values(change: &Change, field: &Field) -> Vec<Text> {
    match field.reading(change) {
        Reading::Stated { claims, .. } => different(&claims),
        Reading::Absent | Reading::Invalid(_) => Vec::new(),
    }
}

fn different(claims: &[Claim<'_>]) -> Vec<Text> {
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
fn accepted(states: Vec<Stated>, change: &Change, base: &Policy) -> Vec<Stated> {
    let one = |one: Stated| {
        let Some(field) = base.vocabulary.field(&one.field) else { return Some(one) };
        let Reading::Stated { claims, .. } = field.reading(change) else { return None };
        let confirmed = base.confirms(&one.field).then(|| different(&claims));
        Some(Stated { tickets: confirmed.or(one.tickets), ..one })
    };
    states.into_iter().filter_map(one).collect()
}

fn stated(change: &Change, policy: &Policy) -> Vec<Stated> {
    let mut found = Vec::new();
    for field in policy.vocabulary.fields() {
        let Reading::Stated { claims, .. } = field.reading(change) else { continue };
        let people = matches!(field.kind, Kind::Person).then(|| {
            let persons = claims.iter().filter_map(|claim| Person::read(claim.value.as_bytes()).ok());
            let one = |person: Person| Hand::of(&policy.people.who(&person), &person.name, None);
            persons.filter_map(one).filter(|maker| maker.key.is_some()).collect()
        });
        let tickets = policy.confirms(&field.name).then(|| different(&claims));
        found.push(Stated { field: field.name.clone(), people, tickets });
    }
    found
}
