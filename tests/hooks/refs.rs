//! What a push may do to refs.

use crate::world::{BY_COMMIT, MAIN, POLICY, World, ZERO, bad, good};

#[test]
fn a_good_push_is_accepted_out_of_its_quarantine() {
    let world = World::new();
    world.write("a", "a\n");
    let new = world.commit(&good("Good"));
    world.push(&["main"]).accepted().says("allowed");
    assert_eq!(world.main(), new);
}

#[test]
fn a_refused_push_leaves_nothing_behind() {
    let world = World::new();
    let before = world.main();
    world.write("a", "a\n");
    let new = world.commit(&bad("Bad"));
    world.push(&["main"]).refused("peer-review");
    assert_eq!(world.main(), before);
    assert_eq!(world.at(&format!("{new}^{{commit}}")), None);
}

#[test]
fn every_ref_of_a_push_is_judged_and_all_that_was_found_is_told() {
    let world = World::new();
    let base = world.main();
    let one = world.commit_tree(&[&base], &bad("One"));
    let two = world.commit_tree(&[&base], "Two\n\nChange-Type: normal\nReviewed-by: Ben <ben@example.com>\n");
    let (to_main, to_release) = (format!("{one}:{MAIN}"), format!("{two}:refs/heads/release/1"));
    let pushed = world.push(&[&to_main, &to_release, &format!("{base}:refs/heads/free")]);
    pushed.refused("ref refs/heads/main").says("peer-review").says("refs/heads/release/1").says("`Risk`");
    assert_eq!(world.main(), base);
    assert_eq!(world.at("refs/heads/release/1"), None);
    assert_eq!(world.at("refs/heads/free"), None);
}

#[test]
fn one_bad_ref_among_many_refuses_them_all() {
    for atomic in [false, true] {
        let world = World::new();
        let base = world.main();
        let new = world.commit_tree(&[&base], &bad("Bad"));
        let mut refspecs: Vec<String> =
            (0..40).map(|number| format!("{new}:refs/heads/w{number:02}")).collect();
        refspecs.insert(20, format!("{new}:{MAIN}"));
        if atomic {
            refspecs.insert(0, "--atomic".into());
        }
        let refspecs: Vec<&str> = refspecs.iter().map(String::as_str).collect();
        world.push(&refspecs).refused("peer-review");
        assert_eq!(world.main(), base);
        assert_eq!(world.at("refs/heads/w00"), None);
    }
}

#[test]
fn a_new_branch_under_change_control_is_judged() {
    let world = World::new();
    let base = world.main();
    let new = world.commit_tree(&[&base], &bad("Bad"));
    world.push(&[&format!("{new}:refs/heads/release/1")]).refused("peer-review");
    world.push(&[&format!("{new}:refs/heads/release/1/0/fix")]).refused("peer-review");
    assert_eq!(world.at("refs/heads/release/1"), None);
    // What main holds has been judged.
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    assert_eq!(world.at("refs/heads/release/1"), Some(base));
}

#[test]
fn a_new_branch_from_another_root_is_judged() {
    let world = World::new();
    let root = world.commit_tree(&[], &bad("Another beginning"));
    world.push(&[&format!("{root}:refs/heads/release/1")]).refused("peer-review");
    assert_eq!(world.at("refs/heads/release/1"), None);
}

#[test]
fn names_that_only_begin_alike_are_free() {
    let world = World::new();
    let new = world.commit_tree(&[&world.main()], &bad("Bad"));
    for free in ["refs/heads/main-fix", "refs/heads/release", "refs/heads/wip/main", "refs/notes/commits"] {
        world.push(&[&format!("{new}:{free}")]).accepted();
        assert_eq!(world.at(free).as_ref(), Some(&new));
    }
}

#[test]
fn what_was_seeded_on_a_free_ref_is_judged_when_main_takes_it() {
    let world = World::new();
    let base = world.main();
    let new = world.commit_tree(&[&base], &bad("Bad"));
    let above = world.commit_tree(&[&new], &good("Above"));
    world.push(&[&format!("{above}:refs/heads/free")]).accepted();
    world.push(&[&format!("{new}:{MAIN}")]).refused("peer-review");
    world.push(&[&format!("{above}:{MAIN}")]).refused("peer-review").says("Bad");
    assert_eq!(world.main(), base);
}

#[test]
fn main_is_not_deleted() {
    let world = World::new();
    let base = world.main();
    world.push(&[":main"]).refused("ref-deleted");
    assert_eq!(world.main(), base);
}

