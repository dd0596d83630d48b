//! The registry of keys and their addresses, read from files that only the target ref supplies.

use jiff::Timestamp;

use crate::change::Text;
use crate::git::signature::allowed_signers::{self, AllowedSigner};
use crate::git::signature::bad_key::{BadKey, KeyLocation};
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

impl KeyRegistry {
    /// Reads the registry from an `allowed_signers` file (ssh-keygen(1)), an OpenPGP keyring, or both.
    ///
    /// In an `allowed_signers` file, each principal is one exact address, times are in UTC with a
    /// `Z` at their end, and `cert-authority` is refused. A keyring is what `gpg --export` writes,
    /// with or without `--armor`; several armors may follow each other. Each of its certificates
    /// stands for the addresses in its self-signed user ids: the keyring comes from the protected
    /// ref, so the people who put a certificate there have vouched for them.
    ///
    /// Without a file there are no keys, and no signature is good.
    ///
    /// # Errors
    ///
    /// Returns everything that is malformed, weak or ambiguous in both files; of a keyring whose
    /// packets cannot be split, the first such place. A registry with an error must not be used in part.
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
}

impl KeyRegistry {
    /// Returns the same registry, which knows by `find_holder` whose each address of a certificate is: from then on, what is
    /// signed with a key that stands for several people counts for none of them.
    #[must_use]
    pub(crate) fn with_holders(mut self, find_holder: &dyn Fn(&Text) -> Option<String>) -> KeyRegistry {
        for certificate in &mut self.certificates {
            certificate.set_holders(find_holder);
        }
        self
    }

    /// Returns the certificates that stand for several people at `at`, by their numbers from 1, with their addresses.
    pub(crate) fn list_shared_certificates(&self, at: Timestamp) -> Vec<(usize, Vec<Text>)> {
        let mut shared = Vec::new();
        for (index, certificate) in self.certificates.iter().enumerate() {
            if certificate.list_holders(at).len() > 1 {
                shared.push((index + 1, certificate.list_addresses(at)));
            }
        }
        shared
    }
}

/// A key of a registry, and whether it can make a signature of a commit good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// The location of the key in its file.
    pub location: KeyLocation,
    /// The addresses that it stands for.
    pub addresses: Vec<Text>,
    /// Why it makes no signature good from now on, in words that follow the key; `None` if it can.
    pub obstacle: Option<String>,
}

impl KeyRegistry {
    /// Returns every key in the order of the files, as it stands at `at`; one that is only valid later has no
    /// obstacle.
    pub fn list_keys(&self, at: Timestamp) -> Vec<ListedKey> {
        let mut listed = Vec::new();
        for signer in &self.allowed_signers {
            listed.push(ListedKey {
                location: KeyLocation::Line(signer.line),
                addresses: vec![signer.principal.clone()],
                obstacle: signer.find_lasting_obstacle(at),
            });
        }
        for (index, certificate) in self.certificates.iter().enumerate() {
            listed.push(ListedKey {
                location: KeyLocation::Certificate(index + 1),
                addresses: certificate.list_addresses(at),
                obstacle: certificate.find_signing_obstacle(at),
            });
        }
        listed
    }
}

/// The registered signer of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegisteredSigner {
    /// The address that the key is registered for.
    pub(crate) address: Text,
    /// The fingerprint of the key, as its tool prints it.
    pub(crate) fingerprint: String,
}
