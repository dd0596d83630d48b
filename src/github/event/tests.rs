//! Events from GitHub's own examples, and what becomes of them when something is not as it should be.

use proptest::prelude::*;
use serde_json::json;

use crate::github::event::*;

fn example(name: &str) -> (String, Value) {
    let path = format!("{}/tests/github/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let event = name.split('.').next().unwrap().to_owned();
    (event, serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

fn of(name: &str, value: &Value) -> Result<EventSubject, String> {
    parse_event(name, value.to_string().as_bytes(), None)
}

fn id(digits: &str) -> Oid {
    Oid::from_hex(digits).unwrap()
}

/// Every example, with the parts that it cannot do without.
fn needed() -> Vec<(&'static str, Vec<&'static str>)> {
    let pull = vec![
        "pull_request",
        "pull_request.number",
        "pull_request.head",
        "pull_request.head.sha",
        "repository",
        "repository.full_name",
    ];
    let push = vec!["ref", "before", "after", "forced", "repository", "repository.full_name"];
    let group = vec![
        "merge_group",
        "merge_group.base_ref",
        "merge_group.base_sha",
        "merge_group.head_sha",
        "repository",
        "repository.full_name",
    ];
    vec![
        ("pull_request.opened", pull.clone()),
        ("pull_request.closed", pull.clone()),
        ("pull_request.labeled", pull.clone()),
        ("pull_request_review.submitted", pull.clone()),
        ("pull_request_review.dismissed", pull.clone()),
        ("pull_request_review_comment.created", pull.clone()),
        ("pull_request_review_thread.resolved", pull),
        ("merge_group.checks_requested", group),
        ("push.created", push.clone()),
        ("push.deleted", push.clone()),
        ("push.branch", push),
        (
            "workflow_run.completed",
            vec!["workflow_run", "workflow_run.head_sha", "repository", "repository.full_name"],
        ),
        (
            "check_suite.completed",
            vec!["check_suite", "check_suite.head_sha", "repository", "repository.full_name"],
        ),
        (
            "check_run.completed",
            vec!["check_run", "check_run.head_sha", "repository", "repository.full_name"],
        ),
        ("status.success", vec!["sha", "repository", "repository.full_name"]),
        ("repository_dispatch.judge", vec!["repository", "repository.full_name"]),
        ("workflow_dispatch.plain", vec!["repository", "repository.full_name"]),
    ]
}

#[test]
fn the_public_examples_say_what_to_judge() {
    for (name, _) in needed() {
        let (event, value) = example(name);
        let subject = of(&event, &value).unwrap_or_else(|why| panic!("{name}: {why}"));
        match (event.as_str(), subject) {
            ("merge_group", EventSubject::MergeGroup { base_ref, base_tip: base, group_head: head, .. }) => {
                assert_eq!(base_ref, "refs/heads/main");
                assert_eq!(base, id("380387fbc80638b734a49e1be1c4dfec1c01b33c"));
                assert_eq!(head, id("2ffea6db159f6b6c47a24e778fb9ef40cf6b1c7d"));
            }
            ("push", EventSubject::Push { ref_name: name, before, after, forced, .. }) => {
                assert!(name.starts_with("refs/"));
                assert_ne!(before.is_null(), after.is_null());
                assert!(!forced);
            }
            ("workflow_dispatch", EventSubject::OpenPullRequests { .. }) => {}
            ("repository_dispatch", EventSubject::PullRequest { number: 6, expected_head: None, .. }) => {}
            (name, EventSubject::PullRequestsAt { repo, head, hints }) => {
                // These two name the pull request of the commit.
                let is_named = matches!(name, "check_suite" | "check_run");
                assert_eq!(hints, if is_named { vec![2] } else { Vec::new() }, "{name}");
                assert_eq!(repo.to_string(), value["repository"]["full_name"].as_str().unwrap());
                let inside = value.get(event.as_str()).unwrap_or(&value);
                let named = inside.get("head_sha").or_else(|| inside.get("sha"));
                assert_eq!(Some(head), named.and_then(Value::as_str).and_then(Oid::from_hex));
            }
            (_, EventSubject::PullRequest { repo, number, expected_head: expected }) => {
                assert_eq!(repo.to_string(), value["repository"]["full_name"].as_str().unwrap());
                assert_eq!(number, value["pull_request"]["number"].as_u64().unwrap());
                assert_eq!(expected, value["pull_request"]["head"]["sha"].as_str().and_then(Oid::from_hex));
            }
            (event, subject) => panic!("{event}: {subject:?}"),
        }
    }
}

#[test]
fn every_pull_request_that_an_event_names_is_asked_about_or_is_an_error() {
    let (event, mut value) = example("check_suite.completed");
    let named = value["check_suite"]["pull_requests"][0].clone();
    let hints = |value: &Value| match of(&event, value) {
        Ok(EventSubject::PullRequestsAt { hints, .. }) => Ok(hints),
        Ok(other) => panic!("{other:?}"),
        Err(why) => Err(why),
    };
    let numbered = |number: usize| {
        let mut pull = named.clone();
        pull["number"] = json!(number);
        pull
    };
    let count = |most: usize| Value::from((1..=most).map(numbered).collect::<Vec<Value>>());
    value["check_suite"]["pull_requests"] = count(11);
    assert_eq!(hints(&value).unwrap(), (1..=11).collect::<Vec<u64>>());
    value["check_suite"]["pull_requests"] = count(MAX_HINTS + 1);
    assert!(hints(&value).unwrap_err().contains("101 pull requests"));
    // Those of another commit or another repository are no concern of this one.
    let mut other_commit = numbered(7);
    other_commit["head"]["sha"] = json!("7".repeat(40));
    let mut other_repository = numbered(8);
    other_repository["base"]["repo"]["id"] = json!(1);
    let mut other_url = numbered(9);
    other_url["base"]["repo"] = json!({ "url": "https://api.github.com/repos/acme/fork" });
    value["check_suite"]["pull_requests"] = json!([other_commit, other_repository, other_url, numbered(2)]);
    assert_eq!(hints(&value).unwrap(), [2]);
    // Where it does not say, it is asked about.
    let mut unknown = numbered(5);
    unknown["base"] = json!(null);
    value["check_suite"]["pull_requests"] = json!([unknown]);
    assert_eq!(hints(&value).unwrap(), [5]);
    for broken in [json!([null]), json!([{ "number": 3 }]), json!([{ "head": {} }]), json!({}), json!(1)] {
        value["check_suite"]["pull_requests"] = broken.clone();
        let why = hints(&value).unwrap_err();
        assert!(why.contains("check_suite.pull_requests"), "{broken}: {why}");
    }
    value["check_suite"]["pull_requests"] = json!(null);
    assert_eq!(hints(&value).unwrap(), [0; 0]);
}

#[test]
fn what_is_needed_is_missed_and_named() {
    for (name, paths) in needed() {
        let (event, value) = example(name);
        for path in paths {
            let pointer = format!("/{}", path.replace('.', "/"));
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let mut gone = value.clone();
            gone.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
            let why = of(&event, &gone).unwrap_err();
            assert!(why.contains(path), "{name} without {path}: {why}");
            for wrong in [json!(null), json!([]), json!(-1), json!("\u{7}"), json!({}), json!(1.5)] {
                let mut broken = value.clone();
                *broken.pointer_mut(&pointer).unwrap() = wrong.clone();
                let why = of(&event, &broken).unwrap_err();
                assert!(why.contains(path), "{name} with {path} as {wrong}: {why}");
            }
        }
    }
}

#[test]
fn comments_count_on_pull_requests_alone() {
    let (event, mut value) = example("issue_comment.created");
    assert!(of(&event, &value).unwrap_err().contains("only pull requests"));
    value["issue"]["pull_request"] = json!({});
    assert!(matches!(of(&event, &value), Ok(EventSubject::PullRequest { expected_head: None, .. })));
    value["issue"]["pull_request"] = json!(null);
    assert!(of(&event, &value).is_err());
    value["issue"] = json!({ "pull_request": {} });
    assert!(of(&event, &value).unwrap_err().contains("`issue.number`"));
}

#[test]
fn a_dispatch_can_name_one_pull_request() {
    let (event, mut value) = example("workflow_dispatch.plain");
    value["inputs"] = json!({ "pull-request": "12" });
    assert!(matches!(
        of(&event, &value),
        Ok(EventSubject::PullRequest { number: 12, expected_head: None, .. })
    ));
    for wrong in [json!("0"), json!("x"), json!(12), json!(null), json!([])] {
        value["inputs"] = json!({ "pull-request": wrong });
        assert!(of(&event, &value).is_err(), "{wrong}");
    }
    value["inputs"] = json!(null);
    assert!(matches!(of(&event, &value), Ok(EventSubject::OpenPullRequests { .. })));
}

#[test]
fn a_schedule_may_leave_out_the_repository_and_nothing_else_may() {
    let repo = RepositoryName::parse_name("acme/shop").unwrap();
    let schedule = br#"{ "schedule": "0 * * * *" }"#;
    assert_eq!(
        parse_event("schedule", schedule, Some(&repo)),
        Ok(EventSubject::OpenPullRequests { repo: repo.clone() })
    );
    assert!(parse_event("schedule", schedule, None).is_err());
    assert!(parse_event("push", schedule, Some(&repo)).is_err());
}

#[test]
fn what_is_no_event_is_an_error() {
    for (name, json) in [
        ("pull_request", ""),
        ("pull_request", "{"),
        ("pull_request", "[]"),
        ("pull_request", "null"),
        ("pull_request", "{}"),
        ("deployment", "{}"),
        ("", "{}"),
        ("pull_request\n::error::", "{}"),
    ] {
        let why = parse_event(name, json.as_bytes(), None).unwrap_err();
        assert!(!why.contains('\n'), "{why}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".*", inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_there_beside_it_changes_nothing(
        which in 0..needed().len(), key in "[a-z_]{1,12}", extra in any_json(), inside in any::<bool>(),
    ) {
        let (name, paths) = needed().swap_remove(which);
        let (event, value) = example(name);
        let before = of(&event, &value);
        let mut more = value.clone();
        let place = if inside { "/repository" } else { "" };
        let path = format!("{}.{key}", place.trim_start_matches('/'));
        let path = path.trim_start_matches('.');
        prop_assume!(path != "inputs" && !paths.contains(&path));
        more.pointer_mut(place).unwrap().as_object_mut().unwrap().insert(key, extra);
        prop_assert_eq!(of(&event, &more), before);
    }

    #[test]
    fn no_event_makes_it_panic(name in "[a-z_]{0,12}", value in any_json()) {
        let _ = of(&name, &value);
        for event in ["push", "merge_group", "issue_comment", "workflow_dispatch", "schedule", "pull_request"] {
            prop_assert!(of(event, &value).is_err());
        }
    }
}
