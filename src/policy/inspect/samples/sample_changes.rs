//! Exemptions that every ordinary change has: found by asking them about samples.
//!
//! The wording of `{ not: { author: { bot: true } } }` has nothing in common with that of its rule, and yet
//! nothing is left of the rule. So the condition is evaluated over changes that a team makes every day: by
//! a person of the roster, into each protected branch, to a path that nothing names and to one of each
//! pattern that the condition names.

use serde_json::json;

use crate::change::Change;
use crate::fixture;
use crate::pattern::RefPattern;
use crate::policy::definition::Policy;
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::written::{
    find_entry, list_condition_predicates, list_entries, list_texts, scalar_text,
};
use crate::predicates::support::condition::Condition;
use crate::predicates::{EvaluationContext, Predicate, PredicateOutcome};
use crate::verdict::PredicateAnswer;
use crate::yaml::{self, YamlFault, YamlNode, shorten_for_message};

/// A word that stands where a pattern leaves the choice, and that no policy names.
pub(crate) const SAMPLE_WORD: &str = "zq7";

/// A path that no policy names.
const ORDINARY_PATH: &str = "zq7/zq7.zq7";

/// How many people, branches, paths and words of a field are tried at most.
const MAX_VARIANTS: usize = 8;

/// Refuses an exemption that all samples have, and notes one that those have that touch none of the named
/// paths: without the paths of a repository, it cannot be told how many changes are left.
pub(crate) fn inspect_exempted_samples(
    policy: &Policy,
    file: &str,
    exemption: &YamlNode,
    found: &mut FileFindings,
) {
    let id = format!("{file}:{}", exemption.at.line);
    let (Some(rule), Some(when)) =
        (find_entry(exemption, "rule").and_then(scalar_text), find_entry(exemption, "when"))
    else {
        return;
    };
    // Two on one line have the same id, so the rule counts as well.
    let known = policy.exemptions.iter().find(|known| {
        known.id.as_str() == id
            && policy.rules.get(known.rule_index).is_some_and(|known| known.description.id.as_str() == rule)
    });
    let Some(known) = known else { return };
    if !is_about_samples(policy, when) {
        return;
    }
    let takes_no_file = policy.rules.get(known.rule_index).is_some_and(|rule| {
        let classes = rule.class_indexes.iter().flatten().filter_map(|class| policy.classes.get(*class));
        classes.into_iter().any(|class| asks_for_no_file(&class.when))
    });
    // Such changes stay, where the exemption leaves them out.
    if takes_no_file && !holds_for_samples(policy, &known.when, &[String::new()]) {
        return;
    }
    let rule = shorten_for_message(rule);
    let ordinary = [ORDINARY_PATH.to_owned()];
    if !holds_for_samples(policy, &known.when, &ordinary) {
        return;
    }
    let named = list_named_paths(when);
    if holds_for_samples(policy, &known.when, &named) {
        let what = format!("this exempts every change of a person to a protected branch from `{rule}`");
        let help = "exempt fewer changes, or switch the rule off with a reason";
        found.errors.push(YamlFault::new(when.at, what).with_help(help));
    } else {
        let what = format!("this exempts every change from `{rule}` that touches none of the named paths");
        let help = "name the paths that are exempted instead, without `not`";
        found.notes.push(YamlFault::new(when.at, what).with_help(help));
    }
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

/// Returns true if the condition holds for every sample with one of these paths; an empty one stands for no file.
fn holds_for_samples(policy: &Policy, condition: &Condition, paths: &[String]) -> bool {
    let mut branches = list_sample_branches(&policy.protected_refs);
    branches.truncate(MAX_VARIANTS);
    let messages = list_sample_messages(policy);
    for (author, account) in list_sample_people(policy) {
        for branch in &branches {
            for message in &messages {
                for path in paths {
                    let paths: Vec<&String> = std::iter::once(path).filter(|path| !path.is_empty()).collect();
                    let sample = json!({
                        "target": branch,
                        "pusher": account,
                        "commits": [{ "author": author, "message": message, "paths": paths }],
                    });
                    // What cannot be sampled is not known to be exempted.
                    let Some(change) = read_sample(&sample) else { return false };
                    let context =
                        EvaluationContext::without_reasons(&change, &policy.people, &policy.vocabulary);
                    if !matches!(condition.evaluate(&context), PredicateAnswer::Holds(_)) {
                        return false;
                    }
                }
            }
        }
    }
    true
}

/// Reads a change in the form of a fixture; `None` if it is none.
pub(crate) fn read_sample(sample: &serde_json::Value) -> Option<Change> {
    // JSON is YAML.
    let node = yaml::read_document(sample.to_string().as_bytes()).ok()?;
    fixture::read_change(&node, &mut Vec::new())
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

/// Returns the full name of a ref for each of the patterns.
pub(crate) fn list_sample_branches(patterns: &[RefPattern]) -> Vec<String> {
    let mut branches = Vec::new();
    for pattern in patterns {
        let name = pattern.to_string().replace('*', SAMPLE_WORD);
        branches.push(if name.starts_with("refs/") { name } else { format!("refs/heads/{name}") });
    }
    branches
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

/// Returns the answer about a sample; `None` where it cannot be known.
pub(crate) fn ask_sample(policy: &Policy, predicate: &Predicate, change: &Change) -> Option<bool> {
    if let Predicate::Author(asked) = predicate {
        let is_account = |member: &String| !member.contains('@');
        let teams = asked.asked_teams();
        let needs_forge = !policy.people.has_roster()
            && teams.iter().any(|team| policy.people.team_members(team).iter().any(is_account));
        // Addresses need not be listed anywhere, and a forge ties them to accounts.
        if asked.asks_addresses() || needs_forge {
            return None;
        }
    }
    evaluate_sample(policy, predicate, change)
}

/// As [`ask_sample`], where the sample is all that there is to know.
pub(crate) fn evaluate_sample(policy: &Policy, predicate: &Predicate, change: &Change) -> Option<bool> {
    let context = EvaluationContext::without_reasons(change, &policy.people, &policy.vocabulary);
    match predicate.evaluate(&context) {
        Ok(PredicateOutcome::Fails(_)) => Some(false),
        Ok(PredicateOutcome::Holds | PredicateOutcome::Owed(_)) => Some(true),
        Err(_) => None,
    }
}
