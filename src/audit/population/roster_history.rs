//! Who stood in the rosters of a ref so far, so that a person who has left is told from one who was never there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::change::Text;
use crate::ledger::record::RecordedReasons;
use crate::people::normalise_identity;
use crate::people::service::{DaySpan, PersonAbsence};
use crate::policy::Policy;

/// The addresses and accounts that rosters have listed.
#[derive(Debug, Default)]
pub(crate) struct RosterHistory {
    listed: BTreeSet<String>,
    /// The person of each of them, as the newest roster has it.
    people: BTreeMap<String, String>,
    /// The days of the people who have any, by the digests of the rosters that were read.
    days: BTreeMap<String, BTreeMap<String, DaySpan>>,
}

impl RosterHistory {
    /// Adds the roster of a policy, if it has one.
    pub(crate) fn add_policy(&mut self, policy: &Policy) {
        if let Some(digest) = &policy.people.roster_digest
            && !self.days.contains_key(digest)
        {
            let records = policy.people.service_records().list_records().into_iter();
            let dated = records.filter(|(_, record)| !record.days.is_open());
            let days = dated.map(|(person, record)| (person.to_owned(), record.days)).collect();
            self.days.insert(digest.clone(), days);
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

    /// Returns why a person was not there at a time, by the roster that a verdict rests on; `None` if they were, or that
    /// roster is not known.
    pub(crate) fn find_absence(
        &self,
        reasons: &RecordedReasons,
        person: &str,
        at: Timestamp,
    ) -> Option<PersonAbsence> {
        let digest = reasons.policies.first()?.roster_digest.as_ref()?;
        let days = self.days.get(digest)?.get(person)?;
        days.find_absence(at.to_zoned(TimeZone::UTC).date())
    }
}
