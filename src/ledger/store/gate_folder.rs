//! The gate's own folder in a repository: the lock, the newest record that this server wrote, and the
//! reason why the ledger could not be written last time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::gate::roster_indexes::GATE_FOLDER;

/// The content of the lock file while the ledger's ref is being moved.
const MOVING_MARKER: &[u8] = b"moving\n";

/// The newest record that was seen, to detect later that records were removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerAnchor {
    /// The number of the record.
    pub number: u64,
    /// The digest of the record, as `sha256:HEX`.
    pub digest: String,
}

/// The lock that a process holds while it appends to the ledger; it ends with the process.
#[derive(Debug)]
pub struct LedgerLock(File);

impl LedgerAnchor {
    /// Parses the anchor that the file of the gate holds, written `NUMBER:DIGEST`.
    pub(crate) fn parse_anchor(text: &str) -> Option<LedgerAnchor> {
        let (number, digest) = text.trim_end().split_once(':')?;
        Some(LedgerAnchor { number: number.parse().ok()?, digest: digest.to_owned() })
    }
}

impl LedgerLock {
    /// Returns whether the last holder died while it moved the ledger's ref.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read.
    pub(crate) fn was_interrupted(&mut self) -> io::Result<bool> {
        let mut said = Vec::new();
        self.0.rewind()?;
        (&self.0).take(MOVING_MARKER.len() as u64).read_to_end(&mut said)?;
        Ok(said == MOVING_MARKER)
    }

    /// Marks that the ledger's ref is about to be moved, or that this is done.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub(crate) fn mark_moving(&mut self, is_about_to: bool) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        if is_about_to { self.0.write_all(MOVING_MARKER) } else { Ok(()) }
    }
}

/// Returns the path of a file of the gate.
pub(crate) fn locate_gate_file(common_dir: &Path, name: &str) -> PathBuf {
    common_dir.join(GATE_FOLDER).join(name)
}

/// Returns the folder of the journal: decisions that are not in the ledger yet.
pub(crate) fn journal_folder(common_dir: &Path) -> PathBuf {
    common_dir.join(GATE_FOLDER).join("journal")
}

/// Returns the folder of the journal, and creates it if it does not exist.
///
/// # Errors
///
/// Fails if it cannot be created.
pub(crate) fn create_journal_folder(common_dir: &Path) -> io::Result<PathBuf> {
    let folder = journal_folder(common_dir);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Takes the lock; waits while another process holds it.
///
/// # Errors
///
/// Fails if the lock file cannot be opened.
pub(crate) fn acquire_lock(common_dir: &Path) -> io::Result<LedgerLock> {
    let path = create_journal_folder(common_dir)?.with_file_name("lock");
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
    file.lock()?;
    Ok(LedgerLock(file))
}

/// Returns the newest record that this server has written; `None` if there is none.
///
/// # Errors
///
/// Fails if the file cannot be read.
pub(crate) fn read_anchor(common_dir: &Path) -> io::Result<Option<LedgerAnchor>> {
    let Some(text) = read_optional_file(&common_dir.join(GATE_FOLDER).join("newest"))? else {
        return Ok(None);
    };
    match LedgerAnchor::parse_anchor(&text) {
        Some(anchor) => Ok(Some(anchor)),
        None => Err(io::Error::other("changegate/newest is not NUMBER:DIGEST")),
    }
}

/// Stores the newest record.
///
/// # Errors
///
/// Fails if the file cannot be written.
pub(crate) fn write_anchor(common_dir: &Path, newest: &LedgerAnchor) -> io::Result<()> {
    let text = format!("{}:{}\n", newest.number, newest.digest);
    replace_file(&create_journal_folder(common_dir)?.with_file_name("newest"), &text)
}

/// Returns why the ledger could not be written last time; `None` if it was written.
///
/// # Errors
///
/// Fails if the file cannot be read.
pub(crate) fn read_failure(common_dir: &Path) -> io::Result<Option<String>> {
    read_optional_file(&common_dir.join(GATE_FOLDER).join("failing"))
}

/// Stores why the ledger could not be written; `None` if it was written.
///
/// # Errors
///
/// Fails if the file cannot be written.
pub(crate) fn write_failure(common_dir: &Path, why: Option<&str>) -> io::Result<()> {
    let path = common_dir.join(GATE_FOLDER).join("failing");
    match why {
        Some(why) => replace_file(&path, why),
        None => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

fn read_optional_file(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
