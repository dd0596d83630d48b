//! Refuses a policy that no change of a person could keep, or that could never be changed again.
//!
//! Two changes are assumed, at their best: one of the class that takes all that is left, and one that takes
//! back what this policy says. If every choice of branch, people, time, wording, labels, merges, sizes, paths
//! and fields breaks a rule, the fewest rules that exclude all changes together are named. What nothing tells
//! about, such as a check, can be either way, and is the same wherever one change is asked about it.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde_json::json;

use crate::change::{Change, Text};
use crate::policy::definition::Policy;
use crate::policy::inspect::answer_rows::{list_label_sets, list_merges, list_sizes, list_wordings};
use crate::policy::inspect::aspect_samples::{list_authors, list_branches, list_pushers, list_times};
use crate::policy::inspect::assumed_change::{ChangeSearch, SearchBudget, SketchedQuestion};
use crate::policy::inspect::findings::{InspectionFacts, JudgingPlace};
use crate::policy::inspect::path_answers::PathAnswers;
use crate::policy::inspect::people_answers::{JoinedPeopleAnswers, join_people_answers};
use crate::policy::inspect::sample_changes::{ask_sample, read_sample};
use crate::policy::inspect::staffing::join_rule_ids;
use crate::predicates::Predicate;
use crate::verdict::RuleLevel;
use crate::yaml::shorten_for_message;

/// How many questions about an assumed change take as long as one about a sample.
const SAMPLE_COST: usize = 10;

/// How many rules are named.
const MAX_NAMED_RULES: usize = 4;

/// The aspects of a change beside its fields, in the order of their numbers.
const ASPECTS: [fn(&Predicate) -> bool; 9] = [
    |predicate| matches!(predicate, Predicate::Branch(_)),
    |predicate| matches!(predicate, Predicate::Pusher(asked) if !asked.accepts_any_pusher()),
    |predicate| matches!(predicate, Predicate::Author(_)),
    |predicate| matches!(predicate, Predicate::Window(_)),
    |predicate| matches!(predicate, Predicate::Subject(_)),
    |predicate| matches!(predicate, Predicate::Title(_)),
    |predicate| matches!(predicate, Predicate::Label(_)),
    |predicate| matches!(predicate, Predicate::Merge(_)),
    |predicate| matches!(predicate, Predicate::Size(asked) if asked.full_limits().is_some()),
];

/// Rules of which no change keeps all.
pub(crate) struct ExcludingRules {
    /// Their indexes in the policy.
    pub(crate) rules: Vec<usize>,
    /// What is wrong with them.
    pub(crate) what: String,
    /// How it is put right.
    pub(crate) help: &'static str,
}

/// Finds rules that exclude every change of a person, or every change of the policy in the file `entry`.
///
/// `facts` tell the branches that the policy is read from; `paths` and `people` are what its questions about these
/// answer together.
pub(crate) fn find_excluding_rules<'policy>(
    policy: &'policy Policy,
    entry: &str,
    facts: &InspectionFacts<'_>,
    place: JudgingPlace,
    paths: &PathAnswers<'_>,
    people: Option<&JoinedPeopleAnswers<'policy>>,
) -> Option<ExcludingRules> {
    let today = facts.today;
    let start = match place {
        JudgingPlace::Anywhere => "",
        JudgingPlace::ServerHook => "on a server, where approvals are what trailers say, ",
        JudgingPlace::OwnCommits => "unless someone who has a key commits it for its author, ",
    };
    let budget = SearchBudget::default();
    let rest = policy.classes.iter().position(|class| class.when.is_empty());
    if rest.is_some() || policy.classes.is_empty() {
        let mut search = AssumedChanges::new(policy, None, &[], today, place, &budget);
        search.add_people_aspect(people);
        // A change without a file changes nothing that a policy is there for.
        search.add_path_aspect(paths, false);
        search.add_open_aspects();
        if let Some(rules) = search.find_core(rest, &budget) {
            let what = format!("{start}no change of a person could keep {}", name_rules(policy, &rules));
            let help = "change what is required, or give the rules a `when` or different classes";
            return Some(ExcludingRules { rules, what, help });
        }
    }
    let mut search = AssumedChanges::new(policy, Some(entry), facts.read_from, today, place, &budget);
    search.add_people_aspect(people);
    search.add_path_aspect(paths, false);
    search.add_open_aspects();
    let rules = search.find_core(None, &budget)?;
    let what = format!(
        "{start}no change of `{}` could keep {}, so the policy could never be changed again",
        shorten_for_message(entry),
        name_rules(policy, &rules)
    );
    let help = "change what is required, or leave changes of the policy out, with `when` or `not-for`";
    Some(ExcludingRules { rules, what, help })
}

