//! What landed on GitHub past the policy: who can regularise it, and that it stays marked.

use serde_json::{Value, json};

use crate::fake::{Activity, How, World};
use crate::ledger::{POLICY, Scene, land, merge, open, push_by_hand};

const TEAM: &str = "\
people: { teams: { duty: ['github:ben', 'github:kim', 'github:ana', 'github:helper[bot]'] } }
obligations: { regularise: { from: [duty], within: 24h } }
";

const WHY: &str = "Emergency-Reason: the queue was stuck, and orders were lost with every minute\n";

fn policy() -> String {
    format!("{POLICY}{TEAM}")
}

/// Opens a pull request by rea, who has nothing to do with anything, that says this for `named`.
fn merge_regularising(world: &mut World, named: &str, fields: &str) -> u64 {
    open_regularising(world, "main", named, fields)
}

/// Opens such a pull request of a commit on top of a branch.
fn open_regularising(world: &mut World, branch: &str, named: &str, fields: &str) -> u64 {
    let tip = world.branches[branch].clone();
    let path = format!("report-{}.md", world.fresh());
    let commit = world.commit(&[&tip], "rea", "Write it down\n", &[(&path, "It was pushed.\n")]);
    let body = format!("The report.\n\nChange-Type: normal\nRisk: low\nFor-Change: {named}\n{fields}");
    let number = world.open("rea", "Write it down", &body, &path, &[commit]);
    world.review(number, "ben", "APPROVED");
    number
}

/// Merges a pull request in the name of somebody.
fn merge_by(world: &mut World, number: u64, by: &str) -> (String, String) {
    let push = merge(world, number, "2026-03-02T18:00:00Z");
    world.activity.last_mut().unwrap().by = Some(by.into());
    push
}

/// Returns a scene in which kim has pushed a commit by ana to main, and that commit.
fn bypassed(policy: &str) -> (Scene, String) {
    let scene = Scene::new(policy);
    scene.record(&land(&scene, "one")).ends(0);
    let push = scene.fake.world(|world| push_by_hand(world, "ana", "2026-03-02T17:00:00Z"));
    let said = scene.record(&push).ends(1);
    assert!(said.contains("recorded as an unauthorised change"), "{said}");
    (scene, push.1)
}

fn regularisation_terms(scene: &Scene) -> Vec<Value> {
    let records = scene.records();
    records.into_iter().filter_map(|record| record["event"].get("regularisation-terms").cloned()).collect()
}

fn unauthorised_change(scene: &Scene) -> Value {
    let at = scene.git.path();
    let args = ["obligations", "--all", "--format", "json", "-C", at.to_str().unwrap()];
    let told = scene.run(&args, &[]).text;
    let list: Value = serde_json::from_str(&told).unwrap();
    let found = list["obligations"].as_array().unwrap().clone();
    found.into_iter().find(|one| one["rule"] == "unauthorised-change").unwrap()
}

fn keys(terms: &Value) -> Vec<&str> {
    terms["contributors"].as_array().unwrap().iter().filter_map(|hand| hand["key"].as_str()).collect()
}

#[test]
fn a_member_of_the_team_who_merges_regularises_it_and_it_stays_marked() {
    let (scene, id) = bypassed(&policy());
    assert_eq!(scene.events()[3..], ["decision", "unauthorised", "regularisation-terms"]);
    let found = regularisation_terms(&scene);
    assert_eq!((&found[0]["teams"], &found[0]["contributors-known"]), (&json!(["duty"]), &json!(true)));
    assert_eq!(found[0]["regularised-on"], "refs/heads/main");
    // Who wrote it, and who pushed it.
    let keys = keys(&found[0]);
    assert!(keys.contains(&"github:ana") && keys.contains(&"github:kim"), "{keys:?}");
    let said = scene.sweep().ends(0);
    assert!(said.contains("a member of duty who is not its author") && said.contains("1 due soon"), "{said}");
    let push = scene.fake.world(|world| {
        let number = merge_regularising(world, &id[..12], WHY);
        merge_by(world, number, "ben")
    });
    let said = scene.record(&push).ends(0);
    assert!(said.contains("record 5, an unauthorised change, is regularised"), "{said}");
    let found_change = unauthorised_change(&scene);
    assert_eq!((&found_change["standing"], &found_change["regularised"]), (&json!("closed"), &json!(true)));
    assert_eq!(found_change["closed"]["by"], push.1);
    scene.sweep().ends(0);
    let said = scene.verify().ends(0);
    assert!(said.contains("regularised by record"), "{said}");
}

