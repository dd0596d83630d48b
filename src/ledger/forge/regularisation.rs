//! Records who may regularise an unauthorised change on a forge: by the policy of the default branch, as it
//! was last decided, and
//! by the contributors to what the move brought, as the forge reports them.
//!
//! Unlike a server, the forge also knows who moved the ref. That account bypassed the gate, so it cannot
//! regularise the change itself. While the forge cannot be asked, nothing is recorded, and the next run asks
//! again. The forge may list a move a little later than the run that it starts, so the run waits for it.

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};

use crate::change::{Oid, PusherIdentity, Text};
use crate::gate::LoadedPolicy;
use crate::gate::contributors::dedup_contributors;
use crate::github::GitHubRefMove;
use crate::ledger::forge::move_lookup::reaches_tip;
use crate::ledger::forge::{ForgeLedger, to_error};
use crate::ledger::record::LedgerEvent;
use crate::ledger::server::undecided_moves::list_recorded_moves;
use crate::ledger::state::UnauthorisedChange;
use crate::ledger::state::unauthorised::{MoveContributors, derive_regularisation_terms};
use crate::ledger::state::{LedgerState, TrackedObligation, encode_ref_key};
use crate::ledger::store::LedgerWriter;
use crate::people::PeopleDirectory;
use crate::people::contributors::account_contributor;
use crate::verdict::{Message, MessageValue, messages};

messages! {
    CONTRIBUTORS_UNAVAILABLE = "regularisation.contributors-unavailable":
        "record {number} cannot be regularised yet, because its contributors are not known: {reason}";
}

/// The time after which the forge is not expected to list a move any more.
const MAX_FORGE_LAG: SignedDuration = SignedDuration::from_hours(1);

impl ForgeLedger<'_> {
    /// Appends who may regularise each change that has no such record yet; returns what the forge could
    /// not be asked.
    pub(crate) fn record_regularisation_terms(
        &self,
        ledger: &mut LedgerWriter<'_>,
        now: Timestamp,
    ) -> Result<Vec<Message>> {
        let mut unanswered = Vec::new();
        let Some((loaded, default)) = self.read_default_policy()? else { return Ok(unanswered) };
        let state = ledger.state();
        if !state.obligations.values().any(lacks_terms) {
            return Ok(unanswered);
        }
        let decided = self.find_decided_policy(state, default)?;
        let loaded = decided.as_ref().unwrap_or(loaded);
        let mut find_contributors = |owed: &TrackedObligation, change: &UnauthorisedChange| {
            let base = find_move_base(state, owed, change, default);
            match self.find_move_contributors(owed, change, &loaded.policy.people, (base, now)) {
                Ok(found) => Some(found),
                Err(why) => {
                    let message = CONTRIBUTORS_UNAVAILABLE.with("number", change.record_number);
                    unanswered.push(message.with("reason", MessageValue::unrecorded(format!("{why:#}"))));
                    None
                }
            }
        };
        for terms in derive_regularisation_terms((&loaded.policy, default), state, &mut find_contributors) {
            ledger.append_event(LedgerEvent::RegularisationTerms(terms), now)?;
        }
        Ok(unanswered)
    }

    /// Returns the last policy that was decided, if a move of the default branch without a decision has put
    /// another in its place: what comes past the gate cannot choose who may regularise it.
    pub(crate) fn find_decided_policy(
        &self,
        state: &LedgerState,
        default: &Text,
    ) -> Result<Option<LoadedPolicy>> {
        let mut decided: Option<LoadedPolicy> = None;
        for moved in list_recorded_moves(state, default) {
            let before = match decided.take() {
                Some(before) => Some(before),
                None => self.load_policy_of_tip(moved.old)?,
            };
            let after = self.load_policy_of_tip(moved.new)?.map(|after| after.policy.digest);
            decided = before.filter(|before| after.as_ref() != Some(&before.policy.digest));
        }
        Ok(decided)
    }

    fn load_policy_of_tip(&self, tip: Option<Oid>) -> Result<Option<LoadedPolicy>> {
        let Some(tip) = tip else { return Ok(None) };
        self.github.find_usable_policy(self.repo, tip, &self.options.policy_path).map_err(to_error)
    }

    /// Returns the contributors to what a move brought since `base`, and the account that moved the ref.
    fn find_move_contributors(
        &self,
        owed: &TrackedObligation,
        change: &UnauthorisedChange,
        people: &PeopleDirectory,
        (base, now): (Option<Oid>, Timestamp),
    ) -> Result<MoveContributors> {
        let name = owed.ref_name.to_lossy().into_owned();
        let key = (name.clone(), change.old_tip, owed.change);
        if let Some(known) = self.move_contributors.borrow().get(&key) {
            return Ok(known.clone());
        }
        let brought = match (base, owed.change) {
            // A deletion brings no commits, so it has no contributors.
            (_, None) => Some(Vec::new()),
            (None, Some(_)) => None,
            (Some(old), Some(new)) => {
                self.github.find_contributors(self.repo, (old, new), people).map_err(to_error)?
            }
        };
        let is_enough = |listed: &[GitHubRefMove]| reaches_tip(listed, change.old_tip);
        let mut moves = self.list_moves(&name, &is_enough)?;
        moves.retain(|one| (one.old_tip, one.new_tip) == (change.old_tip, owed.change));
        let is_overdue = now.duration_since(owed.since) >= MAX_FORGE_LAG;
        ensure!(!moves.is_empty() || is_overdue, "GitHub does not tell yet who moved the ref");
        let mut is_known = brought.is_some() && !moves.is_empty();
        let mut found = brought.unwrap_or_default();
        for one in &moves {
            match &one.moved_by {
                Ok(PusherIdentity::Account(account)) => found.extend(account_contributor(account, people)),
                Ok(PusherIdentity::Unidentified) | Err(_) => is_known = false,
            }
        }
        let (found, is_whole) = dedup_contributors(found);
        let contributors = (found, is_known && is_whole);
        self.move_contributors.borrow_mut().insert(key, contributors.clone());
        Ok(contributors)
    }
}

/// Returns whether an unauthorised change is open and it is not recorded who may regularise it.
fn lacks_terms(owed: &TrackedObligation) -> bool {
    let change = owed.unauthorised_change.as_ref();
    owed.closed.is_none() && change.is_some_and(|change| change.regularised_on.is_none())
}

/// Returns what a ref held before, or for a new ref what the default branch holds; `None` if it is not
/// known what the move brought.
fn find_move_base(
    state: &LedgerState,
    owed: &TrackedObligation,
    change: &UnauthorisedChange,
    default: &Text,
) -> Option<Oid> {
    if change.old_tip.is_some() || owed.ref_name == *default {
        return change.old_tip;
    }
    state.tips.get(&encode_ref_key(default)).copied()
}
