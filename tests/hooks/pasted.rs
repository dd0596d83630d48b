//! The commands that a refusal prints, run as they are printed, in the clone that was refused.

use crate::world::{BY_COMMIT, POLICY, Pushed, World, bad, good, script};

const REVIEW: &str = "Reviewed-by: Ben <ben@example.com>";

/// A rule that asks about no path.
const REVIEWS_ONLY: &str = "\
fields: { Reviewed-by: { person: true } }
rules:
  reviewed:
    title: reviewed
    why: The test needs a rule that asks for a line.
    require: { approvals: { trust: claimed } }
";

/// Commits a file of its own with this message.
pub(crate) fn commit(world: &World, message: &str) -> String {
    let name = message.lines().next().unwrap_or_default();
    world.write(name, name);
    world.commit(message)
}

/// Returns the command that a refusal prints, and nothing where it prints several.
#[track_caller]
fn printed_command(pushed: &Pushed) -> String {
    let commands: Vec<&str> = pushed
        .seen
        .lines()
        .filter_map(|line| line.trim_start_matches("remote:").trim().strip_prefix("to fix"))
        .filter_map(|line| Some(line.split_once(": ")?.1))
        .collect();
    assert_eq!(commands.len(), 1, "{}", pushed.seen);
    commands[0].to_owned()
}

/// Does what a refusal says: runs its command, writes what it asks for, and adds the review.
#[track_caller]
pub(crate) fn follow(world: &mut World, pushed: &Pushed) {
    let editor = format!("#!/bin/sh\ngit interpret-trailers --in-place --trailer '{REVIEW}' \"$1\"\n");
    script(&world.path("editor"), &editor);
    follow_with(world, pushed, "editor");
}

/// Does what a refusal says, with this editor.
#[track_caller]
pub(crate) fn follow_with(world: &mut World, pushed: &Pushed, editor: &str) {
    let flat = pushed.seen.replace("remote: ", "").split_whitespace().collect::<Vec<_>>().join(" ");
    let mut sequence = String::from("#!/bin/sh\nsed -i");
    for (start, from, to) in
        [("write `reword` for ", "pick", "reword"), ("instead of `merge -C` for ", "merge -C", "merge -c")]
    {
        let Some((_, rest)) = flat.split_once(start) else { continue };
        for word in rest.split([' ', ',']) {
            match word {
                "" | "and" => {}
                id if id.len() == 10 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                    sequence.push_str(&format!(" -e 's/^{from} {id}/{to} {id}/'"));
                }
                _ => break,
            }
        }
    }
    script(&world.path("sequence"), &format!("{sequence} -e '' \"$1\"\n"));
    let command = printed_command(pushed);
    let path = |name: &str| world.path(name).display().to_string();
    let variables = [
        ("GIT_SEQUENCE_EDITOR", path("sequence")),
        ("GIT_EDITOR", path(editor)),
        ("GIT_CONFIG_COUNT", "1".into()),
        ("GIT_CONFIG_KEY_0", "core.abbrev".into()),
        ("GIT_CONFIG_VALUE_0", "10".into()),
    ];
    let output = world.command("sh", "work").args(["-c", &command]).envs(variables).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {said}\n{}", pushed.seen);
}

#[test]
fn one_command_rewords_every_denied_commit() {
    let mut world = World::under(BY_COMMIT);
    let ids = [
        commit(&world, &bad("One")),
        commit(&world, &good("Two")),
        commit(&world, &bad("Three")),
        commit(&world, &bad("Four")),
    ];
    let pushed = world.push(&["main"]);
    pushed.refused("to fix 3 changes: git rebase -i");
    pushed.says(&format!(
        "write `reword` for {}, {} and {}, then in each add",
        &ids[0][..10],
        &ids[2][..10],
        &ids[3][..10]
    ));
    follow(&mut world, &pushed);
    world.push(&["main"]).accepted();
}

