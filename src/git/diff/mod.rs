//! Differences between commits: which paths changed, how many lines, and what a merge adds of its own.

pub(crate) mod changed_paths;
pub(crate) mod commit_facts;
pub(crate) mod content_answers;
pub(crate) mod content_merge;
pub(crate) mod evil_merge;
pub(crate) mod line_counts;
pub(crate) mod made_blobs;
pub(crate) mod merge_base;
pub(crate) mod merge_row;
pub(crate) mod merge_walk;
pub(crate) mod path_lines;
pub(crate) mod rename_merge;
pub(crate) mod rename_order;
pub(crate) mod renames;
pub(crate) mod staged_paths;
pub(crate) mod three_way;
pub(crate) mod virtual_base;
