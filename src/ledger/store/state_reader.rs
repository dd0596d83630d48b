//! Reads the state after the newest record, once for all who ask.
//!
//! The state is as large as all that is owed. A hook asks for it to find the policy that applies, to refuse
//! what is overdue, and to append.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::Result;

use crate::change::Oid;
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::state::LedgerState;
use crate::ledger::store::ledger_files::read_state_at;

/// Reads the state of a ledger, and again only when the ledger has another newest record.
pub struct LedgerStateReader<'a> {
    repository: &'a Repository,
    /// The state that was read last, with the commit that has it.
    last_read: RefCell<Option<(Oid, Rc<LedgerState>)>>,
}

impl<'a> LedgerStateReader<'a> {
    /// Prepares to read the ledger of a repository.
    pub fn new(repository: &'a Repository) -> Self {
        LedgerStateReader { repository, last_read: RefCell::new(None) }
    }

    /// Returns the repository of the ledger.
    pub(crate) fn repository(&self) -> &'a Repository {
        self.repository
    }

    /// Returns the state after the newest record; `None` if there is no ledger.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read.
    pub fn read_newest(&self) -> Result<Option<Rc<LedgerState>>> {
        let Some(tip) = self.repository.resolve_ref(LEDGER_REF.as_bytes())?.id else { return Ok(None) };
        if let Some((commit, state)) = &*self.last_read.borrow()
            && *commit == tip
        {
            return Ok(Some(state.clone()));
        }
        let state = Rc::new(read_state_at(self.repository, tip)?);
        self.last_read.replace(Some((tip, state.clone())));
        Ok(Some(state))
    }

    /// Returns the state at a commit of the ledger for one who changes it. It is not kept.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read.
    pub(crate) fn take_state_at(&self, tip: Oid) -> Result<LedgerState> {
        match self.last_read.take() {
            Some((commit, state)) if commit == tip => Ok(Rc::unwrap_or_clone(state)),
            _ => read_state_at(self.repository, tip),
        }
    }
}
