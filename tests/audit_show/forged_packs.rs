//! What a forger can take out of a pack or put into it: it is found, or named as not checked.

use std::fs;
use std::path::PathBuf;

use crate::packed::{Pack, make_live_pack};
use crate::world::{World, bad, good};

/// Packs these changes of the server of a world.
fn pack_changes(world: &World, changes: &[&str], more: &[&str]) -> Pack {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack");
    let args = [&["evidence"], changes, &["--out", path.to_str().unwrap()], more].concat();
    world.changegate("server.git", &args).accepted();
    Pack { _folder: folder, path }
}

/// Replaces words in a file of a pack, and writes the manifest again.
fn edit_file(pack: &Pack, name: &str, from: &str, to: &str) {
    let path = pack.path.join(name);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "no {from:?} in {text}");
    fs::write(path, text.replace(from, to)).unwrap();
    pack.repair_manifest();
}

fn find_file(pack: &Pack, name: &str) -> String {
    let files = pack.read_files();
    files.into_keys().find(|path| path.starts_with("changes/") && path.ends_with(name)).unwrap()
}

/// That there is none of something is a statement as well, and nothing in a pack shows it.
#[test]
fn what_can_be_taken_out_without_a_trace_is_named_in_every_pack() {
    let pack = make_live_pack();
    let verified = pack.verify();
    let unchecked: Vec<&String> = verified.checks.iter().flat_map(|check| &check.unchecked).collect();
    for words in [
        "the break-glass sessions that were open when it landed",
        "what links the refusals before to it, and whether there are others",
        "who of its people an earlier roster lists",
        "which attached files the repository has lost",
        "its incidents and its deployments",
        "how many records of the ledger could not be read",
    ] {
        let named = unchecked.iter().filter(|what| what.contains(words)).count();
        assert_eq!(named, 2, "{words}: {unchecked:#?}");
    }
}

/// What a document says of its own version switches no check of it off.
#[test]
fn a_document_of_another_version_than_its_pack_is_found() {
    let pack = make_live_pack();
    let tool = concat!("\"tool\": \"changegate ", env!("CARGO_PKG_VERSION"), "\"");
    edit_file(&pack, &find_file(&pack, "record.json"), tool, "\"tool\": \"changegate 0.0.9\"");
    edit_file(&pack, &find_file(&pack, "page.html"), "Ben", "Bob");
    let problems = pack.list_problems();
    assert!(problems.iter().any(|what| what.ends_with("another version of changegate than pack.json")));
    assert!(problems.iter().any(|what| what.contains("page.html is not what")), "{problems:?}");
    assert_eq!(pack.verify().count_unchecked_pages(), 0);
}

