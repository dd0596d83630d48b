//! What `deploy-check` says of what is about to be deployed.

use crate::past::{EMERGENCY, ago};
use crate::world::{World, good};

#[test]
fn what_was_decided_and_landed_may_be_deployed() {
    let world = World::new();
    let first = world.head();
    world.commit(&good("One"));
    world.commit(&good("Two"));
    world.push(&["main"]).accepted();
    let second = world.commit(&good("Three"));
    world.push(&["main"]).accepted();
    let check = |range: &str| world.changegate("server.git", &["deploy-check", range]);
    check(&format!("{first}..{second}"))
        .accepted()
        .says("3 changes on refs/heads/main: 3 decided and landed");
    // In a clone that mirrors the ledger, too.
    world.git(&["fetch", "-q", "origin", "refs/changegate/ledger:refs/changegate/ledger"]);
    let range = format!("{first}..HEAD");
    world.changegate("work", &["deploy-check", &range, "--ref", "main"]).accepted();
    world.changegate("work", &["deploy-check", &range, "--ref", "other"]).refused("0 decided");
    // What is not pushed has no decision.
    world.commit(&good("Four"));
    world.changegate("work", &["deploy-check", &range]).refused("no landing in the ledger brought it");
    for wrong in ["", "HEAD", "..HEAD", "HEAD..", "HEAD...HEAD", "nothing..HEAD"] {
        assert!(!world.changegate("work", &["deploy-check", wrong]).ok, "{wrong}");
    }
}

#[test]
fn what_nobody_decided_is_named_and_so_is_what_is_overdue() {
    let world = World::new();
    let first = world.head();
    let bypass = world.commit(&good("One"));
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    let range = format!("{first}..main");
    let check = || world.changegate("server.git", &["deploy-check", &range]);
    check().refused(&format!("{bypass}: no landing"));
    world.reconcile();
    check().refused(&format!("{bypass}: it landed without a decision"));
    let range = format!("{bypass}..main");
    let check = || world.changegate("server.git", &["deploy-check", &range]);
    let change = world.commit(EMERGENCY);
    world.land_at(ago(25));
    check().refused(&format!("{change}: owes `Emergency-Ticket`")).says("1 decided and landed; overdue: 1");
}

const RECORDED: &str = "\
changegate: 1
name: test
extends: [startup]
protects: [main]
people:
  teams: { developers: [ana@example.com] }
  bots: [deployer]
acts:
  deployed: { bots: [deployer] }
";

/// A deployment that passed its check is recorded by those whom the policy names, and an audit counts it without a file.
#[test]
fn a_deployment_is_recorded_and_an_audit_counts_it() {
    let mut world = World::under(RECORDED);
    world.configure("changegate.pusher", "env:WHO");
    world.is("ana@example.com");
    let start = world.head();
    let land = |world: &World, text: &str| {
        world.write("code", text);
        let id = world.commit(&good("Change the code"));
        world.push(&["main"]).accepted();
        world.git(&["fetch", "-q", "origin", "+refs/changegate/ledger:refs/changegate/ledger"]);
        id
    };
    let first = land(&world, "1");
    let check = |world: &World, range: &str, more: &[&str]| {
        world.changegate("work", &[&["deploy-check", range, "--ref", "main"], more].concat())
    };
    let production = ["--record", "production"];
    check(&world, &format!("{start}..{first}"), &production)
        .refused("`deployed`")
        .says("and the pusher is none");
    world.is("deployer");
    check(&world, &format!("{start}..{first}"), &production)
        .accepted()
        .says("recorded deployed of")
        .says(" as ");
    world.is("ana@example.com");
    let second = land(&world, "2");
    world.is("deployer");
    let failed = ["--record", "production", "--result", "failed"];
    check(&world, &format!("{first}..{second}"), &failed).accepted();
    // On the server itself, where there is no remote.
    let range = format!("{first}..{second}");
    let here = ["deploy-check", &range, "--ref", "main", "--record", "staging", "--remote", "."];
    world.changegate("server.git", &here).accepted();
    // What the check does not let through is not recorded, and neither is a result without an environment.
    let unpushed = world.commit(&good("Not pushed"));
    let range = format!("{second}..{unpushed}");
    check(&world, &range, &production).refused("is not recorded, because the check did not pass");
    assert!(!check(&world, &format!("{first}..{second}"), &["--result", "failed"]).ok);
    check(&world, &format!("{first}..{second}"), &["--record", "a\u{7}b"]).refused("control characters");
    check(&world, &format!("{first}..{second}"), &["--record", &"e".repeat(101)])
        .refused("longer than 100 bytes");

    let log = world.changegate("server.git", &["ledger", "log"]);
    log.accepted()
        .says("was deployed to production")
        .says("was not deployed to production")
        .says("to staging");
    world
        .changegate("server.git", &["ledger", "trace", &first])
        .accepted()
        .says("was deployed to production");
    world.changegate("server.git", &["ledger", "verify"]).accepted();
    let row = world.audited_change(&first);
    assert_eq!((&row["deployed_env"], &row["deployed_by"]), (&"production".into(), &"deployer".into()));
    assert_eq!(row["other_deployments"], serde_json::Value::Null);
    let row = world.audited_change(&second);
    assert!(row["deployed_at"].is_null(), "that one failed, and staging is not production");
    assert!(row["other_deployments"].as_str().unwrap().starts_with("staging 2"), "{row}");
    let figures = world.audit_rows("key-figures");
    let figure = |key: &str| figures.iter().find(|one| one["key"] == key).unwrap().clone();
    assert_eq!(figure("deployments")["value"], 2.0);
    assert!(figure("deployments")["note"].as_str().unwrap().starts_with("as the ledger says; of production"));
    let failed = figure("failed_deployments");
    assert_eq!((&failed["numerator"], &failed["denominator"]), (&1.into(), &2.into()));
    let page = world.changegate("server.git", &["show", "--ref", "main", &first]);
    page.accepted().says("deployed").says("production");
    let out = world.path("pack");
    world
        .changegate("server.git", &["evidence", "--ref", "main", &first, "--out", out.to_str().unwrap()])
        .accepted();
    world.changegate("", &["evidence", "verify", out.to_str().unwrap()]).accepted();
}

