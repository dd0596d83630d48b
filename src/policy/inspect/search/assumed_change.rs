//! What the rules of a policy say about changes of which only some things are assumed.
//!
//! A change has aspects: its branch, who pushes it, who wrote it, when it comes, and each of its fields. Of
//! each, a few choices stand for all others that the policy treats in the same way. What no aspect decides
//! counts as possible, so only what is certain is found.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::policy::inspect::search::asked_rules::{AskedNode, AskedRules};
use crate::policy::inspect::search::aspect_tables::AspectColumn;
use crate::policy::inspect::search::bit_answers::PartAnswers;
use crate::policy::inspect::search::choice_set::ChoiceSet;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::predicates::field::{FieldPredicate, WantedField};
use crate::predicates::support::field_levels::AssumedField;
use crate::vocabulary::FieldDefinition;

/// A part of what is known of a question; all of them have to hold.
pub(crate) enum SketchedPart<'policy> {
    Fixed(Option<bool>),
    /// One answer for each choice of an aspect.
    Aspect(usize, Rc<AspectColumn>),
    Field(&'policy FieldPredicate),
    /// Whether one of these fields is stated.
    NeedsField(Vec<&'policy FieldDefinition>),
}

/// As [`SketchedPart`], with fields as aspects.
pub(crate) enum SearchedPart {
    Fixed(Option<bool>),
    /// Holds if one of these does, each under a choice of an aspect.
    Any(Vec<(usize, Rc<AspectColumn>)>),
}

/// The choices for a field of the policy: words that are alike are one.
struct FieldAspect<'policy> {
    field: &'policy FieldDefinition,
    aspect: usize,
    /// The first of the words that each choice stands for.
    levels: Vec<usize>,
    /// How many choices state a value that is valid.
    valid: usize,
}

/// The rules of a policy that deny, prepared for the search of a change that they allow.
pub(crate) struct ChangeSearch<'policy> {
    pub(crate) asked: Rc<AskedRules<'policy>>,
    /// What is known of each question, by its number; nothing for one that is open.
    pub(crate) questions: Vec<Option<Vec<SearchedPart>>>,
    /// The choices of each aspect; those of the fields come last.
    pub(crate) choices: Vec<ChoiceSet>,
    /// The aspects that each rule is about by itself, and its classes.
    pub(crate) rule_aspects: Vec<Vec<usize>>,
    pub(crate) class_aspects: Vec<usize>,
    /// The choices that stand for a value that a field does not accept.
    invalid_choices: Vec<(usize, usize)>,
    /// What was found out of each condition, and when.
    pub(crate) answers: RefCell<PartAnswers>,
}

/// The changes that a search looks for, by indexes of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WantedChanges {
    All,
    /// Those of a class.
    OfClass(usize),
    /// Those that a rule applies to, exempt or not.
    OfRule(usize),
}

impl<'policy> ChangeSearch<'policy> {
    /// Prepares the search among rules; `sizes` tells how many choices the aspects beside the fields have, and `sketch`
    /// what they decide about the question with a number.
    pub(crate) fn new(
        asked: Rc<AskedRules<'policy>>,
        sizes: &[usize],
        sketch: &dyn Fn(usize) -> Vec<SketchedPart<'policy>>,
        budget: &SearchBudget,
    ) -> Self {
        let mut sketches: BTreeMap<usize, Vec<SketchedPart<'policy>>> = BTreeMap::new();
        for number in &asked.asked_questions {
            sketches.entry(*number).or_insert_with(|| sketch(*number));
        }
        let mut choices: Vec<ChoiceSet> = sizes.iter().map(|size| ChoiceSet::of_all(*size)).collect();
        let fields = list_field_aspects(&sketches, choices.len());
        let mut invalid_choices = Vec::new();
        for aspect in fields.values() {
            invalid_choices.push((aspect.aspect, aspect.invalid_choice()));
        }
        invalid_choices.sort_unstable();
        choices.resize(sizes.len() + fields.len(), ChoiceSet::default());
        for aspect in fields.values() {
            if let Some(place) = choices.get_mut(aspect.aspect) {
                *place = ChoiceSet::of_all(aspect.invalid_choice() + 1);
            }
        }
        let mut questions: Vec<Option<Vec<SearchedPart>>> = Vec::new();
        questions.resize_with(asked.numbers.count_questions(), || None);
        let mut size = asked.measure_rules().saturating_add(choices.len());
        for (number, parts) in sketches {
            let parts = resolve_parts(parts, &fields);
            size += parts.iter().map(SearchedPart::measure_part).sum::<usize>();
            if let Some(place) = questions.get_mut(number) {
                *place = Some(parts);
            }
        }
        // Whatever is left: what has been prepared cannot be taken back.
        budget.charge_steps(size.saturating_mul(2));
        let answers = RefCell::new(PartAnswers::new(asked.nodes.len()));
        let (rule_aspects, class_aspects) = (Vec::new(), Vec::new());
        let mut search =
            ChangeSearch { asked, questions, choices, rule_aspects, class_aspects, invalid_choices, answers };
        search.find_mentions();
        search
    }

