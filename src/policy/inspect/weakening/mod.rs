//! What a policy weakens of the policies that it extends.

mod asked_less;
mod opened_changes;
mod parameter_senses;
pub(crate) mod remote_bases;
pub(crate) mod strictness;
pub(crate) mod weakened_entries;
pub(crate) mod widened_lists;
