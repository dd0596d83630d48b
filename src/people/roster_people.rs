//! The people of a roster alone, without what a policy adds: as they were read, or as an index holds them.

use std::borrow::Cow;
use std::sync::OnceLock;

use jiff::civil::Date;

use crate::people::folded_names::{fold_identity, fold_local_part};
use crate::people::roster_index::RosterIndex;
use crate::people::roster_maps::RosterMaps;
use crate::people::service::ServiceRecord;

/// The people of a roster. What an index holds is looked up there; only what is asked of all people at once makes maps of it.
#[derive(Debug, Default)]
pub(crate) struct RosterPeople {
    index: Option<RosterIndex>,
    maps: OnceLock<Box<RosterMaps>>,
}

impl PartialEq for RosterPeople {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.read_maps() == other.read_maps()
    }
}

impl RosterPeople {
    /// Returns people that were read.
    pub(crate) fn from_maps(maps: RosterMaps) -> Self {
        RosterPeople { index: None, maps: OnceLock::from(Box::new(maps)) }
    }

    /// Returns the people of an index.
    pub(crate) fn from_index(index: RosterIndex) -> Self {
        RosterPeople { index: Some(index), maps: OnceLock::new() }
    }

    /// Returns the index that the people are looked up in; `None` if the roster was read.
    pub(crate) fn find_index(&self) -> Option<&RosterIndex> {
        self.index.as_ref()
    }

    /// Returns everything in maps, which are made at the first call.
    pub(crate) fn read_maps(&self) -> &RosterMaps {
        self.maps
            .get_or_init(|| Box::new(self.index.as_ref().map(RosterIndex::decode_maps).unwrap_or_default()))
    }

    /// Returns the key of the person with this address or account.
    pub(crate) fn find_key(&self, identity: &str) -> Option<&str> {
        match &self.index {
            Some(index) => index.find_key(identity),
            None => self.read_maps().keys_by_identity.get(identity).map(AsRef::as_ref),
        }
    }

    /// Returns true if the roster lists this address or account.
    pub(crate) fn lists_identity(&self, identity: &str) -> bool {
        self.find_key(identity).is_some()
    }

    /// Returns the addresses and accounts, in any order, each with the key of its person.
    pub(crate) fn list_identities(&self) -> Box<dyn Iterator<Item = (&str, &str)> + '_> {
        match &self.index {
            Some(index) => Box::new(index.list_identities()),
            None => {
                let keys = self.read_maps().keys_by_identity.iter();
                Box::new(keys.map(|(identity, key)| (identity.as_str(), key.as_ref())))
            }
        }
    }

    /// Returns the key of a person as the roster holds it; `None` if no entry with an address or account has this key.
    pub(crate) fn find_person_key(&self, key: &str) -> Option<&str> {
        match &self.index {
            Some(index) => index.find_person_key(key),
            None => self.list_identities().map(|(_, known)| known).find(|known| *known == key),
        }
    }

    /// Returns the name that the roster gives to a person.
    pub(crate) fn find_name(&self, key: &str) -> Option<&str> {
        match &self.index {
            Some(index) => index.find_name(key),
            None => self.read_maps().names_by_key.get(key).map(String::as_str),
        }
    }

    /// Returns the first key of a person whose name looks like this, which is folded and not empty.
    pub(crate) fn find_name_like(&self, folded: &str) -> Option<&str> {
        if let Some(index) = &self.index {
            return index.find_name_like(folded);
        }
        let names = self.read_maps().names_by_key.iter();
        // The map has no order.
        names.filter(|(_, name)| fold_identity(name) == folded).map(|(key, _)| key.as_ref()).min()
    }

    /// Returns the key of the person with the first address or account that looks like this, which is folded and not empty.
    pub(crate) fn find_identity_like(&self, folded: &str) -> Option<&str> {
        if let Some(index) = &self.index {
            return index.find_identity_like(folded);
        }
        let alike = self.list_identities().filter(|(identity, _)| fold_local_part(identity) == folded);
        alike.min().map(|(_, key)| key)
    }

    /// Returns the keys of the people one of whose addresses begins with this account and `@`.
    pub(crate) fn list_namesakes(&self, account: &str) -> Vec<&str> {
        let start = format!("{account}@");
        match &self.index {
            Some(index) => index.list_keys_from(&start),
            None => {
                let named = self.list_identities().filter(|(identity, _)| identity.starts_with(&start));
                named.map(|(_, key)| key).collect()
            }
        }
    }

    /// Returns the number that is listed for the login, which is in lower case and starts with the forge.
    pub(crate) fn find_number(&self, login: &str) -> Option<u64> {
        match &self.index {
            Some(index) => index.find_number(login),
            None => self.read_maps().numbers.find_number(login),
        }
    }

    /// Returns the key of the person with this number on a forge.
    pub(crate) fn find_number_key(&self, forge: &str, number: u64) -> Option<&str> {
        match &self.index {
            Some(index) => index.find_number_key(forge, number),
            None => self.read_maps().numbers.find_key(forge, number),
        }
    }

    /// Returns what is said of a person with dates; `None` for a person who is there at all times.
    pub(crate) fn find_record(&self, key: &str) -> Option<Cow<'_, ServiceRecord>> {
        match &self.index {
            Some(index) => index.find_record(key).map(Cow::Owned),
            None => self.read_maps().service.find_record(key).map(Cow::Borrowed),
        }
    }

    /// Returns true if the roster calls the entry with this key a bot or an agent.
    pub(crate) fn is_machine(&self, key: &str) -> bool {
        match &self.index {
            Some(index) => index.is_machine(key),
            None => self.read_maps().service.find_record(key).is_some_and(|record| record.kind.is_machine()),
        }
    }

    /// Returns true if the roster says something of people with dates.
    pub(crate) fn has_records(&self) -> bool {
        match &self.index {
            Some(index) => index.has_records(),
            None => !self.read_maps().service.is_empty(),
        }
    }

    /// Returns true if a person signs with a key that the roster lists.
    pub(crate) fn has_signing_keys(&self) -> bool {
        match &self.index {
            Some(index) => index.has_signing_keys(),
            None => self.read_maps().service.has_signing_keys(),
        }
    }

    /// Returns true if the roster gives a team to a person on some day.
    pub(crate) fn gives_team(&self, team: &str) -> bool {
        match &self.index {
            Some(index) => index.gives_team(team),
            None => self.read_maps().service.gives_team(team),
        }
    }

    /// Returns the people to whom the roster gives a team on some day.
    pub(crate) fn list_members<'people>(
        &'people self,
        team: &str,
    ) -> Box<dyn Iterator<Item = &'people str> + 'people> {
        match &self.index {
            Some(index) => Box::new(index.list_members(team)),
            None => Box::new(self.read_maps().service.list_members(team)),
        }
    }

    /// Returns the people for whom the person with this key ever acts.
    pub(crate) fn list_possible_delegators(&self, key: &str) -> Vec<&str> {
        match &self.index {
            Some(index) => index.list_possible_delegators(key),
            None => {
                let delegators = self.read_maps().service.list_possible_delegators(key);
                delegators.iter().map(String::as_str).collect()
            }
        }
    }

    /// Returns the people for whom the person with this key acts in a team on a day.
    pub(crate) fn list_delegators(&self, key: &str, team: &str, day: Date) -> Vec<&str> {
        let mut delegators = self.list_possible_delegators(key);
        delegators.retain(|delegator| {
            self.find_record(delegator).is_some_and(|record| record.delegates_to(key, team, day))
        });
        delegators
    }
}
