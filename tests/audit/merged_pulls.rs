//! The forge's list of merged pull requests, held against the history of a branch.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::fleet::Fleet;

/// Returns the steps of the branch, oldest first.
fn list_steps(fleet: &Fleet) -> Vec<String> {
    let mut command = fleet.command("git");
    command.args(["--git-dir", "shop.git", "rev-list", "--reverse", "main"]);
    let output = command.output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Returns the rows of a table of JSON Lines in `out`.
fn read_rows(fleet: &Fleet, table: &str) -> Vec<Value> {
    let text = fs::read_to_string(fleet.path(&format!("out/{table}.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns subject and what happened of the exceptions of a kind.
fn list_exceptions(fleet: &Fleet, kind: &str) -> Vec<(String, String)> {
    let rows = read_rows(fleet, "exceptions");
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let of_kind = rows.iter().filter(|row| row["kind"] == kind);
    of_kind.map(|row| (text(row, "subject_id"), text(row, "what_happened"))).collect()
}

/// Returns the lines of the completeness sheet that speak of pull requests, as what, expected, found and agrees.
fn list_checks(fleet: &Fleet) -> Vec<[String; 4]> {
    let mut found = Vec::new();
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(fleet.path("out/audit.json")).unwrap()).unwrap();
    for row in manifest["completeness"].as_array().unwrap() {
        let text = |key: &str| match &row[key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let what = text("what").replace("shop refs/heads/main: ", "");
        if ["pull request", "merge", "the list covers"].iter().any(|word| what.contains(word)) {
            found.push([what, text("expected"), text("found"), text("agrees")]);
        }
    }
    found
}

const AUDIT: [&str; 12] = [
    "--repo",
    "shop.git",
    "--ref",
    "main",
    "--pack",
    "core",
    "--from",
    "2026-01-01",
    "--to",
    "2026-02-28",
    "--out",
    "out",
];

/// Audits January and February with a list.
fn compare(fleet: &Fleet, list: &Value, code: i32) -> Vec<[String; 4]> {
    fs::write(fleet.path("pulls.json"), list.to_string()).unwrap();
    fleet.audit(&[&AUDIT[..], &["--merged-pulls", "pulls.json"]].concat(), code);
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(fleet.path("out/audit.json")).unwrap()).unwrap();
    let digest = &manifest["inputs"]["repositories"][0]["merged-pulls"];
    assert!(digest.as_str().unwrap().starts_with("sha256:"), "{manifest}");
    list_checks(fleet)
}

fn pull(number: u64, commit: &str, base: &str, merged_at: &str) -> Value {
    json!({ "number": number, "mergeCommit": { "oid": commit }, "baseRefName": base, "mergedAt": merged_at })
}

const COMPARED: &str =
    "pull requests of the period by the forge, and those of them that are steps of the history";

#[test]
fn what_the_forge_merged_is_found_in_the_history_or_named() {
    // Six of seven steps are of January and February by their place.
    let fleet = Fleet::of_one(7);
    let steps = list_steps(&fleet);
    let elsewhere = "0123456789abcdef0123456789abcdef01234567";
    let mut list = vec![
        pull(1, &steps[0], "main", "2026-01-01T10:00:00Z"),
        pull(2, &steps[2], "main", "2026-01-11T10:00:00Z"),
        // Merged after the period, and into another branch.
        pull(8, &steps[3], "main", "2026-03-12T10:00:00Z"),
        pull(9, elsewhere, "release", "2026-01-12T10:00:00Z"),
        pull(10, &steps[4], "release", "2026-01-13T10:00:00Z"),
    ];
    let told = compare(&fleet, &json!(list), 0);
    assert_eq!(told[0], [COMPARED, "2", "2", "true"]);
    assert_eq!(told[1][2], "2026-01-01T10:00:00Z to 2026-03-12T10:00:00Z");
    assert_eq!(told[2][0], "steps of the period that no pull request of the list became");
    assert_eq!((told[2][2].as_str(), told[3][2].as_str()), ("3", "3"));
    assert_eq!(list_exceptions(&fleet, "missing-pull"), []);
    // Each step that came otherwise has its row, with what is known of it.
    let direct = list_exceptions(&fleet, "without-pull");
    let ids: Vec<&str> = direct.iter().map(|(id, _)| id.rsplit('@').next().unwrap()).collect();
    assert_eq!(ids, [steps[1].as_str(), &steps[4], &steps[5]]);
    assert!(direct[0].1.starts_with("no pull request of the forge's list became it"), "{direct:?}");
    assert!(direct[1].1.contains("#10 brought it into `release`, and none into this branch"), "{direct:?}");
    // A pull request that is nowhere in the branch is a hole.
    list.push(pull(7, elsewhere, "main", "2026-01-13T10:00:00Z"));
    let told = compare(&fleet, &json!(list), 3);
    assert_eq!(told[0], [COMPARED, "3", "2", "false"]);
    assert_eq!(told[1][2], "#7 (0123456789)");
    let missing = list_exceptions(&fleet, "missing-pull");
    assert_eq!((missing.len(), missing[0].0.as_str()), (1, "shop#7"));
    assert!(missing[0].1.contains(elsewhere) && missing[0].1.contains("2026-01-13T10:00:00Z"), "{missing:?}");
    // A list of none, or of another branch only, is nothing to compare with.
    for list in [json!([]), json!([pull(9, &steps[0], "master", "2026-01-12T10:00:00Z")])] {
        let told = compare(&fleet, &list, 0);
        assert_eq!(told[0], [COMPARED, "0", "0", "null"]);
        assert_eq!((told[told.len() - 2][2].as_str(), told.last().unwrap()[2].as_str()), ("6", "0"));
        assert_eq!(list_exceptions(&fleet, "without-pull"), []);
    }
}

/// A step before the first pull request of the list, or behind the last one, is asked about only if its time is covered;
/// one in between is, whatever its time.
#[test]
fn a_list_says_nothing_of_what_it_does_not_reach() {
    let fleet = Fleet::of_one(7);
    let steps = list_steps(&fleet);
    let list = json!([
        pull(1, &steps[2], "main", "2026-01-11T10:00:00Z"),
        pull(2, &steps[4], "main", "2026-01-13T10:00:00Z"),
    ]);
    compare(&fleet, &list, 0);
    let direct = list_exceptions(&fleet, "without-pull");
    // The date of the fourth is in March.
    assert!(direct.len() == 1 && direct[0].0.ends_with(&steps[3]), "{direct:?}");
}

/// Returns the list of the repository in a folder: all its steps, or one that it lacks.
fn list_all(fleet: &Fleet, folder: &str) -> Vec<Value> {
    let mut command = fleet.command("git");
    command.args(["--git-dir", folder, "rev-list", "main"]);
    let steps = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let pulls = (1..).zip(steps.lines());
    pulls.map(|(number, step)| pull(number, step, "main", "2026-01-05T10:00:00Z")).collect()
}

#[test]
fn each_repository_of_a_fleet_has_its_own_list_in_a_folder() {
    let fleet = Fleet::new();
    fs::create_dir_all(fleet.path("pulls/acme")).unwrap();
    for (number, name) in crate::fleet::NAMES.iter().enumerate() {
        let mut list = list_all(&fleet, &format!("repositories/{number}.git"));
        if *name == "acme/shop" {
            list.push(pull(99, "0123456789abcdef0123456789abcdef01234567", "main", "2026-01-06T10:00:00Z"));
        }
        if *name != "api" {
            fs::write(fleet.path(&format!("pulls/{name}.json")), json!(list).to_string()).unwrap();
        }
    }
    let pulls = ["--merged-pulls", "pulls"];
    fleet.audit_list("fleet.yml", "out", &pulls, 3);
    let missing = list_exceptions(&fleet, "missing-pull");
    assert!(missing.len() == 1 && missing[0].0 == "acme/shop#99", "{missing:?}");
    let page = fs::read_to_string(fleet.path("out/report.html")).unwrap();
    assert!(page.contains("there is no api.json, api.jsonl or api.csv in"));
    // Shared among machines, it is the same report.
    for number in ["1/2", "2/2"] {
        let folder = format!("shards/{}", &number[..1]);
        let args = [&pulls[..], &["--shard", number]].concat();
        let output = fleet.run(
            &[&["--repos", "fleet.yml", "--out", folder.as_str()][..], &crate::fleet::PERIOD, &args].concat(),
        );
        assert!(matches!(output.status.code(), Some(0 | 3)));
    }
    fleet.report(&["shards/**/*.parquet"], "report", 3);
    for name in ["exceptions.csv", "completeness.csv", "report.html"] {
        let [one, other] = ["out", "report"].map(|folder| fs::read(fleet.path(folder).join(name)).unwrap());
        assert!(one == other, "{name}");
    }
    let [one, other] = ["out", "report"].map(|folder| {
        let manifest = fs::read_to_string(fleet.path(folder).join("audit.json")).unwrap();
        serde_json::from_str::<Value>(&manifest).unwrap()["inputs"].clone()
    });
    assert_eq!(one, other);
    let digests = one["repositories"].as_array().unwrap().iter().map(|one| one["merged-pulls"].is_string());
    assert_eq!(digests.filter(|is_there| *is_there).count(), crate::fleet::NAMES.len() - 1);
    let told = fleet.audit_list("fleet.yml", "refused", &["--merged-pulls", "pulls/acme/shop.json"], 2);
    assert!(told.contains("name a folder that holds NAME.json"), "{told}");
    assert!(!fleet.path("refused").exists());
}

/// A server that answers each path as `answer` says, until it is asked for `/stop`; returns what it was asked.
fn serve(
    answer: impl Fn(&str, usize) -> (u16, Option<String>, Value) + Send + 'static,
) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let own = server.clone();
    let asked = std::thread::spawn(move || {
        let mut asked: Vec<String> = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                request.push(byte[0]);
            }
            let request = String::from_utf8(request).unwrap();
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            if path == "/stop" {
                return asked;
            }
            asked.push(request);
            let (status, next, body) = answer(&path, asked.len());
            let body = body.to_string();
            let link = next.map(|next| format!("link: <{own}{next}>; rel=\"next\"\r\n")).unwrap_or_default();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n{link}"
            );
            let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
        }
    });
    (server, asked)
}

