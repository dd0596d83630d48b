//! What happened to a ref beside the steps of its history: moves that brought none, and merges that it lacks.

use std::ops::RangeInclusive;

use anyhow::Result;
use jiff::SignedDuration;

use crate::audit::exceptions::of_ledger::{build_left_out_exception, build_move_exception};
use crate::audit::exceptions::of_pulls::build_missing_exception;
use crate::audit::population::period::AuditPeriod;
use crate::audit::population::period_run::find_period_run;
use crate::audit::population::population_entry::{PopulationEntry, UnauthorisedMove};
use crate::audit::population::ref_chain::StepLanding;
use crate::audit::ref_audit::RefAuditor;
use crate::change::Oid;
use crate::ledger::audit::ledger_history::LandedRefMove;
use crate::ledger::record::unauthorised_key;

/// The shortest time that a clock tells.
const INSTANT: SignedDuration = SignedDuration::from_nanos(1);

impl RefAuditor<'_> {
    /// Adds the moves of the ref that brought no step of its history, if they happened in the period.
    pub(super) fn add_ref_moves(&mut self, others: &[usize]) -> Result<()> {
        let records = self.find_record_range();
        for number in others.iter().copied() {
            let Some(one) = self.history.moves.get(number) else { continue };
            if self.request.period.contains(one.observed_at) && records.contains(&one.record) {
                let is_held = one.moved.new.is_none_or(|new| self.chain.holds_commit(new));
                let key = self.find_owing_move(one).map(unauthorised_key);
                let owed = key.as_ref().and_then(|key| self.owed.get(key));
                let mut entry = PopulationEntry::of_ref_move(self.request.scope(), one, is_held);
                // What brought a change is counted with it.
                let mut steps = self.chain.steps.iter();
                let has_brought = steps.any(|step| step.landing == StepLanding::Moved(number));
                if one.decision.is_none() && !has_brought {
                    let is_closed = owed.is_some_and(|owed| owed.closed.is_some());
                    entry.unauthorised_move =
                        Some(if is_closed { UnauthorisedMove::Regularised } else { UnauthorisedMove::Open });
                    entry.is_move_in_time = owed.and_then(|owed| owed.find_timeliness(self.request.now));
                }
                self.observer.add_entry(&entry)?;
                let exception = build_move_exception(&entry, owed, self.request.now);
                self.observer.add_exception(&exception)?;
                // What it owes is told with it.
                self.told_obligations.extend(key.filter(|_| one.decision.is_none()));
            }
        }
        Ok(())
    }

    /// Returns the places of the first and the last step of the period.
    pub(super) fn find_ends(&self) -> Option<(usize, usize)> {
        let (start, end) = self.find_period_places();
        let after = self.request.after.and_then(|id| self.chain.find_place(id));
        let start = after.map_or(start, |after| start.max(after + 1));
        let until = self.request.until.and_then(|id| self.chain.find_place(id));
        let end = until.map_or(end, |until| end.min(until + 1));
        let mut asked =
            (start..end).filter(|place| self.chain.steps.get(*place).is_some_and(|step| self.is_asked(step)));
        let first = asked.next()?;
        Some((first, asked.next_back().unwrap_or(first)))
    }

    /// Returns the places before which the steps of the period begin and end. No step landed after the time of the audit,
    /// whatever its committer wrote.
    pub(super) fn find_period_places(&self) -> (usize, usize) {
        let find_time = |step| {
            let (at, clock) = self.find_landing_time(step);
            (at.min(self.request.now), clock)
        };
        let times: Vec<_> = self.chain.steps.iter().map(find_time).collect();
        find_period_run(&times, &self.request.period)
    }

    /// Returns the record of the unauthorised move that this one is, or that took away what this one brought.
    fn find_owing_move(&self, one: &LandedRefMove) -> Option<u64> {
        if one.decision.is_none() {
            return Some(one.record);
        }
        let mut later = self.history.moves.iter().filter(|other| other.record > one.record);
        let away = later.find(|other| other.moved.old == one.moved.new)?;
        if away.decision.is_none() { Some(away.record) } else { None }
    }

    /// Names the steps whose own time is in the period and that belong to another by their place.
    pub(super) fn add_steps_left_out(&mut self) -> Result<()> {
        let request = self.request;
        if request.is_range() || request.only.is_some() {
            return Ok(());
        }
        let (start, end) = self.find_period_places();
        for (place, step) in self.chain.steps.iter().enumerate() {
            let (at, _) = self.find_landing_time(step);
            if request.period.contains(at) && !(start..end).contains(&place) {
                self.summary.steps_left_out += 1;
                let id = step.id;
                self.observer.add_exception(&build_left_out_exception(request.scope(), id, at))?;
            }
        }
        Ok(())
    }

    /// Adds the pull requests that the forge says it merged in the period and that are no steps.
    pub(super) fn add_missing_pulls(&mut self) -> Result<()> {
        for pull in self.summary.pulls.iter().flat_map(|pulls| &pulls.missing) {
            self.observer.add_exception(&build_missing_exception(self.request.scope(), pull))?;
        }
        Ok(())
    }

    /// Returns the time that is audited. A range of steps has the time from what landed before it to its last step, as
    /// far as records tell: what happened between two ranges in a row belongs to exactly one of them.
    pub(super) fn find_span(&self) -> AuditPeriod {
        let mut span = self.request.period;
        let records = self.find_record_range();
        let seen = |one: &LandedRefMove| one.observed_at.checked_add(INSTANT).unwrap_or(one.observed_at);
        let mut moves = self.history.moves.iter();
        if self.request.after.is_some() {
            let before = moves.clone().rfind(|one| one.record < *records.start());
            span.from = span.from.max(before.map(seen));
        }
        if *records.end() < u64::MAX {
            let last = moves.clone().rfind(|one| one.record <= *records.end());
            // What landed before there were records ends with the first of them.
            let end = last.map(seen).or_else(|| moves.next().map(|one| one.observed_at));
            span.until = span.until.into_iter().chain(end).min();
        }
        span
    }

    /// Returns the records between those that brought the ends of the steps that were asked for. Of a commit that the ref
    /// does not hold, no record of the ref tells.
    pub(super) fn find_record_range(&self) -> RangeInclusive<u64> {
        let find_record = |id: Oid| {
            let place = self.chain.find_place(id)?;
            let steps = self.chain.steps.get(..=place)?;
            let number = steps.iter().rev().find_map(|step| match step.landing {
                StepLanding::Moved(number) => Some(number),
                StepLanding::Unrecorded | StepLanding::Earlier(_) => None,
            });
            Some(number.and_then(|number| self.history.moves.get(number)).map_or(0, |one| one.record))
        };
        let first = self.request.after.and_then(find_record).map_or(0, |record| record.saturating_add(1));
        let last = if self.request.is_ref_tip { self.request.until.and_then(find_record) } else { Some(0) };
        first..=last.unwrap_or(u64::MAX)
    }
}
