//! Reading the ledger again: verification, replay, the trace of one change, export, the deploy gate.

pub(crate) mod act_continuity;
pub(crate) mod attempt_keys;
pub mod attempts;
pub mod chain_continuity;
pub(crate) mod cross_check;
pub mod deploy_check;
pub mod export;
pub mod history_fold;
pub mod history_index;
mod index_table;
pub(crate) mod kept_reasons;
pub mod ledger_history;
mod move_decision;
pub mod other_refs;
pub(crate) mod policy_origins;
pub(crate) mod problem;
pub mod protection_times;
pub mod record_reader;
pub(crate) mod ref_observations;
pub(crate) mod ref_verdicts;
pub mod replay;
pub mod session_history;
pub mod trace;
pub mod verify;
mod verify_decision;
mod verify_event;
mod verify_state;
