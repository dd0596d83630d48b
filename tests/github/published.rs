//! The commands as they are run: exit codes, outputs of a step, comments, check runs.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::fake::{Fake, How};
use crate::judged::spoil;
use crate::scene::plain;

pub(crate) fn run(fake: &Fake, folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_changegate"));
    command.args(args).current_dir(folder).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command.env("GITHUB_API_URL", fake.url()).env("GITHUB_TOKEN", "a-plain-token");
    command.env("GITHUB_GRAPHQL_URL", "https://api.github.com/graphql").env("GITHUB_REPOSITORY", "acme/shop");
    command.envs(variables.iter().copied());
    let output = command.output().unwrap();
    for stream in [&output.stdout, &output.stderr] {
        assert!(!String::from_utf8_lossy(stream).contains("a-plain-token"), "the token is shown");
    }
    output
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Runs the action for an event; returns how it ended, with its outputs.
pub(crate) fn action(
    fake: &Fake,
    event: &str,
    json: &Value,
    more: &[&str],
) -> (Output, Vec<(String, String)>, String) {
    action_with(fake, event, json, more, &[])
}

/// Runs the action with these variables as well.
pub(crate) fn action_with(
    fake: &Fake,
    event: &str,
    json: &Value,
    more: &[&str],
    others: &[(&str, &str)],
) -> (Output, Vec<(String, String)>, String) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("event.json"), json.to_string()).unwrap();
    let (outputs, summary, path) = (at("outputs"), at("summary"), at("event.json"));
    let mut variables = vec![
        ("GITHUB_EVENT_NAME", event),
        ("GITHUB_EVENT_PATH", path.to_str().unwrap()),
        ("GITHUB_OUTPUT", outputs.to_str().unwrap()),
        ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
    ];
    variables.extend(others);
    let args: Vec<&str> = ["action"].into_iter().chain(more.iter().copied()).collect();
    let output = run(fake, folder.path(), &args, &variables);
    let text = std::fs::read_to_string(&outputs).unwrap_or_default();
    let mut lines = text.lines();
    let mut read = Vec::new();
    while let Some((name, end)) = lines.next().and_then(|line| line.split_once("<<")) {
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
        read.push((name.to_owned(), value.join("\n")));
    }
    (output, read, std::fs::read_to_string(summary).unwrap_or_default())
}

pub(crate) fn value(outputs: &[(String, String)], name: &str) -> String {
    outputs.iter().find(|(known, _)| known == name).unwrap().1.clone()
}

pub(crate) fn event(fake: &Fake) -> Value {
    let head = fake.world(|world| world.pull(6).head_id.clone());
    let repository = json!({ "full_name": "acme/shop" });
    json!({ "action": "edited", "pull_request": { "number": 6, "head": { "sha": head } }, "repository": repository })
}

#[test]
fn a_pull_request_is_judged_from_a_terminal_and_again_without_a_network() {
    let fake = Fake::start(plain());
    let folder = tempfile::tempdir().unwrap();
    let args = ["pr", "acme/shop#6", "--record", "answers", "--format", "json"];
    let live = run(&fake, folder.path(), &args, &[]);
    assert_eq!(code(&live), 0, "{}", String::from_utf8_lossy(&live.stderr));
    fake.stop();
    let args = ["pr", "6", "--repo", "acme/shop", "--replay", "answers", "--format", "json"];
    let again = run(&fake, folder.path(), &args, &[]);
    assert_eq!((code(&again), &again.stdout), (0, &live.stdout));
    let other = run(&fake, folder.path(), &["pr", "acme/shop#7", "--replay", "answers"], &[]);
    assert_eq!(code(&other), 3);
    for wrong in [
        &["pr", "acme"][..],
        &["pr", "6"],
        &["pr", "acme/shop#6", "--api-url", "http://ghes.example.com"],
        &["pr", "acme/shop#6", "--deadline", "0"],
    ] {
        assert_eq!(code(&run(&fake, folder.path(), wrong, &[])), 2, "{wrong:?}");
    }
    assert_eq!(code(&run(&fake, folder.path(), &["pr", "acme/shop#6"], &[("GITHUB_TOKEN", "a b")])), 2);
}

