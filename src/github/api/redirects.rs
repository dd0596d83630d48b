//! Where a redirect may lead: to the same server, and to the same repository.

use crate::github::api::request::{GitHubFailure, GitHubRequest};

/// Returns whether a redirect leads to the repository that was asked about. One that was renamed or moved is
/// another: what its name stands for now is not what the run belongs to.
pub(super) fn stays_in_repository(asked: &str, found: &str) -> bool {
    match repository_in_path(asked) {
        None => true,
        Some(asked) => repository_in_path(found).is_some_and(|found| found.eq_ignore_ascii_case(asked)),
    }
}

/// Returns `OWNER/NAME` of a path below `/repos/`.
fn repository_in_path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/repos/")?;
    let (owner, below) = rest.split_once('/')?;
    let length = below.find(['/', '?']).unwrap_or(below.len());
    rest.get(..owner.len() + 1 + length)
}

pub(super) fn moved_repository_failure(request: &GitHubRequest) -> GitHubFailure {
    GitHubFailure::new(format!(
        "GitHub's answer to {} leads to another repository; if it was renamed or moved, use its present name",
        request.describe()
    ))
}

pub(super) fn off_server_failure(request: &GitHubRequest) -> GitHubFailure {
    GitHubFailure::new(format!(
        "GitHub's answer to {} leads to another server, or around in a circle",
        request.describe()
    ))
}
