//! One set of facts is of one state of the pull request: what two answers tell differently allows nothing.

use changegate::change::{FactKind, NeededFacts, Oid};
use changegate::github::RepositoryName;
use changegate::github::event::EventSubject;
use serde_json::{Value, json};

use crate::check_runs::set_policy;
use crate::fake::{Fake, How};
use crate::judged::{denied, gather, judge, pull};
use crate::scene::{POLICY, full, plain};

fn wanted() -> NeededFacts {
    NeededFacts::from([FactKind::Reviews, FactKind::Approvals, FactKind::Paths, FactKind::Pusher])
}

#[test]
fn files_that_are_those_of_another_revision_are_no_files() {
    // The list was made while another revision was the final one, which was pushed away again.
    let edits: [fn(&mut Value); 4] = [
        |files| files[0]["filename"] = json!("src/a"),
        |files| {
            let url = format!("https://api.github.com/repos/acme/shop/contents/x?ref={}", "7".repeat(40));
            for file in files.as_array_mut().unwrap() {
                file["contents_url"] = json!(url);
                file["status"] = json!("modified");
            }
        },
        |files| {
            let first = files[0].clone();
            *files.as_array_mut().unwrap().last_mut().unwrap() = first;
        },
        |files| {
            let first = files[0].clone();
            for file in files.as_array_mut().unwrap() {
                *file = first.clone();
            }
        },
    ];
    for edit in edits {
        let mut world = full();
        let head = world.pull(6).head_id.clone();
        let more = world.commit(&[&head], "ben", "More\n", &[("src/more.rs", "fn more() {}\n")]);
        world.push(6, "ben", &more);
        let fake = Fake::start(world);
        assert!(gather(&fake, &wanted()).unwrap().pull.unwrap().paths.is_ok());
        fake.spoil("/pulls/6/files", How::Edit(edit));
        assert!(gather(&fake, &wanted()).unwrap().pull.unwrap().paths.is_err());
    }
}

#[test]
fn a_review_that_only_one_answer_tells_is_waited_for() {
    let fake = Fake::start(full());
    fake.spoil(
        "/pulls/6/reviews",
        How::Edit(|reviews| {
            reviews.as_array_mut().unwrap().pop();
        }),
    );
    assert!(gather(&fake, &wanted()).unwrap().pull.unwrap().reviews.is_err());
    // Nor does a list count that only has more: the other answer was of an older state.
    let fake = Fake::start(full());
    fake.spoil(
        "query Details",
        How::Edit(|value| {
            let reviews = &mut value["data"]["repository"]["pullRequest"]["reviews"];
            let nodes = reviews["nodes"].as_array_mut().unwrap();
            nodes.pop();
            let left = nodes.len();
            reviews["totalCount"] = json!(left);
        }),
    );
    assert!(gather(&fake, &wanted()).unwrap().pull.unwrap().reviews.is_err());
    let fake = Fake::start(full());
    fake.spoil("/pulls/6/reviews", How::Edit(|reviews| reviews[1] = reviews[0].clone()));
    assert!(gather(&fake, &wanted()).unwrap().pull.unwrap().reviews.is_err());
}

#[test]
fn a_commit_that_is_listed_twice_is_no_list() {
    let fake = Fake::start(full());
    fake.spoil("/pulls/6/commits", How::Edit(|commits| commits[0] = commits[1].clone()));
    assert!(gather(&fake, &wanted()).is_err());
}

#[test]
fn what_changes_meanwhile_is_read_again_and_what_never_stands_still_is_refused() {
    let fake = Fake::start(plain());
    assert_eq!(denied(&fake, &pull(None)), "");
    let quiet = fake.seen().len();
    fake.forget();
    // The title changes between the first and the second look.
    let retitle: fn(&mut Value) =
        |value| value["data"]["repository"]["pullRequest"]["title"] = json!("Another");
    fake.spoil_some("query Policy", 1, usize::MAX, How::Edit(retitle));
    assert_eq!(denied(&fake, &pull(None)), "");
    assert_eq!(fake.seen().len(), 2 * quiet);
    // It is edited each time.
    let fake = Fake::start(plain());
    let move_on: fn(&mut Value) = |value| {
        value["data"]["repository"]["pullRequest"]["body"] =
            json!(format!("{:?}", std::time::Instant::now()));
    };
    fake.spoil("query Policy", How::Edit(move_on));
    assert_eq!(denied(&fake, &pull(None)), "pull-current");
    // A push that came and went, and one that stays.
    let fake = Fake::start(plain());
    let other: fn(&mut Value) =
        |value| value["data"]["repository"]["pullRequest"]["headRefOid"] = json!("7".repeat(40));
    fake.spoil_some("query Policy", 1, 1, How::Edit(other));
    assert_eq!(denied(&fake, &pull(None)), "");
    fake.spoil("query Policy", How::Edit(other));
    assert_eq!(denied(&fake, &pull(None)), "pull-current");
}