/// Returns the indexes of the rules that deny.
fn list_denying_rules(policy: &Policy, today: Date) -> Vec<usize> {
    let rules = policy.rules.iter().enumerate();
    rules.filter(|(_, rule)| rule.level_on(today) == RuleLevel::Deny).map(|(index, _)| index).collect()
}

/// Returns what the questions of the rules that deny say about people together, if that is more than they say one by
/// one.
pub(crate) fn join_asked_people<'policy>(
    policy: &'policy Policy,
    facts: &InspectionFacts<'_>,
    place: JudgingPlace,
) -> Option<JoinedPeopleAnswers<'policy>> {
    let asked = list_asked_questions(policy, &list_denying_rules(policy, facts.today));
    join_people_answers(policy, &asked, facts.signing_keys, place)
}

/// Returns the questions of the rules with the indexes `denying`, of the exemptions from them and of the classes, in
/// this order.
fn list_asked_questions<'policy>(policy: &'policy Policy, denying: &[usize]) -> Vec<&'policy Predicate> {
    let mut asked = Vec::new();
    for rule in denying.iter().filter_map(|index| policy.rules.get(*index)) {
        for condition in rule.when.iter().chain([&rule.require]) {
            condition.add_predicates(&mut asked);
        }
    }
    for exemption in policy.exemptions.iter().filter(|exemption| denying.contains(&exemption.rule_index)) {
        exemption.when.add_predicates(&mut asked);
    }
    for class in &policy.classes {
        class.when.add_predicates(&mut asked);
    }
    asked
}

/// Returns the ids of rules, as in `a`, `b` and `c`.
fn name_rules(policy: &Policy, rules: &[usize]) -> String {
    let known = rules.iter().filter_map(|index| policy.rules.get(*index));
    let ids: Vec<&str> = known.map(|rule| rule.description.id.as_str()).take(MAX_NAMED_RULES).collect();
    join_rule_ids(&ids)
}

/// The changes that are assumed, and what every question says about each of their aspects.
pub(crate) struct AssumedChanges<'policy> {
    policy: &'policy Policy,
    place: JudgingPlace,
    denying: Vec<usize>,
    /// The file that the change touches, perhaps with others; `None` where its files are open.
    path: Option<&'policy str>,
    aspects: Vec<AspectTable<'policy>>,
}

/// The answers of the questions about one aspect.
struct AspectTable<'policy> {
    questions: Vec<&'policy Predicate>,
    /// What the questions answer under each choice, every row once.
    rows: Vec<Vec<Option<bool>>>,
}

impl<'policy> AssumedChanges<'policy> {
    pub(crate) fn new(
        policy: &'policy Policy,
        path: Option<&'policy str>,
        read_from: &[Text],
        today: Date,
        place: JudgingPlace,
        budget: &SearchBudget,
    ) -> Self {
        let denying = list_denying_rules(policy, today);
        let mut predicates = Vec::new();
        for condition in policy.conditions() {
            condition.add_predicates(&mut predicates);
        }
        let mut aspects = Vec::new();
        for (aspect, is_about) in ASPECTS.iter().enumerate() {
            let mut questions: Vec<&Predicate> = Vec::new();
            for predicate in predicates.iter().copied().filter(|predicate| is_about(predicate)) {
                if !questions.contains(&predicate) {
                    questions.push(predicate);
                }
            }
            let samples = match (questions.is_empty(), aspect) {
                (true, _) => Vec::new(),
                (_, 0) => list_branches(policy, &questions, read_from),
                (_, 1) => list_pushers(policy, &questions),
                (_, 2) => list_authors(policy),
                (_, 3) => list_times(&questions, today),
                _ => {
                    let rows = match aspect {
                        4 | 5 => list_wordings(&questions),
                        6 => list_label_sets(&questions),
                        7 => list_merges(&questions),
                        _ => list_sizes(&questions, 1),
                    };
                    aspects.push(AspectTable::from_rows(rows, questions));
                    continue;
                }
            };
            aspects.push(AspectTable::from_samples(policy, questions, &samples, budget));
        }
        AssumedChanges { policy, place, denying, path, aspects }
    }

