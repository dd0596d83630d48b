//! A record as far as it can be read: one of a newer version or a damaged one is reported as that, and the
//! records around it are still read.

use serde_json::Value;

use crate::ledger::record::{MAX_RECORD_BYTES, RECORD_SCHEMA, Record};

/// A record as far as it could be read.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadableRecord {
    /// All of it was read.
    Known(Box<Record>),
    /// It is JSON and says where it belongs; this version does not understand the rest.
    Unknown(RecordPosition),
    /// It is no record, for this reason.
    Damaged(String),
}

/// Where a record says that it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPosition {
    /// The name and version of its schema.
    pub schema: String,
    /// Its place in the ledger.
    pub number: u64,
    /// The digest of the record before.
    pub previous: Option<String>,
    /// Why the rest is not understood.
    pub reason: String,
}

impl ReadableRecord {
    /// Reads a record from its bytes.
    pub fn parse_record(bytes: &[u8]) -> ReadableRecord {
        if bytes.len() > MAX_RECORD_BYTES {
            return ReadableRecord::Damaged(format!(
                "it has {} bytes; at most {MAX_RECORD_BYTES} are read",
                bytes.len()
            ));
        }
        let why = match serde_json::from_slice::<Record>(bytes) {
            Ok(record) if record.schema == RECORD_SCHEMA => return ReadableRecord::Known(Box::new(record)),
            Ok(record) => {
                format!("its schema is {}, which a newer version of changegate reads", record.schema)
            }
            Err(error) => error.to_string(),
        };
        let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return ReadableRecord::Damaged(why) };
        match (read_text(&value, "schema"), value.get("number").and_then(Value::as_u64)) {
            (Some(schema), Some(number)) if schema.starts_with("changegate/record/") => {
                let previous = read_text(&value, "previous");
                ReadableRecord::Unknown(RecordPosition { schema, number, previous, reason: why })
            }
            _ => ReadableRecord::Damaged(why),
        }
    }
}

fn read_text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}
