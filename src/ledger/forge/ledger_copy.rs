//! The copy of the ledger in a second ref, which every run writes together with the ledger itself.
//!
//! An account that may write contents can delete the ledger or set it back. Without the copy, the next run would begin
//! another one, and what was recorded would be gone. With it, the run stops and says how to put the ledger back.

use std::path::Path;

use anyhow::{Result, bail};

use crate::change::Oid;
use crate::git::{FetchDepth, GitRemote};
use crate::ledger::LEDGER_REF;

/// The ref that holds the copy.
pub(crate) const LEDGER_COPY_REF: &str = "refs/changegate/ledger-copy";

/// What the two refs of a ledger hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LedgerTips {
    pub(crate) ledger: Option<Oid>,
    pub(crate) copy: Option<Oid>,
}

impl LedgerTips {
    /// Checks that the ledger continues from its copy. Both were fetched into the repository in `folder`.
    ///
    /// # Errors
    ///
    /// Fails if the ledger was deleted, set back or replaced, and names the way to put it back.
    pub(crate) fn check_copy(self, remote: &GitRemote, folder: &Path) -> Result<()> {
        let (ledger, copy) = match (self.ledger, self.copy) {
            // A ledger from before there was a copy, or one that has not begun.
            (_, None) => return Ok(()),
            (Some(ledger), Some(copy)) if ledger == copy => return Ok(()),
            (None, Some(_)) => bail!(
                "{LEDGER_REF} was deleted, and its copy in {LEDGER_COPY_REF} is still there; find out who deleted \
                 it, then put it back: {}",
                restore_command("")
            ),
            (Some(ledger), Some(copy)) => (ledger, copy),
        };
        // How they relate is told by all of their history only.
        remote.fetch_refs(folder, &[LEDGER_REF, LEDGER_COPY_REF], FetchDepth::Whole)?;
        if remote.is_ancestor(folder, copy, ledger)? {
            return Ok(());
        }
        if remote.is_ancestor(folder, ledger, copy)? {
            bail!(
                "{LEDGER_REF} was set back to {}, and its copy in {LEDGER_COPY_REF} has newer records; find out who \
                 did it, then put it back: {}",
                ledger.short_hex(),
                restore_command("")
            );
        }
        bail!(
            "{LEDGER_REF} was replaced: it does not continue from its copy in {LEDGER_COPY_REF}; find out who did it. \
             To go on with the copy: {}",
            restore_command("--force ")
        )
    }
}

/// Returns the command that puts the ledger back from its copy, in any clone.
fn restore_command(force: &str) -> String {
    format!("git fetch origin {LEDGER_COPY_REF} && git push {force}origin FETCH_HEAD:{LEDGER_REF}")
}

/// Returns what to do where there is no ledger.
pub(crate) fn describe_beginning() -> String {
    format!(
        "there is no ledger in {LEDGER_REF}. If it has not begun yet, run once with `ledger: begin` (in a terminal: \
         `changegate sweep --github OWNER/REPO --begin`). If it was there before, it was deleted: put it back \
         from a mirror, with `git push URL {LEDGER_REF}` there"
    )
}

/// Returns what to do about a ledger whose newest record cannot be read.
pub(crate) fn describe_damage() -> String {
    format!(
        "{LEDGER_REF} is damaged, and nothing is appended to it; fetch it, have `changegate ledger verify` name the \
         first bad record, and put both refs back to the last good commit: git push --force origin \
         COMMIT:{LEDGER_REF} COMMIT:{LEDGER_COPY_REF}"
    )
}
