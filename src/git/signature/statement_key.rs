//! Ed25519 keys for statements that others read: a plain signature over bytes, without the frame that SSH puts around
//! what git signs.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signature::{Signer as _, Verifier as _};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{Algorithm, HashAlg, PrivateKey, PublicKey, Signature};

/// The most bytes of a file with a key.
const MAX_KEY_BYTES: u64 = 1 << 16;

/// What stands before the 32 bytes of an Ed25519 key in PKCS#8: version 1, and version 2, which the public key follows.
const PKCS8_PREFIXES: [&[u8]; 2] = [
    b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20",
    b"\x30\x51\x02\x01\x01\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20",
];

/// What stands before the public key in version 2.
const PKCS8_PUBLIC_PREFIX: &[u8] = b"\x81\x21\x00";

/// What stands before the 32 bytes of a public Ed25519 key in SubjectPublicKeyInfo.
const SPKI_PREFIX: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// How many bytes a key has.
const KEY_BYTES: usize = 32;

/// A key that signs statements.
pub struct StatementSigner {
    key: Ed25519Keypair,
    id: String,
}

/// A key that statements are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementKey {
    key: Ed25519PublicKey,
    id: String,
}

impl std::fmt::Debug for StatementSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatementSigner").field("id", &self.id).finish_non_exhaustive()
    }
}

impl StatementSigner {
    /// Reads a private Ed25519 key from a file: PKCS#8 as PEM, or as OpenSSH writes it, not encrypted.
    ///
    /// # Errors
    ///
    /// Says what the file holds instead.
    pub fn read_key(path: &Path) -> Result<StatementSigner> {
        let text = read_key_file(path)?;
        parse_private_key(&text).with_context(|| format!("cannot sign with {}", path.display()))
    }

    /// Returns the fingerprint of the key, as OpenSSH writes it.
    pub fn key_id(&self) -> &str {
        &self.id
    }

    /// Returns the signature over some bytes.
    ///
    /// # Errors
    ///
    /// Fails if the key is damaged.
    pub fn sign_bytes(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let signed = self.key.try_sign(bytes).map_err(|_| anyhow!("the key cannot sign"))?;
        Ok(signed.as_bytes().to_vec())
    }

    /// Returns the public key.
    pub fn public_key(&self) -> StatementKey {
        StatementKey { key: self.key.public, id: self.id.clone() }
    }
}

impl StatementKey {
    /// Reads a public Ed25519 key from a file: PEM, or the line that OpenSSH writes.
    ///
    /// # Errors
    ///
    /// Says what the file holds instead.
    pub fn read_key(path: &Path) -> Result<StatementKey> {
        let text = read_key_file(path)?;
        parse_public_key(&text).with_context(|| format!("cannot verify with {}", path.display()))
    }

    /// Returns the fingerprint of the key, as OpenSSH writes it.
    pub fn key_id(&self) -> &str {
        &self.id
    }

    /// Returns true if the signature is one of this key over these bytes.
    pub fn is_signature_of(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::new(Algorithm::Ed25519, signature) else { return false };
        self.key.verify(bytes, &signature).is_ok()
    }
}

fn read_key_file(path: &Path) -> Result<String> {
    let describe = || format!("cannot read {}", path.display());
    let size = std::fs::metadata(path).with_context(describe)?.len();
    if size > MAX_KEY_BYTES {
        bail!("{} is longer than a key", path.display());
    }
    std::fs::read_to_string(path).with_context(describe)
}

fn parse_private_key(text: &str) -> Result<StatementSigner> {
    let Some((label, bytes)) = open_pem(text) else {
        bail!("expected a private Ed25519 key: PKCS#8 as PEM, or as ssh-keygen writes it");
    };
    let key = match label.as_str() {
        "PRIVATE KEY" => Ed25519Keypair::from_seed(&find_seed(&bytes)?),
        "OPENSSH PRIVATE KEY" => {
            let key =
                PrivateKey::from_openssh(text).map_err(|error| anyhow!("the key is damaged: {error}"))?;
            if key.is_encrypted() {
                bail!(
                    "the key is encrypted; nobody can be asked for the passphrase here, so give one that is not"
                );
            }
            match key.key_data() {
                KeypairData::Ed25519(pair) => pair.clone(),
                _ => bail!("the key is of the kind {}; expected Ed25519", key.algorithm()),
            }
        }
        "ENCRYPTED PRIVATE KEY" => {
            bail!(
                "the key is encrypted; nobody can be asked for the passphrase here, so give one that is not"
            )
        }
        "PUBLIC KEY" => bail!("the key is the public one"),
        _ => bail!("the file holds a `{}`; expected an Ed25519 key as PKCS#8", label.escape_debug()),
    };
    let id = fingerprint(&key.public);
    Ok(StatementSigner { key, id })
}

