//! What a backtest knows of changes that landed here: the ledger names the pusher.

use serde_json::Value;

use crate::world::{World, good};

const TODAY: &str = "changegate: 1\nname: today\nextends: [startup]\nprotects: [main]\n";

/// A server that knows who pushes, with two changes of `src/api/` on main, and two policies to compare.
fn played() -> World {
    let mut world = World::under(TODAY);
    world.configure("changegate.pusher", "env:WHO");
    world.environment = vec![("WHO".into(), "kim@example.com".into())];
    for number in ["1", "2"] {
        world.write("src/api/cache.rs", number);
        world.commit(&good("Cache the lookup"));
        world.push(&["main"]).accepted();
    }
    let rule = "rules:\n  no-api: { require: { not: { touches: [src/api/] } } }\n";
    world.write("today.yml", TODAY);
    world.write("draft.yml", &format!("{TODAY}{rule}"));
    world
}

fn backtest(world: &World, draft: &str, today: &str) -> (Value, String) {
    let asked = ["policy", "backtest", "HEAD~2..HEAD", "--policy", draft, "--against", today];
    let output = |more: &[&str]| {
        let said = world.changegate("work", &[&asked[..], more].concat());
        said.accepted();
        said.seen
    };
    let json = serde_json::from_str(&output(&["--format", "json", "--html", "page.html"])).unwrap();
    (json, output(&[]))
}

#[test]
fn what_a_draft_denies_for_certain_is_told_whatever_of_today_is_unknown() {
    let world = played();
    let (json, told) = backtest(&world, "draft.yml", "today.yml");
    assert_eq!(json["totals"]["denied-today-open"], 2, "{json}");
    assert_eq!(json["totals"]["open"], 0, "{json}");
    assert_eq!((&json["rules"]["no-api"]["denied_today_open"], &json["recorded"]), (&2.into(), &0.into()));
    assert_eq!(json["changes"][0]["shift"], "denied-today-open");
    assert_eq!(json["changes"][0]["rules"], serde_json::json!(["no-api"]));
    // It comes before what might be taken for all that is denied, and what is always broken is among it.
    let words = "       2  denied as proposed; today's answer is not to be known\n       0  newly denied\n";
    assert!(told.contains(words), "{told}");
    assert!(told.contains("not to be known today, by\n       2  no-api\n"), "{told}");
    assert!(told.contains("always broken: no-api\n"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    let page = std::fs::read_to_string(world.path("work/page.html")).unwrap();
    assert!(page.contains("<strong>2</strong> denied as proposed; today"), "{page}");
    assert!(page.contains("<h2>Denied as proposed; today"), "{page}");
    // And the other way round.
    let (json, told) = backtest(&world, "today.yml", "draft.yml");
    assert_eq!(json["totals"]["open-denied-today"], 2, "{json}");
    assert!(told.contains("       2  denied today; the proposed answer is not to be known\n"), "{told}");
    assert_eq!(json["changes"][0]["rules"], serde_json::json!(["peer-review"]));
}

#[test]
fn the_ledger_tells_a_backtest_who_pushed() {
    let world = played();
    world.git(&["fetch", "-q", "origin", "refs/changegate/ledger:refs/changegate/ledger"]);
    let (json, told) = backtest(&world, "draft.yml", "today.yml");
    assert_eq!((&json["recorded"], &json["unreadable_records"]), (&2.into(), &0.into()), "{json}");
    assert_eq!((&json["totals"]["newly-denied"], &json["totals"]["open"]), (&2.into(), &0.into()), "{json}");
    assert_eq!(json["rules"]["no-api"]["newly_denied"], 2);
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("Of 2 of the changes the ledger tells who pushed and when"), "{told}");
    // The approver who pushed does not count.
    let own = "changegate: 1\nname: own\nextends: [startup]\nprotects: [main]\nrules:\n  kim: { require: { pusher: { bot: false } } }\n";
    world.write("own.yml", own);
    let (json, _) = backtest(&world, "own.yml", "today.yml");
    assert_eq!(json["totals"]["stays-allowed"], 2, "{json}");
}
