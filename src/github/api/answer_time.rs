//! The latest time that an answer of GitHub can tell of.

use std::time::Duration;

use jiff::Timestamp;

use crate::github::api::{GitHubClient, ResponseSource};
use crate::http::read_clock;

/// How long after its beginning a recorded run may have ended.
const MAX_RECORDED_RUN: Duration = Duration::from_secs(3600);

impl GitHubClient {
    /// Returns the latest time that an answer can tell of: the present one, which is later than the instant that
    /// everything is judged at, or for a recording the end of a run as long as runs are.
    pub(crate) fn latest_answer_time(&self) -> Timestamp {
        let since_start = match self.source {
            ResponseSource::Recording(_) => MAX_RECORDED_RUN,
            ResponseSource::Live { .. } => self.deadline.time_spent(read_clock()),
        };
        self.now.saturating_add(since_start).unwrap_or(self.now)
    }
}
