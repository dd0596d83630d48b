//! `changegate sample`, from the outside.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::read_tables;

const LOG: &str = "\
change_id,change_type,isms_change,bypassed,outcome
acme/shop#1,normal,false,none,successful
acme/shop#2,normal,false,none,unknown
acme/shop#3,emergency,false,none,successful
acme/shop#4,normal,false,direct-push,failed
";

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_changegate")).current_dir(folder).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_test_vector_is_printed_with_its_population() {
    let folder = tempfile::tempdir().unwrap();
    let ids: String = (101..=110).map(|number| format!("acme/api#{number}\n")).collect();
    fs::write(folder.path().join("ids.txt"), ids).unwrap();
    let told = run(folder.path(), &["sample", "--seed", "auditor-2026-Q4:7f3a", "-n", "3", "ids.txt"]);
    assert!(told.status.success());
    let told = text(&told.stdout);
    for part in [
        "Population: ids.txt, 10 changes\n",
        // LC_ALL=C sort ids.txt | sha256sum
        "  SHA-256 of the sorted ids: 89ab8c6bf6def9c5e53cd152c104947d93c5a6b27881c73197f0c30e60931889\n",
        "Not known of this population: unauthorised and unrecorded changes (no",
        "\nRandom sample: 3 of 10\n  1a76ec002ce8f219...  acme/api#109\n  1c70cbe56efc29e5...  acme/api#104\n  \
         2d9ba41d8a7591b8...  acme/api#106\n",
    ] {
        assert!(told.contains(part), "no {part:?} in {told}");
    }
}

#[test]
fn strata_stand_apart_from_the_random_sample() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log.csv"), LOG).unwrap();
    let args = ["sample", "--seed", "s", "--frequency", "quarterly", "log.csv", "--format", "json"];
    let told: Value = serde_json::from_slice(&run(folder.path(), &args).stdout).unwrap();
    let mut parts = Vec::new();
    for part in told["strata"].as_array().unwrap().iter().chain([&told["random"]]) {
        let mut ids: Vec<&str> = Vec::new();
        for change in part["changes"].as_array().unwrap() {
            ids.push(change["change_id"].as_str().unwrap());
        }
        ids.sort_unstable();
        parts.push(json!([part["name"], part["population"], ids]));
    }
    assert_eq!(
        Value::from(parts),
        json!([
            ["unauthorised and unrecorded changes", 1, ["acme/shop#4"]],
            ["changes that landed although denied", 0, []],
            ["failed changes", 0, []],
            ["emergency changes", 1, ["acme/shop#3"]],
            ["ISMS changes", 0, []],
            ["random sample", 2, ["acme/shop#1", "acme/shop#2"]],
        ])
    );
}

#[test]
fn a_call_or_a_population_that_is_wrong_draws_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("twice.txt"), "a\nb\na\n").unwrap();
    for (args, why) in [
        (&["-n", "1", "twice.txt"][..], "twice.txt: line 3: the same change stands on line 1"),
        (&["twice.txt"], "--size <N>"),
        (&["-n", "1", "--frequency", "daily", "twice.txt"], "cannot be used with"),
        (&["-n", "0", "twice.txt"], "0 is not in 1.."),
        (&["-n", "1", "--strata", "none,isms", "twice.txt"], "--strata takes `none` alone"),
    ] {
        let told = run(folder.path(), &[&["sample", "--seed", "s"], args].concat());
        assert_eq!(told.status.code(), Some(2), "{args:?}");
        assert!(told.stdout.is_empty() && text(&told.stderr).contains(why), "{}", text(&told.stderr));
    }
    let told = run(folder.path(), &["sample", "--seed", "s", "-n", "1", "absent.txt"]);
    assert_eq!(told.status.code(), Some(3));
}

#[test]
fn the_work_sheet_is_ready_to_be_filled_in() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log.csv"), LOG).unwrap();
    let args = ["sample", "--seed", "s", "-n", "2", "log.csv", "--out", "changes.xlsx"];
    assert!(run(folder.path(), &args).status.success());
    let first = fs::read(folder.path().join("changes.xlsx")).unwrap();
    assert!(run(folder.path(), &args).status.success());
    assert!(first == fs::read(folder.path().join("changes.xlsx")).unwrap(), "the same sample, other bytes");
    // What an auditor filled in is not replaced.
    let path = folder.path().join("filled.xlsx");
    fs::write(&path, "filled in").unwrap();
    let told = run(folder.path(), &[&args[..args.len() - 1], &["filled.xlsx"]].concat());
    assert_eq!(told.status.code(), Some(2));
    assert!(
        text(&told.stderr).contains("filled.xlsx is there and may be filled in"),
        "{}",
        text(&told.stderr)
    );
    assert_eq!(fs::read(&path).unwrap(), b"filled in");
    fs::remove_file(&path).unwrap();
    let Some(found) = read_tables(folder.path()) else { return };
    let book = &found["xlsx"];
    assert_eq!(book["lists"], json!([["E2:K5", "\"pass,fail,n.a.\""]]));
    assert_eq!(book["titles"][4], "A Request");
    assert_eq!(book["titles"][10], "G Closure");
    assert_eq!(
        book["rows"][0].as_array().unwrap()[..5],
        [
            json!(1),
            json!("unauthorised and unrecorded changes"),
            json!("acme/shop#4"),
            json!("normal"),
            Value::Null
        ]
    );
    assert_eq!(book["rows"].as_array().unwrap().len(), 4);
    let about = book["about"].to_string();
    for part in
        ["SHA-256 of its ids", "\"Seed\",\"s\"", "Tick mark: n.a.", "C Approval before", "smallest ranks"]
    {
        assert!(about.contains(part), "no {part} in {about}");
    }
}

/// A disk that is full is a limit on the size of files here.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log.csv"), LOG).unwrap();
    let command = format!(
        "trap '' XFSZ; ulimit -f 1; exec '{}' sample --seed s -n 2 log.csv --out full.xlsx",
        env!("CARGO_BIN_EXE_changegate")
    );
    let told = Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output().unwrap();
    assert_eq!(told.status.code(), Some(3), "{}", text(&told.stderr));
    assert!(text(&told.stderr).starts_with("changegate: cannot write "), "{}", text(&told.stderr));
    let mut left = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        left.push(entry.unwrap().file_name());
    }
    assert_eq!(left, ["log.csv"]);
}
