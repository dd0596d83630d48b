//! Approvals by whoever pushes what others made and signed, over a server that knows its pushers.

use crate::world::{MAIN, World};

const POLICY: &str = "\
changegate: 1
name: test
protects: [main]
people: { roster: who/people.yml, teams: { duty: [ben@example.com, kim@example.com] } }
signers: { ssh: who/keys }
rules:
  merged-by-another: { require: { approvals: { by: pusher, from: duty } } }
";

const ROSTER: &str = "\
people:
  ana: { addresses: [ana@example.com], accounts: [ana] }
  ben: { addresses: [ben@example.com], accounts: [ben] }
  kim: { addresses: [kim@example.com], accounts: [kim] }
";

/// A server under the policy, where Ana and Ben have keys; `None` without ssh-keygen.
fn start() -> Option<World> {
    let world = World::with(None, "sha1");
    let mut keys = String::new();
    for who in ["ana", "ben"] {
        let mut command = world.command("ssh-keygen", "");
        command.args(["-q", "-t", "ed25519", "-N", "", "-C", who, "-f", who]);
        if !command.output().is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: there is no ssh-keygen");
            return None;
        }
        let public = std::fs::read_to_string(world.path(&format!("{who}.pub"))).unwrap();
        keys.push_str(&format!("{who}@example.com namespaces=\"git\" {public}"));
    }
    world.write("who/keys", &keys);
    world.write("who/people.yml", ROSTER);
    world.write("policies/changegate.yml", POLICY);
    world.commit("Begin\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "+main:main"]);
    world.configure("changegate.pusher", "env:GL_USER");
    world.git(&["config", "gpg.format", "ssh"]);
    world.changegate("work", &["policy", "check"]).accepted();
    Some(world)
}

/// Commits as this person, with their key if `signs`.
fn commit_as(world: &World, who: &str, signs: bool, args: &[&str]) -> String {
    let key = format!("user.signingkey={}", world.path(who).to_str().unwrap());
    let email = format!("user.email={who}@example.com");
    let sign = format!("commit.gpgsign={signs}");
    let name = format!("user.name={who}");
    let mut command = world.command("git", "work");
    for identity in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        command
            .env(format!("{identity}_NAME"), who)
            .env(format!("{identity}_EMAIL"), format!("{who}@example.com"));
    }
    command.args(["-c", &key, "-c", &email, "-c", &name, "-c", &sign]).args(args);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    world.head()
}

fn push_as(world: &mut World, who: &str, refspec: &str) -> crate::world::Pushed {
    world.environment.retain(|(name, _)| name != "GL_USER");
    world.environment.push(("GL_USER".into(), who.into()));
    world.push(&[refspec])
}

#[test]
fn whoever_merges_and_pushes_what_another_signed_has_approved_it() {
    let Some(mut world) = start() else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.write("a", "1");
    world.git(&["add", "-A"]);
    let topic = commit_as(&world, "ana", true, &["commit", "-q", "--no-verify", "-m", "Cache it"]);
    push_as(&mut world, "ana", "topic").accepted();
    // Ana herself does not approve, whatever she does.
    push_as(&mut world, "ana", "topic:main")
        .refused("they made a part of the change")
        .says("someone from duty");
    // Ben merges, and is no author by that.
    world.git(&["checkout", "-q", "main"]);
    let merge = ["merge", "-q", "--no-ff", "--no-verify", "-m", "Merge it", "topic"];
    let merged = commit_as(&world, "ben", false, &merge);
    push_as(&mut world, "ana", "main").refused("they made a part of the change");
    push_as(&mut world, "ben", "main").accepted();
    assert_eq!(world.at(MAIN).unwrap(), merged);
    world.changegate("server.git", &["ledger", "reconcile"]).accepted();
    let traced = world.changegate("server.git", &["ledger", "trace", &topic]);
    traced.says("approved ben, by the push itself").says("counts for merged-by-another");
    let log = world.changegate("server.git", &["ledger", "log"]).seen;
    let allowed = log.lines().find(|line| line.contains("Allow main")).unwrap();
    let number = allowed.split_whitespace().next().unwrap();
    world.changegate("server.git", &["ledger", "replay", number]).accepted();
    world.changegate("server.git", &["ledger", "verify"]).accepted();
}

#[test]
fn nobody_approves_their_own_work_under_another_name() {
    let Some(mut world) = start() else { return };
    // Ben writes as Ana, whose key he does not have.
    world.write("a", "1");
    world.git(&["add", "-A"]);
    commit_as(&world, "ana", false, &["commit", "-q", "--no-verify", "-m", "Not hers"]);
    push_as(&mut world, "ben", "main").refused("this commit is not signed");
    let key = format!("user.signingkey={}", world.path("ben").to_str().unwrap());
    world.git(&["-c", &key, "commit", "-q", "--amend", "-S", "--no-verify", "-m", "Still not hers"]);
    push_as(&mut world, "ben", "main").refused("neither its author nor its committer");
    // Nor by a merge that has more in it than what was merged.
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.write("b", "1");
    world.git(&["add", "-A"]);
    commit_as(&world, "ana", true, &["commit", "-q", "--no-verify", "-m", "Hers"]);
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "--no-commit", "topic"]);
    world.write("backdoor", "1");
    world.git(&["add", "-A"]);
    commit_as(&world, "ben", true, &["commit", "-q", "--no-verify", "-m", "Merge it, and more"]);
    push_as(&mut world, "ben", "main").refused("they made a part of the change");
    push_as(&mut world, "kim", "main").accepted();
}

#[test]
fn a_clone_leaves_it_to_the_server() {
    let Some(mut world) = start() else { return };
    world.write("a", "1");
    world.git(&["add", "-A"]);
    commit_as(&world, "ana", true, &["commit", "-q", "--no-verify", "-m", "Cache it"]);
    world.changegate("work", &["check", "origin/main..main"]).accepted();
    push_as(&mut world, "eve", "main").refused("not in the roster");
    push_as(&mut world, "kim", "main").accepted();
}

/// What a merge brings to a release was made by its authors, also where main has decided about it.
#[test]
fn an_author_does_not_approve_their_work_by_merging_main() {
    let Some(mut world) = start() else { return };
    let released = POLICY.replace("protects: [main]", "protects: [main, 'release/*']").replace(
        "{ require: { approvals: { by: pusher, from: duty } } }",
        "{ when: { branch: 'release/*' }, require: { approvals: { by: pusher, trust: claimed } } }",
    ) + "  named: { require: { subject: { longest: 72 } } }\n";
    world.write("policies/changegate.yml", &released);
    let base = world.commit("Ask on releases\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "+main:main", "+main:release/1"]);
    world.changegate("server.git", &["ledger", "reconcile"]);
    world.write("a", "1");
    world.git(&["add", "-A"]);
    commit_as(&world, "ana", false, &["commit", "-q", "--no-verify", "-m", "Cache it"]);
    push_as(&mut world, "ana", "main").accepted();
    world.git(&["checkout", "-q", "-b", "release", &base]);
    let merge = ["merge", "-q", "--no-ff", "--no-verify", "-m", "Bring main", "main"];
    commit_as(&world, "ana", false, &merge);
    push_as(&mut world, "ana", "release:release/1").refused("they made a part of the change");
    push_as(&mut world, "ben", "release:release/1").accepted();
}
