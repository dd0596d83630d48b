//! Small pushes that are made to take much memory or time: they are judged within little of both, or refused
//! with a limit that is named.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[allow(dead_code, reason = "not every test file needs all of it")]
mod lab;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use changegate::change::{FactKind, NeededFacts, Oid};
use changegate::git::CommitRange;
use lab::{Lab, commit};

/// A server whose main branch holds one commit, under the policy `startup`.
fn server() -> (Lab, Oid) {
    let lab = Lab::new();
    let policy = "changegate: 1\nname: load\nextends: [startup]\nprotects: [main]\n\
        rules: { r: { require: { not: { touches: 'guarded/**' } } } }\n";
    let mut stream = Vec::new();
    let files = format!("M 100644 inline policies/changegate.yml\ndata {}\n{policy}\n", policy.len());
    commit(&mut stream, 1, 1_700_000_000, &[], files.as_bytes());
    let first = lab.import(&stream)[&1];
    lab.git(&["update-ref", "refs/heads/main", &first.to_string()]);
    lab.git(&["update-ref", "-d", "refs/heads/all"]);
    lab.git(&["config", "changegate.pusher", "none"]);
    (lab, first)
}

/// Runs the hook on a push to main, with at most so many MiB of address space.
fn push(lab: &Lab, old: Oid, new: Oid, mebibytes: usize) -> Output {
    let hook =
        format!("ulimit -v {}; exec {} hook pre-receive", mebibytes << 10, env!("CARGO_BIN_EXE_changegate"));
    let mut child = Command::new("sh")
        .args(["-c", &hook])
        .current_dir(&lab.dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", lab.home())
        .env("GIT_DIR", &lab.dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let line = format!("{old} {new} refs/heads/main\n");
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn refused_for(output: &Output, piece: &str) {
    let seen = String::from_utf8_lossy(&[output.stderr.as_slice(), &output.stdout].concat()).into_owned();
    assert_eq!(output.status.code(), Some(1), "{seen}");
    let flat = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(piece), "no {piece:?} in:\n{seen}");
}

/// Appends a commit that follows the last one.
fn message(stream: &mut Vec<u8>, mark: usize, text: &str) {
    write!(stream, "commit refs/heads/all\nmark :{mark}\n").unwrap();
    writeln!(stream, "committer Ana <ana@example.com> {} +0000", 1_700_000_000 + mark).unwrap();
    writeln!(stream, "data {}\n{text}", text.len()).unwrap();
}

const GOOD: &str = "Cache it\n\nChange-Type: normal\nRisk: low\nReviewed-by: Ben <ben@example.com>\n";

#[test]
fn a_merge_of_commits_with_many_paths_is_refused() {
    let (lab, first) = server();
    let mut stream = format!(
        "blob\nmark :9001\ndata 1\na\nblob\nmark :9002\ndata 1\nb\n\
        reset refs/heads/all\nfrom {first}\n"
    )
    .into_bytes();
    // Each commit of the side changes the same files back and forth, which git stores as two trees.
    for mark in 1..=30 {
        message(&mut stream, mark, GOOD);
        for file in 0..8000 {
            writeln!(stream, "M 100644 :{} d/{file}", 9001 + mark % 2).unwrap();
        }
    }
    let side = lab.import(&stream)[&30];
    let tree = lab.git(&["rev-parse", &format!("{side}^{{tree}}")]);
    let merge =
        lab.git(&["commit-tree", "-p", &first.to_string(), "-p", &side.to_string(), "-m", GOOD, &tree]);
    let refused = push(&lab, first, lab::oid(&merge), 1024);
    refused_for(&refused, "touch more than 200000 paths; push them as several changes");
    refused_for(&refused, "fix: the author or the pusher");
}

#[test]
fn long_messages_of_many_changes_do_not_pile_up() {
    let (lab, first) = server();
    let padding = "a".repeat(1 << 20);
    let text = GOOD.replacen("\n\n", &format!("\n\n{padding}\n\n"), 1);
    let mut stream = format!("reset refs/heads/all\nfrom {first}\n\n").into_bytes();
    for mark in 1..=60 {
        message(&mut stream, mark, &text);
    }
    let marks = lab.import(&stream);
    let judged = push(&lab, first, marks[&60], 1024);
    assert_eq!(judged.status.code(), Some(0), "{}", String::from_utf8_lossy(&judged.stderr));
    // As one change they would be in memory together.
    let tree = lab.git(&["rev-parse", &format!("{first}^{{tree}}")]);
    let side = marks[&60].to_string();
    let merge = lab.git(&["commit-tree", "-p", &first.to_string(), "-p", &side, "-m", GOOD, &tree]);
    refused_for(&push(&lab, first, lab::oid(&merge), 1024), "messages of the change have more than 32 MiB");
}

/// Returns how long reading the paths of all commits of a history takes, whose trees are one chain of so
/// many deltas.
fn read_chain(length: usize) -> Duration {
    let lab = Lab::new();
    let mut stream = Vec::new();
    for mark in 1..=length {
        let mut files = String::new();
        for file in 0..if mark == 1 { 60 } else { 1 } {
            writeln!(
                files,
                "M 100644 inline file-{:02}\ndata {}\n{mark}",
                (file + mark) % 60,
                mark.to_string().len()
            )
            .unwrap();
        }
        let parent = mark - 1;
        commit(
            &mut stream,
            mark,
            1_600_000_000 + mark as u64,
            if mark == 1 { &[] } else { std::slice::from_ref(&parent) },
            files.as_bytes(),
        );
    }
    let path = lab.home().join("marks");
    let export = format!("--export-marks={}", path.display());
    let args = ["fast-import", "--quiet", "--force", "--depth=8000", "--date-format=raw-permissive", &export];
    lab.run(&lab.dir, &args, &stream);
    let tip = lab.id("refs/heads/all");
    let deltas = lab.git(&["cat-file", "--batch-check=%(deltabase)", "--batch-all-objects"]);
    assert!(deltas.lines().filter(|base| !base.starts_with("000")).count() >= length - 60, "no long chain");
    let needs: NeededFacts = [FactKind::Paths].into_iter().collect();
    let start = Instant::now();
    let mut paths = 0;
    let range = CommitRange { tip, hidden_tips: &[], trusted_keys: None };
    let count = |commit: Result<changegate::change::Commit, _>| commit.unwrap().paths.unwrap().len();
    let sum = |count| {
        paths += count;
        Ok(())
    };
    lab.open().for_each_commit(range, &needs, || 1, count, sum).unwrap();
    let took = start.elapsed();
    assert_eq!(paths, length - 1 + 60);
    took
}

#[test]
fn a_long_chain_of_deltas_takes_time_in_proportion() {
    let (short, long) = (read_chain(1000), read_chain(4000));
    assert!(long < 10 * short.max(Duration::from_millis(50)), "1000 took {short:?} and 4000 {long:?}");
}

/// Judges a merge of commits that each name so many co-authors and reviewers, or one commit that does; returns the
/// answer and how long it took.
fn judge_people(commits: usize, count: usize) -> (Output, Duration) {
    let (lab, first) = server();
    let mut stream = format!("reset refs/heads/all\nfrom {first}\n\n").into_bytes();
    for commit in 1..=commits {
        let mut text = GOOD.to_owned();
        for number in 0..count {
            writeln!(text, "Co-authored-by: Ana {number}a <a{number}@example.com>").unwrap();
            writeln!(text, "Reviewed-by: Ben {number}b <b{number}@example.com>").unwrap();
        }
        message(&mut stream, commit, &text);
    }
    let mut tip = commits;
    if commits > 1 {
        write!(stream, "reset refs/heads/all\nfrom {first}\n\n").unwrap();
        tip += 1;
        message(&mut stream, tip, GOOD);
        writeln!(stream, "merge :{commits}").unwrap();
    }
    let new = lab.import(&stream)[&tip];
    let start = Instant::now();
    let judged = push(&lab, first, new, 1024);
    (judged, start.elapsed())
}

#[test]
fn many_people_take_time_in_proportion() {
    let ((few, short), (many, long)) = (judge_people(1, 100), judge_people(1, 900));
    for judged in [few, many] {
        assert_eq!(judged.status.code(), Some(0), "{}", String::from_utf8_lossy(&judged.stderr));
    }
    assert!(long < 20 * short.max(Duration::from_millis(50)), "100 took {short:?} and 900 {long:?}");
}

#[test]
fn reviewers_of_many_commits_take_time_in_proportion() {
    let ((few, short), (many, long)) = (judge_people(10, 200), judge_people(80, 200));
    for judged in [few, many] {
        assert_eq!(judged.status.code(), Some(0), "{}", String::from_utf8_lossy(&judged.stderr));
    }
    assert!(long < 20 * short.max(Duration::from_millis(50)), "10 took {short:?} and 80 {long:?}");
}

#[test]
fn too_many_trailers_are_refused_with_their_limit() {
    let (judged, took) = judge_people(1, 20_000);
    refused_for(&judged, "push-size");
    refused_for(&judged, "at most 2000 are judged");
    assert!(took < Duration::from_secs(10), "{took:?}");
    // No commit has too many, and all together have.
    let (judged, _) = judge_people(112, 900);
    refused_for(&judged, "more than 200000 trailers together");
}

#[test]
fn commits_that_are_longer_than_a_walk_reads_are_whole() {
    let (lab, first) = server();
    let head = lab.write("commit", &build_commit(&lab, &[first], 0)).to_string();
    let mut tip = lab::oid(&head);
    // Around the length that a walk reads at first, and with headers that are longer than that.
    for (parents, length) in
        [(1, 65_535), (1, 65_536), (1, 65_537), (1, 65_600), (1, 3 << 20), (1500, 0), (1500, 1 << 20)]
    {
        tip = lab.write("commit", &build_commit(&lab, &vec![tip; parents], length));
    }
    lab.git(&["update-ref", "refs/heads/all", &tip.to_string()]);
    let expected = lab.git(&["rev-list", "--count", &tip.to_string()]);
    for is_packed in [false, true] {
        if is_packed {
            lab.git(&["repack", "-adq"]);
        }
        let mut read = Vec::new();
        let range = CommitRange { tip, hidden_tips: &[], trusted_keys: None };
        let size = |commit: Result<changegate::change::Commit, _>| {
            let commit = commit.unwrap();
            (commit.id.unwrap(), commit.message.raw().as_bytes().len())
        };
        let mut collect = |one| {
            read.push(one);
            Ok(())
        };
        lab.open().for_each_commit(range, &NeededFacts::new(), || 1, size, &mut collect).unwrap();
        assert_eq!(read.len().to_string(), expected);
        for (id, length) in read {
            let raw = lab.run(&lab.dir, &["cat-file", "commit", &id.to_string()], b"");
            let head = raw.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
            assert_eq!(length, raw.len() - head, "{id}");
        }
    }
}

/// Returns a commit object with these parents that has at least so many bytes.
fn build_commit(lab: &Lab, parents: &[Oid], length: usize) -> Vec<u8> {
    let tree = lab.git(&["rev-parse", "refs/heads/main^{tree}"]);
    let mut text = format!("tree {tree}\n");
    for parent in parents {
        writeln!(text, "parent {parent}").unwrap();
    }
    let who = "Ana <ana@example.com> 1700000100 +0000";
    write!(text, "author {who}\ncommitter {who}\n\n{GOOD}").unwrap();
    text.push_str(&"a".repeat(length.saturating_sub(text.len())));
    text.into_bytes()
}
