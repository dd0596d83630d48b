//! Merges: those that take back what the branch had, judged by the real binary, and generated ones of all
//! kinds, held against git's own recomputation.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[allow(dead_code, reason = "not every test file needs all of it")]
mod lab;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use changegate::change::{FactKind, Oid};
use lab::{Dice, Lab, oid};

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

/// Returns numbered lines, with another word on one of them.
fn numbered(changed: usize, word: &str) -> String {
    let line = |number| if number == changed { format!("{word}\n") } else { format!("line {number}\n") };
    (0..30).map(line).collect()
}

#[test]
fn a_file_that_one_side_renames_and_the_other_edits_is_merged_as_git_does() {
    let folder = repository("{ merge: clean }");
    let at = folder.path();
    let is_clean = |tip: &str| {
        let told = check(at, &format!("main..{tip}"));
        (told.status.code() == Some(0), String::from_utf8_lossy(&told.stdout).into_owned())
    };
    git(at, &["checkout", "-q", "main"]);
    commit(at, "src/tenant.rs", &numbered(30, ""));
    git(at, &["checkout", "-q", "-b", "renames"]);
    std::fs::create_dir_all(at.join("src/cache")).unwrap();
    git(at, &["mv", "src/tenant.rs", "src/cache/lookup.rs"]);
    commit(at, "src/cache/lookup.rs", &numbered(2, "by the side that renames"));
    git(at, &["checkout", "-q", "-b", "edits", "main"]);
    commit(at, "src/tenant.rs", &numbered(25, "by the side that edits"));
    for (one, other) in [("renames", "edits"), ("edits", "renames")] {
        git(at, &["checkout", "-q", "-B", "main", if one == "edits" { "renames" } else { "edits" }]);
        git(at, &["checkout", "-q", "-B", "merged", one]);
        git(at, &["merge", "-q", "-m", "Merge", other]);
        assert_eq!(git(at, &["ls-files", "src"]), "src/cache/lookup.rs");
        let (clean, told) = is_clean("merged");
        assert!(clean, "{told}");
        // Work of one side that the merge drops, a line that it adds, and the old file beside the new one.
        for (lookup, tenant) in [
            (numbered(2, "by the side that renames"), None),
            (numbered(25, "by the side that edits"), None),
            (numbered(2, "by nobody"), None),
            (std::fs::read_to_string(at.join("src/cache/lookup.rs")).unwrap(), Some(numbered(30, ""))),
        ] {
            git(at, &["checkout", "-q", "-B", "evil", "merged"]);
            std::fs::write(at.join("src/cache/lookup.rs"), lookup).unwrap();
            if let Some(tenant) = &tenant {
                std::fs::write(at.join("src/tenant.rs"), tenant).unwrap();
            }
            git(at, &["add", "-A"]);
            git(at, &["commit", "-q", "--amend", "-m", "Merge"]);
            let (clean, told) = is_clean("evil");
            let path = if tenant.is_some() { "src/tenant.rs" } else { "src/cache/lookup.rs" };
            let wanted = format!("this merge has content of its own in `{path}`");
            assert!(!clean && told.contains(&wanted), "{wanted}: {told}");
            git(at, &["checkout", "-q", "-f", "merged"]);
        }
    }
}

