//! Signatures made by the real tools and judged twice: by `git verify-commit` and by us. Where we
//! differ from git, the test says so, and we are the stricter one.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stderr,
    reason = "test code"
)]

#[path = "signature/world.rs"]
mod world;

use changegate::change::{SignatureStatus, Text};
use changegate::git::signature::{KeyRegistry, ObjectFormat, split_signature, verify_detached_signature};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use ssh_encoding::base64::{Base64, Encoding};
use world::{ANA, World, is_good, keyring, now, reason, signers, world, years_from_now};

const DAY: &str = "2026-03-01T12:00:00Z";

fn replace(raw: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(raw.to_vec()).unwrap();
    assert!(text.contains(from), "{text}");
    text.replace(from, to).into_bytes()
}

#[test]
fn ssh_signatures_of_every_accepted_kind_hold_in_both_formats() {
    for (kind, bits, format) in [
        ("ed25519", "256", ObjectFormat::Sha1),
        ("ed25519", "256", ObjectFormat::Sha256),
        ("ecdsa", "256", ObjectFormat::Sha1),
        ("ecdsa", "384", ObjectFormat::Sha256),
        ("rsa", "2048", ObjectFormat::Sha1),
    ] {
        let Some(world) = world(&["ssh-keygen"], format) else { return };
        let (key, public) = world.ssh_key("key", kind, bits);
        let raw = world.ssh_commit(&key, DAY);
        let file = format!("{ANA} {public}\n");
        assert!(world.git_says(&raw, &file), "{kind}");
        let fingerprint = String::from_utf8(world.run("ssh-keygen", &["-l", "-f", &key])).unwrap();
        let fingerprint = fingerprint.split(' ').nth(1).unwrap().to_owned();
        let good = SignatureStatus::Good { signer: ANA.into(), key: fingerprint };
        assert_eq!(world.verify(&signers(&file), &raw, now()), good, "{kind}");
        // A forge hands out what was signed and the signature apart.
        let apart = split_signature(&raw, format).unwrap().unwrap();
        assert_eq!(
            verify_detached_signature(&signers(&file), apart.payload, apart.armor, now()),
            good,
            "{kind}"
        );

        let tampered = replace(&raw, "a change", "another");
        assert!(!world.git_says(&tampered, &file));
        assert!(reason(world.verify(&signers(&file), &tampered, now())).contains("does not match"));

        let (_, stranger) = world.ssh_key("stranger", kind, bits);
        let file = format!("{ANA} {stranger}\n");
        assert!(!world.git_says(&raw, &file));
        assert!(reason(world.verify(&signers(&file), &raw, now())).contains("not registered"));
        assert!(reason(world.verify(&KeyRegistry::default(), &raw, now())).contains("not registered"));
    }
}

#[test]
fn weak_ssh_keys_are_no_keys() {
    let Some(world) = world(&["ssh-keygen"], ObjectFormat::Sha1) else { return };
    for (kind, bits, why) in [("rsa", "1024", "1024 bits"), ("ecdsa", "521", "not accepted")] {
        let (_, public) = world.ssh_key(&format!("{kind}{bits}"), kind, bits);
        let errors =
            KeyRegistry::read_registry(Some(format!("{ANA} {public}").as_bytes()), None).unwrap_err();
        assert!(errors[0].reason.contains(why), "{errors:?}");
    }
}

#[test]
fn an_ssh_key_counts_when_it_is_received_and_not_when_the_commit_says() {
    let Some(world) = world(&["ssh-keygen"], ObjectFormat::Sha1) else { return };
    let (key, public) = world.ssh_key("key", "ed25519", "256");
    let raw = world.ssh_commit(&key, "2020-05-05T00:00:00Z");
    let file = format!("{ANA} valid-before=\"20210101Z\" {public}\n");
    assert!(world.git_says(&raw, &file), "git believes the date of the commit");
    let keys = signers(&file);
    assert!(reason(world.verify(&keys, &raw, now())).contains("no longer valid"));
    assert!(reason(world.verify(&keys, &raw, "2021-01-01T00:00:00Z".parse().unwrap())).contains("no longer"));
    assert!(is_good(&world.verify(&keys, &raw, "2020-12-31T23:59:59Z".parse().unwrap())));

    let keys = signers(&format!("{ANA} valid-after=\"20210101Z\" {public}\n"));
    assert!(
        reason(world.verify(&keys, &raw, "2020-12-31T23:59:59Z".parse().unwrap())).contains("not valid yet")
    );
    assert!(is_good(&world.verify(&keys, &raw, "2021-01-01T00:00:00Z".parse().unwrap())));
}

