//! The ledger in a repository: reads its newest record and appends the next.

pub mod gate_folder;
pub(crate) mod ledger_files;
pub(crate) mod protected_refs;
pub mod state_reader;

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;

use crate::change::NeededFacts;
use crate::git::{ChainLink, ChainWriter, REF_LOCK_TIMEOUT, Repository};
use crate::ledger::LEDGER_REF;
use crate::ledger::record::canonical::to_canonical_json_in_order;
use crate::ledger::record::message;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{DecisionRecord, LedgerEvent, RECORD_SCHEMA, Record, digest_bytes};
use crate::ledger::state::LedgerState;
use crate::ledger::store::gate_folder::{LedgerAnchor, LedgerLock};
use crate::ledger::store::ledger_files::read_state_at;
use crate::ledger::store::state_reader::LedgerStateReader;

pub use crate::ledger::store::ledger_files::{FACTS_FILE, REASONS_FILE, RECORD_FILE, read_ledger_file};
pub(crate) use crate::ledger::store::ledger_files::{MAX_LEDGER_FILE_BYTES, STATE_FILE};

/// How long to wait before a lock file of the ref is looked for again.
const REF_LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The ledger of a repository, opened at its newest record to append to it.
///
/// The lock (`gate_folder::acquire_lock`) has to be held from before it is opened.
pub struct LedgerWriter<'a> {
    repository: &'a Repository,
    /// Holds the commits that were appended and that the ref does not hold yet.
    chain: ChainWriter<'a>,
    last_digest: Option<String>,
    /// When the newest record was appended; `None` if there is none, or it does not say.
    newest_recorded_at: Option<Timestamp>,
    state: LedgerState,
    /// The newest record, if its commit is not written yet: it depends on whether another record follows.
    held: Option<HeldRecord>,
}

/// What is kept beside the record of a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DecisionFiles {
    /// The facts about its changes, one change to a line; `None` if they are too long to be kept.
    pub(crate) facts: Option<String>,
    /// What the verdicts rest on, one change to a line; `None` if it is too long to be kept.
    pub(crate) reasons: Option<String>,
}

/// A record that was appended and whose commit is still to be written.
struct HeldRecord {
    bytes: Vec<u8>,
    message: String,
    beside: DecisionFiles,
    written_at: Timestamp,
}

impl<'a> LedgerWriter<'a> {
    /// Opens the ledger; `key` signs what is appended.
    ///
    /// # Errors
    ///
    /// Fails if its newest commit cannot be read or understood, or if it is older than what this server
    /// has written before.
    pub(crate) fn open_ledger(repository: &'a Repository, key: Option<&'a str>) -> Result<Self> {
        Self::open_with_reader(&LedgerStateReader::new(repository), key)
    }

    /// Opens the ledger, with the state that `states` may have read already; `key` signs what is appended.
    ///
    /// # Errors
    ///
    /// Fails as [`LedgerWriter::open_ledger`] does.
    pub(crate) fn open_with_reader(states: &LedgerStateReader<'a>, key: Option<&'a str>) -> Result<Self> {
        let repository = states.repository();
        let tip = repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
        let mut ledger = LedgerWriter {
            repository,
            chain: ChainWriter::new(repository, tip, key),
            last_digest: None,
            newest_recorded_at: None,
            state: LedgerState::default(),
            held: None,
        };
        let newest = gate_folder::read_anchor(repository.common_dir())
            .context("cannot read which record this server has written last")?;
        let Some(tip) = tip else {
            if let Some(newest) = newest {
                bail!(
                    "the ledger had {} records, and now there is none; see docs/evidence.md",
                    newest.number
                );
            }
            return Ok(ledger);
        };
        let bytes = read_ledger_file(repository, tip, RECORD_FILE)?
            .with_context(|| format!("{tip} has no {RECORD_FILE}"))?;
        let (number, schema) = match ReadableRecord::parse_record(&bytes) {
            ReadableRecord::Known(record) => {
                ledger.newest_recorded_at = Some(record.recorded_at);
                (record.number, record.schema)
            }
            ReadableRecord::Unknown(place) => (place.number, place.schema),
            ReadableRecord::Damaged(why) => bail!("the newest record of the ledger cannot be read: {why}"),
        };
        // A state computed without understanding the newest record would leave out what that record says.
        if schema != RECORD_SCHEMA {
            bail!(
                "the newest record of the ledger has the schema {schema}; append with a version of changegate that knows it"
            );
        }
        ledger.state = states.take_state_at(tip)?;
        if ledger.state.number != number {
            bail!(
                "the newest commit of the ledger holds record {number} and the state after record {}",
                ledger.state.number
            );
        }
        let last = digest_bytes(&bytes);
        // A shorter chain, or another record in place of the last one: records were removed.
        if let Some(newest) = newest
            && (number < newest.number || (number == newest.number && last != newest.digest))
        {
            bail!(
                "the ledger had {} records, and now ends with a different record {number}; see docs/evidence.md",
                newest.number
            );
        }
        ledger.last_digest = Some(last);
        Ok(ledger)
    }

