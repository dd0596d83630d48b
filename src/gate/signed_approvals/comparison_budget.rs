//! How much of a push is compared with what was approved or rejected: whoever pushes waits for it.

/// The most pairs of commits of one push that are compared beside whole series.
const MAX_PAIR_COMPARISONS: usize = 500;

/// The most comparisons of one push that merge again.
const MAX_SQUASH_COMPARISONS: usize = 100;

/// How much of one push is compared with all rejections together.
pub(super) const MAX_REJECTION_STEPS: usize = 20_000;

/// How much may be compared, beside whole series.
#[derive(Clone, Copy, Debug)]
pub(super) struct ComparisonBudget {
    /// How many pairs of commits.
    pub(super) pairs: usize,
    /// How many comparisons that merge again.
    pub(super) merges: usize,
    /// True once something was left out because there was too much.
    pub(super) is_exceeded: bool,
}

impl ComparisonBudget {
    /// Returns what there is for all approvals of a push together.
    pub(super) fn of_approvals() -> Self {
        ComparisonBudget::new(MAX_PAIR_COMPARISONS, MAX_SQUASH_COMPARISONS)
    }

    /// Returns so many pairs of commits, and so many comparisons that merge again.
    pub(super) fn new(pairs: usize, merges: usize) -> Self {
        ComparisonBudget { pairs, merges, is_exceeded: false }
    }

    /// Takes one pair of commits out of it; false if there is none left.
    pub(super) fn take_pair(&mut self) -> bool {
        take_one(&mut self.pairs, &mut self.is_exceeded)
    }

    /// Takes one comparison that merges again out of it; false if there is none left.
    pub(super) fn take_merge(&mut self) -> bool {
        take_one(&mut self.merges, &mut self.is_exceeded)
    }
}

fn take_one(left: &mut usize, is_exceeded: &mut bool) -> bool {
    let one = left.checked_sub(1);
    *left = one.unwrap_or_default();
    *is_exceeded |= one.is_none();
    one.is_some()
}
