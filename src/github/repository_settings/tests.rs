//! The advice on a repository whose settings are good, and on each way in which one can be weak.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::github::repository_settings::*;

const REPOSITORY: &str = "/repos/acme/shop";

/// What GitHub answers, by path; everything else is 404.
type Answers = BTreeMap<String, Result<Value, GitHubFailure>>;

fn subject() -> ExaminedRepository<'static> {
    ExaminedRepository {
        repository: "acme/shop",
        branch: None,
        check_name: "changegate",
        app_id: GITHUB_ACTIONS_APP_ID,
        policy_path: "policies/changegate.yml",
    }
}

fn file(text: &str) -> Result<Value, GitHubFailure> {
    Ok(json!({ "type": "file", "content": STANDARD.encode(text) }))
}

fn refused(status: u16, why: &str) -> Result<Value, GitHubFailure> {
    Err(GitHubFailure { status: Some(status), why: why.into(), is_contradiction: false })
}

const WORKFLOW: &str = "
on:
  pull_request_target:
    types: [opened, synchronize, reopened, edited, labeled, unlabeled, ready_for_review, converted_to_draft]
  pull_request_review:
    types: [submitted, edited, dismissed]
  merge_group:
jobs:
  changegate:
    runs-on: ubuntu-latest
    steps:
      - uses: acme/changegate@0123456789012345678901234567890123456789 # v1
";

/// A repository in which everything is as it should be, by rulesets.
fn healthy() -> Answers {
    let path = |rest: &str| format!("{REPOSITORY}{rest}");
    let workflows = "/contents/.github/workflows";
    BTreeMap::from([
        (path(""), Ok(json!({ "default_branch": "main", "permissions": { "admin": false, "push": false } }))),
        (
            path("/rules/branches/main"),
            Ok(json!([
                { "type": "workflows", "ruleset_id": 7, "parameters": { "workflows": [{ "path": ".github/workflows/changegate.yml" }] } },
                { "type": "non_fast_forward", "ruleset_id": 7 },
                { "type": "deletion", "ruleset_id": 7 },
                { "type": "pull_request", "ruleset_id": 7, "parameters": {
                    "dismiss_stale_reviews_on_push": true,
                    "require_last_push_approval": true,
                    "require_code_owner_review": true,
                } },
                { "type": "required_status_checks", "ruleset_id": 7, "parameters": {
                    "required_status_checks": [{ "context": "changegate", "integration_id": 4711 }],
                } },
            ])),
        ),
        (path("/rulesets/7"), Ok(json!({ "name": "main", "bypass_actors": [] }))),
        (path("/branches/main/protection"), refused(404, "Branch not protected")),
        (path("/branches/main"), Ok(json!({ "protected": true }))),
        (
            path("/contents/.github/CODEOWNERS?ref=main"),
            file("/policies/ @acme/security\n/.github/ @acme/security\n"),
        ),
        (path(&format!("{workflows}?ref=main")), Ok(json!([{ "path": ".github/workflows/gate.yml" }]))),
        (path(&format!("{workflows}/gate.yml?ref=main")), file(WORKFLOW)),
    ])
}

fn examined(subject: &ExaminedRepository<'_>, answers: &Answers) -> SettingsExamination {
    let mut ask = |path: &str| answers.get(path).cloned().unwrap_or_else(|| refused(404, "Not Found"));
    examine_repository(subject, &mut ask).unwrap()
}

/// Returns the advice that is weak or unknown.
fn troubles(subject: &ExaminedRepository<'_>, answers: &Answers) -> Vec<String> {
    let advice = examined(subject, answers).advice;
    advice.into_iter().filter(|one| one.health != SettingHealth::Good).map(|one| one.what).collect()
}

/// Changes the parameters of a rule.
fn edit(answers: &mut Answers, kind: &str, edit: impl FnOnce(&mut Value)) {
    let Ok(Value::Array(rules)) = answers.get_mut(&format!("{REPOSITORY}/rules/branches/main")).unwrap()
    else {
        panic!("the rules are a list")
    };
    edit(rules.iter_mut().find(|rule| rule["type"] == kind).unwrap());
}

fn without(answers: &Answers, kind: &str) -> Answers {
    let mut answers = answers.clone();
    edit(&mut answers, kind, |rule| rule["type"] = json!("something-else"));
    answers
}

#[test]
fn a_required_workflow_without_a_bypass_is_a_control() {
    let examination = examined(&subject(), &healthy());
    assert_eq!(troubles(&subject(), &healthy()), [""; 0]);
    assert_eq!((examination.worst_health(), examination.branch.as_str()), (SettingHealth::Good, "main"));
}

