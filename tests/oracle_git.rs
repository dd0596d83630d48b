//! What is read from a repository, held against what git and libgit2 say of the same one.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

mod lab;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use changegate::change::{FactKind, NeededFacts, Oid, PathEntryKind, Text};
use changegate::git::second_reader::compare_readers;
use changegate::git::{
    CommitRange, FileAtPath, HeadState, ObjectFormat, ObjectQuarantine, PeeledObject, Repository,
};
use lab::{Dice, Lab, commit, oid};

fn needs(needs: &[FactKind]) -> NeededFacts {
    needs.iter().copied().collect()
}

/// A history without files, and what leads to what in it.
struct Dag {
    lab: Lab,
    parents: Vec<Vec<usize>>,
    ids: Vec<Oid>,
    index: HashMap<Oid, usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Dates {
    Honest,
    AllEqual,
    Random,
}

impl Dag {
    fn new(seed: u64, size: usize, dates: Dates) -> Dag {
        let mut dice = Dice::new(seed);
        let mut stream = Vec::new();
        let mut parents = Vec::new();
        for mark in 1..=size {
            let wanted = match dice.below(20) {
                // A long history is to have one root, so that its tip leads to most of it.
                0 if size < 1000 => 0,
                0 => 1,
                1..=12 => 1,
                13..=17 => 2,
                18 => 3,
                _ => 4,
            };
            let mut chosen: Vec<usize> = Vec::new();
            for _ in 0..wanted.min(mark - 1) {
                let reach = if dice.below(4) == 0 { mark - 1 } else { 6.min(mark - 1) };
                let parent = mark - 1 - dice.below(reach);
                if !chosen.contains(&parent) {
                    chosen.push(parent);
                }
            }
            let date = match dates {
                Dates::Honest => 1_600_000_000 + mark as u64,
                Dates::AllEqual => 1_600_000_000,
                Dates::Random => dice.below(2_000_000_000) as u64,
            };
            commit(&mut stream, mark, date, &chosen, b"");
            parents.push(chosen.into_iter().map(|mark| mark - 1).collect());
        }
        let lab = Lab::with_format(if seed.is_multiple_of(3) { "sha256" } else { "sha1" });
        let marks = lab.import(&stream);
        let ids: Vec<Oid> = (1..=size).map(|mark| marks[&mark]).collect();
        // Refs for all heads, so that a commit-graph has everything in it.
        let mut refs = String::new();
        for (number, id) in ids.iter().enumerate() {
            writeln!(refs, "create refs/all/{number} {id}").unwrap();
        }
        lab.run(&lab.dir, &["update-ref", "--stdin"], refs.as_bytes());
        let index = ids.iter().enumerate().map(|(index, id)| (*id, index)).collect();
        Dag { lab, parents, ids, index }
    }

    fn reachable(&self, tips: &[usize]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut stack = tips.to_vec();
        while let Some(index) = stack.pop() {
            if found.insert(index) {
                stack.extend(&self.parents[index]);
            }
        }
        found
    }

    fn check(&self, repository: &Repository, new: usize, hidden: &[usize], exact: bool) -> Vec<Oid> {
        let expected: BTreeSet<usize> = &self.reachable(&[new]) - &self.reachable(hidden);
        let hidden_ids: Vec<Oid> = hidden.iter().map(|index| self.ids[*index]).collect();
        let listed: Vec<Oid> = repository
            .list_new_commits(self.ids[new], &hidden_ids)
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let found: BTreeSet<usize> = listed.iter().map(|id| self.index[id]).collect();
        assert_eq!(found.len(), listed.len(), "a commit is listed twice");
        assert!(expected.is_subset(&found), "{new} without {hidden:?} misses a commit");
        assert!(!exact || expected == found, "{new} without {hidden:?}: {found:?}, not {expected:?}");
        self.check_steps(repository, new, &hidden_ids, &found);
        listed
    }

