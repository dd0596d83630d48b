//! Lists that contradict their own counts, words or entries: an error, and nothing is allowed by them.

use serde_json::{Value, json};

use crate::check_runs::{concluded, gates, only_gate, queued, set_policy};
use crate::fake::{Fake, How, World};
use crate::judged::{denied, judge, pull, push};
use crate::ledger::{merge, open, push_by_hand};
use crate::published::{action, code, event, value};
use crate::scene::{GOOD, POLICY, plain};

const CHECK: &[&str] = &["--check-run", "gate"];

/// Returns why nothing could be judged.
fn refused(fake: &Fake, subject: &changegate::github::event::EventSubject) -> String {
    match judge(fake, subject) {
        Err(failure) => failure.why,
        Ok(outcome) => panic!("judged: {:?}", outcome.report.decision),
    }
}

fn edit_entries(value: &mut Value, edit: fn(&mut Value)) {
    edit(&mut value["data"]["repository"]["mergeQueue"]["entries"]);
}

#[test]
fn a_queue_that_counts_other_entries_than_it_lists_is_an_error() {
    let edits: [How; 3] = [
        How::Edit(|value| edit_entries(value, |entries| entries["totalCount"] = json!(3))),
        How::Edit(|value| {
            edit_entries(value, |entries| {
                entries["nodes"].as_array_mut().unwrap().remove(0);
            });
        }),
        How::Edit(|value| edit_entries(value, |entries| entries["nodes"][0] = entries["nodes"][1].clone())),
    ];
    for how in edits {
        let (fake, event, _) = queued(GOOD);
        fake.spoil("query Queue", how.clone());
        let (output, outputs, _) = action(&fake, "merge_group", &event, CHECK);
        let told = (code(&output), value(&outputs, "verdict"), only_gate(&fake));
        assert_eq!(told, (3, "error".into(), concluded("action_required")));
        // A queue that moved while it was read is read again.
        fake.heal();
        fake.spoil_some("query Queue", 0, 1, how);
        let (output, ..) = action(&fake, "merge_group", &event, CHECK);
        assert_eq!((code(&output), only_gate(&fake)), (0, concluded("success")));
    }
}

#[test]
fn a_comparison_that_contradicts_itself_is_an_error() {
    let mut world = World::new(POLICY);
    let (old, new) = push_by_hand(&mut world, "kim", "2026-03-02T16:00:00Z");
    let subject = push("refs/heads/main", &old, &new, false);
    let fake = Fake::start(world);
    assert!(!denied(&fake, &subject).contains("whole-history"));
    let edits: [fn(&mut Value); 6] = [
        |value| value["ahead_by"] = json!(0),
        |value| value["behind_by"] = json!(2),
        |value| value["status"] = json!("identical"),
        |value| value["status"] = json!("nowhere"),
        |value| value["total_commits"] = json!(2),
        |value| value["base_commit"]["sha"] = json!("7".repeat(40)),
    ];
    for edit in edits {
        fake.spoil("/compare/", How::Edit(edit));
        refused(&fake, &subject);
        fake.heal();
    }
}

#[test]
fn a_new_branch_whose_commits_the_comparison_leaves_out_is_an_error() {
    let wide = POLICY.replace("protects: [main]", "protects: [main, 'release/*']");
    let mut world = World::new(&wide);
    let main = world.branches["main"].clone();
    let tip = world.commit(&[&main], "kim", "Nothing is said\n", &[("evil.txt", "x")]);
    world.branches.insert("release/1".into(), tip.clone());
    let zero = "0".repeat(40);
    let subject = push("refs/heads/release/1", &zero, &tip, false);
    let fake = Fake::start(world);
    assert!(!denied(&fake, &subject).is_empty());
    for status in ["identical", "behind"] {
        let edit: fn(&mut Value) = match status {
            "identical" => |value| {
                (value["status"], value["ahead_by"]) = (json!("identical"), json!(0));
                (value["total_commits"], value["commits"]) = (json!(0), json!([]));
            },
            _ => |value| {
                (value["status"], value["ahead_by"], value["behind_by"]) =
                    (json!("behind"), json!(0), json!(1));
                (value["total_commits"], value["commits"]) = (json!(0), json!([]));
            },
        };
        fake.spoil("/compare/", How::Edit(edit));
        let why = refused(&fake, &subject);
        assert!(why.contains(status) && why.contains(&tip), "{why}");
        fake.heal();
    }
    // A branch that is made where the default branch is brings nothing.
    let at_main = push("refs/heads/release/2", &zero, &main, false);
    fake.world(|world| world.branches.insert("release/2".into(), main.clone()));
    assert_eq!(denied(&fake, &at_main), "");
}

