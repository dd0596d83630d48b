//! The policy: which rules there are, which changes they apply to, and whether they deny.
//!
//! [`load_policy`] reads the files of a policy, joins them, and returns either a [`Policy`] without
//! faults or every fault of every file. [`inspect_policy`] looks a valid policy over for what cannot be
//! meant. Neither needs a repository: the caller passes a function that fetches a file.

pub(crate) mod acts;
pub(crate) mod asked_again;
pub(crate) mod break_glass;
pub(crate) mod closing;
mod definition;
pub(crate) mod difference;
pub(crate) mod emergency;
mod faults;
mod gate_files;
pub(crate) mod inspect;
mod load;
mod obligations;
pub mod origins;
pub mod packs;
mod question_place;
mod remote_file;
pub mod schema;
mod signing_keys;
pub(crate) mod ticket_confirmation;
pub(crate) mod ticket_systems;

pub(crate) use crate::change::FOR_CHANGE_TRAILER;
pub use crate::policy::acts::{ActPermission, ActsPolicy};
pub use crate::policy::break_glass::BreakGlassPolicy;
pub use crate::policy::definition::{
    ChangeClass, ChangeUnit, KeyFile, Policy, Rule, RuleExemption, SignerKeys, SwitchedOffRule,
};
pub use crate::policy::difference::{
    PolicyDifference, PolicyDirection, PolicySource, find_policy_differences,
};
pub(crate) use crate::policy::emergency::{EMERGENCY_REASON_FIELD, is_emergency_class};
pub use crate::policy::faults::{FaultyFile, PolicyErrors, UnreadFiles};
pub use crate::policy::gate_files::EmergencyGap;
pub(crate) use crate::policy::inspect::weakening::remote_bases::refuse_remote_weakenings;
pub use crate::policy::inspect::{
    InspectionFacts, LATER_KEYS_DAYS, MAX_INSPECTION_STEPS, PatternUse, PlacedFault, PlacedPattern,
    PolicyInspection, PolicyWeakening, inspect_policy,
};
pub(crate) use crate::policy::inspect::{find_item_place, find_key_place, find_rule_place};
pub use crate::policy::load::files::FetchedFile;
pub(crate) use crate::policy::load::files::{builds_on_file, digest_source, max_file_bytes};
pub(crate) use crate::policy::load::load_indexed_policy;
pub use crate::policy::load::load_policy;
pub(crate) use crate::policy::load::roster::{
    KeptRosterIndex, MIN_INDEXED_BYTES, PolicyDigests, RosterIndexes,
};
pub use crate::policy::obligations::{ObligationPolicy, RegularisePolicy};
pub use crate::policy::question_place::QuestionPlace;
pub(crate) use crate::policy::remote_file::is_remote_name;
pub use crate::policy::remote_file::{RemotePolicyFile, RemoteRevision};
pub use crate::policy::signing_keys::SigningKey;
pub use crate::policy::ticket_systems::{TicketSystem, TicketSystems};
pub(crate) use crate::policy::ticket_systems::{is_repository_name, parse_system_address};

/// The path of the policy in a repository, unless the installation sets another.
pub const DEFAULT_POLICY_PATH: &str = "policies/changegate.yml";
