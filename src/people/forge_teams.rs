//! Teams of a forge as members of a policy's teams, as in `github:acme/security`.
//!
//! Who is in such a team only the forge knows. Until it has told, a team that names one has members who are not
//! known: whoever is known to be in it counts, and of everyone else it is not known that they are not.

use std::collections::BTreeMap;

use crate::change::Fact;
use crate::yaml::shorten_for_message;

/// The start of what names an account or a team of GitHub.
const GITHUB_START: &str = "github:";

/// How long the name of an organisation or of a team is at most.
const MAX_NAME_BYTES: usize = 100;

/// The name of a team of an organisation on GitHub.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForgeTeamName {
    /// The organisation, in small letters.
    pub organisation: String,
    /// The team, as it stands in its address, in small letters.
    pub slug: String,
}

impl ForgeTeamName {
    /// Reads the name of a team; `None` for what names an address, or an account.
    ///
    /// # Errors
    ///
    /// Refuses what has a slash like a team and is none of GitHub.
    pub(crate) fn parse_name(written: &str) -> Option<Result<Self, String>> {
        if written.contains('@') || !written.contains('/') {
            return None;
        }
        let parts = written.strip_prefix(GITHUB_START).and_then(|name| name.split_once('/'));
        let name = parts.filter(|(organisation, slug)| is_name(organisation) && is_name(slug));
        Some(match name {
            Some((organisation, slug)) => Ok(ForgeTeamName {
                organisation: organisation.to_ascii_lowercase(),
                slug: slug.to_ascii_lowercase(),
            }),
            None => Err(format!(
                "`{}` is no team of GitHub, which is written as in `github:acme/security`",
                shorten_for_message(written)
            )),
        })
    }

    /// Returns the team that a policy writes so, if it is one.
    pub(crate) fn find_name(written: &str) -> Option<Self> {
        Self::parse_name(written)?.ok()
    }

    /// Returns the name as a policy writes it.
    pub fn written(&self) -> String {
        format!("{GITHUB_START}{}/{}", self.organisation, self.slug)
    }
}

fn is_name(name: &str) -> bool {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !name.starts_with('.')
        && name.bytes().all(is_name_byte)
}

/// What a forge told about its teams: the accounts of their members, as in `github:ana#583231`.
pub type ForgeTeamMembers = BTreeMap<ForgeTeamName, Fact<Vec<String>>>;
