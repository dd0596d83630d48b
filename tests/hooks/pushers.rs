//! Who pushes, by the one source that the administrator has named.

use crate::world::{MAIN, World, good};

fn world(source: &str) -> (World, String, String) {
    let world = World::new();
    world.configure("changegate.pusher", source);
    let base = world.main();
    let new = world.commit_tree(&[&base], &good("Good"));
    (world, base, format!("{new}:{MAIN}"))
}

fn set(world: &mut World, name: &str, value: &str) {
    world.environment = vec![(name.into(), value.into())];
}

#[test]
fn whoever_pushes_does_not_approve() {
    for (source, variable) in
        [("env:WHO", "WHO"), ("gitolite", "GL_USER"), ("gitea", "GITEA_PUSHER_NAME"), ("http", "REMOTE_USER")]
    {
        let (mut world, base, push) = world(source);
        set(&mut world, variable, "ben@example.com");
        world.push(&[&push]).refused("peer-review").says("ben@example.com");
        assert_eq!(world.main(), base, "{source}");
        set(&mut world, variable, "kim@example.com");
        world.push(&[&push]).accepted();
    }
}

#[test]
fn a_server_that_does_not_name_the_pusher_is_refused() {
    let (mut world, base, push) = world("env:WHO");
    world.push(&[&push]).refused("WHO is not set by the server");
    for odd in ["ana kim", "ana,kim", "../ana"] {
        set(&mut world, "WHO", odd);
        world.push(&[&push]).refused("is not the name of one account");
    }
    // Another variable that names somebody is not looked at.
    set(&mut world, "GL_USER", "kim@example.com");
    world.push(&[&push]).refused("WHO is not set by the server");
    assert_eq!(world.main(), base);
}

#[test]
fn a_server_that_was_not_told_about_pushers_refuses() {
    let (world, base, push) = world("none");
    world.git_in("server.git", &["config", "--unset-all", "changegate.pusher"]);
    world.push(&[&push]).refused("the pusher");
    world.configure("changegate.pusher", "whoever");
    world.push(&[&push]).refused("changegate.pusher is `whoever`");
    assert_eq!(world.main(), base);
}

#[test]
fn settings_do_not_come_from_the_environment() {
    let (mut world, base, push) = world("env:WHO");
    world.environment = vec![
        ("GIT_CONFIG_COUNT".into(), "1".into()),
        ("GIT_CONFIG_KEY_0".into(), "changegate.pusher".into()),
        ("GIT_CONFIG_VALUE_0".into(), "none".into()),
        ("GIT_CONFIG_PARAMETERS".into(), "'changegate.missingpolicy'='allow'".into()),
    ];
    world.push(&[&push]).refused("WHO is not set by the server");
    assert_eq!(world.main(), base);
}

/// A first roster has none before it that could be compared.
#[test]
fn a_first_roster_that_leaves_out_the_pusher_is_refused() {
    let (mut world, base, _) = world("env:WHO");
    set(&mut world, "WHO", "ana");
    let roster = |accounts: [&str; 2]| {
        let [ana, ben] = accounts;
        format!(
            "people:\n  ana: {{ addresses: [ana@example.com], accounts: [{ana}] }}\n  \
             ben: {{ addresses: [ben@example.com], accounts: [{ben}] }}\n"
        )
    };
    let message = good("Bring in a roster") + "Security-Impact: low, it names people\n";
    let bring = |accounts| {
        world.git(&["reset", "-q", "--hard", &world.main()]);
        world.write("policies/people.yml", &roster(accounts));
        let people = "people: { roster: policies/people.yml }\n";
        world.write("policies/changegate.yml", &(crate::world::POLICY.to_owned() + people));
        world.commit(&message);
        world.push(&["main"])
    };
    for accounts in [["xana", "xben"], ["deploy", "ben"]] {
        let refused = bring(accounts);
        refused.refused("would list `ana`, who pushes, under no person").says("add `ana` to the `accounts`");
    }
    assert_eq!(world.main(), base);
    bring(["ana", "ben"]).accepted();
    world.commit(&good("Go on"));
    world.push(&["main"]).accepted();
}

