//! What was judged, read back out of the ledger of a repository on a forge: the changes of a decision, as
//! the facts beside it hold them, and what later changes say for earlier ones.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};

use super::REF;
use super::readable::Readable;
use super::record::{Decided, Event};
use super::state::Owed;
use super::store::{FACTS, RECORD, file};
use super::workflow::Keeping;
use crate::change::{Change, Stage, Text};
use crate::gate::dues::Closing;
use crate::git::{Reach, Repository};
use crate::verdict::Decision;

/// How far the clock of a runner may be from that of the forge.
const MARGIN: SignedDuration = SignedDuration::from_hours(48);

/// A decision as it stands in the ledger, with the changes that it was about.
pub struct Judged {
    /// The decision.
    pub decided: Decided,
    /// The changes, as far as they are kept.
    pub changes: Vec<Change>,
}

/// What the ledger holds about some obligations.
#[derive(Default)]
pub struct Recalled {
    judged: BTreeMap<String, Judged>,
    closings: Vec<(Text, Closing)>,
}

impl Judged {
    /// Returns the change that owes something, as it was seen then, by the id as which it landed.
    pub fn owing(&self, owed: &Owed) -> Option<Change> {
        let of_ref = self.decided.refs.iter().find(|one| one.name == owed.on)?;
        let way = of_ref.brought.iter().find(|way| Some(way.landed_as) == owed.change);
        let revision = way.map(|way| way.change).or(owed.change)?;
        let is_it = |change: &&Change| change.tip().and_then(|tip| tip.id) == Some(revision);
        let mut change = self.changes.iter().find(is_it)?.clone();
        change.seen_at = owed.since;
        change.commits.iter_mut().last().into_iter().for_each(|tip| tip.id = owed.change);
        Some(change)
    }
}

impl Recalled {
    /// Reads the decisions that these obligations come from, and what was said after the oldest of them.
    ///
    /// # Errors
    ///
    /// Fails if the ledger cannot be fetched.
    pub fn of(keeping: &Keeping<'_>, open: &[&Owed]) -> Result<Recalled> {
        let Some(oldest) = open.iter().map(|owed| owed.since).min() else { return Ok(Recalled::default()) };
        let wanted: BTreeSet<&str> = open.iter().map(|owed| owed.decision.as_str()).collect();
        let folder = tempfile::tempdir().context("there is no room for a copy of the ledger")?;
        keeping.remote.begin(folder.path())?;
        let since = oldest.checked_sub(MARGIN).unwrap_or(Timestamp::MIN).as_second().max(1);
        keeping.remote.fetch(folder.path(), REF, Reach::Since(since))?;
        let repository = Repository::open(folder.path(), None)?;
        // What is older is not there, and the way ends at it.
        let (commits, _) = repository.walk_chain(repository.resolve_ref(REF.as_bytes())?.id);
        let mut recalled = Recalled::default();
        for (commit, _) in commits {
            let Ok(Some(bytes)) = file(&repository, commit, RECORD) else { continue };
            let Readable::Known(record) = Readable::read(&bytes) else { continue };
            let Event::Decision(decided) = record.event else { continue };
            // What a forge tells of has landed; of anything else an outcome would have to be looked for.
            if decided.stage == Stage::Landed && decided.decision == Decision::Allow {
                let said = decided.refs.iter().map(|one| (&one.name, &one.closings));
                let said = said.flat_map(|(name, all)| all.iter().map(|one| (name.clone(), one.clone())));
                recalled.closings.extend(said);
            }
            if !wanted.contains(decided.id.as_str()) {
                continue;
            }
            let facts = file(&repository, commit, FACTS)?.unwrap_or_default();
            let lines = facts.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let changes = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
            recalled.judged.insert(decided.id.clone(), Judged { decided: *decided, changes });
        }
        Ok(recalled)
    }

    /// Returns the decision that an obligation comes from.
    ///
    /// # Errors
    ///
    /// Fails if it was not found.
    pub fn decision(&self, owed: &Owed) -> Result<&Judged> {
        self.judged.get(&owed.decision).context("its decision is not in the ledger")
    }

    /// Returns what the changes that landed on a ref say for earlier ones.
    pub fn closings(&self, on: &Text) -> Vec<Closing> {
        self.closings.iter().filter(|(name, _)| name == on).map(|(_, closing)| closing.clone()).collect()
    }
}
