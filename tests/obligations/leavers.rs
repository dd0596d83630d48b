//! What a person made who has left since: it comes to a release as what it was when it landed.

use jiff::tz::TimeZone;

use crate::past::ago;
use crate::world::{POLICY, World, good};

const RULE: &str = "rules:\n  everywhere: { when: { branch: [main, 'release/*'] }, \
                    require: { approvals: { at-least: 1, trust: claimed } } }\n\
                    people: { roster: who/people.yml }\n";

fn roster(ana_left: &str) -> String {
    format!(
        "people:\n  ana: {{ addresses: [ana@example.com]{ana_left} }}\n  ben: {{ addresses: [ben@example.com] }}\n  \
         kim: {{ addresses: [kim@example.com] }}\n"
    )
}

#[test]
fn the_work_of_who_has_left_since_comes_to_a_release() {
    let yesterday = ago(24).to_zoned(TimeZone::UTC).date();
    for has_ledger in [true, false] {
        let mut world = World::with(None, "sha1");
        world.write("policies/changegate.yml", &format!("{POLICY}{RULE}"));
        world.write("who/people.yml", &roster(""));
        world.commit(&good("Begin"));
        world.bring("+main:main");
        world.bring("main:release/1");
        world.changegate("server.git", &["ledger", "reconcile"]).accepted();
        world.write("a", "1");
        world.commit(&good("The last work of Ana"));
        world.land_at(ago(72));
        for name in ["GIT_AUTHOR", "GIT_COMMITTER"] {
            world.environment.push((format!("{name}_NAME"), "Kim".into()));
            world.environment.push((format!("{name}_EMAIL"), "kim@example.com".into()));
        }
        world.write("who/people.yml", &roster(&format!(", left: {yesterday}")));
        world.commit(&(good("Ana has left") + "Isms-Purpose: the roster is up to date\n"));
        world.push(&["main"]).accepted();
        if !has_ledger {
            world.configure("changegate.ledger", "off");
        }
        let pushed = world.push(&["main:release/1"]);
        if has_ledger {
            pushed.accepted();
            world.push(&["main~1:refs/tags/v1", "main~1:refs/heads/release/2"]).accepted();
        } else {
            // No record tells that she was there when it landed.
            pushed.refused("everywhere").says(&format!("has left: their last day was {yesterday}"));
            pushed.says("bring it by a merge commit").does_not_say("correct `left`");
        }
        // What she would do today is refused.
        world.environment.clear();
        world.write("b", "1");
        world.commit(&good("Too late"));
        world.push(&["main"]).refused(&format!("had left: their last day was {yesterday}"));
    }
}
