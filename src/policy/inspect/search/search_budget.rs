//! How much an inspection may ask before it leaves off, and takes for possible what it has not found out.
//!
//! A step is as small as one look at one part of one question. Time would not do: the same policy has to get the same
//! answer on every machine.

use std::cell::Cell;

/// What one search may ask.
const MAX_SEARCH_STEPS: usize = 3_000_000;

/// How many steps a whole inspection may take.
pub const MAX_INSPECTION_STEPS: usize = 28_000_000;

/// The parts of an inspection, in the order in which they are made: what refuses a policy comes before what is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InspectionPart {
    /// What is compared by its wording.
    Wording,
    /// What is prepared for all searches, and whether the rules exclude every change.
    Lockouts,
    /// Whether what is suspected is so.
    Suspicions,
    /// Whether the rules exclude every change on a server.
    ServerHook,
    /// What a rule, a class or an exemption applies to.
    Scopes,
    /// What is so with other keys, or from a later day on.
    Later,
}

impl InspectionPart {
    /// Returns how many steps the part has, beside what the parts before it have left.
    fn count_steps(self) -> usize {
        match self {
            InspectionPart::Wording => 4_000_000,
            InspectionPart::Lockouts => 12_000_000,
            InspectionPart::Suspicions => 2_000_000,
            InspectionPart::ServerHook => 3_000_000,
            InspectionPart::Scopes => 4_000_000,
            InspectionPart::Later => 3_000_000,
        }
    }
}

/// The steps that are left to an inspection, which all its parts share.
#[derive(Default)]
pub(crate) struct SearchBudget {
    left: Cell<usize>,
    spent: Cell<usize>,
    is_exhausted: Cell<bool>,
}

impl SearchBudget {
    /// Adds the steps of a part that begins now.
    pub(crate) fn begin_part(&self, part: InspectionPart) {
        self.left.set(self.left.get().saturating_add(part.count_steps()));
    }

    /// Takes this many steps for what is about to be asked; returns false if they are not left, so that it has to be left
    /// out.
    pub(crate) fn spend_steps(&self, count: usize) -> bool {
        let left = self.left.get().checked_sub(count);
        match left {
            Some(left) => {
                self.left.set(left);
                self.spent.set(self.spent.get().saturating_add(count));
            }
            None => self.is_exhausted.set(true),
        }
        left.is_some()
    }

    /// Returns true if this many steps are left; otherwise, what takes them has to be left out.
    pub(crate) fn has_steps(&self, count: usize) -> bool {
        let is_enough = self.left.get() >= count;
        if !is_enough {
            self.is_exhausted.set(true);
        }
        is_enough
    }

    /// Takes this many steps for what was asked already; returns false if they were not left, and takes all there are.
    pub(crate) fn charge_steps(&self, count: usize) -> bool {
        let is_enough = self.spend_steps(count);
        if !is_enough {
            self.spent.set(self.spent.get().saturating_add(self.left.take()));
        }
        is_enough
    }

    /// Notes that something was left out because there was too much to ask.
    pub(crate) fn note_exhaustion(&self) {
        self.is_exhausted.set(true);
    }

    /// Returns true if nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.left.get() == 0
    }

    /// Returns true if something was left out because there was too much to ask.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.is_exhausted.get()
    }

    /// Returns how many steps were taken.
    pub(crate) fn count_spent(&self) -> usize {
        self.spent.get()
    }
}

/// How far one search has come.
pub(crate) struct SearchProgress<'budget> {
    left: usize,
    budget: &'budget SearchBudget,
}

impl<'budget> SearchProgress<'budget> {
    pub(crate) fn new(budget: &'budget SearchBudget) -> Self {
        SearchProgress { left: MAX_SEARCH_STEPS, budget }
    }

    /// Counts these steps, and returns false if the search has to give up.
    pub(crate) fn take_steps(&mut self, count: usize) -> bool {
        match self.left.checked_sub(count) {
            Some(left) => {
                self.left = left;
                self.budget.charge_steps(count)
            }
            None => {
                self.budget.is_exhausted.set(true);
                false
            }
        }
    }
}