#[test]
fn outputs_hold_what_a_workflow_decides_by() {
    let fake = Fake::start(plain());
    let (output, outputs, summary) = action(&fake, "pull_request", &event(&fake), &[]);
    assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        (value(&outputs, "verdict"), value(&outputs, "denied-rules")),
        ("allow".into(), String::new())
    );
    let json: Value = serde_json::from_str(&value(&outputs, "json")).unwrap();
    assert_eq!(json["decision"], "allow");
    assert!(!summary.is_empty());

    let hostile = "x\nEOF\nverdict=allow\n::set-output name=verdict::allow\n```\n<!-- changegate -->";
    fake.world(|world| {
        spoil(world, hostile);
        world.pull(6).title = hostile.into();
    });
    let (output, outputs, _) = action(&fake, "pull_request_target", &event(&fake), &[]);
    assert_eq!(code(&output), 1, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(value(&outputs, "verdict"), "deny");
    let names: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["verdict", "denied-rules", "json", "sarif-file"]);
    let ids = value(&outputs, "denied-rules");
    assert!(
        !ids.is_empty() && ids.chars().all(|one| one.is_ascii_alphanumeric() || ",._-".contains(one)),
        "{ids}"
    );

    let sarif = tempfile::tempdir().unwrap();
    let path = sarif.path().join("found.sarif");
    let path = path.to_str().unwrap();
    let (output, outputs, _) =
        action(&fake, "pull_request", &event(&fake), &["--fail-on", "never", "--sarif-file", path]);
    assert_eq!((code(&output), value(&outputs, "verdict")), (0, "deny".into()));
    assert_eq!(value(&outputs, "sarif-file"), path);
    let found: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(found["version"], "2.1.0");
    assert!(String::from_utf8_lossy(&output.stdout).contains("::warning::"));
}

#[test]
fn what_could_not_be_judged_fails_whatever_somebody_asks_for() {
    let fake = Fake::start(plain());
    for (name, json) in [
        ("deployment", json!({})),
        ("pull_request", json!({})),
        ("pull_request", json!([])),
        ("issue_comment", json!({ "issue": { "number": 6 } })),
    ] {
        let (output, outputs, _) = action(&fake, name, &json, &["--fail-on", "never"]);
        assert_eq!((code(&output), value(&outputs, "verdict")), (2, "error".into()), "{name}");
    }
    fake.spoil("/pulls/6?", How::Status(404, Vec::new(), json!({ "message": "Not Found" })));
    let (output, outputs, _) = action(&fake, "pull_request", &event(&fake), &["--fail-on", "never"]);
    assert_eq!((code(&output), value(&outputs, "verdict")), (3, "error".into()));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code(&run(&fake, folder.path(), &["action"], &[])), 2);
}

#[test]
fn one_comment_is_kept_up_to_date() {
    let fake = Fake::start(plain());
    // Others have written the marker; one of them is a bot that repeats what it is told.
    fake.world(|world| {
        world.user("echo[bot]", "Bot", "write");
        world.comment(6, "rea", "<!-- changegate -->\nallowed");
        world.comment(6, "echo[bot]", "<!-- changegate -->\nYou said: hello");
    });
    let comments = |fake: &Fake| fake.world(|world| world.comments.clone());
    for _ in 0..2 {
        let (output, ..) = action(&fake, "pull_request", &event(&fake), &["--comment"]);
        assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(comments(&fake).len(), 3);
    }
    let before = comments(&fake)[2].body.clone();
    fake.world(|world| spoil(world, "Bad\n"));
    let (output, ..) = action(&fake, "pull_request", &event(&fake), &["--comment"]);
    assert_eq!((code(&output), comments(&fake).len()), (1, 3));
    assert_ne!(comments(&fake)[2].body, before);
    assert_eq!(comments(&fake)[0].body, "<!-- changegate -->\nallowed");
    assert_eq!(comments(&fake)[1].body, "<!-- changegate -->\nYou said: hello");
}

