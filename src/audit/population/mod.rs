//! Who belongs to a population: every step of a ref's first-parent history that landed in a period, and every move of
//! the ref that is no such step.

pub(crate) mod change_links;
pub mod period;
pub(crate) mod ref_chain;
pub(crate) mod step_evidence;
