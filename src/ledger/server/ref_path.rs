//! How a ref came from what the ledger says to what it holds: which decisions it went through, and
//! where nobody decided.
//!
//! Git moves a ref only from what the push said that it held, so every decision is a step from one
//! place to another, taken at most once. Of two decisions that ask for the same step, one took it.

use crate::change::Oid;
use crate::git::ReflogEntry;

/// What a decision asks of a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DecisionEdge {
    /// What it held.
    pub(crate) old: Option<Oid>,
    /// What it was to hold.
    pub(crate) new: Option<Oid>,
    /// Whether it was taken, if git has said so.
    pub(crate) was_taken: Option<bool>,
    /// When it was decided, in seconds since 1970, if a log can tell of it.
    pub(crate) decided_at: Option<i64>,
}

/// A step of a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefStep {
    /// Somebody decided it: the place among the edges.
    Decided(usize),
    /// Nobody did: from, to.
    Gap(Option<Oid>, Option<Oid>),
}

/// Returns the steps that a ref took from `known`, oldest first. What is between the last of them
/// and `holds`, if anything, is left out. `is_behind` tells whether an id is part of the history of
/// what the ref holds.
pub(crate) fn find_ref_path(
    known: Option<Oid>,
    holds: Option<Oid>,
    edges: &[DecisionEdge],
    is_behind: &dyn Fn(Oid) -> bool,
) -> Vec<RefStep> {
    let mut free: Vec<bool> = edges.iter().map(|edge| edge.was_taken != Some(false)).collect();
    // From what it holds back to what is known, or as far as decisions lead.
    let newest = trace_edges_back(holds, known, edges, &mut free);
    let mut pieces = Vec::new();
    // What git has told to be taken was taken, even if more has happened since.
    for (place, edge) in edges.iter().enumerate() {
        if edge.was_taken == Some(true) && free.get(place).is_some_and(|free| *free) {
            pieces.push(trace_edges_back(edge.new, known, edges, &mut free));
        }
    }
    // From what is known on: history tells whether a step was taken.
    let mut first = Vec::new();
    let mut at = known;
    let begins = |piece: &Vec<usize>| piece.first().and_then(|place| edges.get(*place)).map(|edge| edge.old);
    while !pieces.iter().chain([&newest]).any(|piece| begins(piece) == Some(at)) && at != holds {
        let taken = edges.iter().enumerate().find(|(place, edge)| {
            let is_free = free.get(*place).is_some_and(|free| *free);
            is_free && edge.old == at && edge.new.is_some_and(is_behind)
        });
        let Some((place, edge)) = taken else { break };
        free.get_mut(place).into_iter().for_each(|free| *free = false);
        first.push(place);
        at = edge.new;
    }
    let mut steps = Vec::new();
    let mut at = known;
    for place in first.into_iter().chain(pieces.into_iter().flatten()).chain(newest) {
        let Some(edge) = edges.get(place) else { continue };
        if edge.old != at {
            steps.push(RefStep::Gap(at, edge.old));
        }
        steps.push(RefStep::Decided(place));
        at = edge.new;
    }
    steps
}

/// Returns the same from the log of the ref, where that tells of more decisions than `told`; `None` if
/// it does not.
///
/// A ref can come back to where it was, so the log may say more than once that it held `known`. Of all
/// places to begin from, the newest counts among those that account for most.
pub(crate) fn follow_ref_log(
    log: &[ReflogEntry],
    known: Option<Oid>,
    holds: Option<Oid>,
    edges: &[DecisionEdge],
    told: &[RefStep],
) -> Option<Vec<RefStep>> {
    let count = |steps: &[RefStep]| steps.iter().filter(|step| matches!(step, RefStep::Decided(_))).count();
    let mut best: Option<Vec<RefStep>> = None;
    if log.last().map(|moved| moved.new) != Some(holds) {
        return None;
    }
    for start in (0..log.len()).rev() {
        let Some(moves) = log.get(start..) else { continue };
        if moves.windows(2).next().is_some_and(|pair| matches!(pair, [one, next] if one.new != next.old)) {
            break;
        }
        if moves.first().map(|moved| moved.old) == Some(known) {
            let steps = follow_log_from(moves, edges);
            if best.as_ref().map_or(count(told), |best| count(best)) < count(&steps) {
                best = Some(steps);
            }
        }
    }
    best.filter(|steps| {
        let is_told = |edge: &DecisionEdge| edge.was_taken == Some(true);
        let told = edges.iter().enumerate().filter(|(_, edge)| is_told(edge));
        told.into_iter().all(|(place, _)| steps.contains(&RefStep::Decided(place)))
    })
}

fn follow_log_from(moves: &[ReflogEntry], edges: &[DecisionEdge]) -> Vec<RefStep> {
    let mut free: Vec<bool> = edges.iter().map(|edge| edge.was_taken != Some(false)).collect();
    let mut steps = Vec::new();
    for moved in moves {
        let place = edges.iter().enumerate().position(|(place, edge)| {
            free.get(place).is_some_and(|free| *free)
                && (edge.old, edge.new) == (moved.old, moved.new)
                && edge.decided_at.is_some_and(|since| since <= moved.moved_at)
        });
        match place {
            Some(place) => {
                free.get_mut(place).into_iter().for_each(|free| *free = false);
                steps.push(RefStep::Decided(place));
            }
            None => steps.push(RefStep::Gap(moved.old, moved.new)),
        }
    }
    while matches!(steps.last(), Some(RefStep::Gap(..))) {
        steps.pop();
    }
    steps
}

