//! GitHub: which pull request an event is about, what GitHub knows about it, and telling it the
//! verdict.
//!
//! The only place that names an HTTP client or anything asynchronous. A runtime is started here, on
//! the thread that asks, and nowhere on the way of a hook.

mod accounts;
mod answers;
mod ask;
mod checks;
mod client;
mod commits;
mod details;
pub mod doctor;
pub mod event;
mod facts;
mod files;
mod graphql;
mod judge;
mod landed;
mod landing;
mod makers;
pub mod outputs;
mod place;
mod policy;
mod pushers;
mod queue;
mod record;
mod said;
mod session;
mod tell;
#[cfg(test)]
mod tests;
mod wire;

pub use ask::Failure;
pub use client::{Client, Patience};
pub use facts::PusherFrom;
pub use judge::{Options, RULES};
pub use landing::{JudgedMove, Move};
pub use place::{PUBLIC_API, PullName, RepoName, Server};
pub use session::{JudgedPull, Outcome, Session, Source};
pub use tell::{CheckRun, MARKER, Telling};
pub use wire::Token;
