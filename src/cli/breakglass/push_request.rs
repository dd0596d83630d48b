//! Requests for sessions: an empty commit whose message is the request, pushed to a ref of its own.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, anyhow};

use crate::change::CommitMessage;
use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::Context;
use crate::cli::output;
use crate::gate::break_glass::{BreakGlassRequest, REQUEST_REF_PREFIX};
use crate::report::escape;

/// What git prints for a ref that the server hides.
const HIDDEN_REF_MESSAGE: &str = "hidden ref";

pub(crate) fn push_session_request(
    request: &BreakGlassRequest,
    id: &str,
    message: &CommitMessage,
    remote: &str,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let tree = read_output_line(run_git(context, &["hash-object", "-t", "tree", "-w", "--stdin"], b"")?)?;
    let commit =
        read_output_line(run_git(context, &["commit-tree", &tree, "-F", "-"], message.raw().as_bytes())?)?;
    let spec = format!("{commit}:{REQUEST_REF_PREFIX}{id}");
    // The request must be the only ref of the push, whatever the clone is configured to push with it.
    let alone = ["push", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", "--", remote, &spec];
    let pushed = run_git(context, &alone, b"")?;
    let printed = String::from_utf8_lossy(&pushed.stderr).into_owned();
    let mut out = std::io::stderr().lock();
    output::ignore_broken_pipe(write!(out, "{}", replace_invisible(&printed)))?;
    if !pushed.status.success() {
        if printed.contains(HIDDEN_REF_MESSAGE) {
            let why = "this server hides the refs of break-glass sessions; the server administrator can fix \
                       this with `changegate install --server`";
            return Err(CommandError::Failed(anyhow!(why)));
        }
        return Ok(if printed.contains("declined") { CommandExit::Denied } else { CommandExit::Failed });
    }
    let mut out = std::io::stdout().lock();
    let written = match request {
        BreakGlassRequest::Open { .. } => writeln!(out, "opened session {id}"),
        BreakGlassRequest::Close { session, .. } => {
            writeln!(
                out,
                "closed session {}",
                escape::escape_terminal(session.as_bytes(), escape::MAX_QUOTE_COLUMNS)
            )
        }
    };
    output::ignore_broken_pipe(written)?;
    Ok(CommandExit::Allowed)
}

/// Returns the one line that git printed.
fn read_output_line(output: Output) -> Result<String, CommandError> {
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        return Err(CommandError::Failed(anyhow!("git cannot write the commit: {why}")));
    }
    let text =
        String::from_utf8(output.stdout).context("git printed no object id").map_err(CommandError::Failed)?;
    Ok(text.trim_end().to_owned())
}

fn run_git(context: &Context, args: &[&str], input: &[u8]) -> Result<Output, CommandError> {
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