#[test]
fn a_workflow_that_github_does_not_start_is_weak() {
    let policies = format!("{REPOSITORY}/actions/policies?per_page=100");
    let rule = |events: &[&str]| json!([{ "type": "restrict_action_events", "parameters": { "allowed_events": events } }]);
    let all = ["pull_request_target", "pull_request_review", "merge_group"];
    let public = |answers: &mut Answers| {
        answers.insert(
            REPOSITORY.into(),
            Ok(json!({ "default_branch": "main", "private": false, "permissions": { "push": false } })),
        );
    };
    let says = |answers: &Answers, what: &str| {
        troubles(&subject(), answers).iter().any(|trouble| trouble.contains(what))
    };
    let by_workflow = || without(&healthy(), "workflows");
    // A private repository on a server without policies.
    assert!(!says(&by_workflow(), "Actions polic"));
    let mut answers = by_workflow();
    public(&mut answers);
    assert!(says(&answers, "cannot read the Actions policies"));
    answers.insert(policies.clone(), Ok(json!({ "total_count": 0, "policies": [] })));
    assert!(says(&answers, "GitHub blocks it"));
    for (enforcement, events, found) in [
        ("active", &all[..], None),
        ("active", &all[1..], Some("does not let the gate's workflow start on pull_request_target")),
        ("evaluate", &all[..], Some("GitHub blocks it")),
    ] {
        let policy = json!({ "id": 4, "name": "events", "enforcement": enforcement });
        let mut whole = policy.clone();
        whole["rules"] = rule(events);
        answers.insert(policies.clone(), Ok(json!({ "total_count": 1, "policies": [policy] })));
        answers.insert(format!("{REPOSITORY}/actions/policies/4"), Ok(whole));
        match found {
            Some(found) => {
                assert!(says(&answers, found), "{enforcement}: {:?}", troubles(&subject(), &answers))
            }
            None => assert!(
                !says(&answers, "GitHub blocks") && !says(&answers, "workflow start"),
                "{:?}",
                troubles(&subject(), &answers)
            ),
        }
    }
    answers.remove(&format!("{REPOSITORY}/actions/policies/4"));
    answers.insert(
        policies,
        Ok(json!({ "policies": [{ "id": 4, "name": "events", "enforcement": "active" }] })),
    );
    assert!(says(&answers, "cannot read the Actions policy events"));
    for (version, is_weak) in [("3.19.2", true), ("3.20.0", false), ("4.0", false), ("x", false)] {
        let mut answers = by_workflow();
        answers.insert("/meta".into(), Ok(json!({ "installed_version": version })));
        assert_eq!(says(&answers, "from the base branch"), is_weak, "{version}");
    }
}

#[test]
fn a_workflow_that_follows_the_runs_of_another_is_the_default_branchs_own() {
    let events = "name: changegate-events
on:
  pull_request:
    types: [opened, synchronize, reopened, edited, labeled, unlabeled, ready_for_review, converted_to_draft]
  pull_request_review:
    types: [submitted, edited, dismissed]
";
    let gate = "name: changegate
on:
  workflow_run:
    workflows: [changegate-events]
    types: [completed]
  merge_group:
jobs:
  judge:
    steps:
      - uses: acme/changegate@0123456789012345678901234567890123456789
";
    let mut answers = without(&healthy(), "workflows");
    let folder = format!("{REPOSITORY}/contents/.github/workflows");
    let paths = json!([{ "path": ".github/workflows/events.yml" }, { "path": ".github/workflows/gate.yml" }]);
    answers.insert(format!("{folder}?ref=main"), Ok(paths));
    answers.insert(format!("{folder}/events.yml?ref=main"), file(events));
    answers.insert(format!("{folder}/gate.yml?ref=main"), file(gate));
    let about_gate = |answers: &Answers| {
        let found = troubles(&subject(), answers);
        found.into_iter().filter(|trouble| trouble.contains(".yml")).collect::<Vec<_>>()
    };
    assert_eq!(about_gate(&answers), [""; 0]);
    answers
        .insert(format!("{folder}/events.yml?ref=main"), file(&events.replace("edited, labeled", "labeled")));
    assert!(about_gate(&answers)[0].contains("is edited"));
    answers.insert(format!("{folder}/events.yml?ref=main"), file("name: other\non: pull_request\n"));
    assert!(about_gate(&answers).iter().any(|trouble| trouble.contains("does not run on pull requests")));
}

#[test]
fn a_required_workflow_has_to_be_the_gate() {
    let mut answers = healthy();
    edit(&mut answers, "workflows", |rule| rule["parameters"]["workflows"][0]["path"] = json!("build.yml"));
    assert!(troubles(&subject(), &answers)[0].contains("it is not known whether one of them runs the gate"));
}

