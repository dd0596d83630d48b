//! The policy of the branch, examined for what only its repository shows: a check that the gate itself writes, and
//! accounts that are listed by their login alone.

use serde_json::Value;

use crate::change::FactKind;
use crate::github::repository_settings::advice::{ApiFetch, SettingAdvice, SettingHealth};
use crate::people::PeopleDirectory;
use crate::policy::Policy;

/// The accounts for which GitHub is asked for the number, at most.
const MAX_ACCOUNT_QUERIES: usize = 200;

/// Examines whether the policy asks for a check that the gate writes, whose names are `own_names`.
///
/// Such a rule is never met: the check ends after the judgement that would wait for it.
pub(crate) fn advise_own_checks(policy: &Policy, own_names: &[&str]) -> Vec<SettingAdvice> {
    let mut advice: Vec<SettingAdvice> = Vec::new();
    for name in own_names {
        for rule in policy.rules_asking_check(name) {
            let one = SettingAdvice::broken_setting(
                format!(
                    "the rule `{}` asks for the check `{name}`, which the gate itself writes",
                    rule.description.id
                ),
                format!("take `{name}` out of `checks`, and name the checks of your pipeline"),
            );
            if !advice.contains(&one) {
                advice.push(one);
            }
        }
    }
    advice
}

/// Lists the numbers of the accounts that the roster lists by their login alone, as lines to paste.
pub(crate) fn suggest_account_numbers(
    repository: &str,
    policy: &Policy,
    fetch: &mut ApiFetch<'_>,
) -> Option<SettingAdvice> {
    let people: &PeopleDirectory = &policy.people;
    // Where nobody approves by an account, a login gives no right.
    if !policy.needed_facts().contains(&FactKind::Reviews) {
        return None;
    }
    let accounts = people.list_unnumbered_accounts("github");
    let mut lines = Vec::new();
    let mut unknown = Vec::new();
    for account in accounts.iter().take(MAX_ACCOUNT_QUERIES) {
        let login = account.strip_prefix("github:").unwrap_or(account);
        // A login that is none would change the path that is asked for.
        let is_login = login.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let path = format!("/repos/{repository}/collaborators/{login}/permission");
        let answer = if is_login { fetch(&path).ok() } else { None };
        let user = answer.as_ref().and_then(|answer| answer.get("user"));
        match user.and_then(|user| find_account_number(user, login)) {
            Some((written, number)) => lines.push(format!("github:{written}#{number}")),
            None => unknown.push(format!("`{account}`")),
        }
    }
    if accounts.is_empty() {
        return None;
    }
    let mut fix = String::new();
    if !lines.is_empty() {
        fix = format!("if these are the right people, write: {}", lines.join(", "));
    }
    if !unknown.is_empty() {
        let separator = if fix.is_empty() { "" } else { "; " };
        fix.push_str(&format!("{separator}GitHub does not tell the number of {}", unknown.join(", ")));
    }
    let count = accounts.len();
    let accounts = if count == 1 { "account" } else { "accounts" };
    Some(SettingAdvice {
        // Each of them is right today. The number keeps it so.
        health: SettingHealth::Good,
        what: format!("the roster lists {count} {accounts} by login alone; another person can take a login"),
        fix: Some(fix),
    })
}

/// Returns the login as GitHub writes it and the number, if this is the account with that login.
fn find_account_number(user: &Value, login: &str) -> Option<(String, u64)> {
    let written = user.get("login").and_then(Value::as_str)?;
    let number = user.get("id").and_then(Value::as_u64)?;
    written.eq_ignore_ascii_case(login).then(|| (written.to_owned(), number))
}
