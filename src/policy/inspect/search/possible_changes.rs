//! The changes that a policy can be asked about: what every question says about each of their aspects.
//!
//! An aspect is the branch, the people, the time, the wording, the labels, the merges, the sizes, the paths or a field.
//! What nothing tells about, such as a check, can be either way, and is the same wherever one change is asked about
//! it.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use jiff::civil::Date;
use serde_json::json;

use crate::change::{Change, FOR_CHANGE_TRAILER};
use crate::policy::inspect::findings::{InspectionFacts, JudgingPlace};
use crate::policy::inspect::samples::aspect_samples::{
    keep_server_pushers, list_authors, list_branches, list_pushers, list_times,
};
use crate::policy::inspect::samples::known_bots::PushingBots;
use crate::policy::inspect::samples::sample_changes::{ask_sample, read_sample};
use crate::policy::inspect::search::answer_rows::{list_label_sets, list_merges, list_sizes, list_wordings};
use crate::policy::inspect::search::asked_rules::AskedRules;
use crate::policy::inspect::search::aspect_tables::{AspectColumn, AspectKind, AspectTable};
use crate::policy::inspect::search::assumed_change::{ChangeSearch, SketchedPart, WantedChanges};
use crate::policy::inspect::search::path_answers::PathAnswers;
use crate::policy::inspect::search::people_answers::JoinedPeopleAnswers;
use crate::policy::inspect::search::question_numbers::measure_question;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::predicates::Predicate;
use crate::predicates::size::SizePredicate;

/// The aspects of a change beside its fields.
const ASPECTS: [AspectKind; 9] = [
    AspectKind::Branch,
    AspectKind::Pusher,
    AspectKind::Author,
    AspectKind::Time,
    AspectKind::Subject,
    AspectKind::Title,
    AspectKind::Labels,
    AspectKind::Merge,
    AspectKind::Size,
];

/// Returns the aspect that a question is about, unless its answer depends on more.
fn find_aspect(predicate: &Predicate) -> Option<AspectKind> {
    match predicate {
        Predicate::Branch(_) => Some(AspectKind::Branch),
        Predicate::Pusher(asked) if !asked.accepts_any_pusher() => Some(AspectKind::Pusher),
        Predicate::Author(_) => Some(AspectKind::Author),
        Predicate::Window(_) => Some(AspectKind::Time),
        Predicate::Subject(_) => Some(AspectKind::Subject),
        Predicate::Title(_) => Some(AspectKind::Title),
        Predicate::Label(_) => Some(AspectKind::Labels),
        Predicate::Merge(_) => Some(AspectKind::Merge),
        Predicate::Size(asked) if counts_surely(asked) => Some(AspectKind::Size),
        _ => None,
    }
}

/// Returns true for a size that is known of each set of paths.
fn counts_surely(asked: &SizePredicate) -> bool {
    asked.ignored_patterns().is_empty() || asked.accepts_ignored_only()
}

/// The changes that are assumed, and what every question says about each of their aspects.
pub(crate) struct AssumedChanges<'policy> {
    asked: Rc<AskedRules<'policy>>,
    place: JudgingPlace,
    day: Date,
    /// The file that the change touches, perhaps with others, and in which it changes a line; `None` where its files are
    /// open.
    path: Option<&'policy str>,
    /// A change of this file alone.
    path_sample: Option<Change>,
    aspects: Vec<Rc<AspectTable>>,
}

impl<'policy> AssumedChanges<'policy> {
    /// Assumes changes of any file from today on, wherever they are judged.
    pub(crate) fn new(
        asked: Rc<AskedRules<'policy>>,
        facts: &InspectionFacts<'_>,
        budget: &SearchBudget,
    ) -> Self {
        let mut changes = AssumedChanges {
            asked,
            place: JudgingPlace::Anywhere,
            day: facts.today,
            path: None,
            path_sample: None,
            aspects: Vec::new(),
        };
        let mut by_aspect: HashMap<usize, Vec<usize>> = HashMap::new();
        for number in &changes.asked.known_questions {
            let aspect = changes.asked.numbers.find_question(*number).and_then(find_aspect);
            let place = ASPECTS.iter().position(|known| Some(*known) == aspect);
            if let Some(place) = place {
                by_aspect.entry(place).or_default().push(*number);
            }
        }
        for (place, kind) in ASPECTS.iter().enumerate() {
            if let Some(questions) = by_aspect.remove(&place) {
                changes.aspects.push(Rc::new(changes.ask_aspect(*kind, questions, facts, budget)));
            }
        }
        changes
    }

