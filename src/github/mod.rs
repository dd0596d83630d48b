//! GitHub: which pull request an event is about, what GitHub knows about it, and telling it the
//! verdict.
//!
//! The only place that names an HTTP client or anything asynchronous. A runtime is started here, on
//! the thread that asks, and nowhere on the way of a hook.

pub mod doctor;
