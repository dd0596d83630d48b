//! Objects that are not as they should be, and input that git would not write.

use crate::world::{BINARY, MAIN, World, ZERO, bad, fed, good};

/// Puts a commit that no git would make into both repositories, and returns its id.
fn malformed(world: &World, header: &str) -> String {
    let tree = world.git(&["rev-parse", "HEAD^{tree}"]);
    let text = format!("tree {tree}\nparent {}\n{header}\n\n{}", world.main(), good("Malformed"));
    let mut id = String::new();
    for folder in ["work", "server.git"] {
        let args = ["hash-object", "-t", "commit", "-w", "--literally", "--stdin"];
        id = String::from_utf8(world.git_fed(folder, &args, text.as_bytes())).unwrap().trim().to_owned();
    }
    id
}

const HEADERS: [&str; 4] = [
    "author Ana <ana@example.com> 1 +0000\nauthor Ben <ben@example.com> 1 +0000\ncommitter Ana <ana@example.com> 1 +0000",
    "author Ana <ana@example.com> 1 +0000",
    "author Ana ana@example.com\ncommitter Ana <ana@example.com> 1 +0000",
    "author Ana <ana@example.com> 99999999999999999999999 +0000\ncommitter Ana <ana@example.com> 1 +0000",
];

#[test]
fn malformed_commits_do_not_come_to_main() {
    let world = World::new();
    world.configure("receive.fsckObjects", "false");
    let base = world.main();
    for header in HEADERS {
        let new = malformed(&world, header);
        world.push_raw(&[(&base, &new, MAIN)], &[&base]).refused("pre-receive hook declined");
        assert_eq!(world.main(), base, "{header}");
    }
}

#[test]
fn malformed_commits_elsewhere_disturb_nobody() {
    let world = World::new();
    let base = world.main();
    for (number, header) in HEADERS.into_iter().enumerate() {
        let new = malformed(&world, header);
        let name = format!("refs/heads/free{number}");
        std::fs::write(world.path("server.git").join(&name), format!("{new}\n")).unwrap();
    }
    let new = world.commit_tree(&[&base], &good("Good"));
    let unreviewed = world.commit_tree(&[&base], &bad("Bad"));
    world.push_raw(&[(&base, &unreviewed, MAIN)], &[&unreviewed]).refused("peer-review");
    assert_eq!(world.main(), base);
    world.push_raw(&[(&base, &new, MAIN)], &[&new]).accepted();
    assert_eq!(world.main(), new);
}

#[test]
fn an_object_that_is_not_there_is_refused() {
    let world = World::new();
    let base = world.main();
    let missing = "1".repeat(40);
    world.push_raw(&[(&base, &missing, MAIN)], &[&base]).refused("");
    assert_eq!(world.main(), base);
    // What git itself would not ask about.
    let line = format!("{base} {missing} {MAIN}\n");
    let mut command = world.command(BINARY, "server.git");
    let output = fed(command.args(["hook", "pre-receive"]).env("GIT_DIR", "."), line.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("ref-object"));
}

#[test]
fn a_blob_is_no_branch() {
    let world = World::new();
    let base = world.main();
    let blob = world.git(&["rev-parse", "HEAD:README"]);
    world.push_raw(&[(&base, &blob, MAIN)], &[&blob]).refused("ref-object");
    world.push_raw(&[(ZERO, &blob, "refs/heads/release/1")], &[&blob]).refused("ref-object");
    assert_eq!(world.main(), base);
    assert_eq!(world.at("refs/heads/release/1"), None);
}

#[test]
fn what_git_would_not_say_is_refused() {
    let world = World::new();
    let base = world.main();
    for input in [
        format!("{base} {base} {MAIN}"),
        format!("{base} {MAIN}\n"),
        format!("{base} {base} {MAIN}\r\n"),
        format!("{base}  {base} {MAIN}\n"),
        format!("{base} {base} {MAIN}\n\n"),
        format!("{base} {} {MAIN}\n", "0".repeat(64)),
        "\0".repeat(100),
    ] {
        let mut command = world.command(BINARY, "server.git");
        let output = fed(command.args(["hook", "pre-receive"]).env("GIT_DIR", "."), input.as_bytes());
        assert_eq!(output.status.code(), Some(2), "{input:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("of the hook's input"), "{input:?}");
    }
}
