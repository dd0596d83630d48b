//! Rules that never apply, and exemptions that leave nothing of a rule, found by what they mean.
//!
//! A rule applies to a change of one of its classes that fulfils its `when`. As in `possible_changes`, such a
//! change is looked for: if no choice of branch, people, time, wording, labels, fields and paths is one, the
//! rule never applies. If each such change has one of the exemptions, nothing is left of the rule. What is
//! told is certain but for patterns of paths, of which samples are tried; so it is a note.

use std::cell::Cell;
use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::change::{Change, Text};
use crate::pattern::PathPattern;
use crate::policy::definition::{Policy, Rule, RuleExemption};
use crate::policy::inspect::aspect_samples::list_bot_changes;
use crate::policy::inspect::contradictions::contradict;
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::possible_changes::{AssumedChanges, JudgingPlace};
use crate::policy::inspect::sample_changes::name_sample_paths;
use crate::policy::inspect::written::{
    find_entry, is_empty_not, list_conjuncts, list_entries, list_items, scalar_text,
};
use crate::policy::load::files::PolicyFile;
use crate::policy::packs::find_pack;
use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;
use crate::verdict::RuleLevel;
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

/// How often a change is looked for before what is left counts as possible.
const MAX_SEARCHES: usize = 200;

/// How many classes of a rule are looked at.
const MAX_CLASSES: usize = 32;

/// How many different answers paths may give, so that all sets of them can be tried.
const MAX_PATH_ANSWERS: usize = 10;

/// How many exemptions from one rule are weighed together.
const MAX_EXEMPTIONS: usize = 32;

/// Looks at the rules and the exemptions that the file at `index` states.
pub(crate) fn inspect_rule_scopes(
    policy: &Policy,
    files: &[PolicyFile],
    index: usize,
    today: Date,
    found: &mut FileFindings,
) {
    let Some(file) = files.get(index).filter(|file| find_pack(&file.name).is_none()) else { return };
    let bot_changes = &list_bot_changes(policy);
    let searches = &Cell::new(MAX_SEARCHES);
    for (id, written) in find_entry(&file.node, "rules").map(list_entries).unwrap_or_default().iter() {
        let rule = policy.rules.iter().find(|rule| rule.description.id.as_str() == id.text);
        if let Some(rule) = rule {
            let scope = RuleScope { policy, rule, files, bot_changes, searches, today };
            found.notes.extend(scope.find_idle_rule(written));
        }
    }
    inspect_exemptions(policy, files, file, bot_changes, searches, today, found);
}

/// A rule, and what tells which changes it applies to.
struct RuleScope<'policy> {
    policy: &'policy Policy,
    rule: &'policy Rule,
    files: &'policy [PolicyFile],
    /// Changes that bots make.
    bot_changes: &'policy [Change],
    /// How many searches are left.
    searches: &'policy Cell<usize>,
    today: Date,
}

