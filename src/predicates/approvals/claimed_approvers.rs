//! Approvers whom trailers and descriptions name where the forge knows the reviews: each of them has to have approved.

use std::collections::HashSet;

use crate::change::Missing;
use crate::people::ResolvedIdentity;
use crate::people::contributors::NotIndependent;
use crate::predicates::approvals::named_people::{
    describe_dependence, describe_unknown, named_message, read_named_person,
};
use crate::predicates::approvals::reviews::{ReviewCount, ReviewCounter};
use crate::verdict::{Finding, Fixer, Message, messages};
use crate::vocabulary::FieldClaim;

messages! {
    NOT_APPROVED = "approvals.not-approved":
        "this person has not approved the pull request; ask for their review, or remove the line";
    NOT_TIED = "approvals.not-tied":
        "the address is not tied to an account; list both in a roster, or remove the line";
}

impl ReviewCounter<'_> {
    /// Returns a finding for each trailer that names an approver who has not approved, and what is
    /// missing to tell whether another one has.
    ///
    /// Where reviews are known, a trailer adds nothing to them. A false one would stand in the history
    /// for ever, even if it was once true of other content, as in a commit that was cherry-picked.
    pub(super) fn check_approval_claims(&self, count: &ReviewCount) -> (Vec<Finding>, Option<Missing>) {
        let mut findings = Vec::new();
        let mut missing = None;
        let mut reported = HashSet::new();
        for field in &self.predicate.fields {
            for claim in field.find_claims(self.context.change) {
                let reason = match self.identify_claimed_approver(&claim) {
                    Ok(key) if count.approved_keys.contains(&key) => continue,
                    Ok(key) => {
                        if let Some((_, gap)) = count.undecided_keys.iter().find(|(other, _)| *other == key) {
                            missing = Some(gap.clone());
                            continue;
                        }
                        Message::from(&NOT_APPROVED)
                    }
                    Err(reason) => reason,
                };
                if !reported.insert(claim.value.clone().into_owned()) {
                    continue;
                }
                let finding = Finding::new(named_message(claim.key, &claim.value, reason));
                findings.push(claim.locate_finding(finding.or_by(Fixer::NamedPerson), self.context.change));
            }
        }
        (findings, missing)
    }

    /// Returns the key of the person whom a claim names.
    ///
    /// # Errors
    ///
    /// Returns why it does not name a person who could have approved.
    fn identify_claimed_approver(&self, claim: &FieldClaim<'_>) -> Result<String, Message> {
        let person = read_named_person(&claim.value)?;
        let people = self.context.people;
        let at = self.context.change.seen_at;
        match self.predicate.check_approver(&person, &self.participants, people, at) {
            // Whether they were there when they gave their review is known of the review.
            Err(NotIndependent::Absent(_)) => match people.identify_person(&person) {
                ResolvedIdentity::Human(key) => Ok(key),
                _ => Err(describe_dependence(&NotIndependent::Unknown)),
            },
            // On a forge, an address alone does not identify a person.
            Ok(key) if !people.has_roster() && key.contains('@') => Err(Message::from(&NOT_TIED)),
            Ok(key) => Ok(key),
            Err(NotIndependent::Unknown) => Err(describe_unknown(&person.name, Some(&person.email), people)),
            Err(why) => Err(describe_dependence(&why)),
        }
    }
}