/// Returns a world whose policy asks for the check `build`, which succeeds in one suite and fails in another.
fn built() -> World {
    let mut world = plain();
    let rule = "rules:\n  built: { title: it builds, require: { checks: build } }\n";
    set_policy(&mut world, &format!("{POLICY}{rule}"));
    world.check(6, "build", "github-actions", "success");
    world.check(6, "build", "another-app", "success");
    world
}

#[test]
fn of_two_checks_of_one_name_each_counts_and_none_is_hidden_by_another() {
    let fake = Fake::start(built());
    assert_eq!(denied(&fake, &pull(None)), "");
    fake.world(|world| world.runs[1].conclusion = Some("failure".into()));
    assert_eq!(denied(&fake, &pull(None)), "built");
    // The one that failed is left out, and the other one listed twice.
    let twice: fn(&mut Value) = |value| value["check_runs"][1] = value["check_runs"][0].clone();
    fake.spoil("/check-runs", How::Edit(twice));
    assert!(refused(&fake, &pull(None)).contains("twice"));
    let (output, ..) = action(&fake, "pull_request", &event(&fake), &[]);
    assert_eq!(code(&output), 3);
    // The same for statuses.
    let fake = Fake::start(built());
    let twice: fn(&mut Value) = |value| {
        let status = json!({ "context": "build", "state": "SUCCESS", "createdAt": "2026-03-02T13:00:00Z",
            "targetUrl": null, "creator": null });
        let object = &mut value["data"]["repository"]["object"];
        object["status"] = json!({ "contexts": [status.clone(), status] });
    };
    fake.spoil("query Details", How::Edit(twice));
    assert!(refused(&fake, &pull(None)).contains("twice"));
}

#[test]
fn a_check_run_that_github_does_not_take_is_written_again_and_never_left_green() {
    let failing = || How::Status(502, Vec::new(), json!({ "message": "Bad gateway" }));
    let fake = Fake::start(plain());
    // The taking over, and the conclusion.
    for exit in [0, 0] {
        fake.spoil_some("PATCH /repos/acme/shop/check-runs", 0, 1, failing());
        let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!((code(&output), only_gate(&fake)), (exit, concluded("success")), "{said}");
        assert!(!said.contains("no check run written"), "{said}");
        fake.heal();
    }
    // What was green and cannot be taken over is not what counts: a newer one does, until both can be written.
    fake.world(|world| {
        set_policy(world, &format!("{POLICY}rules:\n  no: {{ title: no, require: {{ draft: true }} }}\n"))
    });
    fake.spoil("PATCH /repos/acme/shop/check-runs", failing());
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(code(&output), 1, "{said}");
    assert!(said.contains("no check run written"), "{said}");
    let newest = gates(&fake).into_iter().max_by_key(|run| run.id).unwrap();
    assert_eq!((newest.status.as_str(), newest.conclusion), ("in_progress", None));
    fake.heal();
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    assert_eq!(code(&output), 1);
    let told: Vec<_> = gates(&fake).into_iter().map(|run| run.conclusion).collect();
    assert_eq!(told, [Some("failure".to_owned()), Some("failure".to_owned())]);
}

const REVIEWED: &str = "changegate: 1\nname: shop\nextends: [core]\nprotects: [main]\n\
    rules:\n  reviewed: { title: reviewed, for: [isms], require: { approvals: { at-least: 1, trust: verified } } }\n";

/// Returns a world with two pull requests in the queue, which change these files, and the event of both; the
/// first one is approved.
fn queue_of(first: &[(&str, &str)], second: &[(&str, &str)], whole: &[(&str, &str)]) -> (Fake, Value) {
    let mut world = World::new(REVIEWED);
    let main = world.branches["main"].clone();
    let mut numbers = Vec::new();
    for (branch, files) in [("first", first), ("second", second)] {
        let commit = world.commit(&[&main], "ana", &format!("Change {branch}\n\nWhy.\n"), files);
        numbers.push(world.open("ana", "Change it", GOOD, branch, &[commit]));
    }
    world.review(numbers[0], "kim", "APPROVED");
    world.enqueue(numbers[0]);
    let mut head = world.enqueue(numbers[1]);
    // The commit that would land holds what both change.
    let all = world.commit(&[&main], "ana", "All\n", whole);
    let mut landing = world.commits[&head].clone();
    (landing.files, landing.tree) = (world.commits[&all].files.clone(), world.commits[&all].tree.clone());
    head = world.record(landing);
    world.queue[1].head = head.clone();
    let event = json!({ "action": "checks_requested", "repository": { "full_name": "acme/shop" },
        "merge_group": { "head_sha": head, "base_sha": main, "base_ref": "refs/heads/main" } });
    (Fake::start(world), event)
}

