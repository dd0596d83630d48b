//! Who stood in the rosters of a ref so far, so that a person who has left is told from one who was never there.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::Text;
use crate::people::normalise_identity;
use crate::policy::Policy;

/// The addresses and accounts that rosters have listed.
#[derive(Debug, Default)]
pub(crate) struct RosterHistory {
    listed: BTreeSet<String>,
    /// The person of each of them, as the newest roster has it.
    people: BTreeMap<String, String>,
    /// The digests of the rosters that were read.
    known: BTreeSet<String>,
}

impl RosterHistory {
    /// Adds the roster of a policy, if it has one.
    pub(crate) fn add_policy(&mut self, policy: &Policy) {
        if let Some(digest) = &policy.people.roster_digest
            && self.known.insert(digest.clone())
        {
            for (identity, person) in policy.people.list_identities() {
                self.listed.insert(identity.to_owned());
                self.people.insert(identity.to_owned(), person.to_owned());
            }
        }
    }

    /// Returns the addresses and accounts of the person with this one, itself among them; none if no roster lists it.
    pub(crate) fn list_aliases(&self, identity: &str) -> Vec<String> {
        let Some(person) = normalise_identity(identity).and_then(|id| self.people.get(&id)) else {
            return Vec::new();
        };
        self.people.iter().filter(|(_, of)| *of == person).map(|(id, _)| id.clone()).collect()
    }

    /// Returns true if a roster has listed this person: a name with an address, an address, or an account.
    pub(crate) fn has_listed(&self, written: &Text) -> bool {
        normalise_identity(&written.to_lossy()).is_some_and(|id| self.listed.contains(&id))
    }
}