    fn check_steps(&self, repository: &Repository, new: usize, hidden: &[Oid], found: &BTreeSet<usize>) {
        let steps = repository.list_steps(self.ids[new], hidden).unwrap();
        let steps: Vec<Vec<usize>> =
            steps.iter().map(|step| step.iter().map(|id| self.index[id]).collect()).collect();
        let mut tip = found.contains(&new).then_some(new);
        let mut seen = BTreeSet::new();
        for step in steps.iter().rev() {
            assert_eq!(step.last().copied(), tip, "a step does not end with its tip");
            let first_parent = self.parents[step[step.len() - 1]].first().copied();
            let below: Vec<usize> = first_parent.into_iter().collect();
            let mine = &self.reachable(&[step[step.len() - 1]]) - &self.reachable(&below);
            assert_eq!(step.iter().copied().collect::<BTreeSet<_>>(), &mine & found);
            for (at, index) in step.iter().enumerate() {
                assert!(seen.insert(*index), "a commit is in two steps");
                assert!(self.parents[*index].iter().all(|parent| !step[at..].contains(parent)));
            }
            tip = first_parent.filter(|parent| found.contains(parent));
        }
        assert_eq!(tip, None, "steps are missing");
        assert_eq!(&seen, found, "the steps are not all that is new");
    }
}

fn to_git2(id: Oid) -> git2::Oid {
    git2::Oid::from_bytes(id.as_bytes()).unwrap()
}

/// Returns the commits that `new` leads to and `hidden` do not, as libgit2 walks them.
fn list_by_libgit2(lab: &Lab, new: Oid, hidden: &[Oid]) -> BTreeSet<Oid> {
    let repository = git2::Repository::open(&lab.dir).unwrap();
    let mut walk = repository.revwalk().unwrap();
    walk.push(to_git2(new)).unwrap();
    for id in hidden {
        walk.hide(to_git2(*id)).unwrap();
    }
    walk.map(|id| Oid::from_bytes(id.unwrap().as_bytes()).unwrap()).collect()
}

#[test]
fn new_commits_are_those_that_git_would_list() {
    for seed in 0..24 {
        let dates = [Dates::Honest, Dates::AllEqual, Dates::Random][seed as usize % 3];
        let size = 20 + seed as usize * 2;
        let dag = Dag::new(seed, size, dates);
        let mut dice = Dice::new(seed + 1000);
        let questions: Vec<(usize, Vec<usize>)> = (0..12)
            .map(|_| {
                let hidden = dice.below(4);
                (dice.below(size), (0..hidden).map(|_| dice.below(size)).collect())
            })
            .collect();
        let repository = dag.lab.open();
        let without: Vec<_> =
            questions.iter().map(|(new, hidden)| dag.check(&repository, *new, hidden, true)).collect();
        if dates == Dates::Honest {
            for ((new, hidden), listed) in questions.iter().zip(&without) {
                let mut args = vec!["rev-list".to_owned(), dag.ids[*new].to_string(), "--not".to_owned()];
                args.extend(hidden.iter().map(|index| dag.ids[*index].to_string()));
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                let by_git: BTreeSet<Oid> = dag.lab.git(&args).lines().map(oid).collect();
                assert_eq!(by_git, listed.iter().copied().collect());
                if dag.lab.git(&["rev-parse", "--show-object-format"]) == "sha1" {
                    let hidden: Vec<Oid> = hidden.iter().map(|index| dag.ids[*index]).collect();
                    assert_eq!(list_by_libgit2(&dag.lab, dag.ids[*new], &hidden), by_git);
                }
            }
        }
        dag.lab.git(&["commit-graph", "write", "--reachable"]);
        let repository = dag.lab.open();
        let with: Vec<_> =
            questions.iter().map(|(new, hidden)| dag.check(&repository, *new, hidden, true)).collect();
        assert_eq!(with, without, "a commit-graph changes the answer");
    }
}

#[test]
fn with_wrong_clocks_no_new_commit_is_missed() {
    for seed in 100..104 {
        let dag = Dag::new(seed, 700, Dates::Random);
        let mut dice = Dice::new(seed);
        let questions: Vec<(usize, Vec<usize>)> =
            (0..10).map(|_| (400 + dice.below(300), vec![dice.below(700), dice.below(500)])).collect();
        let repository = dag.lab.open();
        for (new, hidden) in &questions {
            dag.check(&repository, *new, hidden, false);
        }
        dag.lab.git(&["commit-graph", "write", "--reachable"]);
        let repository = dag.lab.open();
        for (new, hidden) in &questions {
            dag.check(&repository, *new, hidden, true);
        }
    }
}

#[test]
fn a_push_on_top_of_the_tip_reads_nothing_below() {
    let lab = Lab::new();
    let tree = lab.write("tree", b"");
    let missing = "1".repeat(40);
    let who = "A <a@x> 1700000000 +0000";
    let text = |parent: &str| format!("tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nx\n");
    let tip = lab.write("commit", text(&missing).as_bytes());
    let new = lab.write("commit", text(&tip.to_string()).as_bytes());
    let listed: Vec<Oid> = lab.open().list_new_commits(new, &[tip]).unwrap().map(Result::unwrap).collect();
    assert_eq!(listed, [new]);
    assert!(lab.open().list_new_commits(new, &[]).unwrap().any(|next| next.is_err()));
    assert!(lab.open().list_steps(new, &[]).is_err());
}

#[test]
fn commits_are_streamed_in_order_whatever_the_threads() {
    let dag = Dag::new(7, 4000, Dates::Honest);
    let repository = dag.lab.open();
    let widest = (3950..4000).max_by_key(|index| dag.reachable(&[*index]).len()).unwrap();
    let tip = dag.ids[widest];
    let listed: Vec<Oid> = repository.list_new_commits(tip, &[]).unwrap().map(Result::unwrap).collect();
    assert!(1100 < listed.len());
    let hidden = [dag.ids[300]];
    let rest: Vec<Oid> = repository.list_new_commits(tip, &hidden).unwrap().map(Result::unwrap).collect();
    for threads in [|| 1, || 2, || 5] {
        for (hidden, expected) in [(&[][..], &listed), (&hidden[..], &rest)] {
            let mut streamed = Vec::new();
            let range = CommitRange { tip, hidden_tips: hidden, trusted_keys: None };
            let judge = |read: Result<changegate::change::Commit, _>| read.unwrap().id.unwrap();
            repository
                .for_each_commit(range, &NeededFacts::new(), threads, judge, |id| {
                    streamed.push(id);
                    Ok(())
                })
                .unwrap();
            assert_eq!(&streamed, expected);
        }
        let mut count = 0;
        let range = CommitRange { tip, hidden_tips: &[], trusted_keys: None };
        let stopped = repository.for_each_commit(range, &NeededFacts::new(), threads, drop, |()| {
            count += 1;
            if count == 1100 { anyhow::bail!("enough") } else { Ok(()) }
        });
        assert_eq!((stopped.unwrap_err().to_string().as_str(), count), ("enough", 1100));
        let mut steps = Vec::new();
        repository
            .for_each_step(
                range,
                &NeededFacts::new(),
                threads,
                |step| step.len(),
                |length| {
                    steps.push(length);
                    Ok(())
                },
            )
            .unwrap();
        let expected: Vec<usize> = repository.list_steps(tip, &[]).unwrap().iter().map(Vec::len).collect();
        assert_eq!(steps, expected);
    }
}

/// A history with files, in which everything happens to them.
fn changing_files(seed: u64, format: &str) -> (Lab, Vec<Oid>) {
    let mut dice = Dice::new(seed);
    let mut stream = Vec::new();
    let names =
        ["a", "a/b", "a-b", "a/c/d", "dir/x.rs", "dir/\u{43a}\u{43b}\u{44e}\u{447}", "z z", "dir/deep/er/q"];
    let mut parents: Vec<Vec<usize>> = Vec::new();
    for mark in 1..=30 {
        let mut files = Vec::new();
        for _ in 0..1 + dice.below(4) {
            let name = names[dice.below(names.len())];
            let mode = ["100644", "100644", "100755", "120000", "160000"][dice.below(5)];
            use std::io::Write as _;
            if dice.below(5) == 0 {
                writeln!(files, "D \"{name}\"").unwrap();
            } else if mode == "160000" {
                let digits = if format == "sha1" { 40 } else { 64 };
                writeln!(files, "M {mode} {} \"{name}\"", "abcdef0123"[dice.below(8)..][..1].repeat(digits))
                    .unwrap();
            } else {
                let mut text = String::new();
                for _ in 0..dice.below(12) {
                    writeln!(text, "line {}", dice.below(6)).unwrap();
                }
                if dice.below(6) == 0 {
                    text.push('\0');
                }
                writeln!(files, "M {mode} inline \"{name}\"\ndata {}\n{text}", text.len()).unwrap();
            }
        }
        let chosen: Vec<usize> = match dice.below(8) {
            _ if mark == 1 => vec![],
            0 => vec![mark - 1, 1 + dice.below(mark - 1)],
            _ => vec![mark - 1],
        };
        let mut chosen = chosen;
        chosen.dedup();
        commit(&mut stream, mark, 1_600_000_000 + mark as u64, &chosen, &files);
        parents.push(chosen);
    }
    let lab = Lab::with_format(format);
    let marks = lab.import(&stream);
    (lab, (1..=30).map(|mark| marks[&mark]).collect())
}

fn mode(kind: Option<PathEntryKind>) -> &'static str {
    match kind {
        None => "000000",
        Some(PathEntryKind::File) => "100644",
        Some(PathEntryKind::Executable) => "100755",
        Some(PathEntryKind::Symlink) => "120000",
        Some(PathEntryKind::Submodule) => "160000",
        Some(PathEntryKind::Unknown) => panic!("git always tells"),
    }
}

