//! What the figures and the page of an audit count, and what they keep apart.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::audited::read_lines;
use crate::simulated_year::{Year, at, emergency, normal};
use crate::world::{World, bad, good};

/// Returns a key figure of a report.
fn find_figure(out: &Path, key: &str) -> Value {
    read_lines(out, "key-figures.jsonl").into_iter().find(|one| one["key"] == key).unwrap()
}

/// Returns the lines of the change log of a page.
fn read_log_lines(out: &Path) -> Vec<Value> {
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    let block = page.split("class=\"rows\">").nth(1).unwrap().split("</script>").next().unwrap();
    serde_json::from_str(block).unwrap()
}

fn audit_year(year: &Year, args: &[&str]) -> std::path::PathBuf {
    year.world.audit_with_code("server.git", &[&["--ref", "main"], args].concat()).1
}

#[test]
fn what_no_gate_judged_is_no_result_of_a_gate() {
    let mut year = Year::start();
    let ana = "ana@example.com";
    year.land(at("01-10T10:00"), ana, Some("a.txt"), &normal("Cache the lookup", ""));
    let past = year.commit(at("01-11T10:00"), ana, Some("a.txt"), &normal("Round it", ""));
    year.bypass(at("01-11T11:00"));
    let out = audit_year(&year, &["--to", "2026-12-31"]);
    let changes = read_lines(&out, "changes.jsonl");
    let row = changes.iter().find(|one| one["merge_sha"] == past.as_str()).unwrap();
    let result = row["gate_result"].as_str().unwrap();
    assert!(result.starts_with("afterwards-"), "{result}");
    let of_gate = changes.iter().filter(|one| one["gate_result"] == "pass").count();
    assert_eq!((of_gate, changes.len()), (1, 3), "{changes:#?}");
    let coverage = find_figure(&out, "coverage");
    assert_eq!((&coverage["numerator"], &coverage["denominator"]), (&1.into(), &3.into()));
    assert_eq!(find_figure(&out, "judged_afterwards")["numerator"], 1);
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("<strong>1</strong> passed the gate, 0 of them owing something"));
    assert!(page.contains("<strong>1</strong> judged by no gate at the time"));
}

#[test]
fn an_emergency_that_names_its_ticket_at_once_is_in_time_and_what_it_owes_is_told_by_its_worst() {
    let mut year = Year::start();
    let message = format!("{}Emergency-Ticket: SEC-78\n", emergency("Stop charging twice"));
    let prompt = year.land(at("03-02T03:00"), "ana@example.com", Some("a.txt"), &message);
    let out = audit_year(&year, &["--to", "2026-03-02"]);
    let changes = read_lines(&out, "changes.jsonl");
    let row = changes.iter().find(|one| one["merge_sha"] == prompt.as_str()).unwrap();
    assert_eq!(row["emergency_ticket_at"], row["emergency_t0"]);
    let figure = find_figure(&out, "ticket_compliance");
    assert_eq!((&figure["numerator"], &figure["denominator"]), (&1.into(), &1.into()));
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("something is owed, in time so far") && !page.contains("exceptions: overdue"));
    // The reviews never come.
    let out = audit_year(&year, &["--to", "2026-12-31"]);
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("exceptions: overdue"));
}

