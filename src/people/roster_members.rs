//! Who of a roster can act: the people who are no bots, and the accounts by which a server knows them.

use std::collections::BTreeSet;

use crate::change::Text;
use crate::change::pull_request::ForgeAccount;
use crate::people::{PeopleDirectory, normalise_identity};

impl PeopleDirectory {
    /// Returns an account of a forge, with the number that is listed for it.
    pub(crate) fn build_forge_account(&self, login: &str) -> ForgeAccount {
        let number = self.find_number(&login.to_ascii_lowercase());
        ForgeAccount { id: Text::from(login), is_person: true, number }
    }

    /// Returns the key of the person whom an address or an account of a team stands for; `None` if the roster does not list
    /// it.
    pub(crate) fn find_person(&self, written: &str) -> Option<&str> {
        let id = normalise_identity(written)?;
        if !self.is_roster_read {
            return self.teams.values().find_map(|team| team.keys.get(&id)).map(String::as_str);
        }
        self.rostered.find_key(&id)
    }

    /// Returns the key of a person as the roster holds it; `None` if no entry with an address or account has this key.
    pub(crate) fn find_person_key(&self, key: &str) -> Option<&str> {
        self.rostered.find_person_key(key)
    }

    /// Returns what the roster calls a person: the name that it gives, or else the key.
    pub(crate) fn name_person<'people>(&'people self, key: &'people str) -> &'people str {
        self.rostered.find_name(key).unwrap_or(key)
    }

    /// Returns the addresses and accounts of the roster, in any order.
    fn list_known(&self) -> impl Iterator<Item = &str> {
        self.rostered.list_identities().map(|(identity, _)| identity)
    }

    /// Returns how many addresses the roster lists.
    pub(crate) fn count_addresses(&self) -> usize {
        self.list_known().filter(|id| id.contains('@')).count()
    }

    /// Returns true if there is a roster, and it lists no account of anyone.
    pub(crate) fn lacks_accounts(&self) -> bool {
        self.is_roster_read && self.list_known().all(|id| id.contains('@'))
    }

    /// Returns true unless there is a roster that lists no account of the kind of this one: an address, a bare name, or
    /// an account of the same forge.
    pub(crate) fn may_know_account(&self, account: &Text) -> bool {
        let Some(id) = account.as_utf8().and_then(normalise_identity) else { return true };
        let kind = account_kind(&id);
        !self.is_roster_read || self.list_known().any(|known| account_kind(known) == kind)
    }

    /// Returns true if an account or address of a person in the roster of `earlier` is still that of one, of the same kind as
    /// this account.
    pub(crate) fn keeps_other_account(&self, earlier: &PeopleDirectory, like: &Text) -> bool {
        let Some(like) = like.as_utf8().and_then(normalise_identity) else { return true };
        let kind = account_kind(&like);
        let mut known = earlier.rostered.list_identities().filter(|(id, _)| account_kind(id) == kind);
        known.any(|(id, key)| {
            let is_kept = self.rostered.find_key(id).is_some_and(|key| !self.is_machine(key));
            is_kept && !earlier.is_machine(key)
        })
    }

    /// Returns an account of the roster, if there is a roster and it lists accounts of forges alone.
    pub(crate) fn find_forge_account_only(&self) -> Option<&str> {
        let list_accounts = || self.list_known().filter(|id| !id.contains('@'));
        let first = list_accounts().min()?;
        list_accounts().all(|id| id.contains(':')).then_some(first)
    }

    /// Returns true if the roster or a team lists this account.
    pub(crate) fn names_account(&self, account: &Text) -> bool {
        let Some(id) = account.as_utf8().and_then(normalise_identity) else { return false };
        self.rostered.lists_identity(&id) || self.teams.values().any(|team| team.keys.contains(&id))
    }

    /// Returns the person one of whose addresses begins with this account and `@`; `None` unless there is
    /// exactly one. It grants nothing: it is whom the owner of the roster most likely forgot.
    pub(crate) fn find_namesake(&self, account: &Text) -> Option<&str> {
        let account = account.as_utf8().and_then(normalise_identity).filter(|id| !id.contains('@'))?;
        let mut namesakes = self.rostered.list_namesakes(&account).into_iter();
        let first = namesakes.next()?;
        namesakes.all(|key| key == first).then_some(first)
    }

    /// Returns the keys of the people in the roster who are no bots by every address and account; `None`
    /// without a roster.
    pub(crate) fn list_roster_humans(&self) -> Option<BTreeSet<&str>> {
        self.list_few_humans(usize::MAX)
    }

    /// Returns the same if they are not more than `most`; otherwise `None`, soon.
    pub(crate) fn list_few_humans(&self, most: usize) -> Option<BTreeSet<&str>> {
        let mut humans = BTreeSet::new();
        for (id, key) in self.rostered.list_identities() {
            // The address that GitHub gives to an account is compared as the account.
            let is_address = id.contains('@') || id.starts_with("github:");
            if is_address && !self.is_machine(key) && !self.lists_bot_identity(id) {
                humans.insert(key);
                if humans.len() > most {
                    return None;
                }
            }
        }
        self.is_roster_read.then_some(humans)
    }

    /// Returns the keys of the members of one team who are no bots; `rostered` are the people of the roster, if there
    /// is one.
    pub(crate) fn list_team_humans<'people>(
        &'people self,
        team: &str,
        rostered: Option<&BTreeSet<&str>>,
    ) -> Vec<&'people str> {
        let mut humans: Vec<&str> = self.list_settled_keys(team).collect();
        humans.retain(|key| match rostered {
            Some(rostered) => rostered.contains(key),
            None => !self.lists_bot_identity(key),
        });
        humans
    }

    /// Returns true if an address, its local part or an account is that of a bot.
    fn lists_bot_identity(&self, id: &str) -> bool {
        let local = id.split('@').next().unwrap_or(id);
        self.lists_bot(id.as_bytes()) || self.lists_bot(local.as_bytes())
    }
}

/// Returns what tells the kinds of identities apart: that it is an address, or the forge of an account; nothing for a
/// bare name.
pub(crate) fn account_kind(id: &str) -> &str {
    match id.split_once(':') {
        _ if id.contains('@') => "@",
        Some((forge, _)) => forge,
        None => "",
    }
}
