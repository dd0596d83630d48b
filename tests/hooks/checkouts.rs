//! What is printed works in the state of the clone in which it is printed: with work that is not committed, with
//! branches in other worktrees, in the middle of a merge, and where objects are left out.

use std::fs;
use std::path::Path;

use crate::pasted::{branch_off_misspelt, commit, follow, follow_with};
use crate::world::{BINARY, BY_COMMIT, POLICY, Pushed, World, bad, good, path_without_program, script};

/// Returns the lines of what was printed that are commands of this program.
fn printed_lines(pushed: &Pushed, program: &str) -> Vec<String> {
    let lines = pushed.seen.lines().map(|line| line.trim_start_matches("remote:").trim());
    lines.filter(|line| line.starts_with(program)).map(str::to_owned).collect()
}

/// Asserts that nothing but commands is wider than a terminal, behind what git writes before a server's lines.
#[track_caller]
fn assert_fits(said: &Pushed) {
    for line in said.seen.lines() {
        let is_command = line.trim_start_matches("remote:").trim_start().starts_with("git ");
        assert!(is_command || line.chars().count() <= 80, "{line:?} in:\n{}", said.seen);
    }
}

/// Runs a printed line in a folder.
#[track_caller]
fn run_printed(world: &World, folder: &str, line: &str) -> Pushed {
    let with = format!(
        "{}:{}",
        Path::new(BINARY).parent().unwrap().display(),
        path_without_program().to_string_lossy()
    );
    world.command("sh", folder).args(["-c", line]).env("PATH", with).output().unwrap().into()
}

/// Lands a commit on a branch of the server that the clone does not know.
fn land_elsewhere(world: &World, branch: &str, file: &str) {
    let url = world.url();
    world.git_in("", &["clone", "-q", &url, "other"]);
    fs::write(world.path("other").join(file), file).unwrap();
    world.git_in("other", &["add", "-A"]);
    world.git_in("other", &["commit", "-q", "-m", &good("Elsewhere")]);
    world.git_in("other", &["push", "-q", "origin", &format!("HEAD:{branch}")]);
}

#[test]
fn a_forced_push_is_put_upon_what_it_would_drop() {
    for (local, target) in
        [("main", "main"), ("topic", "main"), ("main", "release/1"), ("main", "release/a;b")]
    {
        let world = World::new();
        land_elsewhere(&world, target, "theirs");
        if local != "main" {
            world.git(&["checkout", "-q", "-b", local]);
        }
        commit(&world, &good("Mine"));
        world.write("README", "not committed");
        let refspec = format!("{local}:{target}");
        let refused = world.push(&["-f", &refspec]);
        refused.refused("if it is not `origin`");
        let lines = printed_lines(&refused, "git pull");
        assert_eq!(lines.len(), 1, "{}", refused.seen);
        run_printed(&world, "work", &lines[0]).accepted();
        world.push(&[&refspec]).accepted();
        assert_eq!(world.git(&["diff", "--name-only"]), "README");
        assert!(world.path("work/theirs").exists(), "{target}");
    }
}

#[test]
fn a_rebase_begins_below_every_commit_that_it_rewords() {
    // By date alone, a commit of the side line comes before the one below it.
    for (below, side) in
        [("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"), ("2026-01-03T10:00:00Z", "2026-01-01T10:00:00Z")]
    {
        for is_below_denied in [true, false] {
            for is_installed in [false, true] {
                let mut world = World::under(BY_COMMIT);
                let set_date = |world: &mut World, date: &str| {
                    world.environment = vec![("GIT_COMMITTER_DATE".into(), date.into())];
                };
                set_date(&mut world, below);
                if is_below_denied {
                    commit(&world, &bad("Below"));
                }
                world.git(&["checkout", "-q", "-b", "topic"]);
                set_date(&mut world, side);
                commit(&world, &bad("Topic"));
                commit(&world, &good("Topic again"));
                world.git(&["checkout", "-q", "main"]);
                set_date(&mut world, below);
                commit(&world, &bad("Main"));
                world.git(&["merge", "-q", "--no-ff", "-m", &good("Merge topic"), "topic"]);
                commit(&world, &good("Above"));
                if is_installed {
                    world.changegate("work", &["install"]).accepted();
                }
                let pushed = world.push(&["main"]);
                pushed.refused("git rebase -i --rebase-merges --autostash");
                follow(&mut world, &pushed);
                world.push(&["main"]).accepted();
                assert_eq!(world.git(&["rev-list", "--merges", "--count", "main"]), "1");
            }
        }
    }
}

