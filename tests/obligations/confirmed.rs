//! Sweeps that ask ticket systems: a server on this machine, and a file.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::past::{EMERGENCY, TICKET, ago, closes};
use crate::server::{Answer, Server, TOKEN};
use crate::world::{World, good};

/// A policy with these ticket systems.
fn policy(tickets: &str, more: &str) -> String {
    format!(
        "changegate: 1\nname: test\nextends: [startup]\nprotects: [main]\ntickets: {{ {tickets} }}\n{more}"
    )
}

fn issue(key: &str, created: jiff::Timestamp, text: &str) -> Value {
    json!({
        "id": "1",
        "key": key,
        "fields": {
            "created": created.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string(),
            "summary": text,
            "description": null,
            "issuetype": { "name": "Incident" },
            "status": { "name": "Open", "statusCategory": { "key": "new" } },
            "labels": [],
            "assignee": null,
            "project": { "key": "SEC" },
        },
    })
}

/// A Jira whose tickets a test can change; its search finds every one of them, and more.
struct Jira {
    server: Server,
    tickets: Arc<Mutex<Option<Vec<Value>>>>,
}

impl Jira {
    fn new() -> Jira {
        let tickets = Arc::new(Mutex::new(Some(Vec::new())));
        let known: Arc<Mutex<Option<Vec<Value>>>> = Arc::clone(&tickets);
        let server = Server::start(move |asked, _| {
            let path = asked.line.split([' ', '?']).nth(1).unwrap();
            let Some(tickets) = known.lock().unwrap().clone() else {
                return Answer::Json(401, json!({}));
            };
            if path == "/rest/api/3/search/jql" {
                let keys = tickets.iter().map(|ticket| ticket["key"].as_str().unwrap());
                let keys = keys.chain(["PAY-1", "../../etc/passwd", "SEC-99"]);
                let found: Vec<Value> = keys.map(|key| json!({ "key": key })).collect();
                return Answer::Json(200, json!({ "issues": found, "isLast": true }));
            }
            let key = path.strip_prefix("/rest/api/3/issue/").unwrap();
            match tickets.iter().find(|ticket| ticket["key"] == key) {
                Some(ticket) => Answer::Json(200, ticket.clone()),
                None => Answer::Json(404, json!({ "errorMessages": ["Issue does not exist"] })),
            }
        });
        Jira { server, tickets }
    }

    fn has(&self, tickets: &[Value]) {
        *self.tickets.lock().unwrap() = Some(tickets.to_vec());
    }

    /// From now on it accepts nobody.
    fn locks(&self) {
        *self.tickets.lock().unwrap() = None;
    }

