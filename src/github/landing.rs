//! What happened to the refs of a repository, as GitHub tells it, judged one move after another: what a
//! ledger that is kept without a server is made of.
//!
//! The event of a run says which move to look at. Everything else is asked: who moved what, when, from
//! where; which refs are under change control; what brought the commits.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::accounts::of_user;
use super::answers::{Activity, Compared, GitRef};
use super::ask::Failure;
use super::client::Client;
use super::judge::{Done, LandedAs, Options, report};
use super::landed::{Judged, Landed, default_branch, judge_landed};
use super::place::{RepoName, escaped};
use super::policy::{self, NoPolicy};
use super::session::Session;
use crate::change::{Change, Fact, Missing, Need, Needs, Oid, Pusher, Text};
use crate::gate::dues::Brought;
use crate::gate::{Kept, Loaded, Unusable};
use crate::pattern::RefPattern;
use crate::policy::Policy;
use crate::report::{PolicyFrom, Report};
use crate::verdict::{Judgement, Outcome, Verdict};

/// A move of a ref, as GitHub tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// The full name of the ref.
    pub name: String,
    /// What it held; `None` for nothing.
    pub old: Option<Oid>,
    /// What it held then; `None` for nothing.
    pub new: Option<Oid>,
    /// Who moved it.
    pub by: Fact<Pusher>,
    /// When, by GitHub's clock; `None` if GitHub does not say.
    pub at: Option<Timestamp>,
}

/// What judging a move came to.
#[derive(Clone, Debug)]
pub struct JudgedMove {
    /// What there is to tell about it.
    pub report: Report,
    /// When it happened, or else when it was looked at.
    pub observed_at: Timestamp,
    /// The policy that it was judged by; `None` if none could be used.
    pub policy: Option<PolicyFrom>,
    /// The tree of what the ref holds since then, if that is known.
    pub tree: Option<Oid>,
    /// What speaks against the move itself, or against a pull request as a whole.
    pub refusals: Vec<Judgement>,
    /// The verdict on each change, oldest first.
    pub verdicts: Vec<Verdict>,
    /// The changes themselves, in the same order, and what they have to do with what is owed.
    pub kept: Kept,
    /// What pull requests brought.
    pub brought: Vec<Brought>,
}

impl Session {
    /// Returns the policy of the default branch, and the full name of that; `None` if there is no policy
    /// that can be used.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked.
    pub fn base(&self, repo: &RepoName, options: &Options) -> Result<Option<(Loaded, Text)>, Failure> {
        self.runtime.block_on(async {
            let (default, tip) = default_branch(&self.client, repo).await?;
            match policy::load(&self.client, repo, tip, &options.policy, &default, None).await {
                Ok(loaded) => Ok(Some((loaded, Text::from(default)))),
                Err(NoPolicy::Unusable(_)) => Ok(None),
                Err(NoPolicy::Unread(failure)) => Err(failure),
            }
        })
    }

