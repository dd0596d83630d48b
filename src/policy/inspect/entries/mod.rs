//! Faults of single entries of a policy: what a pattern, a list, a time or a rule by itself cannot mean.

mod asked_predicates;
pub(crate) mod contradictions;
pub(crate) mod lists;
pub(crate) mod lockouts;
pub(crate) mod lost_numbers;
pub(crate) mod patterns;
pub(crate) mod times;
pub(crate) mod word_sets;
