//! A clone that lacks a part of the history: what that leaves open is told as not known, and never as a fault.

use crate::simulated_year::{Year, at, normal};
use crate::unjudged::list_kind;

const ANA: &str = "ana@example.com";

/// A change past the gate that touches no policy, and several after it.
fn play() -> Year {
    let mut year = Year::start();
    year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    year.commit(at("01-11T10:00"), ANA, Some("b.txt"), "Past the gate\n");
    year.bypass(at("01-11T11:00"));
    for day in 12..17 {
        year.land(at(&format!("01-{day}T10:00")), ANA, Some(&format!("{day}")), &normal("More", ""));
    }
    year
}

#[test]
fn whether_a_policy_was_decided_is_not_known_where_the_history_is_cut() {
    let year = play();
    let url = format!("file://{}", year.world.path("server.git").display());
    year.world.git_in("", &["clone", "-q", "--depth", "3", &url, "cut"]);
    let fetch = ["fetch", "-q", "origin", "refs/changegate/ledger:refs/changegate/ledger"];
    year.world.git_in("cut", &fetch);
    let told = year.world.changegate("cut", &["ledger", "verify"]);
    told.does_not_say("undecided-policy").says("is not known").says("--unshallow");
    let told = year.world.changegate("cut", &["show", "HEAD"]);
    told.accepted().does_not_say("WITHOUT A DECISION").says("is not known, since the history is cut");
    let told = year.world.changegate("cut", &["deploy-check", "HEAD~1..HEAD", "--ref", "main"]);
    told.refused("is not known, since the history is cut").does_not_say("policy that came without");
    let told = year.world.changegate("cut", &["ledger", "trace", "HEAD"]);
    told.refused("it is not known here").does_not_say("by a policy WITHOUT A DECISION");
    let (_, out) = year.world.audit_with_code("cut", &["--as-of", "2026-12-31"]);
    assert_eq!(list_kind(&out, "undecided-policy"), [] as [serde_json::Value; 0]);
    let unreadable = list_kind(&out, "unreadable");
    let is_told = |one: &&serde_json::Value| one["what_happened"].as_str().unwrap().contains("--unshallow");
    assert_eq!(unreadable.iter().filter(is_told).count(), 3, "{unreadable:#?}");
    // All of it is here, and nothing was wrong with the policy.
    year.world.git_in("cut", &["fetch", "-q", "--unshallow"]);
    year.world
        .changegate("cut", &["ledger", "verify"])
        .does_not_say("is not known")
        .does_not_say("undecided");
    year.world.changegate("cut", &["show", "HEAD"]).accepted().says("a decision allowed it");
}
