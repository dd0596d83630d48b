//! Policies of other repositories on a server: read from bare repositories beside the one that is pushed to.

use crate::world::{MAIN, Pushed, World, bad, good};

const PATH: &str = "policies/changegate.yml";

/// A base that asks for a review by another person.
const BASE: &str = "changegate: 1\nname: shared\nextends: [startup]\nprotects: [main]\n";

/// Adds a commit with this base to the branch of the repository `acme/policies`, and returns its id.
fn publish(world: &World, branch: &str, base: &str) -> String {
    let folder = "policies-work";
    if !world.path(folder).exists() {
        world.git_in("", &["init", "-q", "-b", "main", folder]);
        std::fs::create_dir_all(world.path("shared/acme")).unwrap();
        world.git_in("", &["init", "-q", "--bare", "-b", "main", "shared/acme/policies.git"]);
    }
    std::fs::create_dir_all(world.path("policies-work/rules")).unwrap();
    std::fs::write(world.path("policies-work/rules/base.yml"), base).unwrap();
    world.git_in(folder, &["add", "-A"]);
    world.git_in(folder, &["commit", "-q", "--allow-empty", "-m", "Publish"]);
    world.git_in(
        folder,
        &["push", "-q", "../shared/acme/policies.git", &format!("+HEAD:refs/heads/{branch}")],
    );
    world.git_in(folder, &["rev-parse", "HEAD"])
}

fn extending(revision: &str, more: &str) -> String {
    format!("changegate: 1\nname: own\nextends: ['acme/policies//rules/base.yml@{revision}']\n{more}")
}