impl RuleScope<'_> {
    /// Returns the note that a rule, or one of the classes that `written` names, never applies.
    fn find_idle_rule(&self, written: &YamlNode) -> Option<YamlFault> {
        let when = self.rule.when.as_ref()?;
        let id = shorten_for_message(self.rule.description.id.as_str());
        let classes = self.list_classes();
        if classes.iter().any(|class| self.has_change(when, *class)) {
            return self.find_idle_class(written, when, &id);
        }
        // Where another file states the `when`, this one has changed what it is about.
        let place = find_entry(written, "when").or_else(|| find_entry(written, "for"))?;
        let conjuncts = list_conjuncts(place);
        let fault = if conjuncts.iter().any(|(key, value)| is_empty_not(key, value)) {
            let what = format!("the rule `{id}` never applies: `not: {{}}` never holds");
            YamlFault::new(place.at, what).with_help("ask something in `not`, or remove it")
        } else if let Some(branches) = self.find_free_branches(when) {
            let what = format!("the rule `{id}` never applies: `protects` leaves out {branches}");
            YamlFault::new(place.at, what).with_help("protect the branch, or correct its name")
        } else {
            let classes = match &self.rule.class_indexes {
                Some(_) => "of its classes ",
                None => "",
            };
            let what = format!("the rule `{id}` never applies: no change {classes}fulfils its `when`");
            YamlFault::new(place.at, what).with_help("change `when`, or the classes that the rule is for")
        };
        Some(fault)
    }

    /// Returns the note that no change of a class that the file names fulfils the `when` of the rule.
    fn find_idle_class(&self, written: &YamlNode, when: &Condition, id: &str) -> Option<YamlFault> {
        for item in find_entry(written, "for").map(list_items).unwrap_or_default() {
            let name = scalar_text(item)?;
            let class = self.policy.classes.iter().position(|class| class.id.as_str() == name)?;
            if !self.has_change(when, Some(class)) {
                let name = shorten_for_message(name);
                let what = format!(
                    "the rule `{id}` applies to no change of the class `{name}`: its `when` leaves them out"
                );
                let help = format!("take `{name}` out of `for`, or change `when`");
                return Some(YamlFault::new(item.at, what).with_help(help));
            }
        }
        None
    }

    /// Returns the classes that the rule is for; `None` for a policy without classes.
    fn list_classes(&self) -> Vec<Option<usize>> {
        match &self.rule.class_indexes {
            Some(indexes) => indexes.iter().copied().map(Some).take(MAX_CLASSES).collect(),
            None => vec![None],
        }
    }

    /// Returns the branches that the `when` of the rule asks for, if none of them is protected.
    fn find_free_branches(&self, when: &Condition) -> Option<String> {
        let conjuncts = match when {
            Condition::All(parts) => parts.as_slice(),
            single => std::slice::from_ref(single),
        };
        for part in conjuncts {
            if let Condition::Predicate(Predicate::Branch(asked)) = part
                && !self.has_change(part, None)
            {
                let names = asked.asked_branches().iter();
                let names = names.map(|name| format!("`{}`", shorten_for_message(&name.to_string())));
                return Some(names.collect::<Vec<_>>().join(" and "));
            }
        }
        None
    }

    /// Returns true unless no change of the class, or of any, fulfils the condition.
    fn has_change(&self, condition: &Condition, class: Option<usize>) -> bool {
        self.has_change_with(condition, class, true)
    }

    /// As [`RuleScope::has_change`]; changes without a file count only `with_empty`.
    fn has_change_with(&self, condition: &Condition, class: Option<usize>, with_empty: bool) -> bool {
        if class.is_some_and(|class| self.contradicts_class(class)) {
            return false;
        }
        if asks_beyond_samples(condition) {
            return true;
        }
        self.finds_sample(condition, class, with_empty)
            // Of a class that no sample is of, nothing can be said.
            || (class.is_some() && !self.finds_sample(&Condition::All(Vec::new()), class, with_empty))
    }

    /// Returns true unless no sample of the class, or of any, fulfils the condition.
    fn finds_sample(&self, condition: &Condition, class: Option<usize>, with_empty: bool) -> bool {
        let Some(left) = self.searches.get().checked_sub(1) else { return true };
        self.searches.set(left);
        let probe = build_probe(self.policy, self.rule, condition.clone(), class);
        let mut changes = AssumedChanges::new(&probe, None, &[], self.today, JudgingPlace::Anywhere);
        changes.add_samples(self.bot_changes);
        add_path_aspect(&probe, &mut changes, with_empty);
        add_open_aspects(&probe, &mut changes);
        changes.is_possible()
    }

    /// Returns true if a question of the class and one of the rule's `when` exclude each other by their wording.
    fn contradicts_class(&self, class: usize) -> bool {
        let Some(class) = self.policy.classes.get(class) else { return false };
        let classes = self.files.iter().rev().find_map(|file| find_entry(&file.node, "classes"));
        let Some(class) = classes.and_then(|classes| find_entry(classes, class.id.as_str())) else {
            return false;
        };
        let Some(when) = find_rule_when(self.files, self.rule.description.id.as_str()) else { return false };
        let asked = list_conjuncts(when);
        list_conjuncts(class)
            .iter()
            .any(|one| asked.iter().any(|other| contradict(self.policy, *one, *other).is_some()))
    }
}

