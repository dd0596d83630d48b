//! How what lands relates to what was approved: generated histories, changed as people change them with git, and each
//! relation that is found held against git's tree and against libgit2's own merge.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[allow(dead_code, reason = "not every test file needs all of it")]
mod lab;

use std::path::Path;
use std::process::{Command, Output};

use changegate::change::{ContentRelation, Oid};
use changegate::gate::signed_approvals::approved_commits::list_approved_commits;
use changegate::gate::signed_approvals::content_relations::{ContentComparison, RelatedCommits};
use changegate::git::Repository;
use lab::{Dice, oid};

fn try_git(folder: &Path, time: u64, args: &[&str]) -> Output {
    let date = format!("{} +0000", 1_700_000_000 + time);
    Command::new("git")
        .current_dir(folder)
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_EDITOR", "true")])
        .envs([("GIT_AUTHOR_NAME", "Ana"), ("GIT_AUTHOR_EMAIL", "ana@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Ana"), ("GIT_COMMITTER_EMAIL", "ana@example.com")])
        .env("GIT_AUTHOR_DATE", &date)
        .env("GIT_COMMITTER_DATE", &date)
        .output()
        .unwrap()
}

/// Runs git at a time of its own; it has to succeed.
fn git(folder: &Path, time: u64, args: &[&str]) -> String {
    let output = try_git(folder, time, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What is done to an approved series before it lands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Transformation {
    Rebase,
    Squash,
    Reword,
    /// Content is changed in the last commit of a rebased series.
    RebaseAndEdit,
    /// Content is changed in a squash.
    SquashAndEdit,
    /// Content is changed, and nothing else.
    Edit,
    /// The commits come in another order.
    Reorder,
    /// The first commit is left out.
    Drop,
}

const TRANSFORMATIONS: [Transformation; 8] = [
    Transformation::Rebase,
    Transformation::Squash,
    Transformation::Reword,
    Transformation::RebaseAndEdit,
    Transformation::SquashAndEdit,
    Transformation::Edit,
    Transformation::Reorder,
    Transformation::Drop,
];

struct Series {
    folder: tempfile::TempDir,
    base: Oid,
    approved: Oid,
}

/// Changes some lines of a few files.
fn edit_files(folder: &Path, dice: &mut Dice, by: &str) {
    for _ in 0..1 + dice.below(2) {
        let path = folder.join(format!("file{}", dice.below(3)));
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let at = dice.below(lines.len());
        match dice.below(3) {
            0 => lines.insert(at, format!("added by {by} {}", dice.below(1000))),
            1 if lines.len() > 10 => drop(lines.remove(at)),
            _ => lines[at] = format!("changed by {by} {}", dice.below(1000)),
        }
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
    }
}

/// Changes content in a way that is easily overlooked: white space, a moved line, a mode, a new file.
fn slip_in(folder: &Path, dice: &mut Dice) {
    let path = folder.join(format!("file{}", dice.below(3)));
    let text = std::fs::read_to_string(&path).unwrap();
    match dice.below(5) {
        0 => std::fs::write(&path, text.replacen(' ', "  ", 1)).unwrap(),
        1 => std::fs::write(&path, text.replacen('\n', " \n", 1)).unwrap(),
        2 => std::fs::write(&path, text.replacen("line", "l ine", 1)).unwrap(),
        3 => std::fs::write(folder.join("new"), "").unwrap(),
        _ => {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.swap(0, 1);
            std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        }
    }
}

/// Makes a base, a series of `length` commits upon it, and moves the branch on.
fn build_series(dice: &mut Dice, length: usize) -> Series {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    git(at, 0, &["init", "-q", "-b", "main"]);
    for file in 0..3 {
        let lines: Vec<String> = (0..60).map(|line| format!("line {line} of {file}")).collect();
        std::fs::write(at.join(format!("file{file}")), lines.join("\n") + "\n").unwrap();
    }
    git(at, 0, &["add", "-A"]);
    git(at, 1, &["commit", "-q", "-m", "Base"]);
    let base = oid(&git(at, 1, &["rev-parse", "HEAD"]));
    git(at, 1, &["checkout", "-q", "-b", "topic"]);
    for number in 0..length {
        edit_files(at, dice, "topic");
        let message = format!("Step {number}\n\nRisk: low");
        // Several commits of one second are common.
        let time = 10 + u64::try_from(number * dice.below(2)).unwrap();
        git(at, time, &["commit", "-q", "--allow-empty", "-a", "-m", &message]);
    }
    let approved = oid(&git(at, 1, &["rev-parse", "HEAD"]));
    git(at, 1, &["checkout", "-q", "main"]);
    for number in 0..dice.below(3) {
        edit_files(at, dice, "main");
        git(at, 50 + u64::try_from(number).unwrap(), &["commit", "-q", "--allow-empty", "-a", "-m", "Other"]);
    }
    Series { folder, base, approved }
}

/// Does something to the series; returns the new tip, or `None` where it meets a conflict.
fn transform(series: &Series, what: Transformation, dice: &mut Dice) -> Option<Oid> {
    let at = series.folder.path();
    git(at, 90, &["checkout", "-q", "-B", "landing", "topic"]);
    let rebase = |args: &[&str]| {
        let all: Vec<&str> = ["rebase", "-q"].iter().chain(args).copied().collect();
        let is_clean = try_git(at, 100, &all).status.success();
        if !is_clean {
            git(at, 100, &["rebase", "--abort"]);
        }
        is_clean
    };
    let amend = |dice: &mut Dice| {
        slip_in(at, dice);
        git(at, 110, &["add", "-A"]);
        git(at, 110, &["commit", "-q", "--amend", "--no-edit"]);
    };
    match what {
        Transformation::Rebase if !rebase(&["main"]) => return None,
        Transformation::Rebase => {}
        Transformation::RebaseAndEdit if !rebase(&["main"]) => return None,
        Transformation::RebaseAndEdit | Transformation::Edit => amend(dice),
        Transformation::Reword => {
            git(at, 110, &["commit", "-q", "--amend", "-m", "Other words\n\nRisk: low"]);
        }
        Transformation::Squash | Transformation::SquashAndEdit => {
            git(at, 100, &["checkout", "-q", "-B", "landing", "main"]);
            if !try_git(at, 100, &["merge", "-q", "--squash", "topic"]).status.success() {
                git(at, 100, &["reset", "-q", "--hard"]);
                return None;
            }
            git(at, 100, &["commit", "-q", "--allow-empty", "-m", "All of it\n\nRisk: low"]);
            if what == Transformation::SquashAndEdit {
                amend(dice);
            }
        }
        Transformation::Reorder => {
            git(at, 100, &["checkout", "-q", "-B", "landing", "main"]);
            for commit in ["topic", "topic~1"] {
                if !try_git(at, 100, &["cherry-pick", "--allow-empty", "--keep-redundant-commits", commit])
                    .status
                    .success()
                {
                    git(at, 100, &["cherry-pick", "--abort"]);
                    return None;
                }
            }
        }
        Transformation::Drop => {
            if !rebase(&["--onto", "main", "topic~1", "landing"]) {
                return None;
            }
        }
    }
    Some(oid(&git(at, 120, &["rev-parse", "HEAD"])))
}

fn to_git2(id: Oid) -> git2::Oid {
    git2::Oid::from_bytes(id.as_bytes()).unwrap()
}

/// Returns the tree that libgit2 gets when it picks the difference between two trees onto a third one.
fn pick_by_libgit2(at: &Path, base: git2::Oid, onto: git2::Oid, theirs: git2::Oid) -> Option<git2::Oid> {
    let repository = git2::Repository::open(at).unwrap();
    let tree = |id| repository.find_tree(id).unwrap();
    let options = git2::MergeOptions::new();
    let mut index = repository.merge_trees(&tree(base), &tree(onto), &tree(theirs), Some(&options)).unwrap();
    if index.has_conflicts() { None } else { Some(index.write_tree_to(&repository).unwrap()) }
}

/// Checks that a commit, said to relate, is what libgit2 makes of some approved commit.
fn check_relation(series: &Series, id: Oid, relation: &ContentRelation) {
    let at = series.folder.path();
    let repository = git2::Repository::open(at).unwrap();
    let new = repository.find_commit(to_git2(id)).unwrap();
    let approved = repository.find_commit(to_git2(series.approved)).unwrap();
    let base = repository.find_commit(to_git2(series.base)).unwrap();
    let mut old = vec![approved.clone()];
    while let Some(parent) = old.last().unwrap().parents().next()
        && parent.id() != base.id()
    {
        old.push(parent);
    }
    let parent_tree = |commit: &git2::Commit<'_>| commit.parent(0).unwrap().tree_id();
    let holds = match relation {
        ContentRelation::MessageOnly => {
            old.iter().any(|one| one.tree_id() == new.tree_id() && one.parent_ids().eq(new.parent_ids()))
        }
        ContentRelation::SameTree => old.iter().any(|one| one.tree_id() == new.tree_id()),
        ContentRelation::CleanRebase => old.iter().any(|one| {
            let made = pick_by_libgit2(at, parent_tree(one), parent_tree(&new), one.tree_id());
            made == Some(new.tree_id())
        }),
        ContentRelation::Squash => {
            let made = pick_by_libgit2(at, base.tree_id(), parent_tree(&new), approved.tree_id());
            made == Some(new.tree_id())
        }
        other => panic!("{other:?} is no relation of one commit"),
    };
    assert!(holds, "{id} is no {relation:?}, says libgit2");
}

/// Returns what is found of the commits between the branch and `tip`.
fn relate(series: &Series, tip: Oid) -> (Vec<Oid>, RelatedCommits) {
    let repository = Repository::discover_from(series.folder.path()).unwrap();
    let main = oid(&git(series.folder.path(), 1, &["rev-parse", "main"]));
    let new = list_approved_commits(&repository, main, tip).unwrap();
    let ids = new.iter().map(|commit| commit.id.unwrap()).collect();
    let approved = list_approved_commits(&repository, series.base, series.approved).unwrap();
    let mut comparison = ContentComparison::new(&repository, new).unwrap();
    (ids, comparison.relate(series.base, series.approved, approved).unwrap())
}

#[test]
fn no_other_content_is_ever_called_the_same() {
    let (mut compared, mut carried) = (0, 0);
    for seed in 0..25 {
        let mut dice = Dice::new(seed + 1);
        let length = 2 + dice.below(2);
        let series = build_series(&mut dice, length);
        for what in TRANSFORMATIONS {
            let Some(tip) = transform(&series, what, &mut dice) else { continue };
            let (ids, related) = relate(&series, tip);
            for (id, relation) in &related.same {
                check_relation(&series, *id, relation);
            }
            for (run, relation) in &related.together {
                if let ContentRelation::Squash = relation {
                    run.iter().for_each(|id| check_relation(&series, *id, relation));
                }
            }
            compared += 1;
            let is_covered = |id: &Oid| {
                related.same.contains_key(id) || related.together.iter().any(|(run, _)| run.contains(id))
            };
            let is_whole = ids.iter().all(is_covered);
            match what {
                Transformation::Rebase | Transformation::Squash | Transformation::Reword => {
                    assert!(is_whole, "seed {seed}, {what:?}: {ids:?} {related:?}");
                    carried += 1;
                }
                // What was slipped in is in the last commit. It can be taken back by chance, and then the tree is equal.
                Transformation::RebaseAndEdit | Transformation::SquashAndEdit | Transformation::Edit => {
                    assert!(!is_covered(&tip), "seed {seed}, {what:?}: {related:?}");
                }
                Transformation::Reorder | Transformation::Drop => {}
            }
        }
    }
    assert!(compared > 80 && carried > 25, "{compared} {carried}");
}