/// Returns what a commit changes, as libgit2 compares the trees: path, modes, and both ids.
fn diff_by_libgit2(lab: &Lab, parent: Option<Oid>, id: Oid) -> Vec<(String, String, String, String)> {
    let repository = git2::Repository::open(&lab.dir).unwrap();
    let tree = |id: Oid| repository.find_commit(to_git2(id)).unwrap().tree().unwrap();
    let before = parent.map(tree);
    let mut options = git2::DiffOptions::new();
    options.include_typechange(true);
    let diff = repository.diff_tree_to_tree(before.as_ref(), Some(&tree(id)), Some(&mut options)).unwrap();
    // It lists a submodule that stays at the null id as modified.
    let is_change = |delta: &git2::DiffDelta<'_>| {
        (delta.old_file().mode(), delta.old_file().id()) != (delta.new_file().mode(), delta.new_file().id())
    };
    diff.deltas()
        .filter(is_change)
        .map(|delta| {
            let (old, new) = (delta.old_file(), delta.new_file());
            let modes = [&old, &new].map(|file| format!("{:06o}", u32::from(file.mode())));
            let path = String::from_utf8(new.path_bytes().unwrap().to_vec()).unwrap();
            (path, modes.join(" "), old.id().to_string(), new.id().to_string())
        })
        .collect()
}

#[test]
fn refs_commits_and_tree_entries_are_those_of_libgit2() {
    for seed in 0..4 {
        let (lab, commits) = changing_files(seed, "sha1");
        lab.git(&["update-ref", "refs/heads/main", &commits[29].to_string()]);
        lab.git(&["update-ref", "refs/heads/older", &commits[10].to_string()]);
        let compared = compare_readers(&lab.open(), "refs/changegate/ledger", &mut || ()).unwrap();
        assert_eq!(compared.differences, []);
        let trees = lab.git(&["rev-list", "--all", "--objects", "--filter=blob:none"]).lines().count();
        assert!(compared.commits >= 10);
        assert_eq!(compared.commits + compared.trees, trees);
    }
}

#[test]
fn paths_and_lines_are_those_of_git_diff() {
    let mut exact = 0;
    for seed in 0..8 {
        let format = if seed % 2 == 0 { "sha1" } else { "sha256" };
        let (lab, commits) = changing_files(seed, format);
        let repository = lab.open();
        let wanted = needs(&[FactKind::Paths, FactKind::Lines, FactKind::Blobs]);
        let empty = lab.git(&["hash-object", "-t", "tree", "/dev/null"]);
        for id in commits {
            let commit = repository.read_commit(id, &wanted).unwrap();
            let before = commit.parents.first().map_or(empty.clone(), Oid::to_string);
            let after = id.to_string();
            let null = "0".repeat(after.len());
            let mut ours = Vec::new();
            for path in commit.paths.as_ref().unwrap() {
                let shown = |entry: Option<changegate::change::PathEntry>| {
                    (mode(entry.map(|it| it.kind)), entry.map_or(null.clone(), |it| it.id.to_string()))
                };
                let (before, after) = (shown(path.before), shown(path.after));
                ours.push((
                    path.path.to_lossy().into_owned(),
                    [before.0, after.0].join(" "),
                    before.1,
                    after.1,
                ));
            }
            let raw =
                lab.git(&["diff-tree", "-r", "--no-renames", "--raw", "--no-abbrev", "-z", &before, &after]);
            let fields: Vec<&str> = raw.split_terminator('\0').collect();
            let theirs: Vec<_> = fields
                .chunks(2)
                .map(|pair| {
                    let words: Vec<&str> = pair[0][1..].split(' ').collect();
                    (
                        pair[1].to_owned(),
                        [words[0], words[1]].join(" "),
                        words[2].to_owned(),
                        words[3].to_owned(),
                    )
                })
                .collect();
            assert_eq!(ours, theirs, "{id}");
            if format == "sha1" {
                assert_eq!(ours, diff_by_libgit2(&lab, commit.parents.first().copied(), id), "{id}");
            }

            let numstat = lab.git(&["diff-tree", "-r", "--no-renames", "--numstat", "-z", &before, &after]);
            // Git counts no lines of what is no text; see `what_has_no_lines_counts_by_its_bytes`.
            let is_text = !numstat.split_terminator('\0').any(|line| line.starts_with('-'));
            let mut expected = (0, 0);
            for line in numstat.split_terminator('\0') {
                let words: Vec<&str> = line.split('\t').collect();
                expected.0 += words[0].parse::<u64>().unwrap_or(0);
                expected.1 += words[1].parse::<u64>().unwrap_or(0);
            }
            let lines = commit.lines.unwrap();
            // These files are all repetition, where the two may choose differently; see `lines.rs`.
            let balance = (lines.added + expected.1, expected.0 + lines.removed);
            assert!(!is_text || balance.0 == balance.1, "{id}: {numstat:?}");
            let apart = lines.added.abs_diff(expected.0);
            assert!(!is_text || apart <= 3, "{id}: {lines:?}, not {expected:?}");
            exact += usize::from(!is_text || apart == 0);

            for path in commit.paths.unwrap() {
                let blob = path.blob.unwrap();
                if let Some(entry) = path.after.filter(|entry| entry.kind != PathEntryKind::Submodule) {
                    let content = lab.run(&lab.dir, &["cat-file", "blob", &entry.id.to_string()], b"");
                    assert_eq!(blob.size, content.len() as u64);
                    assert_eq!(blob.start.unwrap().as_bytes(), &content[..content.len().min(1024)]);
                }
            }
        }
    }
    assert!(220 < exact, "only {exact} of 240 commits have git's own counts");
}

