//! Who made a change, and whether somebody else is somebody else.
//!
//! Everybody who had a hand in a change is an author of it: authors, committers, co-authors,
//! whoever pushes and whoever opened the pull request. The one exception is a forge that puts its
//! own address down when it merges. An identity that cannot be resolved is not ignored: next to it
//! nobody can be shown to be somebody else.
//!
//! On a forge approvals come from accounts, so that there an address alone identifies nobody, unless
//! the roster knows it or the forge ties it to an account.

use serde::{Deserialize, Serialize};

use super::{People, Who, is_forge, same_name};
use crate::change::person::{canonical_address, comparable_name};
use crate::change::pull::{Account, Maker, Role};
use crate::change::{Change, Missing, Person, Pull, Pusher, Text};

/// The trailers that name further authors.
pub const CO_AUTHORS: [&str; 2] = ["Co-authored-by", "Co-developed-by"];

/// Somebody who had a hand in a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Participant {
    /// Whom the address or account stands for.
    pub who: Who,
    /// The name as written, for showing; the account where there is one.
    pub name: Text,
    /// In what way, in words that complete "who is ... of this change".
    pub role: &'static str,
    /// The account, where it is a bare one that no roster explains.
    account: Option<String>,
}

/// Somebody who made a change, as it is remembered after the change is gone; bots are nobody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Hand {
    /// The key that is equal for all his addresses and accounts; `None` if he cannot be identified.
    pub key: Option<String>,
    /// His name as names are compared.
    pub name: String,
    /// The account, where it is a bare one that no roster explains.
    pub account: Option<String>,
}

impl Hand {
    /// Returns how somebody is remembered whom an address or account stands for; `None` for a bot.
    pub fn of(who: &Who, name: &Text, account: Option<&str>) -> Option<Hand> {
        let key = match who {
            Who::Human(key) => Some(key.clone()),
            Who::Stranger => None,
            Who::Bot => return None,
        };
        Some(Hand { key, name: comparable_name(name), account: account.map(str::to_owned) })
    }

