//! Who made a change, and whether somebody else is somebody else.
//!
//! Everybody who had a hand in a change is an author of it: authors, committers, co-authors and
//! whoever pushes. The one exception is a forge that puts its own address down when it merges. An
//! identity that cannot be resolved is not ignored: next to it nobody can be shown to be somebody
//! else.

use serde::{Deserialize, Serialize};

use super::{People, Who, is_forge, same_name};
use crate::change::person::{canonical_address, comparable_name};
use crate::change::{Change, Missing, Person, Pusher, Text};

/// The trailers that name further authors.
pub const CO_AUTHORS: [&str; 2] = ["Co-authored-by", "Co-developed-by"];

/// Somebody who had a hand in a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Participant {
    /// Whom the address or account stands for.
    pub who: Who,
    /// The name as written, for showing; the account for a pusher.
    pub name: Text,
    /// In what way: "the author", "the committer", "a co-author", "the pusher".
    pub role: &'static str,
    /// The account, where it is a bare one that no roster explains.
    account: Option<String>,
}

/// Somebody who made a change, as it is remembered after the change is gone; bots are nobody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Maker {
    /// The key that is equal for all his addresses and accounts; `None` if he cannot be identified.
    pub key: Option<String>,
    /// His name as names are compared.
    pub name: String,
    /// The account, where it is a bare one that no roster explains.
    pub account: Option<String>,
}

impl Maker {
    /// Returns how somebody is remembered whom an address or account stands for; `None` for a bot.
    pub fn of(who: &Who, name: &Text, account: Option<&str>) -> Option<Maker> {
        let key = match who {
            Who::Human(key) => Some(key.clone()),
            Who::Stranger => None,
            Who::Bot => return None,
        };
        Some(Maker { key, name: comparable_name(name), account: account.map(str::to_owned) })
    }

    /// Returns whether both may be one person: one key, one name, or an account and the address that
    /// goes with it. Who cannot be identified may be anybody.
    pub fn may_be(&self, other: &Maker) -> bool {
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

/// Returns those who made a change as they are remembered.
pub fn makers(participants: &[Participant]) -> Vec<Maker> {
    let one = |participant: &Participant| {
        Maker::of(&participant.who, &participant.name, participant.account.as_deref())
    };
    participants.iter().filter_map(one).collect()
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
/// Returns the reason beside the others if it is not known who pushes.
pub fn participants(change: &Change, people: &People) -> (Vec<Participant>, Option<Missing>) {
    let mut found: Vec<Participant> = Vec::new();
    let mut add = |participant: Participant| {
        if !found.iter().any(|known| known.who == participant.who && known.name == participant.name) {
            found.push(participant);
        }
    };
    let by_person = |person: &Person, role| Participant {
        who: people.who(person),
        name: person.name.clone(),
        role,
        account: None,
    };
    for commit in &change.commits {
        add(by_person(&commit.author, "the author"));
        if !is_forge(&commit.committer) {
            add(by_person(&commit.committer, "the committer"));
        }
        for trailer in commit.message.trailers() {
            if CO_AUTHORS.iter().any(|key| key.eq_ignore_ascii_case(&trailer.key)) {
                add(match Person::read(trailer.value.as_bytes()) {
                    Ok(person) => by_person(&person, "a co-author"),
                    Err(_) => Participant {
                        who: Who::Stranger,
                        name: trailer.value.clone(),
                        role: "a co-author",
                        account: None,
                    },
                });
            }
        }
    }
    let missing = match &change.pusher {
        Ok(Pusher::Unidentified) => None,
        Ok(Pusher::Account(account)) => {
            let bare = account.as_utf8().filter(|account| !people.has_roster() && !account.contains('@'));
            add(Participant {
                who: people.who_pushes(account),
                name: account.clone(),
                role: "the pusher",
                account: bare.map(str::to_ascii_lowercase),
            });
            None
        }
        Err(missing) => Some(missing.clone()),
    };
    (found, missing)
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
            || participant.account.as_deref().is_some_and(|account| {
                account == login || login.strip_prefix("github:").is_some_and(|login| login == account)
            })
    };
    match participants.iter().find(same) {
        Some(participant) => Err(NotIndependent::Participant(participant)),
        None => Ok(key),
    }
}
