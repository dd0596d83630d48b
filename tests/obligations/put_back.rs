//! A bypass that a push has met, and that was put back before the ledger was reconciled.

use crate::break_glass::server;
use crate::world::{MAIN, World, bad, good};

const WHY: &str =
    "Emergency-Reason: the hook was off while the disk was replaced, and the fix could not wait\n";

impl World {
    /// Moves main on the server to a new commit, past the hook; the clone stays where it is.
    fn slip_commit(&self, subject: &str) -> String {
        let id = self.commit_tree(&["HEAD"], subject);
        self.git(&["update-ref", "refs/heads/slipped", &id]);
        self.git_in("server.git", &["fetch", "-q", "../work", "+slipped:main"]);
        id
    }

    /// Returns the moves that came without a decision, in their order.
    fn unauthorised_moves(&self) -> Vec<(String, String)> {
        let mut moves = Vec::new();
        for record in self.records() {
            let event = &record["event"];
            if event["kind"] == "unauthorised" {
                let id = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
                moves.push((id("old"), id("new")));
            }
        }
        moves
    }
}

fn pair(old: &str, new: &str) -> (String, String) {
    (old.to_owned(), new.to_owned())
}

#[test]
fn a_bypass_that_a_denied_push_met_is_recorded_when_it_is_back() {
    let mut world = server();
    world.commit(&good("One"));
    world.is("ana@example.com").push(&["main"]).accepted();
    let decided = world.main();
    let bypassed = world.slip_commit("Past the hook\n");
    world.commit(&bad("Unreviewed"));
    world.push(&["+main"]).refused("ref-rewritten");
    world.push(&["+main"]).refused("ref-rewritten");
    world.git_in("server.git", &["update-ref", MAIN, &decided]);
    world.reconcile().refused("moved without a decision");
    let both = [pair(&decided, &bypassed), pair(&bypassed, &decided)];
    assert_eq!(world.unauthorised_moves(), both);
    world.verify().refused("unauthorised record");
    let named = format!("{} on main: unauthorised-change", &bypassed[..12]);
    world.changegate("server.git", &["obligations"]).says(&named);
    // It is said once.
    world.reconcile().accepted();
    assert_eq!(world.unauthorised_moves(), both);
    // As for any other, a member of the team answers for it.
    let mut message = good("Regularise what came past the hook");
    for record in world.records() {
        if record["event"]["kind"] == "unauthorised" {
            message += &format!("For-Change: ledger:{}\n", record["number"]);
        }
    }
    world.git(&["reset", "-q", "--hard", &decided]);
    world.commit(&format!("{message}Incident: INC-1\n{WHY}"));
    world.is("kim@example.com").push(&["main"]).accepted().says("is regularised");
    world.verify().accepted();
}

/// A denied push that met what the ledger knows, after another one that met a bypass, tells that it was put back.
#[test]
fn a_put_back_that_a_denied_push_met_is_recorded_where_another_bypass_follows() {
    let mut world = server();
    world.is("ana@example.com");
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    let decided = world.main();
    let bypassed = world.slip_commit("Past the hook\n");
    world.commit(&bad("Unreviewed"));
    world.push(&["+main"]).refused("ref-rewritten");
    world.git_in("server.git", &["update-ref", MAIN, &decided]);
    world.git(&["reset", "-q", "--hard", &decided]);
    // The order of decisions is that of their seconds.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    world.commit(&bad("Unreviewed as well"));
    world.push(&["main"]).refused("peer-review");
    world.git(&["reset", "-q", "--hard", &decided]);
    let again = world.slip_commit("Past the hook again\n");
    world.reconcile().refused("moved without a decision");
    let moves = [pair(&decided, &bypassed), pair(&bypassed, &decided), pair(&decided, &again)];
    assert_eq!(world.unauthorised_moves(), moves);
    world.reconcile();
    assert_eq!(world.unauthorised_moves(), moves);
}

#[test]
fn what_landed_after_it_was_put_back_goes_on_from_there() {
    let mut world = server();
    world.is("ana@example.com");
    let decided = world.main();
    let hook = world.path("server.git/hooks/post-receive");
    let reports = std::fs::read(&hook).unwrap();
    std::fs::remove_file(&hook).unwrap();
    let bypassed = world.slip_commit("Past the hook\n");
    let landed = world.commit(&good("Reviewed"));
    world.push(&["+main"]).refused("ref-rewritten");
    world.git_in("server.git", &["update-ref", MAIN, &decided]);
    world.push(&["main"]).accepted();
    std::fs::write(&hook, reports).unwrap();
    world.reconcile();
    assert_eq!(world.unauthorised_moves(), [pair(&decided, &bypassed), pair(&bypassed, &decided)]);
    assert_eq!(world.main(), landed);
    world.verify().refused("unauthorised record").does_not_say("mismatch");
}

#[test]
fn an_allowed_push_that_did_not_land_tells_of_it_as_well() {
    let mut world = server();
    world.is("ana@example.com");
    let decided = world.main();
    let bypassed = world.slip_commit("Past the hook\n");
    world.git(&["reset", "-q", "--hard", &bypassed]);
    world.commit(&good("On top of it"));
    let lock = world.path("server.git/refs/heads/main.lock");
    std::fs::write(&lock, "").unwrap();
    world.push(&["main"]).refused("");
    std::fs::remove_file(&lock).unwrap();
    world.git_in("server.git", &["update-ref", MAIN, &decided]);
    world.reconcile();
    assert_eq!(world.unauthorised_moves(), [pair(&decided, &bypassed), pair(&bypassed, &decided)]);
}

#[test]
fn a_ref_that_was_gone_and_came_back_is_told() {
    let mut world = server();
    world.is("ana@example.com").push(&["main:release/1"]).accepted();
    let held = world.at("refs/heads/release/1").unwrap();
    world.git_in("server.git", &["update-ref", "-d", "refs/heads/release/1"]);
    world.commit(&bad("Unreviewed"));
    world.push(&["main:release/1"]).refused("peer-review");
    world.git_in("server.git", &["update-ref", "refs/heads/release/1", &held]);
    world.reconcile().refused("moved without a decision");
    assert_eq!(world.unauthorised_moves(), [pair(&held, ""), pair("", &held)]);
}

#[test]
fn denials_that_nothing_came_before_accuse_no_one() {
    let mut world = server();
    world.is("ana@example.com");
    let first = world.main();
    let hook = world.path("server.git/hooks/post-receive");
    let reports = std::fs::read(&hook).unwrap();
    std::fs::remove_file(&hook).unwrap();
    for number in 0..3 {
        world.commit(&bad(&format!("Unreviewed {number}")));
        world.push(&["main"]).refused("peer-review");
        world.git(&["reset", "-q", "--hard", "HEAD~1"]);
        world.commit(&good(&format!("Reviewed {number}")));
        world.push(&["main"]).accepted();
        // What a client claims of the past is no observation.
        let zero = crate::world::ZERO;
        world.push_raw(&[(&first, zero, "refs/heads/release/7")], &[]);
        world.push_raw(&[(&first, &world.head(), "refs/heads/release/8")], &[]);
    }
    std::fs::write(&hook, reports).unwrap();
    world.commit(&bad("Unreviewed at last"));
    world.push(&["main"]).refused("peer-review");
    world.reconcile().accepted();
    world.reconcile().accepted();
    assert_eq!(world.unauthorised_moves(), []);
    world.verify().accepted();
}
