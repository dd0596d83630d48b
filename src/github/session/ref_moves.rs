//! What happened to the refs of a repository, as GitHub tells it, judged one move after another: what a
//! ledger that is kept without a server is made of.
//!
//! The event of a run says which move to look at. Everything else is asked: who moved what, when, from
//! where; which refs are under change control; what brought the commits.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::change::{Change, Fact, FactKind, Missing, NeededFacts, Oid, PusherIdentity, Text};
use crate::gate::obligations::MergedPull;
use crate::gate::{LoadedPolicy, PushFacts, UnusablePolicy};
use crate::github::api::GitHubClient;
use crate::github::api::names::{RepositoryName, escape_path};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestActivity, RestComparison, RestGitRef};
use crate::github::facts::accounts::account_of_user;
use crate::github::judge::policy_at_commit::{self, PolicyFetchError};
use crate::github::judge::pushed::{CompletedPush, JudgedPush, judge_completed_push, read_default_branch};
use crate::github::judge::{ChangeLanding, GitHubJudgeOptions, JudgedGroup, build_report};
use crate::github::session::GitHubSession;
use crate::pattern::RefPattern;
use crate::policy::Policy;
use crate::report::{PolicyReference, Report};
use crate::verdict::{Judgement, RuleOutcome, Verdict};

/// A move of a ref, as GitHub tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct GitHubRefMove {
    /// The full name of the ref.
    pub ref_name: String,
    /// What it held; `None` for nothing.
    pub old_tip: Option<Oid>,
    /// What it held then; `None` for nothing.
    pub new_tip: Option<Oid>,
    /// Who moved it.
    pub moved_by: Fact<PusherIdentity>,
    /// When, by GitHub's clock; `None` if GitHub does not say.
    pub moved_at: Option<Timestamp>,
}

/// What judging a move came to.
#[derive(Clone, Debug)]
pub struct JudgedRefMove {
    /// What there is to tell about it.
    pub report: Report,
    /// When it happened, or else when it was looked at.
    pub observed_at: Timestamp,
    /// The policy that it was judged by; `None` if none could be used.
    pub policy_source: Option<PolicyReference>,
    /// The tree of what the ref holds since then, if that is known.
    pub new_tree: Option<Oid>,
    /// What speaks against the move itself, or against a pull request as a whole.
    pub refusals: Vec<Judgement>,
    /// The verdict on each change, oldest first.
    pub verdicts: Vec<Verdict>,
    /// The changes themselves, in the same order, and what they have to do with what is owed.
    pub push_facts: PushFacts,
    /// What pull requests brought.
    pub merged_pulls: Vec<MergedPull>,
}

impl GitHubSession {
    /// Returns the policy of the default branch, and the full name of that; `None` if there is no policy
    /// that can be used.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked.
    pub fn load_default_policy(
        &self,
        repo: &RepositoryName,
        options: &GitHubJudgeOptions,
    ) -> Result<Option<(LoadedPolicy, Text)>, GitHubFailure> {
        self.runtime.block_on(async {
            let (default, tip) = read_default_branch(&self.client, repo).await?;
            match policy_at_commit::load_policy(&self.client, repo, tip, &options.policy_path, &default, None)
                .await
            {
                Ok(loaded) => Ok(Some((loaded, Text::from(default)))),
                Err(PolicyFetchError::Unusable(_)) => Ok(None),
                Err(PolicyFetchError::NotFetched(failure)) => Err(failure),
            }
        })
    }

