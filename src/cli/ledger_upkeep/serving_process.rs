//! Which process serves a push.
//!
//! Git tells each hook of a push nothing that the others are told too. But the same process starts
//! them: the nearest git among those that the hook comes from. With its number go the moment of its
//! start, the namespace of its number and the boot of the machine, so that no other process ever has
//! the same name. Where the system does not tell, nobody knows, and only time tells that a push is
//! over.

use std::fs;
use std::path::{Path, PathBuf};

/// How many processes may stand between git and the hook.
const MAX_ANCESTOR_PROCESSES: usize = 32;

/// What is read of a process.
struct ProcessInfo {
    name: String,
    parent: u32,
    start_time: String,
}

/// Returns what serves the push that this hook is of; `None` if nobody knows.
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

/// Returns whether what serves a push still runs; `None` if nobody can tell from here.
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

/// Returns the boot of the machine, and the namespace in which processes have their numbers.
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
    // The name may hold anything; after its last bracket come plain fields.
    let (before, after) = text.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let mut fields = after.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    // Field 22 of proc(5); two were taken above, after the two before the bracket.
    let started = fields.nth(17)?.to_owned();
    Some(ProcessInfo { name: name.to_owned(), parent, start_time: started })
}
