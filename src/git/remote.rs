//! One ref of a repository that lies elsewhere: fetched into a repository of our own, and pushed back.
//!
//! Git itself does it. What shows who asks goes to it in its environment, for that one address, and
//! never as an argument, which every process on the machine could read. Redirects are not followed,
//! and nothing of the account's configuration is asked for another password.

use std::fmt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::change::Oid;

/// Variables of the environment that would have git work elsewhere, or tell what it sends.
const UNWANTED: [&str; 14] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_CONFIG_PARAMETERS",
    "GIT_SHALLOW_FILE",
    "GIT_TRACE",
    "GIT_TRACE_CURL",
    "GIT_TRACE_CURL_NO_DATA",
    "GIT_TRACE_PACKET",
    "GIT_TRACE_REDACT",
    "GIT_CURL_VERBOSE",
];

/// The traces that the account's configuration can ask for as well, with all that git is configured by.
const TRACES: [&str; 3] = ["GIT_TRACE2", "GIT_TRACE2_EVENT", "GIT_TRACE2_PERF"];

/// A repository that lies elsewhere.
pub struct Remote {
    /// Its address.
    url: String,
    /// The header that shows who asks, if anything does.
    header: Option<String>,
    /// What may not be said, whoever says it.
    secrets: Vec<String>,
}

