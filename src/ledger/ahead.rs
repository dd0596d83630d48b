//! Writing ahead: decisions on disk, before git is told.
//!
//! Refs cannot move while git holds a push in quarantine, and whoever hangs up may never be told of
//! anything again. So a decision is first a file in the repository's own folder, complete and synced
//! to the disk before the hook ends; there it stays until it is in the ledger. A file has its final
//! name only when all of it is there, so what can be seen is never half a decision.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::record::Decided;
use crate::change::text;

/// The folder of the gate in a repository.
const FOLDER: &str = "changegate";

/// The longest file that is read back, in bytes.
const LARGEST: u64 = 64 << 20;

/// What is written ahead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ahead {
    /// The decision.
    pub decided: Decided,
    /// The process that serves the push, for telling whether it is still there; 0 if nobody knows.
    pub served_by: u32,
    /// The changes as they were judged, as text; `None` if they are too long to be kept.
    pub facts: Option<String>,
}

/// A decision on disk.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its file.
    pub path: PathBuf,
    /// What it holds, or why that cannot be read.
    pub ahead: Result<Ahead, String>,
}

/// The lock that whoever appends to the ledger holds; it goes with the process.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held until it is dropped")] File);

/// Returns the folder of the gate, made if it is not there.
///
/// # Errors
///
/// Fails if it cannot be made.
pub fn folder(common_dir: &Path) -> io::Result<PathBuf> {
    let folder = common_dir.join(FOLDER).join("ahead");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Writes a decision ahead, and returns once the disk has it.
///
/// # Errors
///
/// Fails if it cannot be written whole; then nothing is left.
pub fn write(common_dir: &Path, ahead: &Ahead) -> io::Result<PathBuf> {
    let folder = folder(common_dir)?;
    let bytes = serde_json::to_vec(ahead).map_err(io::Error::other)?;
    // The order of names is the order of decisions, as far as the clock tells.
    let name = format!("{:020}-{}.json", ahead.decided.observed_at.as_microsecond(), ahead.decided.id);
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&folder)?;
    file.write_all(&bytes)?;
    file.as_file().sync_all()?;
    let path = folder.join(name);
    file.persist_noclobber(&path)?;
    // The name has to survive too.
    File::open(&folder)?.sync_all()?;
    Ok(path)
}

/// Returns every decision that is not in the ledger yet, oldest first.
///
/// # Errors
///
/// Fails if the folder cannot be read; a file that cannot be read is among what is returned.
pub fn all(common_dir: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(common_dir.join(FOLDER).join("ahead")) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let ahead = read(&path);
            found.push(Found { path, ahead });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn read(path: &Path) -> Result<Ahead, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if LARGEST < u64::try_from(bytes.len()).unwrap_or(u64::MAX) {
        return Err(format!("it is longer than {LARGEST} bytes"));
    }
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

/// Takes the lock, waiting for whoever holds it.
///
/// # Errors
///
/// Fails if the file of the lock cannot be opened.
pub fn lock(common_dir: &Path) -> io::Result<Lock> {
    let folder = folder(common_dir)?;
    let path = folder.with_file_name("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    file.lock()?;
    Ok(Lock(file))
}

/// Returns an id that no other decision has: random, 32 hexadecimal digits.
///
/// # Errors
///
/// Fails if the system gives no random bytes.
pub fn fresh_id() -> io::Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(text::hex(&bytes))
}