    /// Returns whether the ledger has a record.
    pub(crate) fn has_begun(&self) -> bool {
        self.last_digest.is_some()
    }

    /// Returns when the newest record was appended; `None` if there is none.
    pub(crate) fn newest_recorded_at(&self) -> Option<Timestamp> {
        self.newest_recorded_at
    }

    /// Returns the state after the newest record.
    pub fn state(&self) -> &LedgerState {
        &self.state
    }

    /// Returns the number and digest of the newest record; `None` if there is none.
    pub(crate) fn newest_anchor(&self) -> Option<LedgerAnchor> {
        Some(LedgerAnchor { number: self.state.number, digest: self.last_digest.clone()? })
    }

    /// Appends a record of `event`. It becomes part of the ledger with
    /// [`LedgerWriter::commit_records`].
    ///
    /// # Errors
    ///
    /// Fails, and leaves the ledger as it was, if anything cannot be written.
    pub(crate) fn append_event(&mut self, event: LedgerEvent, now: Timestamp) -> Result<()> {
        self.append_with_files(event, DecisionFiles::default(), now)
    }

    /// Appends the record of a decision, with what is kept beside it.
    ///
    /// # Errors
    ///
    /// As [`LedgerWriter::append_event`].
    pub(crate) fn append_decision(
        &mut self,
        decided: DecisionRecord,
        beside: DecisionFiles,
        now: Timestamp,
    ) -> Result<()> {
        self.append_with_files(LedgerEvent::Decision(Box::new(decided)), beside, now)
    }

    fn append_with_files(&mut self, event: LedgerEvent, beside: DecisionFiles, now: Timestamp) -> Result<()> {
        let record = Record {
            schema: RECORD_SCHEMA.into(),
            number: self.state.number.checked_add(1).context("the ledger is full")?,
            previous: self.last_digest.clone(),
            recorded_at: now,
            event,
        };
        let bytes = record.to_canonical_bytes().map_err(|why| anyhow!(why))?;
        // Another record follows, so no reader begins at the one before.
        self.write_held_record(None)?;
        self.state.apply_record(&record);
        self.last_digest = Some(digest_bytes(&bytes));
        self.newest_recorded_at = Some(now);
        let message = message::compose_message(&record);
        self.held = Some(HeldRecord { bytes, message, beside, written_at: now });
        Ok(())
    }

    /// Writes the commit of the record that is held, with the state after it if `state` is given.
    fn write_held_record(&mut self, state: Option<&[u8]>) -> Result<()> {
        let Some(held) = &self.held else { return Ok(()) };
        let mut files: Vec<(&str, &[u8])> = Vec::new();
        // The names are sorted, as git sorts a tree.
        if let Some(facts) = &held.beside.facts {
            files.push((FACTS_FILE, facts.as_bytes()));
        }
        if let Some(reasons) = &held.beside.reasons {
            files.push((REASONS_FILE, reasons.as_bytes()));
        }
        files.push((RECORD_FILE, held.bytes.as_slice()));
        if let Some(state) = state {
            files.push((STATE_FILE, state));
        }
        self.chain.add_link(&ChainLink {
            files: &files,
            message: &held.message,
            written_at: held.written_at,
        })?;
        self.held = None;
        Ok(())
    }

    /// Makes all appended records part of the ledger, in one move of its ref.
    ///
    /// The state is as large as all that it tells of, so it is written once, beside the last of them. Written
    /// beside each, it would make many records cost the square of their number.
    ///
    /// # Errors
    ///
    /// Fails, and leaves the ledger as it was, if the ref cannot be moved.
    pub(crate) fn commit_records(&mut self, lock: &mut LedgerLock, now: Timestamp) -> Result<()> {
        if self.held.is_some() {
            let state = to_canonical_json_in_order(&self.state).map_err(|why| anyhow!(why))?;
            self.write_held_record(Some(&state))?;
        }
        if self.chain.is_settled() {
            return Ok(());
        }
        lock.mark_moving(true).context("cannot write to the lock of the ledger")?;
        let moved = self.chain.advance_ref(LEDGER_REF, now);
        // Only a process that dies here leaves the mark, so a lock file that made the move fail is not
        // taken for ours.
        lock.mark_moving(false).context("cannot write to the lock of the ledger")?;
        if let Err(error) = moved {
            let lock = find_ref_lock(self.repository);
            return Err(if lock.exists() { anyhow!(describe_ref_lock(&lock)) } else { error });
        }
        if let Some(digest) = &self.last_digest {
            let newest = LedgerAnchor { number: self.state.number, digest: digest.clone() };
            gate_folder::write_anchor(self.repository.common_dir(), &newest)
                .context("cannot store which record is the newest")?;
        }
        Ok(())
    }
}

