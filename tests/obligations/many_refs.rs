//! Many refs that come past the hook at once: what recording them costs, and who brought what.

use std::fmt::Write as _;

use crate::break_glass::server;
use crate::world::{World, good};

/// The policy that names no team to regularise unauthorised changes, and what names one.
const NO_TEAM: &str = "\
changegate: 1
name: test
extends: [startup]
protects: [main, 'release/*']
people: { teams: { leads: [kim@example.com] } }
obligations: { block-on-overdue: true, suspend-shortcut: true }
";
const NAMED: &str = "suspend-shortcut: true, regularise: { from: [leads], within: 24h } }
reasons: { obligations: the leads answer for what came past the hook }";

impl World {
    /// Writes a commit for each of so many branches, each by another author, and brings all of them to the
    /// server past the hook.
    fn bring_branches(&self, count: usize) {
        let base = self.main();
        let mut stream = String::new();
        for number in 1..=count {
            let who = format!("Dev <dev{number}@example.com> {} +0000", 1_700_000_000 + number);
            write!(stream, "commit refs/heads/release/{number}\nauthor {who}\ncommitter {who}\n").unwrap();
            write!(stream, "data 2\nx\nfrom {base}\n\n").unwrap();
        }
        self.git_fed("work", &["fast-import", "--quiet"], stream.as_bytes());
        self.fetch_branches();
    }

    fn fetch_branches(&self) {
        self.git_in("server.git", &["fetch", "-q", "../work", "+refs/heads/release/*:refs/heads/release/*"]);
    }

    /// Returns how many objects the server has, and how many bytes they hold.
    fn count_objects(&self) -> (usize, usize) {
        let asked = ["cat-file", "--batch-all-objects", "--batch-check=%(objectsize)"];
        let told = self.git_in("server.git", &asked);
        (told.lines().count(), told.lines().map(|size| size.parse::<usize>().unwrap()).sum())
    }
}

/// Returns the objects and the bytes that the ledger of a server takes for each of so many branches.
fn measure_branches(count: usize) -> (usize, usize) {
    let world = server();
    world.reconcile();
    world.bring_branches(count);
    let before = world.count_objects();
    world.reconcile();
    let after = world.count_objects();
    let records = world.records();
    let of_kind = |kind: &str| records.iter().filter(|one| one["event"]["kind"] == kind).count();
    assert_eq!(of_kind("unauthorised"), count);
    assert_eq!(of_kind("regularisation-terms"), count);
    // Each branch has the contributors to its own commit.
    for terms in records.iter().filter(|one| one["event"]["kind"] == "regularisation-terms") {
        let name = terms["event"]["regularised-on"].as_str().unwrap();
        let author = format!("dev{}@example.com", name.rsplit('/').next().unwrap());
        assert_eq!(terms["event"]["contributors"].as_array().unwrap().len(), 1, "{terms}");
        assert!(terms["event"]["contributors"].to_string().contains(&author), "{terms}");
        assert_eq!(terms["event"]["contributors-known"], true);
    }
    let told = world.verify();
    told.refused("moved without a decision").does_not_say("tampered");
    assert_eq!(told.seen.matches("moved without a decision").count(), count);
    ((after.0 - before.0) / count, (after.1 - before.1) / count)
}

#[test]
fn each_of_many_refs_costs_what_one_of_few_costs() {
    let (few_objects, few_bytes) = measure_branches(40);
    let (many_objects, many_bytes) = measure_branches(240);
    assert!(many_objects <= few_objects, "{few_objects} objects for each of few, {many_objects} of many");
    assert!(many_bytes * 4 < few_bytes * 5, "{few_bytes} bytes for each of few, {many_bytes} of many");
}

#[test]
fn two_refs_that_bring_the_same_commit_do_not_hide_its_contributors_from_each_other() {
    let mut world = World::under(NO_TEAM);
    world.configure("changegate.pusher", "env:WHO");
    world.reconcile();
    world.bring_branches(1);
    world.git(&["branch", "release/2", "release/1"]);
    world.fetch_branches();
    world.reconcile();
    assert_eq!(world.kinds(), ["begin", "unauthorised", "unauthorised"]);
    // The policy names a team only now, when the ledger has both refs.
    world.write("policies/changegate.yml", &NO_TEAM.replace("suspend-shortcut: true }", NAMED));
    world.is("ana@example.com").commit(&good("Say who regularises"));
    world.push(&["main"]).accepted();
    world.reconcile();
    let records = world.records();
    let terms: Vec<_> = records.iter().filter(|one| one["event"]["kind"] == "regularisation-terms").collect();
    assert_eq!(terms.len(), 2);
    assert_eq!(terms[0]["event"]["record-number"], 2);
    assert!(terms[0]["event"]["contributors"].to_string().contains("dev1@example.com"), "{}", terms[0]);
    // The second ref brought nothing that was not there already.
    assert_eq!(terms[1]["event"]["contributors"].as_array().unwrap().len(), 0);
}
