//! The JSON Schema of a policy file, for editors.