/// Two lines of history that merge each other, resolve the same conflict in the same way, and go on.
#[test]
fn a_base_with_a_conflict_that_both_sides_resolved_alike_is_no_conflict() {
    let folder = repository("{ merge: clean }");
    let at = folder.path();
    git(at, &["checkout", "-q", "main"]);
    let base = commit(at, "src/list", &numbered(30, ""));
    let mut tips = Vec::new();
    for side in ["one", "two"] {
        git(at, &["checkout", "-q", "-b", side, &base]);
        tips.push(commit(at, "src/list", &numbered(15, &format!("by {side}"))));
    }
    let resolved = numbered(15, "by both");
    for (side, other, line) in [("one", &tips[1], 2), ("two", &tips[0], 28)] {
        git(at, &["checkout", "-q", side]);
        git(at, &["merge", "-q", "-s", "ours", "-m", "Merge", other]);
        std::fs::write(at.join("src/list"), &resolved).unwrap();
        git(at, &["commit", "-q", "--amend", "-a", "-m", "Merge"]);
        let edited = resolved.replace(&format!("line {line}\n"), &format!("edited by {side}\n"));
        commit(at, "src/list", &edited);
    }
    git(at, &["checkout", "-q", "-b", "crossed", "one"]);
    git(at, &["merge", "-q", "-m", "Merge again", "two"]);
    let judge = |tip: &str| check(at, &format!("{tip}^1..{tip}"));
    let told = judge("crossed");
    // The inner merge resolved a conflict by hand; the one on top did nothing of its own.
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(text.matches("content of its own").count(), 1, "{text}");
    let merged = std::fs::read_to_string(at.join("src/list")).unwrap();
    std::fs::write(at.join("src/list"), merged.replace("by both", "by the merge")).unwrap();
    git(at, &["commit", "-q", "--amend", "-a", "-m", "Merge again"]);
    let text = String::from_utf8_lossy(&judge("crossed").stdout).into_owned();
    assert_eq!(text.matches("content of its own").count(), 2, "{text}");
}

