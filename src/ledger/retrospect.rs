//! Reviews that close something, looked for on the forge: for everything that is open and that a review
//! of a pull request can make up for.
//!
//! What was judged is in the ledger, beside the decision. One obligation of which that cannot be had, or
//! of which the forge does not tell enough, is named, and does not keep the others from being looked at.

use anyhow::{Context as _, Result, anyhow, ensure};
use jiff::Timestamp;

use super::obligation::discharge;
use super::recalled::{Judged, Recalled};
use super::record::{Event, Evidence};
use super::reviewed;
use super::state::{Owed, State};
use super::workflow::Keeping;
use crate::change::Change;
use crate::github::PullName;
use crate::report::{PolicyPlace, escape};

/// What looking for reviews came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// What closes what, by the ids of what is owed.
    pub found: Vec<(String, Evidence, Timestamp)>,
    /// What could not be looked at, and why.
    pub problems: Vec<String>,
}

impl Looked {
    /// Returns the records that close what is still open.
    pub fn events(&self, state: &State) -> Vec<Event> {
        let mut events = Vec::new();
        for (id, evidence, at) in &self.found {
            let Some(owed) = state.owed.get(id).filter(|owed| owed.closed.is_none()) else { continue };
            events.push(Event::Discharged(discharge(id, owed, evidence.clone(), *at)));
        }
        events
    }
}

/// Returns whether a review of a pull request may close this.
pub fn is_looked_at(owed: &Owed) -> bool {
    owed.closed.is_none() && owed.pull.is_some()
}

/// Looks for reviews of the pull requests that owe something.
pub fn look(keeping: &Keeping<'_>, state: &State, recalled: &Recalled) -> Looked {
    let mut looked = Looked::default();
    for (id, owed) in state.owed.iter().filter(|(_, owed)| is_looked_at(owed)) {
        match recalled.decision(owed).and_then(|judged| one(keeping, owed, judged)) {
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
    looked
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
