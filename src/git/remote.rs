//! Refs of a remote repository: fetched into a local repository, and pushed back.
//!
//! The program `git` does this. The token is passed in its environment, for that one address, and
//! never as an argument, which every process on the machine could read. Redirects are not followed,
//! and no credential helper of the account is asked for another password.

use std::fmt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::change::Oid;

/// Environment variables that would make git work elsewhere, or print what it sends.
pub(super) const REMOVED_VARIABLES: [&str; 14] = [
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

/// Traces, which the account's configuration can ask for as well, and which show the configuration of git.
pub(super) const TRACE_VARIABLES: [&str; 3] = ["GIT_TRACE2", "GIT_TRACE2_EVENT", "GIT_TRACE2_PERF"];

/// A remote repository, and the token to use for it.
pub struct GitRemote {
    /// The address of the repository.
    url: String,
    /// The HTTP header with the token, if there is one.
    auth_header: Option<String>,
    /// The words that are removed from all messages.
    secrets: Vec<String>,
}

/// How much of a chain is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchDepth {
    /// The newest commit alone.
    Newest,
    /// The commits since this time, in seconds since 1970.
    Since(i64),
    /// All of its commits.
    Whole,
}

/// A ref that is pushed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefPush<'name> {
    /// The local ref whose commit is pushed.
    pub(crate) from: &'name str,
    /// The ref of the remote repository.
    pub(crate) name: &'name str,
    /// What the remote ref has to hold; `None` for nothing.
    pub(crate) expected: Option<Oid>,
}

/// The outcome of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefPushOutcome {
    /// The ref holds what was pushed.
    Updated,
    /// Another push was first, and the ref holds what that one wrote.
    Overtaken,
}

impl fmt::Debug for GitRemote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitRemote").field("url", &self.url).finish_non_exhaustive()
    }
}

impl GitRemote {
    /// Describes the repository at `url`; `token` authenticates, as GitHub takes it.
    ///
    /// # Errors
    ///
    /// Refuses an address to which the token would be sent unencrypted.
    pub(crate) fn new(url: &str, token: Option<&str>) -> Result<GitRemote, String> {
        if !(url.starts_with("https://") || is_local_http(url)) || !url.bytes().all(is_plain_url_byte) {
            return Err(format!("`{}` is not the address of a repository", url.escape_debug()));
        }
        let mut remote = GitRemote { url: url.to_owned(), auth_header: None, secrets: Vec::new() };
        if let Some(token) = token {
            let encoded = STANDARD.encode(format!("x-access-token:{token}"));
            remote.auth_header = Some(format!("Authorization: Basic {encoded}"));
            remote.secrets = vec![token.to_owned(), encoded];
        }
        Ok(remote)
    }

    /// Creates an empty bare repository in `folder`, to fetch into.
    ///
    /// # Errors
    ///
    /// Fails if git cannot be run or cannot write there.
    pub(crate) fn init_repository(&self, folder: &Path) -> Result<()> {
        let output = self.run_git(folder, &["init", "--quiet", "--bare", "--template="])?;
        if !output.status.success() {
            bail!("git cannot create a repository: {}", self.describe_output(&output));
        }
        Ok(())
    }

    /// Fetches those of the refs `names` that exist into the repository in `folder`, all as they are at one time;
    /// returns false if there is none of them.
    ///
    /// # Errors
    ///
    /// Fails if the repository cannot be read.
    pub(crate) fn fetch_refs(&self, folder: &Path, names: &[&str], depth: FetchDepth) -> Result<bool> {
        let called = names.first().copied().unwrap_or_default();
        let mut args = vec!["ls-remote", "--quiet", "--exit-code", self.url.as_str()];
        args.extend(names);
        let output = self.run_git(folder, &args)?;
        match output.status.code() {
            Some(0) => {}
            Some(2) => return Ok(false),
            _ => return Err(self.refusal_error("cannot read", called, &output)),
        }
        let listed = String::from_utf8_lossy(&output.stdout);
        let mut refspecs = Vec::new();
        for name in names {
            if listed.lines().any(|line| line.split_once('\t').is_some_and(|(_, found)| found == *name)) {
                refspecs.push(format!("+{name}:{name}"));
            }
        }
        let depth = match depth {
            FetchDepth::Newest => "--depth=1".to_owned(),
            FetchDepth::Since(at) => format!("--shallow-since={at}"),
            FetchDepth::Whole => format!("--depth={}", i32::MAX),
        };
        let mut args =
            vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", &depth, self.url.as_str()];
        args.extend(refspecs.iter().map(String::as_str));
        let output = self.run_git(folder, &args)?;
        if !output.status.success() {
            return Err(self.refusal_error("cannot read", called, &output));
        }
        Ok(true)
    }

