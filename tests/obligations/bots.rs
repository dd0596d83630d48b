//! Bots and agents close nothing that only a person can.

use crate::past::{EMERGENCY, REVIEW, TICKET, closes};
use crate::world::{POLICY, World};

const STATED_BY_BOT: &str = "stays open: a bot states it, and only a person can";

/// Known bots, by name and address.
const BOTS: [(&str, &str); 5] = [
    ("ci[bot]", "ci[bot]@example.com"),
    ("Helper", "bot@corp.example"),
    ("Claude", "noreply@anthropic.com"),
    ("Copilot", "198982749+Copilot@users.noreply.github.com"),
    ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com"),
];

impl World {
    /// Commits as this author, committed by Kim.
    fn commit_as(&mut self, (name, address): (&str, &str), message: &str) -> String {
        let before = std::mem::take(&mut self.environment);
        self.environment.extend(before.iter().cloned());
        for (key, value) in [
            ("GIT_AUTHOR_NAME", name),
            ("GIT_AUTHOR_EMAIL", address),
            ("GIT_COMMITTER_NAME", "Kim"),
            ("GIT_COMMITTER_EMAIL", "kim@example.com"),
        ] {
            self.environment.push((key.into(), value.into()));
        }
        let id = self.commit(message);
        self.environment = before;
        id
    }

    fn open_reviews(&self) -> usize {
        let mut told = self.command(crate::world::BINARY, "server.git");
        let output = told.args(["obligations", "--format", "json"]).output().unwrap();
        let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let owed = list["obligations"].as_array().unwrap();
        owed.iter().filter(|one| one["rule"] == "emergency-review").count()
    }
}

#[test]
fn a_bot_that_authors_the_review_closes_nothing() {
    let policy = format!("{POLICY}people: {{ bots: ['*[bot]', 'bot@*'] }}\n");
    let mut world = World::under(&policy);
    let change = world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    for bot in BOTS {
        world.commit_as(bot, &closes(&change, REVIEW));
        world.push(&["main"]).accepted().says(STATED_BY_BOT);
        assert_eq!(world.open_reviews(), 1, "{bot:?}");
        world.changegate("server.git", &["sweep"]);
        assert_eq!(world.open_reviews(), 1, "{bot:?}");
    }
    // A merge by a person does not make it theirs.
    let tip = world.head();
    let inner = world.commit_as(BOTS[0], &closes(&change, REVIEW));
    let merge = world.commit_tree(&[&tip, &inner], "Merge what the bot wrote\n");
    world.git(&["reset", "-q", "--hard", &merge]);
    world.push(&["main"]).accepted().says(STATED_BY_BOT);
    assert_eq!(world.open_reviews(), 1);
    // What any person or program can bring, a bot can.
    world.commit_as(BOTS[0], &closes(&change, TICKET));
    world.push(&["main"]).accepted().says("emergency-ticket of").says("is closed");
    world.commit_as(("Ben", "ben@example.com"), &closes(&change, REVIEW));
    world.push(&["main"]).accepted();
    assert_eq!(world.open_reviews(), 0);
    world.changegate("server.git", &["ledger", "verify"]).accepted();
}

#[test]
fn a_bot_that_pushes_the_review_of_a_person_closes_nothing() {
    let policy = format!("{POLICY}people: {{ bots: ['*[bot]', 'deploy'] }}\n");
    let mut world = World::under(&policy);
    world.configure("changegate.pusher", "env:WHO");
    let change = world.commit(EMERGENCY);
    world.environment.push(("WHO".into(), "ana@example.com".into()));
    world.push(&["main"]).accepted();
    for account in ["ci[bot]", "deploy"] {
        world.environment = vec![("WHO".into(), account.into())];
        world.commit_as(("Ben", "ben@example.com"), &closes(&change, REVIEW));
        world.push(&["main"]).accepted().says(STATED_BY_BOT);
        assert_eq!(world.open_reviews(), 1, "{account}");
    }
    world.environment = vec![("WHO".into(), "ben@example.com".into())];
    world.commit_as(("Ben", "ben@example.com"), &closes(&change, REVIEW));
    world.push(&["main"]).accepted();
    assert_eq!(world.open_reviews(), 0);
    world.changegate("server.git", &["ledger", "verify"]).accepted();
}