#[test]
fn a_loosened_policy_has_people_and_is_an_exception_of_its_change() {
    let policy = "\
changegate: 1
name: shop
extends: [core]
protects: [main]
rules:
  ticketed:
    title: it has a ticket
    require: { field: { Ticket: { present: true } } }
";
    let world = World::under(policy);
    world.write("a.txt", "1");
    world.commit(&good("Before"));
    world.write("policies/changegate.yml", policy.split("rules:").next().unwrap());
    let loosened = world.commit(&good("Relax the rules"));
    let (_, out) = world.audit_with_code("work", &[]);
    let mut found = read_lines(&out, "exceptions.jsonl");
    found.retain(|one| one["kind"] == "policy-loosened");
    assert_eq!(found.len(), 1, "{found:#?}");
    let changes = read_lines(&out, "changes.jsonl");
    let row = changes.iter().find(|one| one["merge_sha"] == loosened.as_str()).unwrap();
    let asks_less = row["policy_loosened"].as_str().unwrap();
    assert!(asks_less.contains("rule `ticketed`: is gone"), "{asks_less}");
    assert!(found[0]["what_happened"].as_str().unwrap().contains(asks_less), "{found:#?}");
    let others = changes.iter().filter(|one| one["merge_sha"] != loosened.as_str());
    assert!(others.clone().count() > 0 && others.into_iter().all(|one| one["policy_loosened"].is_null()));
    assert!(row["author"].as_str().unwrap().starts_with(found[0]["actor"].as_str().unwrap()), "{found:#?}");
    let exceptions = read_lines(&out, "exceptions.jsonl");
    for line in read_log_lines(&out) {
        let of_change =
            |one: &&Value| one["subject_id"].as_str().unwrap().ends_with(line[3].as_str().unwrap());
        let about = exceptions.iter().filter(|one| one["kind"] != "not-judged").filter(of_change).count();
        assert_eq!(line[13], about, "{line}");
        assert!(line[3] != loosened.as_str() || about > 0);
    }
}

