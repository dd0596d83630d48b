//! The settings of the server administrator, in git's own configuration.
//!
//! They are `changegate.pusher`, `changegate.policyRef`, `changegate.policyPath`,
//! `changegate.policyFile`, `changegate.acceptedPolicy`, `changegate.missingPolicy`, `changegate.maxCommits`, `changegate.mode`,
//! `changegate.ledger` and `changegate.ledgerKey`. Nothing here comes from what is pushed, nor from the policy.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::change::{Fact, FactKind, Missing, Oid, PusherIdentity, Text};
use crate::gate::given_certificate::GivenCertificate;
use crate::gate::policy_repositories::FOLDER_KEY;
use crate::git::{HeadState, Repository};
use crate::people::check_plain_path;
use crate::policy::{DEFAULT_POLICY_PATH, packs};

/// The settings of one repository.
#[derive(Clone, Debug)]
pub struct GateSettings {
    /// The ref whose policy says what is under change control.
    pub policy_ref: Text,
    /// The path of the policy in a commit.
    pub policy_path: String,
    /// A file on the server that is the policy, whatever the refs hold.
    pub policy_file: Option<PathBuf>,
    /// True if it is set where the policies of other repositories are.
    pub has_policy_repositories: bool,
    /// The commit of the policy ref whose policy the administrator has put into force, although the ref moved
    /// to it without a decision.
    pub accepted_policy: Option<Oid>,
    /// What happens to a push if there is no policy.
    pub missing_policy: MissingPolicyAction,
    /// The account that pushes.
    pub pusher: Fact<PusherIdentity>,
    /// Where the pusher is read from, the value of `changegate.pusher`; `None` if it is not set.
    pub pusher_source: Option<String>,
    /// How git tells of the certificate of the push; `None` for a push without one.
    pub push_certificate: Option<GivenCertificate>,
    /// True if the server asks for signed pushes (`receive.certNonceSeed`).
    pub asks_signed_pushes: bool,
    /// How many new commits a push may bring to one ref.
    pub max_commits: usize,
    /// Whether a decision is enforced.
    pub mode: GateMode,
    /// What happens to a push if its decision cannot be recorded.
    pub ledger_mode: LedgerMode,
    /// The key that signs records, as `ssh-keygen -Y sign -f` takes it.
    pub ledger_key: Option<String>,
    /// How many threads can work; called only where there is enough to do.
    pub threads: fn() -> usize,
}

/// Whether decisions are enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateMode {
    /// A push that is denied is refused.
    Enforce,
    /// The gate says and records what it would have decided, and blocks nothing that is not aimed at the gate
    /// itself.
    Evaluate,
}

/// What happens to a push whose decision cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerMode {
    /// The push is refused.
    Require,
    /// The push is accepted with a warning to the pusher.
    Warn,
    /// No decision is recorded, so nothing can fail.
    Off,
}

/// What happens to a push if there is no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingPolicyAction {
    /// The push is refused.
    Deny,
    /// The push is accepted without being judged.
    Allow,
    /// The push is judged by this shipped pack.
    Pack(String),
}

/// The servers that are known to name the pusher: the value of `changegate.pusher`, and the
/// environment variable.
pub const PUSHER_SERVERS: [(&str, &str); 5] = [
    ("gitolite", "GL_USER"),
    ("gitlab", "GL_USERNAME"),
    ("gitea", "GITEA_PUSHER_NAME"),
    ("github", "GITHUB_USER_LOGIN"),
    ("http", "REMOTE_USER"),
];

/// The most commits that a push can bring to one ref, unless `changegate.maxCommits` says otherwise.
const DEFAULT_MAX_COMMITS: usize = 50_000;

/// The most bytes of an account's name.
const MAX_ACCOUNT_BYTES: usize = 100;

