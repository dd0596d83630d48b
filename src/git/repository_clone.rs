//! A copy of a repository from wherever git can clone it, for reading.
//!
//! The program `git` does this, with the account's own ways to sign in, which are asked no question. A token is passed
//! in the environment, for one server, and never as an argument, which every process on the machine could read.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::git::remote::{REMOVED_VARIABLES, TRACE_VARIABLES};

/// How much of git's words an error quotes.
const MAX_QUOTED_CHARACTERS: usize = 300;

/// Where a repository is cloned from.
pub(crate) struct CloneSource<'a> {
    /// The address, as git takes it.
    pub(crate) url: &'a str,
    /// The token for this address, as GitHub takes it. It is sent over HTTPS, or within this machine, alone.
    pub(crate) token: Option<&'a str>,
}

impl CloneSource<'_> {
    /// Copies the branches and the refs of the gate into `folder`, which is made as a bare repository.
    ///
    /// # Errors
    ///
    /// Fails if the address is none, or with what git says.
    pub(crate) fn clone_into(&self, folder: &Path) -> Result<()> {
        if self.url.starts_with('-') {
            bail!("an address does not start with `-`");
        }
        let target = folder.to_string_lossy();
        self.run_git(&["clone", "--quiet", "--bare", "--no-tags", "--template=", "--", self.url, &target])?;
        // The refs of the gate are no branches, and a repository without a gate has none.
        let refs = "+refs/changegate/*:refs/changegate/*";
        self.run_git(&["--git-dir", &target, "fetch", "--quiet", "--no-tags", "origin", refs])
    }

    fn run_git(&self, args: &[&str]) -> Result<()> {
        let output = self.build_command(args).output().context("cannot start git")?;
        if output.status.success() {
            return Ok(());
        }
        bail!("git cannot read it: {}", self.quote_error(&output));
    }

    fn build_command(&self, args: &[&str]) -> Command {
        let mut config = vec![
            ("core.hooksPath".to_owned(), "/dev/null".to_owned()),
            ("gc.auto".to_owned(), "0".to_owned()),
            ("maintenance.auto".to_owned(), "false".to_owned()),
            ("protocol.ext.allow".to_owned(), "never".to_owned()),
            ("http.lowSpeedLimit".to_owned(), "100".to_owned()),
            ("http.lowSpeedTime".to_owned(), "60".to_owned()),
        ];
        if let Some(header) = self.build_header() {
            config.push(("credential.helper".to_owned(), String::new()));
            config.push(("http.followRedirects".to_owned(), "false".to_owned()));
            // The empty value removes headers that were configured for this address before.
            let scope = format!("http.{}.extraHeader", self.url);
            config.extend([(scope.clone(), String::new()), (scope, header)]);
        }
        let mut command = Command::new("git");
        command.args(args).stdin(Stdio::null());
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

    /// Returns the HTTP header with the token; `None` without one, and where anybody on the way could read it.
    fn build_header(&self) -> Option<String> {
        let token = self.token?;
        let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
        let is_local = local
            .iter()
            .any(|start| self.url.strip_prefix(start).is_some_and(|rest| rest.starts_with([':', '/'])));
        let encoded = STANDARD.encode(format!("x-access-token:{token}"));
        (self.url.starts_with("https://") || is_local).then(|| format!("Authorization: Basic {encoded}"))
    }

    /// Returns what git said on one line, without the token and without a password of the address.
    fn quote_error(&self, output: &Output) -> String {
        let mut text = String::from_utf8_lossy(&output.stderr).into_owned();
        text = text.replace(self.url, "the address");
        if let Some(token) = self.token {
            text = text.replace(token, "***");
        }
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let start: String = lines.join("; ").chars().take(MAX_QUOTED_CHARACTERS).collect();
        if start.is_empty() { "it printed nothing".to_owned() } else { start }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_its_own_server_alone_and_never_in_the_clear() {
        let header = |url| CloneSource { url, token: Some("secret") }.build_header();
        assert!(header("https://github.com/acme/shop.git").is_some());
        assert!(header("http://127.0.0.1:8080/acme/shop.git").is_some());
        for url in ["http://example.com/a.git", "ssh://git@example.com/a", "http://localhost.example.com/a"] {
            assert_eq!(header(url), None, "{url}");
        }
        let source = CloneSource { url: "https://u:pass@example.com/a", token: Some("secret") };
        let stderr = b"fatal: 'https://u:pass@example.com/a' with secret\nis not there".to_vec();
        let output = Output { status: Default::default(), stdout: Vec::new(), stderr };
        assert_eq!(source.quote_error(&output), "fatal: 'the address' with ***; is not there");
        let args = source.build_command(&["clone"]);
        assert!(!args.get_args().any(|word| word.to_string_lossy().contains("secret")));
    }
}