#[test]
fn a_server_names_the_branch_that_holds_all_that_is_reworded() {
    let world = World::under(BY_COMMIT);
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit(&world, &bad("Topic"));
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "-m", &good("Merge topic"), "topic"]);
    let merge = world.head();
    world.push(&["main"]).refused(&format!("first, switch to the branch that holds {}", &merge[..10]));
}

#[test]
fn a_branch_of_another_worktree_is_reworded_there() {
    let mut world = World::new();
    world.git(&["worktree", "add", "-q", "../w t", "-b", "topic"]);
    for name in ["One", "Two"] {
        fs::write(world.path("w t").join(name), name).unwrap();
        world.git_in("w t", &["add", "-A"]);
        world.git_in("w t", &["commit", "-q", "-m", name]);
    }
    world.git(&["checkout", "-q", "-b", "side"]);
    let top = world.path("w t").canonicalize().unwrap().display().to_string();
    let checked = world.changegate("work", &["check", "main..topic", "--unit", "commit"]);
    checked.refused(&format!("git -C '{top}' rebase -i")).does_not_say("^ topic");
    let editor = "#!/bin/sh\ngit interpret-trailers --in-place --trailer 'Change-Type: normal' --trailer 'Risk: low' \"$1\"\n";
    script(&world.path("fields"), editor);
    follow_with(&mut world, &checked, "fields");
    world.changegate("work", &["check", "main..topic"]).does_not_say("`Risk` is missing");
    // From the other worktree, the branch of the first one is reworded in the first one.
    commit(&world, "Side");
    commit(&world, "Side again");
    let top = world.path("work").canonicalize().unwrap().display().to_string();
    let checked = world.changegate("w t", &["check", "main..side"]);
    checked.refused(&format!("git -C {top} rebase -i"));
    // Without a work tree that has it, the branch is switched to.
    world.git(&["checkout", "-q", "--detach"]);
    world.changegate("w t", &["check", "main..side"]).refused("^ side");
}

#[test]
fn a_branch_that_stands_where_head_is_is_not_amended_as_another() {
    let mut world = World::new();
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit(&world, "One");
    world.git(&["checkout", "-q", "-b", "other"]);
    let checked = world.changegate("work", &["check", "main..topic"]);
    checked.refused("^ topic").does_not_say("--amend");
    let editor = "#!/bin/sh\ngit interpret-trailers --in-place --trailer 'Change-Type: normal' --trailer 'Risk: low' \"$1\"\n";
    script(&world.path("fields"), editor);
    follow_with(&mut world, &checked, "fields");
    assert_eq!(world.git(&["symbolic-ref", "--short", "HEAD"]), "topic");
}

#[test]
fn what_git_has_begun_is_ended_before_a_commit_is_reworded() {
    for (begin, operation) in [
        (&["merge", "topic"][..], "merge"),
        (&["cherry-pick", "topic"], "cherry-pick"),
        (&["revert", "--no-edit", "HEAD~1"], "revert"),
        (&["rebase", "topic"], "rebase"),
    ] {
        let mut world = World::new();
        world.git(&["checkout", "-q", "-b", "topic"]);
        world.write("README", "topic");
        world.commit(&good("Topic"));
        world.git(&["checkout", "-q", "main"]);
        world.write("README", "main");
        world.commit(&good("Main"));
        world.write("README", "more");
        world.commit("Denied");
        let mut command = world.command("git", "work");
        let begun: Pushed = command.args(begin).output().unwrap().into();
        begun.refused("onflict");
        let checked = world.changegate("work", &["check"]);
        let installed = world.changegate("work", &["install"]);
        installed.accepted();
        for said in [checked, world.push(&["HEAD:main"])] {
            if said.ok {
                continue;
            }
            said.refused("and git rewords no commit before it is")
                .does_not_say("--amend")
                .does_not_say("rebase -i")
                .does_not_say("as shown below");
            let lines = printed_lines(&said, "git ");
            assert_eq!(
                lines,
                [format!("git {operation} --continue"), format!("git {operation} --abort")],
                "{}",
                said.seen
            );
        }
        run_printed(&world, "work", &format!("git {operation} --abort")).accepted();
        let checked = world.changegate("work", &["check"]);
        checked.refused("to fix: git commit --amend --only");
        let editor = "#!/bin/sh\ngit interpret-trailers --in-place --trailer 'Change-Type: normal' --trailer 'Risk: low' --trailer 'Reviewed-by: Ben <ben@example.com>' \"$1\"\n";
        script(&world.path("fields"), editor);
        follow_with(&mut world, &checked, "fields");
        world.changegate("work", &["check"]).accepted();
    }
}

