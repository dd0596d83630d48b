//! The ledger in a repository: its newest record, and appending the next.

use std::{fs, io};

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;

use super::canonical::canonical;
use super::place::{self, Anchor, Lock};
use super::readable::Readable;
use super::record::{Decided, Event, Record, SCHEMA, digest};
use super::state::State;
use super::{REF, message};
use crate::change::{Needs, Oid};
use crate::git::{FileAt, Link, Repository, Written};

/// The file of the record in each commit.
pub const RECORD: &str = "record.json";
/// The file of the state after it.
pub const STATE: &str = "state.json";
/// The file of the facts that a decision rests on, if they are kept.
pub const FACTS: &str = "facts.jsonl";

/// The longest file that is read from the ledger, in bytes.
pub const LARGEST: u64 = 64 << 20;

/// The ledger of a repository, at its newest record.
///
/// Whoever appends holds the lock ([`super::place::lock`]) from opening on.
pub struct Ledger<'a> {
    repository: &'a Repository,
    key: Option<&'a str>,
    /// What the ref holds.
    tip: Option<Oid>,
    last: Option<String>,
    state: State,
    /// What was appended, and the ref does not hold yet.
    written: Vec<Written>,
}

impl<'a> Ledger<'a> {
    /// Opens the ledger; `key` signs what is appended.
    ///
    /// # Errors
    ///
    /// Fails if its newest commit cannot be read, or if it is older than what this server has written
    /// before: nothing is appended to what is not understood.
    pub fn open(repository: &'a Repository, key: Option<&'a str>) -> Result<Self> {
        let tip = repository.resolve_ref(REF.as_bytes())?.id;
        let written = Vec::new();
        let mut ledger = Ledger { repository, key, tip, last: None, state: State::default(), written };
        let newest = place::newest(repository.common_dir()).context("cannot tell how long the ledger was")?;
        let Some(tip) = tip else {
            if let Some(newest) = newest {
                bail!(
                    "the ledger had {} records, and now there is none; see docs/evidence.md",
                    newest.number
                );
            }
            return Ok(ledger);
        };
        let bytes = file(repository, tip, RECORD)?.ok_or_else(|| anyhow!("{tip} has no {RECORD}"))?;
        let (number, schema) = match Readable::read(&bytes) {
            Readable::Known(record) => (record.number, record.schema),
            Readable::Unknown(place) => (place.number, place.schema),
            Readable::Damaged(why) => bail!("the newest record of the ledger cannot be read: {why}"),
        };
        if schema != SCHEMA {
            bail!("the newest record of the ledger is of {schema}; append with a gate that knows it");
        }
        let state = file(repository, tip, STATE)?.ok_or_else(|| anyhow!("{tip} has no {STATE}"))?;
        ledger.state = serde_json::from_slice(&state).context("the state of the ledger cannot be read")?;
        if ledger.state.number != number {
            bail!("the state of the ledger is of record {}, and the record is {number}", ledger.state.number);
        }
        let last = digest(&bytes);
        if let Some(newest) = newest
            && (number < newest.number || (number == newest.number && last != newest.digest))
        {
            bail!(
                "the ledger had {} records, and now it ends with another record {number}; see docs/evidence.md",
                newest.number
            );
        }
        ledger.last = Some(last);
        Ok(ledger)
    }

    /// Returns whether there is a ledger.
    pub fn has_begun(&self) -> bool {
        self.last.is_some()
    }

    /// Returns the state after the newest record.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns number and digest of the newest record; `None` if there is none.
    pub fn newest(&self) -> Option<Anchor> {
        Some(Anchor { number: self.state.number, digest: self.last.clone()? })
    }

    /// Appends a record of `event`, with the facts that it rests on; [`Ledger::commit`] makes it count.
    ///
    /// # Errors
    ///
    /// Fails, with the ledger as it was, if anything cannot be written.
    pub fn append(&mut self, event: Event, facts: Option<&str>, now: Timestamp) -> Result<()> {
        let record = Record {
            schema: SCHEMA.into(),
            number: self.state.number.checked_add(1).context("the ledger is full")?,
            previous: self.last.clone(),
            recorded_at: now,
            event,
        };
        let bytes = record.bytes().map_err(|why| anyhow!(why))?;
        let mut state = self.state.clone();
        state.apply(&record);
        let state_bytes = canonical(&state).map_err(|why| anyhow!(why))?;
        let facts = facts.map(|facts| (FACTS, facts.as_bytes()));
        let files: Vec<(&str, &[u8])> =
            facts.into_iter().chain([(RECORD, bytes.as_slice()), (STATE, state_bytes.as_slice())]).collect();
        let message = message::of(&record);
        let link = Link { files: &files, message: &message, at: now, key: self.key };
        let after = self.written.last().map(|written| written.commit).or(self.tip);
        self.written.push(self.repository.write_link(after, &link)?);
        (self.last, self.state) = (Some(digest(&bytes)), state);
        Ok(())
    }

