//! The JSON Schema of a policy file, for editors.

/// The schema, as `changegate policy schema` prints it.
pub const SCHEMA: &str = include_str!("../../docs/policy.schema.json");
