//! The policies that a pushed ref is judged by, and what both of them say about other refs.

use std::collections::HashSet;

use anyhow::Result;

use crate::change::{Oid, Text};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::protected_scope::ProtectedScope;
use crate::gate::push::base_policy::UndecidedMove;
use crate::gate::push::promotion::branch_states::{BranchStates, PastUnits};
use crate::gate::push::promotion::past_moves::PastMoves;
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

/// What a commit is that a tag under change control is to name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TaggedState {
    /// A branch has had it, and all moves up to it were decided.
    Judged,
    /// It lies inside a change that was judged by its end.
    InsideChange,
    /// It is on a branch since that moved to `moved` without a decision.
    Undecided {
        /// The full name of the branch.
        branch: Text,
        /// What the branch moved to.
        moved: Oid,
    },
    /// It landed on a branch in evaluate mode, and would have been denied.
    Unenforced {
        /// The full name of the branch.
        branch: Text,
    },
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

    /// Returns the commits whose history counts as judged for the ref that is to hold `new`: what the ref itself holds,
    /// and the states that the policy ref has had.
    ///
    /// Other branches under change control do not vouch for their commits. One may have come under
    /// change control with commits on it that were never judged, and no policy tells which those are.
    /// So work that goes from one such branch to another is judged on both. Nor does the policy ref vouch for what lies
    /// inside one of its changes, which was judged by its end, or for what it holds since it moved without a decision.
    pub(crate) fn list_judged_tips(
        &self,
        repository: &Repository,
        past: &PastMoves<'_>,
        units: &mut PastUnits<'_>,
        (own, new): (Option<Oid>, Oid),
    ) -> Result<Vec<Oid>> {
        let mut tips: Vec<Oid> = own.into_iter().collect();
        let open = past.find_open_move(&past.policy_ref);
        if let Some(main) = self.find_decided_tip(repository, &past.policy_ref, open)?
            && Some(main) != own
            && is_commit(repository, main)
        {
            let states = BranchStates::new(&past.policy_ref, main, past);
            tips.extend(find_vouched_commits(repository, (main, states, units), own, new)?);
        }
        tips.sort_unstable();
        tips.dedup();
        tips.retain(|tip| is_commit(repository, *tip));
        Ok(tips)
    }

    /// Returns the commit of the policy ref up to which all of its moves were decided, if all policies put it under change
    /// control.
    fn find_decided_tip(
        &self,
        repository: &Repository,
        policy_ref: &Text,
        open: Option<UndecidedMove>,
    ) -> Result<Option<Oid>> {
        if !self.protect_ref(policy_ref) {
            return Ok(None);
        }
        match open {
            Some(open) => Ok(open.old),
            None => Ok(repository.resolve_ref(policy_ref.as_bytes())?.id),
        }
    }

    /// Returns whether a branch under change control has had this commit, which one of them holds, as one of its states, up
    /// to where all of its moves were decided. What came while each commit was a change is one by itself.
    pub(crate) fn find_tagged_state(
        &self,
        repository: &Repository,
        past: &PastMoves<'_>,
        units: &mut PastUnits<'_>,
        commit: Oid,
    ) -> Result<TaggedState> {
        let mut found = TaggedState::InsideChange;
        for (name, mut tip) in self.list_protected_tips(repository)? {
            let open = past.find_open_move(&name);
            let holds = |tip| -> Result<bool> {
                Ok(repository.find_new_history(tip, &[commit])?.leads_back_to(commit))
            };
            if let Some(open) = open {
                if let Some(moved) = open.new
                    && holds(tip)?
                {
                    found = TaggedState::Undecided { branch: name.clone(), moved };
                }
                let Some(decided) = open.old else { continue };
                tip = decided;
            }
            let mut states = BranchStates::new(&name, tip, past);
            let is_judged = states.holds_commit(repository, commit)?
                || (holds(tip)? && states.were_judged_alone(repository, units, commit)?);
            if !is_judged {
                continue;
            }
            let is_enforced_on = |name: &Text| -> Result<bool> {
                Ok(past.find_unenforced(repository, name, &HashSet::from([commit]))?.is_empty())
            };
            // Another branch may have it from the policy ref.
            if is_enforced_on(&name)? && is_enforced_on(&past.policy_ref)? {
                return Ok(TaggedState::Judged);
            }
            found = TaggedState::Unenforced { branch: name.clone() };
        }
        Ok(found)
    }

    /// Returns the tips of all branches that every policy puts under change control: the one that
    /// decides what is judged at all, and that of the ref, which may be older.
    pub(crate) fn list_protected_tips(&self, repository: &Repository) -> Result<Vec<(Text, Oid)>> {
        let mut tips = Vec::new();
        for branch in repository.list_refs("refs/heads/")? {
            if let Some(tip) = branch.id
                && self.protect_ref(&branch.name)
                && is_commit(repository, tip)
            {
                // The moves of what a symbolic ref leads to are known by its own name.
                tips.push((repository.resolve_ref(branch.name.as_bytes())?.name, tip));
            }
        }
        tips.sort_unstable();
        tips.dedup();
        Ok(tips)
    }
}

/// Returns the states of the policy ref, which holds `main`, that `new` builds on, or `main` itself if nothing that `new`
/// builds on lies inside one of its changes. What the ref itself holds, up to `own`, needs no vouching.
fn find_vouched_commits(
    repository: &Repository,
    (main, mut states, units): (Oid, BranchStates<'_>, &mut PastUnits<'_>),
    own: Option<Oid>,
    new: Oid,
) -> Result<Vec<Oid>> {
    let list_new = |hidden: &[Oid]| -> Result<HashSet<Oid>> {
        Ok(repository.find_new_history(new, hidden)?.list_ids().into_iter().collect())
    };
    let hidden: Vec<Oid> = std::iter::once(main).chain(own).collect();
    let brought = list_new(&hidden)?;
    let mut pending = Vec::new();
    for id in &brought {
        pending.extend(repository.list_parents(*id)?);
    }
    if brought.is_empty() {
        pending.push(new);
    }
    pending.retain(|id| !brought.contains(id) && Some(*id) != own);
    if pending.iter().all(|id| *id == main) {
        return Ok(vec![main]);
    }
    // Where the first parents lead into the inside of a change, what lies there would become a state of the ref.
    let mut entry = new;
    while brought.contains(&entry)
        && let Some(parent) = repository.list_parents(entry)?.first()
    {
        entry = *parent;
    }
    // What is not among these is a part of what the ref holds.
    let from_main = match own {
        Some(own) => Some(list_new(&[own])?),
        None => None,
    };
    let is_new_here = |id: &Oid| from_main.as_ref().is_none_or(|from_main| from_main.contains(id));
    if !brought.contains(&entry)
        && Some(entry) != own
        && is_new_here(&entry)
        && !states.vouch_for(repository, units, entry)?
    {
        pending = vec![entry];
    }
    let (mut vouched, mut seen, mut is_inside) = (Vec::new(), HashSet::new(), false);
    while let Some(id) = pending.pop() {
        if !is_new_here(&id) || !seen.insert(id) {
            continue;
        }
        if states.vouch_for(repository, units, id)? {
            vouched.push(id);
        } else {
            is_inside = true;
            pending.extend(repository.list_parents(id)?);
        }
    }
    Ok(if is_inside { vouched } else { vec![main] })
}

fn is_commit(repository: &Repository, id: Oid) -> bool {
    matches!(repository.peel_tags(id), Ok(PeeledObject::Commit(commit)) if commit == id)
}
