//! Who signed a commit, judged by keys from the target ref and by the time that was observed.
//!
//! Everything here is a function of its arguments: no file, no clock, no environment and no process
//! is touched, so neither `gpg.conf`, `gpg.program` nor the home of whoever runs the gate has a say.
//! The three things that git leaves open are closed: the keys come from a registry that is read
//! strictly ([`Keys`]), a key has to be valid when the signature was *received* (git takes the date
//! that the commit claims, which an expired or stolen key can set at will), and a signature names
//! exactly one address.
//!
//! What is not done: X.509 signatures, OpenSSH certificates, key revocation lists, designated
//! revokers, and trust between OpenPGP certificates. None of them can make a signature good.

mod allowed_signers;
mod armor;
pub(crate) mod key_registry;
mod openpgp;
pub(crate) mod openpgp_certificate;
pub(crate) mod openpgp_keyring;
pub(crate) mod signed_payload;
mod ssh;

use jiff::Timestamp;

pub use crate::git::signature::key_registry::{BadKey, KeyLocation, KeyRegistry};
pub use crate::git::signature::signed_payload::{
    MAX_ARMOR_BYTES, MalformedSignedCommit, ObjectFormat, SignedPayload, split_signature,
};

use crate::change::SignatureStatus;

/// Verifies the signature of `raw_commit`, a commit object without its `commit SIZE` prefix.
///
/// `at` is when the commit was received, by a clock that the pusher cannot set; it must never be a
/// date out of the commit. A key that had expired, was revoked or was not yet valid at that time
/// makes the signature bad, whatever the commit says about its own date.
///
/// The signer is the address that the registry gives for the key. Where an OpenPGP certificate has
/// several, it is the committer's if the committer's is among them, and otherwise that of the
/// primary user id. The reason of a bad signature holds nothing that the pusher wrote.
pub fn verify_commit_signature(
    keys: &KeyRegistry,
    raw_commit: &[u8],
    format: ObjectFormat,
    at: Timestamp,
) -> SignatureStatus {
    let signed = match split_signature(raw_commit, format) {
        Ok(None) => return SignatureStatus::None,
        Ok(Some(signed)) => signed,
        Err(malformed) => return SignatureStatus::Bad(malformed.to_string()),
    };
    match verify_signed_payload(keys, &signed, at) {
        Ok(signer) => SignatureStatus::Good { signer: signer.address, key: signer.fingerprint },
        Err(reason) => SignatureStatus::Bad(reason),
    }
}

/// Verifies the signature `armor` over `payload`, a commit object without its signature, as a forge
/// hands them out apart. The rest is as for [`verify`].
pub fn verify_detached_signature(
    keys: &KeyRegistry,
    payload: Vec<u8>,
    armor: Vec<u8>,
    at: Timestamp,
) -> SignatureStatus {
    if MAX_ARMOR_BYTES < armor.len() {
        return SignatureStatus::Bad(MalformedSignedCommit::TooLong.to_string());
    }
    match verify_signed_payload(keys, &SignedPayload { payload, armor }, at) {
        Ok(signer) => SignatureStatus::Good { signer: signer.address, key: signer.fingerprint },
        Err(reason) => SignatureStatus::Bad(reason),
    }
}

fn verify_signed_payload(
    keys: &KeyRegistry,
    signed: &SignedPayload,
    at: Timestamp,
) -> Result<key_registry::RegisteredSigner, String> {
    let SignedPayload { payload, armor } = signed;
    let begins = |label: &str| armor.starts_with(format!("-----BEGIN {label}-----").as_bytes());
    if begins("SSH SIGNATURE") {
        ssh::verify_ssh(&keys.allowed_signers, payload, armor, at)
    } else if begins("PGP SIGNATURE") {
        openpgp::verify_openpgp(&keys.certificates, payload, armor, at)
    } else if begins("PGP MESSAGE") {
        Err("the signature is an OpenPGP message, not a detached signature".into())
    } else if begins("SIGNED MESSAGE") {
        Err("X.509 signatures are not supported".into())
    } else {
        Err("the signature is of an unknown format".into())
    }
}
