//! The gate's own folder in a repository: the lock, the newest record that this server wrote, and
//! why the ledger could not be written the last time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// The folder of the gate in a repository.
const FOLDER: &str = "changegate";

/// What the file of the lock says while a ref is about to move.
const MOVING: &[u8] = b"moving\n";

/// The newest record that somebody has seen, for finding that the ledger was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its number.
    pub number: u64,
    /// Its digest.
    pub digest: String,
}

/// The lock that whoever appends to the ledger holds; it goes with the process.
#[derive(Debug)]
pub struct Lock(File);

impl Anchor {
    /// Reads `NUMBER:DIGEST`.
    pub fn read(text: &str) -> Option<Anchor> {
        let (number, digest) = text.trim_end().split_once(':')?;
        Some(Anchor { number: number.parse().ok()?, digest: digest.to_owned() })
    }
}

impl Lock {
    /// Returns true if the one before died while a ref was about to move.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read.
    pub fn was_moving(&mut self) -> io::Result<bool> {
        let mut said = Vec::new();
        self.0.rewind()?;
        (&self.0).take(MOVING.len() as u64).read_to_end(&mut said)?;
        Ok(said == MOVING)
    }

    /// Notes that a ref is about to move, or that it is done.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn moving(&mut self, is_about_to: bool) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        if is_about_to { self.0.write_all(MOVING) } else { Ok(()) }
    }
}

/// Returns the folder in which decisions wait.
pub(super) fn folder(common_dir: &Path) -> PathBuf {
    common_dir.join(FOLDER).join("ahead")
}

/// Returns the folder in which decisions wait, made if it is not there.
///
/// # Errors
///
/// Fails if it cannot be made.
pub fn waiting(common_dir: &Path) -> io::Result<PathBuf> {
    let folder = folder(common_dir);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Takes the lock, waiting for whoever holds it.
///
/// # Errors
///
/// Fails if the file of the lock cannot be opened.
pub fn lock(common_dir: &Path) -> io::Result<Lock> {
    let path = waiting(common_dir)?.with_file_name("lock");
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
    file.lock()?;
    Ok(Lock(file))
}

/// Returns the newest record that this server has written; `None` if it has written none.
///
/// # Errors
///
/// Fails if that cannot be read.
pub fn newest(common_dir: &Path) -> io::Result<Option<Anchor>> {
    let Some(text) = read(&common_dir.join(FOLDER).join("newest"))? else { return Ok(None) };
    let wrong = || io::Error::other("changegate/newest does not hold NUMBER:DIGEST");
    Anchor::read(&text).map(Some).ok_or_else(wrong)
}

/// Remembers the newest record.
///
/// # Errors
///
/// Fails if that cannot be written.
pub fn remember(common_dir: &Path, newest: &Anchor) -> io::Result<()> {
    let text = format!("{}:{}\n", newest.number, newest.digest);
    write(&waiting(common_dir)?.with_file_name("newest"), &text)
}

/// Returns why the ledger could not be written the last time; `None` if it could.
///
/// # Errors
///
/// Fails if that cannot be read.
pub fn failing(common_dir: &Path) -> io::Result<Option<String>> {
    read(&common_dir.join(FOLDER).join("failing"))
}

/// Remembers why the ledger could not be written, or that it could.
///
/// # Errors
///
/// Fails if that cannot be written.
pub fn remember_failing(common_dir: &Path, why: Option<&str>) -> io::Result<()> {
    let path = common_dir.join(FOLDER).join("failing");
    match why {
        Some(why) => write(&path, why),
        None => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
