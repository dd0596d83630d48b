//! Whether the records of a pack hold: their place in the chain, what they say of the files beside them, the verdict.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::audit::evidence::left_out_records::check_left_out_records;
use crate::audit::evidence::pack_check::PackCheck;
use crate::audit::evidence::pack_index::{PackedLedger, PackedRecord};
use crate::audit::evidence::pack_reader::ReadPack;
use crate::change::SignatureStatus;
use crate::git::ObjectFormat;
use crate::git::signature::{KeyRegistry, verify_commit_signature};
use crate::ledger::audit::replay::replay_decision;
use crate::ledger::record::message::compose_message;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{DecisionRecord, LedgerEvent, Record, digest_bytes};
use crate::ledger::store::{FACTS_FILE, REASONS_FILE, RECORD_FILE};
use crate::verdict::format_count;

/// Checks the chain and every record.
pub(super) fn check_ledger(pack: &ReadPack) -> PackCheck {
    let mut check = PackCheck::new("ledger");
    let Some(ledger) = &pack.index.ledger else { return check };
    check_chain(pack, ledger, &mut check);
    let mut before: Option<(u64, String)> = None;
    for record in &ledger.records {
        let number = record.number;
        match check_record(pack, record, &mut check) {
            Ok(read) => {
                // Of two records that follow one another in the pack, the second names the first.
                if let (Some((earlier, digest)), Some(read)) = (&before, &read)
                    && earlier.checked_add(1) == Some(number)
                {
                    check.require(read.previous.as_ref() == Some(digest), || {
                        format!("record {number} does not follow the record before it")
                    });
                }
            }
            Err(error) => check.add_problem(format!("record {number}: {error:#}")),
        }
        before = Some((number, record.digest.clone()));
    }
    for change in &pack.index.changes {
        for number in &change.records {
            let is_packed = ledger.records.iter().any(|record| record.number == *number);
            check.require(is_packed, || format!("record {number} is about a change and is not in the pack"));
        }
    }
    check_left_out_records(pack, ledger, &mut check);
    check.says = format!(
        "{} in the right places of a chain of {}, up to {}",
        format_count(ledger.records.len(), "record"),
        format_count(pack.chain.len(), "commit"),
        ledger.tip.short_hex()
    );
    check
}

/// Checks that the commits of the ledger are one chain, that it ends where it says, and that it holds the records.
fn check_chain(pack: &ReadPack, ledger: &PackedLedger, check: &mut PackCheck) {
    check.require(pack.chain.len() == ledger.chain, || {
        "the chain has another length than pack.json says".into()
    });
    check.require(pack.chain.last() == Some(&ledger.tip), || {
        "the chain does not end with the newest record".into()
    });
    for pair in pack.chain.windows(2) {
        let [earlier, later] = pair else { continue };
        let parent = pack.repository.find_tree_and_parent(*later).ok().and_then(|read| read.first_parent);
        check
            .require(parent == Some(*earlier), || format!("{later} does not follow {earlier} in the ledger"));
    }
    let mut numbers: BTreeMap<usize, u64> = BTreeMap::new();
    for record in &ledger.records {
        match pack.chain.iter().position(|commit| *commit == record.commit) {
            Some(place) => drop(numbers.insert(place, record.number)),
            None => check.add_problem(format!("record {} is not in the chain", record.number)),
        }
    }
    // Each commit of a ledger holds one record, so numbers and places count alike.
    let mut counted = numbers
        .iter()
        .map(|(place, number)| u64::try_from(*place).ok().and_then(|place| number.checked_sub(place)));
    let first = counted.next();
    check.require(counted.all(|start| Some(start) == first), || {
        "the numbers of the records do not count the commits of the chain".to_owned()
    });
}

/// Checks one record and the files beside it; returns it if it can be understood.
fn check_record(
    pack: &ReadPack,
    packed: &PackedRecord,
    check: &mut PackCheck,
) -> Result<Option<Box<Record>>> {
    let number = packed.number;
    let link = pack.repository.read_chain_link(packed.commit)?;
    let bytes = pack.read_record_file(number, RECORD_FILE)?;
    check.require(digest_bytes(&bytes) == packed.digest, || format!("record {number} has another digest"));
    for name in &packed.files {
        let in_tree = link.find_file_id(name).with_context(|| format!("its commit holds no {name}"))?;
        let stored = pack.repository.read_stored_object(in_tree)?.map(|object| object.bytes);
        let file = pack.read_record_file(number, name)?;
        check.require(stored.as_ref() == Some(&file), || {
            format!("{name} of record {number} is not that of its commit")
        });
    }
    let record = match ReadableRecord::parse_record(&bytes) {
        ReadableRecord::Known(record) => record,
        ReadableRecord::Unknown(place) => {
            check.unchecked.push(format!("record {number}: {}", place.reason));
            return Ok(None);
        }
        ReadableRecord::Damaged(why) => {
            check.add_problem(format!("record {number}: {why}"));
            return Ok(None);
        }
    };
    check.require(record.number == number, || format!("record {number} calls itself {}", record.number));
    check.require(link.message() == compose_message(&record).as_bytes(), || {
        format!("the message of the commit of record {number} is not that of the record")
    });
    check.require(link.is_written_at(record.recorded_at), || {
        format!("the commit of record {number} was written at another time than the record says")
    });
    if let LedgerEvent::Decision(decided) = &record.event {
        check_decision_files(pack, packed, decided, check)?;
    }
    Ok(Some(record))
}

