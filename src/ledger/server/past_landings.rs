//! How refs moved by the ledger, for a push that brings to one ref what another one has.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Result, bail};

use crate::change::Text;
use crate::gate::{LandingReader, PastLanding};
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::history_index::{IndexLimits, read_indexed_history};
use crate::ledger::audit::landing_origin::LandingOrigin;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{DecisionRecord, LedgerEvent, RecordedPusher};
use crate::ledger::server::write_ahead::list_entries;
use crate::ledger::store::{RECORD_FILE, read_ledger_file};

/// The most records that are searched for a pusher. A roster that no pusher is in is corrected long before.
const MAX_SEARCHED_RECORDS: usize = 2_000;

/// Reads the moves of refs from the ledger, each ref once.
pub(crate) struct PastLandings<'a> {
    repository: &'a Repository,
    /// True if pushes go on without a ledger that cannot be read.
    is_optional: bool,
    known: RefCell<BTreeMap<Text, Rc<[PastLanding]>>>,
}

impl<'a> PastLandings<'a> {
    /// Prepares to read the ledger of a repository.
    pub(crate) fn new(repository: &'a Repository, is_optional: bool) -> Self {
        PastLandings { repository, is_optional, known: RefCell::default() }
    }

    /// Reads the moves of a ref; none without a ledger.
    fn read_ledger(&self, ref_name: &Text) -> Result<Vec<PastLanding>> {
        let limits = IndexLimits::default();
        let (history, _) = read_indexed_history(self.repository, ref_name, limits, &mut || {})?;
        let Some(history) = history else { return Ok(Vec::new()) };
        // A record that cannot be read may be the one that matters.
        if !self.is_optional && (history.cut.is_some() || !history.unreadable_records.is_empty()) {
            bail!("the ledger cannot be read whole; `changegate ledger verify` says why");
        }
        let mut landings = Vec::new();
        if let Some(first) = history.first_tip {
            let (new, seen_at) = (Some(first.id), first.seen_at);
            landings.push(PastLanding { old: None, new, was_denied: false, seen_at });
        }
        for one in &history.moves {
            let was_denied = one.origin == LandingOrigin::DeniedNotEnforced;
            let (old, new) = (one.moved.old, one.moved.new);
            // A change was judged at the time of its decision.
            let seen_at = one.decision.as_ref().map_or(one.observed_at, |decided| decided.observed_at);
            landings.push(PastLanding { old, new, was_denied, seen_at });
        }
        Ok(landings)
    }
}

impl LandingReader for PastLandings<'_> {
    fn read_landings(&self, ref_name: &Text) -> Result<Rc<[PastLanding]>> {
        if let Some(known) = self.known.borrow().get(ref_name) {
            return Ok(Rc::clone(known));
        }
        let landings: Rc<[PastLanding]> = match self.read_ledger(ref_name) {
            Ok(landings) => landings.into(),
            Err(_) if self.is_optional => Rc::default(),
            Err(error) => return Err(error),
        };
        self.known.borrow_mut().insert(ref_name.clone(), Rc::clone(&landings));
        Ok(landings)
    }

    fn has_pusher(&self, is_wanted: &dyn Fn(&Text) -> bool) -> Result<bool> {
        let is_by_wanted = |decided: &DecisionRecord| matches!(&decided.pusher, RecordedPusher::Account(account) if is_wanted(account));
        let pending = list_entries(self.repository.common_dir(), &[], MAX_SEARCHED_RECORDS)?;
        if pending.iter().any(|file| file.entry.as_ref().is_ok_and(|entry| is_by_wanted(&entry.decided))) {
            return Ok(true);
        }
        let mut next = self.repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
        for _ in 0..MAX_SEARCHED_RECORDS {
            let Some(commit) = next else { return Ok(false) };
            let bytes = read_ledger_file(self.repository, commit, RECORD_FILE)?.unwrap_or_default();
            if let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes)
                && let LedgerEvent::Decision(decided) = &record.event
                && is_by_wanted(decided)
            {
                return Ok(true);
            }
            next = self.repository.list_parents(commit)?.first().copied();
        }
        Ok(true)
    }
}
