//! The command that a refused commit prints, run as it is printed, in the state that the refusal left.

use std::fs;

use crate::world::{Pushed, World, fed, good, script};

/// A clone with hooks, two files on main, and an editor that only fills in what the message asks for.
fn world() -> World {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    world.write("a", "1\n");
    world.write("b", "1\n");
    world.commit(&good("Two files"));
    let fill = "#!/bin/sh\nsed -i -e 's/^Change-Type: <.*/Change-Type: normal/' -e 's/^Risk: <.*/Risk: low/' \"$1\"\n";
    script(&world.path("fill"), fill);
    script(&world.path("say"), "#!/bin/sh\nsed -i '1s/^/Reworded /' \"$1\"\n");
    script(
        &world.path("empty"),
        "#!/bin/sh\nsed -i -e '1s/^/Reworded /' -e '/^Change-Type/d' -e '/^Risk/d' \"$1\"\n",
    );
    world
}

/// Runs git, which has to be refused by the hook, and then the command that it prints, until none is printed.
#[track_caller]
fn fix(world: &World, args: &[&str], variables: &[(&str, &str)], input: &str) -> String {
    let mut command = world.command("git", "work");
    for (name, value) in variables {
        let value =
            if *name == "GIT_EDITOR" { world.path(value).display().to_string() } else { (*value).into() };
        command.env(name, value);
    }
    let refused: Pushed = fed(command.args(args), input.as_bytes()).into();
    refused.says("changegate: denied");
    let printed =
        refused.seen.lines().find_map(|line| line.trim().strip_prefix("to fix: ")).unwrap().to_owned();
    let mut command = world.command("sh", "work");
    command.env("GIT_EDITOR", world.path("fill")).args(["-c", &printed]);
    let done: Pushed = fed(&mut command, input.as_bytes()).into();
    assert!(done.ok, "{printed}: {}", done.seen);
    done.does_not_say("changegate: denied");
    printed
}

fn show(world: &World, what: &str) -> String {
    world.git(&["show", what])
}

#[test]
fn each_way_to_commit_is_gone_again() {
    for (args, input, a, b) in [
        (&["commit", "-m", "x"][..], "", "2", "1"),
        (&["commit", "-am", "x"], "", "2", "2"),
        (&["commit", "-qvam", "x"], "", "2", "2"),
        (&["commit", "--all", "--message=x"], "", "2", "2"),
        (&["commit", "-m", "x", "b"], "", "1", "2"),
        (&["commit", "-i", "-m", "x", "--", "b"], "", "2", "2"),
        (&["commit", "-p", "-m", "x"], "y\n", "2", "2"),
        (&["commit", "--amend", "-m", "x"], "", "2", "1"),
        (&["commit", "--amend", "-am", "x"], "", "2", "2"),
        (&["commit", "--amend", "-pm", "x"], "y\n", "2", "2"),
    ] {
        let world = world();
        let before = world.head();
        // One change is staged and one is not.
        world.write("a", "2\n");
        world.git(&["add", "a"]);
        world.write("b", "2\n");
        let printed = fix(&world, args, &[], input);
        assert_eq!((show(&world, "HEAD:a").as_str(), show(&world, "HEAD:b").as_str()), (a, b), "{printed}");
        assert_eq!(world.git(&["log", "-1", "--format=%s%(trailers:key=Risk)"]), "xRisk: low");
        let parent = world.git(&["rev-parse", "HEAD^"]);
        assert_eq!(parent == before, !args.contains(&"--amend"), "{printed}");
        // What was not part of the commit is still there, as it was.
        let status = world.git(&["status", "--porcelain"]);
        assert_eq!(status.is_empty(), a == b, "{printed}: {status}");
    }
}

