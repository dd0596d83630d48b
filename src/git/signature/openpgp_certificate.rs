//! What an OpenPGP certificate says about its keys, reduced to facts that have a time.
//!
//! Every self-signature is verified once, when the certificate is read. What remains are statements
//! and revocations with the instant from which they hold, so that the question "was this key good
//! then?" (RFC 9580, section 5.2.3) needs no cryptography. Third-party signatures are ignored: the
//! registry vouches for its certificates, other keys do not.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pgp::packet::{PublicKey, PublicSubkey, RevocationCode, Signature, SignatureType, SubpacketData, UserId};
use pgp::types::{KeyDetails, KeyVersion, Tag};

use crate::change::Text;
use crate::change::person::canonical_address;
use crate::git::signature::bad_key::is_exact_address;
use crate::git::signature::openpgp_issuer::{claims_issuer, parse_user_address};
use crate::git::signature::openpgp_strength::{has_unknown_critical, is_strong_signature, refuse_weak_key};

/// Why a key counts for nobody whose user ids name two people, in words that follow the key.
pub(crate) const SHARED_KEY: &str = "has user ids of several people, and one key is one person";

/// A certificate whose self-signatures have been verified.
#[derive(Clone, Debug)]
pub(crate) struct OpenPgpCertificate {
    /// The key that binds the user ids and subkeys.
    pub(crate) primary_key: PublicKey,
    /// The subkeys that the primary key has bound for signing.
    pub(crate) subkeys: Vec<SigningSubkey>,
    history: SelfSignatureHistory,
    users: Vec<CertificateUser>,
}

/// A part of a certificate, with the signatures that followed it.
#[derive(Debug)]
pub(crate) struct CertificatePart<T> {
    pub(crate) body: T,
    pub(crate) signatures: Vec<Signature>,
}

/// A certificate as it was read, with nothing verified.
#[derive(Debug)]
pub(crate) struct UnverifiedCertificate {
    pub(crate) primary: CertificatePart<PublicKey>,
    pub(crate) users: Vec<CertificatePart<UserId>>,
    pub(crate) subkeys: Vec<CertificatePart<PublicSubkey>>,
}

/// A subkey that the primary key has bound for signing.
#[derive(Clone, Debug)]
pub(crate) struct SigningSubkey {
    pub(crate) key: PublicSubkey,
    history: SelfSignatureHistory,
}

#[derive(Clone, Debug)]
struct CertificateUser {
    address: Text,
    /// The person whose address it is, by what knows people; `None` if it is nobody's, as far as that knows.
    holder: Option<String>,
    is_primary: bool,
    history: SelfSignatureHistory,
}

/// The verified statements about one part of a certificate, over time.
#[derive(Clone, Debug, Default)]
struct SelfSignatureHistory {
    self_signatures: Vec<SelfSignature>,
    revocations: Vec<KeyRevocation>,
}

/// A verified self-signature. All times are in seconds since 1970 UTC.
#[derive(Clone, Debug)]
struct SelfSignature {
    made_at: i64,
    /// When the statement itself expires.
    expires_at: Option<i64>,
    /// Whether the key may sign; `None` if the statement does not say what the key is for.
    may_sign: Option<bool>,
    /// When the key expires.
    key_expires_at: Option<i64>,
}

/// A verified revocation of a key or a user id.
#[derive(Clone, Debug)]
struct KeyRevocation {
    made_at: i64,
    /// True if the key may have been in other hands before the revocation, so that it never counts.
    is_retroactive: bool,
}

