//! What an audit tells of a branch that was moved on the server: back, to something else, or made there; and of words that
//! are no proof.

use std::fs;
use std::path::Path;

use changegate::verdict::Decision;
use serde_json::Value;

use crate::audited::read_lines;
use crate::simulated_year::{POLICY, Year, at, normal};
use crate::unjudged::list_kind;

const ANA: &str = "ana@example.com";
const KIM: &str = "kim@example.com";
const PERIOD: [&str; 4] = ["--from", "2026-01-02", "--to", "2026-12-31"];

fn find_row(out: &Path, id: &str) -> Value {
    let rows = read_lines(out, "changes.jsonl");
    rows.into_iter().find(|one| one["merge_sha"] == id).unwrap_or_else(|| panic!("no {id}"))
}

fn find_figure(out: &Path, key: &str) -> Value {
    read_lines(out, "key-figures.jsonl").into_iter().find(|one| one["key"] == key).unwrap()
}

fn find_check(out: &Path, words: &str) -> Value {
    let manifest = fs::read_to_string(out.join("audit.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let checks = manifest["completeness"].as_array().unwrap();
    let found = checks.iter().find(|one| one["what"].as_str().unwrap().contains(words));
    found.unwrap_or_else(|| panic!("no {words} in {checks:#?}")).clone()
}

fn regularise(year: &mut Year, when: &str, what: &str) -> Decision {
    let message = format!(
        "{}For-Change: {what}\nEmergency-Reason: the hook was down during the disk failure of the server\nIncident: INC-9\n",
        normal("Answer for it", "")
    );
    year.commit(at(when), KIM, Some("answers.txt"), &message);
    year.push(at(when), KIM)
}

/// The tip is replaced by a sibling past the gate, whatever its committer says of the time.
#[test]
fn what_replaced_a_tip_past_the_gate_is_an_unauthorised_change_of_the_time_of_its_record() {
    for (claimed, is_gone) in [("03-03T10:00", false), ("12-30T10:00", true)] {
        let mut year = Year::start();
        let first = year.land(at("02-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
        let second = year.land(at("02-11T10:00"), ANA, Some("b.txt"), &normal("Two", ""));
        year.world.git(&["reset", "-q", "--hard", &first]);
        let replaced = year.commit(at(claimed), "ben@example.com", Some("c.txt"), "Rewritten tip\n");
        year.bypass(at("03-03T11:00"));
        if is_gone {
            // As in a clone, which does not have what the branch held before.
            year.world.git_in("server.git", &["reflog", "expire", "--expire=now", "--all"]);
            year.world.git_in("server.git", &["prune", "--expire=now"]);
        }
        let half = ["--from", "2026-01-02", "--to", "2026-06-30", "--as-of", "2026-12-31"];
        let (code, out) = year.world.audit_with_code("server.git", &half);
        assert_eq!(code, Some(0), "{claimed}");
        let row = find_row(&out, &replaced);
        assert_eq!(
            (&row["bypassed"], &row["landing_clock"]),
            (&"unauthorised".into(), &"gate".into()),
            "{row:#}"
        );
        assert_eq!(row["implemented_at"], "2026-03-03T11:00:00Z", "{row:#}");
        assert_eq!(find_row(&out, &first)["bypassed"], "none");
        let told: Vec<Value> = list_kind(&out, "unauthorised-change");
        assert_eq!(told.len(), 1, "{told:#?}");
        assert_eq!(told[0]["subject_id"], format!("server@{replaced}"));
        assert_eq!(list_kind(&out, "unrecorded-change").len() + list_kind(&out, "open-obligation").len(), 0);
        assert_eq!(find_figure(&out, "unauthorised_changes")["numerator"], 1);
        // The branch has lost what had landed before it.
        let landings = find_check(&out, "landings of the period by the ledger");
        assert_eq!((&landings["expected"], &landings["found"]), (&"2".into(), &"2".into()), "{landings}");
        assert_eq!(landings["agrees"], true);
        let lost = find_check(&out, "that a later move took away");
        assert!(lost["found"].as_str().unwrap().starts_with(&second[..10]), "{lost}");
        let pack = year.world.path("pack");
        let _ = fs::remove_dir_all(&pack);
        year.world
            .changegate("server.git", &["evidence", &replaced, "--out", pack.to_str().unwrap()])
            .accepted();
        year.world.changegate("server.git", &["evidence", "verify", pack.to_str().unwrap()]).accepted();
        year.world.changegate("server.git", &["show", &replaced]).accepted().says("without a decision");
        assert_eq!(regularise(&mut year, "03-03T12:00", &replaced), Decision::Allow);
        let (_, out) = year.world.audit_with_code("server.git", &half);
        assert_eq!(find_row(&out, &replaced)["bypassed"], "regularised");
        let moved = list_kind(&out, "ref-moved");
        assert!(moved.len() == 2 && moved.iter().all(|one| one["status"] == "regularised"), "{moved:#?}");
    }
}

/// A branch that is put forward on the server and put back is as it was, and both moves are answered for by themselves.
#[test]
fn a_move_that_was_put_back_owes_by_itself_and_no_honest_change_does() {
    let mut year = Year::start();
    year.land(at("02-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    let honest = year.land(at("02-11T10:00"), ANA, Some("b.txt"), &normal("Two", ""));
    let forward =
        year.commit(at("03-03T10:00"), "ben@example.com", Some("c.txt"), "Put forward\n\nTicket: PAY-77\n");
    year.bypass(at("03-03T11:00"));
    year.world.git(&["reset", "-q", "--hard", &honest]);
    year.bypass(at("03-03T12:00"));
    let (_, out) =
        year.world.audit_with_code("server.git", &[&PERIOD[..], &["--as-of", "2026-03-03"]].concat());
    let moved = list_kind(&out, "ref-moved");
    assert!(
        moved.len() == 2 && moved.iter().all(|one| one["status"] == "open" && one["due"] != Value::Null),
        "{moved:#?}"
    );
    assert_eq!(list_kind(&out, "open-obligation"), Vec::<Value>::new());
    assert_eq!(find_figure(&out, "unauthorised_changes")["numerator"], 2);
    // Neither of the two is a change of the branch, and the page says what is known.
    for words in [forward.as_str(), &format!("server@{forward}"), "PAY-77"] {
        year.world
            .changegate("server.git", &["show", words])
            .refused(
                "it landed without a decision, and the branch holds it no longer".trim_start_matches("it "),
            )
            .says("changegate ledger trace");
    }
    let records: Vec<u64> = moved
        .iter()
        .map(|one| one["subject_id"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap())
        .collect();
    for (record, when) in records.iter().zip(["03-03T13:00", "03-03T14:00"]) {
        assert_eq!(regularise(&mut year, when, &format!("ledger:{record}")), Decision::Allow);
    }
    let (_, out) =
        year.world.audit_with_code("server.git", &[&PERIOD[..], &["--as-of", "2026-12-31"]].concat());
    let moved = list_kind(&out, "ref-moved");
    assert!(moved.len() == 2 && moved.iter().all(|one| one["status"] == "regularised"), "{moved:#?}");
    assert_eq!(find_figure(&out, "unauthorised_changes")["numerator"], 0);
    assert_eq!(find_figure(&out, "regularised_changes")["numerator"], 2);
}

/// A branch is rolled back on the server, and the same commits are pushed again.
#[test]
fn a_rollback_before_the_same_push_is_recorded_and_the_push_landed() {
    let mut year = Year::start();
    let first = year.land(at("02-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    let second = year.land(at("02-11T10:00"), ANA, Some("b.txt"), &normal("Two", ""));
    year.world.git_in("server.git", &["update-ref", "refs/heads/main", &first]);
    assert_eq!(year.push(at("02-12T10:00"), ANA), Decision::Allow);
    let (_, out) =
        year.world.audit_with_code("server.git", &[&PERIOD[..], &["--as-of", "2026-12-31"]].concat());
    let moved = list_kind(&out, "ref-moved");
    assert_eq!(moved.len(), 1, "{moved:#?}");
    assert!(
        moved[0]["what_happened"]
            .as_str()
            .unwrap()
            .starts_with(&format!("from {second} to {first}, without")),
        "{moved:#?}"
    );
    let log = year.world.changegate("server.git", &["ledger", "log"]);
    log.accepted().says("Unauthorised: main moved to").does_not_say("Not landed");
    year.world.changegate("server.git", &["ledger", "verify"]).refused("moved without a decision");
}

/// What main holds was judged for main, also if a protected branch is made of it past the gate.
#[test]
fn a_branch_that_was_made_on_the_server_has_no_unauthorised_changes_but_its_own() {
    let mut year = Year::under(&POLICY.replace("[main]", "[main, 'release/*']"));
    year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    let tip = year.land(at("01-11T10:00"), ANA, Some("b.txt"), &normal("Two", ""));
    let evil = year.commit(at("01-12T10:00"), "ben@example.com", Some("c.txt"), "Evil\n");
    year.world.git_in("server.git", &["fetch", "-q", "../work", &evil]);
    year.world.git_in("server.git", &["update-ref", "refs/heads/release/1", &tip]);
    year.world.git_in("server.git", &["update-ref", "refs/heads/release/2", &evil]);
    year.world.git(&["reset", "-q", "--hard", &tip]);
    year.bypass(at("01-12T11:00"));
    for (branch, own) in [("release/1", Vec::new()), ("release/2", vec![evil.clone()])] {
        let period = ["--ref", branch, "--from", "2026-01-01", "--as-of", "2026-12-31"];
        let (_, out) = year.world.audit_with_code("server.git", &period);
        let changes: Vec<String> = read_lines(&out, "changes.jsonl")
            .iter()
            .map(|one| one["merge_sha"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(changes, own, "{branch}");
        assert_eq!(list_kind(&out, "unauthorised-change").len(), own.len(), "{branch}");
        let made = list_kind(&out, "ref-moved");
        assert_eq!(made.len(), 1, "{made:#?}");
        assert!(made[0]["what_happened"].as_str().unwrap().starts_with("from nothing to"), "{made:#?}");
        let population = read_lines(&out, "population.jsonl");
        assert!(population.iter().filter(|one| one["kind"] == "judged-elsewhere").count() >= 2);
    }
}

/// That a change says another one failed is no proof of it.
#[test]
fn words_alone_make_no_change_a_failed_one() {
    let mut year = Year::start();
    let mut ids = Vec::new();
    for (day, file) in [("02-10T10:00", "a.txt"), ("02-11T10:00", "b.txt"), ("02-12T10:00", "c.txt")] {
        ids.push(year.land(at(day), ANA, Some(file), &normal(file, "")));
    }
    let [a, b, c] = ids.as_slice() else { panic!("{ids:?}") };
    let other = normal("Other work", &format!("This reverts commit {b}.\n\n"));
    let other = year.land(at("02-13T10:00"), ANA, Some("d.txt"), &other);
    let empty = normal("Nothing", &format!("Caused-by: {c}\n"));
    year.land(at("02-14T10:00"), ANA, None, &empty);
    let past = year.commit(
        at("02-15T10:00"),
        "ben@example.com",
        Some("a.txt"),
        &format!("Revert it\n\nThis reverts commit {a}.\n"),
    );
    year.bypass(at("02-15T11:00"));
    let (_, out) =
        year.world.audit_with_code("server.git", &[&PERIOD[..], &["--as-of", "2026-12-31"]].concat());
    for id in [a, b, c] {
        let row = find_row(&out, id);
        assert_eq!(row["outcome"], "none-reported", "{row:#}");
        assert!(row["followed_by"].as_str().unwrap().contains("(says so, and does not count)"), "{row:#}");
    }
    assert_eq!(list_kind(&out, "failed-change"), Vec::<Value>::new());
    assert_eq!(find_figure(&out, "rework_rate")["numerator"], 0);
    year.world.changegate("server.git", &["show", a]).accepted().says("claimed by").says(&past[..10]);
    // What takes back a file of it does count.
    let real = normal("Take it back", &format!("This reverts commit {other}.\n\n"));
    year.land(at("02-16T10:00"), ANA, Some("d.txt"), &real);
    let (_, out) =
        year.world.audit_with_code("server.git", &[&PERIOD[..], &["--as-of", "2026-12-31"]].concat());
    assert_eq!(find_row(&out, &other)["outcome"], "backed-out");
}

/// An incident cannot have been caused by what landed later.
#[test]
fn an_incident_that_began_before_its_cause_landed_contradicts_the_history() {
    let mut year = Year::start();
    let id = year.land(at("06-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    let file = year.world.path("incidents.csv");
    for (started, outcome, contradictions) in
        [("2026-06-01", "none-reported", 1), ("2026-06-11", "failed", 0)]
    {
        fs::write(&file, format!("id,started,resolved,caused_by\nINC-1,{started}T00:00:00Z,,{id}\n"))
            .unwrap();
        let incidents = ["--incidents", file.to_str().unwrap(), "--as-of", "2026-12-31"];
        let (_, out) = year.world.audit_with_code("server.git", &[&PERIOD[..], &incidents].concat());
        assert_eq!(find_row(&out, &id)["outcome"], outcome);
        assert_eq!(list_kind(&out, "input-contradiction").len(), contradictions);
        assert_eq!(list_kind(&out, "failed-change").len(), 1 - contradictions);
        assert_eq!(find_figure(&out, "change_related_incidents")["numerator"], 1 - contradictions);
    }
}

/// A policy that `policy check` refuses comes in while nothing is enforced, and is in force later.
#[test]
fn a_faulty_policy_that_is_in_force_is_told() {
    let mut year = Year::start();
    year.land(at("02-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    year.world.configure("changegate.mode", "evaluate");
    let faulty = format!("{POLICY}break-glass: {{ from: [duty-managers], longest: 8h }}\n");
    year.world.write("policies/changegate.yml", &faulty);
    let brought = year.commit(at("02-11T10:00"), ANA, None, &normal("Only warn", ""));
    year.push(at("02-11T10:00"), ANA);
    year.world.configure("changegate.mode", "enforce");
    let (_, out) =
        year.world.audit_with_code("server.git", &[&PERIOD[..], &["--as-of", "2026-12-31"]].concat());
    let told = list_kind(&out, "faulty-policy");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["subject_id"], format!("server@{brought}"));
}

/// Without a ledger, a date of the future takes nothing out of a report, and what a date takes out is named.
#[test]
fn no_step_whose_own_date_is_in_the_period_is_left_out_unnamed() {
    let mut year = Year::start();
    year.world.git(&["checkout", "-q", "--orphan", "other"]);
    for month in ["02", "03", "04"] {
        year.commit(at(&format!("{month}-10T10:00")), ANA, Some("a.txt"), &normal("One", ""));
    }
    let secret = year.commit("2030-01-01T10:00:00Z".parse().unwrap(), ANA, Some("b.txt"), "Secret\n");
    let honest = year.commit(at("05-10T10:00"), ANA, Some("c.txt"), &normal("Honest", ""));
    let audit = |until: &str| {
        year.world
            .audit_with_code("work", &["--from", "2026-01-02", "--to", until, "--as-of", "2026-12-30"])
            .1
    };
    let list = |out: &Path| -> (Vec<String>, Vec<String>) {
        let find = |rows: &[Value], key: &str| {
            let ids =
                rows.iter().map(|one| one[key].as_str().unwrap().rsplit('@').next().unwrap().to_owned());
            ids.filter(|id| [&secret, &honest].contains(&id)).collect()
        };
        let told = list_kind(out, "misdated-step");
        (find(&read_lines(out, "changes.jsonl"), "merge_sha"), find(&told, "subject_id"))
    };
    // After the time of the report nothing can have landed.
    let out = audit("2026-12-31");
    assert_eq!(list(&out), (vec![secret.clone(), honest.clone()], vec![secret.clone()]));
    assert_eq!(find_check(&out, "whose own time is in the period")["agrees"], true);
    let out = audit("2026-06-30");
    assert_eq!(list(&out), (Vec::new(), vec![honest.clone()]));
    assert_eq!(find_check(&out, "whose own time is in the period")["found"], "1");
}
