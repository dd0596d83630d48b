//! A question that a policy asks about the contents of certain paths.

use std::fmt;

/// A question about the contents of certain paths.
pub(crate) trait ContentQuestion: fmt::Debug + Send + Sync {
    /// Returns what tells the question from others; equal questions have equal answers.
    fn id(&self) -> &str;

    /// Returns true if the question is about this path.
    fn covers_path(&self, path: &[u8]) -> bool;

    /// Returns whether a line matches; `None` for a question about the digest.
    fn matches_line(&self, line: &[u8]) -> Option<bool>;
}
