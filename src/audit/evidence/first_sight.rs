//! When a move without a decision was first seen, by the chain of a pack.
//!
//! The gate notices such a move when the next push comes, and dates it by what that push saw; the record of the push
//! follows the one of the move. The message of each commit of the chain repeats what that takes, so it is there although
//! the record is about another change and not in the pack.

use jiff::Timestamp;

use crate::audit::evidence::pack_reader::ReadPack;
use crate::audit::evidence::packed_records::RecordedLanding;
use crate::change::{NeededFacts, Oid};
use crate::ledger::record::message::encode_value;

/// What a chain says of when a move was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstSight {
    /// A push saw it at this time, which is not later than its record.
    At(Timestamp),
    /// No push saw it before it was recorded.
    WhenRecorded,
    /// A push saw it, and the chain does not say when.
    NotShown,
}

/// A commit of the chain, as far as its message tells.
struct ChainedRecord {
    written_at: i64,
    subject: String,
    trailers: Vec<(String, String)>,
}

/// Returns what the chain says of when a move was first seen that the record of `landing` tells of.
pub(super) fn find_first_sight(pack: &ReadPack, landing: &RecordedLanding) -> FirstSight {
    let place = pack.chain.iter().position(|commit| *commit == landing.holder);
    let Some(place) = place.filter(|_| landing.decision.is_none()) else { return FirstSight::WhenRecorded };
    let later = pack.chain.iter().skip(place + 1).map(|commit| read_chained_record(pack, *commit));
    for one in later {
        let Some(one) = one else { return FirstSight::NotShown };
        if !one.is_written_at(landing.at) {
            return FirstSight::WhenRecorded;
        }
        // What one run finds comes before what it was asked to record.
        if ["unauthorised ", "regularisation-terms "].iter().any(|word| one.subject.starts_with(word)) {
            continue;
        }
        return date_sight(pack, landing, &one);
    }
    FirstSight::WhenRecorded
}

/// Returns when the push of the record that follows a move saw the ref as the move left it.
fn date_sight(pack: &ReadPack, landing: &RecordedLanding, follower: &ChainedRecord) -> FirstSight {
    let name = encode_value(landing.moved.name.as_bytes());
    let key = if follower.subject.starts_with("decision ") { "Ref" } else { "Landed" };
    let mut told = follower.list_values(key).filter_map(|value| {
        let ends = value.strip_prefix(name.as_str())?.strip_prefix(' ')?;
        Some(ends.split_once("..").map_or(ends, |(old, _)| old))
    });
    let Some(old) = told.next() else { return FirstSight::WhenRecorded };
    if Oid::from_hex(old) != landing.moved.new {
        return FirstSight::WhenRecorded;
    }
    let seen_at = match key {
        "Ref" => follower.read_sight_time(),
        _ => follower.list_values("Decision-Id").next().and_then(|id| {
            let mut earlier = pack.chain.iter().filter_map(|commit| read_chained_record(pack, *commit));
            let is_own = |one: &ChainedRecord| {
                one.subject.starts_with("decision ")
                    && one.list_values("Decision-Id").any(|known| known == id)
            };
            earlier.find(is_own)?.read_sight_time()
        }),
    };
    match seen_at {
        Some(at) => FirstSight::At(at.min(landing.at)),
        None => FirstSight::NotShown,
    }
}

/// Returns what the message of a commit of the chain tells; `None` if the commit cannot be read, which the check of the
/// ledger says.
fn read_chained_record(pack: &ReadPack, id: Oid) -> Option<ChainedRecord> {
    let commit = pack.repository.read_commit(id, &NeededFacts::new()).ok()?;
    let message = String::from_utf8_lossy(commit.message.raw().as_bytes()).into_owned();
    let mut lines = message.lines();
    let subject = lines.next().unwrap_or_default().to_owned();
    let trailers = lines.filter_map(|line| line.split_once(": "));
    let trailers = trailers.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Some(ChainedRecord { written_at: commit.committed_at, subject, trailers })
}

impl ChainedRecord {
    /// Returns true if the record was written in the same second.
    fn is_written_at(&self, at: Timestamp) -> bool {
        self.written_at == at.as_second()
    }

    fn list_values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.trailers.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    fn read_sight_time(&self) -> Option<Timestamp> {
        self.list_values("Observed-At").next()?.parse().ok()
    }
}
