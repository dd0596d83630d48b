//! Predicates, combined: `all`, `any`, `not`, in three-valued logic.
//!
//! A condition holds, does not hold, or is unknown. What is unknown stays so under `not`, makes an
//! `all` unknown unless another part fails, and an `any` unknown unless another part holds. A missing
//! fact therefore never turns "no" into "yes".

use crate::change::{FactKind, NeededFacts};
use crate::predicates::Predicate;
use crate::predicates::support::combined_answers::{combine_all, negate_answer, require_distinct_people};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::field_obligation::merge_missing_fields;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::verdict::{Finding, Message, PredicateAnswer, messages};
use crate::vocabulary::FieldDefinition;
use crate::yaml::decode::read_items;
use crate::yaml::{ExpectedValue, YamlFault, YamlKey, YamlNode, YamlValue, refuse_unbracketed_items};

messages! {
    ALL_OF = "condition.all-of": "{parts+, and }";
    ONE_OF = "condition.one-of": "either {parts+, or }";
    NOT_TRUE = "condition.not-true": "it is not true that {part()}";
    ALWAYS = "condition.always": "nothing";
    DEEPER = "condition.deeper": "another condition holds";
    FORBIDDEN = "condition.forbidden": "must not be so: {question}";
    NO_ALTERNATIVE = "condition.no-alternative": "the policy names no alternative that could hold";
}

/// How deep a question is described. A record holds the description, and its reader refuses JSON that is
/// nested deeper than 128.
const MAX_DESCRIBED_DEPTH: usize = 12;

/// A question that a policy asks about a change, or several combined.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Every part holds; without parts, it always holds.
    All(Vec<Condition>),
    /// At least one part holds.
    Any(Vec<Condition>),
    /// The part does not hold.
    Not(Box<Condition>),
    /// A single predicate, which holds.
    Predicate(Predicate),
}

/// How the contrary of a question is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NegationWording {
    /// In a sentence of its own, where there is one.
    Contrary,
    /// By the question itself, as records have it.
    NotTrue,
}

/// How a condition came to its answer, part by part.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionTrace {
    /// The question, in words.
    pub question: String,
    /// The answer to it.
    pub answer: PredicateAnswer,
    /// The parts, empty for a predicate.
    pub parts: Vec<ConditionTrace>,
}

