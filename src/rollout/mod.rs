//! How the rollout of a policy stands: which rules only warn and what they would have denied, what ends when, and
//! what was never used.
//!
//! What a rule would have denied comes from the records of a ledger where there is one, and else from judging history
//! as a backtest does; the report says which.

mod history_use;
mod json;
mod ledger_use;
mod policy_dates;
mod policy_status;
mod policy_use;
mod rule_basis;
mod rule_versions;
mod terminal;
mod warn_starts;

pub use crate::rollout::history_use::{HistoryInputs, measure_history};
pub use crate::rollout::json::write_status_json;
pub use crate::rollout::ledger_use::measure_ledger;
pub use crate::rollout::policy_dates::{DateSubject, PolicyDate, list_policy_dates};
pub use crate::rollout::policy_status::{PolicyStatus, StatusInputs, WarnedRule, build_policy_status};
pub use crate::rollout::policy_use::{EvaluatedPushes, PolicyUse, UseExample, UseSource, WarnedUse};
pub use crate::rollout::rule_versions::OtherVersionRange;
pub use crate::rollout::terminal::write_status_terminal;
pub use crate::rollout::warn_starts::{WarnStart, find_warn_starts};
