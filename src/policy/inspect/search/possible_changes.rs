//! The changes that a policy can be asked about: what every question says about each of their aspects.
//!
//! An aspect is the branch, the people, the time, the wording, the labels, the merges, the sizes, the paths or a field.
//! What nothing tells about, such as a check, can be either way, and is the same wherever one change is asked about
//! it.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde_json::json;

use crate::change::Change;
use crate::policy::definition::Policy;
use crate::policy::inspect::findings::{InspectionFacts, JudgingPlace};
use crate::policy::inspect::samples::aspect_samples::{
    keep_server_pushers, list_authors, list_branches, list_pushers, list_times,
};
use crate::policy::inspect::samples::sample_changes::{ask_sample, read_sample};
use crate::policy::inspect::search::answer_rows::{list_label_sets, list_merges, list_sizes, list_wordings};
use crate::policy::inspect::search::assumed_change::{ChangeSearch, SketchedQuestion, WantedChanges};
use crate::policy::inspect::search::path_answers::PathAnswers;
use crate::policy::inspect::search::people_answers::{JoinedPeopleAnswers, join_people_answers};
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::predicates::Predicate;
use crate::predicates::size::SizePredicate;
use crate::verdict::RuleLevel;

/// How many questions about an assumed change take as long as one about a sample.
const SAMPLE_COST: usize = 10;

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
    |predicate| matches!(predicate, Predicate::Size(asked) if counts_surely(asked)),
];

/// Returns true for a size that is known of each set of paths.
fn counts_surely(asked: &SizePredicate) -> bool {
    asked.ignored_patterns().is_empty() || asked.accepts_ignored_only()
}

/// Returns the indexes of the rules that deny on a day.
pub(crate) fn list_denying_rules(policy: &Policy, day: Date) -> Vec<usize> {
    let rules = policy.rules.iter().enumerate();
    rules.filter(|(_, rule)| rule.level_on(day) == RuleLevel::Deny).map(|(index, _)| index).collect()
}

/// Returns what the questions of the rules that deny say about people together, if that is more than they say one by
/// one. Bots make changes as well, `with_bots`.
pub(crate) fn join_asked_people<'policy>(
    policy: &'policy Policy,
    facts: &InspectionFacts<'_>,
    place: JudgingPlace,
    with_bots: bool,
) -> Option<JoinedPeopleAnswers<'policy>> {
    let asked = list_asked_questions(policy, &list_denying_rules(policy, facts.today), facts.today);
    join_people_answers(policy, &asked, facts, place, with_bots)
}

/// Returns the questions of the rules with the indexes `denying`, of the exemptions from them that hold on `day`, and of
/// the classes, in this order.
fn list_asked_questions<'policy>(
    policy: &'policy Policy,
    denying: &[usize],
    day: Date,
) -> Vec<&'policy Predicate> {
    let mut asked = Vec::new();
    for rule in denying.iter().filter_map(|index| policy.rules.get(*index)) {
        for condition in rule.when.iter().chain([&rule.require]) {
            condition.add_predicates(&mut asked);
        }
    }
    let granted = policy.exemptions.iter().filter(|exemption| exemption.until >= day);
    for exemption in granted.filter(|exemption| denying.contains(&exemption.rule_index)) {
        exemption.when.add_predicates(&mut asked);
    }
    for class in &policy.classes {
        class.when.add_predicates(&mut asked);
    }
    asked
}

/// The changes that are assumed, and what every question says about each of their aspects.
pub(crate) struct AssumedChanges<'policy> {
    policy: &'policy Policy,
    place: JudgingPlace,
    day: Date,
    denying: Vec<usize>,
    /// The file that the change touches, perhaps with others, and in which it changes a line; `None` where its files are
    /// open.
    path: Option<&'policy str>,
    aspects: Vec<AspectTable<'policy>>,
}

/// The answers of the questions about one aspect.
#[derive(Clone)]
struct AspectTable<'policy> {
    /// True for the answers about paths, and about how many there are.
    is_about_paths: bool,
    questions: Vec<&'policy Predicate>,
    /// What the questions answer under each choice, every row once.
    rows: Vec<Vec<Option<bool>>>,
}

