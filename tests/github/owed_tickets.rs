//! Tickets that are owed on GitHub, and asked about by the sweep: one that a later pull request names, one
//! that names the change, and silence.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fake::{How, Issue, World};
use crate::ledger::{Scene, land, merge, open};

/// An emergency owes a ticket, which is an issue.
const POLICY: &str = "\
changegate: 1
name: shop
extends: [core]
protects: [main]
tickets: { '#': github }
rules:
  reviewed:
    title: somebody who did not make it has reviewed what lands
    for: [normal, standard, isms]
    require: { approvals: { at-least: 1, trust: verified } }
  emergency-ticket:
    title: an emergency has a ticket within 24 hours
    for: [emergency]
    require: { ticket: { field: Emergency-Ticket, within: 24h } }
";

const NOON: &str = "2026-03-02T12:30:00Z";

/// Returns a scene in which an emergency by ana has landed, and the commit as which it did.
fn owing(policy: &str, at: &str) -> (Scene, String) {
    let scene = Scene::new(policy);
    scene.record(&land(&scene, "before")).ends(0);
    let push = scene.fake.world(|world| {
        let number = open(world, "stop the fire", "emergency");
        merge(world, number, at)
    });
    scene.record(&push).ends(0);
    (scene, push.1)
}

fn issue(world: &mut World, number: u64, created: &str, text: &str) {
    world.issues.push(Issue {
        number,
        title: "Look at it again".into(),
        body: Some(text.into()),
        author: Some("rea".into()),
        state: "open",
        labels: Vec::new(),
        created_at: created.into(),
        closed_at: None,
    });
}

/// Lands a pull request by ben which names a ticket for a change.
fn name_it(scene: &Scene, change: &str, ticket: &str) -> (String, String) {
    scene.fake.world(|world| {
        let main = world.branches["main"].clone();
        let commit = world.commit(&[&main], "ben", "Name the ticket\n", &[("ticket.md", ticket)]);
        let body = format!(
            "The ticket.\n\nChange-Type: normal\nRisk: low\nFor-Change: {}\nEmergency-Ticket: {ticket}\n",
            &change[..12]
        );
        let number = world.open("ben", "Name the ticket", &body, "ticket", &[commit]);
        world.review(number, "kim", "APPROVED");
        merge(world, number, "2026-03-02T16:00:00Z")
    })
}

fn discharged(scene: &Scene) -> Vec<Value> {
    let records = scene.records();
    records.into_iter().filter_map(|record| record["event"].get("discharged").cloned()).collect()
}

#[test]
fn a_ticket_that_a_later_pull_request_names_counts_once_it_is_confirmed() {
    let (scene, change) = owing(POLICY, NOON);
    let push = name_it(&scene, &change, "#200");
    let said = scene.record(&push).ends(0);
    let stays = format!("emergency-ticket of {} stays open", &change[..10]);
    assert!(said.contains(&format!("{stays}: the ticket system has not confirmed the ticket yet")), "{said}");
    let said = scene.sweep().ends(1);
    assert!(said.contains(&format!("{stays}: there is no ticket `#200`")), "{said}");
    assert!(discharged(&scene).is_empty());
    scene.fake.world(|world| issue(world, 200, "2026-03-03T09:00:00Z", "What was bypassed."));
    // A schedule does what the terminal does.
    let said = scene.scheduled(&[]).ends(0);
    assert!(said.contains("is closed, by the ticket #200 (GitHub (acme/shop))"), "{said}");
    let found = discharged(&scene);
    let evidence = &found[0]["evidence"];
    assert_eq!((&evidence["kind"], &evidence["by"]), (&json!("ticket"), &json!(push.1)));
    assert_eq!((&found[0]["late-by"], &found[0]["change"]), (&Value::Null, &json!(change)));
    // What is closed is not asked about again.
    scene.fake.forget();
    scene.sweep().ends(0);
    assert!(!scene.fake.seen().iter().any(|one| one.path.contains("issues")));
    assert_eq!(discharged(&scene).len(), 1);
    scene.verify().ends(0);
}

