//! A file that is written beside its place, and takes it only when it is whole.
//!
//! What is left of a run that failed, or that was killed, must never be taken for a whole file: until
//! [`UnfinishedFile::finish`] the target is absent, or the old one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use tempfile::{NamedTempFile, TempDir};

/// How the names of what is not finished begin.
pub(crate) const UNFINISHED_PREFIX: &str = ".unfinished-";

#[cfg(unix)]
const NEW_FILE_MODE: u32 = 0o666;

/// A file under a temporary name, in the folder of its target. It is removed unless it is finished.
#[derive(Debug)]
pub(crate) struct UnfinishedFile {
    file: BufWriter<NamedTempFile>,
    target: PathBuf,
}

impl UnfinishedFile {
    /// Creates the file under its temporary name. A link is followed, so that what it leads to is replaced.
    pub(crate) fn create(path: &Path) -> Result<UnfinishedFile> {
        let target = match fs::metadata(path) {
            Ok(found) if !found.is_file() => bail!("cannot write {}: it is not a file", path.display()),
            Ok(_) => path.canonicalize().with_context(|| format!("cannot write {}", path.display()))?,
            Err(_) => path.to_path_buf(),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(UNFINISHED_PREFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let permissions = match fs::metadata(&target) {
                Ok(known) => known.permissions(),
                Err(_) => fs::Permissions::from_mode(NEW_FILE_MODE),
            };
            builder.permissions(permissions);
        }
        let file = builder
            .tempfile_in(parent_folder(&target))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(UnfinishedFile { file: BufWriter::new(file), target })
    }

    /// Returns a file without a name in the same folder, for what is copied into this one later.
    pub(crate) fn create_spool(&self) -> Result<File> {
        tempfile::tempfile_in(parent_folder(&self.target))
            .with_context(|| format!("cannot write beside {}", self.target.display()))
    }

    /// Gives the file its name, after all of it has reached the disk.
    pub(crate) fn finish(self) -> Result<()> {
        let UnfinishedFile { file, target } = self;
        let describe = || format!("cannot write {}", target.display());
        let file = file.into_inner().map_err(io::IntoInnerError::into_error).with_context(describe)?;
        file.as_file().sync_all().with_context(describe)?;
        file.persist(&target).map_err(|error| error.error).with_context(describe)?;
        Ok(())
    }
}

/// Makes a folder beside the one called `name`, which it is to become; it is removed unless it does. What an earlier run
/// for the same name left behind is removed first.
///
/// # Errors
///
/// Fails if the folder cannot be made.
pub(crate) fn create_unfinished_folder(beside: &Path, name: &str) -> io::Result<TempDir> {
    let prefix = format!("{UNFINISHED_PREFIX}{name}-");
    remove_unfinished(beside, &prefix);
    tempfile::Builder::new().prefix(&prefix).tempdir_in(beside)
}

/// Removes what a killed run left in a folder under names that begin like this. What cannot be removed stays.
pub(crate) fn remove_unfinished(folder: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_left = entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix));
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let _ = match (is_left, is_folder) {
            (true, true) => fs::remove_dir_all(entry.path()),
            (true, false) => fs::remove_file(entry.path()),
            (false, _) => Ok(()),
        };
    }
}

/// Returns the folder that a file is in.
fn parent_folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Write for UnfinishedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for UnfinishedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        fs::write(&path, "old").unwrap();
        let mut file = UnfinishedFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the unfinished file is gone");

        let mut file = UnfinishedFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_no_place_for_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let why = UnfinishedFile::create(folder.path()).unwrap_err().to_string();
        assert!(why.ends_with("it is not a file"), "{why}");
    }
}
