//! Whether the in-toto statements of a pack are what its records make, none is left out, and who signed them.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use crate::audit::evidence::pack_check::PackCheck;
use crate::audit::evidence::pack_index::ATTESTATIONS_FILE;
use crate::audit::evidence::pack_ledger::find_statement_record;
use crate::audit::evidence::pack_reader::{ReadPack, read_pack_file};
use crate::audit::evidence::packed_records::PackedRecords;
use crate::git::signature::statement_key::StatementKey;
use crate::ledger::audit::export::envelope::open_envelope;
use crate::ledger::audit::export::review_coverage::COVERAGE_PREDICATE_TYPE;
use crate::ledger::audit::export::{ExportOptions, export_known_records};
use crate::ledger::record::strict_json::parse_strict_json;
use crate::verdict::format_count;

/// Checks that the in-toto statements are those that the records of the pack make and, if there are keys, that one of them
/// signed each.
pub(super) fn check_attestations(pack: &ReadPack, keys: &[StatementKey]) -> PackCheck {
    let mut check = PackCheck::new("statements");
    if pack.index.attestations == 0 {
        // Keys are given by somebody who has seen statements, or was told of them.
        check.require(keys.is_empty(), || "a key was given, and there are none".to_owned());
        check.unchecked.push("whether there were in-toto statements: the pack holds none".to_owned());
        check.says = "no in-toto statements".to_owned();
        return check;
    }
    let file = match read_pack_file(&pack.folder, ATTESTATIONS_FILE) {
        Ok(file) => file,
        Err(error) => {
            check.add_problem(format!("{error:#}"));
            return check;
        }
    };
    let (mut told, mut signed) = (Vec::new(), 0);
    let lines = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut count = 0;
    for line in lines {
        count += 1;
        match read_statement(line, keys) {
            Ok((statement, is_in_envelope)) => {
                signed += usize::from(is_in_envelope);
                told.push((count, statement));
            }
            Err(error) => check.add_problem(format!("statement {count}: {error:#}")),
        }
    }
    check.require(count == pack.index.attestations, || {
        "there are more or fewer than pack.json says".to_owned()
    });
    if let Err(error) = compare_statements(pack, &told, &mut check) {
        check.add_problem(format!("{error:#}"));
    }
    if signed > 0 && keys.is_empty() {
        check.unchecked.push("who signed them: name a file of a public key with --key".to_owned());
    }
    let how = match (signed, keys.is_empty()) {
        (0, _) => "unsigned",
        (_, true) => "in envelopes",
        (_, false) => "signed by a key that was given",
    };
    check.says = format!("{} of records in the pack, {how}", format_count(count, "in-toto statement"));
    check
}

/// Compares the statements with those that the records make, both ways.
fn compare_statements(pack: &ReadPack, told: &[(usize, Value)], check: &mut PackCheck) -> Result<()> {
    let Some(address) = told.first().and_then(|(_, statement)| find_address(statement)) else {
        check.add_problem("the first statement names no repository");
        return Ok(());
    };
    let records = PackedRecords::read_records(pack).list_with_digests(pack);
    let options = ExportOptions { first_record: 0, repository_uri: &address, verifier_id: None };
    let mut made: Vec<Value> = Vec::new();
    let summary = export_known_records(&pack.repository, &options, &records, &mut |_, statement| {
        made.push(statement.clone());
        Ok(())
    })?;
    let known: BTreeSet<String> =
        records.iter().map(|(_, record, digest)| format!("{}:{digest}", record.number)).collect();
    let mut found: BTreeSet<usize> = BTreeSet::new();
    let mut partly = 0;
    for (number, statement) in told {
        let record = find_statement_record(statement).unwrap_or_default();
        if !known.contains(record) {
            check.add_problem(format!("statement {number} is of no record in the pack"));
            continue;
        }
        let is_same = |one: &(usize, &Value)| find_subject(one.1) == find_subject(statement);
        match made.iter().enumerate().find(is_same) {
            Some((place, one)) => {
                if !found.insert(place) {
                    check.add_problem(format!("statement {number} is there twice"));
                }
                match compare_statement(statement, one) {
                    Some(is_whole) => partly += usize::from(!is_whole),
                    None => check.add_problem(format!("statement {number} is not what its record makes")),
                }
            }
            // What is made of a verdict that cannot be reached here, or of what the pack has no objects of.
            None if summary.unavailable.is_empty() && !needs_objects(statement) => {
                check.add_problem(format!("statement {number} is not what its record makes"));
            }
            None => partly += 1,
        }
    }
    for (place, one) in made.iter().enumerate() {
        if !found.contains(&place) {
            let record = find_statement_record(one).unwrap_or_default();
            let number = record.split(':').next().unwrap_or_default();
            check.add_problem(format!("a statement that record {number} makes is left out"));
        }
    }
    check.unchecked.push("the address of the repository in them".to_owned());
    if partly > 0 {
        let statements = format_count(partly, "statement");
        check
            .unchecked
            .push(format!("a part of {statements}, which takes objects that the pack does not hold"));
    }
    Ok(())
}