#[test]
fn a_signature_for_another_purpose_is_none_of_a_commit() {
    let Some(world) = world(&["ssh-keygen"], ObjectFormat::Sha1) else { return };
    let (key, public) = world.ssh_key("key", "ed25519", "256");
    let payload = world.unsigned();
    let file = format!("{ANA} {public}\n");
    for (namespace, good) in [("git", true), ("file", false), ("changegate-approval-v1", false)] {
        let path = world.write("payload", &payload);
        let _ = std::fs::remove_file(world.path("payload.sig"));
        world.run("ssh-keygen", &["-q", "-Y", "sign", "-n", namespace, "-f", &key, &path]);
        let armor = std::fs::read(world.path("payload.sig")).unwrap();
        let raw = world.with_signature(&payload, &armor);
        assert_eq!(world.git_says(&raw, &file), good, "{namespace}");
        assert_eq!(is_good(&world.verify(&signers(&file), &raw, now())), good, "{namespace}");
    }
    let raw = world.ssh_commit(&key, DAY);
    let file = format!("{ANA} namespaces=\"file\" {public}\n");
    assert!(!world.git_says(&raw, &file));
    assert!(reason(world.verify(&signers(&file), &raw, now())).contains("not registered for git"));
}

#[test]
fn a_registry_that_git_takes_and_that_proves_nothing_is_refused() {
    let Some(world) = world(&["ssh-keygen"], ObjectFormat::Sha1) else { return };
    let (key, public) = world.ssh_key("key", "ed25519", "256");
    let raw = world.ssh_commit(&key, DAY);
    for file in [
        format!("*@example.com {public}\n"),
        format!("ana@example.com,bob@example.com {public}\n"),
        format!("this is no line\n{ANA} {public}\n"),
        format!("{ANA} valid-before=\"20270101\" {public}\n"),
        format!("{ANA} {public}\nbob@example.com {public}\n"),
    ] {
        assert!(world.git_says(&raw, &file), "{file}");
        assert!(KeyRegistry::read_registry(Some(file.as_bytes()), None).is_err(), "{file}");
    }
}

#[test]
fn a_merge_of_a_signed_tag_is_judged_by_its_own_signature() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let Some(world) = world(&["ssh-keygen"], format) else { return };
        let (key, public) = world.ssh_key("key", "ed25519", "256");
        let file = format!("{ANA} {public}\n");
        world.unsigned();
        world.git(&["checkout", "-q", "-b", "side"]);
        world.unsigned();
        let signing = format!("user.signingkey={key}");
        world.git(&["-c", "gpg.format=ssh", "-c", &signing, "tag", "-s", "-m", "a tag", "v1"]);
        world.git(&["checkout", "-q", "main"]);

        world.git(&["merge", "-q", "--no-ff", "-m", "merged", "v1"]);
        let raw = world.head();
        assert!(raw.windows(10).any(|window| window == b"\nmergetag "));
        assert!(!world.git_says(&raw, &file));
        assert_eq!(world.verify(&signers(&file), &raw, now()), SignatureStatus::None);

        world.git(&["-c", "gpg.format=ssh", "-c", &signing, "commit", "-q", "--amend", "-S", "-m", "merged"]);
        let raw = world.head();
        assert!(raw.windows(10).any(|window| window == b"\nmergetag "));
        assert!(world.git_says(&raw, &file));
        assert!(is_good(&world.verify(&signers(&file), &raw, now())));
    }
}

