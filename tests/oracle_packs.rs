//! Objects are the same however git stores them, and paths are those of git, in trees that are wide
//! enough to be told as deltas.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[allow(dead_code, reason = "not every test file needs all of it")]
mod lab;

use std::fmt::Write as _;
use std::io::Write as _;

use changegate::change::{FactKind, NeededFacts, Oid};
use changegate::git::{CommitRange, Repository};
use lab::{Dice, Lab, commit};

fn needs() -> NeededFacts {
    [FactKind::Paths, FactKind::Blobs, FactKind::EvilMerges].into_iter().collect()
}

/// A history of wide trees, of which each commit changes a little, at either end or anywhere: contents,
/// modes, what is there at all, and whether it is a file or a directory.
fn wide(seed: u64, format: &str) -> (Lab, Vec<Oid>) {
    let mut dice = Dice::new(seed);
    let name = |number: usize| {
        let stem = format!("{}-{:02}", ["a", "lib", "lib.x", "z"][number % 4], number / 4);
        if number.is_multiple_of(3) { format!("sub/{stem}") } else { stem }
    };
    let mut stream = Vec::new();
    let mut parents: Vec<Vec<usize>> = Vec::new();
    for mark in 1..=60 {
        let mut files = Vec::new();
        let touched: Vec<usize> = match mark {
            1 => (0..300).collect(),
            _ => (0..1 + dice.below(3)).map(|_| dice.below(300)).collect(),
        };
        for number in touched {
            let mut path = name(number);
            match if mark == 1 { 9 } else { dice.below(10) } {
                0 => {
                    writeln!(files, "D {path}").unwrap();
                    continue;
                }
                // A directory where the file was.
                1 => path.push_str("/inner"),
                _ => {}
            }
            let mode = ["100644", "100644", "100755", "120000"][dice.below(4)];
            let text = format!("content {}\n", dice.below(50));
            writeln!(files, "M {mode} inline {path}\ndata {}\n{text}", text.len()).unwrap();
        }
        let mut chosen: Vec<usize> = match dice.below(6) {
            _ if mark < 4 => (mark != 1).then(|| mark - 1).into_iter().collect(),
            0 => vec![mark - 1, 1 + dice.below(mark - 1)],
            1 => vec![mark - 2],
            _ => vec![mark - 1],
        };
        chosen.dedup();
        commit(&mut stream, mark, 1_600_000_000 + mark as u64, &chosen, &files);
        parents.push(chosen);
    }
    let lab = Lab::with_format(format);
    let marks = lab.import(&stream);
    let commits: Vec<Oid> = (1..=60).map(|mark| marks[&mark]).collect();
    for (number, id) in commits.iter().enumerate() {
        lab.git(&["update-ref", &format!("refs/heads/b{number}"), &id.to_string()]);
    }
    (lab, commits)
}

/// Everything that is read, in the order of `commits`, out of a repository that has just been opened.
fn read(repository: &Repository, commits: &[Oid]) -> String {
    let mut told = String::new();
    for id in commits {
        writeln!(told, "{:?}", repository.read_commit(*id, &needs()).unwrap()).unwrap();
    }
    told
}

#[test]
fn a_history_is_the_same_however_it_is_stored() {
    for (seed, format) in [(1, "sha1"), (2, "sha256")] {
        let (lab, commits) = wide(seed, format);
        let pack = |more: &[&str]| {
            lab.git(&[more, &["-c", "pack.threads=1", "repack", "-adfq", "--window=60"]].concat());
        };
        let expected = read(&lab.open(), &commits);
        let backwards: Vec<Oid> = commits.iter().rev().copied().collect();
        let expected_backwards = read(&lab.open(), &backwards);
        let check = |how: &str| {
            assert!(read(&lab.open(), &commits) == expected, "{how}");
            assert!(read(&lab.open(), &backwards) == expected_backwards, "{how}, backwards");
        };
        for depth in ["0", "1", "50", "4000"] {
            pack(&["-c", &format!("pack.depth={depth}")]);
            check(&format!("{format}, depth {depth}"));
        }
        // Deltas that name their base, and an index of the old kind, which is not ours to read.
        pack(&["-c", "repack.useDeltaBaseOffset=false"]);
        check("deltas by name");
        pack(&["-c", "pack.indexVersion=1"]);
        check("the old index");
        pack(&["-c", "pack.packSizeLimit=1m", "-c", "repack.writeBitmaps=true"]);
        lab.git(&["multi-pack-index", "write"]);
        check("an index of many packs");
        // Some packed, some loose, some twice.
        let packs = lab.dir.join("objects/pack");
        let aside = lab.home().join("aside");
        std::fs::rename(&packs, &aside).unwrap();
        std::fs::create_dir(&packs).unwrap();
        for entry in std::fs::read_dir(&aside).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "pack") {
                lab.run(&lab.dir, &["unpack-objects", "-q"], &std::fs::read(path).unwrap());
            }
        }
        check("loose");
        lab.git(&["repack", "-q", "refs/heads/b30"]);
        lab.git(&["repack", "-dq"]);
        check("in two packs");
    }
}

