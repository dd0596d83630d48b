//! Reviewers who are co-authors only because a suggestion of theirs was applied on the forge.

use std::collections::BTreeSet;

use crate::change::person::canonical_address;
use crate::change::{Change, Person};
use crate::people::contributor::CO_AUTHOR_TRAILERS;
use crate::people::is_forge_committer;

/// Returns the addresses, in the form in which they are compared, of the co-authors of a pull request whom only commits
/// name that somebody else made on the forge itself, as it makes one of a suggestion; none outside of pull requests.
///
/// That a commit was made on the forge is proved by the forge's signature: where it is missing, whoever typed the
/// forge's name as the committer is a contributor who cannot be identified.
pub(super) fn find_suggesters(change: &Change) -> BTreeSet<String> {
    let mut suggested = BTreeSet::new();
    let mut others = BTreeSet::new();
    if change.pull.is_err() {
        return suggested;
    }
    for commit in &change.commits {
        let author = canonical_address(commit.author.email.as_bytes());
        let is_made_on_forge = is_forge_committer(&commit.committer) && !commit.is_merge();
        for trailer in commit.message.trailers() {
            if !CO_AUTHOR_TRAILERS.iter().any(|key| key.eq_ignore_ascii_case(&trailer.key)) {
                continue;
            }
            let Ok(person) = Person::parse_person(trailer.value.as_bytes()) else { continue };
            let Some(address) = canonical_address(person.email.as_bytes()) else { continue };
            let by_another = author.as_ref().is_some_and(|author| *author != address);
            let list = if is_made_on_forge && by_another { &mut suggested } else { &mut others };
            list.insert(address);
        }
    }
    suggested.retain(|address| !others.contains(address));
    suggested
}
