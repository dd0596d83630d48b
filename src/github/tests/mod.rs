//! Tests that ask a server of their own, on the loopback.

pub(crate) mod server;