#[test]
fn a_straight_history_is_rebased_plainly() {
    let mut world = World::under(BY_COMMIT);
    commit(&world, &bad("One"));
    commit(&world, &bad("Two"));
    let pushed = world.push(&["main"]);
    pushed.refused("to fix 2 changes: git rebase -i").does_not_say("--rebase-merges");
    follow(&mut world, &pushed);
    world.push(&["main"]).accepted();
}

#[test]
fn one_commit_below_others_is_reworded() {
    let mut world = World::under(BY_COMMIT);
    commit(&world, &bad("One"));
    commit(&world, &good("Two"));
    let pushed = world.push(&["main"]);
    pushed.refused("to fix: git rebase -i");
    follow(&mut world, &pushed);
    world.push(&["main"]).accepted();
}

#[test]
fn the_newest_commit_is_amended() {
    let mut world = World::new();
    commit(&world, &bad("One"));
    let pushed = world.push(&["main"]);
    pushed.refused("to fix: git commit --amend");
    follow(&mut world, &pushed);
    world.push(&["main"]).accepted();
}

#[test]
fn a_commit_without_content_is_amended_too() {
    // The second policy asks about no path, so what a commit changes is not known.
    for policy in [POLICY.to_owned(), POLICY.replace("extends: [startup]\n", REVIEWS_ONLY)] {
        let mut world = World::under(&policy);
        world.git(&["commit", "-q", "--allow-empty", "-m", &bad("Nothing but words")]);
        let pushed = world.push(&["main"]);
        pushed.refused("to fix: git commit --amend --only --allow-empty");
        follow(&mut world, &pushed);
        world.push(&["main"]).accepted();
    }
}

#[test]
fn a_clone_says_to_amend_only_what_is_checked_out() {
    let mut world = World::new();
    world.changegate("work", &["install"]).accepted();
    commit(&world, &bad("One"));
    let pushed = world.push(&["main"]);
    pushed.refused("to fix: git commit --amend --only").does_not_say("remote: ");
    world.push(&["HEAD:main"]).refused("to fix: git commit --amend --only");
    // Another branch at the same commit would be amended, and the pushed one left as it is.
    world.git(&["checkout", "-q", "-b", "other"]);
    world.push(&["main"]).refused("git rebase -i").does_not_say("--amend");
    world.git(&["checkout", "-q", "main"]);
    follow(&mut world, &pushed);
    world.push(&["main"]).accepted();
    // Nothing above the commit is a merge.
    for subject in ["Two", "Three"] {
        commit(&world, &bad(subject));
    }
    world.push(&["main"]).refused("git rebase -i --autostash");
}

#[test]
fn a_merge_above_a_denied_commit_survives() {
    for policy in [POLICY, BY_COMMIT] {
        for is_side_first in [false, true] {
            let mut world = World::under(policy);
            world.git(&["checkout", "-q", "-b", "topic"]);
            commit(&world, &if is_side_first { bad("Topic") } else { good("Topic") });
            world.git(&["checkout", "-q", "main"]);
            commit(&world, &bad("One"));
            world.git(&["merge", "-q", "--no-ff", "-m", &good("Merge topic"), "topic"]);
            commit(&world, &bad("Two"));
            let pushed = world.push(&["main"]);
            pushed.refused("git rebase -i --rebase-merges");
            follow(&mut world, &pushed);
            world.push(&["main"]).accepted();
            assert_eq!(world.git(&["rev-list", "--merges", "--count", "main"]), "1");
        }
    }
}

#[test]
fn a_merge_below_others_is_reworded() {
    let mut world = World::new();
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit(&world, &bad("Topic"));
    world.git(&["checkout", "-q", "main"]);
    commit(&world, &bad("One"));
    world.git(&["merge", "-q", "--no-ff", "-m", &bad("Merge topic"), "topic"]);
    commit(&world, &good("Two"));
    let pushed = world.push(&["main"]);
    pushed.refused("write `reword` for").says("and write `merge -c` instead of `merge -C` for");
    follow(&mut world, &pushed);
    world.push(&["main"]).accepted();
    assert_eq!(world.git(&["rev-list", "--merges", "--count", "main"]), "1");
}