#[test]
fn paths_in_wide_trees_are_those_of_git_in_every_direction() {
    for (seed, format) in [(3, "sha1"), (4, "sha256"), (5, "sha1")] {
        let (lab, commits) = wide(seed, format);
        lab.git(&["repack", "-adfq"]);
        let empty = lab.git(&["hash-object", "-t", "tree", "/dev/null"]);
        let (forwards, backwards) = (lab.open(), lab.open());
        let mut theirs = Vec::new();
        for (id, read) in commits.iter().map(|id| (id, forwards.read_commit(*id, &needs()).unwrap())) {
            let before = read.parents.first().map_or(empty.clone(), Oid::to_string);
            let listed = lab.git(&[
                "diff-tree",
                "-r",
                "--no-renames",
                "--name-only",
                "-z",
                before.trim_end(),
                &id.to_string(),
            ]);
            let listed: Vec<String> = listed.split_terminator('\0').map(str::to_owned).collect();
            theirs.push((id, listed));
        }
        for (repository, reversed) in [(&forwards, false), (&backwards, true)] {
            let mut order: Vec<_> = theirs.iter().collect();
            if reversed {
                order.reverse();
            }
            for (id, listed) in order {
                let paths = repository.read_commit(**id, &needs()).unwrap().paths.unwrap();
                let mut ours: Vec<String> = paths.iter().map(|it| it.path.to_lossy().into_owned()).collect();
                // Git tells a file that became a directory in its own order.
                let mut listed = listed.clone();
                ours.sort();
                listed.sort();
                assert_eq!(ours, listed, "{id}");
            }
        }
        // The same by steps; so few of them stay on one thread, whatever is allowed.
        let tip = *commits.last().unwrap();
        for threads in [|| 1, || 2, || 5] {
            let mut found = 0;
            let range = CommitRange { tip, hidden_tips: &[], trusted_keys: None };
            let judge = |step: Vec<Result<changegate::change::Commit, _>>| -> Vec<_> {
                step.into_iter().map(Result::unwrap).collect()
            };
            lab.open()
                .for_each_step(range, &needs(), threads, judge, |step| {
                    for read in step {
                        let mut ours: Vec<String> =
                            read.paths.unwrap().iter().map(|it| it.path.to_lossy().into_owned()).collect();
                        let (_, listed) = theirs.iter().find(|(id, _)| Some(**id) == read.id).unwrap();
                        let mut listed = listed.clone();
                        ours.sort();
                        listed.sort();
                        assert_eq!(ours, listed);
                        found += 1;
                    }
                    Ok(())
                })
                .unwrap();
            assert!(20 < found);
        }
    }
}

#[test]
fn a_damaged_pack_is_an_error_at_worst() {
    let (lab, commits) = wide(6, "sha1");
    lab.git(&["repack", "-adfq"]);
    let whole = read(&lab.open(), &commits);
    let packs: Vec<_> =
        std::fs::read_dir(lab.dir.join("objects/pack")).unwrap().map(|it| it.unwrap().path()).collect();
    let mut dice = Dice::new(9);
    let mut refused = 0;
    for extension in ["pack", "idx"] {
        let path = packs.iter().find(|path| path.extension().is_some_and(|it| it == extension)).unwrap();
        let sound = std::fs::read(path).unwrap();
        std::fs::remove_file(path).unwrap();
        for _ in 0..40 {
            let mut damaged = sound.clone();
            for _ in 0..1 + dice.below(20) {
                // The checks of an index that keep the library from harm are in its first bytes.
                let from = if extension == "idx" { 8 + 4 * 256 } else { 12 };
                let at = from + dice.below(damaged.len() - from - 40);
                damaged[at] ^= 1 << dice.below(8);
            }
            if extension == "pack" && dice.below(4) == 0 {
                damaged.truncate(dice.below(sound.len()));
            }
            std::fs::write(path, &damaged).unwrap();
            let Ok(repository) = Repository::open_at(&lab.dir, None) else { continue };
            for id in &commits {
                match repository.read_commit(*id, &needs()) {
                    Ok(commit) => refused += usize::from(commit.paths.is_err()),
                    Err(_) => refused += 1,
                }
            }
        }
        std::fs::write(path, &sound).unwrap();
    }
    assert!(100 < refused);
    assert!(read(&lab.open(), &commits) == whole);
}

#[test]
fn several_threads_read_what_one_reads() {
    let path = |mark: usize| format!("d{}/f{}", mark % 7, mark % 40);
    let mut stream = Vec::new();
    for mark in 1..=1200 {
        let parents: Vec<usize> = (1 < mark).then(|| mark - 1).into_iter().collect();
        let files = format!("M 100644 inline {}\ndata 5\n{mark:04}\n\n", path(mark));
        commit(&mut stream, mark, 1_600_000_000 + mark as u64, &parents, files.as_bytes());
    }
    let lab = Lab::new();
    let marks = lab.import(&stream);
    let tip = marks[&1200];
    lab.git(&["update-ref", "refs/heads/main", &tip.to_string()]);
    lab.git(&["repack", "-adfq"]);
    for threads in [|| 1, || 2, || 5] {
        let range = CommitRange { tip, hidden_tips: &[], trusted_keys: None };
        let judge = |step: Vec<Result<changegate::change::Commit, _>>| {
            let read = step.into_iter().map(Result::unwrap);
            read.map(|read| (read.id.unwrap(), read.paths.unwrap())).collect::<Vec<_>>()
        };
        let mut mark = 0;
        lab.open()
            .for_each_step(range, &needs(), threads, judge, |step| {
                for (id, paths) in step {
                    mark += 1;
                    let paths: Vec<String> = paths.iter().map(|it| it.path.to_lossy().into_owned()).collect();
                    assert_eq!((id, paths), (marks[&mark], vec![path(mark)]));
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(mark, 1200);
    }
}
