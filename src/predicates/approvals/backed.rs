//! Whether those whom a pull request names as its approvers have approved it.
//!
//! Where reviews are known, a trailer adds nothing to them: it can only be true or false. A false one
//! would stand in the history for ever, also where it was once true of other content, as in a
//! commit that was picked from elsewhere.

use super::super::Seen;
use super::{Approvals, words_on};
use crate::change::{Missing, Person, Text};
use crate::people::participants::{Participant, independent};
use crate::verdict::{Finding, Line};
use crate::vocabulary::Claim;

/// Returns a finding for each claim that nothing stands behind, and what is missing to tell of
/// another; `approved` are the keys of those who have approved, and `open` of those of whom it is
/// not known whether they have.
pub(super) fn claims(
    asked: &Approvals,
    seen: &Seen<'_>,
    participants: &[Participant],
    approved: &[String],
    open: &[(String, Missing)],
) -> (Vec<Finding>, Option<Missing>) {
    let (mut findings, mut missing) = (Vec::new(), None);
    let mut told: Vec<&Text> = Vec::new();
    for claim in asked.fields.iter().flat_map(|field| field.claims(seen.change)) {
        let key = match named(&claim, participants, seen) {
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
                Line::say(", who has not approved this here: ask for the review, or take the line out")
            });
            let what = Line::say(format!("`{}` names ", claim.key)).quote(claim.value).then(why);
            let finding = Finding::new(what).by("the author, or whoever is named, by approving");
            findings.push(claim.place(finding, seen.change));
        }
    }
    (findings, missing)
}

/// Returns the key of the person whom a claim names, or why that is nobody who could have approved,
/// in words that follow the claim.
fn named(claim: &Claim<'_>, participants: &[Participant], seen: &Seen<'_>) -> Result<String, Line> {
    let person = Person::read(claim.value.as_bytes())
        .map_err(|why| Line::say(format!(", which is not a person: {}", why.reason())))?;
    let key = independent(&person, participants, seen.people).map_err(|why| words_on(&why))?;
    if !seen.people.has_roster() && key.contains('@') {
        let why = ", an address that nobody can tie to an account: list both in a roster of people, or take the line out";
        return Err(Line::say(why));
    }
    Ok(key)
}
