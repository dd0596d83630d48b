//! The page that `changegate audit` writes: nothing that a commit says is markup, a script or hidden; it runs its own
//! script and no other; the same inputs give the same bytes; and a browser opens it, sorts, filters and prints it.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Subjects that try to become a part of the page, and what each has to be shown as.
const HOSTILE: &[(&[u8], &str)] = &[
    (b"</script><img src=x onerror=alert(1)>", "</script><img src=x onerror=alert(1)>"),
    (b"<!--<script>alert(2)//", "<!--<script>alert(2)//"),
    (b"\"><svg onload=alert(3)>", "\"><svg onload=alert(3)>"),
    (
        "turned \u{202e}drawkcab\u{2066} and \u{200b}hidden".as_bytes(),
        "turned \\u{202e}drawkcab\\u{2066} and \\u{200b}hidden",
    ),
    ("a line\u{2028}and\u{2029}a paragraph".as_bytes(), "a line\\u{2028}and\\u{2029}a paragraph"),
    (b"bell \x07, escape \x1b[31m, \xff\xfe", "bell \\x07, escape \\x1b[31m, \\xff\\xfe"),
    (
        b"{{style}} {{changes}} ]]> ${alert(4)} javascript:alert(5)",
        "{{style}} {{changes}} ]]> ${alert(4)} javascript:alert(5)",
    ),
];

/// Returns a stream for `git fast-import`: a branch `main` with so many commits, over less than three years.
fn write_history(commits: usize) -> Vec<u8> {
    let long = "long ".repeat(20_000);
    let mut stream = b"feature done\n".to_vec();
    for number in 0..commits {
        let time = 1_700_000_000 + number * 86_400.min(90_000_000 / commits);
        let subject: &[u8] = match number {
            number if number < HOSTILE.len() => HOSTILE[number].0,
            number if number == HOSTILE.len() => long.as_bytes(),
            _ => b"Change the price of a thing",
        };
        let kind = ["normal", "standard", "emergency", "<b>normal</b>"][number % 4];
        let risk = ["low", "medium", "high"][number % 3];
        let mut message = subject.to_vec();
        write!(message, " {number}\n\nIt was wrong before, and a customer said so.\n\n").unwrap();
        write!(message, "Change-Type: {kind}\nRisk: {risk}\nTicket: SHOP-{number}\n").unwrap();
        let name = ["Ana", "Ben &lt;i \"Bold\"", "Kim \u{202e}"][number % 3];
        write!(
            stream,
            "commit refs/heads/main\ncommitter {name} <p{}@example.com> {time} +0000\n",
            number % 3
        )
        .unwrap();
        writeln!(stream, "data {}", message.len()).unwrap();
        stream.extend_from_slice(&message);
        write!(stream, "\nM 100644 inline src/file{}.txt\ndata 8\n{number:07}\n\n", number % 50).unwrap();
    }
    stream.extend_from_slice(b"done\n");
    stream
}

/// A bare repository with so many commits, in a folder that goes away with it.
struct AuditedHistory {
    folder: tempfile::TempDir,
}

impl AuditedHistory {
    fn import_history(commits: usize) -> AuditedHistory {
        let folder = tempfile::tempdir().unwrap();
        let history = AuditedHistory { folder };
        history.run_git(&["init", "-q", "--bare", "-b", "main", "shop.git"], b"");
        history.run_git(&["-C", "shop.git", "fast-import", "--quiet", "--done"], &write_history(commits));
        history
    }

    fn run_git(&self, args: &[&str], input: &[u8]) {
        let mut command = Command::new("git");
        command.current_dir(self.folder.path()).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        assert!(child.wait().unwrap().success(), "git {args:?}");
    }

    /// Audits the history into a folder, and returns the folder.
    fn write_audit(&self, out: &str) -> PathBuf {
        let mut command = Command::new(env!("CARGO_BIN_EXE_changegate"));
        command.current_dir(self.folder.path()).args(["audit", "--repo", "shop.git", "--pack", "core"]);
        let output =
            command.args(["--to", "2026-10-31", "--as-of", "2026-10-31", "--out", out]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.folder.path().join(out)
    }
}

/// Returns what stands between two pieces of a text, and the rest.
fn cut_between<'a>(text: &'a str, start: &str, end: &str) -> Option<(&'a str, &'a str)> {
    text.split_once(start)?.1.split_once(end)
}

/// Returns the data blocks of a page, each with its attributes.
fn list_data_blocks(mut html: &str) -> Vec<(&str, serde_json::Value)> {
    let mut blocks = Vec::new();
    while let Some((attributes, rest)) = cut_between(html, "<script type=\"application/json\" ", ">") {
        let (json, rest) = rest.split_once("</script>").unwrap();
        blocks.push((attributes, serde_json::from_str(json).unwrap()));
        html = rest;
    }
    blocks
}

