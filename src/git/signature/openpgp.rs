//! Verifies detached OpenPGP signatures (RFC 9580) against the certificates of a keyring.
//!
//! There has to be exactly one signature packet and nothing else: with several, two verifiers can
//! disagree about the signer. The time inside a signature is a claim; it can make the signature bad,
//! and never makes it good.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pgp::packet::{Packet, Signature, SignatureType};
use pgp::types::{KeyDetails, VerifyingKey};

use crate::git::signature::armor::{self, ArmorFlavour};
use crate::git::signature::key_registry::RegisteredSigner;
use crate::git::signature::openpgp_certificate::{
    OpenPgpCertificate, SHARED_KEY, format_fingerprint, to_unix_seconds,
};
use crate::git::signature::openpgp_keyring::take_packet;
use crate::git::signature::openpgp_strength::{has_unknown_critical, is_strong_signature};
use crate::git::signature::signed_payload;

/// Verifies the signature in `armor` over `payload`, which was received at `at`.
///
/// # Errors
///
/// Says why the signature does not count.
pub(crate) fn verify_openpgp(
    certificates: &[OpenPgpCertificate],
    payload: &[u8],
    armor: &[u8],
    at: Timestamp,
) -> Result<RegisteredSigner, String> {
    let signature = read_signature(armor)?;
    let made = refuse_unfit(&signature, at)?;
    let claim = SignatureClaim { signature, made_at: made, payload, received_at: at };
    let mut refusal = "the OpenPGP key that the signature names is not registered".to_owned();
    for certificate in certificates {
        if names_key(&claim.signature, &certificate.primary_key) {
            let may_sign = certificate.check_primary_key(at);
            match claim.verify_with_key(certificate, &certificate.primary_key, may_sign) {
                Ok(signer) => return refuse_shared_key(certificates, signer, at),
                Err(reason) => refusal = reason,
            }
        }
        for subkey in &certificate.subkeys {
            if names_key(&claim.signature, &subkey.key) {
                let may_sign = certificate.check_subkey(subkey, at);
                match claim.verify_with_key(certificate, &subkey.key, may_sign) {
                    Ok(signer) => return refuse_shared_key(certificates, signer, at),
                    Err(reason) => refusal = reason,
                }
            }
        }
    }
    Err(refusal)
}

/// Refuses what a key signed that stands for several people at `at`, by one certificate or by several that hold it: its
/// holder could approve as each of them.
fn refuse_shared_key(
    certificates: &[OpenPgpCertificate],
    signer: RegisteredSigner,
    at: Timestamp,
) -> Result<RegisteredSigner, String> {
    let with_key = certificates.iter().filter(|certificate| certificate.holds_key(&signer.fingerprint));
    let holders: BTreeSet<&str> = with_key.flat_map(|certificate| certificate.list_holders(at)).collect();
    match holders.len() {
        0 | 1 => Ok(signer),
        _ => Err(format!("the key {} {SHARED_KEY}", signer.fingerprint)),
    }
}

/// A signature that counts if the right key made it.
struct SignatureClaim<'a> {
    signature: Signature,
    made_at: i64,
    payload: &'a [u8],
    received_at: Timestamp,
}

impl SignatureClaim<'_> {
    /// Verifies the claim with the key that it names; `may_sign` says whether that key counts.
    fn verify_with_key(
        &self,
        certificate: &OpenPgpCertificate,
        key: &impl VerifyingKey,
        may_sign: Result<(), String>,
    ) -> Result<RegisteredSigner, String> {
        let fingerprint = format_fingerprint(key);
        if let Err(reason) = self.check_made_by(key).and(may_sign) {
            return Err(format!("the key {fingerprint} {reason}"));
        }
        let wanted = signed_payload::find_committer_address(self.payload);
        match certificate.find_address(wanted, self.received_at) {
            Some(address) => Ok(RegisteredSigner { address, fingerprint }),
            None => Err(format!("the key {fingerprint} had no valid user id when this was received")),
        }
    }

    fn check_made_by(&self, key: &impl VerifyingKey) -> Result<(), String> {
        if self.signature.verify(key, self.payload).is_err() {
            return Err("did not make this signature, or something else was signed".into());
        }
        if self.made_at < to_unix_seconds(key.created_at()) {
            return Err("is younger than the signature claims to be".into());
        }
        Ok(())
    }
}

fn read_signature(armor: &[u8]) -> Result<Signature, String> {
    let bytes = armor::open_armor(armor, "PGP SIGNATURE", ArmorFlavour::OpenPgp)?;
    let mut rest = bytes.as_slice();
    let Ok(Packet::Signature(signature)) = take_packet(&mut rest) else {
        return Err("the OpenPGP signature is malformed".into());
    };
    if !rest.is_empty() {
        return Err("there is more than one OpenPGP signature".into());
    }
    Ok(signature)
}

/// Returns when the signature claims to have been made, or why it does not count with any key.
fn refuse_unfit(signature: &Signature, at: Timestamp) -> Result<i64, String> {
    // A signature over text is valid for every choice of line endings, and so for other commits too.
    if signature.typ() != Some(SignatureType::Binary) {
        return Err("the OpenPGP signature is not one over binary data".into());
    }
    if !is_strong_signature(signature) {
        return Err("the OpenPGP signature is of an old version or uses a weak digest".into());
    }
    if has_unknown_critical(signature) {
        return Err("the OpenPGP signature has a critical part that is not understood".into());
    }
    let Some(made) = signature.created() else {
        return Err("the OpenPGP signature does not say when it was made".into());
    };
    let made = to_unix_seconds(made);
    let lasts = match signature.signature_expiration_time() {
        Some(lasts) => i64::from(lasts.as_secs()),
        None => 0,
    };
    if lasts != 0 && made + lasts <= at.as_second() {
        return Err("the OpenPGP signature had expired when this was received".into());
    }
    Ok(made)
}

/// Returns true if the signature says that `key` made it: by fingerprint, or by key id if it gives
/// no fingerprint. Two keys can share an id, so this only narrows the search.
fn names_key(signature: &Signature, key: &impl KeyDetails) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    match fingerprints.is_empty() {
        true => signature.issuer_key_id().iter().any(|id| **id == key.legacy_key_id()),
        false => fingerprints.iter().any(|fingerprint| **fingerprint == key.fingerprint()),
    }
}
