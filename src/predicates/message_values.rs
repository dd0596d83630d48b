//! Lists for messages: alternatives that the policy names, and paths of a change.

use crate::change::Text;
use crate::verdict::{MessageValue, messages};

messages! {
    MORE_PATHS = "paths.more": "{count} more";
}

/// How many paths a finding lists.
const MAX_PATHS_LISTED: usize = 10;

/// Returns words or patterns of the policy, each between backticks.
pub(crate) fn list_policy_words<T: ToString>(words: &[T]) -> Vec<String> {
    let mut quoted = Vec::with_capacity(words.len());
    for word in words {
        quoted.push(format!("`{}`", word.to_string()));
    }
    quoted
}

/// Returns the paths for a message, at most ten of them and how many there are besides.
pub(crate) fn list_paths(paths: &[&Text]) -> MessageValue {
    let mut items = Vec::new();
    for path in paths.iter().take(MAX_PATHS_LISTED) {
        items.push(MessageValue::from(*path));
    }
    let unlisted = paths.len().saturating_sub(MAX_PATHS_LISTED);
    if unlisted > 0 {
        items.push(MORE_PATHS.with("count", unlisted).into());
    }
    MessageValue::List(items)
}