impl GateSettings {
    /// Reads the settings of `repository`; `variable` looks up an environment variable of the server.
    ///
    /// # Errors
    ///
    /// Names the setting that is not valid.
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
                    "changegate.policyRef is `{name}`; use a full name such as refs/heads/main"
                ));
            }
            None => match repository.read_head() {
                Ok(HeadState::Branch(branch)) => branch.name,
                Ok(HeadState::Detached(_)) => {
                    return Err("HEAD is not on a branch; set changegate.policyRef".into());
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
                    "changegate.missingPolicy is `{other}`; use deny, allow or the name of a pack"
                ));
            }
        };
        let accepted_policy = match get("changegate.acceptedPolicy")? {
            None => None,
            // A name would accept whatever it leads to later.
            Some(commit) => Some(Oid::from_hex(&commit).ok_or_else(|| {
                format!("changegate.acceptedPolicy is `{commit}`; use the whole id of a commit")
            })?),
        };
        let most_commits = match get("changegate.maxCommits")? {
            None => DEFAULT_MAX_COMMITS,
            Some(number) => number
                .parse()
                .map_err(|_| format!("changegate.maxCommits is `{number}`, which is not a number"))?,
        };
        let mode = match get("changegate.mode")?.as_deref() {
            None | Some("enforce") => GateMode::Enforce,
            Some("evaluate") => GateMode::Evaluate,
            Some(other) => {
                return Err(format!("changegate.mode is `{other}`; use enforce or evaluate"));
            }
        };
        let ledger = match get("changegate.ledger")?.as_deref() {
            // What evaluates only is not to stand in the way for want of a record either.
            None | Some("require") if mode == GateMode::Evaluate => LedgerMode::Warn,
            None | Some("require") => LedgerMode::Require,
            // `shout` is the old word.
            Some("warn" | "shout") => LedgerMode::Warn,
            Some("off") => LedgerMode::Off,
            Some(other) => {
                return Err(format!("changegate.ledger is `{other}`; use require, warn or off"));
            }
        };
        Ok(GateSettings {
            mode,
            ledger_mode: ledger,
            ledger_key: get("changegate.ledgerKey")?,
            policy_ref,
            policy_path,
            policy_file: get("changegate.policyFile")?.map(PathBuf::from),
            has_policy_repositories: get(FOLDER_KEY)?.is_some(),
            accepted_policy,
            missing_policy,
            pusher: read_pusher(get("changegate.pusher")?.as_deref(), variable)?,
            pusher_source: get("changegate.pusher")?,
            push_certificate: GivenCertificate::read_given(variable),
            asks_signed_pushes: get("receive.certNonceSeed")?.is_some_and(|seed| !seed.is_empty()),
            max_commits: most_commits,
            threads,
        })
    }
}

/// Reads the pusher from `source`, the value of `changegate.pusher`.
///
/// # Errors
///
/// Says so if the source is unknown.
fn read_pusher(
    source: Option<&str>,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Fact<PusherIdentity>, String> {
    let Some(source) = source else { return Ok(Err(Missing::NotConfigured(FactKind::Pusher))) };
    if source == "none" {
        return Ok(Ok(PusherIdentity::Unidentified));
    }
    let server = PUSHER_SERVERS.iter().find(|(server, _)| *server == source);
    let name = match (server, source.strip_prefix("env:")) {
        (Some((_, variable)), _) => *variable,
        (None, Some(name)) if !name.is_empty() => name,
        _ => {
            let servers = PUSHER_SERVERS.map(|(server, _)| server).join(", ");
            return Err(format!("changegate.pusher is `{source}`; use {servers}, env:NAME or none"));
        }
    };
    let Some(value) = variable(name) else {
        return Ok(Err(unreadable_pusher(name, "is not set by the server")));
    };
    match value.to_str() {
        None => Ok(Err(unreadable_pusher(name, "is not UTF-8"))),
        Some(account) if is_account_name(account) => Ok(Ok(PusherIdentity::Account(account.into()))),
        Some(_) => Ok(Err(unreadable_pusher(name, "is not the name of one account"))),
    }
}

fn unreadable_pusher(variable: &str, why: &str) -> Missing {
    Missing::Unavailable(FactKind::Pusher, format!("{variable} {why}"))
}

/// Returns true for one plain name: no path, no list, nothing that a shell or a reader could mistake.
fn is_account_name(account: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"/\\,;\"'`$<>|&".contains(&byte);
    !account.is_empty() && account.len() <= MAX_ACCOUNT_BYTES && account.bytes().all(is_plain)
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
