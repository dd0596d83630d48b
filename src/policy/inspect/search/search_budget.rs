//! How much a search may ask before it gives up, and takes a change for possible.

use std::cell::Cell;

/// How often the rules are asked before the search gives up, and takes a change for possible.
const MAX_STEPS: usize = 20_000;

/// How many questions searches that share a budget ask before they give up.
const MAX_QUESTIONS: usize = 8_000_000;

/// What searches may ask together: a policy of a thousand rules keeps nobody waiting.
pub(crate) struct SearchBudget {
    left: Cell<usize>,
}

impl Default for SearchBudget {
    fn default() -> Self {
        SearchBudget { left: Cell::new(MAX_QUESTIONS) }
    }
}

impl SearchBudget {
    /// Allows this many questions.
    pub(crate) fn of_questions(count: usize) -> Self {
        SearchBudget { left: Cell::new(count) }
    }

    /// Returns how many questions are left.
    pub(crate) fn count_left(&self) -> usize {
        self.left.get()
    }

    /// Takes this many questions from what is left, and returns false if that was not enough.
    pub(crate) fn spend_questions(&self, count: usize) -> bool {
        let left = self.left.get().checked_sub(count);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// How far one search has come.
pub(crate) struct SearchProgress<'budget> {
    steps: usize,
    budget: &'budget SearchBudget,
}

impl<'budget> SearchProgress<'budget> {
    pub(crate) fn new(budget: &'budget SearchBudget) -> Self {
        SearchProgress { steps: 0, budget }
    }

    /// Counts a step that asks each of the rules, and returns false if the search has to give up.
    pub(crate) fn take_step(&mut self, rules: usize) -> bool {
        self.steps += 1;
        self.budget.spend_questions(rules.saturating_add(1)) && self.steps <= MAX_STEPS
    }
}
