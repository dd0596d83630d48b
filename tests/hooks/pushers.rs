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