#[test]
fn a_person_lands_the_branch_of_a_known_bot() {
    let policy = crate::world::POLICY.to_owned() + "people: { roster: policies/people.yml }\n";
    let mut world = World::with(None, "sha1");
    world.write("policies/changegate.yml", &policy);
    world.write(
        "policies/people.yml",
        "people:\n  ana: { addresses: [ana@example.com], accounts: [ana] }\n  \
         ben: { addresses: [ben@example.com], accounts: [ben] }\n",
    );
    world.commit("Begin\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    world.git(&["fetch", "-q", "origin"]);
    world.configure("changegate.pusher", "env:WHO");
    let land = |world: &mut World, name: &str, email: &str, approver: &str| {
        let base = world.main();
        let typed = [
            ("GIT_AUTHOR_NAME", name),
            ("GIT_AUTHOR_EMAIL", email),
            ("GIT_COMMITTER_NAME", name),
            ("GIT_COMMITTER_EMAIL", email),
        ];
        world.environment = typed.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let bump = world.commit_tree(&[&base], "Bump serde\n");
        set(world, "WHO", "ana");
        let message = good("Merge the bump").replace("Ben <ben@example.com>", approver);
        let merge = world.commit_tree(&[&base, &bump], &message);
        world.push(&[&format!("{merge}:{MAIN}")])
    };
    let ben = "Ben <ben@example.com>";
    for (name, email) in [
        ("renovate[bot]", "29139614+renovate[bot]@users.noreply.github.com"),
        ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com"),
        ("Copilot", "198982749+Copilot@users.noreply.github.com"),
        ("Claude", "noreply@anthropic.com"),
        ("pre-commit-ci[bot]", "66853113+pre-commit-ci[bot]@users.noreply.github.com"),
        ("Devin", "devin-ai-integration[bot]@users.noreply.github.com"),
        ("Cursor Agent", "cursoragent@cursor.com"),
    ] {
        land(&mut world, name, email, ben).accepted();
        // It is a bot and no more: it does not approve.
        land(&mut world, name, email, &format!("{name} <{email}>")).refused("peer-review");
    }
    land(&mut world, "our[bot]", "7+our[bot]@users.noreply.github.com", ben)
        .refused("add `7+our[bot]@users.noreply.github.com` to `bots` below `people` in the policy")
        .does_not_say("people.yml");
    land(&mut world, "Kim", "kim@example.com", ben).refused("add `kim@example.com` to `policies/people.yml`");
}

/// What this server knows of its pushers, a clone does not, so the command that a refusal names says it.
#[test]
fn the_check_that_a_refusal_names_refuses_the_policy_too() {
    let policy = |rule: &str| {
        format!(
            "changegate: 1\nname: x\nprotects: [main]\npeople: {{ teams: {{ rel: [ivo@example.com, jan@example.com] }} }}\nrules:\n  \
             every: {{ require: {{ subject: {{ longest: 200 }} }} }}\n{rule}"
        )
    };
    let mut world = World::under(&policy(""));
    world.configure("changegate.pusher", "env:WHO");
    world.write("policies/changegate.yml", &policy("  p: { require: { pusher: { team: [rel] } } }\n"));
    let commit = world.commit("Let release managers push\n");
    let push = format!("{commit}:{MAIN}");
    set(&mut world, "WHO", "ivo");
    let refused = world.push(&[&push]);
    refused.refused("policy-valid").says("no change of a person could keep");
    refused.says("changegate policy check --server --pusher ivo");
    world.changegate("work", &["policy", "check", "--server"]).accepted();
    let refused = world.changegate("work", &["policy", "check", "--server", "--pusher", "ivo"]);
    refused.refused("no change of a person could keep");
    // A server that knows people by their addresses takes it.
    set(&mut world, "WHO", "ivo@example.com");
    world.changegate("work", &["policy", "check", "--server", "--pusher", "ivo@example.com"]).accepted();
    world.push(&[&push]).accepted();
}
