//! Predicates, combined: `all`, `any`, `not`, in three-valued logic.
//!
//! A condition holds, does not hold, or cannot be known. What cannot be known stays so under `not`,
//! spoils an `all` unless another part fails, and an `any` unless another part holds; hence a
//! missing fact can never turn "no" into "yes".

use crate::change::{FactKind, NeededFacts};
use crate::predicates::{EvaluationContext, PolicyScope, Predicate, PredicateOutcome};
use crate::verdict::{Finding, PredicateAnswer, Sentence};
use crate::vocabulary::FieldDefinition;
use crate::yaml::decode::read_items;
use crate::yaml::{ExpectedValue, YamlFault, YamlNode, YamlValue};

/// A question, or several combined.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Every part holds; with no parts, it always holds.
    All(Vec<Condition>),
    /// At least one part holds.
    Any(Vec<Condition>),
    /// The part does not hold.
    Not(Box<Condition>),
    /// A predicate.
    Predicate(Predicate),
}

/// How a condition came to its answer, part by part.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionTrace {
    /// The question in words.
    pub question: String,
    /// The answer.
    pub answer: PredicateAnswer,
    /// The parts, if there are any.
    pub parts: Vec<ConditionTrace>,
}

impl Condition {
    /// The words that combine questions, and what they say.
    pub const COMBINATORS: [(&'static str, &'static str); 3] = [
        ("all", "Every one of these questions holds."),
        ("any", "At least one of these questions holds."),
        ("not", "This question does not hold."),
    ];

    /// Reads a condition: a map of predicates, all of which are meant, `all`, `any` and `not` among
    /// them.
    pub fn read_condition(
        node: &YamlNode,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let YamlValue::Map(entries) = &node.value else {
            faults.push(
                YamlFault::new(node.at, format!("expected a question, found {}", node.describe_kind()))
                    .with_help("a question is a map, as in `{ field: { Risk: present } }`")
                    .with_expected(ExpectedValue::Condition),
            );
            return None;
        };
        let before = faults.len();
        let mut parts: Vec<Condition> = entries
            .iter()
            .filter_map(|(key, node)| match key.text.as_str() {
                "all" => Some(Condition::All(read_conditions(node, known, faults))),
                "any" => Some(Condition::Any(read_conditions(node, known, faults))),
                "not" => {
                    let known = PolicyScope { allows_obligations: false, ..*known };
                    Condition::read_condition(node, &known, faults).map(|part| Condition::Not(Box::new(part)))
                }
                _ => Predicate::read_predicate(key, node, known, faults).map(Condition::Predicate),
            })
            .collect();
        if before < faults.len() {
            return None;
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    /// Returns true for the condition that asks nothing and always holds.
    pub fn is_empty(&self) -> bool {
        matches!(self, Condition::All(parts) if parts.is_empty())
    }

    /// Answers the question.
    pub fn evaluate(&self, seen: &EvaluationContext<'_>) -> PredicateAnswer {
        match self {
            Condition::Predicate(predicate) => match predicate.evaluate(seen) {
                Ok(PredicateOutcome::Holds) => PredicateAnswer::Holds(Vec::new()),
                Ok(PredicateOutcome::Owed(owed)) => PredicateAnswer::Holds(owed),
                Ok(PredicateOutcome::Fails(findings)) => PredicateAnswer::Fails(findings),
                Err(missing) => PredicateAnswer::Unknown(vec![missing]),
            },
            Condition::All(parts) => combine_all(parts.iter().map(|part| part.evaluate(seen))),
            Condition::Any(parts) => combine_any(parts.iter().map(|part| part.evaluate(seen))),
            Condition::Not(part) => negate_answer(part.evaluate(seen), || {
                seen.reason_or_empty(|| {
                    Finding::new(Sentence::from_words(format!("this must not be so: {}", part.describe())))
                })
            }),
        }
    }

    /// Answers the question and tells how.
    pub fn trace_evaluation(&self, seen: &EvaluationContext<'_>) -> ConditionTrace {
        let parts: Vec<ConditionTrace> = match self {
            Condition::Predicate(_) => Vec::new(),
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().map(|part| part.trace_evaluation(seen)).collect()
            }
            Condition::Not(part) => vec![part.trace_evaluation(seen)],
        };
        let question = match self {
            Condition::Predicate(predicate) => predicate.describe(),
            Condition::All(_) => "all of these hold".into(),
            Condition::Any(_) => "one of these holds".into(),
            Condition::Not(_) => "this does not hold".into(),
        };
        ConditionTrace { question, answer: self.evaluate(seen), parts }
    }

    /// Returns the question in words that complete "this asks that ...".
    pub fn describe(&self) -> String {
        let join = |parts: &[Condition], word: &str| {
            parts.iter().map(Condition::describe).collect::<Vec<_>>().join(word)
        };
        match self {
            Condition::Predicate(predicate) => predicate.describe(),
            Condition::All(parts) if parts.is_empty() => "nothing".into(),
            Condition::All(parts) => join(parts, ", and "),
            Condition::Any(parts) => format!("either {}", join(parts, ", or ")),
            Condition::Not(part) => format!("it is not so that {}", part.describe()),
        }
    }

    /// Adds the fields that must be stated for the question to hold, as far as that can be said.
    pub fn add_required_fields<'condition>(&'condition self, fields: &mut Vec<&'condition FieldDefinition>) {
        match self {
            Condition::Predicate(predicate) => fields.extend(predicate.required_fields()),
            Condition::All(parts) => parts.iter().for_each(|part| part.add_required_fields(fields)),
            Condition::Any(_) | Condition::Not(_) => {}
        }
    }