#[test]
fn nothing_that_a_commit_says_is_markup_or_hidden() {
    let history = AuditedHistory::import_history(40);
    let folder = history.write_audit("out");
    let html = fs::read_to_string(folder.join("report.html")).unwrap();
    for piece in ["<img", "onerror=alert(1)>", "<svg onload", "<b>normal", "<!--<", "Ben <i", "Ben &lt;i"] {
        assert!(!html.contains(piece), "{piece}");
    }
    let is_hidden = |letter: char| {
        (letter.is_control() && letter != '\n')
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    assert_eq!(html.chars().find(|letter| is_hidden(*letter)), None);
    let blocks = list_data_blocks(&html);
    assert_eq!(html.matches("<script").count(), blocks.len() + 1, "one script is no data");
    assert_eq!(html.matches("</script").count(), blocks.len() + 1);
    let rows: Vec<&serde_json::Value> = blocks
        .iter()
        .filter(|(attributes, _)| *attributes == "class=\"rows\"")
        .flat_map(|(_, rows)| rows.as_array().unwrap())
        .collect();
    assert_eq!(rows.len(), 40);
    for (number, (_, shown)) in HOSTILE.iter().enumerate() {
        assert_eq!(rows[number][4], format!("{shown} {number}"));
    }
    assert!(rows[HOSTILE.len()][4].as_str().unwrap().len() <= 200, "a long title is cut");
    let details: Vec<&serde_json::Value> = blocks
        .iter()
        .filter(|(attributes, _)| *attributes == "class=\"details\"")
        .flat_map(|(_, details)| details.as_array().unwrap())
        .collect();
    assert_eq!(details.len(), 40);
    let (_, facts) = blocks.last().unwrap();
    assert_eq!(facts["all"], 40);
    // The clocks are told: without a ledger, nobody's but those of the people.
    let timeline = details[9]["timeline"].as_array().unwrap();
    assert!(
        timeline.iter().all(|event| event["clock"].as_str().unwrap().ends_with("as claimed")),
        "{timeline:?}"
    );
    assert!(html.contains("There was no ledger."));
    assert!(html.contains("exceptions in a population of 40"));
}

#[test]
fn the_page_runs_its_own_script_and_asks_nothing() {
    let history = AuditedHistory::import_history(12);
    let html = fs::read_to_string(history.write_audit("out").join("report.html")).unwrap();
    let (policy, _) =
        cut_between(&html, "<meta http-equiv=\"Content-Security-Policy\" content=\"", "\"").unwrap();
    let (style, _) = cut_between(&html, "<style>", "</style>").unwrap();
    let (script, _) = cut_between(&html, "<script>", "</script>").unwrap();
    let digest = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())));
    let directives: Vec<&str> = policy.split("; ").collect();
    assert_eq!(directives[0], "default-src 'none'");
    assert_eq!(directives[1], format!("style-src {}", digest(style)));
    assert_eq!(directives[2], format!("script-src {}", digest(script)));
    assert!(!policy.contains("unsafe"), "{policy}");
    for piece in
        ["<img", "<link", "<base", "<iframe", "<object", " href=\"http", " style=\"", "@import", "url(h"]
    {
        assert!(!html.contains(piece), "{piece}");
    }
}

#[test]
fn the_same_inputs_give_the_same_page() {
    let history = AuditedHistory::import_history(60);
    let (first, second) = (history.write_audit("first"), history.write_audit("second"));
    let page = fs::read(first.join("report.html")).unwrap();
    assert!(page == fs::read(second.join("report.html")).unwrap(), "two pages of the same inputs differ");
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(first.join("audit.json")).unwrap()).unwrap();
    let files = manifest["files"].as_array().unwrap();
    let named = files.iter().find(|file| file["name"] == "report.html").unwrap();
    let digest: String = Sha256::digest(&page).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(named["sha256"], digest);
}

