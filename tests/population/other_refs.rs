//! What a branch has from another one is a change of that one.

use std::collections::BTreeMap;

use changegate::change::Text;
use changegate::git::Repository;
use changegate::ledger::audit::history_fold::read_ledger_history;
use changegate::ledger::audit::history_index::{IndexLimits, read_indexed_history};
use changegate::ledger::audit::ledger_history::LedgerHistory;
use changegate::verdict::Decision;
use serde_json::Value;

use crate::audited::read_lines;
use crate::simulated_year::{POLICY, Year, at, normal};
use crate::unjudged::list_kind;

const ANA: &str = "ana@example.com";
const RELEASE: &str = "refs/heads/release/1";

#[test]
fn a_branch_that_is_made_from_another_has_no_changes_of_its_own_yet() {
    let mut year = Year::under(&POLICY.replace("[main]", "[main, 'release/*']"));
    let judged = year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    let past = year.commit(at("01-11T10:00"), ANA, Some("b.txt"), "Past the gate\n");
    year.bypass(at("01-11T11:00"));
    let before = year.land(at("01-12T10:00"), ANA, Some("c.txt"), &normal("Two", ""));
    assert_eq!(year.push_ref(at("03-01T10:00"), ANA, RELEASE), Decision::Allow);
    // A fix on the release, and what landed on main since.
    let fix = year.commit(at("03-02T10:00"), ANA, Some("d.txt"), &normal("Fix", ""));
    assert_eq!(year.push_ref(at("03-02T10:00"), ANA, RELEASE), Decision::Allow);

    let march = ["--ref", "release/1", "--from", "2026-03-01", "--to", "2026-03-31", "--as-of", "2026-12-31"];
    let (_, out) = year.world.audit_with_code("server.git", &march);
    let rows = read_lines(&out, "changes.jsonl");
    let changes: BTreeMap<&str, &Value> =
        rows.iter().map(|one| (one["merge_sha"].as_str().unwrap(), one)).collect();
    let bypassed: BTreeMap<&str, &Value> = changes.iter().map(|(id, one)| (*id, &one["bypassed"])).collect();
    assert_eq!(bypassed, BTreeMap::from([(past.as_str(), &"unauthorised".into()), (&fix, &"none".into())]));
    assert!(changes[past.as_str()]["gate_version"].as_str().unwrap().starts_with("afterwards"));
    let population = read_lines(&out, "population.jsonl");
    let elsewhere: Vec<&Value> = population.iter().filter(|one| one["kind"] == "judged-elsewhere").collect();
    let find =
        |id: &str| elsewhere.iter().find(|one| one["commit"] == id).map(|one| one["what"].as_str().unwrap());
    assert!(find(&judged).unwrap().contains("it came with the branch, judged on refs/heads/main by record "));
    assert!(find(&before).is_some() && find(&past).is_none() && find(&fix).is_none());
    // What was there before is none of the others.
    assert_eq!(elsewhere.len(), 3);
    assert!(
        find(&year.world.git(&["rev-list", "--max-parents=0", "main"]))
            .unwrap()
            .contains("before the gate stood")
    );
    let told = list_kind(&out, "unauthorised-change");
    assert_eq!(told.len(), 1);
    assert!(
        told[0]["what_happened"]
            .as_str()
            .unwrap()
            .contains("it landed on refs/heads/main without a decision")
    );
    let broken = list_kind(&out, "rule-broken");
    assert!(broken.iter().all(|one| one["what_happened"] != "it breaks the rule, by the record of its time"));
    year.world
        .changegate("server.git", &["show", &judged, "--ref", "release/1"])
        .refused("judged on refs/heads/main by record")
        .says("name that branch with --ref");
    year.world.changegate("server.git", &["show", &judged, "--ref", "main"]).accepted();
}

/// What a merge of main into other work brought to main was judged there, also for a branch that is made of it.
#[test]
fn a_branch_made_of_a_merge_with_turned_parents_has_no_changes_of_its_own() {
    let mut year = Year::under(&POLICY.replace("[main]", "[main, 'release/*']"));
    let first = year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    let second = year.land(at("01-11T10:00"), ANA, Some("b.txt"), &normal("Two", ""));
    year.world.git(&["checkout", "-q", "--detach", &first]);
    year.commit(at("01-12T10:00"), ANA, Some("t.txt"), &normal("Topic", ""));
    year.world.git(&["merge", "-q", "--no-ff", "--no-commit", &second]);
    year.commit(at("01-13T10:00"), ANA, None, &normal("Merge main into the topic", ""));
    assert_eq!(year.push(at("01-13T11:00"), ANA), Decision::Allow);
    assert_eq!(year.push_ref(at("03-01T10:00"), ANA, RELEASE), Decision::Allow);
    let march = ["--ref", "release/1", "--from", "2026-03-01", "--to", "2026-03-31", "--as-of", "2026-12-31"];
    let (_, out) = year.world.audit_with_code("server.git", &march);
    let rows = read_lines(&out, "changes.jsonl");
    assert_eq!(rows, Vec::<Value>::new(), "all of it was judged on main");
}

/// Everything that a history tells; what refusals are found by is no part of it.
fn describe(history: Option<LedgerHistory>) -> String {
    format!("{:?}", history.unwrap()).split(", refusal_keys: ").next().unwrap().to_owned()
}

/// The index of a branch holds what other branches got before it, and no branch takes the index of another.
#[test]
fn an_index_tells_of_other_branches_what_the_records_tell() {
    let mut year = Year::under(&POLICY.replace("[main]", "[main, 'release/*']"));
    year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    year.push_ref(at("02-01T10:00"), ANA, RELEASE);
    let repository = Repository::open_at(&year.world.path("server.git"), None).unwrap();
    let limits = IndexLimits { min_records: 1, min_new_records: 1 };
    let compare = |is_known: bool| {
        for name in ["refs/heads/main", RELEASE, "refs/heads/none"] {
            let name = Text::from(name);
            let plain = describe(read_ledger_history(&repository, &name, &mut || {}).unwrap());
            assert_eq!(plain.contains("OtherRefLanding"), name.to_lossy() != "refs/heads/main", "{plain}");
            for is_expected in [is_known, true] {
                let (told, is_used) = read_indexed_history(&repository, &name, limits, &mut || {}).unwrap();
                assert_eq!((describe(told), is_used), (plain.clone(), is_expected), "{name:?}");
            }
        }
    };
    compare(false);
    // What the release gets is news for main as well, and the indexes are continued.
    let more = year.commit(at("03-02T10:00"), ANA, Some("d.txt"), &normal("Fix", ""));
    assert_eq!(year.push_ref(at("03-02T10:00"), ANA, RELEASE), Decision::Allow);
    let main = describe(read_ledger_history(&repository, &"refs/heads/main".into(), &mut || {}).unwrap());
    assert!(main.contains(&more), "{main}");
    for name in ["refs/heads/main", RELEASE] {
        let name = Text::from(name);
        let plain = describe(read_ledger_history(&repository, &name, &mut || {}).unwrap());
        let (told, is_used) = read_indexed_history(&repository, &name, limits, &mut || {}).unwrap();
        assert_eq!((describe(told), is_used), (plain, true));
    }
}