    /// Returns what the refs hold that one of these patterns matches.
    ///
    /// # Errors
    ///
    /// Fails if they cannot all be read.
    pub fn list_ref_tips(
        &self,
        repo: &RepositoryName,
        protects: &[RefPattern],
    ) -> Result<BTreeMap<Text, Oid>, GitHubFailure> {
        let mut tips = BTreeMap::new();
        let mut starts: Vec<&str> = Vec::new();
        for pattern in protects {
            let (Ok(start) | Err(start)) = pattern.find_search_scope();
            match start.strip_prefix("refs/").unwrap_or(start).trim_end_matches('/') {
                // GitHub lists nothing by a name that is empty.
                "" => starts.extend(["heads", "tags"]),
                start => starts.push(start),
            }
        }
        starts.sort_unstable();
        starts.dedup();
        for start in starts {
            let path = format!("{}/git/matching-refs/{}", repo.rest_path(), escape_path(start));
            let found = self.client.fetch_list(path, |page: Vec<RestGitRef>| page, |_| false);
            for found in self.runtime.block_on(found)? {
                if protects.iter().any(|pattern| pattern.matches_ref(found.name.as_bytes())) {
                    tips.insert(Text::from(found.name), found.object.sha);
                }
            }
        }
        Ok(tips)
    }

    /// Returns the moves of a ref, newest first, back to where it held `known`, or as far as GitHub
    /// tells.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked.
    pub fn list_ref_moves(
        &self,
        repo: &RepositoryName,
        name: &str,
        known: Option<Oid>,
    ) -> Result<Vec<GitHubRefMove>, GitHubFailure> {
        let path = format!("{}/activity?ref={}&per_page=100", repo.rest_path(), escape_path(name));
        let is_known =
            |one: &RestActivity| known.is_some() && (one.before == known || Some(one.after) == known);
        let enough = |all: &[RestActivity]| all.iter().any(is_known);
        let all =
            self.runtime.block_on(self.client.fetch_list(path, |page: Vec<RestActivity>| page, enough))?;
        let given = |id: Oid| (!id.is_null()).then_some(id);
        let one = |activity: RestActivity| {
            let gone = || Missing::Unavailable(FactKind::Pusher, "the account that moved it is gone".into());
            let by =
                account_of_user(activity.actor.as_ref()).map(|account| PusherIdentity::Account(account.id));
            Some(GitHubRefMove {
                ref_name: name.to_owned(),
                old_tip: given(activity.before?),
                new_tip: given(activity.after),
                moved_by: by.ok_or_else(gone),
                moved_at: activity.timestamp,
            })
        };
        Ok(all.into_iter().filter_map(one).collect())
    }

