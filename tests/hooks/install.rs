//! Putting hooks in place, and taking them out again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::world::{BINARY, MAIN, Pushed, World, bad, good, path_without_program, script};

/// Everything that lies in a folder: name, mode, bytes.
fn held(folder: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let mut held: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| {
            let mode = entry.metadata().unwrap().permissions().mode();
            (entry.file_name().into_string().unwrap(), mode, fs::read(entry.path()).unwrap())
        })
        .collect();
    held.sort();
    held
}

/// A clone and a bare repository without any hook of ours.
fn bare() -> World {
    let world = World::new();
    world.changegate("server.git", &["uninstall"]).accepted();
    world
}

const SERVER: [&str; 4] = ["install", "--server", "--pusher", "none"];

#[test]
fn a_second_run_changes_nothing_and_says_so() {
    let world = bare();
    for (folder, hooks, args) in
        [("work", "work/.git/hooks", &["install"][..]), ("server.git", "server.git/hooks", &SERVER)]
    {
        world.changegate(folder, args).accepted().says("written");
        let first = (held(&world.path(hooks)), held(&world.path(hooks).join("..")));
        world.changegate(folder, args).accepted().says("already installed");
        assert!((held(&world.path(hooks)), held(&world.path(hooks).join(".."))) == first);
    }
    // What was said once need not be said again.
    world.changegate("server.git", &["install", "--server"]).accepted().says("already installed");
}

#[test]
fn uninstalling_leaves_what_was_there() {
    let world = bare();
    let hooks = world.path("server.git/hooks");
    script(&hooks.join("pre-receive"), "#!/bin/sh\nexit 0\n");
    fs::set_permissions(hooks.join("pre-receive"), fs::Permissions::from_mode(0o750)).unwrap();
    fs::write(hooks.join("post-receive"), "not even executable\n").unwrap();
    std::os::unix::fs::symlink("nowhere", hooks.join("update")).unwrap();
    fs::write(world.path("server.git/description"), "mine\n").unwrap();
    world.configure("receive.denyDeletes", "true");
    world.configure("receive.fsckObjects", "true");
    world.configure("changegate.maxCommits", "7");
    let before = (held(&hooks), held(&world.path("server.git")));
    world.changegate("server.git", &SERVER).accepted().says("runs first").says("which is not executable");
    assert!(held(&hooks) != before.0);
    world.changegate("server.git", &["uninstall"]).accepted().says("restored");
    assert!((held(&hooks), held(&world.path("server.git"))) == before);
    assert!(fs::symlink_metadata(hooks.join("update")).is_ok());
    world.changegate("server.git", &["uninstall"]).accepted().says("changegate is not installed here");
}

#[test]
fn a_hook_that_was_there_runs_first_and_reads_the_same() {
    let world = bare();
    let base = world.main();
    let (hook, seen) = (world.path("server.git/hooks/pre-receive"), world.path("seen"));
    let said = format!("#!/bin/sh\necho before >&2\ncat >'{}'\n", seen.display());
    script(&hook, &said);
    world.changegate("server.git", &SERVER).accepted();
    let new = world.commit_tree(&[&base], &bad("Bad"));
    world.push(&[&format!("{new}:{MAIN}")]).refused("peer-review").says("before");
    let new = world.commit_tree(&[&base], &good("Good"));
    world.push(&[&format!("{new}:{MAIN}"), &format!("{new}:refs/heads/free")]).accepted().says("before");
    let lines = format!("{base} {new} {MAIN}\n{} {new} refs/heads/free\n", crate::world::ZERO);
    assert_eq!(fs::read_to_string(&seen).unwrap(), lines);
    assert_eq!(world.main(), new);
}

