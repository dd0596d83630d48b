//! Exemptions that every ordinary change has: found by asking them about samples.
//!
//! The wording of `{ not: { author: { bot: true } } }` has nothing in common with that of its rule, and yet
//! nothing is left of the rule. So the condition is evaluated over changes that a team makes every day: by
//! a person of the roster, into each protected branch, to a path that nothing names and to one of each
//! pattern that the condition names.

use std::cell::OnceCell;
use std::collections::HashMap;

use serde_json::json;

use crate::change::{Change, PathChange, Text};
use crate::policy::definition::Policy;
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::samples::aspect_samples::MAKING_COST;
use crate::policy::inspect::samples::sample_changes::{SAMPLE_WORD, list_sample_branches, read_sample};
use crate::policy::inspect::search::question_numbers::measure_question;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::written::{
    find_entry, list_condition_predicates, list_entries, list_texts, scalar_text,
};
use crate::predicates::support::condition::Condition;
use crate::predicates::{EvaluationContext, Predicate};
use crate::verdict::PredicateAnswer;
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

/// A path that no policy names.
pub(crate) const ORDINARY_PATH: &str = "zq7/zq7.zq7";

/// How many people, branches, paths and words of a field are tried at most.
const MAX_VARIANTS: usize = 8;

/// The samples that exemptions are asked about.
pub(crate) struct ExemptedSamples<'policy> {
    policy: &'policy Policy,
    /// The places of the exemptions, by their ids and the ids of their rules: two on one line have the same id.
    exemptions: HashMap<(&'policy str, &'policy str), usize>,
    /// A change of no file for each person, branch and message; `None` if one cannot be sampled.
    changes: OnceCell<Option<Vec<Change>>>,
}

impl<'policy> ExemptedSamples<'policy> {
    /// Prepares the samples of a policy.
    pub(crate) fn new(policy: &'policy Policy) -> Self {
        let mut exemptions = HashMap::new();
        for (place, exemption) in policy.exemptions.iter().enumerate() {
            if let Some(rule) = policy.rules.get(exemption.rule_index) {
                exemptions.entry((exemption.id.as_str(), rule.description.id.as_str())).or_insert(place);
            }
        }
        ExemptedSamples { policy, exemptions, changes: OnceCell::new() }
    }

    /// Refuses an exemption that all samples have, and notes one that those have that touch none of the named
    /// paths: without the paths of a repository, it cannot be told how many changes are left.
    pub(crate) fn inspect_exemption(
        &self,
        file: &str,
        exemption: &YamlNode,
        budget: &SearchBudget,
        found: &mut FileFindings,
    ) {
        let policy = self.policy;
        let id = format!("{file}:{}", exemption.at.line);
        let (Some(rule), Some(when)) =
            (find_entry(exemption, "rule").and_then(scalar_text), find_entry(exemption, "when"))
        else {
            return;
        };
        let known = self.exemptions.get(&(id.as_str(), rule)).and_then(|place| policy.exemptions.get(*place));
        let Some(known) = known else { return };
        if !is_about_samples(policy, when) {
            return;
        }
        let takes_no_file = policy.rules.get(known.rule_index).is_some_and(|rule| {
            let classes = rule.class_indexes.iter().flatten().filter_map(|class| policy.classes.get(*class));
            classes.into_iter().any(|class| asks_for_no_file(&class.when))
        });
        // Such changes stay, where the exemption leaves them out.
        let holds_for = |paths: &[String]| self.holds_for_samples(&known.when, paths, budget);
        if takes_no_file && !holds_for(&[String::new()]) {
            return;
        }
        let rule = shorten_for_message(rule);
        let ordinary = [ORDINARY_PATH.to_owned()];
        if !holds_for(&ordinary) {
            return;
        }
        let named = list_named_paths(when);
        if holds_for(&named) {
            let what = format!("this exempts every change of a person to a protected branch from `{rule}`");
            let help = "exempt fewer changes, or switch the rule off with a reason";
            found.errors.push(YamlFault::new(when.at, what).with_help(help));
        } else {
            let what =
                format!("this exempts every change from `{rule}` that touches none of the named paths");
            let help = "name the paths that are exempted instead, without `not`";
            found.notes.push(YamlFault::new(when.at, what).with_help(help));
        }
    }

    /// Returns true if the condition holds for every sample with one of these paths; an empty one stands for no file.
    /// False as well where there is too much to ask.
    fn holds_for_samples(&self, condition: &Condition, paths: &[String], budget: &SearchBudget) -> bool {
        let policy = self.policy;
        // What cannot be sampled is not known to be exempted.
        let Some(changes) = self.changes.get_or_init(|| make_changes(policy)) else { return false };
        let mut asked = Vec::new();
        condition.add_predicates(&mut asked);
        let size: usize = asked.iter().map(|predicate| measure_question(predicate)).sum();
        let mut touched: Vec<Vec<PathChange>> = Vec::new();
        for path in paths {
            let paths: Vec<&String> = std::iter::once(path).filter(|path| !path.is_empty()).collect();
            let sample = read_sample(&json!({ "commits": [{ "paths": paths }] }));
            let Some(Ok(paths)) = sample.map(|sample| sample.tip().paths.clone()) else { return false };
            touched.push(paths);
        }
        for change in changes {
            for paths in &touched {
                if !budget.spend_steps(size.saturating_add(1).saturating_mul(MAKING_COST)) {
                    return false;
                }
                let mut change = change.clone();
                change.commits.last_mut().paths = Ok(paths.clone());
                let context = EvaluationContext::without_reasons(&change, &policy.people, &policy.vocabulary);
                if !matches!(condition.evaluate(&context), PredicateAnswer::Holds(_)) {
                    return false;
                }
            }
        }
        true
    }
}

