//! The moves of refs without a decision, and up to where a ref's moves were all decided.

use crate::change::Text;
use crate::gate::push::base_policy::UndecidedMove;
use crate::gate::recorded_past::UnauthorisedRecord;

/// The moves without a decision, as far as the ledger and the refs tell.
pub(crate) struct PastMoves<'past> {
    /// The full name of the policy ref itself, and not of a symbolic ref to it.
    pub(crate) policy_ref: Text,
    /// Those of the policy ref that are not regularised, in their order, with those that the ledger does not hold yet.
    pub(crate) undecided: &'past [UndecidedMove],
    /// The records of unauthorised changes of all refs, open and closed.
    pub(crate) unauthorised: &'past [UnauthorisedRecord],
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
    use crate::change::Oid;

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
