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
const REMOVED_VARIABLES: [&str; 14] = [
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
const TRACE_VARIABLES: [&str; 3] = ["GIT_TRACE2", "GIT_TRACE2_EVENT", "GIT_TRACE2_PERF"];

/// A repository that lies elsewhere.
pub struct GitRemote {
    /// Its address.
    url: String,
    /// The header that shows who asks, if anything does.
    auth_header: Option<String>,
    /// What may not be said, whoever says it.
    secrets: Vec<String>,
}

/// How much of a chain is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchDepth {
    /// The newest commit alone.
    Newest,
    /// What was written since then, in seconds since 1970.
    Since(i64),
    /// All of it.
    Full,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefPushOutcome {
    /// The ref holds what was pushed.
    Updated,
    /// Somebody else was first, and the ref is where he has left it.
    Overtaken,
}

impl fmt::Debug for GitRemote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("url", &self.url).finish_non_exhaustive()
    }
}

impl GitRemote {
    /// Names the repository at `url`; `token` shows who asks, as GitHub takes it.
    ///
    /// # Errors
    ///
    /// Refuses an address by which the token could be read on the way.
    pub fn new(url: &str, token: Option<&str>) -> Result<GitRemote, String> {
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
        Ok(GitRemote { url: url.to_owned(), auth_header: header, secrets })
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
    pub fn init_repository(&self, folder: &Path) -> Result<()> {
        let output = self.run_git(folder, &["init", "--quiet", "--bare", "--template="])?;
        if !output.status.success() {
            bail!("git cannot make a repository: {}", self.describe_output(&output));
        }
        Ok(())
    }

    /// Fetches the ref `name` into the repository in `folder`; returns whether there is one.
    ///
    /// # Errors
    ///
    /// Fails if the repository cannot be read.
    pub fn fetch_ref(&self, folder: &Path, name: &str, reach: FetchDepth) -> Result<bool> {
        let told = self.run_git(folder, &["ls-remote", "--quiet", "--exit-code", &self.url, name])?;
        match told.status.code() {
            Some(0) => {}
            Some(2) => return Ok(false),
            _ => return Err(self.refusal_error("cannot read", name, &told)),
        }
        let (refspec, reach) = (
            format!("+{name}:{name}"),
            match reach {
                FetchDepth::Newest => Some("--depth=1".to_owned()),
                FetchDepth::Since(at) => Some(format!("--shallow-since={at}")),
                FetchDepth::Full => None,
            },
        );
        let mut args = vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"];
        args.extend(reach.as_deref());
        args.extend([self.url.as_str(), refspec.as_str()]);
        let told = self.run_git(folder, &args)?;
        if !told.status.success() {
            return Err(self.refusal_error("cannot read", name, &told));
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
    pub fn push_ref(&self, folder: &Path, name: &str, tip: Option<Oid>) -> Result<RefPushOutcome> {
        let lease = format!("--force-with-lease={name}:{}", tip.map(|id| id.to_string()).unwrap_or_default());
        let refspec = format!("{name}:{name}");
        let told =
            self.run_git(folder, &["push", "--porcelain", "--no-verify", &lease, &self.url, &refspec])?;
        if told.status.success() {
            return Ok(RefPushOutcome::Updated);
        }
        let out = String::from_utf8_lossy(&told.stdout).into_owned();
        let is_overtaken = out.lines().filter(|line| line.starts_with('!')).any(|line| {
            let by_us = line.contains("[rejected]");
            // What a server says of two that come at the same time.
            let words = ["cannot lock ref", "failed to update ref", "incorrect old value", "already exists"];
            by_us || (line.contains("[remote rejected]") && words.iter().any(|word| line.contains(word)))
        });
        if is_overtaken {
            return Ok(RefPushOutcome::Overtaken);
        }
        Err(self.refusal_error("cannot write", name, &told))
    }

    fn run_git(&self, folder: &Path, args: &[&str]) -> Result<Output> {
        self.build_command(folder, args).output().context("cannot start git")
    }

    fn build_command(&self, folder: &Path, args: &[&str]) -> Command {
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
        if let Some(header) = &self.auth_header {
            // What was set before for this address would be sent beside it.
            config.extend([(scope.as_str(), ""), (scope.as_str(), header.as_str())]);
        }
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(folder).args(args).current_dir(folder).stdin(Stdio::null());
        for name in REMOVED_VARIABLES {
            command.env_remove(name);
        }
        for name in TRACE_VARIABLES {
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
    fn describe_output(&self, output: &Output) -> String {
        let all = [output.stderr.as_slice(), b"\n", output.stdout.as_slice()].concat();
        let mut text = String::from_utf8_lossy(&all).into_owned();
        for secret in &self.secrets {
            text = text.replace(secret.as_str(), "***");
        }
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let end: String = lines.join("; ").chars().take(600).collect();
        if end.is_empty() { "it says nothing".into() } else { end }
    }

    fn refusal_error(&self, what: &str, name: &str, output: &Output) -> anyhow::Error {
        let said = self.describe_output(output);
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
            assert!(GitRemote::new(url, Some("secret")).is_err(), "{url}");
        }
        let remote = GitRemote::new("https://example.com/a.git", Some("secret")).unwrap();
        assert!(!format!("{remote:?}").contains("secret"));
        let packed = STANDARD.encode("x-access-token:secret");
        let output =
            Output { status: Default::default(), stdout: packed.into(), stderr: b"a secret 403".to_vec() };
        let said = remote.refusal_error("cannot write", "refs/a", &output).to_string();
        assert!(said.contains("contents: write") && !said.contains("secret"), "{said}");
        assert!(said.contains("***"));
    }

    #[test]
    fn a_token_is_in_no_trace_that_the_account_asks_for() {
        let folder = tempfile::tempdir().unwrap();
        let remote = GitRemote::new("http://127.0.0.1:9/a.git", Some("secret")).unwrap();
        remote.init_repository(folder.path()).unwrap();
        let account = folder.path().join("account");
        let traces = ["normalTarget", "perfTarget", "eventTarget"];
        let traces = traces.map(|trace| format!("{trace} = {}\n", folder.path().join(trace).display()));
        std::fs::write(&account, format!("[trace2]\nconfigParams = http.*\n{}", traces.concat())).unwrap();
        let mut command = remote.build_command(folder.path(), &["config", "--list"]);
        let output = command.env("GIT_CONFIG_GLOBAL", &account).output().unwrap();
        assert!(output.status.success());
        for trace in ["normalTarget", "perfTarget", "eventTarget"] {
            assert!(!folder.path().join(trace).exists(), "{trace}");
        }
    }
}