/// What a path holds: a mode, and lines of text or the id of a submodule's commit.
type Files = BTreeMap<String, (&'static str, Vec<String>)>;

/// The files that all generated histories begin with.
fn first_files() -> Files {
    let mut files = Files::new();
    for name in ["a", "b", "dir/c", "dir/d", "dir/sub/e", "other/f", "other/g"] {
        let lines = (0..40).map(|line| format!("{name} {}", if line % 5 == 0 { 0 } else { line })).collect();
        files.insert(name.to_owned(), ("100644", lines));
    }
    // Files that are the same, and that are moved all the same.
    let twin: Vec<String> = (0..20).map(|line| format!("twin {line}")).collect();
    for name in ["twin", "other/twin", "dir/sub/double", "other/double"] {
        files.insert(name.to_owned(), ("100644", twin.clone()));
    }
    files.insert("link".to_owned(), ("120000", vec!["a".to_owned()]));
    files.insert("module".to_owned(), ("160000", vec!["1".repeat(40)]));
    files
}

/// Changes files in one of the ways in which people do, and in some in which they do not; files move only
/// if `moves`, and are deleted more often then.
fn change_files(dice: &mut Dice, files: &mut Files, by: usize, moves: bool) {
    for _ in 0..1 + dice.below(4) {
        let names: Vec<String> = files.keys().cloned().collect();
        let name = names[dice.below(names.len())].clone();
        let (mode, lines) = files[&name].clone();
        match dice.below(if moves { 16 } else { 12 }) {
            0 => drop(files.remove(&name)),
            1 if moves => {
                files.remove(&name);
                // Some are edited on the way, up to where git takes them for another file.
                let mut lines = lines;
                let edits = [0, 0, 3, 12, 25][dice.below(5)];
                for _ in 0..if mode.starts_with("100") && !lines.is_empty() { edits } else { 0 } {
                    let at = dice.below(lines.len());
                    lines[at] = format!("moved by {by}, {}", dice.below(9));
                }
                let target = move_target(dice, &name);
                files.insert(target, (mode, lines));
            }
            // Twins move, each to its own place.
            12 | 13 if moves => {
                for name in names.iter().filter(|name| name.contains("twin") || name.contains("double")) {
                    if dice.below(4) > 0 {
                        let file = files.remove(name).unwrap();
                        files.insert(move_target(dice, name), file);
                    }
                }
            }
            // A few files, so that both sides often do something with the same one.
            14 if moves => {
                for name in ["a", "b"] {
                    let Some((mode, lines)) = files.remove(name) else { continue };
                    if dice.below(3) > 0 {
                        files.insert(move_target(dice, name), (mode, lines));
                    }
                }
            }
            // A whole directory moves.
            2 if moves => {
                for name in names.iter().filter(|name| name.starts_with("dir/")) {
                    let file = files.remove(name).unwrap();
                    files.insert(name.replacen("dir/", "renamed/", 1), file);
                }
            }
            3 => drop(
                files
                    .insert("link".to_owned(), ("120000", vec![["a", "b", "dir"][dice.below(3)].to_owned()])),
            ),
            4 => {
                let commit = ["2", "3"][dice.below(2)].repeat(40);
                files.insert("module".to_owned(), ("160000", vec![commit]));
            }
            5 if mode == "100644" => drop(files.insert(name, ("100755", lines))),
            // A file where a directory was, and the other way round.
            6 => {
                files.retain(|path, _| !path.starts_with("dir/"));
                files.insert("dir".to_owned(), ("100644", vec![format!("by {}", dice.below(2))]));
            }
            7 if !name.contains('/') => {
                files.remove(&name);
                files.insert(format!("{name}/inner"), ("100644", vec![format!("by {by}")]));
            }
            8 => {
                drop(files.insert(
                    format!("new-{}", dice.below(2)),
                    ("100644", vec![format!("by {}", dice.below(3))]),
                ))
            }
            _ if mode.starts_with("100") && !lines.is_empty() => {
                let mut lines = lines;
                let at = dice.below(lines.len());
                match dice.below(3) {
                    0 => drop(lines.remove(at)),
                    1 => lines.insert(at, format!("added by {}", dice.below(3))),
                    _ => lines[at] = format!("changed by {by}"),
                }
                files.insert(name, (mode, lines));
            }
            _ => {}
        }
    }
    // A path cannot be a directory as well.
    let names: Vec<String> = files.keys().cloned().collect();
    files.retain(|name, _| !names.iter().any(|other| other.starts_with(&format!("{name}/"))));
}

/// Where a file is moved to: mostly a new folder, sometimes one that exists.
fn move_target(dice: &mut Dice, name: &str) -> String {
    let folder = ["moved", "moved/deep", "new", "zoo", "other", "dir"][dice.below(6)];
    match dice.below(3) {
        0 => format!("{folder}/{}", name.rsplit('/').next().unwrap()),
        number => format!("{folder}/{}-{number}", name.replace('/', "-")),
    }
}

fn write_commit(lab: &Lab, files: &Files, parents: &[Oid], date: u64) -> Oid {
    let mut stream = format!(
        "reset refs/heads/made\ncommit refs/heads/made\nmark :1\ncommitter Ana <ana@example.com> {date} +0000\ndata 1\nm\n"
    );
    for (index, parent) in parents.iter().enumerate() {
        writeln!(stream, "{} {parent}", if index == 0 { "from" } else { "merge" }).unwrap();
    }
    stream.push_str("deleteall\n");
    for (name, (mode, lines)) in files {
        if *mode == "160000" {
            writeln!(stream, "M 160000 {} {name}", lines[0]).unwrap();
            continue;
        }
        let text = if *mode == "120000" { lines[0].clone() } else { lines.join("\n") + "\n" };
        writeln!(stream, "M {mode} inline {name}\ndata {}\n{text}", text.len()).unwrap();
    }
    lab.import(stream.as_bytes())[&1]
}

/// Returns the tree that git's own merge of two commits gives, and whether it is clean. What git calls renames
/// of directories is a setting, and is not followed.
fn merge_by_git(lab: &Lab, left: Oid, right: Oid) -> (String, bool) {
    let (left, right) = (left.to_string(), right.to_string());
    let args = ["-c", "merge.directoryRenames=false", "merge-tree", "--write-tree", &left, &right];
    let output = lab.output(&lab.dir, &args, b"");
    let printed = String::from_utf8(output.stdout).unwrap();
    (printed.lines().next().unwrap().to_owned(), output.status.success())
}

/// Checks a merge that holds `tree` against git's merge of its parents: where git stops, or where it would have
/// made something else, the merge has content of its own, and nowhere else. Without moves, the paths are the same.
fn check_merge(lab: &Lab, tree: &str, parents: [Oid; 2], moves: bool) -> bool {
    let [left, right] = parents;
    let (by_git, is_clean) = merge_by_git(lab, left, right);
    let args = ["commit-tree", tree, "-p", &left.to_string(), "-p", &right.to_string(), "-m", "m"];
    let merge = oid(&lab.git(&args));
    let commit = lab.open().read_commit(merge, &[FactKind::EvilMerges].into_iter().collect()).unwrap();
    let own: Vec<String> =
        commit.evil_merge_paths.unwrap().iter().map(|path| path.to_lossy().into_owned()).collect();
    let differing = lab.git(&["diff-tree", "-r", "--name-only", "--no-renames", &by_git, tree]);
    let differing: Vec<&str> = differing.lines().collect();
    let place = format!("{} {left} {right} {tree}: {own:?}, by git {differing:?}", lab.dir.display());
    if is_clean && moves {
        assert_eq!(own.is_empty(), differing.is_empty(), "{place}");
    } else if is_clean {
        assert_eq!(own, differing, "{place}");
    } else {
        assert!(!own.is_empty(), "{place}");
    }
    if !is_clean && !moves {
        // Where a file and a directory are in conflict, git writes the file under another name.
        let is_moved = |path: &str| {
            let other = format!("{path}~");
            path.contains('~') || differing.iter().any(|path| path.starts_with(&other))
        };
        for path in differing.iter().filter(|path| !is_moved(path)) {
            assert!(own.iter().any(|own| own == path), "{place}");
        }
    }
    is_clean
}

/// How many of the generated merges were of which kind.
#[derive(Debug, Default)]
struct MergeCounts {
    clean: usize,
    conflicts: usize,
    crossed: usize,
    crossed_conflicts: usize,
}

/// Generates merges, some of them from two merge bases.
fn generate_merges(seed: u64, rounds: usize, moves: bool) -> MergeCounts {
    let lab = Lab::new();
    let mut dice = Dice::new(seed);
    let first = first_files();
    let base = write_commit(&lab, &first, &[], 1);
    let mut counts = MergeCounts::default();
    for round in 0..rounds {
        let mut sides = [first.clone(), first.clone()];
        let mut commits = [base; 2];
        for (by, (files, commit)) in sides.iter_mut().zip(&mut commits).enumerate() {
            change_files(&mut dice, files, by, moves);
            *commit = write_commit(&lab, files, &[base], 2 + by as u64);
        }
        let (tree, is_clean) = merge_by_git(&lab, commits[0], commits[1]);
        check_merge(&lab, &tree, commits, moves);
        if is_clean {
            counts.clean += 1
        } else {
            counts.conflicts += 1
        }
        // A person keeps one side, or edits while merging.
        let kept = lab.git(&["rev-parse", &format!("{}^{{tree}}", commits[round % 2])]);
        check_merge(&lab, &kept, commits, moves);
        let mut edited = sides[0].clone();
        change_files(&mut dice, &mut edited, 7, moves);
        let edited = write_commit(&lab, &edited, &[], 9);
        let edited = lab.git(&["rev-parse", &format!("{edited}^{{tree}}")]);
        check_merge(&lab, &edited, commits, moves);
        // Both sides merge each other, go on, and are merged again: from two bases. What they go on from is the
        // merge, or what one of them had, so that the bases still differ.
        let mut again = commits;
        let merged = read_files(&lab, &tree);
        for (by, parents) in [[commits[0], commits[1]], [commits[1], commits[0]]].into_iter().enumerate() {
            let (left, right) = (parents[0].to_string(), parents[1].to_string());
            let merge = oid(&lab.git(&["commit-tree", &tree, "-p", &left, "-p", &right, "-m", "m"]));
            let mut files = if dice.below(3) == 0 { sides[by].clone() } else { merged.clone() };
            change_files(&mut dice, &mut files, 3 + by, moves);
            again[by] = write_commit(&lab, &files, &[merge], 20 + by as u64);
        }
        let (tree, is_clean) = merge_by_git(&lab, again[0], again[1]);
        check_merge(&lab, &tree, again, moves);
        if is_clean {
            counts.crossed += 1
        } else {
            counts.crossed_conflicts += 1
        }
        let kept = lab.git(&["rev-parse", &format!("{}^{{tree}}", again[round % 2])]);
        check_merge(&lab, &kept, again, moves);
    }
    counts
}

/// Returns a merge base of all files, and what two sides make of it.
fn two_sides(lab: &Lab, left: impl Fn(&mut Files), right: impl Fn(&mut Files)) -> [Oid; 2] {
    let first = first_files();
    let base = write_commit(lab, &first, &[], 1);
    let (mut one, mut other) = (first.clone(), first);
    left(&mut one);
    right(&mut other);
    [write_commit(lab, &one, &[base], 2), write_commit(lab, &other, &[base], 3)]
}

fn rename_file(files: &mut Files, old: &str, new: &str) {
    let file = files.remove(old).unwrap();
    files.insert(new.to_owned(), file);
}

fn edit_line(files: &mut Files, name: &str, line: usize) {
    let (_, lines) = files.get_mut(name).unwrap();
    lines[line] = format!("edited, {line}");
}

fn set_kind(files: &mut Files, name: &str, mode: &'static str, line: &str) {
    files.insert(name.to_owned(), (mode, vec![line.to_owned()]));
}

type Change = fn(&mut Files);

/// What two sides can do so that git stops.
const CONFLICTS: [(&str, Change, Change); 13] = [
    ("rename/delete", |one| rename_file(one, "a", "new/a"), |other| drop(other.remove("a"))),
    (
        "rename/delete, edited",
        |one| {
            rename_file(one, "a", "new/a");
            edit_line(one, "new/a", 3);
        },
        |other| drop(other.remove("a")),
    ),
    ("rename/rename", |one| rename_file(one, "a", "new/a"), |other| rename_file(other, "a", "other/a")),
    (
        "rename/add",
        |one| rename_file(one, "a", "new"),
        |other| set_kind(other, "new", "100644", "something else"),
    ),
    ("rename/add/delete", |one| rename_file(one, "a", "new"), |other| rename_file(other, "b", "new")),
    ("rename/type", |one| rename_file(one, "a", "new"), |other| set_kind(other, "a", "120000", "b")),
    ("modify/delete", |one| edit_line(one, "a", 3), |other| drop(other.remove("a"))),
    ("modify/modify", |one| edit_line(one, "a", 3), |other| set_kind(other, "a", "100644", "x")),
    (
        "directory/file",
        |one| set_kind(one, "new", "100644", "a file"),
        |other| set_kind(other, "new/inner", "100644", "in a directory"),
    ),
    (
        "file/submodule",
        |one| set_kind(one, "new", "100644", "a file"),
        |other| set_kind(other, "new", "160000", "4444444444444444444444444444444444444444"),
    ),
    ("file/link", |one| set_kind(one, "a", "120000", "b"), |other| edit_line(other, "a", 3)),
    (
        "mode/mode",
        |one| set_kind(one, "new", "100644", "same"),
        |other| set_kind(other, "new", "100755", "same"),
    ),
    (
        "submodule/submodule",
        |one| set_kind(one, "module", "160000", "2222222222222222222222222222222222222222"),
        |other| set_kind(other, "module", "160000", "3333333333333333333333333333333333333333"),
    ),
];

#[test]
fn a_merge_at_which_git_stops_is_not_clean_as_git_left_it() {
    let lab = Lab::new();
    for (name, left, right) in CONFLICTS {
        for sides in [two_sides(&lab, left, right), two_sides(&lab, right, left)] {
            let (tree, _) = merge_by_git(&lab, sides[0], sides[1]);
            assert!(!check_merge(&lab, &tree, sides, true), "{name} is no conflict");
            for side in sides {
                let kept = lab.git(&["rev-parse", &format!("{side}^{{tree}}")]);
                check_merge(&lab, &kept, sides, true);
            }
        }
    }
}

/// Two lines of history merge each other, one of which renames a file that the other one edits.
#[test]
fn bases_that_differ_by_a_rename_are_merged_with_it() {
    let lab = Lab::new();
    let [renames, edits] =
        two_sides(&lab, |one| rename_file(one, "dir/c", "moved/c"), |other| edit_line(other, "dir/c", 3));
    let (tree, is_clean) = merge_by_git(&lab, renames, edits);
    assert!(is_clean);
    let files = read_files(&lab, &tree);
    let mut again = Vec::new();
    for (parents, line) in [([renames, edits], 12), ([edits, renames], 30)] {
        let merge = write_commit(&lab, &files, &parents, 4);
        let mut files = files.clone();
        edit_line(&mut files, "moved/c", line);
        again.push(write_commit(&lab, &files, &[merge], 5));
    }
    let sides = [again[0], again[1]];
    let (tree, _) = merge_by_git(&lab, sides[0], sides[1]);
    assert!(check_merge(&lab, &tree, sides, true), "git makes it alone");
    let mut files = read_files(&lab, &tree);
    edit_line(&mut files, "moved/c", 20);
    let edited = write_commit(&lab, &files, &[], 9);
    check_merge(&lab, &lab.git(&["rev-parse", &format!("{edited}^{{tree}}")]), sides, true);
}

/// Which of two files that are the same went where is for git to say; the other way round is done by hand.
#[test]
fn files_that_are_the_same_go_where_git_has_them_go() {
    let lab = Lab::new();
    for targets in
        [["new/one", "zoo/two"], ["zoo/two", "new/one"], ["b-new/x", "a-new/y"], ["other/x", "new/y"]]
    {
        let sides = two_sides(
            &lab,
            |one| {
                rename_file(one, "twin", targets[0]);
                rename_file(one, "other/double", targets[1]);
            },
            |other| edit_line(other, "twin", 3),
        );
        let (tree, _) = merge_by_git(&lab, sides[0], sides[1]);
        assert!(check_merge(&lab, &tree, sides, true), "git makes it alone");
        let mut files = read_files(&lab, &tree);
        let swapped = files.remove(targets[0]).unwrap();
        let other = files.insert(targets[1].to_owned(), swapped).unwrap();
        files.insert(targets[0].to_owned(), other);
        let swapped = write_commit(&lab, &files, &[], 9);
        check_merge(&lab, &lab.git(&["rev-parse", &format!("{swapped}^{{tree}}")]), sides, true);
    }
}

/// Reads the files of a tree.
fn read_files(lab: &Lab, tree: &str) -> Files {
    let mut files = Files::new();
    for line in lab.git(&["ls-tree", "-r", tree]).lines() {
        let (entry, name) = line.split_once('\t').unwrap();
        let parts: Vec<&str> = entry.split(' ').collect();
        let mode =
            ["100644", "100755", "120000", "160000"].into_iter().find(|mode| *mode == parts[0]).unwrap();
        let lines = match mode {
            "160000" => vec![parts[2].to_owned()],
            _ => lab.git(&["cat-file", "blob", parts[2]]).lines().map(str::to_owned).collect(),
        };
        files.insert(name.to_owned(), (mode, lines));
    }
    files
}

#[test]
fn generated_merges_hold_what_git_says() {
    let counts = generate_merges(21, 60, false);
    let is_varied = counts.clean > 10 && counts.conflicts > 10 && counts.crossed > 3;
    assert!(is_varied, "{counts:?}");
}

/// `CHANGEGATE_MERGES` and `CHANGEGATE_SEED` make more and other merges.
#[test]
fn generated_merges_with_renames_hold_what_git_says() {
    let rounds = std::env::var("CHANGEGATE_MERGES").map_or(40, |rounds| rounds.parse().unwrap());
    let seed = std::env::var("CHANGEGATE_SEED").map_or(22, |seed| seed.parse().unwrap());
    let counts = generate_merges(seed, rounds, true);
    let is_varied = counts.clean > 5 && counts.conflicts > 5 && counts.crossed > 3;
    assert!(is_varied && counts.crossed_conflicts > 3, "{counts:?}");
}