#[test]
fn every_rule_that_is_taken_away_is_missed() {
    for (kind, says) in [
        ("non_fast_forward", "can be rewritten"),
        ("deletion", "can be deleted"),
        ("pull_request", "without a pull request"),
    ] {
        let troubles = troubles(&subject(), &without(&healthy(), kind));
        assert!(troubles.iter().any(|trouble| trouble.contains(says)), "{kind}: {troubles:?}");
    }
    for (parameter, says) in [
        ("dismiss_stale_reviews_on_push", "an approval stays after a push"),
        ("require_last_push_approval", "the last pusher can approve"),
        ("require_code_owner_review", "no code owner has to review"),
    ] {
        let mut answers = healthy();
        edit(&mut answers, "pull_request", |rule| rule["parameters"][parameter] = json!(false));
        let troubles = troubles(&subject(), &answers);
        assert!(troubles.iter().any(|trouble| trouble.contains(says)), "{parameter}: {troubles:?}");
    }
}

#[test]
fn a_queue_that_lands_what_failed_is_weak() {
    for (strategy, found) in [("ALLGREEN", 0), ("HEADGREEN", 1)] {
        let mut answers = healthy();
        let Ok(Value::Array(rules)) = answers.get_mut(&format!("{REPOSITORY}/rules/branches/main")).unwrap()
        else {
            panic!("the rules are a list")
        };
        rules.push(json!({ "type": "merge_queue", "ruleset_id": 7,
            "parameters": { "grouping_strategy": strategy } }));
        assert_eq!(troubles(&subject(), &answers).len(), found, "{strategy}");
    }
}

#[test]
fn a_check_counts_from_the_app_that_is_expected() {
    let mut answers = without(&healthy(), "workflows");
    let own = ExaminedRepository { app_id: 4711, ..subject() };
    assert_eq!(troubles(&own, &answers), [""; 0]);
    let wrong = ExaminedRepository { app_id: 99, ..subject() };
    assert!(troubles(&wrong, &answers)[0].contains("expected from the app 4711"));
    edit(&mut answers, "required_status_checks", |rule| {
        rule["parameters"]["required_status_checks"][0]["integration_id"] = Value::Null;
    });
    assert!(troubles(&own, &answers)[0].contains("anyone who can write"));
    let by_actions = troubles(&subject(), &answers);
    assert!(by_actions.iter().any(|trouble| trouble.contains("every workflow of the repository")));
    let other = ExaminedRepository { check_name: "tests", ..own };
    assert!(troubles(&other, &answers)[0].contains("`tests` is not required"));
}

#[test]
fn accounts_that_can_bypass_are_named() {
    let mut answers = healthy();
    let actors = json!([
        { "actor_type": "RepositoryRole", "actor_id": 5, "bypass_mode": "always" },
        { "actor_type": "Team", "actor_id": 12, "bypass_mode": "pull_request" },
    ]);
    answers
        .insert(format!("{REPOSITORY}/rulesets/7"), Ok(json!({ "name": "main", "bypass_actors": actors })));
    let found = troubles(&subject(), &answers);
    assert_eq!(
        found,
        [
            "the ruleset \"main\" can be bypassed by administrators of the repository, team 12 (in pull requests)"
        ]
    );
    answers.insert(format!("{REPOSITORY}/rulesets/7"), Ok(json!({ "name": "main" })));
    assert!(troubles(&subject(), &answers)[0].contains("does not tell this token"));
}

#[test]
fn what_cannot_be_seen_is_unknown_and_never_good() {
    let mut answers = without(&healthy(), "non_fast_forward");
    answers.insert(format!("{REPOSITORY}/branches/main/protection"), refused(403, "Must have admin rights"));
    let examination = examined(&subject(), &answers);
    assert_eq!(examination.worst_health(), SettingHealth::Unknown);
    let mut answers = healthy();
    answers.insert(format!("{REPOSITORY}/rules/branches/main"), refused(500, "Server Error"));
    assert_ne!(examined(&subject(), &answers).worst_health(), SettingHealth::Good);
    // Whatever single answer is refused, nothing becomes good that was not.
    for path in healthy().keys().filter(|path| *path != REPOSITORY) {
        let mut answers = healthy();
        answers.insert(path.clone(), refused(403, "Forbidden"));
        let good = |answers: &Answers| {
            let advice = examined(&subject(), answers).advice;
            advice
                .into_iter()
                .filter(|one| one.health == SettingHealth::Good)
                .map(|one| one.what)
                .collect::<Vec<_>>()
        };
        let before = good(&healthy());
        // Without rulesets the workflow on the branch is looked at, which is another question.
        let other = |what: &String| what.contains("gate.yml runs on every");
        assert!(good(&answers).iter().all(|what| before.contains(what) || other(what)), "{path}");
    }
}