    /// Returns the same changes at another place, or of a path: what does not depend on these is not asked again. No
    /// aspect may have been added yet.
    pub(crate) fn derive_changes(
        &self,
        path: Option<&'policy str>,
        facts: &InspectionFacts<'_>,
        place: JudgingPlace,
        budget: &SearchBudget,
    ) -> Self {
        let mut changes = AssumedChanges {
            asked: self.asked.clone(),
            place,
            day: self.day,
            path,
            path_sample: path.and_then(assume_path),
            aspects: Vec::new(),
        };
        for table in &self.aspects {
            let is_other = match table.kind {
                AspectKind::Branch | AspectKind::Size => path.is_some(),
                AspectKind::Pusher => place == JudgingPlace::ServerHook,
                _ => false,
            };
            let table = match is_other {
                true => Rc::new(changes.ask_aspect(table.kind, table.questions.clone(), facts, budget)),
                false => table.clone(),
            };
            changes.aspects.push(table);
        }
        changes
    }

    /// Returns what these questions say about an aspect.
    fn ask_aspect(
        &self,
        kind: AspectKind,
        questions: Vec<usize>,
        facts: &InspectionFacts<'_>,
        budget: &SearchBudget,
    ) -> AspectTable {
        let (policy, numbers) = (self.asked.policy, self.asked.numbers);
        let asked: Vec<&Predicate> =
            questions.iter().filter_map(|number| numbers.find_question(*number)).collect();
        let known = if self.path.is_some() { facts.read_from } else { &[] };
        let samples = match kind {
            AspectKind::Branch => list_branches(policy, &asked, known, budget),
            AspectKind::Pusher => {
                let mut samples = list_pushers(policy, &asked, PushingBots::Named, budget);
                if self.place == JudgingPlace::ServerHook {
                    keep_server_pushers(policy, facts.pusher, &mut samples);
                }
                samples
            }
            AspectKind::Author => list_authors(policy, &asked, budget),
            AspectKind::Time => list_times(&asked, self.day, budget),
            _ => {
                let rows = match kind {
                    AspectKind::Subject | AspectKind::Title => list_wordings(&asked),
                    AspectKind::Labels => list_label_sets(&asked, budget),
                    AspectKind::Merge => list_merges(&asked, budget),
                    _ => list_sizes(&asked, u64::from(self.path.is_some()), budget),
                };
                return AspectTable::from_rows(kind, rows, questions);
            }
        };
        AspectTable::from_samples(kind, policy, numbers, questions, &samples, budget)
    }

    /// Adds what questions about people answer together, in place of what they answer one by one.
    pub(crate) fn add_people_aspect(&mut self, people: Option<&JoinedPeopleAnswers>) {
        let Some(joined) = people else { return };
        self.aspects.retain(|table| !table.is_about_makers());
        let (rows, questions) = (joined.rows.clone(), joined.questions.clone());
        self.aspects.push(Rc::new(AspectTable::from_rows(AspectKind::People, rows, questions)));
    }

    /// Adds what questions about pushers and authors say about further samples.
    pub(crate) fn add_samples(&mut self, samples: &[Change], budget: &SearchBudget) {
        for table in self.aspects.iter_mut().filter(|table| table.is_about_makers()) {
            let (policy, numbers) = (self.asked.policy, self.asked.numbers);
            *table = Rc::new(table.with_samples(policy, numbers, samples, budget));
        }
    }

    /// Adds what questions about paths answer to every set of paths; no path at all is one of them `with_empty`.
    pub(crate) fn add_path_aspect(
        &mut self,
        paths: &PathAnswers<'_>,
        with_empty: bool,
        budget: &SearchBudget,
    ) {
        let joined = paths.join_answers(&self.asked, self.path, with_empty, budget);
        if !joined.questions.is_empty() {
            let table = AspectTable::from_rows(AspectKind::Paths, joined.rows, joined.questions);
            self.aspects.push(Rc::new(table));
        }
    }

    /// Lets every other question be answered either way, and each time it is asked in the same way.
    pub(crate) fn add_open_aspects(&mut self, budget: &SearchBudget) {
        let mut is_asked_again: HashMap<usize, bool> = HashMap::new();
        for number in &self.asked.asked_questions {
            is_asked_again.entry(*number).and_modify(|again| *again = true).or_insert(false);
        }
        for number in &self.asked.class_questions {
            is_asked_again.insert(*number, true);
        }
        let decided: BTreeSet<usize> =
            self.aspects.iter().flat_map(|table| table.questions.iter().copied()).collect();
        let asked = self.asked.clone();
        for number in &asked.asked_questions {
            // One that is asked once is left open as it is; each is looked at once.
            if is_asked_again.remove(number) != Some(true) || decided.contains(number) {
                continue;
            }
            let Some(predicate) = asked.numbers.find_question(*number) else { continue };
            let is_open = !matches!(predicate, Predicate::Field(_))
                && !matches!(self.sketch_undecided(predicate, budget), SketchedPart::Fixed(Some(_)));
            if is_open {
                let rows = BTreeSet::from([vec![Some(false)], vec![Some(true)]]);
                self.aspects.push(Rc::new(AspectTable::from_rows(AspectKind::Open, rows, vec![*number])));
            }
        }
    }

