//! Gives the repository of a server its id, by which a signed approval of one repository is none in another.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::cli::command_error::CommandError;
use crate::gate::signed_approvals::{REPOSITORY_ID_REF, read_repository_id};
use crate::git::Repository;
use crate::ledger::server::write_ahead;

/// Makes the id of a repository, unless it has one; returns true if it was made.
///
/// # Errors
///
/// Fails if git cannot write the object or the ref.
pub(crate) fn ensure_repository_id(repository: &Repository) -> Result<bool, CommandError> {
    if read_repository_id(repository)?.is_some() {
        return Ok(false);
    }
    let random = format!("changegate repository {}\n", write_ahead::new_decision_id()?);
    let blob = run_git_in(repository.git_dir(), &["hash-object", "-w", "--stdin"], random.as_bytes())?;
    // The empty old value: a ref that was made meanwhile stays.
    run_git_in(repository.git_dir(), &["update-ref", REPOSITORY_ID_REF, blob.trim_end(), ""], b"")?;
    Ok(true)
}

fn run_git_in(git_dir: &Path, args: &[&str], input: &[u8]) -> anyhow::Result<String> {
    use std::io::Write as _;
    let mut child = Command::new("git")
        .arg("--git-dir")
        .arg(git_dir)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start `git`")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input)?;
    }
    let done = child.wait_with_output()?;
    if !done.status.success() {
        bail!(
            "git cannot write the id of the repository: {}",
            String::from_utf8_lossy(&done.stderr).trim_end()
        );
    }
    String::from_utf8(done.stdout).context("git printed no object id")
}