/// How a merge came to hold what git does not make of its parents.
#[derive(Clone, Copy, PartialEq)]
enum HandMade {
    /// Something was changed beside it, without a conflict.
    Changed,
    /// A conflict was resolved.
    Resolved,
}

/// Makes, on main of the clone, a commit that is refused, a merge of what has landed on main since, and another commit;
/// returns what has landed.
fn merge_by_hand(world: &World, way: HandMade) -> String {
    world.git(&["checkout", "-q", "-b", "landed"]);
    let file = if way == HandMade::Resolved { "README" } else { "theirs" };
    world.write(file, "theirs\n");
    let landed = world.commit(&good("Landed since"));
    world.bring("landed:main");
    world.git(&["checkout", "-q", "main"]);
    world.write("README", "ours\n");
    world.commit(&bad("One"));
    let merge = ["merge", "--no-ff", "--no-commit", "landed"];
    let merged = world.command("git", "work").args(merge).output().unwrap();
    assert_eq!(merged.status.success(), way == HandMade::Changed);
    world.write("README", "ours, for theirs\n");
    world.commit(&good("Merge what has landed"));
    world.write("later", "later\n");
    world.commit(&good("Later"));
    landed
}

#[test]
fn what_was_changed_in_a_merge_is_not_lost() {
    for policy in [POLICY, BY_COMMIT] {
        for way in [HandMade::Changed, HandMade::Resolved] {
            for is_installed in [false, true] {
                let mut world = World::under(policy);
                let landed = merge_by_hand(&world, way);
                world.git(&["fetch", "-q", "origin"]);
                if is_installed {
                    world.changegate("work", &["install"]).accepted();
                }
                let before = world.head();
                let shape = ["log", "--topo-order", "--format=%T %an %ae %ad %cn %ce %cd %s", "main"];
                let made = world.git(&shape);
                world.write("staged", "1");
                world.git(&["add", "staged"]);
                world.write("README", "not staged");
                let status = world.git(&["status", "--porcelain"]);
                let pushed = world.push(&["main"]);
                pushed.refused("filter-branch").does_not_say("git rebase");
                follow(&mut world, &pushed);
                assert_ne!(world.head(), before);
                assert_eq!(world.git(&shape), made);
                assert_eq!(world.git(&["status", "--porcelain"]), status);
                // What has landed keeps its id.
                world.git(&["merge-base", "--is-ancestor", &landed, "main"]);
                world.push(&["main"]).accepted();
            }
        }
    }
}

#[test]
fn a_merge_changed_by_hand_on_another_branch_is_reworded_from_there() {
    let mut world = World::under(BY_COMMIT);
    world.changegate("work", &["install"]).accepted();
    merge_by_hand(&world, HandMade::Changed);
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["branch", "-m", "main", "a;id"]);
    world.git(&["checkout", "-q", "-b", "other", "origin/main"]);
    let tree = world.git(&["rev-parse", "a;id^{tree}"]);
    let checked = world.changegate("work", &["check", "origin/main..a;id"]);
    checked.refused("filter-branch");
    follow(&mut world, &checked);
    assert_eq!(world.git(&["rev-parse", "a;id^{tree}"]), tree);
    assert_eq!(world.git(&["rev-parse", "--abbrev-ref", "HEAD"]), "other");
    world.changegate("work", &["check", "origin/main..a;id"]).accepted();
}

#[test]
fn an_editor_that_fails_leaves_a_history_with_a_merge_as_it_is() {
    let world = World::under(BY_COMMIT);
    merge_by_hand(&world, HandMade::Changed);
    let before = world.head();
    let command = printed_command(&world.push(&["main"]));
    let mut pasted = world.command("sh", "work");
    let output = pasted.args(["-c", &command]).env("GIT_EDITOR", "false").output().unwrap();
    assert!(!output.status.success());
    assert_eq!(world.head(), before);
    assert_eq!(world.git(&["status", "--porcelain"]), "");
}