    /// Returns true unless the rules exclude every change together; one with a value that the policy does not allow
    /// counts only `with_invalid`.
    pub(crate) fn is_possible(&self, with_invalid: bool, budget: &SearchBudget) -> bool {
        let mut search = self.prepare_search(budget);
        if !with_invalid {
            search.leave_out_invalid_fields();
        }
        search.is_change_possible(WantedChanges::All, &self.list_rules(), budget)
    }

    /// Returns the indexes of the rules.
    pub(crate) fn list_rules(&self) -> Vec<usize> {
        self.asked.rules.iter().map(|rule| rule.index).collect()
    }

    /// Returns the search among these changes.
    pub(crate) fn prepare_search(&self, budget: &SearchBudget) -> ChangeSearch<'policy> {
        let mut columns: HashMap<usize, Vec<(usize, &Rc<AspectColumn>)>> = HashMap::new();
        let mut counted_with_paths: BTreeSet<usize> = BTreeSet::new();
        for (aspect, table) in self.aspects.iter().enumerate() {
            for (number, column) in table.list_columns() {
                columns.entry(number).or_default().push((aspect, column));
            }
            if table.kind == AspectKind::Paths {
                counted_with_paths.extend(&table.questions);
            }
        }
        let sketch = |number: usize| {
            let mut parts = Vec::new();
            for (aspect, column) in columns.get(&number).into_iter().flatten() {
                parts.push(SketchedPart::Aspect(*aspect, (*column).clone()));
            }
            let Some(predicate) = self.asked.numbers.find_question(number) else { return parts };
            // How many files there are is open where it is not weighed with the paths.
            if let Predicate::Size(size) = predicate
                && let [Some(_), ..] = size.list_limits()
                && counts_surely(size)
                && !counted_with_paths.contains(&number)
            {
                parts.push(SketchedPart::Fixed(None));
            }
            match self.sketch_undecided(predicate, budget) {
                needed @ SketchedPart::NeedsField(_) => {
                    if parts.is_empty() {
                        parts.push(SketchedPart::Fixed(None));
                    }
                    parts.push(needed);
                }
                undecided if parts.is_empty() => parts.push(undecided),
                _ => {}
            }
            parts
        };
        let sizes: Vec<usize> = self.aspects.iter().map(|aspect| aspect.count_choices()).collect();
        ChangeSearch::new(self.asked.clone(), &sizes, &sketch, budget)
    }

    /// Returns what is known of a question without any aspect.
    fn sketch_undecided(
        &self,
        predicate: &'policy Predicate,
        budget: &SearchBudget,
    ) -> SketchedPart<'policy> {
        let in_hook = self.place == JudgingPlace::ServerHook;
        match predicate {
            Predicate::Field(asked) => SketchedPart::Field(asked),
            // Other files may be touched beside the one that is.
            Predicate::Touches(_) => {
                SketchedPart::Fixed(self.ask_about_path(predicate, budget).filter(|holds| *holds))
            }
            Predicate::OnlyTouches(_) => {
                SketchedPart::Fixed(self.ask_about_path(predicate, budget).filter(|holds| !*holds))
            }
            Predicate::StandardChange(asked) if !asked.has_entry_for(self.path, self.day) => {
                SketchedPart::Fixed(Some(false))
            }
            Predicate::StandardChange(asked) => SketchedPart::NeedsField(vec![asked.entry_field()]),
            // Whether it is there is open, and so is what does not name one.
            Predicate::ForLandedChange(_) => {
                match self.asked.policy.vocabulary.find_field(FOR_CHANGE_TRAILER) {
                    Some(field) => SketchedPart::NeedsField(vec![field]),
                    None => SketchedPart::Fixed(None),
                }
            }
            Predicate::Ticket(asked) => match asked.required_field() {
                Some(field) => SketchedPart::NeedsField(vec![field]),
                None => SketchedPart::Fixed(None),
            },
            Predicate::Approvals(asked) if in_hook && asked.is_of_listed_people() => {
                SketchedPart::NeedsField(asked.approval_fields())
            }
            _ => SketchedPart::Fixed(None),
        }
    }

    fn ask_about_path(&self, predicate: &Predicate, budget: &SearchBudget) -> Option<bool> {
        let sample = self.path_sample.as_ref()?;
        if !budget.spend_steps(measure_question(predicate).saturating_mul(PATTERN_COST)) {
            return None;
        }
        ask_sample(self.asked.policy, predicate, sample)
    }
}

/// How many steps of a search take as long as it takes to hold a pattern against a path.
pub(crate) const PATTERN_COST: usize = 15;

/// Returns a change of one file.
pub(crate) fn assume_path(path: &str) -> Option<Change> {
    read_sample(&json!({ "commits": [{ "message": "Change a file\n", "paths": [path] }] }))
}
