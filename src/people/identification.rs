//! Which person or bot an address or an account stands for.
//!
//! A typed name or address takes rights away where a pattern of `bots` matches it, and gives none. Accounts
//! are proved: by the forge, or by the server that people push to.

use crate::change::person::canonical_address;
use crate::change::pull_request::ForgeAccount;
use crate::change::{Person, Text};
use crate::pattern::NamePattern;
use crate::people::account_numbers::NumberedHolder;
use crate::people::machine_accounts::{MachineAccounts, is_machine_account};
use crate::people::{PeopleDirectory, ResolvedIdentity, normalise_identity};

/// The end of the names of apps; no person can have an account with it.
const BOT_SUFFIX: &[u8] = b"[bot]";

impl PeopleDirectory {
    /// Returns the identity of a name with an address.
    pub(crate) fn identify_person(&self, person: &Person) -> ResolvedIdentity {
        if self.is_bot(person) {
            return ResolvedIdentity::ClaimedBot;
        }
        self.identify_address(person)
    }

    /// Returns the identity of a person whose address is compared with people only.
    fn identify_address(&self, person: &Person) -> ResolvedIdentity {
        match canonical_address(person.email.as_bytes()) {
            Some(id) => self.resolve_identity(id),
            None => ResolvedIdentity::Unknown,
        }
    }

    /// Returns the identity of a person whom a commit on a server names as a contributor.
    ///
    /// What only looks like a bot is a contributor like any other, unless the policy lists exactly this
    /// address under `bots`: it is as good as an address in the roster then, and no better.
    pub(crate) fn identify_typed_contributor(&self, person: &Person) -> ResolvedIdentity {
        if !self.is_bot(person) || !self.lists_exact_bot(person.email.as_bytes()) {
            return self.identify_address(person);
        }
        ResolvedIdentity::Bot
    }

    /// Returns the identity of a contributor by their account: one that only looks like a bot is a person.
    pub(crate) fn identify_account_holder(&self, account: &ForgeAccount) -> ResolvedIdentity {
        match self.identify_forge_account(account) {
            ResolvedIdentity::ClaimedBot => self.resolve_account(&account.id),
            identity => identity,
        }
    }

    /// Returns the identity of a pusher by their account on the server, as [`Self::identify_account_holder`].
    pub(crate) fn identify_pusher(&self, account: &Text) -> ResolvedIdentity {
        match self.identify_account(account) {
            ResolvedIdentity::ClaimedBot => self.resolve_account(account),
            identity => identity,
        }
    }

    /// Returns the identity of an account on a forge.
    ///
    /// An account that the forge does not call a person is a bot if the policy lists its login under
    /// `bots`; a person is a bot only if the policy lists the whole name.
    pub(crate) fn identify_forge_account(&self, account: &ForgeAccount) -> ResolvedIdentity {
        if !account.is_person
            && let Some((_, login)) = account.id.as_utf8().and_then(|id| id.split_once(':'))
            && self.lists_bot(login.as_bytes())
        {
            return ResolvedIdentity::Bot;
        }
        let is_listed =
            |bot: &NamePattern| bot.is_exact() && bot.matches_account(account.id.as_bytes(), account.number);
        if self.bots.iter().any(is_listed) {
            return ResolvedIdentity::Bot;
        }
        match self.find_number_holder(account) {
            Some(NumberedHolder::Person(key)) if self.is_machine(key) => ResolvedIdentity::Bot,
            Some(NumberedHolder::Person(key)) => ResolvedIdentity::Human(key.to_owned()),
            Some(NumberedHolder::ChangedHands { .. }) => ResolvedIdentity::Unknown,
            None => self.identify_account(&account.id),
        }
    }