#[test]
fn permissions_that_git_ignores_change_nothing() {
    let lab = Lab::new();
    let blob = lab.write("blob", b"x");
    let tree = |mode: &str| {
        let mut raw = format!("{mode} f\0").into_bytes();
        raw.extend_from_slice(blob.as_bytes());
        lab.write("tree", &raw)
    };
    let who = "A <a@x> 1 +0000";
    let parent =
        lab.write("commit", format!("tree {}\nauthor {who}\ncommitter {who}\n\n", tree("100644")).as_bytes());
    for (mode, changed) in [("100664", 0), ("100775", 1)] {
        let text = format!("tree {}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n", tree(mode));
        let id = lab.write("commit", text.as_bytes());
        let commit = lab.open().read_commit(id, &needs(&[FactKind::Paths])).unwrap();
        assert_eq!(commit.paths.unwrap().len(), changed, "{mode}");
    }
}

#[test]
fn what_nobody_asked_for_is_a_gap() {
    let (lab, commits) = changing_files(1, "sha1");
    let commit = lab.open().read_commit(commits[3], &NeededFacts::new()).unwrap();
    assert!(commit.paths.is_err() && commit.lines.is_err() && commit.evil_merge_paths.is_err());
    assert!(commit.signature.is_err());
    assert_eq!(commit.message.raw(), &Text::from("commit 4\n\nRisk: low\n"));
    assert_eq!(
        (commit.author.email, commit.committer.email),
        ("ana@example.com".into(), "bob@example.com".into())
    );
    assert_eq!(
        lab.open().read_raw_commit(commits[3]).unwrap(),
        lab.run(&lab.dir, &["cat-file", "commit", &commits[3].to_string()], b"")
    );
}

#[test]
fn what_has_no_lines_counts_by_its_bytes() {
    let lab = Lab::new();
    let who = "A <a@x> 1 +0000";
    let write_commit = |content: Option<&[u8]>, parent: &str| {
        let mut raw = Vec::new();
        if let Some(content) = content {
            raw.extend_from_slice(b"100644 f\0");
            raw.extend_from_slice(lab.write("blob", content).as_bytes());
        }
        let tree = lab.write("tree", &raw);
        lab.write("commit", format!("tree {tree}\n{parent}author {who}\ncommitter {who}\n\n").as_bytes())
    };
    let binary = |bytes: usize| [vec![0], vec![b'x'; bytes - 1]].concat();
    let line = |bytes: usize| [vec![b'x'; bytes - 1], b"\n".to_vec()].concat();
    for (before, after, expected) in [
        (None, Some(binary(800)), (10, 0)),
        (Some(binary(801)), None, (0, 11)),
        (Some(binary(80)), Some(binary(1)), (1, 1)),
        (Some(b"a\nb\n".to_vec()), Some(binary(8_000)), (100, 1)),
        (None, Some(line(1_000)), (1, 0)),
        (None, Some(line(1_001)), (13, 0)),
        (Some(line(500_000)), Some([line(500_000), line(2)].concat()), (1, 0)),
    ] {
        let parent = write_commit(before.as_deref(), "");
        let id = write_commit(after.as_deref(), &format!("parent {parent}\n"));
        let lines = lab.open().read_commit(id, &needs(&[FactKind::Lines])).unwrap().lines.unwrap();
        assert_eq!((lines.added, lines.removed), expected);
    }
}

#[test]
fn a_large_file_is_not_opened() {
    let lab = Lab::new();
    let size = (1 << 20) + 1;
    let mut files = format!("M 100644 inline text\ndata {size}\n").into_bytes();
    files.extend(std::iter::repeat_n(b'\n', size));
    let mut stream = Vec::new();
    commit(&mut stream, 1, 1, &[], &files);
    let binary = [format!("\nM 100644 inline image\ndata {size}\n").into_bytes(), vec![0; size]].concat();
    commit(&mut stream, 2, 2, &[], &binary);
    let marks = lab.import(&stream);
    let wanted = needs(&[FactKind::Paths, FactKind::Lines, FactKind::Blobs]);
    let text = lab.open().read_commit(marks[&1], &wanted).unwrap();
    let blob = text.paths.unwrap()[0].blob.clone().unwrap();
    assert_eq!((blob.size, blob.start), (size as u64, None));
    assert!(text.lines.is_err());
    assert_eq!(
        lab.open().read_file_at(marks[&1], "text", 1 << 20).unwrap(),
        FileAtPath::TooLarge(size as u64)
    );
    let binary = lab.open().read_commit(marks[&2], &wanted).unwrap();
    assert_eq!(binary.lines.unwrap().added, (size as u64).div_ceil(80));
}