/// A rule that names people.
const OPS: &str = "\
people: { teams: { ops: [ben@example.com, kim@example.com] } }
rules: { ops: { require: { approvals: { from: [ops], trust: claimed } } } }
";

/// `git stash pop`, `git merge --squash` and `git checkout -m` leave conflicts, and no operation that waits for its end.
#[test]
fn conflicts_that_no_operation_waits_for_are_resolved_before_a_commit_is_reworded() {
    for begin in [&["stash", "pop"][..], &["merge", "--squash", "topic"], &["checkout", "-m", "main"]] {
        // The plan says whom to ask, so that it is told.
        let mut world = World::under(&format!("{POLICY}{OPS}"));
        world.git(&["checkout", "-q", "-b", "topic"]);
        world.write("README", "topic");
        world.commit(&good("Topic"));
        if begin[0] != "checkout" {
            world.git(&["checkout", "-q", "main"]);
        } else {
            world.git(&["checkout", "-q", "-B", "main", "HEAD~1"]);
        }
        world.write("README", "stashed");
        if begin[0] == "stash" {
            world.git(&["stash", "-q"]);
        } else {
            world.git(&["checkout", "-q", "README"]);
        }
        world.write("README", "main");
        world.commit("Denied");
        commit(&world, "Denied too");
        if begin[0] == "checkout" {
            world.git(&["checkout", "-q", "topic"]);
            world.write("README", "more");
        }
        let mut command = world.command("git", "work");
        let begun: Pushed = command.args(begin).output().unwrap().into();
        assert!(!world.git(&["diff", "--name-only", "--diff-filter=U"]).is_empty(), "{}", begun.seen);
        let checked = world.changegate("work", &["check", "--unit", "commit"]);
        world.changegate("work", &["install"]).accepted();
        for said in [checked, world.push(&["main"])] {
            said.refused("files here have conflicts").does_not_say("--amend").does_not_say("rebase -i");
            said.does_not_say("as shown below").says("the author states `Risk`");
            let lines = printed_lines(&said, "git ");
            assert_eq!(lines, ["git diff --name-only --diff-filter=U"], "{}", said.seen);
            assert!(run_printed(&world, "work", &lines[0]).accepted().seen.contains("README"));
        }
        world.write("README", "resolved");
        world.git(&["add", "README"]);
        let checked = world.changegate("work", &["check", "--unit", "commit"]);
        checked.refused("to fix");
        let editor = "#!/bin/sh\ngit interpret-trailers --in-place --trailer 'Change-Type: normal' --trailer 'Risk: low' --trailer 'Reviewed-by: Ben <ben@example.com>' \"$1\"\n";
        script(&world.path("fields"), editor);
        follow_with(&mut world, &checked, "fields");
        world.changegate("work", &["check", "--unit", "commit"]).accepted();
        assert_eq!(fs::read_to_string(world.path("work/README")).unwrap(), "resolved");
    }
}

#[test]
fn a_merge_that_is_not_finished_is_named_for_the_folder_of_the_reader() {
    let world = World::new();
    branch_off_misspelt(&world, "topic");
    world.git(&["merge", "-q", "--no-ff", "--no-commit", "topic"]);
    commit(&world, "A merge");
    branch_off_misspelt(&world, "more");
    world.git(&["merge", "-q", "--no-ff", "--no-commit", "more"]);
    let checked = world.changegate("", &["check", "-C", "work"]);
    let lines = printed_lines(checked.refused("a merge is not finished here"), "git ");
    assert_eq!(lines, ["git -C work merge --continue", "git -C work merge --abort"]);
    run_printed(&world, "", &lines[1]).accepted();
}

/// A clone without the contents of files that a push has changed meanwhile.
fn clone_partly() -> World {
    let world = World::new();
    world.configure("uploadpack.allowFilter", "true");
    let url = world.url();
    world.git_in("", &["clone", "-q", "--filter=blob:none", &url, "part"]);
    let policy = fs::read_to_string(world.path("work/policies/changegate.yml")).unwrap();
    world.write("policies/changegate.yml", &format!("{policy}# A comment.\n"));
    world.commit(&good("Comment"));
    world.push(&["main"]).accepted();
    world
}

