//! The accounts in GitHub's answers, as policies and records write them.

use std::collections::HashMap;

use crate::change::pull_request::ForgeAccount;
use crate::change::{Change, FactKind, Missing, Text};
use crate::github::api::graphql::GraphqlActor;
use crate::github::api::request::{GitHubFailure, printable_line};
use crate::github::api::rest::{
    RestActivity, RestCommit, RestOptionalUser, RestPullRequest, RestReview, RestUser,
};
use crate::github::facts::details::{PullRequestDetails, UserLogin};
use crate::github::facts::timeline::TimelineItem;
use crate::people::PeopleDirectory;

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

/// Checks that the answers about a pull request give no two people one account number, and no person two: it tells
/// whether two names are of one person, and whether one name is. Lists that could not be read are gaps of their own.
///
/// Only people are compared, since GitHub writes some of its bots under more than one name.
///
/// # Errors
///
/// Fails if two logins have the same number, or one login has two.
pub(crate) fn check_accounts(
    pull: &RestPullRequest,
    listed: &[RestCommit],
    activity: &Result<Vec<RestActivity>, GitHubFailure>,
    reviews: &Result<Vec<RestReview>, GitHubFailure>,
    details: Result<&PullRequestDetails, &GitHubFailure>,
) -> Result<(), GitHubFailure> {
    let mut users: Vec<NumberedLogin<'_>> = Vec::new();
    users.extend(pull.user.iter().chain(&pull.merged_by).map(NumberedLogin::from));
    for commit in listed {
        users.extend(commit.author.iter().chain(&commit.committer).map(NumberedLogin::from));
    }
    let pushers = activity.iter().flatten().filter_map(|activity| activity.actor.as_ref());
    let reviewers = reviews.iter().flatten().filter_map(|review| review.user.as_ref());
    users.extend(pushers.chain(reviewers).map(NumberedLogin::from));
    if let Ok(details) = details {
        let authors = details.authors.iter().flat_map(|authors| authors.values()).flatten();
        users.extend(authors.filter_map(|author| author.user.as_ref()).map(NumberedLogin::from));
        let comments = details.comments.iter().flatten().filter_map(|comment| comment.author.as_ref());
        let threads = details.threads.iter().flatten().flat_map(|thread| &thread.comments.nodes);
        let happened = details.timeline.iter().flatten().filter_map(TimelineItem::actor);
        let statuses = details.statuses.iter().flatten().filter_map(|status| status.creator.as_ref());
        let actors = comments.chain(threads.filter_map(|comment| comment.author.as_ref()));
        users.extend(actors.chain(happened).chain(statuses).map(NumberedLogin::from));
    }
    check_numbers(users)
}

fn check_numbers<'list>(users: impl IntoIterator<Item = NumberedLogin<'list>>) -> Result<(), GitHubFailure> {
    let mut logins: HashMap<u64, &str> = HashMap::new();
    let mut numbers: HashMap<String, u64> = HashMap::new();
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
        let known = *numbers.entry(login.to_ascii_lowercase()).or_insert(number);
        if known != number {
            return Err(GitHubFailure::contradiction(format!(
                "GitHub gives the account {} two numbers, {known} and {number}",
                printable_line(login, MAX_LOGIN_CHARS)
            )));
        }
    }
    Ok(())
}

/// Takes the rights of accounts whose number a policy lists and GitHub does not tell: another person may have the login by
/// now. Whether they may approve and who set a label are gaps then, and what they dismissed was dismissed by nobody known.
pub(crate) fn require_listed_numbers(change: &mut Change, people: &[&PeopleDirectory]) {
    let Ok(pull) = &mut change.pull else { return };
    let is_unnumbered = |by: &Option<ForgeAccount>| {
        by.as_ref().is_some_and(|by| people.iter().any(|people| people.lacks_listed_number(by)))
    };
    let gap = |kind: FactKind| {
        let why = "the policy lists an account by its number, and GitHub does not tell it";
        Missing::Unavailable(kind, why.to_owned())
    };
    for review in pull.reviews.iter_mut().flatten() {
        if is_unnumbered(&review.by) && review.may_approve != Ok(false) {
            review.may_approve = Err(gap(FactKind::Reviews));
        }
        if let Some(dismissal) = &mut review.dismissal
            && is_unnumbered(&dismissal.by)
        {
            dismissal.by = None;
        }
    }
    for comment in pull.comments.iter_mut().flatten() {
        if is_unnumbered(&comment.by) && comment.may_approve != Ok(false) {
            comment.may_approve = Err(gap(FactKind::Comments));
        }
    }
    for label in pull.labels.iter_mut().flatten() {
        if label.by.as_ref().is_ok_and(is_unnumbered) {
            label.by = Err(gap(FactKind::Pull));
        }
    }
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

impl<'list> From<&'list GraphqlActor> for NumberedLogin<'list> {
    fn from(actor: &'list GraphqlActor) -> Self {
        NumberedLogin { login: Some(&actor.login), number: actor.database_id, kind: actor.kind.as_deref() }
    }
}

impl<'list> From<&'list UserLogin> for NumberedLogin<'list> {
    fn from(user: &'list UserLogin) -> Self {
        let kind = if user.login.ends_with("[bot]") { "Bot" } else { "User" };
        NumberedLogin { login: Some(&user.login), number: user.database_id, kind: Some(kind) }
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
    fn two_people_with_one_number_and_one_with_two_are_a_contradiction() {
        let user = |login, number, kind| NumberedLogin { login: Some(login), number, kind: Some(kind) };
        let is_sound = |users: &[NumberedLogin<'_>]| check_numbers(users.iter().copied()).is_ok();
        assert!(!is_sound(&[user("ana", Some(7), "User"), user("ben", Some(7), "User")]));
        assert!(is_sound(&[user("ana", Some(7), "User"), user("Ana", Some(7), "User")]));
        assert!(is_sound(&[user("ana", Some(7), "User"), user("ben", Some(8), "User")]));
        assert!(!is_sound(&[user("ana", Some(7), "User"), user("Ana", Some(8), "User")]));
        assert!(is_sound(&[user("ana", None, "User"), user("ben", None, "User")]));
        assert!(is_sound(&[user("Copilot", Some(7), "Bot"), user("copilot-agent[bot]", Some(7), "Bot")]));
    }
}
