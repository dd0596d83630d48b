//! What the administrator of a server has said, in git's own configuration.
//!
//! Nothing here comes from what is pushed, nor from the policy: `changegate.pusher`,
//! `changegate.policyRef`, `changegate.policyPath`, `changegate.policyFile`,
//! `changegate.missingPolicy`, `changegate.maxCommits`, `changegate.ledger` and `changegate.ledgerKey`, as `git config` keeps them.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::change::{Fact, FactKind, Missing, PusherIdentity, Text};
use crate::git::{HeadState, Repository};
use crate::people::check_plain_path;
use crate::policy::{DEFAULT_POLICY_PATH, packs};

/// The settings of one repository.
#[derive(Clone, Debug)]
pub struct GateSettings {
    /// The ref whose policy says what is under change control.
    pub policy_ref: Text,
    /// Where the policy stands in a commit.
    pub policy_path: String,
    /// A file on the server that is the policy, whatever the refs hold.
    pub policy_file: Option<PathBuf>,
    /// What happens where there is no policy.
    pub missing_policy: MissingPolicyAction,
    /// Who pushes.
    pub pusher: Fact<PusherIdentity>,
    /// How many new commits a push may bring to one ref.
    pub max_commits: usize,
    /// What happens where a decision cannot be recorded.
    pub ledger_mode: LedgerMode,
    /// The key that signs records, as `ssh-keygen -Y sign -f` takes it.
    pub ledger_key: Option<String>,
    /// How many threads may work; asked only where there is enough to do.
    pub threads: fn() -> usize,
}

/// What becomes of a push whose decision cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerMode {
    /// It is refused.
    Require,
    /// It is let through, and everybody is told.
    Warn,
    /// Nothing is recorded at all.
    Off,
}

/// What happens to a push where there is no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingPolicyAction {
    /// It is refused.
    Deny,
    /// It is let through.
    Allow,
    /// It is judged by this shipped pack.
    Pack(String),
}

/// The servers whose way of telling who pushes is known: name for `changegate.pusher`, variable.
pub const PUSHER_SERVERS: [(&str, &str); 5] = [
    ("gitolite", "GL_USER"),
    ("gitlab", "GL_USERNAME"),
    ("gitea", "GITEA_PUSHER_NAME"),
    ("github", "GITHUB_USER_LOGIN"),
    ("http", "REMOTE_USER"),
];

/// How many commits a push may bring unless the administrator says otherwise.
const DEFAULT_MAX_COMMITS: usize = 50_000;

impl GateSettings {
    /// Reads the settings of `repository`; `variable` looks up what the server has put into the
    /// environment.
    ///
    /// # Errors
    ///
    /// Names the setting that cannot be used.
    pub fn read_settings(
        repository: &Repository,
        variable: &dyn Fn(&str) -> Option<OsString>,
        threads: fn() -> usize,
    ) -> Result<Self, String> {
        let get = |key: &str| repository.read_config_value(key).map_err(|error| format!("{error:#}"));
        let policy_ref = match get("changegate.policyRef")? {
            Some(name) if name.starts_with("refs/") => Text::from(name.as_str()),
            Some(name) => {
                return Err(format!(
                    "changegate.policyRef is `{name}`, and not a full name such as refs/heads/main"
                ));
            }
            None => match repository.read_head() {
                Ok(HeadState::Branch(branch)) => branch.name,
                Ok(HeadState::Detached(_)) => {
                    return Err("HEAD names no branch; set changegate.policyRef".into());
                }
                Err(error) => return Err(format!("{error:#}")),
            },
        };
        let policy_path = get("changegate.policyPath")?.unwrap_or_else(|| DEFAULT_POLICY_PATH.into());
        check_plain_path(&policy_path).map_err(|why| format!("changegate.policyPath: {why}"))?;
        let missing_policy = match get("changegate.missingPolicy")?.as_deref() {
            None | Some("deny") => MissingPolicyAction::Deny,
            Some("allow") => MissingPolicyAction::Allow,
            Some(pack) if packs::find_pack(pack).is_some() => MissingPolicyAction::Pack(pack.into()),
            Some(other) => {
                return Err(format!(
                    "changegate.missingPolicy is `{other}`, and not deny, allow or a pack's name"
                ));
            }
        };
        let most_commits = match get("changegate.maxCommits")? {
            None => DEFAULT_MAX_COMMITS,
            Some(number) => number
                .parse()
                .map_err(|_| format!("changegate.maxCommits is `{number}`, and not a number"))?,
        };
        let ledger = match get("changegate.ledger")?.as_deref() {
            None | Some("require") => LedgerMode::Require,
            Some("shout") => LedgerMode::Warn,
            Some("off") => LedgerMode::Off,
            Some(other) => {
                return Err(format!("changegate.ledger is `{other}`, and not require, shout or off"));
            }
        };
        Ok(GateSettings {
            ledger_mode: ledger,
            ledger_key: get("changegate.ledgerKey")?,
            policy_ref,
            policy_path,
            policy_file: get("changegate.policyFile")?.map(PathBuf::from),
            missing_policy,
            pusher: read_pusher(get("changegate.pusher")?.as_deref(), variable)?,
            max_commits: most_commits,
            threads,
        })
    }
}