    /// Returns what the refs hold that one of these patterns matches.
    ///
    /// # Errors
    ///
    /// Fails if they cannot all be read.
    pub fn tips(&self, repo: &RepoName, protects: &[RefPattern]) -> Result<BTreeMap<Text, Oid>, Failure> {
        let mut tips = BTreeMap::new();
        let mut starts: Vec<&str> = Vec::new();
        for pattern in protects {
            let (Ok(start) | Err(start)) = pattern.where_to_look();
            match start.strip_prefix("refs/").unwrap_or(start).trim_end_matches('/') {
                // GitHub lists nothing by a name that is empty.
                "" => starts.extend(["heads", "tags"]),
                start => starts.push(start),
            }
        }
        starts.sort_unstable();
        starts.dedup();
        for start in starts {
            let path = format!("{}/git/matching-refs/{}", repo.path(), escaped(start));
            let found = self.client.list(path, |page: Vec<GitRef>| page, |_| false);
            for found in self.runtime.block_on(found)? {
                if protects.iter().any(|pattern| pattern.matches(found.name.as_bytes())) {
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
    pub fn moves(&self, repo: &RepoName, name: &str, known: Option<Oid>) -> Result<Vec<Move>, Failure> {
        let path = format!("{}/activity?ref={}&per_page=100", repo.path(), escaped(name));
        let is_known = |one: &Activity| known.is_some() && (one.before == known || Some(one.after) == known);
        let enough = |all: &[Activity]| all.iter().any(is_known);
        let all = self.runtime.block_on(self.client.list(path, |page: Vec<Activity>| page, enough))?;
        let given = |id: Oid| (!id.is_null()).then_some(id);
        let one = |activity: Activity| {
            let gone = || Missing::Unavailable(Need::Pusher, "the account that moved it is gone".into());
            let by = of_user(activity.actor.as_ref()).map(|account| Pusher::Account(account.id));
            Some(Move {
                name: name.to_owned(),
                old: given(activity.before?),
                new: given(activity.after),
                by: by.ok_or_else(gone),
                at: activity.timestamp,
            })
        };
        Ok(all.into_iter().filter_map(one).collect())
    }

    /// Returns whether one commit is part of the history of another.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked, and not if it no longer knows one of them.
    pub fn leads(&self, repo: &RepoName, from: Oid, to: Oid) -> Result<bool, Failure> {
        let path = format!("{}/compare/{from}...{to}?per_page=1", repo.path());
        match self.runtime.block_on(self.client.get::<Compared>(path)) {
            Ok(compared) => Ok(matches!(compared.status.as_str(), "ahead" | "identical")),
            Err(Failure { status: Some(404), .. }) => Ok(false),
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
    pub fn judge_move(
        &self,
        repo: &RepoName,
        moved: &Move,
        options: &Options,
        base: Option<(&Policy, &Text)>,
    ) -> Result<Option<JudgedMove>, Failure> {
        let null = moved.old.or(moved.new).map(null_like).ok_or_else(|| Failure::new("nothing has moved"))?;
        let (before, after) = (moved.old.unwrap_or(null), moved.new.unwrap_or(null));
        let at = moved.at.unwrap_or(self.client.now());
        let landed = Landed {
            repo,
            name: &moved.name,
            before,
            after,
            forced: false,
            at: Some(at),
            pusher: moved.by.as_ref().ok().cloned(),
        };
        let judged = self.runtime.block_on(judge_landed(&self.client, &landed, options))?;
        if judged.done.is_empty() {
            return Ok(None);
        }
        told(&self.client, judged, at, (base, &moved.by)).map(Some).map_err(Failure::new)
    }

    /// Returns a pull request with its reviews as they are now.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read.
    pub fn reviews_of(&self, name: &super::PullName) -> Result<Change, Failure> {
        let needs = Needs::from([Need::Reviews, Need::Approvals]);
        self.gather(name, &needs, super::PusherFrom::None)
    }

    /// Returns the policy that stands at `path` in a commit; `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read or used.
    pub fn policy_at(&self, repo: &RepoName, commit: Oid, path: &str) -> Result<Option<Loaded>, Failure> {
        let called = commit.short();
        let loaded = policy::load(&self.client, repo, commit, path, &called, None);
        match self.runtime.block_on(loaded) {
            Ok(loaded) => Ok(Some(loaded)),
            Err(NoPolicy::Unusable(Unusable::Absent)) => Ok(None),
            Err(NoPolicy::Unread(failure)) => Err(failure),
            Err(NoPolicy::Unusable(Unusable::Faulty(_))) => {
                Err(Failure::new(format!("the policy {path} at {called} cannot be used")))
            }
        }
    }
}

/// Returns the id that stands for nothing where ids have the length of `id`.
fn null_like(id: Oid) -> Oid {
    Oid::from_bytes(&vec![0; id.as_bytes().len()]).unwrap_or(id)
}

/// Puts together what judging came to, the changes in the order of their steps. Who moved the ref is who
/// landed them: for a pull request, who merged it.
fn told(
    client: &Client,
    judged: Judged,
    at: Timestamp,
    (base, by): (Option<(&Policy, &Text)>, &Fact<Pusher>),
) -> Result<JudgedMove, String> {
    let Judged { done, loaded, tree } = judged;
    let refusals = done.iter().flat_map(|done| done.group.refusals.iter().cloned()).collect();
    let mut changes: Vec<(LandedAs, Verdict, Change)> = Vec::new();
    for Done { group, changes: judged, landed, .. } in &done {
        let each = landed.iter().zip(&group.verdicts).zip(judged);
        changes.extend(each.map(|((way, verdict), change)| (way.clone(), verdict.clone(), change.clone())));
    }
    changes.sort_by_key(|(way, ..)| way.place);
    let report = report(client, done);
    let (mut kept, mut verdicts, mut brought) = (Kept::default(), Vec::new(), Vec::new());
    if let Some(loaded) = &loaded {
        let name = changes.first().and_then(|(_, _, change)| change.target.clone().ok()).unwrap_or_default();
        // On the default branch it is the policy from before the move that counts.
        let own = |(policy, default): (_, &Text)| if *default == name { &loaded.policy } else { policy };
        let base = base.map(own);
        kept.begin(&name, loaded.policy.obligations.clone());
        for (way, verdict, change) in changes {
            // The record of moves may come later than the run.
            let merged = way.by.as_ref().map(|account| Ok(Pusher::Account(account.clone())));
            let by = merged.as_ref().filter(|_| by.is_err()).unwrap_or(by);
            kept.take(&change, &loaded.policy, base.map(|base| (base, by)), &verdict)?;
            if let (Some(pull), Some(revision)) = (&way.pull, verdict.revision) {
                brought.push(Brought {
                    change: revision,
                    pull: Text::from(pull.to_string()),
                    landed_as: way.at,
                    reviewable: reviewable(&verdict, loaded),
                });
            }
            verdicts.push(verdict);
        }
    }
    let policy = loaded.as_ref().map(Loaded::from);
    Ok(JudgedMove { report, observed_at: at, policy, tree, refusals, verdicts, kept, brought })
}

/// Returns the rules that owe something and ask for approvals too, so that one can stand in.
fn reviewable(verdict: &Verdict, loaded: &Loaded) -> Vec<String> {
    let owes = |judgement: &&Judgement| matches!(judgement.outcome, Outcome::Owed(_));
    let asks = |judgement: &&Judgement| {
        let mut needs = Needs::new();
        let of_it = loaded.policy.rules.iter().filter(|rule| rule.name.id == judgement.rule.id);
        of_it.for_each(|rule| rule.require.needs(&mut needs));
        needs.contains(&Need::Approvals)
    };
    let found = verdict.judgements.iter().filter(owes).filter(asks);
    found.map(|judgement| judgement.rule.id.clone()).collect()
}