#[test]
fn no_other_person_regularises_it_and_not_without_a_reason() {
    let (scene, id) = bypassed(&policy());
    for (by, fields, why) in [
        ("rea", WHY, "a person whom the policy lets regularise it"),
        ("helper[bot]", WHY, "a person whom the policy lets regularise it"),
        // Who wrote it, and who pushed it past the gate.
        ("ana", WHY, "a contributor to the change cannot close it"),
        ("kim", WHY, "a contributor to the change cannot close it"),
        ("ben", "", "does not state what the policy asks of an emergency"),
    ] {
        let push = scene.fake.world(|world| {
            let number = merge_regularising(world, &id[..12], fields);
            merge_by(world, number, by)
        });
        let said = scene.record(&push).ends(0);
        assert!(said.contains("record 5 stays open") && said.contains(why), "{by}: {said}");
    }
    // Of a merge of which GitHub does not tell who made it, it is not known who regularises.
    let push = scene.fake.world(|world| {
        let number = merge_regularising(world, &id[..12], WHY);
        let push = merge_by(world, number, "ben");
        world.activity.last_mut().unwrap().by = None;
        push
    });
    let said = scene.record(&push).ends(0);
    assert!(said.contains("record 5 stays open"), "{said}");
    assert_ne!(unauthorised_change(&scene)["standing"], "closed");
    let push = scene.fake.world(|world| {
        let number = merge_regularising(world, "ledger:5", WHY);
        merge_by(world, number, "ben")
    });
    let said = scene.record(&push).ends(0);
    assert!(said.contains("record 5, an unauthorised change, is regularised"), "{said}");
    scene.verify().ends(0);
}

#[test]
fn an_unidentified_contributor_keeps_everyone_from_regularising_it() {
    type Spoil = fn(&mut World);
    let cases: [(&str, Spoil); 3] = [
        ("an author without an account", |world| {
            let last = world.activity.last().unwrap().after.clone();
            world.commits.get_mut(&last).unwrap().author.login = None;
        }),
        ("a pusher who is gone", |world| world.activity.last_mut().unwrap().by = None),
        ("a co-author without an account", |world| {
            let last = world.activity.last().unwrap().after.clone();
            let commit = world.commits.get_mut(&last).unwrap();
            commit.message = format!("{}Co-authored-by: Eve <eve@example.com>\n", commit.message);
        }),
    ];
    for (what, spoil) in cases {
        let scene = Scene::new(&policy());
        scene.record(&land(&scene, "one")).ends(0);
        let push = scene.fake.world(|world| {
            let push = push_by_hand(world, "ana", "2026-03-02T17:00:00Z");
            spoil(world);
            push
        });
        scene.record(&push).ends(1);
        assert_eq!(regularisation_terms(&scene)[0]["contributors-known"], false, "{what}");
        let push = scene.fake.world(|world| {
            let number = merge_regularising(world, &push.1[..12], WHY);
            merge_by(world, number, "ben")
        });
        let said = scene.record(&push).ends(0);
        assert!(
            said.contains("stays open: the contributors to one of the two changes are not known"),
            "{what}: {said}"
        );
        scene.verify().ends(1);
    }
}

