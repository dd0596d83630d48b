//! Signs the commits of a chain as git does with `gpg.format=ssh`.
//!
//! The program signs by itself where that gives the same bytes as `ssh-keygen` in a small part of the time:
//! with an Ed25519 key in a file that is not encrypted. Everything else is left to `ssh-keygen`: keys of an
//! agent or of hardware, encrypted keys, other algorithms, and what it refuses.

use std::cell::OnceCell;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};

/// The namespace of a commit's signature.
const GIT_NAMESPACE: &str = "git";

/// The size of the largest file that is read as a key.
const MAX_KEY_FILE_BYTES: u64 = 16 << 10;

/// The key that signs the links of a chain.
pub(super) struct ChainSigner<'a> {
    /// The name of the key, as `ssh-keygen -Y sign -f` takes it.
    name: &'a str,
    /// The key, if the program can sign with it; read when it is needed first.
    own_key: OnceCell<Option<PrivateKey>>,
}

impl<'a> ChainSigner<'a> {
    pub(super) fn new(name: &'a str) -> ChainSigner<'a> {
        ChainSigner { name, own_key: OnceCell::new() }
    }

    /// Returns the armored signature of these bytes.
    pub(super) fn sign_payload(&self, payload: &[u8]) -> Result<String> {
        if let Some(key) = self.own_key.get_or_init(|| read_own_key(Path::new(self.name))) {
            let signature = key.sign(GIT_NAMESPACE, HashAlg::Sha512, payload);
            if let Ok(armor) = signature.and_then(|signature| signature.to_pem(LineEnding::LF)) {
                return Ok(armor);
            }
        }
        run_ssh_keygen(payload, self.name)
    }
}

/// Returns the key of a file; `None` if it is for `ssh-keygen` to read or to refuse.
fn read_own_key(path: &Path) -> Option<PrivateKey> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > MAX_KEY_FILE_BYTES || is_open_to_others(&metadata) {
        return None;
    }
    let key = PrivateKey::read_openssh_file(path).ok()?;
    // An Ed25519 signature has no random part. Of an encrypted key, the algorithm is known and no more.
    (key.algorithm() == Algorithm::Ed25519 && !key.is_encrypted()).then_some(key)
}

/// Returns whether others may read a key, which `ssh-keygen` does not sign with then.
#[cfg(unix)]
fn is_open_to_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

/// Returns whether others may read a key; where that cannot be told, `ssh-keygen` signs.
#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    true
}

fn run_ssh_keygen(payload: &[u8], key: &str) -> Result<String> {
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", GIT_NAMESPACE, "-f", key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start ssh-keygen")?;
    // It may stop before it reads; then its error message matters, not the broken pipe.
    let written = match child.stdin.take() {
        Some(mut stdin) => stdin.write_all(payload),
        None => Ok(()),
    };
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("ssh-keygen cannot sign with {key}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    written.context("cannot write to ssh-keygen")?;
    String::from_utf8(output.stdout).context("ssh-keygen wrote a signature that is not text")
}
