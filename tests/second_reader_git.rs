//! The second reader beside the first: libgit2 and the gate's own reader see the same repository, and
//! where something makes them see two, that is reported.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

use std::path::Path;
use std::process::Command;

use changegate::git::Repository;
use changegate::git::second_reader::{ReaderComparison, compare_readers};

const LEDGER: &str = "refs/changegate/ledger";

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Ana", "-c", "user.email=ana@example.com", "-c", "commit.gpgSign=false"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Makes a repository with branches, a merge, an annotated tag, odd names, and a packed older part.
fn sample(dir: &Path) {
    git(dir, &["init", "-q", "-b", "main"]);
    for round in 0..12 {
        std::fs::create_dir_all(dir.join("a/b")).unwrap();
        std::fs::write(dir.join("a/b/file"), format!("{round}\n").repeat(50)).unwrap();
        std::fs::write(dir.join("tab\tand \u{e4}"), format!("{round}")).unwrap();
        git(dir, &["add", "-A"]);
        git(dir, &["commit", "-q", "-m", &format!("Round {round}\n\nRisk: low")]);
        if round == 5 {
            git(dir, &["branch", "side"]);
            git(dir, &["repack", "-adq"]);
        }
    }
    git(dir, &["checkout", "-q", "side"]);
    git(dir, &["commit", "-q", "--allow-empty", "-m", "Beside"]);
    git(dir, &["checkout", "-q", "main"]);
    git(dir, &["merge", "-q", "--no-ff", "-m", "Merge side", "side"]);
    git(dir, &["tag", "-a", "-m", "one", "v1"]);
    git(dir, &["pack-refs", "--all"]);
    git(dir, &["branch", "loose"]);
}

fn compare(dir: &Path) -> ReaderComparison {
    let repository = Repository::open_at(dir, None).unwrap();
    compare_readers(&repository, LEDGER, &mut || ()).unwrap()
}

#[test]
fn both_readers_see_the_same_objects_and_refs() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let compared = compare(dir.path());
    assert_eq!(compared.differences, []);
    assert_eq!(compared.refs, 4);
    let commits: usize = git(dir.path(), &["rev-list", "--all", "--count"]).parse().unwrap();
    assert_eq!(compared.commits, commits);
    let listed = git(dir.path(), &["rev-list", "--all", "--objects", "--filter=blob:none"]);
    let trees = listed.lines().count() - commits - 1;
    assert_eq!(compared.trees, trees, "git lists {trees} trees");
}

#[test]
fn a_grafted_parent_is_a_difference() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let (child, grandparent) =
        (git(dir.path(), &["rev-parse", "side"]), git(dir.path(), &["rev-parse", "side~3"]));
    std::fs::create_dir_all(dir.path().join(".git/info")).unwrap();
    std::fs::write(dir.path().join(".git/info/grafts"), format!("{child} {grandparent}\n")).unwrap();
    let compared = compare(dir.path());
    let parts: Vec<(String, &str)> =
        compared.differences.iter().map(|one| (one.subject.to_lossy().into_owned(), one.part)).collect();
    assert_eq!(parts, [(child, "parents")]);
}

#[test]
fn an_object_that_cannot_be_read_is_a_difference() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let tree = git(dir.path(), &["rev-parse", "main^{tree}"]);
    let (folder, file) = tree.split_at(2);
    let path = dir.path().join(".git/objects").join(folder).join(file);
    std::fs::remove_file(&path).unwrap();
    let compared = compare(dir.path());
    assert!(!compared.is_identical());
    assert_eq!(compared.differences[0].part, "unreadable");
    assert_eq!(compared.differences[0].subject.to_lossy(), tree);
}

#[test]
fn replace_refs_change_what_neither_reader_sees() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    git(dir.path(), &["replace", "main~1", "main~4"]);
    let compared = compare(dir.path());
    assert_eq!(compared.differences, []);
}
