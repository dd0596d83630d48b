//! Whether a change is allowed.

use serde::Serialize;

/// The decision about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The change is allowed.
    Allow,
    /// The change is denied.
    Deny,
}
