//! Whether a population is whole: what was counted where, and whether the counts agree.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::audit::table::{ColumnKind, TableCell, TableColumn, TableSheet};
use crate::change::text;

/// One comparison of two counts, or one limit of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CompletenessCheck {
    /// What is compared, in words.
    pub what: String,
    /// What it has to be; empty where nothing is compared.
    pub expected: String,
    /// What it is.
    pub found: String,
    /// Whether both agree; `None` where nothing is compared, or nothing was there to compare with.
    pub agrees: Option<bool>,
}

/// The completeness sheet as a table.
pub static COMPLETENESS_SHEET: TableSheet = TableSheet {
    name: "completeness",
    version: 1,
    title: "Completeness",
    columns: &[
        TableColumn {
            key: "what",
            title: "What",
            kind: ColumnKind::Text,
            meaning: "What is counted or compared.",
        },
        TableColumn {
            key: "expected",
            title: "Expected",
            kind: ColumnKind::Text,
            meaning: "What it has to be.",
        },
        TableColumn { key: "found", title: "Found", kind: ColumnKind::Text, meaning: "What it is." },
        TableColumn {
            key: "agrees",
            title: "Agrees",
            kind: ColumnKind::Flag,
            meaning: "Whether both agree.",
        },
    ],
};

impl CompletenessCheck {
    /// Returns a comparison of two counts.
    pub(crate) fn compare_counts(what: &str, expected: usize, found: usize) -> CompletenessCheck {
        CompletenessCheck {
            what: what.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
            agrees: Some(expected == found),
        }
    }

    /// Returns a line that only says what was found.
    pub(crate) fn state_fact(what: &str, found: impl ToString) -> CompletenessCheck {
        CompletenessCheck {
            what: what.to_owned(),
            expected: String::new(),
            found: found.to_string(),
            agrees: None,
        }
    }

    /// Returns the check as a row of [`COMPLETENESS_SHEET`].
    pub fn build_row(&self) -> Vec<TableCell> {
        let expected =
            if self.expected.is_empty() { TableCell::Empty } else { self.expected.as_str().into() };
        vec![self.what.as_str().into(), expected, self.found.as_str().into(), self.agrees.into()]
    }
}

/// Returns `sha256:` and the digest of some ids, sorted by their bytes, each followed by a line end. The same list
/// gives the same digest in any language: `sort ids.txt | sha256sum`.
pub fn digest_id_list(ids: &mut [String]) -> String {
    ids.sort_unstable();
    let mut digest = Sha256::new();
    for id in ids.iter() {
        digest.update(id.as_bytes());
        digest.update(b"\n");
    }
    format!("sha256:{}", text::encode_hex(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_a_list_is_that_of_sort_and_sha256sum() {
        // printf 'a\nb\n' | sha256sum
        let expected = "sha256:911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2";
        assert_eq!(digest_id_list(&mut ["b".to_owned(), "a".to_owned()]), expected);
    }
}
