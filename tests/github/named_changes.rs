//! A pull request that only closes something for an earlier change: the change has to be one of its branch, as GitHub
//! compares the two.

use serde_json::json;

use crate::fake::{Fake, How, World};
use crate::judged::{denied, judge, pull};
use crate::scene::plain;

/// Makes pull request 6 one without files that speaks for a change.
fn speak_for(world: &mut World, named: &str) {
    let main = world.branches["main"].clone();
    let message = format!("Name the ticket\n\nFor-Change: {named}\nEmergency-Ticket: SEC-78\n");
    let empty = world.commit(&[&main], "ana", &message, &[]);
    let pull = world.pull(6);
    (pull.commits, pull.head_id, pull.files) = (vec![empty.clone()], empty.clone(), None);
    pull.body = Some(format!("The ticket.\n\nFor-Change: {named}\nEmergency-Ticket: SEC-78\n"));
    world.branches.insert("search".into(), empty);
}

#[test]
fn only_a_change_that_the_branch_holds_makes_a_record() {
    let list_denied = |named: &str| {
        let fake = Fake::start(plain());
        fake.world(|world| speak_for(world, named));
        denied(&fake, &pull(None))
    };
    let main = plain().branches["main"].clone();
    assert_eq!([list_denied(&main), list_denied(&main[..12])], ["", ""]);
    let aside = plain().pull(6).head_id.clone();
    for made_up in ["0123456789ab", &"0".repeat(40), &aside, "ledger:5"] {
        let rules = list_denied(made_up);
        assert!(rules.contains("change-type") && rules.contains("risk"), "{made_up}: {rules}");
    }
}

/// Where GitHub fails, nothing is let through.
#[test]
fn a_comparison_that_fails_makes_no_record() {
    let fake = Fake::start(plain());
    let main = fake.world(|world| world.branches["main"].clone());
    fake.world(|world| speak_for(world, &main));
    fake.spoil("/compare/", How::Status(500, Vec::new(), json!({ "message": "no" })));
    assert!(judge(&fake, &pull(None)).is_err());
}
