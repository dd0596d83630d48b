//! GitHub: which pull request an event is about, the facts that GitHub has about it, and the publication of the
//! verdict.
//!
//! The only module that names an asynchronous HTTP client or runtime. A runtime is started by a session, on
//! the thread that asks, and never in a hook.

pub(crate) mod api;
pub(crate) mod check_run;
pub mod event;
mod facts;
pub(crate) mod held_check_runs;
mod judge;
pub(crate) mod listed_check_runs;
pub(crate) mod publish;
pub mod repository_settings;
mod session;
pub mod step_outputs;
#[cfg(test)]
mod tests;
pub(crate) mod verdict_history;

use crate::verdict::MessageTemplate;

pub use crate::github::api::GitHubClient;
pub use crate::github::api::names::{GitHubServer, PUBLIC_API_URL, PullRequestName, RepositoryName};
pub use crate::github::api::request::GitHubFailure;
pub use crate::github::check_run::{CheckRunReport, CheckRunState};
pub use crate::github::facts::PusherSource;
pub(crate) use crate::github::facts::checks::CONVERSATIONS_MARK;
pub use crate::github::facts::checks::OwnChecks;
pub use crate::github::judge::GitHubJudgeOptions;
pub use crate::github::publish::PublishOutcome;
pub(crate) use crate::github::session::open_pulls::{
    OpenPullRequest, PullsOfRevision, describe_time_over, describe_unswept,
};
pub(crate) use crate::github::session::pull_verdicts::{ListedVerdict, RevisionContent};
pub(crate) use crate::github::session::ref_moves::DefaultBranchPolicy;
pub use crate::github::session::ref_moves::{GitHubRefMove, JudgedRefMove};
pub use crate::github::session::{GitHubSession, GitHubSource, JudgedEvent, JudgedPullRequest};

/// The messages of every file that gives findings or notes.
pub(crate) const GITHUB_MESSAGES: &[&[&MessageTemplate]] = &[
    facts::MESSAGES,
    facts::as_of_merge::MESSAGES,
    judge::MESSAGES,
    judge::group_base::MESSAGES,
    judge::judged_group::MESSAGES,
    judge::landed_content::MESSAGES,
    judge::landing_message::MESSAGES,
    judge::merge_queue::MESSAGES,
    judge::pushed::MESSAGES,
    judge::refusals::MESSAGES,
    judge::second_look::MESSAGES,
    session::MESSAGES,
];