/// Returns who pushes, as `source` (the value of `changegate.pusher`) tells.
///
/// # Errors
///
/// Says so if the source is unknown.
fn read_pusher(
    source: Option<&str>,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Fact<PusherIdentity>, String> {
    let name = match source {
        None => return Ok(Err(Missing::NotConfigured(FactKind::Pusher))),
        Some("none") => return Ok(Ok(PusherIdentity::Unidentified)),
        Some(source) => {
            match (PUSHER_SERVERS.iter().find(|(server, _)| *server == source), source.strip_prefix("env:")) {
                (Some((_, variable)), _) => *variable,
                (None, Some(name)) if !name.is_empty() => name,
                _ => {
                    let servers: Vec<_> = PUSHER_SERVERS.iter().map(|(server, _)| *server).collect();
                    return Err(format!(
                        "changegate.pusher is `{source}`, and not {}, env:NAME or none",
                        servers.join(", ")
                    ));
                }
            }
        }
    };
    let unusable = |why: &str| Ok(Err(Missing::Unavailable(FactKind::Pusher, format!("{name} {why}"))));
    let Some(value) = variable(name) else { return unusable("is not set by the server") };
    let Ok(account) = value.into_string() else { return unusable("is not UTF-8") };
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"/\\,;\"'`$<>|&".contains(&byte);
    if account.is_empty() || 100 < account.len() || !account.bytes().all(plain) {
        return unusable("does not hold one account's name");
    }
    Ok(Ok(PusherIdentity::Account(account.as_str().into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(source: Option<&str>, value: Option<&str>) -> Fact<PusherIdentity> {
        read_pusher(source, &|name| value.filter(|_| name == "GL_USER" || name == "WHO").map(OsString::from))
            .unwrap()
    }

    #[test]
    fn the_pusher_is_taken_from_the_one_source_that_is_configured() {
        assert_eq!(who(Some("gitolite"), Some("ana")), Ok(PusherIdentity::Account("ana".into())));
        assert_eq!(
            who(Some("env:WHO"), Some("ana@example.com")),
            Ok(PusherIdentity::Account("ana@example.com".into()))
        );
        assert_eq!(who(Some("none"), Some("ana")), Ok(PusherIdentity::Unidentified));
        assert!(who(None, Some("ana")).is_err());
        assert!(who(Some("http"), Some("ana")).is_err());
        assert!(read_pusher(Some("first-that-is-set"), &|_| None).is_err());
    }

    #[test]
    fn odd_names_name_nobody() {
        for odd in ["", "mallory\ncarol", "a,b", "../ana", "ana ", "\u{430}na"] {
            assert!(who(Some("gitolite"), Some(odd)).is_err(), "{odd:?}");
        }
    }
}
