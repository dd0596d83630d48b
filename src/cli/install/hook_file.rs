//! The file of a hook: written whole, kept under a second name, run by git or not.

use std::fs;
use std::io::Write as _;
use std::path::Path;

/// Returns true if the path exists, even as a broken link.
pub(crate) fn path_exists(file: &Path) -> bool {
    fs::symlink_metadata(file).is_ok()
}

/// Gives `file` its second name; the new hook then replaces the first in one step.
pub(crate) fn make_backup(file: &Path, backup: &Path) -> std::io::Result<()> {
    // Not every file system has links.
    fs::hard_link(file, backup).or_else(|_| fs::rename(file, backup))
}

/// Writes the script of a hook, which git can run, whole or not at all.
pub(crate) fn write_hook(file: &Path, text: &str) -> std::io::Result<()> {
    let directory = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut whole = tempfile::NamedTempFile::new_in(directory)?;
    whole.write_all(text.as_bytes())?;
    make_executable(whole.as_file())?;
    whole.as_file().sync_all()?;
    whole.persist(file)?;
    Ok(())
}

#[cfg(unix)]
fn make_executable(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &fs::File) -> std::io::Result<()> {
    Ok(())
}

/// Returns true if git would run `file`.
#[cfg(unix)]
pub(crate) fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
pub(crate) fn is_executable(file: &Path) -> bool {
    file.exists()
}