/// What ran before is recorded as well: the changes in between count as deployed, and none before them.
#[test]
fn a_record_says_what_ran_before_and_one_deployment_counts_once() {
    let mut world = World::under(RECORDED);
    world.configure("changegate.pusher", "env:WHO");
    world.is("ana@example.com");
    let land = |text: &str| {
        world.write("code", text);
        let id = world.commit(&good("Change the code"));
        world.push(&["main"]).accepted();
        id
    };
    let ids: Vec<String> = ["1", "2", "3", "4"].iter().map(|text| land(text)).collect();
    world.git(&["fetch", "-q", "origin", "+refs/changegate/ledger:refs/changegate/ledger"]);
    world.is("deployer");
    let record = |range: &str| {
        let words = ["deploy-check", range, "--ref", "main", "--record", "production"];
        world.changegate("work", &words).accepted();
    };
    record(&format!("{}..{}", ids[0], ids[2]));
    // A job that runs again records the same deployment.
    record(&format!("{}..{}", ids[0], ids[2]));
    let log = world.changegate("server.git", &["ledger", "log"]);
    assert_eq!(log.accepted().seen.matches("was deployed to production").count(), 2);
    let record = world.records().into_iter().rfind(|one| one["event"]["kind"] == "act").unwrap();
    assert_eq!(record["event"]["act"]["says"]["deployment"]["before"], ids[0].as_str(), "{record}");
    let rows = world.audit_rows("changes");
    let deployed: Vec<bool> = ids
        .iter()
        .map(|id| rows.iter().find(|row| row["merge_sha"] == id.as_str()).unwrap()["deployed_at"].is_string())
        .collect();
    assert_eq!(deployed, [false, true, true, false], "nothing tells when the first was deployed");
    let figures = world.audit_rows("key-figures");
    let figure = |key: &str| figures.iter().find(|one| one["key"] == key).unwrap().clone();
    assert_eq!(figure("deployments")["value"], 1.0);
    assert_eq!(figure("failed_deployments")["denominator"], 1);
    assert_eq!(figure("deployment_lead_time")["denominator"], 2);
    world
        .changegate("server.git", &["show", "--ref", "main", &ids[2]])
        .accepted()
        .says("in place")
        .says(&ids[0][..10]);
    world.changegate("server.git", &["ledger", "verify"]).accepted();
    // It went back, and forward again: that is another deployment, and the changes keep their first one.
    world
        .changegate(
            "server.git",
            &[
                "deploy-check",
                &format!("{}..{}", ids[2], ids[0]),
                "--ref",
                "main",
                "--record",
                "production",
                "--remote",
                ".",
            ],
        )
        .accepted();
    world
        .changegate(
            "server.git",
            &[
                "deploy-check",
                &format!("{}..{}", ids[0], ids[3]),
                "--ref",
                "main",
                "--record",
                "production",
                "--remote",
                ".",
            ],
        )
        .accepted();
    let figures = world.audit_rows("key-figures");
    assert_eq!(figures.iter().find(|one| one["key"] == "deployments").unwrap()["value"], 3.0);
}

/// A server of another version refuses what this one writes; who deploys learns that and what to do.
#[test]
fn a_server_that_does_not_know_the_form_is_to_be_upgraded() {
    let mut world = World::under(RECORDED);
    world.configure("changegate.pusher", "env:WHO");
    world.is("ana@example.com");
    let start = world.head();
    world.write("code", "1");
    let first = world.commit(&good("Change the code"));
    world.push(&["main"]).accepted();
    world.git(&["fetch", "-q", "origin", "+refs/changegate/ledger:refs/changegate/ledger"]);
    world.is("deployer");
    // What a gate says of a line that it does not know.
    let newer = format!(
        "Record a deployment of {first}\n\nAct: deployed\nChange: {first}\nRef: refs/heads/main\n\
         Environment: production\nLater: line\nResult: succeeded\n"
    );
    let id = world.git(&["commit-tree", "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "-m", &newer]);
    let spec = format!("{}:refs/changegate/acts/0123456789ab", id.trim());
    let told = world.push(&[&spec]).refused("`deploy-check").seen.clone();
    let words: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("remote: ")).collect();
    std::fs::write(world.path("words"), words.join("\n")).unwrap();
    let hook = world.path("server.git/hooks/pre-receive");
    std::fs::write(&hook, format!("#!/bin/sh\ncat '{}' >&2\nexit 1\n", world.path("words").display()))
        .unwrap();
    let range = format!("{start}..{first}");
    let record = ["deploy-check", &range, "--ref", "main", "--record", "production"];
    world
        .changegate("work", &record)
        .refused("the server runs another version of changegate")
        .says("upgrade the older of the two");
    // Another refusal says nothing of versions.
    std::fs::write(&hook, "#!/bin/sh\necho no >&2\nexit 1\n").unwrap();
    let told = world.changegate("work", &record).refused("declined").seen.clone();
    assert!(!told.contains("upgrade"), "{told}");
}