#[test]
fn signatures_in_the_wrong_place_or_number_do_not_count() {
    let Some(world) = world(&["ssh-keygen"], ObjectFormat::Sha1) else { return };
    let (key, public) = world.ssh_key("key", "ed25519", "256");
    let file = format!("{ANA} {public}\n");
    let keys = signers(&file);
    let raw = world.ssh_commit(&key, DAY);
    let signed = split_signature(&raw, ObjectFormat::Sha1).unwrap().unwrap();
    let armor = String::from_utf8(signed.armor.clone()).unwrap();

    let twice = world.with_signature(&raw, armor.as_bytes());
    assert!(reason(world.verify(&keys, &twice, now())).contains("more than one signature"));

    let unsigned_header = replace(&raw, "\ngpgsig ", "\ngpgsig-note approved by bob\ngpgsig ");
    assert!(world.git_says(&unsigned_header, &file), "git drops a header that nobody signed");
    assert!(reason(world.verify(&keys, &unsigned_header, now())).contains("git does not write"));

    let elsewhere = replace(&raw, "\ngpgsig ", "\ngpgsig-sha256 ");
    assert!(!world.git_says(&elsewhere, &file));
    assert_eq!(world.verify(&keys, &elsewhere, now()), SignatureStatus::None);

    let mut in_message = signed.payload.clone();
    in_message.extend_from_slice(format!("gpgsig {}", armor.replace('\n', "\n ")).as_bytes());
    assert!(!world.git_says(&in_message, &file));
    assert_eq!(world.verify(&keys, &in_message, now()), SignatureStatus::None);

    let followed = world.with_signature(&signed.payload, format!("{armor}{armor}").as_bytes());
    assert!(reason(world.verify(&keys, &followed, now())).contains("follows the armor"));
}

#[test]
fn what_is_signed_is_cut_as_git_cuts_it() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let Some(world) = world(&["ssh-keygen"], format) else { return };
        let payload = world.unsigned();
        let log = world.path("signed").to_str().unwrap().to_owned();
        // A verifier that keeps what it is given, and finds everything good.
        let script =
            format!("#!/bin/sh\ncat > '{log}'\nprintf '\\n[GNUPG:] GOODSIG 0 x\\n[GNUPG:] TRUST_FULLY\\n'\n");
        let program = world.write("keep", script);
        world.run("chmod", &["+x", &program]);
        world.git(&["config", "gpg.program", &program]);
        let ours = if format == ObjectFormat::Sha1 { "gpgsig" } else { "gpgsig-sha256" };
        let other = if format == ObjectFormat::Sha1 { "gpgsig-sha256" } else { "gpgsig" };
        let armor = "-----BEGIN PGP SIGNATURE-----\n \n a\n -----END PGP SIGNATURE-----";
        let text = String::from_utf8(payload).unwrap();
        let (head, message) = text.split_once("\n\n").unwrap();
        for (extra, body) in [
            (format!("{ours} {armor}\n"), ""),
            (format!("{ours} {armor}\nencoding x\n"), "gpgsig no\n more\n"),
            (format!("{other} a\n b\n{ours} {armor}\nnote x\n y\n"), "\n\n"),
            (format!("note x\n gpgsig y\n{ours} {armor}\n{other} a\n b\nnote z\n"), " x\n"),
        ] {
            let raw = format!("{head}\n{extra}\n{message}{body}").into_bytes();
            assert!(world.git_says(&raw, ""), "{extra}");
            let signed = split_signature(&raw, format).unwrap().unwrap();
            assert_eq!(signed.payload, std::fs::read(&log).unwrap(), "{extra}");
        }
    }
}

#[test]
fn x509_and_unknown_signatures_are_named() {
    let Some(world) = world(&[], ObjectFormat::Sha1) else { return };
    let payload = world.unsigned();
    for (label, why) in [
        ("SIGNED MESSAGE", "X.509 signatures are not supported"),
        ("PGP MESSAGE", "not a detached signature"),
        ("SOMETHING", "unknown format"),
    ] {
        let armor = format!("-----BEGIN {label}-----\n\nAAAA\n-----END {label}-----\n");
        let raw = world.with_signature(&payload, armor.as_bytes());
        assert!(!world.git_says(&raw, ""));
        assert!(reason(world.verify(&KeyRegistry::default(), &raw, now())).contains(why), "{label}");
    }
}

