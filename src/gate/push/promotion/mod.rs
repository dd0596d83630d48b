//! What comes to a ref from a branch that has it already: which of it counts as judged, and what is asked again.

mod branch_rules;
pub(crate) mod branch_states;
pub(crate) mod deferred_rules;
pub(crate) mod past_moves;
pub(crate) mod promoted_changes;
mod promoted_closings;
pub(crate) mod tag_judge;