#[test]
fn a_default_branch_that_moves_meanwhile_is_read_again() {
    let wide = POLICY.replace("protects: [main]", "protects: [main, 'release/*']");
    let mut world = plain();
    set_policy(&mut world, &wide);
    let main = world.branches["main"].clone();
    world.branches.insert("release/1".into(), main.clone());
    (world.pull(6).base, world.pull(6).base_id) = ("release/1".into(), main);
    let fake = Fake::start(world);
    assert_eq!(denied(&fake, &pull(None)), "");
    let quiet = fake.seen().len();
    fake.forget();
    let other: fn(&mut Value) =
        |value| value["data"]["repository"]["defaultBranchRef"]["target"]["oid"] = json!("7".repeat(40));
    fake.spoil_some("query Policy", 1, 1, How::Edit(other));
    assert_eq!(denied(&fake, &pull(None)), "");
    assert_eq!(fake.seen().len(), 2 * quiet);
}

#[test]
fn an_answer_without_the_default_branch_hides_no_policy() {
    let mut world = plain();
    let main = world.branches["main"].clone();
    world.branches.insert("next".into(), main.clone());
    (world.pull(6).base, world.pull(6).base_id) = ("next".into(), main);
    let fake = Fake::start(world);
    let without: fn(&mut Value) = |value| value["data"]["repository"]["defaultBranchRef"] = Value::Null;
    for on in ["query Policy", "query Branch"] {
        assert_eq!(denied(&fake, &pull(None)), "pull-target");
        fake.spoil(on, How::Edit(without));
    }
    assert!(judge(&fake, &pull(None)).is_err());
}

#[test]
fn a_record_that_lags_is_read_again() {
    let lag: fn(&mut Value) = |value| {
        value.as_array_mut().unwrap().remove(0);
    };
    let fake = Fake::start(full());
    fake.spoil_some("/activity", 0, 2, How::Edit(lag));
    // The pull request has not changed for long, so nothing more is to come.
    assert!(gather(&fake, &wanted()).unwrap().pusher.is_err());
    let fake = Fake::start(full());
    fake.world(|world| world.pull(6).updated_at = "2026-03-02T13:55:00Z".into());
    fake.spoil_some("/activity", 0, 2, How::Edit(lag));
    assert!(gather(&fake, &wanted()).unwrap().pusher.is_ok());
    assert_eq!(fake.seen().iter().filter(|request| request.path.ends_with("/activity")).count(), 3);
    // So does the merge queue.
    let mut world = plain();
    world.enqueue(6);
    let id = |text: &str| Oid::from_hex(text).unwrap();
    let group = EventSubject::MergeGroup {
        repo: RepositoryName::parse_name("acme/shop").unwrap(),
        base_ref: "refs/heads/main".into(),
        base_tip: id(&world.queue[0].base),
        group_head: id(&world.queue[0].head),
    };
    let fake = Fake::start(world);
    let empty: fn(&mut Value) = |value| {
        let entries = &mut value["data"]["repository"]["mergeQueue"]["entries"];
        (entries["nodes"], entries["totalCount"]) = (json!([]), json!(0));
    };
    fake.spoil_some("query Queue", 0, 2, How::Edit(empty));
    assert_eq!(denied(&fake, &group), "");
}

#[test]
fn a_limit_or_an_outage_is_an_error_and_no_verdict() {
    let limited = json!({ "errors": [{ "type": "RATE_LIMITED", "message": "API rate limit exceeded" }] });
    let secondary = json!({ "message": "You have exceeded a secondary rate limit. Please wait." });
    let soon = || vec![("retry-after", "1".to_owned())];
    let never = || vec![("retry-after", "3600".to_owned())];
    for (on, status, body) in [
        ("query Details", 200, &limited),
        ("query Policy", 200, &limited),
        ("query Policy", 200, &json!({ "errors": [secondary.clone()] })),
        ("/pulls/6/reviews", 403, &secondary),
        ("/pulls/6/reviews", 429, &json!({})),
        ("/pulls/6/commits", 403, &secondary),
        ("/pulls/6/files", 502, &json!({})),
    ] {
        let fake = Fake::start(reviewed());
        fake.spoil_some(on, 0, 1, How::Status(status, soon(), body.clone()));
        assert_eq!(denied(&fake, &pull(None)), "", "{on}, {status}, waited for");
        fake.spoil(on, How::Status(status, never(), body.clone()));
        let failure = judge(&fake, &pull(None)).map(|_| ()).unwrap_err();
        assert!(failure.why.contains(&status.to_string()), "{on}, {status}: {}", failure.why);
    }
    // The words of contributors are no limit, whatever they say.
    let fake = Fake::start(reviewed());
    fake.world(|world| {
        world.pull(6).title = "RATE_LIMITED: API rate limit exceeded, a secondary rate limit".into();
        world.comment(6, "rea", "\"type\": \"RATE_LIMITED\"");
    });
    let started = std::time::Instant::now();
    assert_eq!(denied(&fake, &pull(None)), "");
    assert!(started.elapsed() < std::time::Duration::from_secs(20));
    // What denies by what is known is a denial, whatever else was not answered.
    let fake = Fake::start(reviewed());
    fake.world(|world| {
        let main = world.branches["main"].clone();
        let rule = "  no-index: { title: no index, require: { not: { touches: ['src/**'] } } }\n";
        let policy = format!(
            "{}{rule}",
            String::from_utf8_lossy(&world.commits[&main].files["policies/changegate.yml"].1)
        );
        let commit = world.commit(&[&main], "kim", "Stricter\n", &[("policies/changegate.yml", &policy)]);
        world.branches.insert("main".into(), commit);
    });
    fake.spoil("/pulls/6/reviews", How::Status(429, never(), json!({})));
    assert!(!denied(&fake, &pull(None)).is_empty());
}

