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

use super::{Args, head_branch, is_pack, tidy};
use crate::cli::Stop;
use crate::gate::SERVERS;
use crate::git::Repository;

/// Where it is noted what was set.
const NOTED: &str = "changegate.installed";

/// The key that hides refs from pushes; it has many values.
const HIDDEN: &str = "receive.hideRefs";

/// What every server is told, whatever was said: key, value.
const DEFAULTS: [(&str, &str); 6] = [
    // Records and obligations are read through the gate, and written by nobody else.
    (HIDDEN, "refs/changegate"),
    // But break-glass sessions are asked for by a push. The last word counts.
    (HIDDEN, "!refs/changegate/break-glass"),
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
pub(super) struct Wanted {
    pub(super) pusher: String,
    pub(super) policy_ref: String,
    pub(super) missing_policy: Option<String>,
}

/// What became of one setting.
#[derive(Debug)]
pub(super) enum Set {
    /// It was set.
    Now(String, String),
    /// It was so already.
    Already(String, String),
    /// It is otherwise, because somebody said so: key, value, what we would have said.
    Otherwise(String, String, String),
}

impl Set {
    pub(super) fn is_nothing(&self) -> bool {
        !matches!(self, Set::Now(..))
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Set::Now(key, value) => write!(f, "{key} = {value}"),
            Set::Already(key, value) => write!(f, "{key} = {value}, as before"),
            Set::Otherwise(key, value, wanted) => {
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
pub(super) fn wanted(args: &Args, repository: &Repository) -> Result<Wanted, Stop> {
    let missing_policy = match &args.missing_policy {
        Some(what) if matches!(what.as_str(), "deny" | "allow") || is_pack(what) => Some(what.clone()),
        Some(what) => {
            return Err(Stop::Wrong(format!(
                "--missing-policy is `{what}`, and not deny, allow or a pack; `changegate policy packs` lists them"
            )));
        }
        None => repository.config_string("changegate.missingPolicy")?,
    };
    let said = match &args.pusher {
        Some(said) => Some(said.clone()),
        None => repository.config_string("changegate.pusher")?,
    };
    let pusher = match said {
        Some(source) if is_source(&source) => source,
        Some(other) => return Err(Stop::Wrong(choices(&format!("`{other}` is no source of the pusher")))),
        None => return Err(Stop::Wrong(choices("say how this server tells who pushes"))),
    };
    let said = match &args.policy_ref {
        Some(said) => Some(said.clone()),
        None => repository.config_string("changegate.policyRef")?,
    };
    let policy_ref = match said {
        Some(name) if name.starts_with("refs/") => name,
        Some(name) => {
            return Err(Stop::Wrong(format!(
                "`{name}` is not a full name; perhaps: --policy-ref refs/heads/{name}"
            )));
        }
        None => head_branch(repository)?,
    };
    if policy_ref.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(Stop::Wrong("the policy ref holds a space or a control character".into()));
    }
    Ok(Wanted { pusher, policy_ref, missing_policy })
}

fn is_source(source: &str) -> bool {
    let is_variable = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        !name.is_empty() && name.bytes().all(plain) && !name.starts_with(|first: char| first.is_ascii_digit())
    };
    source == "none"
        || SERVERS.iter().any(|(server, _)| *server == source)
        || source.strip_prefix("env:").is_some_and(is_variable)
}

/// Returns `why`, followed by what there is to choose from.
fn choices(why: &str) -> String {
    let mut text = format!("{why}; --pusher is one of");
    for (server, variable) in SERVERS {
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
pub(super) fn set(wanted: &Wanted, repository: &Repository) -> Result<Vec<Set>, Stop> {
    let config = Config::of(repository)?;
    let mut done = Vec::new();
    let ours = [
        ("changegate.pusher", Some(&wanted.pusher)),
        ("changegate.policyRef", Some(&wanted.policy_ref)),
        ("changegate.missingPolicy", wanted.missing_policy.as_ref()),
    ];
    for (key, value) in ours.into_iter().filter_map(|(key, value)| Some((key, value?.as_str()))) {
        let values = config.get(key);
        if values == [value] {
            done.push(Set::Already(key.into(), value.into()));
            continue;
        }
        // What the administrator typed himself stays his when the gate goes.
        if values.is_empty() || config.noted(key).is_some() {
            config.note(key, value)?;
        }
        config.write(&["--replace-all", key, value])?;
        done.push(Set::Now(key.into(), value.into()));
    }
    for (key, value) in DEFAULTS {
        let values = config.get(key);
        let told = if values.contains(&value) {
            Set::Already(key.into(), value.into())
        } else if key != HIDDEN && !values.is_empty() {
            Set::Otherwise(key.into(), values.join(", "), value.into())
        } else {
            config.note(key, value)?;
            config.write(&["--add", key, value])?;
            Set::Now(key.into(), value.into())
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
pub(super) fn unset(repository: &Repository) -> Result<Vec<String>, Stop> {
    let config = Config::of(repository)?;
    let mut told = Vec::new();
    let noted: Vec<String> = config.get(NOTED).into_iter().map(str::to_owned).collect();
    for line in &noted {
        let Some((key, value)) = line.split_once('=') else { continue };
        if config.get(key).contains(&value) {
            config.write(&["--unset-all", key, &exactly(value)])?;
            told.push(format!("{key} is no longer {value}"));
        } else {
            told.push(format!("{key} was changed by somebody else, and is left alone"));
        }
    }
    if !noted.is_empty() {
        config.write(&["--unset-all", NOTED])?;
    }
    Ok(told)
}

/// Returns the regular expression, as `git config` takes it, that matches `value` and nothing else.
fn exactly(value: &str) -> String {
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
struct Config {
    file: PathBuf,
    values: Vec<(String, String)>,
}

impl Config {
    fn of(repository: &Repository) -> Result<Config, Stop> {
        let file = tidy(&repository.common_dir().join("config"));
        let listed = git_config(&file, &["--list", "-z"])?;
        let values = listed
            .split('\0')
            .filter(|entry| !entry.is_empty())
            .map(|entry| {
                // A key without `=` is true.
                let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
                (key.to_owned(), value.to_owned())
            })
            .collect();
        Ok(Config { file, values })
    }

    /// Returns the values of `key` in the file; sections and names are compared without case.
    fn get(&self, key: &str) -> Vec<&str> {
        let same = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(key);
        self.values.iter().filter(same).map(|(_, value)| value.as_str()).collect()
    }

    /// Returns what is noted about `key`, if we have set it.
    fn noted(&self, key: &str) -> Option<&str> {
        self.get(NOTED).into_iter().find(|line| line.split_once('=').is_some_and(|(noted, _)| noted == key))
    }

    /// Notes that we set `key` to `value`.
    fn note(&self, key: &str, value: &str) -> Result<(), Stop> {
        let is_one_of_many = key == HIDDEN;
        if let Some(old) = self.noted(key).filter(|_| !is_one_of_many) {
            self.write(&["--unset-all", NOTED, &exactly(old)])?;
        }
        self.write(&["--add", NOTED, &format!("{key}={value}")])
    }

    fn write(&self, args: &[&str]) -> Result<(), Stop> {
        git_config(&self.file, args)?;
        Ok(())
    }
}

fn git_config(file: &Path, args: &[&str]) -> anyhow::Result<String> {
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
