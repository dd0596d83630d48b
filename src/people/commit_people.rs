//! The people whom commits name as their makers, as the commits write them.

use crate::change::{Change, Commit, Oid, Person, Text};
use crate::people::contributor::CO_AUTHOR_TRAILERS;
use crate::people::is_forge_committer;
use crate::verdict::{MessageTemplate, messages};

messages! {
    ROLE_AUTHOR = "role.author": "the author";
    ROLE_COMMITTER = "role.committer": "the committer";
    ROLE_CO_AUTHOR = "role.co-author": "a co-author";
    ROLE_PUSHER = "role.pusher": "the pusher";
    ROLE_OPENER = "role.opener": "the opener";
}

/// A person as a commit names them, or the text where a trailer does not name a person, with their role.
type NamedMaker = (Result<Person, Text>, &'static MessageTemplate);

/// Returns every person whom the commits of a change name. Of `merges`, which hold nothing of their own, only those are named
/// whom their trailers name: who wrote and committed them made no content.
pub(super) fn list_change_people(change: &Change, merges: &[Oid]) -> Vec<NamedMaker> {
    let base_merge = change.pull.as_ref().ok().and_then(|pull| pull.base_merge);
    let mut people = Vec::new();
    for commit in change.commits.iter().filter(|commit| base_merge.is_none() || commit.id != base_merge) {
        if !commit.id.is_some_and(|id| merges.contains(&id)) {
            add_writers(commit, &mut people);
        }
        add_co_authors(commit, &mut people);
    }
    people
}

/// Returns every person whom these commits name.
pub(super) fn list_people_of<'change>(commits: impl Iterator<Item = &'change Commit>) -> Vec<NamedMaker> {
    let mut people = Vec::new();
    for commit in commits {
        add_writers(commit, &mut people);
        add_co_authors(commit, &mut people);
    }
    people
}

/// Adds the author and the committer, unless a forge committed it by itself.
fn add_writers(commit: &Commit, people: &mut Vec<NamedMaker>) {
    people.push((Ok(commit.author.clone()), &ROLE_AUTHOR));
    if !is_forge_committer(&commit.committer) {
        people.push((Ok(commit.committer.clone()), &ROLE_COMMITTER));
    }
}

fn add_co_authors(commit: &Commit, people: &mut Vec<NamedMaker>) {
    for trailer in commit.message.trailers() {
        if CO_AUTHOR_TRAILERS.iter().any(|key| key.eq_ignore_ascii_case(&trailer.key)) {
            let person = Person::parse_person(trailer.value.as_bytes()).map_err(|_| trailer.value.clone());
            people.push((person, &ROLE_CO_AUTHOR));
        }
    }
}
