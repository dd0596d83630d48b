//! Who a packet of OpenPGP says it is by: the issuer of a signature, and the address of a user id.

use pgp::packet::{PublicKey, Signature, UserId};
use pgp::types::KeyDetails;

use crate::change::person::canonical_address;
use crate::change::{Person, Text};

/// Returns true if a signature says that `key` made it, or does not say which key did.
pub(super) fn claims_issuer(signature: &Signature, key: &PublicKey) -> bool {
    let ids = signature.issuer_key_id();
    let fingerprints = signature.issuer_fingerprint();
    (ids.is_empty() && fingerprints.is_empty())
        || ids.iter().any(|id| **id == key.legacy_key_id())
        || fingerprints.iter().any(|fingerprint| **fingerprint == key.fingerprint())
}

/// Returns what a user id gives as its address: `Name (comment) <address>`, or the address alone.
pub(super) fn parse_user_address(user_id: &UserId) -> Option<Text> {
    let text = user_id.id();
    match Person::parse_person(text) {
        Ok(person) => Some(person.email),
        Err(_) if canonical_address(text).is_some() => Some(text.into()),
        Err(_) => None,
    }
}
