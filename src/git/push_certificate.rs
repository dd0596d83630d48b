//! Reads the certificate of a signed push: what the client says that it pushes, and the signature over that.
//!
//! Git reads it leniently. This does not: what could be read in two ways, or holds what git does not write, is refused.

use memchr::memmem;

use crate::git::hook_input::{RefUpdate, parse_pre_receive};

/// The longest certificate that is read, in bytes; a push names its refs in it once more.
pub(crate) const MAX_CERTIFICATE_BYTES: u64 = 16 << 20;

/// How a certificate begins.
const FIRST_LINE: &[u8] = b"certificate version 0.1\n";

/// How the lines begin that git takes for the beginning of a signature.
const ARMOR_START: &[u8] = b"-----BEGIN ";

/// The certificate of a push, as the client wrote it. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushCertificateText<'a> {
    /// The nonce of the server that is signed with it; `None` if there is none.
    pub nonce: Option<&'a [u8]>,
    /// The updates of refs that are signed, in their order.
    pub updates: Vec<RefUpdate>,
    /// The bytes that were signed.
    pub payload: &'a [u8],
    /// The signature as it was written, in its armor.
    pub armor: &'a [u8],
}

/// Splits the certificate of a push into what was signed and the signature, and reads what was signed.
///
/// # Errors
///
/// Says what is not as git writes it, in words that follow "the certificate ".
pub fn parse_push_certificate(raw: &[u8]) -> Result<PushCertificateText<'_>, &'static str> {
    let (payload, armor) = split_armor(raw)?;
    let headers = payload.strip_prefix(FIRST_LINE).ok_or("does not begin with its version, 0.1")?;
    let end = memmem::find(headers, b"\n\n").ok_or("has no empty line after its headers")?;
    let (headers, updates) = headers.split_at_checked(end).ok_or("has no headers")?;
    let updates = updates.strip_prefix(b"\n\n").unwrap_or_default();
    let mut seen: Vec<&[u8]> = Vec::new();
    let mut nonce = None;
    for line in headers.split(|byte| *byte == b'\n') {
        let space = memchr::memchr(b' ', line).ok_or("has a header without a value")?;
        let (name, value) = line.split_at_checked(space).ok_or("has a header without a value")?;
        match name {
            b"push-option" => continue,
            b"pusher" | b"pushee" | b"nonce" => {}
            _ => return Err("has a header that git does not write"),
        }
        if seen.contains(&name) {
            return Err("has a header twice");
        }
        seen.push(name);
        if name == b"nonce" {
            nonce = value.strip_prefix(b" ").filter(|nonce| !nonce.is_empty());
        }
    }
    if !seen.contains(&b"pusher".as_slice()) {
        return Err("does not name its pusher");
    }
    let updates = parse_pre_receive(updates).map_err(|_| "has a line that is no update of a ref")?;
    Ok(PushCertificateText { nonce, updates, payload, armor })
}

/// Splits before the signature. Git takes the last line that begins one, so a second one is refused.
fn split_armor(raw: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let mut start = None;
    let mut at = 0;
    while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(ARMOR_START) {
            if start.is_some() {
                return Err("has more than one signature");
            }
            start = Some(at);
        }
        at += memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
    }
    start.and_then(|start| raw.split_at_checked(start)).ok_or("is not signed")
}

#[cfg(test)]
mod tests {
    use super::*;

    use jiff::Timestamp;
    use proptest::prelude::*;
    use ssh_key::private::{Ed25519Keypair, KeypairData};
    use ssh_key::{HashAlg, LineEnding, PrivateKey};

    use crate::change::SignatureStatus;
    use crate::git::TrustedKeys;
    use crate::git::signature::KeyRegistry;

    const A: &str = "1111111111111111111111111111111111111111";
    const B: &str = "2222222222222222222222222222222222222222";
    const ARMOR: &str = "-----BEGIN SSH SIGNATURE-----\nAA==\n-----END SSH SIGNATURE-----\n";

    fn write(headers: &str, updates: &str) -> String {
        format!("certificate version 0.1\n{headers}\n{updates}{ARMOR}")
    }

