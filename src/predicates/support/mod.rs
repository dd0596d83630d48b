//! What predicates share, and what is made of them: reading parameters, answers, conditions, documentation.
//!
//! Beside this folder, one file of `src/predicates` is one predicate.

mod allowances;
pub(crate) mod byte_limit;
pub(crate) mod combined_answers;
pub mod condition;
pub(super) mod context;
pub(crate) mod documentation;
#[cfg(test)]
pub(super) mod examples;
pub(crate) mod field_levels;
pub(crate) mod field_obligation;
pub(super) mod map_keys;
pub(crate) mod misplaced_trailer;
pub(crate) mod near_key;
pub(super) mod outcome;
pub(crate) mod parameters;
pub(crate) mod shared_messages;
pub(crate) mod standard_makers;
pub(crate) mod unread_statement;
pub(crate) mod untold_members;
pub(super) mod wording;
