//! Whether the in-toto statements of a pack are of records in it, and who signed them.

use anyhow::Result;
use serde_json::Value;

use crate::audit::evidence::pack_check::PackCheck;
use crate::audit::evidence::pack_index::{ATTESTATIONS_FILE, PackedRecord};
use crate::audit::evidence::pack_ledger::find_statement_record;
use crate::audit::evidence::pack_reader::{ReadPack, read_pack_file};
use crate::git::signature::statement_key::StatementKey;
use crate::ledger::audit::export::envelope::open_envelope;
use crate::ledger::record::strict_json::parse_strict_json;
use crate::verdict::format_count;

/// Checks that each in-toto statement is of a record in the pack and, if there are keys, signed by one of them.
pub(super) fn check_attestations(pack: &ReadPack, keys: &[StatementKey]) -> PackCheck {
    let mut check = PackCheck::new("statements");
    let file = match read_pack_file(&pack.folder, ATTESTATIONS_FILE) {
        Ok(file) => file,
        Err(error) => {
            check.add_problem(format!("{error:#}"));
            return check;
        }
    };
    let records = pack.index.ledger.iter().flat_map(|ledger| &ledger.records);
    let known: Vec<String> = records.map(PackedRecord::format_anchor).collect();
    let (mut count, mut signed) = (0, 0);
    for line in file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        count += 1;
        match read_statement(line, keys) {
            Ok((statement, is_in_envelope)) => {
                signed += usize::from(is_in_envelope);
                let record = find_statement_record(&statement);
                check.require(record.is_some_and(|record| known.iter().any(|one| one == record)), || {
                    format!("statement {count} is of no record in the pack")
                });
            }
            Err(error) => check.add_problem(format!("statement {count}: {error:#}")),
        }
    }
    check.require(count == pack.index.attestations, || {
        "there are more or fewer than pack.json says".to_owned()
    });
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

/// Returns the statement of a line, and whether it is in an envelope; with keys, it has to be in one that they signed.
fn read_statement(line: &[u8], keys: &[StatementKey]) -> Result<(Value, bool)> {
    let written = parse_strict_json(line)?;
    if keys.is_empty() && written.get("payload").is_none() {
        return Ok((written, false));
    }
    Ok((open_envelope(line, keys)?.statement, true))
}