#[test]
fn a_co_author_whom_github_knows_cannot_regularise_it() {
    let scene = Scene::new(&policy());
    scene.record(&land(&scene, "one")).ends(0);
    let push = scene.fake.world(|world| {
        let main = world.branches["main"].clone();
        let message = "By hand\n\nChange-Type: normal\nRisk: low\nCo-authored-by: Ben <ben@example.com>\n";
        let after = world.commit(&[&main], "ana", message, &[("hand.txt", "x")]);
        let before = crate::ledger::moved(world, &after, "push", "2026-03-02T17:00:00Z");
        (before, after)
    });
    scene.record(&push).ends(1);
    let found = regularisation_terms(&scene);
    assert_eq!(found[0]["contributors-known"], true, "{found:?}");
    assert!(keys(&found[0]).contains(&"github:ben"), "{found:?}");
    let push = scene.fake.world(|world| {
        let number = merge_regularising(world, &push.1[..12], WHY);
        merge_by(world, number, "ben")
    });
    let said = scene.record(&push).ends(0);
    assert!(said.contains("a contributor to the change cannot close it"), "{said}");
}

#[test]
fn what_github_does_not_answer_is_asked_again_by_the_next_sweep() {
    let scene = Scene::new(&policy());
    scene.record(&land(&scene, "one")).ends(0);
    let push = scene.fake.world(|world| {
        let main = world.branches["main"].clone();
        let message = "By hand\n\nChange-Type: normal\nRisk: low\nCo-authored-by: Ben <ben@example.com>\n";
        let after = world.commit(&[&main], "ana", message, &[("hand.txt", "x")]);
        let before = crate::ledger::moved(world, &after, "push", "2026-03-02T17:00:00Z");
        (before, after)
    });
    scene.fake.spoil("query Authors", How::Status(500, Vec::new(), json!({})));
    let said = scene.record(&push).ends(1);
    assert!(said.contains("record 5 cannot be regularised yet"), "{said}");
    // What landed is recorded all the same.
    assert_eq!(scene.events()[3..], ["decision", "unauthorised"]);
    scene.sweep().ends(3);
    scene.fake.heal();
    scene.sweep().ends(0);
    assert_eq!(scene.events()[5..], ["regularisation-terms"]);
    // It is recorded once.
    scene.sweep().ends(0);
    assert_eq!(scene.events().len(), 6);
    scene.verify().ends(1);
}

#[test]
fn a_record_of_moves_that_comes_late_is_waited_for() {
    let scene = Scene::new(&policy());
    scene.record(&land(&scene, "one")).ends(0);
    let push = scene.fake.world(|world| push_by_hand(world, "ana", "2026-03-02T17:00:00Z"));
    scene.fake.spoil("/activity?ref=refs/heads/main", How::Status(200, Vec::new(), json!([])));
    let said = scene.record(&push).ends(1);
    assert!(said.contains("GitHub does not tell yet who moved the ref"), "{said}");
    assert!(regularisation_terms(&scene).is_empty());
    scene.sweep().ends(3);
    scene.fake.heal();
    scene.sweep().ends(0);
    let found = regularisation_terms(&scene);
    assert!(keys(&found[0]).contains(&"github:kim"), "{found:?}");
    assert_eq!(found[0]["contributors-known"], true);
    // Who merged a pull request, that says itself.
    scene.fake.spoil("/activity?ref=refs/heads/main", How::Status(200, Vec::new(), json!([])));
    for (by, why) in [("kim", "a contributor to the change cannot close it"), ("ben", "is regularised")] {
        let merged = scene.fake.world(|world| {
            let number = merge_regularising(world, &push.1[..12], WHY);
            world.pull(number).merged_by = Some(by.into());
            merge_by(world, number, "rea")
        });
        let said = scene.record(&merged).ends(0);
        assert!(said.contains(why), "{by}: {said}");
    }
    scene.verify().ends(0);
}

