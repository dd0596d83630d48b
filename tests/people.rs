//! `changegate people`: the roster is looked at and kept up to date, and no person is taken out.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "test code")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const ROSTER: &str = "\
people:
  ana:
    name: Ana Ruiz
    addresses: [ana@example.com]
    accounts: ['github:ana-sec#583231']
    joined: 2025-02-01
    left: 2026-11-30
    delegate: { to: ben, for: security, until: 2026-12-31 }
  ben:
    name: Ben Ito
    addresses: [ben@example.com]
    teams: { security: { from: 2026-01-01, until: 2026-06-30 } }
  ana-2:
    name: Ana Ruiz
    addresses: [ana.ruiz@example.com, root@example.com]
  ci:
    kind: bot
    addresses: [ci@example.com]
";

const POLICY: &str = "changegate: 1\nextends: [startup]\nprotects: [main]\npeople: { roster: policies/people.yml, teams: { security: [ana@example.com] } }\n";

fn set_up(folder: &Path) {
    fs::create_dir_all(folder.join("policies")).unwrap();
    fs::create_dir_all(folder.join(".git")).unwrap();
    fs::write(folder.join("policies/changegate.yml"), POLICY).unwrap();
    fs::write(folder.join("policies/people.yml"), ROSTER).unwrap();
}

fn people(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_changegate"));
    command.arg("people").args(args).current_dir(folder).env_clear().output().unwrap()
}

/// Returns the exit code and what is printed.
fn ask(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let told = people(folder, args);
    let text = [told.stdout, told.stderr].concat();
    (told.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn who_an_identity_is_depends_on_the_time() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path());
    let who = |identity: &str, at: &str| ask(folder.path(), &["who", identity, "--at", at]);
    let (code, said) = who("ANA@example.com", "2026-11-30T23:00:00Z");
    assert!(code == Some(0) && said.contains("ana (Ana Ruiz)") && said.contains("teams: security"), "{said}");
    let (code, said) = who("github:ana-sec", "2026-12-01");
    assert!(
        code == Some(1) && said.contains("had left at 2026-12-01T00:00:00Z: the last day was 2026-11-30"),
        "{said}"
    );
    let (code, said) = who("ben", "2026-03-01");
    assert!(
        code == Some(0) && said.contains("teams: security") && said.contains("acts for ana in security"),
        "{said}"
    );
    let (_, said) = who("ben", "2026-07-01");
    assert!(!said.contains("teams:") && said.contains("acts for ana in security"), "{said}");
    let (_, said) = who("ben", "2026-12-02");
    assert!(!said.contains("acts for"), "{said}");
    let (code, said) = who("ci", "2026-07-01");
    assert!(code == Some(0) && said.contains("a machine (bot) and never approves"), "{said}");
    let (code, said) = who("Ben Ito <ben@evil.example>", "2026-07-01");
    assert!(code == Some(1) && said.contains("it looks like `ben`"), "{said}");
    let (code, said) =
        ask(folder.path(), &["who", "ana@example.com", "--at", "2026-12-01", "--format", "json"]);
    let answer: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, Some(1));
    assert_eq!((&answer["person"], &answer["left"]), (&"ana".into(), &"2026-11-30".into()));
    assert_eq!(ask(folder.path(), &["who", "ana", "--at", "soon"]).0, Some(2));
}

#[test]
fn a_roster_is_checked_and_a_fault_has_its_place() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path());
    let (code, said) = ask(folder.path(), &["check"]);
    assert_eq!(code, Some(0), "{said}");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("policies/people.yml:13: `ana-2` looks like `ana`: it has the name `Ana Ruiz`"),
        "{said}"
    );
    assert!(said.contains("`root@example.com` of `ana-2` is an address that several people use"), "{said}");
    assert!(said.contains("policies/people.yml can be used: 3 people"), "{said}");
    let path = folder.path().join("policies/people.yml");
    fs::write(&path, ROSTER.replace("to: ben", "to: zoe")).unwrap();
    let (code, said) = ask(folder.path(), &["check"]);
    assert!(
        code == Some(2) && said.contains("unknown person `zoe`") && said.contains("people.yml:8"),
        "{said}"
    );
}

#[test]
fn what_is_exported_is_imported_as_the_same_roster() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path());
    let table = people(folder.path(), &["export", "--format", "csv"]).stdout;
    assert!(table.starts_with(b"key,name,kind,addresses,"), "{}", String::from_utf8_lossy(&table));
    fs::write(folder.path().join("people.csv"), &table).unwrap();
    let yaml = people(folder.path(), &["export", "--format", "yaml"]).stdout;
    let imported = people(folder.path(), &["import", "people.csv"]);
    assert_eq!(String::from_utf8_lossy(&imported.stdout), String::from_utf8_lossy(&yaml));
    // With a file to bring up to date, what the table does not say is kept, and everybody stays.
    let leavers = "email,last day,room\nben@example.com,2026-12-31,12\n";
    fs::write(folder.path().join("leavers.csv"), leavers).unwrap();
    let (code, said) = ask(folder.path(), &["import", "leavers.csv", "--out", "policies/people.yml"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("columns that are not read: room")
            && said.contains("leaves: ben (Ben Ito), last day 2026-12-31"),
        "{said}"
    );
    let text = fs::read_to_string(folder.path().join("policies/people.yml")).unwrap();
    assert!(
        text.contains("left: 2026-12-31") && text.contains("  ana-2:") && text.contains("delegate:"),
        "{text}"
    );
    assert_eq!(ask(folder.path(), &["check"]).0, Some(0));
    fs::write(folder.path().join("bad.csv"), "key,left\nana,31.12.2026\n").unwrap();
    let (code, said) = ask(folder.path(), &["import", "bad.csv", "--out", "policies/people.yml"]);
    assert!(code == Some(2) && said.contains("bad.csv: line 2: `left`: expected a day"), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join("policies/people.yml")).unwrap(), text);
}