impl Condition {
    /// Reads a condition: a map of predicates, `all`, `any` and `not`, each of which must hold.
    pub fn read_condition(
        node: &YamlNode,
        scope: &PolicyScope<'_>,
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
        let mut parts = Vec::new();
        for (index, (key, node)) in entries.iter().enumerate() {
            if !refuse_unbracketed_items(entries, index, faults) {
                parts.extend(read_entry(key, node, scope, faults));
            }
        }
        if faults.len() > before {
            return None;
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    /// Returns true for the condition that asks nothing and always holds.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Condition::All(parts) if parts.is_empty())
    }

    /// Answers the question about one change.
    pub fn evaluate(&self, context: &EvaluationContext<'_>) -> PredicateAnswer {
        match self {
            Condition::Predicate(predicate) => match predicate.evaluate(context) {
                Ok(PredicateOutcome::Holds) => PredicateAnswer::Holds(Vec::new()),
                Ok(PredicateOutcome::Owed(owed)) => PredicateAnswer::Holds(owed),
                Ok(PredicateOutcome::Fails(findings)) => PredicateAnswer::Fails(findings),
                Err(missing) => PredicateAnswer::Unknown(vec![missing]),
            },
            Condition::All(parts) => {
                let answer = combine_all(parts.iter().map(|part| part.evaluate(context)));
                match self.asks_distinct_people() {
                    true => require_distinct_people(answer, &self.list_required(), context),
                    false => answer,
                }
            }
            Condition::Any(parts) => combine_any(parts.iter().map(|part| part.evaluate(context))),
            Condition::Not(part) => {
                negate_answer(part.evaluate(context), || part.forbidden_findings(context))
            }
        }
    }

    /// Answers the question, and the questions that it consists of.
    pub(crate) fn trace_evaluation(&self, context: &EvaluationContext<'_>) -> ConditionTrace {
        let question = match self {
            Condition::Predicate(predicate) => predicate.describe().to_plain_text(),
            Condition::All(_) => "all of these:".into(),
            Condition::Any(_) => "one of these:".into(),
            Condition::Not(_) => "not this:".into(),
        };
        let mut parts = Vec::new();
        for part in self.list_parts() {
            parts.push(part.trace_evaluation(context));
        }
        ConditionTrace { question, answer: self.evaluate(context), parts }
    }

    /// Returns the question as a message that completes "this asks that ...".
    pub fn describe(&self) -> Message {
        self.describe_to_depth(MAX_DESCRIBED_DEPTH, NegationWording::Contrary)
    }

    fn describe_to_depth(&self, depth: usize, negations: NegationWording) -> Message {
        let Some(deeper) = depth.checked_sub(1) else { return Message::from(&DEEPER) };
        let describe_parts = |parts: &[Condition]| -> Vec<Message> {
            parts.iter().map(|part| part.describe_to_depth(deeper, negations)).collect()
        };
        match self {
            Condition::Predicate(predicate) => predicate.describe(),
            Condition::All(parts) if parts.is_empty() => Message::from(&ALWAYS),
            // One way is no choice.
            Condition::Any(parts) if parts.len() == 1 && negations == NegationWording::Contrary => {
                ALL_OF.with("parts", describe_parts(parts))
            }
            Condition::All(parts) => ALL_OF.with("parts", describe_parts(parts)),
            Condition::Any(parts) => ONE_OF.with("parts", describe_parts(parts)),
            Condition::Not(part) => match negations {
                NegationWording::Contrary => part.describe_contrary(deeper),
                NegationWording::NotTrue => NOT_TRUE.with("part", part.describe_to_depth(deeper, negations)),
            },
        }
    }

    /// Describes the contrary: of alternatives, that none of them holds.
    fn describe_contrary(&self, depth: usize) -> Message {
        let contrary = match (self, depth.checked_sub(1)) {
            (Condition::Predicate(predicate), Some(_)) => predicate.describe_contrary(),
            (Condition::Any(parts), Some(deeper)) => {
                let parts: Vec<Message> = parts.iter().map(|part| part.describe_contrary(deeper)).collect();
                Some(ALL_OF.with("parts", parts))
            }
            (Condition::All(_) | Condition::Not(_), _) | (_, None) => None,
        };
        contrary.unwrap_or_else(|| {
            NOT_TRUE.with("part", self.describe_to_depth(depth, NegationWording::Contrary))
        })
    }

    /// Returns the predicates that all have to hold for the question to hold, as far as that can be said.
    pub(crate) fn list_required(&self) -> Vec<&Predicate> {
        match self {
            Condition::Predicate(predicate) => vec![predicate],
            Condition::All(parts) => parts.iter().flat_map(Condition::list_required).collect(),
            Condition::Any(_) | Condition::Not(_) => Vec::new(),
        }
    }

    /// Returns true if approvals that have to hold are to come from different people.
    pub(crate) fn asks_distinct_people(&self) -> bool {
        match self {
            Condition::Predicate(Predicate::Approvals(asked)) => asked.requires_distinct_people(),
            Condition::All(parts) => parts.iter().any(Condition::asks_distinct_people),
            Condition::Any(_) | Condition::Not(_) | Condition::Predicate(_) => false,
        }
    }

    /// Adds every predicate of the question.
    pub(crate) fn add_predicates<'condition>(&'condition self, predicates: &mut Vec<&'condition Predicate>) {
        if let Condition::Predicate(predicate) = self {
            predicates.push(predicate);
        }
        for part in self.list_parts() {
            part.add_predicates(predicates);
        }
    }