#[test]
fn a_file_is_a_regular_file_below_real_directories() {
    let lab = Lab::new();
    let mut stream = Vec::new();
    let files = "M 100644 inline policies/changegate.yml\ndata 2\nok\n\
        M 100755 inline run\ndata 1\nx\n\
        M 120000 inline alias.yml\ndata 23\npolicies/changegate.yml\n\
        M 120000 inline linked\ndata 8\npolicies\n\
        M 160000 1111111111111111111111111111111111111111 module\n";
    commit(&mut stream, 1, 1, &[], files.as_bytes());
    let id = lab.import(&stream)[&1];
    let repository = lab.open();
    let at = |path| repository.read_file_at(id, path, 100).unwrap();
    assert_eq!(at("policies/changegate.yml"), FileAtPath::Found(b"ok".to_vec()));
    assert_eq!(at("run"), FileAtPath::Found(b"x".to_vec()));
    for absent in
        ["x", "policies/x", "", "/run", "policies/", "./run", "policies/../run", "Policies/changegate.yml"]
    {
        assert_eq!(at(absent), FileAtPath::Absent, "{absent}");
    }
    for other in ["alias.yml", "linked", "linked/changegate.yml", "module", "module/x", "policies", "run/x"] {
        assert!(matches!(at(other), FileAtPath::NotAFile(_)), "{other}");
    }
    assert_eq!(repository.read_file_at(id, "run", 0).unwrap(), FileAtPath::TooLarge(1));
}

#[test]
fn refs_are_found_by_their_full_names_only() {
    let (lab, commits) = changing_files(2, "sha1");
    let [one, two] = [commits[0].to_string(), commits[1].to_string()];
    lab.git(&["update-ref", "refs/heads/main", &one]);
    lab.git(&["update-ref", "refs/tags/main", &two]);
    lab.git(&["update-ref", "refs/tags/refs/heads/trap", &two]);
    lab.git(&["symbolic-ref", "refs/heads/master", "refs/heads/main"]);
    lab.git(&["symbolic-ref", "refs/heads/early", "refs/heads/late"]);
    lab.git(&["symbolic-ref", "refs/heads/ring", "refs/heads/ring"]);
    for packed in [false, true] {
        if packed {
            lab.git(&["pack-refs", "--all"]);
        }
        let repository = lab.open();
        let at = |name: &str| {
            let found = repository.resolve_ref(name.as_bytes()).unwrap();
            (found.name.to_lossy().into_owned(), found.id)
        };
        assert_eq!(at("refs/heads/main"), ("refs/heads/main".into(), Some(commits[0])));
        assert_eq!(at("refs/heads/master"), ("refs/heads/main".into(), Some(commits[0])));
        assert_eq!(at("HEAD"), ("refs/heads/main".into(), Some(commits[0])));
        assert_eq!(at("refs/heads/early"), ("refs/heads/late".into(), None));
        assert_eq!(at("refs/heads/trap"), ("refs/heads/trap".into(), None));
        assert!(repository.resolve_ref(b"refs/heads/ring").is_err());
        assert!(repository.resolve_ref(b"refs/heads/a..b").is_err());
        assert!(repository.resolve_ref(b"main").map_or(true, |found| found.id.is_none()));
        let tags = repository.list_refs("refs/tags/").unwrap();
        let tags: Vec<_> = tags.iter().map(|tag| (tag.name.to_lossy().into_owned(), tag.id)).collect();
        let expected =
            ["refs/tags/main", "refs/tags/refs/heads/trap"].map(|name| (name.to_owned(), Some(commits[1])));
        assert_eq!(tags, expected);
        assert!(
            matches!(repository.read_head().unwrap(), HeadState::Branch(branch) if branch.id == Some(commits[0]))
        );
    }
    lab.git(&["symbolic-ref", "-d", "refs/heads/ring"]);
    lab.git(&["update-ref", "--no-deref", "HEAD", &two]);
    assert_eq!(lab.open().read_head().unwrap(), HeadState::Detached(commits[1]));
}

#[test]
fn tags_are_peeled_but_not_for_ever() {
    let (lab, commits) = changing_files(3, "sha1");
    let tag = |kind: &str, id: Oid, name: usize| {
        lab.write(
            "tag",
            format!("object {id}\ntype {kind}\ntag t{name}\ntagger A <a@x> 1 +0000\n\nx\n").as_bytes(),
        )
    };
    let repository = lab.open();
    let mut id = tag("commit", commits[0], 0);
    assert_eq!(repository.peel_tags(id).unwrap(), PeeledObject::Commit(commits[0]));
    assert_eq!(repository.peel_tags(commits[0]).unwrap(), PeeledObject::Commit(commits[0]));
    for depth in 1..40 {
        id = tag("tag", id, depth);
    }
    assert!(matches!(lab.open().peel_tags(id).unwrap(), PeeledObject::Other(_)));
    let blob = lab.write("blob", b"x");
    let tagged = tag("blob", blob, 0);
    assert_eq!(lab.open().peel_tags(tagged).unwrap(), PeeledObject::Other("blob"));
    let nowhere = tag("commit", oid(&"1".repeat(40)), 0);
    assert_eq!(lab.open().peel_tags(nowhere).unwrap(), PeeledObject::Missing);
    assert!(lab.open().peel_tags(oid(&"1".repeat(64))).is_err(), "an id of another format");
}

#[test]
fn replace_refs_and_grafts_show_nothing_else() {
    let (lab, commits) = changing_files(4, "sha1");
    let [reviewed, pushed] = [commits[2], commits[5]];
    let before = lab.open().read_commit(pushed, &needs(&[FactKind::Paths])).unwrap();
    lab.git(&["replace", &pushed.to_string(), &reviewed.to_string()]);
    std::fs::write(lab.dir.join("info/grafts"), format!("{}\n", commits[9])).unwrap();
    let repository = lab.open();
    assert_eq!(repository.read_commit(pushed, &needs(&[FactKind::Paths])).unwrap(), before);
    let listed = repository.list_new_commits(commits[9], &[]).unwrap().count();
    lab.git(&["replace", "-d", &pushed.to_string()]);
    std::fs::remove_file(lab.dir.join("info/grafts")).unwrap();
    let by_git = lab.git(&["rev-list", "--count", &commits[9].to_string()]);
    assert_eq!(listed.to_string(), by_git);
    assert_eq!(repository.resolve_revision(&pushed.short_hex()).unwrap(), pushed);
}

