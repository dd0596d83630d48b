//! The recipes of docs/github.md, tried against the fake.

use crate::fake::{Fake, User, World};
use crate::judged::{denied, pull};
use crate::scene::GOOD;

const STARTUP: &str = "changegate: 1\nname: shop\nextends: [startup]\nprotects: [main]\n";

/// Returns a world in which `author` opens pull request 6 with one commit of theirs, approved by `kim`.
fn opened(policy: &str, author: &str, body: &str, message: &str) -> World {
    let mut world = World::new(policy);
    if world.account(author).is_none() {
        // The number of the pull request depends on how many accounts were counted.
        let email = format!("{}@example.com", author.trim_end_matches("[bot]"));
        world.users.push(User { login: author.into(), id: 900, kind: "Bot", role: "write", email });
    }
    let main = world.branches["main"].clone();
    let commit = world.commit(&[&main], author, message, &[("Cargo.lock", "a 2\n")]);
    world.open(author, "Update a to 2", body, "update", &[commit]);
    approve(&mut world, "kim");
    world
}

fn approve(world: &mut World, by: &str) {
    world.review(6, by, "APPROVED");
    for review in &mut world.pull(6).reviews {
        review.at = Some("2026-03-02T13:30:00Z".into());
    }
}

#[test]
fn a_bot_states_what_its_field_lets_it_state() {
    let message = "Update a to 2\n\nIt is the newest.\n";
    let says = |policy: &str, by: &str| denied(&Fake::start(opened(policy, by, GOOD, message)), &pull(None));
    let bots = "stated-by-bots: ['github:renovate[bot]', 'github:dependabot[bot]']";
    let policy = format!(
        "{STARTUP}fields:\n  Change-Type: {{ one-of: [normal, standard, emergency], {bots} }}\n  \
         Risk: {{ ordered: [low, medium, high, critical], {bots} }}\n"
    );
    for bot in ["renovate[bot]", "dependabot[bot]"] {
        assert!(says(STARTUP, bot).contains("change-type"), "{bot}: {}", says(STARTUP, bot));
        assert_eq!(says(&policy, bot), "", "{bot}");
    }
    assert!(says(&policy, "another[bot]").contains("change-type"));
    // A person adds the trailers by a commit.
    let mut world = opened(STARTUP, "dependabot[bot]", "Bumps a.\n", message);
    let head = world.pull(6).head_id.clone();
    let said = "State what this is\n\nAn update.\n\nChange-Type: normal\nRisk: low\n";
    let commit = world.commit(&[&head], "ana", said, &[]);
    world.push(6, "ana", &commit);
    world.pull(6).reviews.clear();
    approve(&mut world, "kim");
    assert_eq!(denied(&Fake::start(world), &pull(None)), "");
}

#[test]
fn two_look_at_what_a_bot_made() {
    let rule = "rules:\n  two-look-at-what-a-bot-made:\n    title: two people approve what a bot wrote\n    \
                when: { author: { bot: true } }\n    require: { approvals: { at-least: 2 } }\n";
    let message = "Update a to 2\n\nIt is the newest.\n\nChange-Type: normal\nRisk: low\n";
    let mut world = opened(&format!("{STARTUP}{rule}"), "copilot-swe-agent[bot]", "Done.\n", message);
    let fake = Fake::start(world);
    assert_eq!(denied(&fake, &pull(None)), "two-look-at-what-a-bot-made");
    fake.world(|world| approve(world, "ben"));
    assert_eq!(denied(&fake, &pull(None)), "");
    // Whom the commits name as a co-author has made it, too.
    let asked = format!("{message}Co-authored-by: ben <ben@example.com>\n");
    world = opened(STARTUP, "copilot-swe-agent[bot]", "Done.\n", &asked);
    world.pull(6).reviews.clear();
    approve(&mut world, "ben");
    assert!(denied(&Fake::start(world), &pull(None)).contains("peer-review"));
}

#[test]
fn an_address_without_an_account_is_told_and_fixed_on_github() {
    let message = "Update a to 2\n\nIt is the newest.\n\nChange-Type: normal\nRisk: low\n";
    let mut world = opened(STARTUP, "ana", GOOD, message);
    let head = world.pull(6).head_id.clone();
    let mut commit = world.commits[&head].clone();
    commit.author.email = "ana@laptop.example".into();
    commit.author.login = None;
    commit.committer = commit.author.clone();
    let unknown = world.record(commit);
    let only = vec![unknown.clone()];
    world.push(6, "ana", &unknown);
    let pull_request = world.pull(6);
    pull_request.commits = only;
    pull_request.reviews.clear();
    approve(&mut world, "kim");
    let fake = Fake::start(world);
    let before = denied(&fake, &pull(None));
    // The author adds the address to the account.
    fake.world(|world| {
        let commit = world.commits.get_mut(&unknown).unwrap();
        commit.author.login = Some("ana".into());
        commit.committer.login = Some("ana".into());
    });
    assert_eq!((before.as_str(), denied(&fake, &pull(None)).as_str()), ("peer-review", ""));
}

#[test]
fn a_pull_request_into_another_branch_of_a_stack_is_not_under_control() {
    let message = "Update a to 2\n\nIt is the newest.\n\nChange-Type: normal\nRisk: low\n";
    let mut world = opened(STARTUP, "ana", GOOD, message);
    let main = world.branches["main"].clone();
    world.branches.insert("first-part".into(), main);
    world.pull(6).base = "first-part".into();
    let fake = Fake::start(world);
    assert_eq!(denied(&fake, &pull(None)), "pull-target");
}
