//! Accounts of a forge that belong to machines: those that the forge says so of, and those that the policy
//! lists under `bots` although the forge calls them users.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::change::pull_request::ForgeAccount;
use crate::pattern::NamePattern;
use crate::people::roster_people::RosterPeople;

/// The forge whose accounts have addresses that follow from their names.
const GITHUB_PREFIX: &str = "github:";

/// The accounts that a policy takes for machines.
#[derive(Clone, Debug, Default)]
pub(crate) struct MachineAccounts {
    bots: Vec<NamePattern>,
    /// The roster, which lists accounts for people.
    rostered: Arc<RosterPeople>,
}

impl PartialEq for MachineAccounts {
    fn eq(&self, other: &Self) -> bool {
        let is_same_roster = Arc::ptr_eq(&self.rostered, &other.rostered);
        self.bots == other.bots && (is_same_roster || self.list_rostered() == other.list_rostered())
    }
}

impl MachineAccounts {
    pub(super) fn new(bots: &[NamePattern], rostered: &Arc<RosterPeople>) -> Self {
        MachineAccounts { bots: bots.to_vec(), rostered: rostered.clone() }
    }

    /// Returns the accounts of forges that the roster lists for a person.
    fn list_rostered(&self) -> BTreeSet<&str> {
        let identities = self.rostered.list_identities().map(|(identity, _)| identity);
        identities.filter(|id| id.contains(':') && !id.contains('@')).collect()
    }

    /// Returns true if a machine acts under this account, as far as forge and policy know.
    ///
    /// A user is a machine if the policy lists the account, with or without its forge, or the address that
    /// GitHub gives it; the address does not count for an account that the roster lists for a person.
    /// An account that cannot be read is taken for a machine.
    pub(crate) fn includes_account(&self, account: &ForgeAccount) -> bool {
        is_machine_account(&self.bots, &|id| !id.contains('@') && self.rostered.lists_identity(id), account)
    }
}

/// Does the same as [`MachineAccounts::includes_account`] for these patterns of bots; `is_rostered` tells whether the roster
/// lists an account for a person.
pub(super) fn is_machine_account(
    bots: &[NamePattern],
    is_rostered: &dyn Fn(&str) -> bool,
    account: &ForgeAccount,
) -> bool {
    if !account.is_person {
        return true;
    }
    let Some(id) = account.id.as_utf8() else { return true };
    let lists_name = |name: &str| bots.iter().any(|bot| bot.matches_name(name.as_bytes()));
    let login = id.split_once(':').map_or(id, |(_, login)| login);
    let is_listed = bots.iter().any(|bot| bot.matches_account(id.as_bytes(), account.number));
    if is_listed || lists_name(login) {
        return true;
    }
    let id = id.to_ascii_lowercase();
    id.starts_with(GITHUB_PREFIX)
        && !is_rostered(&id)
        && (lists_name(&format!("{login}@users.noreply.github.com"))
            || lists_name(&format!("0+{login}@users.noreply.github.com")))
}