fn stop(server: &str, asked: std::thread::JoinHandle<Vec<String>>) -> Vec<String> {
    let mut stream = std::net::TcpStream::connect(server.strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "GET /stop HTTP/1.1\r\n\r\n").unwrap();
    asked.join().unwrap()
}

/// A closed pull request as GitHub lists it.
fn closed(number: u64, commit: Option<&str>, updated_at: &str) -> Value {
    json!({
        "number": number, "updated_at": updated_at, "base": { "ref": "main" },
        "merged_at": commit.map(|_| updated_at), "merge_commit_sha": commit,
    })
}

fn audit_github(fleet: &Fleet, server: &str, code: i32) -> String {
    let mut command = fleet.command(env!("CARGO_BIN_EXE_changegate"));
    command.arg("audit").args(AUDIT).args(["--merged-pulls", "github"]);
    command.env("GITHUB_API_URL", server).env("GITHUB_SERVER_URL", server).env("GITHUB_TOKEN", "ghp_secret");
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{told}");
    told
}

fn set_origin(fleet: &Fleet, address: &str) {
    let mut command = fleet.command("git");
    command.args(["--git-dir", "shop.git", "config", "remote.origin.url", address]);
    assert!(command.status().unwrap().success());
}

#[test]
fn github_is_asked_itself_to_the_beginning_of_the_period() {
    let fleet = Fleet::of_one(7);
    let steps = list_steps(&fleet);
    let own = steps.clone();
    let (server, asked) = serve(move |path, count| {
        assert!(
            path.starts_with("/repos/acme/shop/pulls?state=closed&base=main&sort=updated&direction=desc"),
            "{path}"
        );
        if path.ends_with("page=2") {
            let old = closed(1, Some(&own[0]), "2025-12-31T20:00:00Z");
            return (200, Some("/never".into()), json!([old, closed(7, None, "2025-12-01T10:00:00Z")]));
        }
        let mut page = vec![
            closed(3, Some(&own[2]), "2026-01-12T10:00:00Z"),
            closed(2, Some(&own[1]), "2026-01-11T10:00:00Z"),
        ];
        if count > 2 {
            // It was merged while the second page was read, after another one that was on it had moved here.
            page.insert(0, closed(4, Some(&own[4]), "2026-02-10T10:00:00Z"));
        }
        (200, Some(format!("{path}&page=2")), json!(page))
    });
    set_origin(&fleet, &format!("{server}/acme/shop.git"));
    audit_github(&fleet, &server, 0);
    let asked = stop(&server, asked);
    assert_eq!(asked.len(), 3, "{asked:#?}");
    assert!(asked.iter().all(|request| request.contains("ghp_secret")));
    let told = list_checks(&fleet);
    assert_eq!(told[0], [COMPARED, "3", "3", "true"]);
    // The list is whole, so every other step of the period is asked about.
    let direct = list_exceptions(&fleet, "without-pull");
    let ids: Vec<&str> = direct.iter().map(|(id, _)| id.rsplit('@').next().unwrap()).collect();
    assert_eq!(ids, [steps[3].as_str(), &steps[5]]);
}