    #[test]
    fn a_certificate_as_git_writes_it_is_read() {
        let headers =
            "pusher SHA256:x 1 +0000\npushee file:///srv/app.git\nnonce 1-ab\npush-option nonce 2\n";
        let text = write(headers, &format!("{A} {B} refs/heads/main\n{B} {A} refs/heads/x\n"));
        let read = parse_push_certificate(text.as_bytes()).unwrap();
        assert_eq!(read.nonce, Some(b"1-ab".as_slice()));
        assert_eq!(read.updates.len(), 2);
        assert_eq!(read.updates[1].name, "refs/heads/x".into());
        assert_eq!(read.armor, ARMOR.as_bytes());
        assert_eq!([read.payload, read.armor].concat(), text.as_bytes());
    }

    #[test]
    fn what_git_does_not_write_is_refused() {
        let update = format!("{A} {B} refs/heads/main\n");
        let good = "pusher x 1 +0000\nnonce 1-ab\n";
        assert!(parse_push_certificate(write(good, &update).as_bytes()).is_ok());
        for (text, reason) in [
            (write(&format!("{good}nonce 2-ab\n"), &update), "twice"),
            (write(&format!("{good}committer A <a@example.com> 1 +0000\n"), &update), "does not write"),
            (write("nonce 1-ab\n", &update), "does not name its pusher"),
            (write(&format!("{good}odd\n"), &update), "without a value"),
            (write(good, &format!("{update}\n")), "no update"),
            (write(good, &format!("{update}{ARMOR}{update}")), "more than one signature"),
            (write(good, &update).replace("0.1", "0.2"), "version"),
            (write(good, &update).replace(ARMOR, ""), "not signed"),
            (String::new(), "not signed"),
            (format!("certificate version 0.1\n{good}{ARMOR}"), "empty line"),
        ] {
            let found = parse_push_certificate(text.as_bytes()).unwrap_err();
            assert!(found.contains(reason), "{found}: {text}");
        }
    }

    /// A certificate that Ana has signed, and the keys that know her.
    fn sign_certificate() -> (Vec<u8>, KeyRegistry) {
        let pair = Ed25519Keypair::from_seed(&[7; 32]);
        let private = PrivateKey::new(KeypairData::Ed25519(pair), "").unwrap();
        let payload = format!(
            "certificate version 0.1\npusher x 1 +0000\npushee file:///srv/app.git\nnonce 1-ab\n\n\
             {A} {B} refs/heads/main\n"
        );
        let armor = private.sign("git", HashAlg::Sha512, payload.as_bytes()).unwrap();
        let line = format!("ana@example.com {}", private.public_key().to_openssh().unwrap());
        let keys = KeyRegistry::read_registry(Some(line.as_bytes()), None).unwrap();
        ((payload + &armor.to_pem(LineEnding::LF).unwrap()).into_bytes(), keys)
    }

    /// Returns what was signed, if a key has signed it.
    fn verify(raw: &[u8], registry: &KeyRegistry) -> Option<Vec<u8>> {
        let text = parse_push_certificate(raw).ok()?;
        let keys = TrustedKeys { registry, other: None, received_at: Timestamp::UNIX_EPOCH };
        match keys.verify_payload(text.payload, text.armor) {
            SignatureStatus::Good { .. } => Some(text.payload.to_vec()),
            _ => None,
        }
    }

    #[test]
    fn no_byte_of_a_certificate_is_free() {
        let (raw, keys) = sign_certificate();
        let payload = verify(&raw, &keys).unwrap();
        for at in 0..payload.len() {
            for flipped in [1, 0x20, 0x80] {
                let mut changed = raw.clone();
                changed[at] ^= flipped;
                assert_eq!(verify(&changed, &keys), None, "byte {at}");
            }
            let mut shorter = raw.clone();
            shorter.remove(at);
            assert_eq!(verify(&shorter, &keys), None, "without byte {at}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        /// The armor may be written in other ways; what it signs may not.
        #[test]
        fn what_counts_is_what_was_signed(
            from in 0usize..700,
            length in 0usize..40,
            put in prop::collection::vec(any::<u8>(), 0..12),
            copied in prop::option::of(0usize..700),
        ) {
            let (raw, keys) = sign_certificate();
            let signed = verify(&raw, &keys);
            let from = from.min(raw.len());
            let until = (from + length).min(raw.len());
            let mut changed = raw[..from].to_vec();
            match copied {
                Some(start) => changed.extend_from_slice(&raw[start.min(raw.len())..]),
                None => changed.extend_from_slice(&put),
            }
            changed.extend_from_slice(&raw[until..]);
            let found = verify(&changed, &keys);
            prop_assert!(found.is_none() || found == signed);
        }
    }
}