/// A change past the gate that the next push found is dated by what that push saw.
#[test]
fn a_bypass_that_the_next_push_found_is_packed_and_verified() {
    let world = World::new();
    world.write("prices", "one\n");
    world.commit(&good("Add prices"));
    world.push(&["main"]).accepted();
    world.write("prices", "two\n");
    let bypass = world.commit("Past the gate\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    world.write("prices", "three\n");
    let next = world.commit(&good("Change prices"));
    world.push(&["main"]).accepted();
    for changes in [&[bypass.as_str()][..], &[&bypass, &next]] {
        let pack = pack_changes(&world, changes, &[]);
        assert!(pack.verify().is_whole(), "{:#?}", pack.verify());
    }
    // The values alone say another time.
    let pack = pack_changes(&world, &[&bypass], &[]);
    let name = find_file(&pack, "values.json");
    let values: serde_json::Value =
        serde_json::from_slice(&fs::read(pack.path.join(&name)).unwrap()).unwrap();
    let at = values["change"]["landing"]["at"].as_str().unwrap();
    edit_file(&pack, &name, at, "2026-01-01T00:00:00Z");
    let problems = pack.list_problems();
    assert!(problems.iter().any(|what| what.contains("of when it landed")), "{problems:?}");
}

/// What the commits and the changed files say, the values say too.
#[test]
fn values_that_differ_from_the_git_objects_are_found() {
    let pack = make_live_pack();
    let name = find_file(&pack, "values.json");
    let values: serde_json::Value =
        serde_json::from_slice(&fs::read(pack.path.join(&name)).unwrap()).unwrap();
    let facts = &values["change"]["facts"]["Ok"];
    let committed = format!("\"committed-at\": {}", facts["committed-at"]);
    for (from, to, words) in [
        (committed.as_str(), "\"committed-at\": \"2020-01-02T00:00:00Z\"", "says of its commits"),
        ("\"prices\"", "\"rices\"", "names other paths"),
    ] {
        let written = fs::read_to_string(pack.path.join(&name)).unwrap();
        edit_file(&pack, &name, from, to);
        let words = words.trim_start_matches("names ").trim_start_matches("says ");
        let problems = pack.list_problems();
        assert!(problems.iter().any(|what| what.contains(words)), "{words}: {problems:?}");
        fs::write(pack.path.join(&name), written).unwrap();
    }
}

/// A pack of a change that was refused first, with its statements.
fn make_stated_pack(more: &[&str]) -> (World, Pack) {
    let world = World::new();
    world.write("prices", "two\n");
    world.commit(&bad("Change prices"));
    world.push(&["main"]).refused("peer-review");
    world.git(&["commit", "-q", "--amend", "--no-verify", "-m", &good("Change prices")]);
    world.push(&["main"]).accepted();
    assert!(world.changegate("server.git", &["ledger", "reconcile"]).ok);
    let uri = ["--uri", "git+https://git.example.com/acme/shop"];
    let pack = pack_changes(&world, &["HEAD"], &[&uri[..], more].concat());
    (world, pack)
}

const STATEMENTS: &str = "attestations.intoto.jsonl";

#[test]
fn statements_that_the_records_do_not_make_are_found() {
    let (_world, pack) = make_stated_pack(&[]);
    let verified = pack.verify();
    assert!(verified.is_whole(), "{verified:#?}");
    let written = fs::read_to_string(pack.path.join(STATEMENTS)).unwrap();
    for (from, to) in [
        ("\"FAILED\"", "\"PASSED\""),
        ("ben@example.com", "kim@example.com"),
        ("ORG_SOURCE_CHANGE_REVIEW_STATED", "ORG_SOURCE_CHANGE_REVIEWED"),
    ] {
        edit_file(&pack, STATEMENTS, from, to);
        let problems = pack.list_problems();
        assert!(problems.iter().any(|what| what.ends_with("is not what its record makes")), "{from}");
        fs::write(pack.path.join(STATEMENTS), &written).unwrap();
    }
    // One that is left out, with the number in the index.
    let kept: String =
        written.lines().filter(|line| !line.contains("FAILED")).map(|line| format!("{line}\n")).collect();
    fs::write(pack.path.join(STATEMENTS), &kept).unwrap();
    let count = |text: &str| format!("\"attestations\": {}", text.lines().count());
    edit_file(&pack, "pack.json", &count(&written), &count(&kept));
    let problems = pack.list_problems();
    assert!(problems.iter().any(|what| what.contains("makes is left out")), "{problems:?}");
}

/// Whoever takes all statements out has to say that there are none, and whoever has a key knows better.
#[test]
fn a_pack_without_statements_is_none_that_a_key_signed() {
    let (world, pack) = make_stated_pack(&[]);
    if world.make_keys(&["gate"]).is_none() {
        return;
    }
    let written = fs::read_to_string(pack.path.join(STATEMENTS)).unwrap();
    fs::remove_file(pack.path.join(STATEMENTS)).unwrap();
    let count = format!("\"attestations\": {}", written.lines().count());
    edit_file(&pack, "pack.json", &count, "\"attestations\": 0");
    let folder: &PathBuf = &pack.path;
    let verify = |more: &[&str]| {
        world.changegate("work", &[&["evidence", "verify", folder.to_str().unwrap()], more].concat())
    };
    verify(&[]).accepted().says("whether there were in-toto statements");
    let key = world.path("gate.pub");
    verify(&["--key", key.to_str().unwrap()]).refused("a key was given, and there are none");
}
