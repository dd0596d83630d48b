//! The process that serves a push, by which the hooks of one push recognise each other.
//!
//! Git gives the hooks of a push no common id. But the same process starts them: the nearest git among
//! the ancestors of the hook. Its name here is the process id with its start time, its namespace and the
//! boot of the machine, so that no other process ever has the same name. If the system does not show it,
//! the process is unknown, and a push counts as over after a time.

use std::fs;
use std::path::{Path, PathBuf};

/// The most processes between git and the hook.
const MAX_ANCESTOR_PROCESSES: usize = 32;

/// The facts about a process that are read from `/proc`.
struct ProcessInfo {
    name: String,
    parent: u32,
    start_time: String,
}

/// Returns the process that serves the push of this hook; `None` if it is unknown.
pub(crate) fn find_serving_process() -> Option<String> {
    let mut id = std::process::id();
    for _ in 0..MAX_ANCESTOR_PROCESSES {
        id = read_process(id)?.parent;
        let found = read_process(id)?;
        if found.name == "git" || found.name.starts_with("git-receive") {
            return Some(format!("{} {id} {}", read_machine_id()?, found.start_time));
        }
    }
    None
}

/// Returns whether the process that serves a push still runs; `None` if it cannot be known here.
pub(crate) fn is_process_running(served_by: &str) -> Option<bool> {
    let (machine_then, process_then) = served_by.split_once(' ')?;
    if machine_then != read_machine_id()? {
        return None;
    }
    let (id, started) = process_then.split_once(' ')?;
    let id = id.parse().ok()?;
    match read_process(id) {
        Some(found) => Some(found.start_time == started),
        None if stat_path(id).exists() => None,
        None => Some(false),
    }
}

/// Returns the boot id of the machine, and the namespace of its process ids.
fn read_machine_id() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{}/{}", boot.trim_end(), namespace.to_str()?))
}

fn stat_path(id: u32) -> PathBuf {
    Path::new("/proc").join(id.to_string()).join("stat")
}

fn read_process(id: u32) -> Option<ProcessInfo> {
    let text = fs::read(stat_path(id)).ok()?;
    let text = String::from_utf8_lossy(&text);
    // The name may hold any byte; plain fields follow its last bracket.
    let (before, after) = text.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let mut fields = after.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    // Field 22 of proc(5): two fields are before the bracket, and two were read above.
    let started = fields.nth(17)?.to_owned();
    Some(ProcessInfo { name: name.to_owned(), parent, start_time: started })
}