#[test]
fn a_ticket_that_names_what_landed_is_found_and_late_is_late() {
    for (created, late) in [("2026-03-03T12:30:00Z", Value::Null), ("2026-03-03T12:30:07Z", json!(7))] {
        let (scene, change) = owing(POLICY, NOON);
        scene.fake.world(|world| {
            issue(world, 200, created, &format!("See {change}."));
            issue(world, 201, "2026-03-03T12:31:00Z", "Something else.");
        });
        let said = scene.sweep().ends(0);
        assert!(said.contains("by the ticket #200"), "{said}");
        let found = discharged(&scene);
        assert_eq!((&found[0]["late-by"], &found[0]["evidence"]["by"]), (&late, &Value::Null));
        scene.verify().ends(0);
    }
}

#[test]
fn an_issue_of_an_outsider_names_nothing() {
    let by = |who: &str, policy: &str| {
        let (scene, change) = owing(policy, NOON);
        scene.fake.world(|world| {
            world.user("eve", "User", "none");
            issue(world, 200, "2026-03-03T12:00:00Z", &format!("See {change}."));
            world.issues[0].author = Some(who.into());
        });
        scene.sweep()
    };
    let said = by("eve", POLICY).ends(1);
    assert!(said.contains("`github:eve`, who wrote it, is neither a member"), "{said}");
    by("rea", POLICY).ends(0);
    // A person whom the policy names belongs to it.
    let named = POLICY.replace("rules:", "people: { teams: { support: ['github:eve'] } }\nrules:");
    by("eve", &named).ends(0);
}

#[test]
fn an_older_ticket_has_to_be_about_what_landed() {
    let (scene, change) = owing(POLICY, NOON);
    scene.record(&name_it(&scene, &change, "#200")).ends(0);
    scene.fake.world(|world| issue(world, 200, "2026-02-03T09:00:00Z", "Something else."));
    let said = scene.sweep().ends(1);
    assert!(said.contains("the ticket `#200` is about something else"), "{said}");
    scene.fake.world(|world| world.issues[0].body = Some(format!("As in {change}.")));
    scene.sweep().ends(0);
    scene.verify().ends(0);
}

#[test]
fn silence_closes_nothing_and_ends_with_another_code() {
    let soon = Timestamp::now().checked_sub(SignedDuration::from_hours(2)).unwrap();
    let soon = soon.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (scene, change) = owing(POLICY, &soon);
    let stays =
        format!("emergency-ticket of {} stays open; the ticket system cannot be asked: ", &change[..10]);
    let gone = How::Status(401, Vec::new(), json!({ "message": "Bad credentials" }));
    scene.fake.spoil("/search/issues", gone);
    let said = scene.sweep().ends(3);
    assert!(said.contains(&stays) && said.contains("1 due soon"), "{said}");
    scene.fake.heal();
    scene.sweep().ends(0);
    assert!(discharged(&scene).is_empty());
    // What is overdue counts more than who is silent.
    let (scene, _) = owing(POLICY, NOON);
    scene.fake.spoil("/search/issues", How::Status(401, Vec::new(), json!({})));
    let said = scene.sweep().ends(1);
    assert!(said.contains("cannot be asked"), "{said}");
}

#[test]
fn a_file_tells_as_well_and_is_asked_for() {
    let (scene, change) = owing(&POLICY.replace("'#': github", "SEC: export"), NOON);
    let said = scene.sweep().ends(1);
    assert!(said.contains("cannot be asked"), "{said}");
    let text = format!("key,created,title\nSEC-5,2026-03-03T09:00:00Z,{change}\n");
    std::fs::write(scene.folder.path().join("tickets.csv"), text).unwrap();
    let said = scene.run(&["sweep", "--github", "acme/shop", "--export", "tickets.csv"], &[]).ends(0);
    assert!(said.contains("is closed, by the ticket SEC-5 (tickets.csv (sha256:"), "{said}");
    scene.verify().ends(0);
}

