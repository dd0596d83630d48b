//! The lock of the folder that an audit writes into: two audits at once would remove and replace each other's files.
//!
//! The system releases it when the process ends, however that happens, so what a killed run leaves is no obstacle.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result};

/// The file that is locked where a folder cannot be; it stays.
const LOCK_FILE: &str = ".lock";

/// A folder that no other audit writes into as long as this lives.
#[derive(Debug)]
pub struct FolderLock {
    _held: File,
}

impl FolderLock {
    /// Locks a folder, which is made if it is not there; `None` if another process holds it.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be made, or nothing can be locked there.
    pub fn lock_folder(folder: &Path) -> Result<Option<FolderLock>> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let locked = match try_lock(File::open(folder)) {
            // Not every file system, nor every system, locks folders.
            Err(_) => {
                let mut options = OpenOptions::new();
                options.create(true).truncate(false).write(true);
                try_lock(options.open(folder.join(LOCK_FILE)))
            }
            locked => locked,
        };
        locked.with_context(|| format!("cannot lock the folder {}", folder.display()))
    }
}

/// Locks a file that was opened; `None` if another process holds it.
fn try_lock(opened: io::Result<File>) -> io::Result<Option<FolderLock>> {
    let file = opened?;
    match file.try_lock() {
        Ok(()) => Ok(Some(FolderLock { _held: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_locked_once_until_its_holder_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/out");
        let held = FolderLock::lock_folder(&out).unwrap();
        assert!(held.is_some() && FolderLock::lock_folder(&out).unwrap().is_none());
        assert!(FolderLock::lock_folder(folder.path()).unwrap().is_some(), "another folder is free");
        drop(held);
        assert!(FolderLock::lock_folder(&out).unwrap().is_some());
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "nothing is left in the folder");
    }

    #[test]
    fn a_file_is_no_folder_to_write_into() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let why = FolderLock::lock_folder(file.path()).unwrap_err().to_string();
        assert!(why.starts_with("cannot make the folder"), "{why}");
    }
}