#[test]
fn a_policy_that_a_partial_clone_lacks_is_fetched_as_it_says() {
    let world = clone_partly();
    world.git_in("part", &["fetch", "-q"]);
    world.git_in("part", &["commit", "-q", "--allow-empty", "-m", &good("Good")]);
    let check = ["check", "--as", "merge", "--onto", "origin/main"];
    let output = world.command(BINARY, "part").args(check).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said: Pushed = output.into();
    said.refused("the policy at origin/main could not be read").says("because the clone is partial");
    said.does_not_say("1 fault");
    assert_fits(&said);
    for line in printed_lines(&said, "git cat-file") {
        run_printed(&world, "part", &line).accepted();
    }
    world.changegate("part", &check).accepted();
}

#[test]
fn the_hooks_of_a_partial_clone_say_what_is_missing() {
    for is_pushed in [false, true] {
        let world = clone_partly();
        world.changegate("part", &["install"]).accepted();
        world.git_in("part", &["fetch", "-q"]);
        let mut command = world.command("git", "");
        let said: Pushed = if is_pushed {
            let made = world.git_in(
                "part",
                &["commit-tree", "origin/main^{tree}", "-p", "origin/main", "-m", &good("Good")],
            );
            command.args(["-C", "part", "push", "origin", &format!("{made}:main")]).output().unwrap().into()
        } else {
            let message = bad("A subject");
            command
                .args(["-C", "part", "commit", "-q", "--allow-empty", "-m", &message])
                .output()
                .unwrap()
                .into()
        };
        said.says("because the clone is partial").does_not_say("fault in");
        assert_fits(&said);
        let lines = printed_lines(&said, "git -C part cat-file");
        assert_eq!(lines.len(), 1, "{}", said.seen);
        run_printed(&world, "", &lines[0]).accepted();
        let mut again = world.command("git", "part");
        let again: Pushed =
            again.args(["commit", "-q", "--allow-empty", "-m", "Nothing"]).output().unwrap().into();
        again.refused("`Risk` is missing").does_not_say("partial");
    }
}

#[test]
fn lines_are_for_the_repository_that_was_named() {
    let world = World::with(None, "sha1");
    world.git(&["checkout", "-q", "-b", "with"]);
    let installed = world.changegate("", &["install", "-C", "work"]);
    installed.accepted().says("changegate policy init -C work");
    let checked = world.changegate("", &["policy", "check", "-C", "work"]);
    checked.refused("changegate policy init -C work");
    let written = world.changegate("", &["policy", "init", "-C", "work"]);
    written.accepted().says("changegate policy check -C work && changegate policy test -C work");
    for line in printed_lines(&written, "git -C work add") {
        run_printed(&world, "", &line).accepted();
    }
    world.git(&["commit", "-q", "--no-verify", "-m", "Policy"]);
    world.git_in("server.git", &["fetch", "-q", "../work", "with:with"]);
    let installed = world.changegate("", &["install", "--server", "--pusher", "none", "-C", "server.git"]);
    let lines = printed_lines(installed.accepted(), "changegate install --server");
    assert_eq!(
        lines,
        ["changegate install --server --policy-ref refs/heads/with -C server.git"],
        "{}",
        installed.seen
    );
    run_printed(&world, "", &lines[0]).accepted();
    let doctor = world.changegate("", &["doctor", "-C", "work"]);
    doctor.refused("changegate install --server -C work");
}

#[test]
fn a_manager_of_hooks_that_runs_them_is_not_asked_again() {
    let world = World::new();
    for name in ["prepare-commit-msg", "commit-msg", "pre-push"] {
        script(&world.path(&format!("work/.husky/_/{name}")), "#!/bin/sh\n");
    }
    world.git(&["config", "core.hooksPath", ".husky/_"]);
    world.write("sub/folder/file", "");
    for folder in ["work/sub/folder", "work", ""] {
        let args = if folder.is_empty() { &["install", "-C", "work"][..] } else { &["install"] };
        let installed = world.changegate(folder, args);
        let lines = printed_lines(installed.refused("husky manages"), "echo ");
        assert_eq!(lines.len(), 3, "{}", installed.seen);
        for line in &lines {
            run_printed(&world, folder, line).accepted();
        }
        assert!(world.path("work/.husky/commit-msg").exists());
        let again = world.changegate(folder, args);
        again.accepted().says("run by husky already").says("/commit-msg:1").does_not_say("echo");
        fs::remove_file(world.path("work/.husky/pre-push")).unwrap();
        let again = world.changegate(folder, args);
        assert_eq!(printed_lines(again.refused("husky manages"), "echo ").len(), 1);
        for name in ["prepare-commit-msg", "commit-msg"] {
            fs::remove_file(world.path("work/.husky").join(name)).unwrap();
        }
    }
    world.git(&["config", "--unset", "core.hooksPath"]);
    world.write("lefthook.yml", "pre-commit: {}\n");
    let installed = world.changegate("work", &["install"]);
    let lines: Vec<&str> = installed
        .refused("lefthook manages")
        .seen
        .lines()
        .filter(|line| line.contains(": { commands"))
        .collect();
    let lines: Vec<&str> = lines.into_iter().map(str::trim_start).collect();
    world.write("lefthook.yml", &format!("{}\n", lines.join("\n")));
    world.changegate("work", &["install"]).accepted().says("run by lefthook already: lefthook.yml:1");
}

