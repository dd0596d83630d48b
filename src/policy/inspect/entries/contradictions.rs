//! Rules that contradict each other over all files of a policy: of its own, and of what it extends.
//!
//! Each class is looked at by itself, with the rules that apply to every change of it, so a rule of a pack
//! counts although it is written in another file. What cannot be decided by the wording counts as possible.

use std::collections::{BTreeSet, HashSet};

use crate::policy::definition::Policy;
use crate::policy::inspect::covered_questions::covers_conjuncts;
use crate::policy::inspect::entries::asked_predicates::{
    AcceptedFields, AskedPredicate, EarlierQuestions, list_accepted_fields, list_asked, list_asking_rules,
};
use crate::policy::inspect::entries::word_sets::WordSets;
use crate::policy::inspect::findings::{FileFindings, SuspectedLockout};
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::written::{
    WrittenPredicate, find_entry, is_empty_not, list_conjuncts, list_entries, list_texts, measure_node,
    scalar_text,
};
use crate::policy::load::files::PolicyFile;
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

/// Finds rules that no change of a class can keep together, where the file at `index` states one of them.
///
/// It is an error if that leaves no change at all, and a note for a class: a policy may well forbid one.
pub(crate) fn inspect_contradictions<'files>(
    policy: &'files Policy,
    (files, rules): (&'files [PolicyFile], &RuleIndex<'files>),
    words: &WordSets<'files>,
    index: usize,
    budget: &SearchBudget,
    found: &mut FileFindings,
) {
    let own_rules = files.get(index).and_then(|file| find_entry(&file.node, "rules"));
    if own_rules.is_none() {
        return;
    }
    let asking = list_asking_rules(files, rules, words);
    let classes = files.iter().rev().find_map(|file| find_entry(&file.node, "classes"));
    let classes = classes.map(list_entries).unwrap_or_default();
    if classes.is_empty() {
        let asked = list_asked(&asking, None);
        if let Some(told) = find_contradiction(&asked, index, budget) {
            found.suspicions.push(told.suspect_rules(rules, None));
        }
        return;
    }
    let mut is_told: HashSet<String> = HashSet::new();
    for (place, (class, when)) in classes.iter().enumerate() {
        // Another class takes as long as the one before.
        if !budget.spend_steps(asking.len() * CLASS_COST) {
            return;
        }
        let mut asked = list_asked(&asking, Some(&class.text));
        let is_rest = list_entries(when).is_empty();
        let conditions = list_conjuncts(when);
        // A class by itself is no rule, so its place is none of the file's.
        for predicate in conditions {
            asked.push(AskedPredicate::new("", usize::MAX, predicate, words));
        }
        let Some(told) = find_contradiction(&asked, index, budget) else { continue };
        let shown = shorten_for_message(&class.text);
        let noted = format!("no change of the class `{shown}` is allowed: {}", told.why);
        if is_rest {
            let is_same = policy.classes.get(place).is_some_and(|known| known.id.as_str() == class.text);
            let known = || policy.classes.iter().position(|known| known.id.as_str() == class.text);
            let place = if is_same { Some(place) } else { known() };
            found.suspicions.push(told.suspect_rules(rules, place).or_noted_as(noted));
            return;
        }
        let mut note = YamlFault { what: noted, ..told.fault };
        note.help = Some("remove the class, or leave it out with `not-for`, unless this is meant".to_owned());
        if is_told.insert(note.what.clone()) && found.notes.iter().all(|known| known.what != note.what) {
            found.notes.push(note);
        }
    }
}

/// How many steps of a search take as long as it takes to find out whether a rule is for a class.
const CLASS_COST: usize = 10;

/// Questions that no change answers together.
struct ToldContradiction<'files> {
    /// The rules that ask them; an empty id stands for a class.
    rules: Vec<&'files str>,
    fault: YamlFault,
    /// Why no change answers them.
    why: String,
}

impl ToldContradiction<'_> {
    /// Suspects the rules of leaving no change, or none of a class.
    fn suspect_rules(&self, index: &RuleIndex<'_>, class: Option<usize>) -> SuspectedLockout {
        let rules: Vec<usize> = self.rules.iter().filter_map(|id| index.find_place(id)).collect();
        let fault = self.fault.clone();
        SuspectedLockout { rules, class, fault, note: None, is_always_noted: false }
    }
}