#[test]
fn a_policy_that_names_somebody_later_counts_from_when_it_landed() {
    let (scene, id) = bypassed(POLICY);
    assert_eq!(scene.events()[3..], ["decision", "unauthorised"]);
    let said = scene.sweep().ends(1);
    assert!(said.contains("cannot be regularised"), "{said}");
    let push = scene.fake.world(|world| {
        let main = world.branches["main"].clone();
        let path = ("policies/changegate.yml", policy());
        let commit = world.commit(&[&main], "ana", "Name a team\n", &[(path.0, &path.1)]);
        let body = format!("A team.\n\nChange-Type: normal\nRisk: low\nFor-Change: {}\n{WHY}", &id[..12]);
        let number = world.open("ana", "Name a team", &body, "team", &[commit]);
        world.review(number, "kim", "APPROVED");
        merge_by(world, number, "ben")
    });
    // The change that names him is judged by the policy before it.
    let said = scene.record(&push).ends(0);
    assert!(said.contains("record 5 stays open"), "{said}");
    assert_eq!(regularisation_terms(&scene).len(), 1);
    let push = scene.fake.world(|world| {
        let number = merge_regularising(world, &id[..12], WHY);
        merge_by(world, number, "ben")
    });
    scene.record(&push).ends(0);
    assert_eq!(unauthorised_change(&scene)["standing"], "closed");
    scene.sweep().ends(0);
    scene.verify().ends(0);
}

#[test]
fn a_pull_request_that_was_merged_past_the_policy_is_not_regularised_by_its_merger() {
    let scene = Scene::new(&policy());
    scene.record(&land(&scene, "one")).ends(0);
    let push = scene.fake.world(|world| {
        let number = open(world, "two", "normal");
        merge_by(world, number, "ben")
    });
    scene.record(&push).ends(1);
    let found = regularisation_terms(&scene);
    let keys = keys(&found[0]);
    assert!(keys.contains(&"github:ana") && keys.contains(&"github:ben"), "{keys:?}");
    let push = scene.fake.world(|world| {
        let number = merge_regularising(world, &push.1[..12], WHY);
        merge_by(world, number, "ben")
    });
    let said = scene.record(&push).ends(0);
    assert!(said.contains("a contributor to the change cannot close it"), "{said}");
    assert_ne!(unauthorised_change(&scene)["standing"], "closed");
}

const NONE: &str = "0000000000000000000000000000000000000000";

/// Has a branch hold something else, in the name of somebody.
pub(crate) fn moves(world: &mut World, branch: &str, after: &str, by: &str, kind: &'static str) {
    let before = world.branches.remove(branch).unwrap_or_else(|| NONE.into());
    if after != NONE {
        world.branches.insert(branch.into(), after.into());
    }
    world.activity.push(Activity {
        branch: branch.into(),
        before,
        after: after.into(),
        by: Some(by.into()),
        kind,
        at: "2026-03-02T17:00:00Z".into(),
    });
}

/// Squashes what regularises `named` into a branch.
fn squash(world: &mut World, branch: &str, named: &str, by: &str) {
    let number = open_regularising(world, branch, named, WHY);
    let (tip, path) = (world.branches[branch].clone(), world.pull(number).head.clone());
    let after = world.commit(&[&tip], "rea", "Write it down (squashed)\n", &[(&path, "It was pushed.\n")]);
    moves(world, branch, &after, by, "pr_merge");
    let pull = world.pull(number);
    (pull.base, pull.state, pull.merge_commit) = (branch.into(), "merged", Some(after));
    (pull.base_id, pull.updated_at) = (tip, "2026-03-02T17:00:00Z".into());
}

#[test]
fn on_every_branch_it_is_the_policy_of_the_default_branch_that_says_who() {
    let old = format!("{POLICY}{TEAM}").replace("[main]", "[main, 'release/*']");
    let scene = Scene::new(&old.replace("github:ben", "github:rea"));
    let push = scene.fake.world(|world| {
        let root = world.branches["main"].clone();
        world.branches.insert("release/1".into(), root.clone());
        let commit = world.commit(&[&root], "ana", "Another team\n", &[("policies/changegate.yml", &old)]);
        let number = world.open("ana", "Another team", "Change-Type: normal\nRisk: low\n", "team", &[commit]);
        world.review(number, "kim", "APPROVED");
        merge(world, number, "2026-03-02T16:00:00Z")
    });
    scene.record(&push).ends(0);
    let id = scene.fake.world(|world| {
        let tip = world.branches["release/1"].clone();
        let after = world.commit(&[&tip], "ana", "By hand\n", &[("hand.txt", "x")]);
        moves(world, "release/1", &after, "kim", "push");
        after
    });
    scene.sweep().ends(1);
    assert_eq!(regularisation_terms(&scene)[0]["regularised-on"], "refs/heads/release/1");
    for (branch, by, why) in [
        ("release/1", "rea", "a person whom the policy lets regularise it"),
        ("main", "ben", ""),
        ("release/1", "ben", "is regularised"),
    ] {
        scene.fake.world(|world| squash(world, branch, &id[..12], by));
        let said = scene.sweep().ends(0);
        assert!(said.contains(why), "{branch} by {by}: {said}");
        assert_eq!(
            unauthorised_change(&scene)["standing"] == "closed",
            (branch, by) == ("release/1", "ben"),
            "{said}"
        );
    }
    scene.verify().ends(0);
}

