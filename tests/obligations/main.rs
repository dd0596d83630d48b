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
#[path = "../ledger/book.rs"]
mod book;

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../ledger/forger.rs"]
mod forger;

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../tickets/server.rs"]
mod server;

mod attacked;
mod clock;
mod confirmed;
mod deployments;
mod forged;
mod glass;
mod killed;
mod past;
mod pushes;
mod stayed;
mod strays;
mod sweeps;
mod traced;
mod vectors;
