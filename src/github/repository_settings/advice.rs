//! The advice on one setting, and what is asked to give it.

use serde_json::Value;

use crate::github::api::request::GitHubFailure;

/// The advice on one setting of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingAdvice {
    /// Whether the setting supports the gate.
    pub health: SettingHealth,
    /// What was found, as a sentence without a full stop.
    pub what: String,
    /// What to do about it; `None` if there is nothing to do.
    pub fix: Option<String>,
}

/// Whether a setting supports the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingHealth {
    /// It supports the gate.
    Good,
    /// It could not be read.
    Unknown,
    /// It keeps changes from passing, whatever is done for them.
    Broken,
    /// It leaves a way past the gate.
    Weak,
}

/// A repository to be examined, and how the gate runs there.
#[derive(Clone, Debug)]
pub struct ExaminedRepository<'a> {
    /// The repository, as in `acme/shop`.
    pub repository: &'a str,
    /// The branch; `None` for the default branch.
    pub branch: Option<&'a str>,
    /// The name of the check that has to be required.
    pub check_name: &'a str,
    /// The id of the app that reports it; GitHub Actions unless another is given.
    pub app_id: u64,
    /// The path of the policy.
    pub policy_path: &'a str,
}

/// The id of the app by which GitHub Actions reports checks on github.com.
pub const GITHUB_ACTIONS_APP_ID: u64 = 15368;

/// Fetches the answer to a path of the API, all pages of it.
pub(crate) type ApiFetch<'a> = dyn FnMut(&str) -> Result<Value, GitHubFailure> + 'a;

impl SettingAdvice {
    pub(crate) fn good_setting(what: impl Into<String>) -> Self {
        SettingAdvice { health: SettingHealth::Good, what: what.into(), fix: None }
    }

    pub(crate) fn broken_setting(what: impl Into<String>, fix: impl Into<String>) -> Self {
        SettingAdvice { health: SettingHealth::Broken, what: what.into(), fix: Some(fix.into()) }
    }

    pub(crate) fn weak_setting(what: impl Into<String>, fix: impl Into<String>) -> Self {
        SettingAdvice { health: SettingHealth::Weak, what: what.into(), fix: Some(fix.into()) }
    }

    pub(crate) fn unknown_setting(what: impl Into<String>, fix: impl Into<String>) -> Self {
        SettingAdvice { health: SettingHealth::Unknown, what: what.into(), fix: Some(fix.into()) }
    }
}