#[test]
fn commits_without_content_are_reworded() {
    let empty = |world: &World, message: &str| {
        world.git(&["commit", "-q", "--allow-empty", "-m", message]);
    };
    let mut world = World::under(BY_COMMIT);
    empty(&world, &bad("One"));
    empty(&world, &bad("Two"));
    let pushed = world.push(&["main"]);
    pushed.refused("to fix 2 changes: git rebase -i");
    follow(&mut world, &pushed);
    world.push(&["main"]).accepted();
    // Above them stands a merge, and beside them what has landed.
    empty(&world, &bad("Three"));
    world.git(&["checkout", "-q", "-b", "landed", "main~1"]);
    let landed = world.commit(&good("Landed since"));
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "-m", &good("Merge"), "landed"]);
    let pushed = world.push(&["main"]);
    pushed.refused("to fix: ");
    follow(&mut world, &pushed);
    world.git(&["merge-base", "--is-ancestor", &landed, "main"]);
    world.push(&["main"]).accepted();
}

#[test]
fn a_root_commit_is_reworded() {
    let mut world = World::under(BY_COMMIT);
    world.git(&["checkout", "-q", "--orphan", "release/1"]);
    commit(&world, &bad("One"));
    commit(&world, &good("Two"));
    let pushed = world.push(&["release/1"]);
    pushed.refused("to fix: git rebase -i --rebase-merges --autostash --root");
    follow(&mut world, &pushed);
    world.push(&["release/1"]).accepted();
}

#[test]
fn work_that_is_not_committed_is_left_as_it_is() {
    for names in [&["One"][..], &["One", "Two"]] {
        let mut world = World::under(BY_COMMIT);
        world.write("tracked", "1");
        world.commit(&good("Base"));
        for name in names {
            commit(&world, &bad(name));
        }
        world.write("README", "staged");
        world.git(&["add", "README"]);
        world.write("tracked", "not staged");
        let pushed = world.push(&["main"]);
        follow(&mut world, &pushed);
        world.push(&["main"]).accepted();
        assert_eq!(world.git(&["diff", "HEAD", "--name-only"]), "README\ntracked");
    }
}

#[test]
fn the_branch_that_was_pushed_is_the_one_that_is_reworded() {
    let mut world = World::under(&POLICY.replace("startup", "core"));
    world.changegate("work", &["install"]).accepted();
    world.git(&["checkout", "-q", "-b", "a;id"]);
    commit(&world, "A subject");
    world.git(&["checkout", "-q", "main"]);
    let main = world.head();
    let pushed = world.push(&["a;id:main"]);
    pushed.refused("^ 'a;id'").does_not_say("remote: ");
    let checked = world.changegate("work", &["check", "main..a;id"]);
    checked.refused("^ 'a;id'");
    let editor = "#!/bin/sh\ngit interpret-trailers --in-place --trailer 'Change-Type: normal' --trailer 'Risk: low' \"$1\"\n";
    script(&world.path("fields"), editor);
    follow_with(&mut world, &checked, "fields");
    assert_eq!(world.git(&["rev-parse", "main"]), main);
    world.changegate("work", &["check", "main..a;id"]).accepted();
}

#[test]
fn what_has_landed_is_not_rewritten() {
    let world = World::new();
    commit(&world, "Landed without a word");
    world.git_in("server.git", &["fetch", "-q", "../work", "main"]);
    world.git_in("server.git", &["update-ref", "refs/heads/main", &world.head()]);
    world.git(&["fetch", "-q", "origin"]);
    for args in [&["check", "HEAD^..HEAD"][..], &["check", "--history"]] {
        let said = world.changegate("work", args);
        said.refused("this has landed already").does_not_say("git rebase").does_not_say("--amend");
    }
    // What was added on top can be reworded, and is the only thing that is.
    let own = commit(&world, "Not landed yet");
    let said = world.changegate("work", &["check", "--history"]);
    said.refused("this has landed already").says("git commit --amend --only");
    assert!(!said.seen.contains(&format!("{}^", &own[..10])), "{}", said.seen);
}

