//! Which choices the rules deny, given what is left of all aspects.

use crate::policy::inspect::search::asked_rules::{AskedNode, AskedRule};
use crate::policy::inspect::search::assumed_change::{SearchedPart, WantedChanges};
use crate::policy::inspect::search::bit_answers::{BitAnswer, ClassAnswers, PartAnswers, SearchFocus};
use crate::policy::inspect::search::choice_search::ChoiceSearch;

impl ChoiceSearch<'_, '_> {
    /// Returns the choices of what the focus is on that a rule denies, or that are none of what is wanted.
    pub(super) fn ask_rules(
        &self,
        focus: SearchFocus,
        is_of_classes: bool,
        mut classes: Option<&mut ClassAnswers>,
        answers: &mut PartAnswers,
    ) -> u64 {
        // What is left out already needs no answer.
        let mut denied = match focus.aspect {
            usize::MAX => 0,
            aspect => !self.left_of(aspect).word_at(focus.word),
        };
        match (self.wanted, self.wanted_rule) {
            (WantedChanges::OfClass(wanted), _) => {
                let possible = classes.as_ref().and_then(|classes| classes.possible.get(wanted)).copied();
                denied |= !possible.unwrap_or(0);
            }
            (WantedChanges::OfRule(_), Some(place)) => {
                denied |= !self.find_application(place, focus, classes.as_deref(), answers);
            }
            _ => {}
        }
        let of_aspect = self.rules_by_aspect.get(&focus.aspect).map(Vec::as_slice).unwrap_or_default();
        let (first, second) = match focus.aspect {
            usize::MAX => (self.rules.as_slice(), &[][..]),
            _ if is_of_classes => (of_aspect, self.class_rules.as_slice()),
            _ => (of_aspect, &[][..]),
        };
        for place in first.iter().chain(second) {
            if denied == u64::MAX {
                break;
            }
            let Some(rule) = self.search.asked.rules.get(*place) else { continue };
            let of_class = match (rule.class_group, classes.as_mut()) {
                (None, _) => u64::MAX,
                (Some(group), Some(classes)) => self.find_members(group, classes),
                (Some(_), None) => 0,
            };
            denied |= self.find_denied_by(rule, of_class & !denied, focus, answers);
        }
        denied
    }

    /// Returns those of the choices `open` that a rule denies.
    fn find_denied_by(
        &self,
        rule: &AskedRule,
        open: u64,
        focus: SearchFocus,
        answers: &mut PartAnswers,
    ) -> u64 {
        self.add_steps(1);
        let mut denied = open;
        if denied != 0 {
            denied &= self.answer_node(rule.require, focus, answers).fails;
        }
        if let Some(when) = rule.when
            && denied != 0
        {
            denied &= self.answer_node(when, focus, answers).holds;
        }
        for exemption in &rule.exemptions {
            if denied != 0 {
                denied &= self.answer_node(*exemption, focus, answers).fails;
            }
        }
        denied
    }

    /// Returns the choices under which the rule may apply to a change.
    fn find_application(
        &self,
        place: usize,
        focus: SearchFocus,
        classes: Option<&ClassAnswers>,
        answers: &mut PartAnswers,
    ) -> u64 {
        let Some(rule) = self.search.asked.rules.get(place) else { return u64::MAX };
        let mut applies = u64::MAX;
        if let Some(group) = rule.class_group.and_then(|group| self.search.asked.class_groups.get(group)) {
            applies = 0;
            for (class, possible) in classes.iter().flat_map(|classes| classes.possible.iter().enumerate()) {
                if group.contains_number(class) {
                    applies |= possible;
                }
            }
            self.add_steps(self.search.asked.classes.len());
        }
        if let Some(when) = rule.when {
            applies &= !self.answer_node(when, focus, answers).fails;
        }
        applies
    }

