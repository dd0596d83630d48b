//! Two repositories in a temporary directory. Git runs in them without the configuration of the user, so
//! without signing and other hooks.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::cli::context::Context;
use crate::cli::demo::scenes::{EMERGENCY_PLACEHOLDER, ScenePush, WEAKENING_MESSAGE, WEAKENING_RULE};
use crate::policy::DEFAULT_POLICY_PATH;

/// The policy that is committed to main.
pub(crate) const DEMO_POLICY: &str = include_str!("policy.yml");

/// The name and address of the author and pusher.
const DEMO_AUTHOR: (&str, &str) = ("Ana Lind", "ana@example.com");

/// The variable by which the server of the demo knows the pusher.
const ACCOUNT_VARIABLE: &str = "DEMO_ACCOUNT";

/// A bare repository with the gate, and a clone of it.
pub(crate) struct DemoSandbox {
    directory: tempfile::TempDir,
    search_path: OsString,
    binary: PathBuf,
}

/// The result of a push.
pub(crate) struct DemoPushResult {
    /// True if git reports success.
    pub(crate) accepted: bool,
    /// The output that the pusher sees.
    pub(crate) pusher_output: String,
}

impl DemoSandbox {
    /// Creates both repositories, commits the policy to main and installs the gate.
    pub(crate) fn new(context: &Context) -> Result<DemoSandbox> {
        let directory = tempfile::Builder::new()
            .prefix("changegate-demo-")
            .tempdir()
            .context("cannot create a temporary directory")?;
        let binary = std::env::current_exe().context("cannot find the path of this program")?;
        let sandbox =
            DemoSandbox { directory, search_path: context.read_variable("PATH").unwrap_or_default(), binary };
        let top = sandbox.directory.path().to_path_buf();
        sandbox.run_git(&top, &["init", "--quiet", "--bare", "--initial-branch=main", "server.git"])?;
        sandbox.run_git(&top, &["init", "--quiet", "--initial-branch=main", "clone"])?;
        sandbox.write_file(DEFAULT_POLICY_PATH, DEMO_POLICY)?;
        sandbox.commit_all("Put this repository under change control\n")?;
        // The server administrator installs the first policy, past every hook.
        let clone = sandbox.clone_folder();
        sandbox.run_git(
            &sandbox.server_folder(),
            &["fetch", "--quiet", &clone.to_string_lossy(), "main:main"],
        )?;
        sandbox.run_command(
            sandbox
                .build_command(&sandbox.binary, &sandbox.server_folder())
                .args(["install", "--server", "--pusher"])
                .arg(format!("env:{ACCOUNT_VARIABLE}")),
        )?;
        sandbox.run_git(&clone, &["remote", "add", "origin", "../server.git"])?;
        sandbox.run_git(&clone, &["fetch", "--quiet", "origin"])?;
        Ok(sandbox)
    }

    /// Returns the directory of the bare repository.
    pub(crate) fn server_folder(&self) -> PathBuf {
        self.directory.path().join("server.git")
    }

    /// Returns the directory of the clone.
    pub(crate) fn clone_folder(&self) -> PathBuf {
        self.directory.path().join("clone")
    }

    /// Returns the tip of main on the server.
    pub(crate) fn read_server_main(&self) -> Result<String> {
        self.run_git(&self.server_folder(), &["rev-parse", "--verify", "--quiet", "refs/heads/main"])
    }

    /// Returns a message as it is committed, with the id of the landed emergency in place of the placeholder.
    pub(crate) fn fill_message(&self, message: &str) -> Result<String> {
        if !message.contains(EMERGENCY_PLACEHOLDER) {
            return Ok(message.to_owned());
        }
        let newest = ["log", "-1", "--format=%h", "--abbrev=12", "--grep=^Change-Type: emergency", "main"];
        Ok(message.replace(EMERGENCY_PLACEHOLDER, &self.run_git(&self.server_folder(), &newest)?))
    }

    /// Runs a command of the auditor in the clone, and returns whether it succeeded and its output.
    pub(crate) fn run_audit_command(&self, program: &str, args: &[String]) -> Result<(bool, String)> {
        let program = if program == "changegate" { &self.binary } else { Path::new(program) };
        let mut command = self.build_command(program, &self.clone_folder());
        let output = command.args(args).output().context("cannot start a command of the audit")?;
        let written = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&written).into_owned()))
    }

    /// Resets the clone to the main of the server, makes the commits and pushes them.
    pub(crate) fn make_push(&self, push: &ScenePush) -> Result<DemoPushResult> {
        let clone = self.clone_folder();
        self.run_git(&clone, &["fetch", "--quiet", "origin"])?;
        self.run_git(&clone, &["reset", "--quiet", "--hard", "origin/main"])?;
        let what = match push {
            ScenePush::Deletion => ":main",
            ScenePush::Commit { file, content, message } => {
                self.write_file(file, content)?;
                self.commit_all(&self.fill_message(message)?)?;
                "main"
            }
            ScenePush::WeakenThenCommit { file, content, message } => {
                self.write_file(DEFAULT_POLICY_PATH, &format!("{DEMO_POLICY}{WEAKENING_RULE}"))?;
                self.commit_all(WEAKENING_MESSAGE)?;
                self.write_file(file, content)?;
                self.commit_all(message)?;
                "main"
            }
        };
        let mut command = self.build_command(Path::new("git"), &clone);
        command.args(["push", "origin", what]);
        let output = command.output().context("cannot start `git`")?;
        let seen = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(DemoPushResult { accepted: output.status.success(), pusher_output: seen })
    }

    /// Keeps the directory, and returns its path.
    pub(crate) fn keep_folder(self) -> PathBuf {
        self.directory.keep()
    }

    fn write_file(&self, file: &str, content: &str) -> Result<()> {
        let path = self.clone_folder().join(file);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(&path, content).with_context(|| format!("cannot write `{}`", path.display()))
    }

    fn commit_all(&self, message: &str) -> Result<()> {
        let clone = self.clone_folder();
        self.run_git(&clone, &["add", "--all"])?;
        self.run_git(&clone, &["commit", "--quiet", "--message", message])?;
        Ok(())
    }

    fn run_git(&self, directory: &Path, args: &[&str]) -> Result<String> {
        let mut command = self.build_command(Path::new("git"), directory);
        command.args(args);
        self.run_command(&mut command)
    }

    fn build_command(&self, program: &Path, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(directory)
            .env_clear()
            .env("PATH", &self.search_path)
            // Before version 2.32, git has no other way to ignore the files of the user.
            .env("HOME", self.directory.path())
            .env("XDG_CONFIG_HOME", self.directory.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", DEMO_AUTHOR.0)
            .env("GIT_AUTHOR_EMAIL", DEMO_AUTHOR.1)
            .env("GIT_COMMITTER_NAME", DEMO_AUTHOR.0)
            .env("GIT_COMMITTER_EMAIL", DEMO_AUTHOR.1)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .env(ACCOUNT_VARIABLE, DEMO_AUTHOR.1)
            .stdin(Stdio::null());
        command
    }

    fn run_command(&self, command: &mut Command) -> Result<String> {
        let program = command.get_program().to_string_lossy().into_owned();
        let output = command
            .output()
            .with_context(|| format!("cannot start `{program}`; is git installed and on the path?"))?;
        if !output.status.success() {
            bail!("`{program}` failed: {}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }
}