#[test]
fn openpgp_signatures_hold_for_the_keyring_alone() {
    for (algorithm, format) in
        [("ed25519", ObjectFormat::Sha1), ("rsa2048", ObjectFormat::Sha256), ("nistp256", ObjectFormat::Sha1)]
    {
        let Some(world) = world(&["gpg"], format) else { return };
        let key = world.pgp_key("Ana Ruiz (work) <ana@example.com>", algorithm, "sign", "1y");
        let raw = world.pgp_commit(&key);
        assert!(world.git_says(&raw, ""), "{algorithm}");
        let ring = world.keyring();
        let good = SignatureStatus::Good { signer: ANA.into(), key };
        assert_eq!(world.verify(&keyring(&ring), &raw, now()), good, "{algorithm}");
        let armored = world.gpg(&["--export", "--armor"]);
        assert_eq!(world.verify(&keyring(&armored), &raw, now()), good, "{algorithm}");

        let tampered = replace(&raw, "a change", "another");
        assert!(!world.git_says(&tampered, ""));
        assert!(
            reason(world.verify(&keyring(&ring), &tampered, now())).contains("something else was signed")
        );
        assert!(reason(world.verify(&KeyRegistry::default(), &raw, now())).contains("not registered"));
        assert!(reason(world.verify(&keyring(&ring), &raw, years_from_now(2))).contains("expired"));
        assert!(reason(world.verify(&keyring(&ring), &raw, years_from_now(-1))).contains("did not exist"));
        for (at, obstacle) in [(now(), None), (years_from_now(2), Some("has expired".to_owned()))] {
            let listed = keyring(&ring).list_keys(at);
            assert_eq!((listed.len(), &listed[0].obstacle), (1, &obstacle), "{algorithm}");
            assert_eq!(listed[0].addresses, [Text::from(ANA)]);
        }
    }
}

#[test]
fn a_signing_subkey_signs_for_its_certificate() {
    let Some(world) = world(&["gpg"], ObjectFormat::Sha1) else { return };
    let primary = world.pgp_key("Ana Ruiz <ana@example.com>", "ed25519", "cert", "never");
    world.gpg(&["--quick-add-key", &primary, "ed25519", "sign", "1y"]);
    world.gpg(&["--quick-add-key", &primary, "cv25519", "encr", "1y"]);
    let raw = world.pgp_commit(&primary);
    assert!(world.git_says(&raw, ""));
    let keys = keyring(&world.keyring());
    let SignatureStatus::Good { signer, key } = world.verify(&keys, &raw, now()) else { panic!("not good") };
    assert_eq!(signer, ANA.into());
    assert_ne!(key, primary, "the subkey made it");
    assert!(reason(world.verify(&keys, &raw, years_from_now(2))).contains("expired"));
    assert_eq!(keys.list_keys(now())[0].obstacle, None);
    assert_eq!(keys.list_keys(years_from_now(2))[0].obstacle.as_deref(), Some("has expired"));

    // The secret half never belongs into a registry.
    let secret = world.gpg(&["--export-secret-keys"]);
    assert!(KeyRegistry::read_registry(None, Some(&secret)).unwrap_err()[0].reason.contains("secret"));
    // Without the signatures that bind it, the subkey speaks for nobody.
    let bare = without_signatures(&world.keyring(), 14);
    assert!(reason(world.verify(&keyring(&bare), &raw, now())).contains("not registered"));
}

#[test]
fn a_subkey_that_did_not_agree_speaks_for_nobody() {
    let Some(world) = world(&["gpg"], ObjectFormat::Sha1) else { return };
    let primary = world.pgp_key("Ana Ruiz <ana@example.com>", "ed25519", "cert", "never");
    world.gpg(&["--quick-add-key", &primary, "ed25519", "sign", "1y"]);
    let raw = world.pgp_commit(&primary);
    let ring = world.keyring();
    assert!(is_good(&world.verify(&keyring(&ring), &raw, now())));
    // gpg keeps the signature of the subkey where the primary key's does not cover it, so it can be
    // dropped and the binding still holds: what somebody would make who adopts another's subkey.
    let mut adopted = Vec::new();
    for (tag, packet) in packets(&ring) {
        let body = &packet[packet.len() - body_length(packet)..];
        if tag != 2 || body[1] != 0x18 {
            adopted.extend_from_slice(packet);
            continue;
        }
        let hashed = 6 + usize::from(body[4]) * 256 + usize::from(body[5]);
        let unhashed = usize::from(body[hashed]) * 256 + usize::from(body[hashed + 1]);
        let body = [&body[..hashed], &[0, 0], &body[hashed + 2 + unhashed..]].concat();
        adopted.extend_from_slice(&[0x89, 0, u8::try_from(body.len()).unwrap()]);
        adopted.extend_from_slice(&body);
    }
    assert!(reason(world.verify(&keyring(&adopted), &raw, now())).contains("not registered"));
}

