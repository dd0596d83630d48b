//! Who may make an assumed change: its authors, its pushers, and those who have a key.

use std::collections::BTreeSet;

use serde_json::json;

use crate::change::{Change, Person, PusherIdentity, SignatureStatus, Text};
use crate::people::ResolvedIdentity;
use crate::policy::definition::Policy;
use crate::policy::inspect::findings::{FORGE_ADDRESS, JudgingPlace};
use crate::policy::inspect::samples::aspect_samples::{
    MAKING_COST, keep_server_pushers, list_authors, list_bot_changes, list_pushers,
};
use crate::policy::inspect::samples::known_bots::PushingBots;
use crate::policy::inspect::samples::sample_changes::{
    SAMPLE_WORD, ask_sample, evaluate_sample, read_sample,
};
use crate::policy::inspect::search::question_numbers::measure_sampling;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::signing_keys::SigningKey;
use crate::predicates::{EvaluationContext, Predicate};

/// Who makes a change in one role, and what the questions about the role say of them.
#[derive(Clone)]
pub(crate) struct ChangeMaker {
    /// The change of the sample, which names them.
    pub(crate) change: Change,
    /// The key of the person; `None` for one whom the policy does not know.
    pub(crate) person: Option<String>,
    /// True for an address that a roster does not list, so that it may be anyone's.
    pub(crate) is_unknown: bool,
    pub(crate) answers: Vec<Option<bool>>,
}

/// Counts that all of these questions are asked about so many changes; returns false if that is too much.
fn spend_questions(policy: &Policy, count: usize, questions: &[&Predicate], budget: &SearchBudget) -> bool {
    let size: usize = questions.iter().map(|question| measure_sampling(policy, question)).sum();
    let size = size.saturating_add(policy.people.bot_patterns().len());
    budget.spend_steps(count.saturating_mul(size.saturating_add(3)).saturating_mul(MAKING_COST / 5))
}

/// Returns those who may author a change; `None` if there are too many.
pub(crate) fn list_author_makers(
    policy: &Policy,
    questions: &[&Predicate],
    place: JudgingPlace,
    budget: &SearchBudget,
) -> Option<Vec<ChangeMaker>> {
    let people = &policy.people;
    let ask = if people.has_roster() { evaluate_sample } else { ask_sample };
    let mut makers = Vec::new();
    let authors = list_authors(policy, questions, budget);
    // The same people are asked about once more by addresses that a forge gives them.
    if authors.is_empty() || !spend_questions(policy, 2 * authors.len(), questions, budget) {
        return None;
    }
    for change in authors {
        let identity = people.identify_person(&change.tip().author);
        let is_unknown = identity == ResolvedIdentity::Unknown;
        let answers = questions.iter().map(|asked| ask(policy, asked, &change)).collect();
        makers.push(ChangeMaker { person: to_person(identity), is_unknown, answers, change });
    }
    let hidden = json!({ "commits": [{ "author": format!("A <{FORGE_ADDRESS}>") }] });
    let Some(change) = read_sample(&hidden) else { return Some(makers) };
    let Some(humans) = people.list_roster_humans().filter(|_| place != JudgingPlace::ServerHook) else {
        let identity = people.identify_person(&change.tip().author);
        let is_unknown = identity == ResolvedIdentity::Unknown;
        let answers = questions.iter().map(|asked| ask(policy, asked, &change)).collect();
        makers.push(ChangeMaker { person: to_person(identity), is_unknown, answers, change });
        return Some(makers);
    };
    // A forge gives such an address to each account, and knows whose it is.
    for person in humans {
        let context = EvaluationContext::without_reasons(&change, people, &policy.vocabulary);
        let answer = |asked: &&Predicate| match asked {
            Predicate::Author(author) => {
                let identity = ResolvedIdentity::Human(person.to_owned());
                Some(author.accepts_person(FORGE_ADDRESS, identity, &context))
            }
            _ => ask(policy, asked, &change),
        };
        let answers = questions.iter().map(answer).collect();
        let (person, change) = (Some(person.to_owned()), change.clone());
        makers.push(ChangeMaker { person, is_unknown: false, answers, change });
    }
    Some(makers)
}

