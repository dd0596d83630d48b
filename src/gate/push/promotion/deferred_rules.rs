//! What a check before a push cannot say of commits that the policy ref holds already.

use anyhow::Result;

use crate::change::{Oid, Text};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::push::promotion::branch_rules::BranchRules;
use crate::git::Repository;
use crate::verdict::{Message, messages};

messages! {
    PROMOTED_LATER = "push.promoted-later":
        "{count} {count:commit|commits} of this {count:is|are} on {branch} already, and {count:comes|come} to {target}, whose own rules ({rules}) the push asks about {count:it|them} once more; that is not checked here";
}

/// How many rules are named.
const MAX_NAMED_RULES: usize = 4;

/// Returns what is left to the push of commits up to `tip`, of which the target holds those up to `held`, where the policy
/// ref called `branch` holds `vouching`; `None` if nothing is.
///
/// # Errors
///
/// Fails if the history cannot be walked.
pub(crate) fn describe_deferred_rules(
    repository: &Repository,
    loaded: &LoadedPolicy,
    (tip, held, target): (Oid, &[Oid], &Text),
    (vouching, branch): (Oid, &str),
) -> Result<Option<Message>> {
    let mut rules = BranchRules::gather_rules(loaded, None).list_asked_again();
    if rules.is_empty() {
        return Ok(None);
    }
    let all = repository.find_new_history(tip, held)?.count_commits();
    let hidden: Vec<Oid> = held.iter().copied().chain([vouching]).collect();
    let count = all.saturating_sub(repository.find_new_history(tip, &hidden)?.count_commits());
    if count == 0 {
        return Ok(None);
    }
    let more = rules.len().saturating_sub(MAX_NAMED_RULES);
    rules.truncate(MAX_NAMED_RULES);
    let mut named: Vec<String> = rules.iter().map(|rule| rule.as_str().to_owned()).collect();
    if more > 0 {
        named.push("...".to_owned());
    }
    let message = PROMOTED_LATER.with("count", count).with("branch", Text::from(branch));
    Ok(Some(message.with("target", target).with("rules", named)))
}