/// Returns the first two questions that no change answers together, of which the file at `index` asks at least one.
fn find_contradiction<'files>(
    asked: &[AskedPredicate<'files>],
    index: usize,
    budget: &SearchBudget,
) -> Option<ToldContradiction<'files>> {
    let is_never =
        |one: &&AskedPredicate<'_>| one.file == index && is_empty_not(one.predicate.0, one.predicate.1);
    if let Some(one) = asked.iter().find(is_never) {
        let why = "`not: {}` never holds".to_owned();
        let what = format!("no change could keep `{}`: {why}", shorten_for_message(one.rule));
        let help = "ask something in `not`, or remove it";
        let fault = YamlFault::new(one.predicate.0.at, what).with_help(help);
        return Some(ToldContradiction { rules: vec![one.rule], fault, why });
    }
    let mut earlier = EarlierQuestions::default();
    for (place, second) in asked.iter().enumerate() {
        for first in earlier.list_opposed(second, budget)?.into_iter().filter_map(|place| asked.get(place)) {
            let own = if second.file == index { second } else { first };
            if own.file != index {
                continue;
            }
            if !budget.spend_steps(first.size.saturating_mul(second.size)) {
                return None;
            }
            let Some(why) = contradict_in_words(&first.accepted, &second.accepted, budget)
                .or_else(|| contradict_otherwise(first.predicate, second.predicate))
            else {
                continue;
            };
            let other = if second.file == index { first } else { second };
            let (own_rule, other_rule) = (shorten_for_message(own.rule), shorten_for_message(other.rule));
            let what = match other_rule == own_rule {
                true => format!("no change could keep `{own_rule}`: {why}"),
                false => format!("no change could keep both `{own_rule}` and `{other_rule}`: {why}"),
            };
            let help = "change one of them, or give the rules a `when` or different classes";
            let fault = YamlFault::new(own.predicate.0.at, what).with_help(help);
            return Some(ToldContradiction { rules: vec![own.rule, other.rule], fault, why });
        }
        earlier.add_question(place, second);
    }
    find_small_size(asked, index, budget)
}

/// Returns why no change answers both questions; `None` where one may.
pub(crate) fn contradict(
    words: &WordSets<'_>,
    first: WrittenPredicate<'_>,
    second: WrittenPredicate<'_>,
    budget: &SearchBudget,
) -> Option<String> {
    if !budget.spend_steps(measure_node(first.1).saturating_mul(measure_node(second.1))) {
        return None;
    }
    let (accepted, other_accepted) =
        (list_accepted_fields(words, first), list_accepted_fields(words, second));
    contradict_in_words(&accepted, &other_accepted, budget).or_else(|| contradict_otherwise(first, second))
}

/// Returns why no change answers both questions, whatever they accept of fields of words.
fn contradict_otherwise(first: WrittenPredicate<'_>, second: WrittenPredicate<'_>) -> Option<String> {
    for (refused, wanted) in [(first, second), (second, first)] {
        if refused.0.text == "not"
            && !is_empty_not(refused.0, refused.1)
            && covers_conjuncts(&list_conjuncts(refused.1), &[wanted])
        {
            let name = shorten_for_message(&wanted.0.text);
            return Some(format!("one asks for what `not` refuses in the other (`{name}`)"));
        }
    }
    match (first.0.text.as_str(), second.0.text.as_str()) {
        ("touches", "only-touches") => contradict_in_paths(first.1, second.1),
        ("only-touches", "touches") => contradict_in_paths(second.1, first.1),
        ("branch", "branch") => {
            let names = |node| list_texts(node).into_iter().collect::<BTreeSet<&str>>();
            let (first, second) = (names(first.1), names(second.1));
            let is_plain = |name: &&str| !name.contains('*') && !name.starts_with("refs/");
            let is_decided = first.iter().chain(&second).all(is_plain);
            (is_decided && first.is_disjoint(&second)).then(|| "no branch is in both lists".to_owned())
        }
        _ => None,
    }
}

fn contradict_in_words(
    first: &AcceptedFields<'_>,
    second: &AcceptedFields<'_>,
    budget: &SearchBudget,
) -> Option<String> {
    for (name, words) in first {
        for (_, other_words) in second.iter().filter(|(other, _)| other == name) {
            if budget.spend_steps(words.count_words()) && words.is_apart_from(other_words) {
                let name = shorten_for_message(name);
                return Some(format!("no value of `{name}` is all that is asked of it"));
            }
        }
    }
    None
}