#[test]
fn a_deleted_branch_is_regularised_on_the_default_branch_by_its_number() {
    let scene = Scene::new(&policy().replace("[main]", "[main, 'release/*']"));
    scene.fake.world(|world| {
        let root = world.branches["main"].clone();
        world.branches.insert("release/1".into(), root);
    });
    scene.record(&land(&scene, "one")).ends(0);
    scene.fake.world(|world| moves(world, "release/1", NONE, "kim", "branch_deletion"));
    scene.sweep().ends(1);
    let found = regularisation_terms(&scene);
    assert_eq!(
        (&found[0]["regularised-on"], keys(&found[0])),
        (&json!("refs/heads/main"), vec!["github:kim"])
    );
    for (by, why) in [("kim", "a contributor to the change cannot close it"), ("ben", "is regularised")] {
        scene.fake.world(|world| squash(world, "main", "ledger:5", by));
        let said = scene.sweep().ends(0);
        assert!(said.contains(why), "{by}: {said}");
    }
    scene.verify().ends(0);
}

#[test]
fn a_branch_that_is_new_was_made_by_those_who_made_what_main_has_not() {
    let scene = Scene::new(&policy().replace("[main]", "[main, 'release/*']"));
    scene.record(&land(&scene, "one")).ends(0);
    scene.fake.world(|world| {
        let tip = world.branches["main"].clone();
        let after = world.commit(&[&tip], "rea", "By hand\n", &[("hand.txt", "x")]);
        moves(world, "release/2", &after, "ana", "branch_creation");
    });
    scene.sweep().ends(1);
    let found = regularisation_terms(&scene);
    let keys = keys(&found[0]);
    assert!(keys.contains(&"github:rea") && keys.contains(&"github:ana"), "{keys:?}");
    assert!(!keys.contains(&"github:kim"), "{keys:?}");
    assert_eq!((&found[0]["contributors-known"], keys.len()), (&json!(true), 3), "{found:#?}");
}

#[test]
fn what_came_past_the_policy_does_not_choose_who_regularises_it() {
    let scene = Scene::new(&policy());
    scene.record(&land(&scene, "one")).ends(0);
    let push = scene.fake.world(|world| {
        let main = world.branches["main"].clone();
        let chosen = policy().replace("'github:ben'", "'github:rea'").replace("24h", "365 days");
        let message = "Quick fix\n\nChange-Type: normal\nRisk: low\n";
        let after = world.commit(&[&main], "ana", message, &[("policies/changegate.yml", &chosen)]);
        let before = crate::ledger::moved(world, &after, "push", "2026-03-02T17:00:00Z");
        (before, after)
    });
    scene.record(&push).ends(1);
    assert_eq!(regularisation_terms(&scene).len(), 1);
    // Rea is in the team of the policy that came along, and ben in the team of the one before.
    for (by, standing) in [("rea", false), ("ben", true)] {
        let push = scene.fake.world(|world| {
            let number = merge_regularising(world, &push.1[..12], WHY);
            merge_by(world, number, by)
        });
        scene.record(&push);
        assert_eq!(unauthorised_change(&scene)["standing"] == "closed", standing, "{by}");
    }
}
