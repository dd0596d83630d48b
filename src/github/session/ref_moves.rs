//! What happened to the refs of a repository, as GitHub records it, judged one move after another: the source
//! of a ledger that is kept without a server.
//!
//! The event of a run says which move to look at. Everything else is asked for: who moved what, when, from
//! where; which refs are under change control; what brought the commits.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::change::{Change, Fact, FactKind, Missing, NeededFacts, Oid, PusherIdentity, Text};
use crate::gate::obligations::MergedPull;
use crate::gate::{LoadedPolicy, PushFacts, UnusablePolicy};
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName, escape_path};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestActivity, RestComparison, RestGitRef};
use crate::github::facts::PusherSource;
use crate::github::facts::accounts::account_of_user;
use crate::github::judge::GitHubJudgeOptions;
use crate::github::judge::branch_tips::read_default_branch;
use crate::github::judge::completed_push::{CompletedPush, RecordedMoveKind, classify_ref_update};
use crate::github::judge::governing_policies::GoverningPolicies;
use crate::github::judge::judged_group::{ChangeLanding, JudgedGroup, build_report};
use crate::github::judge::policy_at_commit::{self, PolicyFetchError};
use crate::github::judge::pushed::{JudgedPush, judge_completed_push};
use crate::github::session::GitHubSession;
use crate::pattern::RefPattern;
use crate::policy::Policy;
use crate::report::{PolicyReference, Report};
use crate::verdict::{Judgement, RuleId, RuleOutcome, Verdict};

/// A move of a ref, as GitHub records it.
#[derive(Clone, Debug, PartialEq)]
pub struct GitHubRefMove {
    /// The full name of the ref.
    pub ref_name: String,
    /// Where it pointed; `None` if it did not exist.
    pub old_tip: Option<Oid>,
    /// Where it pointed afterwards; `None` if it was deleted.
    pub new_tip: Option<Oid>,
    /// The account that moved it.
    pub moved_by: Fact<PusherIdentity>,
    /// When it moved, by GitHub's clock; `None` if GitHub does not say.
    pub moved_at: Option<Timestamp>,
    /// How it moved; `None` if GitHub's record of the ref was not read, or does not say.
    pub recorded_as: Option<RecordedMoveKind>,
}

/// A move of a ref with everything that is recorded about it.
#[derive(Clone, Debug)]
pub struct JudgedRefMove {
    /// The report on the move and its changes.
    pub report: Report,
    /// When it happened, or when it was looked at if GitHub does not say.
    pub observed_at: Timestamp,
    /// The policies that it was judged by, that of the ref first; empty if none could be used.
    pub policy_sources: Vec<PolicyReference>,
    /// The tree of the commit that the ref points at since then, if that is known.
    pub new_tree: Option<Oid>,
    /// The refusals of the move itself, or of a pull request as a whole.
    pub refusals: Vec<Judgement>,
    /// The verdict on each change, oldest first.
    pub verdicts: Vec<Verdict>,
    /// The changes themselves, in the same order, and what they do about obligations.
    pub push_facts: PushFacts,
    /// The pull requests that brought changes.
    pub merged_pulls: Vec<MergedPull>,
}

impl GitHubSession {
    /// Returns the policy of the default branch, and the full name of that branch; `None` if there is no policy
    /// that can be used.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked.
    pub(crate) fn load_default_policy(
        &self,
        repo: &RepositoryName,
        options: &GitHubJudgeOptions,
    ) -> Result<Option<(LoadedPolicy, Text)>, GitHubFailure> {
        self.runtime.block_on(async {
            let (default, tip) = read_default_branch(&self.client, repo).await?;
            let path = &options.policy_path;
            match policy_at_commit::load_policy(&self.client, repo, tip, path, &default, None).await {
                Ok(loaded) => Ok(Some((loaded, Text::from(default)))),
                Err(PolicyFetchError::Unusable(_)) => Ok(None),
                Err(PolicyFetchError::NotFetched(failure)) => Err(failure),
            }
        })
    }

    /// Returns where the refs point that one of these patterns matches.
    ///
    /// # Errors
    ///
    /// Fails if they cannot all be read.
    pub(crate) fn list_ref_tips(
        &self,
        repo: &RepositoryName,
        protects: &[RefPattern],
    ) -> Result<BTreeMap<Text, Oid>, GitHubFailure> {
        let mut tips = BTreeMap::new();
        let mut starts: Vec<&str> = Vec::new();
        for pattern in protects {
            let (Ok(start) | Err(start)) = pattern.find_search_scope();
            match start.strip_prefix("refs/").unwrap_or(start).trim_end_matches('/') {
                // GitHub lists nothing for an empty name.
                "" => starts.extend(["heads", "tags"]),
                start => starts.push(start),
            }
        }
        starts.sort_unstable();
        starts.dedup();
        for start in starts {
            let path = format!("{}/git/matching-refs/{}", repo.rest_path(), escape_path(start));
            let found: Vec<RestGitRef> = self.runtime.block_on(self.client.fetch_whole_list(path))?;
            for found in found {
                if protects.iter().any(|pattern| pattern.matches_ref(found.name.as_bytes())) {
                    tips.insert(Text::from(found.name), found.object.sha);
                }
            }
        }
        Ok(tips)
    }