#[test]
fn the_options_of_the_commit_are_given_again() {
    let world = world();
    fix(&world, &["commit", "--allow-empty", "-m", "x", "--author=A B <b@example.com>"], &[], "");
    assert_eq!(world.git(&["log", "-1", "--format=%s %an"]), "x A B");
    world.write("a", "2\n");
    world.git(&["commit", "-aq", "--no-verify", "--author=C <c@example.com>", "-m", "No fields"]);
    world.write("a", "3\n");
    fix(&world, &["commit", "-aC", "HEAD"], &[], "");
    assert_eq!(world.git(&["log", "-1", "--format=%s %an"]), "No fields C");
    world.write("a", "4\n");
    fix(&world, &["commit", "-a"], &[("GIT_EDITOR", "say")], "");
    assert_eq!(world.git(&["log", "-1", "--format=%s"]), "Reworded");
    // Lines that look like comments stay in the message, as they would have.
    world.write("a", "5\n");
    fix(&world, &["commit", "-am", "Subject\n\n#12 is about this"], &[], "");
    assert!(world.git(&["log", "-1", "--format=%B"]).contains("\n#12 is about this\n"));
    assert!(!world.git(&["log", "-1", "--format=%B"]).contains("Please enter"));
}

#[test]
fn a_fixup_with_a_message_of_its_own_is_made_again() {
    // Git writes over the colon in its own command line, which the hook reads.
    for (fixup, a) in [("--fixup=amend:HEAD", "2"), ("--fixup=reword:HEAD", "1")] {
        let world = world();
        world.write("a", "2\n");
        world.git(&["add", "a"]);
        let before = world.head();
        fix(&world, &["commit", fixup], &[("GIT_EDITOR", "empty")], "");
        assert_eq!(
            world.git(&["log", "-1", "--format=%s%(trailers:key=Risk)"]),
            "Reworded amend! Two filesRisk: low"
        );
        assert_eq!(world.git(&["rev-parse", "HEAD^"]), before, "{fixup}");
        assert_eq!(show(&world, "HEAD:a"), a, "{fixup}");
        assert_eq!(world.git(&["status", "--porcelain"]).is_empty(), a == "2", "{fixup}");
    }
}

#[test]
fn the_commit_keeps_its_author() {
    let who = "%s %an <%ae>, %cn";
    let world = world();
    world.git(&["config", "user.name", "Ana"]);
    world.git(&["config", "user.email", "ana@example.com"]);
    world.git(&["config", "alias.ci", "commit -a"]);
    let none: [(&str, &str); 0] = [];
    let variables = ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"];
    let settings = ["-c", "user.name=Zed O'Hara", "-c", "user.email=zed@example.com"];
    for (number, more) in [&["commit", "-am", "x"][..], &["ci", "-m", "x"]].into_iter().enumerate() {
        world.write("a", &format!("new {number}\n"));
        let args = [&settings[..], more].concat();
        fix_without(&world, &args, &none, &variables);
        let made = world.git(&["log", "-1", &format!("--format={who}")]);
        assert_eq!(made, "x Zed O'Hara <zed@example.com>, Zed O'Hara");
    }
    // An author that only the environment of the command names.
    world.write("a", "other\n");
    let zed = [("GIT_AUTHOR_NAME", "Zed"), ("GIT_AUTHOR_EMAIL", "zed@example.com")];
    fix_without(&world, &["commit", "-am", "y"], &zed, &variables);
    assert_eq!(world.git(&["log", "-1", &format!("--format={who}")]), "y Zed <zed@example.com>, Ana");
}

/// As [`fix`], without these variables of the tests, and with others for the first command alone.
#[track_caller]
fn fix_without(world: &World, args: &[&str], given: &[(&str, &str)], removed: &[&str]) {
    let start = |program: &str| {
        let mut command = world.command(program, "work");
        removed.iter().for_each(|name| {
            command.env_remove(name);
        });
        command
    };
    let refused: Pushed = start("git").args(args).envs(given.iter().copied()).output().unwrap().into();
    refused.says("changegate: denied");
    let printed =
        refused.seen.lines().find_map(|line| line.trim().strip_prefix("to fix: ")).unwrap().to_owned();
    let mut command = start("sh");
    let done: Pushed =
        command.env("GIT_EDITOR", world.path("fill")).args(["-c", &printed]).output().unwrap().into();
    assert!(done.ok, "{printed}: {}", done.seen);
}

