//! The search for a change that all rules allow, which confirms that a policy locks everybody out.

pub(crate) mod answer_rows;
pub(crate) mod assumed_change;
pub(crate) mod confirmed_lockouts;
pub(crate) mod excluding_rules;
pub(crate) mod path_answers;
pub(crate) mod path_globs;
pub(crate) mod people_answers;
pub(crate) mod possible_changes;
pub(crate) mod search_budget;
