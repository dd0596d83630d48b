//! GitHub as the gate sees it, on the loopback: a stateful fake of it, the validating proxy that holds
//! both sides to GitHub's own description, and the action run by a local runner.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "test code"
)]
#![allow(dead_code, reason = "what the world can hold is more than each test needs")]

mod action;
mod as_of_merge;
mod authorised;
mod check_runs;
mod contract;
mod contradicted;
mod documented;
mod documents;
mod evaluated;
mod fake;
mod forge_teams;
mod install;
mod judged;
mod landed_content;
mod late_reviews;
mod ledger;
mod named_changes;
mod one_state;
mod owed_tickets;
mod own_checks;
mod partial;
mod people_sync;
mod policy_questions;
mod published;
mod pull_verdicts;
mod recipes;
mod regularised;
mod reviewed;
mod scene;
mod server;
mod shared_policies;
mod templates;
mod unread;
mod whole_way;
