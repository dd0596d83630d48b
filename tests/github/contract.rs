//! The fake, and the gate's own queries, held to GitHub's descriptions of REST and GraphQL.
//!
//! `contract/rig.mjs` does the holding. Where Node.js or what it needs is missing, each test says that
//! it was skipped; `npm ci` in `tests/github/contract` brings it in.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Map, Value, json};

use crate::fake::Fake;
use crate::scene::{ask, full, get, plain, query};

/// The validating proxy, which is gone when the test is over.
pub(crate) struct Rig {
    pub(crate) url: String,
    child: Child,
}

impl Drop for Rig {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/github/contract")
}

/// Returns a command of Node.js in the rig's folder, if it can be run.
pub(crate) fn node() -> Option<Command> {
    let has_node = Command::new("node").arg("--version").output().is_ok_and(|told| told.status.success());
    if !has_node {
        eprintln!("skipped: `node` is not installed");
        return None;
    }
    if !folder().join("node_modules/@stoplight/prism-http-server").is_dir() {
        eprintln!("skipped: run `npm ci` in tests/github/contract to have this test");
        return None;
    }
    let mut command = Command::new("node");
    command.current_dir(folder());
    Some(command)
}

impl Rig {
    /// Puts the proxy in front of a fake, if it is there.
    pub(crate) fn before(fake: &Fake) -> Option<Rig> {
        let mut command = node()?;
        let mut child = command
            .args(["rig.mjs", &fake.url()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http"), "the rig has not started");
        let url = url.trim().to_owned();
        fake.behind(&url);
        Some(Rig { url, child })
    }
}

#[test]
fn what_the_fake_answers_is_what_github_describes() {
    let fake = Fake::start(full());
    let Some(rig) = Rig::before(&fake) else { return };
    let (main, head) = fake.world(|world| (world.branches["main"].clone(), world.pull(6).head_id.clone()));
    let mut wrong = Vec::new();
    let paths = [
        String::new(),
        "/pulls?state=all&per_page=100".into(),
        "/pulls/6".into(),
        "/pulls/6/commits?per_page=1".into(),
        "/pulls/6/commits?per_page=1&page=2".into(),
        "/pulls/6/files?per_page=100".into(),
        "/pulls/6/reviews".into(),
        format!("/commits/{head}"),
        format!("/commits/{head}/check-runs?per_page=100&filter=latest"),
        format!("/commits/{head}/status"),
        format!("/commits/{head}/pulls"),
        format!("/compare/{main}...{head}"),
        "/compare/main...search".into(),
        "/contents/README.md".into(),
        format!("/contents/policies/changegate.yml?ref={main}"),
        "/contents/policies".into(),
        "/git/ref/heads/main".into(),
        "/git/matching-refs/heads/main".into(),
        format!("/git/commits/{head}"),
        "/branches/main".into(),
        "/rules/branches/main".into(),
        "/rulesets".into(),
        "/activity?ref=refs/heads/search&per_page=1".into(),
        "/collaborators/ana/permission".into(),
        "/issues/6".into(),
        "/issues/90".into(),
        "/issues/6/comments".into(),
        "/issues/6/timeline".into(),
    ];
    for path in paths {
        let told = get(&rig.url, &format!("/repos/acme/shop{path}"));
        if told.status != 200 {
            wrong.push(format!("{path}: {}", String::from_utf8_lossy(&told.body)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for path in ["/rate_limit", "/orgs/acme/teams/security/members"] {
        let told = get(&rig.url, path);
        assert_eq!(told.status, 200, "{path}: {}", String::from_utf8_lossy(&told.body));
    }
    for (path, status) in [("/pulls/77", 404), ("/branches/none", 404), ("/branches/main/protection", 404)] {
        assert_eq!(get(&rig.url, &format!("/repos/acme/shop{path}")).status, status, "{path}");
    }
}

#[test]
fn what_is_written_is_taken_as_github_describes() {
    let fake = Fake::start(plain());
    let Some(rig) = Rig::before(&fake) else { return };
    let head = fake.world(|world| world.pull(6).head_id.clone());
    let post = |method: &str, path: &str, body: Value| {
        ask(&rig.url, method, &format!("/repos/acme/shop{path}"), &[], Some(&body))
    };
    let told = post("POST", "/issues/6/comments", json!({ "body": "one" }));
    assert_eq!(told.status, 201, "{:?}", told.json());
    let id = told.json()["id"].as_u64().unwrap();
    let told = post("PATCH", &format!("/issues/comments/{id}"), json!({ "body": "two" }));
    assert_eq!(told.json()["body"], "two");
    let run = json!({
        "name": "change-gate", "head_sha": head, "status": "completed", "conclusion": "failure",
        "output": { "title": "denied", "summary": "one rule" },
    });
    let told = post("POST", "/check-runs", run);
    assert_eq!(told.status, 201, "{:?}", told.json());
    let id = told.json()["id"].as_u64().unwrap();
    let more = json!({ "output": { "title": "denied", "summary": "two", "annotations": [
        { "path": "README.md", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "no" }
    ] } });
    let told = post("PATCH", &format!("/check-runs/{id}"), more);
    assert_eq!(told.json()["output"]["annotations_count"], 1);
    // As the gate takes it over, waits, and says that it could not judge.
    let path = format!("/check-runs/{id}");
    let output = json!({ "title": "being judged", "summary": "three" });
    let begun = json!({ "status": "in_progress", "external_id": "changegate:1", "output": output });
    let told = post("PATCH", &path, begun).json();
    assert_eq!((&told["status"], &told["conclusion"]), (&json!("in_progress"), &Value::Null), "{told}");
    assert_eq!(get(&rig.url, &format!("/repos/acme/shop{path}")).json()["external_id"], "changegate:1");
    let url = "https://github.com/acme/shop/actions/runs/1";
    let unjudged = json!({ "status": "completed", "conclusion": "action_required", "details_url": url,
        "output": output });
    let told = post("PATCH", &path, unjudged).json();
    assert_eq!(told["conclusion"], "action_required", "{told}");
    fake.world(|world| assert_eq!((world.comments.len(), world.runs.len()), (1, 1)));
    // What GitHub would not take does not reach the fake.
    fake.forget();
    let bad = json!({ "name": "change-gate", "head_sha": head, "conclusion": "bogus" });
    assert_eq!(post("POST", "/check-runs", bad).status, 422);
    assert!(fake.seen().is_empty());
}

#[test]
fn an_answer_that_github_would_not_give_is_found() {
    let fake = Fake::start(plain());
    let Some(rig) = Rig::before(&fake) else { return };
    fake.spoil("/pulls/6?", crate::fake::How::Edit(|pull| pull["number"] = json!("six")));
    assert_eq!(get(&rig.url, "/repos/acme/shop/pulls/6").status, 500);
    fake.spoil("/graphql", crate::fake::How::Edit(|told| told["data"]["repository"]["name"] = Value::Null));
    let asked = "{ repository(owner: \"acme\", name: \"shop\") { name } }";
    let told = query(&rig.url, asked, &json!({}));
    assert_eq!(told.status, 500, "{:?}", told.json());
    let asked = "{ repository(owner: \"acme\", name: \"shop\") { nonsense } }";
    assert_eq!(query(&rig.url, asked, &json!({})).status, 500);
}

#[test]
fn what_the_fake_answers_in_graphql_is_what_github_describes() {
    let fake = Fake::start(full());
    let Some(rig) = Rig::before(&fake) else { return };
    let head = fake.world(|world| world.pull(6).head_id.clone());
    let variables = json!({
        "owner": "acme", "name": "shop", "number": 6, "commit": head, "ref": "refs/heads/search",
    });
    let text = std::fs::read_to_string(folder().join("everything.graphql")).unwrap();
    let told = query(&rig.url, &text, &variables);
    let value = told.json();
    assert_eq!(told.status, 200, "{value:#}");
    assert_eq!(value["errors"], Value::Null, "{value:#}");
    let reviews = &value["data"]["repository"]["pullRequest"]["reviews"];
    assert_eq!(reviews["totalCount"], 4);
    assert_eq!(reviews["nodes"][2]["author"], Value::Null);
    assert_eq!(reviews["nodes"][3]["author"]["login"], "helper");
    // A cursor leads on.
    let pages = "query($after: String) { repository(owner: \"acme\", name: \"shop\") { pullRequest(number: 6) \
        { reviews(first: 3, after: $after) { nodes { state } pageInfo { hasNextPage endCursor } } } } }";
    let first = query(&rig.url, pages, &json!({ "after": null })).json();
    let info = &first["data"]["repository"]["pullRequest"]["reviews"]["pageInfo"];
    assert_eq!(info["hasNextPage"], true);
    let second = query(&rig.url, pages, &json!({ "after": info["endCursor"] })).json();
    let reviews = &second["data"]["repository"]["pullRequest"]["reviews"];
    assert_eq!(
        (reviews["nodes"].as_array().unwrap().len(), &reviews["pageInfo"]["hasNextPage"]),
        (1, &json!(false))
    );
}

/// Returns values for the variables that a query declares.
fn variables(text: &str, fake: &Fake) -> Value {
    let head = fake.world(|world| world.pull(6).head_id.clone());
    let declared =
        text.split_once('(').map_or("", |(_, rest)| rest.split_once(") {").map_or("", |(all, _)| all));
    let mut found = Map::new();
    for variable in declared.split('$').skip(1) {
        let (name, kind) = variable.split_once(':').unwrap();
        let kind = kind.trim().trim_end_matches(',');
        // What has a value of its own is left to it; `null` would be another value.
        if kind.contains('=') {
            continue;
        }
        let value = match (name, kind) {
            (_, "Boolean!") => json!(true),
            (_, "Int!") => json!(6),
            (_, "GitObjectID!") => json!(head),
            ("owner", _) => json!("acme"),
            ("name", _) => json!("shop"),
            ("ref", _) => json!("refs/heads/main"),
            ("branch", _) => json!("main"),
            ("tag", _) => json!("refs/tags/v1"),
            ("folder", _) => json!("policies"),
            ("path", _) => json!("policies/changegate.yml"),
            (_, optional) if !optional.contains('!') => Value::Null,
            other => panic!("what is {other:?}?"),
        };
        found.insert(name.into(), value);
    }
    Value::Object(found)
}

#[test]
fn what_the_gate_asks_in_graphql_is_what_github_describes() {
    let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/github/api/queries");
    let fake = Fake::start(full());
    let Some(rig) = Rig::before(&fake) else { return };
    let mut asked = 0;
    for entry in std::fs::read_dir(&queries).into_iter().flatten() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let told = query(&rig.url, &text, &variables(&text, &fake)).json();
        assert_eq!(told["errors"], Value::Null, "{}: {told:#}", path.display());
        let is_answered = told["data"]["repository"].is_object() || told["data"]["viewer"].is_object();
        assert!(is_answered, "{}: {told:#}", path.display());
        asked += 1;
    }
    if asked == 0 {
        eprintln!("skipped: {} holds no query", queries.display());
    }
}

/// A policy that wants to know everything that GitHub can tell.
const CURIOUS: &str = "\
changegate: 1
name: shop
extends: [startup]
protects: [main]
rules:
  reviewed:
    title: somebody has reviewed it
    why: Two see more than one.
    require: { approvals: { at-least: 1, of: final-revision, trust: verified, commands: ['/approve'] } }
  asked:
    title: everything that a forge can be asked is asked
    why: What is never asked is never held to the description.
    require:
      all:
        - checks: [test]
        - label: { none-of: [hold] }
        - comments-resolved: true
        - draft: false
        - not: { touches: { paths: ['**'], kinds: [submodule] } }
        - blob: { largest: 5MB }
";

#[test]
fn what_the_gate_asks_is_what_github_describes() {
    let gate = Path::new(env!("CARGO_BIN_EXE_changegate"));
    let mut world = full();
    let main = world.branches["main"].clone();
    let policy = world.commit(&[&main], "kim", "Ask for more\n", &[("policies/changegate.yml", CURIOUS)]);
    world.branches.insert("main".into(), policy);
    let fake = Fake::start(world);
    let judge = |url: &str| {
        let told = Command::new(gate)
            .args(["pr", "acme/shop#6", "--format", "json", "--api-url", url])
            .env_clear()
            .env("GITHUB_TOKEN", "a-plain-token")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        (told.status.code(), text, String::from_utf8_lossy(&told.stderr).into_owned())
    };
    let bare = judge(&fake.url());
    assert!(matches!(bare.0, Some(0 | 1)), "{bare:?}");
    let asked: Vec<String> = fake.seen().iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    let Some(rig) = Rig::before(&fake) else { return };
    let held = judge(&rig.url);
    let without_clock = |text: &str| {
        let lines = text.lines().filter(|line| !line.contains("seen_at"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_clock(&held.1), without_clock(&bare.1), "{}", held.2);
    assert_eq!(held.0, bare.0);
    assert!((8..=12).contains(&asked.len()), "{asked:#?}");
}
