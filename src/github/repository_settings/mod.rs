//! Whether a repository's settings make the gate a control, or only a decoration.
//!
//! A gate that can be bypassed proves nothing, however good its verdicts are. Each question here is about
//! one way past it: is the check required, from the app that reports it, of everyone; do approvals
//! end with a push; who may edit the gate. What the token may not read is reported as unknown, and
//! never taken for good.
//!
//! The caller sends the requests: the questions are functions of GitHub's answers.

mod actions_policies;
mod advice;
mod branch_protection;
mod gate_files;
pub(crate) mod policy_advice;
#[cfg(test)]
mod tests;
mod workflow_triggers;

use serde_json::Value;

use crate::github::api::request::GitHubFailure;
use crate::github::repository_settings::branch_protection::BranchProtection;

pub(crate) use crate::github::repository_settings::advice::ApiFetch;
pub use crate::github::repository_settings::advice::{
    ExaminedRepository, GITHUB_ACTIONS_APP_ID, SettingAdvice, SettingHealth,
};
pub(crate) use crate::github::repository_settings::gate_files::list_check_names;

/// The advice on a repository's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsExamination {
    /// The branch that was examined.
    pub branch: String,
    /// The advice, in the order of the questions.
    pub advice: Vec<SettingAdvice>,
    /// The names of the check runs that the workflows of the branch have the gate write.
    pub(crate) check_names: Vec<String>,
}

impl SettingsExamination {
    /// Returns the worst health of all settings.
    pub(crate) fn worst_health(&self) -> SettingHealth {
        self.advice.iter().map(|advice| advice.health).max().unwrap_or(SettingHealth::Unknown)
    }
}

/// Examines the settings of a repository.
///
/// # Errors
///
/// Fails if the repository itself cannot be read.
pub(crate) fn examine_repository(
    subject: &ExaminedRepository<'_>,
    fetch: &mut ApiFetch<'_>,
) -> Result<SettingsExamination, GitHubFailure> {
    let repository = fetch(&format!("/repos/{}", subject.repository))?;
    let branch = subject.branch.or_else(|| repository.get("default_branch").and_then(Value::as_str));
    let is_branch_known = branch.is_some();
    let branch = branch.unwrap_or("main").to_owned();
    let protection = BranchProtection::read_protection(subject.repository, &branch, fetch);
    let mut advice = branch_protection::advise_required_check(subject, &protection);
    if !is_branch_known {
        advice.push(SettingAdvice::unknown_setting(
            format!("GitHub does not tell the default branch; `{branch}` was examined"),
            "name the branch with --branch",
        ));
    }
    advice.extend(branch_protection::advise_bypass(&protection));
    advice.extend(branch_protection::advise_history(&protection));
    advice.extend(branch_protection::advise_merge_queue(&protection));
    advice.extend(branch_protection::advise_reviews(&protection));
    let gate_files = gate_files::advise_gate_files(subject, &branch, &protection, fetch);
    advice.extend(gate_files.advice);
    advice.extend(actions_policies::advise_actions_policies(subject, &repository, &gate_files.events, fetch));
    advice.push(advise_on_token(&repository));
    Ok(SettingsExamination { branch, advice, check_names: gate_files.check_names })
}

/// Reports what the token may do: the gate only reads.
fn advise_on_token(repository: &Value) -> SettingAdvice {
    let may_administer = repository.pointer("/permissions/admin").and_then(Value::as_bool);
    let may_push = repository.pointer("/permissions/push").and_then(Value::as_bool);
    match (may_administer, may_push) {
        (Some(true), _) => SettingAdvice::good_setting(
            "this token administers the repository: right for the doctor, too much for the gate",
        ),
        (_, Some(true)) => {
            SettingAdvice::good_setting("this token can write to the repository; the gate only needs to read")
        }
        (_, Some(false)) => SettingAdvice::good_setting("this token can read and not write"),
        (_, None) => SettingAdvice::unknown_setting(
            "GitHub does not tell what this token may do",
            "give the gate `contents`, `pull-requests`, `checks`, `statuses` and `issues`, all `read`",
        ),
    }
}
