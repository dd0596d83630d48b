//! An audit that is interrupted goes on where it was, and two audits never write into one folder.

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::fleet::{Fleet, read_files};

/// What the audits of one repository are asked: a policy that compares contents, so that its steps are kept.
const ASKED: [&str; 6] = ["--repo", "shop.git", "--pack", "iso27001", "--as-of", "2026-07-01"];

/// How the line of a batch begins that is its last one.
const BATCH_END: &[u8] = b"{\"batch-end\":";

fn start(fleet: &Fleet, args: &[&str]) -> Child {
    let mut command = fleet.command(env!("CARGO_BIN_EXE_changegate"));
    command.arg("audit").args(args).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn count_batches(fleet: &Fleet, out: &str) -> usize {
    let journal = fs::read(fleet.path(out).join(".audited/steps.jsonl")).unwrap_or_default();
    journal.split(|byte| *byte == b'\n').filter(|line| line.starts_with(BATCH_END)).count()
}

/// Fails unless both folders hold the same files.
fn compare_folders(fleet: &Fleet, one: &str, other: &str) {
    let (one, other) = (read_files(&fleet.path(one)), read_files(&fleet.path(other)));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, content) in one {
        assert!(other[&name] == content, "{name}");
    }
}

/// Whenever the process is killed, the next run takes over what was judged, and writes what one run writes.
#[test]
fn an_audit_of_one_repository_that_was_killed_goes_on_where_it_was() {
    let fleet = Fleet::of_one(1_100);
    let told = fleet.audit(&[&ASKED[..], &["--out", "fresh"]].concat(), 0);
    assert!(!told.contains("taken over") && !fleet.path("fresh/.audited").exists(), "{told}");
    let mut interrupted = 0;
    for (number, batches) in [1, 2, 4].into_iter().enumerate() {
        let out = format!("out{number}");
        let mut child = start(&fleet, &[&ASKED[..], &["--out", &out]].concat());
        while child.try_wait().unwrap().is_none() && count_batches(&fleet, &out) < batches {
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let kept = count_batches(&fleet, &out);
        interrupted += usize::from(kept > 0);
        assert!(kept == 0 || !fleet.path(&out).join("audit.json").exists());
        // Another time is no obstacle, as every commit is older.
        let told = fleet.audit(&[&ASKED[..], &["--out", &out]].concat(), 0);
        let line =
            format!("taken over from an earlier run, which was interrupted: {} judged steps", kept * 256);
        assert!(kept == 0 || told.contains(&line), "{told}");
        compare_folders(&fleet, "fresh", &out);
    }
    assert!(interrupted > 0, "none of the runs was slow enough to be killed");
}

/// What is left of the journal counts for the policy, the ref and the repository that it was written for.
#[test]
fn what_was_judged_counts_for_the_same_policy_only() {
    let fleet = Fleet::of_one(300);
    let mut child = start(&fleet, &[&ASKED[..], &["--out", "out"]].concat());
    while child.try_wait().unwrap().is_none() && count_batches(&fleet, "out") == 0 {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let other = ["--repo", "shop.git", "--pack", "soc2", "--as-of", "2026-07-01"];
    let told = fleet.audit(&[&other[..], &["--out", "out"]].concat(), 0);
    assert!(!told.contains("taken over"), "{told}");
    fleet.audit(&[&other[..], &["--out", "fresh"]].concat(), 0);
    compare_folders(&fleet, "fresh", "out");
}

/// The folder belongs to the audit that writes into it until that ends, in whatever way.
#[cfg(unix)]
#[test]
fn a_second_audit_into_one_folder_is_refused_until_the_first_has_ended() {
    use std::os::unix::fs::PermissionsExt as _;
    let fleet = Fleet::of_one(3);
    // The repository is cloned by a program that waits for as long as a file is there.
    let (hold, bin) = (fleet.path("hold"), fleet.path("bin"));
    fs::create_dir(&bin).unwrap();
    fs::write(&hold, "").unwrap();
    fs::write(bin.join("git"), "#!/bin/sh\nwhile [ -e hold ]; do /bin/sleep 0.1; done\nexit 1\n").unwrap();
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(fleet.path("fleet.txt"), format!("file://{}\n", fleet.path("shop.git").display())).unwrap();
    let asked = ["--pack", "core", "--to", "2026-06-30", "--as-of", "2026-07-01", "--out", "out"];
    let mut command = fleet.command(env!("CARGO_BIN_EXE_changegate"));
    command.args(["audit", "--repos", "fleet.txt"]).args(asked).env("PATH", &bin);
    let mut first = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for _ in 0..600 {
        if fleet.path("out/.audited/inputs.json").exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let second = [&["--repo", "shop.git"][..], &asked].concat();
    let told = fleet.audit(&second, 2);
    assert!(told.contains("another audit is writing into out; wait until it has ended"), "{told}");
    assert!(fleet.path("out/.audited/inputs.json").exists(), "nothing was touched");
    fleet.audit(&[&["--repo", "shop.git"][..], &asked[..6], &["--out", "elsewhere"]].concat(), 0);
    first.kill().unwrap();
    first.wait().unwrap();
    fs::remove_file(hold).unwrap();
    let told = fleet.audit(&second, 0);
    assert!(!told.contains("another audit"), "{told}");
}

/// Until an audit is whole, the one that was there before is there as it was, byte for byte.
#[test]
fn an_audit_that_is_killed_leaves_the_one_before_it_whole() {
    let fleet = Fleet::of_one(1_100);
    fleet.audit(&[&ASKED[..], &["--to", "2026-02-15", "--out", "out"]].concat(), 0);
    let before = read_files(&fleet.path("out"));
    let mut child = start(&fleet, &[&ASKED[..], &["--out", "out"]].concat());
    while child.try_wait().unwrap().is_none() && count_batches(&fleet, "out") < 2 {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(count_batches(&fleet, "out") > 0, "the run was not slow enough to be killed");
    let left = read_files(&fleet.path("out"));
    for (name, content) in &before {
        assert!(left.get(name) == Some(content), "{name}");
    }
    assert!(!fleet.path("out/unfinished.txt").exists());
    // What the killed run has left is gone with the next one, and so is every file of the audit before.
    fleet.audit(&[&ASKED[..], &["--out", "out"]].concat(), 0);
    fleet.audit(&[&ASKED[..], &["--out", "fresh"]].concat(), 0);
    compare_folders(&fleet, "fresh", "out");
    let names = fs::read_dir(fleet.path("out")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')));
}