#[test]
fn a_hook_that_was_there_still_refuses() {
    let world = bare();
    let base = world.main();
    let kept = world.path("server.git/hooks/pre-receive.before-changegate");
    script(&world.path("server.git/hooks/pre-receive"), "#!/bin/sh\necho not today >&2\nexit 1\n");
    world.changegate("server.git", &SERVER).accepted();
    let new = world.commit_tree(&[&base], &good("Good"));
    let push = format!("{new}:{MAIN}");
    world.push(&[&push]).refused("not today");
    // One that does not read at all, however much there is to read.
    script(&kept, "#!/bin/sh\nexit 0\n");
    let many: Vec<String> = (0..2000).map(|number| format!("{base}:refs/heads/free/{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    world.push(&many).accepted();
    // One that has gone.
    fs::remove_file(&kept).unwrap();
    world.push(&[&push]).refused("pre-receive hook declined");
    assert_eq!(world.main(), base);
    // Installing again heals that.
    world.changegate("server.git", &SERVER).accepted().says("updated");
    world.push(&[&push]).accepted();
}

#[test]
fn a_hook_of_a_clone_is_chained_with_its_arguments() {
    let world = World::new();
    let hooks = world.path("work/.git/hooks");
    script(&hooks.join("commit-msg"), "#!/bin/sh\necho 'Ticket: PAY-1' >>\"$1\"\n");
    script(&hooks.join("pre-push"), "#!/bin/sh\necho \"$1\" >&2\ncat >&2\n");
    world.changegate("work", &["install"]).accepted();
    world.git(&["commit", "-q", "--allow-empty", "-m", good("Good").trim_end()]);
    assert!(world.git(&["log", "-1", "--format=%B"]).ends_with("Ticket: PAY-1"));
    world.push(&["main"]).accepted().says("origin").says(&format!("{MAIN} {}", world.head()));
}

#[test]
fn nothing_is_overwritten() {
    let world = bare();
    let hooks = world.path("server.git/hooks");
    script(&hooks.join("pre-receive"), "#!/bin/sh\nexit 0\n");
    script(&hooks.join("pre-receive.before-changegate"), "#!/bin/sh\nexit 1\n");
    let before = (held(&hooks), held(&world.path("server.git")));
    world.changegate("server.git", &SERVER).refused("already exists; move one of them away");
    assert!((held(&hooks), held(&world.path("server.git"))) == before);
    fs::remove_file(hooks.join("pre-receive.before-changegate")).unwrap();
    fs::remove_file(hooks.join("pre-receive")).unwrap();
    world.changegate("server.git", &SERVER).accepted();
    let edited = fs::read_to_string(hooks.join("pre-receive")).unwrap() + "echo mine\n";
    script(&hooks.join("pre-receive"), &edited);
    for args in [&SERVER[..], &["uninstall"]] {
        world.changegate("server.git", args).refused("edited afterwards");
        assert_eq!(fs::read_to_string(hooks.join("pre-receive")).unwrap(), edited);
    }
}

#[test]
fn a_server_without_the_program_accepts_nothing() {
    let world = World::new();
    let base = world.main();
    let hook = world.path("server.git/hooks/pre-receive");
    let text = fs::read_to_string(&hook).unwrap().replace(BINARY, "/nowhere/changegate");
    fs::write(&hook, text).unwrap();
    let new = world.commit_tree(&[&base], &good("Good"));
    world.push(&[&format!("{new}:{MAIN}")]).refused("the program is missing on this server");
    assert_eq!(world.main(), base);
    // The update hook of `hooks/` does the same.
    fs::remove_file(&hook).unwrap();
    let update = fs::read_to_string(format!("{}/hooks/update", env!("CARGO_MANIFEST_DIR"))).unwrap();
    script(&world.path("server.git/hooks/update"), &update);
    world.push(&[&format!("{new}:{MAIN}")]).refused("the program is missing on this server");
    assert_eq!(world.main(), base);
}

/// Puts at `file` what is left of a program in each way in which one can die, and says which.
fn for_each_dead_program(file: &Path, mut look: impl FnMut(&str)) {
    let whole = fs::read(BINARY).unwrap();
    let mut foreign = whole[..4096.min(whole.len())].to_vec();
    // The machine of an ELF header; elsewhere just a damaged file.
    foreign[18] = 0xf3;
    for (what, content) in [
        ("empty", &b""[..]),
        ("first byte", &whole[..1]),
        ("100 bytes", &whole[..100]),
        ("5000 bytes", &whole[..5000]),
        ("a megabyte", &whole[..1 << 20]),
        ("foreign", &foreign),
        ("text", b"not a program\n"),
        ("killed", b"#!/bin/sh\nkill -9 $$\n"),
        ("another program", b"#!/bin/sh\nexit 0\n"),
        ("another failure", b"#!/bin/sh\nexit 1\n"),
        ("no interpreter", b"#!/nowhere/sh\n"),
    ] {
        let _ = fs::remove_file(file);
        script(file, "");
        fs::write(file, content).unwrap();
        look(what);
    }
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(file, mode).unwrap();
    look("not executable");
    fs::remove_file(file).unwrap();
    look("missing");
}

#[test]
fn a_dead_program_refuses_on_a_server() {
    let world = World::new();
    let base = world.main();
    let program = world.path("bin/changegate");
    for name in ["pre-receive", "post-receive"] {
        let hook = world.path("server.git/hooks").join(name);
        let text = fs::read_to_string(&hook).unwrap().replace(BINARY, program.to_str().unwrap());
        fs::write(&hook, text).unwrap();
    }
    let new = world.commit_tree(&[&base], &good("Good"));
    for is_chained in [false, true] {
        for_each_dead_program(&program, |what| {
            let pushed = world.push(&[&format!("{new}:{MAIN}")]);
            assert!(!pushed.ok, "{what}: {}", pushed.seen);
            pushed.says("on this server").says("fix: the server administrator installs changegate again");
            assert_eq!(world.main(), base, "{what}");
        });
        if !is_chained {
            script(&program, "");
            world.changegate("server.git", &["uninstall"]).accepted();
            script(&world.path("server.git/hooks/pre-receive"), "#!/bin/sh\ncat >/dev/null\n");
            world.changegate("server.git", &SERVER).accepted().says("runs first");
            let hook = world.path("server.git/hooks/pre-receive");
            let text = fs::read_to_string(&hook).unwrap().replace(BINARY, program.to_str().unwrap());
            fs::write(&hook, text).unwrap();
        }
    }
    // And the whole one accepts.
    fs::hard_link(BINARY, &program).or_else(|_| fs::copy(BINARY, &program).map(|_| ())).unwrap();
    world.push(&[&format!("{new}:{MAIN}")]).accepted();
}

#[test]
fn a_dead_program_stops_no_work_in_a_clone() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    let program = world.path("bin/changegate");
    for name in ["prepare-commit-msg", "commit-msg", "pre-push"] {
        let hook = world.path("work/.git/hooks").join(name);
        let text = fs::read_to_string(&hook).unwrap().replace(BINARY, program.to_str().unwrap());
        fs::write(&hook, text).unwrap();
    }
    for_each_dead_program(&program, |what| {
        let args = ["commit", "--allow-empty", "-m", "Nothing at all"];
        let committed: Pushed = world.command("git", "work").args(args).output().unwrap().into();
        assert!(committed.ok, "{what}: {}", committed.seen);
        committed.says("so commit-msg is skipped; the server checks again");
        world.push(&["main:free"]).accepted().says("so pre-push is skipped");
    });
}

#[test]
fn a_hook_of_an_earlier_version_is_replaced() {
    let world = World::new();
    let hook = world.path("server.git/hooks/pre-receive");
    let earlier = format!(
        "#!/bin/sh\n# Written by `changegate install`; `changegate uninstall` removes it.\n\
         for gate in '{BINARY}' changegate; do\n    \
         command -v \"$gate\" >/dev/null && exec \"$gate\" hook pre-receive \"$@\"\ndone\n\
         echo 'changegate: the program is missing on this server, so all pushes are refused' >&2\n\
         echo 'changegate: fix: the server administrator installs changegate again' >&2\nexit 1\n"
    );
    script(&hook, &earlier);
    world.changegate("server.git", &SERVER).accepted().says("pre-receive updated");
    assert!(fs::read_to_string(&hook).unwrap().contains("--confirm"));
}

#[test]
fn the_update_hook_judges_one_ref() {
    let mut world = bare();
    let base = world.main();
    let update = fs::read_to_string(format!("{}/hooks/update", env!("CARGO_MANIFEST_DIR"))).unwrap();
    script(&world.path("server.git/hooks/update"), &update);
    world.configure("changegate.pusher", "none");
    let folder = Path::new(BINARY).parent().unwrap().display().to_string();
    world.environment = vec![("PATH".into(), format!("{folder}:{}", std::env::var("PATH").unwrap()))];
    let new = world.commit_tree(&[&base], &bad("Bad"));
    let refspecs = [format!("{new}:{MAIN}"), format!("{new}:refs/heads/free")];
    world.push(&[&refspecs[0], &refspecs[1]]).refused("peer-review");
    assert_eq!(world.main(), base);
    assert_eq!(world.at("refs/heads/free"), Some(new));
}

#[test]
fn a_server_says_who_pushes() {
    let world = bare();
    let before = held(&world.path("server.git"));
    let asked = world.changegate("server.git", &["install", "--server"]);
    asked.refused("--pusher takes one of").says("gitolite the server sets GL_USER").says("none");
    for (args, why) in [
        (["--pusher", "whoever"], "`whoever` is not a source of the pusher"),
        (["--pusher", "env:A B"], "is not a source of the pusher"),
        (["--policy-ref", "main"], "--pusher takes one of"),
    ] {
        world.changegate("server.git", &[&["install", "--server"], &args[..]].concat()).refused(why);
    }
    let with = |args: &[&str]| world.changegate("server.git", &[&SERVER, args].concat());
    with(&["--policy-ref", "main"]).refused("--policy-ref refs/heads/main");
    with(&["--missing-policy", "perhaps"]).refused("--missing-policy is `perhaps`");
    world.changegate("server.git", &["install"]).refused("is a bare repository");
    assert!(held(&world.path("server.git")) == before);
}

#[test]
fn what_is_said_is_set_and_what_somebody_else_set_is_kept() {
    let world = bare();
    let get = |key: &str| world.git_in("server.git", &["config", "--get-all", key]);
    world.configure("receive.fsckObjects", "false");
    world.configure("receive.hideRefs", "refs/hidden");
    let told = world.changegate(
        "server.git",
        &[
            "install",
            "--server",
            "--pusher",
            "env:WHO",
            "--policy-ref",
            "refs/heads/policy",
            "--missing-policy",
            "startup",
        ],
    );
    told.accepted().says("receive.fsckObjects = false (kept; `true` is safer)");
    told.says("refs/heads/policy has no policies/changegate.yml yet");
    assert_eq!(get("changegate.pusher"), "env:WHO");
    assert_eq!(get("changegate.policyRef"), "refs/heads/policy");
    assert_eq!(get("changegate.missingPolicy"), "startup");
    assert_eq!(
        get("receive.hideRefs"),
        "refs/hidden\nrefs/changegate\n!refs/changegate/break-glass\n!refs/changegate/acts\n!refs/changegate/approvals"
    );
    assert_eq!(get("receive.shallowUpdate"), "false");
    assert_eq!(get("core.useReplaceRefs"), "false");
    world.changegate("server.git", &["install", "--server", "--pusher", "gitolite"]).accepted();
    assert_eq!(get("changegate.pusher"), "gitolite");
    assert_eq!(get("changegate.policyRef"), "refs/heads/policy");
    world.configure("receive.shallowUpdate", "true");
    world.changegate("server.git", &["uninstall"]).accepted().says("changed after the installation");
    assert_eq!(get("receive.hideRefs"), "refs/hidden");
    assert_eq!(get("receive.shallowUpdate"), "true");
    // The id of the repository stays as its ref does: approvals that were signed for it are still there.
    let left = world.git_in("server.git", &["config", "--name-only", "--get-regexp", "changegate"]);
    assert_eq!(left, "changegate.repositoryid");
}

#[test]
fn hooks_go_where_git_looks_for_them() {
    let world = World::new();
    // A linked worktree shares the hooks of its repository.
    world.git(&["worktree", "add", "-q", "../linked"]);
    world.changegate("linked", &["install"]).accepted();
    assert!(world.path("work/.git/hooks/commit-msg").exists());
    world.git_in("linked", &["checkout", "-q", "--detach"]);
    let commit = |folder: &str| -> Pushed {
        let args = ["commit", "--allow-empty", "-m", "Nothing at all"];
        world.command("git", folder).args(args).output().unwrap().into()
    };
    commit("linked").accepted().says("`Risk` is missing");
    world.changegate("work", &["uninstall"]).accepted();
    // A relative path starts at the top of the work tree.
    world.git(&["config", "core.hooksPath", ".hooks"]);
    fs::create_dir(world.path("work/sub")).unwrap();
    world.changegate("work/sub", &["install"]).accepted();
    assert!(world.path("work/.hooks/commit-msg").exists());
    commit("work").refused("`Risk` is missing");
    world.changegate("work", &["uninstall"]).accepted();
    assert!(!world.path("work/.hooks/commit-msg").exists());
    // Folders that are not this repository's own are named, and refused on a server.
    let shared = world.path("shared").display().to_string();
    world.git(&["config", "core.hooksPath", &shared]);
    world.changegate("work", &["install"]).accepted().says("every repository that uses it");
    world.configure("core.hooksPath", &shared);
    world.changegate("server.git", &SERVER).refused("other repositories may use too");
    world.git(&["config", "core.hooksPath", "/dev/null"]);
    world.changegate("work", &["install"]).refused("git runs no hooks here");
    world.git(&["config", "core.hooksPath", ".husky/_"]);
    world.changegate("work", &["install"]).refused("husky");
}

#[test]
fn some_servers_run_hooks_from_elsewhere() {
    let world = bare();
    world.changegate("server.git", &["install", "--server", "--pusher", "gitlab"]).accepted();
    assert!(world.path("server.git/custom_hooks/pre-receive").exists());
    world.changegate("server.git", &["uninstall"]).accepted();
    assert!(!world.path("server.git/custom_hooks/pre-receive").exists());
    let driver = "#!/bin/sh\ndata=$(cat)\nfor hook in hooks/pre-receive.d/*; do\n\
                  echo \"$data\" | \"$hook\" || exit 1\ndone\n";
    script(&world.path("server.git/hooks/pre-receive"), driver);
    world.changegate("server.git", &["install", "--server", "--pusher", "gitea"]).accepted();
    assert_eq!(fs::read_to_string(world.path("server.git/hooks/pre-receive")).unwrap(), driver);
    let base = world.main();
    let new = world.commit_tree(&[&base], &good("Good"));
    world.push(&[&format!("{new}:{MAIN}")]).refused("GITEA_PUSHER_NAME is not set by the server");
    assert_eq!(world.main(), base);
    world.changegate("server.git", &["uninstall"]).accepted();
    assert!(!world.path("server.git/hooks/pre-receive.d/changegate").exists());
}

#[test]
fn a_path_with_a_quote_in_it_is_quoted() {
    let world = bare();
    let folder = world.path("o'pt tools");
    fs::create_dir(&folder).unwrap();
    let copy = folder.join("changegate");
    fs::hard_link(BINARY, &copy).or_else(|_| fs::copy(BINARY, &copy).map(|_| ())).unwrap();
    let output = world.command(copy.to_str().unwrap(), "server.git").args(SERVER).output().unwrap();
    Pushed::from(output).accepted();
    let base = world.main();
    let new = world.commit_tree(&[&base], &bad("Bad"));
    world.push(&[&format!("{new}:{MAIN}")]).refused("peer-review");
    assert_eq!(world.main(), base);
}

#[test]
fn what_is_owed_is_said_once_more_in_a_line() {
    let world = World::new();
    let message = "Fire\n\nChange-Type: emergency\nRisk: low\nIncident: INC-7\n\
                   Emergency-Reason: the bank refuses every transfer that is off by a cent\n";
    let new = world.commit_tree(&[&world.main()], message);
    let pushed = world.push(&[&format!("{new}:{MAIN}")]);
    pushed.accepted().says("owed emergency-ticket").says("landed with 2 obligations; the first is due 2");
    assert_eq!(pushed.seen.matches("owed emergency-ticket").count(), 1, "{}", pushed.seen);
    assert_eq!(world.main(), new);
}

#[test]
fn the_demo_ends_as_it_tells() {
    let world = bare();
    let mut command = world.command(BINARY, "");
    // Somebody's own settings are not to disturb it.
    command.env("GIT_DIR", "/nowhere").env("GIT_CONFIG_COUNT", "1").args(["demo"]);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(told.matches("=> accepted").count(), 3, "{told}");
    assert_eq!(told.matches("=> refused").count(), 6, "{told}");
    assert!(told.contains("verification passed") && told.contains("owed       emergency-ticket"), "{told}");
    assert!(!told.contains('\u{1b}'), "{told}");
}

/// What pre-commit writes, as far as it matters here: it runs the hook that it has put aside, and then its own.
const PRE_COMMIT: &str = "#!/bin/sh\n# File generated by pre-commit: https://pre-commit.com\n\
    if [ -x \"$0.legacy\" ]; then \"$0.legacy\" \"$@\" || exit 1; fi\necho managed >&2\n";

#[test]
fn pre_commit_runs_the_hooks_whichever_was_installed_first() {
    for is_first in [false, true] {
        let world = World::under(&crate::world::POLICY.replace("startup", "core"));
        let hook = world.path("work/.git/hooks/commit-msg");
        let legacy = world.path("work/.git/hooks/commit-msg.legacy");
        let commit = |message: &str| -> Pushed {
            let args = ["commit", "--allow-empty", "-m", message];
            world.command("git", "work").args(args).output().unwrap().into()
        };
        if is_first {
            world.changegate("work", &["install"]).accepted();
            fs::rename(&hook, &legacy).unwrap();
        }
        script(&hook, PRE_COMMIT);
        world.changegate("work", &["install"]).accepted();
        // A second run finds it where it is.
        world.changegate("work", &["install"]).accepted().says("already installed");
        assert_eq!(fs::read_to_string(&hook).unwrap(), PRE_COMMIT);
        commit("Nothing at all").refused("`Risk` is missing");
        commit(&good("Good")).accepted().says("managed");
        world.changegate("work", &["uninstall"]).accepted();
        commit("Nothing at all").accepted().says("managed").does_not_say("changegate");
        assert!(!legacy.exists());
    }
}

#[test]
fn a_hook_that_a_manager_has_put_aside_is_removed() {
    let world = World::new();
    let hooks = world.path("work/.git/hooks");
    script(&hooks.join("commit-msg"), "#!/bin/sh\necho mine >&2\n");
    world.changegate("work", &["install"]).accepted();
    for suffix in ["legacy", "old"] {
        fs::copy(hooks.join("pre-push"), hooks.join(format!("pre-push.{suffix}"))).unwrap();
    }
    fs::rename(hooks.join("commit-msg"), hooks.join("commit-msg.legacy")).unwrap();
    script(&hooks.join("commit-msg"), PRE_COMMIT);
    world.changegate("work", &["uninstall"]).accepted();
    for name in ["pre-push", "pre-push.legacy", "pre-push.old", "commit-msg.before-changegate"] {
        assert!(!hooks.join(name).exists(), "{name}");
    }
    // What ran before changegate still does.
    let args = ["commit", "--allow-empty", "-m", "Nothing at all"];
    let committed: Pushed = world.command("git", "work").args(args).output().unwrap().into();
    committed.accepted().says("mine").says("managed").does_not_say("changegate");
}

#[test]
fn managers_that_write_their_hooks_anew_are_told_apart() {
    let world = World::new();
    world.write("lefthook.yml", "commit-msg: {}\n");
    world.changegate("work", &["install"]).refused("changegate hook --confirm pre-push {0}");
    // A hook that is there already cannot be given a second time, and each language has its own form.
    for (name, text, pieces) in [
        (
            "lefthook.yml",
            "pre-push:\n  jobs:\n    - run: a\ncommit-msg:\n  commands:\n    a: { run: a }\nprepare-commit-msg: {}\n",
            &[
                "below `jobs` of `pre-push`, which is on line 1:\n    - { name: changegate, run: '",
                "below `commands` of `commit-msg`, which is on line 4:\n    changegate: { run: '",
                "in place of `prepare-commit-msg`, which is empty, on line 7:\n    prepare-commit-msg: { commands: {",
            ][..],
        ),
        (
            ".lefthook.yaml",
            "commit-msg:\n  scripts:\n    a.sh: { runner: sh }\n",
            &["below `commit-msg`, which is on line 1:\n    commands: {"],
        ),
        (
            "lefthook.toml",
            "[commit-msg]\nparallel = true\n",
            &[
                "add to lefthook.toml",
                "\n  [commit-msg.commands.changegate]\n  run = '",
                "'\n  use_stdin = true",
            ],
        ),
        (
            "lefthook.json",
            "{\"pre-push\": {\"commands\": {\"a\": {\"run\": \"a\"}}}}",
            &[
                "below `commands` of `pre-push`, which is on line 1:\n    \"changegate\": { \"run\": \"if ",
                "\n  \"commit-msg\": { \"commands\": {",
            ],
        ),
        (
            "lefthook.jsonc",
            "{\n  // \"commit-msg\": {},\n  /* of\n us */\n  \"pre-push\": {\"commands\": {\"a\": {\"run\": \"a // b\",}}},\n}\n",
            &["below `commands` of `pre-push`, which is on line 5:", "\n  \"commit-msg\": { \"commands\": {"],
        ),
        (
            "lefthook.yml",
            "x: &x { run: a }\npre-push:\n  parallel: true\n  commands:\n    a:\n      <<: *x\ncommit-msg: { scripts: *x }\n",
            &[
                "below `commands` of `pre-push`, which is on line 2:",
                "below `commit-msg`, which is on line 7:\n    commands: {",
            ],
        ),
        (
            "lefthook.yml",
            "pre-push:\n  jobs: []\ncommit-msg:\n  commands:\n",
            &[
                "in place of `jobs` of `pre-push`, which is empty, on line 2:\n    commands: { changegate: {",
                "in place of `commands` of `commit-msg`, which is empty, on line 4:\n    commands: { changegate: {",
            ],
        ),
    ] {
        fs::remove_file(world.path("work/lefthook.yml")).ok();
        world.write(name, text);
        let installed = world.changegate("work", &["install"]);
        installed.refused("lefthook manages the hooks");
        for piece in pieces {
            assert!(installed.seen.contains(piece), "no {piece:?} in:\n{}", installed.seen);
        }
        fs::remove_file(world.path(&format!("work/{name}"))).unwrap();
    }
    script(&world.path("work/.git/hooks/commit-msg"), "#!/bin/sh\ncall_lefthook run commit-msg \"$@\"\n");
    world.changegate("work", &["install"]).refused("lefthook manages the hooks");
}

#[test]
fn lines_for_a_manager_stop_no_one_and_are_found_again() {
    let world = World::new();
    // husky runs the files of .husky with `sh -e`.
    for name in ["prepare-commit-msg", "commit-msg", "pre-push"] {
        let text = format!("#!/bin/sh\nsh -e \"${{0%/*}}/../{name}\" \"$@\"\n");
        script(&world.path(&format!("work/.husky/_/{name}")), &text);
    }
    world.git(&["config", "core.hooksPath", ".husky/_"]);
    let installed = world.changegate("work", &["install"]);
    installed.refused("husky manages");
    for line in installed.seen.lines().filter(|line| line.starts_with("  echo ")) {
        assert!(world.command("sh", "work").args(["-c", line]).status().unwrap().success(), "{line}");
    }
    let bad = |path: &str| -> Pushed {
        let mut command = world.command("git", "work");
        command
            .args(["commit", "--allow-empty", "-m", "A subject"])
            .env("PATH", path)
            .output()
            .unwrap()
            .into()
    };
    let without = path_without_program().to_string_lossy().into_owned();
    bad(&without).accepted().says("changegate: not found, so commit-msg is skipped; the server checks again");
    let with = format!("{}:{without}", Path::new(BINARY).parent().unwrap().display());
    bad(&with).refused("`Change-Type` is missing");
    // A program that is dead stops no one, and does not pass in silence.
    let whole = fs::read(BINARY).unwrap();
    let mut foreign = whole[..4096].to_vec();
    foreign[18..20].copy_from_slice(&[0xf7, 0x00]);
    for (dead, code) in [
        (Vec::new(), "exit code 0"),
        (whole[..4096].to_vec(), "exit code 1"),
        (foreign, "exit code 1"),
        (b"#!/bin/sh\nkill -9 $$\n".to_vec(), "exit code 137"),
        (b"#!/bin/sh\nexit 1\n".to_vec(), "exit code 1"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        script(&folder.path().join("changegate"), "");
        fs::write(folder.path().join("changegate"), dead).unwrap();
        let pushed = bad(&format!("{}:{without}", folder.path().display()));
        pushed.accepted().says("changegate: does not work").says(code);
        pushed.says("so commit-msg is skipped; the server checks again");
        pushed.says("so prepare-commit-msg is skipped");
    }
    let removed = world.changegate("work", &["uninstall"]);
    removed.accepted().says("delete these lines: .husky/prepare-commit-msg:1 .husky/commit-msg:1");
    removed.does_not_say("not installed");
    fs::remove_dir_all(world.path("work/.husky")).unwrap();
    world.git(&["config", "--unset", "core.hooksPath"]);
    world.write("lefthook.yml", "commit-msg: {}\n");
    let installed = world.changegate("work", &["install"]);
    installed.refused("lefthook manages");
    let lines: Vec<&str> = installed.seen.lines().filter(|line| line.contains(": { commands")).collect();
    assert_eq!(lines.len(), 3, "{}", installed.seen);
    world.write("lefthook.yml", &format!("{}\n", lines.join("\n")));
    world.changegate("work", &["uninstall"]).accepted().says("lefthook.yml:1 lefthook.yml:2 lefthook.yml:3");
}

#[test]
fn a_folder_of_hooks_that_is_a_link_is_shared() {
    for folder in ["work/.git", "server.git"] {
        let world = World::new();
        let hooks = world.path(folder).join("hooks");
        let _ = fs::remove_dir_all(&hooks);
        fs::create_dir(world.path("shared")).unwrap();
        std::os::unix::fs::symlink(world.path("shared"), &hooks).unwrap();
        if folder == "server.git" {
            world.changegate(folder, &SERVER).refused("other repositories may use too");
        } else {
            world.changegate("work", &["install"]).accepted().says("every repository that uses it");
            world.changegate("work", &["uninstall"]).accepted().says("run in none of them any more");
            assert_eq!(fs::read_dir(world.path("shared")).unwrap().count(), 0);
            // Each hook is removed once, by whatever names git finds its folder.
            world.git(&["config", "core.hooksPath", &world.path("shared").display().to_string()]);
            world.changegate("work", &["install"]).accepted();
            let seen = world.changegate("work", &["uninstall"]).accepted().seen.clone();
            assert_eq!(seen.matches("removed in").count(), 3, "{seen}");
            assert_eq!(fs::read_dir(world.path("shared")).unwrap().count(), 0);
        }
    }
}

#[test]
fn a_hook_that_is_a_link_to_ours_is_not_run_twice_and_is_removed() {
    let world = bare();
    let (hooks, common) = (world.path("server.git/hooks"), world.path("common"));
    let before = held(&hooks);
    fs::create_dir(&common).unwrap();
    world.changegate("server.git", &SERVER).accepted();
    for name in ["pre-receive", "post-receive"] {
        fs::rename(hooks.join(name), common.join(name)).unwrap();
        std::os::unix::fs::symlink(common.join(name), hooks.join(name)).unwrap();
    }
    let linked = held(&common);
    world.changegate("server.git", &SERVER).accepted();
    assert!(held(&hooks) == before && held(&common) == linked);
    world.commit("Nothing is said here");
    let pushed = world.push(&["main"]);
    assert_eq!(pushed.refused("changegate").seen.matches("changegate: denied").count(), 1, "{}", pushed.seen);
    // What the links lead to may be of use to other repositories.
    world.changegate("server.git", &["uninstall"]).accepted().says("removed in");
    assert!(held(&hooks) == before && !hooks.join("pre-receive").exists());
    assert!(held(&common) == linked);
    world.push(&["main"]).accepted();
    world.changegate("server.git", &["uninstall"]).accepted().says("changegate is not installed here");
}

#[test]
fn pre_commit_passes_a_push_on_in_variables() {
    let world = World::new();
    world.commit("Nothing at all");
    let run = |id: &str| -> Pushed {
        let mut command = world.command(BINARY, "work");
        command.env("PRE_COMMIT_REMOTE_NAME", "origin").env("PRE_COMMIT_TO_REF", id);
        command.env("PRE_COMMIT_LOCAL_BRANCH", MAIN).env("PRE_COMMIT_REMOTE_BRANCH", MAIN);
        command.args(["hook", "pre-push"]).output().unwrap().into()
    };
    run(&world.head()).refused("`Risk` is missing");
    run(&world.main()).accepted();
}
