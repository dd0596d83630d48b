//! Who may declare what landed on a forge without a decision: what the policy of the default branch says,
//! and who made what it brought, as the forge tells.
//!
//! The forge knows who moved the ref as well, which a server does not. Whoever did has worked past the
//! gate, and does not answer for that himself. As long as the forge cannot be asked, nothing is recorded,
//! and the next run asks again; what it does not know is not known. Its own record of moves may come a
//! little later than the run that a move starts, so that is waited for.

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};

use super::record::Event;
use super::state::{Owed, State, key};
use super::store::Ledger;
use super::stray::{Makers, Stray, flags};
use super::workflow::{Keeping, failed};
use crate::change::{Oid, Pusher, Text};
use crate::gate::brought::remembered;
use crate::people::People;
use crate::people::participants::hand_of;

/// For how long after a move was recorded the forge may still come to tell who made it.
const LAG: SignedDuration = SignedDuration::from_hours(1);

impl Keeping<'_> {
    /// Appends who may declare what is not flagged yet; returns what could not be asked, and why.
    pub(super) fn flag(&self, ledger: &mut Ledger<'_>, now: Timestamp) -> Result<Vec<String>> {
        let mut unasked = Vec::new();
        let Some((loaded, default)) = self.base()? else { return Ok(unasked) };
        let state = ledger.state();
        let mut makers = |owed: &Owed, stray: &Stray| {
            let from = from(state, owed, stray, default);
            let found = self.makers(owed, stray, &loaded.policy.people, (from, now));
            found
                .inspect_err(|why| {
                    let number = stray.record;
                    unasked.push(format!(
                        "nobody can declare record {number} yet, because it is not known who made it: {why:#}"
                    ));
                })
                .ok()
        };
        for flagged in flags((&loaded.policy, default), state, &mut makers) {
            ledger.append(Event::Flagged(flagged), None, now)?;
        }
        Ok(unasked)
    }

    /// Returns who made what a move brought since `from`, and who moved the ref.
    fn makers(
        &self,
        owed: &Owed,
        stray: &Stray,
        people: &People,
        (from, now): (Option<Oid>, Timestamp),
    ) -> Result<Makers> {
        let name = owed.on.to_lossy().into_owned();
        let moved = (name.clone(), stray.old, owed.change);
        if let Some(known) = self.made.borrow().get(&moved) {
            return Ok(known.clone());
        }
        let brought = match (from, owed.change) {
            // What is taken away brings nothing, so nobody made it.
            (_, None) => Some(Vec::new()),
            (None, Some(_)) => None,
            (Some(old), Some(new)) => self.session.makers(self.repo, (old, new), people).map_err(failed)?,
        };
        let all = self.moves(&name, stray.old)?;
        let mut by = all.iter().filter(|one| (one.old, one.new) == (stray.old, owed.change)).peekable();
        let is_told = by.peek().is_some() || LAG <= now.duration_since(owed.since);
        ensure!(is_told, "GitHub does not tell yet who moved the ref");
        let mut is_known = brought.is_some() && by.peek().is_some();
        let mut found = brought.unwrap_or_default();
        for one in by {
            match &one.by {
                Ok(Pusher::Account(account)) => found.extend(hand_of(account, people)),
                Ok(Pusher::Unidentified) | Err(_) => is_known = false,
            }
        }
        let (found, is_whole) = remembered(found);
        let makers = (found, is_known && is_whole);
        self.made.borrow_mut().insert(moved, makers.clone());
        Ok(makers)
    }
}

/// Returns what a ref held before, or, if it is new, what the default branch holds; `None` if nobody can
/// tell what it brought.
fn from(state: &State, owed: &Owed, stray: &Stray, default: &Text) -> Option<Oid> {
    let of_default = || state.tips.get(&key(default)).copied().filter(|_| owed.on != *default);
    stray.old.or_else(of_default)
}
