//! The rules among which a change is looked for, with their questions numbered and combined.
//!
//! The judge denies what no rule applies to. Where that can happen, this is one more rule here, behind those of the
//! policy: one of them has to apply.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;

use crate::policy::definition::{Policy, Rule};
use crate::policy::inspect::search::choice_set::ChoiceSet;
use crate::policy::inspect::search::question_numbers::QuestionNumbers;
use crate::predicates::support::condition::Condition;
use crate::verdict::RuleLevel;

/// How many classes a policy has at most where it is found out to which of them a rule applies.
const MAX_MEMBER_CLASSES: usize = 128;

/// A condition, or a part of one, by the places of its parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AskedNode {
    /// The question with this number; `None` for one that is none of the policy.
    Question(Option<usize>),
    All(Vec<usize>),
    Any(Vec<usize>),
    Not(usize),
}

/// A rule that denies, with the exemptions from it.
pub(crate) struct AskedRule {
    /// The index of the rule in the policy.
    pub(crate) index: usize,
    /// The place of the set of classes that it is for; `None` for all changes.
    pub(crate) class_group: Option<usize>,
    pub(crate) when: Option<usize>,
    pub(crate) require: usize,
    pub(crate) exemptions: Vec<usize>,
}

/// A condition that a change has to fulfil, or must not.
#[derive(Clone, Copy)]
pub(crate) struct WantedCondition<'one> {
    pub(crate) condition: &'one Condition,
    pub(crate) is_refused: bool,
}

/// Rules that deny, and the classes, with their questions numbered.
pub(crate) struct AskedRules<'policy> {
    pub(crate) policy: &'policy Policy,
    pub(crate) numbers: &'policy QuestionNumbers<'policy>,
    /// Every condition and its parts, equal ones once.
    pub(crate) nodes: Vec<AskedNode>,
    pub(crate) rules: Vec<AskedRule>,
    /// The conditions of the classes.
    pub(crate) classes: Vec<usize>,
    /// The sets of classes that rules are for, each once.
    pub(crate) class_groups: Vec<ChoiceSet>,
    /// The numbers of all questions that are known of, each once; some are of rules that do not deny.
    pub(crate) known_questions: Vec<usize>,
    /// The numbers of the questions of the rules, of the exemptions and of the classes, as often as they are asked.
    pub(crate) asked_questions: Vec<usize>,
    /// The numbers of those of the classes.
    pub(crate) class_questions: Vec<usize>,
    /// The index of the rule that one of the others has to apply; `None` where one of them applies to every change.
    pub(crate) coverage_rule: Option<usize>,
    places: HashMap<AskedNode, usize>,
    group_places: BTreeMap<ChoiceSet, usize>,
}

impl<'policy> AskedRules<'policy> {
    fn new(policy: &'policy Policy, numbers: &'policy QuestionNumbers<'policy>) -> Self {
        AskedRules {
            policy,
            numbers,
            nodes: Vec::new(),
            rules: Vec::new(),
            classes: Vec::new(),
            class_groups: Vec::new(),
            known_questions: Vec::new(),
            asked_questions: Vec::new(),
            class_questions: Vec::new(),
            coverage_rule: None,
            places: HashMap::new(),
            group_places: BTreeMap::new(),
        }
    }

    /// Returns the rules of the policy that deny on a day, with the exemptions that hold then.
    pub(crate) fn of_policy(
        policy: &'policy Policy,
        numbers: &'policy QuestionNumbers<'policy>,
        day: Date,
    ) -> Self {
        let mut asked = AskedRules::new(policy, numbers);
        let places = asked.add_rules(policy.rules.iter().enumerate(), day);
        asked.add_exemptions(&places, day);
        asked.add_classes();
        asked.add_coverage_rule();
        asked.known_questions = (0..numbers.count_questions()).collect();
        asked
    }

