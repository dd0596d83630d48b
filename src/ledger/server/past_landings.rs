//! How refs moved by the ledger, for a push that brings to one ref what another one has.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Result, bail};

use crate::change::Text;
use crate::gate::{LandingReader, PastLanding};
use crate::git::Repository;
use crate::ledger::audit::history_index::{IndexLimits, read_indexed_history};
use crate::ledger::audit::landing_origin::LandingOrigin;

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
}