#[test]
fn a_push_is_seen_in_its_quarantine() {
    for format in ["sha1", "sha256"] {
        for unpack in ["1", "100"] {
            let (lab, commits) = changing_files(5, format);
            lab.git(&["update-ref", "refs/heads/main", &commits[20].to_string()]);
            lab.git(&["config", "receive.unpackLimit", unpack]);
            let clone = lab.home().join("clone");
            lab.run(lab.home(), &["clone", "-q", lab.dir.to_str().unwrap(), clone.to_str().unwrap()], b"");
            std::fs::write(clone.join("new file"), "new\n").unwrap();
            lab.run(&clone, &["add", "new file"], b"");
            lab.run(&clone, &["commit", "-q", "-m", "pushed"], b"");
            let kept = lab.home().join("kept");
            let hook = lab.dir.join("hooks/pre-receive");
            let script = format!("#!/bin/sh\ncp -r \"$GIT_OBJECT_DIRECTORY\" '{}'\nexit 1\n", kept.display());
            std::fs::write(&hook, script).unwrap();
            std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            assert!(!lab.output(&clone, &["push", "-q", "origin", "HEAD:main"], b"").status.success());
            let tip =
                oid(std::str::from_utf8(&lab.run(&clone, &["rev-parse", "HEAD"], b"")).unwrap().trim_end());

            assert!(lab.open().read_commit(tip, &NeededFacts::new()).is_err(), "it is not in the main store");
            assert_eq!(lab.open().peel_tags(tip).unwrap(), PeeledObject::Missing);
            let quarantine = ObjectQuarantine { object_dir: kept, alternates: vec![lab.dir.join("objects")] };
            let repository = Repository::open_at(&lab.dir, Some(&quarantine)).unwrap();
            assert_eq!(repository.peel_tags(tip).unwrap(), PeeledObject::Commit(tip));
            let listed: Vec<Oid> =
                repository.list_new_commits(tip, &[commits[20]]).unwrap().map(Result::unwrap).collect();
            assert_eq!(listed, [tip]);
            let commit = repository.read_commit(tip, &needs(&[FactKind::Paths, FactKind::Lines])).unwrap();
            assert_eq!(commit.paths.unwrap()[0].path, Text::from("new file"));
            assert_eq!(commit.lines.unwrap().added, 1);
            assert_eq!(
                repository.read_file_at(tip, "new file", 10).unwrap(),
                FileAtPath::Found(b"new\n".to_vec())
            );
        }
    }
}

#[test]
fn alternates_are_followed() {
    let (lab, commits) = changing_files(6, "sha1");
    let borrower = Lab::new();
    std::fs::write(
        borrower.dir.join("objects/info/alternates"),
        format!("{}\n", lab.dir.join("objects").display()),
    )
    .unwrap();
    assert!(borrower.open().read_commit(commits[7], &needs(&[FactKind::Paths])).unwrap().paths.is_ok());
}

#[test]
fn the_commit_graph_of_an_alternate_is_read() {
    let (lab, commits) = changing_files(6, "sha1");
    lab.git(&["update-ref", "refs/heads/main", &commits[20].to_string()]);
    lab.git(&["commit-graph", "write", "--reachable"]);
    let (lender, borrower) = (Lab::new(), Lab::new());
    // Nothing has the commits themselves, so only the graph knows their parents.
    let graph = "objects/info/commit-graph";
    std::fs::copy(lab.dir.join(graph), lender.dir.join(graph)).unwrap();
    let list = format!("{}\n", lender.dir.join("objects").display());
    std::fs::write(borrower.dir.join("objects/info/alternates"), list).unwrap();
    let listed = borrower.open().list_new_commits(commits[20], &[]).unwrap().map(Result::unwrap).count();
    assert_eq!(listed.to_string(), lab.git(&["rev-list", "--count", "main"]));
}

#[test]
fn work_trees_and_shallow_clones_are_what_they_are() {
    let (lab, commits) = changing_files(8, "sha256");
    lab.git(&["update-ref", "refs/heads/main", &commits[20].to_string()]);
    let clone = lab.home().join("clone");
    let url = format!("file://{}", lab.dir.display());
    lab.run(lab.home(), &["clone", "-q", "--depth=1", &url, clone.to_str().unwrap()], b"");
    std::fs::create_dir_all(clone.join("sub/dir")).unwrap();
    let repository = Repository::discover_from(&clone.join("sub/dir")).unwrap();
    assert!(repository.is_shallow() && !lab.open().is_shallow());
    assert_eq!(repository.object_format(), ObjectFormat::Sha256);
    let error = repository.list_new_commits(commits[20], &[]).unwrap().find_map(Result::err).unwrap();
    assert!(format!("{error:#}").contains("shallow"), "{error:#}");
    assert_eq!(repository.find_upstream_ref().unwrap(), Some(Text::from("refs/remotes/origin/main")));
    assert_eq!(repository.resolve_revision("HEAD").unwrap(), commits[20]);
    assert!(repository.resolve_revision("HEAD~1").is_err());
    assert!(repository.resolve_revision("no-such-branch").is_err());

    let linked = lab.home().join("linked");
    lab.git(&[
        "worktree",
        "add",
        "-q",
        "--no-checkout",
        "-b",
        "side",
        linked.to_str().unwrap(),
        &commits[4].to_string(),
    ]);
    let worktree = Repository::discover_from(&linked).unwrap();
    assert!(
        matches!(worktree.read_head().unwrap(), HeadState::Branch(branch) if branch.name == Text::from("refs/heads/side"))
    );
    assert_eq!(worktree.resolve_ref(b"refs/heads/main").unwrap().id, Some(commits[20]));
    assert!(worktree.read_commit(commits[20], &NeededFacts::new()).is_ok());
    assert_eq!(worktree.resolve_revision("main~3").unwrap(), lab.id("main~3"));
    assert!(Repository::open_at(&lab.home().join("nowhere"), None).is_err());
    assert!(Repository::open_at(lab.home(), None).is_err());
}

#[test]
fn configuration_is_what_git_config_says() {
    let lab = Lab::new();
    lab.git(&["config", "changegate.pusher", "env:GL_USERNAME"]);
    lab.git(&["config", "--add", "changegate.policy", "one"]);
    lab.git(&["config", "--add", "changegate.policy", "two \"quoted\""]);
    std::fs::write(lab.dir.join("more"), "[changegate]\n\tpusher = env:REMOTE_USER\n").unwrap();
    let repository = lab.open();
    assert_eq!(
        repository.read_config_value("changegate.pusher").unwrap().as_deref(),
        Some("env:GL_USERNAME")
    );
    assert_eq!(repository.read_config_values("changegate.policy").unwrap(), ["one", "two \"quoted\""]);
    assert_eq!(repository.read_config_value("changegate.nothing").unwrap(), None);
    lab.git(&["config", "include.path", "more"]);
    assert_eq!(
        lab.open().read_config_value("changegate.pusher").unwrap().as_deref(),
        Some("env:REMOTE_USER")
    );
    lab.git(&["config", "extensions.refStorage", "reftable"]);
    assert!(Repository::open_at(&lab.dir, None).is_err());
}

