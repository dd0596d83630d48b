//! Files that are named on a command line or in a repository, before they are opened.

use std::fs::Metadata;
use std::io;
use std::path::Path;

/// The folders in which a shell puts what it passes on by a name, as in `<(...)`, and where devices are.
const DEVICE_FOLDERS: [&str; 2] = ["/dev", "/proc"];

/// Refuses a pipe or a socket that lies among files, and would be waited for without end.
///
/// # Errors
///
/// Says so, or why the file is not found.
pub(crate) fn refuse_waiting_file(path: &Path) -> io::Result<Metadata> {
    let metadata = std::fs::metadata(path)?;
    let is_passed_on = DEVICE_FOLDERS.iter().any(|folder| path.starts_with(folder));
    if !metadata.is_file() && !metadata.is_dir() && !is_passed_on {
        return Err(io::Error::other("it is a pipe, a socket or a device, not a regular file"));
    }
    Ok(metadata)
}
