//! A place in a change.

use crate::change::{Oid, Text};

/// The place of a statement, or of one that is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeLocation {
    /// The commit; `None` for the change as a whole, or for a commit that is not made yet.
    pub commit: Option<Oid>,
    /// The line of its message, or of the description, counted from 1.
    pub line: Option<usize>,
    /// True if the line is of the description of the pull request, and not of a commit's message.
    pub in_description: bool,
    /// The path that is at fault; `None` if no path is.
    pub path: Option<Text>,
}
