//! Where facts, policy and judge come together: a push, a range of history, one message.
//!
//! Gathering ends here. Each entry point reads what the policy needs, judges all of it, and returns
//! a report as a value; nothing is printed and nothing is written. A failure to read one ref speaks
//! against that ref and does not keep the others from being judged.

mod base;
pub mod break_glass;
pub mod brought;
pub mod dues;
mod judging;
mod kept;
mod push;
mod range;
mod settings;
mod side;
mod source;
mod telling;

pub use judging::judge_again;
pub use kept::Kept;
pub use push::{judge_push, standing, under_control};
pub use range::{Asked, judge_message, judge_range};
pub use settings::{LedgerMode, MissingPolicy, SERVERS, Settings};
pub use source::{Loaded, Unusable, at_commit, from_disk, from_files, from_pack};
pub use telling::{faults, notes_on};
