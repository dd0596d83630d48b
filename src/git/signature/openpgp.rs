//! Verifies detached OpenPGP signatures (RFC 9580) against the certificates of a keyring.
//!
//! There has to be exactly one signature packet and nothing else: with several, two verifiers can
//! disagree on whose signature it is. The time inside a signature is a claim; it can make the
//! signature bad, and never makes it good.

use jiff::Timestamp;
use pgp::packet::{Packet, Signature, SignatureType};
use pgp::types::{KeyDetails, VerifyingKey};

use crate::git::signature::armor::{self, ArmorFlavour};
use crate::git::signature::key_registry::RegisteredSigner;
use crate::git::signature::openpgp_certificate::{
    OpenPgpCertificate, format_fingerprint, has_unknown_critical, is_strong_signature, to_unix_seconds,
};
use crate::git::signature::openpgp_keyring::take_packet;
use crate::git::signature::signed_payload;

/// Verifies the signature in `armor` over `payload`, as of `at`.
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
        let primary = claim
            .verify_with_key(certificate, &certificate.primary_key, || certificate.check_primary_key(at));
        let subkeys = certificate.subkeys.iter().filter_map(|subkey| {
            claim.verify_with_key(certificate, &subkey.key, || certificate.check_subkey(subkey, at))
        });
        for verdict in primary.into_iter().chain(subkeys) {
            match verdict {
                Ok(signer) => return Ok(signer),
                Err(reason) => refusal = reason,
            }
        }
    }
    Err(refusal)
}

/// A signature that could count, if the right key made it.
struct SignatureClaim<'a> {
    signature: Signature,
    made_at: i64,
    payload: &'a [u8],
    received_at: Timestamp,
}

impl SignatureClaim<'_> {
    /// Judges the claim by one key; `None` if the signature does not name that key.
    fn verify_with_key<K: VerifyingKey>(
        &self,
        certificate: &OpenPgpCertificate,
        key: &K,
        signs: impl FnOnce() -> Result<(), String>,
    ) -> Option<Result<RegisteredSigner, String>> {
        if !names_key(&self.signature, key) {
            return None;
        }
        let fingerprint = format_fingerprint(key);
        let held = self.check_made_by(key).and_then(|()| signs());
        let wanted = signed_payload::find_committer_address(self.payload);
        Some(match held.map(|()| certificate.find_address(wanted, self.received_at)) {
            Ok(Some(address)) => Ok(RegisteredSigner { address, fingerprint }),
            Ok(None) => Err(format!("the key {fingerprint} had no valid user id when this was received")),
            Err(reason) => Err(format!("the key {fingerprint} {reason}")),
        })
    }

    fn check_made_by(&self, key: &impl VerifyingKey) -> Result<(), String> {
        let held = self.signature.verify(key, self.payload);
        held.map_err(|_| "did not make this signature, or something else was signed")?;
        match self.made_at < to_unix_seconds(key.created_at()) {
            true => Err("is younger than the signature claims to be".into()),
            false => Ok(()),
        }
    }
}

fn read_signature(armor: &[u8]) -> Result<Signature, String> {
    let bytes = armor::open_armor(armor, "PGP SIGNATURE", ArmorFlavour::OpenPgp)?;
    let mut rest = bytes.as_slice();
    let Ok(Packet::Signature(signature)) = take_packet(&mut rest) else {
        return Err("the OpenPGP signature is malformed".into());
    };
    match rest.is_empty() {
        true => Ok(signature),
        false => Err("there is more than one OpenPGP signature".into()),
    }
}

/// Returns when the signature claims to have been made, unless it cannot count whoever made it.
fn refuse_unfit(signature: &Signature, at: Timestamp) -> Result<i64, String> {
    // A signature over text holds for every choice of line endings, hence for other commits too.
    if signature.typ() != Some(SignatureType::Binary) {
        return Err("the OpenPGP signature is not one over binary data".into());
    }
    if !is_strong_signature(signature) {
        return Err("the OpenPGP signature is of an old version or rests on a weak digest".into());
    }
    if has_unknown_critical(signature) {
        return Err("the OpenPGP signature has a critical part that is not understood".into());
    }
    let made = signature
        .created()
        .map(to_unix_seconds)
        .ok_or("the OpenPGP signature does not say when it was made")?;
    let lasts = signature.signature_expiration_time().map_or(0, |lasts| i64::from(lasts.as_secs()));
    match lasts != 0 && made + lasts <= at.as_second() {
        true => Err("the OpenPGP signature had expired when this was received".into()),
        false => Ok(made),
    }
}

/// Returns true if the signature says that `key` made it: by fingerprint, or by key id if it gives
/// no fingerprint. Two keys may share an id, so this only narrows the search.
fn names_key(signature: &Signature, key: &impl KeyDetails) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    match fingerprints.is_empty() {
        true => signature.issuer_key_id().iter().any(|id| **id == key.legacy_key_id()),
        false => fingerprints.iter().any(|fingerprint| **fingerprint == key.fingerprint()),
    }
}
