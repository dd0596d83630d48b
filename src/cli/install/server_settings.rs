//! The settings of a server, in the git configuration of the repository.
//!
//! `git config --file` writes them: it takes git's own lock, keeps comments and order, and neither looks
//! for a repository nor checks its owner. Each value is checked before, so that none can be read as an
//! option. Each setting made is recorded in `changegate.installed`, so that `uninstall` removes exactly
//! those.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::cli::command_error::CommandError;
use crate::cli::output::tidy_path;
use crate::gate::PUSHER_SERVERS;
use crate::git::{HeadState, Repository};
use crate::policy::packs;

/// The key that records each setting made.
const INSTALLED_KEY: &str = "changegate.installed";

/// The key that hides refs from pushes; it has many values.
const HIDE_REFS_KEY: &str = "receive.hideRefs";

/// The settings of every server, as key and value.
const SERVER_DEFAULTS: [(&str, &str); 10] = [
    // Only the gate writes records and obligations.
    (HIDE_REFS_KEY, "refs/changegate"),
    // But break-glass sessions are requested by a push. The last value counts.
    (HIDE_REFS_KEY, "!refs/changegate/break-glass"),
    // And so are acts about changes recorded.
    (HIDE_REFS_KEY, "!refs/changegate/acts"),
    // Signed approvals are pushed too.
    (HIDE_REFS_KEY, "!refs/changegate/approvals"),
    // Malformed commits, which two programs may read differently, are refused.
    ("receive.fsckObjects", "true"),
    // A shallow push hides history.
    ("receive.shallowUpdate", "false"),
    // A replace ref shows another history than the one that lands.
    ("core.useReplaceRefs", "false"),
    // The reflog shows the moves of a ref that no hook has seen.
    ("core.logAllRefUpdates", "true"),
    // It tells which states a branch has had, also after git would forget them.
    ("gc.reflogExpire", "never"),
    ("gc.reflogExpireUnreachable", "never"),
];

/// The options of `install --server`, as given.
pub(crate) struct ServerOptions {
    pub(crate) pusher: Option<String>,
    pub(crate) policy_ref: Option<String>,
    pub(crate) missing_policy: Option<String>,
}

/// The settings of the gate that are to be written.
#[derive(Debug)]
pub(crate) struct InstallSettings {
    pub(crate) pusher: String,
    pub(crate) policy_ref: String,
    pub(crate) missing_policy: Option<String>,
}

/// The result for one setting.
#[derive(Debug)]
pub(crate) enum SettingChange {
    /// Written now: key and value.
    Written(String, String),
    /// Set before to the same value: key and value.
    Unchanged(String, String),
    /// Set before to another value, and kept: key, value and the recommended value.
    KeptOther(String, String, String),
}

impl SettingChange {
    pub(crate) fn changes_nothing(&self) -> bool {
        !matches!(self, SettingChange::Written(..))
    }
}

impl fmt::Display for SettingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingChange::Written(key, value) => write!(f, "{key} = {value}"),
            SettingChange::Unchanged(key, value) => write!(f, "{key} = {value} (unchanged)"),
            SettingChange::KeptOther(key, value, recommended) => {
                write!(f, "{key} = {value} (kept; `{recommended}` is safer)")
            }
        }
    }
}