/// Removes git's lock file of the ledger's ref if the last holder of our lock died while it moved the ref:
/// no process owns that file any more, and it would block the ref for ever. The files that kept git from
/// removing its packs go too.
///
/// # Errors
///
/// Fails if it cannot be removed.
pub(crate) fn remove_stale_lock(repository: &Repository, lock: &mut LedgerLock) -> Result<()> {
    if lock.was_interrupted().context("cannot read the lock of the ledger")? {
        let stale = find_ref_lock(repository);
        match fs::remove_file(&stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", stale.display()));
            }
            _ => repository.remove_stale_keep_files()?,
        }
        lock.mark_moving(false).context("cannot write to the lock of the ledger")?;
    }
    Ok(())
}

/// Checks that a record can be appended, without appending one: reads the newest record, writes and signs
/// a commit that no ref names, and looks for a lock file of the ref.
///
/// # Errors
///
/// Says why a record cannot be appended.
pub(crate) fn probe_append(repository: &Repository, key: Option<&str>, now: Timestamp) -> Result<()> {
    LedgerWriter::open_ledger(repository, key)?;
    let link = ChainLink { files: &[], message: "Check that the ledger can be written\n", written_at: now };
    let mut chain = ChainWriter::new(repository, None, key);
    chain.add_link(&link)?;
    chain.write_unreferenced()?;
    require_free_ref(repository)
}

/// Checks that no lock file keeps the ref of the ledger from moving. A program that moves it, or packs refs, has
/// one for a moment, so this waits as long as a move would.
///
/// # Errors
///
/// Names the lock file that is in the way.
pub(crate) fn require_free_ref(repository: &Repository) -> Result<()> {
    let stale = find_ref_lock(repository);
    if !stale.exists() {
        return Ok(());
    }
    let mut lock = gate_folder::acquire_lock(repository.common_dir()).context("cannot lock the ledger")?;
    remove_stale_lock(repository, &mut lock)?;
    let mut waited = Duration::ZERO;
    while stale.exists() {
        if waited >= REF_LOCK_TIMEOUT {
            bail!("{}", describe_ref_lock(&stale));
        }
        std::thread::sleep(REF_LOCK_PAUSE);
        waited = waited.saturating_add(REF_LOCK_PAUSE);
    }
    Ok(())
}

/// Returns the path of the file by which git locks the ref of the ledger.
fn find_ref_lock(repository: &Repository) -> PathBuf {
    repository.common_dir().join(format!("{LEDGER_REF}.lock"))
}

fn describe_ref_lock(lock: &Path) -> String {
    format!("{} is in the way; remove it if no program uses it", lock.display())
}

/// Returns the decision with this id, searching from the newest record; `None` if there is none.
///
/// # Errors
///
/// Fails if a commit cannot be read.
pub(crate) fn find_decision(repository: &Repository, id: &str) -> Result<Option<Box<DecisionRecord>>> {
    Ok(match find_newest_decision(repository, usize::MAX, |decided| decided.id == id)? {
        DecisionSearch::Found(decided) => Some(decided),
        DecisionSearch::Absent | DecisionSearch::Stopped => None,
    })
}

/// What a search for a decision came to.
#[derive(Debug)]
pub(crate) enum DecisionSearch {
    /// The newest decision that is wanted.
    Found(Box<DecisionRecord>),
    /// The whole ledger has none.
    Absent,
    /// None of the records that were looked at is one, and there are more.
    Stopped,
}

/// Returns the newest decision that `is_wanted` among the newest `most` records.
///
/// # Errors
///
/// Fails if a commit cannot be read.
pub(crate) fn find_newest_decision(
    repository: &Repository,
    most: usize,
    is_wanted: impl Fn(&DecisionRecord) -> bool,
) -> Result<DecisionSearch> {
    let mut next = repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
    for _ in 0..most {
        let Some(commit) = next else { return Ok(DecisionSearch::Absent) };
        let bytes = read_ledger_file(repository, commit, RECORD_FILE)?.unwrap_or_default();
        if let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes)
            && let LedgerEvent::Decision(decided) = record.event
            && is_wanted(&decided)
        {
            return Ok(DecisionSearch::Found(decided));
        }
        let read = repository.read_commit(commit, &NeededFacts::new()).map_err(anyhow::Error::from)?;
        next = read.parents.first().copied();
    }
    Ok(if next.is_none() { DecisionSearch::Absent } else { DecisionSearch::Stopped })
}

/// Returns the state after the newest record; `None` if there is no ledger.
///
/// # Errors
///
/// Fails if it cannot be read.
pub fn read_state(repository: &Repository) -> Result<Option<LedgerState>> {
    let Some(tip) = repository.resolve_ref(LEDGER_REF.as_bytes())?.id else { return Ok(None) };
    read_state_at(repository, tip).map(Some)
}

/// Returns the size in bytes of the state after the newest record; 0 if there is no ledger.
///
/// # Errors
///
/// Fails if it cannot be read.
pub(crate) fn measure_state(repository: &Repository) -> Result<usize> {
    let Some(tip) = repository.resolve_ref(LEDGER_REF.as_bytes())?.id else { return Ok(0) };
    Ok(read_ledger_file(repository, tip, STATE_FILE)?.unwrap_or_default().len())
}