fn contradict_in_paths(touches: &YamlNode, only: &YamlNode) -> Option<String> {
    let (wanted, allowed) = (list_touched(touches)?, list_texts(only));
    let is_apart = |path: &&str| {
        allowed.iter().all(|pattern| are_apart(path, pattern) || have_other_endings(path, pattern))
    };
    let path = wanted.first()?;
    wanted.iter().all(is_apart).then(|| {
        let path = shorten_for_message(path);
        format!("`touches` wants a file such as `{path}`, and `only-touches` allows none of these")
    })
}

/// Returns the patterns of which a change has to touch one; `None` if the question is about more than paths.
fn list_touched(touches: &YamlNode) -> Option<Vec<&str>> {
    match list_entries(touches) {
        [] => Some(list_texts(touches)),
        [(key, paths)] if key.text == "paths" => Some(list_texts(paths)),
        _ => None,
    }
}

/// Returns true if no path matches both patterns, as far as what stands before the first wildcard shows it.
fn are_apart(first: &str, second: &str) -> bool {
    match (find_fixed_start(first), find_fixed_start(second)) {
        (Some(first), Some(second)) => !first.starts_with(second) && !second.starts_with(first),
        _ => false,
    }
}

/// Returns what every path begins with that a pattern matches; `None` for one that matches at any depth.
fn find_fixed_start(pattern: &str) -> Option<&str> {
    let inner = pattern.strip_suffix('/').unwrap_or(pattern);
    if !inner.contains('/') {
        return None;
    }
    let start = pattern.trim_start_matches('/');
    let end = start.find(['*', '?', '[', '\\']).unwrap_or(start.len());
    start.get(..end).filter(|start| !start.is_empty())
}

/// Returns true if the files that one pattern matches end otherwise than those that the other one covers, as `*.rs` and
/// `*.md`. A folder that is called like a file is left aside.
fn have_other_endings(touched: &str, covered: &str) -> bool {
    let ending = |pattern: &str| {
        let name = pattern.rsplit('/').next().filter(|name| !name.is_empty())?.to_owned();
        let start = name.rfind(['*', '?', '[', ']', '\\']);
        let tail = name.get(start.map_or(0, |start| start + 1)..).filter(|tail| !tail.is_empty())?.to_owned();
        Some((tail, start.is_some()))
    };
    match (ending(touched), ending(covered)) {
        // The name of a file may be that of a folder, which holds anything.
        (Some((touched, true)), Some((covered, _))) if touched.starts_with('.') => {
            !touched.ends_with(&covered) && !covered.ends_with(&touched)
        }
        _ => false,
    }
}

/// Returns the fault of a size that is too small for the files that every change has to touch.
fn find_small_size<'files>(
    asked: &[AskedPredicate<'files>],
    index: usize,
    budget: &SearchBudget,
) -> Option<ToldContradiction<'files>> {
    if !asked.iter().any(|one| one.predicate.0.text == "size") {
        return None;
    }
    // Each of these needs a file of its own.
    let mut apart: Vec<(&AskedPredicate<'files>, Vec<&str>)> = Vec::new();
    for one in asked.iter().filter(|one| one.predicate.0.text == "touches") {
        let Some(patterns) = list_touched(one.predicate.1) else { continue };
        let known: usize = apart.iter().map(|(_, known)| known.len()).sum();
        if !budget.spend_steps(known.saturating_add(1).saturating_mul(patterns.len())) {
            return None;
        }
        let is_apart = apart.iter().all(|(_, known)| {
            patterns.iter().all(|pattern| known.iter().all(|other| are_apart(pattern, other)))
        });
        if is_apart {
            apart.push((one, patterns));
        }
    }
    for one in asked.iter().filter(|one| one.predicate.0.text == "size") {
        if find_entry(one.predicate.1, "ignore").is_some() {
            continue;
        }
        let files = find_entry(one.predicate.1, "files").and_then(|files| find_entry(files, "at-most"));
        let Some(most) = files.and_then(scalar_text).and_then(|most| most.parse::<usize>().ok()) else {
            continue;
        };
        let own =
            std::iter::once(one).chain(apart.iter().map(|(asked, _)| *asked)).find(|one| one.file == index);
        if let Some(own) = own
            && most < apart.len()
        {
            let why =
                format!("every change has to touch {} files, and may touch at most {most}", apart.len());
            let rule = shorten_for_message(one.rule);
            let what = format!("no change could keep `{rule}`: {why}");
            let help = "allow more files, or ask for fewer paths";
            let fault = YamlFault::new(own.predicate.0.at, what).with_help(help);
            let rules = std::iter::once(one.rule).chain(apart.iter().map(|(asked, _)| asked.rule)).collect();
            return Some(ToldContradiction { rules, fault, why });
        }
    }
    None
}
