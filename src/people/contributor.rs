//! A contributor, as the ledger remembers them after the change is gone.

use crate::change::Text;
use crate::change::person::comparable_name;
use crate::people::ResolvedIdentity;

/// The trailers that name further authors.
pub(crate) const CO_AUTHOR_TRAILERS: [&str; 2] = ["Co-authored-by", "Co-developed-by"];

/// A contributor, as the ledger remembers them after the change is gone; bots are left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contributor {
    /// The key that is equal for all their addresses and accounts; `None` if they cannot be identified.
    pub key: Option<String>,
    /// Their name, in the form in which names are compared.
    pub name: String,
    /// The account, where it is a bare one that no roster explains.
    pub account: Option<String>,
    /// The number of the account on its forge, which stays when its login goes to another account; `None` if there is
    /// no account, or its forge does not say.
    pub number: Option<u64>,
}

impl Contributor {
    /// Returns the contributor that an address or account stands for; `None` for a bot.
    pub(crate) fn from_identity(
        identity: &ResolvedIdentity,
        name: &Text,
        account: Option<&str>,
        number: Option<u64>,
    ) -> Option<Contributor> {
        let key = match identity {
            ResolvedIdentity::Human(key) => Some(key.clone()),
            ResolvedIdentity::Unknown => None,
            ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot => return None,
        };
        Some(Contributor { key, name: comparable_name(name), account: account.map(str::to_owned), number })
    }

    /// Returns whether both may be one person: one key, one name, one account whatever its login, or an account and
    /// the address that belongs to it. A contributor who cannot be identified may be any person. Two people of a roster
    /// may have one name.
    pub(crate) fn may_be_same(&self, other: &Contributor) -> bool {
        let (Some(mine), Some(theirs)) = (&self.key, &other.key) else { return true };
        mine == theirs
            || (!self.name.is_empty()
                && self.name == other.name
                && !(self.is_in_roster() && other.is_in_roster()))
            || (self.number.is_some() && self.number == other.number)
            || self.has_account_of(theirs)
            || other.has_account_of(mine)
    }

    /// Returns true if the key is the id of an entry of the roster: no address, and no account.
    fn is_in_roster(&self) -> bool {
        self.account.is_none() && self.key.as_ref().is_some_and(|key| !key.contains(['@', ':']))
    }

    /// Returns whether the bare account is the login of a key, which is an address or `github:login`.
    fn has_account_of(&self, key: &str) -> bool {
        let login = local_part(key);
        self.account.as_deref() == Some(login.strip_prefix("github:").unwrap_or(login))
    }
}

/// Returns what stands before the `@` of an address, or all of it if there is none.
pub(super) fn local_part(address: &str) -> &str {
    match address.split_once('@') {
        Some((local, _)) => local,
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_where_no_roster_says_who_is_whom() {
        let person = |key: &str, account: Option<&str>| Contributor {
            key: Some(key.to_owned()),
            name: "wei zhang".to_owned(),
            account: account.map(str::to_owned),
            number: None,
        };
        assert!(!person("wei1", None).may_be_same(&person("wei2", None)));
        assert!(person("wei1", None).may_be_same(&person("wei1", None)));
        for other in
            [person("wei2@example.com", None), person("github:wei2", None), person("wei2", Some("wei2"))]
        {
            assert!(other.may_be_same(&person("wei1@example.com", None)), "{other:?}");
            assert!(other.may_be_same(&person("wei1", None)), "{other:?}");
        }
    }

    #[test]
    fn an_account_stays_the_same_under_another_login() {
        let holder = |login: &str, number| Contributor {
            key: Some(format!("github:{login}")),
            name: login.to_owned(),
            account: None,
            number,
        };
        let then = holder("ana", Some(7));
        assert!(then.may_be_same(&holder("ana-ruiz", Some(7))), "the login was changed");
        assert!(then.may_be_same(&holder("ana", Some(8))), "an equal login is not let through either");
        assert!(!then.may_be_same(&holder("kim", Some(9))));
        assert!(!holder("ana", None).may_be_same(&holder("kim", None)), "no number is none that is equal");
    }
}
