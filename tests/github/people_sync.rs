//! The roster follows the organisation: who joins is added with their number, who is gone gets a last day.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::fake::{Fake, How};
use crate::scene::plain;

const ROSTER: &str = "# Who is whom, kept by hand.\npeople:\n  ana: { name: Ana Ruiz, addresses: [ana@example.com], accounts: ['github:ana'], trained-until: 2027-01-31 }\n  zoe: { addresses: [zoe@example.com], accounts: ['github:zoe#987654'] }\n  pat: { addresses: [pat@example.com], accounts: [pat] }\n";

fn set_up(folder: &Path) {
    fs::create_dir_all(folder.join("policies")).unwrap();
    fs::create_dir_all(folder.join(".git")).unwrap();
    let policy =
        "changegate: 1\nextends: [startup]\nprotects: [main]\npeople: { roster: policies/people.yml }\n";
    fs::write(folder.join("policies/changegate.yml"), policy).unwrap();
    fs::write(folder.join("policies/people.yml"), ROSTER).unwrap();
}

fn sync(folder: &Path, fake: &Fake, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_changegate"))
        .args(["people", "sync", "github:acme", "--api-url", &fake.url()])
        .args(more)
        .current_dir(folder)
        .env_clear()
        .env("GITHUB_TOKEN", "a-plain-token")
        .output()
        .unwrap()
}

#[test]
fn the_roster_follows_the_organisation_and_keeps_what_is_written_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path());
    let fake = Fake::start(plain());
    let told = sync(folder.path(), &fake, &[]);
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert_eq!(told.status.code(), Some(0), "{said}");
    assert!(
        said.contains("joins: ben") && said.contains("changes: ana (Ana Ruiz): addresses, accounts"),
        "{said}"
    );
    assert!(said.contains("leaves: zoe, last day ") && !said.contains("leaves: pat"), "{said}");
    let printed = String::from_utf8(told.stdout).unwrap();
    assert!(
        printed.starts_with("# Who is whom, kept by hand.\npeople:\n  ana:\n    name: \"Ana Ruiz\"\n"),
        "{printed}"
    );
    assert!(printed.contains("trained-until: 2027-01-31") && printed.contains("\n    left: "), "{printed}");
    let path = folder.path().join("policies/people.yml");
    assert_eq!(fs::read_to_string(&path).unwrap(), ROSTER, "without --write, nothing is written");
    assert_eq!(sync(folder.path(), &fake, &["--write"]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), printed);
    let again = sync(folder.path(), &fake, &["--write"]);
    assert_eq!(String::from_utf8_lossy(&again.stderr), "nothing changes\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), printed);
}

#[test]
fn what_github_does_not_show_marks_nobody_as_gone() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path());
    for (how, code) in [
        (How::Status(403, Vec::new(), json!({ "message": "Forbidden" })), 3),
        (How::Status(500, Vec::new(), json!({})), 3),
        (How::Edit(|body| *body = json!([])), 2),
    ] {
        let fake = Fake::start(plain());
        fake.spoil("GET /orgs/acme/members", how);
        let told = sync(folder.path(), &fake, &["--write"]);
        assert_eq!(told.status.code(), Some(code), "{}", String::from_utf8_lossy(&told.stderr));
        assert_eq!(fs::read_to_string(folder.path().join("policies/people.yml")).unwrap(), ROSTER);
    }
}
