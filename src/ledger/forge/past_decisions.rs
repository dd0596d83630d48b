//! What was judged, read back out of the ledger of a repository on a forge: the changes of a decision, as
//! the facts beside it hold them, and what later changes say for earlier ones.

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

/// How far the clock of a runner may be from that of the forge.
const MAX_FORGE_CLOCK_DRIFT: SignedDuration = SignedDuration::from_hours(48);

/// A decision as it stands in the ledger, with the changes that it was about.
pub struct PastDecision {
    /// The decision.
    pub decision: DecisionRecord,
    /// The changes, as far as they are kept.
    pub changes: Vec<Change>,
}

/// What the ledger holds about some obligations.
#[derive(Default)]
pub struct PastDecisions {
    decisions: BTreeMap<String, PastDecision>,
    closings: Vec<(Text, ObligationClosing)>,
}

impl PastDecision {
    /// Returns the change that owes something, as it was seen then, by the id as which it landed.
    pub fn find_owing_change(&self, owed: &TrackedObligation) -> Option<Change> {
        let of_ref = self.decision.refs.iter().find(|one| one.name == owed.ref_name)?;
        let way = of_ref.pull_landings.iter().find(|way| Some(way.landed_as) == owed.change);
        let revision = way.map(|way| way.change).or(owed.change)?;
        let is_it = |change: &&Change| change.tip().id == Some(revision);
        let mut change = self.changes.iter().find(is_it)?.clone();
        change.seen_at = owed.since;
        change.commits.last_mut().id = owed.change;
        Some(change)
    }
}

impl PastDecisions {
    /// Reads the decisions that these obligations come from, and what was said after the oldest of them.
    ///
    /// # Errors
    ///
    /// Fails if the ledger cannot be fetched.
    pub fn read_decisions(keeping: &ForgeLedger<'_>, open: &[&TrackedObligation]) -> Result<PastDecisions> {
        let Some(oldest) = open.iter().map(|owed| owed.since).min() else {
            return Ok(PastDecisions::default());
        };
        let wanted: BTreeSet<&str> = open.iter().map(|owed| owed.decision.as_str()).collect();
        let folder = tempfile::tempdir().context("there is no room for a copy of the ledger")?;
        keeping.remote.init_repository(folder.path())?;
        let since = oldest.checked_sub(MAX_FORGE_CLOCK_DRIFT).unwrap_or(Timestamp::MIN).as_second().max(1);
        keeping.remote.fetch_ref(folder.path(), LEDGER_REF, FetchDepth::Since(since))?;
        let repository = Repository::open_at(folder.path(), None)?;
        // What is older is not there, and the way ends at it.
        let (commits, _) = repository.walk_chain(repository.resolve_ref(LEDGER_REF.as_bytes())?.id);
        let mut recalled = PastDecisions::default();
        for (commit, _) in commits {
            let Ok(Some(bytes)) = read_ledger_file(&repository, commit, RECORD_FILE) else { continue };
            let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes) else { continue };
            let LedgerEvent::Decision(decided) = record.event else { continue };
            // What a forge tells of has landed; of anything else an outcome would have to be looked for.
            if decided.stage == Stage::Landed && decided.is_allowed() {
                for one in &decided.refs {
                    for closing in &one.closings {
                        recalled.closings.push((one.name.clone(), closing.into()));
                    }
                }
            }
            if !wanted.contains(decided.id.as_str()) {
                continue;
            }
            let facts = read_ledger_file(&repository, commit, FACTS_FILE)?.unwrap_or_default();
            let lines = facts.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let changes = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
            recalled.decisions.insert(decided.id.clone(), PastDecision { decision: *decided, changes });
        }
        Ok(recalled)
    }

    /// Returns the decision that an obligation comes from.
    ///
    /// # Errors
    ///
    /// Fails if it was not found.
    pub fn find_decision(&self, owed: &TrackedObligation) -> Result<&PastDecision> {
        self.decisions.get(&owed.decision).context("its decision is not in the ledger")
    }

    /// Returns what the changes that landed on a ref say for earlier ones.
    pub fn closings_on(&self, on: &Text) -> Vec<ObligationClosing> {
        self.closings.iter().filter(|(name, _)| name == on).map(|(_, closing)| closing.clone()).collect()
    }
}