    /// Returns rules that deny what does not fulfil the conditions, or is surely not of the class. The rules of
    /// `beside` deny as well, with their exemptions, as they do on a day.
    pub(crate) fn of_probe(
        policy: &'policy Policy,
        numbers: &'policy QuestionNumbers<'policy>,
        wanted: &[WantedCondition<'_>],
        class: Option<usize>,
        beside: Option<(&Rule, Date)>,
    ) -> Self {
        let mut asked = AskedRules::new(policy, numbers);
        for WantedCondition { condition, is_refused } in wanted {
            let mut require = asked.add_condition(condition);
            if *is_refused {
                require = asked.add_node(AskedNode::Not(require));
            }
            asked.add_questions(condition);
            asked.rules.push(AskedRule {
                index: asked.rules.len(),
                class_group: None,
                when: None,
                require,
                exemptions: Vec::new(),
            });
        }
        if let Some(class) = class {
            let others: ChoiceSet = (0..policy.classes.len()).filter(|index| *index != class).collect();
            let class_group = Some(asked.add_class_group(others));
            let require = asked.add_node(AskedNode::Any(Vec::new()));
            let index = asked.rules.len();
            asked.rules.push(AskedRule { index, class_group, when: None, require, exemptions: Vec::new() });
        }
        let mut conditions: Vec<&Condition> = policy.classes.iter().map(|class| &class.when).collect();
        conditions.extend(wanted.iter().map(|wanted| wanted.condition));
        if let Some((rule, day)) = beside {
            let is_other = |other: &&Rule| other.description.id != rule.description.id;
            let others = policy.rules.iter().enumerate().filter(|(_, other)| is_other(other));
            let first = asked.rules.len();
            let places = asked.add_rules(others.clone(), day);
            // The rules of the probe have the first numbers.
            for (number, rule) in asked.rules.iter_mut().enumerate().skip(first) {
                rule.index = number;
            }
            asked.add_exemptions(&places, day);
            for (_, other) in others {
                conditions.extend(&other.when);
                conditions.push(&other.require);
            }
            conditions.extend(policy.exemptions.iter().map(|exemption| &exemption.when));
        }
        asked.add_classes();
        asked.known_questions = numbers.list_unique(conditions.into_iter());
        asked
    }

    /// Adds those rules that deny on a day, and returns the places that they have now by their indexes.
    fn add_rules<'rule>(
        &mut self,
        rules: impl Iterator<Item = (usize, &'rule Rule)>,
        day: Date,
    ) -> HashMap<usize, usize> {
        let mut places = HashMap::new();
        for (index, rule) in rules.filter(|(_, rule)| rule.level_on(day) == RuleLevel::Deny) {
            places.insert(index, self.rules.len());
            let class_group = rule
                .class_indexes
                .as_ref()
                .map(|indexes| self.add_class_group(indexes.iter().copied().collect()));
            let when = rule.when.as_ref().map(|when| self.add_condition(when));
            let require = self.add_condition(&rule.require);
            for condition in rule.when.iter().chain([&rule.require]) {
                self.add_questions(condition);
            }
            self.rules.push(AskedRule { index, class_group, when, require, exemptions: Vec::new() });
        }
        places
    }

    fn add_exemptions(&mut self, places: &HashMap<usize, usize>, day: Date) {
        let policy = self.policy;
        for exemption in policy.exemptions.iter().filter(|exemption| exemption.until >= day) {
            let Some(place) = places.get(&exemption.rule_index) else { continue };
            let node = self.add_condition(&exemption.when);
            self.add_questions(&exemption.when);
            if let Some(rule) = self.rules.get_mut(*place) {
                rule.exemptions.push(node);
            }
        }
    }

    fn add_classes(&mut self) {
        let policy = self.policy;
        let first = self.asked_questions.len();
        for class in &policy.classes {
            let node = self.add_condition(&class.when);
            self.add_questions(&class.when);
            self.classes.push(node);
        }
        self.class_questions = self.asked_questions.get(first..).unwrap_or_default().to_vec();
    }

    /// Adds the rule that one of the others applies, unless one applies to every change.
    fn add_coverage_rule(&mut self) {
        if self.rules.iter().any(|rule| rule.when.is_none() && rule.class_group.is_none()) {
            return;
        }
        let members = self.add_class_members();
        let mut applications = Vec::new();
        for place in 0..self.rules.len() {
            let Some(AskedRule { class_group, when, .. }) = self.rules.get(place) else { continue };
            let mut parts: Vec<usize> = when.iter().copied().collect();
            let group = class_group.and_then(|group| self.class_groups.get(group));
            if let Some(group) = group.filter(|_| members.len() == self.classes.len()) {
                let of_group: Vec<usize> = group
                    .list_numbers()
                    .into_iter()
                    .filter_map(|class| members.get(class).copied())
                    .collect();
                parts.push(self.add_combination(of_group, AskedNode::Any));
            }
            applications.push(self.add_combination(parts, AskedNode::All));
        }
        let policy = self.policy;
        let indexes: Vec<usize> = self.rules.iter().map(|rule| rule.index).collect();
        for when in indexes.into_iter().filter_map(|index| policy.rules.get(index)?.when.as_ref()) {
            self.add_questions(when);
        }
        let require = self.add_combination(applications, AskedNode::Any);
        let index = policy.rules.len();
        self.rules.push(AskedRule { index, class_group: None, when: None, require, exemptions: Vec::new() });
        self.coverage_rule = Some(index);
    }

    /// Adds a condition for each class that a change is of it: it fulfils what the class asks, and nothing that an
    /// earlier one asks. Returns their places; none if there are too many classes.
    fn add_class_members(&mut self) -> Vec<usize> {
        if self.classes.len() > MAX_MEMBER_CLASSES {
            return Vec::new();
        }
        let mut members = Vec::new();
        let mut of_no_earlier = self.add_node(AskedNode::All(Vec::new()));
        for class in self.classes.clone() {
            members.push(self.add_combination(vec![of_no_earlier, class], AskedNode::All));
            let is_other = self.add_node(AskedNode::Not(class));
            of_no_earlier = self.add_combination(vec![of_no_earlier, is_other], AskedNode::All);
        }
        members
    }

    fn add_class_group(&mut self, group: ChoiceSet) -> usize {
        if let Some(place) = self.group_places.get(&group) {
            return *place;
        }
        let place = self.class_groups.len();
        self.class_groups.push(group.clone());
        self.group_places.insert(group, place);
        place
    }

    fn add_questions(&mut self, condition: &Condition) {
        let mut predicates = Vec::new();
        condition.add_predicates(&mut predicates);
        let numbers = predicates.into_iter().filter_map(|predicate| self.numbers.find_number(predicate));
        self.asked_questions.extend(numbers);
    }

    fn add_condition(&mut self, condition: &Condition) -> usize {
        let node = match condition {
            Condition::Predicate(predicate) => AskedNode::Question(self.numbers.find_number(predicate)),
            Condition::All(parts) => self.add_parts(parts, AskedNode::All),
            Condition::Any(parts) => self.add_parts(parts, AskedNode::Any),
            Condition::Not(part) => AskedNode::Not(self.add_condition(part)),
        };
        self.add_node(node)
    }

    fn add_parts(&mut self, parts: &[Condition], combine: fn(Vec<usize>) -> AskedNode) -> AskedNode {
        let places = parts.iter().map(|part| self.add_condition(part)).collect();
        combine_places(places, combine)
    }

    fn add_combination(&mut self, places: Vec<usize>, combine: fn(Vec<usize>) -> AskedNode) -> usize {
        self.add_node(combine_places(places, combine))
    }

    fn add_node(&mut self, node: AskedNode) -> usize {
        if let Some(place) = self.places.get(&node) {
            return *place;
        }
        let place = self.nodes.len();
        self.nodes.push(node.clone());
        self.places.insert(node, place);
        place
    }

    /// Returns how much there is to ask: all conditions, and the sets of classes.
    pub(crate) fn measure_rules(&self) -> usize {
        let words: usize = self.class_groups.iter().map(ChoiceSet::count_words).sum();
        self.nodes.len() + self.rules.len() + self.asked_questions.len() + words
    }
}

/// Returns parts of a condition together, each once.
fn combine_places(mut places: Vec<usize>, combine: fn(Vec<usize>) -> AskedNode) -> AskedNode {
    places.sort_unstable();
    places.dedup();
    combine(places)
}