/// Finds exemptions of the file that leave nothing of a rule, by themselves or together with others.
fn inspect_exemptions(
    policy: &Policy,
    files: &[PolicyFile],
    file: &PolicyFile,
    bot_changes: &[Change],
    searches: &Cell<usize>,
    today: Date,
    found: &mut FileFindings,
) {
    let own = find_entry(&file.node, "exemptions").map(list_items).unwrap_or_default();
    for (index, rule) in policy.rules.iter().enumerate() {
        let granted: Vec<&RuleExemption> = policy
            .exemptions
            .iter()
            .filter(|exemption| exemption.rule_index == index && exemption.until >= today)
            .take(MAX_EXEMPTIONS)
            .collect();
        let find_own = |exemption: &&RuleExemption| {
            own.iter().find(|item| {
                exemption.id.as_str() == format!("{}:{}", file.name, item.at.line)
                    && find_entry(item, "rule").and_then(scalar_text) == Some(rule.description.id.as_str())
            })
        };
        let scope = RuleScope { policy, rule, files, bot_changes, searches, today };
        // It is told once, where the last of them stands.
        let Some(last) = granted.iter().rev().find_map(find_own) else { continue };
        let Some(core) = scope.find_exempting_core(&granted) else { continue };
        let id = shorten_for_message(rule.description.id.as_str());
        let names: Vec<String> =
            core.iter().map(|one| format!("`{}`", shorten_for_message(one.id.as_str()))).collect();
        let what = match names.as_slice() {
            [one] => format!(
                "the exemption {one} leaves nothing of the rule `{id}`: all that it applies to is exempt"
            ),
            _ => format!("the exemptions {} together leave nothing of the rule `{id}`", names.join(" and ")),
        };
        let help = "exempt fewer changes, or switch the rule off with a reason";
        found.notes.push(YamlFault::new(last.at, what).with_help(help));
    }
}

impl RuleScope<'_> {
    /// Returns the fewest of these exemptions that leave nothing of the rule; `None` if something is left, or
    /// there was nothing before.
    fn find_exempting_core<'one>(&self, granted: &[&'one RuleExemption]) -> Option<Vec<&'one RuleExemption>> {
        if !self.has_change_beside(&[]) || self.has_change_beside(granted) {
            return None;
        }
        let mut core = granted.to_vec();
        for exemption in granted {
            let without: Vec<&RuleExemption> =
                core.iter().copied().filter(|known| known != exemption).collect();
            if !self.has_change_beside(&without) {
                core = without;
            }
        }
        Some(core)
    }

    /// Returns true unless every change that the rule applies to has one of the exemptions.
    fn has_change_beside(&self, exemptions: &[&RuleExemption]) -> bool {
        let mut parts: Vec<Condition> = self.rule.when.iter().cloned().collect();
        for exemption in exemptions {
            parts.push(Condition::Not(Box::new(exemption.when.clone())));
        }
        let asked = Condition::All(parts);
        // That a change without a file is not exempt leaves little of a rule.
        self.list_classes().iter().any(|class| self.has_change_with(&asked, *class, false))
    }
}

/// Returns true if a condition asks what the samples do not try in full: accounts that no roster lists, and times that
/// are more than a year away.
fn asks_beyond_samples(condition: &Condition) -> bool {
    let mut asked = Vec::new();
    condition.add_predicates(&mut asked);
    asked.iter().any(|predicate| matches!(predicate, Predicate::Pusher(_) | Predicate::Window(_)))
}

/// Returns the policy with one rule: it denies what is not of the class, or does not fulfil the condition.
fn build_probe(policy: &Policy, rule: &Rule, condition: Condition, class: Option<usize>) -> Policy {
    let asking = |require: Condition, class_indexes: Option<Vec<usize>>| Rule {
        level: RuleLevel::Deny,
        warn_until: None,
        class_indexes,
        when: None,
        require,
        ..rule.clone()
    };
    let mut rules = vec![asking(condition, None)];
    if let Some(class) = class {
        let others = (0..policy.classes.len()).filter(|index| *index != class).collect();
        rules.push(asking(Condition::Any(Vec::new()), Some(others)));
    }
    Policy { rules, exemptions: Vec::new(), ..policy.clone() }
}