#[test]
fn paths_from_standard_input_are_not_read_again() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    world.write("README", "second");
    let mut command = world.command("git", "work");
    command.args(["commit", "--pathspec-from-file=-", "-m", &bad("Risky").replace("low", "hihg")]);
    let refused: Pushed = crate::world::fed(&mut command, b"README\n").into();
    refused.refused("hihg").does_not_say("pathspec").does_not_say("git commit");
    refused.says("to fix: commit again with the same paths, and with `-eF .git/CHANGEGATE_EDITMSG`");
}

#[test]
fn a_pipe_is_not_waited_for() {
    let world = World::new();
    let pipe = world.path("pipe").display().to_string();
    assert!(world.command("mkfifo", "").arg(&pipe).status().unwrap().success());
    for args in [
        &["policy", "check", &pipe][..],
        &["policy", "test", &pipe],
        &["check", "--policy", &pipe],
        &["try", "--body", &pipe],
        &["trailers", &pipe],
    ] {
        let output = world.command("timeout", "work").arg("20").arg(BINARY).args(args).output().unwrap();
        assert!(matches!(output.status.code(), Some(2 | 3)), "{args:?}: {output:?}");
    }
}

/// Commits all that is there, with the comments that an editor was shown left in the message.
#[track_caller]
fn commit_with_comments(world: &World, message: &str) -> Pushed {
    let mut command = world.command("git", "work");
    command.args(["commit", "--allow-empty", "--cleanup=whitespace", "-e", "-m", message]);
    command.env("GIT_EDITOR", "true").output().unwrap().into()
}

#[test]
fn trailers_go_above_the_comments_at_the_end() {
    let world = World::new();
    commit_with_comments(&world, &bad("Risky")).accepted();
    assert!(world.git(&["log", "-1", "--format=%B"]).contains("# Please enter"));
    let pushed = world.push(&["main"]);
    pushed.refused("needs 1 approval").does_not_say("the author changes the text");
    world.git(&["reset", "-q", "--hard", "origin/main"]);
    world.changegate("work", &["install"]).accepted();
    let refused = commit_with_comments(&world, "Risky\n\nChange-Type: normal");
    refused.refused("`Risk` is missing");
    let fill = "#!/bin/sh\nsed -i 's/^Risk: <.*/Risk: low/' \"$1\"\n";
    script(&world.path("fill"), fill);
    let line = refused.seen.lines().find_map(|line| line.trim().strip_prefix("to fix: ")).unwrap();
    let mut command = world.command("sh", "work");
    let done: Pushed =
        command.args(["-c", line]).env("GIT_EDITOR", world.path("fill")).output().unwrap().into();
    done.accepted();
}

#[test]
fn a_message_that_no_person_writes_is_left_to_the_server() {
    let world = World::new();
    fs::write(world.path("work/message"), vec![b'a'; 3 << 20]).unwrap();
    let said = world.changegate("work", &["hook", "commit-msg", "message"]);
    said.accepted().says("the message has 3145729 bytes");
}

#[test]
fn what_is_closed_in_the_same_push_is_not_counted() {
    let world = World::new();
    let fire = world.commit(
        "Fire\n\nChange-Type: emergency\nRisk: high\nIncident: INC-1\nEmergency-Reason: cards are charged twice, and each \
         minute costs customers money\n",
    );
    world.commit(&format!("Ticket\n\nFor-Change: {fire}\nEmergency-Ticket: SEC-1\n"));
    world.push(&["main"]).accepted().says("landed with 1 obligation;");
}
