//! The gate's own folder in a repository: the lock, the newest record that this server wrote, and
//! why the ledger could not be written the last time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// The folder of the gate in a repository.
const GATE_FOLDER: &str = "changegate";

/// What the file of the lock says while a ref is about to move.
const MOVING_MARKER: &[u8] = b"moving\n";

/// The newest record that somebody has seen, for finding that the ledger was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerAnchor {
    /// Its number.
    pub number: u64,
    /// Its digest.
    pub digest: String,
}

/// The lock that whoever appends to the ledger holds; it goes with the process.
#[derive(Debug)]
pub struct LedgerLock(File);

impl LedgerAnchor {
    /// Reads `NUMBER:DIGEST`.
    pub fn parse_anchor(text: &str) -> Option<LedgerAnchor> {
        let (number, digest) = text.trim_end().split_once(':')?;
        Some(LedgerAnchor { number: number.parse().ok()?, digest: digest.to_owned() })
    }
}

impl LedgerLock {
    /// Returns true if the one before died while a ref was about to move.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read.
    pub fn was_interrupted(&mut self) -> io::Result<bool> {
        let mut said = Vec::new();
        self.0.rewind()?;
        (&self.0).take(MOVING_MARKER.len() as u64).read_to_end(&mut said)?;
        Ok(said == MOVING_MARKER)
    }

    /// Notes that a ref is about to move, or that it is done.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn mark_moving(&mut self, is_about_to: bool) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        if is_about_to { self.0.write_all(MOVING_MARKER) } else { Ok(()) }
    }
}

/// Returns the folder in which decisions wait.
pub(crate) fn journal_folder(common_dir: &Path) -> PathBuf {
    common_dir.join(GATE_FOLDER).join("ahead")
}

/// Returns the folder in which decisions wait, made if it is not there.
///
/// # Errors
///
/// Fails if it cannot be made.
pub fn create_journal_folder(common_dir: &Path) -> io::Result<PathBuf> {
    let folder = journal_folder(common_dir);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Takes the lock, waiting for whoever holds it.
///
/// # Errors
///
/// Fails if the file of the lock cannot be opened.
pub fn acquire_lock(common_dir: &Path) -> io::Result<LedgerLock> {
    let path = create_journal_folder(common_dir)?.with_file_name("lock");
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
    file.lock()?;
    Ok(LedgerLock(file))
}

/// Returns the newest record that this server has written; `None` if it has written none.
///
/// # Errors
///
/// Fails if that cannot be read.
pub fn read_anchor(common_dir: &Path) -> io::Result<Option<LedgerAnchor>> {
    let Some(text) = read_optional_file(&common_dir.join(GATE_FOLDER).join("newest"))? else {
        return Ok(None);
    };
    let wrong = || io::Error::other("changegate/newest does not hold NUMBER:DIGEST");
    LedgerAnchor::parse_anchor(&text).map(Some).ok_or_else(wrong)
}

/// Remembers the newest record.
///
/// # Errors
///
/// Fails if that cannot be written.
pub fn write_anchor(common_dir: &Path, newest: &LedgerAnchor) -> io::Result<()> {
    let text = format!("{}:{}\n", newest.number, newest.digest);
    replace_file(&create_journal_folder(common_dir)?.with_file_name("newest"), &text)
}

/// Returns why the ledger could not be written the last time; `None` if it could.
///
/// # Errors
///
/// Fails if that cannot be read.
pub fn read_failure(common_dir: &Path) -> io::Result<Option<String>> {
    read_optional_file(&common_dir.join(GATE_FOLDER).join("failing"))
}

/// Remembers why the ledger could not be written, or that it could.
///
/// # Errors
///
/// Fails if that cannot be written.
pub fn write_failure(common_dir: &Path, why: Option<&str>) -> io::Result<()> {
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
