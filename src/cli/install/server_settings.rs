//! What a server is told about itself, in the repository's git configuration.
//!
//! `git config --file` does the writing: it takes git's own lock, keeps comments and order, and
//! neither looks for a repository nor asks who owns it. Every value that reaches it has been held
//! against a fixed form before, so that none can be taken for an option. What was set is noted as
//! `changegate.installed`, one line for each, so that `uninstall` takes back that and no more.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::cli::command_error::CommandError;
use crate::cli::install::{InstallArgs, find_head_branch, is_shipped_pack, tidy_path};
use crate::gate::PUSHER_SERVERS;
use crate::git::Repository;

/// Where it is noted what was set.
const INSTALLED_KEY: &str = "changegate.installed";

/// The key that hides refs from pushes; it has many values.
const HIDE_REFS_KEY: &str = "receive.hideRefs";

/// What every server is told, whatever was said: key, value.
const SERVER_DEFAULTS: [(&str, &str); 6] = [
    // Records and obligations are read through the gate, and written by nobody else.
    (HIDE_REFS_KEY, "refs/changegate"),
    // But break-glass sessions are asked for by a push. The last word counts.
    (HIDE_REFS_KEY, "!refs/changegate/break-glass"),
    // Commits that two programs read differently do not come in.
    ("receive.fsckObjects", "true"),
    // A shallow push hides what lies behind it.
    ("receive.shallowUpdate", "false"),
    // A replaced object shows another history than the one that lands.
    ("core.useReplaceRefs", "false"),
    // Where a ref has been is known even if nobody was told, and it has moved on since.
    ("core.logAllRefUpdates", "true"),
];

/// What the server shall be told.
#[derive(Debug)]
pub(crate) struct InstallSettings {
    pub(crate) pusher: String,
    pub(crate) policy_ref: String,
    pub(crate) missing_policy: Option<String>,
}

/// What became of one setting.
#[derive(Debug)]
pub(crate) enum SettingChange {
    /// It was set.
    Written(String, String),
    /// It was so already.
    Unchanged(String, String),
    /// It is otherwise, because somebody said so: key, value, what we would have said.
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
            SettingChange::Unchanged(key, value) => write!(f, "{key} = {value}, as before"),
            SettingChange::KeptOther(key, value, wanted) => {
                write!(f, "{key} = {value} is kept; `{wanted}` is safer")
            }
        }
    }
}

/// Returns what was asked for, joined with what is set already.
///
/// # Errors
///
/// Refuses a value that could not be used, and says what there is to choose from.
pub(crate) fn resolve_settings(
    args: &InstallArgs,
    repository: &Repository,
) -> Result<InstallSettings, CommandError> {
    let missing_policy = match &args.missing_policy {
        Some(what) if matches!(what.as_str(), "deny" | "allow") || is_shipped_pack(what) => {
            Some(what.clone())
        }
        Some(what) => {
            return Err(CommandError::Usage(format!(
                "--missing-policy is `{what}`, and not deny, allow or a pack; `changegate policy packs` lists them"
            )));
        }
        None => repository.read_config_value("changegate.missingPolicy")?,
    };
    let said = match &args.pusher {
        Some(said) => Some(said.clone()),
        None => repository.read_config_value("changegate.pusher")?,
    };
    let pusher = match said {
        Some(source) if is_pusher_source(&source) => source,
        Some(other) => {
            return Err(CommandError::Usage(describe_pusher_sources(&format!(
                "`{other}` is no source of the pusher"
            ))));
        }
        None => {
            return Err(CommandError::Usage(describe_pusher_sources("say how this server tells who pushes")));
        }
    };
    let said = match &args.policy_ref {
        Some(said) => Some(said.clone()),
        None => repository.read_config_value("changegate.policyRef")?,
    };
    let policy_ref = match said {
        Some(name) if name.starts_with("refs/") => name,
        Some(name) => {
            return Err(CommandError::Usage(format!(
                "`{name}` is not a full name; perhaps: --policy-ref refs/heads/{name}"
            )));
        }
        None => find_head_branch(repository)?,
    };
    if policy_ref.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(CommandError::Usage("the policy ref holds a space or a control character".into()));
    }
    Ok(InstallSettings { pusher, policy_ref, missing_policy })
}

fn is_pusher_source(source: &str) -> bool {
    let is_variable = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        !name.is_empty() && name.bytes().all(plain) && !name.starts_with(|first: char| first.is_ascii_digit())
    };
    source == "none"
        || PUSHER_SERVERS.iter().any(|(server, _)| *server == source)
        || source.strip_prefix("env:").is_some_and(is_variable)
}

