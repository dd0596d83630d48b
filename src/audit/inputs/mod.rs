//! What an audit is told beside the repository: incidents and deployments, from files that other tools write.
//!
//! Both are claims of whoever made the file; the report says that they were given, and with which digest.

pub mod deployments;
pub mod incidents;
pub(crate) mod input_file;
