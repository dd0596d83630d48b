//! Who contributed to a change, and whether another person is independent of them.
//!
//! Every contributor is an author of a change: authors, committers, co-authors, pushers and the opener
//! of the pull request. The one exception is a forge that records its own address when it merges. An
//! identity that cannot be resolved is not ignored: next to it, no other person can be shown to be
//! independent.
//!
//! On a forge, approvals come from accounts. An address alone identifies a person there only if the
//! roster lists it or the forge ties it to an account.

use std::collections::BTreeSet;

use crate::change::person::canonical_address;
use crate::change::pull_request::{ContributorRole, PullContributor};
use crate::change::{Change, Commit, Missing, Oid, Person, PullRequest, PusherIdentity, Text};
pub(crate) use crate::people::commit_people::{
    ROLE_AUTHOR, ROLE_CO_AUTHOR, ROLE_COMMITTER, ROLE_OPENER, ROLE_PUSHER,
};
use crate::people::commit_people::{list_change_people, list_people_of};
pub(crate) use crate::people::contributor::CO_AUTHOR_TRAILERS;
pub use crate::people::contributor::Contributor;
pub(super) use crate::people::contributor::local_part;
use crate::people::resolved_contributor::ContributorList;
pub(crate) use crate::people::resolved_contributor::ResolvedContributor;
use crate::people::service::PersonAbsence;
use crate::people::suggestions::find_suggesters;
use crate::people::{PeopleDirectory, ResolvedIdentity};
use crate::verdict::MessageTemplate;

/// Returns the contributor who has this account on the server; `None` for a bot.
pub(crate) fn account_contributor(account: &Text, people: &PeopleDirectory) -> Option<Contributor> {
    let bare = bare_account(account, people);
    Contributor::from_identity(&people.identify_account(account), account, bare.as_deref(), None)
}

/// Returns an account in the form in which it is compared with addresses, where it is a bare one that
/// no roster explains.
fn bare_account(account: &Text, people: &PeopleDirectory) -> Option<String> {
    let account = account.as_utf8()?;
    let is_bare = !people.has_roster() && !account.contains('@');
    is_bare.then(|| account.to_ascii_lowercase())
}

/// Returns the contributors to a change in the form in which the ledger remembers them.
pub(crate) fn to_contributors(participants: &[ResolvedContributor]) -> Vec<Contributor> {
    let mut contributors = Vec::new();
    for participant in participants {
        contributors.extend(Contributor::from_identity(
            &participant.identity,
            &participant.name,
            participant.account.as_deref(),
            participant.number,
        ));
    }
    contributors
}

/// Returns the contributors that a forge names, in the form in which the ledger remembers them.
pub(crate) fn pull_contributors(made: &[PullContributor], people: &PeopleDirectory) -> Vec<Contributor> {
    let mut found = Vec::new();
    for contributor in made {
        found.extend(resolve_pull_contributor(contributor, people));
    }
    to_contributors(&found)
}

/// Why an approval does not count.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NotIndependent<'people> {
    /// The approver is a contributor to the change.
    Contributor(&'people ResolvedContributor),
    /// The approver is a bot.
    Bot,
    /// The approver is not in the roster.
    Unknown,
    /// The roster says that the approver was not there at that time.
    Absent(PersonAbsence),
    /// The login of the approver was listed for another account.
    ChangedHands {
        /// The number of the account that is listed.
        listed: u64,
        /// The number of the account that has the login now.
        found: u64,
    },
}

/// Returns every contributor to `change`, each once.
///
/// If it is not known who pushes, or who contributed to a pull request, the missing fact is returned
/// beside the contributors who are known.
pub(crate) fn find_contributors(
    change: &Change,
    people: &PeopleDirectory,
) -> (Vec<ResolvedContributor>, Option<Missing>) {
    list_contributors(change, people, &BTreeSet::new(), &[])
}

/// Returns the contributors to `change` without those who are its authors only because they made these merges.
pub(crate) fn find_contributors_beside_merges(
    change: &Change,
    people: &PeopleDirectory,
    merges: &[Oid],
) -> Vec<ResolvedContributor> {
    list_contributors(change, people, &BTreeSet::new(), merges).0
}

/// Returns the contributors to `change` without those who are co-authors only because a suggestion of theirs was
/// applied on the forge.
pub(crate) fn find_contributors_beside_suggesters(
    change: &Change,
    people: &PeopleDirectory,
) -> Vec<ResolvedContributor> {
    list_contributors(change, people, &find_suggesters(change), &[]).0
}

