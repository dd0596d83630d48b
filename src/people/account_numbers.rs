//! The numbers of accounts on a forge, which stay when a login goes to another account.
//!
//! A login can be given up and taken by another person. The policy or the roster writes the number behind the
//! login, as in `github:ana#583231`; then the account with that number is meant, whatever it is called now.

use std::collections::HashMap;
use std::sync::Arc;

use crate::yaml::shorten_for_message;

/// The numbers of the accounts that a policy and its roster list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AccountNumbers {
    /// The number of each login, which is in lower case and starts with the forge.
    by_login: HashMap<String, u64>,
    /// The key of the person with each number of each forge.
    holders: HashMap<String, HashMap<u64, Arc<str>>>,
}

/// What the number of an account says about its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberedHolder<'people> {
    /// The person with this key.
    Person(&'people str),
    /// Another account than the listed one has the login now.
    ChangedHands {
        /// The number that is listed for the login.
        listed: u64,
        /// The number that the forge says.
        found: u64,
    },
}

impl AccountNumbers {
    /// Adds an account as a policy or a roster writes it; without a number, it changes nothing.
    pub(crate) fn add_listed(&mut self, written: &str, key: &str) {
        self.add_holder(written, &Arc::from(key));
    }

    /// Does the same for the key of a person of the roster, which many places hold.
    pub(crate) fn add_holder(&mut self, written: &str, key: &Arc<str>) {
        let (login, Some(number)) = split_account_number(written) else { return };
        self.insert_holder(login.to_ascii_lowercase(), number, key);
    }

    /// Adds an account, `login` in lower case, with its number.
    pub(crate) fn insert_holder(&mut self, login: String, number: u64, key: &Arc<str>) {
        let forge = login.split(':').next().unwrap_or_default();
        match self.holders.get_mut(forge) {
            Some(holders) => {
                holders.insert(number, key.clone());
            }
            None => {
                self.holders.insert(forge.to_owned(), HashMap::from([(number, key.clone())]));
            }
        }
        self.by_login.insert(login, number);
    }

    /// Adds an account of a person of a long roster, `login` in lower case; false, with nothing added, if there is a clash as
    /// [`AccountNumbers::find_clash`] or [`TeamNumbers::find_team_clash`] finds.
    pub(crate) fn claim_account(
        &mut self,
        (login, number): (&str, u64),
        key: &Arc<str>,
        teams: &TeamNumbers,
    ) -> bool {
        let forge = login.split(':').next().unwrap_or_default();
        let is_other = |other: &Arc<str>| other != key;
        let holder = self.holders.get(forge).and_then(|holders| holders.get(&number));
        let of_teams = teams.0.get(login).into_iter().flatten();
        if self.by_login.get(login).is_some_and(|listed| *listed != number)
            || holder.is_some_and(is_other)
            || of_teams.into_iter().any(|(listed, _)| *listed != number)
        {
            return false;
        }
        self.insert_holder(login.to_owned(), number, key);
        true
    }

    /// Makes room for the accounts of a long roster.
    pub(crate) fn reserve_accounts(&mut self, count: usize) {
        self.by_login.reserve(count);
    }

    /// Returns the number that is listed for the login, which is in lower case and starts with the forge.
    pub(crate) fn find_number(&self, login: &str) -> Option<u64> {
        self.by_login.get(login).copied()
    }

    /// Returns the key of the person with this number on a forge.
    pub(crate) fn find_key(&self, forge: &str, number: u64) -> Option<&str> {
        self.holders.get(forge)?.get(&number).map(AsRef::as_ref)
    }

    /// Returns why an account cannot be added for the person `key`: its number is that of another person, or
    /// its login has another number.
    pub(crate) fn find_clash(&self, written: &str, key: &str) -> Option<String> {
        let (login, Some(number)) = split_account_number(written) else { return None };
        let login = login.to_ascii_lowercase();
        if let Some(listed) = self.by_login.get(&login).filter(|listed| **listed != number) {
            let login = shorten_for_message(&login);
            return Some(format!("`{login}` cannot have both numbers, {listed} and {number}"));
        }
        let forge = login.split(':').next().unwrap_or_default();
        let other = self.holders.get(forge)?.get(&number).filter(|other| ***other != *key)?;
        Some(format!(
            "the number of `{}` belongs to `{}` and to `{}`",
            shorten_for_message(written),
            shorten_for_message(other),
            shorten_for_message(key)
        ))
    }
}

/// The numbers that teams have for logins.
pub(crate) struct TeamNumbers(HashMap<String, Vec<(u64, String)>>);

impl TeamNumbers {
    /// Looks at the members of teams, in the order of the teams.
    pub(crate) fn list_numbers<'team>(teams: impl Iterator<Item = (&'team str, &'team [String])>) -> Self {
        let mut numbers: HashMap<String, Vec<(u64, String)>> = HashMap::new();
        for (name, members) in teams {
            for member in members {
                if let (login, Some(number)) = split_account_number(member) {
                    numbers.entry(login.to_ascii_lowercase()).or_default().push((number, name.to_owned()));
                }
            }
        }
        TeamNumbers(numbers)
    }

    /// Returns true if no team has another number for a login than `find_listed` finds in a roster.
    pub(crate) fn agree_with(&self, find_listed: impl Fn(&str) -> Option<u64>) -> bool {
        self.0.iter().all(|(login, numbers)| {
            find_listed(login).is_none_or(|listed| numbers.iter().all(|(number, _)| *number == listed))
        })
    }

    /// Returns why an account of the roster cannot be a member of a team: there, its login has another number.
    pub(crate) fn find_team_clash(&self, written: &str) -> Option<String> {
        let (login, Some(number)) = split_account_number(written) else { return None };
        let login = login.to_ascii_lowercase();
        let (listed, team) = self.0.get(&login)?.iter().find(|(listed, _)| *listed != number)?;
        let (login, team) = (shorten_for_message(&login), shorten_for_message(team));
        Some(format!("`{login}` cannot have both numbers, {listed} and {number}; see the team `{team}`"))
    }
}

/// Splits an account such as `github:ana#583231` into the login and the number; what is written otherwise
/// stays whole.
pub(crate) fn split_account_number(written: &str) -> (&str, Option<u64>) {
    if let Some((login, digits)) = written.split_once('#')
        && login.split_once(':').is_some_and(|(_, name)| !name.is_empty())
        && !digits.starts_with('0')
        && let Ok(number) = digits.parse()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        return (login, Some(number));
    }
    (written, None)
}