#[test]
fn a_damaged_commit_is_an_error_and_the_others_go_on() {
    let (lab, commits) = changing_files(9, "sha1");
    let tree = lab.id(&format!("{}^{{tree}}", commits[0]));
    let who = "A <a@x> 1 +0000";
    let damaged = lab.write(
        "commit",
        format!("tree {tree}\nparent {}\nauthor {who}\nauthor {who}\ncommitter {who}\n\n", commits[3])
            .as_bytes(),
    );
    let error = lab.open().read_commit(damaged, &NeededFacts::new()).unwrap_err();
    assert_eq!(error.id, damaged);
    let (mut read, mut refused) = (0, 0);
    let range = CommitRange { tip: damaged, hidden_tips: &[], trusted_keys: None };
    lab.open()
        .for_each_commit(
            range,
            &NeededFacts::new(),
            || 1,
            |read| read.is_ok(),
            |good| {
                if good {
                    read += 1
                } else {
                    refused += 1
                }
                Ok(())
            },
        )
        .unwrap();
    assert_eq!(refused, 1);
    assert_eq!(read.to_string(), lab.git(&["rev-list", "--count", &commits[3].to_string()]));
    assert!(lab.open().read_commit(tree, &NeededFacts::new()).is_err(), "a tree is no commit");
}

/// Makes a merge base and two sides of it; each file has many different lines.
fn two_sides(dice: &mut Dice, lab: &Lab) -> [Oid; 2] {
    let names = ["a", "dir/b", "dir/c", "d"];
    let mut base: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for name in names {
        base.insert(name, (0..12).map(|line| format!("{name} {line}")).collect());
    }
    let write = |files: &BTreeMap<&str, Vec<String>>, exec: bool| {
        let mut out = "deleteall\n".to_owned();
        for (name, lines) in files {
            let text = lines.iter().fold(String::new(), |text, line| text + line + "\n");
            let mode = if exec && *name == "d" { "100755" } else { "100644" };
            writeln!(out, "M {mode} inline {name}\ndata {}\n{text}", text.len()).unwrap();
        }
        out
    };
    let mut stream = Vec::new();
    commit(&mut stream, 1, 1, &[], write(&base, false).as_bytes());
    for mark in 2..=3 {
        let mut side = base.clone();
        for _ in 0..1 + dice.below(4) {
            let name = names[dice.below(names.len())];
            match dice.below(8) {
                0 => drop(side.remove(name)),
                1 => drop(
                    side.insert("new", vec![format!("by {}", if dice.below(2) == 0 { mark } else { 0 })]),
                ),
                what => {
                    if let Some(lines) = side.get_mut(name).filter(|lines| !lines.is_empty()) {
                        let at = dice.below(lines.len());
                        match what {
                            2 => drop(lines.remove(at)),
                            3 => lines.insert(at, format!("inserted by {mark}")),
                            _ => {
                                lines[at] =
                                    format!("changed by {}", if dice.below(4) == 0 { 0 } else { mark })
                            }
                        }
                    }
                }
            }
        }
        let exec = dice.below(4) == 0;
        commit(&mut stream, mark, mark as u64, &[1], write(&side, exec).as_bytes());
    }
    let marks = lab.import(&stream);
    [marks[&2], marks[&3]]
}

fn merge_commit(lab: &Lab, tree: &str, parents: &[Oid]) -> Oid {
    let mut args = vec!["commit-tree".to_owned(), tree.to_owned(), "-m".to_owned(), "merge".to_owned()];
    for parent in parents {
        args.extend(["-p".to_owned(), parent.to_string()]);
    }
    oid(&lab.git(&args.iter().map(String::as_str).collect::<Vec<_>>()))
}

fn own_content(lab: &Lab, tree: &str, parents: &[Oid]) -> Vec<String> {
    let id = merge_commit(lab, tree, parents);
    let own = lab.open().read_commit(id, &needs(&[FactKind::EvilMerges])).unwrap().evil_merge_paths.unwrap();
    own.iter().map(|path| path.to_lossy().into_owned()).collect()
}

#[test]
fn a_merge_that_git_makes_alone_has_no_content_of_its_own() {
    let lab = Lab::new();
    let mut dice = Dice::new(11);
    let (mut clean, mut conflicts) = (0, 0);
    for _ in 0..60 {
        let sides = two_sides(&mut dice, &lab);
        let [left, right] = sides.map(|id| id.to_string());
        let args =
            ["-c", "merge.renames=false", "merge-tree", "--write-tree", "--name-only", "-z", &left, &right];
        let merged = lab.output(&lab.dir, &args, b"");
        let printed = String::from_utf8(merged.stdout).unwrap();
        let mut fields = printed.split('\0');
        let tree = fields.next().unwrap();
        let own = own_content(&lab, tree, &sides);
        if merged.status.success() {
            clean += 1;
            assert_eq!(own, [""; 0], "{left} {right}");
            // Nothing that somebody does to it stays unseen.
            let evil = evil_twin(&lab, tree, &mut dice);
            assert_eq!(own_content(&lab, &evil.0, &sides), [evil.1]);
        } else {
            conflicts += 1;
            let conflicted: BTreeSet<&str> = fields.take_while(|name| !name.is_empty()).collect();
            let own: BTreeSet<&str> = own.iter().map(String::as_str).collect();
            assert_eq!(own, conflicted, "{left} {right}");
        }
        // The side that drops the other's work is as good as an edit by hand.
        let ours = lab.git(&["rev-parse", &format!("{left}^{{tree}}")]);
        let changed = lab.git(&["diff", "--name-only", "--no-renames", &left, tree]);
        if merged.status.success() {
            let dropped: Vec<&str> = changed.lines().collect();
            assert_eq!(own_content(&lab, &ours, &sides), dropped);
        }
    }
    assert!(10 < clean && 10 < conflicts, "{clean} clean, {conflicts} conflicts");
}

