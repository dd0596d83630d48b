//! The parts of a question, with their lines, and what tests say of each.

use crate::policy::origins::ValueOrigins;
use crate::policy::{Policy, QuestionPlace};
use crate::policy_tests::coverage::point::{CoverageAspect, CoveragePlace, CoveragePoint, CoverageSubject};
use crate::policy_tests::coverage::tested_change::TestedChange;
use crate::predicates::EvaluationContext;
use crate::predicates::support::condition::Condition;
use crate::verdict::PredicateAnswer;

/// A part of a question.
pub(super) struct LocatedPart<'policy> {
    pub(super) condition: &'policy Condition,
    pub(super) place: Option<CoveragePlace>,
    /// The other parts of the `any` that it is a part of, where one of them is enough for the rule to be kept; empty
    /// anywhere else.
    pub(super) instead: Vec<&'policy Condition>,
}

/// Where a question stands: the file, and the places of its parts.
#[derive(Clone, Copy)]
struct QuestionFile<'origins> {
    file: &'origins CoveragePlace,
    place: Option<&'origins QuestionPlace>,
}

/// Returns the parts of a question, and theirs; a question of a single predicate has none, and what only denies its part
/// is that part.
pub(super) fn list_located_parts<'policy>(
    condition: &'policy Condition,
    origins: &ValueOrigins,
    path: &[&str],
) -> Vec<LocatedPart<'policy>> {
    let file = CoveragePlace::find_place(origins, path);
    let place = origins.find_question(path);
    let question = file.as_ref().map(|file| QuestionFile { file, place });
    let condition = place.map_or(condition, |place| find_written(condition, place));
    let mut parts = Vec::new();
    add_parts(condition, question, true, &mut parts);
    parts
}

/// Returns what a file says of a question: a class is guarded by a part that the loader adds, and that no file has.
fn find_written<'policy>(condition: &'policy Condition, place: &QuestionPlace) -> &'policy Condition {
    match condition.list_parts() {
        [written, _added] if !has_shape(condition, place) && has_shape(written, place) => written,
        _ => condition,
    }
}

fn has_shape(condition: &Condition, place: &QuestionPlace) -> bool {
    let parts = condition.list_parts();
    parts.len() == place.parts.len()
        && parts.iter().zip(&place.parts).all(|(part, place)| has_shape(part, place))
}

fn add_parts<'policy>(
    condition: &'policy Condition,
    question: Option<QuestionFile<'_>>,
    is_wanted: bool,
    parts: &mut Vec<LocatedPart<'policy>>,
) {
    let is_negated = matches!(condition, Condition::Not(_));
    let is_choice = matches!(condition, Condition::Any(_)) && is_wanted;
    let inner = condition.list_parts();
    for (index, part) in inner.iter().enumerate() {
        let place = question.and_then(|question| question.place?.parts.get(index));
        if place.is_none() && question.is_some_and(|question| question.place.is_some()) {
            // The loader has added it.
            continue;
        }
        let of_part = question.map(|question| QuestionFile { place, ..question });
        if !is_negated {
            let others = inner.iter().enumerate().filter(|(other, _)| is_choice && *other != index);
            parts.push(LocatedPart {
                condition: part,
                place: of_part.map(|one| CoveragePlace {
                    line: one.place.map_or(one.file.line, |place| place.line),
                    ..one.file.clone()
                }),
                instead: others.map(|(_, other)| other).collect(),
            });
        }
        add_parts(part, of_part, is_wanted && !is_negated, parts);
    }
}

/// Adds two points for each part, that it holds and that it does not, as `asked` answers it.
pub(super) fn count_parts(
    policy: &Policy,
    subject: &CoverageSubject,
    parts: &[LocatedPart<'_>],
    asked: &[&TestedChange<'_>],
    points: &mut Vec<CoveragePoint>,
) {
    let answers = answer_parts(policy, parts, asked);
    for (part, answers) in parts.iter().zip(answers) {
        let holds = answers.iter().any(|answer| matches!(answer, PredicateAnswer::Holds(_)));
        let fails = answers.iter().any(|answer| matches!(answer, PredicateAnswer::Fails(_)));
        points.push(part.build_point(subject, CoverageAspect::PartHolds, holds));
        points.push(part.build_point(subject, CoverageAspect::PartFails, fails));
    }
}

fn answer_parts(
    policy: &Policy,
    parts: &[LocatedPart<'_>],
    asked: &[&TestedChange<'_>],
) -> Vec<Vec<PredicateAnswer>> {
    let mut answers: Vec<Vec<PredicateAnswer>> = parts.iter().map(|_| Vec::new()).collect();
    for one in asked {
        let context = one.build_context(policy);
        for (part, answers) in parts.iter().zip(&mut answers) {
            answers.push(part.condition.evaluate(&context));
        }
    }
    answers
}

/// Adds a point for each part of an `any` by which a rule can be kept: that it alone holds in a test.
pub(super) fn count_ways(
    policy: &Policy,
    subject: &CoverageSubject,
    parts: &[LocatedPart<'_>],
    kept: &[&TestedChange<'_>],
    points: &mut Vec<CoveragePoint>,
) {
    for part in parts.iter().filter(|part| !part.instead.is_empty()) {
        let is_alone = kept.iter().any(|one| part.is_only_way(&one.build_context(policy)));
        points.push(part.build_point(subject, CoverageAspect::WayAlone, is_alone));
    }
}

impl LocatedPart<'_> {
    /// Returns true if this part holds and no other one does instead. What holds only against something owed is no other way
    /// for what owes nothing.
    fn is_only_way(&self, context: &EvaluationContext<'_>) -> bool {
        let PredicateAnswer::Holds(owed) = self.condition.evaluate(context) else { return false };
        !self.instead.iter().any(|other| match other.evaluate(context) {
            PredicateAnswer::Holds(others) => others.is_empty() || !owed.is_empty(),
            PredicateAnswer::Fails(_) | PredicateAnswer::Unknown(_) => false,
        })
    }

    fn build_point(
        &self,
        subject: &CoverageSubject,
        aspect: CoverageAspect,
        is_reached: bool,
    ) -> CoveragePoint {
        CoveragePoint {
            aspect,
            subject: subject.clone(),
            question: Some(self.condition.describe().to_plain_text()),
            place: self.place.clone(),
            is_reached,
        }
    }
}
