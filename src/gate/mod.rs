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

pub use judging::judge_from_facts;
pub use kept::PushFacts;
pub use push::{current_policy, judge_push, protected_refs};
pub use range::{RangeRequest, judge_message, judge_range};
pub use settings::{GateSettings, LedgerMode, MissingPolicyAction, PUSHER_SERVERS};
pub use source::{
    LoadedPolicy, UnusablePolicy, load_from_commit, load_from_disk, load_from_files, load_from_pack,
};
pub use telling::{list_policy_notes, policy_fault_finding};
