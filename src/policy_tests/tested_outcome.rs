//! The outcome of a rule in a test: that of its judgement, or that it only warns.
//!
//! A rule at `level: warn` refuses nothing, so that a suite which knew `fail` alone could not tell a rule that
//! denies from one that does not yet.

use crate::judge::name_outcome;
use crate::verdict::{Judgement, OutcomeWord};

/// The outcome of a rule, as suites and reports of tests name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestedOutcome {
    /// The outcome of the judgement.
    Judged(OutcomeWord),
    /// The rule would deny the change, and is at `level: warn` at the time of the test.
    Warns,
}

/// The words for the outcomes of rules, as they stand in suites and in reports of tests.
pub const OUTCOME_WORDS: [(&str, TestedOutcome); 8] = [
    ("pass", TestedOutcome::Judged(OutcomeWord::Pass)),
    ("fail", TestedOutcome::Judged(OutcomeWord::Fail)),
    ("warns", TestedOutcome::Warns),
    ("owed", TestedOutcome::Judged(OutcomeWord::Owed)),
    ("undecided", TestedOutcome::Judged(OutcomeWord::Undecided)),
    ("deferred", TestedOutcome::Judged(OutcomeWord::Deferred)),
    ("exempted", TestedOutcome::Judged(OutcomeWord::Exempted)),
    ("not-applicable", TestedOutcome::Judged(OutcomeWord::NotApplicable)),
];

impl TestedOutcome {
    /// Returns the outcome of a judgement; `enforced` is as in its verdict.
    pub fn of_judgement(judgement: &Judgement, enforced: bool) -> TestedOutcome {
        if judgement.is_warning(enforced) {
            return TestedOutcome::Warns;
        }
        TestedOutcome::Judged(name_outcome(&judgement.outcome))
    }

    /// Returns the word for the outcome.
    pub fn word(self) -> &'static str {
        OUTCOME_WORDS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}
