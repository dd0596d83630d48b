//! Signatures of real keys, held against the file of signers that stands beside the policy.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "test code"
)]

use std::path::Path;
use std::process::{Command, Output};

const POLICY: &str = "
changegate: 1
name: signed
protects: [main]
signers: { ssh: policies/allowed_signers }
rules:
  signed: { require: { signed: { by: author } } }
";

fn run(program: &str, folder: &Path, args: &[&str]) -> Output {
    Command::new(program)
        .current_dir(folder)
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .envs([("GIT_AUTHOR_NAME", "Ana"), ("GIT_AUTHOR_EMAIL", "ana@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Ana"), ("GIT_COMMITTER_EMAIL", "ana@example.com")])
        .output()
        .unwrap()
}

fn git(folder: &Path, args: &[&str]) {
    let output = run("git", folder, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a repository whose policy trusts Ana's key, valid until `valid_before` if that is given;
/// `None` where there is no ssh-keygen.
fn repository(valid_before: &str) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for key in ["ana", "eve"] {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"])
            .arg(at.join(key))
            .output();
        if !made.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: there is no ssh-keygen");
            return None;
        }
    }
    let public = std::fs::read_to_string(at.join("ana.pub")).unwrap();
    std::fs::create_dir(at.join("policies")).unwrap();
    std::fs::write(at.join("policies/changegate.yml"), POLICY).unwrap();
    let signer = format!("ana@example.com namespaces=\"git\"{valid_before} {public}");
    std::fs::write(at.join("policies/allowed_signers"), signer).unwrap();
    git(at, &["init", "-q", "-b", "main"]);
    git(at, &["add", "policies"]);
    git(at, &["commit", "-q", "-m", "Begin"]);
    Some(folder)
}

/// Commits, signed with `key` or not at all, and judges what that adds.
fn judged(at: &Path, key: Option<&str>) -> (Option<i32>, String) {
    let key = key.map(|key| format!("user.signingkey={}", at.join(key).display()));
    let mut args = vec!["-c", "gpg.format=ssh"];
    if let Some(key) = &key {
        args.extend(["-c", key, "-c", "commit.gpgsign=true"]);
    }
    args.extend(["commit", "-q", "--allow-empty", "-m", "Go on"]);
    git(at, &args);
    let output = run(env!("CARGO_BIN_EXE_changegate"), at, &["check", "HEAD^..HEAD"]);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_commit_counts_as_signed_by_a_key_of_the_file_of_signers() {
    let Some(folder) = repository("") else { return };
    let (code, text) = judged(folder.path(), Some("ana"));
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_foreign_key_and_none_at_all_do_not_count() {
    let Some(folder) = repository("") else { return };
    for key in [Some("eve"), None] {
        let (code, text) = judged(folder.path(), key);
        assert_eq!(code, Some(1), "{key:?}: {text}");
    }
}

#[test]
fn a_key_whose_time_was_over_when_it_was_seen_does_not_count() {
    let Some(folder) = repository(",valid-before=\"20200101000000Z\"") else { return };
    let (code, text) = judged(folder.path(), Some("ana"));
    assert_eq!(code, Some(1), "{text}");
}

#[test]
fn a_file_of_signers_that_cannot_be_read_whole_is_a_fault_of_the_policy() {
    let Some(folder) = repository("") else { return };
    let at = folder.path();
    std::fs::write(at.join("policies/allowed_signers"), "*@example.com ssh-ed25519 AAAA\n").unwrap();
    git(at, &["commit", "-q", "-a", "-m", "Break it"]);
    let (code, _) = judged(at, Some("ana"));
    assert_eq!(code, Some(2));
}
