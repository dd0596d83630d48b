//! The audit of a year: each event has its row, and each row an event.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use changegate::verdict::Decision;
use serde_json::Value;

use crate::simulated_year::{Year, at, emergency, normal};

/// Returns the objects of a file of JSON Lines.
pub(crate) fn read_lines(folder: &Path, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the row of a change.
fn find_change<'a>(changes: &'a [Value], id: &str) -> &'a Value {
    changes.iter().find(|one| one["merge_sha"] == id).unwrap_or_else(|| panic!("no {id}"))
}

/// Returns how many exceptions of each kind there are.
fn count_kinds(folder: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for one in read_lines(folder, "exceptions.jsonl") {
        *counts.entry(one["kind"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

fn find_figure(folder: &Path, key: &str) -> Value {
    read_lines(folder, "key-figures.jsonl").into_iter().find(|one| one["key"] == key).unwrap()
}

impl Year {
    fn audit(&self, name: &str, args: &[&str]) -> PathBuf {
        let out = self.world.path(name);
        let told = ["audit", "--ref", "main", "--out", out.to_str().unwrap()];
        self.world.changegate("server.git", &[&told, args].concat()).accepted();
        out
    }
}

/// What happened in the year, by the ids of the commits.
struct Events {
    year: Year,
    normal: String,
    refused_first: String,
    prompt_emergency: String,
    late_emergency: String,
    unauthorised: String,
    reverted: String,
    isms: String,
    with_machine: String,
    caused: String,
}

fn play_year() -> Events {
    let mut year = Year::start();
    let (ana, ben, kim) = ("ana@example.com", "ben@example.com", "kim@example.com");
    let normal_id = year.land(at("01-10T10:00"), ana, Some("a.txt"), &normal("Cache the lookup", ""));
    // Refused, amended, and landed.
    let message = normal("Round the amounts", "");
    let unreviewed = message.replace("Reviewed-by: Ben <ben@example.com>\n", "");
    year.commit(at("02-01T09:00"), ana, Some("b.txt"), &unreviewed);
    assert_eq!(year.push(at("02-01T09:05"), ana), Decision::Deny);
    let refused_first = year.land(at("02-01T11:00"), ana, Some("b.txt"), &message);
    // An emergency whose records are there in time.
    let prompt = year.land(at("03-02T03:00"), ana, Some("c.txt"), &emergency("Stop charging twice"));
    let record = format!(
        "Look back at the double charge\n\nFor-Change: {prompt}\nEmergency-Ticket: SEC-78\n\
         Retrospective-Review: the fix does what it says and no more\n\
         Post-Implementation-Review: a test was missing, and is there now\nReviewed-by: Kim <kim@example.com>\n"
    );
    year.land(at("03-02T12:00"), ben, None, &record);
    // An emergency whose ticket is two hours late and whose reviews never come.
    let late = year.land(at("05-04T03:00"), ana, Some("d.txt"), &emergency("Stop the queue"));
    let ticket = format!(
        "Name the ticket\n\nFor-Change: {late}\nEmergency-Ticket: SEC-79\nReviewed-by: Kim <kim@example.com>\n"
    );
    year.land(at("05-05T05:00"), ben, None, &ticket);
    // A change past the hooks, which a duty manager regularises.
    let unauthorised = year.commit(at("06-01T02:00"), ana, Some("e.txt"), "Fix it in production\n");
    year.bypass(at("06-01T08:00"));
    let number = year.unauthorised_record();
    let regularise = format!(
        "{}For-Change: ledger:{number}\nEmergency-Reason: the hook was off while the disk was replaced, and it could not wait\nIncident: INC-9\n",
        normal("Regularise what came past the hook", "")
    );
    year.land(at("06-01T10:00"), kim, Some("f.txt"), &regularise);
    // A change that is taken back, one of the management system, one with a machine, one caused by another.
    let reverted = year.land(at("07-01T10:00"), ana, Some("g.txt"), &normal("Use the new scheduler", ""));
    let back = normal("Revert \"Use the new scheduler\"", &format!("This reverts commit {reverted}.\n\n"));
    year.land(at("07-02T10:00"), ana, Some("g.txt"), &back);
    let pillars = "Isms-Purpose: name a second person who may authorise an emergency at night\n\
                   Isms-Integrity: the roles stay apart, and the register of roles is updated\n\
                   Isms-Resources: one hour of the security lead\nIsms-Authority: Kim <kim@example.com>\n";
    let isms = normal("Name a deputy", pillars);
    let isms = year.land(at("08-01T10:00"), ana, Some("isms/roles.md"), &isms);
    let machine = normal(
        "Speed up the parser",
        "Co-authored-by: Copilot <198982749+Copilot@users.noreply.github.com>\n",
    );
    let with_machine = year.land(at("09-01T10:00"), ana, Some("h.txt"), &machine);
    let caused = year.land(at("10-01T10:00"), ana, Some("i.txt"), &normal("Widen the window", ""));
    let fix = normal("Narrow the window again", &format!("Caused-by: {caused}\n"));
    year.land(at("10-02T10:00"), ana, Some("i.txt"), &fix);
    Events {
        year,
        normal: normal_id,
        refused_first,
        prompt_emergency: prompt,
        late_emergency: late,
        unauthorised,
        reverted,
        isms,
        with_machine,
        caused,
    }
}

impl Year {
    /// Returns the number of the record that tells of the unauthorised change.
    pub(crate) fn unauthorised_record(&self) -> u64 {
        let args = ["obligations", "--all", "--format", "json"];
        let output = self.world.command(crate::world::BINARY, "server.git").args(args).output().unwrap();
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = list["obligations"].as_array().unwrap().iter();
        found.filter_map(|one| one["record"].as_u64()).next().unwrap()
    }
}

#[test]
fn every_event_of_a_year_has_its_row() {
    let events = play_year();
    let out =
        events.year.audit("out", &["--from", "2026-01-01", "--to", "2026-12-31", "--as-of", "2026-12-31"]);
    let changes = read_lines(&out, "changes.jsonl");
    let row = |id: &str| find_change(&changes, id);
    // With the first commit, which was there before, 15 steps landed; two of them are records.
    assert_eq!(changes.len(), 13, "{changes:#?}");
    let population = read_lines(&out, "population.jsonl");
    let of_kind = |kind: &str| population.iter().filter(|one| one["kind"] == kind).count();
    assert_eq!((of_kind("change"), of_kind("closing-record"), of_kind("ref-move")), (13, 2, 0));

    // Git is asked for the same steps.
    let mut listed: Vec<String> =
        population.iter().filter_map(|one| one["commit"].as_str()).map(str::to_owned).collect();
    let by_git = events.year.world.git_in("server.git", &["rev-list", "--first-parent", "main"]);
    let mut by_git: Vec<String> = by_git.lines().map(str::to_owned).collect();
    listed.sort();
    by_git.sort();
    assert_eq!(listed, by_git);

    let one = row(&events.normal);
    assert_eq!(one["title"], "Cache the lookup");
    assert_eq!(one["purpose"], "Customers asked for it.");
    assert_eq!(one["ticket"], "PAY-412");
    assert_eq!(one["change_type"], "normal");
    assert_eq!(one["approvers"], "Ben <ben@example.com> (developers)");
    assert_eq!(one["implemented_by"], "ana@example.com");
    assert_eq!(one["landing_clock"], "gate");
    assert_eq!(
        (&one["gate_result"], &one["state"], &one["bypassed"]),
        (&"pass".into(), &"closed".into(), &"none".into())
    );
    assert_eq!(one["trust_min"], "claimed");

    let one = row(&events.refused_first);
    assert_eq!(one["refused_attempts"], 1);
    let one = row(&events.prompt_emergency);
    assert_eq!((&one["gate_result"], &one["state"]), (&"pass-owing".into(), &"closed".into()));
    assert_eq!(one["emergency_ticket_at"], "2026-03-02T12:00:00Z");
    assert_eq!(one["ticket_margin_h"], 15.0);
    assert_eq!(one["pir_at"], "2026-03-02T12:00:00Z");
    assert!(one["closing_records"].is_string());
    let one = row(&events.late_emergency);
    assert_eq!(one["state"], "overdue");
    assert_eq!(one["ticket_margin_h"], -2.0);
    assert_eq!((&one["later_tickets"], &one["incident"]), (&"SEC-79".into(), &"INC-7".into()));
    let tree = events.year.world.git(&["rev-parse", &format!("{}^{{tree}}", events.late_emergency)]);
    assert_eq!(one["tree_sha"], tree);
    assert_eq!((&one["obligations_open"], &one["obligations_late"]), (&2.into(), &3.into()));
    let one = row(&events.unauthorised);
    assert_eq!((&one["bypassed"], &one["gate_result"]), (&"regularised".into(), &"afterwards-fail".into()));
    assert!(one["gate_version"].as_str().unwrap().starts_with("afterwards, by policies/changegate.yml"));
    assert_eq!(row(&events.reverted)["outcome"], "backed-out");
    assert_eq!(row(&events.caused)["outcome"], "failed");
    let repair = changes.iter().find(|one| one["title"] == "Narrow the window again").unwrap();
    assert_eq!(repair["caused_by_change"], events.caused.as_str());
    assert_eq!(row(&events.caused)["followed_by"], repair["merge_sha"]);
    assert_eq!(row(&events.caused)["caused_by_change"], Value::Null);
    assert_eq!(row(&events.isms)["isms_change"], true);
    assert_eq!(row(&events.with_machine)["ai_assisted"], true);
    assert_eq!(row(&events.normal)["ai_assisted"], false);

    let kinds = count_kinds(&out);
    assert_eq!(kinds["unauthorised-change"], 1);
    assert_eq!(kinds["late-obligation"], 3);
    assert_eq!(kinds["failed-change"], 2);
    assert!(kinds["gate-gap"] > 3, "{kinds:?}");
    // The change past the hooks breaks rules, as judged afterwards.
    assert!(kinds["rule-broken"] >= 1);

    assert_eq!(find_figure(&out, "changes")["value"], 13.0);
    assert_eq!(find_figure(&out, "change_success_rate")["numerator"], 11);
    assert_eq!(find_figure(&out, "change_success_rate")["denominator"], 13);
    assert_eq!(find_figure(&out, "rework_rate")["numerator"], 4);
    assert_eq!(find_figure(&out, "ticket_compliance")["numerator"], 1);
    assert_eq!(find_figure(&out, "ticket_compliance")["denominator"], 2);
    assert_eq!(find_figure(&out, "regularised_changes")["value"], 1.0);
    assert_eq!(find_figure(&out, "unauthorised_changes")["value"], 0.0);
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let events = play_year();
    let args = ["--from", "2026-01-01", "--to", "2026-06-30"];
    let (one, other) = (events.year.audit("one", &args), events.year.audit("other", &args));
    let manifest: Value = serde_json::from_slice(&fs::read(one.join("audit.json")).unwrap()).unwrap();
    for file in manifest["files"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        assert!(fs::read(one.join(name)).unwrap() == fs::read(other.join(name)).unwrap(), "{name}");
    }
    assert_eq!(fs::read(one.join("audit.json")).unwrap(), fs::read(other.join("audit.json")).unwrap());
    // What landed outside of the period is no change of it, but still closes something in it.
    let changes = read_lines(&one, "changes.jsonl");
    assert!(changes.iter().all(|change| change["merge_sha"] != events.isms.as_str()));
    assert_eq!(manifest["population"]["changes"], changes.len());
}

#[test]
fn incidents_and_deployments_are_found_again_at_their_changes() {
    let events = play_year();
    let world = &events.year.world;
    world.write("../incidents.csv", &format!(
        "id,started,resolved,caused_by\nINC-1,2026-01-11T00:00:00Z,2026-01-11T03:00:00Z,{}\nINC-2,2026-02-01T00:00:00Z,,\n",
        &events.normal[..12]
    ));
    world.write("../deployments.csv", &format!(
        "commit,environment,at,by,status\n{},production,2026-01-10T12:00:00Z,pipeline,ok\n{},production,2026-02-01T12:00:00Z,pipeline,failed\n",
        events.normal, events.refused_first
    ));
    let files = ["--incidents", "../incidents.csv", "--deployments", "../deployments.csv"];
    let out = events.year.audit("given", &[&files[..], &["--to", "2026-12-31"]].concat());
    let changes = read_lines(&out, "changes.jsonl");
    let one = find_change(&changes, &events.normal);
    assert_eq!((&one["caused_incidents"], &one["outcome"]), (&"INC-1".into(), &"failed".into()));
    assert_eq!(
        (&one["deployed_at"], &one["deployed_by"]),
        (&"2026-01-10T12:00:00Z".into(), &"pipeline".into())
    );
    assert_eq!(find_change(&changes, &events.refused_first)["deployed_at"], Value::Null);
    assert_eq!(find_figure(&out, "change_related_incidents")["numerator"], 1);
    assert_eq!(find_figure(&out, "time_to_restore")["value"], 3.0);
    assert_eq!(find_figure(&out, "failed_deployments")["numerator"], 1);
}

#[test]
fn a_rewritten_history_is_a_row_and_an_exception() {
    let mut year = Year::start();
    let first = year.land(at("01-10T10:00"), "ana@example.com", Some("a.txt"), &normal("One", ""));
    year.land(at("01-11T10:00"), "ana@example.com", Some("a.txt"), &normal("Two", ""));
    year.world.git(&["reset", "-q", "--hard", &first]);
    year.bypass(at("01-12T10:00"));
    let out = year.audit("out", &["--to", "2026-12-31"]);
    let population = read_lines(&out, "population.jsonl");
    let moves: Vec<&Value> = population.iter().filter(|one| one["kind"] == "ref-move").collect();
    // What landed and is gone, and the move that took it away.
    let said: Vec<&str> = moves.iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(said.len(), 2, "{population:#?}");
    assert!(said[0].ends_with("by a decision; the ref holds it no longer"), "{said:?}");
    assert!(said[1].ends_with("without a decision"), "{said:?}");
    assert_eq!(count_kinds(&out)["ref-moved"], 2);
}

#[test]
fn the_view_of_an_auditor_has_one_page_and_all_changes() {
    let events = play_year();
    let full = events.year.audit("out", &["--as-of", "2026-12-31"]);
    let whole: Vec<Value> = read_lines(&full, "changes.jsonl");
    // The second audit replaces the first.
    let out = events.year.audit("out", &["--as-of", "2026-12-31", "--profile", "auditor"]);
    assert!(!out.join("changes.csv").exists() && !out.join("changes.jsonl").exists());
    let short = read_lines(&out, "change-log.jsonl");
    assert_eq!(short.len(), whole.len());
    for (one, all) in short.iter().zip(&whole) {
        let values = one.as_object().unwrap();
        assert!(values.len() == 23 && values.iter().all(|(key, value)| all[key] == *value), "{one:#?}");
    }
    let manifest: Value = serde_json::from_slice(&fs::read(out.join("audit.json")).unwrap()).unwrap();
    let names = manifest["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap());
    let names: Vec<&str> = names.collect();
    assert!(names.contains(&"change-log.parquet") && !names.contains(&"changes.csv"), "{names:?}");
    assert_eq!(read_lines(&out, "population.jsonl").len(), read_lines(&full, "population.jsonl").len());
}

#[test]
fn several_repositories_are_one_population_and_no_two_share_a_name() {
    let (one, other) = (Year::start(), Year::start());
    let out = one.world.path("out");
    let arguments = |second: &str| -> Vec<String> {
        let words = [
            "audit",
            "--ref",
            "main",
            "--out",
            out.to_str().unwrap(),
            "--repo",
            "server.git",
            "--repo",
            second,
        ];
        words.map(str::to_owned).to_vec()
    };
    let same = other.world.path("server.git");
    let run = |words: Vec<String>| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        one.world.changegate("", &words)
    };
    run(arguments(same.to_str().unwrap())).refused("two repositories are called `server`");
    let renamed = other.world.path("other.git");
    fs::rename(&same, &renamed).unwrap();
    run(arguments(renamed.to_str().unwrap())).accepted().says("2 changes");
    let mut ids: Vec<String> = read_lines(&out, "changes.jsonl")
        .iter()
        .map(|one| one["change_id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    assert!(ids[0].starts_with("other@") && ids[1].starts_with("server@"), "{ids:?}");
}

/// A report that is made of a data set is the one of the audit itself, byte for byte, whatever the year had.
#[test]
fn the_report_of_a_data_set_is_that_of_the_audit() {
    let mut events = play_year();
    // A move that is an exception of its own.
    events.year.world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    events.year.bypass(at("12-20T10:00"));
    let world = &events.year.world;
    world.write(
        "../incidents.csv",
        &format!(
            "id,started,resolved,caused_by\nINC-1,2026-01-11T00:00:00Z,2026-01-11T03:00:00Z,{}\n",
            &events.normal[..12]
        ),
    );
    world.write(
        "../deployments.csv",
        &format!(
            "commit,environment,at,by,status\n{},production,2026-01-10T12:00:00Z,pipeline,ok\n",
            events.normal
        ),
    );
    world.write("../fleet.txt", "server.git\n");
    let shared = ["--ref", "main", "--to", "2026-12-31", "--as-of", "2027-01-31"];
    let files = ["--incidents", "../incidents.csv", "--deployments", "../deployments.csv"];
    let [flat, fleet, report] =
        ["flat", "fleet", "report"].map(|name| world.path(name).to_str().unwrap().to_owned());
    let audit = |args: &[&str]| world.changegate("server.git", &[&["audit"], args].concat());
    audit(&[&shared[..], &files, &["--out", &flat]].concat()).accepted();
    audit(&[&shared[..], &files, &["--out", &fleet, "--repos", "../fleet.txt"]].concat()).accepted();
    audit(&["report", "--from", &fleet, "--out", &report]).accepted();
    let mut compared = 0;
    for entry in fs::read_dir(&flat).unwrap() {
        let name = entry.unwrap().file_name();
        let [one, other] = [&flat, &report].map(|folder| fs::read(Path::new(folder).join(&name)).unwrap());
        assert!(one == other, "{name:?}");
        compared += 1;
    }
    assert!(compared > 10 && fs::read_dir(&report).unwrap().count() == compared);
    // Each kind of exception that the tables have is on the page too.
    let page = fs::read_to_string(Path::new(&report).join("report.html")).unwrap();
    for kind in count_kinds(Path::new(&report)).into_keys() {
        assert!(page.contains(&format!("id=\"kind-{kind}\"")), "{kind}");
    }
}