/// Returns the address of the repository that a statement names.
fn find_address(statement: &Value) -> Option<String> {
    let uri = statement.pointer("/subject/0/uri")?.as_str()?;
    Some(uri.rsplit_once('@')?.0.to_owned())
}

/// Returns what a statement is about: its record, its type, its commit and its ref.
fn find_subject(statement: &Value) -> [Option<&Value>; 4] {
    [
        "/subject/0/annotations/changegateRecord",
        "/predicateType",
        "/subject/0/digest/gitCommit",
        "/subject/0/annotations/sourceRefs",
    ]
    .map(|path| statement.pointer(path))
}

/// Returns true for a statement that is made only where its objects are: one of what a review covered, or of a tag.
fn needs_objects(statement: &Value) -> bool {
    let is_coverage = statement.get("predicateType").and_then(Value::as_str) == Some(COVERAGE_PREDICATE_TYPE);
    let name = statement.pointer("/subject/0/annotations/sourceRefs/0").and_then(Value::as_str);
    is_coverage || name.is_some_and(|name| name.starts_with("refs/tags/"))
}

/// Compares a statement with the one that is made of the pack; `None` if it says something else. Returns false if it says
/// more than can be made here, since the pack lacks objects.
fn compare_statement(told: &Value, made: &Value) -> Option<bool> {
    if told == made {
        return Some(true);
    }
    let (mut told, mut made) = (told.clone(), made.clone());
    let mut is_whole = true;
    let tree = "/subject/0/digest";
    if made.pointer(tree).and_then(|digest| digest.get("gitTree")).is_none()
        && let Some(digest) = told.pointer_mut(tree).and_then(Value::as_object_mut)
    {
        is_whole &= digest.remove("gitTree").is_none();
    }
    if needs_objects(&made) {
        let count = |one: &Value, list: &str| one.pointer(list).and_then(Value::as_array).map_or(0, Vec::len);
        let is_open =
            made.pointer("/predicate/reviewCoverage/result").and_then(Value::as_str) == Some("unverifiable");
        let mut dropped = Vec::new();
        if is_open {
            dropped.extend(["reviewCoverage", "mergeTransform"]);
        }
        for list in ["approvals", "checks"] {
            let path = format!("/predicate/{list}");
            if count(&made, &path) < count(&told, &path) {
                dropped.push(list);
            }
        }
        for one in [&mut told, &mut made] {
            if let Some(predicate) = one.get_mut("predicate").and_then(Value::as_object_mut) {
                predicate.retain(|key, _| !dropped.contains(&key.as_str()));
            }
        }
        is_whole &= dropped.is_empty();
    }
    (told == made).then_some(is_whole)
}

/// Returns the statement of a line, and whether it is in an envelope; with keys, it has to be in one that they signed.
fn read_statement(line: &[u8], keys: &[StatementKey]) -> Result<(Value, bool)> {
    let written = parse_strict_json(line)?;
    if keys.is_empty() && written.get("payload").is_none() {
        return Ok((written, false));
    }
    Ok((open_envelope(line, keys)?.statement, true))
}