/// Checks that facts and reasons are those that a decision names.
fn check_decision_files(
    pack: &ReadPack,
    packed: &PackedRecord,
    decided: &DecisionRecord,
    check: &mut PackCheck,
) -> Result<()> {
    let reasons = decided.reasons.as_ref().map(|reasons| &reasons.digest);
    let named = [(FACTS_FILE, decided.facts.kept.then_some(&decided.facts.digest)), (REASONS_FILE, reasons)];
    for (name, digest) in named {
        let is_packed = packed.files.iter().any(|file| file == name);
        let number = packed.number;
        match (digest, is_packed) {
            (Some(digest), true) => {
                let found = digest_bytes(&pack.read_record_file(number, name)?);
                check.require(found == *digest, || format!("{name} of record {number} has another digest"));
            }
            (Some(_), false) => check.add_problem(format!("{name} of record {number} is not in the pack")),
            (None, _) => {}
        }
    }
    Ok(())
}

/// Judges again what the records of the pack decided, by the policies in the pack.
pub(super) fn check_replay(pack: &ReadPack) -> PackCheck {
    let mut check = PackCheck::new("verdicts");
    let mut identical = 0;
    let mut decisions = 0;
    for packed in pack.index.ledger.iter().flat_map(|ledger| &ledger.records) {
        let number = packed.number;
        let Ok(Some((decided, facts, reasons))) = read_decision(pack, packed) else { continue };
        decisions += 1;
        let replayed = replay_decision(&pack.repository, &decided, facts.as_deref(), reasons.as_deref());
        identical += replayed.identical;
        replayed
            .differences
            .into_iter()
            .for_each(|what| check.add_problem(format!("record {number}: {what}")));
        check
            .unchecked
            .extend(replayed.unavailable.into_iter().map(|what| format!("record {number}: {what}")));
    }
    let verdicts = format_count(identical, "verdict");
    check.says =
        format!("judged again, {verdicts} of {} come out the same", format_count(decisions, "decision"));
    check
}

type DecisionFilesRead = (Box<DecisionRecord>, Option<Vec<u8>>, Option<Vec<u8>>);

/// Reads the decision of a record with its files; `None` if it is no decision.
fn read_decision(pack: &ReadPack, packed: &PackedRecord) -> Result<Option<DecisionFilesRead>> {
    let bytes = pack.read_record_file(packed.number, RECORD_FILE)?;
    let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes) else { return Ok(None) };
    let LedgerEvent::Decision(decided) = record.event else { return Ok(None) };
    let read = |name: &str| {
        let is_packed = packed.files.iter().any(|file| file == name);
        if is_packed { pack.read_record_file(packed.number, name).map(Some) } else { Ok(None) }
    };
    Ok(Some((decided, read(FACTS_FILE)?, read(REASONS_FILE)?)))
}

/// Checks that every record of the pack is signed by one of the signers.
pub(super) fn check_signatures(pack: &ReadPack, signers: Option<&KeyRegistry>) -> PackCheck {
    let mut check = PackCheck::new("signatures");
    let Some(keys) = signers else {
        check
            .unchecked
            .push("no signers were given; name a file of allowed signers with --signers".to_owned());
        return check;
    };
    let mut signed = 0;
    for packed in pack.index.ledger.iter().flat_map(|ledger| &ledger.records) {
        let number = packed.number;
        let Some(at) = read_recording_time(pack, packed) else {
            check.add_problem(format!("record {number}: when it was recorded cannot be read"));
            continue;
        };
        let status = match pack.repository.read_raw_commit(packed.commit) {
            Ok(raw) => verify_commit_signature(keys, &raw, ObjectFormat::Sha1, at),
            Err(error) => SignatureStatus::Bad(format!("its commit cannot be read: {error:#}")),
        };
        match status {
            SignatureStatus::Good { .. } => signed += 1,
            SignatureStatus::None => check.add_problem(format!("record {number} is not signed")),
            SignatureStatus::Bad(why) => check.add_problem(format!("record {number}: {why}")),
        }
    }
    check.says = format!("{} signed by a signer that was given", format_count(signed, "record"));
    check
}

fn read_recording_time(pack: &ReadPack, packed: &PackedRecord) -> Option<Timestamp> {
    let bytes = pack.read_record_file(packed.number, RECORD_FILE).ok()?;
    match ReadableRecord::parse_record(&bytes) {
        ReadableRecord::Known(record) => Some(record.recorded_at),
        ReadableRecord::Unknown(_) | ReadableRecord::Damaged(_) => None,
    }
}
