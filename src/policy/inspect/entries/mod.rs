//! Faults of single entries of a policy: what a pattern, a list, a time or a rule by itself cannot mean.

pub(crate) mod approvers;
mod asked_predicates;
pub(crate) mod contradictions;
pub(crate) mod idle_parts;
pub(crate) mod lists;
pub(crate) mod lockouts;
pub(crate) mod look_alikes;
pub(crate) mod lost_numbers;
pub(crate) mod name_slips;
pub(crate) mod open_teams;
pub(crate) mod patterns;
pub(crate) mod roster_twins;
pub(crate) mod standard_changes;
pub(crate) mod times;
pub(crate) mod unfillable;
pub(crate) mod wide_patterns;
pub(crate) mod word_sets;
