//! Keys of signed approvals: one key is one person, and what a lost key signed lifts no objection.

use std::path::PathBuf;

use crate::signed_approvals::{POLICY, approved_by, commit_as, git_as, push_as, start, start_prepared};
use crate::world::{BINARY, Pushed, World};

/// The home of a GnuPG of its own.
struct GnupgHome<'world> {
    world: &'world World,
    home: PathBuf,
}

impl GnupgHome<'_> {
    /// Makes a key with these user ids; `None` where there is no gpg.
    fn with_user_ids<'world>(world: &'world World, ids: &[&str]) -> Option<GnupgHome<'world>> {
        use std::os::unix::fs::PermissionsExt as _;
        let home = world.path("gnupg");
        std::fs::create_dir_all(&home).unwrap();
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).unwrap();
        let made = GnupgHome { world, home };
        let (first, others) = ids.split_first().unwrap();
        let quick = ["--batch", "--passphrase", "", "--quick-generate-key", first, "ed25519", "sign"];
        let generated = made.command("gpg").args(quick).output();
        if !generated.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: there is no gpg");
            return None;
        }
        for id in others {
            let add = ["--batch", "--passphrase", "", "--quick-add-uid", first, id];
            assert!(made.command("gpg").args(add).output().unwrap().status.success());
        }
        Some(made)
    }

    fn command(&self, program: &str) -> std::process::Command {
        let mut command = self.world.command(program, "work");
        command.env("GNUPGHOME", &self.home);
        command
    }

    fn export(&self) -> String {
        let exported = self.command("gpg").args(["--armor", "--export"]).output().unwrap();
        String::from_utf8(exported.stdout).unwrap()
    }

    /// Approves with the key as this person.
    fn approve_as(&self, who: &str) -> Pushed {
        let mut command = self.command(BINARY);
        command.env("GL_USER", who).env("GIT_COMMITTER_NAME", who);
        command.env("GIT_COMMITTER_EMAIL", format!("{who}@example.com"));
        command.env("GIT_CONFIG_COUNT", "2").env("GIT_CONFIG_KEY_0", "gpg.format");
        command.env("GIT_CONFIG_VALUE_0", "openpgp").env("GIT_CONFIG_KEY_1", "user.signingKey");
        command.env("GIT_CONFIG_VALUE_1", "ben@example.com");
        Pushed::from(command.arg("approve").output().unwrap())
    }
}

impl Drop for GnupgHome<'_> {
    fn drop(&mut self) {
        let _ = self.command("gpgconf").args(["--kill", "all"]).output();
    }
}

fn policy_with_keyring() -> String {
    POLICY.replace("CARRIES", "{ at-least: 2 }") + "signers: { openpgp: who/keys.asc }\n"
}

#[test]
fn an_openpgp_key_of_two_people_is_refused_with_its_policy() {
    let Some(mut world) = start("{}") else { return };
    let keyring = {
        let ids = ["Ben <ben@example.com>", "Kim <kim@example.com>"];
        let Some(gnupg) = GnupgHome::with_user_ids(&world, &ids) else { return };
        gnupg.export()
    };
    world.write("who/keys.asc", &keyring);
    world.write("policies/changegate.yml", &policy_with_keyring());
    world
        .changegate("work", &["policy", "check"])
        .refused(
            "has user ids of several people, `ben@example.com`, `kim@example.com`; one key is one person",
        )
        .says("under one person of the roster");
    commit_as(&world, "ana", "a", "1", "Know keys of OpenPGP");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").refused("policy-valid").says("one key is one person");
}

#[test]
fn an_openpgp_key_of_two_people_that_is_in_force_approves_for_neither() {
    // As if a version before this one had taken the policy.
    let prepare = |world: &World| {
        let ids = ["Ben <ben@example.com>", "Kim <kim@example.com>"];
        let Some(gnupg) = GnupgHome::with_user_ids(world, &ids) else { return false };
        world.write("who/keys.asc", &gnupg.export());
        true
    };
    let Some(mut world) = start_prepared(&policy_with_keyring(), prepare) else { return };
    let gnupg = GnupgHome { world: &world, home: world.path("gnupg") };
    commit_as(&world, "ana", "a", "1", "Cache it");
    for who in ["ben", "kim"] {
        gnupg.approve_as(who).refused("has user ids of several people, and one key is one person");
    }
    drop(gnupg);
    push_as(&mut world, "ana", "main").refused("needs 2 signed approvals");
}

#[test]
fn an_openpgp_key_with_two_addresses_of_one_person_approves_once() {
    let Some(mut world) = start("{}") else { return };
    let ids = ["Ben <ben@example.com>", "Ben <ben@home.example>"];
    let Some(gnupg) = GnupgHome::with_user_ids(&world, &ids) else { return };
    let roster = std::fs::read_to_string(world.path("work/who/people.yml")).unwrap();
    let roster = roster.replace("[ben@example.com]", "[ben@example.com, ben@home.example]");
    world.write("who/people.yml", &roster);
    world.write("who/keys.asc", &gnupg.export());
    world.write("policies/changegate.yml", &policy_with_keyring());
    world.changegate("work", &["policy", "check"]).accepted();
    commit_as(&world, "ana", "a", "1", "Know keys of OpenPGP");
    approved_by(&world, "kim", &[]);
    push_as_keeper(&world, "main");
    commit_as(&world, "ana", "a", "2", "Cache it");
    gnupg.approve_as("ben").accepted();
    drop(gnupg);
    push_as(&mut world, "ana", "main").refused("1 counts");
    approved_by(&world, "kim", &[]);
    push_as(&mut world, "ana", "main").accepted();
}

fn push_as_keeper(world: &World, refspec: &str) {
    let mut command = world.command("git", "work");
    command.env("GL_USER", "ana").args(["push", "-q", "origin", refspec]);
    Pushed::from(command.output().unwrap()).accepted();
}

#[test]
fn a_lost_key_lifts_no_rejection() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(&world, "ana", "a", "1", "Cache it");
    approved_by(&world, "kim", &["--reject"]);
    // A thief of the key takes the objection back.
    approved_by(&world, "kim", &["-m", "fine"]);
    approved_by(&world, "ben", &[]);
    // Kim gets another key.
    world.git(&["checkout", "-q", "-b", "keys", "main"]);
    let made = world.make_keys(&["kim2"]).unwrap();
    let new = made[0].split_once("\"git\" ").unwrap().1.trim();
    let old = std::fs::read_to_string(world.path("kim.pub")).unwrap();
    let roster = std::fs::read_to_string(world.path("work/who/people.yml")).unwrap();
    world.write("who/people.yml", &roster.replace(old.trim(), new));
    world.git(&["add", "-A"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Kim has another key"]);
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "keys:main").accepted();
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["checkout", "-q", "-B", "main", "origin/main"]);
    git_as(&world, "ana", &["merge", "-q", "--no-ff", "--no-verify", "-m", "Merge it", "topic"]);
    push_as(&mut world, "ana", "main").refused("`kim@example.com` rejects revision");
    // With the new key, it can be lifted.
    for file in ["kim", "kim.pub"] {
        std::fs::copy(world.path(&file.replace("kim", "kim2")), world.path(file)).unwrap();
    }
    approved_by(&world, "kim", &["topic"]);
    push_as(&mut world, "ana", "main").accepted();
}
