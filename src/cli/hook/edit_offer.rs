//! Offers, at a terminal, to edit a refused message at once.
//!
//! A hook that waits where there is no person holds up a script for ever. So it asks only if git itself was
//! started at a terminal, in the foreground, and not by a pipeline, and it waits for a limited time. Where
//! this cannot be known, the message is kept and nothing is asked.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::cli::context::Context;
use crate::cli::hook::git_command::GitCommand;

/// How long an answer is waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// How often an answer that is none is asked for again.
const MAX_QUESTIONS: usize = 3;

/// The bytes of an answer that are read.
const MAX_ANSWER_BYTES: u64 = 1024;

/// The variable that names git's editor for one command.
const EDITOR_VARIABLE: &str = "GIT_EDITOR";

/// A terminal with a person at it, and the editor of git.
#[derive(Debug)]
pub(crate) struct EditOffer {
    terminal: File,
    /// The command, as a shell takes it.
    editor: String,
}

impl EditOffer {
    /// Returns what it takes to edit a message at once; `None` where no person can be asked.
    pub(crate) fn find_terminal(command: Option<&GitCommand>, context: &Context) -> Option<EditOffer> {
        let is_unattended = context.read_variable("CI").is_some()
            || context.read_text_variable("GIT_TERMINAL_PROMPT").is_some_and(|value| value == "0");
        if is_unattended || !std::io::stderr().is_terminal() || !runs_in_foreground() {
            return None;
        }
        let process = command?.process.as_deref()?;
        // Git gives no standard input to a hook, so its own is looked at.
        if !is_terminal_link(Path::new(&format!("/proc/{process}/fd/0"))) {
            return None;
        }
        let terminal = File::options().read(true).write(true).open("/dev/tty").ok()?;
        Some(EditOffer { terminal, editor: find_editor(process)? })
    }

    /// Returns true if the person at the terminal wants to edit the message now.
    pub(crate) fn ask_to_edit(&self) -> bool {
        for _ in 0..MAX_QUESTIONS {
            let question = "changegate: [e]dit the message now, or [a]bort and keep it? ";
            if (&self.terminal).write_all(question.as_bytes()).is_err() {
                return false;
            }
            match self.read_answer().as_deref() {
                Some("e" | "edit") => return true,
                Some("a" | "abort" | "") | None => return false,
                Some(_) => {}
            }
        }
        false
    }

    /// Returns the line that is typed, in lower case; `None` if none comes in time.
    fn read_answer(&self) -> Option<String> {
        let terminal = self.terminal.try_clone().ok()?;
        let (sender, receiver) = mpsc::channel();
        // The thread may wait for longer than the program runs.
        std::thread::spawn(move || {
            let mut line = Vec::new();
            let read = BufReader::new(terminal.take(MAX_ANSWER_BYTES)).read_until(b'\n', &mut line);
            // The receiver is gone if the answer came too late.
            let _ = sender.send(read.ok().filter(|length| *length > 0).map(|_| line));
        });
        let line = receiver.recv_timeout(ANSWER_TIMEOUT).ok().flatten();
        if line.is_none() {
            // The next line of the terminal starts below the question.
            let _ = (&self.terminal).write_all(b"\n");
        }
        Some(String::from_utf8_lossy(&line?).trim().to_ascii_lowercase())
    }

    /// Opens git's editor on a file, as git does, and waits for its end.
    ///
    /// # Errors
    ///
    /// Says why the editor did not do its work.
    pub(crate) fn edit_file(&self, file: &Path) -> anyhow::Result<()> {
        let status = Command::new("sh")
            .arg("-c")
            .arg(format!("{} \"$@\"", self.editor))
            .arg(&self.editor)
            .arg(file)
            // Git sets it to one that does nothing, and an editor may call git.
            .env(EDITOR_VARIABLE, &self.editor)
            .stdin(Stdio::from(self.terminal.try_clone()?))
            .stdout(Stdio::from(self.terminal.try_clone()?))
            .status()?;
        anyhow::ensure!(status.success(), "the editor `{}` ended with an error", self.editor);
        Ok(())
    }
}

/// Returns true if the terminal gives its input to the group of this process: another one that reads from it
/// is stopped.
fn runs_in_foreground() -> bool {
    let Ok(status) = fs::read_to_string("/proc/self/stat") else { return false };
    // The name of the program stands in parentheses, and may hold anything.
    let Some((_, fields)) = status.rsplit_once(')') else { return false };
    let mut fields = fields.split_whitespace().skip(2);
    let (own_group, foreground_group) = (fields.next(), fields.nth(2));
    own_group.is_some() && own_group == foreground_group
}

/// Returns true if a file that a process has open, named by its link, is a terminal. Nothing but a device is
/// opened: a pipe would wait.
fn is_terminal_link(link: &Path) -> bool {
    let is_device = fs::read_link(link).is_ok_and(|target| target.starts_with("/dev"));
    is_device && File::open(link).is_ok_and(|file| file.is_terminal())
}

/// Returns the editor of the git command in `process`; `None` if it has none, or one that does nothing.
///
/// To a hook git names one that does nothing where it opens none itself, so what it was started with counts.
fn find_editor(process: &str) -> Option<String> {
    let mut command = Command::new("git");
    command.args(["var", EDITOR_VARIABLE]).stdin(Stdio::null()).stderr(Stdio::null());
    match find_own_variable(process, EDITOR_VARIABLE)? {
        Some(editor) => command.env(EDITOR_VARIABLE, editor),
        None => command.env_remove(EDITOR_VARIABLE),
    };
    let output = command.output().ok()?;
    let editor = String::from_utf8(output.stdout).ok()?.trim_end().to_owned();
    if output.status.success() && !["", ":"].contains(&editor.as_str()) { Some(editor) } else { None }
}

/// Returns a variable that a process was started with; `None` if its environment cannot be read.
fn find_own_variable(process: &str, name: &str) -> Option<Option<String>> {
    let environment = fs::read(format!("/proc/{process}/environ")).ok()?;
    let start = format!("{name}=");
    let mut variables = environment.split(|byte| *byte == 0);
    match variables.find_map(|variable| variable.strip_prefix(start.as_bytes())) {
        Some(value) => Some(Some(String::from_utf8(value.to_vec()).ok()?)),
        None => Some(None),
    }
}