/// Returns `tree` with one file changed, added or deleted, and that file's name.
fn evil_twin(lab: &Lab, tree: &str, dice: &mut Dice) -> (String, String) {
    let names = lab.git(&["ls-tree", "-r", "--name-only", tree]);
    let names: Vec<&str> = names.lines().collect();
    let mut name = names[dice.below(names.len())].to_owned();
    let files = match dice.below(3) {
        0 => format!("D {name}\n"),
        1 => {
            name = "evil/new".to_owned();
            format!("M 100755 inline {name}\ndata 4\nevil\n")
        }
        _ => format!("M 100644 inline {name}\ndata 4\nevil\n"),
    };
    let base = merge_commit(lab, tree, &[]);
    let mut stream = Vec::new();
    commit(&mut stream, 1, 1, &[], format!("from {base}\n{files}").as_bytes());
    let id = lab.import(&stream)[&1];
    (lab.git(&["rev-parse", &format!("{id}^{{tree}}")]), name)
}

#[test]
fn lines_that_were_merged_into_each_other_are_merged_from_both_bases() {
    let lab = Lab::new();
    let mut dice = Dice::new(12);
    let (mut clean, mut own_bases) = (0, 0);
    for _ in 0..60 {
        let bases = two_sides(&mut dice, &lab);
        let [left, right] = bases.map(|id| id.to_string());
        let merge = |left: &str, right: &str| {
            let args = ["-c", "merge.renames=false", "merge-tree", "--write-tree", left, right];
            let merged = lab.output(&lab.dir, &args, b"");
            let tree = String::from_utf8(merged.stdout).unwrap().lines().next().unwrap().to_owned();
            merged.status.success().then_some(tree)
        };
        let Some(tree) = merge(&left, &right) else { continue };
        own_bases += 1;
        let mut sides = Vec::new();
        for (number, parents) in [[bases[0], bases[1]], [bases[1], bases[0]]].iter().enumerate() {
            let crossed = merge_commit(&lab, &tree, parents);
            let text =
                (0..12)
                    .map(|line| {
                        if line == 2 + 7 * number {
                            format!("side {number}\n")
                        } else {
                            format!("a {line}\n")
                        }
                    })
                    .collect::<String>();
            let files = format!("from {crossed}\nM 100644 inline a\ndata {}\n{text}\n", text.len());
            let mut stream = Vec::new();
            commit(&mut stream, 1, 10 + number as u64, &[], files.as_bytes());
            sides.push(lab.import(&stream)[&1]);
        }
        let Some(tree) = merge(&sides[0].to_string(), &sides[1].to_string()) else { continue };
        clean += 1;
        assert_eq!(own_content(&lab, &tree, &sides), [""; 0], "{sides:?}");
        let evil = evil_twin(&lab, &tree, &mut dice);
        assert_eq!(own_content(&lab, &evil.0, &sides), [evil.1]);
    }
    assert!(5 < clean, "{clean} clean of {own_bases}");
}

#[test]
fn an_octopus_owns_what_no_parent_has() {
    let lab = Lab::new();
    let mut stream = Vec::new();
    commit(&mut stream, 1, 1, &[], b"M 100644 inline f\ndata 4\nbase\nM 100644 inline d/g\ndata 1\ng\n");
    for mark in 2..=4 {
        let files = format!("M 100644 inline by{mark}\ndata 1\nx\n");
        commit(&mut stream, mark, mark as u64, &[1], files.as_bytes());
    }
    let merged =
        "M 100644 inline by2\ndata 1\nx\nM 100644 inline by3\ndata 1\nx\nM 100644 inline by4\ndata 1\nx\n";
    commit(&mut stream, 5, 5, &[2, 3, 4], merged.as_bytes());
    commit(
        &mut stream,
        6,
        6,
        &[2, 3, 4],
        format!("{merged}M 100644 inline d/g\ndata 4\nevil\nD f\n").as_bytes(),
    );
    let marks = lab.import(&stream);
    let own = |mark: usize| {
        lab.open()
            .read_commit(marks[&mark], &needs(&[FactKind::EvilMerges]))
            .unwrap()
            .evil_merge_paths
            .unwrap()
    };
    assert_eq!(own(5), []);
    assert_eq!(own(6), [Text::from("d/g"), Text::from("f")]);
    assert_eq!(own(2), [], "no merge");
}

#[test]
fn a_merge_of_strangers_is_compared_with_nothing_between() {
    let lab = Lab::new();
    let mut stream = Vec::new();
    commit(&mut stream, 1, 1, &[], b"M 100644 inline a\ndata 1\na\nM 100644 inline same\ndata 1\ns\n");
    commit(&mut stream, 2, 2, &[], b"M 100644 inline b\ndata 1\nb\nM 100644 inline same\ndata 1\ns\n");
    commit(&mut stream, 3, 3, &[1, 2], b"M 100644 inline b\ndata 1\nb\n");
    commit(&mut stream, 4, 4, &[1, 2], b"M 100644 inline c\ndata 1\nc\n");
    let marks = lab.import(&stream);
    let own = |mark: usize| {
        lab.open()
            .read_commit(marks[&mark], &needs(&[FactKind::EvilMerges]))
            .unwrap()
            .evil_merge_paths
            .unwrap()
    };
    assert_eq!(own(3), []);
    assert_eq!(own(4), [Text::from("b"), Text::from("c")]);
}

#[test]
fn a_tree_that_is_too_deep_is_a_gap() {
    let lab = Lab::new();
    let path = "d/".repeat(300) + "f";
    let mut stream = Vec::new();
    commit(&mut stream, 1, 1, &[], format!("M 100644 inline {path}\ndata 1\nx\n").as_bytes());
    let id = lab.import(&stream)[&1];
    let commit = lab.open().read_commit(id, &needs(&[FactKind::Paths, FactKind::Lines])).unwrap();
    assert!(commit.paths.is_err() && commit.lines.is_err());
}