/// Returns the settings that follow from the options and the current configuration.
///
/// # Errors
///
/// Refuses a value that cannot be used, and lists the valid ones.
pub(crate) fn resolve_settings(
    options: ServerOptions,
    repository: &Repository,
) -> Result<InstallSettings, CommandError> {
    // A second run without options keeps the settings of the first.
    let missing_policy = match options.missing_policy {
        Some(what) if matches!(what.as_str(), "deny" | "allow") || packs::find_pack(&what).is_some() => {
            Some(what)
        }
        Some(what) => {
            return Err(CommandError::Usage(format!(
                "--missing-policy is `{what}`; use deny, allow or a pack; `changegate policy packs` lists the packs"
            )));
        }
        None => repository.read_config_value("changegate.missingPolicy")?,
    };
    let pusher = match option_or_config(options.pusher, "changegate.pusher", repository)? {
        Some(source) if is_pusher_source(&source) => source,
        Some(other) => {
            let why = format!("`{other}` is not a source of the pusher");
            return Err(CommandError::Usage(describe_pusher_sources(&why)));
        }
        None => {
            let why = "--pusher is missing: how does this server name the pusher?";
            return Err(CommandError::Usage(describe_pusher_sources(why)));
        }
    };
    let policy_ref = match option_or_config(options.policy_ref, "changegate.policyRef", repository)? {
        Some(name) if name.starts_with("refs/") => name,
        Some(name) => {
            return Err(CommandError::Usage(format!(
                "`{name}` is not a full ref name; did you mean --policy-ref refs/heads/{name}?"
            )));
        }
        None => find_head_branch(repository)?,
    };
    if policy_ref.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(CommandError::usage("the policy ref holds a space or a control character"));
    }
    Ok(InstallSettings { pusher, policy_ref, missing_policy })
}

fn option_or_config(
    option: Option<String>,
    key: &str,
    repository: &Repository,
) -> Result<Option<String>, CommandError> {
    match option {
        Some(value) => Ok(Some(value)),
        None => Ok(repository.read_config_value(key)?),
    }
}

/// Returns the full name of the branch that HEAD is on.
fn find_head_branch(repository: &Repository) -> Result<String, CommandError> {
    match repository.read_head()? {
        HeadState::Branch(branch) => Ok(branch.name.to_lossy().into_owned()),
        HeadState::Detached(_) => {
            Err(CommandError::usage("HEAD is not on a branch; name one with --policy-ref refs/heads/..."))
        }
    }
}

fn is_pusher_source(source: &str) -> bool {
    source == "none"
        || PUSHER_SERVERS.iter().any(|(server, _)| *server == source)
        || source.strip_prefix("env:").is_some_and(is_variable_name)
}

fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns `why`, followed by the sources to choose from.
fn describe_pusher_sources(why: &str) -> String {
    let mut text = format!("{why}\n--pusher takes one of:");
    for (server, variable) in PUSHER_SERVERS {
        text += &format!("\n  {server:<10} the server sets {variable}");
    }
    text += "\n  env:NAME   your own server sets NAME";
    text += "\n  none       the pusher is unknown, and no rule needs it";
    text
}

/// Writes the settings that differ, and returns the result for each.
///
/// # Errors
///
/// Fails if the configuration cannot be written.
pub(crate) fn write_settings(
    settings: &InstallSettings,
    repository: &Repository,
) -> Result<Vec<SettingChange>, CommandError> {
    let config = GitConfigFile::read_config(repository)?;
    let mut done = Vec::new();
    let gate_settings = [
        ("changegate.pusher", Some(&settings.pusher)),
        ("changegate.policyRef", Some(&settings.policy_ref)),
        ("changegate.missingPolicy", settings.missing_policy.as_ref()),
    ];
    for (key, value) in gate_settings {
        let Some(value) = value else { continue };
        let value = value.as_str();
        let values = config.find_values(key);
        if values == [value] {
            done.push(SettingChange::Unchanged(key.into(), value.into()));
            continue;
        }
        // A value that the administrator set before is not recorded, so that `uninstall` keeps it.
        if values.is_empty() || config.find_installed(key).is_some() {
            config.record_installed(key, value)?;
        }
        config.write_config(&["--replace-all", key, value])?;
        done.push(SettingChange::Written(key.into(), value.into()));
    }
    for (key, value) in SERVER_DEFAULTS {
        let values = config.find_values(key);
        let change = if values.contains(&value) {
            SettingChange::Unchanged(key.into(), value.into())
        } else if key != HIDE_REFS_KEY && !values.is_empty() {
            SettingChange::KeptOther(key.into(), values.join(", "), value.into())
        } else {
            config.record_installed(key, value)?;
            config.write_config(&["--add", key, value])?;
            SettingChange::Written(key.into(), value.into())
        };
        done.push(change);
    }
    Ok(done)
}