    /// Adds what questions about people answer together, in place of what they answer one by one.
    fn add_people_aspect(&mut self, people: Option<&JoinedPeopleAnswers<'policy>>) {
        let Some(joined) = people else { return };
        self.aspects.retain(|table| !table.is_about_makers());
        self.aspects.push(AspectTable::from_rows(joined.rows.clone(), joined.questions.clone()));
    }

    /// Adds what questions about pushers and authors say about further samples.
    pub(crate) fn add_samples(&mut self, samples: &[Change]) {
        for table in self.aspects.iter_mut().filter(|table| table.is_about_makers()) {
            let mut rows = BTreeSet::new();
            for sample in samples {
                let questions = table.questions.iter();
                rows.insert(questions.map(|asked| ask_sample(self.policy, asked, sample)).collect());
            }
            table.add_rows(rows);
        }
    }

    /// Adds what questions about paths answer to every set of paths; no path at all is one of them `with_empty`.
    pub(crate) fn add_path_aspect(&mut self, paths: &PathAnswers<'_>, with_empty: bool) {
        if with_empty {
            // A record has no file, and so no size that counts files.
            for table in self.aspects.iter_mut().filter(|table| table.is_about_sizes()) {
                table.add_rows(list_sizes(&table.questions, 0));
            }
        }
        let joined = paths.join_answers(&self.list_asked(), self.path, with_empty);
        if !joined.questions.is_empty() {
            self.aspects.push(AspectTable::from_rows(joined.rows, joined.questions));
        }
    }

    /// Lets every other question be answered either way, and each time it is asked in the same way.
    pub(crate) fn add_open_aspects(&mut self) {
        let asked = self.list_asked();
        let mut of_classes = Vec::new();
        for class in &self.policy.classes {
            class.when.add_predicates(&mut of_classes);
        }
        for predicate in &asked {
            // One that is asked once is left open as it is.
            let is_repeated = asked.iter().filter(|other| *other == predicate).count() > 1;
            if (is_repeated || of_classes.contains(predicate))
                && !matches!(predicate, Predicate::Field(_))
                && self.find_aspect(predicate).is_none()
                && !matches!(self.sketch_undecided(predicate), SketchedQuestion::Fixed(Some(_)))
            {
                let rows = BTreeSet::from([vec![Some(false)], vec![Some(true)]]);
                self.aspects.push(AspectTable::from_rows(rows, vec![*predicate]));
            }
        }
    }