#[test]
fn a_group_that_changes_files_of_the_gate_is_judged_as_such() {
    let with_roster = format!("{REVIEWED}people: {{ roster: staff/people.yml }}\n");
    let roster = "people:\n  kim: { addresses: [kim@example.com], accounts: ['github:kim'] }\n  \
        ana: { addresses: [ana@example.com], accounts: ['github:ana'] }\n";
    let longer = format!("{roster}  ben: {{ addresses: [ben@example.com], accounts: ['github:ben'] }}\n");
    let naming = [("policies/changegate.yml", with_roster.as_str()), ("staff/people.yml", roster)];
    let filled = [("staff/people.yml", longer.as_str())];
    let both = [naming[0], filled[0]];
    let (fake, event) = queue_of(&naming, &filled, &both);
    let (output, outputs, _) = action(&fake, "merge_group", &event, CHECK);
    assert_eq!((code(&output), value(&outputs, "denied-rules")), (1, "gate-files".into()));
    assert_eq!(only_gate(&fake), concluded("failure"));
    let title = gates(&fake)[0].title.clone().unwrap();
    assert!(title.contains("staff/people.yml"), "{title}");
    // Beside a change of something else it is as good as alone.
    let other = [("src/a.rs", "a")];
    let (fake, event) = queue_of(&naming, &other, &[naming[0], naming[1], other[0]]);
    let (output, ..) = action(&fake, "merge_group", &event, CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (0, concluded("success")));
    // Each is good alone, and together they leave a policy that cannot be used.
    let broken = [naming[0], ("src/a.rs", "a"), ("staff/people.yml", "people: [\n")];
    let (fake, event) = queue_of(&naming, &other, &broken);
    let (output, outputs, _) = action(&fake, "merge_group", &event, CHECK);
    assert_eq!((code(&output), value(&outputs, "denied-rules")), (1, "policy-valid".into()));
    // What cannot be told is an error.
    let (fake, event) = queue_of(&naming, &other, &[naming[0], naming[1], other[0]]);
    fake.spoil("query Branch", How::Status(500, Vec::new(), json!({ "message": "no" })));
    let (output, ..) = action(&fake, "merge_group", &event, &["--check-run", "gate", "--deadline", "3"]);
    assert_eq!((code(&output), only_gate(&fake)), (3, concluded("action_required")));
}

/// Returns the same world with the event of the second pull request alone, which stands on the group of the first
/// one; both are approved if `is_approved`.
fn stacked(files: [&[(&str, &str)]; 3], is_approved: bool) -> (Fake, Value) {
    let [first, second, whole] = files;
    let (fake, mut event) = queue_of(first, second, whole);
    fake.world(|world| {
        event["merge_group"]["base_sha"] = json!(world.queue[0].head);
        world.queue[1].base = world.queue[0].head.clone();
        if is_approved {
            let number = world.queue[1].pull;
            world.review(number, "kim", "APPROVED");
        }
    });
    (fake, event)
}

#[test]
fn a_group_that_stands_on_another_is_judged_by_what_that_leaves() {
    let with_roster = format!("{REVIEWED}people: {{ roster: staff/people.yml }}\n");
    let strict = REVIEWED.replace("for: [isms], ", "");
    let roster = "people:\n  kim: { addresses: [kim@example.com], accounts: ['github:kim'] }\n  \
        ana: { addresses: [ana@example.com], accounts: ['github:ana'] }\n";
    let longer = format!("{roster}  ben: {{ addresses: [ben@example.com], accounts: ['github:ben'] }}\n");
    let policy_path = "policies/changegate.yml";
    let naming = [(policy_path, with_roster.as_str()), ("staff/people.yml", roster)];
    let filled = [("staff/people.yml", longer.as_str())];
    let other = [("src/a.rs", "a")];
    let stricter = [(policy_path, strict.as_str())];
    let elsewhere = REVIEWED.replace("[main]", "[release]");
    let leaving = [(policy_path, elsewhere.as_str())];
    let told = |files: [&[(&str, &str)]; 3], is_approved| {
        let (fake, event) = stacked(files, is_approved);
        let (output, outputs, _) = action(&fake, "merge_group", &event, CHECK);
        (code(&output), value(&outputs, "denied-rules"))
    };
    // The first one makes the roster, which the second one rewrites without a review.
    let both = [naming[0], filled[0]];
    assert_eq!(told([&naming, &filled, &both], false), (1, "reviewed".into()));
    assert_eq!(told([&naming, &filled, &both], true), (0, String::new()));
    // The first one asks for a review of everything.
    assert_eq!(told([&stricter, &other, &[stricter[0], other[0]]], false), (1, "reviewed".into()));
    // The first one rewrites what the second one then makes the roster: nobody reviewed that as one.
    let (fake, event) = stacked([&filled, &naming, &both], true);
    fake.world(|world| world.pull(6).reviews.clear());
    let (output, outputs, _) = action(&fake, "merge_group", &event, CHECK);
    assert_eq!((code(&output), value(&outputs, "denied-rules")), (1, "gate-files".into()));
    // The first one leaves the branch to itself.
    let left = told([&leaving, &other, &[leaving[0], other[0]]], true);
    assert_eq!(left, (1, "pull-target".into()));
    // Beside a change of something else it is as good as alone, and what cannot be told is an error.
    let whole = [naming[0], naming[1], other[0]];
    assert_eq!(told([&naming, &other, &whole], false), (0, String::new()));
    let (fake, event) = stacked([&naming, &other, &whole], false);
    fake.spoil("query File", How::Status(500, Vec::new(), json!({ "message": "no" })));
    let (output, ..) = action(&fake, "merge_group", &event, &["--check-run", "gate", "--deadline", "3"]);
    assert_eq!((code(&output), only_gate(&fake)), (3, concluded("action_required")));
}

