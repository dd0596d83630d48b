//! What refuses a pull request before or beside the rules of its policy.

use jiff::Timestamp;

use crate::change::{Change, Fact, FactKind, Missing, Oid, PathChange, PolicyEffect, Text};
use crate::gate::policy_effect::{count_differences, list_policy_change_notes, unknown_effect};
use crate::gate::{LoadedPolicy, UnusablePolicy, build_init_command, check_policy, policy_fault_finding};
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::rest::RestPullRequest;
use crate::github::judge::governing_policies::GoverningPolicies;
use crate::github::judge::policy_at_commit::{self, PolicyFetchError, load_policy_files};
use crate::push::{GateRule, refuse_by_rule};
use crate::verdict::{Finding, Fixer, Judgement, Message, MessageValue, messages};

messages! {
    POLICY_ABSENT = "github.policy-absent": "there is no `{path}` at {place}, so nothing can be judged";
    POLICY_REMOVED = "github.policy-removed": "this change removes the policy `{path}`";
    POLICY_UNPROTECTS = "github.policy-unprotects":
        "after this change, {target} would no longer be under change control";
    POLICY_UNREADABLE = "github.policy-unreadable": "cannot read the policy as this change leaves it: {detail}";
    PATHS_UNREADABLE = "github.paths-unreadable":
        "cannot tell whether this changes the policy, because the changed files cannot be read: {detail}";
    PATHS_UNKNOWN = "github.paths-unknown":
        "cannot tell whether this changes the policy, because the changed files are not known";
}

/// Returns the refusal where `place` has no policy that can be used.
pub(crate) fn refuse_unusable_policy(why: &UnusablePolicy, path: &str, place: &Text) -> Judgement {
    match why {
        UnusablePolicy::Absent => {
            let finding = Finding::new(POLICY_ABSENT.with("path", path).with("place", place))
                .fixed_by(Fixer::PolicyOwner)
                .with_paste(build_init_command(path));
            refuse_by_rule(GateRule::PolicyPresent, finding)
        }
        UnusablePolicy::Faulty(errors) => {
            let finding = policy_fault_finding(errors, Fixer::PolicyOwner);
            refuse_by_rule(GateRule::PolicyValid, finding)
        }
    }
}

/// The policy as a pull request would leave it.
pub(crate) enum ProposedPolicy {
    /// It touches no file of the policy.
    Unchanged,
    /// It is not known whether it touches one.
    Unknown(Missing),
    /// It touches one, and leaves this.
    Read(Box<Result<LoadedPolicy, PolicyFetchError>>),
}

impl ProposedPolicy {
    /// Reads the policy as a change leaves it, only if one of its files changes: it costs requests.
    pub(crate) async fn read_policy(
        client: &GitHubClient,
        name: &PullRequestName,
        policy_path: &str,
        head: Oid,
        policies: &GoverningPolicies,
        change: &Change,
    ) -> ProposedPolicy {
        let paths = match change.pull.as_deref().map(|pull| &pull.paths) {
            Ok(Ok(paths)) => paths,
            Ok(Err(missing)) | Err(missing) => return ProposedPolicy::Unknown(missing.clone()),
        };
        let mut files = policies.branch_policies().flat_map(LoadedPolicy::file_paths);
        if !files.any(|path| is_path_changed(paths, path)) {
            return ProposedPolicy::Unchanged;
        }
        let called = format!("the head of {name}");
        let read = load_policy_files(client, &name.repo, head, policy_path, &called, None).await;
        ProposedPolicy::Read(Box::new(read))
    }