    /// Finds out which aspects the rules and the classes are about.
    fn find_mentions(&mut self) {
        let mut rule_aspects = Vec::new();
        let mut seen = vec![0_usize; self.asked.nodes.len()];
        for (number, rule) in self.asked.rules.iter().enumerate() {
            let mut aspects = BTreeSet::new();
            for node in rule.when.iter().chain([&rule.require]).chain(&rule.exemptions) {
                self.add_aspects(*node, number + 1, &mut seen, &mut aspects);
            }
            rule_aspects.push(aspects.into_iter().collect());
        }
        let mut aspects = BTreeSet::new();
        for node in &self.asked.classes {
            self.add_aspects(*node, usize::MAX, &mut seen, &mut aspects);
        }
        self.class_aspects = aspects.into_iter().collect();
        self.rule_aspects = rule_aspects;
    }

    fn add_aspects(&self, node: usize, number: usize, seen: &mut [usize], aspects: &mut BTreeSet<usize>) {
        let Some(mark) = seen.get_mut(node).filter(|mark| **mark != number) else { return };
        *mark = number;
        match self.asked.nodes.get(node) {
            Some(AskedNode::Question(Some(question))) => {
                for part in self.questions.get(*question).into_iter().flatten().flatten() {
                    if let SearchedPart::Any(ways) = part {
                        aspects.extend(ways.iter().map(|(aspect, _)| *aspect));
                    }
                }
            }
            Some(AskedNode::All(parts) | AskedNode::Any(parts)) => {
                for part in parts {
                    self.add_aspects(*part, number, seen, aspects);
                }
            }
            Some(AskedNode::Not(part)) => self.add_aspects(*part, number, seen, aspects),
            Some(AskedNode::Question(None)) | None => {}
        }
    }

    /// Leaves out fields whose values are none that the policy allows.
    pub(crate) fn leave_out_invalid_fields(&mut self) {
        for (aspect, choice) in &self.invalid_choices {
            if let Some(choices) = self.choices.get_mut(*aspect) {
                choices.remove_number(*choice);
            }
        }
    }
}

impl FieldAspect<'_> {
    fn absent_choice(&self) -> usize {
        self.valid
    }

    fn invalid_choice(&self) -> usize {
        self.valid + 1
    }

    /// Returns what a question about the field answers under each choice.
    fn answer_wanted(&self, wanted: &WantedField<'_>) -> AspectColumn {
        let mut column = AspectColumn { holds: ChoiceSet::default(), fails: ChoiceSet::default() };
        let mut add = |choice: usize, answer: Option<bool>| match answer {
            Some(true) => column.holds.insert_number(choice),
            Some(false) => column.fails.insert_number(choice),
            None => {}
        };
        add(self.absent_choice(), wanted.answer_assumed(AssumedField::Absent));
        add(self.invalid_choice(), wanted.answer_assumed(AssumedField::Invalid));
        let Some(ranges) = wanted.list_wanted_levels() else {
            let level = self.field.allowed_words().map(|_| 0);
            match wanted.answer_assumed(AssumedField::Stated(level)) {
                Some(true) => column.holds.insert_range(0, self.valid),
                Some(false) => column.fails.insert_range(0, self.valid),
                None => {}
            }
            return column;
        };
        let find_choice = |level: usize| self.levels.partition_point(|first| *first < level);
        for (first, end) in ranges {
            column.holds.insert_range(find_choice(first), find_choice(end).min(self.valid));
        }
        column.fails.insert_all(&column.holds.list_missing(self.valid));
        column
    }
}

