//! The ledger: what was decided, what landed, what is owed, one record after another.
//!
//! It is a chain of Git commits under [`REF`], so that `git fetch` mirrors it and `git log` reads it.
//! Each commit holds one [`record`] as canonical JSON, which names the digest of the record before,
//! and the [`state`] that follows from all records so far. Appending reads the newest commit and
//! nothing before it.
//!
//! Nothing may be lost between a decision and its record. A decision is written ahead, outside of refs
//! and objects ([`ahead`]), before git is told; what became of it is appended afterwards ([`fold`]), by
//! the same push or by whoever comes next.

pub mod ahead;
pub mod asking;
pub mod blocking;
pub mod canonical;
pub mod confirming;
pub mod deciding;
pub mod deploy;
mod evidence;
pub mod export;
mod flagging;
pub mod fold;
pub mod landing;
pub mod message;
pub mod obligation;
mod pending;
pub mod place;
mod problem;
pub mod readable;
pub mod recalled;
pub mod record;
mod refs;
pub mod replay;
pub mod retrospect;
pub mod reviewed;
pub mod session;
pub mod state;
mod steps;
pub mod store;
pub mod stray;
pub mod sweep;
pub mod trace;
pub mod verify;
mod vouched;
mod walk;
pub mod workflow;

/// The ref that holds the ledger.
pub const LEDGER_REF: &str = "refs/changegate/ledger";