    /// Returns the choices under which every class that a change may be of is in this set. A change of no class is one
    /// that only rules without classes apply to.
    fn find_members(&self, group: usize, classes: &mut ClassAnswers) -> u64 {
        let Some(set) = self.search.asked.class_groups.get(group) else { return 0 };
        if let WantedChanges::OfClass(wanted) = self.wanted {
            return if set.contains_number(wanted) { u64::MAX } else { 0 };
        }
        if let Some(known) = classes.groups.get(group).copied().flatten() {
            return known;
        }
        let (mut any, mut outside) = (0, 0);
        for (class, possible) in classes.possible.iter().enumerate() {
            any |= possible;
            if !set.contains_number(class) {
                outside |= possible;
            }
        }
        self.add_steps(classes.possible.len());
        if let Some(known) = classes.groups.get_mut(group) {
            *known = Some(any & !outside);
        }
        any & !outside
    }

    pub(super) fn answer_classes(&self, focus: SearchFocus, answers: &mut PartAnswers) -> ClassAnswers {
        let asked = &self.search.asked;
        let mut possible = Vec::new();
        let mut reached = u64::MAX;
        for node in &asked.classes {
            self.add_steps(1);
            if reached == 0 {
                possible.push(0);
                continue;
            }
            let answer = self.answer_node(*node, focus, answers);
            possible.push(reached & !answer.fails);
            reached &= !answer.holds;
        }
        self.add_steps(asked.class_groups.len());
        ClassAnswers { possible, groups: vec![None; asked.class_groups.len()] }
    }

    fn answer_node(&self, node: usize, focus: SearchFocus, answers: &mut PartAnswers) -> BitAnswer {
        self.add_steps(1);
        let (round, known) = (answers.round, answers.known.get(node).copied());
        if let Some((_, answer)) = known.filter(|(known, _)| *known == round) {
            return answer;
        }
        let answer = match self.search.asked.nodes.get(node) {
            Some(AskedNode::Question(Some(number))) => self.answer_question(*number, focus),
            Some(AskedNode::Question(None)) | None => BitAnswer::OPEN,
            Some(AskedNode::Not(part)) => {
                let BitAnswer { holds, fails } = self.answer_node(*part, focus, answers);
                BitAnswer { holds: fails, fails: holds }
            }
            Some(AskedNode::All(parts)) => {
                let mut answer = BitAnswer::HOLDS;
                for part in parts {
                    let part = self.answer_node(*part, focus, answers);
                    answer.holds &= part.holds;
                    answer.fails |= part.fails;
                    if answer.fails == u64::MAX {
                        break;
                    }
                }
                answer
            }
            Some(AskedNode::Any(parts)) => {
                let mut answer = BitAnswer::FAILS;
                for part in parts {
                    let part = self.answer_node(*part, focus, answers);
                    answer.holds |= part.holds;
                    answer.fails &= part.fails;
                    if answer.holds == u64::MAX {
                        break;
                    }
                }
                answer
            }
        };
        if let Some(known) = answers.known.get_mut(node) {
            *known = (round, answer);
        }
        answer
    }

    fn answer_question(&self, number: usize, focus: SearchFocus) -> BitAnswer {
        let Some(parts) = self.search.questions.get(number).and_then(Option::as_ref) else {
            return BitAnswer::OPEN;
        };
        let mut answer = BitAnswer::HOLDS;
        for part in parts {
            let part = match part {
                SearchedPart::Fixed(Some(true)) => BitAnswer::HOLDS,
                SearchedPart::Fixed(Some(false)) => BitAnswer::FAILS,
                SearchedPart::Fixed(None) => BitAnswer::OPEN,
                SearchedPart::Any(ways) => {
                    let mut any = BitAnswer::FAILS;
                    for (aspect, column) in ways {
                        let (holds, fails) = match *aspect == focus.aspect {
                            true => (column.holds.word_at(focus.word), column.fails.word_at(focus.word)),
                            false => {
                                let left = self.left_of(*aspect);
                                self.add_steps(left.count_words());
                                match (left.is_within(&column.holds), left.is_within(&column.fails)) {
                                    (true, _) => (u64::MAX, 0),
                                    (false, true) => (0, u64::MAX),
                                    (false, false) => (0, 0),
                                }
                            }
                        };
                        any.holds |= holds;
                        any.fails &= fails;
                    }
                    any
                }
            };
            answer.holds &= part.holds;
            answer.fails |= part.fails;
        }
        answer
    }
}
