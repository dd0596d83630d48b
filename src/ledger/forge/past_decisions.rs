//! Past decisions, read from the ledger of a repository on a forge: the changes of a decision, as the facts
//! beside it hold them, and what later changes state for earlier ones.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};

use crate::change::{Change, Stage, Text};
use crate::gate::obligations::ObligationClosing;
use crate::git::{FetchDepth, Repository};
use crate::ledger::LEDGER_REF;
use crate::ledger::forge::ForgeLedger;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{DecisionRecord, LedgerEvent};
use crate::ledger::state::TrackedObligation;
use crate::ledger::store::{FACTS_FILE, RECORD_FILE, read_ledger_file};

/// The largest difference between the clocks of a runner and of the forge.
const MAX_FORGE_CLOCK_DRIFT: SignedDuration = SignedDuration::from_hours(48);

/// A decision as it stands in the ledger, with the changes that it was about.
pub(crate) struct PastDecision {
    /// The decision as the ledger recorded it.
    pub(crate) decision: DecisionRecord,
    /// The changes whose facts the ledger holds.
    pub(crate) changes: Vec<Change>,
}

/// What the ledger holds about some obligations.
#[derive(Default)]
pub(crate) struct PastDecisions {
    decisions: BTreeMap<String, PastDecision>,
    closings: Vec<(Text, ObligationClosing)>,
}

impl PastDecision {
    /// Returns the change that owes something, as it was seen then, with the id as which it landed.
    pub(crate) fn find_owing_change(&self, owed: &TrackedObligation) -> Option<Change> {
        let of_ref = self.decision.refs.iter().find(|one| one.name == owed.ref_name)?;
        let landing = of_ref.pull_landings.iter().find(|one| Some(one.landed_as) == owed.change);
        let revision = match landing {
            Some(landing) => landing.change,
            None => owed.change?,
        };
        let found = self.changes.iter().find(|change| change.tip().id == Some(revision));
        let mut change = found?.clone();
        change.seen_at = owed.since;
        change.commits.last_mut().id = owed.change;
        Some(change)
    }
}

impl PastDecisions {
    /// Reads the decisions that these obligations come from, and what was stated after the oldest of them.
    /// Only that part of the ledger is fetched.
    ///
    /// # Errors
    ///
    /// Fails if the ledger cannot be fetched.
    pub(crate) fn read_decisions(
        ledger: &ForgeLedger<'_>,
        open: &[&TrackedObligation],
    ) -> Result<PastDecisions> {
        let Some(oldest) = open.iter().map(|owed| owed.since).min() else {
            return Ok(PastDecisions::default());
        };
        let wanted: BTreeSet<&str> = open.iter().map(|owed| owed.decision.as_str()).collect();
        let folder = tempfile::tempdir().context("cannot create a folder for a copy of the ledger")?;
        ledger.remote.init_repository(folder.path())?;
        let since = oldest.checked_sub(MAX_FORGE_CLOCK_DRIFT).unwrap_or(Timestamp::MIN).as_second().max(1);
        ledger.remote.fetch_refs(folder.path(), &[LEDGER_REF], FetchDepth::Since(since))?;
        let repository = Repository::open_at(folder.path(), None)?;
        // The fetch is shallow, so the chain breaks off where it ends.
        let (commits, _) = repository.walk_chain(repository.resolve_ref(LEDGER_REF.as_bytes())?.id);
        let mut past = PastDecisions::default();
        for (commit, _) in commits {
            let Ok(Some(bytes)) = read_ledger_file(&repository, commit, RECORD_FILE) else { continue };
            let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes) else { continue };
            let LedgerEvent::Decision(decision) = record.event else { continue };
            past.add_closings(&decision);
            if wanted.contains(decision.id.as_str()) {
                let facts = read_ledger_file(&repository, commit, FACTS_FILE)?.unwrap_or_default();
                let id = decision.id.clone();
                let changes = parse_changes(&facts);
                past.decisions.insert(id, PastDecision { decision: *decision, changes });
            }
        }
        Ok(past)
    }

    /// Adds what the changes of a decision state for earlier ones. A decision of another stage may not have
    /// landed, so only those on moves that the forge reported count.
    fn add_closings(&mut self, decision: &DecisionRecord) {
        if decision.stage != Stage::Landed || !decision.is_allowed() {
            return;
        }
        for one in &decision.refs {
            for closing in &one.closings {
                self.closings.push((one.name.clone(), closing.into()));
            }
        }
    }

    /// Returns the decision that an obligation comes from.
    ///
    /// # Errors
    ///
    /// Fails if it was not found.
    pub(crate) fn find_decision(&self, owed: &TrackedObligation) -> Result<&PastDecision> {
        self.decisions.get(&owed.decision).context("its decision is not in the ledger")
    }

    /// Returns what the changes that landed on a ref state for earlier ones.
    pub(crate) fn closings_on(&self, on: &Text) -> Vec<ObligationClosing> {
        let mut closings = Vec::new();
        for (name, closing) in &self.closings {
            if name == on {
                closings.push(closing.clone());
            }
        }
        closings
    }
}

/// Returns the changes of a file of facts, one to a line, without those that this version cannot read.
fn parse_changes(facts: &[u8]) -> Vec<Change> {
    let mut changes = Vec::new();
    for line in facts.split(|byte| *byte == b'\n') {
        changes.extend(serde_json::from_slice::<Change>(line));
    }
    changes
}
