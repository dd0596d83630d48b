//! What an audit of a fleet has finished before it was interrupted: the events of each repository, so that the next run
//! with the same inputs goes on behind them.
//!
//! The last line of a journal counts the events and holds their digest and what the repository held, so that a journal
//! that was cut, touched, or is of an older state counts for nothing.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::audit::fleet::audit_event::AuditEvent;
use crate::audit::fleet::partitioned_table::name_partition;
use crate::audit::formats::unfinished_file::UnfinishedFile;
use crate::audit::population::step_journal::StepJournal;
use crate::change::text::encode_hex;

/// The folder in that of the report; it is removed when the report is whole.
pub const CHECKPOINT_FOLDER: &str = ".audited";

/// The file that says what the repositories were audited from.
const INPUT_FILE: &str = "inputs.json";

/// The repositories that were audited to their end.
pub struct FleetCheckpoint {
    folder: PathBuf,
}

/// The events of a repository while they are written.
pub struct RepositoryJournal {
    file: UnfinishedFile,
    digest: Sha256,
    events: usize,
    state: Value,
}

/// How the last line of a journal begins; no event does.
const END_MARK: &[u8] = b"{\"journal-end\":";

/// The last line of a journal.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JournalEnd {
    journal_end: JournalSummary,
}

/// What a whole journal holds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JournalSummary {
    /// The number of its events.
    events: usize,
    /// The SHA-256 of their lines.
    digest: String,
    /// What the repository held.
    state: Value,
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

    /// Hands on the events of a repository that was audited to its end while it held `state`; returns false if it was
    /// not, or they are damaged.
    ///
    /// # Errors
    ///
    /// Passes on what `take` says.
    pub fn replay_repository(
        &self,
        (name, state): (&str, &Value),
        take: &mut dyn FnMut(&AuditEvent<'_>) -> Result<()>,
    ) -> Result<bool> {
        let path = self.locate_journal(name);
        // Nothing is handed on of a file that is not whole.
        let Ok(events) = verify_journal(&path, state) else { return Ok(false) };
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for line in BufReader::new(file).lines().take(events) {
            take(&serde_json::from_str::<AuditEvent<'_>>(&line?)?)?;
        }
        Ok(true)
    }

    /// Begins the events of a repository that holds `state`.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn begin_repository(&self, name: &str, state: Value) -> Result<RepositoryJournal> {
        let file = UnfinishedFile::create(&self.locate_journal(name))?;
        Ok(RepositoryJournal { file, digest: Sha256::new(), events: 0, state })
    }

    /// Opens the journal of single steps, which outlasts an interruption in the middle of a repository.
    pub fn open_step_journal(&self) -> StepJournal {
        StepJournal::open_journal(&self.folder)
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
    pub fn add_event(&mut self, event: &AuditEvent<'_>) -> Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.digest.update(&line);
        self.events += 1;
        self.file.write_all(&line)?;
        Ok(())
    }

    /// Ends the events: the repository was audited to its end.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn finish_repository(mut self) -> Result<()> {
        let digest = encode_hex(&self.digest.finalize());
        let summary = JournalSummary { events: self.events, digest, state: self.state };
        serde_json::to_writer(&mut self.file, &JournalEnd { journal_end: summary })?;
        self.file.write_all(b"\n")?;
        self.file.finish()
    }
}

/// Returns the number of events of a journal, if it is whole and of a repository that held `state`.
fn verify_journal(path: &Path, state: &Value) -> Result<usize> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (mut digest, mut events) = (Sha256::new(), 0);
    let mut lines = BufReader::new(file).split(b'\n');
    for line in lines.by_ref() {
        let line = line?;
        if line.starts_with(END_MARK) {
            let end: JournalEnd = serde_json::from_slice(&line)?;
            let found =
                JournalSummary { events, digest: encode_hex(&digest.finalize()), state: state.clone() };
            if end.journal_end != found || lines.next().is_some() {
                bail!("the events are not those that were written, or the repository has changed");
            }
            return Ok(events);
        }
        serde_json::from_slice::<AuditEvent<'_>>(&line)?;
        digest.update(&line);
        digest.update(b"\n");
        events += 1;
    }
    bail!("it has no end")
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