impl OpenPgpCertificate {
    /// Verifies the self-signatures of a certificate.
    ///
    /// # Errors
    ///
    /// Says why the certificate cannot be in a registry: the primary key is weak, no user id with an
    /// address is self-signed, an address is a pattern, or there is a revocation that cannot be
    /// verified (ignoring it could keep a revoked key alive).
    pub(crate) fn verify_certificate(
        unverified: UnverifiedCertificate,
    ) -> Result<OpenPgpCertificate, String> {
        // A statement about the primary key can be in a signature over the key or over a user id, so
        // those over user ids are part of its history as well.
        let primary = unverified.primary.body;
        if !matches!(primary.version(), KeyVersion::V4 | KeyVersion::V6) {
            return Err("the key is of a version that is not accepted".into());
        }
        refuse_weak_key(primary.public_params())?;
        let born = to_unix_seconds(primary.created_at());
        let mut standing = SelfSignatureHistory::default();
        for signature in &unverified.primary.signatures {
            let holds = signature.verify_key(&primary).is_ok();
            if signature.typ() != Some(SignatureType::KeyRevocation) {
                if holds {
                    standing.self_signatures.extend(read_self_signature(signature, born));
                }
            } else if holds {
                standing.revocations.push(read_revocation(signature));
            } else {
                return Err("there is a revocation that the key itself did not make".into());
            }
        }
        let mut users = Vec::new();
        for user in unverified.users {
            users.extend(verify_user(user, &primary, born)?);
        }
        if users.is_empty() {
            return Err("no self-signed user id names an address".into());
        }
        for user in &users {
            standing.self_signatures.extend_from_slice(&user.history.self_signatures);
        }
        let mut subkeys = Vec::new();
        for subkey in unverified.subkeys {
            subkeys.extend(verify_subkey(subkey, &primary)?);
        }
        Ok(OpenPgpCertificate { primary_key: primary, subkeys, history: standing, users })
    }

    /// Says why the primary key does not sign at `at`, if it does not.
    pub(crate) fn check_primary_key(&self, at: Timestamp) -> Result<(), String> {
        self.history.check_signing(to_unix_seconds(self.primary_key.created_at()), at.as_second())
    }

    /// Says why `subkey` does not sign at `at`, if it does not. Whether the primary key may sign
    /// does not matter for its subkeys; whether it is valid, does.
    pub(crate) fn check_subkey(&self, subkey: &SigningSubkey, at: Timestamp) -> Result<(), String> {
        let at = at.as_second();
        self.history.check_validity(to_unix_seconds(self.primary_key.created_at()), at)?;
        refuse_weak_key(subkey.key.public_params())?;
        subkey.history.check_signing(to_unix_seconds(subkey.key.created_at()), at)
    }

    /// Returns why neither the primary key nor a subkey signs at `at`, in words that follow the certificate;
    /// `None` if one does.
    pub(crate) fn find_signing_obstacle(&self, at: Timestamp) -> Option<String> {
        if self.list_holders(at).len() > 1 {
            return Some(SHARED_KEY.to_owned());
        }
        let refusal = self.check_primary_key(at).err()?;
        if self.subkeys.iter().any(|subkey| self.check_subkey(subkey, at).is_ok()) {
            return None;
        }
        // What is wrong with the whole certificate is wrong with its subkeys, too.
        let of_subkey = self.subkeys.first().and_then(|subkey| self.check_subkey(subkey, at).err());
        let why = of_subkey.unwrap_or(refusal);
        let why = why.strip_suffix(" when this was received").unwrap_or(&why);
        Some(match why.strip_prefix("had ") {
            Some(past) => format!("has {past}"),
            None => why.to_owned(),
        })
    }

    /// Returns the addresses that the certificate stands for at `at`.
    pub(crate) fn list_addresses(&self, at: Timestamp) -> Vec<Text> {
        let in_force = self.users.iter().filter(|user| user.history.is_in_force(at.as_second()));
        in_force.map(|user| user.address.clone()).collect()
    }

    /// Notes whose each address is.
    pub(crate) fn set_holders(&mut self, find_holder: &dyn Fn(&Text) -> Option<String>) {
        for user in &mut self.users {
            user.holder = find_holder(&user.address);
        }
    }

    /// Returns the people for whom the certificate stands at `at`, as far as holders were set.
    pub(crate) fn list_holders(&self, at: Timestamp) -> BTreeSet<&str> {
        let in_force = self.users.iter().filter(|user| user.history.is_in_force(at.as_second()));
        in_force.filter_map(|user| user.holder.as_deref()).collect()
    }