#[test]
fn who_merges_makes_no_author_by_accident_and_whom_they_name_is_one() {
    let policy = "changegate: 1\nname: shop\nextends: [core]\nprotects: [main]\n\
        rules:\n  reviewed: { title: reviewed, require: { approvals: { at-least: 1, trust: verified } } }\n";
    let landed = |message: &str| {
        let mut world = World::new(policy);
        let number = open(&mut world, "one", "normal");
        world.review(number, "kim", "APPROVED");
        world.pull(number).reviews[0].at = Some("2026-03-02T14:00:00Z".into());
        let (old, merged) = merge(&mut world, number, "2026-03-02T16:00:00Z");
        let mut landing = world.commits[&merged].clone();
        landing.message = message.into();
        landing.parents.truncate(1);
        let new = world.record(landing);
        // GitHub knows the addresses that it made for accounts.
        world.commits.get_mut(&new).unwrap().others.iter_mut().for_each(|other| {
            other.login = Some(other.name.clone());
        });
        world.branches.insert("main".into(), new.clone());
        world.pull(number).merge_commit = Some(new.clone());
        let fake = Fake::start(world);
        denied(&fake, &push("refs/heads/main", &old, &new, false))
    };
    let said = "One (#1)\n\nFaster.\n\nChange-Type: normal\nRisk: low\n";
    assert_eq!(landed(said), "");
    let naming = |who: &str| format!("{said}Co-authored-by: {who} <{who}@users.noreply.github.com>\n");
    // The reviewer, whom the message of the squash makes an author.
    assert_eq!(landed(&naming("kim")), "reviewed");
    // Somebody else, and the author by another address.
    assert_eq!(landed(&naming("ben")), "");
    assert_eq!(landed(&naming("ana")), "");
}

#[test]
fn two_people_with_one_account_number_are_an_error() {
    let mut world = plain();
    let head = world.pull(6).head_id.clone();
    let second = world.commit(&[&head], "ben", "Name it well\n\nWhy.\n", &[("src/b.rs", "b\n")]);
    world.push(6, "ben", &second);
    let number = world.account("ana").unwrap().id;
    let fake = Fake::start(world);
    assert_eq!(denied(&fake, &pull(None)), "");
    fake.world(|world| world.users.iter_mut().find(|user| user.login == "ben").unwrap().id = number);
    let why = refused(&fake, &pull(None));
    assert!(why.contains("the same number"), "{why}");
    let (output, outputs, _) = action(&fake, "pull_request", &event(&fake), CHECK);
    let told = (code(&output), value(&outputs, "verdict"), only_gate(&fake));
    assert_eq!(told, (3, "error".into(), concluded("action_required")));
}

#[test]
fn a_list_of_files_without_a_second_one_beside_it_allows_nothing() {
    let fake = Fake::start(plain());
    assert_eq!(denied(&fake, &pull(None)), "");
    let without: fn(&mut Value) = |value| {
        value["data"]["repository"]["pullRequest"].as_object_mut().unwrap().remove("files");
    };
    let refused = How::Status(403, Vec::new(), json!({ "message": "no" }));
    for how in [How::Edit(without), refused] {
        fake.spoil("query Details", how);
        assert!(denied(&fake, &pull(None)).contains("policy-valid"), "{}", denied(&fake, &pull(None)));
        fake.heal();
    }
}

#[test]
fn a_green_check_that_does_not_say_when_it_ended_proves_nothing() {
    let fake = Fake::start(built());
    assert_eq!(denied(&fake, &pull(None)), "");
    let timeless: fn(&mut Value) = |value| {
        for run in value["check_runs"].as_array_mut().unwrap() {
            run["completed_at"] = json!(null);
        }
    };
    fake.spoil("/check-runs", How::Edit(timeless));
    assert_eq!(denied(&fake, &pull(None)), "built");
}
