//! Whether what a change names in `For-Change` is there: in the history that the change is built on, or among the
//! unauthorised changes of the ledger.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use anyhow::Result;

use crate::change::{Change, Fact, FactKind, Missing, Oid, Stage};
use crate::gate::obligations::{list_referenced_changes, parse_record_reference};
use crate::gate::policy_effect::find_base;
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::recorded_past::KnownRecord;
use crate::git::{PeeledObject, Repository, RepositorySource};

/// How many different changes are looked up for one push: each may take a walk over history.
const MAX_LOOKED_UP: usize = 500;

/// Finds out whether the changes that those of one walk name are there.
pub(crate) struct EarlierChanges<'policy> {
    source: RepositorySource,
    loaded: &'policy LoadedPolicy,
    /// The newest commit of the walk.
    tip: Oid,
    /// What the target holds.
    held: Vec<Oid>,
    /// The records that tell of unauthorised changes of the target; `None` if they are not known.
    records: Option<Vec<KnownRecord>>,
    /// True if a policy asks for it.
    is_asked: bool,
    /// The commits that the walk brings, in the order of their ids.
    brought: OnceLock<Vec<Oid>>,
    /// The commits that begin with some digits, and whether the target holds them, by the digits.
    known: Mutex<HashMap<String, Vec<(Oid, bool)>>>,
}

impl<'policy> EarlierChanges<'policy> {
    /// Prepares for the changes up to `tip` of a target that holds the commits `held`. `others` judge beside `loaded`.
    pub(crate) fn new(
        repository: &Repository,
        (loaded, others): (&'policy LoadedPolicy, Option<&LoadedPolicy>),
        (tip, held): (Oid, &[Oid]),
        records: Option<&[KnownRecord]>,
    ) -> Self {
        let asks = |loaded: &LoadedPolicy| loaded.policy.needed_facts().contains(&FactKind::EarlierChange);
        EarlierChanges {
            source: repository.share_objects(),
            loaded,
            tip,
            held: held.to_vec(),
            records: records.map(<[KnownRecord]>::to_vec),
            is_asked: asks(loaded) || others.is_some_and(asks),
            brought: OnceLock::new(),
            known: Mutex::default(),
        }
    }

    /// Adds to a change whether what it names is there, if a policy asks for it.
    pub(crate) fn complete_change(&self, change: &mut Change) {
        if self.is_asked {
            change.names_earlier = self.find_named_change(change);
        }
    }

    fn find_named_change(&self, change: &Change) -> Fact<bool> {
        let mut missing = None;
        for reference in list_referenced_changes(change, &self.loaded.policy) {
            let found = match parse_record_reference(&reference) {
                Some(number) => self.find_record(number, change.stage),
                None => self.find_commit(&reference, change),
            };
            match found {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(why) => missing = Some(why),
            }
        }
        missing.map_or(Ok(false), Err)
    }

    fn find_record(&self, number: u64, stage: Stage) -> Fact<bool> {
        match &self.records {
            Some(records) => Ok(records.iter().any(|record| record.number == number)),
            None => Err(missing_history(stage, "the ledger was not read")),
        }
    }

    fn find_commit(&self, digits: &str, change: &Change) -> Fact<bool> {
        // What came past the gate and was put back is on record, and on no branch.
        let mut moves = self.records.iter().flatten().filter_map(|record| record.moved_to);
        if moves.any(|id| id.to_string().starts_with(digits)) {
            return Ok(true);
        }
        let repository = self.source.open();
        let found = self.count_holding_commits(&repository, digits, change);
        let count = match found {
            Ok(Some(count)) => count,
            Ok(None) => {
                let why = format!("more than {MAX_LOOKED_UP} different changes are named in one push");
                return Err(Missing::TooLarge(FactKind::EarlierChange, why));
            }
            Err(error) => return Err(Missing::Unavailable(FactKind::EarlierChange, format!("{error:#}"))),
        };
        if count != 1 && repository.is_shallow() {
            return Err(missing_history(change.stage, "the history is cut off"));
        }
        Ok(count == 1)
    }

    /// Returns how many commits before the change begin with these digits; `None` if too many were looked up.
    fn count_holding_commits(
        &self,
        repository: &Repository,
        digits: &str,
        change: &Change,
    ) -> Result<Option<usize>> {
        let Some(commits) = self.list_candidates(repository, digits, change.stage)? else { return Ok(None) };
        let base = find_base(change);
        let mut count = 0;
        for (id, is_held) in commits {
            let is_before = || base.map_or(Ok(false), |base| is_in_history(repository, id, base));
            count += usize::from(is_held || is_before()?);
        }
        Ok(Some(count))
    }

    /// Returns the commits that begin with these digits, and whether the target holds them.
    fn list_candidates(
        &self,
        repository: &Repository,
        digits: &str,
        stage: Stage,
    ) -> Result<Option<Vec<(Oid, bool)>>> {
        let lock = |error: std::sync::PoisonError<_>| error.into_inner();
        {
            let known = self.known.lock().unwrap_or_else(lock);
            if let Some(found) = known.get(digits) {
                return Ok(Some(found.clone()));
            }
            if stage == Stage::PreReceive && known.len() >= MAX_LOOKED_UP {
                return Ok(None);
            }
        }
        let mut found = repository.find_objects_by_prefix(digits)?;
        // What is being pushed is in no store that the library opens.
        let brought = match stage {
            Stage::PreReceive => self.list_brought_commits(repository)?,
            _ => &[],
        };
        let first = brought.partition_point(|id| id.to_string().as_str() < digits);
        let begins = |id: &&Oid| id.to_string().starts_with(digits);
        for id in brought.iter().skip(first).take_while(begins) {
            if !found.contains(id) {
                found.push(*id);
            }
        }
        let mut candidates = Vec::new();
        for id in found {
            if repository.peel_tags(id)? != PeeledObject::Commit(id) {
                continue;
            }
            let mut is_held = false;
            for tip in &self.held {
                is_held |= is_in_history(repository, id, *tip)?;
            }
            candidates.push((id, is_held));
        }
        self.known.lock().unwrap_or_else(lock).insert(digits.to_owned(), candidates.clone());
        Ok(Some(candidates))
    }

    fn list_brought_commits(&self, repository: &Repository) -> Result<&[Oid]> {
        if self.brought.get().is_none() {
            let mut ids = repository.find_new_history(self.tip, &self.held)?.list_ids();
            ids.sort_unstable();
            // Another thread may have been faster, with the same commits.
            let _ = self.brought.set(ids);
        }
        Ok(self.brought.get().map(Vec::as_slice).unwrap_or_default())
    }
}

/// Returns true if `id` is in the history of `tip`, whatever the dates of the commits between them say.
fn is_in_history(repository: &Repository, id: Oid, tip: Oid) -> Result<bool> {
    Ok(repository.find_new_history(tip, &[id])?.leads_back_to(id))
}

/// Returns the gap of what another point of the gate may know.
fn missing_history(stage: Stage, why: &str) -> Missing {
    match Missing::at_stage(stage, FactKind::EarlierChange) {
        Missing::NotAtThisStage(kind) => Missing::NotAtThisStage(kind),
        _ => Missing::Unavailable(FactKind::EarlierChange, why.to_owned()),
    }
}
