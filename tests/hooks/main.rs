//! Real pushes, by git, to repositories behind the gate.
//!
//! Every test looks at what the ref holds afterwards and at what the pusher was told: a refusal that
//! does not refuse and one that does not explain are both wrong. Policies are in force as a server
//! would have them, put there before the hook was.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "test code"
)]

mod approval_bases;
mod approval_dates;
mod approval_evidence;
mod approval_ids;
mod approval_keys;
mod approval_limits;
mod approval_merges;
mod approval_releases;
mod approval_roles;
mod backtests;
mod bare;
mod carried_approvals;
mod checkouts;
mod client;
mod contents;
mod drafts;
mod early;
mod edited;
mod encodings;
mod expired_logs;
mod first_policy;
mod histories;
mod install;
mod linked_files;
mod long_rosters;
mod messages;
mod objects;
mod pasted;
mod policies;
mod policy_ref;
mod pre_push;
mod promoted;
mod push_certificates;
mod pushed_approvals;
mod pushers;
mod refs;
mod rejected_content;
mod retries;
mod rollout;
mod servers;
mod shared_policies;
mod shared_work;
mod signed_approvals;
mod staged;
mod tags;
mod vouching;
mod warnings;
mod world;
