//! Answers under 64 choices of an aspect, as the bits of two numbers.

/// The choices under which something holds, and those under which it fails, as bits; under the others it is open.
#[derive(Clone, Copy, Default)]
pub(crate) struct BitAnswer {
    pub(crate) holds: u64,
    pub(crate) fails: u64,
}

impl BitAnswer {
    pub(crate) const HOLDS: BitAnswer = BitAnswer { holds: u64::MAX, fails: 0 };
    pub(crate) const FAILS: BitAnswer = BitAnswer { holds: 0, fails: u64::MAX };
    pub(crate) const OPEN: BitAnswer = BitAnswer { holds: 0, fails: 0 };
}

/// What was found out of the conditions of a search, and in which round.
pub(crate) struct PartAnswers {
    pub(crate) round: u64,
    pub(crate) known: Vec<(u64, BitAnswer)>,
}

impl PartAnswers {
    /// Returns that nothing is known of so many conditions.
    pub(crate) fn new(count: usize) -> Self {
        PartAnswers { round: 0, known: vec![(0, BitAnswer::OPEN); count] }
    }
}

/// The choices that are tried together: those of one word of an aspect, or what is left of all aspects.
#[derive(Clone, Copy)]
pub(crate) struct SearchFocus {
    pub(crate) aspect: usize,
    pub(crate) word: usize,
}

impl SearchFocus {
    /// All aspects together.
    pub(crate) const NOTHING: SearchFocus = SearchFocus { aspect: usize::MAX, word: 0 };
}

/// Of which classes a change may be.
pub(crate) struct ClassAnswers {
    /// For each class, the choices under which a change may be of it.
    pub(crate) possible: Vec<u64>,
    /// For each set of classes that was asked about, the choices under which a change is surely of one of them.
    pub(crate) groups: Vec<Option<u64>>,
}
