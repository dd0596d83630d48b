//! The ledger of a Git server: decisions are written ahead by the hooks, then reconciled with the refs.

pub(crate) mod base_moves;
pub(crate) mod brought_commits;
pub mod confirm_tickets;
pub mod decision;
pub mod discharge;
pub(crate) mod heartbeat;
pub mod landed_move;
pub(crate) mod moved_content;
pub mod overdue;
pub(crate) mod past_landings;
pub(crate) mod pending;
pub(crate) mod push_refusals;
pub mod reconcile;
pub(crate) mod reconcile_context;
pub(crate) mod recorded_entries;
pub(crate) mod ref_path;
pub(crate) mod ref_steps;
pub(crate) mod seen_tips;
pub(crate) mod undecided_moves;
pub mod write_ahead;
