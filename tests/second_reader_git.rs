//! The second reader beside the first: libgit2 and the gate's own reader see the same repository, and
//! where something makes them see two, that is reported.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test code"
)]

use std::path::Path;
use std::process::Command;

use changegate::git::Repository;
use changegate::git::second_reader::{ReaderComparison, ReaderDisagreement, compare_readers};

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

/// Returns what the readers disagree on: subject, part, and how.
fn list_differences(dir: &Path) -> Vec<(String, &'static str, ReaderDisagreement)> {
    let compared = compare(dir);
    assert_eq!(compared.omitted_differences, 0);
    compared
        .differences
        .iter()
        .map(|one| (one.subject.to_lossy().into_owned(), one.part, one.disagreement))
        .collect()
}

/// Writes an object of any content, however wrong.
fn write_object(dir: &Path, kind: &str, content: &[u8]) -> String {
    std::fs::write(dir.join("raw-object"), content).unwrap();
    git(dir, &["hash-object", "-t", kind, "-w", "--literally", "raw-object"])
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
    assert_eq!(list_differences(dir.path()), [(child, "parents", ReaderDisagreement::Different)]);
}

#[test]
fn an_object_that_cannot_be_read_is_a_difference() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let tree = git(dir.path(), &["rev-parse", "main^{tree}"]);
    let (folder, file) = tree.split_at(2);
    let path = dir.path().join(".git/objects").join(folder).join(file);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(list_differences(dir.path()), [(tree, "tree", ReaderDisagreement::UnreadableByBoth)]);
}

#[test]
fn replace_refs_change_what_neither_reader_sees() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    git(dir.path(), &["replace", "main~1", "main~4"]);
    let compared = compare(dir.path());
    assert_eq!(compared.differences, []);
}

#[test]
fn a_damaged_ref_is_one_difference_and_the_rest_is_compared() {
    for (name, content) in [("junk", "junk\n"), ("empty", ""), ("ring", "ref: refs/heads/ring\n")] {
        let dir = tempfile::tempdir().unwrap();
        sample(dir.path());
        std::fs::write(dir.path().join(".git/refs/heads").join(name), content).unwrap();
        let expected = (format!("refs/heads/{name}"), "ref", ReaderDisagreement::UnreadableByBoth);
        assert_eq!(list_differences(dir.path()), [expected]);
        let compared = compare(dir.path());
        assert_eq!((compared.refs, compared.commits), (4, 14));
    }
}

#[test]
fn a_damaged_line_among_the_packed_refs_does_not_end_the_comparison() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let packed = dir.path().join(".git/packed-refs");
    let text = std::fs::read_to_string(&packed).unwrap() + "junk\n";
    std::fs::write(packed, text).unwrap();
    assert_eq!(
        list_differences(dir.path()),
        [
            ("refs/".to_owned(), "list of refs", ReaderDisagreement::UnreadableByLibgit2),
            ("refs/".to_owned(), "ref", ReaderDisagreement::UnreadableByBoth),
        ]
    );
    assert_eq!(compare(dir.path()).commits, 14);
}

#[test]
fn a_ref_that_leads_to_no_ref_is_the_same_to_both() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    git(dir.path(), &["symbolic-ref", "refs/heads/early", "refs/heads/late"]);
    assert_eq!(list_differences(dir.path()), []);
}

#[test]
#[cfg(target_os = "linux")]
fn a_ref_name_need_not_be_utf8() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let id = git(dir.path(), &["rev-parse", "main"]);
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    std::fs::write(dir.path().join(".git/refs/heads").join(name), format!("{id}\n")).unwrap();
    assert_eq!(list_differences(dir.path()), []);
    assert_eq!(compare(dir.path()).refs, 5);
}

#[test]
fn objects_that_neither_reader_can_read_are_differences() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    let missing = "1".repeat(40);
    std::fs::write(dir.path().join(".git/refs/heads/main"), format!("{missing}\n")).unwrap();
    let expected = (missing.clone(), "object", ReaderDisagreement::UnreadableByBoth);
    assert_eq!(list_differences(dir.path()), [expected]);

    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    git(dir.path(), &["repack", "-adq"]);
    let packs = dir.path().join(".git/objects/pack");
    let index = std::fs::read_dir(packs).unwrap().map(|entry| entry.unwrap().path());
    for path in index.filter(|path| path.extension().is_some_and(|extension| extension == "idx")) {
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    }
    let differences = list_differences(dir.path());
    assert!(!differences.is_empty());
    for (subject, _, disagreement) in differences {
        assert_eq!(disagreement, ReaderDisagreement::UnreadableByBoth, "{subject}");
    }
}

