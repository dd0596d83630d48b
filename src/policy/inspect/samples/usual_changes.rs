//! Questions that every usual change answers alike, although there are changes that do not.
//!
//! An exemption for changes of at most 100,000 lines, or at all hours of all days, switches a rule off without
//! saying so. A usual change is of a size that a person can read, has a subject that is no essay, and is no merge
//! with content of its own.

use jiff::civil::Date;

use crate::policy::definition::Policy;
use crate::policy::inspect::samples::aspect_samples::{MAKING_COST, list_times};
use crate::policy::inspect::samples::sample_changes::evaluate_sample;
use crate::policy::inspect::search::question_numbers::measure_question;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;
use crate::predicates::window::WindowPredicate;

/// Returns the condition without what every usual change fulfils from today, `until` a day if one is given.
pub(crate) fn assume_usual_change(
    condition: &Condition,
    policy: &Policy,
    today: Date,
    until: Option<Date>,
    budget: &SearchBudget,
) -> Condition {
    let assume = |part: &Condition| assume_usual_change(part, policy, today, until, budget);
    let assume_parts = |parts: &[Condition]| -> Vec<Condition> { parts.iter().map(assume).collect() };
    match condition {
        Condition::All(parts) => Condition::All(assume_parts(parts)),
        Condition::Any(parts) => Condition::Any(assume_parts(parts)),
        Condition::Not(part) => Condition::Not(Box::new(assume(part))),
        Condition::Predicate(predicate) if is_usual(predicate, policy, (today, until), budget) => {
            Condition::All(Vec::new())
        }
        Condition::Predicate(_) => condition.clone(),
    }
}

/// Returns true if every usual change is one of those that the question asks for.
fn is_usual(
    predicate: &Predicate,
    policy: &Policy,
    (today, until): (Date, Option<Date>),
    budget: &SearchBudget,
) -> bool {
    match predicate {
        Predicate::Subject(asked) => asked.accepts_usual_subjects(),
        Predicate::Title(asked) => asked.accepts_usual_titles(),
        Predicate::Size(asked) => asked.accepts_usual_sizes(),
        Predicate::Merge(asked) => asked.answer_assumed(1, true) && asked.answer_assumed(2, true),
        // A draft is not merged.
        Predicate::Draft(asked) => !asked.requires_draft(),
        Predicate::Window(asked) if until.is_some_and(|until| holds_throughout(asked, today, until)) => true,
        Predicate::Window(asked) if asked.list_days().iter().flatten().all(Option::is_none) => {
            let times = list_times(&[predicate], today, budget);
            if !budget.spend_steps(times.len().saturating_mul(measure_question(predicate) * MAKING_COST)) {
                return false;
            }
            let is_inside = |change| evaluate_sample(policy, predicate, change) == Some(true);
            !times.is_empty() && times.iter().all(is_inside)
        }
        _ => false,
    }
}

/// Returns true if a window is open at every moment of these days by its periods of days alone.
fn holds_throughout(window: &WindowPredicate, from: Date, until: Date) -> bool {
    // In some time zone it is still yesterday.
    let Ok(yesterday) = from.yesterday() else { return false };
    let [outside, inside] = window.list_days();
    let is_apart =
        |days: &Option<(Date, Date)>| days.is_some_and(|(first, last)| last < yesterday || first > until);
    let is_whole =
        |days: &Option<(Date, Date)>| days.is_some_and(|(first, last)| first <= from && last >= until);
    outside.iter().all(is_apart) && (inside.is_empty() || inside.iter().any(is_whole))
}