    /// Returns true if the primary key or a signing subkey has this fingerprint.
    pub(crate) fn holds_key(&self, fingerprint: &str) -> bool {
        format_fingerprint(&self.primary_key) == fingerprint
            || self.subkeys.iter().any(|subkey| format_fingerprint(&subkey.key) == fingerprint)
    }

    /// Returns the address that the certificate stands for at `at`: `wanted` if it is one of them,
    /// otherwise that of the primary user id, otherwise the first. Which of two spellings was meant
    /// is decided in the form in which addresses are compared.
    pub(crate) fn find_address(&self, wanted: Option<&[u8]>, at: Timestamp) -> Option<Text> {
        let wanted = wanted.and_then(canonical_address);
        let mut primary = None;
        let mut first = None;
        for user in &self.users {
            if !user.history.is_in_force(at.as_second()) {
                continue;
            }
            if wanted.is_some() && canonical_address(user.address.as_bytes()) == wanted {
                return Some(user.address.clone());
            }
            if user.is_primary && primary.is_none() {
                primary = Some(user);
            }
            if first.is_none() {
                first = Some(user);
            }
        }
        Some(primary.or(first)?.address.clone())
    }
}

impl SelfSignatureHistory {
    /// Returns the newest of the chosen statements that were made by `at`. Statements of the same
    /// second are all returned: a key counts only if all of them allow it.
    fn find_newest(&self, at: i64, chosen: fn(&SelfSignature) -> bool) -> Vec<&SelfSignature> {
        let mut newest: Vec<&SelfSignature> = Vec::new();
        for statement in &self.self_signatures {
            if statement.made_at > at || !chosen(statement) {
                continue;
            }
            match newest.first() {
                Some(known) if known.made_at > statement.made_at => continue,
                Some(known) if known.made_at < statement.made_at => newest.clear(),
                _ => {}
            }
            newest.push(statement);
        }
        newest
    }

    fn is_revoked(&self, at: i64) -> bool {
        self.revocations.iter().any(|revocation| revocation.is_retroactive || revocation.made_at <= at)
    }

    /// Returns true if and only if something holds at `at` and has not been taken back. What was
    /// revoked stays so, even if it is said again.
    fn is_in_force(&self, at: i64) -> bool {
        let newest = self.find_newest(at, |_| true);
        !newest.is_empty()
            && newest.iter().all(|statement| is_before_end(at, statement.expires_at))
            && !self.is_revoked(at)
    }

    /// Says why a key that was made at `born` is not valid at `at`, if it is not.
    fn check_validity(&self, born: i64, at: i64) -> Result<Vec<&SelfSignature>, String> {
        if at < born {
            return Err("did not exist yet when this was received".into());
        }
        if self.is_revoked(at) {
            return Err("is revoked".into());
        }
        // A statement that does not say what the key is for (one that names a designated revoker,
        // say) must not hide the expiry that another one states.
        let newest = self.find_newest(at, |statement| statement.may_sign.is_some());
        if newest.is_empty() {
            return Err("has no valid self-signature that says what it is for".into());
        }
        for statement in &newest {
            if !is_before_end(at, statement.expires_at) || !is_before_end(at, statement.key_expires_at) {
                return Err("had expired when this was received".into());
            }
        }
        Ok(newest)
    }

    fn check_signing(&self, born: i64, at: i64) -> Result<(), String> {
        for statement in self.check_validity(born, at)? {
            if statement.may_sign != Some(true) {
                return Err("is not meant for signing".into());
            }
        }
        Ok(())
    }
}

fn is_before_end(at: i64, end: Option<i64>) -> bool {
    end.is_none_or(|end| at < end)
}

