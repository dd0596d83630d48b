//! What unauthorised changes brought to the protected refs: for a ref that moved, what it did not hold before;
//! for a new one, what no ref held before it.
//!
//! Many refs can come at once, such as the tags of an import. One walk divides what they brought. A walk for
//! each of them, past all the others, would cost the square of their number.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::change::{Oid, Text};
use crate::gate::contributors::{find_commit_contributors, find_ref_contributors};
use crate::git::{PeeledObject, Repository};
use crate::ledger::state::unauthorised::{MoveContributors, list_changes_without_terms};
use crate::ledger::state::{LedgerState, TrackedObligation, UnauthorisedChange, encode_ref_key};
use crate::policy::Policy;

/// What the unauthorised changes brought of which it is not recorded yet who may regularise them.
pub(crate) struct BroughtCommits {
    /// What each ref held before the first of these changes, by its name as `encode_ref_key` writes it.
    tips_before: BTreeMap<String, Oid>,
    /// The commits of each new ref, by the number of the record that tells of it.
    shares: BTreeMap<u64, Vec<Oid>>,
}

impl BroughtCommits {
    /// Finds what the changes brought. Where objects are missing, the share of a ref is not known.
    pub(crate) fn find_brought(repository: &Repository, state: &LedgerState) -> BroughtCommits {
        let changes = list_changes_without_terms(state);
        if !changes.iter().any(|(_, change)| change.old_tip.is_none()) {
            return BroughtCommits { tips_before: BTreeMap::new(), shares: BTreeMap::new() };
        }
        let mut tips_before = state.tips.clone();
        let mut changes_of_ref: BTreeMap<&Text, usize> = BTreeMap::new();
        for (owed, change) in changes.iter().rev() {
            let key = encode_ref_key(&owed.ref_name);
            match change.old_tip {
                Some(old) => tips_before.insert(key, old),
                None => tips_before.remove(&key),
            };
            *changes_of_ref.entry(&owed.ref_name).or_default() += 1;
        }
        let mut numbers = Vec::new();
        let mut tips = Vec::new();
        for (owed, change) in changes {
            // What a ref held in between may be gone from all refs again.
            if changes_of_ref.get(&owed.ref_name) == Some(&1)
                && let Some(new) = owed.change
                && let Ok(PeeledObject::Commit(commit)) = repository.peel_tags(new)
            {
                numbers.push(change.old_tip.is_none().then_some(change.record_number));
                tips.push(commit);
            }
        }
        let hidden = peel_tips(repository, tips_before.values());
        let divided = repository.divide_new_history(&tips, &hidden).unwrap_or_default();
        let mut shares = BTreeMap::new();
        for (number, share) in numbers.into_iter().zip(divided) {
            if let Some(number) = number {
                shares.insert(number, share);
            }
        }
        BroughtCommits { tips_before, shares }
    }

    /// Returns the contributors to what a change brought, and whether these are all of them.
    pub(crate) fn find_contributors(
        &self,
        repository: &Repository,
        policy: &Policy,
        (owed, change): (&TrackedObligation, &UnauthorisedChange),
        now: Timestamp,
    ) -> MoveContributors {
        let name = &owed.ref_name;
        if let Some(share) = self.shares.get(&change.record_number) {
            return find_commit_contributors(repository, policy, name, (owed.change, share), now);
        }
        let hidden = match change.old_tip {
            Some(old) => peel_tips(repository, std::iter::once(&old)),
            None => {
                let own = encode_ref_key(name);
                let others = self.tips_before.iter().filter(|(name, _)| **name != own);
                peel_tips(repository, others.map(|(_, id)| id))
            }
        };
        find_ref_contributors(repository, policy, name, owed.change, &hidden, now)
    }
}

/// Returns the commits that refs hold or that their tags name, each once.
fn peel_tips<'a>(repository: &Repository, tips: impl Iterator<Item = &'a Oid>) -> Vec<Oid> {
    let tips: BTreeSet<Oid> = tips.copied().collect();
    let mut commits = BTreeSet::new();
    for id in tips {
        if let Ok(PeeledObject::Commit(commit)) = repository.peel_tags(id) {
            commits.insert(commit);
        }
    }
    commits.into_iter().collect()
}