#[test]
fn what_is_behind_a_commit_that_a_reader_refuses_is_compared() {
    let who = "A <a@x> 1700000000 +0000";
    let cases = [
        format!("author A <a@x> -1 +0000\ncommitter {who}\n"),
        format!("author A <a<b>c> 1700000000 +0000\ncommitter {who}\n"),
        format!("author {who}\nauthor {who}\ncommitter {who}\n"),
        "author nobody\n".to_owned(),
    ];
    for people in cases {
        let dir = tempfile::tempdir().unwrap();
        sample(dir.path());
        let old = compare(dir.path());
        std::fs::write(dir.path().join("new"), "new").unwrap();
        git(dir.path(), &["add", "-A"]);
        let tree = git(dir.path(), &["write-tree"]);
        let parent = git(dir.path(), &["rev-parse", "main"]);
        let raw = format!("tree {tree}\nparent {parent}\n{people}\nx\n");
        let odd = write_object(dir.path(), "commit", raw.as_bytes());
        for name in ["main", "loose"] {
            std::fs::write(dir.path().join(".git/refs/heads").join(name), format!("{odd}\n")).unwrap();
        }
        let differences = list_differences(dir.path());
        let [(subject, "commit", disagreement)] = &differences[..] else { panic!("{differences:?}") };
        assert_eq!(*subject, odd);
        assert_ne!(*disagreement, ReaderDisagreement::Different);
        let compared = compare(dir.path());
        assert_eq!((compared.commits, compared.trees), (old.commits, old.trees + 1), "{people}");
    }
}

#[test]
fn an_object_under_another_name_is_a_difference_and_the_rest_is_compared() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let [tip, older] = ["main", "main~1"].map(|name| {
        let id = git(dir.path(), &["rev-parse", name]);
        let (folder, file) = id.split_at(2);
        (dir.path().join(".git/objects").join(folder).join(file), id)
    });
    let content = std::fs::read(&older.0).unwrap();
    std::fs::remove_file(&tip.0).unwrap();
    std::fs::write(&tip.0, content).unwrap();
    let differences = list_differences(dir.path());
    assert!(
        differences.contains(&(tip.1, "commit", ReaderDisagreement::UnreadableByLibgit2)),
        "{differences:?}"
    );
    assert!(compare(dir.path()).commits > 5);
}

#[test]
fn modes_of_entries_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let blob = write_object(dir.path(), "blob", b"x");
    let blob: Vec<u8> =
        (0..20).map(|at| u8::from_str_radix(&blob[at * 2..at * 2 + 2], 16).unwrap()).collect();
    let tree = |mode: &str| {
        let raw = [format!("{mode} f\0").as_bytes(), &blob].concat();
        write_object(dir.path(), "tree", &raw)
    };
    for mode in ["100644", "100664", "100755", "120000"] {
        git(dir.path(), &["update-ref", &format!("refs/trees/{mode}"), &tree(mode)]);
    }
    assert_eq!(list_differences(dir.path()), []);
    let unknown = tree("000000");
    std::fs::write(dir.path().join(".git/refs/heads/odd"), format!("{unknown}\n")).unwrap();
    assert_eq!(list_differences(dir.path()), [(unknown, "tree", ReaderDisagreement::UnreadableByBoth)]);
}

#[test]
fn a_tag_leads_both_readers_to_the_same_object() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    git(dir.path(), &["tag", "-a", "-m", "two", "v2", "v1"]);
    git(dir.path(), &["tag", "-a", "-m", "tree", "t", "main^{tree}"]);
    assert_eq!(list_differences(dir.path()), []);
    let malformed = write_object(dir.path(), "tag", b"object nothing\ntype commit\ntag x\n\nx\n");
    std::fs::write(dir.path().join(".git/refs/tags/x"), format!("{malformed}\n")).unwrap();
    assert_eq!(list_differences(dir.path()), [(malformed, "tag", ReaderDisagreement::UnreadableByBoth)]);
}

#[test]
fn the_command_says_which_reader_cannot_read_what() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    std::fs::write(dir.path().join(".git/refs/heads/junk"), "junk\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_changegate"));
    let output =
        command.current_dir(dir.path()).args(["ledger", "verify", "--second-reader"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("refs/heads/junk: neither reader can read this ref; not compared\n"), "{said}");
    assert!(
        said.contains("second reader: 4 refs, 14 commits, ") && said.contains("; 1 difference\n"),
        "{said}"
    );
}
