//! The search for one choice of each aspect under which no rule surely denies.
//!
//! What a rule denies whatever else is chosen is left out first; where an aspect has fewer choices left, only the rules
//! that mention it are asked again. Then the aspect with the fewest choices is tried, choice by choice. The answers
//! under 64 choices of one aspect are found out together, as the bits of two numbers.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::policy::inspect::search::assumed_change::{ChangeSearch, WantedChanges};
use crate::policy::inspect::search::bit_answers::{ClassAnswers, SearchFocus};
use crate::policy::inspect::search::choice_set::ChoiceSet;
use crate::policy::inspect::search::search_budget::{SearchBudget, SearchProgress};

/// An aspect whose choices are tried one after the other.
struct TriedAspect {
    aspect: usize,
    untried: Vec<usize>,
    /// How many changes of what is left were made before.
    mark: usize,
}

/// A search, and how far it has come.
pub(super) struct ChoiceSearch<'search, 'policy> {
    pub(super) search: &'search ChangeSearch<'policy>,
    pub(super) wanted: WantedChanges,
    /// The places of the rules that have to be kept.
    pub(super) rules: Vec<usize>,
    /// The place of the rule to whose changes the search is limited.
    pub(super) wanted_rule: Option<usize>,
    uses_classes: bool,
    /// Those of the rules that are for some classes.
    pub(super) class_rules: Vec<usize>,
    pub(super) rules_by_aspect: BTreeMap<usize, Vec<usize>>,
    class_aspects: BTreeSet<usize>,
    wanted_aspects: BTreeSet<usize>,
    /// The aspects that matter.
    aspects: Vec<usize>,
    /// The choices that are left for each aspect.
    left: Vec<ChoiceSet>,
    /// What was left before, for going back.
    trail: Vec<(usize, ChoiceSet)>,
    queue: VecDeque<usize>,
    is_queued: Vec<bool>,
    /// What the aspects together say about the classes, if that is known.
    classes_now: Option<ClassAnswers>,
    steps: Cell<usize>,
    progress: SearchProgress<'search>,
}

impl ChangeSearch<'_> {
    /// Returns true unless some of the rules with the indexes `asked` surely deny every change that is wanted, and the
    /// budget is enough to tell.
    pub(crate) fn is_change_possible(
        &self,
        wanted: WantedChanges,
        asked: &[usize],
        budget: &SearchBudget,
    ) -> bool {
        match ChoiceSearch::begin_search(self, wanted, asked, budget) {
            Some(mut search) => search.find_change(),
            None => true,
        }
    }
}