#[test]
fn main_is_not_deleted_by_a_client_that_lies_about_it() {
    let world = World::new();
    let base = world.main();
    let unknown = "1".repeat(40);
    for old in [ZERO, unknown.as_str(), base.as_str()] {
        world.push_raw(&[(old, ZERO, MAIN)], &[]).refused("ref-deleted");
        assert_eq!(world.main(), base, "{old}");
    }
}

#[test]
fn deleting_what_is_not_there_or_is_free_is_no_matter() {
    let world = World::new();
    world.push(&[&format!("{}:refs/heads/free", world.main())]).accepted();
    world.push(&[":free"]).accepted();
    assert_eq!(world.at("refs/heads/free"), None);
}

#[test]
fn an_old_value_that_the_ref_does_not_hold_is_refused() {
    let world = World::new();
    let base = world.main();
    let below = world.commit_tree(&[&base], &bad("Below"));
    let above = world.commit_tree(&[&below], &good("Above"));
    // What lies below would be hidden if the client were believed.
    let pushed = world.push_raw(&[(&below, &above, MAIN)], &[&above]);
    pushed.refused("ref-current").says("peer-review");
    assert_eq!(world.main(), base);
}

#[test]
fn a_ref_is_named_once_in_a_push() {
    let world = World::new();
    let base = world.main();
    let one = world.commit_tree(&[&base], &bad("One"));
    let two = world.commit_tree(&[&one], &good("Two"));
    let commands = [(base.as_str(), one.as_str(), MAIN), (one.as_str(), two.as_str(), MAIN)];
    world.push_raw(&commands, &[&two]).refused("ref-once");
    assert_eq!(world.main(), base);
}

#[test]
fn history_is_not_rewritten() {
    let world = World::new();
    let base = world.main();
    let one = world.commit_tree(&[&base], &good("One"));
    world.push(&[&format!("{one}:{MAIN}")]).accepted();
    let other = world.commit_tree(&[&base], &good("Other"));
    world.push(&[&format!("+{other}:{MAIN}")]).refused("ref-rewritten");
    world.push(&[&format!("+{base}:{MAIN}")]).refused("ref-rewritten");
    assert_eq!(world.main(), one);
}

#[test]
fn an_alias_is_the_branch_that_it_leads_to() {
    let world = World::new();
    let base = world.main();
    world.git_in("server.git", &["symbolic-ref", "refs/heads/alias", MAIN]);
    let new = world.commit_tree(&[&base], &bad("Bad"));
    world.push(&[&format!("{new}:refs/heads/alias")]).refused("peer-review");
    assert_eq!(world.main(), base);
    let mended = world.commit_tree(&[&base], &good("Good"));
    let commands =
        [(base.as_str(), mended.as_str(), "refs/heads/alias"), (base.as_str(), mended.as_str(), MAIN)];
    world.push_raw(&commands, &[&mended]).refused("");
    assert_eq!(world.main(), base);
}

#[test]
fn reserved_refs_are_nobodys_to_push_to() {
    let world = World::new();
    let base = world.main();
    for name in [
        "refs/changegate/ledger",
        "refs/Changegate/ledger",
        "refs/namespaces/n/refs/heads/main",
        &format!("refs/replace/{base}"),
    ] {
        let before = world.at(name);
        world.push_raw(&[(ZERO, &base, name)], &[&base]).refused("");
        assert_eq!(world.at(name), before, "{name}");
    }
    world.push(&[&format!("{base}:refs/replace/{base}")]).refused("ref-reserved");
}

#[test]
fn a_replacement_shows_nothing_else_to_the_gate() {
    let world = World::new();
    let base = world.main();
    let shown = world.commit_tree(&[&base], &good("Shown"));
    let new = world.commit_tree(&[&base], &bad("Hidden"));
    world.push(&[&format!("{new}:refs/heads/free"), &format!("{shown}:refs/heads/free2")]).accepted();
    world.configure("core.useReplaceRefs", "true");
    world.git_in("server.git", &["replace", &new, &shown]);
    world.push(&[&format!("{new}:{MAIN}")]).refused("peer-review").says("Hidden");
    assert_eq!(world.main(), base);
}