#[test]
fn a_list_that_stops_half_way_is_a_hole_with_its_reason() {
    let fleet = Fleet::of_one(7);
    let first = list_steps(&fleet)[0].clone();
    let (server, asked) = serve(move |path, _| {
        if path.ends_with("page=2") {
            return (410, None, json!({ "message": "Gone" }));
        }
        (200, Some(format!("{path}&page=2")), json!([closed(3, Some(&first), "2026-01-12T10:00:00Z")]))
    });
    set_origin(&fleet, &format!("{server}/acme/shop.git"));
    audit_github(&fleet, &server, 3);
    stop(&server, asked);
    let told = list_checks(&fleet);
    assert_eq!((told.len(), told[0][3].as_str()), (1, "false"), "{told:?}");
    assert!(told[0][2].starts_with("not compared: the list of acme/shop cannot be read: "), "{told:?}");
    assert_eq!(list_exceptions(&fleet, "without-pull"), []);
    // Elsewhere there is nothing to ask.
    set_origin(&fleet, "https://git.example.com/acme/shop.git");
    let told = audit_github(&fleet, &server, 2);
    assert!(told.contains("its remote `origin` is no repository on http://127.0.0.1"), "{told}");
}

#[test]
fn a_list_that_cannot_be_read_ends_the_audit_before_it_writes_anything() {
    let fleet = Fleet::of_one(2);
    for (list, told) in [
        (json!([{ "number": 1, "state": "MERGED" }]), "entry 1 has no `mergedAt`"),
        (json!([{ "number": 1, "mergedAt": "2026-01-01T10:00:00Z" }]), "entry 1 has no `mergeCommit`"),
    ] {
        fs::write(fleet.path("pulls.json"), list.to_string()).unwrap();
        let args = ["--repo", "shop.git", "--pack", "core", "--merged-pulls", "pulls.json", "--out", "out"];
        let err = fleet.audit(&args, 3);
        assert!(err.contains(told), "{err}");
        assert!(!fleet.path("out").exists());
    }
}
