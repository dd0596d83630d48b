//! The pushes and merges of a period that were refused: all of them, and those of people who had left as exceptions.

use anyhow::Result;
use jiff::Timestamp;

use crate::audit::change_record::standing::has_roster;
use crate::audit::exceptions::AuditException;
use crate::audit::exceptions::of_ledger::build_leaver_exception;
use crate::audit::population::refused_push::{RefusalOutcome, RefusedPush};
use crate::audit::ref_audit::RefAuditor;
use crate::change::Text;
use crate::ledger::audit::kept_reasons::read_refused_reasons;
use crate::ledger::audit::ledger_history::RefRefusal;
use crate::ledger::record::{RecordedIdentityKind, RecordedPusher};

impl RefAuditor<'_> {
    /// Compares the refusals before `until` with the rosters so far, and tells of those of people who had left.
    pub(super) fn compare_refusals(&mut self, until: Option<Timestamp>) -> Result<()> {
        let refusals = &self.history.refusals;
        while let Some(refusal) = refusals.get(self.refusals.compared) {
            if until.is_some_and(|until| refusal.observed_at >= until) {
                break;
            }
            self.refusals.compared += 1;
            if self.is_refused_in_period(refusal) {
                for exception in self.list_refused_leavers(refusal) {
                    self.observer.add_exception(&exception)?;
                }
            }
        }
        Ok(())
    }

    /// Tells of every refusal of the period, with what became of it.
    pub(super) fn add_refusals(&mut self) -> Result<()> {
        self.compare_refusals(None)?;
        for refusal in &self.history.refusals {
            if self.is_refused_in_period(refusal) {
                let refused = self.build_refused_push(refusal);
                self.observer.add_refusal(&refused)?;
            }
        }
        Ok(())
    }

    fn is_refused_in_period(&self, refusal: &RefRefusal) -> bool {
        let is_asked = self.request.only.is_none() && self.request.period.contains(refusal.observed_at);
        is_asked && self.find_record_range().contains(&refusal.record)
    }

    fn build_refused_push(&self, refusal: &RefRefusal) -> RefusedPush {
        let became = self.refusals.became.get(&refusal.record).cloned().unwrap_or_default();
        // A ref that was to be turned back held what it was to hold already.
        let is_held = refusal.new.is_some_and(|new| {
            self.chain.holds_commit(new) && !self.chain.had_step_before(new, refusal.record, self.history)
        });
        let outcome = match (is_held, became.is_empty()) {
            (true, _) => RefusalOutcome::LandedUnchanged,
            (false, false) => RefusalOutcome::BecameChange,
            (false, true) => RefusalOutcome::NotLanded,
        };
        RefusedPush {
            repository: self.request.repository_name.clone(),
            ref_name: self.request.ref_name.clone(),
            record: refusal.record,
            at: refusal.observed_at,
            by: name_account(&refusal.pusher),
            commit: refusal.new,
            what: self.attempts.find_subject(refusal.record).cloned(),
            rules: refusal.rules.clone(),
            outcome,
            became,
        }
    }

    /// Returns the exceptions of the people who had left when this was refused, each once.
    fn list_refused_leavers(&self, refusal: &RefRefusal) -> Vec<AuditException> {
        // What cannot be read is told by the verification of the ledger.
        let reasons = read_refused_reasons(self.repository, refusal.holder).unwrap_or_default();
        let mut told: Vec<(Text, String)> = Vec::new();
        for contributor in reasons.iter().filter(|one| has_roster(one)).flat_map(|one| &one.contributors) {
            let written = contributor.address.as_ref().unwrap_or(&contributor.name);
            let has_left =
                contributor.kind == RecordedIdentityKind::Unknown && self.rosters.has_listed(written);
            let named = (contributor.name.clone(), contributor.role.to_plain_text());
            if has_left && !told.contains(&named) {
                told.push(named);
            }
        }
        let mut found = Vec::new();
        for (name, role) in told {
            let exception = build_leaver_exception(self.request.scope(), refusal, (&name, &role));
            found.push(AuditException { actor: Some(name), ..exception });
        }
        found
    }
}

fn name_account(pusher: &RecordedPusher) -> Option<Text> {
    match pusher {
        RecordedPusher::Account(account) => Some(account.clone()),
        RecordedPusher::Unidentified | RecordedPusher::Unknown(_) => None,
    }
}
