//! Predicates, combined: `all`, `any`, `not`, in three-valued logic.
//!
//! A condition holds, does not hold, or cannot be known. What cannot be known stays so under `not`,
//! spoils an `all` unless another part fails, and an `any` unless another part holds; hence a
//! missing fact can never turn "no" into "yes".

use super::{Known, Predicate, Reply, Seen};
use crate::change::{Need, Needs};
use crate::verdict::{Answer, Finding, Line};
use crate::vocabulary::Field;
use crate::yaml::decode::items;
use crate::yaml::{Expected, Fault, Node, Value};

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
    Ask(Predicate),
}

/// How a condition came to its answer, part by part.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The question in words.
    pub question: String,
    /// The answer.
    pub answer: Answer,
    /// The parts, if there are any.
    pub parts: Vec<Trace>,
}

impl Condition {
    /// The words that combine questions, and what they say.
    pub const WORDS: [(&'static str, &'static str); 3] = [
        ("all", "Every one of these questions holds."),
        ("any", "At least one of these questions holds."),
        ("not", "This question does not hold."),
    ];

    /// Reads a condition: a map of predicates, all of which are meant, `all`, `any` and `not` among
    /// them.
    pub fn read(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            faults.push(
                Fault::new(node.at, format!("expected a question, found {}", node.kind()))
                    .help("a question is a map, as in `{ field: { Risk: present } }`")
                    .expecting(Expected::Question),
            );
            return None;
        };
        let before = faults.len();
        let mut parts: Vec<Condition> = entries
            .iter()
            .filter_map(|(key, node)| match key.text.as_str() {
                "all" => Some(Condition::All(read_list(node, known, faults))),
                "any" => Some(Condition::Any(read_list(node, known, faults))),
                "not" => {
                    let known = Known { may_owe: false, ..*known };
                    Condition::read(node, &known, faults).map(|part| Condition::Not(Box::new(part)))
                }
                _ => Predicate::read(key, node, known, faults).map(Condition::Ask),
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
    pub fn ask(&self, seen: &Seen<'_>) -> Answer {
        match self {
            Condition::Ask(predicate) => match predicate.ask(seen) {
                Ok(Reply::Holds) => Answer::Holds(Vec::new()),
                Ok(Reply::Owed(owed)) => Answer::Holds(owed),
                Ok(Reply::Fails(findings)) => Answer::Fails(findings),
                Err(missing) => Answer::Unknown(vec![missing]),
            },
            Condition::All(parts) => all(parts.iter().map(|part| part.ask(seen))),
            Condition::Any(parts) => any(parts.iter().map(|part| part.ask(seen))),
            Condition::Not(part) => not(part.ask(seen), || {
                seen.because(|| Finding::new(Line::say(format!("this must not be so: {}", part.words()))))
            }),
        }
    }

    /// Answers the question and tells how.
    pub fn trace(&self, seen: &Seen<'_>) -> Trace {
        let parts: Vec<Trace> = match self {
            Condition::Ask(_) => Vec::new(),
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().map(|part| part.trace(seen)).collect()
            }
            Condition::Not(part) => vec![part.trace(seen)],
        };
        let question = match self {
            Condition::Ask(predicate) => predicate.words(),
            Condition::All(_) => "all of these hold".into(),
            Condition::Any(_) => "one of these holds".into(),
            Condition::Not(_) => "this does not hold".into(),
        };
        Trace { question, answer: self.ask(seen), parts }
    }

    /// Returns the question in words that complete "this asks that ...".
    pub fn words(&self) -> String {
        let join = |parts: &[Condition], word: &str| {
            parts.iter().map(Condition::words).collect::<Vec<_>>().join(word)
        };
        match self {
            Condition::Ask(predicate) => predicate.words(),
            Condition::All(parts) if parts.is_empty() => "nothing".into(),
            Condition::All(parts) => join(parts, ", and "),
            Condition::Any(parts) => format!("either {}", join(parts, ", or ")),
            Condition::Not(part) => format!("it is not so that {}", part.words()),
        }
    }

    /// Adds the fields that must be stated for the question to hold, as far as that can be said.
    pub fn fields<'condition>(&'condition self, fields: &mut Vec<&'condition Field>) {
        match self {
            Condition::Ask(predicate) => fields.extend(predicate.fields()),
            Condition::All(parts) => parts.iter().for_each(|part| part.fields(fields)),
            Condition::Any(_) | Condition::Not(_) => {}
        }
    }

    /// Adds the fields whose tickets are to be looked up for the question.
    pub fn tickets<'condition>(&'condition self, fields: &mut Vec<&'condition Field>) {
        match self {
            Condition::Ask(predicate) => fields.extend(predicate.tickets()),
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| part.tickets(fields))
            }
            Condition::Not(part) => part.tickets(fields),
        }
    }

    /// Returns the fact, if it is one of `facts`, without which the question cannot hold.
    pub fn hangs_on(&self, facts: &[Need]) -> Option<Need> {
        self.settled_by(facts, false)
    }

    fn settled_by(&self, facts: &[Need], negated: bool) -> Option<Need> {
        match (self, negated) {
            (Condition::Ask(predicate), _) => {
                let needs = predicate.hangs_on();
                facts.iter().copied().find(|fact| needs.contains(fact))
            }
            (Condition::Not(part), _) => part.settled_by(facts, !negated),
            // One part that stays open is enough.
            (Condition::All(parts), false) | (Condition::Any(parts), true) => {
                parts.iter().find_map(|part| part.settled_by(facts, negated))
            }
            // Every part has to stay open.
            (Condition::Any(parts), false) | (Condition::All(parts), true) => {
                let mut open = parts.iter().map(|part| part.settled_by(facts, negated));
                let first = open.next().flatten()?;
                open.all(|part| part.is_some()).then_some(first)
            }
        }
    }

    /// Adds the facts that the question takes.
    pub fn needs(&self, needs: &mut Needs) {
        match self {
            Condition::Ask(predicate) => predicate.needs(needs),
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| part.needs(needs)),
            Condition::Not(part) => part.needs(needs),
        }
    }
}

