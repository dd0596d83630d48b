//! What `commit-msg` reads, and what it lets pass. Git is the oracle: the message that the hook has read is
//! compared with the one that git stores of the same commit.

use std::fs;

use crate::world::{Pushed, World, good, script};

/// A policy that no message passes, so that each is kept as the hook has read it.
const NEVER: &str = "\
changegate: 1
name: test
protects: [main]
unit: commit
rules:
  never:
    title: never
    why: The test wants to see every message.
    require: { subject: { matches: 'this is never the whole subject' } }
";

const SCISSORS: &str = "------------------------ >8 ------------------------";

fn commit(world: &World, args: &[&str]) -> Pushed {
    world.command("git", "work").args(["commit", "--allow-empty"]).args(args).output().unwrap().into()
}

/// The messages, each of which some way of reading takes for another.
fn messages() -> Vec<Vec<u8>> {
    vec![
        b"A subject\n\n#1 is fixed\n; and this\n// and that\n".to_vec(),
        format!("A subject  \n\n\n\n# {SCISSORS}\nbelow\n; {SCISSORS}\nmore\n\n\n").into_bytes(),
        b"\n\nA subject\n#\n;\n//\nbody\t\n".to_vec(),
        b"Caf\xe9\n\nJ\xc3\xb6rg and J\xf6rg".to_vec(),
        b"A subject\nwithout a last line end".to_vec(),
    ]
}

