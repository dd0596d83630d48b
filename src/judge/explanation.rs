//! How a verdict came about: the class of the change, and of every rule whether it applies, and its questions with the
//! facts that each rests on.
//!
//! It asks again what the judge asked, as the reasons do, since nobody waits for it at a push.

use crate::change::{Change, Missing};
use crate::judge::applicability::{RuleApplicability, check_applicability, find_possible_classes};
use crate::judge::fact_sources::{AssumedFacts, UsedFact, UsedFactSource};
use crate::judge::used_facts::list_used_facts;
use crate::policy::{Policy, Rule};
use crate::predicates::EvaluationContext;
use crate::predicates::support::condition::Condition;
use crate::verdict::{ClassId, ExemptionId, Judgement, Message, PredicateAnswer, Verdict};
use jiff::tz::TimeZone;

/// How a verdict on one change came about.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeExplanation {
    /// The verdict.
    pub verdict: Verdict,
    /// The classes that were looked at, in the order of the policy, up to the first one that holds.
    pub classes: Vec<ExplainedClass>,
    /// The rules, each beside the judgement of the same place in the verdict.
    pub rules: Vec<ExplainedRule>,
}

/// A class, and whether the change is of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedClass {
    /// The name of the class.
    pub id: ClassId,
    /// True if it is the class of the change.
    pub is_chosen: bool,
    /// Which changes are of it; `None` for the class of all others, which asks nothing.
    pub question: Option<ExplainedQuestion>,
}

/// A rule, and how it came to its outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedRule {
    /// The judgement.
    pub judgement: Judgement,
    /// Whether the rule applies to the change.
    pub reach: RuleReach,
    /// The classes that it is for; empty for all.
    pub classes: Vec<ClassId>,
    /// Which changes it is for, beside their class.
    pub when: Option<ExplainedQuestion>,
    /// What it requires.
    pub require: Option<ExplainedQuestion>,
    /// The exemptions from it, and whether the change is one that they are for.
    pub exemptions: Vec<ExplainedExemption>,
}

/// Whether a rule applies, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleReach {
    /// It is for all changes, or for this class of them, and its `when` holds.
    Applies,
    /// The change is of another class.
    OtherClass,
    /// Its `when` does not hold.
    WhenFails,
    /// It depends on these facts.
    Undecided(Vec<Missing>),
    /// The gate asks it of every change, whatever the policy says.
    Always,
}

/// An exemption from a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedExemption {
    /// The file and the line on which it stands.
    pub id: ExemptionId,
    /// Its last day.
    pub until: String,
    /// True if that is over.
    pub is_over: bool,
    /// Which changes it is for.
    pub question: ExplainedQuestion,
}

/// A question, with the answer and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedQuestion {
    /// The kind of question.
    pub kind: QuestionKind,
    /// The question, as a message.
    pub question: Message,
    /// The answer to it.
    pub answer: PredicateAnswer,
    /// The facts that it rests on; none for a combination, whose parts have them.
    pub facts: Vec<UsedFact>,
    /// The parts of a combination.
    pub parts: Vec<ExplainedQuestion>,
}

/// The kind of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionKind {
    /// All parts have to hold.
    All,
    /// One part has to hold.
    Any,
    /// The part must not hold.
    Not,
    /// A predicate, by its name.
    Predicate(&'static str),
}

impl ChangeExplanation {
    /// Says of the facts that are assumed that they are, so that none seems to be vouched for.
    pub fn mark_assumed(&mut self, assumed: AssumedFacts) {
        for class in &mut self.classes {
            if let Some(question) = &mut class.question {
                question.mark_assumed(assumed);
            }
        }
        for rule in &mut self.rules {
            let exempting = rule.exemptions.iter_mut().map(|exemption| &mut exemption.question);
            for question in rule.when.iter_mut().chain(&mut rule.require).chain(exempting) {
                question.mark_assumed(assumed);
            }
        }
    }
}

impl ExplainedQuestion {
    fn mark_assumed(&mut self, assumed: AssumedFacts) {
        for fact in &mut self.facts {
            fact.source = assumed.find_source(fact.source);
            fact.is_verified &= fact.source != UsedFactSource::Assumed;
        }
        for part in &mut self.parts {
            part.mark_assumed(assumed);
        }
    }
}

