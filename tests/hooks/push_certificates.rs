//! Signed pushes (`git push --signed`): the certificate tells who pushes, for exactly one push, or counts for nothing.

use std::process::Command;

use crate::signed_approvals::{commit_as, push_as, start_under};
use crate::world::{BINARY, MAIN, Pushed, World, fed, script};

/// The pusher approves, and has to sign for that.
const ASKED: &str = "\
changegate: 1
name: test
protects: [main]
people: { roster: who/people.yml }
rules:
  merged: { require: { approvals: { by: pusher, trust: claimed, signed-push: true } } }
";

/// A seed of nonces; the server has no other secret.
const SEED: &str = "the seed of a test";

/// A server that asks for signed pushes, under this policy.
fn start_asking(policy: &str) -> Option<World> {
    let world = start_under(policy)?;
    world.configure("receive.certNonceSeed", SEED);
    world.changegate("work", &["policy", "check"]).accepted();
    Some(world)
}

/// The policy without the demand that the push is signed.
fn unasked() -> String {
    ASKED.replace(", signed-push: true", "")
}

/// A policy that does not ask who pushes.
fn without_approvals() -> String {
    ASKED.replace("approvals: { by: pusher, trust: claimed, signed-push: true }", "subject: { longest: 72 }")
}

/// Pushes by the account of a person, signed with a key of this name where there is one.
fn push_signed(world: &World, account: Option<&str>, key: Option<&str>, refspec: &str) -> Pushed {
    let mut command = world.command("git", "work");
    command.env_remove("GL_USER");
    if let Some(account) = account {
        command.env("GL_USER", account);
    }
    if let Some(key) = key {
        command.args(["-c", &format!("user.signingKey={}", world.path(key).display())]);
    }
    let signed = if key.is_some() { "--signed" } else { "--no-signed" };
    command.args(["push", signed, "origin", refspec]).output().unwrap().into()
}

#[test]
fn a_signed_push_tells_who_has_approved() {
    let Some(world) = start_asking(ASKED) else { return };
    let tip = commit_as(&world, "ana", "a", "1", "Cache it");
    push_signed(&world, Some("ben"), None, "main")
        .refused("the push has to be signed by the person who pushes, and came without a certificate")
        .says("git config push.gpgSign if-asked");
    // Who made the change signs for nothing.
    push_signed(&world, Some("ana"), Some("ana"), "main").refused("they made a part of the change");
    push_signed(&world, Some("ben"), Some("ben"), "main").accepted();
    assert_eq!(world.main(), tip);
    world.changegate("server.git", &["ledger", "reconcile"]).accepted();
    let log = world.changegate("server.git", &["ledger", "log"]).seen;
    let allowed = log.lines().find(|line| line.contains("Allow main")).unwrap();
    let number = allowed.split_whitespace().next().unwrap();
    world
        .changegate("server.git", &["ledger", "show", number])
        .says("push certificate")
        .says("by ben@example.com with SHA256:");
    let traced = world.changegate("server.git", &["ledger", "trace", &tip]);
    traced.says("signed by ben@example.com").says("by the push itself");
    world.changegate("server.git", &["ledger", "replay", number]).accepted();
    world.changegate("server.git", &["ledger", "verify"]).accepted();
}

#[test]
fn what_the_client_does_by_itself_is_enough() {
    let Some(world) = start_asking(ASKED) else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    world.git(&["config", "push.gpgSign", "if-asked"]);
    world.git(&["config", "user.signingKey", &world.path("ben").display().to_string()]);
    let mut command = world.command("git", "work");
    Pushed::from(command.env("GL_USER", "ben").args(["push", "origin", "main"]).output().unwrap()).accepted();
}

#[test]
fn a_server_that_knows_no_accounts_knows_who_signs() {
    let Some(world) = start_asking(&unasked()) else { return };
    world.configure("changegate.pusher", "none");
    commit_as(&world, "ana", "a", "1", "Cache it");
    push_signed(&world, None, None, "main").refused("this server does not identify who pushes");
    push_signed(&world, None, Some("ana"), "main").refused("they made a part of the change");
    push_signed(&world, None, Some("kim"), "main").accepted();
    world.changegate("server.git", &["ledger", "reconcile"]).accepted();
    world.changegate("server.git", &["ledger", "log"]).says("by kim@example.com");
    // An account that the roster does not list, such as one that all share, tells nothing either.
    world.configure("changegate.pusher", "env:GL_USER");
    commit_as(&world, "ana", "a", "2", "Cache more");
    push_signed(&world, Some("git"), None, "main").refused("not in the roster");
    push_signed(&world, Some("git"), Some("ben"), "main").accepted();
}