#[test]
fn a_server_says_which_branch_its_commands_are_for() {
    let world = World::under(BY_COMMIT);
    world.git(&["checkout", "-q", "-b", "topic"]);
    let first = commit(&world, &bad("One"));
    let second = commit(&world, &good("Two"));
    let third = commit(&world, &bad("Three"));
    world.git(&["checkout", "-q", "main"]);
    for (pushed, place) in [
        ("topic:main", format!("the branch that holds {}", &third[..10])),
        ("topic~1:main", format!("the branch that holds {}", &second[..10])),
        ("topic~2:main", format!("the branch that ends with {}", &first[..10])),
    ] {
        world.push(&[pushed]).refused(&format!("first, switch to {place} to fix"));
    }
    world.changegate("work", &["install"]).accepted();
    world.push(&["topic:main"]).refused(" topic write `reword`").does_not_say("switch to the branch");
    assert_eq!(world.git(&["rev-parse", "topic"]), third);
}

/// A message with a value that no server takes.
const MISSPELT: &str = "Topic\n\nChange-Type: normal\nRisk: hihg\n";

/// Corrects the value.
const CORRECTOR: &str = "#!/bin/sh\nsed -i 's/hihg/low/' \"$1\"\n";

/// Makes a branch from main with a commit that no server takes, and returns the commit.
pub(crate) fn branch_off_misspelt(world: &World, branch: &str) -> String {
    world.git(&["checkout", "-q", "-b", branch]);
    let id = commit(world, MISSPELT);
    world.git(&["checkout", "-q", "main"]);
    id
}

#[test]
fn what_another_protected_branch_holds_is_not_rewritten() {
    for is_installed in [false, true] {
        let world = World::new();
        let landed = branch_off_misspelt(&world, "release/1");
        world.git_in("server.git", &["fetch", "-q", "../work", "release/1:release/1"]);
        world.git(&["fetch", "-q", "origin"]);
        if is_installed {
            world.changegate("work", &["install"]).accepted();
        }
        world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Merge"), "release/1"]);
        let pushed = world.push(&["main"]);
        pushed.refused(&format!("to fix: {} is on a protected branch already", &landed[..10]));
        pushed.does_not_say("rebase").does_not_say("amend").does_not_say("later change");
        world.git(&["reset", "-q", "--hard", "HEAD^"]);
        if is_installed {
            let mut merged = world.command("git", "work");
            merged.args(["merge", "--no-ff", "-m", &good("Merge")]);
            let merged: Pushed = merged.arg("release/1").output().unwrap().into();
            merged.refused("git merge --abort").says(&format!("then: {} is on", &landed[..10]));
            merged.does_not_say("merge again");
            world.git(&["merge", "--abort"]);
        }
        world.git(&["merge", "-q", "--squash", "release/1"]);
        world.git(&["commit", "-q", "-m", &good("Take over")]);
        world.push(&["main"]).accepted();
    }
}

#[test]
fn the_hooks_of_a_clone_let_its_own_advice_through() {
    let mut world = World::new();
    world.changegate("work", &["install"]).accepted();
    let topic = branch_off_misspelt(&world, "topic");
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Merge"), "topic"]);
    let pushed = world.push(&["main"]);
    pushed.refused("git rebase -i --rebase-merges").says(&format!("`reword` for {}", &topic[..10]));
    script(&world.path("corrector"), CORRECTOR);
    follow_with(&mut world, &pushed, "corrector");
    world.push(&["main"]).accepted();
}

#[test]
fn a_merge_of_a_faulty_commit_is_made_again() {
    let world = World::new();
    redo_faulty_merge(&world);
    world.push(&["main"]).accepted();
    // Where each commit is a change, each of them is judged by itself.
    redo_faulty_merge(&World::under(BY_COMMIT));
}

#[test]
fn a_merge_of_what_has_landed_is_not_judged_again() {
    let world = World::under(BY_COMMIT);
    world.changegate("work", &["install"]).accepted();
    branch_off_misspelt(&world, "topic");
    world.git_in("server.git", &["fetch", "-q", "../work", "topic:main"]);
    world.commit(&good("Here as well"));
    world.git(&["fetch", "-q", "origin"]);
    let mut command = world.command("git", "work");
    let merged: Pushed =
        command.args(["merge", "-q", "-m", &good("Merge"), "origin/main"]).output().unwrap().into();
    merged.accepted();
}