/// Removes the settings that `install` made, and returns a line for each.
///
/// # Errors
///
/// Fails if the configuration cannot be written.
pub(crate) fn remove_settings(repository: &Repository) -> Result<Vec<String>, CommandError> {
    let config = GitConfigFile::read_config(repository)?;
    let mut lines = Vec::new();
    let noted: Vec<String> = config.find_values(INSTALLED_KEY).into_iter().map(str::to_owned).collect();
    for line in &noted {
        let Some((key, value)) = line.split_once('=') else { continue };
        if config.find_values(key).contains(&value) {
            config.write_config(&["--unset-all", key, &build_exact_pattern(value)])?;
            lines.push(format!("removed {key} = {value}"));
        } else {
            lines.push(format!("kept {key}, which was changed after the installation"));
        }
    }
    if !noted.is_empty() {
        config.write_config(&["--unset-all", INSTALLED_KEY])?;
    }
    Ok(lines)
}

/// Returns the last value of a key in the configuration of the repository itself.
///
/// # Errors
///
/// Fails if it cannot be read.
pub(super) fn read_setting(repository: &Repository, key: &str) -> Result<Option<String>, CommandError> {
    let config = GitConfigFile::read_config(repository)?;
    Ok(config.find_values(key).last().map(|value| (*value).to_owned()))
}

/// Sets a key in the configuration of the repository, which `uninstall` keeps.
///
/// # Errors
///
/// Fails if the configuration cannot be written.
pub(super) fn write_setting(repository: &Repository, key: &str, value: &str) -> Result<(), CommandError> {
    GitConfigFile::read_config(repository)?.write_config(&["--replace-all", key, value])
}

/// Returns the regular expression, as `git config` takes it, that matches `value` and nothing else.
fn build_exact_pattern(value: &str) -> String {
    let mut pattern = String::from("^");
    for letter in value.chars() {
        if letter.is_ascii_punctuation() && !matches!(letter, '/' | '-' | '_' | ':') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern + "$"
}

/// The configuration file of a repository, with its values.
struct GitConfigFile {
    path: PathBuf,
    values: Vec<(String, String)>,
}

impl GitConfigFile {
    fn read_config(repository: &Repository) -> Result<GitConfigFile, CommandError> {
        let file = tidy_path(&repository.common_dir().join("config"));
        let listed = run_git_config(&file, &["--list", "-z"])?;
        let mut values = Vec::new();
        for entry in listed.split('\0') {
            if !entry.is_empty() {
                // A key without `=` is true.
                let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
                values.push((key.to_owned(), value.to_owned()));
            }
        }
        Ok(GitConfigFile { path: file, values })
    }

    /// Returns the values of `key` in the file; sections and names are compared without case.
    fn find_values(&self, key: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for (known, value) in &self.values {
            if known.eq_ignore_ascii_case(key) {
                values.push(value.as_str());
            }
        }
        values
    }

    /// Returns the record of `key`, if `install` has set it.
    fn find_installed(&self, key: &str) -> Option<&str> {
        let mut recorded = self.find_values(INSTALLED_KEY).into_iter();
        recorded.find(|line| line.split_once('=').is_some_and(|(name, _)| name == key))
    }

    /// Records that `install` sets `key` to `value`.
    fn record_installed(&self, key: &str, value: &str) -> Result<(), CommandError> {
        if key != HIDE_REFS_KEY
            && let Some(old) = self.find_installed(key)
        {
            self.write_config(&["--unset-all", INSTALLED_KEY, &build_exact_pattern(old)])?;
        }
        self.write_config(&["--add", INSTALLED_KEY, &format!("{key}={value}")])
    }

    fn write_config(&self, args: &[&str]) -> Result<(), CommandError> {
        run_git_config(&self.path, args)?;
        Ok(())
    }
}

fn run_git_config(file: &Path, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .args(["config", "--file"])
        .arg(file)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .context("cannot start `git`")?;
    if !output.status.success() {
        bail!("git config: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    String::from_utf8(output.stdout).context("the git configuration is not UTF-8")
}
