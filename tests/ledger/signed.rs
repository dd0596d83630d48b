//! Records that are signed with a key of the server.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::ledger_reader::LEDGER;
use crate::world::{BINARY, World, fed, good, path_without_program, script};

/// A server that signs, the key beside it.
fn signing(format: &str) -> Option<World> {
    let world = World::with(Some(crate::world::POLICY), format);
    let made = world
        .command("ssh-keygen", "")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "server", "-f", "key"])
        .output();
    if made.is_err() {
        eprintln!("skipped: `ssh-keygen` is not installed");
        return None;
    }
    let key = fs::read_to_string(world.path("key.pub")).unwrap();
    fs::write(world.path("signers"), format!("changegate@localhost namespaces=\"git\" {key}")).unwrap();
    world.configure("changegate.ledgerKey", world.path("key").to_str().unwrap());
    Some(world)
}

#[test]
fn git_and_we_agree_about_signatures() {
    for format in ["sha1", "sha256"] {
        let Some(world) = signing(format) else { return };
        world.commit(&good("One"));
        world.push(&["main"]).accepted();
        let signers = format!("gpg.ssh.allowedSignersFile={}", world.path("signers").display());
        for back in 0..2 {
            let commit = format!("{LEDGER}~{back}");
            world.git_in("server.git", &["-c", &signers, "verify-commit", &commit]);
        }
        let verify = ["ledger", "verify", "--signers", "../signers"];
        let told = world.changegate("server.git", &verify);
        // The ledger began before there was a key.
        told.refused("unsigned record 1").does_not_say("record 2");
        // A record that was signed and changed, and one signed by somebody else.
        let mut links = world.links();
        links[2].edit(|record| record["event"]["outcome"]["found-late"] = true.into());
        world.forge(&links);
        world.changegate("server.git", &verify).says("unsigned record 2").says("unsigned record 3");
    }
}

#[test]
fn a_key_that_nobody_trusts() {
    let Some(world) = signing("sha1") else { return };
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    world.command("ssh-keygen", "").args(["-q", "-t", "ed25519", "-N", "", "-f", "other"]).output().unwrap();
    let other = fs::read_to_string(world.path("other.pub")).unwrap();
    fs::write(world.path("signers"), format!("changegate@localhost {other}")).unwrap();
    let told = world.changegate("server.git", &["ledger", "verify", "--signers", "../signers"]);
    told.refused("unsigned record 2").says("verification failed");
    world.changegate("server.git", &["ledger", "verify", "--signers", "../nothing"]).refused("--signers");
}

#[test]
fn a_key_that_cannot_be_used_denies_or_shouts() {
    let Some(world) = signing("sha1") else { return };
    world.configure("changegate.ledgerKey", "/nonexistent/key");
    let before = world.main();
    world.commit(&good("One"));
    world.push(&["main"]).refused("cannot be recorded, so the push is refused").says("changegate.ledgerKey");
    world.configure("changegate.ledger", "shout");
    world.push(&["main"]).accepted().says("NOT recorded");
    // It waits on the disk until somebody mends the key.
    world.configure("changegate.ledgerKey", world.path("key").to_str().unwrap());
    world.configure("changegate.ledger", "require");
    world.reconcile().accepted();
    world.is_whole();
    let records = world.records();
    assert_eq!(records[1]["event"]["decision"], "deny");
    assert_eq!(records[2]["event"]["decision"], "allow");
    assert_eq!(records[3]["event"]["landed"][0]["old"], before);
    // A file that is no key passes the first look, and not the second.
    fs::write(world.path("key"), "no key\n").unwrap();
    world.commit(&good("Two"));
    world.push(&["main"]).accepted().says("ssh-keygen cannot sign");
    world.commit(&good("Three"));
    world.push(&["main"]).refused("ssh-keygen cannot sign");
    assert_eq!(world.waiting().len(), 2);
}

/// Splits a signed commit into what was signed and its signature.
fn split_signature(raw: &str) -> (String, String) {
    let (before, rest) = raw.split_once("gpgsig ").unwrap();
    let (folded, after) = rest.split_once("\n\n").unwrap();
    (format!("{before}\n{after}\n"), format!("{}\n", folded.replace("\n ", "\n")))
}

#[test]
fn we_sign_as_ssh_keygen_does() {
    let Some(world) = signing("sha1") else { return };
    // It is not started where the program can sign.
    script(&world.path("no-keygen/ssh-keygen"), "#!/bin/sh\necho started >&2\nexit 1\n");
    let paths = format!("{}:{}", world.path("no-keygen").display(), path_without_program().to_str().unwrap());
    world.commit(&good("One"));
    let hook = format!("#!/bin/sh\nPATH={paths} exec {BINARY} hook post-receive\n");
    script(&world.path("server.git/hooks/post-receive"), &hook);
    world.push(&["main"]).accepted().does_not_say("ssh-keygen");
    let raw = world.git_in("server.git", &["cat-file", "commit", LEDGER]);
    let (payload, signature) = split_signature(&raw);
    let key = world.path("key");
    let args = ["-Y", "sign", "-n", "git", "-f", key.to_str().unwrap()];
    let theirs = fed(world.command("ssh-keygen", "").args(args), payload.as_bytes());
    assert_eq!(String::from_utf8(theirs.stdout).unwrap(), signature);
    // A key that others can read is refused, as ssh-keygen refuses it.
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    world.commit(&good("Two"));
    script(
        &world.path("server.git/hooks/post-receive"),
        &format!("#!/bin/sh\nexec {BINARY} hook post-receive\n"),
    );
    world.push(&["main"]).accepted().says("ssh-keygen cannot sign").says("UNPROTECTED PRIVATE KEY FILE");
}

#[test]
fn ssh_keygen_signs_with_other_keys() {
    let Some(world) = signing("sha1") else { return };
    world.command("ssh-keygen", "").args(["-q", "-t", "ecdsa", "-N", "", "-f", "other"]).output().unwrap();
    let other = fs::read_to_string(world.path("other.pub")).unwrap();
    fs::write(world.path("signers"), format!("changegate@localhost {other}")).unwrap();
    world.configure("changegate.ledgerKey", world.path("other").to_str().unwrap());
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    let told = world.changegate("server.git", &["ledger", "verify", "--signers", "../signers"]);
    told.refused("unsigned record 1").does_not_say("record 2");
    // Of an encrypted key, only the algorithm can be read.
    let made = ["-q", "-t", "ed25519", "-N", "secret words", "-f", "locked"];
    world.command("ssh-keygen", "").args(made).output().unwrap();
    world.configure("changegate.ledgerKey", world.path("locked").to_str().unwrap());
    world.commit(&good("Two"));
    world.push(&["main"]).accepted().says("ssh-keygen cannot sign");
}
