//! Tests that ask a server of their own, on the loopback.

pub(super) mod server;