    /// Adds the fields that must be stated for the question to hold, as far as that can be said.
    pub(crate) fn add_required_fields<'condition>(
        &'condition self,
        fields: &mut Vec<&'condition FieldDefinition>,
    ) {
        match self {
            Condition::Predicate(predicate) => fields.extend(predicate.required_fields()),
            Condition::All(parts) => {
                for part in parts {
                    part.add_required_fields(fields);
                }
            }
            Condition::Any(_) | Condition::Not(_) => {}
        }
    }

    /// Adds the fields whose tickets have to be looked up for the question.
    pub(crate) fn add_ticket_fields<'condition>(
        &'condition self,
        fields: &mut Vec<&'condition FieldDefinition>,
    ) {
        if let Condition::Predicate(predicate) = self {
            fields.extend(predicate.ticket_field());
        }
        for part in self.list_parts() {
            part.add_ticket_fields(fields);
        }
    }

    /// Adds the fields that a later change may state for this one.
    pub(crate) fn add_owed_fields<'condition>(
        &'condition self,
        fields: &mut Vec<&'condition FieldDefinition>,
    ) {
        if let Condition::Predicate(predicate) = self {
            fields.extend(predicate.owed_fields());
        }
        for part in self.list_parts() {
            part.add_owed_fields(fields);
        }
    }

    /// Returns the first of `facts` without which the question cannot hold; `None` if it can hold
    /// without all of them.
    pub(crate) fn required_fact(&self, facts: &[FactKind]) -> Option<FactKind> {
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
                let mut first = None;
                for part in parts {
                    let fact = part.find_required_fact(facts, negated)?;
                    first.get_or_insert(fact);
                }
                first
            }
        }
    }

    /// Returns true if the question can hold only where it is known which account pushes.
    pub(crate) fn requires_pusher(&self) -> bool {
        self.requires_predicate(|predicate| matches!(predicate, Predicate::Pusher(_)))
    }

    /// Returns true if the question can hold only for a signed push.
    pub(crate) fn requires_signed_push(&self) -> bool {
        self.requires_predicate(
            |predicate| matches!(predicate, Predicate::Approvals(asked) if asked.requires_signed_push()),
        )
    }

    /// Returns true if the question can hold only where a predicate of this kind does.
    fn requires_predicate(&self, is_meant: fn(&Predicate) -> bool) -> bool {
        match self {
            Condition::Predicate(predicate) => is_meant(predicate),
            Condition::All(parts) => parts.iter().any(|part| part.requires_predicate(is_meant)),
            Condition::Any(parts) => {
                !parts.is_empty() && parts.iter().all(|part| part.requires_predicate(is_meant))
            }
            Condition::Not(_) => false,
        }
    }

    /// Adds the facts that evaluating the question takes.
    pub fn add_needs(&self, needs: &mut NeededFacts) {
        if let Condition::Predicate(predicate) = self {
            predicate.add_needs(needs);
        }
        for part in self.list_parts() {
            part.add_needs(needs);
        }
    }

    /// Returns the parts of a combination; none for a predicate.
    pub(crate) fn list_parts(&self) -> &[Condition] {
        match self {
            Condition::All(parts) | Condition::Any(parts) => parts,
            Condition::Not(part) => std::slice::from_ref(part),
            Condition::Predicate(_) => &[],
        }
    }

    /// Returns the findings that this condition holds under a `not`: one, or one for each place that makes it hold.
    fn forbidden_findings(&self, context: &EvaluationContext<'_>) -> Vec<Finding> {
        if let Condition::Predicate(predicate) = self {
            let places = predicate.list_forbidden(context);
            if !places.is_empty() {
                return places;
            }
        }
        vec![context.reason_or_empty(|| {
            // A record holds these codes, and is compared with what a later version finds.
            let question = self.describe_to_depth(MAX_DESCRIBED_DEPTH, NegationWording::NotTrue);
            Finding::new(FORBIDDEN.with("question", question))
        })]
    }
}

