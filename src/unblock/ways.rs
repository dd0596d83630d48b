//! The ways to meet a rule: the and/or tree of its questions, down to what a person can do.
//!
//! A way is a list of needs, all of which have to be met. A question that holds needs nothing. One that no act is
//! known for leaves the rule open, and one that hangs on a missing fact is an obstacle, unless an alternative helps.

use jiff::tz::TimeZone;

use crate::policy::Policy;
use crate::predicates::PredicateOutcome;
use crate::predicates::support::condition::Condition;
use crate::unblock::needs::{AskedChange, Need, WaysToMeet};
use crate::unblock::predicate_needs::list_predicate_needs;
use crate::verdict::{ObstacleReason, PredicateAnswer};

/// How many ways of one rule are looked at.
const MAX_WAYS: usize = 32;

/// Returns the ways to make a question hold, or not hold where `wanted` is false.
pub(super) fn find_ways<'policy>(
    condition: &'policy Condition,
    wanted: bool,
    asked: &AskedChange<'_, 'policy>,
) -> WaysToMeet<'policy> {
    match (condition, wanted) {
        (Condition::Predicate(predicate), _) => match predicate.evaluate(asked.context) {
            Ok(PredicateOutcome::Holds | PredicateOutcome::Owed(_)) if wanted => {
                WaysToMeet::Known(vec![Vec::new()])
            }
            Ok(PredicateOutcome::Fails(_)) if !wanted => WaysToMeet::Known(vec![Vec::new()]),
            Err(_) if !asked.enforce => WaysToMeet::Known(vec![Vec::new()]),
            Err(missing) => WaysToMeet::Blocked(ObstacleReason::Missing(missing)),
            Ok(outcome) => list_predicate_needs(predicate, wanted, &outcome, asked),
        },
        // Who could give two of the approvals is no way to both.
        (Condition::All(_), true) if lacks_people(condition, asked) => WaysToMeet::Open,
        (Condition::All(parts), true) | (Condition::Any(parts), false) => join_ways(parts, wanted, asked),
        (Condition::Any(parts), true) | (Condition::All(parts), false) => choose_ways(parts, wanted, asked),
        (Condition::Not(part), _) => find_ways(part, !wanted, asked),
    }
}

/// Returns true if approvals have to come from different people, and do not.
fn lacks_people(condition: &Condition, asked: &AskedChange<'_, '_>) -> bool {
    condition.asks_distinct_people()
        && !matches!(condition.evaluate(asked.context), PredicateAnswer::Holds(_))
}

/// Returns the ways to meet every part.
fn join_ways<'policy>(
    parts: &'policy [Condition],
    wanted: bool,
    asked: &AskedChange<'_, 'policy>,
) -> WaysToMeet<'policy> {
    let mut joined: Vec<Vec<Need<'policy>>> = vec![Vec::new()];
    let mut is_open = false;
    for part in parts {
        match find_ways(part, wanted, asked) {
            WaysToMeet::Known(ways) => {
                let mut longer = Vec::new();
                for before in &joined {
                    for way in &ways {
                        longer.push(before.iter().chain(way).cloned().collect());
                    }
                }
                longer.truncate(MAX_WAYS);
                joined = longer;
            }
            blocked @ WaysToMeet::Blocked(_) => return blocked,
            WaysToMeet::Open => is_open = true,
        }
    }
    if is_open { WaysToMeet::Open } else { WaysToMeet::Known(joined) }
}

/// Returns the ways to meet one of the parts.
fn choose_ways<'policy>(
    parts: &'policy [Condition],
    wanted: bool,
    asked: &AskedChange<'_, 'policy>,
) -> WaysToMeet<'policy> {
    let mut known = Vec::new();
    let mut blocked = None;
    let mut is_open = parts.is_empty();
    for part in parts {
        match find_ways(part, wanted, asked) {
            WaysToMeet::Known(ways) => known.extend(ways),
            WaysToMeet::Blocked(reason) => blocked = blocked.or(Some(reason)),
            WaysToMeet::Open => is_open = true,
        }
    }
    known.sort_by_key(Vec::len);
    known.truncate(MAX_WAYS);
    match (known.is_empty(), is_open, blocked) {
        (false, ..) => WaysToMeet::Known(known),
        (true, false, Some(reason)) => WaysToMeet::Blocked(reason),
        (true, ..) => WaysToMeet::Open,
    }
}

/// Returns the ways into the exemptions from a rule that still hold.
pub(super) fn list_exempting_ways<'policy>(
    policy: &'policy Policy,
    place: Option<(usize, usize)>,
    asked: &AskedChange<'_, 'policy>,
) -> Vec<Vec<Need<'policy>>> {
    let today = asked.context.change.seen_at.to_zoned(TimeZone::UTC).date();
    let mut ways = Vec::new();
    for exemption in &policy.exemptions {
        let is_of_rule = place.is_some_and(|(_, rule)| exemption.rule_index == rule);
        if is_of_rule
            && exemption.until >= today
            && let WaysToMeet::Known(known) = find_ways(&exemption.when, true, asked)
        {
            ways.extend(known);
        }
    }
    ways
}
