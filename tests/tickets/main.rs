//! Ticket systems on the loopback: what they say when all is well, and what the gate makes of it when
//! it is not.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "test code"
)]

mod command;
mod data_center;
mod faults;
mod naming;
mod proxy;
mod server;
mod systems;
