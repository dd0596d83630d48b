//! Why a key cannot be registered, and what the address of a key has to look like.

use std::fmt;

use crate::change::person::canonical_address;

/// The location of a refused key in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyLocation {
    /// A line of the `allowed_signers` file, counted from 1.
    Line(usize),
    /// A certificate of the OpenPGP keyring, counted from 1.
    Certificate(usize),
    /// The armor that begins at this line of the OpenPGP keyring, counted from 1.
    Armor(usize),
}

/// A key that is refused, and why.
///
/// Both OpenSSH and GnuPG skip what they cannot read. An entry that silently does not count would make
/// the registry differ from what was reviewed, so each is an error here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadKey {
    /// The location of the key in its file.
    pub location: KeyLocation,
    /// What is wrong with the key, without a full stop.
    pub reason: String,
}

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.location {
            KeyLocation::Line(line) => write!(f, "allowed signers, line {line}: {}", self.reason),
            KeyLocation::Certificate(number) => write!(f, "keyring, certificate {number}: {}", self.reason),
            KeyLocation::Armor(line) => write!(f, "keyring, line {line}: {}", self.reason),
        }
    }
}

impl std::error::Error for BadKey {}

/// Returns true if `text` is one address that cannot be read as a pattern.
pub(crate) fn is_exact_address(text: &[u8]) -> bool {
    canonical_address(text).is_some() && !text.iter().any(|byte| b"*?!".contains(byte))
}