impl<'search, 'policy> ChoiceSearch<'search, 'policy> {
    /// Begins to look for a wanted change that keeps the rules with the indexes `asked`; `None` if the budget is used
    /// up.
    fn begin_search(
        search: &'search ChangeSearch<'policy>,
        wanted: WantedChanges,
        asked: &[usize],
        budget: &'search SearchBudget,
    ) -> Option<Self> {
        let known = &search.asked.rules;
        let find_place = |index: &usize| known.binary_search_by_key(index, |rule| rule.index).ok();
        let rules: Vec<usize> = asked.iter().filter_map(find_place).collect();
        let wanted_rule = match wanted {
            WantedChanges::OfRule(index) => find_place(&index),
            WantedChanges::All | WantedChanges::OfClass(_) => None,
        };
        let has_classes = |place: &usize| known.get(*place).is_some_and(|rule| rule.class_group.is_some());
        let class_rules: Vec<usize> = rules.iter().copied().filter(has_classes).collect();
        let uses_classes = !class_rules.is_empty()
            || wanted_rule.as_ref().is_some_and(has_classes)
            || matches!(wanted, WantedChanges::OfClass(_));
        let mut progress = SearchProgress::new(budget);
        let mentions = |place: &usize| search.rule_aspects.get(*place).map(Vec::as_slice).unwrap_or_default();
        let mut size = search.choices.len() / 8 + rules.len() + 1;
        size += rules.iter().map(|place| mentions(place).len()).sum::<usize>();
        if uses_classes {
            size += search.class_aspects.len();
        }
        if !progress.take_steps(size) {
            return None;
        }
        let mut rules_by_aspect: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for place in &rules {
            for aspect in mentions(place) {
                rules_by_aspect.entry(*aspect).or_default().push(*place);
            }
        }
        let class_aspects: BTreeSet<usize> = match uses_classes {
            true => search.class_aspects.iter().copied().collect(),
            false => BTreeSet::new(),
        };
        let wanted_aspects: BTreeSet<usize> = wanted_rule.iter().flat_map(mentions).copied().collect();
        let mut aspects: BTreeSet<usize> = rules_by_aspect.keys().copied().collect();
        aspects.extend(&class_aspects);
        aspects.extend(&wanted_aspects);
        let mut left = vec![ChoiceSet::default(); search.choices.len()];
        for aspect in &aspects {
            if let (Some(place), Some(choices)) = (left.get_mut(*aspect), search.choices.get(*aspect)) {
                *place = choices.clone();
            }
        }
        Some(ChoiceSearch {
            search,
            wanted,
            rules,
            wanted_rule,
            uses_classes,
            class_rules,
            rules_by_aspect,
            class_aspects,
            wanted_aspects,
            is_queued: vec![false; left.len()],
            aspects: aspects.into_iter().collect(),
            left,
            trail: Vec::new(),
            queue: VecDeque::new(),
            classes_now: None,
            steps: Cell::new(0),
            progress,
        })
    }

    /// Returns true unless there is surely no such change; it counts as possible when the budget is used up.
    fn find_change(&mut self) -> bool {
        let is_denied = self.find_denied(SearchFocus::NOTHING) & 1 == 1;
        if !self.count_steps() {
            return true;
        }
        if is_denied {
            return false;
        }
        for aspect in self.aspects.clone() {
            self.queue_aspect(aspect);
        }
        let mut tried: Vec<TriedAspect> = Vec::new();
        loop {
            match self.leave_out_denied() {
                None => return true,
                Some(true) => {
                    let Some(aspect) = self.find_open_aspect() else { return true };
                    let untried = self.left_of(aspect).list_numbers();
                    tried.push(TriedAspect { aspect, untried, mark: self.trail.len() });
                }
                Some(false) => {}
            }
            loop {
                let Some(TriedAspect { aspect, untried, mark }) = tried.last_mut() else { return false };
                let (aspect, mark) = (*aspect, *mark);
                let Some(choice) = untried.pop() else {
                    tried.pop();
                    continue;
                };
                self.go_back(mark);
                self.narrow_aspect(aspect, ChoiceSet::of_one(choice));
                break;
            }
        }
    }

    /// Leaves out every choice that a rule denies whatever else is chosen of what is left. Returns false if an aspect
    /// has none left, and `None` if that took too long to tell.
    fn leave_out_denied(&mut self) -> Option<bool> {
        while let Some(aspect) = self.queue.pop_front() {
            if let Some(queued) = self.is_queued.get_mut(aspect) {
                *queued = false;
            }
            let before = self.left_of(aspect).clone();
            let mut after = before.clone();
            for word in 0..before.count_words() {
                if before.word_at(word) != 0 {
                    after.remove_bits(word, self.find_denied(SearchFocus { aspect, word }));
                }
            }
            if !self.count_steps() {
                return None;
            }
            if after.is_none() {
                return Some(false);
            }
            if after != before {
                self.narrow_aspect(aspect, after);
            }
        }
        Some(true)
    }

    /// Returns the aspect that has the fewest choices left, of those that have several.
    fn find_open_aspect(&self) -> Option<usize> {
        self.steps.set(self.steps.get() + self.aspects.len());
        let mut found: Option<(usize, usize)> = None;
        for aspect in &self.aspects {
            let count = self.left_of(*aspect).count_numbers();
            if count > 1 && found.is_none_or(|(_, fewest)| count < fewest) {
                found = Some((*aspect, count));
                if count == 2 {
                    break;
                }
            }
        }
        found.map(|(aspect, _)| aspect)
    }

