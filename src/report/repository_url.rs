//! The web address of a repository, for reports that can hold links.

use crate::change::{Oid, Text};

/// The address of a repository on a forge, as in `https://github.com/acme/shop`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryUrl(String);

impl RepositoryUrl {
    /// Returns the repository at this address, or `None` unless it is a plain `http` or `https` one.
    ///
    /// Letters, digits and `-._~/:` are all that it may hold: it stands between the brackets of a
    /// link, and a character that could end that link early is not part of an address.
    pub fn new(address: &str) -> Option<Self> {
        let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte);
        let whole = rest.bytes().all(plain) && rest.bytes().next()?.is_ascii_alphanumeric();
        whole.then(|| RepositoryUrl(address.trim_end_matches('/').to_owned()))
    }

    /// Returns the address of the repository itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the address of a commit of the repository.
    pub(crate) fn commit_url(&self, id: Oid) -> String {
        format!("{}/commit/{id}", self.0)
    }

    /// Returns the address of a pull request that is called as in `acme/shop#12`.
    pub(crate) fn pull_request_url(&self, name: &Text) -> Option<String> {
        let (_, number) = name.as_utf8()?.rsplit_once('#')?;
        let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| format!("{}/pull/{number}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_address_is_one() {
        let web = RepositoryUrl::new("https://github.com/acme/shop/").unwrap();
        assert_eq!(web.as_str(), "https://github.com/acme/shop");
        assert_eq!(
            web.pull_request_url(&"acme/shop#12".into()).as_deref(),
            Some("https://github.com/acme/shop/pull/12")
        );
        assert!(RepositoryUrl::new("http://ghe.example.com:8443/acme/shop").is_some());
        for wrong in [
            "",
            "https://",
            "javascript:alert(1)",
            "https://x/)[y](z",
            "https://a b",
            "ftp://x",
            "https:///x",
        ] {
            assert_eq!(RepositoryUrl::new(wrong), None, "{wrong}");
        }
        for name in ["acme/shop#12)x", "acme/shop", "#", ""] {
            assert_eq!(web.pull_request_url(&name.into()), None, "{name}");
        }
    }
}
