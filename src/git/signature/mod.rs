//! Who signed a commit, decided by keys from the target ref and by the time that was observed.
//!
//! Everything here is a function of its arguments: no file, no clock, no environment and no process
//! is used, so neither `gpg.conf`, `gpg.program` nor the home directory of the account has an effect.
//! Three things that git leaves open are decided: the keys come from a registry that is read
//! strictly ([`KeyRegistry`]), a key has to be valid when the signature was *received* (git takes the
//! date that the commit claims, which can be chosen freely with an expired or stolen key), and a
//! signature names exactly one address.
//!
//! Not supported: X.509 signatures, OpenSSH certificates, key revocation lists, designated
//! revokers, and trust between OpenPGP certificates. None of them can make a signature good.

mod allowed_signers;
mod armor;
mod bad_key;
pub(crate) mod key_registry;
mod openpgp;
pub(crate) mod openpgp_certificate;
mod openpgp_issuer;
pub(crate) mod openpgp_keyring;
mod openpgp_strength;
pub(crate) mod signed_payload;
mod ssh;
pub mod statement_key;

use jiff::Timestamp;

pub use crate::git::signature::bad_key::{BadKey, KeyLocation};
pub use crate::git::signature::key_registry::{KeyRegistry, ListedKey};
pub(crate) use crate::git::signature::openpgp_keyring::find_certificate_line;
pub use crate::git::signature::signed_payload::{
    MalformedSignedCommit, ObjectFormat, SignedPayload, split_signature,
};

use crate::change::SignatureStatus;
use crate::git::signature::key_registry::RegisteredSigner;
use crate::git::signature::signed_payload::MAX_ARMOR_BYTES;

/// The keys that signatures are verified with, and the time at which they have to be valid.
#[derive(Clone, Copy, Debug)]
pub struct TrustedKeys<'a> {
    /// The keys that count.
    pub registry: &'a KeyRegistry,
    /// Keys of another policy that judges as well; a signature has to be good by both, and of one signer.
    pub other: Option<&'a KeyRegistry>,
    /// When the commits were received, by the clock of the machine that judges them; never a date out of a commit.
    pub received_at: Timestamp,
}

impl<'a> TrustedKeys<'a> {
    /// Returns the same keys, beside which these have to say the same.
    #[must_use]
    pub(crate) fn with_other(self, other: Option<&'a KeyRegistry>) -> Self {
        TrustedKeys { other, ..self }
    }

    /// Verifies the signature `armor` over `payload`, as [`verify_detached_signature`] does.
    pub(crate) fn verify_payload(&self, payload: &[u8], armor: &[u8]) -> SignatureStatus {
        verify_detached_signature(self.registry, payload.to_vec(), armor.to_vec(), self.received_at)
    }

    /// Verifies the signature of a commit, as [`verify_commit_signature`] does.
    pub(crate) fn verify_commit(&self, raw_commit: &[u8], format: ObjectFormat) -> SignatureStatus {
        let found = verify_commit_signature(self.registry, raw_commit, format, self.received_at);
        let (SignatureStatus::Good { signer, .. }, Some(other)) = (&found, self.other) else { return found };
        match verify_commit_signature(other, raw_commit, format, self.received_at) {
            SignatureStatus::Good { signer: also, .. } if also == *signer => found,
            SignatureStatus::Good { .. } => {
                SignatureStatus::Bad("two policies give the key to different people".into())
            }
            not_good => not_good,
        }
    }
}

/// Verifies the signature of `raw_commit`, a commit object without its `commit SIZE` prefix.
///
/// `at` is when the commit was received, by a clock that the pusher cannot set; it must never be a
/// date out of the commit. A key that had expired, was revoked or was not yet valid at that time
/// makes the signature bad, whatever the commit says about its own date.
///
/// The signer is the address that the registry gives for the key. If an OpenPGP certificate has
/// several, it is the committer's if that is among them, and otherwise that of the primary user id.
/// The reason of a bad signature has no text that the pusher wrote.
pub fn verify_commit_signature(
    keys: &KeyRegistry,
    raw_commit: &[u8],
    format: ObjectFormat,
    at: Timestamp,
) -> SignatureStatus {
    match split_signature(raw_commit, format) {
        Ok(None) => SignatureStatus::None,
        Ok(Some(signed)) => to_signature_status(verify_signed_payload(keys, &signed, at)),
        Err(malformed) => SignatureStatus::Bad(malformed.to_string()),
    }
}

/// Verifies the signature `armor` over `payload`, a commit object without its signature, which a forge
/// gives separately. Otherwise as [`verify_commit_signature`].
pub fn verify_detached_signature(
    keys: &KeyRegistry,
    payload: Vec<u8>,
    armor: Vec<u8>,
    at: Timestamp,
) -> SignatureStatus {
    if armor.len() > MAX_ARMOR_BYTES {
        return SignatureStatus::Bad(MalformedSignedCommit::TooLong.to_string());
    }
    to_signature_status(verify_signed_payload(keys, &SignedPayload { payload, armor }, at))
}

fn to_signature_status(verified: Result<RegisteredSigner, String>) -> SignatureStatus {
    match verified {
        Ok(signer) => SignatureStatus::Good { signer: signer.address, key: signer.fingerprint },
        Err(reason) => SignatureStatus::Bad(reason),
    }
}

fn verify_signed_payload(
    keys: &KeyRegistry,
    signed: &SignedPayload,
    at: Timestamp,
) -> Result<RegisteredSigner, String> {
    let SignedPayload { payload, armor } = signed;
    if armor.starts_with(b"-----BEGIN SSH SIGNATURE-----") {
        ssh::verify_ssh(&keys.allowed_signers, payload, armor, at)
    } else if armor.starts_with(b"-----BEGIN PGP SIGNATURE-----") {
        openpgp::verify_openpgp(&keys.certificates, payload, armor, at)
    } else if armor.starts_with(b"-----BEGIN PGP MESSAGE-----") {
        Err("the signature is an OpenPGP message, not a detached signature".into())
    } else if armor.starts_with(b"-----BEGIN SIGNED MESSAGE-----") {
        Err("X.509 signatures are not supported".into())
    } else {
        Err("the signature is of an unknown format".into())
    }
}
