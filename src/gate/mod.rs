//! Brings facts, policy and judge together: for a push, a range of history, one message.
//!
//! All reading of a repository ends here. Each entry point reads what the policy needs, judges all of
//! it, and returns a report as a value; nothing is printed, and nothing is written but the index of a long
//! roster. A failure to read one ref refuses that ref, and the others are still judged.

pub mod acts;
pub(crate) mod base_revisions;
pub mod break_glass;
pub(crate) mod committed_policy;
pub mod contributors;
pub(crate) mod earlier_changes;
pub(crate) mod given_certificate;
pub(crate) mod given_change;
pub(crate) mod given_file;
mod history;
mod message_judge;
pub mod obligations;
pub(crate) mod policy_check;
mod policy_comparison;
pub(crate) mod policy_content;
pub(crate) mod policy_effect;
pub(crate) mod policy_file;
pub(crate) mod policy_findings;
pub(crate) mod policy_naming;
pub(crate) mod policy_ref;
pub(crate) mod policy_repositories;
pub(crate) mod policy_source;
pub(crate) mod protected_names;
pub(crate) mod protected_scope;
pub(crate) mod published_commits;
pub(crate) mod push;
pub(crate) mod push_certificate;
pub(crate) mod push_facts;
pub(crate) mod push_remote;
pub(crate) mod pusher_accounts;
pub(crate) mod range;
mod range_changes;
pub(crate) mod range_walk;
pub(crate) mod recorded_past;
pub(crate) mod recorded_policies;
pub(crate) mod rewording_place;
pub(crate) mod roster_indexes;
pub(crate) mod rule_traces;
mod settings;
pub(crate) mod shared_base;
pub mod signed_approvals;
mod signer_files;
pub(crate) mod swapped_parents;
pub(crate) mod walk_facts;

pub(crate) use crate::gate::committed_policy::load_for_hook;
pub use crate::gate::committed_policy::load_from_commit;
pub use crate::gate::given_change::{
    complete_repository_facts, forget_policy_effect, judge_given_changes, read_range_commits,
};
pub use crate::gate::history::{
    HistorySpan, find_commit_as_of, find_commit_before, find_history_spans, find_spans_after,
};
pub use crate::gate::message_judge::{MessageRequest, judge_message};
pub(crate) use crate::gate::policy_check::require_own_branch;
pub use crate::gate::policy_check::{check_policy, check_server_policy, list_idle_patterns};
pub(crate) use crate::gate::policy_findings::{
    build_init_command, list_branches_with_policy, list_warning_notes,
};
pub use crate::gate::policy_findings::{list_policy_notes, policy_fault_finding};
pub use crate::gate::policy_source::{
    LoadedPolicy, UnusablePolicy, load_from_disk, load_from_files, load_from_pack,
};
pub(crate) use crate::gate::policy_source::{load_beside_drafts, load_from_folder};
pub(crate) use crate::gate::push::POLICY_ACCEPTED;
pub use crate::gate::push::base_policy::UndecidedMove;
pub use crate::gate::push::change_judge::{collect_push_reasons, judge_from_facts};
pub use crate::gate::push::{current_policy, judge_push, protected_refs};
pub use crate::gate::push_facts::PushFacts;
pub use crate::gate::range::{ChangeObserver, RangePart, RangeRequest, judge_parts, judge_range};
pub use crate::gate::range_changes::{RangeChanges, list_range_changes};
pub use crate::gate::range_walk::RangeDivision;
pub use crate::gate::recorded_past::{LandingReader, PastLanding, RecordedPast, UnauthorisedRecord};
pub use crate::gate::settings::{GateMode, GateSettings, LedgerMode, MissingPolicyAction, PUSHER_SERVERS};
