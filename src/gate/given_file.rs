//! Files that are named on a command line or in a repository, before they are opened.

use std::fs::Metadata;
use std::io;
use std::path::Path;

/// The folders below which a shell puts what it passes on by a name, as in `<(...)`. Below `/dev` there are folders of
/// ordinary files too, such as `/dev/shm`.
const PASSING_FOLDERS: [&str; 2] = ["/dev/fd", "/proc"];

/// The folder of devices, of which `/dev/stdin` is one.
const DEVICE_FOLDER: &str = "/dev";

/// Refuses a pipe or a socket that lies among files, and would be waited for without end.
///
/// # Errors
///
/// Says so, or why the file is not found.
pub(crate) fn refuse_waiting_file(path: &Path) -> io::Result<Metadata> {
    let metadata = std::fs::metadata(path)?;
    let is_passed_on = PASSING_FOLDERS.iter().any(|folder| path.starts_with(folder))
        || path.parent() == Some(Path::new(DEVICE_FOLDER));
    if !metadata.is_file() && !metadata.is_dir() && !is_passed_on {
        return Err(io::Error::other("it is a pipe, a socket or a device, not a regular file"));
    }
    Ok(metadata)
}
