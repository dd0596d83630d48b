//! The workflows that the documents show, each run by a local runner for each of its events: for a change that is
//! denied, one that waits for a review, and one that is allowed.
//!
//! Two things are put in place of what needs a network: the action by the one of this tree, and the step that makes
//! the token of an app by one that knows it.

use std::path::Path;

use serde_json::{Value, json};

use crate::action::{bad, event, run_text, runner};
use crate::check_runs::waiting;
use crate::documents::{text, workflows};
use crate::fake::{Fake, World};
use crate::ledger::{Scene, land, push_by_hand};
use crate::scene::plain;

/// What a set-up makes of a change.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Red,
    Waiting,
    Green,
}

const STATES: [State; 3] = [State::Red, State::Waiting, State::Green];

impl State {
    fn world(self) -> World {
        match self {
            State::Red => bad(),
            State::Waiting => {
                let mut world = waiting();
                world.check(6, "build", "github-actions", "success");
                world
            }
            State::Green => plain(),
        }
    }

    /// Returns the status and the conclusion of the check run; in a queue nothing waits.
    fn check(self, event: &str) -> (String, Option<String>) {
        let concluded = |with: &str| ("completed".to_owned(), Some(with.to_owned()));
        match self {
            State::Red => concluded("failure"),
            State::Waiting if event == "merge_group" => concluded("failure"),
            State::Waiting => ("in_progress".into(), None),
            State::Green => concluded("success"),
        }
    }
}

/// Returns the workflow of a document that has this text, ready for the local runner.
fn shown(document: &str, piece: &str) -> String {
    let found = workflows(&text(document)).into_iter().find(|workflow| workflow.contains(piece));
    let mut found = found.unwrap_or_else(|| panic!("{document} shows no workflow with {piece:?}"));
    let pinned = format!("- uses: acme/changegate@{} # v0.1.0", "0123456789".repeat(4));
    let own = "- uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2\n      - uses: ./";
    assert!(found.contains(&pinned) || !found.contains("acme/changegate@"), "{found}");
    found = found.replace(&pinned, own);
    if let Some((before, rest)) = found.split_once("      - id: app\n") {
        let (_, after) = rest.split_once("permission-checks: write\n").unwrap();
        let token = "      - id: app\n        run: echo 'token=a-plain-token' >>\"$GITHUB_OUTPUT\"\n";
        found = format!("{before}{token}{after}");
    }
    found
}

/// Returns what an event tells about pull request 6.
fn told(fake: &Fake, name: &str) -> Value {
    let head = fake.world(|world| world.pull(6).head_id.clone());
    let repository = json!({ "full_name": "acme/shop" });
    match name {
        "workflow_run" => json!({ "action": "completed", "repository": repository,
            "workflow_run": { "head_sha": head, "name": "changegate-events" } }),
        "status" => json!({ "sha": head, "repository": repository }),
        "check_suite" => json!({ "action": "completed", "repository": repository,
            "check_suite": { "head_sha": head, "app": { "slug": "another-app" } } }),
        "repository_dispatch" => json!({ "action": "changegate", "client_payload": { "pull-request": 6 },
            "repository": repository }),
        "schedule" => json!({ "schedule": "*/20 * * * *", "repository": repository }),
        "workflow_dispatch" => json!({ "inputs": { "pull-request": "6" }, "repository": repository }),
        name => event(fake, name),
    }
}

/// Runs a workflow for an event in each of these states; `has_check` is true if its check run has the verdict, and
/// not its job.
fn try_states(act: &Path, workflow: &str, name: &str, states: &[State], has_check: bool) {
    for state in states {
        let mut world = state.world();
        if name == "merge_group" {
            world.enqueue(6);
            // The checks of a group are those of its commit.
            let head = world.queue[0].head.clone();
            world.runs.iter_mut().for_each(|run| run.commit = head.clone());
        }
        let fake = Fake::start(world);
        let run = run_text(workflow, act, &fake, name, &told(&fake, name), &[]);
        let gates: Vec<_> = fake.world(|world| {
            let gates = world.runs.iter().filter(|run| run.name == "change-gate");
            gates.map(|run| (run.status.clone(), run.conclusion.clone())).collect()
        });
        if has_check {
            assert!(run.is_success, "{name}, {state:?}: {}", run.log);
            assert_eq!(gates, [state.check(name)], "{name}, {state:?}: {}", run.log);
        } else {
            assert_eq!(run.is_success, *state == State::Green, "{name}, {state:?}: {}", run.log);
            assert!(gates.is_empty(), "{name}, {state:?}");
        }
        assert!(!run.log.contains("a-plain-token"), "{name}: the token is in the log");
    }
}

