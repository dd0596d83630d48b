//! The hooks of a clone: early, and never the last word.

use std::fs;

use crate::world::{MAIN, POLICY, Pushed, World, bad, good};

/// A server and a clone with hooks.
fn world() -> World {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    world
}

fn commit(world: &World, args: &[&str]) -> Pushed {
    world.command("git", "work").args(["commit", "--allow-empty"]).args(args).output().unwrap().into()
}

#[test]
fn a_message_that_lacks_something_is_refused_and_kept() {
    let world = world();
    let before = world.head();
    let message = "A subject\n\nIt took a while to write this.\n\nChange-Type: normal\n";
    commit(&world, &["-m", message])
        .refused("`Risk` is missing")
        .says("git commit --allow-empty -eF .git/CHANGEGATE_EDITMSG");
    assert_eq!(world.head(), before);
    let kept = fs::read_to_string(world.path("work/.git/CHANGEGATE_EDITMSG")).unwrap();
    assert!(kept.contains("It took a while to write this."));
    let mended = format!("{message}Risk: low\n");
    fs::write(world.path("work/.git/CHANGEGATE_EDITMSG"), mended).unwrap();
    commit(&world, &["-F", ".git/CHANGEGATE_EDITMSG"]).accepted();
    assert!(world.git(&["log", "-1", "--format=%B"]).contains("It took a while"));
}

#[test]
fn what_only_others_can_give_is_not_asked_for_yet() {
    let world = world();
    commit(&world, &["-m", &bad("Nobody has reviewed this yet")]).accepted();
}

#[test]
fn the_hook_can_be_left_out() {
    let world = world();
    commit(&world, &["--no-verify", "-m", "Nothing at all"]).accepted();
    assert_eq!(world.git(&["log", "-1", "--format=%s"]), "Nothing at all");
    // It is help; the server asks again.
    let base = world.main();
    let mut command = world.command("git", "work");
    let pushed: Pushed = command.args(["push", "--no-verify", "origin", "main"]).output().unwrap().into();
    pushed.refused("remote: ").says("peer-review");
    assert_eq!(world.main(), base);
}

#[test]
fn a_ticket_in_the_name_of_the_branch_is_filled_in() {
    let policy = POLICY.replace("startup", "iso27001");
    for (branch, ticket) in [
        ("feature/PAY-412-cache", "PAY-412"),
        ("utf8/UTF-8", "<like PAY-412>"),
        ("HTTP-2-frames", "<like PAY-412>"),
        ("ABC-0", "<like PAY-412>"),
    ] {
        let world = World::under(&policy);
        world.changegate("work", &["install"]).accepted();
        world.git(&["checkout", "-q", "-b", branch]);
        // The editor only shows what it was given.
        let mut command = world.command("git", "work");
        command.env("GIT_EDITOR", "cat >shown <");
        command.args(["commit", "--allow-empty"]).output().unwrap();
        let shown = fs::read_to_string(world.path("work/shown")).unwrap();
        assert!(shown.contains(&format!("\n# Ticket: {ticket}\n")), "{shown}");
        assert!(shown.contains("\n# Risk: "), "{shown}");
        assert!(shown.contains("\n# Please enter the commit message"), "{shown}");
    }
}

#[test]
fn an_editor_that_is_closed_without_a_word_aborts_the_commit() {
    for pack in ["startup", "iso27001"] {
        for more in [&[][..], &["-c", "commit.cleanup=scissors"]] {
            let world = World::under(&POLICY.replace("startup", pack));
            world.changegate("work", &["install"]).accepted();
            world.git(&["checkout", "-q", "-b", "PAY-412-cache"]);
            let before = world.head();
            let mut command = world.command("git", "work");
            command.env("GIT_EDITOR", "true").args(more).args(["commit", "--allow-empty"]);
            let committed: Pushed = command.output().unwrap().into();
            committed.refused("empty commit message");
            assert_eq!(world.head(), before);
        }
    }
}

#[test]
fn what_the_server_will_refuse_is_said_before_anything_is_sent() {
    let world = world();
    let base = world.main();
    commit(&world, &["--no-verify", "-m", "A subject\n\nChange-Type: normal\n"]).accepted();
    let pushed = world.push(&["main"]);
    pushed.refused("`Risk` is missing").does_not_say("remote: ");
    assert_eq!(world.main(), base);
    world.git(&["commit", "-q", "--allow-empty", "--amend", "-m", &good("A subject")]);
    world.push(&["main"]).accepted();
    assert_eq!(world.main(), world.head());
}

#[test]
fn a_clone_that_evaluates_refuses_nothing() {
    let world = world();
    world.configure("changegate.mode", "evaluate");
    commit(&world, &["-m", "Without a word"]).refused("`Risk` is missing");
    world.git(&["config", "changegate.mode", "evaluate"]);
    commit(&world, &["-m", "Without a word"]).accepted().says("`Risk` is missing").says("evaluate mode");
    let pushed = world.push(&["main"]);
    pushed.accepted().says("remote: ").says("evaluate mode: nothing is blocked");
    assert_eq!(world.main(), world.head());
    // The server decides for itself.
    world.configure("changegate.mode", "enforce");
    let landed = world.main();
    commit(&world, &["-m", "Without a word"]).accepted();
    world.push(&["main"]).refused("remote: ");
    assert_eq!(world.main(), landed);
}

#[test]
fn a_standard_change_without_a_catalogue_is_asked_for_no_value() {
    let world = world();
    commit(&world, &["-m", "Patch\n\nChange-Type: standard\nRisk: low\n"])
        .refused("so no value is right")
        .says("the policy owner")
        .does_not_say("STD-");
}

#[test]
fn what_is_not_under_change_control_is_sent_as_it_is() {
    let world = world();
    commit(&world, &["--no-verify", "-m", "Nothing at all"]).accepted();
    world.push(&["main:free"]).accepted();
    world.push(&[":free"]).accepted();
    assert_eq!(world.at("refs/heads/free"), None);
}

#[test]
fn a_repository_without_a_policy_is_left_alone() {
    let world = World::with(None, "sha1");
    world.changegate("work", &["install"]).accepted().says("changegate policy init");
    commit(&world, &["-m", "Nothing at all"]).accepted();
    world.configure("changegate.missingPolicy", "allow");
    world.push(&[&format!("main:{MAIN}")]).accepted();
}

#[test]
fn without_the_program_the_hooks_say_so_and_let_pass() {
    let world = World::new();
    for hook in ["commit-msg", "prepare-commit-msg", "pre-push"] {
        let file = world.path("work/.git/hooks").join(hook);
        let text = fs::read_to_string(format!("{}/hooks/{hook}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        crate::world::script(&file, &text);
    }
    commit(&world, &["-m", &good("Good")]).accepted().says("changegate: not found, so commit-msg is skipped");
    world.push(&["main"]).accepted().says("not found, so pre-push is skipped");
}
