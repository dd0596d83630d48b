//! The accounts in GitHub's answers, as policies and records write them.

use crate::change::Text;
use crate::change::pull_request::ForgeAccount;
use crate::github::api::graphql::GraphqlActor;
use crate::github::api::rest::{RestOptionalUser, RestUser};

/// The committer of commits that are made in GitHub's web pages.
pub(crate) const WEB_FLOW_ACCOUNT: &str = "github:web-flow";

/// Returns the account that policies write as `github:LOGIN`.
fn build_account(login: &str, kind: Option<&str>, number: Option<u64>) -> ForgeAccount {
    // GraphQL leaves out the suffix that REST writes after the name of a bot.
    let suffix = if kind == Some("Bot") && !login.ends_with("[bot]") { "[bot]" } else { "" };
    let id = Text::from(format!("github:{login}{suffix}"));
    ForgeAccount { id, is_person: kind == Some("User"), number }
}

/// Returns the account of a REST answer; `None` if it names none.
pub(crate) fn account_of_user(user: Option<&RestUser>) -> Option<ForgeAccount> {
    let user = user?;
    Some(build_account(&user.login, user.kind.as_deref(), user.id))
}

/// Returns the account of a REST answer that may be an empty object; `None` if it is one.
pub(crate) fn account_of_optional_user(user: Option<&RestOptionalUser>) -> Option<ForgeAccount> {
    let user = user?;
    Some(build_account(user.login.as_deref()?, user.kind.as_deref(), user.id))
}

/// Returns the account of a GraphQL answer; `None` if it names none.
pub(crate) fn account_of_actor(actor: Option<&GraphqlActor>) -> Option<ForgeAccount> {
    let actor = actor?;
    Some(build_account(&actor.login, actor.kind.as_deref(), actor.database_id))
}

/// Returns the account of what GraphQL calls a user, which is a bot only by its name.
pub(crate) fn account_of_login(login: &str, number: Option<u64>) -> ForgeAccount {
    build_account(login, Some(if login.ends_with("[bot]") { "Bot" } else { "User" }), number)
}
