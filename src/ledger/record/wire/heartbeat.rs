//! The wire form of a sign that the gate stood.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A sign that the gate stood: it read every protected ref, and each held what the ledger says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LedgerHeartbeat {
    /// When the refs were read, by the clock of the gate.
    pub observed_at: Timestamp,
    /// How many refs the ledger follows.
    pub refs: usize,
    /// How many decisions wait for a push that may not have ended.
    pub waiting_decisions: usize,
    /// What judges pushes.
    pub hook: RecordedHookState,
    /// The name and version of the gate.
    pub tool: String,
}

/// What judges pushes in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedHookState {
    /// The hook `pre-receive` is there as `install` writes it, and git can run it.
    Installed,
    /// There is a hook that was not written by `install`, or was edited; whether it calls the gate is not known.
    Foreign,
    /// There is no hook that git can run, so nothing judges pushes.
    Missing,
    /// It could not be found out.
    Unknown,
    /// A workflow judges after the ref has moved; there is no hook.
    Workflow,
}
