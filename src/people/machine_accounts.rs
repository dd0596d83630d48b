//! Accounts of a forge that belong to machines: those that the forge says so of, and those that the policy
//! lists under `bots` although the forge calls them users.

use std::collections::BTreeSet;

use crate::change::pull_request::ForgeAccount;
use crate::pattern::NamePattern;

/// The forge whose accounts have addresses that follow from their names.
const GITHUB_PREFIX: &str = "github:";

/// The accounts that a policy takes for machines.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MachineAccounts {
    bots: Vec<NamePattern>,
    /// The accounts that the roster lists for a person.
    rostered: BTreeSet<String>,
}

impl MachineAccounts {
    pub(crate) fn new(bots: &[NamePattern], rostered: BTreeSet<String>) -> Self {
        MachineAccounts { bots: bots.to_vec(), rostered }
    }

    /// Returns true if a machine acts under this account, as far as forge and policy know.
    ///
    /// A user is a machine if the policy lists the account, with or without its forge, or the address that
    /// GitHub gives it; the address does not count for an account that the roster lists for a person.
    /// An account that cannot be read is taken for a machine.
    pub(crate) fn includes_account(&self, account: &ForgeAccount) -> bool {
        is_machine_account(&self.bots, &|id| self.rostered.contains(id), account)
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
