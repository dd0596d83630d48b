//! The HTTP server that tests of the client send requests to, on the loopback.

pub(crate) mod server;
