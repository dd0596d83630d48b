//! Usual changes that no rule applies to: those of a class, of some file, of a branch, or of a person.
//!
//! The judge denies them as `no-rule-applies`. A policy may well be for some paths only, and refuse all else; so it is a
//! note.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::json;

use crate::change::{Change, PusherIdentity, Text};
use crate::policy::definition::{Policy, Rule};
use crate::policy::inspect::findings::InspectionFacts;
use crate::policy::inspect::samples::aspect_samples::make_authored;
use crate::policy::inspect::samples::exempted_samples::ORDINARY_PATH;
use crate::policy::inspect::samples::sample_changes::{
    SAMPLE_WORD, ask_sample, list_sample_branches, read_sample,
};
use crate::policy::inspect::search::excluding_rules::LockoutSearch;
use crate::policy::inspect::search::possible_changes::{PATTERN_COST, assume_path};
use crate::policy::inspect::search::question_numbers::measure_sampling;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;
use crate::verdict::RuleLevel;
use crate::yaml::shorten_for_message;

/// How many branches and people are looked at.
const MAX_SAMPLES: usize = 32;

/// Changes of a usual kind that no rule applies to.
pub(crate) struct UnruledChanges {
    /// The index of their class, if that is what they have in common.
    pub(crate) class: Option<usize>,
    /// What is told of them.
    pub(crate) what: String,
}

impl UnruledChanges {
    fn tell_kind(class: Option<usize>, kind: &str) -> Self {
        let what = format!("no rule that denies applies to {kind}, so it is denied as `no-rule-applies`");
        UnruledChanges { class, what }
    }
}

/// What a sample of changes tells.
#[derive(Clone, Copy)]
enum SampledAspect {
    Branch,
    Paths,
    Pusher,
    Author,
}

/// Returns the usual kinds of changes that no rule of the policy in the file `entry` applies to.
pub(crate) fn list_unruled_changes(
    search: &LockoutSearch<'_>,
    policy: &Policy,
    entry: &str,
    facts: &InspectionFacts<'_>,
    budget: &SearchBudget,
) -> Vec<UnruledChanges> {
    let mut found = Vec::new();
    for index in search.list_unruled_classes() {
        let Some(class) = policy.classes.get(index) else { continue };
        let kind = format!("a change of the class `{}`", shorten_for_message(class.id.as_str()));
        found.push(UnruledChanges::tell_kind(Some(index), &kind));
    }
    let rules = SampledRules { policy, day: facts.today, budget };
    // One that applies to every change, of some class at least, leaves no such kind.
    if rules.list_denying().any(|rule| rule.when.is_none()) {
        return found;
    }
    found.extend(rules.find_unruled_file(entry));
    found.extend(rules.find_unruled_branch());
    found.extend(rules.find_unruled_person(SampledAspect::Pusher));
    found.extend(rules.find_unruled_person(SampledAspect::Author));
    found
}

/// The rules of a policy, which samples are held against.
struct SampledRules<'one> {
    policy: &'one Policy,
    day: Date,
    budget: &'one SearchBudget,
}