/// How much of a chain is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The newest commit alone.
    Newest,
    /// What was written since then, in seconds since 1970.
    Since(i64),
    /// All of it.
    Whole,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The ref holds what was pushed.
    Done,
    /// Somebody else was first, and the ref is where he has left it.
    Overtaken,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Remote {
    /// Names the repository at `url`; `token` shows who asks, as GitHub takes it.
    ///
    /// # Errors
    ///
    /// Refuses an address by which the token could be read on the way.
    pub fn new(url: &str, token: Option<&str>) -> Result<Remote, String> {
        let is_local = ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|start| {
            url.strip_prefix(start).is_some_and(|rest| rest.starts_with(':') || rest.starts_with('/'))
        });
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/.-_[]".contains(&byte);
        if !(url.starts_with("https://") || is_local) || !url.bytes().all(plain) {
            return Err(format!("`{}` is not where a repository can be", url.escape_debug()));
        }
        let packed = token.map(|token| STANDARD.encode(format!("x-access-token:{token}")));
        let header = packed.as_ref().map(|packed| format!("Authorization: Basic {packed}"));
        let secrets = token.map(str::to_owned).into_iter().chain(packed).collect();
        Ok(Remote { url: url.to_owned(), header, secrets })
    }

    /// Returns its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes an empty repository in `folder`, to fetch into.
    ///
    /// # Errors
    ///
    /// Fails if git cannot be run or cannot write there.
    pub fn begin(&self, folder: &Path) -> Result<()> {
        let output = self.git(folder, &["init", "--quiet", "--bare", "--template="])?;
        if !output.status.success() {
            bail!("git cannot make a repository: {}", self.said(&output));
        }
        Ok(())
    }

    /// Fetches the ref `name` into the repository in `folder`; returns whether there is one.
    ///
    /// # Errors
    ///
    /// Fails if the repository cannot be read.
    pub fn fetch(&self, folder: &Path, name: &str, reach: Reach) -> Result<bool> {
        let told = self.git(folder, &["ls-remote", "--quiet", "--exit-code", &self.url, name])?;
        match told.status.code() {
            Some(0) => {}
            Some(2) => return Ok(false),
            _ => return Err(self.refused("cannot read", name, &told)),
        }
        let (refspec, reach) = (
            format!("+{name}:{name}"),
            match reach {
                Reach::Newest => Some("--depth=1".to_owned()),
                Reach::Since(at) => Some(format!("--shallow-since={at}")),
                Reach::Whole => None,
            },
        );
        let mut args = vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"];
        args.extend(reach.as_deref());
        args.extend([self.url.as_str(), refspec.as_str()]);
        let told = self.git(folder, &args)?;
        if !told.status.success() {
            return Err(self.refused("cannot read", name, &told));
        }
        Ok(true)
    }

    /// Pushes what the ref `name` holds in the repository in `folder`, which has to follow from
    /// `tip`, what it holds there.
    ///
    /// # Errors
    ///
    /// Fails if it is not allowed, or cannot be done for another reason than that somebody else was
    /// first.
    pub fn push(&self, folder: &Path, name: &str, tip: Option<Oid>) -> Result<Pushed> {
        let lease = format!("--force-with-lease={name}:{}", tip.map(|id| id.to_string()).unwrap_or_default());
        let refspec = format!("{name}:{name}");
        let told = self.git(folder, &["push", "--porcelain", "--no-verify", &lease, &self.url, &refspec])?;
        if told.status.success() {
            return Ok(Pushed::Done);
        }
        let out = String::from_utf8_lossy(&told.stdout).into_owned();
        let is_overtaken = out.lines().filter(|line| line.starts_with('!')).any(|line| {
            let by_us = line.contains("[rejected]");
            // What a server says of two that come at the same time.
            let words = ["cannot lock ref", "failed to update ref", "incorrect old value", "already exists"];
            by_us || (line.contains("[remote rejected]") && words.iter().any(|word| line.contains(word)))
        });
        if is_overtaken {
            return Ok(Pushed::Overtaken);
        }
        Err(self.refused("cannot write", name, &told))
    }

    fn git(&self, folder: &Path, args: &[&str]) -> Result<Output> {
        self.command(folder, args).output().context("cannot start git")
    }

    fn command(&self, folder: &Path, args: &[&str]) -> Command {
        let scope = format!("http.{}.extraHeader", self.url);
        let mut config: Vec<(&str, &str)> = vec![
            ("credential.helper", ""),
            ("core.hooksPath", "/dev/null"),
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
            ("protocol.allow", "never"),
            ("protocol.https.allow", "always"),
            ("protocol.http.allow", "always"),
            ("http.followRedirects", "false"),
            ("http.lowSpeedLimit", "100"),
            ("http.lowSpeedTime", "60"),
        ];
        if let Some(header) = &self.header {
            // What was set before for this address would be sent beside it.
            config.extend([(scope.as_str(), ""), (scope.as_str(), header.as_str())]);
        }
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(folder).args(args).current_dir(folder).stdin(Stdio::null());
        for name in UNWANTED {
            command.env_remove(name);
        }
        for name in TRACES {
            command.env(name, "0");
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "").env("SSH_ASKPASS", "");
        command.env("LC_ALL", "C").env("GIT_CONFIG_COUNT", config.len().to_string());
        for (at, (key, value)) in config.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{at}"), key).env(format!("GIT_CONFIG_VALUE_{at}"), value);
        }
        command
    }

    /// Returns what git says, without what may not be said.
    fn said(&self, output: &Output) -> String {
        let all = [output.stderr.as_slice(), b"\n", output.stdout.as_slice()].concat();
        let mut text = String::from_utf8_lossy(&all).into_owned();
        for secret in &self.secrets {
            text = text.replace(secret.as_str(), "***");
        }
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let end: String = lines.join("; ").chars().take(600).collect();
        if end.is_empty() { "it says nothing".into() } else { end }
    }

    fn refused(&self, what: &str, name: &str, output: &Output) -> anyhow::Error {
        let said = self.said(output);
        let is_forbidden = ["403", "401", "denied", "not granted", "Authentication failed", "not found"]
            .iter()
            .any(|word| said.contains(word));
        let hint = match (is_forbidden, what) {
            (true, "cannot write") => {
                "; the token needs the permission `contents: write`, and no ruleset may keep it from this ref"
            }
            (true, _) => "; the token needs the permission `contents: read`",
            (false, _) => "",
        };
        anyhow!("{what} {name} of {}{hint}: {said}", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_nowhere_in_the_clear_and_is_in_no_message() {
        for url in [
            "http://example.com/a.git",
            "ssh://example.com/a",
            "https://example.com/a b",
            "https://x@y/z",
            "",
        ] {
            assert!(Remote::new(url, Some("secret")).is_err(), "{url}");
        }
        let remote = Remote::new("https://example.com/a.git", Some("secret")).unwrap();
        assert!(!format!("{remote:?}").contains("secret"));
        let packed = STANDARD.encode("x-access-token:secret");
        let output =
            Output { status: Default::default(), stdout: packed.into(), stderr: b"a secret 403".to_vec() };
        let said = remote.refused("cannot write", "refs/a", &output).to_string();
        assert!(said.contains("contents: write") && !said.contains("secret"), "{said}");
        assert!(said.contains("***"));
    }

    #[test]
    fn a_token_is_in_no_trace_that_the_account_asks_for() {
        let folder = tempfile::tempdir().unwrap();
        let remote = Remote::new("http://127.0.0.1:9/a.git", Some("secret")).unwrap();
        remote.begin(folder.path()).unwrap();
        let account = folder.path().join("account");
        let traces = ["normalTarget", "perfTarget", "eventTarget"];
        let traces = traces.map(|trace| format!("{trace} = {}\n", folder.path().join(trace).display()));
        std::fs::write(&account, format!("[trace2]\nconfigParams = http.*\n{}", traces.concat())).unwrap();
        let mut command = remote.command(folder.path(), &["config", "--list"]);
        let output = command.env("GIT_CONFIG_GLOBAL", &account).output().unwrap();
        assert!(output.status.success());
        for trace in ["normalTarget", "perfTarget", "eventTarget"] {
            assert!(!folder.path().join(trace).exists(), "{trace}");
        }
    }
}