/// Adds what questions about paths answer to every set of sample paths together: those of the rule and of the
/// classes, or only those of the rule if there are too many answers.
fn add_path_aspect<'policy>(probe: &'policy Policy, changes: &mut AssumedChanges<'policy>, with_empty: bool) {
    let mut asked = Vec::new();
    for rule in &probe.rules {
        rule.require.add_predicates(&mut asked);
    }
    let mut asked_with_classes = asked.clone();
    for class in &probe.classes {
        class.when.add_predicates(&mut asked_with_classes);
    }
    for asked in [asked_with_classes, asked] {
        let (questions, paths) = sample_path_questions(&asked);
        if let Some(answers) = answer_about_paths(&questions, &paths) {
            if !questions.is_empty() {
                changes.add_aspect(questions, join_path_answers(&answers, with_empty));
            }
            return;
        }
    }
}

/// Returns the questions about paths of which samples can be named, each once, and the sample paths.
fn sample_path_questions<'policy>(asked: &[&'policy Predicate]) -> (Vec<&'policy Predicate>, Vec<String>) {
    let mut questions: Vec<&Predicate> = Vec::new();
    let mut paths = name_sample_paths("*/*").to_vec();
    for predicate in asked.iter().copied() {
        let Predicate::Touches(touches) = predicate else { continue };
        let Some(patterns) = touches.asked_patterns() else { continue };
        let patterns: Vec<String> = patterns.map(PathPattern::to_string).collect();
        // What such a pattern leaves out is in no sample.
        if questions.contains(&predicate)
            || patterns.iter().any(|one| ["[!", "[^", "\\"].iter().any(|sign| one.contains(sign)))
        {
            continue;
        }
        questions.push(predicate);
        for pattern in &patterns {
            let named = name_sample_paths(pattern);
            // A pattern without a folder is of files in every folder.
            if !pattern.trim_end_matches('/').contains('/') {
                paths.extend(named.iter().map(|path| format!("z/{path}")));
            }
            paths.extend(named);
        }
    }
    (questions, paths)
}

/// Returns what the questions answer about changes of one path each; `None` if that is too much.
fn answer_about_paths(questions: &[&Predicate], paths: &[String]) -> Option<BTreeSet<Vec<bool>>> {
    let mut answers: BTreeSet<Vec<bool>> = BTreeSet::new();
    for path in paths {
        let path = Text::from(path.as_str());
        let names =
            |asked: &&Predicate| matches!(asked, Predicate::Touches(touches) if touches.names_path(&path));
        answers.insert(questions.iter().map(names).collect());
        if answers.len() > MAX_PATH_ANSWERS {
            return None;
        }
    }
    Some(answers)
}

/// Returns the answers about every set of paths: one of several files answers for the change.
fn join_path_answers(answers: &BTreeSet<Vec<bool>>, with_empty: bool) -> BTreeSet<Vec<Option<bool>>> {
    let mut joined: BTreeSet<Vec<Option<bool>>> = BTreeSet::new();
    // A change can have no file at all.
    if with_empty {
        joined.extend(answers.first().map(|answer| vec![Some(false); answer.len()]));
    }
    for answer in answers {
        let alone: Vec<Option<bool>> = answer.iter().copied().map(Some).collect();
        let with_others: Vec<Vec<Option<bool>>> = joined
            .iter()
            .map(|known| known.iter().zip(&alone).map(|(one, other)| (*one).max(*other)).collect())
            .collect();
        joined.extend(with_others);
        joined.insert(alone);
    }
    joined
}

/// Lets every other question be answered either way, and each time it is asked in the same way.
fn add_open_aspects<'policy>(probe: &'policy Policy, changes: &mut AssumedChanges<'policy>) {
    let mut asked = Vec::new();
    for rule in &probe.rules {
        rule.require.add_predicates(&mut asked);
    }
    for predicate in asked {
        if !changes.is_decided(predicate) {
            changes.add_aspect(vec![predicate], BTreeSet::from([vec![Some(false)], vec![Some(true)]]));
        }
    }
}

/// Returns the `when` of a rule, from the last file that states it.
fn find_rule_when<'files>(files: &'files [PolicyFile], id: &str) -> Option<&'files YamlNode> {
    files.iter().rev().find_map(|file| find_entry(find_entry(find_entry(&file.node, "rules")?, id)?, "when"))
}