fn verify_user(
    user: CertificatePart<UserId>,
    primary: &PublicKey,
    born: i64,
) -> Result<Option<CertificateUser>, String> {
    let mut standing = SelfSignatureHistory::default();
    let mut is_primary = false;
    for signature in &user.signatures {
        let holds = signature.verify_certification(primary, Tag::UserId, &user.body).is_ok();
        if signature.typ() != Some(SignatureType::CertRevocation) {
            if holds && let Some(statement) = read_self_signature(signature, born) {
                is_primary |= signature.is_primary();
                standing.self_signatures.push(statement);
            }
        } else if holds {
            standing.revocations.push(KeyRevocation { is_retroactive: false, ..read_revocation(signature) });
        } else if claims_issuer(signature, primary) {
            return Err("there is a revocation of a user id that cannot be verified".into());
        }
    }
    if standing.self_signatures.is_empty() {
        return Ok(None);
    }
    let Some(address) = parse_user_address(&user.body) else { return Ok(None) };
    if !is_exact_address(address.as_bytes()) {
        return Err("a user id holds a pattern in the place of an address".into());
    }
    Ok(Some(CertificateUser { address, holder: None, is_primary, history: standing }))
}

fn verify_subkey(
    subkey: CertificatePart<PublicSubkey>,
    primary: &PublicKey,
) -> Result<Option<SigningSubkey>, String> {
    let key = subkey.body;
    let born = to_unix_seconds(key.created_at());
    let mut standing = SelfSignatureHistory::default();
    for signature in &subkey.signatures {
        let holds = signature.verify_subkey_binding(primary, &key).is_ok();
        if signature.typ() == Some(SignatureType::SubkeyRevocation) {
            match holds {
                true => standing.revocations.push(read_revocation(signature)),
                false => return Err("there is a revocation of a subkey that cannot be verified".into()),
            }
        } else if holds && let Some(mut statement) = read_self_signature(signature, born) {
            // Without a signature back from the subkey, a certificate could claim the subkey of another one.
            let is_bound_back = match signature.embedded_signature() {
                Some(back) => {
                    is_strong_signature(back) && back.verify_primary_key_binding(&key, primary).is_ok()
                }
                None => false,
            };
            statement.may_sign = Some(statement.may_sign == Some(true) && is_bound_back);
            standing.self_signatures.push(statement);
        }
    }
    let ever_signs = standing.self_signatures.iter().any(|statement| statement.may_sign == Some(true));
    Ok(ever_signs.then_some(SigningSubkey { key, history: standing }))
}

/// Reads a signature as a statement about a key made at `born`; `None` if it must not be relied on.
fn read_self_signature(signature: &Signature, born: i64) -> Option<SelfSignature> {
    let made = to_unix_seconds(signature.created()?);
    if !is_strong_signature(signature) || has_unknown_critical(signature) {
        return None;
    }
    let says_use =
        signature.config()?.hashed_subpackets().any(|part| matches!(part.data, SubpacketData::KeyFlags(_)));
    Some(SelfSignature {
        made_at: made,
        expires_at: end_after(made, signature.signature_expiration_time()),
        may_sign: if says_use { Some(signature.key_flags().sign()) } else { None },
        key_expires_at: end_after(born, signature.key_expiration_time()),
    })
}

/// Returns the second at which something ends. Zero means that there is no end (RFC 9580, 5.2.3.13 and
/// 5.2.3.18).
fn end_after(start: i64, lasts: Option<pgp::types::Duration>) -> Option<i64> {
    match i64::from(lasts?.as_secs()) {
        0 => None,
        seconds => Some(start + seconds),
    }
}

/// Reads a verified signature as a revocation. One that gives no reason is retroactive, since the key may
/// have been stolen.
fn read_revocation(signature: &Signature) -> KeyRevocation {
    let is_retroactive = !matches!(
        signature.revocation_reason_code(),
        Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired | RevocationCode::CertUserIdInvalid)
    );
    KeyRevocation { made_at: signature.created().map_or(i64::MIN, to_unix_seconds), is_retroactive }
}

pub(crate) fn to_unix_seconds(time: pgp::types::Timestamp) -> i64 {
    i64::from(time.as_secs())
}

/// Returns the fingerprint as GnuPG prints it.
pub(crate) fn format_fingerprint(key: &impl KeyDetails) -> String {
    format!("{:x}", key.fingerprint()).to_ascii_uppercase()
}