/// Returns the private part of an Ed25519 key in PKCS#8.
fn find_seed(bytes: &[u8]) -> Result<[u8; KEY_BYTES]> {
    for prefix in PKCS8_PREFIXES {
        let Some((seed, rest)) = bytes.strip_prefix(prefix).and_then(<[u8]>::split_first_chunk::<KEY_BYTES>)
        else {
            continue;
        };
        let public = rest.strip_prefix(PKCS8_PUBLIC_PREFIX);
        let matches_public = |public: &[u8]| Ed25519Keypair::from_seed(seed).public.0.as_slice() == public;
        if rest.is_empty() || public.is_some_and(matches_public) {
            return Ok(*seed);
        }
    }
    bail!("the key is no Ed25519 key, or is damaged; `openssl genpkey -algorithm ed25519` makes one")
}

fn parse_public_key(text: &str) -> Result<StatementKey> {
    if let Some((label, bytes)) = open_pem(text) {
        if label.contains("PRIVATE KEY") {
            bail!("the file holds a private key; give the public one");
        }
        let key: Option<[u8; KEY_BYTES]> =
            bytes.strip_prefix(SPKI_PREFIX).and_then(|bytes| bytes.try_into().ok());
        let Some(key) = key.filter(|_| label == "PUBLIC KEY") else {
            bail!("the file holds no public Ed25519 key, and no other kind is verified");
        };
        let key = Ed25519PublicKey(key);
        let id = fingerprint(&key);
        return Ok(StatementKey { key, id });
    }
    let key = PublicKey::from_openssh(text.trim())
        .map_err(|_| anyhow!("expected a public Ed25519 key: PEM, or the line of a `.pub` file"))?;
    match key.key_data() {
        KeyData::Ed25519(key) => Ok(StatementKey { key: *key, id: fingerprint(key) }),
        _ => bail!("the key is of the kind {}; expected ssh-ed25519", key.algorithm()),
    }
}

fn fingerprint(key: &Ed25519PublicKey) -> String {
    KeyData::Ed25519(*key).fingerprint(HashAlg::Sha256).to_string()
}

/// Returns the label and the bytes of the only part of a PEM file; `None` if it is none.
fn open_pem(text: &str) -> Option<(String, Vec<u8>)> {
    let rest = text.trim().strip_prefix("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let body = rest.strip_suffix(&format!("-----END {label}-----"))?;
    let body: String = body.split_ascii_whitespace().collect();
    Some((label.to_owned(), STANDARD.decode(body).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of RFC 8032 (section 7.1, test 1), as `openssl` and `ssh-keygen` write it.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

    fn pem(label: &str, bytes: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(bytes))
    }

    fn seed() -> [u8; 32] {
        let digits = |at: usize| u8::from_str_radix(SEED.get(2 * at..2 * at + 2).unwrap(), 16).unwrap();
        std::array::from_fn(digits)
    }

    #[test]
    fn a_key_of_the_standard_signs_as_the_standard_says() {
        let pkcs8 = pem("PRIVATE KEY", &[PKCS8_PREFIXES[0], &seed()].concat());
        let signer = parse_private_key(&pkcs8).unwrap();
        let signed = signer.sign_bytes(b"").unwrap();
        assert_eq!(signed[..4], [0xe5, 0x56, 0x43, 0x00]);
        assert_eq!(signed[62..], [0x10, 0x0b]);
        let public = pem("PUBLIC KEY", &[SPKI_PREFIX, &signer.key.public.0].concat());
        let key = parse_public_key(&public).unwrap();
        assert!(key.is_signature_of(b"", &signed));
        assert!(!key.is_signature_of(b"x", &signed) && !key.is_signature_of(b"", &signed[1..]));
        let line = PublicKey::from(KeyData::Ed25519(signer.key.public)).to_openssh().unwrap();
        assert_eq!(parse_public_key(&line).unwrap(), key);
        assert_eq!(signer.public_key(), key);
    }

    #[test]
    fn another_kind_of_key_is_named() {
        let pair = Ed25519Keypair::from_seed(&seed());
        let both = [PKCS8_PREFIXES[1], &seed()[..], PKCS8_PUBLIC_PREFIX, &pair.public.0[..]].concat();
        assert!(parse_private_key(&pem("PRIVATE KEY", &both)).is_ok());
        let mut wrong = both;
        *wrong.last_mut().unwrap() ^= 1;
        for (text, why) in [
            (pem("PRIVATE KEY", &wrong), "no Ed25519 key"),
            (pem("PRIVATE KEY", b"x"), "no Ed25519 key"),
            (pem("ENCRYPTED PRIVATE KEY", b"x"), "is encrypted"),
            (pem("RSA PRIVATE KEY", b"x"), "`RSA PRIVATE KEY`"),
            (pem("PUBLIC KEY", b"x"), "the public one"),
            ("secret".to_owned(), "expected a private Ed25519 key"),
        ] {
            assert!(parse_private_key(&text).unwrap_err().to_string().contains(why), "{why}");
        }
        for (text, why) in [
            (pem("PRIVATE KEY", b"x"), "private key"),
            (pem("PUBLIC KEY", b"x"), "no public Ed25519 key"),
            ("ssh-ed25519 x".to_owned(), "expected a public Ed25519 key"),
        ] {
            assert!(parse_public_key(&text).unwrap_err().to_string().contains(why), "{why}");
        }
    }
}