    /// Returns what the number of an account says; `None` if it has none, or nothing is listed about it.
    fn find_number_holder(&self, account: &ForgeAccount) -> Option<NumberedHolder<'_>> {
        let found = account.number?;
        let login = account.id.as_utf8()?.to_ascii_lowercase();
        let forge = login.split(':').next()?;
        let of_team = self.numbers.find_key(forge, found);
        if let Some(key) = of_team.or_else(|| self.rostered.find_number_key(forge, found)) {
            return Some(NumberedHolder::Person(key));
        }
        let listed = self.find_number(&login)?;
        Some(NumberedHolder::ChangedHands { listed, found })
    }

    /// Returns the number that the policy or the roster lists for a login, which is in lower case and starts with the forge.
    pub(super) fn find_number(&self, login: &str) -> Option<u64> {
        self.numbers.find_number(login).or_else(|| self.rostered.find_number(login))
    }

    /// Returns true if the policy or the roster lists the login, which is in lower case and starts with the forge, with its
    /// number.
    pub(super) fn has_number(&self, login: &str) -> bool {
        self.find_number(login).is_some()
    }

    /// Returns the number that the policy or the roster has for this login, and the one that the forge says,
    /// if another account has the login now.
    pub(crate) fn find_changed_login(&self, account: &ForgeAccount) -> Option<(u64, u64)> {
        match self.find_number_holder(account)? {
            NumberedHolder::ChangedHands { listed, found } => Some((listed, found)),
            NumberedHolder::Person(_) => None,
        }
    }

    /// Returns whether the policy or the roster lists this login with a number, which the forge does not say of the
    /// account: another person may have the login by now.
    pub(crate) fn lacks_listed_number(&self, account: &ForgeAccount) -> bool {
        account.number.is_none() && self.has_number(&account.id.to_lossy().to_ascii_lowercase())
    }

    /// Returns true if a machine acts under this account, as far as forge and policy know.
    pub(crate) fn is_machine_account(&self, account: &ForgeAccount) -> bool {
        is_machine_account(&self.bots, &|id| self.rostered.lists_identity(id), account)
    }

    /// Returns the accounts that these people take for machines.
    pub(crate) fn machine_accounts(&self) -> MachineAccounts {
        MachineAccounts::new(&self.bots, &self.rostered)
    }

    /// Returns the identity of an account on the server: an address, a login such as `github:ana`, or
    /// a bare name, which the roster lists under `accounts`.
    pub(crate) fn identify_account(&self, account: &Text) -> ResolvedIdentity {
        if self.lists_exact_bot(account.as_bytes())
            || (account.as_bytes().ends_with(BOT_SUFFIX) && self.lists_bot(account.as_bytes()))
        {
            return ResolvedIdentity::Bot;
        }
        if self.lists_bot(account.as_bytes()) {
            return ResolvedIdentity::ClaimedBot;
        }
        self.resolve_account(account)
    }

    fn resolve_account(&self, account: &Text) -> ResolvedIdentity {
        match account.as_utf8().and_then(normalise_identity) {
            Some(id) => self.resolve_identity(id),
            None => ResolvedIdentity::Unknown,
        }
    }

    pub(super) fn resolve_identity(&self, id: String) -> ResolvedIdentity {
        if !self.is_roster_read {
            return ResolvedIdentity::Human(id);
        }
        match self.rostered.find_key(&id) {
            // A machine is known by the exact names that it has under `bots`, and otherwise has no rights.
            Some(key) if self.is_machine(key) => ResolvedIdentity::Unknown,
            Some(key) => ResolvedIdentity::Human(key.to_owned()),
            None => ResolvedIdentity::Unknown,
        }
    }

    /// Returns true if the roster calls the entry with this key a bot or an agent.
    pub(super) fn is_machine(&self, key: &str) -> bool {
        self.rostered.is_machine(key)
    }

    /// Returns true if and only if the policy calls this a bot, by name, address or the local part
    /// of the address.
    fn is_bot(&self, person: &Person) -> bool {
        let email = person.email.as_bytes();
        let local = email.split(|byte| *byte == b'@').next().unwrap_or_default();
        [email, local, person.name.as_bytes()].into_iter().any(|name| self.lists_bot(name))
    }

    pub(super) fn lists_bot(&self, name: &[u8]) -> bool {
        self.bots.iter().any(|bot| bot.matches_name(name))
    }

    /// Returns the patterns under `bots`.
    pub(crate) fn bot_patterns(&self) -> &[NamePattern] {
        &self.bots
    }

    /// Returns true if the policy lists exactly this name under `bots`, without a `*` in it.
    fn lists_exact_bot(&self, name: &[u8]) -> bool {
        self.bots.iter().any(|bot| bot.is_exact() && bot.matches_name(name))
    }
}