#[test]
fn the_key_of_another_person_is_refused_whatever_is_asked() {
    for policy in [ASKED, &unasked(), &without_approvals()] {
        let Some(world) = start_asking(policy) else { return };
        let base = world.main();
        commit_as(&world, "ana", "a", "1", "Cache it");
        push_signed(&world, Some("ben"), Some("kim"), "main")
            .refused("push-certificate")
            .says("signed with the key of `kim@example.com`, and the account `ben`")
            .says("--no-signed");
        assert_eq!(world.main(), base);
        // What is not under change control is none of the gate's business.
        push_signed(&world, Some("ben"), Some("kim"), "main:refs/heads/free").accepted();
    }
}

#[test]
fn a_certificate_that_does_not_count_changes_nothing_but_what_is_asked() {
    let left = "    left: 2020-01-01\n";
    // A key that the policy does not know, one that was taken back, and that of a person who has left.
    for (key, edit, reason) in [
        ("eve", None, "is not registered"),
        ("ben", Some(("keys", "")), "is not registered"),
        ("ben", Some(("left", left)), "was no longer valid when this was received"),
        ("ben", Some(("signers", left)), "its signer `ben@example.com` has left or has not joined yet"),
    ] {
        for is_asked in [false, true] {
            let policy = if is_asked { ASKED.to_owned() } else { unasked() };
            let Some(world) = start_asking(&policy) else { return };
            world.make_keys(&["eve"]).unwrap();
            if let Some((what, line)) = edit {
                let roster = std::fs::read_to_string(world.path("work/who/people.yml")).unwrap();
                let mut lines = Vec::new();
                let mut is_ben = false;
                for one in roster.lines() {
                    if one.starts_with("  ") && !one.starts_with("    ") {
                        is_ben = one.trim() == "ben:";
                    }
                    if !(is_ben && what != "left" && one.trim().starts_with("keys:")) {
                        lines.push(one.to_owned());
                    }
                    if is_ben && what != "keys" && one.trim() == "ben:" {
                        lines.push(line.trim_end().to_owned());
                    }
                }
                world.write("who/people.yml", &(lines.join("\n") + "\n"));
                if what == "signers" {
                    let key = std::fs::read_to_string(world.path("ben.pub")).unwrap();
                    world.write("who/keys", &format!("ben@example.com {key}"));
                    world.write("policies/changegate.yml", &(policy + "signers: { ssh: who/keys }\n"));
                }
                world.commit("Edit the roster\n");
                world.bypass_gate("+main:main");
            }
            commit_as(&world, "ana", "a", "1", "Cache it");
            // Who has left does not approve by their account either.
            let account = if edit.is_some_and(|(what, _)| what != "keys") { "kim" } else { "ben" };
            let pushed = push_signed(&world, Some(account), Some(key), "main");
            pushed.says("does not count").says(reason);
            if is_asked {
                pushed.refused("the push has to be signed by the person who pushes");
            } else {
                pushed.accepted();
            }
        }
    }
}

#[test]
fn without_a_seed_no_push_is_signed_and_no_policy_asks_for_it() {
    let Some(world) = start_under(ASKED) else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    push_signed(&world, Some("ben"), Some("ben"), "main").refused("does not support --signed push");
    push_signed(&world, Some("ben"), None, "main").refused("came without a certificate");
    // A policy that asks for what this server does not do is not taken.
    let Some(mut world) = start_under(&unasked()) else { return };
    world.write("policies/changegate.yml", ASKED);
    world.git(&["add", "-A"]);
    commit_as(&world, "ana", "b", "1", "Ask for signed pushes");
    push_as(&mut world, "ben", "main")
        .refused("the rule `merged` asks for a signed push, and this server asks for none");
    world.configure("receive.certNonceSeed", SEED);
    push_as(&mut world, "ben", "main").accepted();
}

