//! The ledger in a repository: its newest record, and appending the next.

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;

use super::record::{Event, Readable, Record, SCHEMA, digest};
use super::state::State;
use super::{REF, message};
use crate::change::Oid;
use crate::git::{FileAt, Link, Repository};

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
/// Whoever appends holds the lock ([`super::ahead::lock`]) from opening on.
pub struct Ledger<'a> {
    repository: &'a Repository,
    key: Option<&'a str>,
    tip: Option<Oid>,
    last: Option<String>,
    state: State,
}

impl<'a> Ledger<'a> {
    /// Opens the ledger; `key` signs what is appended.
    ///
    /// # Errors
    ///
    /// Fails if its newest commit cannot be read: nothing is appended to what is not understood.
    pub fn open(repository: &'a Repository, key: Option<&'a str>) -> Result<Self> {
        let tip = repository.resolve_ref(REF.as_bytes())?.id;
        let mut ledger = Ledger { repository, key, tip, last: None, state: State::default() };
        let Some(tip) = tip else { return Ok(ledger) };
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
        ledger.last = Some(digest(&bytes));
        Ok(ledger)
    }

    /// Returns the newest commit; `None` before the ledger begins.
    pub fn tip(&self) -> Option<Oid> {
        self.tip
    }

    /// Returns the state after the newest record.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Appends a record of `event`, with the facts that it rests on.
    ///
    /// # Errors
    ///
    /// Fails, with the ledger as it was, if anything cannot be written.
    pub fn append(&mut self, event: Event, facts: Option<&str>, now: Timestamp) -> Result<Oid> {
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
        let state_bytes = super::record::canonical(&state).map_err(|why| anyhow!(why))?;
        let facts = facts.map(|facts| (FACTS, facts.as_bytes()));
        let files: Vec<(&str, &[u8])> =
            facts.into_iter().chain([(RECORD, bytes.as_slice()), (STATE, state_bytes.as_slice())]).collect();
        let message = message::of(&record);
        let link = Link { files: &files, message: &message, at: now, key: self.key };
        let commit = self.repository.append(REF, self.tip, &link)?;
        (self.tip, self.last, self.state) = (Some(commit), Some(digest(&bytes)), state);
        Ok(commit)
    }
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
