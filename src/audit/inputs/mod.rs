//! What an audit is told beside the repository: incidents, deployments and merged pull requests, from files that other
//! tools write.
//!
//! They are claims of whoever made the file; the report says that they were given, and with which digest.

pub mod deployments;
pub mod incidents;
pub(crate) mod input_file;
pub mod known_inputs;
pub mod merged_pulls;
