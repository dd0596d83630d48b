//! What a verdict rests on is kept beside its record: who counted, who did not and why.

use changegate::ledger::record::canonical::is_canonical;
use changegate::ledger::record::digest_bytes;
use serde_json::Value;

use crate::forger::{Link, chain_anew};
use crate::json_schema::holds;
use crate::world::{World, bad, good};

fn reasons_of(link: &Link) -> Vec<Value> {
    let schema: Value = serde_json::from_str(include_str!("../../docs/reasons-v1.schema.json")).unwrap();
    let mut read = Vec::new();
    for line in link.files["reasons.jsonl"].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        assert!(is_canonical(line));
        let value: Value = serde_json::from_slice(line).unwrap();
        holds(&schema, &schema, &value).unwrap_or_else(|why| panic!("{why}\n{value:#}"));
        read.push(value);
    }
    read
}

/// Returns who an approval is by, and what it was worth to the rule about reviews.
fn weighed(reasons: &Value) -> Vec<(String, bool, Option<String>)> {
    let mut weighed = Vec::new();
    for approval in reasons["approvals"].as_array().unwrap() {
        for used in approval["uses"].as_array().unwrap().iter().filter(|used| used["rule"] == "peer-review") {
            let why = used["why-not"]["code"].as_str().map(str::to_owned);
            weighed.push((
                approval["by"].as_str().unwrap().to_owned(),
                used["counts"].as_bool().unwrap(),
                why,
            ));
        }
    }
    weighed
}

#[test]
fn who_counted_as_approver_is_kept_with_the_decision() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    let own = "Two\n\nChange-Type: normal\nRisk: low\nReviewed-by: Ana <ana@example.com>\n";
    let revision = world.commit(own);
    world.push(&["main"]).refused("peer-review");
    world.reconcile().accepted();
    world.is_whole();
    let links = world.links();
    let allowed = reasons_of(&links[1]);
    assert_eq!(allowed.len(), 1);
    let one = &allowed[0];
    assert_eq!(weighed(one), [("Ben <ben@example.com>".to_owned(), true, None)]);
    assert_eq!((&one["decision"], &one["subject"]), (&"allow".into(), &"One".into()));
    let approval = &one["approvals"][0];
    assert_eq!((&approval["source"], &approval["trust"]), (&"trailer".into(), &"claimed".into()));
    assert_eq!(approval["given-at"], Value::Null, "nobody vouches for the time of a trailer");
    assert_eq!(approval["revision"], one["revision"]);
    let risk = one["fields"].as_array().unwrap().iter().find(|field| field["field"] == "Risk").unwrap();
    assert_eq!((&risk["value"], &risk["word"]), (&"low".into(), &"low".into()));
    let rule = |reasons: &Value| {
        let rules = reasons["rules"].as_array().unwrap();
        rules.iter().find(|rule| rule["rule"] == "peer-review").unwrap()["outcome"].clone()
    };
    assert_eq!(rule(one), "pass");
    let denied = &reasons_of(&links[3])[0];
    assert_eq!(denied["revision"], revision.as_str());
    assert_eq!(denied["decision"], "deny");
    assert_eq!(rule(denied), "fail");
    let contributor = Some("approvals.by-contributor".to_owned());
    assert_eq!(weighed(denied), [("Ana <ana@example.com>".to_owned(), false, contributor)]);
    let roles: Vec<_> =
        denied["contributors"].as_array().unwrap().iter().map(|one| &one["role"]["code"]).collect();
    assert!(roles.contains(&&"role.author".into()), "{roles:?}");
}

