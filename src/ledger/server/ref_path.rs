//! How a ref came from what the ledger says to what it holds: the decisions that it went through, and the
//! gaps without a decision.
//!
//! Git moves a ref only if it still holds what the push expected, so every decision is an edge from one tip
//! to another, taken at most once. Of two decisions that ask for the same move, one took it.

use crate::change::Oid;
use crate::git::ReflogEntry;

/// A move that a decision asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DecisionEdge {
    /// The old tip; `None` for a new ref.
    pub(crate) old: Option<Oid>,
    /// The new tip; `None` for a deletion.
    pub(crate) new: Option<Oid>,
    /// Whether the ref moved, if git has reported that.
    pub(crate) was_taken: Option<bool>,
    /// When it was decided, in seconds since 1970; `None` if a reflog cannot show it.
    pub(crate) decided_at: Option<i64>,
}

/// One move on the way of a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefStep {
    /// A decided move, with its index among the edges.
    Decided(usize),
    /// A move without a decision, from the first tip to the second.
    Gap(Option<Oid>, Option<Oid>),
}

/// Edges of which each can be taken once.
struct FreeEdges<'a> {
    edges: &'a [DecisionEdge],
    is_free: Vec<bool>,
}

impl<'a> FreeEdges<'a> {
    /// Starts with all edges free, except those that git reports as not taken.
    fn new(edges: &'a [DecisionEdge]) -> Self {
        let mut is_free = Vec::new();
        for edge in edges {
            is_free.push(edge.was_taken != Some(false));
        }
        FreeEdges { edges, is_free }
    }

    /// Returns the free edges, each with its index.
    fn free_edges(&self) -> impl Iterator<Item = (usize, &'a DecisionEdge)> {
        let edges = self.edges.iter().zip(&self.is_free).enumerate();
        edges.filter_map(|(place, (edge, is_free))| is_free.then_some((place, edge)))
    }

    fn take_edge(&mut self, place: usize) {
        if let Some(is_free) = self.is_free.get_mut(place) {
            *is_free = false;
        }
    }

    /// Takes the edges that lead to `from`, back to `known` at most; returns them, oldest first. Of several
    /// that lead to the same tip, one that git reports as taken comes first.
    fn trace_back(&mut self, from: Option<Oid>, known: Option<Oid>) -> Vec<usize> {
        let mut path = Vec::new();
        let mut at = from;
        while at != known {
            let mut chosen: Option<(usize, &DecisionEdge)> = None;
            for (place, edge) in self.free_edges() {
                if edge.new != at {
                    continue;
                }
                if edge.was_taken == Some(true) {
                    chosen = Some((place, edge));
                    break;
                }
                chosen = chosen.or(Some((place, edge)));
            }
            let Some((place, edge)) = chosen else { break };
            self.take_edge(place);
            path.push(place);
            at = edge.old;
        }
        path.reverse();
        path
    }
}

/// Returns the steps that a ref took from `known`, oldest first. A gap between the last of them and `holds`
/// is left out. `is_behind` returns whether an id is in the history of what the ref holds.
pub(crate) fn find_ref_path(
    known: Option<Oid>,
    holds: Option<Oid>,
    edges: &[DecisionEdge],
    is_behind: &dyn Fn(Oid) -> bool,
) -> Vec<RefStep> {
    let mut free = FreeEdges::new(edges);
    // From what the ref holds back to what is known, or as far as decisions lead.
    let newest = free.trace_back(holds, known);
    let mut pieces: Vec<Vec<usize>> = Vec::new();
    // What git reports as taken was taken, even if the ref has moved on since.
    // It may have led back to what is known, from where no decision led to.
    for (place, edge) in edges.iter().enumerate() {
        if edge.was_taken == Some(true) && free.is_free.get(place) == Some(&true) {
            free.take_edge(place);
            let mut piece = free.trace_back(edge.old, known);
            piece.push(place);
            pieces.push(piece);
        }
    }
    pieces.push(newest);
    // From what is known forwards: the history shows whether an edge was taken.
    let mut path: Vec<usize> = Vec::new();
    let mut at = known;
    while at != holds && !begins_at(&pieces, edges, at) {
        let next = free.free_edges().find(|(_, edge)| edge.old == at && edge.new.is_some_and(is_behind));
        let Some((place, edge)) = next else { break };
        free.take_edge(place);
        path.push(place);
        at = edge.new;
    }
    path.extend(pieces.into_iter().flatten());
    let mut steps = Vec::new();
    let mut at = known;
    for place in path {
        let Some(edge) = edges.get(place) else { continue };
        if edge.old != at {
            steps.push(RefStep::Gap(at, edge.old));
        }
        steps.push(RefStep::Decided(place));
        at = edge.new;
    }
    steps
}

