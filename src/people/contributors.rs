//! Who made a change, and whether somebody else is somebody else.
//!
//! Everybody who had a hand in a change is an author of it: authors, committers, co-authors,
//! whoever pushes and whoever opened the pull request. The one exception is a forge that puts its
//! own address down when it merges. An identity that cannot be resolved is not ignored: next to it
//! nobody can be shown to be somebody else.
//!
//! On a forge approvals come from accounts, so that there an address alone identifies nobody, unless
//! the roster knows it or the forge ties it to an account.

use crate::change::person::{canonical_address, comparable_name};
use crate::change::pull_request::{ContributorRole, ForgeAccount, PullContributor};
use crate::change::{Change, Missing, Person, PullRequest, PusherIdentity, Text};
use crate::people::{PeopleDirectory, ResolvedIdentity, is_forge_committer, is_same_name};

/// The trailers that name further authors.
pub const CO_AUTHOR_TRAILERS: [&str; 2] = ["Co-authored-by", "Co-developed-by"];

/// Somebody who had a hand in a change.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedContributor {
    /// Whom the address or account stands for.
    pub identity: ResolvedIdentity,
    /// The name as written, for showing; the account where there is one.
    pub name: Text,
    /// In what way, in words that complete "who is ... of this change".
    pub role: &'static str,
    /// The account, where it is a bare one that no roster explains.
    account: Option<String>,
}

/// Somebody who made a change, as it is remembered after the change is gone; bots are nobody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contributor {
    /// The key that is equal for all his addresses and accounts; `None` if he cannot be identified.
    pub key: Option<String>,
    /// His name as names are compared.
    pub name: String,
    /// The account, where it is a bare one that no roster explains.
    pub account: Option<String>,
}

impl Contributor {
    /// Returns how somebody is remembered whom an address or account stands for; `None` for a bot.
    pub fn from_identity(who: &ResolvedIdentity, name: &Text, account: Option<&str>) -> Option<Contributor> {
        let key = match who {
            ResolvedIdentity::Human(key) => Some(key.clone()),
            ResolvedIdentity::Unknown => None,
            ResolvedIdentity::Bot => return None,
        };
        Some(Contributor { key, name: comparable_name(name), account: account.map(str::to_owned) })
    }

    /// Returns whether both may be one person: one key, one name, or an account and the address that
    /// goes with it. Who cannot be identified may be anybody.
    pub fn may_be_same(&self, other: &Contributor) -> bool {
        let (Some(mine), Some(theirs)) = (&self.key, &other.key) else { return true };
        let goes_with = |account: &Option<String>, key: &str| {
            let login = key.split_once('@').map_or(key, |(local, _)| local);
            let login = login.strip_prefix("github:").unwrap_or(login);
            account.as_deref().is_some_and(|account| account == login)
        };
        mine == theirs
            || (!self.name.is_empty() && self.name == other.name)
            || goes_with(&self.account, theirs)
            || goes_with(&other.account, mine)
    }
}

/// Returns how somebody is remembered who has this account on the server; `None` for a bot.
pub fn account_contributor(account: &Text, people: &PeopleDirectory) -> Option<Contributor> {
    Contributor::from_identity(
        &people.identify_account(account),
        account,
        bare_account(account, people).as_deref(),
    )
}

/// Returns an account as it is compared with addresses, where it is a bare one that no roster explains.
fn bare_account(account: &Text, people: &PeopleDirectory) -> Option<String> {
    let bare = account.as_utf8().filter(|account| !people.has_roster() && !account.contains('@'));
    bare.map(str::to_ascii_lowercase)
}

/// Returns those who made a change as they are remembered.
pub fn to_contributors(participants: &[ResolvedContributor]) -> Vec<Contributor> {
    let one = |participant: &ResolvedContributor| {
        Contributor::from_identity(&participant.identity, &participant.name, participant.account.as_deref())
    };
    participants.iter().filter_map(one).collect()
}

/// Returns those of whom a forge says that they had a hand in something, as they are remembered.
pub fn pull_contributors(made: &[PullContributor], people: &PeopleDirectory) -> Vec<Contributor> {
    let found: Vec<ResolvedContributor> =
        made.iter().flat_map(|maker| resolve_pull_contributor(maker, people)).collect();
    to_contributors(&found)
}