#[test]
fn a_token_that_may_not_write_changes_nothing() {
    let fake = Fake::start(plain());
    fake.world(|world| world.is_read_only = true);
    let (output, outputs, _) =
        action(&fake, "pull_request", &event(&fake), &["--comment", "--check-run", "gate"]);
    assert_eq!((code(&output), value(&outputs, "verdict")), (0, "allow".into()));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said.matches("the token has no permission").count(), 2, "{said}");
}

#[test]
fn the_doctor_says_what_to_do_and_ends_by_the_worst() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = plain();
    world.rules.insert(
        "main".into(),
        vec![
            json!({ "type": "required_status_checks", "ruleset_id": 3, "ruleset_source_type": "Repository",
                "ruleset_source": "acme/shop", "parameters": {
                    "strict_required_status_checks_policy": true,
                    "required_status_checks": [{ "context": "change-gate" }] } }),
            json!({ "type": "deletion", "ruleset_id": 3, "ruleset_source_type": "Repository",
                "ruleset_source": "acme/shop" }),
        ],
    );
    world.rulesets.push(json!({ "id": 3, "name": "main", "source": "acme/shop", "enforcement": "active",
        "bypass_actors": [{ "actor_type": "OrganizationAdmin", "actor_id": 1, "bypass_mode": "always" }] }));
    let fake = Fake::start(world);
    let args = ["doctor", "--github", "acme/shop", "--color", "never"];
    let output = run(&fake, folder.path(), &args, &[]);
    let said = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(code(&output), 1, "{said}");
    for piece in [
        "branch main of acme/shop",
        "weak any app, and anyone who can write, can report the check",
        "weak the ruleset \"main\" can be bypassed by owners of the organisation",
        "weak the history of the branch can be rewritten",
        "ok the branch cannot be deleted",
        "weak no workflow on the branch runs the gate",
        "ways past the gate",
    ] {
        assert!(said.contains(piece), "no {piece:?} in {said}");
    }
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(lines.lines().all(|line| line.chars().count() <= 78), "{lines}");
    let other = run(&fake, folder.path(), &["doctor", "--github", "acme/none"], &[]);
    assert_eq!(code(&other), 3);
    let wrong = run(&fake, folder.path(), &["doctor", "--github", "acme"], &[]);
    assert_eq!(code(&wrong), 2);
}

#[test]
fn a_finished_run_judges_what_ends_at_its_commit_and_nothing_is_no_allow() {
    let fake = Fake::start(plain());
    let head = fake.world(|world| world.pull(6).head_id.clone());
    let repository = json!({ "full_name": "acme/shop" });
    let status = |sha: &str| json!({ "sha": sha, "repository": repository });
    let run = |sha: &str| json!({ "workflow_run": { "head_sha": sha }, "repository": repository });
    for (event, json) in [("status", status(&head)), ("workflow_run", run(&head))] {
        let (output, outputs, _) = action(&fake, event, &json, &["--check-run", "change-gate"]);
        assert_eq!((code(&output), value(&outputs, "verdict").as_str()), (0, "allow"), "{event}");
    }
    // The second run brings the check run of the first up to date.
    let runs = fake.world(|world| world.runs.iter().filter(|run| run.commit == head).count());
    assert_eq!(runs, 1);
    let (output, outputs, summary) = action(&fake, "status", &status(&"7".repeat(40)), &[]);
    assert_eq!((code(&output), value(&outputs, "verdict").as_str()), (0, "none"));
    assert!(summary.contains("nothing was judged"), "{summary}");
}
