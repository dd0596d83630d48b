//! Evaluate mode of the Action: it says what it would have done, and blocks nothing.

use crate::check_runs::{concluded, gates, only_gate, set_policy, spoil_description, waiting};
use crate::fake::{Fake, How};
use crate::ledger::{POLICY as REVIEWED, Scene, push_by_hand};
use crate::published::{action, action_with, code, event, run, value};
use crate::scene::{POLICY, plain};

const EVALUATE: &[&str] = &["--check-run", "gate", "--evaluate", "--comment"];

/// The workflow of the base branch.
const TARGET: &str = "pull_request_target";

#[test]
fn a_denial_is_told_and_blocks_nothing() {
    let fake = Fake::start(plain());
    fake.world(spoil_description);
    let (output, outputs, summary) = action(&fake, TARGET, &event(&fake), EVALUATE);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!((code(&output), value(&outputs, "verdict")), (0, "deny".into()), "{said}");
    assert_eq!(only_gate(&fake), concluded("neutral"));
    let gate = gates(&fake).remove(0);
    assert!(gate.title.unwrap().starts_with("evaluate mode, blocks nothing: denied: "));
    let line = "evaluate mode: nothing is blocked; this would have been denied";
    assert!(summary.contains(&format!("**{line}**")), "{summary}");
    assert!(gate.summary.unwrap().contains(line));
    assert!(said.contains(line) && !said.contains("::error"), "{said}");
    assert!(said.contains(&format!("::warning title=changegate::{line}")), "{said}");
    let comments = fake.world(|world| world.comments.iter().map(|one| one.body.clone()).collect::<String>());
    assert!(comments.contains(line), "{comments}");
    assert!(value(&outputs, "json").contains("\"evaluate\": true"), "{outputs:?}");
    // The ledger takes no refusal from a verdict that refused nothing.
    assert!(!gates(&fake).remove(0).summary.unwrap().contains("changegate:verdicts"));
}

#[test]
fn an_allowed_change_and_one_that_waits_are_told_apart_as_well() {
    let fake = Fake::start(plain());
    let (output, outputs, summary) = action(&fake, TARGET, &event(&fake), EVALUATE);
    assert_eq!((code(&output), value(&outputs, "verdict")), (0, "allow".into()));
    assert_eq!(only_gate(&fake), concluded("neutral"));
    assert!(summary.contains("this would have been allowed"), "{summary}");
    // What only others can give would keep the check in progress, which blocks.
    let fake = Fake::start(waiting());
    let (output, ..) = action(&fake, TARGET, &event(&fake), EVALUATE);
    assert_eq!((code(&output), only_gate(&fake)), (0, concluded("neutral")));
    // A rule that lacks its fact blocks nothing either.
    let fake = Fake::start(plain());
    fake.world(|world| {
        set_policy(
            world,
            &format!("{POLICY}rules:\n  built: {{ title: it builds, require: {{ checks: [build] }} }}\n"),
        );
    });
    let no = || How::Status(403, Vec::new(), serde_json::json!({ "message": "no" }));
    fake.spoil("/commits/", no());
    let (output, ..) = action(&fake, TARGET, &event(&fake), EVALUATE);
    assert!([0, 3].contains(&code(&output)));
}

#[test]
fn what_could_not_be_judged_fails_as_always() {
    let fake = Fake::start(plain());
    fake.spoil("/pulls/6?", How::Status(404, Vec::new(), serde_json::json!({ "message": "Not Found" })));
    let (output, outputs, _) = action(&fake, TARGET, &event(&fake), EVALUATE);
    assert_eq!((code(&output), value(&outputs, "verdict")), (3, "error".into()));
    assert_eq!(only_gate(&fake), concluded("action_required"));
}

#[test]
fn a_pull_request_cannot_switch_it_on() {
    let fake = Fake::start(plain());
    fake.world(spoil_description);
    let proposed = ("GITHUB_WORKFLOW_REF", "acme/shop/.github/workflows/gate.yml@refs/pull/6/merge");
    let of_base = ("GITHUB_WORKFLOW_REF", "acme/shop/.github/workflows/gate.yml@refs/heads/main");
    for (name, variables, expected) in [
        ("pull_request", &[][..], 2),
        ("pull_request", &[proposed], 2),
        ("pull_request_review", &[proposed], 2),
        ("pull_request_review", &[], 2),
        // A required workflow runs from its own repository.
        ("pull_request", &[of_base], 0),
        (TARGET, &[of_base], 0),
        (TARGET, &[], 0),
    ] {
        let (output, outputs, _) = action_with(&fake, name, &event(&fake), &["--evaluate"], variables);
        assert_eq!(code(&output), expected, "{name} {variables:?}");
        if expected == 2 {
            assert_eq!(value(&outputs, "verdict"), "error");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("pull_request_target"), "{said}");
        }
    }
}

#[test]
fn a_push_that_would_be_denied_is_recorded_as_not_enforced() {
    let scene = Scene::new(REVIEWED);
    scene.scheduled(&[]).ends(0);
    let push = scene.fake.world(|world| push_by_hand(world, "kim", "2026-03-02T18:00:00Z"));
    let told = scene.run_for_push(&push, &["--ledger", "--evaluate"]).ends(0);
    assert!(told.contains("evaluate mode: nothing is blocked"), "{told}");
    let events = scene.events();
    assert_eq!(events, ["begin", "decision", "outcome"]);
    let decided = scene.records()[1]["event"]["decision"].clone();
    assert_eq!((&decided["decision"], &decided["evaluated"]), (&"allow".into(), &"deny".into()));
    let verified = scene.verify().ends(0);
    assert!(verified.contains("1 not enforced (evaluate mode)"), "{verified}");
}

#[test]
fn the_doctor_names_a_workflow_that_evaluates() {
    let workflow = |evaluate: &str| {
        format!(
            "on:\n  pull_request_target:\njobs:\n  gate:\n    steps:\n      - uses: acme/changegate@v1\n        with:\n\
             \x20         check-run: change-gate\n{evaluate}"
        )
    };
    for (evaluate, is_named) in [
        ("          evaluate: true\n", true),
        ("          evaluate: ${{ vars.EVALUATE }}\n", true),
        ("          evaluate: 'false'\n", false),
        ("          # evaluate: true\n", false),
        ("", false),
    ] {
        let mut world = plain();
        let main = world.branches["main"].clone();
        let text = workflow(evaluate);
        let commit =
            world.commit(&[&main], "kim", "Add a gate\n", &[(".github/workflows/gate.yml", text.as_str())]);
        world.branches.insert("main".into(), commit);
        let fake = Fake::start(world);
        let folder = tempfile::tempdir().unwrap();
        let output = run(&fake, folder.path(), &["doctor", "--github", "acme/shop", "--color", "never"], &[]);
        let said = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        let line = "weak .github/workflows/gate.yml runs the gate in evaluate mode, which blocks nothing";
        assert_eq!(said.contains(line), is_named, "{evaluate}: {said}");
    }
}
