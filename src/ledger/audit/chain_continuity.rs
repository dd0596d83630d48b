//! Whether the records of a ledger follow one another: their numbers, and the digests by which each names the one before.
//!
//! This is what costs nothing while records are read. `changegate ledger verify` computes the rest again.

use crate::change::Oid;
use crate::git::Repository;
use crate::ledger::record::message::compose_message;
use crate::ledger::record::{Record, digest_bytes};
use crate::ledger::store::gate_folder::LedgerAnchor;

/// A place at which a ledger is not the chain that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainBreak {
    /// The commit of the ledger; `None` for what is missing after the newest record.
    pub holder: Option<Oid>,
    /// What does not hold.
    pub why: String,
}

/// Takes the records of a ledger, oldest first, and keeps where they do not follow one another.
#[derive(Default)]
pub(crate) struct ChainContinuity {
    /// The number that the next record has to have; `None` where the beginning of the ledger is missing.
    next_number: Option<u64>,
    /// The digest that the next record has to name; `None` where the one before cannot be read.
    digest: Option<String>,
    /// True as long as no record was taken.
    is_at_first: bool,
    /// The newest record that was seen before, until it is found.
    anchor: Option<LedgerAnchor>,
    newest_number: u64,
    breaks: Vec<ChainBreak>,
}

impl ChainContinuity {
    /// Begins a ledger; `is_cut` if its beginning is missing, and `anchor` is the newest record that was seen before.
    pub(crate) fn begin_chain(is_cut: bool, anchor: Option<LedgerAnchor>) -> ChainContinuity {
        let next_number = (!is_cut).then_some(1);
        ChainContinuity { next_number, is_at_first: !is_cut, anchor, ..ChainContinuity::default() }
    }

    /// Goes on after the record of this number and digest, before which nothing is broken; `None` if `anchor`, the newest
    /// record that was seen before, is an earlier one, which this cannot compare.
    pub(crate) fn continue_chain(
        number: u64,
        digest: &str,
        anchor: Option<LedgerAnchor>,
    ) -> Option<ChainContinuity> {
        if anchor.as_ref().is_some_and(|seen| seen.number < number) {
            return None;
        }
        Some(ChainContinuity {
            next_number: number.checked_add(1),
            digest: Some(digest.to_owned()),
            anchor: anchor.filter(|seen| seen.number != number || seen.digest != digest),
            newest_number: number,
            ..ChainContinuity::default()
        })
    }

    fn add_break(&mut self, holder: Oid, why: impl Into<String>) {
        self.breaks.push(ChainBreak { holder: Some(holder), why: why.into() });
    }

    /// Takes the next record with its bytes, and returns its digest.
    pub(crate) fn add_record(&mut self, holder: Oid, bytes: &[u8], record: &Record) -> String {
        let number = record.number;
        if let Some(expected) = self.next_number.filter(|expected| *expected != number) {
            self.add_break(holder, format!("it says record {number} in the place of {expected}"));
        }
        let is_first = std::mem::take(&mut self.is_at_first);
        if record.previous != self.digest && (is_first || self.digest.is_some()) {
            self.add_break(holder, format!("record {number} does not follow the record before it"));
        }
        let digest = digest_bytes(bytes);
        self.anchor = self.anchor.take().filter(|seen| seen.number != number || seen.digest != digest);
        self.newest_number = number;
        self.next_number = number.checked_add(1);
        self.digest = Some(digest.clone());
        digest
    }

    /// Passes over a record that cannot be read.
    pub(crate) fn skip_record(&mut self) {
        self.is_at_first = false;
        self.next_number = self.next_number.and_then(|number| number.checked_add(1));
        self.newest_number = self.next_number.map_or(self.newest_number, |next| next.saturating_sub(1));
        self.digest = None;
    }

    /// Checks the newest record, which no other one names, by the message of its commit.
    pub(crate) fn check_newest(&mut self, repository: &Repository, holder: Oid, record: &Record) {
        let is_told = repository
            .read_chain_link(holder)
            .is_ok_and(|link| link.message() == compose_message(record).as_bytes());
        if !is_told {
            self.add_break(
                holder,
                format!("the message of its commit is not that of record {}", record.number),
            );
        }
    }

    /// Returns true if nothing is broken so far, and the newest record that was seen before was found.
    pub(crate) fn is_unbroken(&self) -> bool {
        self.breaks.is_empty() && self.anchor.is_none()
    }

    /// Ends the ledger; returns where it is broken.
    pub(crate) fn end_chain(mut self) -> Vec<ChainBreak> {
        if let Some(seen) = self.anchor {
            let why = if self.newest_number < seen.number {
                format!("there were {} records, and now there are {}", seen.number, self.newest_number)
            } else {
                format!("record {} is not the one that was seen before", seen.number)
            };
            self.breaks.push(ChainBreak { holder: None, why });
        }
        self.breaks
    }
}
