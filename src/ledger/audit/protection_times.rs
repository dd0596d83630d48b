//! When the policy did not protect a ref that it had protected before, as the records of a ledger tell.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::Text;
use crate::ledger::record::ScopeChange;
use crate::ledger::state::LedgerState;
use crate::ledger::store::protected_refs::parse_patterns;

/// A time in which a ref was not protected, between two in which it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UnprotectedTime {
    /// When the ledger took in that the ref is no longer protected.
    pub from: Timestamp,
    /// When it took in that the ref is protected again; `None` if it has not been since.
    pub until: Option<Timestamp>,
}

/// Adds what a change of the protected refs at this time means for the ref `name`; `state` is the one before it.
pub(crate) fn add_scope_change(
    times: &mut Vec<UnprotectedTime>,
    (name, at): (&Text, Timestamp),
    state: &LedgerState,
    scope: &ScopeChange,
) {
    let is_protected = |protects: &[String]| {
        parse_patterns(protects).iter().any(|pattern| pattern.matches_ref(name.as_bytes()))
    };
    match (is_protected(&state.protects), is_protected(&scope.protects)) {
        (true, false) => times.push(UnprotectedTime { from: at, until: None }),
        (false, true) => {
            if let Some(open) = times.last_mut().filter(|time| time.until.is_none()) {
                open.until = Some(at);
            }
        }
        _ => {}
    }
}
