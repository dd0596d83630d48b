//! Policies of other repositories, read through GitHub's API; and repositories that have none.

use serde_json::Value;

use crate::check_runs::{concluded, only_gate, set_policy};
use crate::fake::{Fake, World};
use crate::published::{action, action_with, code, event, value};
use crate::scene::{POLICY, plain};

/// A rule that pull request 6 breaks.
const SHARED_RULE: &str = "rules:\n  small: { require: { size: { files: { at-most: 0 } } } }\n";

/// A world whose repository is known as `acme/policies` as well, with a base on the branch `baseline`.
fn shared(rule: &str) -> (World, String) {
    let mut world = plain();
    let main = world.branches["main"].clone();
    let base = format!("changegate: 1\nname: shared\nextends: [core, more.yml]\nprotects: [main]\n{rule}");
    let files = [("rules/base.yml", base.as_str()), ("rules/more.yml", "changegate: 1\nname: more\n")];
    let commit = world.commit(&[&main], "kim", "Publish a base\n", &files);
    world.branches.insert("baseline".into(), commit.clone());
    world.aliases.push("acme/policies".into());
    (world, commit)
}

fn extending(revision: &str, more: &str) -> String {
    format!("changegate: 1\nname: shop\nextends: ['acme/policies//rules/base.yml@{revision}']\n{more}")
}