    pub(super) fn left_of(&self, aspect: usize) -> &ChoiceSet {
        static NOTHING: ChoiceSet = ChoiceSet::EMPTY;
        self.left.get(aspect).unwrap_or(&NOTHING)
    }

    /// Counts the steps since the last time, and returns false if the search has to give up.
    fn count_steps(&mut self) -> bool {
        let steps = self.steps.replace(0);
        self.progress.take_steps(steps)
    }

    pub(super) fn add_steps(&self, count: usize) {
        self.steps.set(self.steps.get() + count);
    }

    fn narrow_aspect(&mut self, aspect: usize, choices: ChoiceSet) {
        let Some(place) = self.left.get_mut(aspect) else { return };
        self.trail.push((aspect, std::mem::replace(place, choices)));
        if self.class_aspects.contains(&aspect) {
            self.classes_now = None;
        }
        self.queue_neighbours(aspect);
    }

    /// Takes back what was narrowed since there were `mark` changes.
    fn go_back(&mut self, mark: usize) {
        while self.trail.len() > mark {
            let Some((aspect, before)) = self.trail.pop() else { return };
            if self.class_aspects.contains(&aspect) {
                self.classes_now = None;
            }
            if let Some(place) = self.left.get_mut(aspect) {
                *place = before;
            }
        }
        for aspect in std::mem::take(&mut self.queue) {
            if let Some(queued) = self.is_queued.get_mut(aspect) {
                *queued = false;
            }
        }
    }

    fn queue_aspect(&mut self, aspect: usize) {
        self.add_steps(1);
        if let Some(queued) = self.is_queued.get_mut(aspect).filter(|queued| !**queued) {
            *queued = true;
            self.queue.push_back(aspect);
        }
    }

    /// Queues the aspects that a rule, the classes or what is wanted mention together with this one.
    fn queue_neighbours(&mut self, aspect: usize) {
        let search = self.search;
        let mut rules = self.rules_by_aspect.get(&aspect).cloned().unwrap_or_default();
        let is_of_classes = self.class_aspects.contains(&aspect);
        if is_of_classes {
            rules.extend_from_slice(&self.class_rules);
        }
        if self.wanted_aspects.contains(&aspect) || is_of_classes {
            rules.extend(self.wanted_rule);
        }
        let mut asks_classes = is_of_classes;
        for place in rules {
            for other in search.rule_aspects.get(place).map(Vec::as_slice).unwrap_or_default() {
                self.queue_aspect(*other);
            }
            asks_classes |= search.asked.rules.get(place).is_some_and(|rule| rule.class_group.is_some());
        }
        if asks_classes && self.uses_classes {
            for other in self.class_aspects.clone() {
                self.queue_aspect(other);
            }
        }
    }

