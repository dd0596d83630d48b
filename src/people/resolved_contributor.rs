//! A contributor to a change as the policy resolves them, and the list of all of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::change::Text;
use crate::people::ResolvedIdentity;
use crate::people::service::PersonAbsence;
use crate::verdict::MessageTemplate;

/// A contributor to a change, with the identity that the policy resolves them to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ResolvedContributor {
    /// The person or bot that the address or account stands for.
    pub identity: ResolvedIdentity,
    /// The name as written, to be shown; the account where there is one.
    pub name: Text,
    /// The address, where a commit or a forge names one; an account has none.
    pub address: Option<Text>,
    /// The role, as a message that completes "is ... of this change".
    pub role: &'static MessageTemplate,
    /// The account, where it is a bare one that no roster explains.
    pub(super) account: Option<String>,
    /// The number of the account on its forge, which stays when its login goes to another account.
    pub(super) number: Option<u64>,
    /// Why the person was not there when the change was seen; `None` if they were, or are not known.
    pub absence: Option<PersonAbsence>,
}

impl ResolvedContributor {
    /// Returns the person or bot of an account, which nothing but the server tells of; `bare` is as in the field `account`.
    pub(super) fn from_account(
        name: &Text,
        identity: ResolvedIdentity,
        role: &'static MessageTemplate,
        bare: Option<String>,
    ) -> Self {
        let name = name.clone();
        ResolvedContributor {
            identity,
            name,
            address: None,
            role,
            account: bare,
            number: None,
            absence: None,
        }
    }

    /// Returns true if nobody can be shown to be another person than this one, or they are not there.
    pub(crate) fn is_unaccounted(&self) -> bool {
        self.identity == ResolvedIdentity::Unknown || self.absence.is_some()
    }
}

/// Contributors, each once under each name. A message can name thousands of co-authors.
#[derive(Default)]
pub(super) struct ContributorList {
    pub(super) contributors: Vec<ResolvedContributor>,
    /// The place of each of them.
    seen: HashMap<(ResolvedIdentity, Text, Option<Text>), usize>,
}

impl ContributorList {
    /// Adds a contributor unless the same identity is there under the same name.
    pub(super) fn add_contributor(&mut self, contributor: ResolvedContributor) {
        // All bots are one identity; they differ by their addresses.
        let is_bot = contributor.identity == ResolvedIdentity::Bot;
        let address = contributor.address.clone().filter(|_| is_bot);
        match self.seen.entry((contributor.identity.clone(), contributor.name.clone(), address)) {
            Entry::Vacant(place) => {
                place.insert(self.contributors.len());
                self.contributors.push(contributor);
            }
            Entry::Occupied(place) => {
                let Some(known) = self.contributors.get_mut(*place.get()) else { return };
                match (known.number, contributor.number) {
                    // Not every source tells the number of an account.
                    (None, number) => known.number = number,
                    // A login that another account has taken over meanwhile.
                    (Some(old), Some(new)) if old != new => self.contributors.push(contributor),
                    _ => {}
                }
            }
        }
    }
}
