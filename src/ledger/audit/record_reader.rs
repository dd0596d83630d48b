//! Reads single records of a ledger, and says of those that cannot be read why.

use crate::change::Oid;
use crate::git::Repository;
use crate::ledger::record::Record;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::store::{RECORD_FILE, read_ledger_file};

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRecord {
    /// The commit of the ledger that should hold it.
    pub holder: Oid,
    /// Why it cannot be read.
    pub why: String,
}

/// Returns the record that a commit of the ledger holds with its bytes, or why it cannot be read.
pub(crate) fn read_record_at(repository: &Repository, holder: Oid) -> Result<(Vec<u8>, Box<Record>), String> {
    let bytes = read_ledger_file(repository, holder, RECORD_FILE).map_err(|error| format!("{error:#}"))?;
    let Some(bytes) = bytes else { return Err(format!("it has no {RECORD_FILE}")) };
    match ReadableRecord::parse_record(&bytes) {
        ReadableRecord::Known(record) => Ok((bytes, record)),
        ReadableRecord::Unknown(place) => {
            Err(format!("record {} has the schema {}, which is not known here", place.number, place.schema))
        }
        ReadableRecord::Damaged(why) => Err(why),
    }
}