/// Returns the bots as authors, each pushed by itself; none if there are too many.
pub(crate) fn list_bot_makers(
    policy: &Policy,
    questions: &[&Predicate],
    budget: &SearchBudget,
) -> Vec<ChangeMaker> {
    let mut makers = Vec::new();
    let changes = list_bot_changes(policy, budget);
    if !spend_questions(policy, changes.len(), questions, budget) {
        return makers;
    }
    for change in changes {
        let answers = questions.iter().map(|asked| evaluate_sample(policy, asked, &change)).collect();
        makers.push(ChangeMaker { person: None, is_unknown: false, answers, change });
    }
    makers
}

/// Returns those who may push a change, `None` if there are too many; without a question about them, it is someone who
/// takes no part otherwise.
pub(crate) fn list_pusher_makers(
    policy: &Policy,
    questions: &[&Predicate],
    (place, known): (JudgingPlace, Option<&Text>),
    bots: PushingBots,
    budget: &SearchBudget,
) -> Option<Vec<ChangeMaker>> {
    let mut changes = match questions.is_empty() {
        true => read_sample(&json!({ "pusher": SAMPLE_WORD, "commits": [{}] })).into_iter().collect(),
        false => list_pushers(policy, questions, bots, budget),
    };
    if changes.is_empty() || !spend_questions(policy, changes.len(), questions, budget) {
        return None;
    }
    if place == JudgingPlace::ServerHook && !questions.is_empty() {
        keep_server_pushers(policy, known, &mut changes);
    }
    let mut makers = Vec::new();
    for change in changes {
        let mut person = None;
        let mut is_unknown = false;
        if !questions.is_empty()
            && let Ok(PusherIdentity::Account(account)) = &change.pusher
        {
            let identity = policy.people.identify_pusher(account);
            // A forge may know whose account it is.
            is_unknown = place == JudgingPlace::ServerHook && identity == ResolvedIdentity::Unknown;
            person = to_person(identity);
        }
        let answers = questions.iter().map(|asked| ask_sample(policy, asked, &change)).collect();
        makers.push(ChangeMaker { person, is_unknown, answers, change });
    }
    Some(makers)
}

/// Returns those who have a key that can make a signature count, as authors and committers of what they sign; `None` if
/// there are too many.
pub(crate) fn list_signers(
    policy: &Policy,
    keys: &[SigningKey],
    questions: &[&Predicate],
    budget: &SearchBudget,
) -> Option<Vec<ChangeMaker>> {
    let mut signers = Vec::new();
    let Some(base) = read_sample(&json!({ "commits": [{}] })) else { return Some(signers) };
    let count: usize = keys.iter().map(|key| key.addresses.len()).sum();
    if !spend_questions(policy, count, questions, budget) {
        return None;
    }
    for key in keys.iter().filter(|key| key.obstacle.is_none()) {
        for address in &key.addresses {
            let signer = Person { name: Text::default(), email: address.clone() };
            let identity = policy.people.identify_person(&signer);
            let change = sign_change(&base, &signer, &signer, address);
            let answers = questions.iter().map(|asked| evaluate_sample(policy, asked, &change)).collect();
            let is_unknown = identity == ResolvedIdentity::Unknown;
            signers.push(ChangeMaker { person: to_person(identity), is_unknown, answers, change });
        }
    }
    Some(signers)
}

/// Returns the people who have a key that can make a signature count, by their keys in the directory.
pub(crate) fn list_key_holders(policy: &Policy, keys: &[SigningKey]) -> BTreeSet<String> {
    let usable = keys.iter().filter(|key| key.obstacle.is_none());
    let people = usable.flat_map(|key| &key.addresses).map(|address| {
        policy.people.identify_person(&Person { name: Text::default(), email: address.clone() })
    });
    people.filter_map(to_person).collect()
}

/// Returns the change as one commit, signed with the key of this address.
pub(crate) fn sign_change(change: &Change, author: &Person, committer: &Person, address: &Text) -> Change {
    let mut signed = change.clone();
    let commit = signed.commits.last_mut();
    commit.author = author.clone();
    commit.committer = committer.clone();
    commit.signature = Ok(SignatureStatus::Good { signer: address.clone(), key: String::new() });
    signed
}

fn to_person(identity: ResolvedIdentity) -> Option<String> {
    match identity {
        ResolvedIdentity::Human(person) => Some(person),
        ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot | ResolvedIdentity::Unknown => None,
    }
}
