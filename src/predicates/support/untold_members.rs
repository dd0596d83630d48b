//! What a predicate asks of teams whose members only a forge can tell.

use crate::change::{Change, Missing};
use crate::predicates::standard_change::StandardChangePredicate;
use crate::predicates::support::context::EvaluationContext;
use crate::predicates::{Predicate, PredicateOutcome};
use crate::vocabulary::FieldReading;

impl Predicate {
    /// Evaluates the predicate for one change.
    ///
    /// With more members of a team, a predicate that holds still holds; one that does not hold may.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing.
    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let outcome = self.evaluate_as_known(context)?;
        if matches!(outcome, PredicateOutcome::Fails(_))
            && let Some(missing) = find_untold_members(self, context)
        {
            return Err(missing);
        }
        Ok(outcome)
    }
}

/// Returns why it is not known who is in a team that the predicate asks about; `None` if it is known.
fn find_untold_members(predicate: &Predicate, context: &EvaluationContext<'_>) -> Option<Missing> {
    let people = context.people;
    if !people.has_untold_teams() {
        return None;
    }
    let stage = context.change.stage;
    let find = |teams: &[String]| people.find_untold_members(teams.iter().map(String::as_str), stage);
    match predicate {
        Predicate::Approvals(approvals) if approvals.asks_code_owners() => {
            let owned = context.owned_paths().ok()?;
            let entries = owned.required.iter().chain(&owned.optional);
            entries.flat_map(|entry| &entry.owners).find_map(|(_, members)| find(members.list_teams()))
        }
        Predicate::StandardChange(standard) => find(&list_maker_teams(standard, context.change)),
        other => find(other.asked_teams()),
    }
}

/// Returns the teams whose members may make the standard change that a change says it is.
fn list_maker_teams(standard: &StandardChangePredicate, change: &Change) -> Vec<String> {
    let FieldReading::Stated { claims, .. } = standard.field.read_from_change(change) else {
        return Vec::new();
    };
    let entries = claims.iter().filter_map(|claim| standard.catalogue.find_entry(&claim.value.to_lossy()));
    entries.filter_map(|entry| entry.makers.as_ref()).flat_map(|makers| makers.teams.clone()).collect()
}
