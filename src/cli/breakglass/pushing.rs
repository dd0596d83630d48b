//! Asking the server: a commit that carries nothing but words, pushed to a ref of its own.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, anyhow};

use super::super::{Exit, Stop, World, output, visible};
use crate::change::Message;
use crate::gate::break_glass::{FOLDER, Said};
use crate::report::escape;

/// What git says of a ref that a server hides.
const HIDDEN: &str = "hidden ref";

pub(super) fn ask(
    said: &Said,
    id: &str,
    message: &Message,
    remote: &str,
    world: &World,
) -> Result<Exit, Stop> {
    let tree = line(git(world, &["hash-object", "-t", "tree", "-w", "--stdin"], b"")?)?;
    let commit = line(git(world, &["commit-tree", &tree, "-F", "-"], message.raw().as_bytes())?)?;
    let spec = format!("{commit}:{FOLDER}{id}");
    // Whatever the clone is set up to push beside it would make it another push.
    let alone = ["push", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", "--", remote, &spec];
    let pushed = git(world, &alone, b"")?;
    let told = String::from_utf8_lossy(&pushed.stderr).into_owned();
    let mut out = std::io::stderr().lock();
    output::said(write!(out, "{}", visible(&told)))?;
    if !pushed.status.success() {
        if told.contains(HIDDEN) {
            let why = "this server hides the refs of break-glass sessions; whoever administrates it runs \
                       `changegate install --server` again";
            return Err(Stop::Failed(anyhow!(why)));
        }
        return Ok(if told.contains("declined") { Exit::Denied } else { Exit::Failed });
    }
    let mut out = std::io::stdout().lock();
    let told = match said {
        Said::Open { .. } => writeln!(out, "opened as {id}; the server has said until when"),
        Said::Close { session, .. } => {
            writeln!(out, "closed {}", escape::terminal(session.as_bytes(), escape::MOST))
        }
    };
    output::said(told)?;
    Ok(Exit::Allowed)
}

/// Returns the one line that git has printed.
fn line(output: Output) -> Result<String, Stop> {
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        return Err(Stop::Failed(anyhow!("git cannot write the commit: {why}")));
    }
    let text = String::from_utf8(output.stdout).context("git has printed no id").map_err(Stop::Failed)?;
    Ok(text.trim_end().to_owned())
}

fn git(world: &World, args: &[&str], input: &[u8]) -> Result<Output, Stop> {
    let mut command = Command::new("git");
    command.current_dir(&world.directory).args(args);
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
