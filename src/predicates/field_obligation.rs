//! A field that is missing, and one that may still be missing and is owed.

use jiff::Timestamp;

use crate::calendar::TimeLimit;
use crate::predicates::{EvaluationContext, PolicyScope};
use crate::verdict::{Finding, Fixer, Message, Obligation, messages};
use crate::vocabulary::FieldDefinition;
use crate::yaml::decode::parse_one;
use crate::yaml::{YamlFault, YamlNode};

messages! {
    MISSING = "field.missing": "`{field}` is missing";
    OWED_WITHIN = "obligation.field-within": "`{field}` within {limit}";
    TRAILER = "obligation.trailer": "{trailer}: {form}";
}

/// Reads for how long something may be missing; leaves a fault where nothing may be owed.
pub(crate) fn read_time_limit(
    node: &YamlNode,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Option<TimeLimit> {
    check_obligation_allowed(node, scope, faults);
    parse_one(node, faults, TimeLimit::new)
}

/// Leaves a fault at `node` where nothing may be owed.
pub(crate) fn check_obligation_allowed(
    node: &YamlNode,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) {
    if !scope.allows_obligations {
        let what = "obligations are allowed only in `require`, and not under `not`";
        faults.push(YamlFault::new(node.at, what));
    }
}

/// Returns the finding that a field is not stated, with the text to paste.
pub(crate) fn missing_field_finding(
    field: &FieldDefinition,
    paste: String,
    context: &EvaluationContext<'_>,
) -> Finding {
    let tip = context.change.tip().and_then(|commit| commit.id);
    Finding::new(MISSING.with("field", field.name.as_str())).in_commit(tip).with_paste(paste)
}

/// Returns the obligation to state a field in time, counted from when the change is seen.
pub(crate) fn limit_obligation(
    field: &FieldDefinition,
    limit: TimeLimit,
    context: &EvaluationContext<'_>,
) -> Obligation {
    let what = OWED_WITHIN.with("field", field.name.as_str()).with("limit", limit.to_string());
    field_obligation(field, what, limit.due_after(context.change.seen_at))
}

/// Returns the author's obligation to state a field until `due`.
pub(crate) fn field_obligation(field: &FieldDefinition, what: Message, due: Option<Timestamp>) -> Obligation {
    Obligation {
        what,
        owner: Fixer::Author,
        due,
        evidence: TRAILER.with("trailer", field.name.as_str()).with("form", field.value_form()),
        field: Some(field.name.clone()),
        by_others: false,
    }
}