/// A pull request that is allowed because somebody else has approved it.
fn reviewed() -> crate::fake::World {
    let policy = "changegate: 1\nname: shop\nextends: [core]\nprotects: [main]\nrules:\n  \
                  reviewed: { title: it is reviewed, require: { approvals: { at-least: 1 } } }\n";
    let mut world = plain();
    let main = world.branches["main"].clone();
    let commit = world.commit(&[&main], "kim", "Reviews\n", &[("policies/changegate.yml", policy)]);
    world.branches.insert("main".into(), commit);
    world.review(6, "kim", "APPROVED");
    world.pull(6).reviews[0].at = Some("2026-03-02T13:30:00Z".into());
    world
}

#[test]
fn a_finished_run_judges_the_pull_requests_that_end_at_its_commit() {
    let repo = RepositoryName::parse_name("acme/shop").unwrap();
    let mut world = plain();
    // From a fork: GitHub names no pull request in the event.
    world.pull(6).head_repository = Some("eve/shop".into());
    let head = Oid::from_hex(&world.pull(6).head_id).unwrap();
    let main = world.branches["main"].clone();
    let other = world.commit(&[&main], "ben", "Other\n\nWhy.\n", &[("b.txt", "b\n")]);
    world.open("ben", "Other", "Nothing is stated.\n", "other", &[other]);
    let fake = Fake::start(world);
    let at = |head| EventSubject::PullRequestsAt { repo: repo.clone(), head, hints: Vec::new() };
    let outcome = judge(&fake, &at(head)).unwrap();
    assert_eq!(outcome.pull_requests.len(), 1);
    assert_eq!(outcome.pull_requests[0].name.number, 6);
    assert_eq!(denied(&fake, &at(head)), "");
    let none = judge(&fake, &at(Oid::from_hex(&main).unwrap())).unwrap();
    assert!(none.pull_requests.is_empty() && none.report.notes.len() == 1);
}

#[test]
fn a_pull_request_that_the_event_names_is_asked_about_and_not_believed() {
    let repo = RepositoryName::parse_name("acme/shop").unwrap();
    let mut world = plain();
    let head = Oid::from_hex(&world.pull(6).head_id).unwrap();
    let main = world.branches["main"].clone();
    let other = world.commit(&[&main], "ben", "Other\n\nWhy.\n", &[("b.txt", "b\n")]);
    let moved_on = world.open("ben", "Other", "Nothing is stated.\n", "other", &[other]);
    let fake = Fake::start(world);
    let at = |hints: &[u64]| EventSubject::PullRequestsAt { repo: repo.clone(), head, hints: hints.to_vec() };
    assert_eq!(judge(&fake, &at(&[moved_on])).unwrap().pull_requests.len(), 1);
    // A check on the commit counts for each one that ends there, so nothing is said while one does not answer.
    for status in [500, 403, 404] {
        fake.spoil(&format!("/pulls/{moved_on}?"), How::Status(status, Vec::new(), json!({})));
        assert!(judge(&fake, &at(&[moved_on])).is_err(), "{status}");
        fake.heal();
    }
    assert!(judge(&fake, &at(&[404])).is_err());
    // GitHub's list keeps an earlier revision for good.
    fake.spoil(
        "/pulls?state=open",
        How::Edit(|value| {
            for pull in value.as_array_mut().unwrap() {
                pull["head"]["sha"] = json!("7".repeat(40));
            }
        }),
    );
    assert!(judge(&fake, &at(&[])).unwrap().pull_requests.is_empty());
    let outcome = judge(&fake, &at(&[moved_on, 6])).unwrap();
    let found: Vec<u64> = outcome.pull_requests.iter().map(|pull| pull.name.number).collect();
    assert_eq!(found, [6]);
    // One that is closed is none of those that could be merged.
    fake.world(|world| world.pull(6).state = "closed");
    assert!(judge(&fake, &at(&[6])).unwrap().pull_requests.is_empty());
    fake.spoil("/pulls/6?", How::Status(500, Vec::new(), json!({})));
    assert!(judge(&fake, &at(&[6])).is_err());
}
