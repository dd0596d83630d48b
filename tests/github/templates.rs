//! Whose text a description is: templates at every place, templates that cannot be read, bots that open pull requests.

use changegate::change::{Change, NeededFacts};
use serde_json::{Value, json};

use crate::fake::{Fake, How, World};
use crate::judged::{denied, gather, pull};
use crate::scene::{POLICY, plain};

const TEMPLATE: &str = "## What\n\nSay what it does.\n\n## Risk\n\nlow\n\n## Change type\n\n- [x] normal\n";

/// Returns a world with these files on the base branch, whose pull request has this description.
fn world_with(files: &[(&str, &str)], body: &str) -> World {
    let mut world = World::new(POLICY);
    let main = world.branches["main"].clone();
    let base = if files.is_empty() { main } else { world.commit(&[&main], "kim", "Templates\n", files) };
    world.branches.insert("main".into(), base.clone());
    let commit = world.commit(&[&base], "ana", "Keep an index\n", &[("src/search.rs", "fn search() {}\n")]);
    world.open("ana", "Search faster", body, "search", &[commit]);
    world
}

fn stated(change: &Change) -> Vec<String> {
    let pull = change.pull.as_deref().unwrap();
    pull.statements.iter().map(|one| format!("{}={}", one.label, one.value.to_lossy())).collect()
}

fn templates(change: &Change) -> Vec<String> {
    let pull = change.pull.as_deref().unwrap();
    pull.templates.as_ref().unwrap().iter().map(|path| path.to_lossy().into_owned()).collect()
}

#[test]
fn a_template_states_nothing_wherever_it_lies() {
    let all = ["What=Say what it does.", "Risk=low", "Change type=normal"];
    for path in [
        "PULL_REQUEST_TEMPLATE.md",
        "pull_request_template.md",
        "Pull_Request_Template.MD",
        "pull_request_template.txt",
        "pull_request_template",
        "docs/pull_request_template.md",
        "Docs/PULL_REQUEST_TEMPLATE.md",
        ".github/pull_request_template.md",
        ".github/PULL_REQUEST_TEMPLATE/feature.md",
        "docs/pull_request_template/feature.md",
        "PULL_REQUEST_TEMPLATE/feature.md",
    ] {
        let fake = Fake::start(world_with(&[(path, TEMPLATE)], TEMPLATE));
        let change = gather(&fake, &NeededFacts::new()).unwrap();
        assert_eq!(stated(&change), [""; 0], "{path}");
        assert_eq!(templates(&change), [path]);
        assert_eq!(denied(&fake, &pull(None)), "change-type,risk", "{path}");
    }
    for elsewhere in
        ["docs/a/pull_request_template.md", "my_pull_request_template.md", "src/pull_request_template.md"]
    {
        let fake = Fake::start(world_with(&[(elsewhere, TEMPLATE)], TEMPLATE));
        assert_eq!(stated(&gather(&fake, &NeededFacts::new()).unwrap()), all, "{elsewhere}");
    }
    // A template that only the pull request itself brings says nothing about its words.
    let mut world = world_with(&[], TEMPLATE);
    let head = world.pull(6).head_id.clone();
    let own = world.commit(&[&head], "ana", "A template\n", &[("pull_request_template.md", TEMPLATE)]);
    world.push(6, "ana", &own);
    let fake = Fake::start(world);
    assert_eq!(stated(&gather(&fake, &NeededFacts::new()).unwrap()), all);
}

#[test]
fn several_templates_count_together_and_what_is_filled_in_is_stated() {
    let other = "## Risk\n\nhigh\n";
    let files =
        [(".github/PULL_REQUEST_TEMPLATE/a.md", TEMPLATE), (".github/PULL_REQUEST_TEMPLATE/b.md", other)];
    let body = TEMPLATE.replace("low", "high").replace("normal", "standard");
    let fake = Fake::start(world_with(&files, &body));
    let change = gather(&fake, &NeededFacts::new()).unwrap();
    assert_eq!(stated(&change), ["Change type=standard"]);
    assert_eq!(templates(&change).len(), 2);
}

#[test]
fn a_template_that_cannot_be_read_never_lets_a_description_count() {
    let files = [("docs/pull_request_template.md", "## Other\n\nthings\n")];
    let body = "Makes it faster.\n\nChange-Type: normal\nRisk: low\n";
    for asked in ["\"path\":\"docs\"", "docs/pull_request_template.md"] {
        let fake = Fake::start(world_with(&files, body));
        assert_eq!(denied(&fake, &pull(None)), "", "{asked}");
        let refused = json!({ "data": null, "errors": [{ "type": "FORBIDDEN", "message": "no" }] });
        fake.spoil(asked, How::Status(200, Vec::new(), refused));
        let change = gather(&fake, &NeededFacts::new()).unwrap();
        assert!(change.pull.as_deref().unwrap().templates.is_err(), "{asked}");
        assert_eq!(denied(&fake, &pull(None)), "change-type,risk", "{asked}");
        // Where GitHub failed to tell it, nothing is judged.
        fake.heal();
        let failed = json!({ "data": null, "errors": [{ "message": "Something went wrong" }] });
        fake.spoil(asked, How::Status(200, Vec::new(), failed));
        assert!(crate::judged::judge(&fake, &pull(None)).is_err(), "{asked}");
    }
}

#[test]
fn where_templates_are_is_asked_for_if_the_answer_with_the_policy_does_not_tell() {
    let files = [("docs/pull_request_template.md", "## Other\n\nthings\n")];
    let fake = Fake::start(world_with(&files, "Makes it faster.\n\nChange-Type: normal\nRisk: low\n"));
    let untold: fn(&mut Value) = |value| {
        let target = &mut value["data"]["repository"]["pullRequest"]["baseRef"]["target"];
        target["rootTree"] = json!(null);
    };
    let asks_for_root = |fake: &Fake| {
        let seen = fake.seen();
        seen.iter().any(|one| String::from_utf8_lossy(&one.body).contains("\"withRoot\":true"))
    };
    assert_eq!(denied(&fake, &pull(None)), "");
    assert!(!asks_for_root(&fake));
    fake.spoil("query Policy", How::Edit(untold));
    assert_eq!(denied(&fake, &pull(None)), "");
    assert!(asks_for_root(&fake));
    let refused = json!({ "data": null, "errors": [{ "type": "FORBIDDEN", "message": "no" }] });
    fake.spoil("\"withRoot\":true", How::Status(200, Vec::new(), refused));
    assert_eq!(denied(&fake, &pull(None)), "change-type,risk");
}

#[test]
fn a_description_by_a_bot_states_what_the_policy_lets_it_state() {
    let body = "Bump it\n\nChange-Type: normal\nRisk: low\n";
    let judge = |fields: &str| {
        let mut world = World::new(&format!("{POLICY}{fields}"));
        let main = world.branches["main"].clone();
        let commit = world.commit(&[&main], "helper[bot]", "Bump it\n", &[("Cargo.lock", "a\n")]);
        world.open("helper[bot]", "Bump it", body, "bump", &[commit]);
        denied(&Fake::start(world), &pull(None))
    };
    assert_eq!(judge(""), "change-type,risk");
    let risk = "fields:\n  Risk: { ordered: [low, high], on-conflict: highest, stated-by-bots: ['github:helper[bot]'] }\n";
    assert_eq!(judge(risk), "change-type");
    assert_eq!(judge(&risk.replace("helper", "other")), "change-type,risk");
    // A person may state it in a commit.
    let mut world = plain();
    world.pull(6).author = Some("helper[bot]".into());
    assert_eq!(denied(&Fake::start(world), &pull(None)), "");
}
