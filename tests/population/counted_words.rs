//! Where a change states a field with different words, the log has the one that counted.

use crate::audited::read_lines;
use crate::simulated_year::{Year, at};
use changegate::verdict::Decision;

const ANA: &str = "ana@example.com";

fn message(subject: &str, kind: &str, risk: &str) -> String {
    let reason =
        "Emergency-Reason: cards are charged twice and each minute costs customers money\nIncident: INC-1\n";
    let more = if kind == "emergency" { reason } else { "" };
    format!(
        "{subject}\n\nChange-Type: {kind}\nRisk: {risk}\n{more}Back-out-Plan: revert it and deploy again\n\
         Reviewed-by: Ben <ben@example.com>\n"
    )
}

/// Lands a merge of low risk that brings a commit of this type and risk, and returns the row of its step.
fn land_merge(unit: &str, merged: (&str, &str), merge: (&str, &str)) -> serde_json::Value {
    let policy = format!("changegate: 1\nname: shop\nextends: [startup]\nprotects: [main]\nunit: {unit}\n");
    let mut year = Year::under(&policy);
    let start = year.land(at("01-10T10:00"), ANA, Some("a.txt"), &message("Begin", "normal", "low"));
    year.world.git(&["checkout", "-q", "--detach"]);
    let topic = year.commit(at("01-11T10:00"), ANA, Some("t.txt"), &message("Work", merged.0, merged.1));
    year.world.git(&["checkout", "-q", "--detach", &start]);
    year.world.git(&["merge", "-q", "--no-ff", "--no-commit", &topic]);
    let id = year.commit(at("01-11T12:00"), ANA, None, &message("Merge it", merge.0, merge.1));
    assert_eq!(year.push(at("01-11T12:00"), ANA), Decision::Allow);
    let (_, out) = year.world.audit_with_code("server.git", &["--as-of", "2026-12-31"]);
    year.world.changegate("server.git", &["show", &id]).accepted();
    let pack = year.world.path("pack");
    let args = ["evidence", "--ref", "main", &id, "--out", pack.to_str().unwrap()];
    year.world.changegate("server.git", &args).accepted();
    year.world.changegate("", &["evidence", "verify", pack.to_str().unwrap()]).accepted();
    read_lines(&out, "changes.jsonl").into_iter().find(|row| row["merge_sha"] == id.as_str()).unwrap()
}

#[test]
fn the_risk_of_a_log_is_the_one_that_counted() {
    for unit in ["step", "commit"] {
        let row = land_merge(unit, ("normal", "critical"), ("normal", "low"));
        assert_eq!(row["risk_declared"], "critical", "{unit}: {row:#}");
    }
}

#[test]
fn a_step_that_was_judged_as_normal_is_no_emergency() {
    let row = land_merge("step", ("normal", "low"), ("emergency", "low"));
    assert_eq!((&row["change_type"], &row["change_class"]), (&"normal".into(), &"normal".into()), "{row:#}");
    assert_eq!(row["emergency_t0"], serde_json::Value::Null);
}