#[test]
fn reasons_that_were_changed_taken_or_added_are_found() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    world.commit(&bad("Two"));
    world.push(&["main"]).refused("peer-review");
    world.reconcile().accepted();
    let whole = world.links();
    let verify = |edit: &dyn Fn(&mut Vec<Link>)| {
        let mut links = whole.clone();
        edit(&mut links);
        world.forge(&links);
        world.verify()
    };
    world.forget();
    verify(&|links| links[1].replace("reasons.jsonl", "ben@example.com", "eve@example.com"))
        .refused("is not what was kept beside it");
    verify(&|links| drop(links[1].files.remove("reasons.jsonl")))
        .refused("what its verdicts rest on is gone");
    verify(&|links| {
        let copy = links[1].files["reasons.jsonl"].clone();
        links[2].files.insert("reasons.jsonl".into(), copy);
    })
    .refused("a file that no record has");
    // Whoever makes the record fit is found by judging again.
    let mut links = whole.clone();
    links[1].replace("reasons.jsonl", "ben@example.com", "eve@example.com");
    let digest = digest_bytes(&links[1].files["reasons.jsonl"]);
    links[1].edit(|record| record["event"]["decision"]["reasons"]["digest"] = digest.into());
    chain_anew(&mut links, 1);
    world.forge(&links);
    world
        .changegate("server.git", &["ledger", "replay", "2"])
        .refused("rests on something else")
        .does_not_say("judged otherwise");
}

#[test]
fn reasons_of_another_digest_tell_no_reader_who_approved() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    let traced = &["ledger", "trace", "main", "--format", "json"];
    world.changegate("server.git", traced).accepted().says("ben@example.com");
    let mut links = world.links();
    links[1].replace("reasons.jsonl", "ben@example.com", "eve@example.com");
    world.forge(&links);
    let out = world.path("out");
    let out = out.to_str().unwrap();
    // What the record does not name is no verdict, and that is a hole in the report.
    world.changegate("server.git", &["audit", "--out", out]).refused("Changes that nothing judged");
    let exceptions = std::fs::read_to_string(format!("{out}/exceptions.jsonl")).unwrap();
    assert!(exceptions.contains("is missing, or another one than it names"), "{exceptions}");
    let changes = std::fs::read_to_string(format!("{out}/changes.jsonl")).unwrap();
    let last: Value = serde_json::from_str(changes.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["approvers"], &last["gate_result"]),
        (&Value::Null, &"not-evaluated".into()),
        "{last:#}"
    );
    for args in [
        &["ledger", "trace", "main", "--format", "json"][..],
        &["show", "main", "--format", "json"],
        &["audit", "--out", out],
    ] {
        world.changegate("server.git", args).does_not_say("eve@example.com");
    }
    assert!(!changes.contains("eve@example.com"));
}

#[test]
fn a_record_of_before_reasons_were_kept_is_read_and_judged_again() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    let mut links = world.links();
    links[1].files.remove("reasons.jsonl");
    links[1].edit(|record| drop(record["event"]["decision"].as_object_mut().unwrap().remove("reasons")));
    chain_anew(&mut links, 1);
    world.forge(&links);
    world.forget();
    world.verify().accepted();
    world.changegate("server.git", &["ledger", "replay", "2"]).accepted().says("with the same outcome");
}

/// An approval by a delegate counts for the member who is away, and each page that people read says so.
#[test]
fn for_whom_a_delegate_approved_is_said_where_people_read_it() {
    let rule = "rules:\n  members: { require: { approvals: { from: [security], trust: claimed } } }\n\
                people: { roster: who/people.yml, teams: { security: [kim@example.com] } }\n";
    let world = World::with(None, "sha1");
    world.write("policies/changegate.yml", &format!("{}{rule}", crate::world::POLICY));
    world.write(
        "who/people.yml",
        "people:\n  ana: { addresses: [ana@example.com] }\n  ben: { addresses: [ben@example.com] }\n  \
         kim: { addresses: [kim@example.com], delegate: { to: ben, for: security, until: 2999-12-31 } }\n",
    );
    world.commit(&good("Begin"));
    world.bring("+main:main");
    world.write("a", "1");
    world.commit(&good("Reviewed by a delegate"));
    world.push(&["main"]).accepted();
    let traced = world.changegate("server.git", &["ledger", "trace", "main"]);
    traced.accepted().says("counts for members, acting for kim").does_not_say("peer-review, acting for");
    world.changegate("server.git", &["show", "main"]).says("counts for members, acting for `kim`");
    let out = world.path("out");
    world.changegate("server.git", &["audit", "--out", out.to_str().unwrap()]);
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("members (for kim)"), "the page does not say for whom the delegate approved");
}
