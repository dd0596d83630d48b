//! The forge's list of merged pull requests, held against the history of a branch.

use std::fs;

use serde_json::{Value, json};

use crate::fleet::Fleet;

/// Returns the steps of the branch, oldest first.
fn list_steps(fleet: &Fleet) -> Vec<String> {
    let mut command = fleet.command("git");
    command.args(["--git-dir", "shop.git", "rev-list", "--reverse", "main"]);
    let output = command.output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Audits June and returns the lines of the completeness sheet that speak of pull requests, as what, expected, found
/// and agrees.
fn compare(fleet: &Fleet, list: &Value, code: i32) -> Vec<[String; 4]> {
    fs::write(fleet.path("pulls.json"), list.to_string()).unwrap();
    let args = ["--repo", "shop.git", "--ref", "main", "--pack", "core", "--merged-pulls", "pulls.json"];
    let period = ["--from", "2026-01-01", "--to", "2026-02-28", "--out", "out"];
    fleet.audit(&[&args[..], &period].concat(), code);
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(fleet.path("out/audit.json")).unwrap()).unwrap();
    assert!(manifest["inputs"]["merged-pulls"].as_str().unwrap().starts_with("sha256:"), "{manifest}");
    let mut found = Vec::new();
    for row in manifest["completeness"].as_array().unwrap() {
        let text = |key: &str| match &row[key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if text("what").contains("pull request") || text("what").contains("merge") {
            let what = text("what").replace("shop refs/heads/main: ", "");
            found.push([what, text("expected"), text("found"), text("agrees")]);
        }
    }
    fs::remove_dir_all(fleet.path("out")).unwrap();
    found
}

fn pull(number: u64, commit: &str, base: &str, merged_at: &str) -> Value {
    json!({ "number": number, "mergeCommit": { "oid": commit }, "baseRefName": base, "mergedAt": merged_at })
}

const COMPARED: &str =
    "pull requests of the period by the forge, and those of them that are steps of the history";

#[test]
fn what_the_forge_merged_is_found_in_the_history_or_named() {
    // Four changes in January and February, and three later ones.
    let fleet = Fleet::of_one(7);
    let steps = list_steps(&fleet);
    let elsewhere = "0123456789abcdef0123456789abcdef01234567";
    let mut list = vec![
        pull(1, &steps[0], "main", "2026-01-01T10:00:00Z"),
        pull(2, &steps[2], "main", "2026-01-11T10:00:00Z"),
        // Merged after the period, and into another branch.
        pull(8, &steps[3], "main", "2026-03-12T10:00:00Z"),
        pull(9, elsewhere, "release", "2026-01-12T10:00:00Z"),
    ];
    let told = compare(&fleet, &json!(list), 0);
    assert_eq!(told[0], [COMPARED, "2", "2", "true"]);
    assert_eq!(told[1][2], "2026-01-01T10:00:00Z to 2026-03-12T10:00:00Z");
    let direct = &told[2];
    assert_eq!(direct[0], "changes that no pull request of the list became");
    // The step of #8 is dated after the period and stands between steps of it.
    let changes_of_period = direct[2].parse::<usize>().unwrap() + 3;
    // A pull request that is nowhere in the branch is a hole.
    list.push(pull(7, elsewhere, "main", "2026-01-13T10:00:00Z"));
    let told = compare(&fleet, &json!(list), 3);
    assert_eq!(told[0], [COMPARED, "3", "2", "false"]);
    assert_eq!(told[1][2], "#7 (0123456789)");
    // A list of none, or of another branch only, is nothing to compare with.
    for list in [json!([]), json!([pull(9, &steps[0], "master", "2026-01-12T10:00:00Z")])] {
        let told = compare(&fleet, &list, 0);
        assert_eq!(told[0], [COMPARED, "0", "0", "null"]);
        assert_eq!(told.last().unwrap()[2], changes_of_period.to_string());
    }
}

#[test]
fn a_list_that_cannot_be_read_ends_the_audit_before_it_writes_anything() {
    let fleet = Fleet::of_one(2);
    for (list, told) in [
        (json!([{ "number": 1, "state": "MERGED" }]), "entry 1 has no `mergedAt`"),
        (json!([{ "number": 1, "mergedAt": "2026-01-01T10:00:00Z" }]), "entry 1 has no `mergeCommit`"),
    ] {
        fs::write(fleet.path("pulls.json"), list.to_string()).unwrap();
        let args = ["--repo", "shop.git", "--pack", "core", "--merged-pulls", "pulls.json", "--out", "out"];
        let err = fleet.audit(&args, 3);
        assert!(err.contains(told), "{err}");
        assert!(!fleet.path("out").exists());
    }
}