#[test]
fn the_first_set_up_of_two_workflows() {
    let Some(act) = runner() else { return };
    for document in ["README.md", "docs/github.md"] {
        // The first one does nothing, and succeeds.
        let fake = Fake::start(plain());
        let notes = shown(document, "echo \"changegate judges");
        for name in ["pull_request", "pull_request_review"] {
            let run = run_text(&notes, &act, &fake, name, &told(&fake, name), &[]);
            assert!(run.is_success && fake.seen().is_empty(), "{}", run.log);
        }
        let judges = shown(document, "workflows: [changegate-events]");
        try_states(&act, &judges, "workflow_run", &STATES, true);
    }
    let judges =
        shown("docs/github.md", "workflows: [changegate-events]\n    types: [completed]\n  merge_group:");
    try_states(&act, &judges, "merge_group", &STATES, true);
}

#[test]
fn the_set_up_of_one_workflow() {
    let Some(act) = runner() else { return };
    let workflow = shown("docs/github.md", "  pull_request_target:");
    for name in ["pull_request_target", "pull_request_review", "merge_group"] {
        try_states(&act, &workflow, name, &STATES, true);
    }
}

#[test]
fn the_set_up_of_an_app_of_your_own() {
    let Some(act) = runner() else { return };
    let workflow = shown("docs/github.md", "- id: app");
    try_states(&act, &workflow, "workflow_run", &STATES, true);
    for name in ["status", "check_suite", "repository_dispatch", "schedule", "workflow_dispatch"] {
        try_states(&act, &workflow, name, &[State::Waiting], true);
    }
}

#[test]
fn the_set_up_of_a_required_workflow() {
    let Some(act) = runner() else { return };
    let workflow = shown("docs/github.md", "name: change-gate\n");
    for name in ["pull_request", "merge_group"] {
        try_states(&act, &workflow, name, &STATES, false);
    }
}

#[test]
fn the_workflow_that_keeps_the_ledger() {
    let Some(act) = runner() else { return };
    let workflow = shown("docs/github.md", "name: ledger\n");
    let scene = Scene::new(crate::ledger::POLICY);
    let more = [("GITHUB_SERVER_URL", scene.git.url())];
    let push = |(before, after): &(String, String)| {
        json!({ "ref": "refs/heads/main", "before": before, "after": after, "forced": false, "commits": [],
            "repository": { "full_name": "acme/shop" } })
    };
    let run =
        |workflow: &str, name: &str, event: &Value| run_text(workflow, &act, &scene.fake, name, event, &more);
    // It begins only if it is told to, once.
    let first = land(&scene, "one");
    let refused = run(&workflow, "push", &push(&first));
    assert!(!refused.is_success && !scene.has_ledger(), "{}", refused.log);
    let begun = run(&workflow.replace("ledger: true", "ledger: begin"), "push", &push(&first));
    assert!(begun.is_success, "{}", begun.log);
    let kept = run(&workflow, "push", &push(&land(&scene, "two")));
    assert!(kept.is_success, "{}", kept.log);
    let swept = json!({ "schedule": "17 * * * *", "repository": { "full_name": "acme/shop" } });
    let quiet = run(&workflow, "schedule", &swept);
    assert!(quiet.is_success, "{}", quiet.log);
    let by_hand = scene.fake.world(|world| push_by_hand(world, "kim", "2026-03-02T18:00:00Z"));
    let shown = run(&workflow, "push", &push(&by_hand));
    assert!(!shown.is_success, "{}", shown.log);
    let last: Vec<String> = scene.events().into_iter().rev().take(2).collect();
    assert_eq!(last, ["unauthorised", "decision"], "{}", shown.log);
}