#[test]
fn the_hook_reads_what_git_stores() {
    let world = World::under(NEVER);
    world.changegate("work", &["install"]).accepted();
    let kept = world.path("work/.git/CHANGEGATE_EDITMSG");
    let given = world.path("given");
    script(&world.path("editor"), "#!/bin/sh\ncat \"$GIVEN\" \"$1\" >\"$1.new\" && mv \"$1.new\" \"$1\"\n");
    world.git(&["config", "user.useConfigOnly", "false"]);
    let messages = messages();
    let mut compared = 0;
    let mut number = 0;
    for cleanup in ["", "strip", "whitespace", "verbatim", "scissors", "default"] {
        for comment in ["", "core.commentChar=;", "core.commentString=//", "core.commentChar=auto"] {
            for way in ["-m", "-F", "-F -e", "editor", "no-op editor"] {
                let verbose = ["", "-v", "commit.verbose=true"][number % 3];
                number += 1;
                let message = &messages[number % messages.len()];
                fs::write(&given, message).unwrap();
                let run = |is_checked: bool| {
                    let mut command = world.command("git", "work");
                    command.env("GIVEN", &given);
                    command.env("GIT_EDITOR", world.path("editor"));
                    for setting in [comment, verbose] {
                        if setting.contains('=') {
                            command.args(["-c", setting]);
                        }
                    }
                    // The configuration and the option say the same.
                    if !cleanup.is_empty() && number % 2 == 0 {
                        command.args(["-c", &format!("commit.cleanup={cleanup}")]);
                    }
                    command.args(["commit", "--allow-empty", "-q"]);
                    if !cleanup.is_empty() && number % 2 == 1 {
                        command.arg(format!("--cleanup={cleanup}"));
                    }
                    if verbose == "-v" {
                        command.arg("-v");
                    }
                    if !is_checked {
                        command.arg("--no-verify");
                    }
                    match way {
                        "-m" => {
                            use std::os::unix::ffi::OsStrExt as _;
                            command.arg("-m").arg(std::ffi::OsStr::from_bytes(message));
                        }
                        "-F" => {
                            command.arg("-F").arg(&given);
                        }
                        "-F -e" => {
                            command.env("GIT_EDITOR", ":").arg("-F").arg(&given).arg("-e");
                        }
                        "no-op editor" => {
                            command.env("GIT_EDITOR", ":").arg("-t").arg(&given);
                        }
                        _ => {}
                    }
                    Pushed::from(command.output().unwrap())
                };
                let _ = fs::remove_file(&kept);
                let refused = run(true);
                assert!(!refused.ok, "{}", refused.seen);
                let stored = run(false);
                let about = format!("{cleanup:?} {comment:?} {way:?} {verbose:?}");
                if !stored.ok {
                    // An empty message, or a template that nobody has edited: git refuses it itself.
                    assert!(stored.seen.contains("Aborting commit"), "{about}: {}", stored.seen);
                    continue;
                }
                let object = world.command("git", "work").args(["cat-file", "commit", "HEAD"]).output();
                let object = object.unwrap().stdout;
                let at = object.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
                assert_eq!(
                    fs::read(&kept).unwrap().escape_ascii().to_string(),
                    object[at..].escape_ascii().to_string(),
                    "{about} {}",
                    message.escape_ascii()
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 70, "{compared}");
}

#[test]
fn a_setting_in_a_file_counts_like_one_of_the_command() {
    let world = World::under(NEVER);
    world.changegate("work", &["install"]).accepted();
    for (first, second, kept) in [
        ("core.commentString=//", "core.commentChar=;", "A\n// x\n"),
        ("core.commentChar=;", "core.commentString=//", "A\n; y\n"),
    ] {
        for setting in [first, second] {
            let (key, value) = setting.split_once('=').unwrap();
            world.git(&["config", key, value]);
        }
        commit(&world, &["--cleanup=strip", "-m", "A\n// x\n; y\n"]).refused("never");
        assert_eq!(fs::read_to_string(world.path("work/.git/CHANGEGATE_EDITMSG")).unwrap(), kept);
        world.git(&["config", "--unset", "core.commentString"]);
        world.git(&["config", "--unset", "core.commentChar"]);
    }
}

#[test]
fn what_the_server_takes_is_not_refused() {
    let world = World::under(&crate::world::POLICY.replace("startup", "core"));
    world.changegate("work", &["install"]).accepted();
    let note = "committed; the change that lands with it will be asked for more";
    world.git(&["checkout", "-q", "-b", "topic"]);
    for message in ["wip", "Cache the lookup", "A\n\nRisk: hgih"] {
        commit(&world, &["-m", message]).accepted().says(note);
    }
    for args in [&["--fixup", "HEAD"][..], &["--squash", "HEAD", "-m", "x"], &["--amend", "-m", "wip"]] {
        commit(&world, args).accepted().says(note);
    }
    world.write("file", "x");
    world.commit("Add a file");
    let revert = world.command("git", "work").args(["revert", "--no-edit", "HEAD"]).output().unwrap();
    Pushed::from(revert).accepted();
    // Main into the topic, and the topic into another.
    world.git(&["checkout", "-q", "main"]);
    commit(&world, &["-m", &good("On main")]).accepted();
    world.git(&["checkout", "-q", "topic"]);
    let merge = |args: &[&str]| -> Pushed {
        world.command("git", "work").args(["merge", "--no-ff"]).args(args).output().unwrap().into()
    };
    merge(&["--no-edit", "main"]).accepted();
    world.git(&["checkout", "-q", "--detach"]);
    commit(&world, &["-m", "wip"]).accepted().says(note);
    world.git(&["checkout", "-q", "topic"]);
    // The merge into main is judged as it lands, with the commits that it brings.
    world.git(&["checkout", "-q", "main"]);
    merge(&["--no-edit", "topic"]).refused("`Risk` is");
    world.git(&["merge", "--abort"]);
    world.git(&["checkout", "-q", "-B", "topic", "main"]);
    commit(&world, &["-m", "wip"]).accepted();
    commit(&world, &["-m", &good("Say it once")]).accepted().does_not_say("changegate");
    world.git(&["checkout", "-q", "main"]);
    merge(&["--no-edit", "topic"]).accepted();
    // And so says the server.
    world.push(&["main"]).accepted();
}

#[test]
fn where_each_commit_is_a_change_what_is_folded_away_passes() {
    let world = World::under(crate::world::BY_COMMIT);
    world.changegate("work", &["install"]).accepted();
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit(&world, &["-m", "wip"]).refused("`Risk` is missing");
    commit(&world, &["-m", &good("A subject")]).accepted();
    commit(&world, &["--fixup", "HEAD"]).accepted().says("will be asked for more");
    world.git(&["checkout", "-q", "main"]);
    commit(&world, &["--fixup", "HEAD"]).refused("`Risk` is missing");
}

#[test]
fn a_hint_is_a_comment_or_it_is_not_given() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    for (args, hint) in [
        (&["-c", "core.commentChar=;", "commit"][..], "\n; Risk: "),
        (&["-c", "core.commentString=//", "commit"], "\n// Risk: "),
        (&["commit"], "\n# Risk: "),
        (&["commit", "--cleanup=scissors"], ""),
        (&["commit", "--cleanup=whitespace"], ""),
        (&["commit", "-v"], "\n# Risk: "),
    ] {
        let mut command = world.command("git", "work");
        command.env("GIT_EDITOR", "cat >shown <");
        command.args(args).arg("--allow-empty").output().unwrap();
        let shown = fs::read_to_string(world.path("work/shown")).unwrap();
        assert_eq!(shown.matches("Risk: ").count(), usize::from(!hint.is_empty()), "{args:?} {shown}");
        assert!(shown.contains(hint), "{args:?} {shown}");
    }
}

#[test]
fn a_diff_is_not_left_in_the_message() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    world.write("file", "a secret\n");
    world.git(&["add", "-A"]);
    script(&world.path("editor"), "#!/bin/sh\nsed -i '1s/^/Third/' \"$1\"\n");
    let mut command = world.command("git", "work");
    command.env("GIT_EDITOR", world.path("editor"));
    Pushed::from(command.args(["commit", "-v"]).output().unwrap()).refused("git commit -eF");
    for file in ["COMMIT_EDITMSG", "CHANGEGATE_EDITMSG"] {
        let left = fs::read_to_string(world.path("work/.git").join(file)).unwrap();
        assert!(left.starts_with("Third\n") && !left.contains("a secret"), "{left}");
    }
}

/// As behind a word such as `low`, a reason may stand behind a value of a form.
#[test]
fn a_value_of_a_form_may_be_explained() {
    let world = World::under(
        "changegate: 1\nname: test\nprotects: [main]\n\
         fields: { Ticket: { matches: '[A-Z]+-[0-9]+', example: PAY-1 } }\n\
         rules: { ticket: { require: { field: { Ticket: present } } } }\n",
    );
    for (value, is_taken) in [
        ("PAY-1: charge twice", true),
        ("charge: PAY-1", false),
        ("PAY-1 charge twice", false),
        ("PAY: 1", false),
    ] {
        world.commit(&format!("Charge once\n\nTicket: {value}\n"));
        let pushed = world.push(&["main"]);
        assert_eq!(pushed.ok, is_taken, "{value}: {}", pushed.seen);
        world.git(&["reset", "-q", "--hard", &world.main()]);
    }
}