impl<'policy> AssumedChanges<'policy> {
    /// Assumes changes of any file from today on, wherever they are judged.
    pub(crate) fn new(policy: &'policy Policy, facts: &InspectionFacts<'_>, budget: &SearchBudget) -> Self {
        let today = facts.today;
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
                (_, 0) => list_branches(policy, &questions, &[]),
                (_, 1) => list_pushers(policy, &questions),
                (_, 2) => list_authors(policy, &questions),
                (_, 3) => list_times(&questions, today),
                _ => {
                    let rows = match aspect {
                        4 | 5 => list_wordings(&questions),
                        6 => list_label_sets(&questions),
                        7 => list_merges(&questions),
                        _ => list_sizes(&questions, 0),
                    };
                    aspects.push(AspectTable::from_rows(rows, questions));
                    continue;
                }
            };
            aspects.push(AspectTable::from_samples(policy, questions, &samples, budget));
        }
        AssumedChanges { policy, place: JudgingPlace::Anywhere, day: today, denying, path: None, aspects }
    }

    /// Adds what questions about people answer together, in place of what they answer one by one.
    /// Returns the same changes at another place, or of a path: what does not depend on these is not asked again. No
    /// aspect may have been added yet.
    pub(crate) fn derive_changes(
        &self,
        path: Option<&'policy str>,
        facts: &InspectionFacts<'_>,
        place: JudgingPlace,
        budget: &SearchBudget,
    ) -> Self {
        let (policy, day, denying) = (self.policy, self.day, self.denying.clone());
        let mut aspects = Vec::new();
        for table in &self.aspects {
            let questions = table.questions.clone();
            let samples = match questions.first() {
                Some(Predicate::Branch(_)) if path.is_some() => {
                    list_branches(policy, &questions, facts.read_from)
                }
                Some(Predicate::Pusher(_)) if place == JudgingPlace::ServerHook => {
                    let mut samples = list_pushers(policy, &questions);
                    keep_server_pushers(policy, facts.pusher, &mut samples);
                    samples
                }
                Some(Predicate::Size(_)) if path.is_some() => {
                    aspects.push(AspectTable::from_rows(list_sizes(&questions, 1), questions));
                    continue;
                }
                _ => {
                    aspects.push(table.clone());
                    continue;
                }
            };
            aspects.push(AspectTable::from_samples(policy, questions, &samples, budget));
        }
        AssumedChanges { policy, place, day, denying, path, aspects }
    }

    pub(crate) fn add_people_aspect(&mut self, people: Option<&JoinedPeopleAnswers<'policy>>) {
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
        let joined = paths.join_answers(&self.list_asked(), self.path, with_empty);
        if !joined.questions.is_empty() {
            let table = AspectTable::from_rows(joined.rows, joined.questions);
            self.aspects.push(AspectTable { is_about_paths: true, ..table });
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
            let is_open = !matches!(predicate, Predicate::Field(_))
                && self.list_aspect_answers(predicate).is_empty()
                && !matches!(self.sketch_undecided(predicate), SketchedQuestion::Fixed(Some(_)));
            // One that is asked once is left open as it is.
            if is_open
                && (of_classes.contains(predicate)
                    || asked.iter().filter(|other| *other == predicate).count() > 1)
            {
                let rows = BTreeSet::from([vec![Some(false)], vec![Some(true)]]);
                self.aspects.push(AspectTable::from_rows(rows, vec![*predicate]));
            }
        }
    }

    fn list_asked(&self) -> Vec<&'policy Predicate> {
        list_asked_questions(self.policy, &self.denying, self.day)
    }

    /// Returns true unless the rules that deny exclude every change together; one with a value that the policy does
    /// not allow counts only `with_invalid`.
    pub(crate) fn is_possible(&self, with_invalid: bool, budget: &SearchBudget) -> bool {
        let mut search = self.prepare_search();
        if !with_invalid {
            search.leave_out_invalid_fields();
        }
        search.is_change_possible(WantedChanges::All, &self.denying, budget)
    }

    /// Returns the search among these changes.
    pub(crate) fn prepare_search(&self) -> ChangeSearch<'policy> {
        let sizes = self.aspects.iter().map(|aspect| aspect.rows.len()).collect();
        let sketch = |predicate| self.sketch_predicate(predicate);
        ChangeSearch::new(self.policy, &self.denying, self.day, sizes, &sketch)
    }

    fn sketch_predicate(&self, predicate: &'policy Predicate) -> SketchedQuestion<'policy> {
        let mut parts = self.list_aspect_answers(predicate);
        // How many files there are is open where it is not weighed with the paths.
        if let Predicate::Size(size) = predicate
            && let [Some(_), ..] = size.list_limits()
            && counts_surely(size)
            && !self.aspects.iter().any(|table| table.is_about_paths && table.questions.contains(&predicate))
        {
            parts.push(SketchedQuestion::Fixed(None));
        }
        match self.sketch_undecided(predicate) {
            needed @ SketchedQuestion::NeedsField(_) => {
                if parts.is_empty() {
                    parts.push(SketchedQuestion::Fixed(None));
                }
                parts.push(needed);
            }
            undecided if parts.is_empty() => return undecided,
            _ => {}
        }
        SketchedQuestion::All(parts)
    }

    /// Returns what each aspect says that a question is about; nothing for a question about none.
    fn list_aspect_answers(&self, predicate: &Predicate) -> Vec<SketchedQuestion<'policy>> {
        let mut found = Vec::new();
        for (aspect, table) in self.aspects.iter().enumerate() {
            if let Some(place) = table.questions.iter().position(|question| *question == predicate) {
                let answers = table.rows.iter().map(|row| row.get(place).copied().flatten()).collect();
                found.push(SketchedQuestion::Aspect { aspect, answers });
            }
        }
        found
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
        AspectTable { is_about_paths: false, questions, rows: rows.into_iter().rev().collect() }
    }
}
