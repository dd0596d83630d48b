//! Writing ahead: decisions on disk, before git is told.
//!
//! Refs cannot move while git holds a push in quarantine, and whoever hangs up may never be told of
//! anything again. So a decision is first a file in the repository's own folder, complete and synced
//! to the disk before the hook ends; there it stays until it is in the ledger. A file has its final
//! name only when all of it is there, so what can be seen is never half a decision.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::text;
use crate::ledger::record::{DamageCause, DecisionRecord};
use crate::ledger::store::gate_folder;

/// The longest file that is read back, in bytes.
const MAX_JOURNAL_ENTRY_BYTES: u64 = 64 << 20;

/// How the name of a file begins that is not whole yet.
const UNFINISHED_PREFIX: &str = ".new-";

/// What is written ahead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct JournalEntry {
    /// The decision.
    pub decided: DecisionRecord,
    /// What serves the push, unlike any other process that ever ran; `None` if nobody knows.
    pub served_by: Option<String>,
    /// The changes as they were judged, as text; `None` if they are too long to be kept.
    pub facts: Option<String>,
}

/// A decision on disk.
#[derive(Clone, Debug)]
pub struct JournalFile {
    /// Its file.
    pub path: PathBuf,
    /// What it holds, or why that cannot be read. Of a denial it is only that there is one: whoever may
    /// not land anything can have himself denied as often as he likes, and all of it is held at once.
    pub entry: Result<JournalEntry, DamageCause>,
}

/// Writes a decision ahead, and returns once the disk has it.
///
/// # Errors
///
/// Fails if it cannot be written whole; then nothing is left.
pub fn write_entry(common_dir: &Path, ahead: &JournalEntry) -> io::Result<PathBuf> {
    let folder = gate_folder::create_journal_folder(common_dir)?;
    let bytes = serde_json::to_vec(ahead).map_err(io::Error::other)?;
    // The order of names is the order of decisions, as far as the clock tells.
    let name = format!("{:020}-{}.json", ahead.decided.observed_at.as_microsecond(), ahead.decided.id);
    let mut file = tempfile::Builder::new().prefix(UNFINISHED_PREFIX).tempfile_in(&folder)?;
    file.write_all(&bytes)?;
    let path = folder.join(name);
    let file = file.persist_noclobber(&path)?;
    // The name has to survive too. Both at once take hardly more time than one.
    let (content, name) = std::thread::scope(|scope| {
        let name = scope.spawn(|| File::open(&folder)?.sync_all());
        (file.sync_all(), name.join())
    });
    let synced = content.and(name.map_err(|_| io::Error::other("a thread has panicked"))?);
    if synced.is_err() {
        // Git is not told of it, so it was not decided.
        let _ = fs::remove_file(&path);
    }
    synced.map(|()| path)
}

/// Returns every decision that is not in the ledger yet and that `known` does not hold, oldest first.
///
/// # Errors
///
/// Fails if the folder cannot be read; a file that cannot be read is among what is returned.
pub fn list_entries(common_dir: &Path, known: &[JournalFile]) -> io::Result<Vec<JournalFile>> {
    let mut paths = Vec::new();
    for entry in read_journal_folder(common_dir)? {
        let path = entry.path();
        let is_whole = path.extension().is_some_and(|extension| extension == "json");
        if is_whole && !known.iter().any(|found| found.path == path) {
            paths.push(path);
        }
    }
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        match read_entry(&path) {
            Some(ahead) => found.push(JournalFile { path, entry: ahead.map(strip_denial) }),
            // Whoever holds no lock may see a file that goes away while it is looked at.
            None => continue,
        }
    }
    Ok(found)
}

/// Returns all of a decision on disk.
///
/// # Errors
///
/// Fails if it cannot be read any more.
pub fn read_whole_entry(path: &Path) -> io::Result<JournalEntry> {
    let gone = || io::Error::from(io::ErrorKind::NotFound);
    read_entry(path).ok_or_else(gone)?.map_err(|cause| io::Error::other(cause.describe()))
}

/// Takes from a denial what takes room.
fn strip_denial(mut ahead: JournalEntry) -> JournalEntry {
    if !ahead.decided.is_allowed() {
        (ahead.decided.refs, ahead.decided.notes, ahead.facts) = (Vec::new(), Vec::new(), None);
    }
    ahead
}

/// Removes what was never whole and is older than `before`: git was not told of such a decision.
///
/// # Errors
///
/// Fails if the folder cannot be read.
pub fn remove_unfinished(common_dir: &Path, before: Timestamp) -> io::Result<()> {
    for entry in read_journal_folder(common_dir)? {
        let is_unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED_PREFIX);
        let at = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let at = at.and_then(|at| Timestamp::try_from(at).ok());
        if is_unfinished && at.is_some_and(|at| at < before) {
            // The next one tries again.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

fn read_journal_folder(common_dir: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(gate_folder::journal_folder(common_dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.collect(),
    }
}

/// Reads a decision back; `None` if the file is gone.
fn read_entry(path: &Path) -> Option<Result<JournalEntry, DamageCause>> {
    let mut bytes = Vec::new();
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        file => file,
    };
    let read = file.and_then(|file| file.take(MAX_JOURNAL_ENTRY_BYTES + 1).read_to_end(&mut bytes));
    Some(match read {
        Err(_) => Err(DamageCause::Unreadable),
        Ok(_) if MAX_JOURNAL_ENTRY_BYTES < u64::try_from(bytes.len()).unwrap_or(u64::MAX) => {
            Err(DamageCause::TooLong)
        }
        Ok(_) => serde_json::from_slice(&bytes).map_err(|_| DamageCause::Malformed),
    })
}

/// Returns an id that no other decision has: random, 32 hexadecimal digits.
///
/// # Errors
///
/// Fails if the system gives no random bytes.
pub fn new_decision_id() -> io::Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(text::encode_hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::PusherIdentity;
    use crate::git::{RefUpdate, parse_pre_receive};
    use crate::ledger::server::decision::{DecisionContext, build_refusal_entry};

    #[test]
    fn of_a_denial_only_that_there_is_one_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let zero = "0".repeat(40);
        let line = format!("{zero} {} refs/heads/main\n", "1".repeat(40));
        let updates: Vec<RefUpdate> = parse_pre_receive(line.as_bytes()).unwrap();
        let by =
            DecisionContext { id: "0".repeat(32), pusher: Ok(PusherIdentity::Unidentified), served_by: None };
        let denied = build_refusal_entry(&updates, &"x".repeat(1 << 20), Timestamp::UNIX_EPOCH, by).unwrap();
        let path = write_entry(folder.path(), &denied).unwrap();
        let found = list_entries(folder.path(), &[]).unwrap().pop().unwrap();
        assert!(serde_json::to_vec(&found.entry.unwrap()).unwrap().len() < 2000);
        assert_eq!(read_whole_entry(&path).unwrap(), denied);
    }
}