    /// Returns whether both may be one person: one key, one name, or an account and the address that
    /// goes with it. Who cannot be identified may be anybody.
    pub fn may_be(&self, other: &Hand) -> bool {
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
pub fn hand_of(account: &Text, people: &People) -> Option<Hand> {
    Hand::of(&people.behind(account), account, bare(account, people).as_deref())
}

/// Returns an account as it is compared with addresses, where it is a bare one that no roster explains.
fn bare(account: &Text, people: &People) -> Option<String> {
    let bare = account.as_utf8().filter(|account| !people.has_roster() && !account.contains('@'));
    bare.map(str::to_ascii_lowercase)
}

/// Returns those who made a change as they are remembered.
pub fn makers(participants: &[Participant]) -> Vec<Hand> {
    let one = |participant: &Participant| {
        Hand::of(&participant.who, &participant.name, participant.account.as_deref())
    };
    participants.iter().filter_map(one).collect()
}

/// Returns those of whom a forge says that they had a hand in something, as they are remembered.
pub fn hands_of(made: &[Maker], people: &People) -> Vec<Hand> {
    let found: Vec<Participant> = made.iter().flat_map(|maker| made_by(maker, people)).collect();
    makers(&found)
}

/// Why an approval does not count.
#[derive(Clone, Debug, PartialEq)]
pub enum NotIndependent<'people> {
    /// The approver is one of those who made the change.
    Participant(&'people Participant),
    /// A bot does not approve.
    Bot,
    /// The roster does not know the approver.
    Stranger,
}

/// Returns everybody who had a hand in `change`, each once.
///
/// # Errors
///
/// Returns the reason beside the others if it is not known who pushes, or who made a pull request.
pub fn participants(change: &Change, people: &People) -> (Vec<Participant>, Option<Missing>) {
    let mut found: Vec<Participant> = Vec::new();
    let mut add = |participant: Participant| {
        if !found.iter().any(|known| known.who == participant.who && known.name == participant.name) {
            found.push(participant);
        }
    };
    let pull = change.pull.as_deref().ok();
    for (person, role) in recorded(change) {
        let (who, name) = match (person, pull) {
            (Err(written), _) => (Some(Who::Stranger), written),
            (Ok(person), Some(pull)) => (on_a_forge(&person, pull, people), person.name),
            (Ok(person), None) => (Some(people.who(&person)), person.name),
        };
        if let Some(who) = who {
            add(Participant { who, name, role, account: None });
        }
    }
    let mut missing = None;
    if let Some(pull) = pull {
        match &pull.makers {
            Ok(makers) => makers.iter().flat_map(|maker| made_by(maker, people)).for_each(&mut add),
            Err(gap) => missing = Some(gap.clone()),
        }
        add(opener(pull, people));
    }
    match &change.pusher {
        Ok(Pusher::Unidentified) => {}
        Ok(Pusher::Account(account)) => {
            add(Participant {
                who: people.behind(account),
                name: account.clone(),
                role: "the pusher",
                account: bare(account, people),
            });
        }
        Err(gap) => missing = Some(gap.clone()),
    }
    (found, missing)
}

/// Returns everybody whom the commits name; in place of a person, what does not name one.
fn recorded(change: &Change) -> Vec<(Result<Person, Text>, &'static str)> {
    let mut people = Vec::new();
    for commit in &change.commits {
        people.push((Ok(commit.author.clone()), Role::Author.words()));
        if !is_forge(&commit.committer) {
            people.push((Ok(commit.committer.clone()), Role::Committer.words()));
        }
        for trailer in commit.message.trailers() {
            if CO_AUTHORS.iter().any(|key| key.eq_ignore_ascii_case(&trailer.key)) {
                let person = Person::read(trailer.value.as_bytes()).map_err(|_| trailer.value.clone());
                people.push((person, Role::CoAuthor.words()));
            }
        }
    }
    people
}

/// Returns whom somebody stands for whom a commit of a pull request names; `None` if it is the
/// forge that says so, or would if it could be asked.
fn on_a_forge(person: &Person, pull: &Pull, people: &People) -> Option<Who> {
    let who = people.who(person);
    let Ok(makers) = &pull.makers else { return Some(who).filter(|who| *who != Who::Stranger) };
    let address = canonical_address(person.email.as_bytes());
    let is_tied = |maker: &Maker| {
        let same = maker.email.as_ref().and_then(|email| canonical_address(email.as_bytes())) == address;
        same && maker.account.as_ref().is_some_and(|account| people.whose(account) != Who::Stranger)
    };
    let tied = address.is_some() && makers.iter().any(is_tied);
    match who {
        Who::Stranger => (!tied).then_some(Who::Stranger),
        Who::Human(_) if !tied && !people.has_roster() => Some(Who::Stranger),
        Who::Human(_) | Who::Bot => Some(who),
    }
}

fn opener(pull: &Pull, people: &People) -> Participant {
    let (who, name) = match &pull.opener {
        Some(account) => (people.whose(account), account.id.clone()),
        None => (Who::Stranger, "an account that is gone".into()),
    };
    Participant { who, name, role: "the opener", account: None }
}

/// Returns somebody who had a hand in a pull request: by account, by address, or as one who cannot
/// be identified.
fn made_by(maker: &Maker, people: &People) -> Vec<Participant> {
    let person = maker.email.clone().map(|email| Person { name: maker.name.clone(), email });
    if maker.role == Role::Committer && person.as_ref().is_some_and(is_forge) {
        return Vec::new();
    }
    let by =
        |who, name: &Text| Participant { who, name: name.clone(), role: maker.role.words(), account: None };
    let account = maker.account.as_ref().map(|account| by(people.whose(account), &account.id));
    let address = person.map(|person| by(people.who(&person), &person.name));
    let identifies = |participant: &Participant, is_account: bool| match participant.who {
        Who::Human(_) => is_account || people.has_roster(),
        Who::Bot => true,
        Who::Stranger => false,
    };
    let known = account.as_ref().is_some_and(|account| identifies(account, true))
        || address.as_ref().is_some_and(|address| identifies(address, false));
    let stranger = (!known).then(|| by(Who::Stranger, &maker.name));
    let others = account.into_iter().chain(address).filter(|participant| participant.who != Who::Stranger);
    stranger.into_iter().chain(others).collect()
}

/// Returns the key of `approver` if it is a human who is none of `participants`.
///
/// # Errors
///
/// Says why not.
pub fn independent<'people>(
    approver: &Person,
    participants: &'people [Participant],
    people: &People,
) -> Result<String, NotIndependent<'people>> {
    let key = match people.who(approver) {
        Who::Human(key) => key,
        Who::Bot => return Err(NotIndependent::Bot),
        Who::Stranger => return Err(NotIndependent::Stranger),
    };
    let address = canonical_address(approver.email.as_bytes()).unwrap_or_default();
    let login = address.split_once('@').map_or(address.as_str(), |(local, _)| local);
    let same = |participant: &&Participant| {
        participant.who == Who::Human(key.clone())
            || same_name(&participant.name, &approver.name)
            || participant.is_bare(login)
    };
    match participants.iter().find(same) {
        Some(participant) => Err(NotIndependent::Participant(participant)),
        None => Ok(key),
    }
}

/// Returns the key of the person behind `approver` if that is a human who is none of `participants`.
///
/// # Errors
///
/// Says why not.
pub fn independent_account<'people>(
    approver: &Account,
    participants: &'people [Participant],
    people: &People,
) -> Result<String, NotIndependent<'people>> {
    let key = match people.whose(approver) {
        Who::Human(key) if approver.is_person => key,
        Who::Human(_) | Who::Bot => return Err(NotIndependent::Bot),
        Who::Stranger => return Err(NotIndependent::Stranger),
    };
    let login = approver.id.to_lossy().to_ascii_lowercase();
    let same = |participant: &&Participant| {
        participant.who == Who::Human(key.clone()) || participant.is_bare(&login)
    };
    match participants.iter().find(same) {
        Some(participant) => Err(NotIndependent::Participant(participant)),
        None => Ok(key),
    }
}

impl Participant {
    /// Returns true if and only if this is a bare account that is called like `login`, which may
    /// name its forge.
    fn is_bare(&self, login: &str) -> bool {
        self.account.as_deref().is_some_and(|account| {
            account == login || login.split_once(':').is_some_and(|(_, login)| login == account)
        })
    }
}