/// Returns an aspect for every field that a question names, from the number `first` on.
fn list_field_aspects<'policy>(
    sketches: &BTreeMap<usize, Vec<SketchedPart<'policy>>>,
    first: usize,
) -> BTreeMap<&'policy str, FieldAspect<'policy>> {
    // The words at which an answer may change.
    let mut edges: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let mut fields: BTreeMap<&str, FieldAspect<'_>> = BTreeMap::new();
    let mut add_field = |field: &'policy FieldDefinition| {
        let aspect = first + fields.len();
        let new = FieldAspect { field, aspect, levels: Vec::new(), valid: 1 };
        fields.entry(&field.name).or_insert(new);
    };
    for part in sketches.values().flatten() {
        match part {
            SketchedPart::Field(asked) => {
                for wanted in asked.list_wanted() {
                    add_field(wanted.field);
                    let ranges = wanted.list_wanted_levels().unwrap_or_default();
                    let edges = edges.entry(&wanted.field.name).or_default();
                    edges.extend(ranges.into_iter().flat_map(|(first, end)| [first, end]));
                }
            }
            SketchedPart::NeedsField(needed) => needed.iter().copied().for_each(&mut add_field),
            SketchedPart::Fixed(_) | SketchedPart::Aspect(..) => {}
        }
    }
    for (name, aspect) in &mut fields {
        let Some(words) = aspect.field.allowed_words() else { continue };
        let mut levels = BTreeSet::from([0]);
        levels.extend(edges.remove(name).unwrap_or_default());
        aspect.levels = levels.into_iter().filter(|level| *level < words.len()).collect();
        aspect.valid = aspect.levels.len();
    }
    fields
}

/// Returns the parts of a question with the choices of the fields.
fn resolve_parts(
    parts: Vec<SketchedPart<'_>>,
    fields: &BTreeMap<&str, FieldAspect<'_>>,
) -> Vec<SearchedPart> {
    let mut resolved = Vec::new();
    for part in parts {
        match part {
            SketchedPart::Fixed(answer) => resolved.push(SearchedPart::Fixed(answer)),
            SketchedPart::Aspect(aspect, column) => resolved.push(SearchedPart::Any(vec![(aspect, column)])),
            SketchedPart::Field(asked) => {
                for wanted in asked.list_wanted() {
                    let Some(field) = fields.get(wanted.field.name.as_str()) else { continue };
                    let column = Rc::new(field.answer_wanted(&wanted));
                    resolved.push(SearchedPart::Any(vec![(field.aspect, column)]));
                }
            }
            SketchedPart::NeedsField(needed) => {
                let mut ways = Vec::new();
                for field in needed.iter().filter_map(|field| fields.get(field.name.as_str())) {
                    let mut holds = ChoiceSet::of_all(field.invalid_choice() + 1);
                    holds.remove_number(field.absent_choice());
                    let fails = ChoiceSet::of_one(field.absent_choice());
                    ways.push((field.aspect, Rc::new(AspectColumn { holds, fails })));
                }
                resolved.push(SearchedPart::Any(ways));
            }
        }
    }
    resolved
}

impl SearchedPart {
    fn measure_part(&self) -> usize {
        match self {
            SearchedPart::Fixed(_) => 1,
            SearchedPart::Any(ways) => ways
                .iter()
                .map(|(_, column)| 1 + column.holds.count_words() + column.fails.count_words())
                .sum(),
        }
    }
}
