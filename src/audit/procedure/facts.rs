//! What a procedure is made from: a policy, where it was read, and the history of its files.

use crate::audit::procedure::policy_revisions::PolicyHistory;
use crate::policy::Policy;

/// Everything that a procedure is made from.
#[derive(Clone, Copy, Debug)]
pub struct ProcedureFacts<'policy> {
    /// The policy, with its people and its catalogue.
    pub policy: &'policy Policy,
    /// Where it was read, in words.
    pub source: &'policy str,
    /// The commits that changed its files; `None` where no repository holds them.
    pub history: Option<&'policy PolicyHistory>,
}
