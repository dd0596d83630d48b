//! Whether it counts that a step says it takes an earlier change back, or was made necessary by one.
//!
//! Words alone make no change a failed one: anybody can write them, also about a change that works.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::audit::population::change_links::ChangeLinks;
use crate::audit::population::ref_chain::RefChain;
use crate::change::Text;
use crate::git::Repository;
use crate::ledger::audit::ledger_history::LedgerHistory;
use crate::ledger::audit::trace::LandingOrigin;

impl ChangeLinks {
    /// Sets aside the claims that do not count: those of steps that landed without a decision or although they were denied,
    /// and of steps that change no file; and that a step takes back what it has no file in common with.
    pub(crate) fn weigh_claims(
        &mut self,
        repository: &Repository,
        chain: &RefChain,
        history: &LedgerHistory,
    ) {
        let mut scale = ClaimScale { repository, chain, paths: BTreeMap::new() };
        let is_judged = |by: usize| {
            let origin = chain.steps.get(by).and_then(|step| step.find_origin(history));
            !matches!(origin, Some(LandingOrigin::Unauthorised | LandingOrigin::DeniedNotEnforced))
        };
        let mut doubted: Vec<(usize, usize)> = Vec::new();
        for (earlier, by) in &mut self.reverted_by {
            by.retain(|by| {
                let counts = is_judged(*by) && scale.shares_file(*earlier, *by);
                doubted.extend((!counts).then_some((*earlier, *by)));
                counts
            });
        }
        for (earlier, by) in &mut self.caused {
            by.retain(|by| {
                let counts = is_judged(*by) && scale.changes_file(*by);
                doubted.extend((!counts).then_some((*earlier, *by)));
                counts
            });
        }
        self.reverted_by.retain(|_, by| !by.is_empty());
        self.caused.retain(|_, by| !by.is_empty());
        let sound: BTreeSet<usize> =
            self.reverted_by.values().chain(self.caused.values()).flatten().copied().collect();
        for (earlier, by) in doubted {
            let of_step = self.doubted.entry(earlier).or_default();
            if !of_step.contains(&by) {
                of_step.push(by);
            }
            if !sound.contains(&by) {
                self.repairs.remove(&by);
            }
        }
    }
}

/// The files that steps change, each read once.
struct ClaimScale<'a> {
    repository: &'a Repository,
    chain: &'a RefChain,
    /// `None` for a step whose files cannot be read.
    paths: BTreeMap<usize, Option<BTreeSet<Text>>>,
}

impl ClaimScale<'_> {
    /// Returns true if both steps change a file of one path, or the files of one cannot be read.
    fn shares_file(&mut self, earlier: usize, later: usize) -> bool {
        self.read_paths(earlier);
        self.read_paths(later);
        let (earlier, later) = (self.paths.get(&earlier), self.paths.get(&later));
        match (earlier.and_then(Option::as_ref), later.and_then(Option::as_ref)) {
            (Some(earlier), Some(later)) => !earlier.is_disjoint(later),
            _ => true,
        }
    }

    /// Returns true if the step changes a file, or its files cannot be read.
    fn changes_file(&mut self, place: usize) -> bool {
        self.read_paths(place);
        self.paths.get(&place).and_then(Option::as_ref).is_none_or(|paths| !paths.is_empty())
    }

    fn read_paths(&mut self, place: usize) {
        if !self.paths.contains_key(&place) {
            let found = self.find_paths(place).ok();
            self.paths.insert(place, found);
        }
    }

    /// Returns the paths that differ between a step and the one before it.
    fn find_paths(&self, place: usize) -> Result<BTreeSet<Text>> {
        let find_tree = |place| {
            let tree = self.chain.find_tree(self.repository, place);
            self.repository.to_object_id(tree.ok_or_else(|| anyhow::anyhow!("its tree cannot be read"))?)
        };
        let before = place.checked_sub(1).map(find_tree).transpose()?;
        let after = find_tree(place)?;
        let changes = self.repository.with_reader(|reader| reader.find_changed_paths(before, Some(after)))?;
        Ok(changes.into_iter().map(|one| one.path).collect())
    }
}
