//! The accounts in GitHub's answers, as policies and records write them.

use std::collections::HashMap;

use crate::change::Text;
use crate::change::pull_request::ForgeAccount;
use crate::github::api::graphql::GraphqlActor;
use crate::github::api::request::{GitHubFailure, printable_line};
use crate::github::api::rest::{
    RestActivity, RestCommit, RestOptionalUser, RestPullRequest, RestReview, RestUser,
};

/// How much of a login is shown; GitHub allows 39 characters.
const MAX_LOGIN_CHARS: usize = 60;

/// The committer of commits that are made in GitHub's web pages.
pub(crate) const WEB_FLOW_ACCOUNT: &str = "github:web-flow";

/// Returns the account that policies write as `github:LOGIN`.
fn build_account(login: &str, kind: Option<&str>, number: Option<u64>) -> ForgeAccount {
    // GraphQL leaves out the suffix that REST writes after the name of a bot.
    let suffix = if kind == Some("Bot") && !login.ends_with("[bot]") { "[bot]" } else { "" };
    let id = Text::from(format!("github:{login}{suffix}"));
    ForgeAccount { id, is_person: kind == Some("User"), number }
}

/// Checks that the answers about a pull request give no two people one account number: it tells whether two names are
/// of one person. Lists that could not be read are gaps of their own.
///
/// Only people are compared, since GitHub writes some of its bots under more than one name.
///
/// # Errors
///
/// Fails if two logins have the same number.
pub(crate) fn check_accounts(
    pull: &RestPullRequest,
    listed: &[RestCommit],
    activity: &Result<Vec<RestActivity>, GitHubFailure>,
    reviews: &Result<Vec<RestReview>, GitHubFailure>,
) -> Result<(), GitHubFailure> {
    let mut users: Vec<NumberedLogin<'_>> = Vec::new();
    users.extend(pull.user.iter().chain(&pull.merged_by).map(NumberedLogin::from));
    for commit in listed {
        users.extend(commit.author.iter().chain(&commit.committer).map(NumberedLogin::from));
    }
    let pushers = activity.iter().flatten().filter_map(|activity| activity.actor.as_ref());
    let reviewers = reviews.iter().flatten().filter_map(|review| review.user.as_ref());
    users.extend(pushers.chain(reviewers).map(NumberedLogin::from));
    check_numbers(users)
}

fn check_numbers<'list>(users: impl IntoIterator<Item = NumberedLogin<'list>>) -> Result<(), GitHubFailure> {
    let mut logins: HashMap<u64, &str> = HashMap::new();
    for NumberedLogin { login, number, kind } in users {
        let (Some(login), Some(number), Some("User")) = (login, number, kind) else { continue };
        let known = logins.entry(number).or_insert(login);
        if !known.eq_ignore_ascii_case(login) {
            return Err(GitHubFailure::contradiction(format!(
                "GitHub gives the accounts {} and {} the same number, {number}",
                printable_line(known, MAX_LOGIN_CHARS),
                printable_line(login, MAX_LOGIN_CHARS)
            )));
        }
    }
    Ok(())
}

/// A login with the number and the kind of its account, as far as an answer tells them.
#[derive(Clone, Copy, Debug)]
struct NumberedLogin<'list> {
    login: Option<&'list str>,
    number: Option<u64>,
    kind: Option<&'list str>,
}

impl<'list> From<&'list RestUser> for NumberedLogin<'list> {
    fn from(user: &'list RestUser) -> Self {
        NumberedLogin { login: Some(&user.login), number: user.id, kind: user.kind.as_deref() }
    }
}

impl<'list> From<&'list RestOptionalUser> for NumberedLogin<'list> {
    fn from(user: &'list RestOptionalUser) -> Self {
        NumberedLogin { login: user.login.as_deref(), number: user.id, kind: user.kind.as_deref() }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_people_with_one_number_are_a_contradiction() {
        let user = |login, number, kind| NumberedLogin { login: Some(login), number, kind: Some(kind) };
        let is_sound = |users: &[NumberedLogin<'_>]| check_numbers(users.iter().copied()).is_ok();
        assert!(!is_sound(&[user("ana", Some(7), "User"), user("ben", Some(7), "User")]));
        assert!(is_sound(&[user("ana", Some(7), "User"), user("Ana", Some(7), "User")]));
        assert!(is_sound(&[user("ana", Some(7), "User"), user("ben", Some(8), "User")]));
        assert!(is_sound(&[user("ana", None, "User"), user("ben", None, "User")]));
        assert!(is_sound(&[user("Copilot", Some(7), "Bot"), user("copilot-agent[bot]", Some(7), "Bot")]));
    }
}