/// Returns whether one of the pieces begins at this tip.
fn begins_at(pieces: &[Vec<usize>], edges: &[DecisionEdge], at: Option<Oid>) -> bool {
    for piece in pieces {
        if let Some(place) = piece.first()
            && let Some(edge) = edges.get(*place)
            && edge.old == at
        {
            return true;
        }
    }
    false
}

/// Returns the steps of a ref by its reflog, if that shows more decisions than `found`; `None` otherwise.
///
/// A ref can return to an earlier tip, so the log may show more than once that it held `known`. Of all
/// entries to begin from, the newest counts among those that account for most decisions.
pub(crate) fn follow_ref_log(
    log: &[ReflogEntry],
    known: Option<Oid>,
    holds: Option<Oid>,
    edges: &[DecisionEdge],
    found: &[RefStep],
) -> Option<Vec<RefStep>> {
    let mut best: Option<Vec<RefStep>> = None;
    let mut most = count_decided(found);
    if log.last().map(|moved| moved.new) != Some(holds) {
        return None;
    }
    for start in (0..log.len()).rev() {
        let Some(moves) = log.get(start..) else { continue };
        // A hole in the log: what is before it does not lead to what is after it.
        if let [one, next, ..] = moves
            && one.new != next.old
        {
            break;
        }
        if moves.first().map(|moved| moved.old) == Some(known) {
            let steps = follow_log_from(moves, edges);
            if count_decided(&steps) > most {
                most = count_decided(&steps);
                best = Some(steps);
            }
        }
    }
    let best = best?;
    // Git has confirmed these moves, so a path that leaves one out is not what happened.
    for (place, edge) in edges.iter().enumerate() {
        if edge.was_taken == Some(true) && !best.contains(&RefStep::Decided(place)) {
            return None;
        }
    }
    Some(best)
}

fn count_decided(steps: &[RefStep]) -> usize {
    steps.iter().filter(|step| matches!(step, RefStep::Decided(_))).count()
}

fn follow_log_from(moves: &[ReflogEntry], edges: &[DecisionEdge]) -> Vec<RefStep> {
    let mut free = FreeEdges::new(edges);
    let mut steps = Vec::new();
    for moved in moves {
        let found = free.free_edges().find(|(_, edge)| is_edge_of_entry(edge, moved));
        match found {
            Some((place, _)) => {
                free.take_edge(place);
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

fn is_edge_of_entry(edge: &DecisionEdge, moved: &ReflogEntry) -> bool {
    let is_same_move = edge.old == moved.old && edge.new == moved.new;
    is_same_move && edge.decided_at.is_some_and(|decided_at| decided_at <= moved.moved_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> Option<Oid> {
        (number > 0).then(|| Oid::from_bytes(&[number; 20]).unwrap())
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
    fn a_move_without_a_decision_is_a_gap() {
        use RefStep::{Decided, Gap};
        assert_eq!(steps(1, 3, &[(2, 3, None)], &[]), [Gap(id(1), id(2)), Decided(0)]);
        // The ref is at 9 without a decision, and its history holds 2: so the step to 2 was taken. If history
        // does not hold 2, that decision never took effect.
        assert_eq!(steps(1, 9, &[(1, 2, None)], &[2]), [Decided(0)]);
        assert_eq!(steps(1, 9, &[(1, 2, None)], &[]), []);
        // It was rolled back past the gate, and the same commits were pushed again.
        assert_eq!(steps(4, 4, &[(2, 4, Some(true))], &[2, 4]), [Gap(id(4), id(2)), Decided(0)]);
        assert_eq!(
            steps(4, 5, &[(2, 4, Some(true)), (4, 5, Some(true))], &[2, 4, 5]),
            [Gap(id(4), id(2)), Decided(0), Decided(1)]
        );
        // Git has told of a step, and much has happened since.
        assert_eq!(
            steps(1, 9, &[(3, 4, Some(true)), (1, 2, None), (8, 9, None)], &[2]),
            [Decided(1), Gap(id(2), id(3)), Decided(0), Gap(id(4), id(8)), Decided(2)]
        );
    }
}
