//! The journal: decisions on disk, written before git moves refs.
//!
//! Refs cannot move while git holds a push in quarantine, and a push that is cut off may never report its
//! outcome. So a decision is first a file in the gate's own folder, complete and synced to the disk before the
//! hook ends; it stays there until it is in the ledger. A file gets its final name only when it is complete,
//! so a visible file never holds half a decision.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::text;
use crate::ledger::record::{DamageCause, DecisionRecord};
use crate::ledger::store::{DecisionFiles, gate_folder};

/// The size of the largest file that is read back.
const MAX_JOURNAL_ENTRY_BYTES: u64 = 64 << 20;

/// The end of the name of a file that holds a denial. It moves no ref, so nothing else depends on it, and it can
/// wait without being read.
const DENIAL_SUFFIX: &str = ".denied.json";

/// The most bytes of denials that are read where not all are. A denial can have megabytes, and a pusher without any
/// permission can leave many.
const MAX_DENIAL_BYTES: u64 = 8 << 20;

/// The beginning of the name of a file that is not complete yet.
const UNFINISHED_PREFIX: &str = ".new-";

/// A decision that is written ahead, with what is not part of its record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct JournalEntry {
    /// The decision as it will be recorded.
    pub decided: DecisionRecord,
    /// The process that serves the push, by a name that no other process had; `None` if it is not known.
    pub served_by: Option<String>,
    /// The facts about the changes, one change to a line; `None` if they are too long to be kept.
    pub facts: Option<String>,
    /// What the verdicts rest on, one change to a line; `None` if it is too long to be kept.
    #[serde(default)]
    pub reasons: Option<String>,
}

impl JournalEntry {
    /// Returns the decision, and what is kept beside its record.
    pub(crate) fn split_files(self) -> (DecisionRecord, DecisionFiles) {
        (self.decided, DecisionFiles { facts: self.facts, reasons: self.reasons })
    }
}

/// A file of the journal.
#[derive(Clone, Debug)]
pub struct JournalFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The decision, or why it cannot be read. Of a denial only id and time are held: all entries are in
    /// memory at once, and a pusher without any permission can cause as many denials as they like.
    pub entry: Result<JournalEntry, DamageCause>,
}

/// Writes a decision to the journal, and returns once the disk has it.
///
/// # Errors
///
/// Fails if it cannot be written in full; then no file is left.
pub fn write_entry(common_dir: &Path, ahead: &JournalEntry) -> io::Result<PathBuf> {
    let folder = gate_folder::create_journal_folder(common_dir)?;
    let bytes = serde_json::to_vec(ahead).map_err(io::Error::other)?;
    // Sorted by name, decisions are in their order, as far as the clock tells.
    let suffix = if ahead.decided.is_allowed() { ".json" } else { DENIAL_SUFFIX };
    let name = format!("{:020}-{}{suffix}", ahead.decided.observed_at.as_microsecond(), ahead.decided.id);
    let mut file = tempfile::Builder::new().prefix(UNFINISHED_PREFIX).tempfile_in(&folder)?;
    file.write_all(&bytes)?;
    let path = folder.join(name);
    let file = file.persist_noclobber(&path)?;
    // The name has to be on the disk too. Syncing both at once takes hardly longer than one.
    let (content, name) = std::thread::scope(|scope| {
        let name = scope.spawn(|| File::open(&folder)?.sync_all());
        (file.sync_all(), name.join())
    });
    let synced = content.and(name.map_err(|_| io::Error::other("a thread has panicked"))?);
    if synced.is_err() {
        // The push is refused, so nothing was decided.
        let _ = fs::remove_file(&path);
    }
    synced.map(|()| path)
}

/// Returns the decisions that are not in the ledger yet and not in `known`, oldest first; of the denials among
/// them, so many of the oldest, and no more than [`MAX_DENIAL_BYTES`] after the first. [`usize::MAX`] is all of them.
///
/// # Errors
///
/// Fails if the folder cannot be read. A file that cannot be read is returned with the cause.
pub(crate) fn list_entries(
    common_dir: &Path,
    known: &[JournalFile],
    max_denials: usize,
) -> io::Result<Vec<JournalFile>> {
    let known: HashSet<&Path> = known.iter().map(|found| found.path.as_path()).collect();
    let mut paths = Vec::new();
    for entry in read_journal_folder(common_dir)? {
        let path = entry.path();
        let is_whole = path.extension().is_some_and(|extension| extension == "json");
        if is_whole && !known.contains(path.as_path()) {
            paths.push(path);
        }
    }
    paths.sort();
    let (mut denials, mut bytes) = (0, 0);
    paths.retain(|path| {
        if !path.to_string_lossy().ends_with(DENIAL_SUFFIX) || max_denials == usize::MAX {
            return true;
        }
        denials += 1;
        bytes += fs::metadata(path).map_or(0, |metadata| metadata.len());
        // The oldest is always among them, so that each run comes further.
        denials <= max_denials && (denials == 1 || bytes <= MAX_DENIAL_BYTES)
    });
    let mut found = Vec::new();
    for path in paths {
        // Without the lock, a file can be removed before it is read.
        if let Some(entry) = read_entry(&path) {
            found.push(JournalFile { path, entry: entry.map(strip_denial) });
        }
    }
    Ok(found)
}

