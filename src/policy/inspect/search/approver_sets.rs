//! The people who can give the approvals that a question asks for.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use crate::policy::inspect::staff::team_people::{PeopleSet, TeamPeople};
use crate::predicates::approvals::ApprovalsPredicate;

/// The people who may give approvals, by the teams that they are from, and by whether an account has to be known.
pub(super) struct ApproverSets<'policy> {
    people: TeamPeople<'policy>,
    holders: Option<&'policy BTreeSet<String>>,
    known: HashMap<(&'policy [String], bool, bool), PeopleSet<'policy>>,
}

impl<'policy> ApproverSets<'policy> {
    /// Prepares the sets of the people of a policy. `holders` are those who have a key, where nothing but a signature
    /// vouches for an approval; `None` where reviews count.
    pub(super) fn new(people: TeamPeople<'policy>, holders: Option<&'policy BTreeSet<String>>) -> Self {
        ApproverSets { people, holders, known: HashMap::new() }
    }

    /// Returns those people of teams who can give the approvals of a question; `None` where there are too many to look at.
    pub(super) fn list_members(
        &mut self,
        teams: &'policy [String],
        asked: &ApprovalsPredicate,
    ) -> Option<PeopleSet<'policy>> {
        let key = (teams, asked.requires_verified(), asked.requires_training());
        if let Some(members) = self.known.get(&key) {
            return Some(members.clone());
        }
        let mut members = self.people.keep_trained(self.people.list_members(teams)?, asked);
        // Only a roster connects an address with an account.
        if !self.people.has_roster() {
            let known =
                members.iter().copied().filter(|member| asked.knows_approver(member, self.people.has_keys));
            members = Rc::new(known.collect());
        }
        members = self.keep_holders(members, asked);
        self.known.insert(key, members.clone());
        Some(members)
    }

    /// Returns those of `people` who can give the approvals of a question: all, or those who have a key.
    fn keep_holders(&self, people: PeopleSet<'policy>, asked: &ApprovalsPredicate) -> PeopleSet<'policy> {
        match self.holders {
            Some(holders) if asked.requires_verified() => {
                Rc::new(people.iter().copied().filter(|person| holders.contains(*person)).collect())
            }
            _ => people,
        }
    }

    /// Returns the people of no team in particular who can give the approvals of a question; `None` where anyone with an
    /// address could.
    pub(super) fn list_all(&self, asked: &ApprovalsPredicate) -> Option<PeopleSet<'policy>> {
        let all = match (self.people.list_rostered(), self.holders) {
            (None, Some(holders)) if asked.requires_verified() => {
                Rc::new(holders.iter().map(String::as_str).collect())
            }
            (rostered, _) => rostered?,
        };
        Some(self.keep_holders(self.people.keep_trained(all, asked), asked))
    }
}
