//! What an audit of a fleet has finished before it was interrupted: the events of each repository, so that the next run
//! with the same inputs goes on behind them.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::audit::fleet::audit_event::AuditEvent;
use crate::audit::fleet::partitioned_table::name_partition;
use crate::audit::formats::unfinished_file::UnfinishedFile;

/// The folder in that of the report; it is removed when the report is whole.
const CHECKPOINT_FOLDER: &str = ".audited";

/// The file that says what the repositories were audited from.
const INPUT_FILE: &str = "inputs.json";

/// The repositories that were audited to their end.
pub struct FleetCheckpoint {
    folder: PathBuf,
}

/// The events of a repository while they are written.
pub struct RepositoryJournal {
    file: UnfinishedFile,
}

impl FleetCheckpoint {
    /// Opens the checkpoint in the folder of a report, for an audit with these inputs. What an audit with other ones left
    /// is removed.
    ///
    /// # Errors
    ///
    /// Fails if nothing can be written there.
    pub fn open_checkpoint(out: &Path, inputs: &Value) -> Result<FleetCheckpoint> {
        let folder = out.join(CHECKPOINT_FOLDER);
        let describe = || format!("cannot write {}", folder.display());
        let written = serde_json::to_vec(inputs)?;
        let path = folder.join(INPUT_FILE);
        if fs::read(&path).ok().as_ref() != Some(&written) {
            remove_folder(&folder).with_context(describe)?;
            fs::create_dir_all(&folder).with_context(describe)?;
            let mut file = UnfinishedFile::create(&path)?;
            file.write_all(&written).with_context(describe)?;
            file.finish()?;
        }
        Ok(FleetCheckpoint { folder })
    }

    /// Hands on the events of a repository that was audited to its end; returns false if it was not, or they are damaged.
    ///
    /// # Errors
    ///
    /// Passes on what `take` says.
    pub fn replay_repository(
        &self,
        name: &str,
        take: &mut dyn FnMut(&AuditEvent<'_>) -> Result<()>,
    ) -> Result<bool> {
        let path = self.locate_journal(name);
        // Nothing is handed on of a file that cannot be read to its end.
        if read_journal(&path, &mut |_| Ok(())).is_err() {
            return Ok(false);
        }
        read_journal(&path, take)?;
        Ok(true)
    }

    /// Begins the events of a repository.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn begin_repository(&self, name: &str) -> Result<RepositoryJournal> {
        Ok(RepositoryJournal { file: UnfinishedFile::create(&self.locate_journal(name))? })
    }

    /// Removes the checkpoint of a report that is whole.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be removed.
    pub fn remove_checkpoint(self) -> Result<()> {
        remove_folder(&self.folder).with_context(|| format!("cannot remove {}", self.folder.display()))
    }

    fn locate_journal(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}.jsonl", name_partition(name)))
    }
}

impl RepositoryJournal {
    /// Writes the next event.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub(crate) fn add_event(&mut self, event: &AuditEvent<'_>) -> Result<()> {
        serde_json::to_writer(&mut self.file, event)?;
        self.file.write_all(b"\n")?;
        Ok(())
    }

    /// Ends the events: the repository was audited to its end.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn finish_repository(self) -> Result<()> {
        self.file.finish()
    }
}

fn read_journal(path: &Path, take: &mut dyn FnMut(&AuditEvent<'_>) -> Result<()>) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    for line in BufReader::new(file).lines() {
        take(&serde_json::from_str::<AuditEvent<'_>>(&line?)?)?;
    }
    Ok(())
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
