//! The moves of refs without a decision, and up to where a ref's moves were all decided; and what evaluate mode let through.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{Oid, Text};
use crate::gate::push::base_policy::UndecidedMove;
use crate::gate::recorded_past::{LandingReader, PastLanding, UnauthorisedRecord};
use crate::git::Repository;

/// The earlier moves of refs, as far as the ledger and the refs tell.
pub(crate) struct PastMoves<'past> {
    /// The full name of the policy ref itself, and not of a symbolic ref to it.
    pub(crate) policy_ref: Text,
    /// Those of the policy ref that are not regularised, in their order, with those that the ledger does not hold yet.
    pub(crate) undecided: &'past [UndecidedMove],
    /// The records of unauthorised changes of all refs, open and closed.
    pub(crate) unauthorised: &'past [UnauthorisedRecord],
    /// How refs moved by the ledger; `None` without one.
    pub(crate) landings: Option<&'past dyn LandingReader>,
}

impl PastMoves<'_> {
    /// Returns the earliest move of a ref without a decision that still matters: it was not regularised, and the ref was
    /// not put back to what it held before it.
    pub(crate) fn find_open_move(&self, ref_name: &Text) -> Option<UndecidedMove> {
        find_earliest_open(&self.list_moves(ref_name))
    }

    /// Returns the moves of a ref without a decision that were not regularised, in their order, also where the ref was put
    /// back afterwards.
    pub(crate) fn list_unanswered(&self, ref_name: &Text) -> Vec<UndecidedMove> {
        let moves = self.list_moves(ref_name).into_iter();
        moves.filter(|(_, is_regularised)| !is_regularised).map(|(moved, _)| moved).collect()
    }

    /// Returns the moves of a ref that the ledger tells of, oldest first; none without a ledger.
    ///
    /// # Errors
    ///
    /// As [`LandingReader::read_landings`].
    pub(crate) fn read_landings(&self, ref_name: &Text) -> Result<Rc<[PastLanding]>> {
        self.landings.map_or_else(|| Ok(Rc::default()), |reader| reader.read_landings(ref_name))
    }

    /// Returns those of `wanted` that a ref got in evaluate mode although they would have been denied, unless it got them
    /// again by a decision that counts.
    ///
    /// # Errors
    ///
    /// As [`LandingReader::read_landings`].
    pub(crate) fn find_unenforced(
        &self,
        repository: &Repository,
        ref_name: &Text,
        wanted: &HashSet<Oid>,
    ) -> Result<HashSet<Oid>> {
        let mut found = HashSet::new();
        if wanted.is_empty() {
            return Ok(found);
        }
        for landing in self.read_landings(ref_name)?.iter() {
            let Some(new) = landing.new.filter(|_| landing.was_denied || !found.is_empty()) else { continue };
            // Commits that are gone came to no other ref.
            for step in repository.list_steps(new, landing.old.as_slice()).unwrap_or_default() {
                for id in step {
                    if !landing.was_denied {
                        found.remove(&id);
                    } else if wanted.contains(&id) {
                        found.insert(id);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Returns when a ref got each of these commits, newest first, of its first-parent history, as far as the ledger tells.
    ///
    /// # Errors
    ///
    /// As [`LandingReader::read_landings`].
    pub(crate) fn find_landing_times(
        &self,
        ref_name: &Text,
        commits: &[Oid],
    ) -> Result<HashMap<Oid, Timestamp>> {
        let mut seen: HashMap<Oid, Timestamp> = HashMap::new();
        for landing in self.read_landings(ref_name)?.iter() {
            seen.extend(landing.new.map(|new| (new, landing.seen_at)));
        }
        let (mut times, mut newer) = (HashMap::new(), None);
        for id in commits {
            // What is no tip of a move came with the next one.
            newer = seen.get(id).copied().or(newer);
            times.extend(newer.map(|at| (*id, at)));
        }
        Ok(times)
    }

    /// Returns the moves of a ref without a decision, in their order, each with whether it was regularised.
    fn list_moves(&self, ref_name: &Text) -> Vec<(UndecidedMove, bool)> {
        let mut records: Vec<&UnauthorisedRecord> =
            self.unauthorised.iter().filter(|record| record.ref_name == *ref_name).collect();
        records.sort_unstable_by_key(|record| record.number);
        let mut moves: Vec<(UndecidedMove, bool)> =
            records.into_iter().map(|record| (record.moved, record.is_regularised)).collect();
        if *ref_name == self.policy_ref {
            let recorded = moves.iter().filter(|(_, is_regularised)| !is_regularised).count();
            moves.extend(self.undecided.iter().skip(recorded).map(|moved| (*moved, false)));
        }
        moves
    }
}

/// Returns the first move that is not regularised, and after which, or before which, no move took the ref back to what it
/// had held before. Being taken back ends what came between, whether that itself was regularised or not.
fn find_earliest_open(moves: &[(UndecidedMove, bool)]) -> Option<UndecidedMove> {
    let mut rest = moves;
    while let Some((first, is_regularised)) = rest.first() {
        match rest.iter().rposition(|(later, _)| later.new == first.old) {
            Some(place) => rest = rest.get(place + 1..).unwrap_or_default(),
            None if *is_regularised => rest = rest.get(1..).unwrap_or_default(),
            None => return Some(*first),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(letter: char) -> Option<Oid> {
        (letter != '-').then(|| Oid::from_hex(&format!("{:02x}", letter as u32).repeat(20)).unwrap())
    }

    /// Reads moves such as `a>b` and `b>a!`, of which the last is regularised, and returns the open one in the same form.
    fn open_of(moves: &str) -> String {
        let read = |word: &str| {
            let letters: Vec<char> = word.chars().collect();
            (UndecidedMove { old: commit(letters[0]), new: commit(letters[2]) }, word.ends_with('!'))
        };
        let moves: Vec<(UndecidedMove, bool)> = moves.split_whitespace().map(read).collect();
        let written = |id: Option<Oid>| id.map_or('-', |id| char::from(id.as_bytes()[0]));
        find_earliest_open(&moves)
            .map(|open| format!("{}>{}", written(open.old), written(open.new)))
            .unwrap_or_default()
    }

    #[test]
    fn a_move_is_open_until_it_is_regularised_or_put_back() {
        for (moves, open) in [
            ("", ""),
            ("a>b", "a>b"),
            ("a>b!", ""),
            ("a>b b>a", ""),
            ("a>b! b>a", ""),
            ("a>b b>a!", ""),
            ("a>b! b>a!", ""),
            ("a>b b>c", "a>b"),
            ("a>b! b>c", "b>c"),
            ("a>b b>c c>b", "a>b"),
            ("a>b b>c c>a", ""),
            ("a>b b>a c>d", "c>d"),
            ("a>b! c>d d>a", ""),
            ("a>b! c>d d>c e>f", "e>f"),
            ("->a a>-", ""),
            ("a>b b>a a>b", "a>b"),
        ] {
            assert_eq!(open_of(moves), open, "{moves}");
        }
    }
}
