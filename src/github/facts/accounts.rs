//! Accounts, as GitHub's answers name them.

use crate::change::Text;
use crate::change::pull_request::ForgeAccount;
use crate::github::api::graphql::GraphqlActor;
use crate::github::api::rest::{RestOptionalUser, RestUser};

/// The account by which GitHub records what is done in its web pages.
pub(crate) const WEB_FLOW_ACCOUNT: &str = "github:web-flow";

/// Returns the account that policies write as `github:LOGIN`.
fn build_account(login: &str, kind: Option<&str>) -> ForgeAccount {
    // GraphQL leaves off what REST and everybody else puts behind the name of a bot.
    let suffix = if kind == Some("Bot") && !login.ends_with("[bot]") { "[bot]" } else { "" };
    ForgeAccount { id: Text::from(format!("github:{login}{suffix}")), is_person: kind == Some("User") }
}

/// Returns the account of a REST answer.
pub(crate) fn account_of_user(user: Option<&RestUser>) -> Option<ForgeAccount> {
    user.map(|user| build_account(&user.login, user.kind.as_deref()))
}

/// Returns the account of a REST answer that may be an empty object.
pub(crate) fn account_of_optional_user(user: Option<&RestOptionalUser>) -> Option<ForgeAccount> {
    user.and_then(|user| Some(build_account(user.login.as_deref()?, user.kind.as_deref())))
}

/// Returns the account of a GraphQL answer.
pub(crate) fn account_of_actor(actor: Option<&GraphqlActor>) -> Option<ForgeAccount> {
    actor.map(|actor| build_account(&actor.login, actor.kind.as_deref()))
}

/// Returns the account of what GraphQL calls a user, which is never a bot.
pub(crate) fn account_of_login(login: &str) -> ForgeAccount {
    build_account(login, Some(if login.ends_with("[bot]") { "Bot" } else { "User" }))
}
