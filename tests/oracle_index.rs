//! What is staged, compared with what `git diff --cached` says, for indexes in many states.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[allow(dead_code, reason = "shared with other tests")]
mod lab;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use changegate::change::{Oid, PathChange, PathEntry, PathEntryKind};
use changegate::git::Repository;
use lab::{Dice, Lab, oid};

/// Paths in which a file and a folder take each other's place, and which sort apart as files and as folders.
const PATHS: [&str; 14] = [
    "a",
    "a/b",
    "a-b",
    "a.c",
    "a/c/d",
    "dir/x",
    "dir/y",
    "dir/sub/z",
    "dir/sub/deep/w",
    "dir.d/v",
    "other/1",
    "other/2",
    "\u{fc}/\u{e9}",
    "z z",
];

/// A work tree, in which each test makes states of the index.
struct WorkTree {
    lab: Lab,
    path: PathBuf,
    format: &'static str,
}

impl WorkTree {
    fn new(format: &'static str) -> WorkTree {
        let lab = Lab::with_format(format);
        let path = lab.home().join("work");
        lab.run(lab.home(), &["init", "-q", "-b", "main", "--object-format", format, "work"], b"");
        WorkTree { lab, path, format }
    }

    fn git(&self, args: &[&str]) -> String {
        String::from_utf8(self.lab.run(&self.path, args, b"")).unwrap().trim_end().to_owned()
    }

    /// Feeds `git update-index --index-info`.
    fn stage(&self, lines: &str) {
        self.lab.run(&self.path, &["update-index", "--index-info"], lines.as_bytes());
    }

    fn id(&self, digit: &str) -> String {
        digit.repeat(if self.format == "sha1" { 40 } else { 64 })
    }

    fn blob(&self, text: &str) -> String {
        let printed = self.lab.run(&self.path, &["hash-object", "-w", "--stdin"], text.as_bytes());
        String::from_utf8(printed).unwrap().trim_end().to_owned()
    }

    /// Adds, changes or deletes some paths of the index, as git lets it: what stands in the way goes.
    fn change_index(&self, dice: &mut Dice, count: usize) {
        for _ in 0..count {
            let path = PATHS[dice.below(PATHS.len())];
            if dice.below(4) == 0 {
                self.git(&["rm", "-q", "-r", "-f", "--cached", "--sparse", "--ignore-unmatch", "--", path]);
                continue;
            }
            let (mode, id) = match dice.below(6) {
                0 => ("100755", self.blob("text 1")),
                1 => ("120000", self.blob("text 2")),
                2 => ("160000", self.id("abcdef"[dice.below(6)..][..1].as_ref())),
                _ => ("100644", self.blob(&format!("text {}", dice.below(5)))),
            };
            let info = format!("{mode},{id},{path}");
            self.git(&["update-index", "--add", "--replace", "--cacheinfo", &info]);
        }
    }

    fn commit_index(&self, parent: Option<&str>) -> String {
        let tree = self.git(&["write-tree"]);
        let mut args = vec!["commit-tree", &tree, "-m", "x"];
        args.extend(parent.iter().flat_map(|parent| ["-p", parent]));
        let id = self.git(&args);
        self.git(&["update-ref", "refs/heads/main", &id]);
        id
    }

    fn open(&self) -> Repository {
        Repository::open_at(&self.path, None).unwrap()
    }

    fn staged(&self, base: Option<Oid>) -> anyhow::Result<Vec<PathChange>> {
        self.open().find_staged_paths(&self.path.join(".git/index"), base)
    }

    /// Compares with git, against this commit or an empty tree, and returns how many paths differ.
    #[track_caller]
    fn check(&self, base: Option<&str>, called: &str) -> usize {
        let empty = self.git(&["hash-object", "-t", "tree", "/dev/null"]);
        let against = base.unwrap_or(&empty);
        let raw = self.git(&[
            "diff",
            "--cached",
            "--raw",
            "--no-renames",
            "--no-abbrev",
            "--ita-invisible-in-index",
            "-z",
            against,
        ]);
        let mut theirs = Vec::new();
        let fields: Vec<&str> = raw.split_terminator('\0').collect();
        for pair in fields.chunks(2) {
            let words: Vec<&str> = pair[0][1..].split(' ').collect();
            theirs.push(format!("{} {} {} {} {}", words[0], words[1], words[2], words[3], pair[1]));
        }
        let mut ours = Vec::new();
        for change in self.staged(base.map(oid)).unwrap() {
            let mut line = String::new();
            for entry in [change.before, change.after] {
                write!(line, "{} ", show_mode(entry)).unwrap();
            }
            for entry in [change.before, change.after] {
                write!(line, "{} ", entry.map_or(self.id("0"), |entry| entry.id.to_string())).unwrap();
            }
            ours.push(line + &change.path.to_lossy());
        }
        // Git's order is that of the index, in which a folder is not sorted as one name.
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs, "{called} against {against}");
        ours.len()
    }
}

fn show_mode(entry: Option<PathEntry>) -> &'static str {
    match entry.map(|entry| entry.kind) {
        None => "000000",
        Some(PathEntryKind::File) => "100644",
        Some(PathEntryKind::Executable) => "100755",
        Some(PathEntryKind::Symlink) => "120000",
        Some(PathEntryKind::Submodule) => "160000",
        Some(PathEntryKind::Unknown) => panic!("git always tells"),
    }
}