    /// Returns a server of git whose policy names this Jira.
    fn world(&self, more: &str) -> World {
        let mut world = World::under(&policy(&format!("SEC: {{ jira: '{}' }}", self.server.url), more));
        world.environment = [
            ("JIRA_URL", self.server.url.as_str()),
            ("JIRA_TOKEN", TOKEN),
            ("JIRA_EMAIL", "gate@example.com"),
            ("NO_PROXY", "*"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        world
    }
}

fn owed(world: &World) -> Value {
    let output = world
        .command(crate::world::BINARY, "server.git")
        .args(["obligations", "--all", "--format", "json"])
        .output()
        .unwrap();
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let list = list["obligations"].as_array().unwrap().clone();
    list.into_iter().find(|one| one["rule"] == "emergency-ticket").unwrap()
}

fn code(world: &World, args: &[&str]) -> (Option<i32>, String) {
    let output = world.command(crate::world::BINARY, "server.git").args(args).output().unwrap();
    let seen = String::from_utf8([output.stderr, output.stdout].concat()).unwrap();
    assert!(!seen.contains(TOKEN), "{seen}");
    (output.status.code(), seen)
}

#[test]
fn a_ticket_that_is_named_counts_once_its_system_confirms_it() {
    let jira = Jira::new();
    let world = jira.world("");
    let change = world.commit(EMERGENCY);
    world.land_at(ago(30));
    let by = world.commit(&closes(&change, TICKET));
    // Nothing is asked while somebody pushes, and a claim closes nothing.
    let stays = format!("emergency-ticket of {} stays open: ", &change[..10]);
    world
        .push(&["main"])
        .accepted()
        .says(&format!("{stays}the ticket system has not confirmed the ticket yet"));
    assert_eq!(owed(&world)["standing"], "overdue");
    assert!(jira.server.asked().is_empty());
    let (status, seen) = code(&world, &["sweep"]);
    assert_eq!(status, Some(1), "{seen}");
    assert!(seen.contains(&format!("{stays}there is no ticket `SEC-78`")), "{seen}");
    // It was made in time, whenever somebody asks.
    jira.has(&[issue("SEC-78", ago(20), "What was bypassed")]);
    let (status, seen) = code(&world, &["sweep"]);
    assert_eq!(status, Some(0), "{seen}");
    let is_closed = format!("emergency-ticket of {} is closed, by the ticket SEC-78 (Jira at", &change[..10]);
    assert!(seen.contains(&is_closed), "{seen}");
    let closed = owed(&world);
    assert_eq!((&closed["standing"], &closed["closed"]["by"]), (&json!("closed"), &json!(by)));
    assert_eq!(closed["closed"]["ticket"]["key"], "SEC-78");
    assert_eq!(closed["closed"]["ticket"]["url"], format!("{}/browse/SEC-78", jira.server.url));
    let record = world.records().pop().unwrap();
    assert_eq!(record["event"]["evidence"]["kind"], "ticket");
    let number = record["number"].to_string();
    world.changegate("server.git", &["ledger", "show", &number]).accepted().says("SEC-78").says(&by);
    // What is closed is not asked about again.
    let asked = jira.server.asked().len();
    assert_eq!(code(&world, &["sweep"]).0, Some(0));
    assert_eq!(jira.server.asked().len(), asked);
    world.is_whole();
}

#[test]
fn a_ticket_that_was_made_late_closes_late() {
    let jira = Jira::new();
    let world = jira.world("");
    let change = world.commit(EMERGENCY);
    world.land_at(ago(30));
    world.commit(&closes(&change, TICKET));
    world.push(&["main"]).accepted();
    jira.has(&[issue("SEC-78", ago(5), "x")]);
    let (status, seen) = code(&world, &["sweep"]);
    assert_eq!(status, Some(0), "{seen}");
    assert!(seen.contains("is closed, late, by the ticket SEC-78"), "{seen}");
    let late = owed(&world);
    assert_eq!(late["standing"], "closed-late");
    // It landed 30 hours ago, had 24, and the ticket was made 5 hours ago.
    let seconds = late["late-by"].as_u64().unwrap();
    assert!((3600 - 60..=3600 + 60).contains(&seconds), "{seconds}");
    // What turns up afterwards takes nothing back.
    jira.has(&[issue("SEC-77", ago(29), &change), issue("SEC-78", ago(5), "x")]);
    assert_eq!(code(&world, &["sweep"]).0, Some(0));
    assert_eq!(owed(&world)["standing"], "closed-late");
    world.is_whole();
}

#[test]
fn a_ticket_that_names_the_change_is_found() {
    let jira = Jira::new();
    let world = jira.world("");
    let change = world.commit(EMERGENCY);
    world.land_at(ago(12));
    jira.has(&[
        issue("SEC-80", ago(10), &format!("Bypass: https://git.example.com/shop/commit/{change}")),
        issue("SEC-81", ago(2), "something else"),
    ]);
    let (status, seen) = code(&world, &["sweep"]);
    assert_eq!(status, Some(0), "{seen}");
    assert!(seen.contains("is closed, by the ticket SEC-80"), "{seen}");
    assert_eq!(owed(&world)["closed"]["by"], Value::Null);
    // Of all that somebody wrote, digits alone were sent.
    let lines: Vec<String> = jira.server.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(
        lines[0],
        format!(
            "GET /rest/api/3/search/jql?jql=project%20in%20(%22SEC%22)%20AND%20text%20~%20%22\
             {change}%22%20ORDER%20BY%20created%20ASC&fields=created&maxResults=20 HTTP/1.1"
        )
    );
    assert!(lines[1..].iter().all(|line| line.starts_with("GET /rest/api/3/issue/SEC-")), "{lines:?}");
    world.is_whole();
}

#[test]
fn silence_closes_nothing_and_ends_with_another_code() {
    let jira = Jira::new();
    let mut world = jira.world("");
    let change = world.commit(EMERGENCY);
    world.land_at(ago(12));
    world.commit(&closes(&change, TICKET));
    world.push(&["main"]).accepted();
    jira.locks();
    let stays =
        format!("emergency-ticket of {} stays open; the ticket system cannot be asked: ", &change[..10]);
    let (status, seen) = code(&world, &["sweep"]);
    assert_eq!(status, Some(3), "{seen}");
    assert!(seen.contains(&stays) && seen.contains("does not accept the token"), "{seen}");
    // Nobody is there.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let before = world.environment.clone();
    world
        .environment
        .iter_mut()
        .filter(|one| one.0 == "JIRA_URL")
        .for_each(|one| one.1 = format!("http://{gone}"));
    let (status, seen) = code(&world, &["sweep"]);
    assert_eq!(status, Some(3), "{seen}");
    assert!(seen.contains("the token for Jira is for"), "{seen}");
    world.environment.clear();
    let (status, seen) = code(&world, &["sweep"]);
    assert_eq!(status, Some(3), "{seen}");
    assert!(seen.contains("no token for Jira is set"), "{seen}");
    assert_eq!(owed(&world)["standing"], "due-soon");
    world.environment = before;
    jira.has(&[issue("SEC-78", ago(1), "x")]);
    assert_eq!(code(&world, &["sweep"]).0, Some(0));
    world.is_whole();
}

#[test]
fn a_system_that_cannot_be_reached_closes_nothing() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{gone}");
    let mut world = World::under(&policy(&format!("SEC: {{ jira: '{url}' }}"), ""));
    let set = [
        ("JIRA_URL", url.as_str()),
        ("JIRA_TOKEN", TOKEN),
        ("JIRA_EMAIL", "a@example.com"),
        ("NO_PROXY", "*"),
    ];
    world.environment = set.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    world.commit(EMERGENCY);
    world.land_at(ago(12));
    let (status, seen) = code(&world, &["sweep"]);
    assert_eq!(status, Some(3), "{seen}");
    assert!(seen.contains("cannot be asked") && seen.contains("cannot be reached"), "{seen}");
    assert_eq!(owed(&world)["standing"], "due-soon");
}

#[test]
fn what_is_overdue_counts_more_than_who_is_silent() {
    let jira = Jira::new();
    let world = jira.world("");
    world.commit(EMERGENCY);
    world.land_at(ago(30));
    jira.locks();
    assert_eq!(code(&world, &["sweep"]).0, Some(1));
}

#[test]
fn an_older_ticket_has_to_be_about_the_incident_that_was_stated() {
    let jira = Jira::new();
    let world = jira.world("");
    let change = world.commit(EMERGENCY);
    world.land_at(ago(12));
    world.commit(&closes(&change, TICKET));
    world.push(&["main"]).accepted();
    jira.has(&[issue("SEC-78", ago(72), "INC-12 is something else")]);
    let (status, seen) = code(&world, &["sweep"]);
    assert_eq!(status, Some(0), "{seen}");
    assert!(seen.contains("the ticket `SEC-78` is about something else"), "{seen}");
    assert_eq!(owed(&world)["standing"], "due-soon");
    jira.has(&[issue("SEC-78", ago(72), "INC-1 began"), issue("SEC-77", ago(20), "made later")]);
    let (_, seen) = code(&world, &["sweep"]);
    assert!(seen.contains("cannot be trusted: SEC-77"), "{seen}");
    assert_eq!(owed(&world)["standing"], "due-soon");
    jira.has(&[issue("SEC-78", ago(72), "INC-1 began")]);
    assert_eq!(code(&world, &["sweep"]).0, Some(0));
    assert_eq!(owed(&world)["standing"], "closed");
}

#[test]
fn an_export_tells_as_well() {
    let world = World::under(&policy("'*': export", ""));
    let change = world.commit(EMERGENCY);
    world.land_at(ago(12));
    let row = |text: &str| format!("key,created,title\nCHG0012345,{},{text}\n", ago(10));
    std::fs::write(world.path("tickets.csv"), row("no word of it")).unwrap();
    let sweep = ["sweep", "--export", "../tickets.csv"];
    assert_eq!(code(&world, &sweep).0, Some(0));
    assert_eq!(owed(&world)["standing"], "due-soon");
    assert_eq!(code(&world, &["sweep"]).0, Some(3));
    // A ticket of a form that the policy does not accept is none.
    std::fs::write(world.path("tickets.csv"), row(&change)).unwrap();
    let (status, seen) = code(&world, &sweep);
    assert_eq!(status, Some(0), "{seen}");
    assert_eq!(owed(&world)["standing"], "due-soon");
    let text = row(&change).replace("CHG0012345", "SEC-5");
    std::fs::write(world.path("tickets.csv"), text).unwrap();
    let (_, seen) = code(&world, &sweep);
    assert!(seen.contains("is closed, by the ticket SEC-5 (tickets.csv (sha256:"), "{seen}");
    assert_eq!(owed(&world)["standing"], "closed");
    world.is_whole();
}

#[test]
fn a_key_that_somebody_types_opens_no_ref_that_is_blocked() {
    let jira = Jira::new();
    let mut world = jira.world("obligations: { block-on-overdue: true }\n");
    let change = world.commit(EMERGENCY);
    world.land_at(ago(30));
    let after = world.head();
    world.commit(&closes(&change, TICKET));
    world
        .push(&["main"])
        .refused("nothing-overdue")
        .says("a ticket counts once the ticket system confirms it");
    world.git(&["reset", "-q", "--hard", &after]);
    jira.has(&[issue("SEC-80", ago(20), &change)]);
    assert_eq!(code(&world, &["sweep"]).0, Some(0));
    world.commit_as_ben(&good("One").replace("Ben <ben", "Kim <kim"));
    world.push(&["main"]).accepted();
}
