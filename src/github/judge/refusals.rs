//! What refuses a pull request before or beside the rules of its policy.

use jiff::Timestamp;

use crate::change::{Change, Missing, Oid, PathChange, Text};
use crate::gate::{LoadedPolicy, UnusablePolicy, build_init_command, check_policy, policy_fault_finding};
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::rest::RestPullRequest;
use crate::github::judge::policy_at_commit::{self, PolicyFetchError};
use crate::push::{GateRule, refuse_by_rule};
use crate::verdict::{Finding, Fixer, Judgement, MessageValue, messages};

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

/// Returns the refusal of a pull request after which its base branch would have no policy that can be used,
/// or one that does not protect it.
pub(crate) async fn refuse_policy_break(
    client: &GitHubClient,
    name: &PullRequestName,
    policy_path: &str,
    pull: &RestPullRequest,
    loaded: &LoadedPolicy,
    change: &Change,
) -> Option<Judgement> {
    let finding = find_policy_break(client, name, policy_path, pull, loaded, change).await?;
    Some(refuse_by_rule(GateRule::PolicyValid, finding))
}

async fn find_policy_break(
    client: &GitHubClient,
    name: &PullRequestName,
    policy_path: &str,
    pull: &RestPullRequest,
    loaded: &LoadedPolicy,
    change: &Change,
) -> Option<Finding> {
    // The policy as the change leaves it is loaded only if one of its files changes: it costs requests.
    let paths = match change.pull.as_deref().map(|pull| &pull.paths) {
        Ok(Ok(paths)) => paths,
        Ok(Err(missing)) | Err(missing) => return Some(unknown_paths_finding(missing)),
    };
    if !loaded.file_paths().any(|path| is_path_changed(paths, path)) {
        return None;
    }
    let target = Text::from(format!("refs/heads/{}", pull.base.branch));
    let left =
        LeftPolicy { path: policy_path, commit: pull.head.sha, called: &format!("the head of {name}") };
    left.find_break(client, &name.repo, target, change.seen_at).await
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
        match policy_at_commit::load_policy(client, repo, commit, path, called, None).await {
            Ok(new) if new.policy.protects_ref(target.as_bytes()) => {
                let errors = check_policy(&new, std::slice::from_ref(&target), at).err()?;
                Some(policy_fault_finding(&errors, Fixer::Author))
            }
            Ok(_) => Some(Finding::new(POLICY_UNPROTECTS.with("target", target))),
            Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)) => {
                Some(Finding::new(POLICY_REMOVED.with("path", path)))
            }
            Err(PolicyFetchError::Unusable(UnusablePolicy::Faulty(errors))) => {
                Some(policy_fault_finding(&errors, Fixer::Author))
            }
            Err(PolicyFetchError::NotFetched(failure)) => {
                let detail = MessageValue::unrecorded(Text::from(failure.why));
                let finding = Finding::new(POLICY_UNREADABLE.with("detail", detail));
                Some(finding.fixed_by(Fixer::GateAdministrator))
            }
        }
    }
}

fn unknown_paths_finding(missing: &Missing) -> Finding {
    let message = match missing {
        Missing::Unavailable(_, why) | Missing::TooLarge(_, why) => {
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