    /// Returns what the change does to the policies that the branch has, and will have when it lands.
    pub(crate) fn find_effect(&self, policies: &GoverningPolicies) -> Fact<PolicyEffect> {
        let new = match self {
            ProposedPolicy::Unchanged => return Ok(PolicyEffect::default()),
            ProposedPolicy::Unknown(missing) => {
                return Err(missing.clone().for_fact_kind(FactKind::PolicyChange));
            }
            ProposedPolicy::Read(read) => match read.as_ref() {
                Ok(new) => new,
                Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)) => {
                    return Ok(PolicyEffect { looser: 1, ..PolicyEffect::default() });
                }
                Err(PolicyFetchError::Unusable(UnusablePolicy::Faulty(_))) => {
                    return Err(unknown_effect("the policy that it leaves cannot be used".to_owned()));
                }
                Err(PolicyFetchError::NotFetched(failure)) => {
                    return Err(unknown_effect(failure.why.clone()));
                }
            },
        };
        let mut effect = PolicyEffect::default();
        for old in policies.branch_policies() {
            effect = effect.combine_with(count_differences(old, new)?);
        }
        Ok(effect)
    }

    /// Returns the notes about what the change makes of the policy of the branch.
    pub(crate) fn list_notes(&self, policies: &GoverningPolicies, name: &PullRequestName) -> Vec<Message> {
        let ProposedPolicy::Read(read) = self else { return Vec::new() };
        let Ok(new) = read.as_ref() else { return Vec::new() };
        list_policy_change_notes(&policies.own, new, &Text::from(name.to_string()))
    }

    /// Returns the refusal of a pull request after which its base branch would have no policy that can be used,
    /// or one that does not protect it.
    pub(crate) fn refuse_policy_break(
        &self,
        policy_path: &str,
        pull: &RestPullRequest,
        at: Timestamp,
    ) -> Option<Judgement> {
        let finding = match self {
            ProposedPolicy::Unchanged => return None,
            ProposedPolicy::Unknown(missing) => unknown_paths_finding(missing),
            ProposedPolicy::Read(read) => {
                let target = Text::from(format!("refs/heads/{}", pull.base.branch));
                find_left_break(read.as_ref(), policy_path, target, at)?
            }
        };
        Some(refuse_by_rule(GateRule::PolicyValid, finding))
    }
}

/// The policy as a change leaves it.
pub(crate) struct LeftPolicy<'a> {
    pub(crate) path: &'a str,
    pub(crate) commit: Oid,
    /// What the commit is called in messages.
    pub(crate) called: &'a str,
}

impl LeftPolicy<'_> {
    /// Returns what is wrong if the branch `target` would have no policy that can be used, or one that does
    /// not protect it.
    pub(crate) async fn find_break(
        &self,
        client: &GitHubClient,
        repo: &RepositoryName,
        target: Text,
        at: Timestamp,
    ) -> Option<Finding> {
        let LeftPolicy { path, commit, called } = *self;
        let left = policy_at_commit::load_policy(client, repo, commit, path, called, None).await;
        find_left_break(&left, path, target, at)
    }
}

/// Returns what is wrong with the policy that a change leaves at `path`.
fn find_left_break(
    left: &Result<LoadedPolicy, PolicyFetchError>,
    path: &str,
    target: Text,
    at: Timestamp,
) -> Option<Finding> {
    match left {
        Ok(new) if new.policy.protects_ref(target.as_bytes()) => {
            let errors = check_policy(new, std::slice::from_ref(&target), at).err()?;
            Some(policy_fault_finding(&errors, Fixer::Author))
        }
        Ok(_) => Some(Finding::new(POLICY_UNPROTECTS.with("target", target))),
        Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)) => {
            Some(Finding::new(POLICY_REMOVED.with("path", path)))
        }
        Err(PolicyFetchError::Unusable(UnusablePolicy::Faulty(errors))) => {
            Some(policy_fault_finding(errors, Fixer::Author))
        }
        Err(PolicyFetchError::NotFetched(failure)) => {
            let detail = MessageValue::unrecorded(Text::from(failure.why.as_str()));
            let finding = Finding::new(POLICY_UNREADABLE.with("detail", detail));
            Some(finding.fixed_by(Fixer::GateAdministrator))
        }
    }
}

fn unknown_paths_finding(missing: &Missing) -> Finding {
    let message = match missing {
        Missing::Unavailable(_, why) | Missing::TooLarge(_, why) | Missing::NotGiven(_, why) => {
            PATHS_UNREADABLE.with("detail", MessageValue::unrecorded(Text::from(why.as_str())))
        }
        Missing::NotAtThisStage(_) | Missing::NotConfigured(_) => (&PATHS_UNKNOWN).into(),
    };
    Finding::new(message).fixed_by(Fixer::GateAdministrator)
}

/// Returns whether `path` changes, or one of the folders above it: a folder can be replaced by a link, and what
/// lies below it then changes without being listed.
pub(crate) fn is_path_changed(changes: &[PathChange], path: &str) -> bool {
    for change in changes {
        if let Some(rest) = path.as_bytes().strip_prefix(change.path.as_bytes())
            && (rest.is_empty() || rest.starts_with(b"/"))
        {
            return true;
        }
    }
    false
}
