//! Merges that take back what the branch had, judged by the real binary on real history.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

use std::path::Path;
use std::process::{Command, Output};

fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .envs([("GIT_AUTHOR_NAME", "Ana"), ("GIT_AUTHOR_EMAIL", "ana@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Ana"), ("GIT_COMMITTER_EMAIL", "ana@example.com")])
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(folder: &Path, file: &str, content: &str) -> String {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", &format!("Write {file}")]);
    git(folder, &["rev-parse", "HEAD"])
}

fn check(folder: &Path, range: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_changegate"))
        .current_dir(folder)
        .args(["check", range])
        .env_remove("GIT_DIR")
        .output()
        .unwrap()
}

/// A repository whose main branch holds a file under `guarded/`, and a branch from before that.
fn repository(rule: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    git(at, &["init", "-q", "-b", "main"]);
    let policy =
        format!("changegate: 1\nname: merges\nprotects: [main]\nrules:\n  r: {{ require: {rule} }}\n");
    commit(at, "policies/changegate.yml", &policy);
    git(at, &["branch", "topic"]);
    git(at, &["branch", "base"]);
    commit(at, "guarded/key", "good\n");
    git(at, &["checkout", "-q", "topic"]);
    commit(at, "free/work", "work\n");
    folder
}

#[test]
fn a_merge_from_the_side_touches_what_it_takes_back() {
    let folder = repository("{ not: { touches: 'guarded/**' } }");
    let at = folder.path();
    git(at, &["merge", "-q", "-s", "ours", "-m", "Merge main", "main"]);
    let denied = check(at, "main..topic");
    assert_eq!(denied.status.code(), Some(1), "{}", String::from_utf8_lossy(&denied.stdout));
}

#[test]
fn a_merge_from_the_side_that_keeps_both_sides_is_told_apart() {
    let folder = repository("{ not: { touches: 'other/**' } }");
    let at = folder.path();
    git(at, &["merge", "-q", "-m", "Merge main", "main"]);
    let allowed = check(at, "main..topic");
    assert_eq!(allowed.status.code(), Some(0), "{}", String::from_utf8_lossy(&allowed.stdout));
}

#[test]
fn an_octopus_that_takes_back_a_parents_work_has_content_of_its_own() {
    let folder = repository("{ merge: clean }");
    let at = folder.path();
    git(at, &["checkout", "-q", "base"]);
    commit(at, "free/other", "other\n");
    let merge = |tree: &str| {
        git(at, &["commit-tree", "-p", "topic", "-p", "main", "-p", "base", "-m", "Merge three", tree])
    };
    let taken_back = merge("topic^{tree}");
    let denied = check(at, &format!("main..{taken_back}"));
    assert_eq!(denied.status.code(), Some(1), "{}", String::from_utf8_lossy(&denied.stdout));

    git(at, &["checkout", "-q", "topic"]);
    git(at, &["merge", "-q", "-m", "Merge three", "main", "base"]);
    let allowed = check(at, "main..topic");
    assert_eq!(allowed.status.code(), Some(0), "{}", String::from_utf8_lossy(&allowed.stdout));
}