#[test]
fn an_openpgp_key_signs_a_push() {
    use std::os::unix::fs::PermissionsExt as _;
    let policy = ASKED.replace("rules:", "signers: { openpgp: who/keyring.asc }\nrules:");
    let Some(world) = start_under(ASKED) else { return };
    world.configure("receive.certNonceSeed", SEED);
    let home = world.path("gnupg");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).unwrap();
    let gnupg = |program: &str| {
        let mut command: Command = world.command(program, "work");
        command.env("GNUPGHOME", &home);
        command
    };
    let id = "Ben <ben@example.com>";
    let quick = ["--batch", "--passphrase", "", "--quick-generate-key", id, "ed25519", "sign"];
    if !gnupg("gpg").args(quick).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: there is no gpg");
        return;
    }
    let exported = gnupg("gpg").args(["--armor", "--export"]).output().unwrap();
    world.write("who/keyring.asc", &String::from_utf8(exported.stdout).unwrap());
    world.write("policies/changegate.yml", &policy);
    world.commit("Bring the keyring\n");
    world.bypass_gate("+main:main");
    commit_as(&world, "ana", "a", "1", "Cache it");
    let push = |account: &str| -> Pushed {
        let mut command = gnupg("git");
        command.env("GL_USER", account).args(["-c", "gpg.format=openpgp", "-c"]);
        command.args(["user.signingKey=ben@example.com", "push", "--signed", "origin", "main"]);
        command.output().unwrap().into()
    };
    push("kim").refused("push-certificate");
    push("ben").accepted();
    let _ = gnupg("gpgconf").args(["--kill", "all"]).output();
}

/// A certificate as git handed it to the hook of a server that did not take the push.
struct Captured {
    certificate: Vec<u8>,
    lines: Vec<u8>,
    nonce: String,
}

/// Lets Ben sign a push of what Ana made, and keeps what the hook is given. The objects are on the server afterwards.
fn capture_push(world: &World) -> Captured {
    let hook = world.path("server.git/hooks/pre-receive");
    let own = std::fs::read_to_string(&hook).unwrap();
    let kept = world.path("kept");
    std::fs::create_dir_all(&kept).unwrap();
    let text = format!(
        "#!/bin/sh\ncat > {kept}/lines\ngit cat-file blob \"$GIT_PUSH_CERT\" > {kept}/certificate\n\
         printf %s \"$GIT_PUSH_CERT_NONCE\" > {kept}/nonce\nprintf %s \"$GIT_PUSH_CERT_NONCE_STATUS\" > \
         {kept}/status\nexit 1\n",
        kept = kept.display()
    );
    script(&hook, &text);
    push_signed(world, Some("ben"), Some("ben"), "main").refused("pre-receive hook declined");
    script(&hook, &own);
    world.bring("+main:refs/seen/main");
    let read = |name: &str| std::fs::read(kept.join(name)).unwrap();
    assert_eq!(read("status"), b"OK");
    Captured {
        certificate: read("certificate"),
        lines: read("lines"),
        nonce: String::from_utf8(read("nonce")).unwrap(),
    }
}

impl Captured {
    /// Runs the hook as git would with this certificate, and with these variables beside those that were kept.
    fn run_hook(&self, world: &World, certificate: &[u8], variables: &[(&str, &str)]) -> Pushed {
        let id = world.git_fed("server.git", &["hash-object", "-w", "--stdin"], certificate);
        let mut command = world.command(BINARY, "server.git");
        command.args(["hook", "pre-receive"]).env("GIT_DIR", ".").env("GL_USER", "ben");
        command.env("GIT_PUSH_CERT", String::from_utf8(id).unwrap().trim());
        command.env("GIT_PUSH_CERT_STATUS", "G").env("GIT_PUSH_CERT_NONCE", &self.nonce);
        command.env("GIT_PUSH_CERT_NONCE_STATUS", "OK");
        command.envs(variables.iter().copied());
        fed(&mut command, &self.lines).into()
    }
}

#[test]
fn a_certificate_counts_for_one_push_alone() {
    let Some(world) = start_asking(ASKED) else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    let kept = capture_push(&world);
    let whole = &kept.certificate;
    kept.run_hook(&world, whole, &[]).accepted();
    // What git says of the nonce is heeded, and what it says of the signature is not.
    for (status, reason) in [
        ("BAD", "its nonce is not the one that this server gave out"),
        ("SLOP", "for an earlier connection"),
        ("MISSING", "it has no nonce of this server"),
        ("UNSOLICITED", "it has no nonce of this server"),
        ("ok", "it has no nonce of this server"),
    ] {
        kept.run_hook(&world, whole, &[("GIT_PUSH_CERT_NONCE_STATUS", status)]).refused(reason);
    }
    kept.run_hook(&world, whole, &[("GIT_PUSH_CERT_STATUS", "B")]).accepted();
    // The nonce of another push, also where the variables say that it is the one asked for.
    kept.run_hook(&world, whole, &[("GIT_PUSH_CERT_NONCE", "1-ab")]).refused("its nonce is not the one");
    kept.run_hook(&world, whole, &[("GIT_PUSH_CERT", "0000000000000000000000000000000000000000")])
        .refused("it cannot be read");
    kept.run_hook(&world, whole, &[("GIT_PUSH_CERT", "main")]).refused("it cannot be read");
    kept.run_hook(&world, whole, &[("GIT_PUSH_CERT", &world.main())]).refused("it cannot be read");
    // The same certificate with other updates: one more ref, another old id, another name.
    let line = String::from_utf8(kept.lines.clone()).unwrap();
    let more = format!("{line}{}", line.replace("heads/main", "heads/other"));
    for lines in [more, line.replace("heads/main", "heads/other") + &line] {
        let other =
            Captured { lines: lines.into_bytes(), nonce: kept.nonce.clone(), certificate: Vec::new() };
        other.run_hook(&world, whole, &[]).refused("what it signs is not what is pushed");
    }
}