impl SampledRules<'_> {
    fn list_denying(&self) -> impl Iterator<Item = &Rule> {
        self.policy.rules.iter().filter(|rule| rule.level_on(self.day) == RuleLevel::Deny)
    }

    fn find_unruled_file(&self, entry: &str) -> Option<UnruledChanges> {
        let is_unruled =
            |path| assume_path(path).is_some_and(|change| self.lacks_rule(SampledAspect::Paths, &change));
        if is_unruled(ORDINARY_PATH) {
            return Some(UnruledChanges::tell_kind(
                None,
                "a change only of files that the rules do not name",
            ));
        }
        let kind = format!("a change of `{}` alone", shorten_for_message(entry));
        is_unruled(entry).then(|| UnruledChanges::tell_kind(None, &kind))
    }

    fn find_unruled_branch(&self) -> Option<UnruledChanges> {
        let base = make_ordinary_change()?;
        for pattern in self.policy.protected_refs.iter().take(MAX_SAMPLES) {
            for name in list_sample_branches(std::slice::from_ref(pattern)) {
                let change = Change { target: Ok(Text::from(name.as_str())), ..base.clone() };
                if self.lacks_rule(SampledAspect::Branch, &change) {
                    let written = pattern.to_string();
                    let (start, others) = match written.contains('*') {
                        true => ("a branch of", " that the rules do not name"),
                        false => ("the branch", ""),
                    };
                    let kind = format!("a change of {start} `{}`{others}", shorten_for_message(&written));
                    return Some(UnruledChanges::tell_kind(None, &kind));
                }
            }
        }
        None
    }

    /// Returns a person to whose changes no rule applies: one of the roster, or without one anybody whom the policy does
    /// not name.
    fn find_unruled_person(&self, aspect: SampledAspect) -> Option<UnruledChanges> {
        let people = &self.policy.people;
        let mut identities: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let sample_address = format!("{SAMPLE_WORD}@{SAMPLE_WORD}.example");
        if !people.has_roster() {
            identities.insert("someone whom the policy does not name", vec![SAMPLE_WORD, &sample_address]);
        }
        for (identity, person) in people.list_identities() {
            identities.entry(person).or_default().push(identity);
        }
        let base = make_ordinary_change()?;
        for (person, identities) in identities.into_iter().take(MAX_SAMPLES) {
            let mut samples = Vec::new();
            for identity in identities {
                samples.extend(match (aspect, identity.contains('@')) {
                    (SampledAspect::Author, true) => {
                        make_authored(&base, &format!("{SAMPLE_WORD} <{identity}>"))
                    }
                    (SampledAspect::Pusher, false) => {
                        let pusher = Ok(PusherIdentity::Account(Text::from(identity)));
                        Some(Change { pusher, ..base.clone() })
                    }
                    _ => None,
                });
            }
            if samples.is_empty() || !samples.iter().all(|sample| self.lacks_rule(aspect, sample)) {
                continue;
            }
            let who = match people.has_roster() {
                true => format!("`{}`", shorten_for_message(person)),
                false => person.to_owned(),
            };
            let kind = match aspect {
                SampledAspect::Pusher => format!("a push by {who}"),
                _ => format!("a change that {who} wrote"),
            };
            return Some(UnruledChanges::tell_kind(None, &kind));
        }
        None
    }

    /// Returns true if one aspect of a change shows that no rule applies to it, whatever else it is.
    fn lacks_rule(&self, aspect: SampledAspect, change: &Change) -> bool {
        let ask = |predicate: &Predicate| self.ask_about(aspect, predicate, change);
        self.list_denying()
            .all(|rule| rule.when.as_ref().is_some_and(|when| answer_condition(when, &ask) == Some(false)))
    }

    /// Returns the answer of a question about this aspect; `None` for other questions, and where it takes too long.
    fn ask_about(&self, aspect: SampledAspect, predicate: &Predicate, change: &Change) -> Option<bool> {
        let is_about = match (aspect, predicate) {
            (SampledAspect::Paths, Predicate::Touches(asked)) => !asked.asks_kinds(),
            (SampledAspect::Paths, Predicate::OnlyTouches(_))
            | (SampledAspect::Branch, Predicate::Branch(_))
            | (SampledAspect::Author, Predicate::Author(_)) => true,
            (SampledAspect::Pusher, Predicate::Pusher(asked)) => !asked.accepts_any_pusher(),
            _ => false,
        };
        let size = measure_sampling(self.policy, predicate).saturating_mul(PATTERN_COST);
        if !is_about || !self.budget.spend_steps(size) {
            return None;
        }
        ask_sample(self.policy, predicate, change)
    }
}

/// Returns a change of which nothing is known.
fn make_ordinary_change() -> Option<Change> {
    read_sample(&json!({ "commits": [{}] }))
}

/// Returns the answer of a condition by the answers of its questions; `None` where these do not tell it.
fn answer_condition(condition: &Condition, ask: &dyn Fn(&Predicate) -> Option<bool>) -> Option<bool> {
    let (parts, decisive) = match condition {
        Condition::Predicate(predicate) => return ask(predicate),
        Condition::Not(part) => return answer_condition(part, ask).map(|holds| !holds),
        Condition::All(parts) => (parts, false),
        Condition::Any(parts) => (parts, true),
    };
    let mut is_open = false;
    for part in parts {
        match answer_condition(part, ask) {
            Some(answer) if answer == decisive => return Some(decisive),
            Some(_) => {}
            None => is_open = true,
        }
    }
    (!is_open).then_some(!decisive)
}