fn redo_faulty_merge(world: &World) {
    world.changegate("work", &["install"]).accepted();
    let topic = branch_off_misspelt(world, "topic");
    let merge = || -> Pushed {
        let mut command = world.command("git", "work");
        command.args(["merge", "-q", "--no-ff", "-m", &good("Merge"), "topic"]).output().unwrap().into()
    };
    let refused = merge();
    refused.refused("to fix: git merge --abort").says("then merge again").does_not_say("EDITMSG");
    refused.says(&format!("then reword {} on the branch that holds it: replace line 4", &topic[..10]));
    world.git(&["merge", "--abort"]);
    world.git(&["checkout", "-q", "topic"]);
    script(&world.path("corrector"), CORRECTOR);
    let editor = world.path("corrector").display().to_string();
    world.git(&["-c", &format!("core.editor={editor}"), "commit", "-q", "--amend", "--only"]);
    world.git(&["checkout", "-q", "main"]);
    merge().accepted();
}

#[test]
fn a_message_that_a_forge_wrote_is_not_amended() {
    for (committer, message) in [
        ("noreply@github.com", "Search faster (#6)\n\nMakes it fast.\n"),
        (
            "ana@example.com",
            "Search faster (#6)\n\nRisk: low\n\n---------\n\nCo-authored-by: C <c@example.com>\n",
        ),
    ] {
        let mut world = World::new();
        world.environment.push(("GIT_COMMITTER_EMAIL".into(), committer.into()));
        world.git(&["commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", message]);
        let pushed = world.push(&["main"]);
        pushed.refused("the forge wrote this message").says("squash").does_not_say("--amend");
    }
}

#[test]
fn a_refused_message_is_opened_again_from_any_folder() {
    for folder in ["work", "work/a b/c"] {
        let world = World::new();
        world.changegate("work", &["install"]).accepted();
        world.write("a b/c/file", "x");
        world.git(&["add", "-A"]);
        let refused: Pushed = world
            .command("git", folder)
            .args(["commit", "-q", "-m", "Add a file\n\nRisk: low\n"])
            .output()
            .unwrap()
            .into();
        refused.refused("Change-Type").does_not_say("saved in");
        let editor = "#!/bin/sh\nsed -i 's/^Change-Type: <.*/Change-Type: normal/' \"$1\"\n\
                      git interpret-trailers --in-place --trailer \"$REVIEW\" \"$1\"\n";
        script(&world.path("editor"), editor);
        let command = printed_command(&refused);
        assert!(command.ends_with(".git/CHANGEGATE_EDITMSG"), "{command}");
        let output = world
            .command("sh", folder)
            .args(["-c", &command])
            .env("GIT_EDITOR", world.path("editor"))
            .env("REVIEW", REVIEW)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        world.push(&["main"]).accepted();
    }
}