#[test]
fn what_is_staged_is_what_git_diff_says() {
    let mut compared = 0;
    for seed in 0..12 {
        let format = if seed % 3 == 2 { "sha256" } else { "sha1" };
        let work = WorkTree::new(format);
        let mut dice = Dice::new(seed);
        work.git(&["config", "index.version", ["2", "3", "4"][dice.below(3)]]);
        work.check(None, "no index");
        work.change_index(&mut dice, 12);
        compared += work.check(None, "a first index");
        let first = work.commit_index(None);
        work.change_index(&mut dice, 4);
        let second = work.commit_index(Some(&first));
        for round in 0..4 {
            let called = format!("seed {seed}, round {round}");
            work.change_index(&mut dice, dice_count(round));
            match dice.below(5) {
                // The ids of all folders are known, or of those that are still as they were read.
                0 => drop(work.git(&["write-tree"])),
                1 => drop(work.git(&["read-tree", "HEAD"])),
                2 => {
                    fs::create_dir_all(work.path.join("intended/x")).unwrap();
                    fs::write(work.path.join("intended/x/file"), "x").unwrap();
                    work.git(&["add", "-N", "intended"]);
                }
                3 => drop(work.git(&["update-index", "--split-index"])),
                _ => {}
            }
            for base in [None, Some(first.as_str()), Some(second.as_str())] {
                compared += work.check(base, &called);
            }
        }
    }
    assert!(compared > 300, "only {compared} paths were compared");
}

fn dice_count(round: usize) -> usize {
    [0, 1, 3, 8][round % 4]
}

#[test]
fn a_path_that_is_only_intended_is_not_staged() {
    let work = WorkTree::new("sha1");
    for path in ["kept", "dir/kept"] {
        fs::create_dir_all(work.path.join("dir")).unwrap();
        fs::write(work.path.join(path), "x").unwrap();
    }
    work.git(&["add", "."]);
    let head = work.commit_index(None);
    fs::write(work.path.join("dir/new"), "x").unwrap();
    work.git(&["add", "-N", "dir/new"]);
    assert_eq!(work.check(Some(&head), "intended"), 0);
    work.git(&["rm", "-q", "--cached", "kept"]);
    work.git(&["add", "-N", "kept"]);
    assert_eq!(work.check(Some(&head), "deleted and intended"), 1);
}

#[test]
fn a_sparse_index_is_read() {
    let work = WorkTree::new("sha1");
    work.stage(
        &(PATHS
            .iter()
            .filter(|path| **path != "a")
            .fold(String::new(), |lines, path| format!("{lines}100644 {}\t{path}\n", work.blob(path)))),
    );
    let first = work.commit_index(None);
    work.git(&["reset", "-q", "--hard"]);
    work.git(&["update-index", "--cacheinfo", &format!("100644,{},dir/sub/z", work.blob("changed"))]);
    let second = work.commit_index(Some(&first));
    work.git(&["reset", "-q", "--hard"]);
    work.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "other"]);
    let entries = work.git(&["ls-files", "--sparse", "--stage"]);
    assert!(entries.contains("040000"), "{entries}");
    assert_eq!(work.check(Some(&second), "sparse"), 0);
    assert_eq!(work.check(Some(&first), "sparse"), 1);
    assert_eq!(work.check(None, "sparse"), PATHS.len() - 1);
    fs::write(work.path.join("other/3"), "x").unwrap();
    work.git(&["add", "other/3"]);
    assert_eq!(work.check(Some(&second), "sparse"), 1);
}

#[test]
fn an_index_that_cannot_be_compared_is_an_error() {
    let work = WorkTree::new("sha1");
    let blob = work.blob("x");
    work.stage(&format!("100644 {blob}\tx/y\n"));
    let head = oid(&work.commit_index(None));
    work.stage(&format!("0 {}\tx/y\n100644 {blob} 1\tx/y\n100644 {blob} 2\tx/y\n", work.id("0")));
    let error = work.staged(Some(head)).unwrap_err();
    assert!(error.to_string().contains("conflicts"), "{error}");
    let index = work.path.join(".git/index");
    let whole = fs::read(&index).unwrap();
    for length in [1, 12, whole.len() / 2] {
        fs::write(&index, &whole[..length]).unwrap();
        assert!(work.staged(Some(head)).is_err(), "{length} bytes");
    }
    fs::File::create(&index).unwrap().set_len((64 << 20) + 1).unwrap();
    let error = work.staged(Some(head)).unwrap_err();
    assert!(error.to_string().contains("at most 67108864 are read"), "{error}");
}

#[test]
fn folders_that_did_not_change_are_not_read() {
    let work = WorkTree::new("sha1");
    let blob = work.blob("x");
    let mut lines = String::new();
    for number in 0..5_000 {
        writeln!(lines, "100644 {blob}\tmodule{}/part{}/file{number}", number % 20, number % 50).unwrap();
    }
    work.stage(&lines);
    let head = work.commit_index(None);
    let other = work.blob("y");
    work.git(&["update-index", "--cacheinfo", &format!("100644,{other},module3/part3/file3")]);
    assert_eq!(work.check(Some(&head), "one of 5,000"), 1);
    // Only the three folders above the path are needed: the trees of all others are gone.
    let needed: Vec<String> = [":", ":module3", ":module3/part3"]
        .map(|path| work.git(&["rev-parse", &format!("{head}{path}")]))
        .to_vec();
    let mut removed = 0;
    for line in work.git(&["ls-tree", "-r", "-d", &head]).lines() {
        let id = line.split_whitespace().nth(2).unwrap();
        if needed.iter().all(|needed| needed != id) {
            let (folder, file) = id.split_at(2);
            removed +=
                usize::from(fs::remove_file(work.path.join(".git/objects").join(folder).join(file)).is_ok());
        }
    }
    assert!(removed > 50, "{removed}");
    let staged = work.staged(Some(oid(&head))).unwrap();
    assert_eq!(staged.len(), 1);
    assert_eq!(staged[0].path, "module3/part3/file3".into());
}
