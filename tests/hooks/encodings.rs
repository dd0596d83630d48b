//! Commits in other encodings than UTF-8: git is the oracle of what they say.

use crate::world::{MAIN, Pushed, World, good};

/// Makes a commit upon main with this encoding and these bytes as its message.
fn encoded(world: &World, encoding: &str, message: &[u8]) -> String {
    let tree = world.git(&["rev-parse", "HEAD^{tree}"]);
    let parent = world.main();
    let person = "J <j@example.com> 1700000000 +0000";
    let header =
        format!("tree {tree}\nparent {parent}\nauthor {person}\ncommitter {person}\nencoding {encoding}\n\n");
    let object = [header.as_bytes(), message].concat();
    let id = world.git_fed("work", &["hash-object", "-t", "commit", "-w", "--stdin"], &object);
    String::from_utf8(id).unwrap().trim_end().to_owned()
}

#[test]
fn an_encoding_that_does_not_keep_ascii_is_refused() {
    let world = World::new();
    let base = world.main();
    for encoding in [
        "UTF-16",
        "UTF-16LE",
        "UTF-16BE",
        "UTF-32",
        "UTF-7",
        "IBM037",
        "EBCDIC-US",
        "ISO-2022-JP",
        "HZ",
        "what",
    ] {
        let new = encoded(&world, encoding, good("Good").as_bytes());
        world.push(&[&format!("{new}:{MAIN}")]).refused("does not keep ASCII");
        assert_eq!(world.main(), base, "{encoding}");
    }
}

#[test]
fn an_encoding_that_keeps_ascii_is_read_as_git_reads_it() {
    let world = World::new();
    for (encoding, name) in [
        ("ISO-8859-1", &b"J\xf6rg"[..]),
        ("latin1", b"J\xf6rg"),
        ("windows-1251", b"\xde\xf0\xe8\xe9"),
        ("EUC-JP", b"\xb2\xd6\xbb\xd2"),
        ("Shift_JIS", b"\x83\x5c\x89\xd4"),
        ("KOI8-R", b"\xe0\xd2\xc9\xca"),
        ("GB18030", b"\xbb\xa8"),
        ("CP437", b"J\x94rg"),
        ("IBM850", b"J\x94rg"),
        ("MACINTOSH", b"J\x9arg"),
        ("TIS-620", b"\xa1\xd2"),
        ("VISCII", b"\xd5"),
        ("BIG5-HKSCS", b"\xa4\xa4\xa4\xe5"),
        ("HP-ROMAN8", b"J\xcerg"),
        ("GEORGIAN-PS", b"\xc0\xc1"),
        ("CP866", b"\x8f\xe0"),
        ("KOI8-T", b"\xe0\xd2"),
    ] {
        let fields = b"\n\nChange-Type: normal\nRisk: low\nReviewed-by: Ben <ben@example.com>\n".as_slice();
        let new = encoded(&world, encoding, &[name, fields].concat());
        let shown = world.git(&["log", "-1", "--format=%s", &new]);
        let said = world.changegate("work", &["check", &new, "--format", "json"]);
        assert!(said.seen.contains(&format!("\"{shown}\"")), "{encoding}: {shown} {}", said.seen);
        world.push(&[&format!("{new}:{MAIN}")]).accepted();
    }
    world.changegate("server.git", &["ledger", "verify", "--second-reader"]).accepted();
}

#[test]
fn the_hook_of_a_clone_reads_the_encoding_of_its_configuration() {
    let world = World::under(&crate::world::POLICY.replace("startup", "core"));
    world.changegate("work", &["install"]).accepted();
    let commit = |encoding: &str| -> Pushed {
        std::fs::write(world.path("message"), b"J\xf6rg\n\nChange-Type: normal\nRisk: low\n").unwrap();
        let mut command = world.command("git", "work");
        command.args(["-c", &format!("i18n.commitEncoding={encoding}")]);
        command.args(["commit", "-q", "--allow-empty", "-F"]).arg(world.path("message"));
        command.output().unwrap().into()
    };
    commit("ISO-8859-1").accepted();
    assert_eq!(world.git(&["log", "-1", "--format=%s"]), "J\u{f6}rg");
    world.push(&["main"]).accepted();
    commit("UTF-16LE").refused("git config i18n.commitEncoding UTF-8");
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit("UTF-16LE").accepted();
}