#[test]
fn a_wrong_line_is_replaced() {
    let world = world();
    world.write("a", "2\n");
    let message = "x\n\nChange-Type: normal\nRisk: hgih\nTicket: PAY-1";
    fix(&world, &["commit", "-am", message], &[], "");
    assert_eq!(world.git(&["log", "-1", "--format=%B"]), message.replace("hgih", "low"));
}

#[test]
fn a_merge_is_completed() {
    for is_conflict in [false, true] {
        let world = world();
        world.git(&["checkout", "-q", "-b", "topic"]);
        world.write("a", "2\n");
        world.commit("On the topic");
        world.git(&["checkout", "-q", "main"]);
        if is_conflict {
            world.write("a", "3\n");
            world.commit(&good("On main"));
            assert!(
                !world.command("git", "work").args(["merge", "topic"]).output().unwrap().status.success()
            );
            world.write("a", "4\n");
            world.git(&["add", "a"]);
            fix(&world, &["commit", "--no-edit"], &[], "");
        } else {
            fix(&world, &["merge", "--no-ff", "--no-edit", "topic"], &[], "");
        }
        assert_eq!(world.git(&["rev-list", "--merges", "--count", "HEAD"]), "1");
        assert_eq!(world.git(&["status", "--porcelain"]), "");
        assert!(!world.path("work/.git/MERGE_HEAD").exists());
    }
}

/// Returns whether a printed line ends with what goes on; it names the folder where git was started from another
/// one.
fn goes_on(printed: &str, command: &str) -> bool {
    let last = printed.rsplit(" && ").next().unwrap_or_default();
    last.starts_with("git ") && last.ends_with(&format!(" {command} --continue"))
}

#[test]
fn a_rebase_goes_on() {
    let world = world();
    for name in ["One", "Two", "Three"] {
        world.write(name, name);
        world.commit(&good(name));
    }
    // A message that loses its fields on the way.
    let sequence = [("GIT_SEQUENCE_EDITOR", "sed -i '2s/pick/reword/'"), ("GIT_EDITOR", "empty")];
    let printed = fix(&world, &["rebase", "-i", "HEAD~3"], &sequence, "");
    assert!(goes_on(&printed, "rebase"), "{printed}");
    assert_eq!(world.git(&["log", "-3", "--format=%s"]), "Three\nReworded Two\nOne");
    assert_eq!(
        world.git(&["log", "-3", "--format=%(trailers:key=Risk,valueonly,separator=%x2C)"]),
        "low\nlow\nlow"
    );
    assert!(!world.path("work/.git/rebase-merge").exists());
    // A conflict that was resolved.
    world.git(&["checkout", "-q", "-b", "side", "HEAD~2"]);
    world.write("Two", "other");
    world.commit(&good("Other"));
    world.git(&["checkout", "-q", "main"]);
    assert!(!world.command("git", "work").args(["rebase", "side"]).output().unwrap().status.success());
    world.write("Two", "both");
    world.git(&["add", "Two"]);
    let printed = fix(&world, &["commit", "-m", "Both"], &[], "");
    assert!(goes_on(&printed, "rebase"), "{printed}");
    assert!(!world.path("work/.git/rebase-merge").exists());
    assert_eq!(show(&world, "HEAD:Two"), "both");
    assert_eq!(world.git(&["rev-parse", "--abbrev-ref", "HEAD"]), "main");
}

#[test]
fn a_series_of_patches_is_not_taken_for_a_rebase() {
    for is_rebase in [false, true] {
        let world = world();
        world.git(&["checkout", "-q", "-b", "side"]);
        for (file, subject) in [("a", "One"), ("Two", "Two")] {
            world.write(file, subject);
            world.commit(subject);
        }
        world.git(&["format-patch", "-q", "-2", "-o", "../patches"]);
        world.git(&["checkout", "-q", "main"]);
        world.write("a", "other");
        world.commit(&good("Other"));
        let patch = |name: &str| world.path(&format!("patches/{name}.patch")).display().to_string();
        let patches = [patch("0001-One"), patch("0002-Two")];
        if is_rebase {
            world.git(&["branch", "other"]);
            world.git(&["reset", "-q", "--hard", "side"]);
            conflict(&world, &["rebase", "--apply", "other"], "both");
        } else {
            conflict(&world, &["am", "-3", &patches[0], &patches[1]], "both");
        }
        let printed = fix(&world, &["commit", "-m", "One, resolved"], &[], "");
        assert!(!printed.contains("--continue"), "{printed}");
        assert_eq!(show(&world, "HEAD:a"), "both");
        // What git itself offers goes on from there.
        world.git(&[if is_rebase { "rebase" } else { "am" }, "--skip"]);
        assert_eq!(world.git(&["log", "-2", "--format=%s"]), "Two\nOne, resolved");
    }
}