/// Why an approval does not count.
#[derive(Clone, Debug, PartialEq)]
pub enum NotIndependent<'people> {
    /// The approver is one of those who made the change.
    Contributor(&'people ResolvedContributor),
    /// A bot does not approve.
    Bot,
    /// The roster does not know the approver.
    Unknown,
}

/// Returns everybody who had a hand in `change`, each once.
///
/// # Errors
///
/// Returns the reason beside the others if it is not known who pushes, or who made a pull request.
pub fn find_contributors(
    change: &Change,
    people: &PeopleDirectory,
) -> (Vec<ResolvedContributor>, Option<Missing>) {
    let mut found: Vec<ResolvedContributor> = Vec::new();
    let mut add = |participant: ResolvedContributor| {
        if !found.iter().any(|known| known.identity == participant.identity && known.name == participant.name)
        {
            found.push(participant);
        }
    };
    let pull = change.pull.as_deref().ok();
    for (person, role) in list_commit_people(change) {
        let (who, name) = match (person, pull) {
            (Err(written), _) => (Some(ResolvedIdentity::Unknown), written),
            (Ok(person), Some(pull)) => (identify_on_forge(&person, pull, people), person.name),
            (Ok(person), None) => (Some(people.identify_person(&person)), person.name),
        };
        if let Some(who) = who {
            add(ResolvedContributor { identity: who, name, role, account: None });
        }
    }
    let mut missing = None;
    if let Some(pull) = pull {
        match &pull.contributors {
            Ok(makers) => {
                makers.iter().flat_map(|maker| resolve_pull_contributor(maker, people)).for_each(&mut add)
            }
            Err(gap) => missing = Some(gap.clone()),
        }
        add(resolve_opener(pull, people));
    }
    match &change.pusher {
        Ok(PusherIdentity::Unidentified) => {}
        Ok(PusherIdentity::Account(account)) => {
            add(ResolvedContributor {
                identity: people.identify_account(account),
                name: account.clone(),
                role: "the pusher",
                account: bare_account(account, people),
            });
        }
        Err(gap) => missing = Some(gap.clone()),
    }
    (found, missing)
}

/// Returns everybody whom the commits name; in place of a person, what does not name one.
fn list_commit_people(change: &Change) -> Vec<(Result<Person, Text>, &'static str)> {
    let mut people = Vec::new();
    for commit in &change.commits {
        people.push((Ok(commit.author.clone()), ContributorRole::Author.describe()));
        if !is_forge_committer(&commit.committer) {
            people.push((Ok(commit.committer.clone()), ContributorRole::Committer.describe()));
        }
        for trailer in commit.message.trailers() {
            if CO_AUTHOR_TRAILERS.iter().any(|key| key.eq_ignore_ascii_case(&trailer.key)) {
                let person =
                    Person::parse_person(trailer.value.as_bytes()).map_err(|_| trailer.value.clone());
                people.push((person, ContributorRole::CoAuthor.describe()));
            }
        }
    }
    people
}

/// Returns whom somebody stands for whom a commit of a pull request names; `None` if it is the
/// forge that says so, or would if it could be asked.
fn identify_on_forge(
    person: &Person,
    pull: &PullRequest,
    people: &PeopleDirectory,
) -> Option<ResolvedIdentity> {
    let who = people.identify_person(person);
    let Ok(makers) = &pull.contributors else {
        return Some(who).filter(|who| *who != ResolvedIdentity::Unknown);
    };
    let address = canonical_address(person.email.as_bytes());
    let is_tied = |maker: &PullContributor| {
        let same = maker.email.as_ref().and_then(|email| canonical_address(email.as_bytes())) == address;
        same && maker
            .account
            .as_ref()
            .is_some_and(|account| people.identify_forge_account(account) != ResolvedIdentity::Unknown)
    };
    let tied = address.is_some() && makers.iter().any(is_tied);
    match who {
        ResolvedIdentity::Unknown => (!tied).then_some(ResolvedIdentity::Unknown),
        ResolvedIdentity::Human(_) if !tied && !people.has_roster() => Some(ResolvedIdentity::Unknown),
        ResolvedIdentity::Human(_) | ResolvedIdentity::Bot => Some(who),
    }
}

