//! Who stood in the rosters of a ref so far, so that a person who has left is told from one who was never there.

use std::collections::BTreeSet;

use crate::change::Text;
use crate::people::normalise_identity;
use crate::policy::Policy;

/// The addresses and accounts that rosters have listed.
#[derive(Debug, Default)]
pub(crate) struct RosterHistory {
    listed: BTreeSet<String>,
    /// The digests of the rosters that were read.
    known: BTreeSet<String>,
}

impl RosterHistory {
    /// Adds the roster of a policy, if it has one.
    pub(crate) fn add_policy(&mut self, policy: &Policy) {
        if let Some(digest) = &policy.people.roster_digest
            && self.known.insert(digest.clone())
        {
            self.listed.extend(policy.people.list_identities().into_keys().map(str::to_owned));
        }
    }

    /// Returns true if a roster has listed this person: a name with an address, an address, or an account.
    pub(crate) fn has_listed(&self, written: &Text) -> bool {
        normalise_identity(&written.to_lossy()).is_some_and(|id| self.listed.contains(&id))
    }
}
