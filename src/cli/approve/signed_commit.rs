//! Writes the commit of an approval, signed by git with the key that it signs commits with.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow};

use crate::change::CommitMessage;
use crate::cli::command_error::{CommandError, replace_invisible};
use crate::cli::context::Context;
use crate::cli::lone_push::{read_output_line, run_git};
use crate::gate::signed_approvals::ApprovalStatement;

/// Writes a signed commit with this message on top of the revision by the person of this name and address, at `date` in
/// seconds since 1970, and returns its id.
///
/// Author and committer are one person at one time: a commit of which they differ was written again later, and the
/// server takes none of these.
///
/// # Errors
///
/// Fails if git cannot sign.
pub(super) fn write_signed_commit(
    context: &Context,
    statement: &ApprovalStatement,
    message: &CommitMessage,
    (name, email): &(String, String),
    date: i64,
) -> Result<String, CommandError> {
    let date = format!("{date} +0000");
    let (tree, revision) = (statement.tree.to_string(), statement.revision.to_string());
    let mut command = Command::new("git");
    command.current_dir(&context.directory);
    // The message is UTF-8, whatever the clone is configured to write.
    command.args(["-c", "i18n.commitEncoding=UTF-8", "commit-tree", &tree, "-p", &revision, "-S", "-F", "-"]);
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), name);
        command.env(format!("GIT_{role}_EMAIL"), email);
        command.env(format!("GIT_{role}_DATE"), &date);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start `git`")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(message.raw().as_bytes())?;
    }
    let written = child.wait_with_output()?;
    if !written.status.success() {
        let said = String::from_utf8_lossy(&written.stderr).into_owned();
        // `ssh-keygen` ends its lines with a carriage return, and git shows that as a question mark.
        let lines: Vec<&str> = said.lines().map(|line| line.strip_suffix('?').unwrap_or(line)).collect();
        let why = replace_invisible(lines.join("\n").trim_end());
        let advice = advise_signing_setup(context)?;
        return Err(CommandError::Failed(anyhow!("git cannot sign: {why}\n{advice}")));
    }
    read_output_line(written)
}

/// Returns what to look at where git cannot sign, by how it is set up to.
fn advise_signing_setup(context: &Context) -> Result<&'static str, CommandError> {
    let format = run_git(context, &["config", "--get", "gpg.format"], b"")?;
    if String::from_utf8_lossy(&format.stdout).trim() != "ssh" {
        return Ok("to sign with an SSH key:\n  git config --global gpg.format ssh\n  git config --global \
                   user.signingKey ~/.ssh/id_ed25519.pub");
    }
    Ok(
        "git takes the SSH key of `user.signingKey`; the private key has to be beside it, or in the agent:\n  git config \
        --get user.signingKey\n  ssh-add -l",
    )
}

/// Returns the name and the address by which git records a commit.
///
/// # Errors
///
/// Fails if git knows no person.
pub(super) fn find_committer(context: &Context) -> Result<(String, String), CommandError> {
    let identity = run_git(context, &["var", "GIT_COMMITTER_IDENT"], b"")?;
    if !identity.status.success() {
        let why = replace_invisible(String::from_utf8_lossy(&identity.stderr).trim_end());
        return Err(CommandError::Failed(anyhow!("git does not know who you are: {why}")));
    }
    let written = String::from_utf8_lossy(&identity.stdout).into_owned();
    let (name, rest) = written.split_once('<').unwrap_or((&written, ""));
    let (email, _) = rest.split_once('>').unwrap_or((rest, ""));
    Ok((name.trim().to_owned(), email.trim().to_owned()))
}
