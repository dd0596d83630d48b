//! Whether those whom a pull request names as its approvers have approved it.
//!
//! Where reviews are known, a trailer adds nothing to them: it can only be true or false. A false one
//! would stand in the history for ever, also where it was once true of other content, as in a
//! commit that was picked from elsewhere.

use crate::change::{Missing, Person, Text};
use crate::people::contributors::{ResolvedContributor, check_independent};
use crate::predicates::EvaluationContext;
use crate::predicates::approvals::{ApprovalsPredicate, describe_dependence};
use crate::verdict::{Finding, Sentence};
use crate::vocabulary::FieldClaim;

/// Returns a finding for each claim that nothing stands behind, and what is missing to tell of
/// another; `approved` are the keys of those who have approved, and `open` of those of whom it is
/// not known whether they have.
pub(crate) fn check_approval_claims(
    asked: &ApprovalsPredicate,
    seen: &EvaluationContext<'_>,
    participants: &[ResolvedContributor],
    approved: &[String],
    open: &[(String, Missing)],
) -> (Vec<Finding>, Option<Missing>) {
    let (mut findings, mut missing) = (Vec::new(), None);
    let mut told: Vec<&Text> = Vec::new();
    for claim in asked.fields.iter().flat_map(|field| field.find_claims(seen.change)) {
        let key = match identify_claimed_approver(&claim, participants, seen) {
            Ok(key) if approved.contains(&key) => continue,
            Ok(key) => Ok(key),
            Err(why) => Err(why),
        };
        let in_doubt = key.as_ref().ok().and_then(|key| open.iter().find(|(other, _)| other == key));
        if let Some((_, gap)) = in_doubt {
            missing = Some(gap.clone());
        } else if !told.contains(&claim.value) {
            told.push(claim.value);
            let why = key.err().unwrap_or_else(|| {
                Sentence::from_words(
                    ", who has not approved this here: ask for the review, or take the line out",
                )
            });
            let what = Sentence::from_words(format!("`{}` names ", claim.key))
                .with_quote(claim.value)
                .with_sentence(why);
            let finding = Finding::new(what).fixed_by("the author, or whoever is named, by approving");
            findings.push(claim.locate_finding(finding, seen.change));
        }
    }
    (findings, missing)
}

/// Returns the key of the person whom a claim names, or why that is nobody who could have approved,
/// in words that follow the claim.
fn identify_claimed_approver(
    claim: &FieldClaim<'_>,
    participants: &[ResolvedContributor],
    seen: &EvaluationContext<'_>,
) -> Result<String, Sentence> {
    let person = Person::parse_person(claim.value.as_bytes())
        .map_err(|why| Sentence::from_words(format!(", which is not a person: {}", why.reason())))?;
    let key =
        check_independent(&person, participants, seen.people).map_err(|why| describe_dependence(&why))?;
    if !seen.people.has_roster() && key.contains('@') {
        let why = ", an address that nobody can tie to an account: list both in a roster of people, or take the line out";
        return Err(Sentence::from_words(why));
    }
    Ok(key)
}
