//! A record as far as it can be read: a newer version or a damaged one is said to be that, and keeps
//! nobody from the records around it.

use serde_json::Value;

use super::record::{LARGEST, Record, SCHEMA};

/// A record as far as it could be read.
#[derive(Clone, Debug, PartialEq)]
pub enum Readable {
    /// All of it.
    Known(Box<Record>),
    /// It is JSON and says where it belongs, and this version does not understand the rest.
    Unknown(Place),
    /// It is not a record.
    Damaged(String),
}

/// Where a record says that it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its schema.
    pub schema: String,
    /// Its number.
    pub number: u64,
    /// The digest of the record before.
    pub previous: Option<String>,
    /// Why the rest is not understood.
    pub why: String,
}

impl Readable {
    /// Reads a record.
    pub fn read(bytes: &[u8]) -> Readable {
        if LARGEST < bytes.len() {
            return Readable::Damaged(format!(
                "it has {} bytes, and at most {LARGEST} are read",
                bytes.len()
            ));
        }
        let why = match serde_json::from_slice::<Record>(bytes) {
            Ok(record) if record.schema == SCHEMA => return Readable::Known(Box::new(record)),
            Ok(record) => format!("its schema is {}", record.schema),
            Err(error) => error.to_string(),
        };
        let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return Readable::Damaged(why) };
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        match (text("schema"), value.get("number").and_then(Value::as_u64)) {
            (Some(schema), Some(number)) if schema.starts_with("changegate/record/") => {
                Readable::Unknown(Place { schema, number, previous: text("previous"), why })
            }
            _ => Readable::Damaged(why),
        }
    }
}
