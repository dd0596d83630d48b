//! Who may declare what landed on a forge without a decision: what the policy of the default branch says,
//! and who made what it brought, as the forge tells.
//!
//! The forge knows who moved the ref as well, which a server does not. Whoever did has worked past the
//! gate, and does not answer for that himself. As long as the forge cannot be asked, nothing is recorded,
//! and the next run asks again; what it does not know is not known. Its own record of moves may come a
//! little later than the run that a move starts, so that is waited for.

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};

use crate::change::{Oid, PusherIdentity, Text};
use crate::gate::contributors::dedup_contributors;
use crate::ledger::forge::{ForgeLedger, to_error};
use crate::ledger::record::LedgerEvent;
use crate::ledger::state::UnauthorisedChange;
use crate::ledger::state::unauthorised::{MoveContributors, derive_regularisation_terms};
use crate::ledger::state::{LedgerState, TrackedObligation, encode_ref_key};
use crate::ledger::store::LedgerWriter;
use crate::people::PeopleDirectory;
use crate::people::contributors::account_contributor;

/// For how long after a move was recorded the forge may still come to tell who made it.
const MAX_FORGE_LAG: SignedDuration = SignedDuration::from_hours(1);

impl ForgeLedger<'_> {
    /// Appends who may declare what is not flagged yet; returns what could not be asked, and why.
    pub(crate) fn record_regularisation_terms(
        &self,
        ledger: &mut LedgerWriter<'_>,
        now: Timestamp,
    ) -> Result<Vec<String>> {
        let mut unasked = Vec::new();
        let Some((loaded, default)) = self.read_default_policy()? else { return Ok(unasked) };
        let state = ledger.state();
        let mut makers = |owed: &TrackedObligation, stray: &UnauthorisedChange| {
            let from = find_move_base(state, owed, stray, default);
            let found = self.find_move_contributors(owed, stray, &loaded.policy.people, (from, now));
            found
                .inspect_err(|why| {
                    let number = stray.record_number;
                    unasked.push(format!(
                        "nobody can declare record {number} yet, because it is not known who made it: {why:#}"
                    ));
                })
                .ok()
        };
        for flagged in derive_regularisation_terms((&loaded.policy, default), state, &mut makers) {
            ledger.append_event(LedgerEvent::RegularisationTerms(flagged), None, now)?;
        }
        Ok(unasked)
    }

    /// Returns who made what a move brought since `from`, and who moved the ref.
    fn find_move_contributors(
        &self,
        owed: &TrackedObligation,
        stray: &UnauthorisedChange,
        people: &PeopleDirectory,
        (from, now): (Option<Oid>, Timestamp),
    ) -> Result<MoveContributors> {
        let name = owed.ref_name.to_lossy().into_owned();
        let moved = (name.clone(), stray.old_tip, owed.change);
        if let Some(known) = self.move_contributors.borrow().get(&moved) {
            return Ok(known.clone());
        }
        let brought = match (from, owed.change) {
            // What is taken away brings nothing, so nobody made it.
            (_, None) => Some(Vec::new()),
            (None, Some(_)) => None,
            (Some(old), Some(new)) => {
                self.github.find_contributors(self.repo, (old, new), people).map_err(to_error)?
            }
        };
        let all = self.list_moves(&name, stray.old_tip)?;
        let mut by =
            all.iter().filter(|one| (one.old_tip, one.new_tip) == (stray.old_tip, owed.change)).peekable();
        let is_told = by.peek().is_some() || MAX_FORGE_LAG <= now.duration_since(owed.since);
        ensure!(is_told, "GitHub does not tell yet who moved the ref");
        let mut is_known = brought.is_some() && by.peek().is_some();
        let mut found = brought.unwrap_or_default();
        for one in by {
            match &one.moved_by {
                Ok(PusherIdentity::Account(account)) => found.extend(account_contributor(account, people)),
                Ok(PusherIdentity::Unidentified) | Err(_) => is_known = false,
            }
        }
        let (found, is_whole) = dedup_contributors(found);
        let makers = (found, is_known && is_whole);
        self.move_contributors.borrow_mut().insert(moved, makers.clone());
        Ok(makers)
    }
}

/// Returns what a ref held before, or, if it is new, what the default branch holds; `None` if nobody can
/// tell what it brought.
fn find_move_base(
    state: &LedgerState,
    owed: &TrackedObligation,
    stray: &UnauthorisedChange,
    default: &Text,
) -> Option<Oid> {
    let of_default =
        || state.tips.get(&encode_ref_key(default)).copied().filter(|_| owed.ref_name != *default);
    stray.old_tip.or_else(of_default)
}
