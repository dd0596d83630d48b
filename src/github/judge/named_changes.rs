//! Whether a change that `For-Change` names is in the history of the branch, as GitHub compares the two.

use crate::change::{Change, Fact, FactKind, Missing, Oid};
use crate::gate::obligations::{list_referenced_changes, parse_record_reference};
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;
use crate::github::facts::commits::compare_commits;
use crate::github::facts::conversation::missing_fact;
use crate::policy::Policy;

/// How many changes that one names are looked up.
const MAX_LOOKED_UP: usize = 20;

/// Returns whether a change names one that a branch with this tip holds; `None` for a branch that held nothing.
///
/// # Errors
///
/// Returns the reason why that is not known.
pub(crate) async fn find_named_change(
    (client, repo): (&GitHubClient, &RepositoryName),
    tip: Option<Oid>,
    policy: &Policy,
    change: &Change,
) -> Fact<bool> {
    let references = list_referenced_changes(change, policy);
    let Some(tip) = tip else { return Ok(false) };
    let mut missing = None;
    for reference in references.iter().take(MAX_LOOKED_UP) {
        if parse_record_reference(reference).is_some() {
            let why = "the ledger is not read for a pull request; name a commit".to_owned();
            missing = Some(Missing::Unavailable(FactKind::EarlierChange, why));
            continue;
        }
        match compare_commits(client, repo, &format!("{tip}...{reference}")).await {
            Ok(compared) => {
                let is_behind = matches!(compared.status.as_str(), "behind" | "identical");
                // A branch may have a name that looks like an id.
                let is_named = compared.merge_base.is_some_and(|id| id.to_string().starts_with(reference));
                if is_behind && is_named {
                    return Ok(true);
                }
            }
            Err(GitHubFailure { status: Some(404 | 422), .. }) => {}
            Err(failure) => missing = Some(missing_fact(FactKind::EarlierChange, &failure)),
        }
    }
    if references.len() > MAX_LOOKED_UP {
        let why = format!("more than {MAX_LOOKED_UP} changes are named");
        return Err(Missing::TooLarge(FactKind::EarlierChange, why));
    }
    missing.map_or(Ok(false), Err)
}
