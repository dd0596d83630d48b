//! Approvals and questions about pull requests from end to end: what the fake knows, fetched by the
//! client, judged by a policy that wants a review, checks and resolved conversations.

use serde_json::json;

use crate::fake::{Edit, Event, Fake, Happened, Thread, World};
use crate::judged::{denied, judge, pull};

/// Somebody who had no hand in it has reviewed what lands, and a trailer is not enough.
const POLICY: &str = "\
changegate: 1
name: shop
extends: [core]
protects: [main]
people:
  teams: { security: ['github:kim'] }
rules:
  reviewed:
    title: somebody who did not make it has reviewed what lands
    require: { approvals: { at-least: 1, trust: verified } }
";

/// What only a pull request can answer.
const FORGE: &str = "\
changegate: 1
name: shop
extends: [core]
protects: [main]
rules:
  tests: { title: the tests have passed, require: { checks: { named: [test], by: github-actions } } }
  ready: { title: it is no draft, require: { draft: false } }
  resolved: { title: every conversation is resolved, require: { comments-resolved: true } }
  held: { title: nobody holds it back, require: { label: { none-of: [hold] } } }
  titled: { title: the title is short, require: { title: { longest: 40 } } }
";

const BODY: &str = "Faster.\n\n| What | Which |\n|---|---|\n| Change-Type | normal |\n| Risk | medium |\n";

/// A pull request by ana, which says in a table what the policy asks for.
fn world(policy: &str) -> World {
    let mut world = World::new(policy);
    let main = world.branches["main"].clone();
    let commit = world.commit(&[&main], "ana", "Search faster\n", &[("src/a.rs", "fn a() {}\n")]);
    assert_eq!(world.open("ana", "Search faster", BODY, "search", &[commit]), 6);
    world
}

/// Returns the rules that deny after `done` was done to the pull request.
fn after(policy: &str, done: impl FnOnce(&mut World)) -> String {
    let mut world = world(policy);
    done(&mut world);
    denied(&Fake::start(world), &pull(None))
}

fn say(world: &mut World, by: &str, word: &str) {
    world.review(6, by, word);
}

fn push(world: &mut World, by: &str, message: &str) {
    let head = world.pull(6).head_id.clone();
    let commit = world.commit(&[&head], by, message, &[("src/b.rs", by)]);
    world.push(6, by, &commit);
}

fn late(what: Happened) -> Event {
    Event { at: "2026-03-02T14:30:00Z".into(), by: Some("ana".into()), what }
}

#[test]
fn a_review_by_somebody_else_is_an_approval() {
    assert_eq!(after(POLICY, |_| {}), "reviewed");
    assert_eq!(after(POLICY, |world| say(world, "kim", "APPROVED")), "");
    // Words without a decision leave an approval as it is.
    let commented = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        world.review(6, "kim", "COMMENTED");
    };
    assert_eq!(after(POLICY, commented), "");
}

#[test]
fn whoever_had_a_hand_in_it_does_not_approve() {
    assert_eq!(after(POLICY, |world| say(world, "ana", "APPROVED")), "reviewed");
    let committed = |world: &mut World| {
        push(world, "ben", "Name it\n");
        world.review(6, "ben", "APPROVED");
    };
    assert_eq!(after(POLICY, committed), "reviewed");
    let named = |world: &mut World| {
        let address = world.account("kim").unwrap().email.clone();
        push(world, "ana", &format!("Name it\n\nCo-authored-by: kim <{address}>\n"));
        world.review(6, "kim", "APPROVED");
    };
    assert_eq!(after(POLICY, named), "reviewed");
    // A commit by ana that ben has pushed.
    let pushed = |world: &mut World| {
        let head = world.pull(6).head_id.clone();
        let commit = world.commit(&[&head], "ana", "More\n", &[("src/c.rs", "c")]);
        world.push(6, "ben", &commit);
        world.review(6, "ben", "APPROVED");
    };
    assert_eq!(after(POLICY, pushed), "reviewed");
    let opened = |world: &mut World| {
        world.pull(6).author = Some("kim".into());
        world.review(6, "kim", "APPROVED");
    };
    assert_eq!(after(POLICY, opened), "reviewed");
}

#[test]
fn an_approval_is_of_what_lands_by_somebody_who_may_give_it() {
    let stale = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        push(world, "ana", "More\n");
    };
    assert_eq!(after(POLICY, stale), "reviewed");
    assert_eq!(after(POLICY, |world| say(world, "rea", "APPROVED")), "reviewed");
    assert_eq!(after(POLICY, |world| say(world, "helper[bot]", "APPROVED")), "reviewed");
    for word in ["DISMISSED", "PENDING", "SOMETHING_NEW"] {
        assert_eq!(after(POLICY, |world| say(world, "kim", word)), "reviewed", "{word}");
    }
    let taken_back = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        world.review(6, "kim", "DISMISSED");
    };
    assert_eq!(after(POLICY, taken_back), "reviewed");
    let gone = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        world.pull(6).reviews[0].by = None;
    };
    assert_eq!(after(POLICY, gone), "reviewed");
    let lost = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        world.pull(6).reviews[0].commit = None;
    };
    assert_eq!(after(POLICY, lost), "reviewed");
    let retargeted = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        let event = late(Happened::Retargeted { from: "next".into(), to: "main".into() });
        world.pull(6).timeline.push(event);
    };
    assert_eq!(after(POLICY, retargeted), "reviewed");
}

