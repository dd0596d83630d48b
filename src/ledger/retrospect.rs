//! Reviews that close something, looked for on the forge: for everything that is open and that a review
//! of a pull request can make up for.
//!
//! What was judged is in the ledger, beside the decision. One obligation of which that cannot be had, or
//! of which the forge does not tell enough, is named, and does not keep the others from being looked at.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, anyhow, ensure};
use jiff::{SignedDuration, Timestamp};

use super::obligation::discharge;
use super::record::{Decided, Event, Evidence, Readable};
use super::state::{Owed, State};
use super::store::{FACTS, RECORD, file};
use super::workflow::Keeping;
use super::{REF, reviewed, sweep};
use crate::change::Change;
use crate::git::{Reach, Repository};
use crate::github::PullName;
use crate::report::{PolicyPlace, escape};

/// How far the clock of a runner may be from that of the forge.
const MARGIN: SignedDuration = SignedDuration::from_hours(48);

/// What looking for reviews came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// What closes what, by the ids of what is owed.
    pub found: Vec<(String, Evidence, Timestamp)>,
    /// What could not be looked at, and why.
    pub problems: Vec<String>,
}

/// A decision as it stands in the ledger, with the changes that it was about.
struct Judged {
    decided: Decided,
    changes: Vec<Change>,
}

impl Looked {
    /// Returns the records that close what is still open, and each in words.
    pub fn events(&self, state: &State) -> Vec<(Event, String)> {
        let mut events = Vec::new();
        for (id, evidence, at) in &self.found {
            let Some(owed) = state.owed.get(id).filter(|owed| owed.closed.is_none()) else { continue };
            let event = Event::Discharged(discharge(id, owed, evidence.clone(), *at));
            let words = sweep::closed(&event).unwrap_or_default();
            events.push((event, words));
        }
        events
    }
}

/// Looks for reviews of the pull requests that owe something.
///
/// # Errors
///
/// Fails if the ledger cannot be read at all.
pub fn look(keeping: &Keeping<'_>, state: &State) -> Result<Looked> {
    let is_open = |(_, owed): &(&String, &Owed)| owed.closed.is_none() && owed.pull.is_some();
    let open: Vec<(&String, &Owed)> = state.owed.iter().filter(is_open).collect();
    let Some(oldest) = open.iter().map(|(_, owed)| owed.since).min() else { return Ok(Looked::default()) };
    let wanted = open.iter().map(|(_, owed)| owed.decision.as_str()).collect();
    let decisions = decisions(keeping, oldest, &wanted)?;
    let mut looked = Looked::default();
    for (id, owed) in open {
        let found = decisions.get(&owed.decision).ok_or_else(|| anyhow!("its decision is not in the ledger"));
        match found.and_then(|judged| one(keeping, owed, judged)) {
            Ok(Some((evidence, at))) => looked.found.push((id.clone(), evidence, at)),
            Ok(None) => {}
            Err(error) => {
                let pull = owed.pull.as_ref().map(|pull| escape::terminal(pull.as_bytes(), 60));
                let (rule, pull) = (escape::words(&owed.rule), pull.unwrap_or_default());
                looked
                    .problems
                    .push(format!("the reviews of {pull} were not looked at for {rule}: {error:#}"));
            }
        }
    }
    Ok(looked)
}

/// Reads the decisions that are `wanted` out of the ledger, which has all of them since `oldest`.
fn decisions(
    keeping: &Keeping<'_>,
    oldest: Timestamp,
    wanted: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Judged>> {
    let folder = tempfile::tempdir().context("there is no room for a copy of the ledger")?;
    keeping.remote.begin(folder.path())?;
    let since = oldest.checked_sub(MARGIN).unwrap_or(Timestamp::MIN).as_second().max(1);
    keeping.remote.fetch(folder.path(), REF, Reach::Since(since))?;
    let repository = Repository::open(folder.path(), None)?;
    // What is older is not there, and the way ends at it.
    let (commits, _) = repository.walk_chain(repository.resolve_ref(REF.as_bytes())?.id);
    let mut found = BTreeMap::new();
    for (commit, _) in commits {
        let Ok(Some(bytes)) = file(&repository, commit, RECORD) else { continue };
        let Readable::Known(record) = Readable::read(&bytes) else { continue };
        let Event::Decision(decided) = record.event else { continue };
        if !wanted.contains(decided.id.as_str()) {
            continue;
        }
        let facts = file(&repository, commit, FACTS)?.unwrap_or_default();
        let lines = facts.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let changes = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        found.insert(decided.id.clone(), Judged { decided: *decided, changes });
    }
    Ok(found)
}

/// Looks for what closes one obligation.
fn one(keeping: &Keeping<'_>, owed: &Owed, judged: &Judged) -> Result<Option<(Evidence, Timestamp)>> {
    let Some(pull) = &owed.pull else { return Ok(None) };
    let named = PullName::read(&pull.to_lossy(), None).map_err(|why| anyhow!(why))?;
    let is_it = |change: &&Change| change.pull.as_ref().is_ok_and(|one| one.name == *pull);
    let change = judged.changes.iter().find(is_it);
    let change = change.context("what was judged is not kept in the ledger")?;
    let of_ref = judged.decided.refs.iter().find(|one| one.name == owed.on);
    let from = of_ref.and_then(|one| one.policies.first()).context("the record names no policy")?;
    let PolicyPlace::Commit { id, path } = &from.place else {
        return Err(anyhow!("its policy does not stand in a commit"));
    };
    let told = |failure: crate::github::Failure| anyhow!(failure.why);
    let loaded = keeping.session.policy_at(keeping.repo, *id, path).map_err(told)?;
    let loaded = loaded.context("its policy is gone")?;
    ensure!(loaded.policy.digest == from.digest, "its policy is another by now");
    let now = keeping.session.reviews_of(&named).map_err(told)?;
    let now = now.pull.as_deref().map_err(|missing| anyhow!("{missing}"))?;
    let evidence =
        reviewed::evidence(owed, change, &loaded.policy, now).map_err(|missing| anyhow!("{missing}"))?;
    Ok(evidence.map(|evidence| {
        let at = evidence.counts_from(owed.since, owed.since);
        (evidence, at)
    }))
}