fn judged(world: World) -> (i32, Value, String) {
    let fake = Fake::start(world);
    let (output, outputs, _) = action(&fake, "pull_request_target", &event(&fake), &["--check-run", "gate"]);
    let json = serde_json::from_str(&value(&outputs, "json")).unwrap_or_default();
    (code(&output), json, String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_pull_request_is_judged_by_the_base_of_another_repository() {
    for is_pinned in [false, true] {
        for (rule, expected) in [("", 0), (SHARED_RULE, 1)] {
            let (mut world, commit) = shared(rule);
            let revision = if is_pinned { commit.as_str() } else { "baseline" };
            set_policy(&mut world, &extending(revision, ""));
            let (ended, json, said) = judged(world);
            assert_eq!(ended, expected, "{said}");
            let source = json["policy"]["source"].as_str().unwrap().to_owned();
            assert!(source.contains(&format!("with acme/policies//rules/base.yml@{revision}")), "{source}");
            assert!(source.contains(&commit) && source.contains("rules/more.yml@"), "{source}");
        }
    }
}

#[test]
fn a_base_that_cannot_be_had_or_is_weakened_denies_with_its_place() {
    for (policy, told) in [
        (extending("elsewhere", ""), "acme/policies has no branch or tag `elsewhere`"),
        (
            extending(&"0".repeat(39).replace('0', "1").chars().chain(['2']).collect::<String>(), ""),
            "has no commit",
        ),
        (
            extending("baseline", "").replace("acme/policies", "acme/secret"),
            "or does not show it to this token",
        ),
        (extending("baseline", "").replace("acme/policies", "acme/a/b"), "is no repository on GitHub"),
        (extending("baseline", "").replace("base.yml", "other.yml"), "has no file `rules/other.yml`"),
        (
            extending("baseline", "rules:\n  small: { level: off, reason: too small }\n"),
            "which can only be tightened here",
        ),
    ] {
        let (mut world, _) = shared(SHARED_RULE);
        set_policy(&mut world, &policy);
        let (ended, _, said) = judged(world);
        let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(ended, 1, "{policy}: {said}");
        assert!(flat.contains("policy-valid") && flat.contains(told), "no {told:?} in {said}");
    }
}

/// A world without a policy on the default branch.
fn bare() -> World {
    let mut world = plain();
    let main = world.branches["main"].clone();
    let commit = world.commit(&[&main], "kim", "Remove the policy\n", &[("policies/changegate.yml", "")]);
    world.branches.insert("main".into(), commit);
    world
}

#[test]
fn without_a_policy_it_fails_is_judged_by_a_pack_or_is_skipped() {
    for (how, expected, verdict, conclusion) in [
        (None, 1, "deny", "failure"),
        (Some("fail"), 1, "deny", "failure"),
        (Some("pack:core"), 0, "allow", "success"),
        (Some("skip"), 0, "none", "success"),
    ] {
        let fake = Fake::start(bare());
        let how = how.map(|how| format!("--missing-policy={how}"));
        let mut more = vec!["--check-run", "gate"];
        more.extend(how.as_deref());
        let (output, outputs, summary) = action(&fake, "pull_request_target", &event(&fake), &more);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(
            (code(&output), value(&outputs, "verdict").as_str()),
            (expected, verdict),
            "{how:?}: {said}"
        );
        assert_eq!(only_gate(&fake), concluded(conclusion), "{how:?}");
        assert_eq!(summary.contains("so it was not judged"), verdict == "none", "{summary}");
    }
    let fake = Fake::start(bare());
    for wrong in ["--missing-policy=pack:nothing", "--missing-policy=allow"] {
        let (output, ..) = action(&fake, "pull_request_target", &event(&fake), &[wrong]);
        assert_eq!(code(&output), 2, "{wrong}");
    }
    let proposed = [("GITHUB_WORKFLOW_REF", "acme/shop/.github/workflows/gate.yml@refs/pull/6/merge")];
    let (output, ..) =
        action_with(&fake, "pull_request", &event(&fake), &["--missing-policy=skip"], &proposed);
    assert_eq!(code(&output), 2);
    // Where there is a policy, it counts.
    let mut world = plain();
    set_policy(&mut world, &format!("{POLICY}{SHARED_RULE}"));
    let fake = Fake::start(world);
    let (output, ..) = action(&fake, "pull_request_target", &event(&fake), &["--missing-policy=skip"]);
    assert_eq!(code(&output), 1);
}

/// A record of the ledger, as far as it is read here.
fn record(decision: &str, source: &str) -> String {
    let refs = serde_json::json!([{ "name": "refs/heads/main", "protected": true }]);
    let decided = serde_json::json!({ "decision": decision, "policy": { "source": source }, "refs": refs });
    serde_json::json!({ "event": { "decision": decided } }).to_string()
}

/// The ledger tells at which commit the base stood when something landed last; what it asks since then is told.
#[test]
fn a_base_that_moved_is_told_in_the_summary() {
    let told = |records: &[String]| {
        let (mut world, strict) = shared(SHARED_RULE);
        let base = "changegate: 1\nname: shared\nextends: [core, more.yml]\nprotects: [main]\n";
        let loose = world.commit(&[&strict], "kim", "Ask for less\n", &[("rules/base.yml", base)]);
        world.branches.insert("baseline".into(), loose.clone());
        set_policy(&mut world, &extending("baseline", ""));
        let mut tip: Option<String> = None;
        for text in records {
            let text = text.replace("STRICT", &strict).replace("LOOSE", &loose);
            let parents: Vec<&str> = tip.iter().map(String::as_str).collect();
            let next = world.commit(&parents, "kim", &format!("Record {text}\n"), &[("record.json", &text)]);
            world.branches.insert("refs/changegate/ledger".into(), next.clone());
            tip = Some(next);
        }
        let fake = Fake::start(world);
        let (output, _, summary) = action(&fake, "pull_request_target", &event(&fake), &[]);
        assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stdout));
        (summary.replace('`', ""), strict[..10].to_owned(), loose[..10].to_owned())
    };
    let named = |commit: &str| {
        let files =
            ["base.yml", "more.yml"].map(|name| format!("acme/policies//rules/{name}@baseline ({commit})"));
        format!("policies/changegate.yml at refs/heads/main (0123456789), with {}", files.join(", "))
    };
    let beat = r#"{ "event": { "heartbeat": {} } }"#.to_owned();
    let (summary, strict, loose) =
        told(&[record("allow", &named("STRICT")), record("deny", &named("LOOSE")), beat.clone()]);
    let moved = format!("acme/policies//rules/base.yml@baseline moved from {strict} to {loose}");
    assert!(summary.contains(&moved), "{summary}");
    assert!(summary.contains("looser since its shared policy moved: rule small: is gone"), "{summary}");
    // Nothing moved since the last decision, and without a ledger nothing is known.
    for records in [&[record("allow", &named("LOOSE"))][..], &[]] {
        let (summary, ..) = told(records);
        assert!(!summary.contains("moved from") && !summary.contains("cannot be told"), "{summary}");
    }
    // A search that stops says so.
    let (summary, ..) = told(&[vec![record("allow", &named("STRICT"))], vec![beat; 40]].concat());
    assert!(summary.contains("the search stopped after the newest 40 records"), "{summary}");
}