/// Returns every contributor, without the co-authors who have one of the addresses `left_out`, and without the authors and
/// committers of `merges`.
fn list_contributors(
    change: &Change,
    people: &PeopleDirectory,
    left_out: &BTreeSet<String>,
    merges: &[Oid],
) -> (Vec<ResolvedContributor>, Option<Missing>) {
    let is_left_out = |email: &Text| {
        !left_out.is_empty()
            && canonical_address(email.as_bytes()).is_some_and(|address| left_out.contains(&address))
    };
    let mut found = ContributorList::default();
    let mut missing = None;
    let pull = change.pull.as_deref().ok();
    // Every source is read, because one person may be named by several of them in different ways.
    for (person, role) in list_change_people(change, merges) {
        let is_co_author = role.code == ROLE_CO_AUTHOR.code;
        if is_co_author && person.as_ref().is_ok_and(|person| is_left_out(&person.email)) {
            continue;
        }
        let (identity, name, address) = match (person, pull) {
            (Err(written), _) => (Some(ResolvedIdentity::Unknown), written, None),
            (Ok(person), Some(pull)) => {
                (identify_on_forge(&person, role, pull, people), person.name, Some(person.email))
            }
            (Ok(person), None) => {
                (Some(identify_on_server(&person, role, change, people)), person.name, Some(person.email))
            }
        };
        if let Some(identity) = identity {
            let number = None;
            found.add_contributor(ResolvedContributor {
                identity,
                name,
                address,
                role,
                account: None,
                number,
                absence: None,
            });
        }
    }
    if let Some(pull) = pull {
        match &pull.contributors {
            Ok(contributors) => {
                for contributor in contributors {
                    let is_co_author = contributor.role == ContributorRole::CoAuthor;
                    if is_co_author && contributor.email.as_ref().is_some_and(is_left_out) {
                        continue;
                    }
                    for resolved in resolve_pull_contributor(contributor, people) {
                        found.add_contributor(resolved);
                    }
                }
            }
            Err(gap) => missing = Some(gap.clone()),
        }
        found.add_contributor(resolve_opener(pull, people));
    }
    match &change.pusher {
        Ok(PusherIdentity::Unidentified) => {}
        Ok(PusherIdentity::Account(account)) => {
            let (identity, bare) = (people.identify_pusher(account), bare_account(account, people));
            found.add_contributor(ResolvedContributor::from_account(account, identity, &ROLE_PUSHER, bare));
        }
        Err(gap) => missing = Some(gap.clone()),
    }
    // Without a roster, the account and the address of one pusher stay two.
    if let Some(signer) = change.push_certificate.find_signer() {
        let identity = people.identify_pusher(signer);
        if !found.contributors.iter().any(|one| one.identity == identity) {
            found.add_contributor(ResolvedContributor::from_account(signer, identity, &ROLE_PUSHER, None));
        }
    }
    let mut contributors = found.contributors;
    for contributor in &mut contributors {
        if let ResolvedIdentity::Human(key) = &contributor.identity {
            contributor.absence = people.find_absence(key, change.seen_at);
        }
    }
    (contributors, missing)
}

/// Returns everybody whom these commits of a pushed change name as one of their makers, each once.
pub(crate) fn find_commit_contributors<'change>(
    commits: impl Iterator<Item = &'change Commit>,
    change: &Change,
    people: &PeopleDirectory,
) -> Vec<ResolvedContributor> {
    let mut found = ContributorList::default();
    for (person, role) in list_people_of(commits) {
        let (identity, name, address) = match person {
            Ok(person) => {
                (identify_on_server(&person, role, change, people), person.name, Some(person.email))
            }
            Err(written) => (ResolvedIdentity::Unknown, written, None),
        };
        let number = None;
        let contributor =
            ResolvedContributor { identity, name, address, role, account: None, number, absence: None };
        found.add_contributor(contributor);
    }
    found.contributors
}

/// Returns the identity of a person that a commit of a push names.
///
/// What looks like a bot is one if a bot pushed it. A co-author who looks like one is left alone: the trailer
/// adds a contributor and takes none away.
pub(super) fn identify_on_server(
    person: &Person,
    role: &'static MessageTemplate,
    change: &Change,
    people: &PeopleDirectory,
) -> ResolvedIdentity {
    let identity = people.identify_person(person);
    if identity != ResolvedIdentity::ClaimedBot {
        return identity;
    }
    let has_bot_behind = match &change.pusher {
        Ok(PusherIdentity::Account(account)) => people.identify_account(account) == ResolvedIdentity::Bot,
        Ok(PusherIdentity::Unidentified) => false,
        // The gap itself denies, or is filled in later.
        Err(_) => true,
    };
    if has_bot_behind || role.code == ROLE_CO_AUTHOR.code {
        return ResolvedIdentity::Bot;
    }
    people.identify_typed_contributor(person)
}

/// Returns the identity of a person that a commit of a pull request names; `None` if the forge names
/// them itself, or would if it could be asked.
fn identify_on_forge(
    person: &Person,
    role: &'static MessageTemplate,
    pull: &PullRequest,
    people: &PeopleDirectory,
) -> Option<ResolvedIdentity> {
    let mut identity = people.identify_person(person);
    if identity == ResolvedIdentity::ClaimedBot {
        // The account behind an address is what counts; a typed name or address makes no bot.
        let is_co_author = role.code == ROLE_CO_AUTHOR.code;
        identity = if is_co_author { ResolvedIdentity::Bot } else { ResolvedIdentity::Unknown };
    }
    let Ok(contributors) = &pull.contributors else {
        return if identity == ResolvedIdentity::Unknown { None } else { Some(identity) };
    };
    let is_tied = match canonical_address(person.email.as_bytes()) {
        Some(address) => contributors.iter().any(|one| is_tied_to_account(one, &address, people)),
        None => false,
    };
    match identity {
        ResolvedIdentity::Unknown if is_tied => None,
        ResolvedIdentity::Unknown => Some(ResolvedIdentity::Unknown),
        ResolvedIdentity::Human(_) if !is_tied && !people.has_roster() => Some(ResolvedIdentity::Unknown),
        ResolvedIdentity::Human(_) | ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot => Some(identity),
    }
}