#[test]
fn a_subkey_that_was_retired_counts_until_then_and_one_that_was_stolen_never() {
    for (why, good_before) in [("2", true), ("1", false), ("0", false)] {
        let Some(world) = world(&["gpg"], ObjectFormat::Sha1) else { return };
        let user = "Ana Ruiz <ana@example.com>";
        let day = ["--faked-system-time", "20200101T000000"];
        world.gpg(&[&day[..], &["--quick-generate-key", user, "ed25519", "cert", "never"]].concat());
        let primary = world.fingerprint(ANA);
        // A clock that is set runs on from there, so within the same second the key might not exist yet.
        let day = ["--faked-system-time", "20200102T000000"];
        world.gpg(&[&day[..], &["--quick-add-key", &primary, "ed25519", "sign", "never"]].concat());
        let payload = world.unsigned();
        let path = world.write("payload", &payload);
        let day = ["--faked-system-time", "20200601T000000"];
        world.gpg(&[&day[..], &["--armor", "--detach-sign", "--output", "sig", &path]].concat());
        let raw = world.with_signature(&payload, &std::fs::read(world.path("sig")).unwrap());
        assert!(world.git_says(&raw, ""));

        let answers = world.write("answers", format!("key 1\nrevkey\ny\n{why}\n\ny\nsave\n"));
        let day = ["--faked-system-time", "20210101T000000"];
        world.gpg(&[&day[..], &["--command-file", &answers, "--edit-key", &primary]].concat());
        assert!(!world.git_says(&raw, ""));
        let keys = keyring(&world.keyring());
        assert!(reason(world.verify(&keys, &raw, now())).contains("revoked"));
        let before = world.verify(&keys, &raw, "2020-07-01T00:00:00Z".parse().unwrap());
        assert_eq!(is_good(&before), good_before, "{before:?}");
    }
}

/// Drops the signatures that follow packets with this tag.
fn without_signatures(ring: &[u8], tag: u8) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut last = 0;
    for (this, packet) in packets(ring) {
        if this != 2 {
            last = this;
        }
        if this != 2 || last != tag {
            kept.extend_from_slice(packet);
        }
    }
    kept
}

fn body_length(packet: &[u8]) -> usize {
    packet.len() - if packet[0] & 3 == 0 { 2 } else { 3 }
}

/// Cuts what gpg 2.2 writes into packets: old headers with a length of one or two bytes.
fn packets(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = (bytes[0] >> 2) & 15;
        let length = match bytes[0] & 3 {
            0 => 2 + usize::from(bytes[1]),
            1 => 3 + usize::from(bytes[1]) * 256 + usize::from(bytes[2]),
            _ => panic!("a long packet"),
        };
        let (packet, rest) = bytes.split_at(length);
        found.push((tag, packet));
        bytes = rest;
    }
    found
}

#[test]
fn a_revoked_key_never_counts() {
    let Some(world) = world(&["gpg"], ObjectFormat::Sha1) else { return };
    let key = world.pgp_key("Ana Ruiz <ana@example.com>", "ed25519", "sign", "never");
    let raw = world.pgp_commit(&key);
    assert!(is_good(&world.verify(&keyring(&world.keyring()), &raw, now())));
    let path = world.path(&format!("gnupg/openpgp-revocs.d/{key}.rev"));
    let revocation = std::fs::read_to_string(path).unwrap().replace(":-----BEGIN", "-----BEGIN");
    let file = world.write("revocation", revocation);
    world.gpg(&["--import", &file]);
    assert!(!world.git_says(&raw, ""));
    let ring = world.keyring();
    assert!(reason(world.verify(&keyring(&ring), &raw, now())).contains("revoked"));

    // Of another key's revocation nobody knows what it means, so it is not passed over.
    let other = {
        world.pgp_key("Bob <bob@example.com>", "ed25519", "sign", "never");
        world.gpg(&["--export", "bob@example.com"])
    };
    let (ana, bob) = (packets(&ring), packets(&other));
    let mut mixed = bob[0].1.to_vec();
    mixed.extend_from_slice(ana[1].1);
    for (_, packet) in &bob[1..] {
        mixed.extend_from_slice(packet);
    }
    assert!(KeyRegistry::read_registry(None, Some(&mixed)).unwrap_err()[0].reason.contains("did not make"));
}

