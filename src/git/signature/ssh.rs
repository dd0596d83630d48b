//! Verifies SSH signatures (PROTOCOL.sshsig) against the keys of an `allowed_signers` file.
//!
//! A signature counts only in the namespace `git`, so that no signature of a file, an approval or
//! anything else can be used as one of a commit. Whether the key is valid is decided for the time that
//! the caller observed; the format itself carries no time.

use jiff::Timestamp;
use ssh_encoding::Decode;
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, PublicKey, SshSig};

use crate::git::signature::allowed_signers::{AllowedSigner, GIT_NAMESPACE};
use crate::git::signature::armor::{self, ArmorFlavour};
use crate::git::signature::key_registry::RegisteredSigner;

/// Verifies the signature in `armor` over `payload`, which was received at `at`.
///
/// # Errors
///
/// Says why the signature does not count.
pub(crate) fn verify_ssh(
    entries: &[AllowedSigner],
    payload: &[u8],
    armor: &[u8],
    at: Timestamp,
) -> Result<RegisteredSigner, String> {
    let bytes = armor::open_armor(armor, "SSH SIGNATURE", ArmorFlavour::Ssh)?;
    let mut rest = bytes.as_slice();
    let Ok(signature) = SshSig::decode(&mut rest) else {
        return Err("the SSH signature is malformed, or of a kind that is not accepted".into());
    };
    if !rest.is_empty() || !signature.reserved().is_empty() || signature.version() != SshSig::VERSION {
        return Err("the SSH signature is malformed".into());
    }
    if signature.namespace() != GIT_NAMESPACE {
        return Err("the SSH signature was made for something other than git".into());
    }
    if let Algorithm::Rsa { hash: None } = signature.algorithm() {
        return Err("the SSH signature uses SHA-1".into());
    }
    let fingerprint = signature.public_key().fingerprint(HashAlg::Sha256).to_string();
    let registered: Vec<&AllowedSigner> =
        entries.iter().filter(|entry| entry.key == *signature.public_key()).collect();
    if registered.is_empty() {
        return Err(format!("the key {fingerprint} is not registered"));
    }
    let key = PublicKey::from(signature.public_key().clone());
    if key.verify(GIT_NAMESPACE, payload, &signature).is_err() {
        return Err(format!("the signature by {fingerprint} does not match what was signed"));
    }
    if !was_touched(&signature) {
        return Err(format!("the security key {fingerprint} was not touched for this signature"));
    }
    // A key can be on several lines, with different times; one of them is enough.
    let mut refusal = String::new();
    for entry in registered {
        match check_signer_options(entry, at) {
            Ok(()) => return Ok(RegisteredSigner { address: entry.principal.clone(), fingerprint }),
            Err(reason) => refusal = format!("the key {fingerprint} {reason}"),
        }
    }
    Err(refusal)
}

/// Says why the line does not allow a commit that was received at `at`, if it does not. The instant
/// `valid-after` is part of the time, `valid-before` is not.
fn check_signer_options(entry: &AllowedSigner, at: Timestamp) -> Result<(), String> {
    let options = &entry.options;
    if let Some(names) = &options.namespaces
        && !names.iter().any(|name| name == GIT_NAMESPACE)
    {
        return Err("is not registered for git".into());
    }
    if let Some(after) = options.valid_after
        && at < after
    {
        return Err("was not valid yet when this was received".into());
    }
    if let Some(before) = options.valid_before
        && at >= before
    {
        return Err("was no longer valid when this was received".into());
    }
    Ok(())
}

/// Returns false for a signature that a security key made without being touched, which malware can
/// request at any time. The flags are the fifth byte from the end (PROTOCOL.u2f), and the verified text
/// covers them.
fn was_touched(signature: &SshSig) -> bool {
    match signature.public_key() {
        KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => {
            let bytes = signature.signature_bytes();
            let flags = bytes.len().checked_sub(5).and_then(|at| bytes.get(at));
            flags.is_some_and(|flags| flags & 1 == 1)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use ssh_key::private::{Ed25519Keypair, KeypairData};
    use ssh_key::public::SkEd25519;
    use ssh_key::sha2::{Digest, Sha256};
    use ssh_key::{LineEnding, PrivateKey, Signature, SigningKey};

    use super::*;
    use crate::git::signature::allowed_signers;

    fn sign(key: &impl SigningKey, message: &[u8]) -> Signature {
        key.try_sign(message).unwrap()
    }

    /// Signs as a security key does (PROTOCOL.u2f).
    fn security_key(payload: &[u8], flags: u8) -> (KeyData, String) {
        let pair = Ed25519Keypair::from_seed(&[7; 32]);
        let public = KeyData::SkEd25519(SkEd25519::new(pair.public, "ssh:"));
        let private = PrivateKey::new(KeypairData::Ed25519(pair), "").unwrap();
        let trailer = [flags, 0, 0, 0, 9];
        let mut message = Sha256::digest(b"ssh:").to_vec();
        message.extend_from_slice(&trailer);
        let data = SshSig::signed_data("git", HashAlg::Sha512, payload).unwrap();
        message.extend_from_slice(&Sha256::digest(data));
        let mut bytes = sign(&private, &message).as_bytes().to_vec();
        bytes.extend_from_slice(&trailer);
        let signature = Signature::new(Algorithm::SkEd25519, bytes).unwrap();
        let signature = SshSig::new(public.clone(), "git", HashAlg::Sha512, signature).unwrap();
        (public, signature.to_pem(LineEnding::LF).unwrap())
    }

    #[test]
    fn a_security_key_counts_if_it_was_touched() {
        for (flags, expected) in [(1, Ok(())), (5, Ok(())), (0, Err("not touched")), (4, Err("not touched"))]
        {
            let (public, armor) = security_key(b"tree 1", flags);
            let line = format!("ana@x.example {}", PublicKey::from(public).to_openssh().unwrap());
            let entries = allowed_signers::read_allowed_signers(line.as_bytes()).unwrap();
            let verdict = verify_ssh(&entries, b"tree 1", armor.as_bytes(), Timestamp::UNIX_EPOCH);
            match expected {
                Ok(()) => assert_eq!(verdict.unwrap().address, "ana@x.example".into()),
                Err(why) => assert!(verdict.unwrap_err().contains(why)),
            }
            let other = verify_ssh(&entries, b"tree 2", armor.as_bytes(), Timestamp::UNIX_EPOCH);
            assert!(other.unwrap_err().contains("does not match"));
        }
    }
}