    /// Returns whether one commit is part of the history of another.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked, and not if it no longer knows one of them.
    pub fn is_ancestor(&self, repo: &RepositoryName, from: Oid, to: Oid) -> Result<bool, GitHubFailure> {
        let path = format!("{}/compare/{from}...{to}?per_page=1", repo.rest_path());
        match self.runtime.block_on(self.client.fetch_json::<RestComparison>(path)) {
            Ok(compared) => Ok(matches!(compared.status.as_str(), "ahead" | "identical")),
            Err(GitHubFailure { status: Some(404), .. }) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Judges a move that has happened, with what was there when it did; `None` if it is of a ref that
    /// is not under change control. `base` is the policy of the default branch, and the name of that.
    ///
    /// # Errors
    ///
    /// Fails if GitHub does not tell enough to judge anything, or says that nothing of the kind
    /// happened.
    pub fn judge_ref_move(
        &self,
        repo: &RepositoryName,
        moved: &GitHubRefMove,
        options: &GitHubJudgeOptions,
        base: Option<(&Policy, &Text)>,
    ) -> Result<Option<JudgedRefMove>, GitHubFailure> {
        let null = moved
            .old_tip
            .or(moved.new_tip)
            .map(null_id_like)
            .ok_or_else(|| GitHubFailure::new("nothing has moved"))?;
        let (before, after) = (moved.old_tip.unwrap_or(null), moved.new_tip.unwrap_or(null));
        let at = moved.moved_at.unwrap_or(self.client.now());
        let landed = CompletedPush {
            repo,
            ref_name: &moved.ref_name,
            before,
            after,
            forced: false,
            pushed_at: Some(at),
            pusher: moved.moved_by.as_ref().ok().cloned(),
        };
        let judged = self.runtime.block_on(judge_completed_push(&self.client, &landed, options))?;
        if judged.groups.is_empty() {
            return Ok(None);
        }
        assemble_judged_move(&self.client, judged, at, (base, &moved.moved_by))
            .map(Some)
            .map_err(GitHubFailure::new)
    }

    /// Returns a pull request with its reviews as they are now.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read.
    pub fn read_current_reviews(
        &self,
        name: &crate::github::PullRequestName,
    ) -> Result<Change, GitHubFailure> {
        let needs = NeededFacts::from([FactKind::Reviews, FactKind::Approvals]);
        self.gather_change(name, &needs, crate::github::PusherSource::NotNeeded)
    }

    /// Returns the policy that stands at `path` in a commit; `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read or used.
    pub fn load_policy_at(
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
}

/// Returns the id that stands for nothing where ids have the length of `id`.
fn null_id_like(id: Oid) -> Oid {
    Oid::from_bytes(&vec![0; id.as_bytes().len()]).unwrap_or(id)
}

/// Puts together what judging came to, the changes in the order of their steps. Who moved the ref is who
/// landed them: for a pull request, who merged it.
fn assemble_judged_move(
    client: &GitHubClient,
    judged: JudgedPush,
    at: Timestamp,
    (base, by): (Option<(&Policy, &Text)>, &Fact<PusherIdentity>),
) -> Result<JudgedRefMove, String> {
    let JudgedPush { groups: done, loaded_policy: loaded, new_tree: tree } = judged;
    let refusals = done.iter().flat_map(|done| done.group.refusals.iter().cloned()).collect();
    let mut changes: Vec<(ChangeLanding, Verdict, Change)> = Vec::new();
    for JudgedGroup { group, changes: judged, landings: landed, .. } in &done {
        let each = landed.iter().zip(&group.verdicts).zip(judged);
        changes.extend(each.map(|((way, verdict), change)| (way.clone(), verdict.clone(), change.clone())));
    }
    changes.sort_by_key(|(way, ..)| way.step_index);
    let report = build_report(client, done);
    let (mut kept, mut verdicts, mut brought) = (PushFacts::default(), Vec::new(), Vec::new());
    if let Some(loaded) = &loaded {
        let name = changes.first().and_then(|(_, _, change)| change.target.clone().ok()).unwrap_or_default();
        // On the default branch it is the policy from before the move that counts.
        let own = |(policy, default): (_, &Text)| if *default == name { &loaded.policy } else { policy };
        let base = base.map(own);
        let mut facts = kept.begin_ref(&name, loaded.policy.obligations.clone());
        for (way, verdict, change) in changes {
            // The record of moves may come later than the run.
            let merged = way.merged_by.as_ref().map(|account| Ok(PusherIdentity::Account(account.clone())));
            let by = merged.as_ref().filter(|_| by.is_err()).unwrap_or(by);
            facts.add_change(&change, &loaded.policy, base.map(|base| (base, by)), &verdict)?;
            if let (Some(pull), Some(revision)) = (&way.pull, verdict.revision) {
                brought.push(MergedPull {
                    change: revision,
                    pull: Text::from(pull.to_string()),
                    landed_as: way.landed_as,
                    reviewable: list_reviewable_rules(&verdict, loaded),
                });
            }
            verdicts.push(verdict);
        }
    }
    let policy = loaded.as_ref().map(LoadedPolicy::origin);
    Ok(JudgedRefMove {
        report,
        observed_at: at,
        policy_source: policy,
        new_tree: tree,
        refusals,
        verdicts,
        push_facts: kept,
        merged_pulls: brought,
    })
}

/// Returns the rules that owe something and ask for approvals too, so that one can stand in.
fn list_reviewable_rules(verdict: &Verdict, loaded: &LoadedPolicy) -> Vec<String> {
    let owes = |judgement: &&Judgement| matches!(judgement.outcome, RuleOutcome::Owed(_));
    let asks = |judgement: &&Judgement| {
        let mut needs = NeededFacts::new();
        let of_it = loaded.policy.rules.iter().filter(|rule| rule.name.id == judgement.rule.id);
        of_it.for_each(|rule| rule.require.add_needs(&mut needs));
        needs.contains(&FactKind::Approvals)
    };
    let found = verdict.judgements.iter().filter(owes).filter(asks);
    found.map(|judgement| judgement.rule.id.clone()).collect()
}
