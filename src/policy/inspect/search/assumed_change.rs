//! What the rules of a policy say about changes of which only some things are assumed.
//!
//! A change has aspects: its branch, who pushes it, who wrote it, when it comes, and each of its fields. Of
//! each, a few choices stand for all others that the policy treats in the same way. The search looks for one
//! choice of each under which no rule surely denies, and leaves out what a rule denies anyway. What no aspect decides
//! counts as possible, so only what is certain is found.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::policy::definition::{Policy, RuleExemption};
use crate::policy::inspect::search::search_budget::{SearchBudget, SearchProgress};
use crate::predicates::Predicate;
use crate::predicates::field::FieldPredicate;
use crate::predicates::support::condition::Condition;
use crate::predicates::support::field_levels::AssumedField;
use crate::vocabulary::FieldDefinition;

/// A question of the policy, as far as aspects decide it.
pub(crate) enum SketchedQuestion<'policy> {
    All(Vec<SketchedQuestion<'policy>>),
    Any(Vec<SketchedQuestion<'policy>>),
    Not(Box<SketchedQuestion<'policy>>),
    /// One answer for each choice of an aspect.
    Aspect {
        aspect: usize,
        answers: Vec<Option<bool>>,
    },
    Field(&'policy FieldPredicate),
    /// Whether one of these fields is stated.
    NeedsField(Vec<&'policy FieldDefinition>),
    Fixed(Option<bool>),
}

/// A rule that denies, with the exemptions from it.
struct SketchedRule<'policy> {
    /// The index of the rule in the policy.
    index: usize,
    class_indexes: Option<&'policy [usize]>,
    when: Option<SketchedQuestion<'policy>>,
    require: SketchedQuestion<'policy>,
    exemptions: Vec<SketchedQuestion<'policy>>,
}

/// The choices for a field of the policy.
struct FieldAspect<'policy> {
    field: &'policy FieldDefinition,
    choices: Vec<AssumedField>,
}

/// The rules of a policy that deny, prepared for the search of a change that they allow.
pub(crate) struct ChangeSearch<'policy> {
    rules: Vec<SketchedRule<'policy>>,
    classes: Vec<SketchedQuestion<'policy>>,
    /// How many choices each aspect has; those of the fields come last.
    sizes: Vec<usize>,
    fields: Vec<FieldAspect<'policy>>,
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

/// What a search looks for: the changes, and the rules that they have to keep.
struct SearchGoal {
    wanted: WantedChanges,
    asked: BTreeSet<usize>,
}

/// The choices that are left for each aspect.
type AspectChoices = Vec<Vec<usize>>;

impl<'policy> ChangeSearch<'policy> {
    /// Prepares the rules with the indexes `denying`, and the exemptions that hold on `day`; `sizes` tells how many
    /// choices the aspects beside the fields have, and `sketch` what they decide about a predicate.
    pub(crate) fn new(
        policy: &'policy Policy,
        denying: &[usize],
        day: Date,
        sizes: Vec<usize>,
        sketch: &dyn Fn(&'policy Predicate) -> SketchedQuestion<'policy>,
    ) -> Self {
        let classes = policy.classes.iter().map(|class| sketch_condition(&class.when, sketch)).collect();
        let mut search = ChangeSearch { rules: Vec::new(), classes, sizes, fields: Vec::new() };
        for index in denying {
            let Some(rule) = policy.rules.get(*index) else { continue };
            let is_granted =
                |exemption: &&RuleExemption| exemption.rule_index == *index && exemption.until >= day;
            let exemptions = policy.exemptions.iter().filter(is_granted);
            search.rules.push(SketchedRule {
                index: *index,
                class_indexes: rule.class_indexes.as_deref(),
                when: rule.when.as_ref().map(|when| sketch_condition(when, sketch)),
                require: sketch_condition(&rule.require, sketch),
                exemptions: exemptions.map(|exemption| sketch_condition(&exemption.when, sketch)).collect(),
            });
        }
        search.add_fields();
        search
    }

    /// Leaves out fields whose values are none that the policy allows.
    pub(crate) fn leave_out_invalid_fields(&mut self) {
        let first = self.sizes.len().saturating_sub(self.fields.len());
        let sizes = self.sizes.get_mut(first..).unwrap_or_default();
        for (aspect, size) in self.fields.iter_mut().zip(sizes) {
            aspect.choices.retain(|choice| !matches!(choice, AssumedField::Invalid));
            *size = aspect.choices.len();
        }
    }

    /// Adds an aspect for every field that a question names.
    fn add_fields(&mut self) {
        let mut named: Vec<&'policy FieldDefinition> = Vec::new();
        for class in &self.classes {
            class.add_named_fields(&mut named);
        }
        for rule in &self.rules {
            for question in rule.when.iter().chain([&rule.require]).chain(&rule.exemptions) {
                question.add_named_fields(&mut named);
            }
        }
        for field in named {
            if self.fields.iter().any(|known| known.field.name == field.name) {
                continue;
            }
            let mut choices: Vec<AssumedField> = match field.allowed_words() {
                Some(words) => (0..words.len()).map(|level| AssumedField::Stated(Some(level))).collect(),
                None => vec![AssumedField::Stated(None)],
            };
            choices.extend([AssumedField::Absent, AssumedField::Invalid]);
            self.sizes.push(choices.len());
            self.fields.push(FieldAspect { field, choices });
        }
    }

    /// Returns true unless some of the rules with the indexes `asked` surely deny every change that is wanted, and the
    /// budget is enough to tell.
    pub(crate) fn is_change_possible(
        &self,
        wanted: WantedChanges,
        asked: &[usize],
        budget: &SearchBudget,
    ) -> bool {
        let mut choices: AspectChoices = self.sizes.iter().map(|size| (0..*size).collect()).collect();
        let goal = SearchGoal { wanted, asked: asked.iter().copied().collect() };
        let mut progress = SearchProgress::new(budget);
        !progress.take_step(self.rules.len())
            || (!self.is_denied(&goal, &choices) && self.find_choices(&goal, &mut choices, &mut progress))
    }

    /// Narrows `choices` until each aspect has one, the aspect with the fewest first.
    fn find_choices(
        &self,
        goal: &SearchGoal,
        choices: &mut AspectChoices,
        progress: &mut SearchProgress<'_>,
    ) -> bool {
        match self.leave_out_denied(goal, choices, progress) {
            Some(true) => {}
            Some(false) => return false,
            None => return true,
        }
        let open = choices.iter().enumerate().filter(|(_, left)| left.len() > 1);
        let Some((aspect, left)) = open.min_by_key(|(_, left)| left.len()) else { return true };
        for choice in left.clone() {
            let mut narrowed = choices.clone();
            set_choices(&mut narrowed, aspect, vec![choice]);
            if self.find_choices(goal, &mut narrowed, progress) {
                return true;
            }
        }
        false
    }

    /// Leaves out every choice that a rule denies whatever else is chosen of what is left. Returns false if an aspect
    /// has none left, and `None` if that took too long to tell.
    fn leave_out_denied(
        &self,
        goal: &SearchGoal,
        choices: &mut AspectChoices,
        progress: &mut SearchProgress<'_>,
    ) -> Option<bool> {
        loop {
            let mut is_narrower = false;
            for aspect in 0..self.sizes.len() {
                let before = choices.get(aspect).cloned().unwrap_or_default();
                if before.len() < 2 {
                    continue;
                }
                let mut left = Vec::new();
                for choice in &before {
                    if !progress.take_step(self.rules.len()) {
                        return None;
                    }
                    set_choices(choices, aspect, vec![*choice]);
                    if !self.is_denied(goal, choices) {
                        left.push(*choice);
                    }
                }
                if left.is_empty() {
                    return Some(false);
                }
                is_narrower |= left.len() < before.len();
                set_choices(choices, aspect, left);
            }
            if !is_narrower {
                return Some(!self.is_denied(goal, choices));
            }
        }
    }

    /// Returns true if a rule denies whatever is left open, or if no such change is wanted.
    fn is_denied(&self, goal: &SearchGoal, choices: &AspectChoices) -> bool {
        let mut classes = Vec::new();
        for (index, class) in self.classes.iter().enumerate() {
            let answer = self.answer_question(class, choices);
            if answer != Some(false) {
                classes.push(index);
            }
            if answer == Some(true) {
                break;
            }
        }
        match goal.wanted {
            WantedChanges::All => {}
            WantedChanges::OfClass(wanted) if classes.contains(&wanted) => classes = vec![wanted],
            WantedChanges::OfRule(wanted) if self.may_apply(wanted, &classes, choices) => {}
            WantedChanges::OfClass(_) | WantedChanges::OfRule(_) => return true,
        }
        self.rules.iter().filter(|rule| goal.asked.contains(&rule.index)).any(|rule| {
            // A change of no class is one that only rules without classes apply to.
            let is_for_class = rule.class_indexes.is_none_or(|indexes| {
                !classes.is_empty() && classes.iter().all(|class| indexes.contains(class))
            });
            let answer = |question| self.answer_question(question, choices);
            is_for_class
                && answer(&rule.require) == Some(false)
                && rule.when.as_ref().is_none_or(|when| answer(when) == Some(true))
                && rule.exemptions.iter().all(|exemption| answer(exemption) == Some(false))
        })
    }

    /// Returns true unless the rule with this index surely applies to no change of the classes that is left.
    fn may_apply(&self, wanted: usize, classes: &[usize], choices: &AspectChoices) -> bool {
        let Some(rule) = self.rules.iter().find(|rule| rule.index == wanted) else { return true };
        let is_for_class =
            rule.class_indexes.is_none_or(|indexes| classes.iter().any(|class| indexes.contains(class)));
        is_for_class
            && rule.when.as_ref().is_none_or(|when| self.answer_question(when, choices) != Some(false))
    }

    fn answer_question(&self, question: &SketchedQuestion<'_>, choices: &AspectChoices) -> Option<bool> {
        match question {
            SketchedQuestion::Fixed(answer) => *answer,
            SketchedQuestion::Aspect { aspect, answers } => {
                let mut left =
                    choices.get(*aspect)?.iter().map(|choice| answers.get(*choice).copied().flatten());
                let answer = left.next().flatten();
                if left.all(|other| other == answer) { answer } else { None }
            }
            SketchedQuestion::Field(asked) => {
                asked.answer_assumed(&|name: &str| self.find_assumed_field(name, choices))
            }
            SketchedQuestion::NeedsField(fields) => {
                let mut answer = Some(false);
                for field in fields {
                    match self.find_assumed_field(&field.name, choices) {
                        Some(AssumedField::Absent) => {}
                        Some(_) => return Some(true),
                        None => answer = None,
                    }
                }
                answer
            }
            SketchedQuestion::Not(part) => self.answer_question(part, choices).map(|answer| !answer),
            SketchedQuestion::All(parts) => self.combine_parts(parts, choices, false),
            SketchedQuestion::Any(parts) => self.combine_parts(parts, choices, true),
        }
    }

    /// Returns `deciding` if one part is so, else the contrary unless a part is open.
    fn combine_parts(
        &self,
        parts: &[SketchedQuestion<'_>],
        choices: &AspectChoices,
        deciding: bool,
    ) -> Option<bool> {
        let mut answer = Some(!deciding);
        for part in parts {
            match self.answer_question(part, choices) {
                Some(part) if part == deciding => return Some(deciding),
                Some(_) => {}
                None => answer = None,
            }
        }
        answer
    }

    fn find_assumed_field(&self, name: &str, choices: &AspectChoices) -> Option<AssumedField> {
        let place = self.fields.iter().position(|aspect| aspect.field.name == name)?;
        let aspect = self.sizes.len().checked_sub(self.fields.len())?.checked_add(place)?;
        match choices.get(aspect)?.as_slice() {
            [choice] => self.fields.get(place)?.choices.get(*choice).copied(),
            _ => None,
        }
    }
}

impl<'policy> SketchedQuestion<'policy> {
    fn add_named_fields(&self, named: &mut Vec<&'policy FieldDefinition>) {
        match self {
            SketchedQuestion::Field(asked) => named.extend(asked.named_fields()),
            SketchedQuestion::NeedsField(fields) => named.extend(fields),
            SketchedQuestion::All(parts) | SketchedQuestion::Any(parts) => {
                for part in parts {
                    part.add_named_fields(named);
                }
            }
            SketchedQuestion::Not(part) => part.add_named_fields(named),
            SketchedQuestion::Aspect { .. } | SketchedQuestion::Fixed(_) => {}
        }
    }
}

fn set_choices(choices: &mut AspectChoices, aspect: usize, left: Vec<usize>) {
    if let Some(place) = choices.get_mut(aspect) {
        *place = left;
    }
}

fn sketch_condition<'policy>(
    condition: &'policy Condition,
    sketch: &dyn Fn(&'policy Predicate) -> SketchedQuestion<'policy>,
) -> SketchedQuestion<'policy> {
    let sketch_parts =
        |parts: &'policy [Condition]| parts.iter().map(|part| sketch_condition(part, sketch)).collect();
    match condition {
        Condition::All(parts) => SketchedQuestion::All(sketch_parts(parts)),
        Condition::Any(parts) => SketchedQuestion::Any(sketch_parts(parts)),
        Condition::Not(part) => SketchedQuestion::Not(Box::new(sketch_condition(part, sketch))),
        Condition::Predicate(predicate) => sketch(predicate),
    }
}
