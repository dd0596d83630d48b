//! Signatures of commits: for now, what was signed.

mod header;

pub use header::{MAX_ARMOR, Malformed, ObjectFormat, Signed, split};