/// A server whose policy extends the base at a revision of `acme/policies`.
fn sharing(revision: impl Fn(&str) -> String) -> World {
    let world = World::with(None, "sha1");
    let commit = publish(&world, "main", BASE);
    world.configure("changegate.policyRepositories", world.path("shared").to_str().unwrap());
    world.write(PATH, &extending(&revision(&commit), ""));
    world.commit("Put it under change control\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    world
}

#[test]
fn a_push_is_judged_by_the_base_of_another_repository() {
    for revision in ["main", "refs/heads/main", "COMMIT"] {
        let world = sharing(|commit| revision.replace("COMMIT", commit));
        world.commit(&bad("Unreviewed"));
        world.push(&["main"]).refused("peer-review").says("with acme/policies//rules/base.yml@");
        world.commit_tree(&[], "x");
        world.git(&["reset", "-q", "--hard", "HEAD~1"]);
        world.commit(&good("Reviewed"));
        world.push(&["main"]).accepted();
        assert_eq!(world.main(), world.head());
    }
}

#[test]
fn a_branch_moves_and_a_commit_stays() {
    let stricter =
        format!("{BASE}rules:\n  small: {{ require: {{ size: {{ files: {{ at-most: 0 }} }} }} }}\n");
    for (is_pinned, is_refused) in [(false, true), (true, false)] {
        let world = sharing(|commit| if is_pinned { commit.to_owned() } else { "main".into() });
        publish(&world, "main", &stricter);
        world.write("a.txt", "a");
        world.commit(&good("Reviewed"));
        let pushed = world.push(&["main"]);
        if is_refused {
            pushed.refused("small")
        } else {
            pushed.accepted()
        };
    }
}

#[test]
fn what_was_read_is_in_the_record_and_can_be_judged_again() {
    let world = sharing(|_| "main".into());
    let commit = world.git_in("shared/acme/policies.git", &["rev-parse", "main"]);
    world.commit(&good("Reviewed"));
    world.push(&["main"]).accepted();
    world.changegate("server.git", &["ledger", "reconcile"]).accepted();
    let kinds = world.changegate("server.git", &["ledger", "log"]).seen;
    let line = kinds.lines().find(|line| line.contains("Allow")).unwrap_or_else(|| panic!("{kinds}"));
    let number = line.split_whitespace().next().unwrap();
    let told = format!("with acme/policies//rules/base.yml@main ({commit})");
    world.changegate("server.git", &["ledger", "show", number]).accepted().says(&told);
    world.changegate("server.git", &["ledger", "replay", number]).accepted();
}

/// The digest in the record says which version of a base was in force; the record says at which commit it was read.
#[test]
fn a_decision_is_judged_again_by_the_base_of_its_time() {
    let stricter =
        format!("{BASE}rules:\n  small: {{ require: {{ size: {{ files: {{ at-most: 0 }} }} }} }}\n");
    let world = sharing(|_| "main".into());
    let commit = world.git_in("shared/acme/policies.git", &["rev-parse", "main"]);
    world.write("a.txt", "a");
    world.commit(&good("Reviewed"));
    world.push(&["main"]).accepted();
    world.changegate("server.git", &["ledger", "reconcile"]).accepted();
    let log = world.changegate("server.git", &["ledger", "log"]).seen;
    let number = log.lines().find(|line| line.contains("Allow")).unwrap().split_whitespace().next().unwrap();
    let replay = || world.changegate("server.git", &["ledger", "replay", number]);
    replay().accepted().says("judged again, with the same outcome");
    // The branch goes on, and is rewritten.
    publish(&world, "main", &stricter);
    publish(&world, "main", &format!("{stricter}# Once more.\n"));
    replay().accepted();
    let tree = world.git_in("policies-work", &["rev-parse", "HEAD^{tree}"]);
    let orphan = world.git_in("policies-work", &["commit-tree", &tree, "-m", "Begin anew"]);
    world.git_in(
        "policies-work",
        &["push", "-q", "-f", "../shared/acme/policies.git", &format!("{orphan}:refs/heads/main")],
    );
    replay().accepted();
    let pack = world.path("pack");
    let pack = pack.to_str().unwrap();
    world.changegate("server.git", &["evidence", "HEAD", "--out", pack]).accepted();
    let index = std::fs::read_to_string(world.path("pack/pack.json")).unwrap();
    let index: serde_json::Value = serde_json::from_str(&index).unwrap();
    let base = serde_json::json!([{ "name": "acme/policies//rules/base.yml@main", "commit": commit }]);
    assert_eq!(
        (&index["bases"], &index["limits"]),
        (&base, &serde_json::json!(["in-toto statements: no address of the repository was given"]))
    );
    // Nothing but the pack is asked.
    std::fs::rename(world.path("shared"), world.path("elsewhere")).unwrap();
    let verified = world.changegate("work", &["evidence", "verify", pack]);
    verified.accepted().says("1 verdict of 1 decision come out the same").does_not_say("extends");
    replay()
        .says("which cannot be read: there is no `acme/policies.git`")
        .says(&format!("it needs acme/policies//rules/base.yml@main at {commit}"));
    // Where the commit is lost, so is the version.
    std::fs::rename(world.path("elsewhere"), world.path("shared")).unwrap();
    world.git_in("shared/acme/policies.git", &["reflog", "expire", "--expire=now", "--all"]);
    world.git_in("shared/acme/policies.git", &["gc", "-q", "--prune=now"]);
    replay().says("none of the versions that can be read here is that of the record").says(&commit);
    // A pack that leaves a base out says what it needs, and does not verify in silence.
    let pack = world.path("second");
    let pack = pack.to_str().unwrap();
    world.changegate("server.git", &["evidence", "HEAD", "--out", pack]).accepted();
    let index = std::fs::read_to_string(world.path("second/pack.json")).unwrap();
    assert!(index.contains("a policy is not whole in the pack") && index.contains(&commit), "{index}");
    world
        .changegate("work", &["evidence", "verify", pack])
        .says("which cannot be read: it is not in the pack");
}

#[test]
fn a_base_that_cannot_be_had_denies_and_says_what_to_do() {
    let world = sharing(|_| "main".into());
    world.commit(&good("Reviewed"));
    let missing = world.path("nowhere");
    for (folder, told) in [
        (None, "changegate.policyRepositories is not set"),
        (Some("shared"), "use a path from the root"),
        (missing.to_str(), "there is no `acme/policies.git`"),
    ] {
        world.git_in("server.git", &["config", "--unset-all", "changegate.policyRepositories"]);
        if let Some(folder) = folder {
            world.configure("changegate.policyRepositories", folder);
        } else {
            let refused = world.push(&["main"]);
            refused.refused("policy-valid").says(told).says("the server administrator runs");
            refused.says("git config changegate.policyRepositories <folder>");
            world.configure("changegate.policyRepositories", "x");
            continue;
        }
        world.push(&["main"]).refused("policy-valid").says(told);
    }
    world.configure("changegate.policyRepositories", world.path("shared").to_str().unwrap());
    world.git_in("shared/acme/policies.git", &["update-ref", "-d", "refs/heads/main"]);
    world.push(&["main"]).refused("has no branch or tag `main`");
    publish(&world, "main", "changegate: 1\nname: shared\nrulez: {}\n");
    let refused = world.push(&["main"]);
    refused.refused("policy-valid").says("rulez");
    // The clone that the command makes has the setting too.
    let command = "d=$(mktemp -d) && git clone -q -c \
                   changegate.policyRepositories=\"$(git config changegate.policyRepositories)\" -b main . $d && \
                   changegate policy check -C $d";
    refused.says(command);
    let folder = std::path::Path::new(crate::world::BINARY).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let shown = world.command("sh", "server.git").env("PATH", path).args(["-c", command]).output().unwrap();
    Pushed::from(shown).refused("rulez");
    publish(&world, "main", BASE);
    world.git_in("shared/acme/policies.git", &["tag", "main", "main"]);
    world.push(&["main"]).refused("has a branch and a tag `main`");
    world.git_in("shared/acme/policies.git", &["tag", "-d", "main"]);
    world.push(&["main"]).accepted();
    // In a clone it is not to be had either: the commit goes on, and the server decides.
    world.changegate("work", &["install"]).accepted();
    world.commit(&good("Another"));
    world.push(&["main"]).accepted();
}

#[test]
fn a_push_that_weakens_the_base_is_refused() {
    let world = sharing(|_| "main".into());
    let base = world.main();
    world.write(PATH, &extending("main", "rules:\n  peer-review: { level: off, reason: nobody has time }\n"));
    world.commit(&good("Reviews are optional"));
    world.push(&["main"]).refused("policy-valid").says("which can only be tightened here");
    assert_eq!(world.main(), base);
    world.changegate("work", &["policy", "check"]).refused("changegate.policyRepositories is not set");
    world.git(&["config", "changegate.policyRepositories", world.path("shared").to_str().unwrap()]);
    world.changegate("work", &["policy", "check"]).refused("rule `peer-review`: `level` may be weaker");
    let lenient = format!("{BASE}rules:\n  peer-review: {{ may-be-weakened: with-reason }}\n");
    publish(&world, "main", &lenient);
    world.changegate("work", &["policy", "check"]).accepted();
    world.push(&["main"]).accepted();
    world.commit(&bad("Unreviewed"));
    world.push(&["main"]).accepted();
    assert_eq!(world.at(MAIN), Some(world.head()));
}

/// No push here brings what a shared base asks less, so the next one tells of it, in its answer, its record and the audit.
#[test]
fn a_base_that_moved_is_told_in_the_answer_the_record_and_the_audit() {
    let strict =
        format!("{BASE}rules:\n  small: {{ require: {{ size: {{ files: {{ at-most: 99 }} }} }} }}\n");
    let world = sharing(|_| "main".into());
    let before = publish(&world, "main", &strict);
    let push = |number: &str| {
        world.write("a.txt", number);
        world.commit(&good("Reviewed"));
        world.push(&["main"])
    };
    push("1").accepted().does_not_say("moved from");
    push("2").accepted().does_not_say("moved from");
    // What changes nothing that is asked is no news of a rule.
    let same = publish(&world, "main", &format!("# The rules of all\n{strict}"));
    push("3").accepted().says("asks of changes is the same");
    let after = publish(&world, "main", BASE);
    let flat = |text: &str| text.replace("remote:", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    let moved =
        format!("`acme/policies//rules/base.yml@main` moved from {} to {}", &same[..10], &after[..10]);
    let looser = "looser since its shared policy moved: rule `small`: is gone";
    // A push that is refused tells it as well, and it is no news until something lands.
    world.commit(&bad("Unreviewed"));
    let refused = world.push(&["main"]);
    refused.refused("peer-review");
    assert!(flat(&refused.seen).contains(looser), "{}", refused.seen);
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let pushed = push("4");
    pushed.accepted();
    let told = flat(&pushed.seen);
    assert!(told.contains(&moved) || told.contains(&moved.replace('`', "")), "{moved}\n{}", pushed.seen);
    assert!(told.contains(looser), "{}", pushed.seen);
    push("5").accepted().does_not_say("moved from");
    assert_ne!(before, same);
    // In the record, the log, and what a change is traced by.
    world.changegate("server.git", &["ledger", "reconcile"]).accepted();
    world.changegate("server.git", &["ledger", "log"]).accepted().says("the policy changes: 1 looser");
    let tip = world.git(&["rev-parse", "HEAD~1"]);
    let traced = flat(&world.changegate("server.git", &["ledger", "trace", &tip]).seen);
    assert!(traced.contains(looser), "{traced}");
    world.changegate("server.git", &["ledger", "verify"]).accepted();
    // And in the audit, once.
    let out = world.path("audit");
    world.changegate("server.git", &["audit", "--ref", "main", "--out", out.to_str().unwrap()]);
    let rows = std::fs::read_to_string(out.join("exceptions.jsonl")).unwrap();
    let rows: Vec<&str> = rows.lines().filter(|row| row.contains("policy-loosened")).collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(
        rows[0].contains("shared policy") && rows[0].contains("is gone") && rows[0].contains(&tip),
        "{rows:?}"
    );
}

/// What was decided by the policy of its time stays so after the base has moved.
#[test]
fn a_base_that_moved_makes_no_earlier_decision_doubtful() {
    let strict =
        format!("{BASE}rules:\n  small: {{ require: {{ size: {{ files: {{ at-most: 99 }} }} }} }}\n");
    let world = sharing(|_| "main".into());
    publish(&world, "main", &strict);
    let push = |number: &str| {
        world.write("a.txt", number);
        world.commit(&good("Reviewed"));
        world.push(&["main"])
    };
    push("1").accepted();
    // A policy comes past the gate, and the one before it is put back by the same way.
    let held = std::fs::read_to_string(world.path("work").join(PATH)).unwrap();
    for text in [extending("main", "people: { bots: ['x[bot]'] }\n"), held] {
        world.write(PATH, &text);
        world.commit(&good("Past the gate"));
        world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
        world.changegate("server.git", &["ledger", "reconcile"]);
    }
    push("2");
    world.changegate("server.git", &["ledger", "reconcile"]);
    let verify = || world.changegate("server.git", &["ledger", "verify"]).seen;
    let before = verify();
    publish(&world, "main", BASE);
    assert_eq!(verify(), before);
}

/// Whoever can push to a branch that nothing protects changes the policies that follow it.
#[test]
fn a_base_on_an_unprotected_branch_is_noted() {
    let world = sharing(|_| "main".into());
    world.git(&["config", "changegate.policyRepositories", world.path("shared").to_str().unwrap()]);
    let check = |revision: &str| {
        world.write(PATH, &extending(revision, ""));
        let told = world.changegate("work", &["policy", "check"]);
        told.accepted();
        told.seen.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let note = "follows the branch `main` of acme/policies, which no policy there puts under change control";
    let told = check("main");
    assert!(
        told.contains(note) && told.contains("whoever can push to it changes what is asked here"),
        "{told}"
    );
    let commit = world.git_in("policies-work", &["rev-parse", "HEAD"]);
    world.git_in("shared/acme/policies.git", &["tag", "v1", "main"]);
    for fixed in [commit.as_str(), "v1"] {
        assert!(!check(fixed).contains("follows the branch"), "{fixed}");
    }
    // A policy there that protects the branch takes the note away.
    std::fs::create_dir_all(world.path("policies-work/policies")).unwrap();
    std::fs::write(world.path("policies-work").join(PATH), BASE).unwrap();
    publish(&world, "main", BASE);
    assert!(!check("main").contains("follows the branch"));
}

/// The push that makes the policy follow a branch is judged by the policy before it, and that the branch moved since then is
/// no less news.
#[test]
fn a_base_that_moved_since_the_policy_that_brought_it_is_told() {
    let strict =
        format!("{BASE}rules:\n  small: {{ require: {{ size: {{ files: {{ at-most: 99 }} }} }} }}\n");
    let world = sharing(|commit| commit.into());
    let before = publish(&world, "main", &strict);
    world.write(PATH, &extending("main", ""));
    world.commit(&good("Follow the branch"));
    world.push(&["main"]).accepted().says("follows");
    let after = publish(&world, "main", BASE);
    let push = |number: &str| {
        world.write("a.txt", number);
        world.commit(&good("Reviewed"));
        world.push(&["main"])
    };
    let pushed = push("1");
    pushed.accepted();
    let told = pushed.seen.replace("remote:", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains(&format!("moved from {} to {}", &before[..10], &after[..10])), "{}", pushed.seen);
    assert!(told.contains("looser since its shared policy moved: rule `small`: is gone"), "{}", pushed.seen);
    push("2").accepted().does_not_say("moved from");
}

/// A base without `protects` leaves a team for others to fill; what is in force has to have filled it.
#[test]
fn a_team_that_the_base_leaves_open_is_for_each_policy_to_fill() {
    let base = "changegate: 1\nname: shared\nextends: [startup]\npeople: { teams: { security: [] } }\nrules:\n  sec: { when: \
                { touches: src/ }, require: { approvals: { from: [security], trust: claimed } } }\n";
    let world = sharing(|_| "main".into());
    publish(&world, "main", base);
    world.git(&["config", "changegate.policyRepositories", world.path("shared").to_str().unwrap()]);
    world.changegate("policies-work", &["policy", "check", "rules/base.yml"]).accepted().says("valid");
    let protecting = format!("{base}protects: [main]\n");
    std::fs::write(world.path("policies-work/rules/base.yml"), protecting).unwrap();
    let checked = world.changegate("policies-work", &["policy", "check", "rules/base.yml"]);
    checked.refused("the team `security` has no members").says("no `protects` of its own");
    // What extends it fills it, or is refused.
    world
        .changegate("work", &["policy", "check"])
        .refused("leaves the team `security` for this policy to fill");
    world.write(PATH, &extending("main", "people: { teams: { security: [kim@example.com] } }\n"));
    world.changegate("work", &["policy", "check"]).accepted();
    world.commit(&good("Fill the team"));
    world.push(&["main"]).accepted();
    world.write("src/a.rs", "1\n");
    world.commit(&good("Not reviewed by security"));
    world.push(&["main"]).refused("sec");
    // A copy of a pack is a base as well.
    let pack = world.changegate("work", &["policy", "packs", "startup"]).seen;
    world.write("pk.yml", &pack);
    world.changegate("work", &["policy", "check", "pk.yml"]).accepted();
}

/// Only of a rule can the base say that it may be weakened.
#[test]
fn what_to_do_about_a_weakening_works_for_what_is_weakened() {
    let base = format!(
        "{BASE}people: {{ teams: {{ security: [kim@example.com] }} }}\nobligations: {{ block-on-overdue: true }}\n"
    );
    let world = sharing(|_| "main".into());
    publish(&world, "main", &base);
    world.git(&["config", "changegate.policyRepositories", world.path("shared").to_str().unwrap()]);
    let check = |more: &str| {
        world.write(PATH, &extending("main", more));
        world.changegate("work", &["policy", "check"])
    };
    let team = "people: { teams: { security: [ana@example.com] } }\n";
    check(team).refused("team `security`").says("`security: []`").does_not_say("may-be-weakened");
    check("obligations: { block-on-overdue: false }\n")
        .refused("`obligations` may be weaker")
        .says("have it changed in the base")
        .does_not_say("may-be-weakened");
    check("rules:\n  peer-review: { level: off, reason: alone }\n")
        .refused("rule `peer-review`")
        .says("`peer-review: { may-be-weakened: with-reason }` under `rules`");
}

/// A server reads what its policy extends from a folder that only its own configuration names.
#[test]
fn a_folder_of_policies_that_is_not_set_is_told_before_it_refuses_every_push() {
    let world = sharing(|_| "main".into());
    world.git(&["config", "changegate.policyRepositories", world.path("shared").to_str().unwrap()]);
    let told = "a server refuses every push while the git configuration of its repository has no \
                `changegate.policyRepositories`";
    world.changegate("work", &["policy", "check", "--server"]).accepted().says(told);
    world
        .changegate("server.git", &["policy", "check", "--server"])
        .accepted()
        .does_not_say("policyRepositories");
    world.changegate("server.git", &["install", "--server"]).accepted().does_not_say("policyRepositories");
    world.git_in("server.git", &["config", "--unset", "changegate.policyRepositories"]);
    for args in [&["install", "--server"][..], &["doctor"]] {
        let said = world.changegate("server.git", args);
        said.says("`changegate.policyRepositories` is not set, so every push is refused")
            .does_not_say("next: push");
        let line =
            said.seen.lines().find_map(|line| line.trim().strip_prefix("git config ")).unwrap().to_owned();
        let folder = world.path("shared").display().to_string();
        let line = line.replace("FOLDER", &folder);
        let words: Vec<&str> = std::iter::once("config").chain(line.split(' ')).collect();
        world.git_in("server.git", &words);
        world.changegate("server.git", args).accepted().does_not_say("policyRepositories");
        world.git_in("server.git", &["config", "--unset", "changegate.policyRepositories"]);
    }
}
