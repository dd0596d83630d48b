//! Who belongs to a population: every step by which a ref advanced and that landed in a period, and every move of the ref
//! that is no such step.

pub(crate) mod change_links;
pub(crate) mod claim_weight;
pub(crate) mod dated_obligations;
pub(crate) mod given_facts;
pub mod judged_part;
pub(crate) mod judging_policies;
pub(crate) mod landed_approvals;
pub mod landed_chain;
pub(crate) mod obligation_index;
pub mod period;
pub(crate) mod period_run;
pub mod population_entry;
pub mod pull_comparison;
pub(crate) mod recorded_reasons;
pub(crate) mod ref_chain;
pub(crate) mod refusal_track;
pub mod refused_push;
pub(crate) mod replaced_steps;
pub(crate) mod roster_history;
pub(crate) mod step_evidence;
pub mod step_journal;
pub(crate) mod step_walk;
pub(crate) mod unjudged_spans;
pub(crate) mod whole_scan;
pub(crate) mod word_ranks;