    /// Returns the moves of a ref, newest first, until they are enough, or as far as GitHub records them.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked.
    pub(crate) fn list_ref_moves(
        &self,
        repo: &RepositoryName,
        name: &str,
        is_enough: &dyn Fn(&[GitHubRefMove]) -> bool,
    ) -> Result<Vec<GitHubRefMove>, GitHubFailure> {
        let path = format!("{}/activity?ref={}&per_page=100", repo.rest_path(), escape_path(name));
        let convert_page = |page: Vec<RestActivity>| {
            page.iter().filter_map(|activity| convert_activity(name, activity)).collect()
        };
        self.runtime.block_on(self.client.fetch_list(path, convert_page, is_enough))
    }

    /// Returns whether one commit is part of the history of another.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked, and not if it no longer knows one of them.
    pub(crate) fn is_ancestor(
        &self,
        repo: &RepositoryName,
        from: Oid,
        to: Oid,
    ) -> Result<bool, GitHubFailure> {
        let path = format!("{}/compare/{from}...{to}?per_page=1", repo.rest_path());
        match self.runtime.block_on(self.client.fetch_json::<RestComparison>(path)) {
            Ok(compared) => Ok(matches!(compared.status.as_str(), "ahead" | "identical")),
            Err(GitHubFailure { status: Some(404), .. }) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Judges a move that has happened, by what was there when it did; `None` if the ref is not under change
    /// control. `base` is the policy of the default branch.
    ///
    /// # Errors
    ///
    /// Fails if GitHub does not tell enough to judge anything, or says that the ref has not moved.
    pub(crate) fn judge_ref_move(
        &self,
        repo: &RepositoryName,
        moved: &GitHubRefMove,
        options: &GitHubJudgeOptions,
        base: Option<DefaultBranchPolicy<'_>>,
    ) -> Result<Option<JudgedRefMove>, GitHubFailure> {
        let Some(update) = classify_ref_update(moved.old_tip, moved.new_tip, false) else {
            return Err(GitHubFailure::new("the ref has not moved"));
        };
        let at = moved.moved_at.unwrap_or(self.client.now());
        let landed = CompletedPush {
            repo,
            ref_name: &moved.ref_name,
            update,
            pushed_at: Some(at),
            pusher: moved.moved_by.as_ref().ok().cloned(),
            recorded_as: moved.recorded_as,
        };
        let judged = self.runtime.block_on(judge_completed_push(&self.client, &landed, options))?;
        if judged.groups.is_empty() {
            return Ok(None);
        }
        // What could not be read today is recorded when it can be.
        if let Some(failure) = judged.groups.iter().find_map(|group| group.failure.clone()) {
            return Err(failure);
        }
        match assemble_judged_move(&self.client, judged, at, (base, &moved.moved_by)) {
            Ok(done) => Ok(Some(done)),
            Err(why) => Err(GitHubFailure::new(why)),
        }
    }

    /// Returns a pull request with its reviews as they are now.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read.
    pub(crate) fn read_current_reviews(&self, name: &PullRequestName) -> Result<Change, GitHubFailure> {
        let needs = NeededFacts::from([FactKind::Reviews, FactKind::Approvals]);
        self.gather_change(name, &needs, PusherSource::NotNeeded)
    }

    /// Returns the policy at `path` in a commit; `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read or used.
    pub(crate) fn load_policy_at(
        &self,
        repo: &RepositoryName,
        commit: Oid,
        path: &str,
    ) -> Result<Option<LoadedPolicy>, GitHubFailure> {
        let called = commit.short_hex();
        let loaded = policy_at_commit::load_policy(&self.client, repo, commit, path, &called, None);
        match self.runtime.block_on(loaded) {
            Ok(loaded) => Ok(Some(loaded)),
            Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)) => Ok(None),
            Err(PolicyFetchError::NotFetched(failure)) => Err(failure),
            Err(PolicyFetchError::Unusable(UnusablePolicy::Faulty(_))) => {
                Err(GitHubFailure::new(format!("the policy {path} at {called} cannot be used")))
            }
        }
    }

    /// Returns the policy at `path` of a commit; `None` if there is none that can be used.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read.
    pub(crate) fn find_usable_policy(
        &self,
        repo: &RepositoryName,
        commit: Oid,
        path: &str,
    ) -> Result<Option<LoadedPolicy>, GitHubFailure> {
        let called = commit.short_hex();
        let loaded = policy_at_commit::load_policy(&self.client, repo, commit, path, &called, None);
        match self.runtime.block_on(loaded) {
            Ok(loaded) => Ok(Some(loaded)),
            Err(PolicyFetchError::Unusable(_)) => Ok(None),
            Err(PolicyFetchError::NotFetched(failure)) => Err(failure),
        }
    }
}

