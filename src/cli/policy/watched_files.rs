//! Files that are looked at again and again, until one of them changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, SystemTime};

/// How long a change goes unnoticed at most.
const WATCH_INTERVAL: Duration = Duration::from_millis(300);

/// The files of some folders, not those of folders in them, with their sizes and times.
pub(super) struct WatchedFiles {
    folders: Vec<PathBuf>,
    seen: BTreeMap<PathBuf, (u64, Option<SystemTime>)>,
}

impl WatchedFiles {
    /// Lists the files of the folders as they are now; a folder that cannot be read has none.
    pub(super) fn list_files(folders: &[PathBuf]) -> WatchedFiles {
        let mut seen = BTreeMap::new();
        for folder in folders {
            for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
                if let Ok(metadata) = fs::metadata(entry.path())
                    && metadata.is_file()
                {
                    seen.insert(entry.path(), (metadata.len(), metadata.modified().ok()));
                }
            }
        }
        WatchedFiles { folders: folders.to_vec(), seen }
    }

    /// Returns the number of files.
    pub(super) fn count_files(&self) -> usize {
        self.seen.len()
    }

    /// Returns once a file has come, gone or changed.
    pub(super) fn await_change(&self) {
        while WatchedFiles::list_files(&self.folders).seen == self.seen {
            thread::sleep(WATCH_INTERVAL);
        }
    }
}