#[test]
fn a_tampered_certificate_never_counts() {
    let Some(world) = start_asking(ASKED) else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    let kept = capture_push(&world);
    let text = String::from_utf8(kept.certificate.clone()).unwrap();
    let armor = text.find("-----BEGIN").unwrap();
    let head = world.head();
    let mut tampered = vec![
        text.replace("pusher ", "pusher x"),
        text.replace("certificate version 0.1", "certificate version 0.2"),
        text.replace(&head, &world.main()),
        text.replace("heads/main", "heads/free"),
        text[..armor].to_owned(),
        text[armor..].to_owned(),
        format!("{text}{text}"),
        format!("{}{}", &text[..armor], text[armor..].replace("SSH SIGNATURE", "PGP SIGNATURE")),
        format!("\n{text}"),
        text.replace("\n\n", "\npush-option x\n\n"),
        text.replace("\n\n", "\ncommitter Kim <kim@example.com> 1 +0000\n\n"),
        String::new(),
    ];
    // A certificate that Ana signs over the same push, and a file that Ben signs for something else.
    let payload = &text[..armor];
    std::fs::write(world.path("payload"), payload).unwrap();
    for (key, namespace) in [("ana", "git"), ("ben", "file")] {
        let mut sign = world.command("ssh-keygen", "");
        let _ = std::fs::remove_file(world.path("payload.sig"));
        assert!(
            sign.args(["-q", "-Y", "sign", "-n", namespace, "-f", key, "payload"])
                .status()
                .unwrap()
                .success()
        );
        let signature = std::fs::read_to_string(world.path("payload.sig")).unwrap();
        tampered.push(format!("{payload}{signature}"));
    }
    let before = kept.run_hook(&world, text.as_bytes(), &[]);
    before.accepted();
    for one in tampered {
        assert_ne!(one, text);
        kept.run_hook(&world, one.as_bytes(), &[]).refused("merged");
    }
    assert_ne!(world.at(MAIN).unwrap(), head);
}

#[test]
fn an_older_certificate_is_not_pushed_again() {
    let Some(world) = start_asking(ASKED) else { return };
    let base = world.main();
    commit_as(&world, "ana", "a", "1", "Cache it");
    let kept = capture_push(&world);
    // A client that is not git sends the certificate of the push before to a server that asks with a new nonce.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let mut input = Vec::new();
    let mut send = |line: &[u8]| {
        input.extend_from_slice(format!("{:04x}", line.len() + 4).as_bytes());
        input.extend_from_slice(line);
    };
    send(b"push-cert\0report-status\n");
    for line in kept.certificate.split_inclusive(|byte| *byte == b'\n') {
        send(line);
    }
    send(b"push-cert-end\n");
    input.extend_from_slice(b"0000");
    input.extend(world.git_fed("work", &["pack-objects", "--revs", "--stdout", "-q"], b"main\n"));
    let mut command = world.command("git", "");
    command.env("GL_USER", "ben").args(["receive-pack", "server.git"]);
    let pushed: Pushed = fed(&mut command, &input).into();
    pushed.says("its nonce is not the one that this server gave out");
    assert_eq!(world.main(), base);
}

#[test]
fn every_ref_of_a_push_is_signed_with_it() {
    let Some(world) = start_asking(ASKED) else { return };
    world.git(&["push", "-q", "--no-verify", "origin", "main:refs/heads/old"]);
    let tip = commit_as(&world, "ana", "a", "1", "Cache it");
    let mut command = world.command("git", "work");
    command.env("GL_USER", "ben").args(["-c", &format!("user.signingKey={}", world.path("ben").display())]);
    command.args(["push", "--signed", "origin", ":refs/heads/old", "main:refs/heads/new", "main"]);
    Pushed::from(command.output().unwrap()).accepted().does_not_say("does not count");
    assert_eq!(world.main(), tip);
    assert_eq!(world.at("refs/heads/old"), None);
}
