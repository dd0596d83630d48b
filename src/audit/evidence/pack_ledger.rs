//! The part of a pack that comes from the ledger: the records about the changes, and the chain that holds them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::audit::evidence::pack_index::{ATTESTATIONS_FILE, CHAIN_FILE, PackedLedger, PackedRecord};
use crate::audit::evidence::rendered_files::write_pack_file;
use crate::change::Oid;
use crate::git::Repository;
use crate::git::evidence_objects::tree_walk::ObjectSink;
use crate::git::signature::statement_key::StatementSigner;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::export::envelope::sign_statement;
use crate::ledger::audit::export::{ExportOptions, export_ledger};
use crate::ledger::record::digest_bytes;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::store::{FACTS_FILE, REASONS_FILE, RECORD_FILE, read_ledger_file};

/// The records that a pack holds, by their numbers, each with its commit.
pub(super) type RecordHolders = BTreeMap<u64, Oid>;

/// Returns the commits that hold the records of these numbers, as far as the chain can be read.
pub(super) fn find_record_holders(repository: &Repository, numbers: &BTreeSet<u64>) -> Result<RecordHolders> {
    let tip = repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
    let (commits, _) = repository.walk_chain(tip);
    let mut found = RecordHolders::new();
    // The records of a whole ledger are counted from 1; where its beginning is missing, the newest tells its number.
    let newest = match commits.first() {
        Some((newest, _)) => read_record_number(repository, *newest)?.unwrap_or(commits.len() as u64),
        None => return Ok(found),
    };
    for number in numbers {
        let place = newest.checked_sub(*number).and_then(|back| usize::try_from(back).ok());
        if let Some((commit, _)) = place.and_then(|place| commits.get(place))
            && read_record_number(repository, *commit)? == Some(*number)
        {
            found.insert(*number, *commit);
        }
    }
    Ok(found)
}

fn read_record_number(repository: &Repository, commit: Oid) -> Result<Option<u64>> {
    let bytes = read_ledger_file(repository, commit, RECORD_FILE)?.unwrap_or_default();
    Ok(match ReadableRecord::parse_record(&bytes) {
        ReadableRecord::Known(record) => Some(record.number),
        ReadableRecord::Unknown(place) => Some(place.number),
        ReadableRecord::Damaged(_) => None,
    })
}

/// Writes the records into the pack, and the commits of the ledger from the first of them to the newest.
///
/// # Errors
///
/// Fails if an object cannot be read or a file not be written.
pub(super) fn write_ledger_part(
    repository: &Repository,
    folder: &Path,
    holders: &RecordHolders,
    sink: &mut dyn ObjectSink,
) -> Result<Option<PackedLedger>> {
    let Some(tip) = repository.resolve_ref(LEDGER_REF.as_bytes())?.id else { return Ok(None) };
    let mut records = Vec::new();
    for (number, commit) in holders {
        records.push(write_record(repository, folder, *number, *commit, sink)?);
    }
    let (commits, _) = repository.walk_chain(Some(tip));
    let wanted: BTreeSet<Oid> = holders.values().copied().collect();
    let oldest = commits.iter().rposition(|(commit, _)| wanted.contains(commit)).unwrap_or(0);
    let path = folder.join(CHAIN_FILE);
    let describe = || format!("cannot write {}", path.display());
    write_pack_file(&path, &[])?;
    let mut chain = BufWriter::new(File::create(&path).with_context(describe)?);
    let mut length = 0;
    for (commit, _) in commits.iter().take(oldest + 1).rev() {
        let raw = repository.read_raw_commit(*commit)?;
        writeln!(chain, "{commit} commit {}", raw.len()).with_context(describe)?;
        chain.write_all(&raw).and_then(|()| chain.write_all(b"\n")).with_context(describe)?;
        length += 1;
    }
    chain.flush().with_context(describe)?;
    Ok(Some(PackedLedger { tip, chain: length, records }))
}

/// Writes the in-toto statements of the records of the pack, in signed envelopes if there is a key, and returns how many
/// there are.
///
/// # Errors
///
/// Fails if the ledger cannot be exported, or the file not be written.
pub(super) fn write_attestations(
    repository: &Repository,
    folder: &Path,
    ledger: &PackedLedger,
    (repository_uri, signer): (&str, Option<&StatementSigner>),
) -> Result<usize> {
    let known: BTreeSet<String> = ledger.records.iter().map(PackedRecord::format_anchor).collect();
    let options = ExportOptions { first_record: 0, repository_uri, verifier_id: None };
    let mut lines = Vec::new();
    let mut count = 0;
    export_ledger(repository, &options, &mut |_, statement| {
        if find_statement_record(statement).is_some_and(|record| known.contains(record)) {
            match signer {
                Some(signer) => writeln!(lines, "{}", sign_statement(statement, signer)?)?,
                None => writeln!(lines, "{statement}")?,
            }
            count += 1;
        }
        Ok(())
    })?;
    if count > 0 {
        write_pack_file(&folder.join(ATTESTATIONS_FILE), &lines)?;
    }
    Ok(count)
}

/// Returns the record that an exported statement names, as a number and a digest.
pub(super) fn find_statement_record(statement: &Value) -> Option<&str> {
    statement.pointer("/subject/0/annotations/changegateRecord")?.as_str()
}

fn write_record(
    repository: &Repository,
    folder: &Path,
    number: u64,
    commit: Oid,
    sink: &mut dyn ObjectSink,
) -> Result<PackedRecord> {
    let tree = repository.find_root_tree(commit)?;
    let stored = repository.read_stored_object(tree)?;
    sink.add_object(stored.with_context(|| format!("the tree of the record {number} is missing"))?)?;
    let mut files = Vec::new();
    let mut digest = String::new();
    // The state beside a record follows from all records before it, and tells nothing of one change.
    for name in [RECORD_FILE, FACTS_FILE, REASONS_FILE] {
        let Some(bytes) = read_ledger_file(repository, commit, name)? else { continue };
        if name == RECORD_FILE {
            digest = digest_bytes(&bytes);
        }
        write_pack_file(&folder.join(PackedRecord::locate_file(number, name)), &bytes)?;
        files.push(name.to_owned());
    }
    Ok(PackedRecord { number, commit, digest, files })
}
