//! The values that the document and the pages of a change are made of, as a pack holds them: with them, both are made
//! again when the pack is verified.

use serde::{Deserialize, Serialize};

use crate::audit::change_record::ChangeRecord;
use crate::audit::show::shown_change::ShownChange;

/// A change without what records and Git objects hold: its verdicts and the decision.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct PackedValues {
    /// The change.
    pub(super) change: ChangeRecord,
    /// Why a verdict was not available.
    pub(super) unavailable: Vec<String>,
    /// True if the repository had a ledger.
    pub(super) has_ledger: bool,
    /// The number of records that could not be read.
    pub(super) unreadable_records: usize,
}

impl From<&ShownChange> for PackedValues {
    fn from(shown: &ShownChange) -> PackedValues {
        PackedValues {
            change: shown.record.clone(),
            unavailable: shown.unavailable.clone(),
            has_ledger: shown.has_ledger,
            unreadable_records: shown.unreadable_records,
        }
    }
}

impl PackedValues {
    /// Returns the values as JSON, which is the same each time.
    ///
    /// # Errors
    ///
    /// Fails if a value cannot be written as JSON.
    pub(super) fn to_json_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
