//! Accounts, as GitHub's answers name them.

use super::answers::{MaybeUser, User};
use super::graphql::Actor;
use crate::change::Text;
use crate::change::pull::Account;

/// The account by which GitHub records what is done in its web pages.
pub(super) const WEB_FLOW: &str = "github:web-flow";

/// Returns the account that policies write as `github:LOGIN`.
fn account(login: &str, kind: Option<&str>) -> Account {
    // GraphQL leaves off what REST and everybody else puts behind the name of a bot.
    let suffix = if kind == Some("Bot") && !login.ends_with("[bot]") { "[bot]" } else { "" };
    Account { id: Text::from(format!("github:{login}{suffix}")), is_person: kind == Some("User") }
}

/// Returns the account of a REST answer.
pub(super) fn of_user(user: Option<&User>) -> Option<Account> {
    user.map(|user| account(&user.login, user.kind.as_deref()))
}

/// Returns the account of a REST answer that may be an empty object.
pub(super) fn of_maybe(user: Option<&MaybeUser>) -> Option<Account> {
    user.and_then(|user| Some(account(user.login.as_deref()?, user.kind.as_deref())))
}

/// Returns the account of a GraphQL answer.
pub(super) fn of_actor(actor: Option<&Actor>) -> Option<Account> {
    actor.map(|actor| account(&actor.login, actor.kind.as_deref()))
}

/// Returns the account of what GraphQL calls a user, which is never a bot.
pub(super) fn of_login(login: &str) -> Account {
    account(login, Some(if login.ends_with("[bot]") { "Bot" } else { "User" }))
}
