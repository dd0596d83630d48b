//! Reviews that close something, looked for on the forge: for everything that is open and that a review
//! of a pull request can make up for.
//!
//! What was judged is in the ledger, beside the decision. One obligation of which that cannot be had, or
//! of which the forge does not tell enough, is named, and does not keep the others from being looked at.

use anyhow::{Context as _, Result, anyhow, ensure};
use jiff::Timestamp;

use crate::change::Change;
use crate::github::PullRequestName;
use crate::ledger::forge::ForgeLedger;
use crate::ledger::forge::past_decisions::{PastDecision, PastDecisions};
use crate::ledger::forge::reviewed;
use crate::ledger::record::{LedgerEvent, ObligationEvidence, RecordedPolicySource};
use crate::ledger::state::obligation::build_discharge;
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::report::escape;

/// What looking for reviews came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LateReviews {
    /// What closes what, by the ids of what is owed.
    pub evidence: Vec<(String, ObligationEvidence, Timestamp)>,
    /// What could not be looked at, and why.
    pub problems: Vec<String>,
}

impl LateReviews {
    /// Returns the records that close what is still open.
    pub fn discharge_events(&self, state: &LedgerState) -> Vec<LedgerEvent> {
        let mut events = Vec::new();
        for (id, evidence, at) in &self.evidence {
            let Some(owed) = state.obligations.get(id).filter(|owed| owed.closed.is_none()) else { continue };
            events.push(LedgerEvent::Discharged(build_discharge(id, owed, evidence.clone(), *at)));
        }
        events
    }
}

/// Returns whether a review of a pull request may close this.
pub fn is_closable_by_review(owed: &TrackedObligation) -> bool {
    owed.closed.is_none() && owed.pull.is_some()
}

/// Looks for reviews of the pull requests that owe something.
pub fn find_late_reviews(
    keeping: &ForgeLedger<'_>,
    state: &LedgerState,
    recalled: &PastDecisions,
) -> LateReviews {
    let mut looked = LateReviews::default();
    for (id, owed) in state.obligations.iter().filter(|(_, owed)| is_closable_by_review(owed)) {
        match recalled.find_decision(owed).and_then(|judged| find_late_review(keeping, owed, judged)) {
            Ok(Some((evidence, at))) => looked.evidence.push((id.clone(), evidence, at)),
            Ok(None) => {}
            Err(error) => {
                let pull = owed.pull.as_ref().map(|pull| escape::escape_terminal(pull.as_bytes(), 60));
                let (rule, pull) = (escape::escape_words(&owed.rule), pull.unwrap_or_default());
                looked
                    .problems
                    .push(format!("the reviews of {pull} were not looked at for {rule}: {error:#}"));
            }
        }
    }
    looked
}

/// Looks for what closes one obligation.
fn find_late_review(
    keeping: &ForgeLedger<'_>,
    owed: &TrackedObligation,
    judged: &PastDecision,
) -> Result<Option<(ObligationEvidence, Timestamp)>> {
    let Some(pull) = &owed.pull else { return Ok(None) };
    let named = PullRequestName::parse_name(&pull.to_lossy(), None).map_err(|why| anyhow!(why))?;
    let is_it = |change: &&Change| change.pull.as_ref().is_ok_and(|one| one.name == *pull);
    let change = judged.changes.iter().find(is_it);
    let change = change.context("what was judged is not kept in the ledger")?;
    let of_ref = judged.decision.refs.iter().find(|one| one.name == owed.ref_name);
    let from = of_ref.and_then(|one| one.policies.first()).context("the record names no policy")?;
    let RecordedPolicySource::Commit { id, path, digest } = from else {
        return Err(anyhow!("its policy does not stand in a commit"));
    };
    let told = |failure: crate::github::GitHubFailure| anyhow!(failure.why);
    let loaded = keeping.github.load_policy_at(keeping.repo, *id, path).map_err(told)?;
    let loaded = loaded.context("its policy is gone")?;
    ensure!(loaded.policy.digest == *digest, "its policy is another by now");
    let now = keeping.github.read_current_reviews(&named).map_err(told)?;
    let now = now.pull.as_deref().map_err(|missing| anyhow!("{missing}"))?;
    let evidence = reviewed::find_review_evidence(owed, change, &loaded.policy, now)
        .map_err(|missing| anyhow!("{missing}"))?;
    Ok(evidence.map(|evidence| {
        let at = evidence.effective_time(owed.since, owed.since);
        (evidence, at)
    }))
}
