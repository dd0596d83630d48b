//! The way around a review, in a pull request: an emergency passes with the word of somebody who may give
//! it, and not with what its author has typed.

use std::path::Path;

use crate::fake::{Fake, World};
use crate::judged::{denied, pull};

/// What an emergency says by the pack `iso27001`.
const SAID: &str = "\
Stops the double charge.

Change-Type: emergency
Risk: high
Security-Impact: low
Incident: INC-2031
Emergency-Reason: cards are charged twice, and each minute costs customers money
Back-out-Plan: revert this commit and redeploy
";

/// The author names who has said yes.
const NAMED: &str = "Authorized-by: Kim <kim@example.com>\n";

/// What a policy is that takes the pack as it is.
const PACK: &str = "changegate: 1\nname: shop\nextends: [iso27001]\nprotects: [main]\n";

/// Who is whom, so that an address can be tied to an account.
const ROSTER: &str = "\
people:
  ana: { addresses: [ana@example.com], accounts: ['github:ana'] }
  ben: { addresses: [ben@example.com], accounts: ['github:ben'] }
  kim: { addresses: [kim@example.com], accounts: ['github:kim'] }
";

/// Returns the policy that the document shows.
fn documented() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/emergencies.md");
    let document = std::fs::read_to_string(path).unwrap();
    let section = document.split("\n## On GitHub\n").nth(1).unwrap();
    let block = section.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(block.starts_with("changegate: 1\n"));
    block.to_owned()
}

/// Returns the rules that deny an emergency by ana with this description, after `done` was done to it.
fn after(policy: &str, said: &str, done: impl FnOnce(&mut World)) -> String {
    let mut world = World::new(policy);
    let main = world.branches["main"].clone();
    let roster = world.commit(&[&main], "kim", "Who is whom\n", &[("policies/people.yml", ROSTER)]);
    world.branches.insert("main".into(), roster.clone());
    let files = [("src/charge.rs", "fn charge() {}\n")];
    let commit = world.commit(&[&roster], "ana", "Stop charging cards twice\n", &files);
    assert_eq!(world.open("ana", "Stop charging cards twice", said, "fire", &[commit]), 6);
    done(&mut world);
    denied(&Fake::start(world), &pull(None))
}

#[test]
fn what_the_author_types_authorises_nothing() {
    let named = format!("{SAID}{NAMED}");
    for policy in
        [PACK.to_owned(), documented(), format!("{PACK}people: {{ roster: policies/people.yml }}\n")]
    {
        assert_eq!(after(&policy, SAID, |_| {}), "emergency-authorised", "{policy}");
        // The pack asks for a review too, or lets it be owed; a name that nobody stands behind stays one.
        let denied = after(&policy, &named, |_| {});
        assert!(denied.split(',').any(|rule| rule.trim() == "emergency-authorised"), "{denied}\n{policy}");
    }
}

#[test]
fn a_review_by_whoever_may_authorise_it_does() {
    let approved = |by: &'static str| move |world: &mut World| _ = world.review(6, by, "APPROVED");
    assert_eq!(after(&documented(), SAID, approved("kim")), "");
    assert_eq!(after(PACK, SAID, approved("ben")), "");
    // Where the roster ties the address to the account, the line may stand there too.
    let known = format!("{PACK}people: {{ roster: policies/people.yml }}\n");
    assert_eq!(after(&known, &format!("{SAID}{NAMED}"), approved("kim")), "");
    assert_eq!(after(&known, &format!("{SAID}{NAMED}"), approved("ben")), "emergency-authorised");
    // Ben may approve, and may not authorise; ana may, and has made the change; a bot never does.
    for by in ["ben", "ana", "helper[bot]", "rea"] {
        assert_eq!(after(&documented(), SAID, approved(by)), "emergency-authorised", "{by}");
    }
    // Before the last push is not after it.
    let pushed = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        let head = world.pull(6).head_id.clone();
        let more = world.commit(&[&head], "ana", "And this\n", &[("src/more.rs", "fn more() {}\n")]);
        world.push(6, "ana", &more);
    };
    assert_eq!(after(&documented(), SAID, pushed), "emergency-authorised");
}

#[test]
fn a_label_by_whoever_may_authorise_it_does_where_the_policy_says_so() {
    let label = |by: &'static str| move |world: &mut World| world.label(6, by, "emergency-authorised");
    assert_eq!(after(&documented(), SAID, label("kim")), "");
    for by in ["ana", "ben", "rea", "helper[bot]"] {
        assert_eq!(after(&documented(), SAID, label(by)), "emergency-authorised", "{by}");
    }
    // What is pushed after it was not authorised.
    let pushed = |world: &mut World| {
        world.label(6, "kim", "emergency-authorised");
        let head = world.pull(6).head_id.clone();
        let more = world.commit(&[&head], "ana", "And this\n", &[("src/more.rs", "fn more() {}\n")]);
        world.push(6, "ana", &more);
    };
    assert_eq!(after(&documented(), SAID, pushed), "emergency-authorised");
    // A bot does not authorise, whichever team somebody has put it into.
    let with_bot = documented().replace("'github:kim'", "'github:helper[bot]'");
    assert_ne!(with_bot, documented());
    assert!(after(&with_bot, SAID, label("helper[bot]")).contains("emergency-authorised"));
    // A label of another name says nothing, and the pack alone knows none.
    assert_eq!(
        after(&documented(), SAID, |world| world.label(6, "kim", "emergency")),
        "emergency-authorised"
    );
    assert_eq!(after(PACK, SAID, label("kim")), "emergency-authorised");
}

#[test]
fn what_touches_the_gate_is_no_emergency() {
    let gate = |world: &mut World| {
        let head = world.pull(6).head_id.clone();
        let files = [(".github/workflows/changegate.yml", "on: never\n")];
        let more = world.commit(&[&head], "ana", "And the workflow\n", &files);
        world.push(6, "ana", &more);
        world.label(6, "kim", "emergency-authorised");
    };
    let denied = after(&documented(), SAID, gate);
    assert!(denied.contains("peer-review") && denied.contains("four-pillars"), "{denied}");
}