/// Reads one entry of a condition: a predicate, or a word that combines others.
fn read_entry(
    key: &YamlKey,
    node: &YamlNode,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Option<Condition> {
    match key.text.as_str() {
        "all" => Some(Condition::All(read_conditions(node, scope, faults))),
        "any" => Some(Condition::Any(read_conditions(node, scope, faults))),
        "not" => {
            let scope = PolicyScope { allows_obligations: false, ..*scope };
            let part = Condition::read_condition(node, &scope, faults)?;
            Some(Condition::Not(Box::new(part)))
        }
        _ => Predicate::read_predicate(key, node, scope, faults).map(Condition::Predicate),
    }
}

fn read_conditions(node: &YamlNode, scope: &PolicyScope<'_>, faults: &mut Vec<YamlFault>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for part in read_items(node, faults) {
        let Some(condition) = Condition::read_condition(part, scope, faults) else { continue };
        if condition.is_empty() {
            let help = "ask something, or remove it";
            faults.push(YamlFault::new(part.at, "this asks nothing").with_help(help));
        } else {
            conditions.push(condition);
        }
    }
    conditions
}

fn combine_any(answers: impl Iterator<Item = PredicateAnswer>) -> PredicateAnswer {
    let mut owed = None;
    let mut failed_parts = 0;
    let mut findings = Vec::new();
    let mut missing = Vec::new();
    for answer in answers {
        match answer {
            // An answer that holds without an obligation is better than one that holds against one.
            PredicateAnswer::Holds(none) if none.is_empty() => return PredicateAnswer::Holds(none),
            PredicateAnswer::Holds(some) => owed = owed.or(Some(some)),
            PredicateAnswer::Fails(more) => {
                failed_parts += 1;
                findings.extend(more);
            }
            PredicateAnswer::Unknown(more) => missing.extend(more),
        }
    }
    match (owed, missing.is_empty(), findings.is_empty()) {
        (Some(owed), ..) => PredicateAnswer::Holds(owed),
        (None, false, _) => PredicateAnswer::Unknown(missing),
        (None, true, false) if findings.len() == failed_parts => {
            PredicateAnswer::Fails(merge_missing_fields(findings))
        }
        (None, true, false) => PredicateAnswer::Fails(findings),
        (None, true, true) => PredicateAnswer::Fails(vec![Finding::new(&NO_ALTERNATIVE)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Missing;
    use crate::predicates::support::examples::{findings_for_messages, question_faults};
    use proptest::prelude::*;

    fn holds() -> PredicateAnswer {
        PredicateAnswer::Holds(Vec::new())
    }

    fn fails() -> PredicateAnswer {
        PredicateAnswer::Fails(vec![Finding::new(&NO_ALTERNATIVE)])
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
    fn of_several_fields_that_are_missing_one_is_enough() {
        let asked = |question: &str| {
            let fields = "fields: { Risk: { ordered: [low, high] }, CVE: { matches: 'CVE-.*' } }";
            findings_for_messages(&format!("ask: {question}\n{fields}\n"), &["s\n"])
        };
        assert_eq!(
            asked("{ any: [{ field: { Risk: present } }, { field: { CVE: present } }] }"),
            ["`Risk` or `CVE` is missing; one is enough"]
        );
        for question in [
            "{ field: { Risk: present, CVE: present } }",
            "{ any: [{ field: { Risk: present, CVE: present } }, { field: { Risk: high } }] }",
        ] {
            assert!(asked(question).contains(&"`Risk` is missing".to_owned()), "{question}");
        }
    }

    #[test]
    fn a_question_hangs_on_a_fact_unless_it_can_be_settled_without() {
        let facts = [FactKind::Pull, FactKind::Checks];
        let hangs = |question: &str| {
            let node = crate::yaml::read_document(question.as_bytes()).unwrap();
            let (vocabulary, people) = Default::default();
            let scope = PolicyScope {
                vocabulary: &vocabulary,
                people: &people,
                catalogue: &std::sync::Arc::default(),
                allows_obligations: false,
            };
            let mut faults = Vec::new();
            let question = Condition::read_condition(&node, &scope, &mut faults);
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
    fn a_list_without_brackets_is_told() {
        for (question, said) in [
            (
                "{ touches: src/**, docs/** }",
                "`docs/**` is a key without a value here, not an item of `touches`",
            ),
            ("{ field: { Risk: [low, high] } }", "expected a word, found a list"),
        ] {
            let fields = "fields: { Risk: { ordered: [low, high] } }";
            assert_eq!(question_faults(&format!("ask: {question}\n{fields}\n")), [said], "{question}");
        }
    }

    #[test]
    fn the_description_of_a_question_has_a_limited_depth() {
        let mut question = Condition::All(Vec::new());
        for _ in 0..40 {
            question = Condition::Not(Box::new(question));
        }
        let words = question.describe().to_plain_text();
        assert_eq!(words.matches("it is not true that").count(), MAX_DESCRIBED_DEPTH);
        assert!(words.ends_with("another condition holds"), "{words}");
    }

    #[test]
    fn the_contrary_is_told_without_a_double_negation() {
        for (question, told) in [
            ("{ not: { merge: clean } }", "a merge has content of its own"),
            ("{ not: { field: { Risk: absent } } }", "`Risk` is stated"),
            ("{ not: { field: { Risk: present } } }", "`Risk` is not stated"),
            ("{ not: { touches: '**' } }", "the change touches no file"),
            (
                "{ not: { touches: { paths: ['**'], ignore: [docs/] } } }",
                "the change does not touch `**` outside `docs/`",
            ),
            (
                "{ not: { any: [{ branch: main }, { draft: true }] } }",
                "the change is not for `main`, and the pull request is not a draft",
            ),
            // Where no sentence says the contrary.
            ("{ not: { label: a } }", "it is not true that the pull request has the label `a`"),
            (
                "{ not: { branch: main, draft: true } }",
                "it is not true that (the change is for `main`, and the pull request is a draft)",
            ),
            ("{ not: { field: { Risk: high } } }", "it is not true that `Risk` is high"),
            // What belongs together is told.
            (
                "{ any: [{ branch: main }, { all: [{ draft: true }, { label: a }] }] }",
                "either the change is for `main`, or (the pull request is a draft, and the pull request has the label `a`)",
            ),
            (
                "{ all: [{ any: [{ branch: main }, { draft: true }] }, { label: a }] }",
                "(either the change is for `main`, or the pull request is a draft), and the pull request has the label `a`",
            ),
            (
                "{ not: { all: [{ not: { label: a } }, { label: b }] } }",
                "it is not true that (it is not true that the pull request has the label `a`, and the pull request has the label `b`)",
            ),
            (
                "{ all: [{ not: { not: { label: a } } }, { label: b }] }",
                "it is not true that it is not true that the pull request has the label `a`, and the pull request has the label `b`",
            ),
        ] {
            let node = crate::yaml::read_document(question.as_bytes()).unwrap();
            let mut faults = Vec::new();
            let fields = crate::yaml::read_document(b"Risk: { ordered: [low, high] }").unwrap();
            let mut vocabulary = crate::vocabulary::FieldVocabulary::default();
            vocabulary.read_fields(&fields, &mut faults);
            let scope = PolicyScope {
                vocabulary: &vocabulary,
                people: &Default::default(),
                catalogue: &std::sync::Arc::default(),
                allows_obligations: false,
            };
            let question = Condition::read_condition(&node, &scope, &mut faults);
            assert_eq!(faults, []);
            assert_eq!(question.unwrap().describe().to_plain_text(), told);
        }
    }

    #[test]
    fn not_turns_yes_and_no_around_and_leaves_what_cannot_be_known() {
        for (answer, expected) in [(holds(), 0), (unknown(), 1), (fails(), 2)] {
            assert_eq!(rank(&negate_answer(answer, || vec![Finding::new(&NO_ALTERNATIVE)])), expected);
        }
    }
}