/// Returns whether the journal has a file of one of these decisions.
///
/// # Errors
///
/// Fails if the folder cannot be read.
pub(crate) fn has_entry_of(common_dir: &Path, decision_ids: &[String]) -> io::Result<bool> {
    for entry in read_journal_folder(common_dir)? {
        let name = entry.file_name();
        if let Some(name) = name.to_str()
            && let Some((_, rest)) = name.split_once('-')
            && let Some((id, _)) = rest.split_once('.')
            // Of a file that could not be read, the name stands for the decision.
            && decision_ids.iter().any(|known| known == id || known == name)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns a decision of the journal in full.
///
/// # Errors
///
/// Fails if it cannot be read any more.
pub(crate) fn read_whole_entry(path: &Path) -> io::Result<JournalEntry> {
    match read_entry(path) {
        Some(Ok(entry)) => Ok(entry),
        Some(Err(cause)) => Err(io::Error::other(cause.describe())),
        None => Err(io::Error::from(io::ErrorKind::NotFound)),
    }
}

/// Removes the large parts of a denial.
fn strip_denial(mut ahead: JournalEntry) -> JournalEntry {
    if !ahead.decided.is_allowed() {
        ahead.decided.refs = Vec::new();
        ahead.decided.notes = Vec::new();
        ahead.facts = None;
        ahead.reasons = None;
    }
    ahead
}

/// Removes incomplete files that are older than `before`: such a decision was never reported to git.
///
/// # Errors
///
/// Fails if the folder cannot be read.
pub(crate) fn remove_unfinished(common_dir: &Path, before: Timestamp) -> io::Result<()> {
    for entry in read_journal_folder(common_dir)? {
        let is_unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED_PREFIX);
        if is_unfinished
            && let Ok(metadata) = entry.metadata()
            && let Ok(modified) = metadata.modified()
            && let Ok(modified_at) = Timestamp::try_from(modified)
            && modified_at < before
        {
            // A file that stays is removed by a later run.
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

/// Reads a decision back; `None` if the file does not exist.
fn read_entry(path: &Path) -> Option<Result<JournalEntry, DamageCause>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(_) => return Some(Err(DamageCause::Unreadable)),
    };
    // Without room for all of it, a file is read in many small pieces.
    let length = file.metadata().map_or(0, |metadata| metadata.len().min(MAX_JOURNAL_ENTRY_BYTES));
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1));
    if file.take(MAX_JOURNAL_ENTRY_BYTES + 1).read_to_end(&mut bytes).is_err() {
        return Some(Err(DamageCause::Unreadable));
    }
    if bytes.len() as u64 > MAX_JOURNAL_ENTRY_BYTES {
        return Some(Err(DamageCause::TooLong));
    }
    Some(serde_json::from_slice(&bytes).map_err(|_| DamageCause::Malformed))
}

/// Returns a random id for a decision, of 32 hexadecimal digits.
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
    fn denials_are_bounded_by_their_size_and_the_oldest_is_always_among_them() {
        let folder = tempfile::tempdir().unwrap();
        let journal = gate_folder::create_journal_folder(folder.path()).unwrap();
        for number in 0..4 {
            let file = File::create(journal.join(format!("{number:020}-a{DENIAL_SUFFIX}"))).unwrap();
            file.set_len(MAX_DENIAL_BYTES / 2 + 1).unwrap();
        }
        let count = |max_denials| list_entries(folder.path(), &[], max_denials).unwrap().len();
        assert_eq!((count(0), count(128), count(usize::MAX)), (0, 1, 4));
    }

    #[test]
    fn of_a_denial_only_that_there_is_one_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let zero = "0".repeat(40);
        let mut lines = String::new();
        for number in 0..1000 {
            lines.push_str(&format!("{zero} {} refs/heads/{number}\n", "1".repeat(40)));
        }
        let updates: Vec<RefUpdate> = parse_pre_receive(lines.as_bytes()).unwrap();
        let by =
            DecisionContext { id: "0".repeat(32), pusher: Ok(PusherIdentity::Unidentified), served_by: None };
        let denied = build_refusal_entry(&updates, Timestamp::UNIX_EPOCH, by).unwrap();
        let path = write_entry(folder.path(), &denied).unwrap();
        let found = list_entries(folder.path(), &[], 1).unwrap().pop().unwrap();
        assert!(list_entries(folder.path(), &[], 0).unwrap().is_empty());
        assert!(has_entry_of(folder.path(), &["1".repeat(32), "0".repeat(32)]).unwrap());
        assert!(!has_entry_of(folder.path(), &["1".repeat(32)]).unwrap());
        assert!(serde_json::to_vec(&found.entry.unwrap()).unwrap().len() < 2000);
        assert_eq!(read_whole_entry(&path).unwrap(), denied);
    }
}