#[test]
fn branch_protection_counts_as_rulesets_do() {
    let mut answers = healthy();
    answers.insert(format!("{REPOSITORY}/rules/branches/main"), Ok(json!([])));
    let on = json!({ "enabled": true });
    let off = json!({ "enabled": false });
    answers.insert(
        format!("{REPOSITORY}/branches/main/protection"),
        Ok(json!({
            "required_status_checks": { "checks": [{ "context": "changegate", "app_id": 4711 }] },
            "enforce_admins": on,
            "allow_force_pushes": off,
            "allow_deletions": off,
            "required_pull_request_reviews": {
                "dismiss_stale_reviews": true,
                "require_last_push_approval": true,
                "require_code_owner_reviews": true,
            },
        })),
    );
    let own = ExaminedRepository { app_id: 4711, ..subject() };
    assert_eq!(troubles(&own, &answers), [""; 0]);
    let Some(Ok(protection)) = answers.get_mut(&format!("{REPOSITORY}/branches/main/protection")) else {
        panic!("it was put there")
    };
    protection["enforce_admins"] = json!({ "enabled": false });
    assert_eq!(troubles(&own, &answers), ["administrators can merge past branch protection"]);
}

#[test]
fn a_workflow_that_does_not_run_on_everything_is_weak() {
    let answers = |workflow: &str| {
        let mut answers = without(&healthy(), "workflows");
        answers.insert(format!("{REPOSITORY}/contents/.github/workflows/gate.yml?ref=main"), file(workflow));
        answers
    };
    let own = ExaminedRepository { app_id: 4711, ..subject() };
    let says = |workflow: &str, words: &str| {
        let troubles = troubles(&own, &answers(workflow));
        assert!(troubles.iter().any(|trouble| trouble.contains(words)), "{words}: {troubles:?}");
    };
    says(&WORKFLOW.replace("edited, labeled", "labeled"), "is edited");
    says(&WORKFLOW.replace("pull_request_target", "pull_request"), "a pull request can change it");
    says(&WORKFLOW.replace("pull_request_review:", "other:"), "does not run on reviews");
    says(&WORKFLOW.replace("0123456789012345678901234567890123456789", "v1"), "can be moved");
    let step = "jobs: { a: { steps: [\n{\nuses: acme/changegate@v1\n}] } }\n";
    says(&format!("on: [pull_request, push]\n{step}"), "does not run when a pull request is edited");
    says(&format!("on: issues\n{step}"), "does not run on pull requests");
    // It keeps the ledger.
    says(&format!("on: push\n{step}"), "no workflow on the branch runs the gate");
    says("on: push\n# changegate\n", "no workflow on the branch runs the gate");
    says("jobs: {} # changegate\n", "does not say when");
    says("on: [\n# changegate", "no workflow on the branch runs the gate");
    says("on: [\njobs: { a: { steps: [{ uses: acme/changegate@v1 }] } }", "as a workflow");
    says("on: pull_request\njobs: { a: { steps: [{ run: changegate action }] } }", "is edited");
    // An anchor is legal there.
    let anchored = WORKFLOW
        .replace("    types: [opened", "    types: &all [opened")
        .replace("    types: [submitted, edited, dismissed]", "    types: *all");
    assert_eq!(troubles(&own, &answers(&anchored)), [""; 0]);
    says("on: push\n", "no workflow on the branch");
    says(&WORKFLOW.replace("merge_group:", "<<: {}"), "merge keys");
}

#[test]
fn owners_are_asked_for_both_the_policy_and_the_workflows() {
    let with = |owners: Option<&str>| {
        let mut answers = healthy();
        let path = format!("{REPOSITORY}/contents/.github/CODEOWNERS?ref=main");
        match owners {
            Some(owners) => answers.insert(path, file(owners)),
            None => answers.remove(&path),
        };
        troubles(&subject(), &answers)
    };
    assert_eq!(with(Some("* @acme/all\n")), [""; 0]);
    assert!(with(Some("/policies/ @acme/security\n"))[0].contains("names no owners"));
    assert!(with(Some("# /policies/ /.github/\n"))[0].contains("names no owners"));
    assert!(with(Some("/pol* @acme/x\n/.github/ @acme/x\n"))[0].contains("names no owners"));
    assert!(with(Some("/policies/\n/.github/ @acme/x\n"))[0].contains("names no owners"));
    assert!(with(None)[0].contains("there is no CODEOWNERS"));
}

