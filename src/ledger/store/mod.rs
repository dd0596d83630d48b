//! The ledger in a repository: its newest record, and appending the next.

pub mod gate_folder;
pub(crate) mod protected_refs;

use std::{fs, io};

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;

use crate::change::{NeededFacts, Oid};
use crate::git::{ChainLink, FileAtPath, Repository, WrittenChainLink};
use crate::ledger::LEDGER_REF;
use crate::ledger::record::canonical::to_canonical_json;
use crate::ledger::record::message;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{DecisionRecord, LedgerEvent, RECORD_SCHEMA, Record, digest_bytes};
use crate::ledger::state::LedgerState;
use crate::ledger::store::gate_folder::{LedgerAnchor, LedgerLock};

/// The file of the record in each commit.
pub const RECORD_FILE: &str = "record.json";
/// The file of the state after it.
pub const STATE_FILE: &str = "state.json";
/// The file of the facts that a decision rests on, if they are kept.
pub const FACTS_FILE: &str = "facts.jsonl";

/// The longest file that is read from the ledger, in bytes.
pub const MAX_LEDGER_FILE_BYTES: u64 = 64 << 20;

/// The ledger of a repository, at its newest record.
///
/// Whoever appends holds the lock ([`crate::ledger::store::gate_folder::lock`]) from opening on.
pub struct LedgerWriter<'a> {
    repository: &'a Repository,
    signing_key: Option<&'a str>,
    /// What the ref holds.
    tip: Option<Oid>,
    last_digest: Option<String>,
    state: LedgerState,
    /// What was appended, and the ref does not hold yet.
    uncommitted: Vec<WrittenChainLink>,
}

impl<'a> LedgerWriter<'a> {
    /// Opens the ledger; `key` signs what is appended.
    ///
    /// # Errors
    ///
    /// Fails if its newest commit cannot be read, or if it is older than what this server has written
    /// before: nothing is appended to what is not understood.
    pub fn open_ledger(repository: &'a Repository, key: Option<&'a str>) -> Result<Self> {
        let tip = repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
        let written = Vec::new();
        let mut ledger = LedgerWriter {
            repository,
            signing_key: key,
            tip,
            last_digest: None,
            state: LedgerState::default(),
            uncommitted: written,
        };
        let newest = gate_folder::read_anchor(repository.common_dir())
            .context("cannot tell how long the ledger was")?;
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
            .ok_or_else(|| anyhow!("{tip} has no {RECORD_FILE}"))?;
        let (number, schema) = match ReadableRecord::parse_record(&bytes) {
            ReadableRecord::Known(record) => (record.number, record.schema),
            ReadableRecord::Unknown(place) => (place.number, place.schema),
            ReadableRecord::Damaged(why) => bail!("the newest record of the ledger cannot be read: {why}"),
        };
        if schema != RECORD_SCHEMA {
            bail!("the newest record of the ledger is of {schema}; append with a gate that knows it");
        }
        let state = read_ledger_file(repository, tip, STATE_FILE)?
            .ok_or_else(|| anyhow!("{tip} has no {STATE_FILE}"))?;
        ledger.state = serde_json::from_slice(&state).context("the state of the ledger cannot be read")?;
        if ledger.state.number != number {
            bail!("the state of the ledger is of record {}, and the record is {number}", ledger.state.number);
        }
        let last = digest_bytes(&bytes);
        if let Some(newest) = newest
            && (number < newest.number || (number == newest.number && last != newest.digest))
        {
            bail!(
                "the ledger had {} records, and now it ends with another record {number}; see docs/evidence.md",
                newest.number
            );
        }
        ledger.last_digest = Some(last);
        Ok(ledger)
    }

    /// Returns whether there is a ledger.
    pub fn has_begun(&self) -> bool {
        self.last_digest.is_some()
    }

    /// Returns the state after the newest record.
    pub fn state(&self) -> &LedgerState {
        &self.state
    }

    /// Returns number and digest of the newest record; `None` if there is none.
    pub fn newest_anchor(&self) -> Option<LedgerAnchor> {
        Some(LedgerAnchor { number: self.state.number, digest: self.last_digest.clone()? })
    }

    /// Appends a record of `event`, with the facts that it rests on; [`Ledger::commit`] makes it count.
    ///
    /// # Errors
    ///
    /// Fails, with the ledger as it was, if anything cannot be written.
    pub fn append_event(&mut self, event: LedgerEvent, facts: Option<&str>, now: Timestamp) -> Result<()> {
        let record = Record {
            schema: RECORD_SCHEMA.into(),
            number: self.state.number.checked_add(1).context("the ledger is full")?,
            previous: self.last_digest.clone(),
            recorded_at: now,
            event,
        };
        let bytes = record.to_canonical_bytes().map_err(|why| anyhow!(why))?;
        let mut state = self.state.clone();
        state.apply_record(&record);
        let state_bytes = to_canonical_json(&state).map_err(|why| anyhow!(why))?;
        let facts = facts.map(|facts| (FACTS_FILE, facts.as_bytes()));
        let files: Vec<(&str, &[u8])> = facts
            .into_iter()
            .chain([(RECORD_FILE, bytes.as_slice()), (STATE_FILE, state_bytes.as_slice())])
            .collect();
        let message = message::compose_message(&record);
        let link =
            ChainLink { files: &files, message: &message, written_at: now, signing_key: self.signing_key };
        let after = self.uncommitted.last().map(|written| written.commit).or(self.tip);
        self.uncommitted.push(self.repository.write_chain_link(after, &link)?);
        (self.last_digest, self.state) = (Some(digest_bytes(&bytes)), state);
        Ok(())
    }