/// Explains how `verdict` on a change came about.
pub fn explain_verdict(policy: &Policy, change: &Change, verdict: Verdict) -> ChangeExplanation {
    let context = EvaluationContext::new(change, &policy.people, &policy.vocabulary);
    let classes = explain_classes(policy, &context, verdict.class.as_ref());
    let possible = find_possible_classes(policy, &context);
    let mut rules = Vec::new();
    for (index, judgement) in verdict.judgements.iter().enumerate() {
        rules.push(match policy.rules.get(index) {
            Some(rule) => {
                let reach = match check_applicability(rule, &possible, &context) {
                    RuleApplicability::Applies => RuleReach::Applies,
                    RuleApplicability::Undecided(missing) => RuleReach::Undecided(missing),
                    RuleApplicability::DoesNotApply if is_of_class(rule, &possible) => RuleReach::WhenFails,
                    RuleApplicability::DoesNotApply => RuleReach::OtherClass,
                };
                explain_policy_rule(policy, index, rule, judgement, reach, &context)
            }
            None => ExplainedRule {
                judgement: judgement.clone(),
                reach: RuleReach::Always,
                classes: Vec::new(),
                when: None,
                require: None,
                exemptions: Vec::new(),
            },
        });
    }
    ChangeExplanation { verdict, classes, rules }
}

fn is_of_class(rule: &Rule, possible: &[(usize, Vec<Missing>)]) -> bool {
    let Some(indexes) = &rule.class_indexes else { return true };
    possible.iter().any(|(class, _)| indexes.contains(class))
}

fn explain_classes(
    policy: &Policy,
    context: &EvaluationContext<'_>,
    chosen: Option<&ClassId>,
) -> Vec<ExplainedClass> {
    let mut classes = Vec::new();
    for class in &policy.classes {
        let is_chosen = chosen == Some(&class.id);
        let question = (!class.when.is_empty()).then(|| explain_question(&class.when, context));
        classes.push(ExplainedClass { id: class.id.clone(), is_chosen, question });
        if is_chosen {
            break;
        }
    }
    classes
}

fn explain_policy_rule(
    policy: &Policy,
    index: usize,
    rule: &Rule,
    judgement: &Judgement,
    reach: RuleReach,
    context: &EvaluationContext<'_>,
) -> ExplainedRule {
    let today = context.change.seen_at.to_zoned(TimeZone::UTC).date();
    let mut exemptions = Vec::new();
    for exemption in policy.exemptions.iter().filter(|exemption| exemption.rule_index == index) {
        exemptions.push(ExplainedExemption {
            id: exemption.id.clone(),
            until: exemption.until.to_string(),
            is_over: exemption.until < today,
            question: explain_question(&exemption.when, context),
        });
    }
    let classes = rule.class_indexes.iter().flatten().filter_map(|class| policy.classes.get(*class));
    ExplainedRule {
        judgement: judgement.clone(),
        reach,
        classes: classes.map(|class| class.id.clone()).collect(),
        when: rule.when.as_ref().map(|when| explain_question(when, context)),
        require: Some(explain_question(&rule.require, context)),
        exemptions,
    }
}

fn explain_question(condition: &Condition, context: &EvaluationContext<'_>) -> ExplainedQuestion {
    let mut parts = Vec::new();
    for part in condition.list_parts() {
        parts.push(explain_question(part, context));
    }
    let (kind, facts) = match condition {
        Condition::All(_) => (QuestionKind::All, Vec::new()),
        Condition::Any(_) => (QuestionKind::Any, Vec::new()),
        Condition::Not(_) => (QuestionKind::Not, Vec::new()),
        Condition::Predicate(predicate) => {
            (QuestionKind::Predicate(predicate.predicate_name()), list_used_facts(predicate, context))
        }
    };
    ExplainedQuestion {
        kind,
        question: condition.describe(),
        answer: condition.evaluate(context),
        facts,
        parts,
    }
}