fn read_list(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Vec<Condition> {
    let parts = items(node, faults);
    parts
        .iter()
        .filter_map(|part| {
            let condition = Condition::read(part, known, faults)?;
            if condition.is_empty() {
                faults.push(Fault::new(part.at, "this asks nothing"));
                return None;
            }
            Some(condition)
        })
        .collect()
}

fn all(answers: impl Iterator<Item = Answer>) -> Answer {
    let (mut owed, mut findings, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Answer::Holds(more) => owed.extend(more),
            Answer::Fails(more) => findings.extend(more),
            Answer::Unknown(more) => missing.extend(more),
        }
    }
    match (findings.is_empty(), missing.is_empty()) {
        (false, _) => Answer::Fails(findings),
        (true, false) => Answer::Unknown(missing),
        (true, true) => Answer::Holds(owed),
    }
}

fn any(answers: impl Iterator<Item = Answer>) -> Answer {
    let (mut owed, mut findings, mut missing) = (None, Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            // What holds without a debt is better than what holds against one.
            Answer::Holds(none) if none.is_empty() => return Answer::Holds(none),
            Answer::Holds(some) => owed = owed.or(Some(some)),
            Answer::Fails(more) => findings.extend(more),
            Answer::Unknown(more) => missing.extend(more),
        }
    }
    match (owed, missing.is_empty(), findings.is_empty()) {
        (Some(owed), ..) => Answer::Holds(owed),
        (None, false, _) => Answer::Unknown(missing),
        (None, true, false) => Answer::Fails(findings),
        (None, true, true) => {
            Answer::Fails(vec![Finding::new(Line::say("there is nothing that could hold here"))])
        }
    }
}

fn not(answer: Answer, reason: impl FnOnce() -> Finding) -> Answer {
    match answer {
        Answer::Holds(_) => Answer::Fails(vec![reason()]),
        Answer::Fails(_) => Answer::Holds(Vec::new()),
        unknown @ Answer::Unknown(_) => unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use super::{all, any};
    use crate::change::Missing;
    use proptest::prelude::*;

    fn holds() -> Answer {
        Answer::Holds(Vec::new())
    }

    fn fails() -> Answer {
        Answer::Fails(vec![Finding::new(Line::say("no"))])
    }

    fn unknown() -> Answer {
        Answer::Unknown(vec![Missing::NotConfigured(Need::Paths)])
    }

    /// Rank in the order no < cannot be known < yes.
    fn rank(answer: &Answer) -> u8 {
        match answer {
            Answer::Fails(_) => 0,
            Answer::Unknown(_) => 1,
            Answer::Holds(_) => 2,
        }
    }

    proptest! {
        #[test]
        fn all_is_the_least_and_any_the_greatest(ranks in proptest::collection::vec(0u8..3, 1..6)) {
            let answers = || ranks.iter().map(|rank| match rank { 0 => fails(), 1 => unknown(), _ => holds() });
            prop_assert_eq!(rank(&all(answers())), *ranks.iter().min().unwrap());
            prop_assert_eq!(rank(&any(answers())), *ranks.iter().max().unwrap());
        }
    }

    #[test]
    fn a_question_hangs_on_a_fact_unless_it_can_be_settled_without() {
        let facts = [Need::Pull, Need::Checks];
        let hangs = |question: &str| {
            let node = crate::yaml::read(question.as_bytes()).unwrap();
            let (vocabulary, people) = Default::default();
            let known = Known { vocabulary: &vocabulary, people: &people, may_owe: false };
            let mut faults = Vec::new();
            let question = Condition::read(&node, &known, &mut faults);
            assert_eq!(faults, []);
            question.unwrap().hangs_on(&facts)
        };
        for (question, fact) in [
            ("{ label: a }", Some(Need::Pull)),
            ("{ branch: main, checks: a }", Some(Need::Checks)),
            ("{ any: [{ branch: main }, { checks: a }] }", None),
            ("{ any: [{ draft: false }, { checks: a }] }", Some(Need::Pull)),
            ("{ not: { any: [{ branch: main }, { checks: a }] } }", Some(Need::Checks)),
            ("{ not: { branch: main, checks: a } }", None),
            ("{ not: { not: { label: a } } }", Some(Need::Pull)),
            ("{ branch: main }", None),
        ] {
            assert_eq!(hangs(question), fact, "{question}");
        }
    }

    #[test]
    fn not_turns_yes_and_no_around_and_leaves_what_cannot_be_known() {
        for (answer, expected) in [(holds(), 0), (unknown(), 1), (fails(), 2)] {
            assert_eq!(rank(&not(answer, || Finding::new(Line::say("no")))), expected);
        }
    }
}
