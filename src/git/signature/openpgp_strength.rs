//! Which OpenPGP keys and signatures are strong enough to count.

use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureVersion, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{EcdsaPublicParams, PublicParams};

/// Returns true for signatures of a current version over a digest that still resists collisions.
pub(crate) fn is_strong_signature(signature: &Signature) -> bool {
    matches!(signature.version(), SignatureVersion::V4 | SignatureVersion::V6)
        && matches!(
            signature.hash_alg(),
            Some(
                HashAlgorithm::Sha256
                    | HashAlgorithm::Sha384
                    | HashAlgorithm::Sha512
                    | HashAlgorithm::Sha3_256
                    | HashAlgorithm::Sha3_512
            )
        )
}

/// Returns true if a part of the signature that must be understood is not (RFC 9580, 5.2.3.7).
pub(crate) fn has_unknown_critical(signature: &Signature) -> bool {
    let Some(config) = signature.config() else { return true };
    for part in config.hashed_subpackets() {
        let is_unknown = matches!(
            part.data,
            SubpacketData::Other(..) | SubpacketData::Experimental(..) | SubpacketData::Notation(_)
        );
        if part.is_critical && is_unknown {
            return true;
        }
    }
    false
}

/// Says why a key is too weak or of a kind that is not accepted, in words that follow "the key".
pub(crate) fn refuse_weak_key(parameters: &PublicParams) -> Result<(), String> {
    match parameters {
        PublicParams::RSA(rsa) => {
            let mut bytes = Vec::new();
            if rsa.to_writer(&mut bytes).is_err() {
                return Err("is malformed".into());
            }
            // The modulus comes first, and begins with its length in bits.
            let bits = match bytes.first_chunk() {
                Some(length) => u16::from_be_bytes(*length),
                None => 0,
            };
            if bits < 2048 {
                Err(format!("is RSA with {bits} bits; at least 2048 are needed"))
            } else {
                Ok(())
            }
        }
        PublicParams::ECDSA(
            EcdsaPublicParams::P256 { .. } | EcdsaPublicParams::P384 { .. } | EcdsaPublicParams::P521 { .. },
        )
        | PublicParams::EdDSALegacy(_)
        | PublicParams::Ed25519(_)
        | PublicParams::Ed448(_) => Ok(()),
        _ => Err("is of a kind that is not accepted; use RSA, ECDSA (NIST curves) or EdDSA".into()),
    }
}