/// Returns whether the forge ties `address` to the account of this contributor, and the policy knows
/// the account.
fn is_tied_to_account(contributor: &PullContributor, address: &str, people: &PeopleDirectory) -> bool {
    let (Some(email), Some(account)) = (&contributor.email, &contributor.account) else { return false };
    canonical_address(email.as_bytes()).as_deref() == Some(address)
        && people.identify_forge_account(account) != ResolvedIdentity::Unknown
}

/// Returns the other identities of a contributor who has this one: those of the accounts that the forge ties
/// to an address of theirs, and of the addresses that it ties to their account.
pub(crate) fn find_tied_identities(
    identity: &ResolvedIdentity,
    change: &Change,
    people: &PeopleDirectory,
) -> Vec<ResolvedIdentity> {
    let mut tied = Vec::new();
    let Ok(pull) = change.pull.as_deref() else { return tied };
    let Ok(contributors) = &pull.contributors else { return tied };
    for contributor in contributors {
        let (Some(account), Some(email)) = (&contributor.account, &contributor.email) else { continue };
        let person = Person { name: contributor.name.clone(), email: email.clone() };
        let both = [people.identify_forge_account(account), people.identify_person(&person)];
        if both.contains(identity) {
            tied.extend(both.into_iter().filter(|other| other != identity));
        }
    }
    tied
}

fn resolve_opener(pull: &PullRequest, people: &PeopleDirectory) -> ResolvedContributor {
    let (identity, name) = match &pull.opener {
        Some(account) => (people.identify_account_holder(account), account.id.clone()),
        None => (ResolvedIdentity::Unknown, "an account that is gone".into()),
    };
    let number = pull.opener.as_ref().and_then(|account| account.number);
    let role = &ROLE_OPENER;
    ResolvedContributor { identity, name, address: None, role, account: None, number, absence: None }
}

/// Returns a contributor to a pull request as one or two identities, by account and by address, and
/// as an unknown one if neither identifies a person or a bot.
fn resolve_pull_contributor(
    contributor: &PullContributor,
    people: &PeopleDirectory,
) -> Vec<ResolvedContributor> {
    let mut person = None;
    if let Some(email) = &contributor.email {
        person = Some(Person { name: contributor.name.clone(), email: email.clone() });
    }
    let mut identities = Vec::new();
    let mut is_identified = false;
    if let Some(account) = &contributor.account {
        let identity = people.identify_account_holder(account);
        is_identified |= identity != ResolvedIdentity::Unknown;
        identities.push((identity, &account.id, None));
    }
    if let Some(person) = &person {
        let mut identity = people.identify_person(person);
        if identity == ResolvedIdentity::ClaimedBot {
            // A typed address makes no bot. A co-author only adds a contributor, so one that looks like a bot
            // is left alone; GitHub finds no accounts of bots there.
            let is_co_author = contributor.role == ContributorRole::CoAuthor;
            identity = if is_co_author { ResolvedIdentity::Bot } else { ResolvedIdentity::Unknown };
        }
        is_identified |= match identity {
            // Without a roster, an address on a forge may be anyone's.
            ResolvedIdentity::Human(_) => people.has_roster(),
            ResolvedIdentity::Bot => true,
            ResolvedIdentity::ClaimedBot | ResolvedIdentity::Unknown => false,
        };
        identities.push((identity, &person.name, Some(&person.email)));
    }
    identities.retain(|(identity, ..)| *identity != ResolvedIdentity::Unknown);
    if !is_identified {
        identities.insert(0, (ResolvedIdentity::Unknown, &contributor.name, contributor.email.as_ref()));
    }
    let mut resolved = Vec::new();
    for (identity, name, address) in identities {
        let role = role_template(contributor.role);
        // The address of a commit is no account.
        let number =
            contributor.account.as_ref().filter(|_| address.is_none()).and_then(|account| account.number);
        let (name, address) = (name.clone(), address.cloned());
        let contributor =
            ResolvedContributor { identity, name, address, role, account: None, number, absence: None };
        resolved.push(contributor);
    }
    resolved
}

fn role_template(role: ContributorRole) -> &'static MessageTemplate {
    match role {
        ContributorRole::Author => &ROLE_AUTHOR,
        ContributorRole::Committer => &ROLE_COMMITTER,
        ContributorRole::CoAuthor => &ROLE_CO_AUTHOR,
        ContributorRole::Pusher => &ROLE_PUSHER,
    }
}