    /// Adds the fields whose tickets are to be looked up for the question.
    pub fn add_ticket_fields<'condition>(&'condition self, fields: &mut Vec<&'condition FieldDefinition>) {
        match self {
            Condition::Predicate(predicate) => fields.extend(predicate.ticket_field()),
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| part.add_ticket_fields(fields))
            }
            Condition::Not(part) => part.add_ticket_fields(fields),
        }
    }

    /// Returns the fact, if it is one of `facts`, without which the question cannot hold.
    pub fn required_fact(&self, facts: &[FactKind]) -> Option<FactKind> {
        self.find_required_fact(facts, false)
    }

    fn find_required_fact(&self, facts: &[FactKind], negated: bool) -> Option<FactKind> {
        match (self, negated) {
            (Condition::Predicate(predicate), _) => {
                let needs = predicate.required_facts();
                facts.iter().copied().find(|fact| needs.contains(fact))
            }
            (Condition::Not(part), _) => part.find_required_fact(facts, !negated),
            // One part that stays open is enough.
            (Condition::All(parts), false) | (Condition::Any(parts), true) => {
                parts.iter().find_map(|part| part.find_required_fact(facts, negated))
            }
            // Every part has to stay open.
            (Condition::Any(parts), false) | (Condition::All(parts), true) => {
                let mut open = parts.iter().map(|part| part.find_required_fact(facts, negated));
                let first = open.next().flatten()?;
                open.all(|part| part.is_some()).then_some(first)
            }
        }
    }

    /// Adds the facts that the question takes.
    pub fn add_needs(&self, needs: &mut NeededFacts) {
        match self {
            Condition::Predicate(predicate) => predicate.add_needs(needs),
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| part.add_needs(needs))
            }
            Condition::Not(part) => part.add_needs(needs),
        }
    }
}

fn read_conditions(node: &YamlNode, known: &PolicyScope<'_>, faults: &mut Vec<YamlFault>) -> Vec<Condition> {
    let parts = read_items(node, faults);
    parts
        .iter()
        .filter_map(|part| {
            let condition = Condition::read_condition(part, known, faults)?;
            if condition.is_empty() {
                faults.push(YamlFault::new(part.at, "this asks nothing"));
                return None;
            }
            Some(condition)
        })
        .collect()
}

fn combine_all(answers: impl Iterator<Item = PredicateAnswer>) -> PredicateAnswer {
    let (mut owed, mut findings, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            PredicateAnswer::Holds(more) => owed.extend(more),
            PredicateAnswer::Fails(more) => findings.extend(more),
            PredicateAnswer::Unknown(more) => missing.extend(more),
        }
    }
    match (findings.is_empty(), missing.is_empty()) {
        (false, _) => PredicateAnswer::Fails(findings),
        (true, false) => PredicateAnswer::Unknown(missing),
        (true, true) => PredicateAnswer::Holds(owed),
    }
}