#[test]
fn a_refused_message_is_opened_again_from_outside() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    world.write("README", "second\n");
    let mut command = world.command("git", "");
    let refused: Pushed = command
        .args(["-C", "work", "commit", "-q", "-am", &bad("Risky").replace("low", "hihg")])
        .output()
        .unwrap()
        .into();
    let pasted = printed_command(refused.refused("hihg"));
    assert_eq!(pasted, "git -C work commit -a -eF .git/CHANGEGATE_EDITMSG");
    script(&world.path("corrector"), "#!/bin/sh\nsed -i 's/^Risk: .*/Risk: low/' \"$1\"\n");
    let output = world
        .command("sh", "")
        .args(["-c", &pasted])
        .env("GIT_EDITOR", world.path("corrector"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{pasted}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_refused_message_is_opened_again_however_git_was_called() {
    // An alias starts another git, and one with a shell starts it at the top of the work tree.
    for (alias, folder, words) in [
        ("commit -q", "work/a b", &["ci"][..]),
        ("!git commit -q", "work/a b", &["ci"]),
        ("!git commit -q", "", &["-C", "work/a b", "ci"]),
        ("commit -q", "", &["-C", "work", "ci"]),
    ] {
        let world = World::new();
        world.changegate("work", &["install"]).accepted();
        world.write("a b/file", "x");
        world.git(&["add", "-A"]);
        world.git(&["config", "alias.ci", alias]);
        let mut command = world.command("git", folder);
        let message = bad("Risky").replace("low", "hihg");
        let refused: Pushed = command.args(words).args(["-m", &message]).output().unwrap().into();
        let pasted = printed_command(refused.refused("hihg"));
        script(&world.path("corrector"), "#!/bin/sh\nsed -i 's/^Risk: .*/Risk: low/' \"$1\"\n");
        let output = world
            .command("sh", folder)
            .args(["-c", &pasted])
            .env("GIT_EDITOR", world.path("corrector"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{pasted}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_merge_is_aborted_from_outside() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    branch_off_misspelt(&world, "topic");
    let merge = ["-C", "work", "merge", "-q", "--no-ff", "-m", &good("Merge"), "topic"];
    let refused: Pushed = world.command("git", "").args(merge).output().unwrap().into();
    let pasted = printed_command(refused.refused("then merge again"));
    assert_eq!(pasted, "git -C work merge --abort");
    let output = world.command("sh", "").args(["-c", &pasted]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn check_says_how_what_another_branch_holds_is_taken_over() {
    let world = World::new();
    let landed = branch_off_misspelt(&world, "release/1");
    world.git_in("server.git", &["fetch", "-q", "../work", "release/1:release/1"]);
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Merge"), "release/1"]);
    for args in [&["check", "origin/main..main"][..], &["check", "--onto", "origin/main"]] {
        let checked = world.changegate("work", args);
        checked.refused(&format!("to fix: {} is on a protected branch already", &landed[..10]));
        checked.does_not_say("For-Change");
    }
    // On the branch that holds it, a later change can only close what the ledger says is owed.
    let checked = world.changegate("work", &["check", "origin/main..origin/release/1"]);
    checked.refused("this has landed already").says("`For-Change`").does_not_say("--squash");
    let checked = world.changegate("", &["-C", "work", "check", "release/1", "--pack", "soc2"]);
    checked.does_not_say("git commit --amend");
}

#[test]
fn a_commit_on_a_protected_branch_says_what_is_checked_later() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    let commit = || -> Pushed {
        let mut command = world.command("git", "work");
        command.args(["commit", "-q", "--allow-empty", "-m", &good("Good")]).output().unwrap().into()
    };
    commit().accepted().says("committed; checked later, and not passed yet: peer-review");
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit().accepted().does_not_say("checked later");
}

/// Two rules ask for one field, in two sets of words, and a third one only warns about another field.
const OVERLAPPING: &str = "\
changegate: 1
name: test
protects: [main]
fields:
  Risk: { ordered: [low, medium, high] }
  Note: { text: { min-length: 3 } }
rules:
  stated: { require: { field: { Risk: present } } }
  bounded: { require: { field: { Risk: { at-most: medium } } } }
  calm: { level: warn, until: 2999-01-01, reason: a trial, require: { field: { Risk: low } } }
  noted: { level: warn, until: 2999-01-01, reason: a trial, require: { field: { Note: present } } }
";

#[test]
fn one_line_is_printed_for_a_field_and_what_only_warns_is_marked() {
    let world = World::under(OVERLAPPING);
    world.changegate("work", &["install"]).accepted();
    let mut command = world.command("git", "work");
    let committed: Pushed = command.args(["commit", "--allow-empty", "-m", "One"]).output().unwrap().into();
    commit(&world, "One");
    for said in [committed, world.changegate("work", &["check"]), world.push(&["main"])] {
        said.refused("Risk: <low|medium>").says("too, or leave them out (their rules only warn): Note: <");
        let lines = said.seen.lines().map(|line| line.trim_start_matches("remote:").trim());
        assert_eq!(lines.filter(|line| line.starts_with("Risk: ")).count(), 1, "{}", said.seen);
    }
}
