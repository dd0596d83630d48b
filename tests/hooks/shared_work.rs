//! Approvals that the authors of one branch give each other, and people who answer for agents, over a server that knows
//! its pushers.

use crate::world::{MAIN, Pushed, World};

const POLICY: &str = "\
changegate: 1
name: test
protects: [main]
people: { roster: who/people.yml, bots: [noreply@anthropic.com] }
fields: { Reviewed-by: { person: true } }
rules:
  reviewed: { require: { approvals: { authors: cross, trust: claimed } } }
  answered-for: { require: { agents: { sponsor: verified } } }
";

const ROSTER: &str = "\
people:
  ana: { addresses: [ana@example.com], accounts: [ana] }
  ben: { addresses: [ben@example.com], accounts: [ben] }
  kim: { addresses: [kim@example.com], accounts: [kim] }
  helper: { kind: agent, addresses: [helper@example.com], accounts: [helper] }
";

/// A server under a policy of which `old` is written as `new`.
fn start(old: &str, new: &str) -> World {
    let world = World::with(None, "sha1");
    world.write("who/people.yml", ROSTER);
    world.write("policies/changegate.yml", &POLICY.replace(old, new));
    world.commit("Begin\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "+main:main"]);
    world.configure("changegate.pusher", "env:GL_USER");
    world
}

fn commit_as(world: &World, who: &str, file: &str, message: &str) {
    world.write(file, file);
    world.git(&["add", "-A"]);
    let mut command = world.command("git", "work");
    for identity in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        command
            .env(format!("{identity}_NAME"), who)
            .env(format!("{identity}_EMAIL"), format!("{who}@example.com"));
    }
    command.args(["commit", "-q", "--no-verify", "-m", message]);
    assert!(command.output().unwrap().status.success());
}

/// Merges a branch on which Ana and Ben have worked, as Ana, with these trailers.
fn merge_shared_work(world: &World, trailers: &str) {
    world.git(&["checkout", "-q", "-B", "topic", "main"]);
    commit_as(world, "ana", "a", "Cache it");
    commit_as(world, "ben", "b", "Use it");
    world.git(&["checkout", "-q", "main"]);
    let mut command = world.command("git", "work");
    for identity in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        command.env(format!("{identity}_NAME"), "ana").env(format!("{identity}_EMAIL"), "ana@example.com");
    }
    command.args([
        "merge",
        "-q",
        "--no-ff",
        "--no-verify",
        "-m",
        &format!("Merge it\n\n{trailers}"),
        "topic",
    ]);
    assert!(command.output().unwrap().status.success());
}

fn push_as(world: &mut World, who: &str) -> Pushed {
    world.environment.retain(|(name, _)| name != "GL_USER");
    world.environment.push(("GL_USER".into(), who.into()));
    world.push(&["HEAD:main"])
}

const BY_ANA: &str = "Reviewed-by: ana <ana@example.com>";
const BY_BEN: &str = "Reviewed-by: ben <ben@example.com>";

#[test]
fn two_authors_approve_each_other_and_neither_approves_alone() {
    let mut world = start("-", "-");
    merge_shared_work(&world, BY_BEN);
    push_as(&mut world, "ana").refused("what `ben` made needs 1 approval by others; 0 count");
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    merge_shared_work(&world, &format!("{BY_BEN}\n{BY_ANA}"));
    push_as(&mut world, "ana").accepted();
    world.changegate("server.git", &["ledger", "reconcile"]).accepted();
    let tip = world.at(MAIN).unwrap();
    let traced = world.changegate("server.git", &["ledger", "trace", &tip]);
    traced.says("counts for reviewed");
    let log = world.changegate("server.git", &["ledger", "log"]).seen;
    let number =
        log.lines().find(|line| line.contains("Allow main")).unwrap().split_whitespace().next().unwrap();
    world.changegate("server.git", &["ledger", "replay", number]).accepted();
    world.changegate("server.git", &["ledger", "verify"]).accepted();
    // Alone, under the name of another or as the pusher of another's work, a person still needs a second one.
    commit_as(&world, "ana", "c", &format!("Alone\n\n{BY_ANA}"));
    push_as(&mut world, "ana").refused("what `ana` made needs 1 approval by others; 0 count");
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    commit_as(&world, "ben", "d", &format!("Not his\n\n{BY_BEN}"));
    push_as(&mut world, "ana").refused("what `ben` made needs 1 approval by others; 0 count");
    // Without the option nothing of this is one.
    let mut world = start("authors: cross, ", "");
    commit_as(&world, "ana", "a", "Cache it");
    commit_as(&world, "ben", "b", &format!("Use it\n\n{BY_BEN}\n{BY_ANA}"));
    push_as(&mut world, "ana").refused("cannot approve it");
}

/// An approval of an author's own work is recorded as one that does not count.
#[test]
fn what_an_author_approves_alone_counts_in_no_record() {
    let mut world = start(
        "cross, trust: claimed } } }",
        "cross, trust: claimed } }, level: warn, reason: tried out, until: 2099-12-31 }",
    );
    commit_as(&world, "ana", "a", &format!("Alone\n\n{BY_ANA}"));
    push_as(&mut world, "ana").accepted();
    world.changegate("server.git", &["ledger", "reconcile"]).accepted();
    let tip = world.at(MAIN).unwrap();
    let traced = world.changegate("server.git", &["ledger", "trace", &tip]);
    traced.says("the approver made every part of this change");
}

#[test]
fn an_agent_pushes_nothing_of_its_own_without_a_person() {
    let mut world = start("authors: cross, ", "");
    let by_two = format!("Cache it\n\n{BY_ANA}\n{BY_BEN}");
    commit_as(&world, "helper", "a", &by_two);
    push_as(&mut world, "helper")
        .refused("is an AI agent, and no account of a person stands behind this commit");
    // Whoever pushes it answers for it, and is an author.
    push_as(&mut world, "kim").accepted();
    commit_as(&world, "helper", "b", &format!("Use it\n\n{BY_ANA}"));
    push_as(&mut world, "ana").refused("ana");
    // An agent approves nothing, and that is told.
    world.git(&[
        "commit",
        "-q",
        "--no-verify",
        "--amend",
        "-m",
        "Use it\n\nReviewed-by: helper <helper@example.com>",
    ]);
    push_as(&mut world, "ana").refused("a bot cannot approve");
}
