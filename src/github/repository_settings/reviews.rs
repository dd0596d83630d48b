//! Whether GitHub's own rules about reviews stand behind the gate's.
//!
//! The gate judges at one moment. Between that moment and the merge, GitHub's rules hold: a push takes
//! stale approvals away and starts the check again only if the branch asks for that.

use serde_json::Value;

use crate::github::repository_settings::SettingAdvice;
use crate::github::repository_settings::branch_protection::BranchProtection;

pub(crate) fn advise_reviews(protection: &BranchProtection) -> Vec<SettingAdvice> {
    let asked = |rule: &str, classic: &str| {
        let by_rule = protection
            .rules_of_kind("pull_request")
            .any(|parameters| parameters.get(rule).and_then(Value::as_bool) == Some(true));
        let reviews = protection
            .readable_classic_protection()
            .and_then(|found| found.get("required_pull_request_reviews"));
        by_rule || reviews.and_then(|reviews| reviews.get(classic)).and_then(Value::as_bool) == Some(true)
    };
    let pulls = protection.rules_of_kind("pull_request").next().is_some()
        || protection
            .readable_classic_protection()
            .is_some_and(|classic| classic.get("required_pull_request_reviews").is_some());
    let question = |holds: bool, good: &str, weak: &str, mend: &str| {
        if holds { SettingAdvice::good(good) } else { protection.advise_missing(weak, mend) }
    };
    vec![
        question(
            pulls,
            "nothing lands but by a pull request",
            "commits can be pushed to the branch without a pull request",
            "require a pull request before merging",
        ),
        question(
            asked("dismiss_stale_reviews_on_push", "dismiss_stale_reviews"),
            "a push takes earlier approvals away",
            "an approval stays after a push",
            "dismiss stale pull request approvals when new commits are pushed",
        ),
        question(
            asked("require_last_push_approval", "require_last_push_approval"),
            "whoever pushed last does not approve",
            "whoever pushed last can approve",
            "require approval of the most recent reviewable push",
        ),
        question(
            asked("require_code_owner_review", "require_code_owner_reviews"),
            "code owners review what is theirs",
            "nobody in particular has to review the gate's own files",
            "name owners for the policy and the workflows in CODEOWNERS, and require their review",
        ),
    ]
}
