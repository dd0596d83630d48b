//! The search of changes that a policy allows, and of the rules that leave none.

mod answer_rows;
mod approver_sets;
pub(crate) mod asked_rules;
mod aspect_tables;
mod assumed_change;
mod bit_answers;
mod choice_search;
pub(crate) mod choice_set;
pub(crate) mod confirmed_lockouts;
mod denied_choices;
pub(crate) mod excluding_rules;
pub(crate) mod path_answers;
mod path_globs;
pub(crate) mod people_answers;
pub(crate) mod possible_changes;
pub(crate) mod question_numbers;
pub(crate) mod rule_core;
pub(crate) mod search_budget;