#[test]
fn an_objection_stands_until_it_is_taken_back() {
    let objected = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        world.review(6, "ben", "CHANGES_REQUESTED");
    };
    assert_eq!(after(POLICY, objected), "reviewed");
    let lifted = |world: &mut World| {
        world.review(6, "ben", "CHANGES_REQUESTED");
        world.review(6, "ben", "APPROVED");
    };
    assert_eq!(after(POLICY, lifted), "");
}

#[test]
fn what_was_approved_is_what_the_description_said() {
    let edited = |text: &str| {
        let text = text.to_owned();
        move |world: &mut World| {
            let opened = Edit { at: "2026-03-02T12:00:00Z".into(), by: None, text: Some(BODY.into()) };
            world.pull(6).edits.push(opened);
            world.review(6, "kim", "APPROVED");
            world.edit(6, "ana", &text, "2026-03-02T14:30:00Z");
        }
    };
    assert_eq!(after(POLICY, edited(&BODY.replace("medium", "low"))), "reviewed");
    assert_eq!(after(POLICY, edited(&BODY.replace("Faster.", "Much faster."))), "");
}

#[test]
fn a_trailer_that_nobody_stands_behind_is_refused() {
    let claimed = |world: &mut World| {
        push(world, "ana", "More\n\nReviewed-by: Ben <ben@example.com>\n");
        world.review(6, "kim", "APPROVED");
    };
    assert_eq!(after(POLICY, claimed), "reviewed");
}

#[test]
fn whoever_nobody_can_identify_leaves_it_open_who_else_there_is() {
    let stranger = |world: &mut World| {
        push(world, "ana", "More\n");
        let head = world.pull(6).head_id.clone();
        let commit = world.commits.get_mut(&head).unwrap();
        commit.author.login = None;
        commit.author.email = "nobody@elsewhere.example".into();
        world.review(6, "kim", "APPROVED");
    };
    assert_eq!(after(POLICY, stranger), "reviewed");
}

#[test]
fn what_a_pull_request_is_like_can_be_asked() {
    let good = |world: &mut World| world.check(6, "test", "github-actions", "success");
    assert_eq!(after(FORGE, good), "");
    assert_eq!(after(FORGE, |_| {}), "tests");
    for conclusion in ["failure", "neutral", "skipped", "cancelled", "stale", "something_new"] {
        let done = |world: &mut World| world.check(6, "test", "github-actions", conclusion);
        assert_eq!(after(FORGE, done), "tests", "{conclusion}");
    }
    assert_eq!(after(FORGE, |world| world.check(6, "test", "another-app", "success")), "tests");
    let earlier = |world: &mut World| {
        good(world);
        push(world, "ana", "More\n");
    };
    assert_eq!(after(FORGE, earlier), "tests");
    let draft = |world: &mut World| {
        good(world);
        world.pull(6).is_draft = true;
    };
    assert_eq!(after(FORGE, draft), "ready");
    let open = |world: &mut World| {
        good(world);
        let thread = Thread {
            is_resolved: false,
            path: "src/a.rs".into(),
            by: Some("kim".into()),
            body: "Why?".into(),
        };
        world.pull(6).threads.push(thread);
    };
    assert_eq!(after(FORGE, open), "resolved");
    let held = |world: &mut World| {
        good(world);
        world.label(6, "kim", "hold");
    };
    assert_eq!(after(FORGE, held), "held");
    let titled = |world: &mut World| {
        good(world);
        world.pull(6).title = "far ".repeat(20);
    };
    assert_eq!(after(FORGE, titled), "titled");
}

#[test]
fn a_policy_that_wants_reviews_files_commits_and_checks_takes_twelve_requests() {
    let policy = format!(
        "{POLICY}  tests: {{ title: tests, require: {{ checks: [test] }} }}\n  \
         infra: {{ title: infra, when: {{ touches: ['infra/**'] }}, require: {{ approvals: {{ from: [security] }} }} }}\n"
    );
    let mut world = world(&policy);
    for at in 0..29 {
        let head = world.pull(6).head_id.clone();
        let names: Vec<String> = (0..4).map(|file| format!("src/{at}-{file}.rs")).collect();
        let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x\n")).collect();
        let commit = world.commit(&[&head], "ana", "Step\n", &files[..if at < 12 { 4 } else { 3 }]);
        world.push(6, "ana", &commit);
    }
    (0..20).for_each(|at| say(&mut world, if at % 2 == 0 { "kim" } else { "ben" }, "APPROVED"));
    world.check(6, "test", "github-actions", "success");
    let fake = Fake::start(world);
    let outcome = judge(&fake, &pull(None)).unwrap_or_else(|failure| panic!("{}", failure.why));
    assert_eq!(json!(outcome.report.decision), json!("allow"));
    assert_eq!(outcome.report.groups[0].verdicts[0].commits, 30);
    let asked: Vec<String> = fake.seen().iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    // Two are for the kinds of the files, which the class of prose asks for, and one for the second look.
    assert_eq!(asked.len(), 12, "{asked:#?}");
}
