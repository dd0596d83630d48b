//! A refused message that is edited at once, at a terminal.

use std::fs;
use std::process::Command;

use crate::world::{Pushed, World, fed, script};

/// The question, as a person sees it.
const QUESTION: &str = "[e]dit the message now, or [a]bort and keep it?";

/// A clone with hooks and an editor that makes one of these edits each time, or none: without `script`, which
/// makes the terminal, there is nothing to test.
fn world(edits: &[&str]) -> Option<World> {
    if !Command::new("script").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: `script` is not installed");
        return None;
    }
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    fs::write(world.path("edits"), edits.join("\n") + "\n").unwrap();
    let text = "#!/bin/sh\nsed -i \"$(head -n 1 ../edits)\" \"$1\" && sed -i 1d ../edits\n";
    script(&world.path("editor"), text);
    world.git(&["config", "core.editor", world.path("editor").to_str().unwrap()]);
    Some(world)
}

/// Runs a command line at a terminal at which `typed` is typed.
fn run(world: &World, environment: &[(&str, &str)], line: &str, typed: &str) -> Pushed {
    let mut command = world.command("script", "work");
    command.envs(environment.iter().copied()).args(["-qefc", line, "/dev/null"]);
    let mut seen: Pushed = fed(&mut command, typed.as_bytes()).into();
    seen.seen = seen.seen.replace('\r', "");
    seen
}

const COMMIT: &str = "git commit --allow-empty -m 'A subject' -m 'Change-Type: normal'";

#[test]
fn a_refused_message_is_edited_and_judged_again() {
    let Some(world) = world(&["s/^Risk: .*/Risk: none/; s/^A /Another /"]) else { return };
    let wrong = run(&world, &[], COMMIT, "e\na\n");
    wrong
        .refused(QUESTION)
        .says("`Risk` is `none`")
        .says("git commit --allow-empty -eF .git/CHANGEGATE_EDITMSG");
    assert_eq!(wrong.seen.matches("`Risk` is missing").count(), 1, "{}", wrong.seen);
    assert_eq!(wrong.seen.matches(QUESTION).count(), 2, "{}", wrong.seen);
    let kept = world.path("work/.git/CHANGEGATE_EDITMSG");
    assert!(fs::read_to_string(&kept).unwrap().starts_with("Another subject\n"));
    fs::write(world.path("edits"), "s/^Risk: .*/Risk: low/\n").unwrap();
    run(&world, &[], COMMIT, "what\nEdit\n").accepted().says(QUESTION);
    assert_eq!(world.git(&["log", "-1", "--format=%(trailers:key=Risk)"]).trim(), "Risk: low");
    assert!(!kept.exists());
}

#[test]
fn a_person_who_does_not_edit_gets_what_is_printed() {
    let Some(world) = world(&["s/^Risk: .*/Risk: low/"]) else { return };
    let before = world.head();
    for typed in ["a\n", "\n", "abort\n", "x\ny\nz\ne\n", ""] {
        run(&world, &[], COMMIT, typed).refused(QUESTION).says("-eF .git/CHANGEGATE_EDITMSG");
        let kept = fs::read_to_string(world.path("work/.git/CHANGEGATE_EDITMSG")).unwrap();
        assert!(kept.starts_with("A subject\n\nChange-Type: normal\n"), "{kept}");
    }
    script(&world.path("editor"), "#!/bin/sh\nexit 1\n");
    run(&world, &[], COMMIT, "e\n").refused("ended with an error");
    assert_eq!(world.head(), before);
}

#[test]
fn nothing_is_asked_where_no_person_may_be() {
    let Some(world) = world(&["s/^Risk: .*/Risk: low/"]) else { return };
    let before = world.head();
    for environment in [("CI", "true"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_EDITOR", ":")] {
        let seen = run(&world, &[environment], COMMIT, "e\n");
        seen.refused("`Risk` is missing").does_not_say("[e]dit");
    }
    for line in [
        format!("{COMMIT} </dev/null"),
        "printf 'A subject\\n' | git commit --allow-empty -F -".to_owned(),
        format!("({COMMIT}) 2>&1 | cat; exit 1"),
        format!("setsid -w {COMMIT}"),
    ] {
        run(&world, &[], &line, "e\n").refused("`Risk` is missing").does_not_say("[e]dit");
    }
    assert_eq!(world.head(), before);
    // What is not refused is not asked about.
    world.git(&["checkout", "-q", "-b", "topic"]);
    run(&world, &[], COMMIT, "e\n").accepted().does_not_say("[e]dit");
}

#[test]
fn a_merge_is_edited_as_well() {
    let Some(world) = world(&["s/^Change-Type: .*/Change-Type: normal/", "s/^Risk: .*/Risk: low/"]) else {
        return;
    };
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.write("file", "x");
    world.commit("On the topic");
    world.git(&["checkout", "-q", "main"]);
    world.write("other", "x");
    world.commit("On main");
    let merge = "git merge --no-ff -m 'A merge' -m 'Note: x' topic";
    run(&world, &[], merge, "e\ne\n").accepted().says(QUESTION);
    let message = world.git(&["log", "-1", "--format=%B"]);
    assert!(message.contains("Note: x\nChange-Type: normal\nRisk: low"), "{message}");
}