/// Returns a change of no file for each person, branch and message; `None` if one cannot be made.
fn make_changes(policy: &Policy) -> Option<Vec<Change>> {
    let mut branches = list_sample_branches(&policy.protected_refs);
    branches.truncate(MAX_VARIANTS);
    let messages = list_sample_messages(policy);
    let mut changes = Vec::new();
    for (author, account) in list_sample_people(policy) {
        for message in &messages {
            let sample = json!({ "pusher": account, "commits": [{ "author": author, "message": message }] });
            let change = read_sample(&sample)?;
            for branch in &branches {
                changes.push(Change { target: Ok(Text::from(branch.as_str())), ..change.clone() });
            }
        }
    }
    Some(changes)
}

/// Returns true if a condition holds only for changes without a file.
fn asks_for_no_file(condition: &Condition) -> bool {
    match condition {
        Condition::All(parts) => parts.iter().any(asks_for_no_file),
        Condition::Not(part) => {
            matches!(&**part, Condition::Predicate(Predicate::Touches(touches)) if touches.asks_any_path())
        }
        Condition::Any(_) | Condition::Predicate(_) => false,
    }
}

/// Returns true if a sample can tell everything that the condition asks.
fn is_about_samples(policy: &Policy, when: &YamlNode) -> bool {
    list_condition_predicates(when).iter().all(|(key, value)| match key.text.as_str() {
        "touches" => find_entry(value, "kinds").is_none(),
        "author" | "branch" | "pusher" => true,
        "field" => list_entries(value).iter().all(|(name, _)| {
            policy.vocabulary.find_field(&name.text).is_some_and(|field| field.allowed_words().is_some())
        }),
        _ => false,
    })
}

/// Returns a path for each pattern that the condition names.
fn list_named_paths(when: &YamlNode) -> Vec<String> {
    let mut paths = Vec::new();
    for (key, value) in list_condition_predicates(when) {
        if key.text != "touches" {
            continue;
        }
        let mut patterns = list_texts(value);
        for (_, listed) in list_entries(value) {
            patterns.extend(list_texts(listed));
        }
        for pattern in patterns {
            paths.push(name_sample_path(pattern));
        }
    }
    paths.truncate(MAX_VARIANTS);
    paths
}

/// Returns a path that the pattern matches.
fn name_sample_path(pattern: &str) -> String {
    let mut path =
        pattern.trim_start_matches('/').replace("**", "*").replace('*', SAMPLE_WORD).replace('?', "z");
    // Of letters to choose from, the first.
    while let Some((before, rest)) = path.split_once('[')
        && let Some((letters, after)) = rest.split_once(']')
    {
        path = format!("{before}{}{after}", letters.chars().next().map(String::from).unwrap_or_default());
    }
    if path.ends_with('/') { path + SAMPLE_WORD } else { path }
}

/// Returns people of the roster with an account of each, or someone invented where there is no roster.
fn list_sample_people(policy: &Policy) -> Vec<(String, String)> {
    let identities = policy.people.list_identities();
    let mut people: Vec<(String, String)> = Vec::new();
    let mut seen = Vec::new();
    for (address, key) in &identities {
        if !address.contains('@') || seen.contains(key) || people.len() == MAX_VARIANTS {
            continue;
        }
        seen.push(key);
        let account = identities.iter().find(|(other, owner)| *owner == key && !other.contains('@'));
        let account = account.map_or(SAMPLE_WORD, |(account, _)| account);
        people.push((format!("{SAMPLE_WORD} <{address}>"), account.to_owned()));
    }
    if people.is_empty() {
        people.push((format!("{SAMPLE_WORD} <{SAMPLE_WORD}@{SAMPLE_WORD}.example>"), SAMPLE_WORD.to_owned()));
    }
    people
}

/// Returns messages without fields, and with each word that the fields of the policy allow.
fn list_sample_messages(policy: &Policy) -> Vec<String> {
    let mut messages = vec!["Change a file\n".to_owned()];
    for number in 0..MAX_VARIANTS {
        let mut trailers = String::new();
        let mut is_new = false;
        for field in policy.vocabulary.fields() {
            let Some(words) = field.allowed_words() else { continue };
            let Some(word) = words.get(number).or(words.last()) else { continue };
            is_new |= number < words.len();
            trailers.push_str(&format!("{}: {word}\n", field.name));
        }
        if is_new {
            messages.push(format!("Change a file\n\nFor a sample.\n\n{trailers}"));
        }
    }
    messages
}
