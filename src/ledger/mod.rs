//! The ledger: what was decided, what landed, what is owed, one record after another.
//!
//! It is a chain of Git commits under [`REF`], so that `git fetch` mirrors it and `git log` reads it.
//! Each commit holds one [`record`] as canonical JSON, which names the digest of the record before,
//! and the [`state`] that follows from all records so far. Appending reads the newest commit and
//! nothing before it.
//!
//! Nothing may be lost between a decision and its record. A decision is written ahead, outside of refs
//! and objects ([`write_ahead`]), before git is told; what became of it is appended afterwards ([`reconcile`]), by
//! the same push or by whoever comes next.

pub mod audit;
pub(crate) mod catalogue;
pub mod forge;
pub mod record;
pub mod server;
pub mod state;
pub mod store;

/// The ref that holds the ledger.
pub const LEDGER_REF: &str = "refs/changegate/ledger";
