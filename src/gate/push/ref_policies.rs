//! The policies that a pushed ref is judged by, and what both of them say about other refs.

use anyhow::Result;

use crate::change::{Oid, Text};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::protected_scope::ProtectedScope;
use crate::git::{PeeledObject, Repository};
use crate::policy::ChangeUnit;

/// The policies that a ref is judged by.
pub(crate) struct RefPolicies<'push> {
    /// The policy of the ref itself.
    pub(crate) own: &'push LoadedPolicy,
    /// The policy of the policy ref, if that is another.
    pub(crate) base: Option<&'push LoadedPolicy>,
    /// Which refs the policy of the policy ref puts under change control.
    pub(crate) scope: &'push ProtectedScope,
}

impl RefPolicies<'_> {
    /// Returns what counts as one change: every commit where one of the policies says so. A branch can be
    /// made from any old commit, so its own policy alone would let a step speak for commits that today's
    /// policy judges one by one.
    pub(crate) fn change_unit(&self) -> ChangeUnit {
        let mut policies = std::iter::once(self.own).chain(self.base);
        if policies.any(|loaded| loaded.policy.change_unit == ChangeUnit::Commit) {
            ChangeUnit::Commit
        } else {
            ChangeUnit::Step
        }
    }

    /// Returns true if all policies put `name`, or a symbolic ref that leads to it, under change control.
    fn protect_ref(&self, name: &Text) -> bool {
        let known_as = self.scope.find_protected_name(name).unwrap_or(name);
        let mut policies = std::iter::once(self.own).chain(self.base);
        policies.all(|loaded| loaded.policy.protects_ref(known_as.as_bytes()))
    }

    /// Returns the tips whose commits count as judged: what the ref itself holds, and what the policy
    /// ref holds.
    ///
    /// Other branches under change control do not vouch for their commits. One may have come under
    /// change control with commits on it that were never judged, and no policy tells which those are.
    /// So work that goes from one such branch to another is judged on both.
    pub(crate) fn list_judged_tips(
        &self,
        repository: &Repository,
        policy_ref: &Text,
        own: Option<Oid>,
    ) -> Result<Vec<Oid>> {
        let main = repository.resolve_ref(policy_ref.as_bytes())?;
        let main_tip = if self.protect_ref(&main.name) { main.id } else { None };
        let mut tips: Vec<Oid> = main_tip.into_iter().chain(own).collect();
        tips.sort_unstable();
        tips.dedup();
        tips.retain(|tip| is_commit(repository, *tip));
        Ok(tips)
    }

    /// Returns the tips of all branches that every policy puts under change control: the one that
    /// decides what is judged at all, and that of the ref, which may be older.
    pub(crate) fn list_protected_tips(&self, repository: &Repository) -> Result<Vec<Oid>> {
        let mut tips = Vec::new();
        for branch in repository.list_refs("refs/heads/")? {
            if let Some(tip) = branch.id
                && self.protect_ref(&branch.name)
                && is_commit(repository, tip)
            {
                tips.push(tip);
            }
        }
        Ok(tips)
    }
}

fn is_commit(repository: &Repository, id: Oid) -> bool {
    matches!(repository.peel_tags(id), Ok(PeeledObject::Commit(commit)) if commit == id)
}
