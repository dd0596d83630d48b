//! Where the default branch of a repository points, and another ref beside it.

use serde::Deserialize;
use serde_json::json;

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::graphql::{GraphqlObjectId, RepositoryResponse};
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;

const BRANCH_QUERY: &str = include_str!("../api/queries/branch.graphql");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BranchRepository {
    default_branch_ref: Option<DefaultBranchRef>,
    #[serde(rename = "ref")]
    named_ref: Option<NamedRef>,
}

#[derive(Deserialize)]
struct DefaultBranchRef {
    name: String,
    target: Option<GraphqlObjectId>,
}

#[derive(Deserialize)]
struct NamedRef {
    target: Option<GraphqlObjectId>,
}

/// Where the default branch points, and another ref.
pub(crate) struct BranchTips {
    /// The full name of the default branch.
    pub(crate) default_branch: String,
    pub(crate) default_tip: Oid,
    /// Where the other ref points; `None` if it does not exist.
    pub(crate) ref_tip: Option<Oid>,
}

/// Reads where the default branch points, and the ref called `name`.
///
/// # Errors
///
/// Fails if there is no default branch.
pub(crate) async fn read_branch_tips(
    client: &GitHubClient,
    repo: &RepositoryName,
    name: &str,
) -> Result<BranchTips, GitHubFailure> {
    let variables = json!({ "owner": repo.owner, "name": repo.name, "ref": name });
    let answer: RepositoryResponse<BranchRepository> = client.run_query(BRANCH_QUERY, variables).await?;
    let Some(found) = answer.repository else {
        return Err(GitHubFailure::new(format!("GitHub has no repository {repo}, or does not show it")));
    };
    let Some(DefaultBranchRef { name: default, target: Some(target) }) = found.default_branch_ref else {
        return Err(GitHubFailure::new(format!("{repo} has no default branch")));
    };
    let ref_tip = match found.named_ref {
        Some(NamedRef { target: Some(target) }) => Some(target.oid),
        _ => None,
    };
    Ok(BranchTips { default_branch: format!("refs/heads/{default}"), default_tip: target.oid, ref_tip })
}

/// Returns the full name of the default branch, and where it points.
///
/// # Errors
///
/// Fails if there is none.
pub(crate) async fn read_default_branch(
    client: &GitHubClient,
    repo: &RepositoryName,
) -> Result<(String, Oid), GitHubFailure> {
    let found = read_branch_tips(client, repo, "HEAD").await?;
    Ok((found.default_branch, found.default_tip))
}

/// Returns the name of a branch without `refs/heads/`.
pub(crate) fn short_branch_name(full: &str) -> &str {
    full.strip_prefix("refs/heads/").unwrap_or(full)
}