/// The files of the second part are in no commit yet where the first one is refused.
#[test]
fn a_commit_that_is_split_loses_no_part() {
    for word in ["edit", "e"] {
        let world = world();
        world.write("first", "1");
        world.write("second", "2");
        world.commit(&good("Both"));
        world.write("third", "3");
        world.commit(&good("Third"));
        let mut rebase = world.command("git", "work");
        rebase
            .args(["rebase", "-i", "HEAD~2"])
            .env("GIT_SEQUENCE_EDITOR", format!("sed -i '1s/^pick/{word}/'"));
        assert!(rebase.output().unwrap().status.success());
        world.git(&["reset", "-q", "HEAD^"]);
        world.git(&["add", "first"]);
        let printed = fix(&world, &["commit", "-m", "First part"], &[], "");
        assert!(!printed.contains("--continue"), "{printed}");
        assert_eq!(world.git(&["status", "--porcelain"]), "?? second");
        world.git(&["add", "second"]);
        world.git(&["commit", "-q", "-m", &good("Second part")]);
        world.git(&["rebase", "--continue"]);
        assert_eq!(world.git(&["log", "-3", "--format=%s"]), "Third\nSecond part\nFirst part");
    }
}

/// Runs git, which has to stop at a conflict in `a`, and resolves it.
#[track_caller]
fn conflict(world: &World, args: &[&str], resolved: &str) {
    let output = world.command("git", "work").args(args).output().unwrap();
    assert!(!output.status.success(), "{args:?}");
    world.write("a", resolved);
    world.git(&["add", "a"]);
}

#[test]
fn cherry_picks_and_reverts_go_on() {
    let world = world();
    world.git(&["checkout", "-q", "-b", "side"]);
    for name in ["One", "Two", "Three"] {
        world.write(if name == "Three" { name } else { "a" }, name);
        world.git(&["add", "-A"]);
        world.git(&["commit", "-q", "--no-verify", "--author=C <c@example.com>", "-m", name]);
    }
    world.git(&["checkout", "-q", "main"]);
    // Git asks the hook where the user goes on after a conflict.
    conflict(&world, &["cherry-pick", "side~1"], "Two");
    fix(&world, &["cherry-pick", "--continue"], &[], "");
    assert_eq!(world.git(&["log", "-1", "--format=%s %an"]), "Two C");
    conflict(&world, &["cherry-pick", "side~2", "side"], "2 and 1");
    let printed = fix(&world, &["cherry-pick", "--continue"], &[], "");
    assert!(goes_on(&printed, "cherry-pick"), "{printed}");
    assert!(!world.path("work/.git/sequencer").exists());
    assert_eq!(world.git(&["log", "-2", "--format=%s %an"]), "Three C\nOne C");
    conflict(&world, &["cherry-pick", "side~2", "side"], "3");
    world.git(&["cherry-pick", "--abort"]);
    conflict(&world, &["revert", "--no-edit", "HEAD~2"], "reverted");
    fix(&world, &["commit", "--no-edit"], &[], "");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    assert!(!world.path("work/.git/REVERT_HEAD").exists());
    conflict(&world, &["revert", "--no-edit", "HEAD~2", "HEAD~1"], "reverted again");
    let printed = fix(&world, &["revert", "--continue"], &[], "");
    assert!(goes_on(&printed, "revert"), "{printed}");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    assert!(!fs::exists(world.path("work/Three")).unwrap());
}