#[test]
fn a_tag_called_main_is_not_main() {
    let world = World::new();
    let base = world.main();
    let new = world.commit_tree(&[&base], &bad("Bad"));
    world.push(&[&format!("{new}:refs/tags/main")]).accepted();
    world.push(&[&format!("{new}:{MAIN}")]).refused("peer-review");
    assert_eq!(world.at(MAIN), Some(base));
}

#[test]
fn a_shallow_push_is_refused() {
    let world = World::new();
    let base = world.main();
    let below = world.commit_tree(&[&base], &bad("Below"));
    let above = world.commit_tree(&[&below], &good("Above"));
    world.git(&["update-ref", "refs/heads/topic", &above]);
    let work = format!("file://{}", world.path("work").display());
    world.git_in("", &["clone", "-q", "--depth", "1", "-b", "topic", &work, "shallow"]);
    for allowed in ["false", "true"] {
        world.configure("receive.shallowUpdate", allowed);
        let mut command = world.command("git", "shallow");
        command.args(["push", &world.url(), &format!("+HEAD:{MAIN}")]);
        crate::world::Pushed::from(command.output().unwrap()).refused("shallow");
        assert_eq!(world.main(), base, "{allowed}");
    }
}

#[test]
fn a_server_that_is_shallow_cannot_judge() {
    let world = World::new();
    let base = world.main();
    std::fs::write(world.path("server.git/shallow"), format!("{base}\n")).unwrap();
    let new = world.commit_tree(&[&base], &good("Good"));
    world.push(&[&format!("{new}:{MAIN}")]).refused("shallow");
    assert_eq!(world.main(), base);
}

#[test]
fn refs_that_git_itself_refuses_do_not_stop_the_others() {
    let world = World::new();
    let base = world.main();
    let new = world.commit_tree(&[&base], &good("Good"));
    world.push(&[&format!("{base}:refs/heads/free")]).accepted();
    // The free ref is stale, so git will refuse it after the gate has allowed both.
    let commands = [(ZERO, new.as_str(), "refs/heads/free"), (base.as_str(), new.as_str(), MAIN)];
    world.push_raw(&commands, &[&new]).says("ok refs/heads/main").says("ng refs/heads/free");
    assert_eq!(world.main(), new);
    assert_eq!(world.at("refs/heads/free"), Some(base));
}

#[test]
fn a_namespace_is_refused() {
    let mut world = World::new();
    let base = world.main();
    let new = world.commit_tree(&[&base], &good("Good"));
    world.environment.push(("GIT_NAMESPACE".into(), "n".into()));
    world.push(&[&format!("{new}:{MAIN}")]).refused("GIT_NAMESPACE");
    world.environment.clear();
    assert_eq!(world.at("refs/namespaces/n/refs/heads/main"), None);
}

#[test]
fn a_repository_named_by_sha256_is_guarded_alike() {
    let world = World::with(Some(BY_COMMIT), "sha256");
    let base = world.main();
    assert_eq!(base.len(), 64);
    let zero = "0".repeat(64);
    let new = world.commit_tree(&[&base], &bad("Bad"));
    world.push(&[&format!("{new}:{MAIN}")]).refused("peer-review");
    world.push(&[":main"]).refused("ref-deleted");
    world.push_raw(&[(&zero, &zero, MAIN)], &[]).refused("ref-deleted");
    assert_eq!(world.main(), base);
    let new = world.commit_tree(&[&base], &good("Good"));
    world.push(&[&format!("{new}:{MAIN}"), &format!("{new}:refs/heads/release/1")]).accepted();
    assert_eq!(world.main(), new);
}