/// Returns the workflows that a document shows, with a real hash in place of the reader's.
fn shown_workflows(document: &str) -> Vec<String> {
    let path = format!("{}/{document}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("```yaml workflow\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap().to_owned());
    blocks.map(|block| block.replace("FULL_COMMIT_HASH", &"0123456789".repeat(4))).collect()
}

/// Returns the healthy repository with these workflows, none of which a ruleset requires.
fn with_workflows(texts: &[&String]) -> Answers {
    let mut answers = without(&healthy(), "workflows");
    let folder = format!("{REPOSITORY}/contents/.github/workflows");
    let mut listed = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        listed.push(json!({ "path": format!(".github/workflows/w{index}.yml") }));
        answers.insert(format!("{folder}/w{index}.yml?ref=main"), file(text));
    }
    answers.insert(format!("{folder}?ref=main"), Ok(Value::Array(listed)));
    answers
}

#[test]
fn the_workflows_that_the_documents_show_are_strong() {
    let own_app = ExaminedRepository { app_id: 4711, ..subject() };
    let (readme, document) = (shown_workflows("README.md"), shown_workflows("docs/github.md"));
    let find = |all: &[String], piece: &str| {
        all.iter().find(|text| text.contains(piece)).unwrap_or_else(|| panic!("{piece}")).clone()
    };
    assert_eq!(troubles(&own_app, &with_workflows(&[&readme[0], &readme[1]])), [""; 0]);
    // Neither does it without the other.
    assert!(!troubles(&own_app, &with_workflows(&[&readme[0]])).is_empty());
    assert!(!troubles(&own_app, &with_workflows(&[&readme[1]])).is_empty());
    let events = find(&document, "name: changegate-events");
    let judges: Vec<&String> = document.iter().filter(|text| text.contains("workflow_run:")).collect();
    assert!(judges.len() >= 2);
    for judge in judges {
        assert_eq!(troubles(&own_app, &with_workflows(&[&events, judge])), [""; 0], "{judge}");
    }
    let target = find(&document, "pull_request_target:");
    assert_eq!(troubles(&own_app, &with_workflows(&[&target])), [""; 0]);
    // A queue, with and without a workflow for it.
    let queue = find(&document, "name: changegate-queue");
    let queued = |texts: &[&String]| {
        let mut answers = with_workflows(texts);
        edit(&mut answers, "something-else", |rule| {
            *rule = json!({ "type": "merge_queue", "ruleset_id": 7, "parameters": { "grouping_strategy": "ALLGREEN" } });
        });
        troubles(&own_app, &answers)
    };
    assert_eq!(queued(&[&readme[0], &readme[1], &queue]), [""; 0]);
    let found = queued(&[&readme[0], &readme[1]]);
    assert!(found.len() == 1 && found[0].contains("merge queue"), "{found:?}");
}

#[test]
fn an_answer_that_says_nothing_is_never_good() {
    let policies = format!("{REPOSITORY}/actions/policies?per_page=100");
    let mut sound = without(&healthy(), "workflows");
    sound.insert(policies.clone(), Ok(json!({ "total_count": 0, "policies": [] })));
    let own_app = ExaminedRepository { app_id: 4711, ..subject() };
    assert_eq!(troubles(&own_app, &sound), [""; 0]);
    for path in sound.keys().filter(|path| !path.ends_with("/protection")) {
        if path.ends_with("/branches/main") {
            continue;
        }
        let mut answers = sound.clone();
        answers.insert(path.clone(), Ok(json!({})));
        assert!(!troubles(&own_app, &answers).is_empty(), "{path}");
    }
    // Fewer policies than are counted.
    let mut answers = sound.clone();
    answers.insert(policies, Ok(json!({ "total_count": 2, "policies": [{ "enforcement": "disabled" }] })));
    assert!(troubles(&own_app, &answers).iter().any(|what| what.contains("counts 2, and lists 1")));
    // Protection that does not say whether the history can be rewritten does not keep it.
    let mut answers = sound;
    answers.insert(format!("{REPOSITORY}/branches/main/protection"), Ok(json!({})));
    for kind in ["non_fast_forward", "deletion"] {
        edit(&mut answers, kind, |rule| rule["type"] = json!("other"));
    }
    let found = troubles(&own_app, &answers);
    assert!(found.iter().any(|what| what.contains("rewritten")), "{found:?}");
    assert!(found.iter().any(|what| what.contains("deleted")), "{found:?}");
}
