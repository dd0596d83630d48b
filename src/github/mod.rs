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

pub use ask::GitHubFailure;
pub use client::{GitHubClient, GitHubRequestLimits};
pub use facts::PusherSource;
pub use judge::{GitHubJudgeOptions, PULL_REQUEST_RULES};
pub use landing::{GitHubRefMove, JudgedRefMove};
pub use place::{GitHubServer, PUBLIC_API_URL, PullRequestName, RepositoryName};
pub use session::{GitHubSession, GitHubSource, JudgedEvent, JudgedPullRequest};
pub use tell::{COMMENT_MARKER, CheckRunReport, PublishOutcome};
pub use wire::GitHubToken;