#[test]
fn an_expired_key_does_not_count_even_if_its_signature_is_back_dated() {
    let Some(world) = world(&["gpg"], ObjectFormat::Sha1) else { return };
    let user = "Ana Ruiz <ana@example.com>";
    world.gpg(&[
        "--faked-system-time",
        "20200101T000000",
        "--quick-generate-key",
        user,
        "ed25519",
        "sign",
        "1y",
    ]);
    let payload = world.unsigned();
    let path = world.write("payload", &payload);
    world.gpg(&[
        "--faked-system-time",
        "20200601T000000",
        "--armor",
        "--detach-sign",
        "--output",
        "sig",
        &path,
    ]);
    let raw = world.with_signature(&payload, &std::fs::read(world.path("sig")).unwrap());
    assert!(!world.git_says(&raw, ""));
    let keys = keyring(&world.keyring());
    assert!(reason(world.verify(&keys, &raw, now())).contains("expired"));
    assert!(is_good(&world.verify(&keys, &raw, "2020-07-01T00:00:00Z".parse().unwrap())));
}

#[test]
fn user_ids_count_while_they_are_said() {
    let Some(world) = world(&["gpg"], ObjectFormat::Sha1) else { return };
    let key = world.pgp_key("Ana Ruiz <ana@old.example>", "ed25519", "sign", "never");
    let raw = world.pgp_commit(&key);
    let signer = |at| match world.verify(&keyring(&world.keyring()), &raw, at) {
        SignatureStatus::Good { signer, .. } => signer.to_lossy().into_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(signer(now()), "ana@old.example");
    world.gpg(&["--quick-add-uid", &key, "Ana Ruiz <ana@example.com>"]);
    assert_eq!(signer(now()), ANA, "the committer's, where it is one of them");
    world.gpg(&["--quick-revoke-uid", &key, "Ana Ruiz <ana@example.com>"]);
    assert_eq!(signer(now()), "ana@old.example");
    // Text that looks like an address is none.
    let bare = without_signatures(&world.keyring(), 13);
    assert!(KeyRegistry::read_registry(None, Some(&bare)).unwrap_err()[0].reason.contains("user id"));
}

#[test]
fn openpgp_signatures_that_could_be_read_twice_are_refused() {
    let Some(world) = world(&["gpg"], ObjectFormat::Sha1) else { return };
    let ana = world.pgp_key("Ana Ruiz <ana@example.com>", "ed25519", "sign", "never");
    let bob = world.pgp_key("Bob <bob@example.com>", "ed25519", "sign", "never");
    let keys = keyring(&world.keyring());
    let payload = world.unsigned();
    let path = world.write("payload", &payload);
    for (options, git, why) in [
        (vec!["-u", &ana], true, ""),
        (vec!["-u", &ana, "-u", &bob], false, "more than one OpenPGP signature"),
        (vec!["-u", &ana, "--textmode"], true, "not one over binary data"),
        (vec!["-u", &ana, "--digest-algo", "SHA1"], true, "weak digest"),
        (vec!["-u", &ana, "--digest-algo", "SHA224"], true, "weak digest"),
        (vec!["-u", &ana, "--sig-notation", "!a@b.example=c"], false, "critical part"),
        (vec!["-u", &ana, "--set-notation", "a@b.example=c"], true, ""),
        (vec!["-u", &ana, "--default-sig-expire", "0"], true, ""),
    ] {
        let mut args = vec!["--armor", "--detach-sign", "--output", "sig"];
        args.extend(&options);
        args.push(&path);
        world.gpg(&args);
        let raw = world.with_signature(&payload, &std::fs::read(world.path("sig")).unwrap());
        assert_eq!(world.git_says(&raw, ""), git, "{options:?}");
        let verdict = world.verify(&keys, &raw, now());
        match why {
            "" => assert!(is_good(&verdict), "{options:?}: {verdict:?}"),
            _ => assert!(reason(verdict).contains(why), "{options:?}"),
        }
    }
}

#[test]
fn one_key_in_two_certificates_is_refused() {
    let Some(world) = world(&["gpg"], ObjectFormat::Sha1) else { return };
    world.pgp_key("Ana Ruiz <ana@example.com>", "ed25519", "sign", "never");
    let ring = world.gpg(&["--export", "--armor"]);
    let errors = KeyRegistry::read_registry(None, Some(&[ring.clone(), ring].concat())).unwrap_err();
    assert!(
        errors[0].to_string().contains("certificate 2: one of its keys is in certificate 1"),
        "{errors:?}"
    );
}

/// One change to a byte string: cut it, overwrite, insert or remove.
fn mutate(bytes: &mut Vec<u8>, (kind, at, value): (u8, usize, u8)) {
    let at = at % bytes.len().max(1);
    match kind % 5 {
        0 => bytes.truncate(at),
        1 | 2 if !bytes.is_empty() => bytes[at] ^= value | 1,
        3 => bytes.insert(at, value),
        4 if !bytes.is_empty() => drop(bytes.remove(at)),
        _ => {}
    }
}

fn changes() -> impl Strategy<Value = Vec<(u8, usize, u8)>> {
    // Cutting is rare, or little else would be seen.
    let kind = prop_oneof![1 => Just(0_u8), 20 => 1_u8..5];
    prop::collection::vec((kind, any::<usize>(), any::<u8>()), 1..4)
}

fn survives(world: &World, keys: &KeyRegistry, raw: &[u8], label: &str, headers: &str) {
    let signed = split_signature(raw, ObjectFormat::Sha1).unwrap().unwrap();
    let base64: String = std::str::from_utf8(&signed.armor)
        .unwrap()
        .lines()
        .filter(|line| !(line.starts_with("-----") || line.starts_with('=') && line.len() == 5))
        .collect();
    let binary = Base64::decode_vec(&base64).unwrap();
    let mut runner = TestRunner::deterministic();
    let at = now();
    runner
        .run(&changes(), |changes| {
            // The bytes of the whole commit: only no panic, since an armor has more than one spelling.
            let mut text = raw.to_vec();
            changes.iter().for_each(|change| mutate(&mut text, *change));
            let _ = world.verify(keys, &text, at);
            // What was signed: nothing but the original is good.
            let mut payload = signed.payload.clone();
            changes.iter().for_each(|change| mutate(&mut payload, *change));
            if payload != signed.payload && payload.windows(2).any(|pair| pair == b"\n\n") {
                let raw = world.with_signature(&payload, &signed.armor);
                prop_assert!(!is_good(&world.verify(keys, &raw, at)));
            }
            // The signature behind its armor, where the parsers are.
            let mut signature = binary.clone();
            changes.iter().for_each(|change| mutate(&mut signature, *change));
            let armor = format!(
                "-----BEGIN {label}-----\n{headers}{}\n-----END {label}-----\n",
                Base64::encode_string(&signature)
            );
            let raw = world.with_signature(&signed.payload, armor.as_bytes());
            let _ = world.verify(keys, &raw, at);
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_mutation_of_an_ssh_signature_is_good_or_panics() {
    for (kind, bits) in [("ed25519", "256"), ("ecdsa", "256"), ("rsa", "2048")] {
        let Some(world) = world(&["ssh-keygen"], ObjectFormat::Sha1) else { return };
        let (key, public) = world.ssh_key("key", kind, bits);
        let raw = world.ssh_commit(&key, DAY);
        survives(&world, &signers(&format!("{ANA} {public}\n")), &raw, "SSH SIGNATURE", "");
    }
}

#[test]
fn no_mutation_of_an_openpgp_signature_is_good_or_panics() {
    for algorithm in ["ed25519", "rsa2048", "nistp256"] {
        let Some(world) = world(&["gpg"], ObjectFormat::Sha1) else { return };
        let key = world.pgp_key("Ana Ruiz <ana@example.com>", algorithm, "sign", "never");
        let raw = world.pgp_commit(&key);
        survives(&world, &keyring(&world.keyring()), &raw, "PGP SIGNATURE", "\n");
    }
}

#[test]
fn no_mutation_of_a_registry_panics() {
    let Some(world) = world(&["gpg", "ssh-keygen"], ObjectFormat::Sha1) else { return };
    let primary = world.pgp_key("Ana Ruiz <ana@example.com>", "ed25519", "cert", "never");
    world.gpg(&["--quick-add-key", &primary, "ed25519", "sign", "1y"]);
    let raw = world.pgp_commit(&primary);
    let ring = world.keyring();
    let (_, public) = world.ssh_key("key", "ecdsa", "384");
    let file = format!("# keys\n{ANA} namespaces=\"git\",valid-before=\"20300101Z\" {public} note\n");
    let at = now();
    TestRunner::deterministic()
        .run(&changes(), |changes| {
            let mut ring = ring.clone();
            changes.iter().for_each(|change| mutate(&mut ring, *change));
            if let Ok(keys) = KeyRegistry::read_registry(None, Some(&ring)) {
                let _ = world.verify(&keys, &raw, at);
            }
            let mut file = file.clone().into_bytes();
            changes.iter().for_each(|change| mutate(&mut file, *change));
            let _ = KeyRegistry::read_registry(Some(&file), None);
            Ok(())
        })
        .unwrap();
}
