//! A record as far as it can be read: a newer version or a damaged one is said to be that, and keeps
//! nobody from the records around it.

use serde_json::Value;

use crate::ledger::record::{MAX_RECORD_BYTES, RECORD_SCHEMA, Record};

/// A record as far as it could be read.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadableRecord {
    /// All of it.
    Known(Box<Record>),
    /// It is JSON and says where it belongs, and this version does not understand the rest.
    Unknown(RecordPosition),
    /// It is not a record.
    Damaged(String),
}

/// Where a record says that it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPosition {
    /// Its schema.
    pub schema: String,
    /// Its number.
    pub number: u64,
    /// The digest of the record before.
    pub previous: Option<String>,
    /// Why the rest is not understood.
    pub reason: String,
}

impl ReadableRecord {
    /// Reads a record.
    pub fn parse_record(bytes: &[u8]) -> ReadableRecord {
        if MAX_RECORD_BYTES < bytes.len() {
            return ReadableRecord::Damaged(format!(
                "it has {} bytes, and at most {MAX_RECORD_BYTES} are read",
                bytes.len()
            ));
        }
        let why = match serde_json::from_slice::<Record>(bytes) {
            Ok(record) if record.schema == RECORD_SCHEMA => return ReadableRecord::Known(Box::new(record)),
            Ok(record) => format!("its schema is {}", record.schema),
            Err(error) => error.to_string(),
        };
        let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return ReadableRecord::Damaged(why) };
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        match (text("schema"), value.get("number").and_then(Value::as_u64)) {
            (Some(schema), Some(number)) if schema.starts_with("changegate/record/") => {
                ReadableRecord::Unknown(RecordPosition {
                    schema,
                    number,
                    previous: text("previous"),
                    reason: why,
                })
            }
            _ => ReadableRecord::Damaged(why),
        }
    }
}
