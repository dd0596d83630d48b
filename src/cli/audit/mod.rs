//! The commands of auditors.

pub(super) mod sample;
