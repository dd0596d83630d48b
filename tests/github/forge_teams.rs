//! Teams of the organisation that a policy names: their members are looked up, and what cannot be seen denies.

use changegate::change::Change;
use changegate::gate::judge_from_facts;
use changegate::policy::load_policy;
use changegate::verdict::Decision;
use serde_json::json;

use crate::check_runs::set_policy;
use crate::fake::{Fake, How, World};
use crate::ledger::{Scene, land};
use crate::published::{action, code, event};
use crate::scene::{POLICY, plain};

/// A policy whose rule is met by a review from a team of the organisation.
const BY_TEAM: &str = "people: { teams: { security: ['github:acme/security'] } }\n\
    rules: { secure: { require: { approvals: { from: [security] } } } }\n";

/// A world in which pull request 6 is reviewed by `kim`, and the team has these members.
fn reviewed(members: &[&str]) -> World {
    let mut world = plain();
    set_policy(&mut world, &format!("{POLICY}{BY_TEAM}"));
    world.review(6, "kim", "APPROVED");
    world.teams.insert("security".into(), members.iter().map(|login| (*login).to_owned()).collect());
    world
}

/// Returns the exit code, what is printed in one line, and how often the team was asked for.
fn judged(fake: &Fake) -> (i32, String, usize) {
    let (output, ..) = action(fake, "pull_request_target", &event(fake), &[]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let asked = fake
        .seen()
        .iter()
        .filter(|request| request.path.ends_with("/orgs/acme/teams/security/members"))
        .count();
    (code(&output), said.split_whitespace().collect::<Vec<_>>().join(" "), asked)
}

#[test]
fn a_review_by_a_member_of_the_team_counts() {
    let (ended, said, asked) = judged(&Fake::start(reviewed(&["ben", "kim"])));
    assert_eq!((ended, asked), (0, 1), "{said}");
    // Of another team, and of an empty one, nobody is a member.
    for members in [&["ben"][..], &[]] {
        let (ended, said, _) = judged(&Fake::start(reviewed(members)));
        assert_eq!(ended, 1, "{members:?}: {said}");
        assert!(said.contains("is not a member of security"), "{said}");
    }
}

#[test]
fn a_team_is_read_to_its_last_page() {
    let mut world = reviewed(&[]);
    let mut members: Vec<String> = Vec::new();
    for number in 0..130 {
        let login = format!("member-{number}");
        world.user(&login, "User", "read");
        members.push(login);
    }
    members.push("kim".into());
    world.teams.insert("security".into(), members);
    let (ended, said, asked) = judged(&Fake::start(world));
    assert_eq!((ended, asked), (0, 2), "{said}");
}

/// The number of an account tells it from another one that has taken its login.
#[test]
fn an_account_with_another_number_is_no_member() {
    let fake = Fake::start(reviewed(&["kim"]));
    fake.spoil("GET /orgs/acme/teams/security/members", How::Edit(|body| body[0]["id"] = json!(999_999)));
    let (ended, said, _) = judged(&fake);
    assert_eq!(ended, 1, "{said}");
}

#[test]
fn a_team_that_the_token_may_not_read_denies_and_names_the_permission() {
    for status in [403, 404] {
        let fake = Fake::start(reviewed(&["kim"]));
        let told = json!({ "message": "Resource not accessible by integration" });
        fake.spoil("GET /orgs/acme/teams/security/members", How::Status(status, Vec::new(), told));
        let (ended, said, _) = judged(&fake);
        // As for whatever cannot be read, the step says that it could not be judged, and denies.
        assert_eq!(ended, 3, "{status}: {said}");
        assert!(said.contains("denied: the change does not pass the policy"), "{said}");
        let wanted = format!(
            "GitHub does not show `github:acme/security` to this token ({status}); it needs the permission `Members: read`"
        );
        assert!(said.contains(&wanted), "{said}");
    }
    // Where GitHub is out of reach, that is no verdict.
    let fake = Fake::start(reviewed(&["kim"]));
    fake.spoil("GET /orgs/acme/teams/security/members", How::Status(500, Vec::new(), json!({})));
    let (ended, said, _) = judged(&fake);
    assert_eq!(ended, 3, "{said}");
}

/// Who was in the team is a fact of the decision: it is judged again without GitHub, whoever is in the team by then.
#[test]
fn who_was_in_the_team_is_recorded() {
    let text = format!("{POLICY}{BY_TEAM}");
    let policy =
        load_policy("policy.yml", &mut |name| Ok((name == "policy.yml").then(|| text.as_bytes().to_vec())));
    let policy = policy.unwrap_or_else(|errors| panic!("{errors:?}"));
    let scene = Scene::new(&text);
    scene.fake.world(|world| world.teams.insert("security".into(), vec!["ben".into(), "kim".into()]));
    scene.record(&land(&scene, "one")).ends(0);
    let facts = String::from_utf8(scene.file(1, "facts.jsonl")).unwrap();
    assert!(facts.contains("github:acme/security"), "{facts}");
    let mut change: Change = serde_json::from_str(facts.lines().next().unwrap()).unwrap();
    assert_eq!(judge_from_facts(&change, &policy, None).decision(), Decision::Allow);
    change.forge_teams.clear();
    assert_eq!(judge_from_facts(&change, &policy, None).decision(), Decision::Deny);
}

/// What a pull request proposes to read is not read.
#[test]
fn a_proposed_team_is_not_asked_for() {
    let mut world = plain();
    let head = world.pull(6).head_id.clone();
    let proposed = format!("{POLICY}{BY_TEAM}");
    let commit = world.commit(
        &[&head],
        "ana",
        "Ask security\n\nChange-Type: normal\nRisk: low\n",
        &[("policies/changegate.yml", &proposed)],
    );
    world.push(6, "ana", &commit);
    world.teams.insert("security".into(), vec!["kim".into()]);
    let (_, _, asked) = judged(&Fake::start(world));
    assert_eq!(asked, 0);
}

/// A team that only CODEOWNERS names is looked up too, and what cannot be seen denies.
#[test]
fn a_team_of_the_code_owners_is_looked_up() {
    let rule = "rules: { owned: { require: { approvals: { from: codeowners } } } }\n";
    let owned = |members: &[&str]| {
        let mut world = plain();
        let main = world.branches["main"].clone();
        let policy = format!("{POLICY}{rule}");
        let files =
            [("policies/changegate.yml", policy.as_str()), (".github/CODEOWNERS", "* @acme/security\n")];
        let commit = world.commit(&[&main], "kim", "Ask the owners\n", &files);
        world.branches.insert("main".into(), commit);
        world.review(6, "kim", "APPROVED");
        world.teams.insert("security".into(), members.iter().map(|login| (*login).to_owned()).collect());
        world
    };
    let (ended, said, asked) = judged(&Fake::start(owned(&["kim"])));
    assert_eq!((ended, asked), (0, 1), "{said}");
    let (ended, said, _) = judged(&Fake::start(owned(&["ben"])));
    assert_eq!(ended, 1, "{said}");
    assert!(said.contains("needs 1 approval from an owner (`@acme/security`"), "{said}");
    let fake = Fake::start(owned(&["kim"]));
    fake.spoil("GET /orgs/acme/teams/security/members", How::Status(404, Vec::new(), json!({})));
    let (ended, said, _) = judged(&fake);
    assert_eq!(ended, 3, "{said}");
    assert!(said.contains("GitHub does not show `github:acme/security` to this token (404)"), "{said}");
}