fn resolve_opener(pull: &PullRequest, people: &PeopleDirectory) -> ResolvedContributor {
    let (who, name) = match &pull.opener {
        Some(account) => (people.identify_forge_account(account), account.id.clone()),
        None => (ResolvedIdentity::Unknown, "an account that is gone".into()),
    };
    ResolvedContributor { identity: who, name, role: "the opener", account: None }
}

/// Returns somebody who had a hand in a pull request: by account, by address, or as one who cannot
/// be identified.
fn resolve_pull_contributor(maker: &PullContributor, people: &PeopleDirectory) -> Vec<ResolvedContributor> {
    let person = maker.email.clone().map(|email| Person { name: maker.name.clone(), email });
    if maker.role == ContributorRole::Committer && person.as_ref().is_some_and(is_forge_committer) {
        return Vec::new();
    }
    let by = |who, name: &Text| ResolvedContributor {
        identity: who,
        name: name.clone(),
        role: maker.role.describe(),
        account: None,
    };
    let account =
        maker.account.as_ref().map(|account| by(people.identify_forge_account(account), &account.id));
    let address = person.map(|person| by(people.identify_person(&person), &person.name));
    let identifies = |participant: &ResolvedContributor, is_account: bool| match participant.identity {
        ResolvedIdentity::Human(_) => is_account || people.has_roster(),
        ResolvedIdentity::Bot => true,
        ResolvedIdentity::Unknown => false,
    };
    let known = account.as_ref().is_some_and(|account| identifies(account, true))
        || address.as_ref().is_some_and(|address| identifies(address, false));
    let stranger = (!known).then(|| by(ResolvedIdentity::Unknown, &maker.name));
    let others = account
        .into_iter()
        .chain(address)
        .filter(|participant| participant.identity != ResolvedIdentity::Unknown);
    stranger.into_iter().chain(others).collect()
}

/// Returns the key of `approver` if it is a human who is none of `participants`.
///
/// # Errors
///
/// Says why not.
pub fn check_independent<'people>(
    approver: &Person,
    participants: &'people [ResolvedContributor],
    people: &PeopleDirectory,
) -> Result<String, NotIndependent<'people>> {
    let key = match people.identify_person(approver) {
        ResolvedIdentity::Human(key) => key,
        ResolvedIdentity::Bot => return Err(NotIndependent::Bot),
        ResolvedIdentity::Unknown => return Err(NotIndependent::Unknown),
    };
    let address = canonical_address(approver.email.as_bytes()).unwrap_or_default();
    let login = address.split_once('@').map_or(address.as_str(), |(local, _)| local);
    let same = |participant: &&ResolvedContributor| {
        participant.identity == ResolvedIdentity::Human(key.clone())
            || is_same_name(&participant.name, &approver.name)
            || participant.is_bare_account(login)
    };
    match participants.iter().find(same) {
        Some(participant) => Err(NotIndependent::Contributor(participant)),
        None => Ok(key),
    }
}

/// Returns the key of the person behind `approver` if that is a human who is none of `participants`.
///
/// # Errors
///
/// Says why not.
pub fn check_independent_account<'people>(
    approver: &ForgeAccount,
    participants: &'people [ResolvedContributor],
    people: &PeopleDirectory,
) -> Result<String, NotIndependent<'people>> {
    let key = match people.identify_forge_account(approver) {
        ResolvedIdentity::Human(key) if approver.is_person => key,
        ResolvedIdentity::Human(_) | ResolvedIdentity::Bot => return Err(NotIndependent::Bot),
        ResolvedIdentity::Unknown => return Err(NotIndependent::Unknown),
    };
    let login = approver.id.to_lossy().to_ascii_lowercase();
    let same = |participant: &&ResolvedContributor| {
        participant.identity == ResolvedIdentity::Human(key.clone()) || participant.is_bare_account(&login)
    };
    match participants.iter().find(same) {
        Some(participant) => Err(NotIndependent::Contributor(participant)),
        None => Ok(key),
    }
}

impl ResolvedContributor {
    /// Returns true if and only if this is a bare account that is called like `login`, which may
    /// name its forge.
    fn is_bare_account(&self, login: &str) -> bool {
        self.account.as_deref().is_some_and(|account| {
            account == login || login.split_once(':').is_some_and(|(_, login)| login == account)
        })
    }
}