#[test]
fn a_protected_name_is_judged_wherever_its_symbolic_ref_leads() {
    // By an exact name, and by a pattern.
    for protects in ["[main]", "['m*']"] {
        let policy = format!("changegate: 1\nname: test\nextends: [startup]\nprotects: {protects}\n");
        let world = World::under(&policy);
        world.git_in("server.git", &["branch", "-m", "main", "trunk"]);
        world.git_in("server.git", &["symbolic-ref", MAIN, "refs/heads/trunk"]);
        world.git_in("server.git", &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
        let base = world.main();
        let new = world.commit_tree(&[&base], &bad("Bad"));
        for name in [MAIN, "refs/heads/trunk"] {
            world.push(&[&format!("{new}:{name}")]).refused("peer-review");
            world.push(&[&format!("+{new}:{name}")]).refused("peer-review");
            assert_eq!(world.main(), base, "{name} of {protects}");
        }
        world.push(&[":trunk"]).refused("ref-deleted");
        // A push that is right is recorded, and the ledger follows the ref under its own name.
        let right = world.commit_tree(&[&base], &good("Good"));
        world.push(&[&format!("{right}:{MAIN}")]).accepted();
        let next = world.commit_tree(&[&right], &good("Next"));
        world.push(&[&format!("{next}:refs/heads/trunk")]).accepted();
        world.git_in("server.git", &["update-ref", "refs/heads/trunk", &right]);
        let found = world.changegate("server.git", &["ledger", "verify", "--refs"]);
        found.refused("refs/heads/trunk holds");
        world.push(&[&format!("{new}:refs/heads/free")]).accepted();
    }
}

#[test]
fn rules_about_a_branch_hold_for_what_its_symbolic_ref_leads_to() {
    let policy = "changegate: 1\nname: test\nextends: [core]\nprotects: [main]\nrules:\n  \
                  signed-off: { when: { branch: main }, require: { field: { Risk: present } } }\n";
    let world = World::under(policy);
    world.git_in("server.git", &["branch", "-m", "main", "trunk"]);
    world.git_in("server.git", &["symbolic-ref", MAIN, "refs/heads/trunk"]);
    let new = world.commit_tree(&[&world.main()], "Alone\n\nChange-Type: normal\n");
    for name in [MAIN, "refs/heads/trunk"] {
        world.push(&[&format!("{new}:{name}")]).refused("signed-off");
    }
}

#[test]
fn names_that_differ_by_case_are_refused_where_files_do_not_tell_them_apart() {
    let world = World::new();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/One")]).accepted();
    let new = world.commit_tree(&[&base], &good("Good"));
    // Here the file system tells names apart, and only the configuration says otherwise.
    world.push(&[&format!("{new}:refs/heads/Main")]).accepted();
    world.configure("core.ignoreCase", "true");
    for name in ["MAIN", "mAin", "Release/2", "release/ONE"] {
        let pushed = world.push(&[&format!("{new}:refs/heads/{name}")]);
        pushed.refused("ref-case");
        assert_eq!(world.at(&format!("refs/heads/{name}")), None);
    }
    for name in ["Heads/main", "tags/V1"] {
        world.push(&[&format!("{new}:refs/{name}")]).refused("ref-case");
    }
    world.push(&[&format!("{new}:refs/heads/Free")]).accepted();
    world.push(&[&format!("{new}:{MAIN}")]).refused("ref-case").says("refs/heads/Main");
    world.git_in("server.git", &["update-ref", "-d", "refs/heads/Main"]);
    world.push(&[&format!("{new}:{MAIN}")]).accepted();
}

#[test]
fn letters_outside_ascii_are_folded_as_file_systems_do() {
    let world = World::under(&POLICY.replace("[main,", "[main, 'gesch\u{e4}ft', 'stra\u{df}e', kern,"));
    world.configure("core.ignoreCase", "true");
    let new = world.commit(&bad("Nobody reviewed this one"));
    for name in
        ["GESCH\u{c4}FT", "gescha\u{308}ft", "STRASSE", "\u{17f}tra\u{df}e", "stra\u{1e9e}e", "\u{212a}ern"]
    {
        world.push(&[&format!("{new}:refs/heads/{name}")]).refused("ref-case");
        assert_eq!(world.at(&format!("refs/heads/{name}")), None, "{name}");
    }
    for free in ["ma\u{131}n", "strase"] {
        world.push(&[&format!("{new}:refs/heads/{free}")]).accepted();
    }
}

#[test]
fn the_stricter_unit_of_both_policies_counts() {
    // Today's policy judges by commit and that of the branch by step, and the other way round.
    for (then, now) in [(POLICY, BY_COMMIT), (BY_COMMIT, POLICY)] {
        let world = World::under(then);
        let old = world.main();
        world.write("policies/changegate.yml", now);
        world.commit(&good("Change the unit"));
        world.push(&["main"]).accepted();
        world.push(&[&format!("{old}:refs/heads/release/old")]).accepted();
        let inner = world.commit_tree(&[&old], &bad("Nobody reviewed this one"));
        let merge = world.commit_tree(&[&old, &inner], &good("Merge"));
        world.push(&[&format!("{merge}:refs/heads/release/old")]).refused("peer-review");
        world.push(&[&format!("{inner}:refs/tags/v9")]).refused("tag-of-reviewed");
        world.push(&[&format!("{merge}:refs/tags/v9")]).refused("tag-of-reviewed");
    }
}