    /// Returns the choices of what the focus is on that a rule denies, or that are none of what is wanted.
    fn find_denied(&mut self, focus: SearchFocus) -> u64 {
        let search = self.search;
        let mut answers = search.answers.borrow_mut();
        answers.round += 1;
        let is_of_classes = self.class_aspects.contains(&focus.aspect);
        let mut classes = None;
        if self.uses_classes {
            classes = match self.classes_now.take() {
                Some(known) if !is_of_classes => Some(known),
                known => {
                    self.classes_now = known;
                    Some(self.answer_classes(focus, &mut answers))
                }
            };
        }
        let denied = self.ask_rules(focus, is_of_classes, classes.as_mut(), &mut answers);
        if !is_of_classes {
            self.classes_now = classes;
        }
        denied
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use proptest::prelude::*;

    use crate::policy::inspect::findings::InspectionFacts;
    use crate::policy::inspect::search::asked_rules::AskedRules;
    use crate::policy::inspect::search::excluding_rules::LockoutSearch;
    use crate::policy::inspect::search::path_answers::PathAnswers;
    use crate::policy::inspect::search::question_numbers::QuestionNumbers;
    use crate::policy::inspect::search::search_budget::{InspectionPart, SearchBudget};
    use crate::policy::load_policy;

    const FIELDS: usize = 3;
    const WORDS: usize = 4;

    /// A question about fields; what a field states is its word, or nothing.
    #[derive(Clone, Debug)]
    enum FieldQuestion {
        Is(usize, usize),
        AtLeast(usize, usize),
        AtMost(usize, usize),
        Present(usize),
        Absent(usize),
        Not(Box<FieldQuestion>),
        All(Vec<FieldQuestion>),
        Any(Vec<FieldQuestion>),
    }

    impl FieldQuestion {
        fn write_yaml(&self) -> String {
            let join = |parts: &[FieldQuestion]| {
                parts.iter().map(FieldQuestion::write_yaml).collect::<Vec<_>>().join(", ")
            };
            match self {
                FieldQuestion::Is(field, word) => format!("{{ field: {{ F{field}: w{word} }} }}"),
                FieldQuestion::AtLeast(field, word) => {
                    format!("{{ field: {{ F{field}: {{ at-least: w{word} }} }} }}")
                }
                FieldQuestion::AtMost(field, word) => {
                    format!("{{ field: {{ F{field}: {{ at-most: w{word} }} }} }}")
                }
                FieldQuestion::Present(field) => format!("{{ field: {{ F{field}: present }} }}"),
                FieldQuestion::Absent(field) => format!("{{ field: {{ F{field}: absent }} }}"),
                FieldQuestion::Not(part) => format!("{{ not: {} }}", part.write_yaml()),
                FieldQuestion::All(parts) => format!("{{ all: [{}] }}", join(parts)),
                FieldQuestion::Any(parts) => format!("{{ any: [{}] }}", join(parts)),
            }
        }

        fn answer_for(&self, stated: &[Option<usize>]) -> bool {
            match self {
                FieldQuestion::Is(field, word) => stated[*field] == Some(*word),
                FieldQuestion::AtLeast(field, word) => stated[*field].is_some_and(|stated| stated >= *word),
                FieldQuestion::AtMost(field, word) => stated[*field].is_some_and(|stated| stated <= *word),
                FieldQuestion::Present(field) => stated[*field].is_some(),
                FieldQuestion::Absent(field) => stated[*field].is_none(),
                FieldQuestion::Not(part) => !part.answer_for(stated),
                FieldQuestion::All(parts) => parts.iter().all(|part| part.answer_for(stated)),
                FieldQuestion::Any(parts) => parts.iter().any(|part| part.answer_for(stated)),
            }
        }
    }

    fn any_question() -> impl Strategy<Value = FieldQuestion> {
        let (field, word) = (0..FIELDS, 0..WORDS);
        let leaf = prop_oneof![
            (field.clone(), word.clone()).prop_map(|(field, word)| FieldQuestion::Is(field, word)),
            (field.clone(), word.clone()).prop_map(|(field, word)| FieldQuestion::AtLeast(field, word)),
            (field.clone(), word).prop_map(|(field, word)| FieldQuestion::AtMost(field, word)),
            field.clone().prop_map(FieldQuestion::Present),
            field.prop_map(FieldQuestion::Absent),
        ];
        leaf.prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|part| FieldQuestion::Not(Box::new(part))),
                prop::collection::vec(inner.clone(), 1..3).prop_map(FieldQuestion::All),
                prop::collection::vec(inner, 1..3).prop_map(FieldQuestion::Any),
            ]
        })
    }

    /// A rule: the classes that it is for, its `when`, what it requires and an exemption from it.
    type AnyRule = (Option<[bool; 3]>, Option<FieldQuestion>, FieldQuestion, Option<FieldQuestion>);

    fn any_rule() -> impl Strategy<Value = AnyRule> {
        let classes = prop::option::of(any::<[bool; 3]>());
        (classes, prop::option::of(any_question()), any_question(), prop::option::of(any_question()))
    }

    fn write_policy(classes: &[FieldQuestion], rules: &[AnyRule]) -> String {
        let mut text = String::from("changegate: 1\nprotects: [main]\nfields:\n");
        let words: Vec<String> = (0..WORDS).map(|word| format!("w{word}")).collect();
        for field in 0..FIELDS {
            text += &format!("  F{field}: {{ ordered: [{}] }}\n", words.join(", "));
        }
        text += "classes:\n";
        for (number, class) in classes.iter().enumerate() {
            text += &format!("  c{number}: {}\n", class.write_yaml());
        }
        text += "  c2: {}\nrules:\n";
        let mut exemptions = String::new();
        for (number, (of_classes, when, require, exemption)) in rules.iter().enumerate() {
            text += &format!("  r{number}: {{ ");
            if let Some(of_classes) = of_classes {
                let left_out: Vec<String> =
                    (0..3).filter(|class| !of_classes[*class]).map(|class| format!("c{class}")).collect();
                if !left_out.is_empty() {
                    text += &format!("not-for: [{}], ", left_out.join(", "));
                }
            }
            if let Some(when) = when {
                text += &format!("when: {}, ", when.write_yaml());
            }
            text += &format!("require: {} }}\n", require.write_yaml());
            if let Some(exemption) = exemption {
                exemptions += &format!(
                    "  - {{ rule: r{number}, when: {}, reason: r, approved-by: Ana, until: 2027-01-01 }}\n",
                    exemption.write_yaml()
                );
            }
        }
        if !exemptions.is_empty() {
            text += &format!("exemptions:\n{exemptions}");
        }
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn rules_are_told_to_exclude_every_change_if_and_only_if_no_words_of_the_fields_keep_them(
            classes in prop::collection::vec(any_question(), 2..3), rules in prop::collection::vec(any_rule(), 1..5),
        ) {
            let mut is_kept = false;
            for number in 0..(WORDS + 1).pow(u32::try_from(FIELDS).unwrap()) {
                let mut stated = Vec::new();
                let mut left = number;
                for _ in 0..FIELDS {
                    stated.push((left % (WORDS + 1)).checked_sub(1));
                    left /= WORDS + 1;
                }
                let class = classes.iter().position(|class| class.answer_for(&stated)).unwrap_or(2);
                // A change that no rule applies to is denied.
                let is_covered = rules.iter().any(|(of_classes, when, ..)| {
                    of_classes.is_none_or(|of_classes| of_classes[class])
                        && when.as_ref().is_none_or(|when| when.answer_for(&stated))
                });
                is_kept |= is_covered && rules.iter().all(|(of_classes, when, require, exemption)| {
                    let holds = |question: &FieldQuestion| question.answer_for(&stated);
                    of_classes.is_some_and(|of_classes| !of_classes[class])
                        || !when.as_ref().is_none_or(holds)
                        || require.answer_for(&stated)
                        || exemption.as_ref().is_some_and(holds)
                });
            }
            let text = write_policy(&classes, &rules);
            let policy = load_policy("p.yml", &mut |name| {
                Ok((name == "p.yml").then(|| text.as_bytes().to_vec()))
            }).unwrap();
            let (numbers, budget) = (QuestionNumbers::number_questions(&policy), SearchBudget::default());
            budget.begin_part(InspectionPart::Lockouts);
            let paths = PathAnswers::gather_answers(&numbers, &budget);
            let facts = InspectionFacts {
                read_from: &[],
                today: "2026-11-20".parse().unwrap(),
                signing_keys: &[],
                later_keys: &[],
                pusher: None,
            };
            let asked = Rc::new(AskedRules::of_policy(&policy, &numbers, facts.today));
            let search = LockoutSearch::new(asked, "p.yml", &facts, &paths, None, &budget);
            prop_assert_eq!(search.excludes_all(search.all_denials()), !is_kept, "{}", text);
        }
    }
}
