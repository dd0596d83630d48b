//! The unblock plan of a change, in the form of the schema.

use jiff::Timestamp;
use serde::Serialize;

use crate::report::json::parts::*;
use crate::verdict::{
    ExcludedPerson, ObstacleReason, PlanObstacle, PlanStep, PlannedAct, RuleId, UnblockPlan,
};

#[derive(Serialize)]
pub(crate) struct JsonPlan<'r> {
    complete: bool,
    acts: usize,
    steps: Vec<JsonPlanStep<'r>>,
    obstacles: Vec<JsonPlanObstacle<'r>>,
    open: Vec<&'r str>,
    depends_on_values: bool,
}

#[derive(Serialize)]
struct JsonPlanStep<'r> {
    rules: Vec<&'r str>,
    options: Vec<JsonPlanOption<'r>>,
}

#[derive(Serialize)]
struct JsonPlanOption<'r> {
    acts: Vec<JsonPlannedAct<'r>>,
}

#[derive(Serialize)]
struct JsonPlannedAct<'r> {
    kind: &'static str,
    what: JsonMessage<'r>,
    fixers: Vec<JsonFixer<'r>>,
    paste: Option<&'r str>,
    count: usize,
    people: &'r [String],
    excluded: Vec<JsonExcludedPerson<'r>>,
    at: Option<String>,
}

#[derive(Serialize)]
struct JsonExcludedPerson<'r> {
    name: &'r str,
    reason: JsonMessage<'r>,
}

#[derive(Serialize)]
struct JsonPlanObstacle<'r> {
    rule: &'r str,
    missing: Option<JsonMissing<'r>>,
    reason: Option<JsonMessage<'r>>,
}

/// Returns a plan in the form of the schema.
pub(crate) fn build_json_plan(plan: &UnblockPlan) -> JsonPlan<'_> {
    JsonPlan {
        complete: plan.is_complete(),
        acts: plan.count_acts(),
        steps: plan.steps.iter().map(build_json_step).collect(),
        obstacles: plan.obstacles.iter().map(build_json_obstacle).collect(),
        open: plan.open.iter().map(RuleId::as_str).collect(),
        depends_on_values: plan.depends_on_values,
    }
}

fn build_json_step(step: &PlanStep) -> JsonPlanStep<'_> {
    let mut options = Vec::new();
    for acts in &step.options {
        options.push(JsonPlanOption { acts: acts.iter().map(build_json_act).collect() });
    }
    JsonPlanStep { rules: step.rules.iter().map(RuleId::as_str).collect(), options }
}

fn build_json_act(act: &PlannedAct) -> JsonPlannedAct<'_> {
    JsonPlannedAct {
        kind: act.kind.kind_code(),
        what: build_json_message(&act.what),
        fixers: act.fixers.iter().map(build_json_fixer).collect(),
        paste: act.paste.as_deref(),
        count: act.count,
        people: &act.people,
        excluded: act.excluded.iter().map(build_json_excluded).collect(),
        at: act.at.as_ref().map(Timestamp::to_string),
    }
}

fn build_json_excluded(one: &ExcludedPerson) -> JsonExcludedPerson<'_> {
    JsonExcludedPerson { name: &one.name, reason: build_json_message(&one.reason) }
}

fn build_json_obstacle(obstacle: &PlanObstacle) -> JsonPlanObstacle<'_> {
    let (missing, reason) = match &obstacle.reason {
        ObstacleReason::Missing(missing) => (Some(build_json_missing(missing)), None),
        ObstacleReason::Because(message) | ObstacleReason::Advice(message) => {
            (None, Some(build_json_message(message)))
        }
    };
    JsonPlanObstacle { rule: obstacle.rule.as_str(), missing, reason }
}