#[test]
fn the_policy_that_stands_now_says_what_is_a_ticket() {
    let (scene, change) = owing(POLICY, NOON);
    scene.fake.world(|world| issue(world, 200, "2026-03-03T09:00:00Z", &format!("See {change}.")));
    let push = scene.fake.world(|world| {
        let main = world.branches["main"].clone();
        let policy = POLICY.replace("within: 24h", "within: 24h, label: [incident]");
        let commit = world.commit(
            &[&main],
            "ana",
            "Ask for a label\n",
            &[("policies/changegate.yml", policy.as_str())],
        );
        let body = "A label.\n\nChange-Type: normal\nRisk: low\n";
        let number = world.open("ana", "Ask for a label", body, "label", &[commit]);
        world.review(number, "kim", "APPROVED");
        merge(world, number, "2026-03-02T16:00:00Z")
    });
    scene.record(&push).ends(0);
    let said = scene.sweep().ends(1);
    assert!(said.contains("does not have the label `incident`"), "{said}");
    scene.fake.world(|world| world.issues[0].labels = vec!["incident".into()]);
    scene.sweep().ends(0);
}

#[test]
fn what_is_squashed_into_another_branch_is_asked_about_by_the_policy_there() {
    let policy = POLICY.replace("[main]", "[main, 'release/*']");
    let scene = Scene::new(&policy.replace("within: 24h", "within: 24h, label: [incident]"));
    let push = scene.fake.world(|world| {
        let root = world.branches["main"].clone();
        world.branches.insert("release/1".into(), root.clone());
        let commit = world.commit(&[&root], "ana", "No label\n", &[("policies/changegate.yml", &policy)]);
        let number = world.open("ana", "No label", "Change-Type: normal\nRisk: low\n", "label", &[commit]);
        world.review(number, "kim", "APPROVED");
        merge(world, number, "2026-03-02T16:00:00Z")
    });
    scene.record(&push).ends(0);
    let id = scene.fake.world(|world| {
        let tip = world.branches["release/1"].clone();
        let commit = world.commit(&[&tip], "ana", "Stop the fire\n", &[("src/fire.rs", "out")]);
        let body = "Change-Type: emergency\nRisk: low\n";
        let number = world.open("ana", "Stop the fire", body, "fire", &[commit]);
        let message = "Stop the fire (#1)\n\nChange-Type: emergency\nRisk: low\n";
        let after = world.commit(&[&tip], "ana", message, &[("src/fire.rs", "out")]);
        crate::regularised::moves(world, "release/1", &after, "kim", "pr_merge");
        let pull = world.pull(number);
        (pull.base, pull.state, pull.merge_commit) = ("release/1".into(), "merged", Some(after.clone()));
        (pull.base_id, pull.updated_at) = (tip, "2026-03-02T17:00:00Z".into());
        // Older than what landed, to which its text was added afterwards.
        issue(world, 200, "2026-03-01T09:00:00Z", &format!("See {after}."));
        after
    });
    let said = scene.sweep().ends(1);
    assert!(said.contains(&id[..10]) && said.contains("does not have the label `incident`"), "{said}");
    scene.fake.world(|world| world.issues[0].labels = vec!["incident".into()]);
    let said = scene.sweep().ends(0);
    assert!(said.contains("is closed, by the ticket #200"), "{said}");
    assert_eq!(discharged(&scene)[0]["change"], id);
    // Whose policy cannot be read is told, and its tickets are not taken for none.
    let (scene, _) = owing(&policy, NOON);
    scene.fake.world(|world| {
        let tip = world.branches["main"].clone();
        let broken =
            world.commit(&[&tip], "kim", "Break it\n", &[("policies/changegate.yml", "changegate: 2\n")]);
        crate::ledger::moved(world, &broken, "push", "2026-03-02T18:00:00Z");
    });
    let said = scene.sweep().ends(3);
    assert!(said.contains("cannot confirm the tickets that are owed on `refs/heads/main`"), "{said}");
    scene.run(&["sweep", "--github", "acme/shop", "--repository", "acme/other"], &[]).ends(2);
}