#[test]
fn an_error_is_folded_for_a_terminal_and_for_no_program() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path());
    fs::write(
        folder.path().join("policies/changegate.yml"),
        "changegate: 1\nextends: [startup]\nprotects: [main]\n",
    )
    .unwrap();
    let (code, said) = ask(folder.path(), &["check"]);
    assert!(code == Some(2) && said.lines().count() == 1 && said.len() > 100, "{said}");
    let shown = format!("{} people check", env!("CARGO_BIN_EXE_changegate"));
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &shown, "/dev/null"]).current_dir(folder.path());
    let Ok(output) = terminal.output() else {
        return assert!(!Path::new("/usr/bin/script").exists());
    };
    let shown = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    assert_eq!(output.status.code(), Some(2), "{shown}");
    assert!(shown.lines().count() > 2 && shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(shown.contains("`changegate people import LIST.csv --out policies/people.yml`"), "{shown}");
}

#[test]
fn an_import_leaves_alone_what_it_does_not_change() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path());
    let roster = folder.path().join("policies/people.yml");
    let commented = ROSTER.replace("  ben:\n", "  # The second one.\n  ben: # since long\n");
    fs::write(&roster, &commented).unwrap();
    let written = fs::metadata(&roster).unwrap().modified().unwrap();
    fs::write(folder.path().join("same.csv"), "key,name\nben,Ben Ito\n").unwrap();
    let (code, said) = ask(folder.path(), &["import", "same.csv", "--out", "policies/people.yml"]);
    assert!(code == Some(0) && said.contains("nothing changes"), "{said}");
    assert_eq!(fs::read_to_string(&roster).unwrap(), commented);
    assert_eq!(fs::metadata(&roster).unwrap().modified().unwrap(), written);
    // Of one that changes, only its own lines do.
    fs::write(
        folder.path().join("new.csv"),
        "key,trained-until,addresses\nana,2027-01-31,\ncy,,cy@example.com\n",
    )
    .unwrap();
    let (code, said) = ask(folder.path(), &["import", "new.csv", "--out", "policies/people.yml"]);
    assert!(code == Some(0) && said.contains("joins: cy"), "{said}");
    let text = fs::read_to_string(&roster).unwrap();
    assert!(text.contains("  # The second one.\n  ben: # since long\n    name: Ben Ito\n"), "{text}");
    assert!(
        text.contains("trained-until: 2027-01-31")
            && text.ends_with("  cy:\n    addresses: [cy@example.com]\n")
    );
}

#[test]
fn a_row_with_a_past_last_day_is_kept_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path());
    fs::write(folder.path().join("l.csv"), "key,left\nben,2025-11-30\n,\n").unwrap();
    let (code, said) = ask(folder.path(), &["import", "l.csv", "--out", "policies/people.yml"]);
    assert!(code == Some(0) && said.contains("leaves: ben (Ben Ito), last day 2025-11-30"), "{said}");
    assert!(!said.contains("check:"), "{said}");
    // A list of those who are there says that he is.
    fs::write(folder.path().join("there.csv"), "key,name\nben,Ben Ito\n").unwrap();
    let (_, said) = ask(folder.path(), &["import", "there.csv", "--out", "policies/people.yml"]);
    assert!(said.contains("check: ben (Ben Ito) left by the roster, and is in the list"), "{said}");
}

#[test]
fn a_first_import_makes_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(".git")).unwrap();
    fs::write(folder.path().join("l.csv"), "name\taddresses\nAna Ruiz\tana@example.com\n").unwrap();
    let (code, said) = ask(folder.path(), &["import", "l.csv", "--out", "policies/people.yml"]);
    assert!(code == Some(0), "{said}");
    assert!(fs::read_to_string(folder.path().join("policies/people.yml")).unwrap().contains("ana-ruiz:"));
}

#[test]
fn a_team_can_be_left_to_the_roster() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path());
    let policy = folder.path().join("policies/changegate.yml");
    fs::write(&policy, POLICY.replace("security: [ana@example.com]", "security: []")).unwrap();
    let check = |args: &[&str]| {
        let told = Command::new(env!("CARGO_BIN_EXE_changegate"))
            .args(args)
            .current_dir(folder.path())
            .env_clear()
            .output()
            .unwrap();
        (told.status.code(), String::from_utf8([told.stdout, told.stderr].concat()).unwrap())
    };
    let (code, said) = check(&["policy", "check"]);
    assert_eq!(code, Some(0), "{said}");
    // Whoever the policy lists is in the team on all days, whatever the roster says, which is noted.
    fs::write(&policy, POLICY.replace("security: [ana@example.com]", "security: [ben@example.com]")).unwrap();
    let (code, said) = check(&["policy", "check"]);
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(code == Some(0), "{said}");
    assert!(words.contains("`ben@example.com` is in `security` on all days by this list"), "{said}");
    fs::write(&policy, POLICY.replace("security: [ana@example.com]", "security: []")).unwrap();
    // A team to which the roster gives nobody either is empty.
    let roster = folder.path().join("policies/people.yml");
    fs::write(
        &roster,
        ROSTER.replace("    teams: { security: { from: 2026-01-01, until: 2026-06-30 } }\n", ""),
    )
    .unwrap();
    let (code, said) = check(&["policy", "check"]);
    assert!(
        code == Some(2) && said.contains("the team `security` has no members, here and in the roster"),
        "{said}"
    );
}