    /// Makes everything that was appended part of the ledger, at once.
    ///
    /// # Errors
    ///
    /// Fails, with the ledger as it was, if the ref cannot be moved.
    pub fn commit(&mut self, lock: &mut Lock, now: Timestamp) -> Result<()> {
        let Some(newest) = self.written.last().map(|written| written.commit) else { return Ok(()) };
        lock.moving(true).context("cannot write to the lock of the ledger")?;
        let moved = self.repository.move_chain(REF, self.tip, &self.written, now);
        // Only who dies on the way leaves the note; a lock that was in the way is somebody else's.
        lock.moving(false).context("cannot write to the lock of the ledger")?;
        moved?;
        self.tip = Some(newest);
        self.written.clear();
        if let Some(digest) = &self.last {
            let newest = Anchor { number: self.state.number, digest: digest.clone() };
            place::remember(self.repository.common_dir(), &newest)
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
pub fn unstick(repository: &Repository, lock: &mut Lock) -> Result<()> {
    if lock.was_moving().context("cannot read the lock of the ledger")? {
        let stale = repository.common_dir().join(format!("{REF}.lock"));
        match fs::remove_file(&stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", stale.display()));
            }
            _ => lock.moving(false).context("cannot write to the lock of the ledger")?,
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
pub fn probe(repository: &Repository, key: Option<&str>, now: Timestamp) -> Result<()> {
    Ledger::open(repository, key)?;
    let link = Link { files: &[], message: "Try whether the ledger can be written\n", at: now, key };
    repository.write_link(None, &link)?;
    let stale = repository.common_dir().join(format!("{REF}.lock"));
    if stale.exists() {
        let mut lock = place::lock(repository.common_dir()).context("cannot lock the ledger")?;
        unstick(repository, &mut lock)?;
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
pub fn find(repository: &Repository, id: &str) -> Result<Option<Box<Decided>>> {
    let mut next = repository.resolve_ref(REF.as_bytes())?.id;
    while let Some(commit) = next {
        let bytes = file(repository, commit, RECORD)?.unwrap_or_default();
        match Readable::read(&bytes) {
            Readable::Known(record) => match record.event {
                Event::Decision(decided) if decided.id == id => return Ok(Some(decided)),
                _ => {}
            },
            Readable::Unknown(_) | Readable::Damaged(_) => {}
        }
        let read = repository.commit(commit, &Needs::new()).map_err(anyhow::Error::from)?;
        next = read.parents.first().copied();
    }
    Ok(None)
}

/// Returns the state after the newest record; `None` if there is no ledger.
///
/// # Errors
///
/// Fails if it cannot be read.
pub fn state(repository: &Repository) -> Result<Option<State>> {
    let Some(tip) = repository.resolve_ref(REF.as_bytes())?.id else { return Ok(None) };
    let bytes = file(repository, tip, STATE)?.ok_or_else(|| anyhow!("{tip} has no {STATE}"))?;
    serde_json::from_slice(&bytes).map(Some).context("the state of the ledger cannot be read")
}

/// Returns how many bytes the state after the newest record has; 0 if there is no ledger.
///
/// # Errors
///
/// Fails if it cannot be read.
pub fn size(repository: &Repository) -> Result<usize> {
    let Some(tip) = repository.resolve_ref(REF.as_bytes())?.id else { return Ok(0) };
    Ok(file(repository, tip, STATE)?.map_or(0, |bytes| bytes.len()))
}

/// Returns a file of one commit of the ledger; `None` if it is not there.
///
/// # Errors
///
/// Fails if it cannot be read.
pub fn file(repository: &Repository, commit: Oid, name: &str) -> Result<Option<Vec<u8>>> {
    match repository.file_at(commit, name, LARGEST)? {
        FileAt::Found(bytes) => Ok(Some(bytes)),
        FileAt::Absent => Ok(None),
        FileAt::NotAFile(kind) => bail!("{name} of {commit} is {kind}"),
        FileAt::TooLarge(size) => bail!("{name} of {commit} has {size} bytes"),
    }
}
