//! A throw-away home with git, ssh-keygen and gpg in it, none of which sees the machine's settings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use changegate::change::SignatureStatus;
use changegate::git::signature::{BadKey, KeyRegistry, ObjectFormat, verify_commit_signature};
use jiff::Timestamp;

/// The address under which every test signs unless it says otherwise.
pub(crate) const ANA: &str = "ana@example.com";

pub(crate) struct World {
    home: tempfile::TempDir,
    format: ObjectFormat,
}

/// Returns a world, or says which of the tools is missing.
pub(crate) fn world(tools: &[&str], format: ObjectFormat) -> Option<World> {
    for tool in ["git"].iter().chain(tools) {
        let started = Command::new(tool).arg("--version").stdin(Stdio::null()).output();
        if started.is_err() {
            eprintln!("skipped: `{tool}` is not installed");
            return None;
        }
    }
    let world = World { home: tempfile::tempdir().unwrap(), format };
    let name = if format == ObjectFormat::Sha256 { "sha256" } else { "sha1" };
    fs::create_dir(world.path("gnupg")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(world.path("gnupg"), fs::Permissions::from_mode(0o700)).unwrap();
    }
    world.git(&["init", "-q", "-b", "main", "--object-format", name, "."]);
    Some(world)
}

/// The machine's time, with a little to spare for clocks that are read twice.
#[expect(clippy::disallowed_methods, reason = "gpg signs with the machine's time")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now() + jiff::SignedDuration::from_secs(5)
}

pub(crate) fn years_from_now(years: i64) -> Timestamp {
    now() + jiff::SignedDuration::from_hours(years * 366 * 24)
}

impl World {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        for name in
            ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "SSH_AUTH_SOCK", "GPG_AGENT_INFO", "DISPLAY"]
        {
            command.env_remove(name);
        }
        command
            .args(args)
            .current_dir(self.home.path())
            .env("HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.path("none"))
            .env("GNUPGHOME", self.path("gnupg"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Ana Ruiz")
                .env(format!("GIT_{role}_EMAIL"), ANA)
                .env_remove(format!("GIT_{role}_DATE"));
        }
        command
    }

    pub(crate) fn try_run(&self, program: &str, args: &[&str]) -> Output {
        self.command(program, args).output().unwrap()
    }

    pub(crate) fn run(&self, program: &str, args: &[&str]) -> Vec<u8> {
        let output = self.try_run(program, args);
        assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    pub(crate) fn git(&self, args: &[&str]) -> Vec<u8> {
        self.run("git", args)
    }

    /// Makes a key pair, and returns the path of the private half and the line of the public one.
    pub(crate) fn ssh_key(&self, name: &str, kind: &str, bits: &str) -> (String, String) {
        let path = self.path(name).to_str().unwrap().to_owned();
        self.run("ssh-keygen", &["-q", "-t", kind, "-b", bits, "-N", "", "-C", "", "-f", &path]);
        let line = fs::read_to_string(format!("{path}.pub")).unwrap();
        (path, line.trim().to_owned())
    }

    /// Records an empty commit, signed by `key`, on the given date, and returns it raw.
    pub(crate) fn ssh_commit(&self, key: &str, date: &str) -> Vec<u8> {
        let key = format!("user.signingkey={key}");
        let args =
            ["-c", "gpg.format=ssh", "-c", &key, "commit", "-q", "-S", "--allow-empty", "-m", "a change"];
        let output = self.command("git", &args).env("GIT_COMMITTER_DATE", date).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.head()
    }

    /// Signs a new empty commit with the OpenPGP key `key`, and returns it raw.
    pub(crate) fn pgp_commit(&self, key: &str) -> Vec<u8> {
        let key = format!("user.signingkey={key}");
        self.git(&["-c", &key, "commit", "-q", "-S", "--allow-empty", "-m", "a change"]);
        self.head()
    }

    pub(crate) fn head(&self) -> Vec<u8> {
        self.git(&["cat-file", "commit", "HEAD"])
    }

    /// Runs gpg without a passphrase, and returns what it prints.
    pub(crate) fn gpg(&self, args: &[&str]) -> Vec<u8> {
        let mut all = vec![
            "--batch",
            "--yes",
            "--quiet",
            "--no-tty",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ];
        all.extend(args);
        self.run("gpg", &all)
    }

    /// Returns the fingerprint of the newest primary key with this address.
    pub(crate) fn fingerprint(&self, address: &str) -> String {
        let listing = String::from_utf8(self.gpg(&["--with-colons", "--list-keys", address])).unwrap();
        let line = listing.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    /// Makes a key for `user` and returns its fingerprint.
    pub(crate) fn pgp_key(&self, user: &str, algorithm: &str, usage: &str, expires: &str) -> String {
        self.gpg(&["--quick-generate-key", user, algorithm, usage, expires]);
        self.fingerprint(user)
    }

    pub(crate) fn keyring(&self) -> Vec<u8> {
        self.gpg(&["--export"])
    }

    /// Returns `git verify-commit`'s opinion of a raw commit. A missing file of signers is empty.
    pub(crate) fn git_says(&self, raw: &[u8], signers: &str) -> bool {
        let file = self.write("commit.raw", raw);
        let id = self.git(&["hash-object", "-t", "commit", "-w", "--literally", &file]);
        let id = String::from_utf8(id).unwrap();
        let signers = format!("gpg.ssh.allowedSignersFile={}", self.write("signers", signers));
        self.try_run("git", &["-c", &signers, "verify-commit", id.trim()]).status.success()
    }

    pub(crate) fn verify(&self, keys: &KeyRegistry, raw: &[u8], at: Timestamp) -> SignatureStatus {
        verify_commit_signature(keys, raw, self.format, at)
    }

    /// Puts a signature into a commit as git does.
    pub(crate) fn with_signature(&self, payload: &[u8], armor: &[u8]) -> Vec<u8> {
        let name = if self.format == ObjectFormat::Sha256 { "gpgsig-sha256" } else { "gpgsig" };
        let armor = String::from_utf8(armor.to_vec()).unwrap();
        let header = format!("{name} {}\n", armor.trim_end().replace('\n', "\n "));
        let end = payload.windows(2).position(|pair| pair == b"\n\n").unwrap() + 1;
        [&payload[..end], header.as_bytes(), &payload[end..]].concat()
    }

    /// Returns an unsigned commit.
    pub(crate) fn unsigned(&self) -> Vec<u8> {
        self.git(&["commit", "-q", "--allow-empty", "-m", "a change"]);
        self.head()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The agent lives in this home and in no other.
        let home = self.path("gnupg");
        let _ = kill_agent(&home);
    }
}

fn kill_agent(home: &Path) -> std::io::Result<Output> {
    Command::new("gpgconf").arg("--homedir").arg(home).args(["--kill", "all"]).output()
}

pub(crate) fn signers(file: &str) -> KeyRegistry {
    KeyRegistry::read_registry(Some(file.as_bytes()), None).unwrap()
}

pub(crate) fn keyring(bytes: &[u8]) -> KeyRegistry {
    KeyRegistry::read_registry(None, Some(bytes)).unwrap_or_else(|errors: Vec<BadKey>| panic!("{errors:?}"))
}

pub(crate) fn is_good(signature: &SignatureStatus) -> bool {
    matches!(signature, SignatureStatus::Good { signer, .. } if signer.as_bytes() == ANA.as_bytes())
}

pub(crate) fn reason(signature: SignatureStatus) -> String {
    match signature {
        SignatureStatus::Bad(reason) => reason,
        other => panic!("not bad: {other:?}"),
    }
}