    /// Returns whether one commit is part of the history of another, as far as it was fetched.
    ///
    /// # Errors
    ///
    /// Fails if git cannot tell.
    pub(crate) fn is_ancestor(&self, folder: &Path, from: Oid, to: Oid) -> Result<bool> {
        let (from, to) = (from.to_string(), to.to_string());
        let output = self.run_git(folder, &["merge-base", "--is-ancestor", &from, &to])?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => bail!("git cannot compare {from} and {to}: {}", self.describe_output(&output)),
        }
    }

    /// Pushes refs of the repository in `folder`, all of them or none.
    ///
    /// # Errors
    ///
    /// Fails if the push is not allowed, or not possible for any reason except another push that was
    /// first.
    pub(crate) fn push_refs(&self, folder: &Path, refs: &[RefPush<'_>]) -> Result<RefPushOutcome> {
        let called = refs.first().map(|one| one.name).unwrap_or_default();
        let mut leases = Vec::new();
        let mut refspecs = Vec::new();
        for one in refs {
            let expected = one.expected.map(|id| id.to_string()).unwrap_or_default();
            leases.push(format!("--force-with-lease={}:{expected}", one.name));
            refspecs.push(format!("{}:{}", one.from, one.name));
        }
        let mut args = vec!["push", "--atomic", "--porcelain", "--no-verify"];
        args.extend(leases.iter().map(String::as_str));
        args.push(&self.url);
        args.extend(refspecs.iter().map(String::as_str));
        let output = self.run_git(folder, &args)?;
        if output.status.success() {
            return Ok(RefPushOutcome::Updated);
        }
        if String::from_utf8_lossy(&output.stdout).lines().any(is_overtaken_line) {
            return Ok(RefPushOutcome::Overtaken);
        }
        Err(self.refusal_error("cannot write", called, &output))
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
            // The empty value removes headers that were configured for this address before.
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

    /// Returns the output of git on one line, without the secrets.
    fn describe_output(&self, output: &Output) -> String {
        let all = [output.stderr.as_slice(), b"\n", output.stdout.as_slice()].concat();
        let mut text = String::from_utf8_lossy(&all).into_owned();
        for secret in &self.secrets {
            text = text.replace(secret.as_str(), "***");
        }
        let mut lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.retain(|line| !line.is_empty());
        let start: String = lines.join("; ").chars().take(600).collect();
        if start.is_empty() { "git printed nothing".into() } else { start }
    }

    fn refusal_error(&self, what: &str, name: &str, output: &Output) -> anyhow::Error {
        let said = self.describe_output(output);
        let is_forbidden = REFUSAL_WORDS.iter().any(|word| said.contains(word));
        let hint = match (is_forbidden, what) {
            (true, "cannot write") => {
                "; the token needs the permission `contents: write`, and no ruleset may block it from this ref"
            }
            (true, _) => "; the token needs the permission `contents: read`",
            (false, _) => "",
        };
        anyhow!("{what} {name} of {}{hint}: {said}", self.url)
    }
}

/// Words by which git and servers say that access is refused.
const REFUSAL_WORDS: [&str; 6] =
    ["403", "401", "denied", "not granted", "Authentication failed", "not found"];

/// Words by which a server says that another push moved the ref at the same time.
const OVERTAKEN_WORDS: [&str; 5] = [
    "cannot lock ref",
    "failed to update ref",
    "incorrect old value",
    "already exists",
    "atomic transaction fail",
];

/// Returns true for a line of `git push --porcelain` which says that the ref holds something else by now.
fn is_overtaken_line(line: &str) -> bool {
    if !line.starts_with('!') {
        return false;
    }
    line.contains("[rejected]")
        || (line.contains("[remote rejected]") && OVERTAKEN_WORDS.iter().any(|word| line.contains(word)))
}

/// Returns true for an address of this machine, where nothing is sent over a network.
fn is_local_http(url: &str) -> bool {
    for start in ["http://127.0.0.1", "http://localhost", "http://[::1]"] {
        if let Some(rest) = url.strip_prefix(start)
            && rest.starts_with([':', '/'])
        {
            return true;
        }
    }
    false
}

fn is_plain_url_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b":/.-_[]".contains(&byte)
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
