//! The ledger: what was decided, what landed and what is owed, one record after another.
//!
//! It is a chain of Git commits under [`LEDGER_REF`], so `git fetch` mirrors it and `git log` reads it. Each
//! commit holds one [`record`] as canonical JSON, which names the digest of the record before it, and the
//! [`state`] that follows from all records so far. Appending reads only the newest commit.
//!
//! No decision is lost between the push and its record. It is written ahead, outside of refs and objects
//! ([`server::write_ahead`]), before git moves a ref; its outcome is appended afterwards
//! ([`server::reconcile`]), by the same push or by a later run.

pub mod audit;
pub mod catalogue;
pub mod forge;
pub mod record;
pub mod server;
pub mod state;
pub mod store;

/// The ref that holds the ledger.
pub const LEDGER_REF: &str = "refs/changegate/ledger";
