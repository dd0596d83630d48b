//! Signatures that no key of the policy can make: nobody could keep a rule that asks for them.
//!
//! The keys are those of the policy's own files, so whoever can change these can add one, but for the rule
//! itself, which would refuse that change as well.

use std::collections::HashMap;

use crate::change::{Person, Text};
use crate::people::ResolvedIdentity;
use crate::policy::definition::Policy;
use crate::policy::inspect::findings::{FileFindings, InspectionFacts, LATER_KEYS_DAYS, SuspectedLockout};
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::written::{find_entry, list_conjuncts};
use crate::policy::signing_keys::SigningKey;
use crate::predicates::Predicate;
use crate::predicates::signed::SignedPredicate;
use crate::verdict::RuleLevel;
use crate::yaml::{YamlFault, YamlNode, YamlPlace, shorten_for_message};

/// How many keys are named with what is wrong with them.
const MAX_NAMED_KEYS: usize = 4;

/// Finds rules of a file that ask for a signature which none of the keys can make, or soon none.
pub(crate) fn inspect_signatures(
    (rules, file): (&RuleIndex<'_>, usize),
    policy: &Policy,
    facts: &InspectionFacts<'_>,
    found: &mut FileFindings,
) {
    // Rules that ask for the same teams get the same answers.
    let mut known: HashMap<(&[String], bool), [Option<String>; 2]> = HashMap::new();
    for (place, rule) in policy.rules.iter().enumerate() {
        if rule.level_on(facts.today) != RuleLevel::Deny {
            continue;
        }
        for predicate in rule.require.list_required() {
            let Predicate::Signed(asked) = predicate else { continue };
            let written = rules.find_written(file, rule.description.id.as_str());
            let Some(at) = written.and_then(find_place) else { continue };
            let [now, later] =
                known.entry((asked.asked_teams(), asked.asks_for_author())).or_insert_with(|| {
                    [facts.signing_keys, facts.later_keys].map(|keys| list_all_refusals(keys, asked, policy))
                });
            let id = shorten_for_message(rule.description.id.as_str());
            // That there are no keys at all is told where the files of keys are.
            if let Some(refusals) = now {
                let what =
                    format!("no change could keep `{id}`: no key makes a signature that counts; {refusals}");
                let fault = YamlFault::new(at, what).with_help(advise_on_keys(asked));
                found.suspicions.push(SuspectedLockout::of_rule(place, fault));
            } else if let Some(refusals) = later {
                let what = format!(
                    "{LATER_KEYS_DAYS} days from now, no key makes a signature that counts for `{id}`; {refusals}"
                );
                found.notes.push(YamlFault::new(at, what).with_help(advise_on_keys(asked)));
            }
        }
    }
}

/// Returns why none of these keys makes a signature that the question accepts; `None` if one does, or there are none.
fn list_all_refusals(keys: &[SigningKey], asked: &SignedPredicate, policy: &Policy) -> Option<String> {
    let mut refusals = Vec::new();
    for key in keys {
        refusals.push((key, find_refusal(key, asked, policy)?));
    }
    (!refusals.is_empty()).then(|| list_refusals(&refusals))
}

/// Returns why the key makes no signature that the question accepts, in words that follow the key; `None` if it
/// does.
fn find_refusal(key: &SigningKey, asked: &SignedPredicate, policy: &Policy) -> Option<String> {
    if let Some(obstacle) = &key.obstacle {
        return Some(obstacle.clone());
    }
    if key.addresses.is_empty() {
        return Some("has no address that is in force".to_owned());
    }
    let teams = asked.asked_teams();
    let is_accepted = |address: &Text| {
        let signer = Person { name: Text::default(), email: address.clone() };
        match policy.people.identify_person(&signer) {
            ResolvedIdentity::Human(person) => {
                let people = &policy.people;
                let may_be_in = |team: &String| {
                    people.list_settled_keys(team).any(|key| key == person) || people.has_untold_members(team)
                };
                teams.is_empty() || teams.iter().any(may_be_in)
            }
            ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot => teams.is_empty(),
            ResolvedIdentity::Unknown => teams.is_empty() && !asked.asks_for_author(),
        }
    };
    if key.addresses.iter().any(is_accepted) {
        return None;
    }
    Some(match teams {
        [] => "is of nobody in the roster".to_owned(),
        teams => format!("is of no member of `{}`", shorten_for_message(&teams.join("` or `"))),
    })
}

/// Returns the place of what a rule asks about signatures, as a file writes it.
fn find_place(rule: &YamlNode) -> Option<YamlPlace> {
    let require = find_entry(rule, "require")?;
    let signed = list_conjuncts(require).into_iter().find(|(key, _)| key.text == "signed");
    Some(signed.map_or(require.at, |(key, _)| key.at))
}

fn list_refusals(refusals: &[(&SigningKey, String)]) -> String {
    let mut told = Vec::new();
    for (key, why) in refusals.iter().take(MAX_NAMED_KEYS) {
        let addresses: Vec<String> = key
            .addresses
            .iter()
            .map(|address| shorten_for_message(&address.to_lossy()).to_string())
            .collect();
        let named = match addresses.as_slice() {
            [] => String::new(),
            addresses => format!(" ({})", addresses.join(", ")),
        };
        told.push(format!("`{}`{named} {why}", shorten_for_message(&key.place)));
    }
    match refusals.len().checked_sub(MAX_NAMED_KEYS) {
        None | Some(0) => {}
        Some(1) => told.push("1 more key is none, either".to_owned()),
        Some(more) => told.push(format!("{more} more keys are none, either")),
    }
    told.join("; ")
}

/// Returns which key is missing.
fn advise_on_keys(asked: &SignedPredicate) -> String {
    match (asked.asked_teams(), asked.asks_for_author()) {
        ([], false) => "add a key that is valid, and for git".to_owned(),
        ([], true) => {
            "add a valid key of someone who makes changes, with an address that the roster lists".to_owned()
        }
        (teams, _) => {
            format!("add a valid key of a member of `{}`", shorten_for_message(&teams.join("` or `")))
        }
    }
}