#[test]
fn holes_and_differences_are_named_on_standard_error() {
    let world = World::new();
    for number in 0..3 {
        world.write("a.txt", &number.to_string());
        world.commit(&good("Change the file"));
    }
    let url = format!("file://{}", world.path("work").display());
    world.git_in("", &["clone", "-q", "--depth", "2", &url, "shallow"]);
    let out = world.path("out");
    let mut command = world.command(crate::world::BINARY, "shallow");
    let output = command.args(["audit", "--out", out.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let (said, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(err.contains("the history is cut off") && err.contains("the report has holes"), "{err}");
    assert!(!said.contains("differs"), "{said}");
}

#[test]
fn lines_that_contradict_the_history_are_named_and_count_nowhere() {
    let mut year = Year::start();
    let ana = "ana@example.com";
    let first = year.land(at("01-10T10:00"), ana, Some("a.txt"), &normal("Cache the lookup", ""));
    let second = year.land(at("01-11T10:00"), ana, Some("a.txt"), &normal("Round it", ""));
    let (world, unknown) = (&year.world, "f".repeat(40));
    world.write(
        "../incidents.csv",
        &format!(
            "id,started,resolved,caused_by\nINC-1,2026-01-10T13:00:00Z,,{first}\nINC-1,2026-01-10T13:00:00Z,,{first}\n\
             INC-3,2026-01-12T00:00:00Z,,{unknown}\n"
        ),
    );
    world.write(
        "../deployments.csv",
        &format!(
            "commit,environment,at,by,status\n{first},staging,2026-01-10T11:00:00Z,pipeline,ok\n\
             {first},production,2026-01-10T12:00:00Z,pipeline,ok\n{unknown},production,2026-01-10T13:00:00Z,pipeline,ok\n\
             {second},production,2026-01-10T09:00:00Z,pipeline,ok\n"
        ),
    );
    let files = ["--incidents", "../incidents.csv", "--deployments", "../deployments.csv"];
    let out = audit_year(&year, &[&files[..], &["--to", "2026-12-31"]].concat());
    let mut found = read_lines(&out, "exceptions.jsonl");
    found.retain(|one| one["kind"] == "input-contradiction");
    let mut subjects: Vec<&str> = found.iter().map(|one| one["subject_id"].as_str().unwrap()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects.len(), 4, "{found:#?}");
    assert_eq!(subjects[0], format!("deployment {unknown}"));
    assert_eq!(subjects[1..3], ["incident INC-1", "incident INC-3"]);
    assert!(subjects[3].ends_with(&second), "{subjects:?}");
    let figure = find_figure(&out, "change_related_incidents");
    assert_eq!((&figure["numerator"], &figure["denominator"]), (&1.into(), &3.into()));
    assert_eq!(find_figure(&out, "deployments")["value"], 1.0);
    let changes = read_lines(&out, "changes.jsonl");
    let row = |id: &String| changes.iter().find(|one| one["merge_sha"] == id.as_str()).unwrap();
    assert_eq!(row(&first)["caused_incidents"], "INC-1");
    assert_eq!(row(&first)["deployed_env"], "production");
    assert_eq!(row(&second)["deployed_at"], Value::Null);
}

#[test]
fn the_incident_of_a_session_leads_to_what_landed_while_it_was_open() {
    let policy = "\
changegate: 1
name: test
extends: [core]
protects: [main]
people:
  teams: { duty-managers: [kim@example.com] }
break-glass: { from: [duty-managers], longest: 4h }
";
    let mut world = World::under(policy);
    world.configure("changegate.pusher", "env:WHO");
    world.environment.push(("WHO".into(), "kim@example.com".into()));
    let reason = "the payment queue is stuck, and orders are lost with every minute";
    let open = ["breakglass", "open", "--reason", reason, "--incident", "INC-2060"];
    world.changegate("work", &open).accepted();
    world.write("a.txt", "1");
    let landed = world.commit(&good("Unstick the queue"));
    world.push(&["main"]).accepted();
    world.changegate("server.git", &["show", "--ref", "main", "INC-2060"]).accepted().says(&landed);
    // The page of the change leads back to it.
    let page = world.changegate("server.git", &["show", "--ref", "main", &landed]);
    page.accepted().says("break glass").says("INC-2060").says("changegate breakglass list --all");
    world.changegate("server.git", &["breakglass", "list", "--all"]).accepted().says("INC-2060");
}

/// What brought the first policy was no change that anybody waited for.
#[test]
fn the_commit_that_brings_the_first_policy_has_no_lead_time() {
    let world = World::new();
    let first = world.git(&["rev-list", "--max-parents=0", "HEAD"]);
    let at = world.git(&["show", "-s", "--format=%cI", &first]);
    let given = world.path("deployments.csv");
    fs::write(&given, format!("commit,environment,at\n{first},production,{at}\n")).unwrap();
    let given = given.to_str().unwrap();
    let (_, out) = world.audit_with_code("work", &["--deployments", given, "--as-of", "2099-12-31"]);
    assert_eq!(find_figure(&out, "deployments")["value"], 1.0);
    assert_eq!(find_figure(&out, "deployment_lead_time")["value"], Value::Null);
    world.write("a.txt", "1");
    let second = world.commit(&good("Change the file"));
    let at = world.git(&["show", "-s", "--format=%cI", &second]);
    fs::write(given, format!("commit,environment,at\n{second},production,{at}\n")).unwrap();
    let (_, out) = world.audit_with_code("work", &["--deployments", given, "--as-of", "2099-12-31"]);
    assert_eq!(find_figure(&out, "deployment_lead_time")["denominator"], 1);
}

/// A rule that only warned let the change in, as it was to.
#[test]
fn a_rule_that_only_warned_is_no_rule_that_was_broken() {
    let policy = "changegate: 1\nname: test\nextends: [startup]\nprotects: [main]\nrules:\n  peer-review: { level: warn, until: \
                  2999-12-31, reason: introduced step by step }\n";
    let world = World::under(policy);
    world.write("src/a.rs", "1\n");
    world.commit(&bad("Unreviewed"));
    world.push(&["main"]).accepted();
    let out = world.path("audit");
    world.changegate("server.git", &["audit", "--ref", "main", "--out", out.to_str().unwrap()]);
    let rows = read_lines(&out, "exceptions.jsonl");
    let warned: Vec<_> = rows.iter().filter(|row| row["rule"] == "peer-review").collect();
    assert_eq!(warned.len(), 1, "{rows:?}");
    assert_eq!((&warned[0]["kind"], &warned[0]["severity"]), (&"rule-warned".into(), &"low".into()));
    assert!(rows.iter().all(|row| row["kind"] != "rule-broken"), "{rows:?}");
}
