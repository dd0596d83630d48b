//! `changegate tickets`, as somebody calls it; and what stands in its document.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use changegate::tickets::EXPORT_COLUMNS;
use serde_json::Value;

use crate::server::{Answer, Server, TOKEN};
use crate::systems::cloud;

const EXPORT: &str = "key,created,status,closed,title\nSEC-1,2026-10-14T14:00:00Z,Open,no,\u{1b}[31mred\n\
                      SEC-2,soon,Open,no,x\nSEC-3,2026-10-14T15:00:00Z,\u{1b}[31mDone\u{202e},yes,x\n";

fn run(home: &Path, args: &[&str], jira: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_changegate"));
    command.current_dir(home).env_clear().env("JIRA_URL", jira).env("JIRA_TOKEN", TOKEN);
    command.env("JIRA_EMAIL", "gate@example.com").env("NO_PROXY", "*").arg("tickets").args(args);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [out, err] = [stdout, stderr].map(|stream| String::from_utf8(stream).unwrap());
    assert!(!format!("{out}{err}").contains(TOKEN) && !out.contains('\u{1b}') && !err.contains('\u{1b}'));
    (status.code().unwrap(), out, err)
}

#[test]
fn tickets_are_told_and_counted() {
    let server = Server::with([(
        "/rest/api/3/issue/PAY-1",
        Answer::Json(200, cloud("PAY-1", "2026-10-14T14:00:00.000+0000")),
    )]);
    let home = tempfile::tempdir().unwrap();
    let policy = format!(
        "changegate: 1\nextends: [core]\nprotects: [main]\ntickets: {{ PAY: {{ jira: '{}' }}, SEC: export }}\n",
        server.url
    );
    fs::write(home.path().join("p.yml"), policy).unwrap();
    fs::write(home.path().join("t.csv"), EXPORT).unwrap();
    let run = |args: &[&str]| {
        run(home.path(), &[&["--policy", "p.yml", "--export", "t.csv"], args].concat(), &server.url)
    };
    let (code, out, err) = run(&["PAY-1", "SEC-3"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.starts_with("PAY-1  Incident in PAY, open (In Progress)\n  created   2026-10-14T14:00:00Z\n"),
        "{out}"
    );
    assert!(out.contains("SEC-3  ticket in SEC, closed (\\x1b[31mDone\\u{202e})\n"), "{out}");
    assert!(out.contains("  source    t.csv (sha256:"), "{out}");
    assert_eq!(err, "t.csv:3: `created` is not an instant with a zone, such as 2026-10-14T14:00:00Z\n");
    assert_eq!(run(&["SEC-1", "SEC-9"]).0, 1);
    assert_eq!(run(&["SEC-9", "SEC-2"]).0, 3);
    assert_eq!(run(&["OPS-1"]).0, 3);
    assert_eq!(run(&[]).0, 2);
    assert_eq!(run(&["SEC-1", "--repository", "../x"]).0, 2);
    let (code, out, _) = run(&["--format", "json", "PAY-1", "SEC-9", "SEC-2"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 3);
    let found =
        ["/tickets/0/found", "/tickets/1/found", "/tickets/2/found"].map(|at| told.pointer(at).unwrap());
    assert_eq!(found, [&Value::from(true), &Value::from(false), &Value::Null]);
    assert_eq!(told["tickets"][0]["ticket"]["created"], "2026-10-14T14:00:00Z");
}

#[test]
fn an_export_says_what_is_known_and_lists_its_faults_up_to_a_limit() {
    let home = tempfile::tempdir().unwrap();
    let policy = "changegate: 1\nextends: [core]\nprotects: [main]\ntickets: { '*': export }\n";
    fs::write(home.path().join("p.yml"), policy).unwrap();
    let rows = "CHG001,2026-10-14T14:00:00Z,Open\nCHG002,2026-10-14T14:00:00Z,\n";
    let bad = "OPS-1,soon,Open\n".repeat(130) + &"x\"y,\"b\n".repeat(130);
    fs::write(home.path().join("t.csv"), format!("key,created,state\n{rows}{bad}")).unwrap();
    let run = |args: &[&str]| {
        run(
            home.path(),
            &[&["--policy", "p.yml", "--export", "t.csv"], args].concat(),
            "https://acme.example",
        )
    };
    let (code, out, err) = run(&["CHG001", "CHG002", "nokey"]);
    assert_eq!(code, 3);
    assert!(out.contains("CHG001  ticket in CHG, state `Open`; not known whether that is closed\n"), "{out}");
    assert!(out.contains("CHG002  ticket in CHG, not known whether it is closed\n"), "{out}");
    assert!(out.contains("nokey  this is not the key of a ticket, such as PAY-412 or #12\n"), "{out}");
    let last: Vec<&str> = err.lines().skip(100).collect();
    assert_eq!(
        last,
        [
            "t.csv: and 130 more rows that cannot be read",
            "t.csv:234: too many rows before this one cannot be read; the rest is not read"
        ]
    );
    let (_, out, _) = run(&["--format", "json", "nokey"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["tickets"][0]["reason"], "this is not the key of a ticket, such as PAY-412 or #12");
}

#[test]
fn what_cannot_be_asked_is_a_wrong_call() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("p.yml"), "changegate: 1\nextends: [core]\nprotects: [main]\n").unwrap();
    let (code, _, err) = run(home.path(), &["--policy", "p.yml", "PAY-1"], "https://acme.example");
    assert_eq!(code, 2);
    assert!(err.contains("`tickets` in p.yml names no ticket system"), "{err}");
    fs::write(
        home.path().join("q.yml"),
        "changegate: 1\nextends: [core]\nprotects: [main]\ntickets: { A: export }\n",
    )
    .unwrap();
    let (code, _, err) = run(home.path(), &["--policy", "q.yml", "A-1"], "http://acme.example");
    assert_eq!(code, 2);
    assert!(err.contains("JIRA_URL: `http://acme.example` does not start with https://"), "{err}");
}

#[test]
fn every_column_is_documented() {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tickets.md")).unwrap();
    for (names, says) in EXPORT_COLUMNS {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let row = format!("| {} | {says} |", names.join(", "));
        assert!(document.contains(&row), "docs/tickets.md has no row {row}");
    }
}
