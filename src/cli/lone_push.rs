//! Pushes a commit that no branch of the clone holds: how a clone asks the server for a record.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, anyhow};

use crate::change::{CommitMessage, Text};
use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::Context;
use crate::cli::output;
use crate::git::{HeadState, Repository};

/// What git prints for a ref that the server hides.
const HIDDEN_REF_MESSAGE: &str = "hidden ref";

/// What every gate says of a message that this version writes and it does not know.
const UNKNOWN_FORM_MESSAGE: &str = "the message is not in the form that `changegate";

/// A file that the commit holds.
pub(crate) struct PushedFile<'a> {
    pub(crate) name: &'a str,
    pub(crate) content: &'a [u8],
}

/// Writes a commit without parent, with this message and at most one file, and pushes it to a ref. What the
/// server answers is printed. `what` is what the server has to know, as in `break-glass sessions`.
///
/// # Errors
///
/// Fails if git cannot write the commit, or if the server hides the ref.
pub(crate) fn push_lone_commit(
    context: &Context,
    (message, file): (&CommitMessage, Option<&PushedFile<'_>>),
    (remote, ref_name): (&str, &str),
    what: &str,
) -> Result<CommandExit, CommandError> {
    let tree = match file {
        None => read_output_line(run_git(context, &["hash-object", "-t", "tree", "-w", "--stdin"], b"")?)?,
        Some(file) => {
            // The file is stored as it is, whatever filters the clone has for its name.
            let blob = ["hash-object", "-w", "--no-filters", "--stdin"];
            let blob = read_output_line(run_git(context, &blob, file.content)?)?;
            let entry = format!("100644 blob {blob}\t{}\n", file.name);
            read_output_line(run_git(context, &["mktree"], entry.as_bytes())?)?
        }
    };
    let commit =
        read_output_line(run_git(context, &["commit-tree", &tree, "-F", "-"], message.raw().as_bytes())?)?;
    push_commit(context, &commit, (remote, ref_name), what)
}

/// Pushes a commit to a ref, and nothing beside it, whatever the clone is configured to push with it.
///
/// # Errors
///
/// Fails if the server hides the ref.
pub(crate) fn push_commit(
    context: &Context,
    commit: &str,
    (remote, ref_name): (&str, &str),
    what: &str,
) -> Result<CommandExit, CommandError> {
    let spec = format!("{commit}:{ref_name}");
    let alone = ["push", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", "--", remote, &spec];
    let pushed = run_git(context, &alone, b"")?;
    let printed = String::from_utf8_lossy(&pushed.stderr).into_owned();
    let mut out = std::io::stderr().lock();
    output::ignore_broken_pipe(write!(out, "{}", replace_invisible(&printed)))?;
    if pushed.status.success() {
        return Ok(CommandExit::Allowed);
    }
    if printed.contains(HIDDEN_REF_MESSAGE) {
        return Err(CommandError::Failed(anyhow!(
            "this server hides the refs of {what}; the server administrator can fix this with `changegate install \
             --server`"
        )));
    }
    if join_server_lines(&printed).contains(UNKNOWN_FORM_MESSAGE) {
        let version = env!("CARGO_PKG_VERSION");
        let next = format!(
            "changegate: the server runs another version of changegate, which does not know what this one ({version}) \
             writes, and recorded nothing; next: upgrade the older of the two, most often the server's, and run this again"
        );
        output::ignore_broken_pipe(writeln!(out, "{next}"))?;
    }
    Ok(if printed.contains("declined") { CommandExit::Denied } else { CommandExit::Failed })
}

/// Returns what git and the server printed as one line: a server wraps its words for a terminal.
fn join_server_lines(printed: &str) -> String {
    let lines = printed.lines().map(|line| line.strip_prefix("remote:").unwrap_or(line));
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// Returns the full name of the branch that a change landed on or lands on: `named`, or else the branch that the
/// remote's HEAD names, or else the one that is checked out.
///
/// # Errors
///
/// Fails if HEAD is on no branch, or git cannot be started.
pub(crate) fn find_landing_ref(
    repository: &Repository,
    named: Option<&str>,
    remote: &str,
    context: &Context,
) -> Result<Text, CommandError> {
    if let Some(name) = named {
        let is_full = name.starts_with("refs/");
        return Ok(Text::from(if is_full { name.to_owned() } else { format!("refs/heads/{name}") }));
    }
    let folder = format!("refs/remotes/{remote}/");
    let head = run_git(context, &["symbolic-ref", "-q", &format!("{folder}HEAD")], b"")?;
    let head = String::from_utf8_lossy(&head.stdout).into_owned();
    if let Some(branch) = head.trim_end().strip_prefix(&folder) {
        return Ok(Text::from(format!("refs/heads/{branch}")));
    }
    match repository.read_head()? {
        HeadState::Branch(branch) => Ok(branch.name),
        HeadState::Detached(_) => {
            Err(CommandError::usage("HEAD is on no branch; name the branch with --ref"))
        }
    }
}

/// Returns the one line that git printed.
///
/// # Errors
///
/// Fails with what git says, if it failed.
pub(crate) fn read_output_line(output: Output) -> Result<String, CommandError> {
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        return Err(CommandError::Failed(anyhow!("git cannot write the commit: {why}")));
    }
    let text =
        String::from_utf8(output.stdout).context("git printed no object id").map_err(CommandError::Failed)?;
    Ok(text.trim_end().to_owned())
}

/// Runs git in the directory of the command with this input.
///
/// # Errors
///
/// Fails if git cannot be started or does not read its input.
pub(crate) fn run_git(context: &Context, args: &[&str], input: &[u8]) -> Result<Output, CommandError> {
    let mut command = Command::new("git");
    command.current_dir(&context.directory).args(args);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start `git`")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input)?;
    }
    Ok(child.wait_with_output()?)
}
