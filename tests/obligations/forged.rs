//! Ledgers in which the end of a session, or the person who regularised a change, was rewritten.

use serde_json::{Value, json};

use crate::break_glass::server;
use crate::forger::chain_anew;
use crate::world::{Pushed, World, good};

impl World {
    /// Rewrites the last record of a kind, makes the chain anew, and verifies it.
    fn rewritten(&self, kind: &str, change: impl FnOnce(&mut Value)) -> Pushed {
        let tip = self.at(crate::ledger_reader::LEDGER).unwrap();
        let mut links = self.links();
        let place = links.iter().rposition(|link| link.record()["event"].get(kind).is_some()).unwrap();
        links[place].edit(|record| change(&mut record["event"][kind]));
        chain_anew(&mut links, place);
        self.forge(&links);
        let verified = self.changegate("server.git", &["ledger", "verify"]);
        self.git_in("server.git", &["update-ref", crate::ledger_reader::LEDGER, &tip]);
        verified
    }
}

#[test]
fn what_is_changed_about_a_session_is_found() {
    let mut world = server();
    world.is("kim@example.com").opens();
    let later = json!("2030-01-01T00:00:00Z");
    let not_so = "its break-glass session is not as it was decided";
    world.rewritten("break-glass", |event| event["opened"]["until"] = later.clone()).refused(not_so);
    world.rewritten("break-glass", |event| event["opened"]["incident"] = json!("INC-2")).refused(not_so);
    world.rewritten("break-glass", |event| event["opened"]["by"]["account"] = json!("ben")).refused(not_so);
    world
        .rewritten("break-glass", |event| event["opened"]["by"]["decision"] = json!("0".repeat(32)))
        .refused("no decision allows this break-glass session");
    let on_server = |event: &mut Value| {
        event["opened"]["by"]["decision"] = Value::Null;
        event["opened"]["until"] = later.clone();
    };
    world.rewritten("break-glass", on_server).refused("cannot be opened like that");
    let id = world.records().pop().unwrap()["event"]["opened"]["session"].as_str().unwrap().to_owned();
    world.changegate("work", &["breakglass", "close", &id]).accepted();
    world.rewritten("break-glass", |event| event["closed"]["late-by"] = json!(7)).refused(not_so);
    let other = |event: &mut Value| event["closed"]["session"] = json!("0123456789ab");
    world.rewritten("break-glass", other).refused(not_so);
    let on_server = |event: &mut Value| {
        event["closed"]["by"]["decision"] = Value::Null;
        event["closed"]["late-by"] = json!(7);
    };
    world.rewritten("break-glass", on_server).refused("was not open, or is not closed like that");
    world.is_whole();
}

#[test]
fn a_regularisation_that_did_not_happen_is_not_believed() {
    let mut world = server();
    let bypassed = world.commit("Past the hook\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "+main:main"]);
    let why = "Emergency-Reason: the hook was off while the disk was replaced, and it could not wait\n";
    world
        .is("kim@example.com")
        .commit(&format!("{}For-Change: {bypassed}\n{why}Incident: INC-1\n", good("Regularise")));
    world.push(&["main"]).accepted().says("is regularised");
    world.verify().accepted().says("regularised record 2");
    let nobody = "no landed change regularises this unauthorised change";
    world
        .rewritten("decision", |decided| {
            decided["refs"][0]["closings"][0].as_object_mut().unwrap().remove("late-statement");
        })
        .refused(nobody);
    world
        .rewritten("discharged", |one| one["evidence"]["id"] = json!("1".repeat(40)))
        .refused(nobody)
        .says("unauthorised record 2");
    world
        .rewritten("regularisation-terms", |one| {
            one["contributors"] = json!([{ "key": null, "name": "", "account": null }])
        })
        .refused("the state beside it does not follow from the records");
    world
        .rewritten("regularisation-terms", |one| one["due"] = json!("2001-01-01T00:00:00Z"))
        .refused("it gives terms for an unauthorised change that is not open");
    world.is_whole();
}
