//! How much of a push is compared with what was approved or rejected: whoever pushes waits for it.

/// The most pairs of commits of one push that are compared beside whole series.
const MAX_PAIR_COMPARISONS: usize = 500;

/// The most comparisons of one push that merge again.
const MAX_SQUASH_COMPARISONS: usize = 100;

/// How much of one push is compared with all rejections together, beside what it brings as a whole.
pub(super) const MAX_REJECTION_STEPS: usize = 4_000;

/// Merging so many paths again takes one more step.
const PATHS_OF_A_STEP: usize = 100;

/// How much may be compared, beside whole series.
#[derive(Clone, Copy, Debug)]
pub(super) struct ComparisonBudget {
    /// How many pairs of commits.
    pub(super) pairs: usize,
    /// How many comparisons that merge again.
    pub(super) merges: usize,
}

impl ComparisonBudget {
    /// Returns what there is for all approvals of a push together.
    pub(super) fn of_approvals() -> Self {
        ComparisonBudget::new(MAX_PAIR_COMPARISONS, MAX_SQUASH_COMPARISONS)
    }

    /// Returns so many pairs of commits, and so many comparisons that merge again.
    pub(super) fn new(pairs: usize, merges: usize) -> Self {
        ComparisonBudget { pairs, merges }
    }

    /// Takes one pair of commits out of it; false if there is none left.
    pub(super) fn take_pair(&mut self) -> bool {
        take_steps(&mut self.pairs, 1)
    }

    /// Takes one comparison that merges again out of it; false if there is none left.
    pub(super) fn take_merge(&mut self) -> bool {
        take_steps(&mut self.merges, 1)
    }

    /// Takes one comparison that merges this many paths again out of it; false if so much is not left.
    pub(super) fn take_merge_of(&mut self, paths: usize) -> bool {
        take_steps(&mut self.merges, 1 + paths / PATHS_OF_A_STEP)
    }
}

fn take_steps(left: &mut usize, steps: usize) -> bool {
    match left.checked_sub(steps) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    }
}
