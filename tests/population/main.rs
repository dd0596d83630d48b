//! What an audit tells of a year on a server that keeps a ledger, and of repositories without one.
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

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../hooks/world.rs"]
mod world;

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../ledger/ledger_reader.rs"]
mod ledger_reader;

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../ledger/forger.rs"]
mod forger;

mod as_of;
mod audited;
mod changed_facts;
mod counted_words;
mod cut_clones;
mod figures;
mod hidden_history;
mod lost_objects;
mod not_enforced;
mod other_refs;
mod other_times;
mod patterns;
mod put_back;
mod ref_tips;
mod refused;
mod replaced;
mod simulated_year;
mod unjudged;
mod without_ledger;