#[test]
fn every_part_of_the_report_is_there_in_its_order() {
    let history = AuditedHistory::import_history(20);
    let html = fs::read_to_string(history.write_audit("out").join("report.html")).unwrap();
    let parts = [
        "<h1>Change management audit: shop, until 2026-11-01T00:00:00Z</h1>",
        "id=\"summary\"",
        "id=\"plots\"",
        "id=\"plot-classes\"",
        "id=\"plot-results\"",
        "id=\"plot-obligations\"",
        "id=\"plot-exceptions\"",
        "id=\"plot-controls\"",
        "id=\"exceptions\"",
        "id=\"changes\"",
        "id=\"controls\"",
        "id=\"completeness\"",
        "id=\"limits\"",
        "id=\"review\"",
        "<dt>Signature</dt>",
    ];
    let mut rest = html.as_str();
    for part in parts {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("no {part} where it belongs")).1;
    }
    // Each table has a caption, and each picture says what it shows.
    assert_eq!(html.matches("<table").count(), html.matches("<caption").count());
    assert_eq!(html.matches("role=\"img\" aria-labelledby").count(), html.matches("<desc").count());
    // The rules of the pack served this control, and what came out of them is told.
    assert!(html.contains("<th scope=\"row\">iso27001:A.8.32</th>"));
}

#[test]
fn a_change_is_told_from_request_to_closure_with_its_clocks() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger/fixture/0.1.0.bundle");
    let history = AuditedHistory { folder };
    history.run_git(&["init", "-q", "--bare", "-b", "main", "shop.git"], b"");
    history.run_git(&["-C", "shop.git", "fetch", "-q", bundle.to_str().unwrap(), "+refs/*:refs/*"], b"");
    let mut command = Command::new(env!("CARGO_BIN_EXE_changegate"));
    command.current_dir(history.folder.path()).args(["audit", "--repo", "shop.git", "--out", "out"]);
    // A year after the ledger was made, whatever was owed is met or overdue.
    let output = command.args(["--as-of", "2027-11-30"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let html = fs::read_to_string(history.folder.path().join("out/report.html")).unwrap();
    assert!(!html.contains("There was no ledger."));
    let blocks = list_data_blocks(&html);
    let (_, details) = blocks.iter().find(|(attributes, _)| *attributes == "class=\"details\"").unwrap();
    let find_lines = |number: usize, list: &str| details[number][list].as_array().unwrap().clone();
    let has_event = |number: usize, clock: &str, what: &str| {
        let events = find_lines(number, "timeline");
        let is_it = |event: &serde_json::Value| {
            event["clock"] == clock
                && event["at"].is_string()
                && event["what"].as_str().unwrap().starts_with(what)
        };
        assert!(events.iter().any(is_it), "no {what} by the clock of {clock} in {events:#?}");
    };
    // The emergency: what it owed, when that was due, and what closed it.
    has_event(2, "author, as claimed", "written");
    has_event(2, "gate", "judged: pass-owing");
    has_event(2, "gate", "landed on refs/heads/main");
    has_event(2, "gate", "owed from here on: `Emergency-Ticket`");
    has_event(2, "gate", "due: `Emergency-Ticket`");
    has_event(2, "gate", "closed by change");
    assert!(find_lines(2, "obligations").iter().all(|owed| owed[4] == "met in time"));
    // An approval in a trailer has no time that anybody vouches for, and did not count; the page says why.
    let approval = &find_lines(1, "approvals")[0];
    assert_eq!(approval[3], "nobody vouches for a time");
    assert!(approval[7].as_str().unwrap().starts_with("peer-review: "), "{approval}");
    // The change past the gate is an exception of each kind that it is, and each names its rule.
    let exceptions = find_lines(3, "exceptions");
    assert_eq!(exceptions[0][1], "Changes that landed without a decision");
    assert!(exceptions.iter().any(|one| one[2] == "peer-review"), "{exceptions:?}");
    assert!(html.contains("href=\"#change-3\""), "an exception leads to its change");
}

/// Returns the path of a browser; `CHROMIUM` names another one.
fn find_browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}

#[test]
fn a_browser_opens_sorts_filters_and_prints_it() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit/browser/page.mjs");
    let Some(browser) = find_browser() else {
        println!("skipped: chromium is not installed");
        return;
    };
    if !script.with_file_name("node_modules").is_dir() {
        println!("skipped: run `npm ci` in tests/audit/browser");
        return;
    }
    let history = AuditedHistory::import_history(300);
    let folder = history.write_audit("out");
    let mut command = Command::new("node");
    command.arg(&script).arg(browser).arg(folder.join("report.html")).arg(folder.join("pictures"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(said.ends_with("the page is in order\n"), "{said}");
}

/// Measures how long a browser takes, as `cargo test --release --test report_page -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes; the figures are for people"]
fn pages_of_many_changes_open() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit/browser/page.mjs");
    for commits in [10_000, 100_000] {
        let history = AuditedHistory::import_history(commits);
        let folder = history.write_audit("out");
        let size = fs::metadata(folder.join("report.html")).unwrap().len();
        let mut command = Command::new("node");
        command.arg(&script).arg(find_browser().unwrap()).arg(folder.join("report.html"));
        let output = command.output().unwrap();
        println!("{commits} changes, {size} bytes:\n{}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
