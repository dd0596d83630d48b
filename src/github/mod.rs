//! GitHub: which pull request an event is about, what GitHub knows about it, and telling it the
//! verdict.
//!
//! The only place that names an HTTP client or anything asynchronous. A runtime is started here, on
//! the thread that asks, and nowhere on the way of a hook.

pub(crate) mod api;
pub mod event;
mod facts;
mod judge;
pub(crate) mod publish;
pub mod repository_settings;
mod session;
pub mod step_outputs;
#[cfg(test)]
mod tests;

pub use crate::github::api::names::{GitHubServer, PUBLIC_API_URL, PullRequestName, RepositoryName};
pub use crate::github::api::request::GitHubFailure;
pub use crate::github::api::GitHubClient;
pub use crate::github::facts::PusherSource;
pub use crate::github::judge::{GitHubJudgeOptions, PULL_REQUEST_RULES};
pub use crate::github::publish::{COMMENT_MARKER, CheckRunReport, PublishOutcome};
pub use crate::github::session::ref_moves::{GitHubRefMove, JudgedRefMove};
pub use crate::github::session::{GitHubSession, GitHubSource, JudgedEvent, JudgedPullRequest};
