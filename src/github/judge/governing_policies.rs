//! The policies that a branch on GitHub is judged by: its own, and that of the default branch as it is today; in a
//! merge queue also the one that the pull requests before it leave.
//!
//! As on a server, a branch can be made from any old commit, and so start under any policy that ever was. What
//! the default branch asks today is therefore asked everywhere, beside what the branch itself asks.

use crate::change::{Change, NeededFacts, Oid};
use crate::gate::{LoadedPolicy, UnusablePolicy, collect_push_reasons, judge_from_facts};
use crate::git::TrustedKeys;
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::judge::policy_at_commit::{self, PolicyFetchError};
use crate::policy::{ChangeUnit, ObligationPolicy, Policy};
use crate::report::PolicyReference;
use crate::verdict::Verdict;
use jiff::Timestamp;

/// The policies that a branch is judged by.
pub(crate) struct GoverningPolicies {
    /// The policy of the branch itself.
    pub(crate) own: LoadedPolicy,
    /// The policy of the default branch, if that is another and puts the branch under change control.
    pub(crate) base: Option<LoadedPolicy>,
    /// The policy that what stands before it in a merge queue leaves for a pull request, if that is another.
    pub(crate) queued: Option<LoadedPolicy>,
}

impl GoverningPolicies {
    /// Returns the policy of the default branch itself.
    pub(crate) fn from_own(own: LoadedPolicy) -> Self {
        GoverningPolicies { own, base: None, queued: None }
    }

    /// Adds the policy that the default branch has at `tip` to that of the branch `target`.
    ///
    /// # Errors
    ///
    /// Fails if the default branch has a policy that cannot be read or used: it may ask for more.
    pub(crate) async fn add_default(
        own: LoadedPolicy,
        target: &str,
        client: &GitHubClient,
        repo: &RepositoryName,
        path: &str,
        (default, tip): (&str, Oid),
    ) -> Result<Self, PolicyFetchError> {
        let base = match policy_at_commit::load_policy(client, repo, tip, path, default, None).await {
            Ok(base) => Some(base),
            Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)) => None,
            Err(other) => return Err(other),
        };
        Ok(GoverningPolicies::combine(own, base, target))
    }

    /// Returns the policy of the branch `target` together with that of the default branch, as far as this
    /// counts there.
    pub(crate) fn combine(own: LoadedPolicy, base: Option<LoadedPolicy>, target: &str) -> Self {
        let base = base.filter(|base| {
            !base.policy.has_same_content(&own.policy) && base.policy.protects_ref(target.as_bytes())
        });
        GoverningPolicies { own, base, queued: None }
    }

    /// Adds the policy that what stands before it in a merge queue leaves for a pull request.
    pub(crate) fn add_queued(self, queued: Option<&LoadedPolicy>) -> Self {
        let queued = queued.filter(|queued| !queued.policy.has_same_content(&self.own.policy));
        GoverningPolicies { queued: queued.cloned(), ..self }
    }

    /// Returns the policies that the branch itself has, or will have when a pull request lands.
    pub(crate) fn branch_policies(&self) -> impl Iterator<Item = &LoadedPolicy> {
        std::iter::once(&self.own).chain(&self.queued)
    }

    fn loaded_policies(&self) -> impl Iterator<Item = &LoadedPolicy> {
        std::iter::once(&self.own).chain(&self.base).chain(&self.queued)
    }

    /// Returns the places that the policies were read from, the branch's own first.
    pub(crate) fn origins(&self) -> Vec<PolicyReference> {
        self.loaded_policies().map(LoadedPolicy::origin).collect()
    }

    /// Returns the policies, the branch's own first.
    pub(crate) fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.loaded_policies().map(|loaded| &loaded.policy)
    }

    /// Returns the facts that any of the policies needs.
    pub(crate) fn needed_facts(&self) -> NeededFacts {
        let mut needs = NeededFacts::new();
        for policy in self.policies() {
            needs.merge_needs(policy.needed_facts());
        }
        needs
    }

    /// Returns the keys that signatures are checked with: those of the default branch, if it names any. Where a
    /// merge queue leaves others for a pull request, they are what counts when it lands.
    pub(crate) fn trusted_keys(&self, at: Timestamp) -> Option<TrustedKeys<'_>> {
        let first =
            [&self.base, &self.queued].into_iter().flatten().find_map(|policy| policy.trusted_keys(at));
        first.or_else(|| self.own.trusted_keys(at))
    }

    /// Returns what the policies ask about obligations.
    pub(crate) fn obligations(&self) -> ObligationPolicy {
        let mut obligations = self.own.policy.obligations.clone();
        for other in self.base.iter().chain(&self.queued) {
            obligations = obligations.combine_with(&other.policy.obligations);
        }
        obligations
    }

    /// Judges a change by all of the policies.
    pub(crate) fn judge_change(&self, change: &Change) -> Verdict {
        let own = &self.own.policy;
        let mut verdict = judge_from_facts(change, own, self.policies().skip(1));
        let policies = (own, self.policies().skip(1));
        verdict.reasons = Some(Box::new(collect_push_reasons(change, policies, &verdict)));
        verdict
    }

    /// Returns what counts as one change: every commit where one of the policies says so.
    pub(crate) fn change_unit(&self) -> ChangeUnit {
        if self.policies().any(|policy| policy.change_unit == ChangeUnit::Commit) {
            ChangeUnit::Commit
        } else {
            ChangeUnit::Step
        }
    }

    /// Returns the changes that are judged of one pull request or one step: itself, or each of its commits
    /// with what is known of the whole. Who is in the teams that the policies name is a fact of each.
    pub(crate) fn split_change(&self, mut change: Change) -> Vec<Change> {
        for policy in self.policies() {
            change.forge_teams.extend(policy.people.list_told_teams());
        }
        match self.change_unit() {
            ChangeUnit::Step => vec![change],
            ChangeUnit::Commit => change.split_commits(),
        }
    }
}