    /// Makes everything that was appended part of the ledger, at once.
    ///
    /// # Errors
    ///
    /// Fails, with the ledger as it was, if the ref cannot be moved.
    pub fn commit_records(&mut self, lock: &mut LedgerLock, now: Timestamp) -> Result<()> {
        let Some(newest) = self.uncommitted.last().map(|written| written.commit) else { return Ok(()) };
        lock.mark_moving(true).context("cannot write to the lock of the ledger")?;
        let moved = self.repository.advance_chain_ref(LEDGER_REF, self.tip, &self.uncommitted, now);
        // Only who dies on the way leaves the note; a lock that was in the way is somebody else's.
        lock.mark_moving(false).context("cannot write to the lock of the ledger")?;
        moved?;
        self.tip = Some(newest);
        self.uncommitted.clear();
        if let Some(digest) = &self.last_digest {
            let newest = LedgerAnchor { number: self.state.number, digest: digest.clone() };
            gate_folder::write_anchor(self.repository.common_dir(), &newest)
                .context("cannot remember the newest record")?;
        }
        Ok(())
    }
}

/// Removes the lock of the ref if whoever held ours before died while it moved the ref: then it is
/// nobody's, and would stay for ever.
///
/// # Errors
///
/// Fails if it cannot be removed.
pub fn remove_stale_lock(repository: &Repository, lock: &mut LedgerLock) -> Result<()> {
    if lock.was_interrupted().context("cannot read the lock of the ledger")? {
        let stale = repository.common_dir().join(format!("{LEDGER_REF}.lock"));
        match fs::remove_file(&stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", stale.display()));
            }
            _ => lock.mark_moving(false).context("cannot write to the lock of the ledger")?,
        }
    }
    Ok(())
}

/// Tries whether a record could be appended, without appending one: reads the newest, writes and
/// signs a commit that nothing will name, and looks for a lock that is in the way.
///
/// # Errors
///
/// Says why not.
pub fn probe_append(repository: &Repository, key: Option<&str>, now: Timestamp) -> Result<()> {
    LedgerWriter::open_ledger(repository, key)?;
    let link = ChainLink {
        files: &[],
        message: "Try whether the ledger can be written\n",
        written_at: now,
        signing_key: key,
    };
    repository.write_chain_link(None, &link)?;
    let stale = repository.common_dir().join(format!("{LEDGER_REF}.lock"));
    if stale.exists() {
        let mut lock =
            gate_folder::acquire_lock(repository.common_dir()).context("cannot lock the ledger")?;
        remove_stale_lock(repository, &mut lock)?;
        if stale.exists() {
            bail!("{} is in the way; remove it if no program uses it", stale.display());
        }
    }
    Ok(())
}

/// Returns the decision of this id, which is one of the newest; `None` if it is not there.
///
/// # Errors
///
/// Fails if a commit cannot be read.
pub fn find_decision(repository: &Repository, id: &str) -> Result<Option<Box<DecisionRecord>>> {
    let mut next = repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
    while let Some(commit) = next {
        let bytes = read_ledger_file(repository, commit, RECORD_FILE)?.unwrap_or_default();
        match ReadableRecord::parse_record(&bytes) {
            ReadableRecord::Known(record) => match record.event {
                LedgerEvent::Decision(decided) if decided.id == id => return Ok(Some(decided)),
                _ => {}
            },
            ReadableRecord::Unknown(_) | ReadableRecord::Damaged(_) => {}
        }
        let read = repository.read_commit(commit, &NeededFacts::new()).map_err(anyhow::Error::from)?;
        next = read.parents.first().copied();
    }
    Ok(None)
}

/// Returns the state after the newest record; `None` if there is no ledger.
///
/// # Errors
///
/// Fails if it cannot be read.
pub fn read_state(repository: &Repository) -> Result<Option<LedgerState>> {
    let Some(tip) = repository.resolve_ref(LEDGER_REF.as_bytes())?.id else { return Ok(None) };
    let bytes =
        read_ledger_file(repository, tip, STATE_FILE)?.ok_or_else(|| anyhow!("{tip} has no {STATE_FILE}"))?;
    serde_json::from_slice(&bytes).map(Some).context("the state of the ledger cannot be read")
}

/// Returns how many bytes the state after the newest record has; 0 if there is no ledger.
///
/// # Errors
///
/// Fails if it cannot be read.
pub fn measure_state(repository: &Repository) -> Result<usize> {
    let Some(tip) = repository.resolve_ref(LEDGER_REF.as_bytes())?.id else { return Ok(0) };
    Ok(read_ledger_file(repository, tip, STATE_FILE)?.map_or(0, |bytes| bytes.len()))
}

/// Returns a file of one commit of the ledger; `None` if it is not there.
///
/// # Errors
///
/// Fails if it cannot be read.
pub fn read_ledger_file(repository: &Repository, commit: Oid, name: &str) -> Result<Option<Vec<u8>>> {
    match repository.read_file_at(commit, name, MAX_LEDGER_FILE_BYTES)? {
        FileAtPath::Found(bytes) => Ok(Some(bytes)),
        FileAtPath::Absent => Ok(None),
        FileAtPath::NotAFile(kind) => bail!("{name} of {commit} is {kind}"),
        FileAtPath::TooLarge(size) => bail!("{name} of {commit} has {size} bytes"),
    }
}
