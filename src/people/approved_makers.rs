//! Who made what somebody approved, where something else lands: whoever made the one approves nothing of the other.

use crate::change::{Change, CommitMessage, ContentRelation, Person, SignedApproval};
use crate::people::contributors::{
    CO_AUTHOR_TRAILERS, ROLE_AUTHOR, ROLE_CO_AUTHOR, ROLE_COMMITTER, identify_on_server,
};
use crate::people::resolved_contributor::{ContributorList, ResolvedContributor};
use crate::people::{PeopleDirectory, ResolvedIdentity, is_forge_committer};

/// Returns everybody whom the commits that were approved name as one of their makers, each once; nobody where the change has
/// these commits themselves.
pub(crate) fn find_approved_makers(
    approval: &SignedApproval,
    change: &Change,
    people: &PeopleDirectory,
) -> Vec<ResolvedContributor> {
    if matches!(approval.relation, ContentRelation::Exact | ContentRelation::CleanMerge) {
        return Vec::new();
    }
    let mut named = Vec::new();
    named.extend(approval.approved_authors.iter().map(|author| (Ok(author.clone()), &ROLE_AUTHOR)));
    let committers = approval.approved_committers.iter().filter(|committer| !is_forge_committer(committer));
    named.extend(committers.map(|committer| (Ok(committer.clone()), &ROLE_COMMITTER)));
    for message in &approval.approved_messages {
        for trailer in CommitMessage::new(message.clone()).trailers() {
            if CO_AUTHOR_TRAILERS.iter().any(|key| key.eq_ignore_ascii_case(&trailer.key)) {
                let person =
                    Person::parse_person(trailer.value.as_bytes()).map_err(|_| trailer.value.clone());
                named.push((person, &ROLE_CO_AUTHOR));
            }
        }
    }
    let mut found = ContributorList::default();
    for (person, role) in named {
        let (identity, name, address) = match person {
            Ok(person) => {
                (identify_on_server(&person, role, change, people), person.name, Some(person.email))
            }
            Err(written) => (ResolvedIdentity::Unknown, written, None),
        };
        found.add_contributor(ResolvedContributor {
            identity,
            name,
            address,
            role,
            account: None,
            number: None,
            absence: None,
        });
    }
    found.contributors
}
