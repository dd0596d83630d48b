//! The processes above a hook of a clone: the git command that runs the hook, and where its user is.
//!
//! What is printed is pasted where the user is. That need not be where the command runs: an alias, a rebase, a
//! pull or `git submodule foreach` starts another git, at the top of a work tree and without the options that
//! were typed. Then the folder of the process above all of git's is that of the user.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::cli::hook::config_override::read_command_overrides;
use crate::cli::hook::git_command::{COMMIT_COMMANDS, GitCommand};
use crate::verdict::quote_for_shell;

/// The processes above a hook that are looked at: shells, and the programs that manage hooks.
const MAX_ANCESTORS: usize = 12;

/// The bytes of a command line that are read.
const MAX_COMMAND_BYTES: usize = 1 << 17;

/// More bytes than nearly every file has that tells about a process.
const PROCESS_FILE_BYTES: usize = 2048;

/// The options that name a repository which a folder does not lead to.
const REPOSITORY_OPTIONS: [&str; 2] = ["--git-dir", "--work-tree"];

impl GitCommand {
    /// Returns the command that makes the commit which a hook looks at; `None` if that cannot be known.
    pub(crate) fn find_committing(context: &Context) -> Option<GitCommand> {
        find_command(&COMMIT_COMMANDS, context)
    }

    /// Returns the push that a hook looks at; `None` if that cannot be known.
    pub(crate) fn find_pushing(context: &Context) -> Option<GitCommand> {
        find_command(&["push"], context)
    }
}

/// Returns the nearest of these commands above this process.
fn find_command(names: &[&str], context: &Context) -> Option<GitCommand> {
    let mut found: Option<GitCommand> = None;
    let mut outer_location: Option<String> = None;
    let mut top_process = String::new();
    let mut process = "self".to_owned();
    for _ in 0..MAX_ANCESTORS {
        let Some(parent) = read_parent_process(&process) else { break };
        let Some(words) = read_command_line(&parent) else { break };
        let command = GitCommand::parse_words(&words);
        match (&found, command) {
            (None, Some(mut command)) if names.contains(&command.name.as_str()) => {
                top_process.clone_from(&parent);
                command.process = Some(parent.clone());
                found = Some(command);
            }
            (Some(_), Some(outer)) => {
                top_process.clone_from(&parent);
                outer_location = Some(outer.location);
            }
            _ => {}
        }
        process = parent;
    }
    let mut command = found?;
    for (key, value) in read_command_overrides(context) {
        command.settings.push_str(&format!("-c {} ", quote_for_shell(&format!("{key}={value}"))));
    }
    if let Some(outer_location) = outer_location {
        let names_repository = REPOSITORY_OPTIONS.iter().any(|option| outer_location.contains(option));
        if names_repository && command.location.is_empty() {
            command.location = outer_location;
        } else if let Some(location) = locate_from_user_folder(&top_process, context) {
            command.location = location;
        }
    }
    Some(command)
}

/// Returns the options that lead from the folder of the user to where the command was started; `None` if one
/// of both is not known.
fn locate_from_user_folder(top_process: &str, context: &Context) -> Option<String> {
    let shell = read_parent_process(top_process)?;
    let user_folder = fs::read_link(format!("/proc/{shell}/cwd")).ok()?;
    let prefix = PathBuf::from(context.read_variable("GIT_PREFIX").unwrap_or_default());
    let started_in = context.resolve_path(prefix);
    let started_in = Path::new(".").join(started_in).canonicalize().ok()?;
    if user_folder == started_in {
        return Some(String::new());
    }
    Some(format!("-C {} ", quote_for_shell(&started_in.to_string_lossy())))
}

fn read_parent_process(process: &str) -> Option<String> {
    let status = String::from_utf8(read_process_file(process, "stat")?).ok()?;
    // The name of the program stands in parentheses, and may hold anything.
    let (_, fields) = status.rsplit_once(')')?;
    fields.split_whitespace().nth(1).map(str::to_owned)
}

fn read_command_line(process: &str) -> Option<Vec<String>> {
    let line = read_process_file(process, "cmdline")?;
    if line.len() > MAX_COMMAND_BYTES {
        return None;
    }
    let mut words = Vec::new();
    for word in line.strip_suffix(b"\0").unwrap_or(&line).split(|byte| *byte == 0) {
        words.push(String::from_utf8(word.to_vec()).ok()?);
    }
    Some(words)
}

/// Reads what the kernel tells about a process, or the beginning of it if it is longer than a command line may
/// be.
///
/// These files have no length, so they are read into one large piece: to find their end in steps would take
/// several times as many system calls.
fn read_process_file(process: &str, name: &str) -> Option<Vec<u8>> {
    let file = fs::File::open(format!("/proc/{process}/{name}")).ok()?;
    let mut content = Vec::with_capacity(PROCESS_FILE_BYTES);
    file.take(MAX_COMMAND_BYTES as u64 + 1).read_to_end(&mut content).ok()?;
    Some(content)
}
