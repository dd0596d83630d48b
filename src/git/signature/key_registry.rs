//! The registry: which key belongs to whom, read from files that only the target ref may supply.

use std::fmt;

use crate::change::Text;
use crate::change::person::canonical_address;
use crate::git::signature::allowed_signers::{self, AllowedSigner};
use crate::git::signature::openpgp_certificate::OpenPgpCertificate;
use crate::git::signature::openpgp_keyring;

/// The keys that are known, each with the address that it stands for.
///
/// Reading one verifies every self-signature of an OpenPGP certificate once; verifying a commit
/// costs no more than its own signature.
#[derive(Clone, Debug, Default)]
pub struct KeyRegistry {
    pub(crate) allowed_signers: Vec<AllowedSigner>,
    pub(crate) certificates: Vec<OpenPgpCertificate>,
}

/// Where in its file a key stands that cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyLocation {
    /// A line of the `allowed_signers` file, counted from 1.
    Line(usize),
    /// A certificate of the OpenPGP keyring, counted from 1.
    Certificate(usize),
    /// The armor that begins at this line of the OpenPGP keyring, counted from 1.
    Armor(usize),
}

/// A key that cannot be taken, and why.
///
/// Both OpenSSH and GnuPG skip what they cannot read. A registry in which an entry silently does not
/// count is one that nobody has reviewed, so here each is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadKey {
    /// Where it stands.
    pub location: KeyLocation,
    /// What is wrong, without a full stop.
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

impl KeyRegistry {
    /// Reads the registry from an `allowed_signers` file (ssh-keygen(1)), an OpenPGP keyring, or both.
    ///
    /// In an `allowed_signers` file, each principal is one exact address, times are in UTC with a
    /// `Z` at their end, and `cert-authority` is refused. A keyring is what `gpg --export` writes,
    /// with or without `--armor`; several armors may follow each other. Each of its certificates
    /// stands for the addresses in its self-signed user ids: the keyring comes from the protected
    /// ref, so that whoever puts a certificate there has vouched for them.
    ///
    /// A file that is not there gives no keys, and so no good signature.
    ///
    /// # Errors
    ///
    /// Returns everything that is malformed, weak or ambiguous in both files; in a keyring whose
    /// packets cannot be told apart, the first place where they cannot. A registry with an error
    /// must not be used in part.
    pub fn read_registry(
        allowed_signers: Option<&[u8]>,
        keyring: Option<&[u8]>,
    ) -> Result<KeyRegistry, Vec<BadKey>> {
        let ssh = allowed_signers.map_or(Ok(Vec::new()), allowed_signers::read_allowed_signers);
        let certificates = keyring.map_or(Ok(Vec::new()), openpgp_keyring::read_keyring);
        match (ssh, certificates) {
            (Ok(ssh), Ok(certificates)) => Ok(KeyRegistry { allowed_signers: ssh, certificates }),
            (ssh, certificates) => {
                let mut errors = ssh.err().unwrap_or_default();
                errors.extend(certificates.err().unwrap_or_default());
                Err(errors)
            }
        }
    }

    /// Returns true if and only if no key is known.
    pub fn is_empty(&self) -> bool {
        self.allowed_signers.is_empty() && self.certificates.is_empty()
    }
}

/// Whose signature it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegisteredSigner {
    /// The address that the key is registered for.
    pub(crate) address: Text,
    /// The key's fingerprint.
    pub(crate) fingerprint: String,
}

/// Returns true if and only if `text` is one address, with nothing in it that could be a pattern.
pub(crate) fn is_exact_address(text: &[u8]) -> bool {
    canonical_address(text).is_some() && !text.iter().any(|byte| b"*?!".contains(byte))
}