/// The policy of the default branch, which says who may regularise what.
#[derive(Clone, Copy)]
pub(crate) struct DefaultBranchPolicy<'a> {
    pub(crate) policy: &'a Policy,
    /// The full name of the default branch.
    pub(crate) branch: &'a Text,
    /// True if it is the last one that was decided, and the branch holds another.
    pub(crate) is_decided_earlier: bool,
}

/// Returns a move of a ref from GitHub's record; `None` if that does not tell where it began.
fn convert_activity(name: &str, activity: &RestActivity) -> Option<GitHubRefMove> {
    let moved_by = match account_of_user(activity.actor.as_ref()) {
        Some(account) => Ok(PusherIdentity::Account(account.id)),
        None => Err(Missing::Unavailable(FactKind::Pusher, "the account that moved it is gone".into())),
    };
    Some(GitHubRefMove {
        ref_name: name.to_owned(),
        old_tip: activity.before?.none_if_null(),
        new_tip: activity.after.none_if_null(),
        moved_by,
        moved_at: activity.timestamp,
        recorded_as: activity.kind.as_deref().map(RecordedMoveKind::from_activity),
    })
}

/// Puts together what is recorded about a move, the changes in the order of their steps. Who moved the ref counts
/// as who landed them; for a pull request that GitHub's record of moves does not have yet, who merged it.
fn assemble_judged_move(
    client: &GitHubClient,
    judged: JudgedPush,
    at: Timestamp,
    (base, by): (Option<DefaultBranchPolicy<'_>>, &Fact<PusherIdentity>),
) -> Result<JudgedRefMove, String> {
    // Everything of the record is made of the groups before they become the report.
    let JudgedPush { groups: done, policies, new_tree } = judged;
    let mut refusals = Vec::new();
    let mut changes: Vec<(ChangeLanding, Verdict, Change)> = Vec::new();
    for JudgedGroup { group, changes: judged, landings, .. } in &done {
        refusals.extend(group.refusals.iter().cloned());
        for ((landing, verdict), change) in landings.iter().zip(&group.verdicts).zip(judged) {
            changes.push((landing.clone(), verdict.clone(), change.clone()));
        }
    }
    changes.sort_by_key(|(landing, ..)| landing.step_index);
    let report = build_report(client, done);
    let mut push_facts = PushFacts::default();
    let mut verdicts = Vec::new();
    let mut merged_pulls = Vec::new();
    if let Some(policies) = &policies {
        let loaded = &policies.own;
        let name = match changes.first() {
            Some((_, _, change)) => change.target.clone().unwrap_or_default(),
            None => Text::default(),
        };
        // On the default branch it is the policy from before the move that counts.
        let base = match base {
            Some(base) if *base.branch == name && !base.is_decided_earlier => Some(&loaded.policy),
            Some(base) => Some(base.policy),
            None => None,
        };
        let mut ref_facts = push_facts.begin_ref(&name, policies.obligations());
        for (landing, verdict, change) in changes {
            // GitHub's record of moves may come later than the run.
            let mut landed_by = by.clone();
            if let (Err(_), Some(account)) = (by, &landing.merged_by) {
                landed_by = Ok(PusherIdentity::Account(account.clone()));
            }
            let landed_by = base.map(|base| (base, &landed_by));
            ref_facts.add_change(&change, &loaded.policy, landed_by, &verdict)?;
            if let (Some(pull), Some(revision)) = (&landing.pull, verdict.revision) {
                merged_pulls.push(MergedPull {
                    change: revision,
                    pull: Text::from(pull.to_string()),
                    landed_as: landing.landed_as,
                    reviewable: list_reviewable_rules(&verdict, policies),
                });
            }
            verdicts.push(verdict);
        }
    }
    Ok(JudgedRefMove {
        report,
        observed_at: at,
        policy_sources: policies.as_ref().map(GoverningPolicies::origins).unwrap_or_default(),
        new_tree,
        refusals,
        verdicts,
        push_facts,
        merged_pulls,
    })
}

/// Returns the rules that have an open obligation and ask for approvals too, so that an approval can close it.
fn list_reviewable_rules(verdict: &Verdict, policies: &GoverningPolicies) -> Vec<RuleId> {
    let mut found = Vec::new();
    for judgement in &verdict.judgements {
        if !matches!(judgement.outcome, RuleOutcome::Owed(_)) {
            continue;
        }
        let id = &judgement.rule.id;
        let mut needs = NeededFacts::new();
        for rule in policies.policies().flat_map(|policy| &policy.rules) {
            if rule.description.id == *id {
                rule.require.add_needs(&mut needs);
            }
        }
        if needs.contains(&FactKind::Approvals) {
            found.push(id.clone());
        }
    }
    found
}