    fn list_asked(&self) -> Vec<&'policy Predicate> {
        list_asked_questions(self.policy, &self.denying)
    }

    /// Returns true unless the rules that deny exclude every change together; one with a value that the policy does
    /// not allow counts only `with_invalid`.
    pub(crate) fn is_possible(&self, with_invalid: bool, budget: &SearchBudget) -> bool {
        let mut search = self.prepare_search(None);
        if !with_invalid {
            search.leave_out_invalid_fields();
        }
        search.is_change_possible(&self.denying, budget)
    }

    fn prepare_search(&self, wanted_class: Option<usize>) -> ChangeSearch<'policy> {
        let sizes = self.aspects.iter().map(|aspect| aspect.rows.len()).collect();
        let sketch = |predicate| self.sketch_predicate(predicate);
        ChangeSearch::new(self.policy, &self.denying, wanted_class, sizes, &sketch)
    }

    /// Returns the fewest rules that exclude every change, with those of packs left out first; `None` if
    /// there is a change that they allow.
    fn find_core(&self, wanted_class: Option<usize>, budget: &SearchBudget) -> Option<Vec<usize>> {
        let search = self.prepare_search(wanted_class);
        if search.is_change_possible(&self.denying, budget) {
            return None;
        }
        let mut core = self.denying.clone();
        for index in &self.denying {
            let without: Vec<usize> = core.iter().copied().filter(|known| known != index).collect();
            if !search.is_change_possible(&without, budget) {
                core = without;
            }
        }
        // Without a rule, it is the classes that leave no such change.
        (!core.is_empty()).then_some(core)
    }

    fn sketch_predicate(&self, predicate: &'policy Predicate) -> SketchedQuestion<'policy> {
        let sketched = self.sketch_undecided(predicate);
        match (self.find_aspect(predicate), sketched) {
            (Some(answers), sketched @ SketchedQuestion::NeedsField(_)) => {
                SketchedQuestion::All(vec![answers, sketched])
            }
            (Some(answers), _) => answers,
            (None, SketchedQuestion::NeedsField(fields)) => SketchedQuestion::All(vec![
                SketchedQuestion::Fixed(None),
                SketchedQuestion::NeedsField(fields),
            ]),
            (None, sketched) => sketched,
        }
    }

    /// Returns what the aspect says that a question is about; `None` for a question about none.
    fn find_aspect(&self, predicate: &Predicate) -> Option<SketchedQuestion<'policy>> {
        for (aspect, table) in self.aspects.iter().enumerate() {
            if let Some(place) = table.questions.iter().position(|question| *question == predicate) {
                let answers = table.rows.iter().map(|row| row.get(place).copied().flatten()).collect();
                return Some(SketchedQuestion::Aspect { aspect, answers });
            }
        }
        None
    }

    /// Returns what is known of a question without any aspect.
    fn sketch_undecided(&self, predicate: &'policy Predicate) -> SketchedQuestion<'policy> {
        let in_hook = self.place == JudgingPlace::ServerHook;
        match predicate {
            Predicate::Field(asked) => SketchedQuestion::Field(asked),
            // Other files may be touched beside the one that is.
            Predicate::Touches(_) => {
                SketchedQuestion::Fixed(self.ask_about_path(predicate).filter(|holds| *holds))
            }
            Predicate::OnlyTouches(_) => {
                SketchedQuestion::Fixed(self.ask_about_path(predicate).filter(|holds| !*holds))
            }
            Predicate::StandardChange(asked) if !asked.has_entry_for(self.path) => {
                SketchedQuestion::Fixed(Some(false))
            }
            Predicate::StandardChange(asked) => SketchedQuestion::NeedsField(vec![asked.entry_field()]),
            Predicate::Ticket(asked) => match asked.required_field() {
                Some(field) => SketchedQuestion::NeedsField(vec![field]),
                None => SketchedQuestion::Fixed(None),
            },
            Predicate::Approvals(asked) if in_hook && !asked.asks_code_owners() => {
                SketchedQuestion::NeedsField(asked.approval_fields())
            }
            _ => SketchedQuestion::Fixed(None),
        }
    }

    fn ask_about_path(&self, predicate: &Predicate) -> Option<bool> {
        let path = self.path?;
        let sample = json!({ "commits": [{ "message": "Change a file\n", "paths": [path] }] });
        ask_sample(self.policy, predicate, &read_sample(&sample)?)
    }
}

impl<'policy> AspectTable<'policy> {
    /// Returns true for the questions about pushers, and for those about authors.
    fn is_about_makers(&self) -> bool {
        matches!(self.questions.first(), Some(Predicate::Pusher(_) | Predicate::Author(_)))
    }

    fn is_about_sizes(&self) -> bool {
        matches!(self.questions.first(), Some(Predicate::Size(_)))
    }

    fn add_rows(&mut self, rows: BTreeSet<Vec<Option<bool>>>) {
        for row in rows {
            if !self.rows.contains(&row) {
                self.rows.push(row);
            }
        }
    }

    fn from_samples(
        policy: &Policy,
        questions: Vec<&'policy Predicate>,
        samples: &[Change],
        budget: &SearchBudget,
    ) -> Self {
        let mut rows = BTreeSet::new();
        // Where there is too much to ask, everything stays open.
        let cost = samples.len().saturating_mul(questions.len()).saturating_mul(SAMPLE_COST);
        if !budget.spend_questions(cost) {
            return AspectTable::from_rows(rows, questions);
        }
        for sample in samples {
            rows.insert(questions.iter().map(|asked| ask_sample(policy, asked, sample)).collect());
        }
        AspectTable::from_rows(rows, questions)
    }

    fn from_rows(mut rows: BTreeSet<Vec<Option<bool>>>, questions: Vec<&'policy Predicate>) -> Self {
        // What was not sampled is open.
        if rows.is_empty() {
            rows.insert(vec![None; questions.len()]);
        }
        AspectTable { questions, rows: rows.into_iter().rev().collect() }
    }
}
