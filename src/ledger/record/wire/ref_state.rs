//! What a ref holds, and how it moved.

use serde::{Deserialize, Serialize};

use crate::change::{Oid, Text};

/// What a ref holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RefTip {
    /// The full name of the ref.
    pub name: Text,
    /// The object that it holds.
    pub id: Oid,
}

/// A ref that moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedMove {
    /// The full name of the ref.
    pub name: Text,
    /// What it holds; `None` for nothing.
    pub new: Option<Oid>,
    /// What it held; `None` for nothing.
    pub old: Option<Oid>,
}