fn combine_any(answers: impl Iterator<Item = PredicateAnswer>) -> PredicateAnswer {
    let (mut owed, mut findings, mut missing) = (None, Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            // What holds without a debt is better than what holds against one.
            PredicateAnswer::Holds(none) if none.is_empty() => return PredicateAnswer::Holds(none),
            PredicateAnswer::Holds(some) => owed = owed.or(Some(some)),
            PredicateAnswer::Fails(more) => findings.extend(more),
            PredicateAnswer::Unknown(more) => missing.extend(more),
        }
    }
    match (owed, missing.is_empty(), findings.is_empty()) {
        (Some(owed), ..) => PredicateAnswer::Holds(owed),
        (None, false, _) => PredicateAnswer::Unknown(missing),
        (None, true, false) => PredicateAnswer::Fails(findings),
        (None, true, true) => PredicateAnswer::Fails(vec![Finding::new(Sentence::from_words(
            "there is nothing that could hold here",
        ))]),
    }
}

fn negate_answer(answer: PredicateAnswer, reason: impl FnOnce() -> Finding) -> PredicateAnswer {
    match answer {
        PredicateAnswer::Holds(_) => PredicateAnswer::Fails(vec![reason()]),
        PredicateAnswer::Fails(_) => PredicateAnswer::Holds(Vec::new()),
        unknown @ PredicateAnswer::Unknown(_) => unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use super::{combine_all, combine_any};
    use crate::change::Missing;
    use proptest::prelude::*;

    fn holds() -> PredicateAnswer {
        PredicateAnswer::Holds(Vec::new())
    }

    fn fails() -> PredicateAnswer {
        PredicateAnswer::Fails(vec![Finding::new(Sentence::from_words("no"))])
    }

    fn unknown() -> PredicateAnswer {
        PredicateAnswer::Unknown(vec![Missing::NotConfigured(FactKind::Paths)])
    }

    /// Rank in the order no < cannot be known < yes.
    fn rank(answer: &PredicateAnswer) -> u8 {
        match answer {
            PredicateAnswer::Fails(_) => 0,
            PredicateAnswer::Unknown(_) => 1,
            PredicateAnswer::Holds(_) => 2,
        }
    }

    proptest! {
        #[test]
        fn all_is_the_least_and_any_the_greatest(ranks in proptest::collection::vec(0u8..3, 1..6)) {
            let answers = || ranks.iter().map(|rank| match rank { 0 => fails(), 1 => unknown(), _ => holds() });
            prop_assert_eq!(rank(&combine_all(answers())), *ranks.iter().min().unwrap());
            prop_assert_eq!(rank(&combine_any(answers())), *ranks.iter().max().unwrap());
        }
    }

    #[test]
    fn a_question_hangs_on_a_fact_unless_it_can_be_settled_without() {
        let facts = [FactKind::Pull, FactKind::Checks];
        let hangs = |question: &str| {
            let node = crate::yaml::read_document(question.as_bytes()).unwrap();
            let (vocabulary, people) = Default::default();
            let known = PolicyScope { vocabulary: &vocabulary, people: &people, allows_obligations: false };
            let mut faults = Vec::new();
            let question = Condition::read_condition(&node, &known, &mut faults);
            assert_eq!(faults, []);
            question.unwrap().required_fact(&facts)
        };
        for (question, fact) in [
            ("{ label: a }", Some(FactKind::Pull)),
            ("{ branch: main, checks: a }", Some(FactKind::Checks)),
            ("{ any: [{ branch: main }, { checks: a }] }", None),
            ("{ any: [{ draft: false }, { checks: a }] }", Some(FactKind::Pull)),
            ("{ not: { any: [{ branch: main }, { checks: a }] } }", Some(FactKind::Checks)),
            ("{ not: { branch: main, checks: a } }", None),
            ("{ not: { not: { label: a } } }", Some(FactKind::Pull)),
            ("{ branch: main }", None),
        ] {
            assert_eq!(hangs(question), fact, "{question}");
        }
    }

    #[test]
    fn not_turns_yes_and_no_around_and_leaves_what_cannot_be_known() {
        for (answer, expected) in [(holds(), 0), (unknown(), 1), (fails(), 2)] {
            assert_eq!(rank(&negate_answer(answer, || Finding::new(Sentence::from_words("no")))), expected);
        }
    }
}
