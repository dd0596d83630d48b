//! What is owed: against the clock, by real pushes, and as a sweep tells it.
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

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../tickets/server.rs"]
mod server;

mod acts;
mod attacked;
mod bots;
mod break_glass;
mod clock;
mod confirmed;
mod deployments;
mod forged;
mod killed;
mod leavers;
mod many_refs;
mod named_changes;
mod past;
mod pushes;
mod put_back;
mod recorded;
mod sweeps;
mod traced;
mod unauthorised;
mod undecided_policy;
mod unlanded;
mod vectors;
