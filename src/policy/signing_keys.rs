//! The keys that a policy's files of keys hold, as its inspection sees them.

use crate::change::Text;

/// A key of a file of keys, and whether it can make a signature count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// The place of the key in words, as in `policies/allowed_signers:3`.
    pub place: String,
    /// The addresses that it stands for.
    pub addresses: Vec<Text>,
    /// Why it makes no signature of a commit good from now on, in words that follow the key; `None` if it can.
    pub obstacle: Option<String>,
}
