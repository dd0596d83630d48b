//! Puts the files of an audit in their places when all of them are whole.

use std::path::Path;
use std::{fs, io};

use anyhow::{Context as _, Result};

use crate::audit::formats::unfinished_file::UnfinishedFile;

/// Puts a whole file in its place; a link there is followed, so that what it leads to is replaced.
pub(super) fn place_file(from: &Path, to: &Path) -> Result<()> {
    let describe = || format!("cannot write {}", to.display());
    let target = to.canonicalize().unwrap_or_else(|_| to.to_path_buf());
    if let Ok(known) = fs::metadata(&target) {
        fs::set_permissions(from, known.permissions()).with_context(describe)?;
    }
    if fs::rename(from, &target).is_ok() {
        return Ok(());
    }
    // What a link leads to may be on another disk.
    let mut file = UnfinishedFile::create(to)?;
    io::copy(&mut fs::File::open(from).with_context(describe)?, &mut file).with_context(describe)?;
    file.finish()
}

/// Removes a file, if it is there.
pub(super) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
