//! The ledger, by real pushes: nothing is lost however a push ends, and whatever is changed afterwards
//! is found.
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

#[path = "../json_schema/mod.rs"]
mod json_schema;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../hooks/world.rs"]
mod world;

mod attempts;
mod concurrent;
mod evaluated;
mod exported;
mod forger;
mod heartbeat;
mod hindered;
mod killed;
mod laws;
mod ledger_reader;
mod ordinary;
mod reasons;
mod replayed;
mod schema;
mod signed;
mod tampered;
mod told_times;