/// Returns `why`, followed by what there is to choose from.
fn describe_pusher_sources(why: &str) -> String {
    let mut text = format!("{why}; --pusher is one of");
    for (server, variable) in PUSHER_SERVERS {
        text += &format!("\n  {server:<10} the server sets {variable}");
    }
    text += "\n  env:NAME   your own server sets NAME";
    text += "\n  none       nobody knows who pushes, and no rule asks";
    text
}

/// Sets what is not set yet.
///
/// # Errors
///
/// Fails if the configuration cannot be written.
pub(crate) fn write_settings(
    wanted: &InstallSettings,
    repository: &Repository,
) -> Result<Vec<SettingChange>, CommandError> {
    let config = GitConfigFile::read_config(repository)?;
    let mut done = Vec::new();
    let ours = [
        ("changegate.pusher", Some(&wanted.pusher)),
        ("changegate.policyRef", Some(&wanted.policy_ref)),
        ("changegate.missingPolicy", wanted.missing_policy.as_ref()),
    ];
    for (key, value) in ours.into_iter().filter_map(|(key, value)| Some((key, value?.as_str()))) {
        let values = config.find_values(key);
        if values == [value] {
            done.push(SettingChange::Unchanged(key.into(), value.into()));
            continue;
        }
        // What the administrator typed himself stays his when the gate goes.
        if values.is_empty() || config.find_installed(key).is_some() {
            config.record_installed(key, value)?;
        }
        config.write_config(&["--replace-all", key, value])?;
        done.push(SettingChange::Written(key.into(), value.into()));
    }
    for (key, value) in SERVER_DEFAULTS {
        let values = config.find_values(key);
        let told = if values.contains(&value) {
            SettingChange::Unchanged(key.into(), value.into())
        } else if key != HIDE_REFS_KEY && !values.is_empty() {
            SettingChange::KeptOther(key.into(), values.join(", "), value.into())
        } else {
            config.record_installed(key, value)?;
            config.write_config(&["--add", key, value])?;
            SettingChange::Written(key.into(), value.into())
        };
        done.push(told);
    }
    Ok(done)
}

/// Takes back what [`set`] has set, and returns what to say about each.
///
/// # Errors
///
/// Fails if the configuration cannot be written.
pub(crate) fn remove_settings(repository: &Repository) -> Result<Vec<String>, CommandError> {
    let config = GitConfigFile::read_config(repository)?;
    let mut told = Vec::new();
    let noted: Vec<String> = config.find_values(INSTALLED_KEY).into_iter().map(str::to_owned).collect();
    for line in &noted {
        let Some((key, value)) = line.split_once('=') else { continue };
        if config.find_values(key).contains(&value) {
            config.write_config(&["--unset-all", key, &build_exact_pattern(value)])?;
            told.push(format!("{key} is no longer {value}"));
        } else {
            told.push(format!("{key} was changed by somebody else, and is left alone"));
        }
    }
    if !noted.is_empty() {
        config.write_config(&["--unset-all", INSTALLED_KEY])?;
    }
    Ok(told)
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

/// The configuration file of a repository: what it holds now.
struct GitConfigFile {
    path: PathBuf,
    values: Vec<(String, String)>,
}

impl GitConfigFile {
    fn read_config(repository: &Repository) -> Result<GitConfigFile, CommandError> {
        let file = tidy_path(&repository.common_dir().join("config"));
        let listed = run_git_config(&file, &["--list", "-z"])?;
        let values = listed
            .split('\0')
            .filter(|entry| !entry.is_empty())
            .map(|entry| {
                // A key without `=` is true.
                let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
                (key.to_owned(), value.to_owned())
            })
            .collect();
        Ok(GitConfigFile { path: file, values })
    }

    /// Returns the values of `key` in the file; sections and names are compared without case.
    fn find_values(&self, key: &str) -> Vec<&str> {
        let same = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(key);
        self.values.iter().filter(same).map(|(_, value)| value.as_str()).collect()
    }

    /// Returns what is noted about `key`, if we have set it.
    fn find_installed(&self, key: &str) -> Option<&str> {
        self.find_values(INSTALLED_KEY)
            .into_iter()
            .find(|line| line.split_once('=').is_some_and(|(noted, _)| noted == key))
    }

    /// Notes that we set `key` to `value`.
    fn record_installed(&self, key: &str, value: &str) -> Result<(), CommandError> {
        let is_one_of_many = key == HIDE_REFS_KEY;
        if let Some(old) = self.find_installed(key).filter(|_| !is_one_of_many) {
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
        .context("cannot start `git`, which keeps the settings")?;
    if !output.status.success() {
        bail!("git config: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    String::from_utf8(output.stdout).context("the git configuration is not UTF-8")
}