/// Returns the edges that lead to `from`, oldest first, back to `known` at most.
fn trace_edges_back(
    from: Option<Oid>,
    known: Option<Oid>,
    edges: &[DecisionEdge],
    free: &mut [bool],
) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = from;
    while at != known {
        let leads = |place: &usize| {
            free.get(*place).is_some_and(|free| *free) && edges.get(*place).is_some_and(|edge| edge.new == at)
        };
        let told = |place: &usize| edges.get(*place).is_some_and(|edge| edge.was_taken == Some(true));
        let mut places = 0..edges.len();
        let Some(place) =
            places.clone().find(|place| leads(place) && told(place)).or_else(|| places.find(leads))
        else {
            break;
        };
        free.get_mut(place).into_iter().for_each(|free| *free = false);
        found.push(place);
        at = edges.get(place).and_then(|edge| edge.old);
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> Option<Oid> {
        (0 < number).then(|| Oid::from_bytes(&[number; 20]).unwrap())
    }

    fn edges(pairs: &[(u8, u8, Option<bool>)]) -> Vec<DecisionEdge> {
        pairs
            .iter()
            .map(|(old, new, taken)| DecisionEdge {
                old: id(*old),
                new: id(*new),
                was_taken: *taken,
                decided_at: Some(0),
            })
            .collect()
    }

    fn steps(known: u8, holds: u8, pairs: &[(u8, u8, Option<bool>)], behind: &[u8]) -> Vec<RefStep> {
        find_ref_path(id(known), id(holds), &edges(pairs), &|one| {
            behind.iter().any(|number| id(*number) == Some(one))
        })
    }

    #[test]
    fn decisions_are_followed_from_what_a_ref_holds_to_what_is_known() {
        use RefStep::Decided;
        assert_eq!(steps(1, 3, &[(2, 3, None), (1, 2, None)], &[]), [Decided(1), Decided(0)]);
        // It was created.
        assert_eq!(steps(0, 2, &[(0, 1, None), (1, 2, None)], &[]), [Decided(0), Decided(1)]);
        assert_eq!(steps(1, 1, &[(1, 2, None)], &[]), []);
        assert_eq!(steps(2, 2, &[(1, 2, None)], &[]), []);
    }

    #[test]
    fn of_two_equal_decisions_one_was_taken() {
        use RefStep::Decided;
        assert_eq!(steps(1, 2, &[(1, 2, None), (1, 2, None)], &[]), [Decided(0)]);
        assert_eq!(steps(1, 2, &[(1, 2, None), (1, 2, Some(true))], &[]), [Decided(1)]);
        assert_eq!(steps(1, 2, &[(1, 2, Some(false)), (1, 2, None)], &[]), [Decided(1)]);
    }

    #[test]
    fn a_log_tells_of_every_step() {
        use RefStep::{Decided, Gap};
        let log = |pairs: &[(u8, u8)]| {
            let one = |(at, (old, new)): (usize, &(u8, u8))| ReflogEntry {
                old: id(*old),
                new: id(*new),
                moved_at: at as i64,
            };
            pairs.iter().enumerate().map(one).collect::<Vec<_>>()
        };
        let follow = |pairs: &[(u8, u8)], known, holds, asked: &[(u8, u8, Option<bool>)]| {
            follow_ref_log(&log(pairs), id(known), id(holds), &edges(asked), &[])
        };
        // It went and came back.
        assert_eq!(follow(&[(1, 2), (2, 1)], 1, 1, &[(1, 2, None)]), Some(vec![Decided(0)]));
        // It did so before, which is known.
        assert_eq!(follow(&[(1, 2), (2, 1), (1, 3), (3, 1)], 1, 1, &[(1, 3, None)]), Some(vec![Decided(0)]));
        assert_eq!(
            follow(&[(1, 5), (5, 6), (6, 9)], 1, 9, &[(5, 6, None), (5, 6, None)]),
            Some(vec![Gap(id(1), id(5)), Decided(0)])
        );
        // What git has told is not in the log, or the log ends elsewhere, or has a hole.
        assert_eq!(follow(&[(1, 2)], 1, 2, &[(1, 2, None), (2, 3, Some(true))]), None);
        assert_eq!(follow(&[(1, 2)], 1, 3, &[(1, 2, None)]), None);
        assert_eq!(follow(&[(1, 2), (3, 4)], 1, 4, &[(1, 2, None)]), None);
        assert_eq!(follow(&[], 1, 3, &[(1, 2, None)]), None);
    }

    #[test]
    fn where_nobody_decided_there_is_a_gap() {
        use RefStep::{Decided, Gap};
        assert_eq!(steps(1, 3, &[(2, 3, None)], &[]), [Gap(id(1), id(2)), Decided(0)]);
        // It went on without a decision; history tells that the step was taken.
        assert_eq!(steps(1, 9, &[(1, 2, None)], &[2]), [Decided(0)]);
        assert_eq!(steps(1, 9, &[(1, 2, None)], &[]), []);
        // Git has told of a step, and much has happened since.
        assert_eq!(
            steps(1, 9, &[(3, 4, Some(true)), (1, 2, None), (8, 9, None)], &[2]),
            [Decided(1), Gap(id(2), id(3)), Decided(0), Gap(id(4), id(8)), Decided(2)]
        );
    }
}
