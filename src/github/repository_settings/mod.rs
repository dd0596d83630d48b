//! Whether a repository's settings make the gate a control, or only a decoration.
//!
//! A gate that does not stand in the way proves nothing, however good its verdicts are. Each question
//! here is about one way past it: is the check asked for, from the app that reports it, of everybody;
//! do approvals end with a push; who may edit the gate. What the token may not see is said to be
//! unknown, and is never taken for good.
//!
//! Reading is the caller's: the questions are functions of GitHub's answers.

pub(crate) mod branch_protection;
pub(crate) mod gate_files;
pub(crate) mod reviews;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::github::api::request::GitHubFailure;
use crate::github::repository_settings::branch_protection::BranchProtection;

/// What was found about one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingAdvice {
    /// How it stands.
    pub health: SettingHealth,
    /// What was found, as a sentence without a full stop.
    pub what: String,
    /// What to do about it, if there is something to do.
    pub fix: Option<String>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingHealth {
    /// It is as it should be.
    Good,
    /// It could not be seen.
    Unknown,
    /// It is a way past the gate.
    Weak,
}

/// What is asked about.
#[derive(Clone, Debug)]
pub struct ExaminedRepository<'a> {
    /// The repository, as in `acme/shop`.
    pub repository: &'a str,
    /// The branch; the default branch if it is left out.
    pub branch: Option<&'a str>,
    /// The name of the check that has to be required.
    pub check_name: &'a str,
    /// The id of the app that reports it; GitHub Actions unless somebody says otherwise.
    pub app_id: u64,
    /// Where the policy stands.
    pub policy_path: &'a str,
}

/// The id of the app by which GitHub Actions reports checks on github.com.
pub const GITHUB_ACTIONS_APP_ID: u64 = 15368;

/// Fetches what stands at a path of the API, all pages of it.
pub type ApiFetch<'a> = dyn FnMut(&str) -> Result<Value, GitHubFailure> + 'a;

/// What was found about a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsExamination {
    /// The branch that was looked at.
    pub branch: String,
    /// What was found, in the order of the questions.
    pub advice: Vec<SettingAdvice>,
}

impl SettingAdvice {
    fn good(what: impl Into<String>) -> Self {
        SettingAdvice { health: SettingHealth::Good, what: what.into(), fix: None }
    }

    fn weak(what: impl Into<String>, mend: impl Into<String>) -> Self {
        SettingAdvice { health: SettingHealth::Weak, what: what.into(), fix: Some(mend.into()) }
    }

    fn unknown(what: impl Into<String>, mend: impl Into<String>) -> Self {
        SettingAdvice { health: SettingHealth::Unknown, what: what.into(), fix: Some(mend.into()) }
    }
}

impl SettingsExamination {
    /// Returns how the worst of it stands.
    pub fn worst_health(&self) -> SettingHealth {
        self.advice.iter().map(|advice| advice.health).max().unwrap_or(SettingHealth::Unknown)
    }
}

/// Asks every question about a repository.
///
/// # Errors
///
/// Says why the repository itself cannot be read.
pub fn examine_repository(
    subject: &ExaminedRepository<'_>,
    ask: &mut ApiFetch<'_>,
) -> Result<SettingsExamination, GitHubFailure> {
    let repository = ask(&format!("/repos/{}", subject.repository))?;
    let branch = subject.branch.or_else(|| repository.get("default_branch").and_then(Value::as_str));
    let branch = branch.unwrap_or("main").to_owned();
    let protection = BranchProtection::read_protection(subject.repository, &branch, ask);
    let mut advice = branch_protection::advise_required_check(subject, &protection);
    advice.extend(branch_protection::advise_bypass(&protection));
    advice.extend(branch_protection::advise_history(&protection));
    advice.extend(reviews::advise_reviews(&protection));
    advice.extend(gate_files::advise_gate_files(subject, &branch, &protection, ask));
    advice.extend(advise_on_token(&repository));
    Ok(SettingsExamination { branch, advice })
}

/// Says what the token that asks may do: a gate only reads.
fn advise_on_token(repository: &Value) -> Vec<SettingAdvice> {
    let may = |right: &str| {
        repository.get("permissions").and_then(|rights| rights.get(right)).and_then(Value::as_bool)
    };
    match (may("admin"), may("push")) {
        (Some(true), _) => vec![SettingAdvice::good(
            "this token administrates the repository: right for the doctor, too much for the gate",
        )],
        (_, Some(true)) => {
            vec![SettingAdvice::good(
                "this token may write to the repository; the gate needs no more than to read",
            )]
        }
        (_, Some(false)) => vec![SettingAdvice::good("this token reads and does not write")],
        (_, None) => vec![SettingAdvice::unknown(
            "GitHub does not say what this token may do",
            "give the gate `contents`, `pull-requests`, `checks`, `statuses` and `issues`, all `read`",
        )],
    }
}
